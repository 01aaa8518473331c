#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# A server that needs longer than stall_timeout for one statement has not stalled: it
# builds a large index, or returns the rows of a table late.  tests/fault/network.sh tests
# peers that have stalled.
. "$(dirname "$0")/lib.sh"

stall=2
takes=5

start_pg
# slow only during the restore
sql shop "CREATE FUNCTION public.slowly(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS \$\$ BEGIN
              IF current_database() = 'restored' THEN PERFORM pg_catalog.pg_sleep($takes); END IF;
              RETURN i; END \$\$;
          CREATE TABLE public.one AS SELECT 1 AS i;
          CREATE INDEX slow ON public.one (public.slowly(i))"
# its value is stored separately and read by an index
sql shop "CREATE TABLE public.large AS SELECT string_agg(md5(i::text), '') AS text FROM generate_series(1, 20000) AS i"
cat >backup.yaml <<END
version: 1
limits: { stall_timeout: ${stall}s }
sources:
$(pg_source app_db shop)
sinks:
  local: { plugin: storage-local, options: { path: ./backups } }
pipelines:
  nightly: { sources: [app_db], sinks: [local] }
END

# A session that has locked that index blocks the running COPY at its row.
psql -qX -v ON_ERROR_STOP=1 -d shop >busy.out 2>&1 <<'SQL' &
SELECT format('BEGIN; REINDEX INDEX %s', indexrelid::regclass) FROM pg_index
    WHERE indrelid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'public.large'::regclass) \gexec
\! touch busy; until [ -e enough ] || [ ! -e busy ]; do sleep 0.1; done
COMMIT;
SQL
wait_for 60 test -e busy
silent()
{
    [[ $(sql shop "SELECT count(*) FROM pg_stat_activity
        WHERE query LIKE '%COPY%large%' AND wait_event_type = 'Lock'") == 1 ]]
}

promise "a backup survives a COPY without data for longer than stall_timeout"
"$hangar_program" -c backup.yaml backup >out 2>err </dev/null &
run=$!
wait_for 60 silent
sleep "$takes"
touch enough
status=0
wait "$run" || status=$?
[[ $status == 0 ]] || { show_output; fail "exit status $status"; }
id=$(<out)

promise "a restore survives an index that needs longer than stall_timeout"
start=$SECONDS
# ANALYZE would need the same time again
expect_exit 0 hangar restore "$id" --set app_db.database=restored --set app_db.analyze=false --yes
((SECONDS - start >= takes - 1)) || fail "the statements were fast: this test has no effect"
[[ $(sql restored "SELECT indisvalid FROM pg_index WHERE indexrelid = 'public.slow'::regclass") == t ]] ||
    fail "the index was not built"
same_database shop restored

promise "with --on-error continue, a statement that the server refuses is listed, and the rest is restored"
sql shop "CREATE TABLE public.parent (id int PRIMARY KEY); CREATE TABLE public.child (id int REFERENCES public.parent);
          SET session_replication_role = replica; INSERT INTO public.child VALUES (4711)"
expect_exit 0 hangar backup
expect_exit 2 hangar restore latest --set app_db.database=part --on-error continue --mode clean --yes
expect_in err "cannot be combined with --mode clean"
expect_exit 3 hangar restore latest --set app_db.database=part --on-error continue --yes
grep -qE "failed.1 .*child_id_fkey.*violates foreign key constraint" out || { show_output; fail "it is not listed"; }
expect_in err "partly restored: the target refused 1 statements"
[[ $(cat out err) != *4711* ]] || fail "it shows the value of a row"
[[ $(sql part "SELECT count(*) FROM public.child JOIN public.one ON true") == 1 ]] || fail "rows are missing"
