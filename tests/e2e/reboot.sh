#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# A machine fails and restarts with empty disks for its databases: the data of an
# application in PostgreSQL and Redis is restored from a scheduled backup.  The test kills
# all processes during a run, removes what a reboot removes, and starts them again.
. "$(dirname "$0")/lib.sh"

cp "$HANGAR_BUILD"/lib/test-plugins/hangar-test-{source,notifier}.so plugins/
chmod 755 plugins/*
mkdir volatile
export TMPDIR=$work/volatile
port=$(_pg_free_port)

start_servers()
{
    pg_start "$work"
    redis_start "$work/redis1"
}
start_servers
createdb shop
psql -qX -d shop -f "$repository/examples/shop/shop.sql"
fill_redis "$REDIS_PORT"
dump shop >shop.before
redis-cli -s "$REDIS_SOCKET" DEBUG DIGEST >redis.before

# `gate` is a source that blocks a run while the file `hold` exists.
cat >backup.yaml <<END
version: 1
http: { listen: "127.0.0.1:$port" }
sources:
$(pg_source app_db shop)
  cache: { plugin: redis, options: { socket: $work/redis1/redis.sock } }
  gate: { plugin: test-source, options: { objects: 1, size: 1KiB, hold: ./hold } }
transforms:
  gzip: { plugin: compress-gzip }
sinks:
  local: { plugin: storage-local, options: { path: ./backups }, retention: { keep_last: 3 } }
notifiers:
  ops: { plugin: test-notifier, options: { file: ./notified } }
pipelines:
  nightly: { sources: [app_db, cache, gate], transforms: [gzip], sinks: [local], schedule: "0 * * * *", timezone: UTC }
END

# start_daemon SPEED NOW
start_daemon()
{
    : >log # before the daemon starts: the log of the previous one must not be read
    "$HANGAR_BUILD/lib/daemon/hangar-fast-daemon" "$hangar_program" "$work/backup.yaml" "$1" "$2" 2>log &
    daemon=$!
}
logged() { grep -qE "event=$1 " log; }
# metric SERIES VALUE: the series has this value now
metric()
{
    curl -fsS "http://127.0.0.1:$port/metrics" 2>/dev/null >metrics && grep -qxF "$1 $2" metrics
}
total='backup_total{pipeline="nightly",status'
noon=1768478400 # 2026-01-15

promise "the daemon runs the scheduled backup"
start_daemon 3000 "$noon"
wait_for 60 logged backup.done
touch hold
# a run that started since has stored the databases, but not the rest
in_the_middle()
{
    local run
    run=$(find backups/nightly -maxdepth 1 -name 'backup_*' | sort | tail -n 1)
    [[ ! -e $run/manifest.json && -e $run/app_db/shop/tables.jsonl.gz && -e $run/cache/dump.rdb.gz ]]
}
wait_for 60 in_the_middle

promise "all processes are killed during a run"
job=$(pgrep -f "^hangar -c $work/backup.yaml.* run-job backup ")
postmaster=$(head -n 1 "$work/pg/data/postmaster.pid")
# shellcheck disable=SC2046 # process ids
kill -KILL "$daemon" "$job" $(pgrep -P "$postmaster") "$postmaster" "$REDIS_PID" 2>/dev/null || true
wait "$daemon" "$REDIS_PID" 2>/dev/null || true
gone() { ! kill -0 "$job" 2>/dev/null && ! kill -0 "$postmaster" 2>/dev/null; }
wait_for 90 gone
# the databases were on another disk; a reboot removes temporary files, sockets and locks
rm -rf "$work/pg" "$work/redis1" volatile
find state -name '*.lock' -delete
mkdir volatile
good=$(listed | tail -n 1)
count=$(listed | wc -l)

promise "after two missed days one job is started, and fails without the database"
start_servers
rm hold
rm -f notified
start_daemon 1 $((noon + 2 * 86400))
wait_for 60 logged job.end
[[ $(grep -c event=job.start log) == 1 ]] || fail "not once: $(<log)"
logged job.lost || fail "the lost run is not logged"
expect_in log 'database "shop" does not exist'
expect_in log status=failed

promise "metrics and alerts are correct at once: the failure, and the existing backup"
wait_for 60 metric "$total=\"failed\"}" 1
metric "$total=\"done\"}" "$count" || fail "$(grep backup_total metrics)"
metric 'backup_kept{pipeline="nightly",sink="local"}' "$count" || fail "$(grep backup_kept metrics)"
metric 'backup_running{pipeline="nightly"}' 0 || fail "it runs"
awk '/^backup_last_success_timestamp_seconds/ { exit !($2 > 0) }' metrics || fail "no last success"
wait_for 90 grep -q '^alert.firing .*pipeline=nightly' notified
[[ $(grep -c '^alert.firing' notified) == 1 ]] || fail "notified: $(<notified) $(grep alert log)"
expect_exit 0 hangar health

promise "the newest backup restores the data of the application"
[[ $(listed | tail -n 1) == "$good" ]] || fail "another backup is the newest: $(<out)"
expect_exit 0 hangar restore latest --yes
dump shop >shop.after
same "the database" shop.before shop.after
redis-cli -s "$REDIS_SOCKET" DEBUG DIGEST >redis.after
same "the cache" redis.before redis.after

promise "the next backup succeeds, and the alert is resolved"
expect_exit 0 hangar backup
expect_exit 0 hangar verify latest --level full
wait_for 90 grep -q '^alert.resolved .*pipeline=nightly' notified
kill -HUP "$daemon" # it reads the sinks again
wait_for 60 metric "$total=\"done\"}" $((count + 1))
[[ -z $(ls volatile) ]] || fail "temporary files are left: $(ls volatile)"
kill "$daemon"
wait "$daemon" || fail "the daemon failed"
