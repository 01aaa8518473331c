#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# s3_refusals.sh [KIND]: a refusal by the store, or a store that cannot be trusted, ends a
# run soon with a hint; certificates, buckets in host names, and clocks.
. "$(dirname "$0")/lib.sh"
. "$e2e/lib_s3.sh"
kind=${1:-swift}

start_s3 "$kind"
make_files 2 1000
proxied=http://127.0.0.1:$S3_PROXY_PORT

# refused STATUS TEXT: check and backup both end with the status and print the text.
refused()
{
    expect_exit "$1" hangar check
    expect_output "$2"
    local start=$SECONDS
    expect_exit "$1" hangar backup
    expect_output "$2"
    [[ ! -s out ]] || fail "an id was printed"
    expect_not_in output "$S3_SECRET_KEY"
    ((SECONDS - start < 20)) || fail "the run needed $((SECONDS - start)) s"
    [[ -z $(stored)$(uploads) ]] || fail "left: $(stored)"
}

promise "a wrong secret, an unknown key, a foreign bucket: exit 8"
write_files_config
printf 'not-the-secret' >s3.secret
refused 8 SignatureDoesNotMatch
S3_ACCESS_KEY=unknown write_files_config
# Swift has the same error for both
refused 8 "$([[ $kind == swift ]] && echo SignatureDoesNotMatch || echo InvalidAccessKeyId)"
S3_ACCESS_KEY=$S3_OTHER_ACCESS_KEY write_files_config
printf '%s' "$S3_OTHER_SECRET_KEY" >s3.secret
if [[ $kind == swift ]]; then # each account has its own buckets
    refused 2 NoSuchBucket
else
    refused 8 AccessDenied
fi
printf '%s' "$S3_SECRET_KEY" >s3.secret

promise "a missing bucket is named"
write_files_config
sed -i 's/bucket: backups/bucket: nowhere/' backup.yaml
refused 2 nowhere

promise "a store that does not answer is named"
s3_endpoint=http://127.0.0.1:$(_s3_free_port) write_files_config "retries: 1"
refused 1 "127.0.0.1"

promise "a setting of the bucket that cannot be read is unknown, not off"
write_files_config
s3_fault "get-versioning answer 500 InternalError" "get-lock answer 500 InternalError"
expect_exit 0 hangar check
[[ $(grep -c 'unknown: the store did not answer' out) == 2 ]] || { show_output; fail "not unknown"; }
write_files_config "lock_mode: governance, lock_days: 1"
expect_exit 1 hangar check
expect_output "InternalError"
expect_not_in output "the bucket has no object lock"
s3_fault "get-lock answer 404 ObjectLockConfigurationNotFoundError"
expect_exit 2 hangar check
expect_output "the bucket has no object lock"
s3_fault

promise "https requires the right authority and the right name"
s3_endpoint=$S3_TLS_ENDPOINT write_files_config
refused 8 certificate
s3_endpoint=https://not.s3.localhost.localhost:$S3_TLS_PORT write_files_config "ca_file: $S3_CA_FILE"
refused 8 certificate
s3_endpoint=$S3_TLS_ENDPOINT write_files_config "ca_file: $S3_CA_FILE"
expect_exit 0 hangar check
make_backup
expect_exit 0 restore_files "$id"
restored || fail "https: the restored data differs"
expect_exit 0 hangar remove "$id" --yes
expect_exit 0 hangar prune --yes
s3 empty backups
rm -rf state # it is a new store

promise "a bucket in the host name works"
s3_endpoint=http://$S3_DOMAIN:$S3_PROXY_PORT write_files_config "addressing: virtual"
make_backup
expect_exit 0 restore_files "$id"
restored || fail "virtual: the restored data differs"
s3_endpoint=$proxied write_files_config
[[ $(listed) == "$id" ]] || fail "the objects are in another place"
s3 empty backups
rm -rf state # it is a new store

promise "a clock that is an hour off costs one more request"
# through the proxy, which counts requests
write_files_config
for offset in -3600 +3600; do
    s3_forget
    FAKETIME_DONT_FAKE_MONOTONIC=1 expect_exit 0 with_clock "${offset}s" "$hangar_program" -c backup.yaml backup
    id=$(<out)
    [[ $(s3_requests '^[a-z-]+ [A-Z]+ 403 ') == [1-4] ]] || fail "refused $(s3_requests ' 403 ') times"
    expect_exit 0 hangar verify "$id" --level full
    s3 empty backups
    rm -rf state
done

if [[ $kind == swift ]]; then
    promise "a wrong region is named with the right one"
    write_files_config "region: eu-west-1"
    refused 2 us-east-1
fi
