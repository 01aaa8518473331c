# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# round_trip.sh: a restored database equals the one that was backed up.
. "$(dirname "$0")/lib.sh"

setup() { make_hard; }

it_restores_an_equal_database() {
    local b
    b=$(fresh)
    works run backup "$b" database=hard
    works run compare "$b" database=copy
    works pg_same hard copy "$work"
    [ "$(stat -c %a "$work")" = 701 ] || [ "$(id -u)" != 0 ] || fail "the mode of the directory changed"
}

it_cuts_large_tables_into_objects() {
    local b
    b=$(fresh)
    works run backup "$b" database=hard object_size=4096 jobs=5
    [ "$(ls "$b/objects/hard/data" | wc -l)" -gt 100 ] || fail "too few objects"
    grep -q '"table":"big".*0001.sql.*0002.sql' "$b/objects/hard/tables.jsonl" || fail "table big was not cut"
    works run compare "$b" database=copy jobs=5
    works pg_same hard copy "$work"
}

long_it_reads_objects_in_pieces_of_any_size() {
    local b step
    b=$(fresh)
    works run --step 3 backup "$b" database=hard object_size=64KiB exclude_table_data=big
    for step in 1 2 3 17; do
        works run --step "$step" compare "$b" database=copy
        [ "$(sql copy 'SELECT count(*) FROM by_hash')" = 2000 ] || fail "rows are missing"
        drop_database copy
    done
}

long_it_restores_into_an_empty_database() {
    local b
    b=$(fresh)
    works run backup "$b" database=hard
    sql postgres "CREATE DATABASE copy TEMPLATE template0 OWNER app"
    works run restore "$b" database=copy
    works pg_same hard copy "$work"
}

it_writes_commands_that_restore_by_hand() {
    local b
    b=$(fresh)
    works run backup "$b" database=hard object_size=1MiB
    "$driver" commands "$b" database=hard >"$b/RESTORE.txt" 2>"$work/log" || fail commands
    _pg_dump_plain -C --schema-only -d hard >"$work/before.schema"
    _pg_rows_sorted hard >"$work/before.rows"
    sql hard "DROP SUBSCRIPTION sleeping"
    sql postgres "ALTER DATABASE hard RENAME TO moved"
    (cd "$b" && bash RESTORE.txt >"$work/log" 2>&1) || fail "RESTORE.txt"
    _pg_dump_plain -C --schema-only -d hard >"$work/after.schema"
    _pg_rows_sorted hard >"$work/after.rows"
    works diff "$work/before.schema" "$work/after.schema"
    works diff "$work/before.rows" "$work/after.rows"
    drop_database moved
}

long_it_keeps_the_order_of_columns_by_name() {
    local b
    b=$(fresh)
    drop_database order
    sql postgres "CREATE DATABASE order_"
    sql order_ "CREATE TABLE parent (a int)" "CREATE TABLE child (c text) INHERITS (parent)" \
        "ALTER TABLE parent ADD COLUMN later int" \
        "INSERT INTO child (a, c, later) VALUES (1, 'c', 2)"
    works run backup "$b" database=order_
    works run compare "$b" database=copy
    [ "$(sql copy 'SELECT a, c, later FROM child')" = "1|c|2" ] || fail "columns were exchanged"
}

it_backs_up_several_databases() {
    local b
    b=$(fresh)
    sql postgres 'CREATE DATABASE "One =/..é"' 'CREATE DATABASE two'
    sql 'One =/..é' "CREATE TABLE t AS SELECT generate_series(1, 10) AS a"
    sql two "CREATE TABLE t AS SELECT generate_series(1, 20) AS a"
    works run backup "$b" 'databases=One =/..é' databases=two databases=hard
    [ -f "$b/objects/One=20=3D=2F..=C3=A9/schema.dump" ] || fail "the folder has an unexpected name"
    drop_database 'One =/..é'
    drop_database two
    expect 6 'database hard on .* is not empty' run restore "$b" 'databases=One =/..é' databases=two \
        databases=hard
    exists two && fail "a database was created although another was refused"
    works run compare "$b" 'databases=One =/..é' databases=two
    [ "$(sql 'One =/..é' 'SELECT count(*) FROM t')" = 10 ] || fail "rows are missing"
    [ "$(sql two 'SELECT count(*) FROM t')" = 20 ] || fail "rows are missing"
    drop_database 'One =/..é'
    drop_database two
}

it_backs_up_other_encodings() {
    local b encoding
    for encoding in LATIN1 ${HANGAR_LONG:+SQL_ASCII EUC_JP}; do
        b=$(fresh)
        sql postgres \
            "CREATE DATABASE enc TEMPLATE template0 ENCODING '$encoding' LC_COLLATE 'C' LC_CTYPE 'C'"
        if [ "$encoding" = EUC_JP ]; then
            sql enc "CREATE TABLE \"表\" (\"列\" text)" "INSERT INTO \"表\" VALUES ('日本'), ('語')"
        else
            sql enc "CREATE TABLE \"tàble\" (\"cöl\" text)" "INSERT INTO \"tàble\" VALUES ('é'), ('ü')"
        fi
        works run backup "$b" database=enc
        works run compare "$b" database=copy
        works pg_same enc copy "$work"
        drop_database enc
    done
}

it_backs_up_a_database_without_tables() {
    local b
    b=$(fresh)
    sql postgres "CREATE DATABASE nothing"
    sql nothing "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"
    works run backup "$b" database=nothing globals=none
    [ ! -e "$b/objects/globals.sql" ] || fail "globals.sql exists"
    works run compare "$b" database=copy
    works pg_same nothing copy "$work"
}

it_selects_tables() {
    local b
    b=$(fresh)
    works run backup "$b" database=hard include_tables=public.b?g include_tables=no_*
    works run compare "$b" database=copy
    [ "$(sql copy "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")" = \
        "big,no_columns,no_rows" ] || fail "other tables were restored"
    b=$(fresh)
    works run backup "$b" database=hard exclude_tables=public.big exclude_table_data=*.typ?s \
        'exclude_table_data=UPPER%_**'
    works run compare "$b" database=copy
    [ "$(sql copy "SELECT to_regclass('public.big') IS NULL, (SELECT count(*) FROM public.types),
        (SELECT count(*) FROM public.\"UPPER%_*?\"), (SELECT count(*) FROM public.indexed)")" = \
        "t|0|0|500" ] || fail "the wrong tables were selected"
}

long_it_creates_missing_roles_and_alters_none() {
    local b before
    b=$(fresh)
    sql postgres "CREATE ROLE newcomer LOGIN PASSWORD 'x' CONNECTION LIMIT 3" "GRANT reader TO newcomer" \
        "GRANT newcomer TO app WITH ADMIN OPTION" "ALTER ROLE newcomer SET work_mem = '1MB'" \
        "COMMENT ON ROLE newcomer IS 'it''s; new'" 'CREATE ROLE "quo""ted; DROP"' \
        "ALTER ROLE app PASSWORD 'old'"
    _pg_roles >"$work/before"
    works run backup "$b" database=hard exclude_table_data=*
    sql postgres "REVOKE newcomer FROM app" "DROP ROLE newcomer" 'DROP ROLE "quo""ted; DROP"' \
        "ALTER ROLE app PASSWORD 'new' CREATEDB"
    before=$(sql postgres "SELECT rolpassword FROM pg_authid WHERE rolname = 'app'")
    works run restore "$b" database=copy
    [ "$(sql postgres "SELECT rolpassword, rolcreatedb FROM pg_authid WHERE rolname = 'app'")" = \
        "$before|t" ] || fail "an existing role was altered"
    drop_database copy
    works run restore "$b" database=copy globals=all
    _pg_roles >"$work/after"
    works diff "$work/before" "$work/after"
    sql postgres "REVOKE newcomer FROM app" "DROP ROLE newcomer" 'DROP ROLE "quo""ted; DROP"'
}

_pg_roles() { pg_dumpall --globals-only | grep -v -e '^\\' -e '^--'; }

it_reports_what_a_role_without_rights_cannot_read() {
    lacks="not in the backup, because its role could not read it or its server did not have it"
    local b missing='in database small: one subscription, the options of one user mapping; the passwords of all roles'
    b=$(fresh)
    sql postgres "CREATE ROLE limited LOGIN" "CREATE DATABASE small"
    sql small "CREATE TABLE t AS SELECT 1 AS a" "GRANT SELECT ON t TO limited" \
        "CREATE FOREIGN DATA WRAPPER w" "CREATE SERVER s FOREIGN DATA WRAPPER w" \
        "CREATE USER MAPPING FOR app SERVER s OPTIONS (password 'x')" \
        "CREATE SUBSCRIPTION sub CONNECTION 'dbname=none' PUBLICATION p
            WITH (connect = false, slot_name = NONE, enabled = false)" 2>"$work/log"
    works run check "$b" database=small
    ! grep -q not_seen "$work/out" "$work/log" || fail "a superuser sees all"
    works "$driver" check "$b" "host=$PGHOST" "port=$PGPORT" user=limited database=small \
        >"$work/out" 2>"$work/log"
    grep -q "warn: not backed up, because this role .*: $missing; hint: " "$work/log" ||
        fail "check does not warn"
    grep -q "not_seen: $missing\$" "$work/log" "$work/out" || fail "check has no fact"
    works "$driver" backup "$b" "host=$PGHOST" "port=$PGPORT" user=limited database=small \
        >"$work/out" 2>"$work/log"
    grep -q "warn: not backed up, because this role .*: $missing; hint: " "$work/log" ||
        fail "no warning"
    grep -q "fact not_seen: $missing\$" "$work/log" || fail "no fact of what is missing"
    grep -q "fact warnings: database small: pg_dump: warning: subscriptions not dumped" "$work/log" ||
        fail "the warning of pg_dump is no fact"
    grep -q "fact globals: without passwords" "$work/log" || fail "no fact"
    grep -q "CREATE ROLE app" "$b/objects/globals.sql" || fail "no roles"
    works run plan "$b" database=copy
    grep -q "$lacks: $missing\$" "$work/out" "$work/log" ||
        fail "not in the plan"
    grep -q "the client tools warned during the backup: database small: pg_dump: warning: subscr" \
        "$work/out" "$work/log" || fail "the warning is not in the plan"
    works run restore "$b" database=copy
    grep -q "warn: $lacks: $missing\$" "$work/log" ||
        fail "the restore does not warn"
    drop_database copy
    drop_database small
    sql postgres "DROP ROLE limited"
}

long_it_restores_without_missing_tablespaces() {
    local b
    b=$(fresh)
    mkdir -p "$work/pg/data/space"
    [ "$(id -u)" != 0 ] || chown --reference "$work/pg/data" "$work/pg/data/space"
    sql postgres "CREATE TABLESPACE apart LOCATION '$work/pg/data/space'" "CREATE DATABASE spaced" \
        2>/dev/null
    sql spaced "CREATE TABLE t (a int) TABLESPACE apart" "INSERT INTO t VALUES (1)"
    works run backup "$b" database=spaced
    drop_database spaced
    sql postgres "DROP TABLESPACE apart"
    works run restore "$b" database=copy
    grep -q "warn: .* has no tablespace apart" "$work/log" || fail "no warning"
    [ "$(sql copy 'SELECT a FROM t')" = 1 ] || fail "no rows"
}

it_backs_up_a_standby() {
    local b standby=$work/standby data=$work/pg/data PGHOST=$PGHOST
    b=$(fresh)
    mkdir -p "$standby/socket"
    [ "$(id -u)" != 0 ] || chown -R --reference "$data" "$standby"
    echo 'local replication all trust' >>"$data/pg_hba.conf"
    sql postgres "SELECT pg_reload_conf()" >/dev/null
    until_true _pg_as_owner "$(pg_bin pg_basebackup)" -h "$PGHOST" -p "$PGPORT" -U postgres \
        -D "$standby/data" -R -X stream -c fast
    echo "unix_socket_directories = '$standby/socket'" >>"$standby/data/postgresql.conf"
    _pg_as_owner "$(pg_bin pg_ctl)" -D "$standby/data" -l "$standby/log" -w start >"$work/log" ||
        fail "the standby does not start"
    (PGHOST=$standby/socket && works run backup "$b" database=hard)
    local got=$?
    _pg_as_owner "$(pg_bin pg_ctl)" -D "$standby/data" -m immediate -w stop >/dev/null
    [ "$got" = 0 ] || fail "no backup"
    grep -q 'warn: not backed up, .*: the rows of one unlogged table' "$work/log" || fail "no warning"
    works run compare "$b" database=copy
    sql copy "INSERT INTO unlogged SELECT * FROM (VALUES (1), (2)) v"
    works pg_same hard copy "$work"
}

it_writes_a_plan() {
    local b
    b=$(fresh)
    works run backup "$b" database=hard exclude_table_data=*
    expect 0 'database copy: create, then restore hard into it' run plan "$b" database=copy
    exists copy && fail "a plan created a database"
    expect 0 'tools: PostgreSQL [0-9.]+ in ' run plan "$b" database=copy
}

it_checks_a_database() {
    expect 0 'fact tables: [0-9]+' run check "$work/none" database=hard
}

main
