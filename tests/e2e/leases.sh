#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# Several hosts, one sink: two runs at once never mix; another host removes the leftovers
# of a dead run; a run that was considered dead cannot commit when it continues.  In this
# test a host is a state folder.
. "$(dirname "$0")/lib.sh"

start_redis 1
fill_redis "${redis_ports[1]}"
cat >backup.yaml <<END
version: 1
origin: here
sources:
$(redis_source cache 1)
sinks:
  local:
    plugin: storage-local
    options: { path: ./backups }
    retention: { keep_last: 50 }
pipelines:
  nightly: { sources: [cache], sinks: [local] }
END
redis_pid=$(<redis1/redis.pid)

on()
{
    HANGAR_STATE_DIR=$work/state-$1 "$hangar_program" -c "$work/backup.yaml" "${@:2}"
}

promise "two hosts at once: each makes a complete backup or fails"
good=0
rounds=$(sweep 2 5)
for ((round = 0; round < rounds; round++)); do
    on a backup >a.out 2>a.err &
    a=$!
    on b backup >b.out 2>b.err &
    b=$!
    for run in "$a" "$b"; do
        status=0
        wait "$run" || status=$?
        [[ $status != 0 ]] || good=$((good + 1))
    done
done
((good >= rounds)) || fail "only $good of $((2 * rounds)) runs succeeded"
[[ $(listed | wc -l) == "$good" ]] || fail "$good succeeded, listed are $(listed | wc -l)"
expect_exit 0 hangar verify --all --level full
[[ $(find backups/nightly -mindepth 1 -maxdepth 1 -type d | wc -l) == "$good" ]] ||
    fail "folders without a backup"

# Starts a run on host a that cannot continue; sets $run to its process and $begun to its
# folder.
has_begun()
{
    begun=$(find backups -name run.json -newer before -printf '%h' -quit)
    [[ -n $begun && ! -e $begun/manifest.json ]]
}
begin_run()
{
    sleep 0.02
    touch before
    kill -STOP "$redis_pid"
    # not in a function: $! would be its shell
    HANGAR_STATE_DIR=$work/state-a "$hangar_program" -c backup.yaml backup >run.out 2>run.err &
    run=$!
    wait_for 90 has_begun
}

promise "a second run on one host is refused: the pipeline is busy"
begin_run
expect_exit 6 on a backup
expect_exit 6 on a prune --yes
expect_exit 0 on a prune --dry-run
promise "a running backup is not touched by another host"
expect_exit 0 on b --json prune --yes
[[ $(json '[l["action"] for l in d["sinks"][0]["leftovers"]]') == "['waiting']" ]] ||
    fail "the running backup was disturbed"

promise "the clock of another host, hours ahead or behind, does not end a lease: the store's clock does"
# as on a network file system: the files have the times of the server, the processes their own
for offset in +2h -2h; do
    # a host that is behind sees backups from the future, and removes nothing with that reason
    HANGAR_STATE_DIR=$work/state-c NO_FAKE_STAT=1 FAKETIME_DONT_FAKE_MONOTONIC=1 \
        with_clock "$offset" "$hangar_program" -c "$work/backup.yaml" --json prune --yes \
        >out 2>err || [[ $offset == -2h && $(<err) == *"from the future"* ]] ||
        { cat err >&2; fail "prune of a host $offset"; }
    [[ $(json '[l["action"] for l in d["sinks"][0]["leftovers"]]') == "['waiting']" ]] ||
        fail "a host $offset took the lease of a living run"
done
kill -CONT "$redis_pid"
wait "$run" || fail "the run failed: $(<run.err)"
good=$((good + 1))

promise "a run that was suspended and removed by another host cannot commit"
begin_run
kill -STOP "$run"
kill -CONT "$redis_pid"
touch -d '2 hours ago' "$begun/run.json"
expect_exit 0 on b --json prune --yes
[[ $(json '[l["action"] for l in d["sinks"][0]["leftovers"]]') == "['claimed']" ]] ||
    fail "the leftover was not claimed"
[[ $(ls "$begun") == manifest.json ]] || fail "more than the mark is left"
[[ $(listed | wc -l) == "$good" ]] || fail "the mark is listed as a backup"
expect_exit 0 hangar show latest
expect_exit 5 hangar show "${begun##*/}"
expect_exit 0 hangar verify --all --level quick
kill -CONT "$run"
status=0
wait "$run" || status=$?
[[ $status == 1 ]] || { cat run.err >&2; fail "exit status $status"; }
[[ ! -s run.out ]] || fail "an id was printed"
[[ $(listed | wc -l) == "$good" ]] || fail "the backup is listed"
[[ ! -e $begun ]] || fail "left: $(ls "$begun")"

promise "leftovers of a killed run are claimed after its lease, and removed a week later"
begin_run
kill -KILL "$run"
wait "$run" 2>/dev/null || true
kill -CONT "$redis_pid"
expect_exit 0 on a backup
good=$((good + 1))
[[ -e $begun/run.json ]] || fail "the folder of a run that may be alive was removed"
touch -d '61 minutes ago' "$begun/run.json"
expect_exit 0 on b backup
good=$((good + 1))
[[ $(ls "$begun") == manifest.json ]] || fail "the next backup did not clean up"
touch -d '6 days ago' "$begun/manifest.json"
expect_exit 0 on b prune --yes
[[ -e $begun/manifest.json ]] || fail "the mark was removed too early"
touch -d '8 days ago' "$begun/manifest.json"
expect_exit 0 on b prune --yes
[[ ! -e $begun ]] || fail "the mark is not removed"
[[ $(listed | wc -l) == "$good" ]] || fail "$(listed | wc -l) backups instead of $good"
expect_exit 0 hangar verify --all --level full
