#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# Two months of backups, one a day, and those that retention keeps; a wrong clock removes
# nothing; backups on hold are kept.
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
    retention: { keep_days: 7, keep_weekly: 4, keep_monthly: 6, min_keep: 2, timezone: UTC,
                 delete_grace: 0 }
pipelines:
  nightly: { sources: [cache], sinks: [local] }
END

# at N COMMAND...: runs it at 02:00 on day N, counted from 0, plus N minutes, so that no
# backup has an age of whole days
start=2026-01-01
at()
{
    local day=$1
    shift
    local seconds=$(($(date -u -d "$start 02:00" +%s) + day * 86400 + day % 60 * 60))
    TZ=UTC FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1 \
        with_clock "@$(date -u -d "@$seconds" '+%F %T')" "$@"
}
at_hangar()
{
    at "$1" "$hangar_program" -c "$work/backup.yaml" "${@:2}"
}

# The expected backups after a backup on each of the days 0 to $1, computed independently.
expected()
{
    python3 - "$start" "$1" <<'END'
import datetime as d, sys
first = d.datetime.fromisoformat(sys.argv[1])
kept = []
for n in range(int(sys.argv[2]) + 1):
    now = first + d.timedelta(days=n, hours=2, minutes=n % 60)
    kept = [now] + kept
    stay = {t for t in kept if now - t < d.timedelta(days=7)} | set(kept[:2])
    for periods, key in ((4, lambda t: t.isocalendar()[:2]), (6, lambda t: (t.year, t.month))):
        seen = []
        for t in kept:
            if key(t) not in seen:
                seen.append(key(t))
                if len(seen) <= periods:
                    stay.add(t)
    kept = [t for t in kept if t in stay]
print('\n'.join(t.strftime('backup_%Y-%m-%dT%H-%M') for t in kept))
END
}

listed_minutes()
{
    listed | cut -c 1-23
}

promise "after each of 60 days the backups are those that the rules keep"
days=60
for ((day = 0; day < days; day++)); do
    expect_exit 0 at_hangar "$day" backup
    if ((day % 10 == 9)); then
        expected "$day" >expected
        listed_minutes >found
        same "backups after day $day" expected found
    fi
done
(($(wc -l <found) > 10)) || fail "too few backups are left for this test"
[[ $(find backups/nightly -maxdepth 1 -name 'backup_*' | wc -l) == $(wc -l <found) ]] || fail "folders are left"
expect_exit 0 hangar verify --all --level full
last=$((days - 1))

promise "a dry run prints each backup with its reason, and changes nothing"
newest=$(listed | sed -n 1p)
expect_exit 0 at_hangar $((last + 5)) prune --dry-run
expect_output "nightly in local: would keep"
expect_output "keep    $newest"
expect_output "weekly 2026-W09"
expect_output "no rule keeps it"
expect_exit 0 at_hangar $((last + 5)) --json prune --dry-run
oldest=$(json 'd["sinks"][0]["oldest_time"][:10]')
kept=$(json 'd["sinks"][0]["kept"]')
[[ $(json 'd["sinks"][0]["removed"]') -gt 0 ]] || fail "nothing would be removed"
listed_minutes >now
same "backups after a dry run" found now
expect_exit 0 at_hangar $((last + 5)) status
expect_output "local: next prune keeps $kept of $(wc -l <found), oldest $oldest"

promise "without a terminal and without --yes nothing is removed"
expect_exit 2 at_hangar $((last + 5)) prune
expect_output "add --yes"

promise "a clock ten years ahead removes nothing, by hand or after a backup"
expect_exit 1 at_hangar $((last + 3650)) prune --yes
expect_output "since the newest backup"
expect_exit 0 at_hangar $((last + 3650)) backup
future=$(<out)
expect_output "prune.failed"
listed_minutes | tail -n +2 >now
same "backups with a clock that is ahead" found now

promise "a backup with a time in the future stops retention until it is removed"
expect_exit 1 at_hangar $((last + 1)) prune --yes
expect_output "$future is from the future (2036-"
expect_exit 0 at_hangar $((last + 1)) remove "$future" --yes
listed_minutes >now
same "backups without the one from the future" found now

promise "with a clock a day behind, prune is refused"
expect_exit 1 at_hangar $((last - 1)) prune --yes
expect_output "the clock shows"
listed_minutes >now
same "backups with a clock that is behind" found now

promise "a backup on hold is never removed"
held=$(listed | tail -n 1)
expect_exit 0 hangar hold "$held"
expect_exit 1 hangar remove "$held" --yes
expect_output "is held"
at "$last" "$hangar_program" -c backup.yaml prune --yes >/dev/null 2>&1
sed -i 's/keep_days: 7, keep_weekly: 4, keep_monthly: 6/keep_last: 1, keep_monthly: 1/' backup.yaml
expect_exit 0 at_hangar "$last" prune --yes
[[ $(listed | wc -l) == 3 && $(listed | tail -n 1) == "$held" ]] || fail "not exactly the 2 newest and the backup on hold"
expect_exit 0 hangar unhold "$held"
expect_exit 0 at_hangar "$last" prune --yes
[[ $(listed | wc -l) == 2 ]] || fail "the backup is not removed"
expect_exit 0 hangar verify --all --level full
expect_exit 5 hangar remove "$held" --yes

promise "a failed run removes nothing; a successful run prunes at its end"
expect_exit 0 at_hangar $((last + 1)) backup
expect_exit 0 at_hangar $((last + 2)) backup
sed -i 's/keep_last: 1, keep_monthly: 1, min_keep: 2/keep_last: 1, min_keep: 1/' backup.yaml
listed_minutes >found
redis_stop redis1
expect_exit 1 at_hangar $((last + 3)) backup
listed_minutes >now
same "backups after a run that failed" found now
rm redis1/redis.pid 2>/dev/null || true
start_redis 1
sed -i "s/port: [0-9]*/port: ${redis_ports[1]}/" backup.yaml
expect_exit 0 at_hangar $((last + 3)) backup
[[ $(listed | wc -l) == 1 ]] || fail "more than one is left"
expect_exit 0 hangar verify latest --level full

