# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# hostile.sh: hangar works as superuser, and its enemy is the owner of a database (a tenant), the
# server that it backs up, or the author of a backup.  Each attack leaves a file in $marks, which
# only a superuser can do, or makes the tenant a superuser.
. "$(dirname "$0")/lib.sh"
marks=$work/pg/marks

setup() {
    sql postgres "CREATE ROLE tenant LOGIN" "CREATE DATABASE theirs OWNER tenant" \
        "COPY (SELECT 1) TO PROGRAM 'mkdir $marks; chmod 755 $marks'"
    make_evil
    # the attack works on one who is careless
    sql theirs "SELECT evil.run()" >"$work/log"
    [ -e "$marks/run" ] || fail "evil.run() does nothing"
    rm "$marks/run"
    sql postgres "CREATE DATABASE small"
    sql small "CREATE TABLE t (a int, b text)" "INSERT INTO t VALUES (1, 'one'), (2, 'two')"
    works run backup "$work/small" database=small
}

# Code that does nothing until a superuser runs it.
make_evil() {
    as_tenant theirs "CREATE SCHEMA evil" "CREATE FUNCTION evil.run() RETURNS bool LANGUAGE plpgsql AS \$\$
        BEGIN
            IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) session_user)
            THEN COPY (SELECT 1) TO PROGRAM 'touch $marks/run'; END IF;
            RETURN true;
        END \$\$"
}

as_tenant() { PGUSER=tenant sql "$@"; }

# No attack has worked.
holds() {
    [ -d "$marks" ] || fail "there is no folder for marks"
    [ -z "$(ls "$marks")" ] || fail "a superuser ran: $(ls "$marks")"
    [ "$(sql postgres "SELECT rolsuper FROM pg_roles WHERE rolname = 'tenant'")" = f ] ||
        fail "the tenant is a superuser"
}

# Functions, operators and views of the tenant that stand before those of the system.
shadow_the_catalog() { # DATABASE
    local view
    for view in pg_class pg_namespace pg_roles pg_database pg_depend pg_proc pg_largeobject_metadata \
        pg_stat_activity pg_settings pg_extension pg_tablespace; do
        as_tenant "$1" "CREATE VIEW evil.$view AS SELECT * FROM pg_catalog.$view WHERE evil.run()"
    done
    as_tenant "$1" \
        "CREATE FUNCTION evil.same(oid, oid) RETURNS bool LANGUAGE sql AS 'SELECT evil.run() AND \$1 OPERATOR(pg_catalog.=) \$2'" \
        "CREATE OPERATOR evil.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = evil.same)" \
        "CREATE FUNCTION evil.same(name, name) RETURNS bool LANGUAGE sql AS 'SELECT evil.run() AND \$1 OPERATOR(pg_catalog.=) \$2'" \
        "CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = name, FUNCTION = evil.same)" \
        "CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE sql AS 'SELECT pg_catalog.current_setting(\$1) WHERE evil.run()'" \
        "CREATE FUNCTION evil.pg_is_in_recovery() RETURNS bool LANGUAGE sql AS 'SELECT NOT evil.run()'" \
        "CREATE FUNCTION evil.set_config(text, text, bool) RETURNS text LANGUAGE sql AS 'SELECT ''x'' WHERE evil.run()'" \
        "ALTER DATABASE $1 SET search_path = evil, pg_catalog" \
        "ALTER DATABASE $1 SET standard_conforming_strings = off" \
        "ALTER DATABASE $1 SET default_transaction_read_only = on" \
        "ALTER DATABASE $1 SET statement_timeout = 1" \
        "ALTER DATABASE $1 SET role = tenant" \
        "ALTER DATABASE $1 SET array_nulls = off" \
        "ALTER DATABASE $1 SET client_encoding = SJIS"
}

it_begins_each_session_with_its_own_settings() {
    local b
    b=$(fresh)
    as_tenant theirs "CREATE TABLE evil.t (a text[])" "INSERT INTO evil.t VALUES ('{NULL,x}')"
    shadow_the_catalog theirs
    works run check "$work/none" database=theirs
    holds
    works run backup "$b" database=theirs
    holds
    expect 6 'it is not empty' run plan "$b" database=theirs
    holds
    works run clean-plan "$b" database=theirs
    holds
    works run clean "$b" database=theirs
    holds
    works run compare "$b" database=copy
    holds
    # and into an empty database with these settings
    sql postgres "ALTER DATABASE copy RESET ALL"
    drop_database copy
    sql postgres "CREATE DATABASE copy OWNER tenant"
    as_tenant copy "ALTER DATABASE copy SET array_nulls = off" \
        "ALTER DATABASE copy SET standard_conforming_strings = off" \
        "ALTER DATABASE copy SET default_transaction_read_only = on" \
        "ALTER DATABASE copy SET transform_null_equals = on" "ALTER DATABASE copy SET role = tenant"
    works run compare "$b" database=copy
    sql postgres "ALTER DATABASE copy RESET ALL" "ALTER DATABASE theirs RESET ALL"
    [ "$(sql copy "SELECT a[1] IS NULL FROM evil.t")" = t ] || fail "NULL became a text"
    drop_database copy
    as_tenant theirs "SET client_min_messages = warning" "DROP SCHEMA evil CASCADE"
    make_evil
}

# Limits that end a session before its first statement, or at once when it has none.
it_works_in_a_database_that_ends_idle_sessions() {
    local b limit
    b=$(fresh)
    drop_database limited
    sql postgres "CREATE DATABASE limited"
    sql limited "CREATE TABLE t AS SELECT generate_series(1, 1000) AS a" "CREATE INDEX ON t (a)"
    for limit in idle_session_timeout idle_in_transaction_session_timeout statement_timeout lock_timeout; do
        sql postgres "ALTER DATABASE limited SET $limit = 1"
    done
    works run check "$work/none" database=limited
    works run backup "$b" database=limited
    works run compare "$b" database=copy
    works run clean "$b" database=limited
    [ "$(PGOPTIONS='-c idle_session_timeout=0 -c statement_timeout=0' sql copy "SELECT count(*) FROM t")" = 1000 ] ||
        fail "rows are missing"
    sql postgres "DROP DATABASE limited"
}

it_restores_a_list_name_by_name() {
    local b
    b=$(fresh)
    # without a space: the server stores it as it is, in no quotes
    as_tenant theirs "SELECT set_config('search_path', 'public;alter/**/role/**/tenant/**/superuser', false)" \
        "ALTER DATABASE theirs SET search_path FROM CURRENT" \
        "ALTER ROLE tenant IN DATABASE theirs SET temp_tablespaces = '', ''" \
        "ALTER DATABASE theirs SET DateStyle = 'ISO, DMY'" >"$work/log"
    sql theirs "ALTER DATABASE theirs SET my.key = 'x; ALTER ROLE tenant SUPERUSER'"
    works run backup "$b" database=theirs
    grep -q 'public;alter/' "$b/index.json" || fail "the setting is not in the backup"
    works run restore "$b" database=copy
    holds
    sql postgres "SELECT unnest(setconfig) FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase
        WHERE datname = 'copy' ORDER BY 1" >"$work/settings"
    works diff "$work/settings" - <<'END'
DateStyle=ISO, DMY
my.key=x; ALTER ROLE tenant SUPERUSER
search_path="public;alter/**/role/**/tenant/**/superuser"
temp_tablespaces="", ""
END
    sql postgres "ALTER DATABASE theirs RESET ALL" "ALTER ROLE tenant IN DATABASE theirs RESET ALL"
}

# A restore that fails drops what it made, and first the subscriptions in it.
it_quotes_the_names_of_subscriptions() {
    local b
    b=$(fresh)
    sql theirs "CREATE SUBSCRIPTION \"x;ALTER ROLE tenant SUPERUSER\" CONNECTION 'host=/nowhere'
        PUBLICATION p WITH (connect = false, slot_name = NONE)" 2>"$work/log"
    works run backup "$b" database=theirs
    sql theirs "ALTER ROLE tenant NOSUPERUSER" "DROP SUBSCRIPTION \"x;ALTER ROLE tenant SUPERUSER\""
    expect 8 'refused_by_the_test' refusing REFUSE=txid_current restore "$b" database=copy
    holds
    exists copy && fail "the database still exists"
    return 0
}

# forge BACKUP OBJECT SED TEXT: with that object changed, compare fails, and the message matches
# TEXT.
forge() {
    local b=$1 object=$1/$2 edit=$3 text=$4 got=0
    cp "$object" "$work/kept"
    sed -i "$edit" "$object"
    cmp -s "$object" "$work/kept" && fail "nothing was changed: $edit"
    run compare "$b" database=copy || got=$?
    cp "$work/kept" "$object"
    [ "$got" != 0 ] || fail "it was restored: $edit"
    grep -qE -e "$text" "$work/log" || fail "no output matches: $text"
    exists copy && fail "the database still exists after: $edit"
    holds
}

it_runs_no_statement_of_a_forged_backup() {
    local b=$work/small own="ALTER ROLE tenant SUPERUSER"
    drop_database copy
    forge "$b" objects/small/tables.jsonl "s#\"columns\":\"[^,]*, [^,]*\",#\"columns\":\"1) TO PROGRAM 'touch $marks/forged' --\",#" \
        'tables.jsonl of database small: it has a line that hangar did not write'
    forge "$b" index.json "s/\"locale_provider\": \"libc\"/\"locale_provider\": \"libc; $own\"/" \
        'cannot create database copy'
    forge "$b" index.json "s/\"encoding\": \"UTF8\"/\"encoding\": \"UTF8'; $own; --\"/" \
        'cannot create database copy'
    forge "$b" index.json "s/\"owner\": \"postgres\"/\"owner\": \"postgres\\\\\"; $own; --\"/" \
        'role postgres"; .*, its owner, does not exist'
    # statements that pg_dumpall does not write, and two that look like one
    forge "$b" objects/globals.sql "\$a COPY (SELECT 1) TO PROGRAM 'touch $marks/forged';" \
        'globals.sql has a statement that pg_dumpall does not write'
    forge "$b" objects/globals.sql "\$a CREATE ROLE made \$x\$;\$x\$ ; $own;" 'cannot restore the roles'
}

# A table is read by its name.  While it is locked its schema can be renamed, and another relation
# takes its place.
it_reads_no_relation_that_takes_the_place_of_a_table() {
    local b old backup
    as_tenant theirs "CREATE SCHEMA app" \
        "CREATE TABLE app.big AS SELECT g AS a, repeat('x', 1000) AS b FROM generate_series(1, 5000) g"
    for old in "" 1; do
        for by in "VIEW app.big AS SELECT 1 AS a, evil.run()::text AS b" "TABLE app.big (a int, b text)"; do
            b=$(fresh)
            (
                [ -z "$old" ] || export UNRESTRICTED=1
                run --step 65536 --pause-object theirs/data/0001.sql backup "$b" database=theirs jobs=1 object_size=1MiB
            ) &
            backup=$!
            until_true test -e "$b/paused"
            as_tenant theirs "ALTER SCHEMA app RENAME TO locked" "CREATE SCHEMA app" "CREATE $by"
            touch "$b/go"
            expect 2 'cannot read table "app"."big" of database theirs: .*(renamed or replaced|restricted)' \
                wait "$backup"
            [ -s "$b/index.json" ] && fail "the backup looks complete"
            holds
            as_tenant theirs "SET client_min_messages = warning" "DROP SCHEMA app CASCADE" "ALTER SCHEMA locked RENAME TO app"
        done
    done
    works run backup "$(fresh)" database=theirs jobs=1 object_size=1MiB
}

# A server that lies to the person who runs RESTORE.txt: psql would run these lines.
it_stores_no_row_that_copy_does_not_write() {
    local row
    for row in '\.' '\! touch x' $'\\.\n\\! touch x' $'a\tb\r' $'a\tb\\' '\copy x to program y' '\g |sh'; do
        rm -rf "$work/none"
        expect 9 'cannot read table "public"."t" of database small: the server sent a row that COPY does not write' \
            refusing "LIE_ROW=$row" backup "$work/none" database=small
        [ -e "$work/none/index.json" ] && fail "the backup looks complete"
    done
    rm -rf "$work/none"
    expect 9 'the server sent names of columns that are not quoted' \
        refusing 'LIE_VALUE="a", "b"=a) FROM stdin; \! touch x' backup "$work/none" database=small
    rm -rf "$work/none"
    expect 9 'the server reports an encoding that no database has' \
        refusing 'LIE_ENCODING=SJIS' backup "$work/none" database=small
    return 0
}

# The same for the roles: old versions of pg_dumpall write a name with a line end into a comment.
it_stores_no_roles_that_are_commands_of_psql() {
    local tool bin
    bin=$(dirname "$(pg_bin pg_dumpall)")
    mkdir -p "$work/old"
    for tool in pg_dump pg_restore; do ln -sf "$bin/$tool" "$work/old/$tool"; done
    cat >"$work/old/pg_dumpall" <<END
#!/bin/sh
"$bin/pg_dumpall" "\$@" | sed 's/^-- Roles\$/&\\n\\\\! touch x/'
END
    chmod 755 "$work/old/pg_dumpall"
    rm -rf "$work/none"
    expect 9 'cannot dump the roles: their names or comments contain what psql would run as a command' \
        run backup "$work/none" database=small "bin_dir=$work/old"
    [ ! -e "$work/none/index.json" ] || fail "the backup looks complete"
}

it_writes_each_command_of_a_restore_on_one_line() {
    local b=$work/lines
    sql postgres "CREATE DATABASE \"a
touch x
'b\""
    works run backup "$b" "database=a
touch x
'b"
    "$driver" commands "$b" database=a >"$b/RESTORE.txt" 2>"$work/log" || fail commands
    bash -n "$b/RESTORE.txt" || fail "it is not a script"
    grep -q '^touch' "$b/RESTORE.txt" && fail "a name is a command"
    grep -qF "psql -X -q -d \$'dbname=\\'a\\012touch x\\012" "$b/RESTORE.txt" || fail "the name is missing"
}

# lied STATUS KIND TEXT: `check` of a server that lies, with 3 GB of memory at most.
lied() {
    local pid
    rm -rf "$work/liar"
    mkdir "$work/liar"
    python3 "$here/liar.py" "$work/liar" "$PGHOST/.s.PGSQL.$PGPORT" "$2" &
    pid=$!
    until_true test -S "$work/liar/.s.PGSQL.5432"
    (
        PGHOST=$work/liar PGPORT=5432
        grep -q __asan_init "$driver" || ulimit -v 3000000
        expect "$1" "$3" run check none database=small
    ) || exit 1
    kill $pid
}

too_much='the answer of the server is larger than any valid one (limit 1024 MiB)'

long_it_does_not_store_rows_without_end() {
    lied 8 rows "$too_much"
}

long_it_discards_notifications() {
    lied 0 notify .
}

long_it_does_not_store_messages_without_end() {
    lied 8 parameters "$too_much"
    lied 8 error "$too_much"
    lied 8 notice "$too_much"
}

main
