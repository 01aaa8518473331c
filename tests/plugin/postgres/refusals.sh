# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# refusals.sh: a job that cannot work is refused, with a message that names the cause, and leaves
# nothing behind.  The server requires passwords on TCP.
PG_TCP=1
. "$(dirname "$0")/lib.sh"

setup() {
    sql postgres "CREATE DATABASE small" "CREATE ROLE limited LOGIN" \
        "CREATE ROLE plain LOGIN PASSWORD 'right-canary-7391'"
    sql small "CREATE TABLE t (a int, b text)" \
        "INSERT INTO t SELECT g, repeat('x', g) FROM generate_series(1, 100) g" \
        "CREATE TABLE closed (a int)" "GRANT SELECT ON t TO limited"
    works run backup "$work/small" database=small
}

it_refuses_a_target_with_data() {
    expect 6 'cannot restore into database small on .*: it is not empty, it has 2 tables; hint: .*--set .*\.database=NAME' \
        run restore "$work/small" database=small
    sql postgres "CREATE DATABASE used"
    sql used "CREATE TYPE e AS ENUM ('a')" "SELECT lo_create(1)" >/dev/null
    expect 6 'it has 1 types, 1 large objects' run restore "$work/small" database=used
    drop_database used
}

it_refuses_wrong_passwords() {
    printf 'wrong-canary-1234\n' >"$work/wrong"
    chmod 600 "$work/wrong"
    expect 4 'rc 4: cannot connect to database small on .*password authentication failed for user "plain"' \
        run check "$work/none" database=small host=127.0.0.1 user=plain "password=@$work/wrong"
    expect 4 'no password supplied; hint: set password_file, password_command, password or passfile to the password of role plain ' \
        run backup "$work/none" database=small host=127.0.0.1 user=plain
    grep -q canary "$work/log" && fail "the log shows the password"
    expect 4 'role "nobody_here" does not exist|no pg_hba' \
        run check "$work/none" database=small user=nobody_here
    return 0
}

it_reports_a_missing_database_and_server() {
    expect 5 'cannot connect to the maintenance database missing on .*; hint: set maintenance_db to one that exists' \
        run restore "$work/small" database=copy maintenance_db=missing
    expect 5 'rc 5: cannot connect to database missing on .*: .*database "missing" does not exist' \
        run backup "$work/none" database=missing
    rm -rf "$work/none"
    expect 8 'Connection refused|No such file' run check "$work/none" database=small port=1
}

it_hides_passwords() {
    local b=$work/canary pid seen=no
    printf 'right-canary-7391\n' >"$work/right"
    chmod 600 "$work/right"
    sql postgres "ALTER ROLE plain SUPERUSER"
    # so large that pg_dump cannot end before its output is read
    sql small "SELECT lo_from_bytea(77, decode(repeat('00ff', 2000000), 'hex'))" >/dev/null
    run --pause-object small/schema.dump backup "$b" database=small host=127.0.0.1 user=plain \
        "password=@$work/right" jobs=1 object_size=1MiB &
    until_true test -e "$b/paused"
    for pid in /proc/[0-9]*; do
        _words "$pid/cmdline" | grep -q canary-7391 && fail "it is in $pid/cmdline"
        _words "$pid/environ" | grep -q canary-7391 && fail "it is in $pid/environ"
        _words "$pid/environ" | grep -q "^PGPASSFILE=$work" && seen=yes
    done
    [ "$seen" = yes ] || fail "no child was found"
    find "$work" -name passfile | grep -q . || fail "there is no passfile"
    [ "$(find "$work" -name passfile -printf '%m')" = 600 ] || fail "others can read the passfile"
    touch "$b/go"
    works wait $!
    grep -q canary "$work/log" && fail "the log shows the password"
    grep -rlq canary "$b" && fail "the password is in the backup"
    find "$work" -name passfile | grep -q . && fail "the passfile remains"
    sql small "SELECT lo_unlink(77)" >/dev/null
    sql postgres "ALTER ROLE plain NOSUPERUSER"
}

_words() { tr '\0' '\n' 2>/dev/null <"$1"; }

it_requires_client_tools() {
    mkdir -p "$work/empty"
    expect 5 'cannot find pg_dump, pg_dumpall and pg_restore in .*/empty; hint: install postgresql-client-[0-9]+' \
        run backup "$work/none" database=small "bin_dir=$work/empty"
    rm -rf "$work/none"
    local tool
    for tool in pg_dump pg_dumpall pg_restore; do
        printf '#!/bin/sh\necho "%s (PostgreSQL) 10.3"\n' "$tool" >"$work/empty/$tool"
        chmod 755 "$work/empty/$tool"
    done
    expect 11 'in .*/empty: the newest has version 10, but the server needs [0-9]+ or newer; hint: install' \
        run check "$work/none" database=small "bin_dir=$work/empty"
    rm -rf "$work/empty"
}

it_refuses_an_older_server() {
    local b command
    b=$(fresh)
    works run backup "$b" database=small
    sed -i 's/"server_version_num": *"[0-9]*"/"server_version_num": "990001"/' "$b/index.json"
    grep -q 990001 "$b/index.json" || fail "the version was not changed"
    for command in plan restore clean-plan clean; do
        expect 11 'which is older than that of the backup .* hint: restore into PostgreSQL 99 or newer, or set older_server to try' \
            run "$command" "$b" database=copy
        exists copy && fail "a database was created"
    done
    expect 0 'versions: from PostgreSQL .* into PostgreSQL 15' run plan "$b" database=copy older_server=try
    grep -q 'warn: .*stops at the first statement' "$work/log" || fail "no warning"
    works run restore "$b" database=copy older_server=try
    drop_database copy
}

it_requires_privileges() {
    expect 4 'user limited may not read public.closed; hint: GRANT' \
        "$driver_as_limited" check "$work/none"
    expect 4 'cannot lock the tables of database small: permission denied for table closed' \
        "$driver_as_limited" backup "$work/none"
    rm -rf "$work/none"
    sql small "CREATE TABLE rows (a int)" "ALTER TABLE rows ENABLE ROW LEVEL SECURITY" \
        "CREATE POLICY p ON rows USING (a > 1)" "GRANT SELECT ON ALL TABLES IN SCHEMA public TO limited"
    expect 4 'would see only the rows that policies show of public.rows; hint: ALTER ROLE' \
        "$driver_as_limited" check "$work/none"
    expect 4 'row-level security' "$driver_as_limited" backup "$work/none"
    rm -rf "$work/none"
    expect 4 'cannot create database copy on .*: user limited may not create databases; hint' \
        "$driver_as_limited" restore "$work/small" database=copy
    sql small "DROP TABLE rows" "SELECT lo_create(4242)" "SELECT lo_create(4243)" \
        "GRANT SELECT ON LARGE OBJECT 4243 TO limited" >"$work/log"
    expect 4 'may not read 1 large objects, the first is 4242; hint: .* lo_compat_privileges' \
        "$driver_as_limited" check "$work/none"
    sql small "GRANT SELECT ON LARGE OBJECT 4242 TO PUBLIC"
    works "$driver_as_limited" check "$work/none"
    sql small "SELECT lo_unlink(4242)" "SELECT lo_unlink(4243)" "REVOKE SELECT ON closed FROM limited" >"$work/log"
}

driver_as_limited=limited_run
limited_run() {
    local command=$1 dir=$2
    shift 2
    [ $# -gt 0 ] || set -- database=small
    "$driver" "$command" "$dir" "host=$PGHOST" "port=$PGPORT" user=limited "$@" >"$work/out" 2>"$work/log"
}

# What a check finds is what a backup would find at night.
it_refuses_limits_that_are_too_low_for_a_backup() {
    local statement
    sql postgres "GRANT pg_read_all_data TO limited"
    for statement in "ROLE limited" "DATABASE small"; do
        sql postgres "ALTER $statement CONNECTION LIMIT 5"
        works "$driver_as_limited" check "$work/none" database=small jobs=3
        expect 2 'too many connections for .*; hint: end some sessions, or raise the limit \(ALTER .*, or set jobs to less than 4: a backup opens jobs \+ 2 sessions' \
            "$driver_as_limited" check "$work/none" database=small jobs=4
        sql postgres "ALTER $statement CONNECTION LIMIT -1"
    done
    sql postgres "REVOKE pg_read_all_data FROM limited"
}

it_names_the_missing_role() {
    local b
    b=$(fresh)
    sql postgres "CREATE ROLE owner_of_t"
    sql small "ALTER TABLE t OWNER TO owner_of_t"
    works run backup "$b" database=small
    sql small "ALTER TABLE t OWNER TO postgres"
    sql postgres "DROP ROLE owner_of_t"
    expect 8 'role "owner_of_t" does not exist' run restore "$b" database=copy globals=none
    grep -q "hint: create the missing role, or set globals to missing" "$work/log" || fail "no hint"
    # nothing that is set already
    sed -i '/owner_of_t/d' "$b/objects/globals.sql"
    expect 8 'hint: create the missing role, which the backup does not have' run restore "$b" database=copy
    exists copy && fail "the database still exists"
    return 0
}

# Changes an object with a command, and expects the restore to fail and to leave nothing.
broken() { # BACKUP OBJECT COMMAND...
    local b=$1 object=$1/objects/$2 text=$3
    shift 3
    cp "$object" "$work/kept"
    "$@" "$object"
    cmp -s "$object" "$work/kept" && fail "nothing was changed"
    expect "${want:-9}" "$text" run restore "$b" database=copy
    exists copy && fail "the database still exists after: $*"
    cp "$work/kept" "$object"
}

it_detects_changed_rows() {
    local b=$work/small o=small/data/0001.sql size
    broken "$b" $o 'row count or digest does not match the trailer' sed -i 's/^5\txxxxx$/5\txxxyx/'
    broken "$b" $o 'row count or digest does not match the trailer' sed -i '/^7\txxxxxxx$/d'
    broken "$b" $o 'row count or digest does not match the trailer' sed -i 's/^-- rows: 100/-- rows: 101/'
    broken "$b" $o 'missing data for column' sed -i 's/^9\t.*/9/'
    # sound data that a type does not accept is no proof that the backup is bad
    want=8 broken "$b" $o 'invalid input syntax' sed -i 's/^9\t/9x\t/'
    broken "$b" $o 'it is truncated' sed -i '/^7\t/,$d'
    broken "$b" $o 'it is truncated' sed -i '/^\\\.$/,$d'
    broken "$b" $o 'table .* has 0 rows, the backup has 100' sed -i '/^$/,$d'
    size=$(stat -c %s "$b/objects/$o")
    broken "$b" $o 'it is truncated' truncate -s $((size - 1))
    return 0
}

it_refuses_statements_in_objects_with_rows() {
    local b=$work/small o=small/data/0001.sql
    broken "$b" $o 'line that hangar did not write' sed -i 's/^COPY .*/DROP TABLE t;\n&/'
    broken "$b" $o 'line that hangar did not write' sed -i 's/^COPY .*/\\! touch x\n&/'
    broken "$b" $o 'line that hangar did not write' sed -i 's/ FROM stdin;/ FROM PROGRAM '"'x'"';/'
    broken "$b" $o 'settings at its head are not those that hangar writes' sed -i 's/^SET row_security = off/SET role = x/'
    broken "$b" $o 'settings at its head are not those that hangar writes' sed -i "s/'UTF8'/'UTF8'; DROP/"
    broken "$b" $o 'settings at its head are missing' sed -i "s/'UTF8'/'UTF8''/"
    broken "$b" $o 'its format is unknown' sed -i '1s/format 2/format 3/'
    broken "$b" $o 'settings at its head are not those that hangar writes' sed -i '1s/format 2/format 1/'
    broken "$b" $o 'line that hangar did not write' sed -i 's/^COPY .*/SELECT pg_catalog.setval('"'x'"', 1, true);\n&/'
    broken "$b" small/tables.jsonl 'has a line that hangar did not write' sed -i '1s/^{/[/'
    broken "$b" small/tables.jsonl 'has 100 rows, as the backup has, but their contents differ' \
        sed -i 's/"digest":"[0-9a-f]\{8\}/"digest":"00000000/'
    broken "$b" small/tables.jsonl 'has 100 rows, the backup has 99' sed -i 's/"rows":100/"rows":99/'
    return 0
}

it_refuses_a_broken_archive() {
    local b=$work/small
    cp "$b/objects/small/schema.dump" "$work/kept"
    truncate -s 200 "$b/objects/small/schema.dump"
    expect 8 'cannot restore the pre-data of database copy: pg_restore ended' run restore "$b" database=copy
    exists copy && fail "the database still exists"
    cp "$work/kept" "$b/objects/small/schema.dump"
}

it_reports_what_stays_in_an_existing_database() {
    sql postgres "CREATE DATABASE kept"
    sed -i 's/^5\txxxxx$/5\txxxyx/' "$work/small/objects/small/data/0001.sql"
    expect 9 'warn: database kept was empty and now holds a part of the backup; hint: drop' \
        run restore "$work/small" database=kept
    sed -i 's/^5\txxxyx$/5\txxxxx/' "$work/small/objects/small/data/0001.sql"
    exists kept || fail "an existing database was dropped"
    drop_database kept
}

# What the operator of the source can change is named, and what is true only during the restore is
# not.
it_explains_errors_of_restored_code() {
    local b
    b=$(fresh)
    sql postgres "CREATE DATABASE code"
    sql code "SET search_path = public" "CREATE TABLE t (a text)" "INSERT INTO t VALUES ('x')" \
        "CREATE FUNCTION inner_one(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT \$1'" \
        "CREATE FUNCTION outer_one(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT inner_one(\$1)'" \
        "CREATE INDEX by_outer ON t (outer_one(a))"
    works run backup "$b" database=code
    expect 8 'function inner_one\(text\) does not exist.*; hint: function outer_one finds names by search_path, which is empty while a database is restored, as with pg_restore: ALTER FUNCTION outer_one SET search_path' \
        run restore "$b" database=copy
    ! grep -q 'died unexpectedly' "$work/log" || fail "a worker that ended is reported"
    rm -rf "$b"
    sql code "DROP INDEX by_outer" "SET search_path = public" \
        "CREATE FUNCTION computed(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN inner_one(\$1); END'" \
        "ALTER TABLE t ADD b text GENERATED ALWAYS AS (computed(a)) STORED"
    works run backup "$b" database=code
    expect 8 'function inner_one\(text\) does not exist.*COPY t, line 1.*; hint: function public.computed\(text\) finds names by search_path' \
        run restore "$b" database=copy
    rm -rf "$b"
    sql code "ALTER TABLE t DROP b" "CREATE FUNCTION here(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS
        'BEGIN IF current_database() <> ''code'' THEN RAISE ''only in code'' USING HINT = ''set a.database to ''
        || current_database(); END IF; RETURN \$1; END'" "CREATE INDEX by_here ON t (here(a))"
    works run backup "$b" database=code
    expect 8 'only in code.*HINT: set a.database to copy' run restore "$b" database=copy
    expect 8 'only in code.*; hint: hangar_new_[0-9a-z_]* is the new database that was to replace code' \
        run clean "$b" database=code
    ! grep -q 'set a.database to' "$work/log" || fail "the hint names the database that is gone"
    drop_database code
}

it_refuses_options_that_contradict() {
    expect 3 'is required, unless databases is set' run check "$work/none"
    expect 3 'cannot be combined with database' run check "$work/none" database=a databases=b
    expect 3 'names b twice' run check "$work/none" databases=b databases=b
    expect 3 'cannot be combined with password' run check "$work/none" database=a password=x passfile=/x
}

# Whichever statement the server refuses, the message names it, and nothing is left.
it_reports_the_refused_statement() {
    local command part message
    while IFS='|' read -r command part message; do
        rm -rf "$work/none"
        case $command in
            restore | compare)
                expect '8' "$message.*refused_by_the_test" refusing "REFUSE=$part" "$command" "$work/small" database=copy
                exists copy && fail "the database still exists"
                ;;
            *) expect '8' "$message.*refused_by_the_test" refusing "REFUSE=$part" "$command" "$work/none" database=small ;;
        esac
        works no_sessions_left
    done <<'END'
check|has_table_privilege|cannot read the privileges on the tables of database small: 
check|pg_largeobject_metadata|cannot read the privileges on the large objects of database small
check|pg_database_size|cannot determine the size of database small: 
check|synchronize_seqscans|cannot set up a session in database small: 
backup|BEGIN ISOLATION|cannot begin a transaction in database small: 
backup|LOCK TABLE|cannot lock the tables of database small: 
backup|pg_export_snapshot|cannot export a snapshot of database small: 
backup|SET TRANSACTION SNAPSHOT|cannot use the snapshot of database small in another session: 
backup|datistemplate AS is_template|cannot read the properties of database small: 
backup|attgenerated|cannot read the columns of database small: 
backup|TO STDOUT|cannot read .* of database small: 
restore|rolcreatedb|cannot read the privileges of this role: 
restore|CREATE DATABASE|cannot create database copy
restore|SELECT FROM pg_roles WHERE rolname|cannot determine whether role .* exists: 
restore|FROM STDIN|cannot load .*public.*: 
restore|txid_current|cannot end the load of database copy: 
compare|TO STDOUT|cannot read back table .* of database copy: 
END
}

main
