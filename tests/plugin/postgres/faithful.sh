# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# faithful.sh: a restore gives what `pg_dump -Fc` and `pg_restore -C` give, also in what the server
# computes while it loads: generated columns, checks, materialized views, expression indexes.
. "$(dirname "$0")/lib.sh"

setup() { :; }

# All rows of a database with their generated columns, and those of materialized views.
contents() {
    local relation
    while read -r relation; do
        echo "$relation"
        psql -X -q -At -d "$1" -c "SELECT r::text FROM $relation r ORDER BY 1" || return 1
    done < <(psql -X -q -At -d "$1" -c "SELECT c.oid::regclass FROM pg_class c
        WHERE relkind IN ('r', 'p', 'm') AND relnamespace NOT IN
            ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) ORDER BY c.oid::regclass::text")
}

# as_pg_restore SQL: the database `odd`, which this makes, comes back as pg_restore brings it back:
# by a restore; with all_ways or HANGAR_LONG also in place of itself, and by hand.  as_it_was SQL:
# where pg_restore fails, as it was.
as_pg_restore() { comes_back pg_restore "$1"; }
as_it_was() { comes_back source "$1"; }

comes_back() {
    local b=$work/b
    export PGOPTIONS='-c statement_timeout=0 -c default_transaction_read_only=off'
    rm -rf "$b"
    for one in odd copy source; do drop_database "$one"; done
    sql postgres "CREATE DATABASE odd" "ALTER DATABASE odd SET myapp.tenant = '7'"
    psql -X -q -v ON_ERROR_STOP=1 -d odd >"$work/log" 2>&1 <<<"$2" || fail "the input"
    works run backup "$b" database=odd
    "$driver" commands "$b" database=odd >"$b/RESTORE.txt" 2>"$work/log" || fail commands
    if [ "$1" = pg_restore ]; then
        pg_dump -Fc -d odd >"$work/odd.dump" || fail pg_dump
        sql postgres "ALTER DATABASE odd RENAME TO source"
        pg_restore -C -e -d postgres "$work/odd.dump" 2>"$work/log" || fail pg_restore
    fi
    contents odd >"$work/oracle" || fail "the oracle"
    works run "${how:-compare}" "$b" database=copy
    works pg_same odd copy "$work"
    contents copy >"$work/contents" || fail contents
    works diff "$work/oracle" "$work/contents"
    drop_database odd
    if [ -z "${HANGAR_LONG:-}${all_ways:-}" ]; then
        sql postgres "ALTER DATABASE copy RENAME TO odd"
        return
    fi
    (cd "$b" && unset PGOPTIONS && bash RESTORE.txt >"$work/log" 2>&1) || fail "RESTORE.txt"
    contents odd >"$work/contents" || fail contents
    works diff "$work/oracle" "$work/contents"
    works run clean "$b" database=odd
    contents odd >"$work/contents" || fail contents
    works diff "$work/oracle" "$work/contents"
    drop_database copy
}

it_computes_in_the_time_zone_of_the_database() {
    all_ways=1 as_pg_restore "ALTER DATABASE odd SET timezone = 'Pacific/Auckland';
        SET timezone = 'Pacific/Auckland';
        CREATE FUNCTION day(timestamptz) RETURNS date IMMUTABLE LANGUAGE sql AS 'SELECT \$1::date';
        CREATE TABLE visits (at timestamptz, day date GENERATED ALWAYS AS (day(at)) STORED,
            hour timetz, span tstzrange);
        INSERT INTO visits VALUES ('2026-01-31 13:00+00', DEFAULT, '02:00+13', '[2026-01-31 13:00+00,)');
        CREATE INDEX ON visits (day(at));
        CREATE TABLE months (starts timestamptz CHECK (starts = date_trunc('month', starts)));
        INSERT INTO months VALUES ('2026-02-01'), ('2026-08-01'), ('1890-01-01');
        CREATE MATERIALIZED VIEW days AS SELECT day(at), at::text, current_setting('timezone')
            FROM visits"
    [ "$(sql odd "SELECT day FROM visits")" = 2026-02-01 ] || fail "another day"
}

it_computes_with_the_formats_of_the_database() {
    as_pg_restore "ALTER DATABASE odd SET datestyle = 'SQL, DMY';
        ALTER DATABASE odd SET intervalstyle = 'sql_standard';
        ALTER DATABASE odd SET extra_float_digits = -5;
        ALTER DATABASE odd SET bytea_output = 'escape';
        ALTER DATABASE odd SET quote_all_identifiers = on;
        SET datestyle = 'SQL, DMY'; SET intervalstyle = 'sql_standard'; SET extra_float_digits = -5;
        SET bytea_output = 'escape'; SET quote_all_identifiers = on;
        CREATE FUNCTION seen(d date, i interval, f float8, b bytea) RETURNS text IMMUTABLE
            LANGUAGE sql AS 'SELECT concat_ws('' '', d, i, f, b, format(''%I'', ''a''))';
        CREATE FUNCTION read(text) RETURNS date IMMUTABLE LANGUAGE sql AS 'SELECT \$1::date';
        CREATE TABLE t (id int, d date, i interval, f float8, b bytea, txt text,
            seen text GENERATED ALWAYS AS (seen(d, i, f, b)) STORED,
            day date GENERATED ALWAYS AS (read(txt)) STORED, ts timestamp, tz timestamptz,
            CHECK (read(txt) < '2026-12-01'::date));
        INSERT INTO t (id, d, i, f, b, txt, ts, tz) SELECT n, '2026-02-01'::date + n::int, (v::text)::interval, pi() * n, '\\x00ff41',
            '03/04/2026', 'infinity', '0044-03-15 12:00:00+00 BC'
        FROM unnest(ARRAY['-1 day', '+1-2 -3 +04:05:06', '-1-2 +3 -0:00:01', '-1 -2:03:04', '0',
            '1-0 -5', '-0-1 +25 +1:00', '00:00:00.000001', '-00:00:00.000001', '-178000000-11'])
            WITH ORDINALITY AS x(v, n);
        CREATE MATERIALIZED VIEW m AS SELECT seen, i::text, f::text, b::text, d::text FROM t;
        CREATE INDEX ON t (seen(d, i, f, b))"
    [ "$(sql odd "SELECT DISTINCT day FROM t")" = 03/04/2026 ] || fail "another day"
}

it_reads_the_word_null_in_arrays() {
    as_it_was "ALTER DATABASE odd SET array_nulls = off; SET array_nulls = on;
        CREATE TABLE t (a text[], b text[] DEFAULT '{NULL,\"NULL\"}');
        INSERT INTO t VALUES ('{NULL,\"NULL\",null}'); INSERT INTO t VALUES (ARRAY[NULL, 'NULL'])"
    [ "$(sql odd "SELECT count(*) FROM t WHERE b[1] IS NULL AND b[2] = 'NULL' AND a[1] IS NULL")" = 2 ] ||
        fail "NULL is a word"
}

# pg_restore makes the setting before the text search configuration, and then has another in force.
it_keeps_what_the_settings_of_the_database_choose() {
    as_it_was "ALTER DATABASE odd SET default_text_search_config = 'public.plain';
        ALTER DATABASE odd SET xmloption = 'document';
        ALTER DATABASE odd SET transform_null_equals = on;
        ALTER DATABASE odd SET lc_monetary = 'C';
        ALTER DATABASE odd SET default_transaction_read_only = on;
        ALTER DATABASE odd SET statement_timeout = 1;
        ALTER DATABASE odd SET default_transaction_isolation = 'serializable';
        ALTER DATABASE odd SET search_path = 'elsewhere';
        CREATE TEXT SEARCH CONFIGURATION public.plain (COPY = pg_catalog.simple);
        SET default_text_search_config = 'public.plain'; SET search_path = public;
        CREATE FUNCTION words(text) RETURNS tsvector IMMUTABLE LANGUAGE sql AS 'SELECT to_tsvector(\$1)';
        CREATE FUNCTION tenant() RETURNS text IMMUTABLE LANGUAGE sql AS
            'SELECT current_setting(''myapp.tenant'', true)';
        CREATE FUNCTION is_nothing(int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS
            'BEGIN RETURN \$1 = NULL; END';
        SET transform_null_equals = on; SET myapp.tenant = '7';
        CREATE TABLE t (a text, x xml, m money, n int,
            words tsvector GENERATED ALWAYS AS (public.words(a)) STORED,
            tenant text GENERATED ALWAYS AS (public.tenant()) STORED,
            nothing bool GENERATED ALWAYS AS (public.is_nothing(n)) STORED);
        INSERT INTO t VALUES ('the walking dogs', 'a<b/>', '12.34', NULL), ('running', '<c/>', '-1', 3);
        CREATE MATERIALIZED VIEW v AS SELECT public.words(a), public.tenant(), n FROM t;
        CREATE INDEX ON t USING gin (public.words(a))"
    [ "$(sql odd "SELECT words, tenant, nothing FROM public.t WHERE n IS NULL")" = \
        "'dogs':3 'the':1 'walking':2|7|t" ] || fail "computed otherwise"
}

# Each table but the last of a chain comes by its name, and by its size, before those that are read.
it_loads_tables_after_those_that_are_read_to_compute_them() {
    all_ways=1 as_it_was "CREATE TABLE orders (id int, n numeric);
        INSERT INTO orders SELECT i, i * 10 FROM generate_series(1, 20) i;
        CREATE VIEW seen AS SELECT * FROM orders;
        CREATE TABLE parts (id int, name text) PARTITION BY LIST (id);
        CREATE TABLE zparts1 PARTITION OF parts FOR VALUES IN (1, 2);
        INSERT INTO parts VALUES (1, 'one'), (2, 'two');
        CREATE TABLE \"z \"\"Odd\" (a int); INSERT INTO \"z \"\"Odd\" VALUES (1), (2);
        CREATE FUNCTION rate(int) RETURNS numeric IMMUTABLE LANGUAGE sql AS
            'SELECT n / 2 FROM public.orders WHERE id = \$1';
        CREATE FUNCTION parsed(int) RETURNS numeric IMMUTABLE
            BEGIN ATOMIC SELECT n FROM seen WHERE id = \$1; END;
        CREATE FUNCTION part(int) RETURNS text IMMUTABLE LANGUAGE plpgsql AS
            'BEGIN RETURN (SELECT name FROM public.parts WHERE id = \$1); END';
        CREATE FUNCTION is_odd(int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS
            'BEGIN RETURN EXISTS (SELECT FROM public.\"z \"\"Odd\" WHERE a = \$1); END';
        CREATE FUNCTION twice(int) RETURNS numeric IMMUTABLE LANGUAGE sql AS 'SELECT public.rate(\$1) * 2';
        CREATE DOMAIN ordered AS int CHECK (public.parsed(value) IS NOT NULL);
        CREATE TYPE pair AS (a ordered[], b int);
        CREATE TABLE a_rate (id int, rate numeric GENERATED ALWAYS AS (rate(id)) STORED,
            part text GENERATED ALWAYS AS (part(id)) STORED, twice numeric GENERATED ALWAYS AS (twice(id)) STORED,
            filler text);
        INSERT INTO a_rate (id, filler) SELECT i % 20 + 1, repeat('x', 90) FROM generate_series(1, 1000) i;
        CREATE FUNCTION sum(int, text) RETURNS numeric IMMUTABLE LANGUAGE plpgsql AS
            'BEGIN RETURN (SELECT max(rate) FROM public.a_rate WHERE id = \$1); END';
        CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = text, FUNCTION = sum);
        CREATE TABLE a_check (id int CHECK (is_odd(id)), p pair); INSERT INTO a_check VALUES (1, '({1},2)'), (2, NULL);
        CREATE TABLE a_chain (id int, g numeric GENERATED ALWAYS AS (id ### 'x'::text) STORED);
        INSERT INTO a_chain (id) VALUES (1), (7);
        CREATE TABLE a_keys (id int, k int, CHECK (is_odd(k))) PARTITION BY RANGE (part(id));
        CREATE TABLE a_keys1 PARTITION OF a_keys FOR VALUES FROM ('one') TO ('p');
        CREATE TABLE a_keys2 PARTITION OF a_keys FOR VALUES FROM ('t') TO ('tz');
        INSERT INTO a_keys VALUES (1, 1), (2, 2)"
    [ "$(sql odd "SELECT count(rate), count(part), count(twice) FROM a_rate")" = "1000|100|1000" ] || fail NULL
    [ "$(grep -c '^# Rows' "$work/b/RESTORE.txt")" = 3 ] || fail "RESTORE.txt has no phases"
}

# It is not known which table is_in reads; pg_restore loads them in the order of their names, and
# then one() needs what comes after it: there that table stays empty.
it_loads_tables_in_turn_where_their_dependencies_are_unknown() {
    local is_in="CREATE FUNCTION is_in(t text, i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
            'DECLARE n int; BEGIN EXECUTE ''SELECT count(*) FROM public.b_'' || t || '' WHERE id = '' || i INTO n;
            RETURN n; END';
        CREATE TABLE b_one (id int, c text); CREATE TABLE b_two (id int, in_one int GENERATED ALWAYS AS (is_in('one', id)) STORED);
        CREATE TABLE b_six (id int CHECK (id > 0), c text, up int CHECK (up IS NULL OR is_in('six', up) >= 0));
        INSERT INTO b_one SELECT i, 'c' FROM generate_series(1, 9) i; INSERT INTO b_two VALUES (1), (99);
        INSERT INTO b_six SELECT i, repeat('x', 99), i - 1 FROM generate_series(1, 2000) i;"
    # what a row of c_self counts depends on when it was loaded: a comparison would show that
    how=restore as_pg_restore "$is_in CREATE TABLE c_self (id int, n int, up int);
        CREATE FUNCTION count_self(int) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS
            'BEGIN RETURN (SELECT count(*) FROM public.c_self WHERE id < \$1); END';
        INSERT INTO c_self SELECT i, i FROM generate_series(1, 20000) i;
        ALTER TABLE c_self ADD COLUMN below bigint GENERATED ALWAYS AS (CASE WHEN id % 1000 = 0 THEN count_self(id) END) STORED"
    as_it_was "$is_in CREATE TABLE a_one (id int CHECK (is_in('one', id) > 0), CHECK (is_in('last', id) > 0));
        CREATE TABLE b_last (id int CHECK (is_in('one', id) > 0));
        INSERT INTO b_last VALUES (2); INSERT INTO a_one VALUES (2)"
    [ "$(cd "$work/b/objects/odd/data" && grep -l 'a_one\|b_last' -- *.sql | wc -l)" = 2 ] || fail "one object"
}

# What the server computes of the rows is compared as well, with what it had computed in the source.
it_compares_what_the_server_computes() {
    local b
    b=$(fresh)
    drop_database odd
    sql postgres "CREATE DATABASE odd"
    sql odd "CREATE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT \$1'" \
        'CREATE TABLE t ("a, b" int GENERATED ALWAYS AS (public.f(n)) STORED, txt text, n int,
            "q""c" text GENERATED ALWAYS AS (upper(txt)) STORED)' \
        "INSERT INTO t (n, txt) SELECT g, E'tab\\tnewline\\n' || g FROM generate_series(1, 3000) g" \
        "INSERT INTO t VALUES (DEFAULT, NULL, NULL, DEFAULT), (DEFAULT, '', 0, DEFAULT)" \
        "CREATE TABLE h (k int, g int GENERATED ALWAYS AS (k + 1) STORED) PARTITION BY HASH (k)" \
        "CREATE TABLE h0 (g int GENERATED ALWAYS AS (k + 1) STORED, k int)" \
        "ALTER TABLE h ATTACH PARTITION h0 FOR VALUES WITH (MODULUS 1, REMAINDER 0)" \
        "INSERT INTO h SELECT generate_series(1, 10)" "CREATE EXTENSION amcheck" \
        "CREATE INDEX by_f ON t (public.f(n))" "CREATE INDEX by_hash ON t USING hash (n)" \
        "CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM t"
    works run backup "$b" database=odd object_size=64KiB
    [ "$(grep -c . "$b/objects/odd/tables.jsonl")" = 2 ] || fail "not two tables"
    [ "$(grep -h -c '^COPY "public"."t" ("txt", "n") FROM stdin;$' "$b"/objects/odd/data/*.sql |
        paste -sd+ | bc)" -gt 1 ] || fail "the table is in one piece"
    works run compare "$b" database=copy
    [ "$(sql odd 'SELECT md5(string_agg(t::text, $$;$$ ORDER BY n, txt)) FROM t')" = \
        "$(sql copy 'SELECT md5(string_agg(t::text, $$;$$ ORDER BY n, txt)) FROM t')" ] || fail "other rows"
    grep -q 'report compared_generated: 2$' "$work/log" || fail "generated columns are not compared"
    grep -q 'report checked_indexes: 1$' "$work/log" || fail "no index was checked"
    grep -q 'report not_compared: in database copy: 1 indexes that are no B-trees, 1 materialized views$' \
        "$work/log" || fail "what was not compared is not reported"
    drop_database copy
    # an index that does not find what its expression gives
    sql odd "CREATE FUNCTION lies(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT (random() * 1e9)::int'" \
        "CREATE INDEX by_lies ON h (public.lies(k))"
    rm -rf "$b"
    works run backup "$b" database=odd
    expect 9 'cannot verify the indexes of database copy: heap tuple .* lacks matching index tuple' \
        run compare "$b" database=copy
    exists copy && fail "the database is left"
    # a function that was replaced after the rows were written
    sql odd "DROP INDEX by_lies" \
        "CREATE OR REPLACE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT \$1 + 1'"
    rm -rf "$b"
    works run backup "$b" database=odd
    expect 9 'the generated columns \("a, b", "q""c"\) of table "public"."t" have other values than in the source; hint: ' \
        run compare "$b" database=copy
    works run restore "$b" database=copy
    # a backup of hangar 0.1 knows nothing of them
    drop_database copy
    sed -i 's/,"generated".*/}/' "$b/objects/odd/tables.jsonl"
    works run compare "$b" database=copy
    grep -q 'report compared_generated: 0$' "$work/log" || fail "compared with nothing"
    drop_database copy
}

# The server of a foreign table does not answer: its partitions cannot be read, and the rest can.
it_restores_beside_foreign_tables_that_cannot_be_read() {
    local b
    b=$(fresh)
    for one in odd source; do drop_database "$one"; done
    sql postgres "CREATE DATABASE odd"
    psql -X -q -v ON_ERROR_STOP=1 -d odd >"$work/log" 2>&1 <<'SQL' || fail "the input"
CREATE EXTENSION postgres_fdw;
CREATE SERVER away FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '/nonexistent', dbname 'x');
CREATE USER MAPPING FOR postgres SERVER away;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE hashed (m mood, n int) PARTITION BY HASH (m);
CREATE TABLE hashed0 PARTITION OF hashed FOR VALUES WITH (MODULUS 1, REMAINDER 0) PARTITION BY RANGE (n);
CREATE TABLE hashed00 PARTITION OF hashed0 FOR VALUES FROM (0) TO (100);
CREATE FOREIGN TABLE hashed01 PARTITION OF hashed0 FOR VALUES FROM (100) TO (200) SERVER away;
INSERT INTO hashed VALUES ('sad', 1), ('ok', 2), ('happy', 3);
CREATE TABLE z AS SELECT generate_series(1, 100) AS a;
SQL
    works run backup "$b" database=odd
    expect 0 'cannot collect all statistics of database copy: .*/nonexistent' run compare "$b" database=copy
    [ "$(sql copy "SELECT count(DISTINCT tablename) FROM pg_stats WHERE tablename IN ('z', 'hashed00')")" = 2 ] ||
        fail "no statistics"
    [ "$(sql copy "SELECT count(*) FROM hashed00")" = 3 ] || fail "rows are missing"
}

it_restores_as_a_role_that_owns_only_the_database() {
    local b
    b=$(fresh)
    for one in odd source; do drop_database "$one"; done
    sql postgres "CREATE ROLE maker LOGIN" "CREATE ROLE gone" "CREATE DATABASE odd OWNER gone" \
        "COMMENT ON DATABASE odd IS 'mine'"
    sql odd "CREATE EXTENSION citext" "COMMENT ON EXTENSION citext IS 'ours'" "SET ROLE gone" \
        "CREATE SCHEMA s" "CREATE TABLE s.t AS SELECT 'A'::public.citext AS a" "GRANT SELECT ON s.t TO gone"
    works run backup "$b" database=odd
    drop_database odd
    sql postgres "DROP ROLE gone"
    for one in "" no_owner=true "no_owner=true no_privileges=true"; do
        sql postgres "CREATE DATABASE copy OWNER maker"
        sql copy "CREATE EXTENSION citext"
        # shellcheck disable=SC2086
        expect 8 'hint: (create the missing role|set no_comments)|no_privileges' as_maker restore "$b" database=copy globals=none $one
        drop_database copy
    done
    sql postgres "CREATE DATABASE copy OWNER maker"
    sql copy "CREATE EXTENSION citext"
    works as_maker restore "$b" database=copy globals=none no_owner=true no_privileges=true no_comments=true
    [ "$(sql copy "SELECT a, pg_get_userbyid(relowner), relacl FROM s.t, pg_class WHERE oid = 's.t'::regclass")" = \
        "A|maker|" ] || fail "another owner"
    expect 5 'maintenance database nowhere .*maintenance_db' run restore "$b" database=new maintenance_db=nowhere
    drop_database copy
    sql postgres "DROP ROLE maker"
}

# A foreign key whose trigger was switched off, a key over duplicates, an index whose function is
# not found, a view that divides by zero: the rows and the rest stay, and the values of rows are not
# shown.
it_continues_after_statements_that_fail() {
    local b
    b=$(fresh)
    for one in odd source; do drop_database "$one"; done
    sql postgres "CREATE DATABASE odd"
    psql -X -q -v ON_ERROR_STOP=1 -d odd >"$work/log" 2>&1 <<'SQL' || fail "the input"
CREATE TABLE parent (id int PRIMARY KEY, note text);
CREATE TABLE child (id int REFERENCES parent, n int);
INSERT INTO child SELECT NULL, 7;
SET session_replication_role = replica;
INSERT INTO child VALUES (4711, 7);
RESET session_replication_role;
CREATE MATERIALIZED VIEW ratio AS SELECT 1 / (n - 7) AS q FROM child WITH NO DATA;
CREATE TABLE t (v text); INSERT INTO t VALUES ('x');
CREATE FUNCTION inner_f(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT upper($1)';
CREATE FUNCTION outer_f(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN inner_f($1); END';
CREATE INDEX by_f ON t (outer_f(v));
CREATE INDEX by_v ON t (v);
UPDATE pg_class SET relispopulated = true WHERE relname = 'ratio';
SQL
    works run backup "$b" database=odd
    expect 8 'child_id_fkey|division by zero|inner_f' run restore "$b" database=copy
    exists copy && fail "the database is left"
    works run continue "$b" database=copy
    grep -q '^report failed: 3$' "$work/log" || fail "not three failures"
    for one in 'child_id_fkey.*violates foreign key' 'REFRESH MATERIALIZED VIEW.*division by zero' 'INDEX by_f.*inner_f'; do
        grep -qE "^report failed\.[123]: database copy: .*$one" "$work/log" || fail "no $one"
    done
    ! grep -q '^report.*4711' "$work/log" || fail "it shows the value of a row"
    [ "$(sql copy "SELECT count(*) FROM child" "SELECT count(*) FROM pg_class WHERE relname IN ('by_v', 'parent_pkey')")" = \
        "2
2" ] || fail "the rest is missing"
}

it_grants_as_the_role_that_granted() {
    local b
    b=$(fresh)
    for one in odd source; do drop_database "$one"; done
    sql postgres "CREATE ROLE first" "CREATE ROLE second" "CREATE DATABASE odd"
    sql odd "CREATE TABLE t (a int)" "GRANT CONNECT ON DATABASE odd TO first WITH GRANT OPTION" \
        "SET ROLE first" "GRANT CONNECT ON DATABASE odd TO second" "RESET ROLE" "GRANT TEMP ON DATABASE odd TO second"
    works run backup "$b" database=odd
    works run restore "$b" database=copy
    works pg_same odd copy "$work"
    [ "$(sql postgres "SELECT count(*) FROM pg_database, aclexplode(datacl) WHERE datname = 'copy' AND grantor = 'first'::regrole")" = 1 ] ||
        fail "another grantor"
    drop_database odd
    drop_database copy
    sql postgres "DROP ROLE second" "DROP ROLE first"
}

# An extension of another kind has the name: pg_cron itself does not come with the server.
it_refuses_to_replace_what_only_one_database_can_have() {
    local b
    b=$(fresh)
    drop_database odd
    sql postgres "CREATE DATABASE odd"
    sql odd "CREATE EXTENSION citext" "CREATE TABLE t (a int)" "UPDATE pg_extension SET extname = 'pg_cron' WHERE extname = 'citext'"
    works run backup "$b" database=odd
    expect 11 'cannot replace database odd .*pg_cron, .*cron.database_name names.*without --mode clean' \
        run clean-plan "$b" database=odd
    drop_database odd
}

as_maker() { # COMMAND DIR OPTION...
    "$driver" "$@" "host=$PGHOST" "port=$PGPORT" user=maker \
        >"$work/out" 2>"$work/log"
}

it_finds_a_setting_that_it_may_not_make_before_loading() {
    local b
    b=$(fresh)
    for one in odd source; do drop_database "$one"; done
    sql postgres "CREATE ROLE maker LOGIN CREATEDB" "CREATE DATABASE odd OWNER maker" \
        "ALTER DATABASE odd SET log_statement = 'ddl'"
    psql -X -q -U maker -d odd -c "CREATE SCHEMA s" -c "CREATE TABLE s.t AS SELECT 1 AS a" || fail input
    works run backup "$b" database=odd globals=none
    expect 4 'setting log_statement of database copy.*permission denied' as_maker restore "$b" database=copy globals=none
    ! grep -q 'alive: \(loading\|restoring\)' "$work/log" || fail "it was loaded first"
    exists copy && fail "the database is left"
    drop_database odd
    sql postgres "DROP ROLE maker"
}

globals_now() { pg_dumpall -g | grep -v -e restrict -e '^--' | sort; }

# A created role gets all that pg_dumpall writes of it; an existing role stays as it is.
it_gives_created_roles_all_that_pg_dumpall_writes() {
    local b one
    b=$(fresh)
    mkdir "$work/space" && chown --reference="$work/pg/data" "$work/space"
    sql postgres "CREATE ROLE app LOGIN PASSWORD 'x' CONNECTION LIMIT 7 VALID UNTIL '2042-01-01'" \
        'CREATE ROLE "Odd Röle" NOINHERIT' "CREATE ROLE boss CREATEROLE" "CREATE ROLE kept" \
        "CREATE ROLE adm BYPASSRLS" "GRANT adm TO boss WITH ADMIN OPTION" \
        "SET SESSION AUTHORIZATION boss" "GRANT adm TO app" "RESET SESSION AUTHORIZATION" \
        "GRANT adm TO kept" "COMMENT ON ROLE app IS 'it''s; \"here\" GRANTED BY x'" \
        'ALTER ROLE app SET search_path TO a, "b, c"' "ALTER ROLE app SET my.x TO E'a\\\\b;'" \
        "CREATE TABLESPACE space LOCATION '$work/space'" \
        'GRANT CREATE ON TABLESPACE space TO kept, "Odd Röle" WITH GRANT OPTION' \
        'SET SESSION AUTHORIZATION "Odd Röle"' "GRANT CREATE ON TABLESPACE space TO boss" \
        "RESET SESSION AUTHORIZATION" "CREATE DATABASE odd" \
        "ALTER ROLE app IN DATABASE odd SET work_mem = '3MB'"
    [ "$(sql postgres 'SHOW server_version_num')" -lt 150000 ] ||
        sql postgres "GRANT SET ON PARAMETER work_mem TO app WITH GRANT OPTION" \
            "SET SESSION AUTHORIZATION app" 'GRANT SET ON PARAMETER work_mem TO "Odd Röle"' \
            "RESET SESSION AUTHORIZATION" "GRANT ALTER SYSTEM ON PARAMETER my.thing TO app" \
            "GRANT SET ON PARAMETER log_statement TO PUBLIC"
    globals_now >"$work/oracle"
    works run backup "$b" database=odd
    drop_database odd
    for one in app boss '"Odd Röle"' adm; do sql postgres "DROP OWNED BY $one"; done
    sql postgres 'DROP ROLE app, boss, adm, "Odd Röle"' "ALTER ROLE kept LOGIN"
    works run restore "$b" database=odd
    sql postgres "ALTER ROLE kept NOLOGIN"
    globals_now >"$work/now"
    works diff "$work/oracle" "$work/now"
    [ "$(sql odd "SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = (SELECT oid
        FROM pg_database WHERE datname = 'odd')")" = '{work_mem=3MB}' ] || fail "no setting of app"
    ! grep -q warn: "$work/log" || fail "there are warnings"

    # the tablespace and a grantor without the right: reported, and no failure
    drop_database odd
    for one in app boss '"Odd Röle"' adm; do sql postgres "DROP OWNED BY $one"; done
    sql postgres "DROP ROLE boss" 'DROP ROLE "Odd Röle"' "CREATE ROLE \"Odd Röle\" NOINHERIT"
    works run restore "$b" database=odd
    grep -q 'warn: the grantor is user postgres.*GRANT ALL ON TABLESPACE space TO boss' "$work/log" ||
        fail "not reported"
    drop_database odd
    sql postgres "DROP OWNED BY boss" "DROP ROLE boss" 'DROP OWNED BY "Odd Röle", kept' \
        "DROP TABLESPACE space" "CREATE ROLE maker LOGIN CREATEROLE CREATEDB" "DROP ROLE app"
    sed -i 's/"owner": *"postgres"/"owner": "maker"/' "$b/index.json"
    # a setting that only a superuser may make
    sed -i '/my\.x/d' "$b/objects/globals.sql"
    works as_maker restore "$b" database=odd
    grep -q 'warn: role boss, which was created, lacks a privilege on tablespace space' "$work/log" ||
        fail "no word of the tablespace"
    grep -q 'warn: a role that was created lacks a privilege: permission denied for parameter work_mem; hint: run as a superuser: GRANT SET ON PARAMETER work_mem TO app' "$work/log" ||
        [ "$(sql postgres 'SHOW server_version_num')" -lt 150000 ] || fail "no word of the parameter"
    globals_now | grep -q '^GRANT adm TO app' || fail "app is no member of adm"
    drop_database odd
    sql postgres 'DROP ROLE app, boss, adm, "Odd Röle", kept, maker'
}

# Objects of hangar 0.1 begin with the settings of the session that read them.
it_loads_rows_of_format_1() {
    local b f
    b=$(fresh)
    drop_database odd
    sql postgres "CREATE DATABASE odd"
    sql odd "CREATE TABLE t AS SELECT generate_series(1, 3) AS a, '{NULL}'::text[] AS n"
    works run backup "$b" database=odd
    for f in "$b"/objects/odd/data/*.sql; do
        python3 - "$f" <<'PY' || fail "rewriting $f"
import sys
text = open(sys.argv[1]).read()
head, rest = text.split("\n\n", 1)
assert head.startswith("-- hangar postgres rows, format 2\nSET client_encoding = 'UTF8';\n")
old = """-- hangar postgres rows, format 1
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET DateStyle = 'ISO, MDY';
SET IntervalStyle = 'postgres';
SET TimeZone = 'UTC';
SET lc_monetary = 'C';
SET bytea_output = 'hex';
SET extra_float_digits = 3;
SET xmloption = 'content';
SET search_path = '';
SET row_security = off;
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET default_transaction_read_only = off;
"""
open(sys.argv[1], "w").write(old + "\n" + rest)
PY
    done
    works run compare "$b" database=copy
    [ "$(sql copy 'SELECT sum(a), count(n[1]) FROM t')" = "6|0" ] || fail "other rows"
}

main
