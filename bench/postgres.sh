#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# bench/postgres.sh [MEGABYTES [ROUNDS]]: hangar compared with pg_dump and others, on a private
# server with generated data (bench/data.sql), all in one run.  Each round runs every
# program once; the ratios are computed per round, so that a machine that slows down
# affects all of them.  Prints wall time,
# CPU seconds of the client side, size, and the ratio of wall times to hangar's.
#
# Expects a release build in build/release (./test makes it) and the packages that
# packaging/dependencies lists for tests.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
megabytes=${1:-1000}
rounds=${2:-3}
build=${HANGAR_BUILD:-$root/build/release}
export HANGAR_PLUGIN_DIR=$build/lib/plugins
hangar=$build/bin/hangar
[ -x "$hangar" ] || { echo "bench: no $hangar; hint: run ./test first, or set HANGAR_BUILD" >&2; exit 1; }
# shellcheck source=/dev/null
. tests/lib/pg.sh

dir=$(mktemp -d /var/tmp/hangar-bench.XXXXXX)
chmod 755 "$dir"
trap 'pg_stop "$dir" || true; rm -rf "$dir"' EXIT
export HANGAR_STATE_DIR=$dir/state
pg_start "$dir"
psql -qc "create database shop"
echo "making about $megabytes MB of data ..." >&2
psql -q -d shop -v scale=$((megabytes / 10)) -f bench/data.sql -o /dev/null
cat >"$dir/backup.yaml" <<E
version: 1
sources: { shop: { plugin: postgres, options: { host: "$PGHOST", port: "$PGPORT", database: shop, user: postgres } } }
transforms: { gzip: { plugin: compress-gzip } }
sinks: { local: { plugin: storage-local, options: { path: ./backups } } }
pipelines: { bench: { sources: [shop], transforms: [gzip], sinks: [local] } }
E

# timed NAME COMMAND...: adds a line "NAME WALL CPU" to the results
timed() {
    local name=$1
    shift
    sync
    python3 - "$name" "$dir/results" "$@" <<'P'
import resource, subprocess, sys, time
start = time.monotonic()
code = subprocess.run(sys.argv[3:], stdout=subprocess.DEVNULL).returncode
wall = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
if code:
    sys.exit(f"bench: {sys.argv[3]} failed with {code}")
with open(sys.argv[2], "a") as out:
    print(sys.argv[1], f"{wall:.3f} {used.ru_utime + used.ru_stime:.3f}", file=out)
P
}

fresh() { psql -qc "drop database if exists copy" && psql -qc "create database copy"; }

for _ in $(seq "$rounds"); do
    rm -rf "$dir/backups" "$dir/fd6" "$dir/fd1" "$dir/fc"
    timed backup:hangar "$hangar" -q -c "$dir/backup.yaml" backup
    timed backup:pg_dump-Fd-j2 pg_dump -Fd -j2 -d shop -f "$dir/fd6"
    timed backup:pg_dump-Fd-j2-Z1 pg_dump -Fd -j2 -Z1 -d shop -f "$dir/fd1"
    timed backup:pg_dump-Fc pg_dump -Fc -d shop -f "$dir/fc"
    psql -qc "drop database if exists copy"
    timed restore:hangar "$hangar" -q -c "$dir/backup.yaml" restore latest --yes --set shop.database=copy \
        --set shop.analyze=false
    fresh
    timed restore:pg_restore-Fd-j2 pg_restore -j2 -d copy "$dir/fd6"
    fresh
    timed restore:pg_restore-Fc-j2 pg_restore -j2 -d copy "$dir/fc"
done

size() { du -sm "$@" | awk '{print $1}'; }
printf '\n%s: %s MB on disk, %s rounds, %s cores\n' "$(psql -At -c 'show server_version' | sed 's/^/PostgreSQL /')" \
    "$(psql -At -d shop -c "select pg_database_size('shop')/1000000")" "$rounds" "$(nproc)"
printf 'sizes in MB: hangar %s, pg_dump -Fd %s, -Fd -Z1 %s, -Fc %s\n\n' "$(size "$dir/backups")" \
    "$(size "$dir/fd6")" "$(size "$dir/fd1")" "$(size "$dir/fc")"
python3 - "$dir/results" <<'P'
import statistics, sys
rows = {}
for line in open(sys.argv[1]):
    name, wall, cpu = line.split()
    rows.setdefault(name, []).append((float(wall), float(cpu)))
print(f"{'':28}{'wall s':>8}{'client CPU s':>14}{'hangar takes (low, median, high)':>36}")
for name, runs in rows.items():
    ours = rows[name.split(":")[0] + ":hangar"]
    ratios = sorted(o[0] / r[0] for o, r in zip(ours, runs))
    ratio = "" if name.endswith(":hangar") else \
        f"{ratios[0]:.2f} {statistics.median(ratios):.2f} {ratios[-1]:.2f} of its time"
    print(f"{name:28}{statistics.median(r[0] for r in runs):8.2f}"
          f"{statistics.median(r[1] for r in runs):14.2f}{ratio:>36}")
P
