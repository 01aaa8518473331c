#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# Ctrl-C leaves nothing.  kill -9 at any moment leaves no incomplete backup that is listed,
# and nothing that blocks the next run.
. "$(dirname "$0")/lib.sh"

start_pg
# enough data to interrupt a run
sql shop "CREATE TABLE shop.bulk AS SELECT i, md5(i::text) || md5((i * 7)::text) AS text
          FROM generate_series(1, 600000) AS i"
start_redis 1
fill_redis "${redis_ports[1]}"
write_config
make_backup
good=$id

nothing_else()
{
    [[ $(find backups -mindepth 2 -maxdepth 2 -type d) == */"$good" ]] ||
        fail "left behind: $(find backups -mindepth 2 -maxdepth 2)"
    [[ $(listed) == "$good" ]] || fail "another backup is listed"
}

# The current run has written data.
copying()
{
    [[ -n $(find backups -mindepth 3 -type f -size +64k ! -path "*/$good/*" -print -quit) ]] ||
        ! kill -0 "$run" 2>/dev/null
}

# Starts a backup and sends it a signal while it writes; sets $status to its exit status.
interrupt()
{
    local attempt
    for ((attempt = 0; attempt < 20; attempt++)); do
        # background jobs of a script ignore SIGINT, and hangar keeps that
        python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$hangar_program" -c backup.yaml backup >run.out 2>run.err &
        run=$!
        wait_for 60 copying
        kill "-$1" "$run" 2>/dev/null || true
        status=0
        wait "$run" || status=$?
        # the run may have ended before the signal
        [[ $status == 0 ]] || return 0
        rm -rf "backups/nightly/$(<run.out)"
    done
    fail "no run lasted long enough to be interrupted"
}

promise "SIGINT during a run: exit 130, nothing in the sink, no server session left"
interrupt INT
[[ $status == 130 ]] || { cat run.err >&2; fail "exit status $status"; }
[[ ! -s run.out ]] || fail "an id was printed"
nothing_else
no_sessions()
{
    [[ $(sql postgres "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop'") == 0 ]]
}
wait_for 10 no_sessions

promise "SIGTERM during a run: exit 143, nothing left"
interrupt TERM
[[ $status == 143 ]] || { cat run.err >&2; fail "exit status $status"; }
nothing_else

promise "killed at 20 moments: listed backups verify, and the next run succeeds"
start=$(date +%s%N)
make_backup
took_ms=$((($(date +%s%N) - start) / 1000000))
killed=0
for ((i = 0; i < 20; i++)); do
    "$hangar_program" -c "$work/backup.yaml" backup >run.out 2>run.err &
    run=$!
    sleep "$(printf '%d.%03d' $((took_ms * i / 20 / 1000)) $((took_ms * i / 20 % 1000)))"
    kill -KILL "$run" 2>/dev/null || true
    status=0
    wait "$run" 2>/dev/null || status=$?
    [[ $status == 0 ]] || killed=$((killed + 1))
    expect_exit 0 hangar list
    expect_exit 0 hangar verify --all --level quick
done
((killed >= 5)) || fail "only $killed of 20 runs were killed before their end"
wait_for 30 no_sessions
expect_exit 0 hangar verify --all --level full
expect_exit 0 hangar verify "$good" --level full
make_backup
expect_exit 0 hangar verify "$id" --level full
ids=$(listed)
[[ ${ids%%$'\n'*} == "$id" ]] || fail "the newest backup is not listed first"

promise "an interrupted restore reports it, and the backup is unchanged"
python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$hangar_program" -c backup.yaml restore latest \
    --only app_db --set app_db.database=target --yes >run.out 2>run.err &
run=$!
loading()
{
    [[ $(sql postgres "SELECT count(*) FROM pg_stat_activity WHERE datname = 'target'") -gt 0 ]] ||
        ! kill -0 "$run" 2>/dev/null
}
wait_for 60 loading
kill -INT "$run" 2>/dev/null || true
status=0
wait "$run" || status=$?
[[ $status == 130 || $status == 0 ]] || { cat run.err >&2; fail "exit status $status"; }
expect_exit 0 hangar verify latest --level full
