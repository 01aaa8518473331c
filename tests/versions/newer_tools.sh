# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# newer_tools.sh DRIVER: client tools that are newer than the server.  Those of PostgreSQL 17 are
# downloaded once, see fetch.
. "$(dirname "$0")/../plugin/postgres/lib.sh"
newer=$("$(dirname "$0")/fetch" --tools 17) || exit 1

setup() {
    sql postgres 'CREATE ROLE app' 'CREATE DATABASE small OWNER app'
    sql small "CREATE TABLE t (a int PRIMARY KEY, b text)" \
        "INSERT INTO t SELECT g, 'x' || g FROM generate_series(1, 100) g" "CREATE INDEX ON t (b)" \
        "CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM t" "SELECT lo_from_bytea(77, 'large')" \
        "CREATE SEQUENCE s" "SELECT nextval('s')" >/dev/null
}

# Server 15, tools 17: pg_restore sets transaction_timeout, which this server does not have.
it_restores_with_newer_tools() {
    local b with
    for with in "$(pg_bin '')" "$newer"; do
        b=$(fresh)
        works run backup "$b" database=small "bin_dir=$with"
        works run compare "$b" database=copy "bin_dir=$newer" jobs=3
        works pg_same small copy "$work"
        grep -q 'transaction_timeout' "$work/log" && fail "the error is in the log"
        "$driver" commands "$b" database=small >"$b/RESTORE.txt" 2>"$work/log" || fail commands
        drop_database copy
        sql postgres "ALTER DATABASE small RENAME TO moved"
        (cd "$b" && PATH=$newer:$PATH bash RESTORE.txt >"$work/log" 2>&1) || fail "RESTORE.txt"
        works pg_same moved small "$work"
        drop_database small
        sql postgres "ALTER DATABASE moved RENAME TO small"
    done
}

# Any other error is one: an index whose function needs a search_path fails in any pg_restore.
it_reports_other_errors_of_newer_tools() {
    local b
    b=$(fresh)
    sql postgres 'CREATE DATABASE wrong'
    sql wrong "CREATE TABLE t AS SELECT 1 AS a" \
        "CREATE FUNCTION g(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'" \
        "CREATE FUNCTION f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT g(1)'" \
        "CREATE INDEX ON t (f(a))"
    works run backup "$b" database=wrong "bin_dir=$newer"
    expect 8 'cannot restore the post-data .* function g\(integer\) does not exist' \
        run restore "$b" database=copy "bin_dir=$newer"
    grep -q transaction_timeout "$work/log" && fail "the message has the other error"
    exists copy && fail "the database was not dropped"
    "$driver" commands "$b" database=wrong >"$b/RESTORE.txt" 2>"$work/log" || fail commands
    drop_database wrong
    (cd "$b" && PATH=$newer:$PATH bash RESTORE.txt >"$work/log" 2>&1) && fail "RESTORE.txt reports success"
    grep -q 'function g(integer) does not exist' "$work/log" || fail "RESTORE.txt hides the error"
    grep -q transaction_timeout "$work/log" && fail "RESTORE.txt shows the other error"
    drop_database wrong
}

# pg_dump 17 writes subscriptions so that a server of version 15 does not take them.
it_names_what_newer_tools_write_for_newer_servers_only() {
    local b
    b=$(fresh)
    expect 0 'tools \(17[0-9.]*\) are newer than the server \(15\).* hint: install postgresql-client-15' \
        run check "$work/none" database=small "bin_dir=$newer"
    sql small "CREATE SUBSCRIPTION asleep CONNECTION 'dbname=x' PUBLICATION p
        WITH (connect = false, slot_name = NONE, enabled = false)" 2>/dev/null
    expect 0 'warn: pg_dump 17.* writes subscriptions that only PostgreSQL 16 .*hint: install postgresql-client-15' \
        run check "$work/none" database=small "bin_dir=$newer"
    works run backup "$b" database=small "bin_dir=$newer"
    for command in plan restore; do
        expect 11 'runs PostgreSQL 15, and pg_dump 17.* hint: restore into PostgreSQL 16' \
            run "$command" "$b" database=copy "bin_dir=$newer"
    done
    exists copy && fail "a database was created"
    sql small "DROP SUBSCRIPTION asleep"
}

main
