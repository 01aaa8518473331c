#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# Retention on special days: a repeated hour, a skipped hour, a leap day, the end of a
# year.
. "$(dirname "$0")/lib.sh"

start_redis 1

# rules TEXT: writes a configuration with a new sink with these rules, in Berlin time.
rules()
{
    rm -rf backups state
    cat >backup.yaml <<END
version: 1
origin: here
sources:
$(redis_source cache 1)
sinks:
  local:
    plugin: storage-local
    options: { path: ./backups }
    retention: { $1, min_keep: 1, timezone: Europe/Berlin, delete_grace: 0 }
pipelines:
  nightly: { sources: [cache], sinks: [local] }
END
}

# backups TIME...: makes a backup at each time, in UTC.  Then the file `found` contains the
# remaining backups, oldest first.
backups()
{
    local time
    for time in "$@"; do
        TZ=UTC FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1 expect_exit 0 \
            with_clock "@$time" "$hangar_program" -c "$work/backup.yaml" backup
    done
    listed | sort | sed -E 's/^backup_(.{10})T(..)-(..).*/\1 \2:\3/' >found
}

# left TIME...: exactly the backups of these times remain.
left()
{
    printf '%s\n' "$@" >expected
    same "what is left" expected found
}

promise "clocks set back: the repeated hour counts as two hours, the day as one"
rules "keep_hourly: 4"
backups "2026-10-24 23:05:00" "2026-10-25 00:05:00" "2026-10-25 00:40:00" "2026-10-25 01:05:00" "2026-10-25 02:05:00"
left "2026-10-24 23:05" "2026-10-25 00:40" "2026-10-25 01:05" "2026-10-25 02:05"
rules "keep_daily: 2"
backups "2026-10-24 21:59:00" "2026-10-24 22:01:00" "2026-10-25 00:30:00" "2026-10-25 22:59:00"
left "2026-10-24 21:59" "2026-10-25 22:59"

promise "clocks set forward: the skipped hour has no effect"
rules "keep_hourly: 3"
backups "2026-03-28 23:10:00" "2026-03-29 00:10:00" "2026-03-29 00:50:00" "2026-03-29 01:10:00"
left "2026-03-28 23:10" "2026-03-29 00:50" "2026-03-29 01:10"

promise "a leap day counts as a day, and February as one month"
rules "keep_daily: 3"
backups "2028-02-27 12:00:00" "2028-02-28 12:00:00" "2028-02-29 12:00:00" "2028-03-01 12:00:00"
left "2028-02-28 12:00" "2028-02-29 12:00" "2028-03-01 12:00"
rules "keep_monthly: 2"
backups "2028-01-31 12:00:00" "2028-02-01 12:00:00" "2028-02-29 22:30:00" "2028-02-29 23:30:00"
left "2028-02-29 22:30" "2028-02-29 23:30"

promise "an ISO week may belong to the previous year"
rules "keep_weekly: 2, keep_yearly: 1"
backups "2026-12-27 12:00:00" "2026-12-28 12:00:00" "2027-01-03 12:00:00" "2027-01-04 12:00:00"
left "2027-01-03 12:00" "2027-01-04 12:00"
expect_exit 0 hangar verify --all --level full
