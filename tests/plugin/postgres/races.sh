# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# races.sh: backups of a server that is written to, altered and killed in the meantime.
. "$(dirname "$0")/lib.sh"

setup() {
    sql postgres "CREATE DATABASE busy"
    sql busy "CREATE TABLE account_a (id int PRIMARY KEY, amount int)" \
        "CREATE TABLE account_b (id int PRIMARY KEY, amount int)" \
        "INSERT INTO account_a SELECT g, 1000 FROM generate_series(1, 200) g" \
        "INSERT INTO account_b SELECT g, 1000 FROM generate_series(1, 200) g" \
        "CREATE TABLE staged AS SELECT generate_series(1, 1000) AS a" \
        "CREATE TABLE small AS SELECT 1 AS a" \
        "CREATE TABLE big AS SELECT g, repeat('y', 1000) AS y FROM generate_series(1, 60000) g"
}

# A backup that is repeated while its result is HANGAR_RETRY, as in the core.
backup_with_retries() { # DIR OPTION...
    local dir=$1 tries got=2
    shift
    for ((tries = 0; tries < 30 && got == 2; tries++)); do
        rm -rf "$dir"
        got=0
        run backup "$dir" "$@" || got=$?
    done
    [ "$got" = 0 ] || fail "ended with $got after $tries attempts: $(grep "^rc" "$work/log")"
}

# Ends a background job and waits for it.
stop_job() {
    kill "$1" 2>/dev/null
    wait "$1" 2>/dev/null
    return 0
}

it_is_consistent_under_concurrent_writes() {
    local b writer i
    b=$(fresh)
    cat >"$work/transfer.sql" <<'SQL'
\set x random(1, 200)
\set y random(1, 200)
BEGIN;
UPDATE account_a SET amount = amount - 7 WHERE id = :x;
UPDATE account_b SET amount = amount + 7 WHERE id = :y;
COMMIT;
SQL
    PGDATABASE=busy "$(pg_bin pgbench)" -n -c 3 -R 300 -T 300 -f "$work/transfer.sql" >"$work/bench" 2>&1 &
    writer=$!
    for i in 1 2 ${HANGAR_LONG:+3 4 5}; do
        until_true moved $((70 * i))
        backup_with_retries "$b" database=busy object_size=64KiB jobs=3 exclude_table_data=big
        drop_database copy
        works run compare "$b" database=copy
        [ "$(sql copy 'SELECT (SELECT sum(amount) FROM account_a) + (SELECT sum(amount) FROM account_b)')" = \
            400000 ] || fail "the total amount changed"
    done
    kill -0 "$writer" || fail "the writers had ended: $(cat "$work/bench")"
    stop_job "$writer"
}

moved() { [ "$(sql busy 'SELECT 200000 - sum(amount) FROM account_a')" -ge "$1" ]; }

# Each attempt must either read all rows or ask for another attempt.
long_it_never_sees_a_truncated_table() {
    local b writer tries got good=0
    b=$(fresh)
    while :; do
        PGDATABASE=busy psql -X -q -c 'BEGIN' -c 'TRUNCATE staged' \
            -c 'INSERT INTO staged SELECT generate_series(1, 1000)' -c 'COMMIT' 2>/dev/null
        sleep 0.2
    done &
    writer=$!
    for ((tries = 0; tries < 60 && good < 5; tries++)); do
        rm -rf "$b"
        got=0
        run backup "$b" database=busy exclude_table_data=big || got=$?
        [ "$got" = 0 ] || [ "$got" = 2 ] || fail "ended with $got"
        [ "$got" = 2 ] && continue
        good=$((good + 1))
        grep -q '"table":"staged".*"rows":1000,' "$b/objects/busy/tables.jsonl" || fail "rows were lost"
    done
    stop_job "$writer"
    [ "$good" -gt 0 ] || fail "no backup in $tries attempts"
}

long_it_backs_up_while_tables_are_created_and_dropped() {
    local b writer i
    b=$(fresh)
    while :; do
        PGDATABASE=busy psql -X -q -c 'CREATE TABLE IF NOT EXISTS fleeting AS SELECT 1 AS a' \
            -c 'ALTER TABLE fleeting ADD COLUMN b int DEFAULT 3' -c 'DROP TABLE fleeting' 2>/dev/null
    done &
    writer=$!
    for i in 1 2 3 4 5 6; do
        backup_with_retries "$b" database=busy exclude_table_data=big
    done
    stop_job "$writer"
    drop_database copy
    works run compare "$b" database=copy
}

it_fails_when_a_waiting_session_would_block_it() {
    local b backup alter
    b=$(fresh)
    run --pause-object busy/data/0001.sql backup "$b" database=busy jobs=1 object_size=1MiB &
    backup=$!
    until_true test -e "$b/paused"
    sql busy "ALTER TABLE small ADD COLUMN b int" &
    alter=$!
    until_true lock_is_awaited
    touch "$b/go"
    expect 2 'rc 2: cannot .*: session [0-9]+ of user postgres \(ALTER TABLE\) waits for a lock' wait "$backup"
    works wait "$alter"
    no_sessions_left || fail "a session remains"
    sql busy "ALTER TABLE small DROP COLUMN b"
}

lock_is_awaited() {
    [ "$(sql busy "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'small'::regclass")" -gt 0 ]
}

it_names_the_session_that_locks_a_table() {
    local holder
    psql -X -q -d busy -c 'BEGIN' -c 'LOCK TABLE small' -c 'SELECT pg_sleep(600)' >/dev/null 2>&1 &
    holder=$!
    until_true table_is_locked
    expect 2 'cannot lock the tables of database busy: session [0-9]+ of user postgres \(SELECT PG\) holds an exclusive lock: canceling statement due to lock timeout' \
        run backup "$work/b2" database=busy lock_timeout=200ms
    rm -rf "$work/b2"
    expect 10 'rc 10: cannot .*cancelled' run --cancel-after 300 backup "$work/b3" database=busy \
        lock_timeout=10m
    no_sessions_left || fail "a session remains after cancel"
    end_session "$holder"
}

it_names_the_prepared_transaction_that_locks_a_table() {
    sql busy "BEGIN" "LOCK TABLE small" "PREPARE TRANSACTION 'left over'"
    expect 2 "cannot lock the tables of database busy: the prepared transaction 'left over' of user postgres, of .*, holds an exclusive lock until COMMIT PREPARED or ROLLBACK PREPARED: canceling" \
        run backup "$work/b2" database=busy lock_timeout=200ms
    rm -rf "$work/b2"
    sql busy "ROLLBACK PREPARED 'left over'"
}

# pg_dump reads the values of sequences by name and without a lock.
it_tries_again_when_a_sequence_is_dropped() {
    local b dropping backup
    b=$(fresh)
    sql busy "CREATE SEQUENCE fleeting_seq"
    psql -X -q -d busy -c 'BEGIN' -c 'DROP SEQUENCE fleeting_seq' \
        -c "\\! touch $work/dropped; until [ -e $work/drop ]; do sleep 0.1; done" -c 'COMMIT' &
    dropping=$!
    until_true test -e "$work/dropped"
    run backup "$b" database=busy exclude_table_data=big &
    backup=$!
    until_true sequence_is_awaited
    touch "$work/drop"
    works wait "$dropping"
    expect 2 'rc 2: cannot dump the schema of database busy: .*fleeting_seq.* does not exist' wait "$backup"
}

sequence_is_awaited() {
    [ "$(sql busy "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation IS NOT NULL")" -gt 0 ]
}

table_is_locked() {
    [ "$(sql busy "SELECT count(*) FROM pg_locks WHERE granted AND relation = 'small'::regclass
        AND mode = 'AccessExclusiveLock'")" -gt 0 ]
}

end_session() {
    sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'pg_sleep.600'
        AND pid <> pg_backend_pid()" >/dev/null
    stop_job "$1"
}

it_ends_at_once_when_cancelled_within_a_copy() {
    local b backup
    b=$(fresh)
    run --cancel-after 500 --pause-object busy/data/0001.sql backup "$b" database=busy object_size=1MiB &
    backup=$!
    until_true test -e "$b/paused"
    sleep 1
    touch "$b/go"
    expect 10 'cancelled' wait "$backup"
    until_true no_sessions_left
    pgrep -f "dumpall.*$work" && fail "a child remains"
    [ ! -e "$b/index.json" ] || fail "the backup looks complete"
}

it_drops_the_database_of_a_cancelled_restore() {
    local b=$work/whole
    drop_database copy
    works run backup "$b" database=busy object_size=1MiB
    expect 10 'rc 10:' run --step 100 --cancel-after 400 restore "$b" database=copy
    exists copy && fail "the database still exists"
    until_true no_sessions_left
}

long_it_reports_that_a_session_was_terminated() {
    local b backup
    b=$(fresh)
    run --pause-object busy/data/0001.sql backup "$b" database=busy jobs=1 object_size=1GiB &
    backup=$!
    until_true test -e "$b/paused"
    sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'hangar' AND query ~ 'COPY'" >/dev/null
    touch "$b/go"
    expect 8 'rc 8: cannot read table "public"."big" of database busy: (terminating connection|server closed)' wait "$backup"
    until_true no_sessions_left
}

# pg_dump has ended and its archive is stored in DIR; the first session waits, and another one is in
# a COPY.
only_rows_are_read() { # DIR
    [ -s "$1/objects/busy/schema.dump" ] &&
        [ "$(sql postgres "SELECT count(*) FILTER (WHERE state = 'active'), count(*) FILTER (WHERE state =
            'idle in transaction' AND state_change < clock_timestamp() - interval '300 ms'), count(*)
            FROM pg_stat_activity WHERE datname = 'busy' AND backend_type = 'client backend'")" = "1|1|2" ]
}

it_fails_when_the_server_is_killed_within_a_copy() {
    local b backup
    b=$(fresh)
    run --pause-object busy/data/0001.sql backup "$b" database=busy jobs=1 object_size=1GiB &
    backup=$!
    until_true test -e "$b/paused"
    until_true only_rows_are_read "$b"
    _pg_as_owner "$(pg_bin pg_ctl)" -D "$work/pg/data" -m immediate -w stop >/dev/null
    touch "$b/go"
    _pg_as_owner "$(pg_bin pg_ctl)" -D "$work/pg/data" -l "$work/pg/data/server.log" -w start >/dev/null
    expect 8 'rc 8: cannot read table "public"."big" of database busy: ' wait "$backup"
    [ ! -e "$b/index.json" ] || fail "the backup looks complete"
}

it_does_not_hang_on_a_silent_server() {
    local pid
    pid=$(head -1 "$work/pg/data/postmaster.pid")
    kill -STOP "$pid"
    run check "$work/none" database=busy connect_timeout=1s
    local got=$?
    kill -CONT "$pid"
    [ "$got" = 8 ] || fail "ended with $got"
    grep -q 'cannot connect to database busy on .*: no answer within 1 s' "$work/log" || fail "another message"
}

main
