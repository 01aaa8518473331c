#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# A server that works on one statement for longer than stall_timeout has not stalled: an
# index that takes its time is built, a table whose rows do not come for a while is read.
# tests/fault/network.sh has the other side: peers that do stall are cut.
. "$(dirname "$0")/lib.sh"

stall=2
takes=5

start_pg
# slow where it is restored alone
sql shop "CREATE FUNCTION public.slowly(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS \$\$ BEGIN
              IF current_database() = 'restored' THEN PERFORM pg_catalog.pg_sleep($takes); END IF;
              RETURN i; END \$\$;
          CREATE TABLE public.one AS SELECT 1 AS i;
          CREATE INDEX slow ON public.one (public.slowly(i))"
# takes a while to be read, and is caught in it
sql shop "CREATE TABLE public.large AS SELECT i, repeat(md5(i::text), 30) AS text FROM generate_series(1, 200000) AS i"
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

# The backend that reads the large table, stopped while it works, and not while it waits for
# hangar to take what it sends; false when the run came to its end before.
stop_backend()
{
    backend=
    while kill -0 "$run" 2>/dev/null; do
        backend=$(sql shop "SELECT pid FROM pg_stat_activity WHERE query LIKE '%COPY%large%'
            AND state = 'active' AND wait_event IS NULL AND pid <> pg_backend_pid()")
        [[ -n $backend ]] || continue
        kill -STOP "$backend"
        [[ $(sql shop "SELECT state = 'active' AND wait_event IS NULL FROM pg_stat_activity
            WHERE pid = $backend") != t ]] || return 0
        kill -CONT "$backend"
    done
    return 1
}

promise "a backup outlasts a COPY that gives nothing for longer than stall_timeout"
stopped=
for ((attempt = 0; attempt < 20; attempt++)); do
    "$hangar_program" -c backup.yaml backup >out 2>err </dev/null &
    run=$!
    ! stop_backend || stopped=yes
    if [[ -n $stopped ]]; then
        sleep "$takes"
        kill -CONT "$backend"
    fi
    status=0
    wait "$run" || status=$?
    [[ $status == 0 ]] || { show_output; fail "exit status $status"; }
    [[ -z $stopped ]] || break
done
[[ -n $stopped ]] || fail "no COPY was caught at work"
id=$(<out)

promise "a restore outlasts an index that takes longer than stall_timeout"
start=$SECONDS
# ANALYZE would take the time once more
expect_exit 0 hangar restore "$id" --set app_db.database=restored --set app_db.analyze=false --yes
((SECONDS - start >= takes - 1)) || fail "nothing took long: this test tests nothing"
[[ $(sql restored "SELECT indisvalid FROM pg_index WHERE indexrelid = 'public.slow'::regclass") == t ]] ||
    fail "the index was not built"
same_database shop restored
