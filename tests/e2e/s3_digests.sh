#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# s3_digests.sh: what protects the bytes on the way to a store: the signature, an MD5, or a
# checksum that the store compares; here the proxy compares it.
. "$(dirname "$0")/lib.sh"
. "$e2e/lib_s3.sh"

start_s3 radosgw
make_files 2 1000
head -c 6000000 /dev/urandom >files/long

# Makes and verifies a backup, then empties the bucket.
whole()
{
    s3_fault
    expect_exit 0 hangar verify "$id" --level full
    s3 empty backups
    rm -rf state
}

promise "bodies are signed or have an MD5, over https and http"
for s3_endpoint in "$S3_ENDPOINT" "$S3_TLS_ENDPOINT"; do
    for sign in yes no; do
        write_files_config "part_size: 5MiB, ca_file: $S3_CA_FILE, sign_payload: $sign"
        make_backup
        whole
    done
done
unset s3_endpoint

promise "a checksum that the store compares is used; one that it ignores is reported"
write_files_config "checksum: crc32"
make_backup
expect_in err "ignores checksum: crc32"
whole
s3_proxy_tls "$work"
for checksum in crc32 sha256; do
    s3_endpoint=https://127.0.0.1:$S3_PROXY_PORT write_files_config \
        "part_size: 5MiB, concurrency: 1, ca_file: $S3_CA_FILE, checksum: $checksum"
    s3_fault "any checksums"
    expect_exit 0 hangar check
    expect_output "crc32, sha256"
    s3_forget
    make_backup
    expect_not_in err "ignores checksum"
    # the first request also has another digest: the store's support was not yet known
    [[ $(s3_requests "^[a-z-]+ PUT 200 $checksum\+") == 1 && $(s3_requests "^upload-part PUT 200 $checksum ") == 2 ]] ||
        fail "protected in another way: $(cat "$work/s3/proxy-tls/requests")"
    whole
    s3_fault "any checksums wrong"
    expect_exit 4 hangar backup
    expect_output "the checksum of what the store has differs"
    s3_fault "any checksums once"
    expect_exit 1 hangar backup
    expect_output "returned no checksum"
    s3_fault
    expect_exit 0 hangar prune --yes
    s3 empty backups
    rm -rf state
done
