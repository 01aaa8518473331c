#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# The memory of hangar stays within its budget, whatever the size of the data.
. "$(dirname "$0")/lib.sh"

# What the process needs besides its budget: code, libraries, stacks, and what
# libpq holds, which is two to three rows; rows are 100 kB here.
overhead_mib=32
budget_mib=64

PG_TCP='' pg_start "$work"
# rows that compress well on the server's disk, but not on their way out of it
for size in 100 2000; do
    createdb "data$size"
    sql "data$size" "
        CREATE TABLE bulk AS SELECT i, repeat(md5(i::text), 3125) AS text
        FROM generate_series(1, $size * 10) AS i"
done
start_redis 3
for i in 1 2; do
    # its values are zeros: compressed, they would be next to nothing
    redis-cli -p "${redis_ports[i]}" CONFIG SET rdbcompression no >/dev/null
done
redis-cli -p "${redis_ports[1]}" DEBUG POPULATE 100000 key 1000 >/dev/null
redis-cli -p "${redis_ports[2]}" DEBUG POPULATE 600000 key 1000 >/dev/null

cat >backup.yaml <<END
version: 1
limits: { memory: ${budget_mib}MiB }
sources:
$(pg_source pg100 data100)
$(pg_source pg2000 data2000)
$(redis_source redis100 1)
$(redis_source redis600 2)
transforms:
  gzip: { plugin: compress-gzip }
sinks:
  one: { plugin: storage-local, options: { path: ./one } }
  two: { plugin: storage-local, options: { path: ./two } }
pipelines:
  small: { sources: [pg100, redis100], transforms: [gzip], sinks: [one, two] }
  large: { sources: [pg2000, redis600], transforms: [gzip], sinks: [one, two] }
END

# within WHAT COMMAND...: it succeeds within the budget.
within()
{
    local what=$1 peak
    shift
    expect_exit 0 python3 "$e2e/peak.py" peak "$hangar_program" -c backup.yaml "$@"
    peak=$(($(<peak) / 1024))
    printf '   %-24s %4d MiB\n' "$what" "$peak"
    ((peak <= budget_mib + overhead_mib)) ||
        fail "$what: $peak MiB, more than $budget_mib + $overhead_mib"
}

for size in small large; do
    pg=pg100 redis=redis100
    [[ $size == small ]] || pg=pg2000 redis=redis600
    promise "$size data, budget $budget_mib MiB and $overhead_mib MiB for the program itself"
    within "backup" backup "$size"
    id=$(<out)
    within "verify" verify "$id" --level full --from one
    redis-cli -p "${redis_ports[3]}" FLUSHALL >/dev/null
    within "restore" restore "$id" --set "$pg.database=again" \
        --set "$redis.port=${redis_ports[3]}" --yes
    [[ $(sql again "SELECT count(*), sum(length(text)) FROM bulk") == \
        $(sql "data${pg#pg}" "SELECT count(*), sum(length(text)) FROM bulk") ]] || fail "not all rows came back"
    sql postgres "DROP DATABASE again"
done
