#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# offsite.sh: a large object to an S3 server and back, compared with rclone with the same part
# size and the same number of parallel parts; and the number of requests of backups and lists.
# Client and server share the machine and rounds are interleaved: compare only the ratios.
#
#     up      `hangar backup` and `rclone copyto`; both hash what they send
#     copy    back to a local folder: `hangar copy` compares SHA-256 and syncs the file,
#             `rclone copyto` compares the MD5 that it left in the metadata
#     cat     `hangar cat` compares SHA-256, `rclone cat` compares nothing
#
#     bench/offsite.sh [BUILD [MIB [ROUNDS [BACKUPS]]]]    default: build/release 1024 3 1000
#
# Goal: at least the throughput of rclone at a third of its CPU.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(readlink -f "${1:-$root/build/release}")
mib=${2:-1024} rounds=${3:-3} backups=${4:-1000}
unset "${!AWS_@}"
part=8 concurrency=4
. "$root/tests/lib/s3.sh"

work=$(mktemp -d)
trap 's3_stop "$work"; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$work"
mkdir -m 755 plugins files
cp "$build"/lib/plugins/hangar-storage-{s3,local}.so "$build"/lib/fault/hangar-fault-files.so plugins/
chmod 755 plugins/*
export HANGAR_PLUGIN_DIR=$work/plugins HANGAR_STATE_DIR=$work/state
head -c "${mib}M" /dev/urandom >files/long
S3_MEMORY_GIB=$((mib / 256 + 4)) s3_start radosgw "$work"
s3 make-bucket bench
(umask 077 && printf '%s' "$S3_SECRET_KEY" >secret)

cat >backup.yaml <<END
version: 1
sources:
  data: { plugin: fault-files, options: { path: ./files } }
sinks:
  http:
    plugin: storage-s3
    options: { endpoint: "$S3_ENDPOINT", bucket: bench, prefix: http, part_size: ${part}MiB, concurrency: $concurrency,
               access_key_id: $S3_ACCESS_KEY, secret_access_key_file: ./secret }
  https:
    plugin: storage-s3
    options: { endpoint: "$S3_TLS_ENDPOINT", ca_file: "$S3_CA_FILE", bucket: bench, prefix: https, part_size: ${part}MiB,
               concurrency: $concurrency, access_key_id: $S3_ACCESS_KEY, secret_access_key_file: ./secret }
pipelines:
  http: { sources: [data], sinks: [http] }
  https: { sources: [data], sinks: [https] }
END
sed '/^sinks:/a\  local: { plugin: storage-local, options: { path: ./local } }' backup.yaml |
    sed -E 's/sinks: \[(.*)\]/sinks: [\1, local]/' >copy.yaml
for scheme in http https; do
    endpoint=$S3_ENDPOINT
    [[ $scheme == http ]] || endpoint=$S3_TLS_ENDPOINT
    cat >>rclone.conf <<END
[$scheme]
type = s3
provider = Ceph
endpoint = $endpoint
access_key_id = $S3_ACCESS_KEY
secret_access_key = $S3_SECRET_KEY
region = $S3_REGION
force_path_style = true
END
done

hangar()
{
    "$build/bin/hangar" -q -c backup.yaml "$@"
}

rclone()
{
    command rclone --config rclone.conf --ca-cert "$S3_CA_FILE" --s3-no-check-bucket --retries 1 "$@"
}

hangar_copy() # ID SCHEME
{
    "$build/bin/hangar" -q -c copy.yaml copy "$1" --pipeline "$2" --from "$2" --to local
}

rclone_copy() # SCHEME
{
    rclone copyto --multi-thread-streams 0 "$1:bench/rclone/$1" copied
}

rclone_up()
{
    rclone copyto --s3-chunk-size "${part}Mi" --s3-upload-cutoff "${part}Mi" --s3-upload-concurrency "$concurrency" \
        --multi-thread-streams 0 files/long "$1:bench/rclone/$1"
}

# measure NAME COMMAND...: appends seconds and CPU seconds to files of that name
measure()
{
    local name=$1 TIMEFORMAT="%R %U %S"
    shift
    { time "$@" >out 2>err; } 2>took || { cat err >&2; return 1; }
    awk '{ print $1 }' took >>"$name.wall"
    awk '{ print $2 + $3 }' took >>"$name.cpu"
}

median()
{
    sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

for ((round = 1; round <= rounds; round++)); do
    for scheme in http https; do
        measure "hangar.up.$scheme" hangar backup "$scheme"
        id=$(<out)
        measure "rclone.up.$scheme" rclone_up "$scheme"
        measure "hangar.cat.$scheme" hangar cat "$id" data/long --pipeline "$scheme"
        cmp out files/long
        measure "rclone.cat.$scheme" rclone cat "$scheme:bench/rclone/$scheme"
        cmp out files/long
        measure "hangar.copy.$scheme" hangar_copy "$id" "$scheme"
        cmp "local/$scheme/$id/data/long" files/long
        measure "rclone.copy.$scheme" rclone_copy "$scheme"
        cmp copied files/long
        rm -rf local copied
        hangar remove "$id" --pipeline "$scheme" --yes >out 2>err
        s3 empty bench
    done
    echo "round $round of $rounds done" >&2
done

echo "$mib MiB in parts of $part MiB, $concurrency at once, $(nproc) CPUs with the server, medians of $rounds"
echo
echo "|  | hangar MB/s | rclone MB/s | ratio | hangar CPU s/GB | rclone CPU s/GB | ratio |"
echo "|---|---:|---:|---:|---:|---:|---:|"
for scheme in http https; do
    for way in up copy cat; do
        awk -v what="$way, $scheme" -v mb="$((mib * 1048576))e-6" -v a="$(median "hangar.$way.$scheme.wall")" \
            -v b="$(median "rclone.$way.$scheme.wall")" -v c="$(median "hangar.$way.$scheme.cpu")" \
            -v d="$(median "rclone.$way.$scheme.cpu")" 'BEGIN {
            printf "| %s | %.0f | %.0f | %.2f | %.2f | %.2f | %.2f |\n",
                what, mb / a, mb / b, b / a, c * 1000 / mb, d * 1000 / mb, c / d }'
    done
done

echo
echo "Requests:"
rm -rf files state
for objects in 1 10 60; do
    mkdir files
    for ((i = 0; i < objects; i++)); do
        echo "$i" >"files/file$i"
    done
    [[ -e s3/proxy ]] || s3_proxy "$work"
    sed "s,$S3_ENDPOINT,http://127.0.0.1:$S3_PROXY_PORT,; s,backups,bench," backup.yaml >proxied.yaml
    s3_forget
    "$build/bin/hangar" -q -c proxied.yaml backup http >out
    echo "  backup of $objects objects: $(s3_requests .)"
    rm -rf files
done
s3_stop "$work"
HANGAR_BUILD=$build bash "$root/tests/e2e/s3_many.sh" "$backups" | grep requests
