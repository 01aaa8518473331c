#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# s3_cli.sh [KIND [HOW]]: every command on a remote copy, and a restore on a new host from
# that copy alone.  KIND is a server of s3.sh; HOW is `plain`, `tls` or `virtual` (the
# bucket in the host name).
. "$(dirname "$0")/lib.sh"
. "$e2e/lib_s3.sh"
kind=${1:-radosgw} how=${2:-plain}

start_pg
start_redis 2
fill_redis "${redis_ports[1]}"
start_s3 "$kind"
options="prefix: some/place, part_size: 5MiB"
case $how in
tls) s3_endpoint=$S3_TLS_ENDPOINT options+=", ca_file: $S3_CA_FILE" ;;
virtual) s3_endpoint=http://$S3_DOMAIN:$S3_PROXY_PORT options+=", addressing: virtual" ;;
esac

# write_cli_config SINKS: local, offsite, or both
write_cli_config()
{
    cat >"$work/backup.yaml" <<END
version: 1
origin: here
sources:
$(pg_source app_db shop)
$(redis_source cache 1)
transforms:
  gzip: { plugin: compress-gzip }
sinks:
$([[ $1 != *local* ]] || echo "  local: { plugin: storage-local, options: { path: $work/backups } }")
$(s3_sink offsite "$options")
    retention: { keep_last: 1, min_keep: 1, delete_grace: 0 }
pipelines:
  nightly: { sources: [app_db, cache], transforms: [gzip], sinks: [$1] }
END
}
write_cli_config "local, offsite"

promise "check reports the features of the store, and leaves nothing there"
expect_exit 0 hangar check
expect_output offsite
[[ -z $(stored)$(uploads) ]] || fail "check left $(stored)$(uploads)"

promise "one run stores the local and the remote copy"
s3_forget
make_backup
[[ $(listed) == "$id" && $(listed --from local) == "$id" && $(listed --from offsite) == "$id" ]] ||
    fail "not in both sinks: $(hangar list)"
objects=$(wc -l <"$folder/SHA256SUMS")
[[ $how == tls ]] || echo "   $objects objects, $(s3_requests .) requests"
place=some/place/nightly/$id
(cd "$folder" && find . -type f ! -path './verify/*' | sed 's,^\./,,' | sort) >here
stored "$place/" | sed "s,^$place/,," | sort >there
same "the names in both sinks" here there
for name in SHA256SUMS RESTORE.txt $(tail -n 1 "$folder/SHA256SUMS" | awk '{ print $2 }'); do
    s3 get backups "$place/$name" copy
    cmp "$folder/$name" copy || fail "$name differs"
done
[[ -z $(uploads) ]] || fail "unfinished: $(uploads)"

promise "show and list contain both copies"
expect_exit 0 hangar show "$id" --from offsite
expect_exit 0 hangar --json show latest --from offsite
[[ $(json 'd["manifest"]["id"]') == "$id" ]] || { show_output; fail "show"; }
expect_exit 0 hangar --json status

promise "quick verification reads no data; full reads all data; a drill succeeds"
if [[ $how != tls ]]; then
    s3_forget
    expect_exit 0 hangar verify "$id" --level quick --from offsite
    [[ $(s3_requests "^get .*\.gz$") == 0 ]] || fail "data was downloaded: $(cat "$work/s3/proxy/requests")"
    echo "   quick: $(s3_requests .) requests"
    s3_forget
fi
expect_exit 0 hangar verify "$id" --level full --from offsite
[[ $how == tls ]] || (($(s3_requests "^get .*\.gz$") >= objects - 1)) || fail "no data was downloaded"
expect_exit 0 hangar verify "$id" --level drill --from offsite

promise "cat and export write the same bytes from either sink"
expect_exit 0 hangar cat "$id" app_db/globals.sql --from offsite
gunzip <"$folder/app_db/globals.sql.gz" | cmp - out || fail "cat"
expect_exit 0 hangar export "$id" --from offsite -o away.tar.gz
expect_exit 0 hangar export "$id" --from local -o here.tar.gz
cmp here.tar.gz away.tar.gz || fail "the archives differ"

promise "a backup on hold is not removed; a removed one can be imported again"
expect_exit 0 hangar hold "$id" --from offsite
expect_exit 1 hangar remove "$id" --from offsite --yes
[[ $(listed --from offsite) == "$id" ]] || fail "it was removed"
expect_exit 0 hangar unhold "$id" --from offsite
expect_exit 0 hangar remove "$id" --from offsite --yes
[[ -z $(listed --from offsite) && $(listed --from local) == "$id" ]] || fail "the backup was not removed from that sink alone"
expect_exit 0 hangar prune --from offsite --yes
[[ -z $(stored "$place/") ]] || fail "prune left $(stored "$place/")"
expect_exit 0 hangar import away.tar.gz --to offsite
[[ $(listed --from offsite) == "$id" ]] || fail "not imported"
expect_exit 0 hangar verify "$id" --level full --from offsite

promise "each sink applies its own retention"
first=$id
make_backup
[[ $(listed --from offsite) == "$id" ]] || fail "not pruned: $(listed --from offsite)"
[[ $(listed --from local) == "$id"$'\n'"$first" ]] || fail "pruned here: $(listed --from local)"
expect_exit 0 hangar prune --yes
[[ -z $(stored "some/place/nightly/$first") ]] || fail "left: $(stored "some/place/nightly/$first")"

promise "a new host restores from the remote copy alone"
rm -rf state backups local ./*.tar.gz
mkdir host
cd host
write_cli_config offsite
export HANGAR_STATE_DIR=$work/host/state
[[ $(listed) == "$id" ]] || { show_output; fail "not listed"; }
expect_exit 0 hangar restore latest --set app_db.database=again --set "cache.port=${redis_ports[2]}" --yes
same_database shop again
same_redis "${redis_ports[1]}" "${redis_ports[2]}"
