#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# A bad network between hangar and PostgreSQL or Redis: connections are cut, reset or stalled
# after N bytes in either direction, or the bytes arrive one at a time.  A run either succeeds
# with a whole result, or fails soon with a reason and leaves nothing.  `--places N` (default
# 24) is the number of places for each fault, `--sample` means one; `--seed` chooses them, and
# `--summary FILE` appends the numbers to FILE.
. "$(dirname "$0")/../e2e/lib.sh"

places=24 seed=$RANDOM summary=/dev/null
while (($#)); do
    case $1 in
    --sample) places=1 ;;
    --places) places=$2 && shift ;;
    --seed) seed=$2 && shift ;;
    --summary) summary=$2 && shift ;;
    *) fail "unknown option $1" ;;
    esac
    shift
done
RANDOM=$seed
echo "seed $seed, $places places for each fault"

# proxy NAME TARGET: starts a proxy and sets port[NAME]
declare -A port proxy_pid proxy_out
proxy()
{
    local in out
    port[$1]=$(_pg_free_port)
    mkfifo "$1.in" "$1.out"
    : >"$1.order"
    "$HANGAR_BUILD/lib/fault/fault_proxy" "${port[$1]}" "$2" "$1.order" <"$1.in" >"$1.out" &
    proxy_pid[$1]=$!
    # kept open: the proxy ends at the end of its input
    # shellcheck disable=SC2034
    exec {in}>"$1.in" {out}<"$1.out"
    proxy_out[$1]=$out
    read -r -t 20 -u "$out" || fail "proxy $1 does not start"
}

# order NAME WORDS: gives the proxy a new order; sets $up and $down to the bytes that passed
# since the last order.
order()
{
    printf '%s\n' "$2" >"$1.order"
    kill -HUP "${proxy_pid[$1]}"
    read -r -t 20 -u "${proxy_out[$1]}" up down || fail "proxy $1 does not answer"
}

start_pg
sql shop "CREATE TABLE shop.bulk AS SELECT i, md5(i::text) AS text FROM generate_series(1, 20000) AS i"
start_redis 2
fill_redis "${redis_ports[1]}"
proxy pg "$PGHOST/.s.PGSQL.$PGPORT"
proxy redis "${redis_ports[1]}"
proxy target "${redis_ports[2]}"

cat >backup.yaml <<END
version: 1
limits: { stall_timeout: 3s }
sources:
  app_db:
    plugin: postgres
    options: { host: 127.0.0.1, port: ${port[pg]}, database: shop, user: postgres, jobs: 2, connect_timeout: 2s }
  cache:
    plugin: redis
    options: { host: 127.0.0.1, port: ${port[redis]}, timeout: 3s }
transforms:
  gzip: { plugin: compress-gzip }
sinks:
  local: { plugin: storage-local, options: { path: ./backups } }
pipelines:
  nightly: { sources: [app_db, cache], transforms: [gzip], sinks: [local] }
END

tried=0 failed=0

# bounded COMMAND...: runs hangar and sets $status.  A hang, a crash, or a failure without a
# reason fails the test.
bounded()
{
    status=0
    timeout -k 5 60 "$hangar_program" -c "$work/backup.yaml" "$@" >out 2>err </dev/null || status=$?
    tried=$((tried + 1))
    [[ $status != 124 && $status != 137 ]] || { show_output; fail "hung: $*; orders: $(cat ./*.order)"; }
    ((status < 128)) || { show_output; fail "crashed with $status: $*; orders: $(cat ./*.order)"; }
    if [[ $status != 0 ]]; then
        failed=$((failed + 1))
        grep -q '^hangar: \|level=error .*msg=' err || { show_output; fail "failed without a reason: $*"; }
    fi
}

faulty_backup()
{
    local before now
    before=$(listed)
    bounded backup
    order "$1" ""
    mv out run.out
    mv err run.err
    now=$(listed)
    if [[ $status == 0 ]]; then
        expect_exit 0 hangar verify "$(<run.out)" --level full
        rm -rf "backups/nightly/$(<run.out)"
    elif [[ $now != "$before" || -s run.out ]]; then
        cat run.err >&2
        fail "the run failed with $status, but a backup is listed: $2"
    fi
    [[ $(find backups -mindepth 2 -maxdepth 2 -type d | wc -l) == 1 ]] || fail "leftovers: $2"
}

empty_target()
{
    redis-cli -p "${redis_ports[2]}" FLUSHALL >flushed
    redis-cli -p "${redis_ports[2]}" FUNCTION FLUSH >flushed
}

faulty_restore()
{
    local only=(--only app_db)
    [[ $1 != target ]] || only=(--only cache)
    empty_target
    bounded restore "$id" "${only[@]}" --set app_db.database=target \
        --set "cache.port=${port[target]}" --yes
    order "$1" ""
    if [[ $status == 0 && $1 == target ]]; then
        same_redis "${redis_ports[1]}" "${redis_ports[2]}"
    elif [[ $status == 0 ]]; then
        same_database shop target
    fi
    # hangar drops a failed target, unless the network prevents it
    psql -qAtX -d postgres -c 'DROP DATABASE IF EXISTS target WITH (FORCE)' 2>dropped
}

# sweep PROXY WHAT: each fault, at $places places of the traffic of a run.
sweep()
{
    # a sample has half of the kinds
    local kind direction total i n stalls=up leaves=cut
    ((RANDOM % 2)) || stalls=down
    ((RANDOM % 2)) || leaves=reset
    order "$1" ""
    "$2" "$1" "without a fault"
    [[ $status == 0 ]] || { show_output; fail "$2 through the proxy: $status"; }
    # the last step of faulty_* was an order, which sets $up and $down
    local -A bytes=([up]=$up [down]=$down)
    echo "$2 through $1: $up bytes up, $down bytes down"
    for kind in cut reset stall; do
        [[ $places != 1 || $kind != "$leaves" ]] || continue
        for direction in up down; do
            total=${bytes[$direction]}
            for ((i = 0; i < places; i++)); do
                # each stall takes seconds
                [[ $kind != stall ]] || ((i * 4 < places)) || break
                [[ $kind != stall || $places != 1 || $direction == "$stalls" ]] || break
                n=$((total * i / places + (RANDOM * 32768 + RANDOM) % (total / places + 1)))
                order "$1" "$kind $direction $n"
                "$2" "$1" "$kind $direction $n"
            done
        done
    done
}

promise "without a fault the backup passes the proxies"
make_backup
expect_exit 0 hangar verify "$id" --level full

for name in pg redis; do
    promise "backup through $name: cut, reset and stalled connections"
    sweep "$name" faulty_backup
done
for name in pg target; do
    promise "restore through $name: cut, reset and stalled connections"
    sweep "$name" faulty_restore
done
((failed >= tried / 3)) || fail "only $failed of $tried runs met a fault"

promise "one byte at a time only makes a run slow"
sql postgres "CREATE DATABASE little"
sql little "CREATE TABLE t AS SELECT i, 'row ' || i AS text FROM generate_series(1, 20) AS i"
# a full buffer is reported as writable again in steps that take seconds at this pace
sed -e 's/database: shop/database: little/' -e 's/timeout: [23]s/timeout: 60s/' backup.yaml >one
mv one backup.yaml
for name in pg redis target; do
    order "$name" "piece 1"
done
bounded backup
[[ $status == 0 ]] || { show_output; fail "one byte at a time: $status"; }
id=$(<out)
expect_exit 0 hangar verify "$id" --level full
empty_target
bounded restore "$id" --set app_db.database=target --set "cache.port=${port[target]}" --yes
[[ $status == 0 ]] || { show_output; fail "one byte at a time: $status"; }
same_database little target
same_redis "${redis_ports[1]}" "${redis_ports[2]}"

echo "$tried runs, $failed of them ended by the network, 0 broken promises"
printf 'network\t%d\t0\t0\n' "$tried" >>"$summary"
