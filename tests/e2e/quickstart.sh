#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# ./quickstart runs twice in a row, from another folder, while the user's servers run, and
# leaves nothing; with --config it backs up the user's servers.
. "$(dirname "$0")/lib.sh"

# the user of the server needs access
chmod 711 "$work"
mkdir "with space"
cd "with space"
export TMPDIR="$work/with space"
unset HANGAR_PLUGIN_DIR
for round in 1 2; do
    promise "round $round: the restored data is equal, and nothing is left"
    expect_exit 0 "$repository/quickstart" --build "$HANGAR_BUILD"
    expect_in "$work/out" "equal: pg_dump of shop and shop_restored"
    expect_in "$work/out" "equal: DEBUG DIGEST of both Redis servers"
    expect_in "$work/out" "hangar restore latest"
    [[ -z $(ls -A) ]] || fail "left: $(ls -A)"
done
! pgrep -f "$TMPDIR/hangar-quickstart" >/dev/null || fail "a server is left running"

promise "an interrupted quickstart cleans up"
python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.setsid()
os.execv(sys.argv[1], sys.argv[1:])' "$repository/quickstart" --build "$HANGAR_BUILD" \
    >"$work/demo.out" 2>&1 &
demo=$!
wait_for 60 grep -qs 'hangar check' "$work/demo.out"
kill -INT "-$demo"
status=0
wait "$demo" || status=$?
[[ $status == 130 ]] || { cat "$work/demo.out" >&2; fail "exit status $status"; }
[[ -z $(ls -A) ]] || fail "left: $(ls -A)"
! pgrep -f "$TMPDIR/hangar-quickstart" >/dev/null || fail "a server is left running"

promise "--config backs up the user's servers and restores nothing"
cd "$work"
TMPDIR=$work start_pg
start_redis 1
fill_redis "${redis_ports[1]}"
write_config
databases=$(sql postgres "SELECT string_agg(datname, ' ' ORDER BY 1) FROM pg_database")
expect_exit 0 "$repository/quickstart" --build "$HANGAR_BUILD" --config backup.yaml
[[ $(find backups -name manifest.json | wc -l) == 1 ]] || { show_output; fail "no backup was made"; }
[[ $(sql postgres "SELECT string_agg(datname, ' ' ORDER BY 1) FROM pg_database") == "$databases" ]] ||
    fail "quickstart restored data"
