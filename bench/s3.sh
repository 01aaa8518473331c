#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# s3.sh [MIB [KIND]]: the S3 sink compared with rclone, with parts of 8 MiB, 4 at once, on one
# server of tests/lib/s3.sh on this machine: speed, and CPU of the client per GiB.  The
# server stores all objects in 4 GiB of memory, replaced ones for a while, too.  It
# needs an optimised build in $HANGAR_BUILD or build/release.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
build=${HANGAR_BUILD:-$here/../build/release}
mib=${1:-256}
# shellcheck source=../tests/lib/s3.sh
. "$here/../tests/lib/s3.sh"

work=$(mktemp -d /dev/shm/hangar-bench-s3.XXXXXX)
trap 's3_stop "$work"; rm -rf "$work"' EXIT
s3_start "${2:-radosgw}" "$work"
s3 make-bucket bench
head -c "${mib}M" /dev/urandom >"$work/data"
export HANGAR_PLUGIN_DIR=$build/lib/plugins

sink() # put|get FILE OPTION=VALUE...
{
    "$build/tests/plugin/storage-s3/bench-s3" "$1" object "$2" "${@:3}" region="$S3_REGION" bucket=bench \
        access_key_id="$S3_ACCESS_KEY" secret_access_key="$S3_SECRET_KEY"
}

clone() # put|get ENDPOINT COMMAND...
{
    local start end cpu
    start=$(date +%s.%N)
    cpu=$( { TIMEFORMAT='%U %S'; time RCLONE_CONFIG=$work/rclone.conf env -u AWS_CA_BUNDLE timeout 300 rclone \
        --ca-cert "$S3_CA_FILE" --s3-provider Ceph --s3-endpoint "$2" --s3-access-key-id "$S3_ACCESS_KEY" \
        --s3-secret-access-key "$S3_SECRET_KEY" --s3-chunk-size 8Mi --s3-upload-concurrency 4 --s3-upload-cutoff 8Mi \
        --s3-no-check-bucket --ignore-times "${@:3}" 2>"$work/log" >/dev/null; } 2>&1)
    end=$(date +%s.%N)
    awk -v s="$start" -v e="$end" -v mib="$mib" -v cpu="$cpu" -v what="$1" 'BEGIN {
        split(cpu, c, " ")
        printf "%s %d MiB: %.2f s, %.1f MiB/s, %.2f CPU s per GiB\n", what, mib, e - s, mib / (e - s),
            (c[1] + c[2]) * 1024 / mib }'
}

: >"$work/rclone.conf"
trap 'cat "$work/log" >&2' ERR
for endpoint in "$S3_ENDPOINT" "$S3_TLS_ENDPOINT"; do
    tls=()
    [[ $endpoint == http: ]] || tls=(ca_file="$S3_CA_FILE")
    echo "== $endpoint"
    sink put "$work/data" endpoint="$endpoint" "${tls[@]}"
    sink get "$work/back" endpoint="$endpoint" "${tls[@]}"
    cmp "$work/data" "$work/back"
    rm "$work/back"
    for round in 1 2; do
        echo "-- hangar, round $round"
        sink put "$work/data" endpoint="$endpoint" "${tls[@]}"
        sink get /dev/null endpoint="$endpoint" "${tls[@]}"
        echo "-- rclone, round $round"
        clone put "$endpoint" copyto "$work/data" :s3:bench/object
        clone get "$endpoint" cat :s3:bench/object
    done
done
