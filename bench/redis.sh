#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# redis.sh: backup of small keys compared with `redis-cli --rdb`, and restore compared with
# the server's own load of the same RDB.  Rounds are interleaved: compare only the ratios of
# their medians.
#
#     bench/redis.sh [BUILD [KEYS [ROUNDS]]]      default: build/release 1000000 3
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build/release}
keys=${2:-1000000}
rounds=${3:-3}
driver=$build/tests/plugin/redis/redis_driver
export HANGAR_PLUGIN_DIR=$build/lib/plugins
. "$root/tests/lib/redis.sh"

work=$(mktemp -d)
trap 'redis_stop "$work/source"; redis_stop "$work/target"; rm -rf "$work"' EXIT

seconds() { # runs a command and prints its duration
    local start=$EPOCHREALTIME
    "$@" >"$work/output" 2>&1 || { cat "$work/output" >&2; return 1; }
    local end=$EPOCHREALTIME
    echo "$start $end" | awk '{ printf "%.3f\n", $2 - $1 }'
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

# The saving child of the server runs on one core, the client on another.
redis_start "$work/source" --repl-diskless-sync-delay 0
source_socket=$REDIS_SOCKET
redis_start "$work/target"
target_socket=$REDIS_SOCKET

# values of 100 bytes that do not compress well
redis-cli -s "$source_socket" eval '
    local function chunk() return string.format("%08x", math.random(0, 2147483647)) end
    for i = 1, tonumber(ARGV[1]) do
        local t = {}
        for j = 1, 12 do t[j] = chunk() end
        redis.call("set", "key:" .. i, table.concat(t) .. "abcd")
    end' 0 "$keys" >/dev/null

for round in $(seq "$rounds"); do
    seconds redis-cli -s "$source_socket" --rdb "$work/cli.rdb" >>"$work/cli"
    seconds "$driver" backup "$work/disk.rdb" socket="$source_socket" snapshot=disk >>"$work/disk"
    cp "$work/output" "$work/disk.says"
    seconds "$driver" backup "$work/diskless.rdb" socket="$source_socket" snapshot=diskless \
        >>"$work/diskless"
    seconds redis-cli -s "$source_socket" debug reload nosave >>"$work/load"
    redis-cli -s "$target_socket" flushall sync >/dev/null
    seconds "$driver" restore "$work/disk.rdb" socket="$target_socket" >>"$work/restore"
    cp "$work/output" "$work/restore.says"
    echo "round $round of $rounds done" >&2
done
same=no
[ "$(redis-cli -s "$source_socket" debug digest)" = \
    "$(redis-cli -s "$target_socket" debug digest)" ] && same=yes

cli=$(median <"$work/cli")
load=$(median <"$work/load")
restore=$(median <"$work/restore")
echo "$keys keys, $(stat -c %s "$work/disk.rdb") bytes of RDB, $rounds rounds"
echo "redis-cli --rdb      ${cli} s"
echo "backup, disk         $(median <"$work/disk") s   $(ratio "$(median <"$work/disk")" "$cli") of redis-cli --rdb"
echo "backup, diskless     $(median <"$work/diskless") s   $(ratio "$(median <"$work/diskless")" "$cli") of redis-cli --rdb"
echo "server's own load    ${load} s"
echo "restore, live        ${restore} s   $(ratio "$restore" "$load") of the server's own load"
echo "keys per second      $(awk -v n="$keys" -v t="$restore" 'BEGIN { printf "%d", n / t }')"
echo "digests equal        $same"
echo "backup:  $(grep '^seconds' "$work/disk.says")"
echo "restore: $(grep '^seconds' "$work/restore.says")"
[ "$same" = yes ]
