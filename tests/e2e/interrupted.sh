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
wait_for 90 no_sessions

promise "SIGTERM during a run: exit 143, nothing left"
interrupt TERM
[[ $status == 143 ]] || { cat run.err >&2; fail "exit status $status"; }
nothing_else

# ---- Ctrl-C, as a terminal sends it: to the whole process group ----

# Everything takes long enough: what is stored passes slowly.
sed 's/local: { plugin: storage-local,/& rate_limit: 1MiB, verify_first: never,/' backup.yaml >slow.yaml
grep -q rate_limit slow.yaml || fail "the configuration is not slow"
mkdir -m 755 tmp

nothing_runs()
{
    # children have groups of their own
    [[ -z $(grep -lsF "TMPDIR=$work/tmp" /proc/[0-9]*/environ) ]] && ! pgrep -f "$work/tmp" >/dev/null
}

at_work()
{
    "$@" || ! kill -0 "$run" 2>/dev/null
}

# ctrl_c CONDITION ARGUMENT...: starts hangar in a process group of its own, and interrupts all of
# it once the condition holds
ctrl_c()
{
    local condition=$1
    shift
    set -m
    TMPDIR=$work/tmp "$hangar_program" -c "$work/slow.yaml" "$@" >run.out 2>run.err </dev/null &
    run=$!
    set +m
    wait_for 60 at_work "$condition"
    kill -INT -- "-$run"
    status=0
    wait "$run" || status=$?
    [[ $status == 130 ]] || { cat run.out run.err; fail "exit status $status"; }
    [[ $(grep -c '^hangar: interrupted' run.err) == 1 ]] || { cat run.err; fail "not reported once"; }
    ! grep -qE 'failed|level=error' run.err || { cat run.err; fail "interrupted is called failed"; }
    wait_for 90 nothing_runs
    [[ -z $(ls tmp) ]] || fail "temporary files are left: $(find tmp)"
}

in_target()
{
    [[ $(sql postgres "SELECT count(*) FROM pg_stat_activity WHERE datname = 'target'") -gt 0 ]]
}
filled()
{
    [[ $(sql target "SELECT count(*) FROM pg_class WHERE relname = 'bulk'") == 1 ]]
}
reading()
{
    # only root may look into a process that is not dumpable
    [[ $(id -u) == 0 ]] || { sleep 2 && return; }
    [[ -n $(find "/proc/$run/fd" -lname "$work/backups/*/data/*" 2>/dev/null) ]]
}
drilling()
{
    [[ -n $(find tmp -mindepth 2 -print -quit) ]]
}

promise "Ctrl-C during a backup: nothing is left over"
ctrl_c copying backup
expect_in run.err 'hangar: interrupted; nothing is left over'
nothing_else
wait_for 90 no_sessions

promise "Ctrl-C during a restore: the new database is dropped; one that existed is named"
ctrl_c in_target restore latest --only app_db --set app_db.database=target --yes
expect_in run.err 'hangar: interrupted; nothing is left over'
[[ $(sql postgres "SELECT count(*) FROM pg_database WHERE datname = 'target'") == 0 ]] || fail "target is left"
sql postgres 'CREATE DATABASE target'
ctrl_c filled restore latest --only app_db --set app_db.database=target --yes
expect_in run.err 'hangar: interrupted; left over: source app_db: database target was empty and now holds'
sql postgres 'DROP DATABASE target'

promise "Ctrl-C during a full verification and a drill: not judged"
ctrl_c reading verify latest --level full
expect_in run.out 'not judged'
expect_in run.err 'hangar: interrupted; nothing is left over'
ctrl_c drilling verify latest --level drill
expect_in run.out 'not judged'
expect_in run.err 'hangar: interrupted; nothing is left over'
nothing_else

kills=$(sweep 3 20)
promise "killed at $kills moments: listed backups verify, and the next run succeeds"
start=$(date +%s%N)
make_backup
took_ms=$((($(date +%s%N) - start) / 1000000))
killed=0
for ((i = 0; i < kills; i++)); do
    "$hangar_program" -c "$work/backup.yaml" backup >run.out 2>run.err &
    run=$!
    sleep "$(printf '%d.%03d' $((took_ms * i / kills / 1000)) $((took_ms * i / kills % 1000)))"
    kill -KILL "$run" 2>/dev/null || true
    status=0
    wait "$run" 2>/dev/null || status=$?
    [[ $status == 0 ]] || killed=$((killed + 1))
    expect_exit 0 hangar list
    expect_exit 0 hangar verify --all --level quick
done
((killed * 4 >= kills)) || fail "only $killed of $kills runs were killed before their end"
wait_for 90 no_sessions
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
