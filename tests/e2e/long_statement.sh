#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# A server that works on one statement for longer than stall_timeout has not stalled: an
# index that takes its time is built, and the restore succeeds.  tests/fault/network.sh
# has the other side: peers that do stall are cut.
. "$(dirname "$0")/lib.sh"

stall=5
takes=12 # longer than stall_timeout, and than the 10 s after which the server is asked

start_pg
# slow where it is restored alone
sql shop "CREATE FUNCTION public.slowly(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS \$\$ BEGIN
              IF current_database() = 'restored' THEN PERFORM pg_catalog.pg_sleep($takes); END IF;
              RETURN i; END \$\$;
          CREATE TABLE public.one AS SELECT 1 AS i;
          CREATE INDEX slow ON public.one (public.slowly(i))"
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
make_backup

promise "a restore outlasts an index that takes longer than stall_timeout"
start=$SECONDS
# ANALYZE would take the time once more
expect_exit 0 hangar restore "$id" --set app_db.database=restored --set app_db.analyze=false --yes
((SECONDS - start >= takes - 1)) || fail "nothing took long: this test tests nothing"
[[ $(sql restored "SELECT indisvalid FROM pg_index WHERE indexrelid = 'public.slow'::regclass") == t ]] ||
    fail "the index was not built"
same_database shop restored
