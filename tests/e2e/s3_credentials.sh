#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# s3_credentials.sh: keys for a bucket from each supported place, keys that expire during a
# run, and no key in any output.
. "$(dirname "$0")/lib.sh"
. "$e2e/lib_s3.sh"

start_s3 radosgw
make_files 3 100000
mkdir place
export HOME=$work/home AWS_EC2_METADATA_DISABLED=true
mkdir -p "$HOME/.aws"

# Replacements of the AWS endpoint for keys of containers and of the metadata service.
printf '%s %s' "$S3_ACCESS_KEY" "$S3_SECRET_KEY" >place/keys
python3 "$repository/tests/plugin/storage-s3-credentials/endpoint.py" "$work/place" &
for ((i = 0; i < 400; i++)); do
    [[ ! -e place/port ]] || break
    sleep 0.05
done
endpoint=http://127.0.0.1:$(<place/port)

s3_options()
{
    printf '%s' "endpoint: \"http://127.0.0.1:$S3_PROXY_PORT\", bucket: backups"
}

asked()
{
    grep -c "$1" place/requests || true
}

# from TEXT [OPTIONS]: check succeeds with keys from that place, and names it.
from()
{
    write_files_config "${2:-}"
    expect_exit 0 hangar -v check
    expect_output "keys for S3 are from $1"
    expect_not_in output "$S3_SECRET_KEY"
    expect_exit 0 hangar --json check
    [[ $(json '[i["facts"].get("credentials", "") for i in d["items"] if i["kind"] == "sink"][0]') == "$1"* ]] ||
        fail "the facts: $(<out)"
}

promise "without keys: exit 8, and every place that was searched is named"
write_files_config
expect_exit 8 hangar check
expect_output "options: access_key_id is not set"
expect_output "environment: AWS_ACCESS_KEY_ID is not set"
expect_output "container: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
expect_output "imds: AWS_EC2_METADATA_DISABLED is true"

promise "keys from options, environment, profile, program, token, container, instance"
from options "access_key_id: $S3_ACCESS_KEY, secret_access_key_file: $work/s3.secret"
AWS_ACCESS_KEY_ID=$S3_ACCESS_KEY AWS_SECRET_ACCESS_KEY=$S3_SECRET_KEY from environment
(umask 077 && printf '[nightly]\naws_access_key_id = %s\naws_secret_access_key = %s\n' \
    "$S3_ACCESS_KEY" "$S3_SECRET_KEY" >"$HOME/.aws/credentials")
AWS_PROFILE=nightly from "profile nightly in $HOME/.aws/credentials"
from "profile nightly in $HOME/.aws/credentials" "profile: nightly"
cat >tool <<END
#!/bin/sh
echo '{ "Version": 1, "AccessKeyId": "$S3_ACCESS_KEY", "SecretAccessKey": "$S3_SECRET_KEY" }'
END
chmod 700 tool
from "program $work/tool" "credential_process: [$work/tool]"
echo a-token >place/token
AWS_ENDPOINT_URL_STS=$endpoint/sts AWS_ROLE_ARN=arn:role AWS_WEB_IDENTITY_TOKEN_FILE=$work/place/token \
    from "STS at $endpoint/sts for the token in $work/place/token, role arn:role"
AWS_CONTAINER_CREDENTIALS_FULL_URI=$endpoint/container from "container endpoint $endpoint/container"
AWS_EC2_METADATA_DISABLED=false from "role backup-role of this instance, by $endpoint" \
    "imds_endpoint: \"$endpoint\""

promise "when keys expire during a run, it gets new ones and continues"
export AWS_CONTAINER_CREDENTIALS_FULL_URI=$endpoint/container
write_files_config
: >place/requests
expect_exit 0 hangar backup
usually=$(asked container)
: >place/requests
s3_fault "put answer 400 ExpiredToken times=1 skip=2"
expect_exit 0 hangar backup
(($(asked container) == usually + 1)) || fail "$(asked container) times asked, usually $usually"
expect_not_in output "$S3_SECRET_KEY"
s3_fault
expect_exit 0 restore_files
restored || fail "restored files differ"

promise "keys that the store keeps refusing end the run soon: exit 8"
s3_fault "any answer 400 ExpiredToken"
start=$SECONDS
expect_exit 8 hangar backup
expect_output ExpiredToken
((SECONDS - start < 20)) || fail "the run needed $((SECONDS - start)) s"
