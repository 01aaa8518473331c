# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# clean.sh: a database that is in use is replaced as a whole or not at all: what is in
# the way is refused, what fails or dies leaves it as it was, what is left of that goes
# with the next restore, and nobody ever meets anything between the old and the new.
. "$(dirname "$0")/lib.sh"

# As in lib.sh, but the status is a pattern.
expect() {
    local want=$1 text=$2 got=0
    shift 2
    "$@" || got=$?
    [[ $got =~ ^$want$ ]] || fail "ended with $got, not $want: $*"
    grep -qE -e "$text" "$work/log" "$work/out" || fail "does not say: $text"
}

odd='Odd "name" of 63 bytes, with ümläuts; and -- more: 0123456789'

setup() {
    make_hard
    # a subscription would be in the way
    sql hard "ALTER SUBSCRIPTION sleeping SET (slot_name = NONE)" "DROP SUBSCRIPTION sleeping"
    works run backup "$work/hard" database=hard
    # what is in use differs from the backup in rows, definitions and properties
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

# All of a database's definitions and rows, with its properties.
state_of() {
    _pg_dump_plain -C --schema-only -d "$1"
    _pg_rows_sorted "$1"
    sql postgres "SELECT d.datname, d.datconnlimit, d.datistemplate, d.datallowconn, d.datacl,
        shobj_description(oid, 'pg_database') FROM pg_database d WHERE datname = '$1'"
}

ours() { sql postgres "SELECT datname FROM pg_database WHERE datname LIKE 'hangar%' ORDER BY 1"; }

nothing_of_ours() { [ -z "$(ours)" ]; }
none_of_ours() { nothing_of_ours || fail "left: $(ours)"; }

keep_state() { state_of live >"$work/before"; }

as_it_was() {
    state_of live >"$work/after"
    diff "$work/before" "$work/after" >"$work/diff" || fail "it changed: $(head -5 "$work/diff")"
}

# live is as in the backup: sum of rows, and nothing of what was added since.
as_in_backup() {
    [ "$(sql "${1:-live}" "SELECT count(*), count(*) FILTER (WHERE b = 'now' OR a = 0) FROM t")" = '20000|0' ] ||
        fail "it is not as in the backup: $(sql "${1:-live}" 'SELECT count(*) FROM t')"
}

spoil() {
    sql live "UPDATE t SET b = 'now' WHERE a % 2 = 0" \
        "INSERT INTO t VALUES (0, 'new') ON CONFLICT DO NOTHING"
    keep_state
}

# A client that is connected for as long as it is let.
connect() {
    PGAPPNAME=the_app psql -X -q -d "${1:-live}" -U "${2:-postgres}" -c 'SELECT pg_sleep(600)' >/dev/null 2>&1 &
    until_true is_connected "${1:-live}"
}
is_connected() {
    [ "$(sql postgres "SELECT count(*) FROM pg_stat_activity WHERE datname = '$1' AND application_name = 'the_app'")" -gt 0 ]
}

it_replaces_a_database_with_all_its_properties() {
    expect 0 'load hard into a new database beside it with 2 sessions' run clean-plan "$work/hard" database=hard
    grep -q 'target_empty: 0' "$work/out" || fail "it holds something"
    grep -q 'database hard: no sessions are connected' "$work/out" || fail "nobody is connected"
    works run clean "$work/hard" database=hard
    grep -q 'left_behind' "$work/log" && fail "something is left"
    none_of_ours
    pg_same copy hard "$work" >"$work/diff" || fail "it is not as in the backup: $(head -5 "$work/diff")"
    state_of hard | tail -1 | grep -q "^hard|50|f|t|.*|hard 'one'$" || fail "properties: $(state_of hard | tail -1)"
    # again: the same over what is now there
    works run clean "$work/hard" database=hard
    pg_same copy hard "$work" >"$work/diff" || fail "the second time it is not"
}

it_makes_one_that_is_not_there() {
    gone fresh
    expect 0 'database fresh: does not exist' run clean-plan "$work/live" database=fresh
    grep -q 'target_empty: 1' "$work/out" || fail "there is nothing to lose"
    works run clean "$work/live" database=fresh
    as_in_backup fresh
    gone fresh
    sql postgres "CREATE DATABASE fresh"
    expect 0 'target_empty: 1' run clean-plan "$work/live" database=fresh
    works run clean "$work/live" database=fresh
    as_in_backup fresh
    none_of_ours
    gone fresh
}

it_quotes_names() {
    local name
    for name in "$odd" '%s $1 ; DROP' "it's"; do
        sql postgres "CREATE DATABASE \"${name//\"/\"\"}\"" "COMMENT ON DATABASE \"${name//\"/\"\"}\" IS 'odd'"
        sql "$name" "CREATE TABLE other (a int)"
        works run clean "$work/live" "database=$name"
        as_in_backup "$name"
        none_of_ours
        sql postgres "DROP DATABASE \"${name//\"/\"\"}\""
    done
}

it_refuses_while_somebody_is_connected() {
    spoil
    connect
    expect 6 'cannot replace database live on .*: 1 session is connected to it: postgres \(the_app\); hint: .*--disconnect' \
        run clean-plan "$work/live" database=live
    expect 6 '1 session is connected' run clean "$work/live" database=live
    is_connected live || fail "the session was ended"
    as_it_was
    none_of_ours
    expect 0 'end the sessions in it: postgres \(the_app\)' run disconnect-plan "$work/live" database=live
    is_connected live || fail "a plan ended the session"
    works run disconnect "$work/live" database=live
    wait
    as_in_backup
    none_of_ours
}

it_waits_for_sessions_that_come_while_it_loads() {
    spoil
    rm -f "$work/live/paused" "$work/live/go"
    run --pause-phase 2 clean "$work/live" database=live lock_timeout=500ms &
    local restore=$!
    until_true test -e "$work/live/paused"
    connect
    touch "$work/live/go"
    expect 6 '1 session is connected' wait $restore
    as_it_was
    none_of_ours
    sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'the_app'" >/dev/null
}

it_says_whose_sessions_it_may_not_end() {
    connect live postgres
    expect 4 'cannot replace database live: user owner1 may not end 1 of the sessions in it: postgres \(the_app\); hint: GRANT pg_signal_backend' \
        run disconnect "$work/live" database=live user=owner1
    is_connected live || fail "the session was ended"
    sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'the_app'" >/dev/null
    wait
    # its own it may; and an owner with CREATEDB is all that is needed
    spoil
    connect live owner1
    works run disconnect "$work/live" database=live user=owner1 globals=none
    as_in_backup
    none_of_ours
}

it_refuses_what_is_in_the_way() {
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
    expect 3 'cannot replace database postgres: .*hint: set another one with --set .*maintenance_db' \
        run clean "$work/live" database=postgres
    expect 11 'cannot replace database template1' run clean "$work/live" database=template1
    expect 5 'cannot connect to the maintenance database nowhere' \
        run clean "$work/live" database=live maintenance_db=nowhere
    as_it_was
    none_of_ours
    works run clean "$work/live" database=live maintenance_db=template1
    as_in_backup
}

it_needs_room_for_both() {
    spoil
    cp -r "$work/live" "$work/huge"
    # the rows are said to be many: 900 petabytes
    python3 -c 'import re, sys; t = open(sys.argv[1]).read(); i = t.index("/data/")
open(sys.argv[1], "w").write(t[:i] + re.sub(r"\"size\": \d+", "\"size\": " + "9" + "0" * 17, t[i:], count=1))' \
        "$work/huge/index.json" || fail "the test does not know index.json"
    expect 7 'cannot load [0-9]{12} MiB beside the existing databases: the disk of the server has [0-9]+ MiB free' \
        run clean-plan "$work/huge" database=live
    as_it_was
}

it_refuses_what_came_into_the_way_while_it_loaded() {
    spoil
    rm -f "$work/live/paused" "$work/live/go"
    run --pause-phase 2 clean "$work/live" database=live &
    until_true test -e "$work/live/paused"
    sql live "SELECT pg_create_logical_replication_slot('my_slot', 'pgoutput')" >/dev/null
    touch "$work/live/go"
    expect 6 'it has the replication slot my_slot' wait $!
    sql live "SELECT pg_drop_replication_slot('my_slot')" >/dev/null
    as_it_was
    none_of_ours
}

it_leaves_all_as_it_was_when_loading_fails() {
    local data restore
    spoil
    cp -r "$work/live" "$work/bad"
    data=$(find "$work/bad/objects/live/data" -name '*.sql' | head -1)
    # a row more
    sed -i '/^COPY /{n;p}' "$data"
    expect '[1-9]' 'rc [0-9]*: cannot' run clean "$work/bad" database=live
    as_it_was
    none_of_ours
    # a key twice, which shows when the index is built
    rm -f "$work/live/paused" "$work/live/go"
    run --pause-phase 1 clean "$work/live" database=live &
    restore=$!
    until_true test -e "$work/live/paused"
    sql "$(ours)" "INSERT INTO t VALUES (3, 'somebody')"
    touch "$work/live/go"
    expect '[1-9]' 'could not create unique index "t_pkey"' wait $restore
    as_it_was
    none_of_ours
    # a session that loads is ended
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
    none_of_ours
}

it_leaves_all_as_it_was_when_cancelled() {
    local ms
    spoil
    for ms in 20 60 120 250 400; do
        expect '(10|0)' '.' run --step 500 --cancel-after $ms clean "$work/live" database=live
        if grep -q 'rc 10' "$work/log"; then as_it_was; else as_in_backup; spoil; fi
        until_true nothing_of_ours # the server may take a moment to end what was cancelled
    done
    until_true nobody_left
}

it_cleans_up_after_one_that_was_killed() {
    local phase pid left
    spoil
    for phase in 1 2; do
        rm -f "$work/live/paused" "$work/live/go"
        run --pause-phase $phase clean "$work/live" database=live &
        until_true test -e "$work/live/paused"
        pid=$(pgrep -f "^$driver .*--pause-phase $phase clean $work/live" | head -1)
        kill -KILL "$pid"
        wait 2>/dev/null
        as_it_was
        left=$(ours)
        [[ $left =~ ^hangar_new_[0-9a-f]{8}_[0-9a-f]{8}$ ]] || fail "nothing is left to be cleaned: $left"
        expect 0 "drop the leftovers of a dead restore: $left" run clean-plan "$work/live" database=live
        [ "$(ours)" = "$left" ] || fail "a plan cleans up"
        # that of another target does not
        gone elsewhere
        works run clean "$work/live" database=elsewhere
        [ "$(ours)" = "$left" ] || fail "another target's restore cleans up"
        works run clean "$work/live" database=live
        grep -q "dropped database $left, a leftover of a dead restore" "$work/log" || fail "it does not say so"
        as_in_backup
        none_of_ours
        spoil
    done
    # one that died before it could set its mark, and after the swap
    sql postgres "CREATE DATABASE ${left%_*}_00000000 CONNECTION LIMIT 104740051"
    sql postgres "CREATE DATABASE ${left/new/old}"
    sql postgres "COMMENT ON DATABASE ${left/new/old} IS 'hangar: this was database live until a restore replaced it; the next such restore drops it'" \
        "ALTER DATABASE ${left/new/old} ALLOW_CONNECTIONS false"
    # and three that are not ours
    sql postgres "CREATE DATABASE ${left%_*}_11111111" "CREATE DATABASE hangar_new_mine CONNECTION LIMIT 104740051" \
        "CREATE DATABASE ${left%_*}_22222222 CONNECTION LIMIT 104740051" \
        "COMMENT ON DATABASE ${left%_*}_22222222 IS 'mine'"
    works run clean "$work/live" database=live
    [ "$(ours | tr '\n' ' ')" = "${left%_*}_11111111 ${left%_*}_22222222 hangar_new_mine " ] || fail "wrong ones went: $(ours)"
    for name in $(ours); do sql postgres "DROP DATABASE $name"; done
    gone elsewhere
}

it_is_alone_on_its_target() {
    spoil
    rm -f "$work/live/paused" "$work/live/go"
    run --pause-phase 1 clean "$work/live" database=live &
    until_true test -e "$work/live/paused"
    "$driver" clean "$work/live" "host=$PGHOST" "port=$PGPORT" user=postgres database=live >"$work/second" 2>&1
    grep -q 'cannot replace database live: another restore is replacing it' "$work/second" || fail "$(tail -3 "$work/second")"
    touch "$work/live/go"
    works wait $!
    as_in_backup
    none_of_ours
}

it_replaces_several_at_once_or_none() {
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
    # a safety backup of those that are there, and its restore
    sql one "UPDATE t SET a = 11"
    gone two
    rm -rf "$work/saved"
    expect 5 'database "two" does not exist' run backup "$work/saved" databases=one databases=two
    rm -rf "$work/saved"
    works run safety "$work/saved" databases=one databases=two exclude_tables=t
    expect 0 'target_empty: 0' run clean-plan "$work/both" databases=one databases=two
    works run clean "$work/both" databases=one databases=two
    [ "$(sql one "TABLE t") $(sql two "TABLE t")" = "1 2" ] || fail "not both are there"
    works run clean "$work/saved" databases=one databases=two
    [ "$(sql one "TABLE t") $(sql two "TABLE t")" = "11 2" ] || fail "the safety backup did not come back"
    none_of_ours
    gone one
    gone two
}

it_says_when_the_old_one_cannot_be_dropped() {
    local restore left
    spoil
    rm -f "$work/live/paused" "$work/live/go"
    run --pause-phase 2 clean "$work/live" database=live &
    restore=$!
    until_true test -e "$work/live/paused"
    # of all that is still to come only DROP DATABASE writes into this table
    PGAPPNAME=the_app psql -X -q -d postgres -c 'BEGIN' -c 'LOCK TABLE pg_shdepend IN SHARE MODE' \
        -c 'SELECT pg_sleep(600)' >/dev/null 2>&1 &
    until_true is_connected postgres
    until_true holds_the_lock
    touch "$work/live/go"
    works wait $restore
    left=$(ours)
    grep -q "report left_behind: the old database live, now called $left: .*; hint: drop it, or leave it to the next" \
        "$work/log" || fail "it does not say what is left: $left"
    as_in_backup
    sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'the_app'" >/dev/null
    wait
    works run clean "$work/live" database=live
    none_of_ours
}
holds_the_lock() {
    [ "$(sql postgres "SELECT count(*) FROM pg_locks WHERE relation = 'pg_shdepend'::regclass AND mode = 'ShareLock' AND granted")" = 1 ]
}

# The connection breaks around the COMMIT that puts everything in its place.
it_finds_out_what_became_of_a_commit_without_an_answer() {
    spoil
    expect 8 'cannot replace database live: the transaction was not committed: ' refusing LOSE=statement clean "$work/live" database=live
    as_it_was
    none_of_ours
    works refusing LOSE=answer clean "$work/live" database=live
    as_in_backup
    none_of_ours
}

it_says_what_the_server_refused_and_leaves_all_as_it_was() {
    local part says
    spoil
    while IFS='|' read -r part says; do
        expect '[0-9]+' "$says.*refused_by_the_test" refusing "REFUSE=$part" clean "$work/live" database=live
        as_it_was
        none_of_ours
    done <<'END'
s.application_name|cannot list the sessions: 
pg_replication_slots|cannot list the obstacles to replacing database live: 
ALLOW_CONNECTIONS false|cannot set the properties of database live: 
 RENAME TO |cannot rename database live to 
END
}

# Clients that come and go all the time meet the old one or the new one, or are refused.
it_shows_nobody_anything_in_between() {
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
    grep -q '^new20000$' "$work/met" || fail "nobody met the new one"
    grep -vE '^(old20001|new20000)$' "$work/met" |
        grep -vE 'seems to have just been dropped or renamed|database "live" does not exist|terminating connection|server closed|before or while|^$|connection to server' |
        head -3 >"$work/strange"
    [ ! -s "$work/strange" ] || fail "somebody met $(cat "$work/strange")"
    sed -n '/new20000/,$p' "$work/met" | grep -q old && fail "the old one came back"
    as_in_backup
    none_of_ours
}

main
