#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# The daemon as a process: signals, crashes, restarts, notifications of systemd.  The
# sources are those of a test plugin; the clock is fast where minutes would have to pass.
. "$(dirname "$0")/lib.sh"

cp "$HANGAR_BUILD"/lib/test-plugins/hangar-*.so plugins/
chmod 755 plugins/*
fast_program=$HANGAR_BUILD/lib/daemon/hangar-fast-daemon
daemon=0

# write PIPELINES [OPTIONS of the source]
write()
{
    cat >backup.yaml <<END
version: 1
limits: { stop_timeout: 2s, jobs: 3 }
sources:
  db: { plugin: test-source, options: { objects: 3, size: 1KiB, ${2:-jobs: 1} } }
sinks:
  local: { plugin: storage-local, options: { path: ./backups } }
pipelines:
$1
END
}
minutely='  p: { sources: [db], sinks: [local], schedule: "* * * * *", timezone: UTC }'
nightly='  p: { sources: [db], sinks: [local], schedule: "0 2 * * *", timezone: UTC }'

start_daemon()
{
    : >log # before the daemon starts: the log of the previous one must not be read
    "$hangar_program" -c "$work/backup.yaml" daemon "$@" 2>log &
    daemon=$!
    wait_for 90 logged daemon.ready
}

# The clock starts at the first call and continues at each other one.
fast=100
start_fast()
{
    : >log
    export FAST_SINCE=${FAST_SINCE:-$(date +%s)}
    "$fast_program" "$hangar_program" "$work/backup.yaml" "$fast" 1768435200 2>log &
    daemon=$!
    wait_for 90 logged daemon.ready
}

# logged EVENT [COUNT]: the log of this daemon contains the event at least COUNT times
logged()
{
    (($(grep -cE "event=$1 |\"event\":\"$1\"" log) >= ${2:-1}))
}
in_log() { grep -qF -- "$1" log; }
gone() { ! kill -0 "$1" 2>/dev/null; }

# stop_daemon STATUS [SIGNAL]
stop_daemon()
{
    local status=0
    kill "-${2:-TERM}" "$daemon"
    wait "$daemon" || status=$?
    [[ $status == "$1" ]] || fail "the daemon ended with $status: $(tail -n 3 log)"
}

# The processes of jobs, one number per line.
jobs_of_daemon()
{
    pgrep -f "^hangar -c $work/backup.yaml.* run-job (backup|verify|drill) " || true
}
no_jobs() { [[ -z $(jobs_of_daemon) ]]; }

backups() { find backups -name manifest.json 2>/dev/null | wc -l; }

# ---- with the real clock ----

promise "with a wrong configuration the daemon does not start"
write '  p: { sources: [db], sinks: [local], schedule: "0 25 * * *" }'
expect_exit 2 hangar daemon
expect_in err "backup.yaml:8:"
expect_in err "hour must be from 0 to 23, not 25"
rm backup.yaml
expect_exit 2 hangar daemon

promise "SIGHUP reads the configuration again; a wrong one is refused"
write "$nightly"
start_daemon
in_log 'msg="0 2 * * *: next at ' || fail "the next run is not logged"
write '  p: { sources: [db], sinks: [nowhere], schedule: "* * * * *" }'
kill -HUP "$daemon"
wait_for 90 logged daemon.reload_failed
in_log 'unknown sink \"nowhere\"' || fail "the reason is not logged"
write '  q: { sources: [db], sinks: [local], schedule: "30 4 * * *" }'
kill -HUP "$daemon"
wait_for 90 logged daemon.reload
in_log 'msg="30 4 * * *: next at ' || fail "the new plan is not used"

promise "a second daemon on the same state folder is refused"
expect_exit 6 hangar daemon
expect_in err "another daemon uses $work/state"

promise "SIGTERM and SIGINT end the daemon"
stop_daemon 0
write '  p: { sources: [db], sinks: [local] }'
start_daemon --log-format json
wait_for 90 logged daemon.idle
stop_daemon 0 INT

promise "systemd is notified of start, reload, watchdog and stop"
cat >listen.py <<'END'
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("notify.socket")
open("listening", "w").close()
while True:
    print(s.recv(1000).decode().replace("\n", " "), flush=True)
END
python3 listen.py >notified &
listener=$!
wait_for 90 test -e listening
write '  p: { sources: [db], sinks: [local], schedule: "0 25 * * *" }'
NOTIFY_SOCKET=$work/notify.socket expect_exit 2 hangar daemon
write "$nightly"
NOTIFY_SOCKET=$work/notify.socket WATCHDOG_USEC=200000 start_daemon
wait_for 90 grep -q '^READY=1 STATUS=1 schedules of 1 pipelines' notified
[[ $(grep -m 1 READY notified) == *STATUS* ]] || fail "a daemon with a wrong configuration reported READY"
kill -HUP "$daemon"
wait_for 90 grep -qE '^RELOADING=1 MONOTONIC_USEC=[0-9]+$' notified
wait_for 90 bash -c '(($(grep -c ^READY=1 notified) == 2))'
wait_for 90 bash -c '(($(grep -c ^WATCHDOG=1 notified) >= 5))'
stop_daemon 0
wait_for 90 grep -q '^STOPPING=1' notified
kill "$listener"

promise "run-job works only under the daemon"
expect_exit 2 hangar run-job backup p 3>&-
[[ $("$hangar_program" help) != *run-job* ]] || fail "the help lists run-job"

# ---- with a fast clock ----

promise "due jobs run repeatedly"
write "$minutely"
start_fast
wait_for 60 bash -c '(($(grep -c "event=job.end .*status=done" log) >= 3))'
expect_exit 0 hangar health
[[ $(backups) -ge 3 ]] || fail "$(backups) backups"

promise "a crash in a plugin fails the run, and the daemon continues"
write "$minutely" "journal: /dev/full" # makes the plugin abort
kill -HUP "$daemon"
wait_for 60 logged job.crashed 2
in_log 'ended by signal 6 (Aborted)' || fail "the crash is not logged: $(<log)"
in_log 'status=failed' || fail "the job did not fail"
wait_for 60 grep -qs 'the process of the job crashed' "$HANGAR_STATE_DIR/history/p.jsonl"
write "$minutely"
kill -HUP "$daemon"
wait_for 90 logged daemon.reload 2
before=$(backups)
wait_for 60 bash -c "((\$(find backups -name manifest.json | wc -l) > $before))"

promise "a killed job fails, and the daemon continues"
touch hold
write "$minutely" "hold: ./hold"
kill -HUP "$daemon"
wait_for 90 logged daemon.reload 3
crashed=$(grep -c event=job.crashed log)
kill_a_job()
{
    jobs_of_daemon | xargs -r kill -KILL 2>/dev/null || true
    logged job.crashed $((crashed + 1))
}
wait_for 60 kill_a_job
in_log 'ended by signal 9 (Killed)' || fail "the kill is not logged"

promise "SIGTERM stops running jobs, and the next daemon repeats them once"
write "$nightly" "hold: ./hold"
kill -HUP "$daemon"
wait_for 90 logged daemon.reload 4
jobs_of_daemon | xargs -r kill -KILL
wait_for 90 no_jobs
stop_daemon 0
fast=6000 # an hour in 0.6 s
unset FAST_SINCE
rm -rf state backups
start_fast
wait_for 60 logged backup.start
run=$(jobs_of_daemon)
stop_daemon 0
gone "$run" || fail "the job survived the daemon"
rm hold
start_fast
wait_for 60 logged job.lost
wait_for 60 logged backup.done
[[ $(grep -c 'event=backup.start' log) == 1 ]] || fail "the job did not run exactly once: $(grep start log)"
stop_daemon 0

promise "a killed daemon loses nothing, and its jobs end with it"
for victim in daemon both; do
    rm -rf state backups
    unset FAST_SINCE
    touch hold
    start_fast
    wait_for 60 logged backup.start
    run=$(jobs_of_daemon)
    wait_for 90 grep -q '"run": "[a-z0-9]' state/daemon.json
    [[ $victim == daemon ]] || kill -KILL "$run"
    kill -KILL "$daemon"
    wait "$daemon" || true
    wait_for 90 gone "$run"
    rm hold
    start_fast
    wait_for 60 logged job.lost
    wait_for 60 logged backup.done
    stop_daemon 0
    # the leftover of the dead run is not a backup, and all listed backups are good
    expect_exit 0 hangar verify --all --level full
done

promise "a run that ended after its daemon is not repeated"
python3 - <<'END'
import json
state = json.load(open("state/daemon.json"))
last = json.loads(open("state/history/p.jsonl").readlines()[-1])
for s in state["schedules"]:
    s["started_ms"], s["run"] = s["last_ms"], last["run"]
json.dump(state, open("state/daemon.json", "w"))
END
fast=1
start_fast
stop_daemon 0
! logged job.lost && ! logged job.start || fail "repeated: $(<log)"

promise "a missed job is started once"
fast=6000
rm -rf state
unset FAST_SINCE
start_fast
stop_daemon 0
FAST_SINCE=$((FAST_SINCE - 60)) # four days have passed
start_fast
wait_for 60 logged backup.done
logged schedule.late || fail "the slow job is not logged"
stop_daemon 0

promise "a job that ignores SIGTERM is killed after stop_timeout"
rm -rf state
unset FAST_SINCE
touch hold
start_fast
wait_for 60 logged backup.start
run=$(jobs_of_daemon)
kill -STOP "$run"
stop_daemon 0
wait_for 90 gone "$run"
rm hold

promise "a job waits for a pipeline that another process has locked"
rm -rf state
unset FAST_SINCE
touch hold
hangar backup >by-hand 2>by-hand.err &
by_hand=$!
wait_for 90 bash -c 'find backups -name run.json -newer hold | grep -q .'
start_fast
wait_for 60 logged schedule.waiting
rm hold
wait "$by_hand" || fail "the run by hand failed: $(<by-hand.err)"
wait_for 60 logged backup.done
stop_daemon 0

promise "a job above max_duration is reported, and continues"
touch hold
write '  p: { sources: [db], sinks: [local], schedule: "0 2 * * *", verify: "30 2 * * *", timezone: UTC, max_duration: 2h }' "hold: ./hold"
fast=6000
rm -rf state
unset FAST_SINCE
start_fast
wait_for 60 logged job.slow # the verification is due by now, and waits
rm hold
wait_for 60 logged backup.done
wait_for 60 logged verify.done
stop_daemon 0

promise "a backup that fails is tried again, also by the next daemon; the last failure alerts"
write '  p: { sources: [db], sinks: [local], schedule: "0 2 * * *", timezone: UTC, retry: { times: 2, after: 1h } }' "fail_at: read"
fast=2400 # an hour in 1.5 s
rm -rf state backups
unset FAST_SINCE
start_fast
wait_for 120 logged schedule.retry
stop_daemon 0
grep -q '"retry"' state/history/p.jsonl || fail "the history has no retry: $(<state/history/p.jsonl)"
expect_exit 0 hangar alerts --dry-run
expect_in out "no alerts"
start_fast
tried() { (($(grep -c '"failed"' state/history/p.jsonl) == 3)); }
wait_for 120 tried
stop_daemon 0
[[ $(grep -c '"retry"' state/history/p.jsonl) == 2 ]] || fail "not two retries: $(<state/history/p.jsonl)"
expect_exit 0 hangar alerts --dry-run
expect_in out "last run failed"

promise "a planned stop is not a failure"
fast=6000
touch hold
write "$nightly" "hold: ./hold"
rm -rf state backups
unset FAST_SINCE
start_fast
wait_for 60 logged backup.start
stop_daemon 0
rm hold
grep -q '"interrupted"' state/history/p.jsonl || fail "not interrupted: $(<state/history/p.jsonl)"
expect_exit 0 hangar alerts --dry-run
expect_in out "no alerts"
