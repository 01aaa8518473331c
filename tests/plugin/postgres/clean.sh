# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# clean.sh: a database that is in use is replaced as a whole or not at all.  Obstacles are
# reported; a restore that fails or dies leaves the database as it was; the next restore removes its
# leftovers; and no client ever sees a state between the old and the new database.
. "$(dirname "$0")/lib.sh"

# As in lib.sh, but the status is a pattern.
expect() {
    local want=$1 text=$2 got=0
    shift 2
    "$@" || got=$?
    [[ $got =~ ^$want$ ]] || fail "ended with $got, not $want: $*"
    grep -qE -e "$text" "$work/log" "$work/out" || fail "no such text: $text"
}

odd='Odd "name" of 63 bytes, with ümläuts; and -- more: 0123456789'

setup() {
    make_hard
    # a subscription would be an obstacle
    sql hard "ALTER SUBSCRIPTION sleeping SET (slot_name = NONE)" "DROP SUBSCRIPTION sleeping"
    works run backup "$work/hard" database=hard
    # the databases in use differ from the backups in rows, definitions and properties
    sql hard "DROP SCHEMA IF EXISTS extra CASCADE" "CREATE SCHEMA extra" \
        "CREATE TABLE extra.later AS SELECT generate_series(1, 1000) a"
    sql postgres "ALTER DATABASE hard SET work_mem = '9MB'" "ALTER DATABASE hard CONNECTION LIMIT 7" \
        "ALTER ROLE reader IN DATABASE hard SET statement_timeout = '3h'" \
        "COMMENT ON DATABASE hard IS 'in use'" "GRANT CREATE ON DATABASE hard TO reader" \
        "CREATE ROLE owner1 LOGIN CREATEDB" "CREATE DATABASE live OWNER owner1" \
        "CREATE ROLE other1 LOGIN"
    works run restore "$work/hard" database=copy
    sql live "CREATE TABLE t (a int PRIMARY KEY, b text)" \
        "INSERT INTO t SELECT g, repeat('x', g % 100) FROM generate_series(1, 20000) g" \
        "ALTER TABLE t OWNER TO owner1"
    works run backup "$work/live" database=live object_size=100000
    sql live "UPDATE t SET b = 'now' WHERE a % 2 = 0" "INSERT INTO t VALUES (0, 'new')"
}

# Prints all definitions, rows and properties of a database.
state_of() {
    _pg_dump_plain -C --schema-only -d "$1"
    _pg_rows_sorted "$1"
    sql postgres "SELECT d.datname, d.datconnlimit, d.datistemplate, d.datallowconn, d.datacl,
        shobj_description(oid, 'pg_database') FROM pg_database d WHERE datname = '$1'"
}

leftovers() { sql postgres "SELECT datname FROM pg_database WHERE datname LIKE 'hangar%' ORDER BY 1"; }

no_leftovers() { [ -z "$(leftovers)" ]; }
expect_no_leftovers() { no_leftovers || fail "leftovers: $(leftovers)"; }

keep_state() { state_of live >"$work/before"; }

as_it_was() {
    state_of live >"$work/after"
    diff "$work/before" "$work/after" >"$work/diff" || fail "it changed: $(head -5 "$work/diff")"
}

# Expects the rows of the backup in database live, and none that were added since.
as_in_backup() {
    [ "$(sql "${1:-live}" "SELECT count(*), count(*) FILTER (WHERE b = 'now' OR a = 0) FROM t")" = '20000|0' ] ||
        fail "it differs from the backup: $(sql "${1:-live}" 'SELECT count(*) FROM t')"
}

spoil() {
    sql live "UPDATE t SET b = 'now' WHERE a % 2 = 0" \
        "INSERT INTO t VALUES (0, 'new') ON CONFLICT DO NOTHING"
    keep_state
}

# Connects a client that stays until it is ended.
connect() {
    PGAPPNAME=the_app psql -X -q -d "${1:-live}" -U "${2:-postgres}" -c 'SELECT pg_sleep(600)' >/dev/null 2>&1 &
    until_true is_connected "${1:-live}"
}
is_connected() {
    [ "$(sql postgres "SELECT count(*) FROM pg_stat_activity WHERE datname = '$1' AND application_name = 'the_app'")" -gt 0 ]
}

it_replaces_a_database_with_all_its_properties() {
    expect 0 'load hard into a new database beside it with 2 sessions' run clean-plan "$work/hard" database=hard
    grep -q 'target_empty: 0' "$work/out" || fail "the target counts as empty"
    grep -q 'database hard: no sessions are connected' "$work/out" || fail "sessions are connected"
    works run clean "$work/hard" database=hard
    grep -q 'left_behind' "$work/log" && fail "a database is left behind"
    expect_no_leftovers
    pg_same copy hard "$work" >"$work/diff" || fail "it differs from the backup: $(head -5 "$work/diff")"
    state_of hard | tail -1 | grep -q "^hard|50|f|t|.*|hard 'one'$" || fail "properties: $(state_of hard | tail -1)"
    [ -n "${HANGAR_LONG:-}" ] || return 0
    # the same again, over the restored database
    works run clean "$work/hard" database=hard
    pg_same copy hard "$work" >"$work/diff" || fail "it differs after the second restore"
}

long_it_creates_a_missing_database() {
    drop_database fresh
    expect 0 'database fresh: does not exist' run clean-plan "$work/live" database=fresh
    grep -q 'target_empty: 1' "$work/out" || fail "the target does not count as empty"
    works run clean "$work/live" database=fresh
    as_in_backup fresh
    drop_database fresh
    sql postgres "CREATE DATABASE fresh"
    expect 0 'target_empty: 1' run clean-plan "$work/live" database=fresh
    works run clean "$work/live" database=fresh
    as_in_backup fresh
    expect_no_leftovers
    drop_database fresh
}

long_it_quotes_names() {
    local name
    for name in "$odd" '%s $1 ; DROP' "it's"; do
        sql postgres "CREATE DATABASE \"${name//\"/\"\"}\"" "COMMENT ON DATABASE \"${name//\"/\"\"}\" IS 'odd'"
        sql "$name" "CREATE TABLE other (a int)"
        works run clean "$work/live" "database=$name"
        as_in_backup "$name"
        expect_no_leftovers
        sql postgres "DROP DATABASE \"${name//\"/\"\"}\""
    done
}

it_refuses_while_sessions_are_connected() {
    spoil
    connect
    expect 6 'cannot replace database live on .*: 1 session is connected to it: postgres \(the_app\); hint: .*--disconnect' \
        run clean-plan "$work/live" database=live
    expect 6 '1 session is connected' run clean "$work/live" database=live
    is_connected live || fail "the session was ended"
    as_it_was
    expect_no_leftovers
    expect 0 'end the sessions in it: postgres \(the_app\)' run disconnect-plan "$work/live" database=live
    is_connected live || fail "a plan ended the session"
    works run disconnect "$work/live" database=live
    wait
    as_in_backup
    expect_no_leftovers
}

long_it_refuses_sessions_that_connect_while_it_loads() {
    spoil
    rm -f "$work/live/paused" "$work/live/go"
    run --pause-phase 2 clean "$work/live" database=live lock_timeout=500ms &
    local restore=$!
    until_true test -e "$work/live/paused"
    connect
    touch "$work/live/go"
    expect 6 '1 session is connected' wait $restore
    as_it_was
    expect_no_leftovers
    sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'the_app'" >/dev/null
}

long_it_names_sessions_that_it_may_not_end() {
    connect live postgres
    expect 4 'cannot replace database live: user owner1 may not end 1 of the sessions in it: postgres \(the_app\); hint: GRANT pg_signal_backend' \
        run disconnect "$work/live" database=live user=owner1
    is_connected live || fail "the session was ended"
    sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'the_app'" >/dev/null
    wait
    # it may end its own; being an owner with CREATEDB is enough
    spoil
    connect live owner1
    works run disconnect "$work/live" database=live user=owner1 globals=none
    as_in_backup
    expect_no_leftovers
}

it_refuses_obstacles() {
    spoil
    sql live "SELECT pg_create_logical_replication_slot('my_slot', 'pgoutput')" >/dev/null
    expect 6 "it has the replication slot my_slot; hint: .*pg_drop_replication_slot\\('my_slot'\\)" \
        run clean "$work/live" database=live
    sql live "SELECT pg_drop_replication_slot('my_slot')" >/dev/null
    sql live "CREATE SUBSCRIPTION my_sub CONNECTION 'dbname=none' PUBLICATION p WITH (connect = false)" 2>/dev/null
    expect 6 'it has the subscription my_sub; hint: first run DROP SUBSCRIPTION my_sub' \
        run disconnect "$work/live" database=live
    sql live "ALTER SUBSCRIPTION my_sub SET (slot_name = NONE)" "DROP SUBSCRIPTION my_sub"
    sql live "BEGIN; INSERT INTO t VALUES (-5, 'prepared'); PREPARE TRANSACTION 'it''s open'"
    expect 6 "it has the prepared transaction 'it''s open'; hint: first run COMMIT PREPARED or" \
        run disconnect "$work/live" database=live
    sql live "ROLLBACK PREPARED 'it''s open'"
    expect 4 'user other1 may not create databases; hint: .*CREATEDB' run clean "$work/live" database=live user=other1
    sql postgres "ALTER ROLE other1 CREATEDB"
    expect 4 'cannot replace database live .*: user other1 does not own it; hint: connect as owner1' \
        run clean "$work/live" database=live user=other1
    sql postgres "ALTER ROLE other1 NOCREATEDB"
    expect 3 'cannot replace database postgres: .*hint: connect to another one with --set .*maintenance_db' \
        run clean "$work/live" database=postgres
    expect 11 'cannot replace database template1' run clean "$work/live" database=template1
    expect 5 'cannot connect to the maintenance database nowhere' \
        run clean "$work/live" database=live maintenance_db=nowhere
    as_it_was
    expect_no_leftovers
    works run clean "$work/live" database=live maintenance_db=template1
    as_in_backup
}

it_requires_space_for_both_databases() {
    spoil
    cp -r "$work/live" "$work/huge"
    # the index claims 900 petabytes of rows
    python3 -c 'import re, sys; t = open(sys.argv[1]).read(); i = t.index("/data/")
open(sys.argv[1], "w").write(t[:i] + re.sub(r"\"size\": \d+", "\"size\": " + "9" + "0" * 17, t[i:], count=1))' \
        "$work/huge/index.json" || fail "index.json has an unexpected form"
    expect 7 'cannot load [0-9]{12} MiB beside the existing databases: the disk of the server has [0-9]+ MiB free' \
        run clean-plan "$work/huge" database=live
    as_it_was
}

long_it_refuses_obstacles_that_appear_while_it_loads() {
    spoil
    rm -f "$work/live/paused" "$work/live/go"
    run --pause-phase 2 clean "$work/live" database=live &
    until_true test -e "$work/live/paused"
    sql live "SELECT pg_create_logical_replication_slot('my_slot', 'pgoutput')" >/dev/null
    touch "$work/live/go"
    expect 6 'it has the replication slot my_slot' wait $!
    sql live "SELECT pg_drop_replication_slot('my_slot')" >/dev/null
    as_it_was
    expect_no_leftovers
}

it_changes_nothing_when_loading_fails() {
    local data restore
    spoil
    cp -r "$work/live" "$work/bad"
    data=$(find "$work/bad/objects/live/data" -name '*.sql' | head -1)
    # one more row
    sed -i '/^COPY /{n;p}' "$data"
    expect '[1-9]' 'rc [0-9]*: cannot' run clean "$work/bad" database=live
    as_it_was
    expect_no_leftovers
    # a duplicate key, which is detected when the index is built
    rm -f "$work/live/paused" "$work/live/go"
    run --pause-phase 1 clean "$work/live" database=live &
    restore=$!
    until_true test -e "$work/live/paused"
    sql "$(leftovers)" "INSERT INTO t VALUES (3, 'another')"
    touch "$work/live/go"
    expect '[1-9]' 'could not create unique index "t_pkey"' wait $restore
    as_it_was
    expect_no_leftovers
    # a loading session is terminated
    psql -X -q -d postgres >/dev/null 2>&1 <<'SQL' &
DO $$ BEGIN LOOP
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname LIKE 'hangar_new%' AND query LIKE '%COPY%' AND application_name = 'hangar';
    EXIT WHEN FOUND;
    PERFORM pg_stat_clear_snapshot();
END LOOP; END $$;
SQL
    expect '[1-9]' 'rc [28]:' run --step 10 clean "$work/live" database=live
    wait
    as_it_was
    expect_no_leftovers
}

long_it_changes_nothing_when_cancelled() {
    local ms
    spoil
    for ms in 20 60 120 250 400; do
        expect '(10|0)' '.' run --step 500 --cancel-after $ms clean "$work/live" database=live
        if grep -q 'rc 10' "$work/log"; then as_it_was; else as_in_backup; spoil; fi
        until_true no_leftovers # the server may need a moment to end a cancelled statement
    done
    until_true no_sessions_left
}

it_removes_the_leftovers_of_a_killed_restore() {
    local phase pid left
    spoil
    for phase in ${HANGAR_LONG:+1} 2; do
        rm -f "$work/live/paused" "$work/live/go"
        run --pause-phase $phase clean "$work/live" database=live &
        until_true test -e "$work/live/paused"
        pid=$(pgrep -f "^$driver .*--pause-phase $phase clean $work/live" | head -1)
        kill -KILL "$pid"
        wait 2>/dev/null
        as_it_was
        left=$(leftovers)
        [[ $left =~ ^hangar_new_[0-9a-f]{8}_[0-9a-f]{8}$ ]] || fail "no leftover: $left"
        expect 0 "drop the leftovers of a dead restore: $left" run clean-plan "$work/live" database=live
        [ "$(leftovers)" = "$left" ] || fail "a plan removed it"
        # the restore of another target does not remove it
        drop_database elsewhere
        works run clean "$work/live" database=elsewhere
        [ "$(leftovers)" = "$left" ] || fail "the restore of another target removed it"
        works run clean "$work/live" database=live
        grep -q "dropped database $left, a leftover of a dead restore" "$work/log" || fail "the removal is not logged"
        as_in_backup
        expect_no_leftovers
        spoil
    done
    # leftovers of a restore that died before it set its mark, and of one that died after the swap
    sql postgres "CREATE DATABASE ${left%_*}_00000000 CONNECTION LIMIT 104740051"
    sql postgres "CREATE DATABASE ${left/new/old}"
    sql postgres "COMMENT ON DATABASE ${left/new/old} IS 'hangar: this was database live until a restore replaced it; the next such restore drops it'" \
        "ALTER DATABASE ${left/new/old} ALLOW_CONNECTIONS false"
    # and three databases that are not leftovers
    sql postgres "CREATE DATABASE ${left%_*}_11111111" "CREATE DATABASE hangar_new_mine CONNECTION LIMIT 104740051" \
        "CREATE DATABASE ${left%_*}_22222222 CONNECTION LIMIT 104740051" \
        "COMMENT ON DATABASE ${left%_*}_22222222 IS 'mine'"
    works run clean "$work/live" database=live
    [ "$(leftovers | tr '\n' ' ')" = "${left%_*}_11111111 ${left%_*}_22222222 hangar_new_mine " ] || fail "the wrong databases were removed: $(leftovers)"
    for name in $(leftovers); do sql postgres "DROP DATABASE $name"; done
    drop_database elsewhere
}

long_it_excludes_a_second_restore_of_its_target() {
    spoil
    rm -f "$work/live/paused" "$work/live/go"
    run --pause-phase 1 clean "$work/live" database=live &
    until_true test -e "$work/live/paused"
    "$driver" clean "$work/live" "host=$PGHOST" "port=$PGPORT" user=postgres database=live >"$work/second" 2>&1
    grep -q 'cannot replace database live: another restore is replacing it' "$work/second" || fail "$(tail -3 "$work/second")"
    touch "$work/live/go"
    works wait $!
    as_in_backup
    expect_no_leftovers
}

it_replaces_all_databases_or_none() {
    sql postgres "CREATE DATABASE one" "CREATE DATABASE two"
    sql one "CREATE TABLE t AS SELECT 1 AS a"
    sql two "CREATE TABLE t AS SELECT 2 AS a"
    rm -rf "$work/both"
    works run backup "$work/both" databases=one databases=two
    sql one "UPDATE t SET a = 11"
    sql two "UPDATE t SET a = 22"
    connect two
    expect 6 'cannot replace database two' run clean "$work/both" databases=one databases=two lock_timeout=100ms
    [ "$(sql one "TABLE t") $(sql two "TABLE t")" = "11 22" ] || fail "one of them changed"
    works run disconnect "$work/both" databases=one databases=two
    wait
    [ "$(sql one "TABLE t") $(sql two "TABLE t")" = "1 2" ] || fail "not both are back"
    # a safety backup of the databases that exist, and its restore
    sql one "UPDATE t SET a = 11"
    drop_database two
    rm -rf "$work/saved"
    expect 5 'database "two" does not exist' run backup "$work/saved" databases=one databases=two
    rm -rf "$work/saved"
    works run safety "$work/saved" databases=one databases=two exclude_tables=t
    expect 0 'target_empty: 0' run clean-plan "$work/both" databases=one databases=two
    works run clean "$work/both" databases=one databases=two
    [ "$(sql one "TABLE t") $(sql two "TABLE t")" = "1 2" ] || fail "not both are there"
    works run clean "$work/saved" databases=one databases=two
    [ "$(sql one "TABLE t") $(sql two "TABLE t")" = "11 2" ] || fail "the safety backup was not restored"
    expect_no_leftovers
    drop_database one
    drop_database two
}

it_removes_nothing_that_a_partial_backup_leaves_out() {
    local b=$work/part options message
    sql postgres "CREATE DATABASE part"
    sql part "CREATE TABLE kept (a serial PRIMARY KEY)" "CREATE TABLE audit AS SELECT 1 AS a" \
        "CREATE TABLE bulk AS SELECT 2 AS a" "CREATE TABLE bare (a int)" \
        "CREATE FUNCTION two() RETURNS int LANGUAGE sql AS 'SELECT 2'" "CREATE VIEW seen AS SELECT 1 AS a"
    while IFS='|' read -r options message; do
        rm -rf "$b"
        # shellcheck disable=SC2086 # a list of options
        works run backup "$b" database=part $options
        sql part "CREATE TABLE IF NOT EXISTS later (a int)" # no pattern names it
        expect 6 "cannot replace database part on .*: the backup was made without a part of it, and the restore would remove $message; hint: .*\.database=NAME.*replace_partial=true" \
            run clean "$b" database=part
        expect 6 "would remove $message;" run clean-plan "$b" database=part
        [ "$(sql part "SELECT (SELECT count(*) FROM audit), (SELECT count(*) FROM bulk), two()")" = '1|1|2' ] ||
            fail "it is not as it was"
    done <<'END'
exclude_tables=audit|public.audit
exclude_tables=public.a* exclude_table_data=b*|public.audit, the rows of public.bulk
exclude_table_data=b*|the rows of public.bulk
include_tables=k*|function public.two, public.audit, public.bare, public.bulk, public.later and 1 more
END
    expect_no_leftovers
    works run clean "$b" database=part replace_partial=true
    [ "$(sql part "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")" = kept ] ||
        fail "it was not replaced"
    # now it holds nothing that the backup leaves out
    works run clean "$b" database=part
    drop_database part
}

long_it_reports_an_old_database_that_cannot_be_dropped() {
    local restore left
    spoil
    rm -f "$work/live/paused" "$work/live/go"
    run --pause-phase 2 clean "$work/live" database=live &
    restore=$!
    until_true test -e "$work/live/paused"
    # of the remaining statements only DROP DATABASE writes into this table
    PGAPPNAME=the_app psql -X -q -d postgres -c 'BEGIN' -c 'LOCK TABLE pg_shdepend IN SHARE MODE' \
        -c 'SELECT pg_sleep(600)' >/dev/null 2>&1 &
    until_true is_connected postgres
    until_true holds_the_lock
    touch "$work/live/go"
    works wait $restore
    left=$(leftovers)
    grep -q "report left_behind: the old database live, now called $left: .*; hint: drop it, or leave it to the next" \
        "$work/log" || fail "the report does not name $left"
    as_in_backup
    sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'the_app'" >/dev/null
    wait
    works run clean "$work/live" database=live
    expect_no_leftovers
}
holds_the_lock() {
    [ "$(sql postgres "SELECT count(*) FROM pg_locks WHERE relation = 'pg_shdepend'::regclass AND mode = 'ShareLock' AND granted")" = 1 ]
}

# The connection breaks before or after the COMMIT of the swap.
it_resolves_a_commit_without_an_answer() {
    spoil
    expect 8 'cannot replace database live: the transaction was not committed: ' refusing LOSE=statement clean "$work/live" database=live
    as_it_was
    expect_no_leftovers
    works refusing LOSE=answer clean "$work/live" database=live
    as_in_backup
    expect_no_leftovers
}

long_it_reports_the_refused_statement_and_changes_nothing() {
    local part message
    spoil
    while IFS='|' read -r part message; do
        expect '[0-9]+' "$message.*refused_by_the_test" refusing "REFUSE=$part" clean "$work/live" database=live
        as_it_was
        expect_no_leftovers
    done <<'END'
s.application_name|cannot list the sessions: 
pg_replication_slots|cannot list the obstacles to replacing database live: 
ALLOW_CONNECTIONS false|cannot set the properties of database live: 
 RENAME TO |cannot rename database live to 
END
}

# Clients that connect all the time see the old database or the new one, or are refused.
it_shows_clients_the_old_or_the_new_database_only() {
    local client
    spoil
    (while :; do
        PGAPPNAME=the_app psql -X -q -At -d live \
            -c "SELECT CASE count(*) FILTER (WHERE b = 'now') WHEN 10000 THEN 'old' WHEN 0 THEN 'new' ELSE 'between' END || count(*) FROM t" 2>&1
    done >"$work/met") &
    client=$!
    until_true grep -q old "$work/met"
    works run disconnect "$work/live" database=live
    until_true grep -q '^new' "$work/met"
    kill $client
    wait $client 2>/dev/null
    grep -q '^new20000$' "$work/met" || fail "no client saw the new database"
    grep -vE '^(old20001|new20000)$' "$work/met" |
        grep -vE 'seems to have just been dropped or renamed|database "live" does not exist|terminating connection|server closed|This probably means|before or while|^$|connection to server' |
        head -3 >"$work/strange"
    [ ! -s "$work/strange" ] || fail "a client saw $(cat "$work/strange")"
    sed -n '/new20000/,$p' "$work/met" | grep -q old && fail "the old database reappeared"
    as_in_backup
    expect_no_leftovers
}

main
