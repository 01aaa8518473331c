#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# hangar needs no more memory than its budget, whatever the size of the data: the kernel
# refuses more (see peak.py).  tests/long/bounds.sh has a table of 2 GB, rows and keys of 200 MB.
. "$(dirname "$0")/lib.sh"

# Memory of the process in addition to the budget: code, libraries, stacks, and two to
# three rows in libpq; rows have 100 kB here.
overhead_mib=32
budget_mib=64

# many times the budget; the values are compressed on the disk of the server, but not when
# they are read
PG_TCP='' pg_start "$work"
createdb data
sql data "
    CREATE TABLE bulk AS SELECT i, repeat(md5(i::text), 3125) AS text
    FROM generate_series(1, 3000) AS i"
start_redis 2
# without compression, because zeros would become almost nothing
redis-cli -p "${redis_ports[1]}" CONFIG SET rdbcompression no >/dev/null
redis-cli -p "${redis_ports[1]}" DEBUG POPULATE 150000 key 1000 >/dev/null

cat >backup.yaml <<END
version: 1
limits: { memory: ${budget_mib}MiB }
sources:
$(pg_source pg data)
$(redis_source redis 1)
transforms:
  gzip: { plugin: compress-gzip }
sinks:
  one: { plugin: storage-local, options: { path: ./one } }
  two: { plugin: storage-local, options: { path: ./two } }
pipelines:
  nightly: { sources: [pg, redis], transforms: [gzip], sinks: [one, two] }
END

# limited MIB COMMAND...: runs hangar with this much memory.
limited()
{
    local mib=$1
    shift
    python3 "$e2e/peak.py" peak "$mib" "$hangar_program" -c backup.yaml "$@"
}

# within WHAT COMMAND...: the command succeeds within the budget.
within()
{
    local what=$1 most=$((budget_mib + overhead_mib)) peak
    shift
    expect_exit 0 limited "$most" "$@"
    peak=$(($(<peak) / 1024))
    printf '   %-8s %4d MiB\n' "$what" "$peak"
    ((peak <= most)) || fail "$what: $peak MiB, more than $most"
}

promise "budget $budget_mib MiB and $overhead_mib MiB for the program itself are enough for 450 MB"
within "backup" backup
id=$(<out)
within "verify" verify "$id" --level full --from one
within "restore" restore "$id" --set pg.database=again --set "redis.port=${redis_ports[2]}" --yes
[[ $(sql again "SELECT count(*), sum(length(text)) FROM bulk") == \
    $(sql data "SELECT count(*), sum(length(text)) FROM bulk") ]] || fail "not all rows were restored"

promise "with less memory, or a larger budget, a backup fails with the reason"
before=$(find one two -type f | sort)
fails_for_want()
{
    expect_exit 1 limited "$1" backup
    # a thread cannot get the memory for its stack
    grep -qE '(^hangar: |level=error ).*(out of memory|cannot start a thread)' err || { show_output; fail "no reason is printed"; }
    [[ ! -s out && $(find one two -type f | sort) == "$before" ]] || fail "data was stored, or an id printed"
}
fails_for_want $((budget_mib / 4))
sed -i "s/memory: ${budget_mib}MiB/memory: 1GiB/" backup.yaml
fails_for_want $((budget_mib + overhead_mib))
