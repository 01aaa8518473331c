# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# many.sh: with thousands of tables pg_dump does not get the name of each; the backup must still
# be complete.
. "$(dirname "$0")/lib.sh"

setup() {
    make_hard
    psql -X -q -v ON_ERROR_STOP=1 -d hard <<'SQL'
DO $$ BEGIN FOR i IN 1..2010 LOOP
    EXECUTE format('CREATE TABLE many_%s (id serial PRIMARY KEY, v text);'
        'INSERT INTO many_%s (v) SELECT repeat(''x'', g) FROM generate_series(1, %s) g', i, i, i % 7);
    IF i % 100 = 0 THEN COMMIT; END IF;
END LOOP; END $$;
CREATE TABLE ident (id int GENERATED ALWAYS AS IDENTITY, v int);
INSERT INTO ident (v) VALUES (1), (2), (3);
SQL
}

it_restores_an_equal_database() {
    local b
    b=$(fresh)
    works run backup "$b" database=hard
    [ -f "$b/objects/hard/large_objects.dump" ] || fail "the backup was made as for few tables"
    [ "$(wc -l <"$b/objects/hard/tables.jsonl")" -gt 2010 ] || fail "tables.jsonl has too few lines"
    works run compare "$b" database=copy # the rows; pg_same takes long
    [ -z "${HANGAR_LONG:-}" ] || works pg_same hard copy "$work"
}

long_it_writes_commands_that_restore_by_hand() {
    local b
    b=$(fresh)
    works run backup "$b" database=hard
    "$driver" commands "$b" database=hard >"$b/RESTORE.txt" 2>"$work/log" || fail commands
    sed -e 's/ -C -d postgres/ -d copy/; s/ -d hard/ -d copy/' "$b/RESTORE.txt" >"$b/restore.sh"
    sql postgres "CREATE DATABASE copy TEMPLATE template0"
    (cd "$b" && bash restore.sh >"$work/log" 2>&1) || fail "RESTORE.txt"
    _pg_rows_sorted hard >"$work/hard.rows"
    _pg_rows_sorted copy >"$work/copy.rows"
    works diff "$work/hard.rows" "$work/copy.rows"
}

long_it_selects_tables_with_their_sequences() {
    local b
    b=$(fresh)
    works run backup "$b" database=hard include_tables=many_* include_tables=ident
    works run compare "$b" database=copy
    [ "$(sql copy "SELECT last_value FROM public.many_6_id_seq" "SELECT last_value FROM public.ident_id_seq")" = \
        "6
3" ] || fail "sequences were not set"
}

# The test adds a table of its own to an extension: none that comes with the server has any.
it_backs_up_the_configuration_tables_of_extensions() {
    local b
    b=$(fresh)
    sql hard 'CREATE TABLE "Odd settings" (name text, value text, length int GENERATED ALWAYS AS (length(value)) STORED)' \
        "INSERT INTO \"Odd settings\" VALUES ('own', E'one\\ttwo'), ('shipped', 'three')" \
        'ALTER EXTENSION citext ADD TABLE "Odd settings"' "UPDATE pg_extension SET extconfig =
        ARRAY['\"Odd settings\"'::regclass::oid], extcondition = ARRAY['WHERE name <> ''shipped''']
        WHERE extname = 'citext'"
    works run backup "$b" database=hard
    grep -q $'^own\tone\\\\ttwo$' "$b/objects/hard/sequences.sql" || fail "its row is missing"
    grep -q '^COPY "public"."Odd settings" ("name", "value") FROM stdin' "$b/objects/hard/sequences.sql" ||
        fail "its COPY is missing"
    grep -q '^shipped' "$b/objects/hard/sequences.sql" && fail "a row of the extension itself was copied"
    rm -rf "$b"
    expect 8 'cannot read the extensions of database hard: .*refused_by_the_test' \
        refusing 'REFUSE=FROM ONLY "public"."Odd settings" WHERE' backup "$b" database=hard
    sql hard "UPDATE pg_extension SET extconfig = NULL, extcondition = NULL WHERE extname = 'citext'" \
        'ALTER EXTENSION citext DROP TABLE "Odd settings"' 'DROP TABLE "Odd settings"'
}

# pg_dump does not read sequences then, and no session locks them.
it_runs_no_code_of_a_view_that_takes_the_place_of_a_sequence() {
    local b backup old got mark=$work/pg/ran
    sql postgres "CREATE ROLE tenant"
    sql hard "CREATE SCHEMA theirs AUTHORIZATION tenant"
    for old in "" ${HANGAR_LONG:+1}; do
        b=$(fresh)
        rm -f "$mark"
        sql hard "SET ROLE tenant" "CREATE SEQUENCE theirs.s" "SELECT nextval('theirs.s')" \
            "CREATE SEQUENCE theirs.unused" >"$work/log"
        (
            [ -z "$old" ] || export UNRESTRICTED=1
            run --pause-object hard/sequences.sql backup "$b" database=hard jobs=1
        ) &
        backup=$!
        until_true test -e "$b/paused"
        sql hard "SET ROLE tenant" "CREATE FUNCTION theirs.run() RETURNS bigint LANGUAGE plpgsql AS \$\$
            BEGIN COPY (SELECT 1) TO PROGRAM 'touch $mark'; RETURN 1; END \$\$" \
            "ALTER SEQUENCE theirs.s RENAME TO moved" \
            "CREATE VIEW theirs.s AS SELECT theirs.run() AS last_value, true AS is_called"
        touch "$b/go"
        # pg_dump reads the sequences as well: which of the two meets the view first is open, and
        # one that is read by oid is still the sequence
        got=0
        wait "$backup" || got=$?
        [ "$got" != 0 ] || [ -n "$old" ] || fail "the backup succeeded"
        [ "$got" = 0 ] || grep -q 'access to non-system view "s" is restricted' "$work/log" ||
            fail "another reason"
        [ -e "$mark" ] && fail "the code of the view ran"
        sql hard "SET client_min_messages = warning" "DROP SCHEMA theirs CASCADE" "CREATE SCHEMA theirs AUTHORIZATION tenant"
    done
    # without the setting of the server they are read by oid
    b=$(fresh)
    sql hard "SET ROLE tenant" "CREATE SEQUENCE theirs.s" "SELECT nextval('theirs.s')" \
        "CREATE SEQUENCE theirs.unused" >"$work/log"
    UNRESTRICTED=1 expect 0 'warn: database hard: [0-9]+ sequences that were never used are stored with their start value' \
        run backup "$b" database=hard
    grep -q "setval('\"theirs\".\"s\"', 1, true)" "$b/objects/hard/sequences.sql" || fail "its value is missing"
    grep -q "setval('\"theirs\".\"unused\"', 1, false)" "$b/objects/hard/sequences.sql" || fail "a start value is missing"
    sql hard "SET client_min_messages = warning" "DROP SCHEMA theirs CASCADE" "DROP ROLE tenant"
}

main
