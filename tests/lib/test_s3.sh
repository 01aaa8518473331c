#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# The S3 servers of the tests require a valid signature, answer on http, on https and under the
# name of a bucket, and leave no files and no processes.
set -euo pipefail
folder=$(dirname "$(readlink -f "$0")")
# shellcheck source=s3.sh
. "$folder/s3.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/hangar-s3.XXXXXX")
trap 's3_stop "$work"; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

fail()
{
    echo "FAILED: $kind: $*" >&2
    exit 1
}

refused()
{
    if "$@" >"$work/out" 2>&1; then
        fail "accepted: $*"
    fi
}

for kind in radosgw swift; do
    s3_start "$kind" "$work"
    echo hello >"$work/hello"
    key="a b+ü/c&d=e'f(1)"
    s3 make-bucket things
    s3 put things "$key" "$work/hello"
    s3 get things "$key" "$work/back"
    cmp "$work/hello" "$work/back"
    [[ $(s3 list things) == "6 a%20b%2B%C3%BC/c%26d%3De%27f%281%29" ]] || fail "$(s3 list things)"
    s3 flip things "$key" 0
    s3 get things "$key" "$work/back"
    [[ $(<"$work/back") == iello ]] || fail "a flipped bit"
    s3 start-upload things unfinished "$work/hello" >"$work/upload"
    [[ $(s3 uploads things) == "$(<"$work/upload") unfinished" ]] || fail "$(s3 uploads things)"
    s3 empty things
    [[ -z $(s3 list things)$(s3 uploads things) ]] || fail "not empty: $(s3 list things)"

    S3_SECRET_KEY=wrong refused s3 list things
    (S3_ACCESS_KEY=$S3_OTHER_ACCESS_KEY S3_SECRET_KEY=$S3_OTHER_SECRET_KEY refused s3 list things)
    curl -s --max-time 10 --cacert "$S3_CA_FILE" "https://things.$S3_DOMAIN:$S3_TLS_PORT/" >"$work/out"
    # a gateway sees a bucket there that it may not show; Swift sees no request to S3
    grep -qE 'AccessDenied|could not be found' "$work/out" || fail "https: $(<"$work/out")"
    refused curl -s --max-time 10 "$S3_TLS_ENDPOINT/"

    # in another shell, which is killed
    pids=("$work"/s3/run/*.pid)
    ((${#pids[@]} > 0)) || fail "no servers"
    port=$S3_PORT
    s3_stop "$work"
    refused curl -s --max-time 10 "http://127.0.0.1:$port/"
    mkdir "$work/other"
    { bash -c ". '$folder/s3.sh' && s3_start $kind '$work/other' && kill -KILL \$\$" || true; } 2>"$work/out"
    s3_use "$work/other"
    for ((i = 0; i < 100; i++)); do
        pgrep -f -- "$work/other/s3/" >"$work/out" || break
        sleep 0.1
    done
    ((i < 100)) || fail "left behind: $(<"$work/out")"
    rm -rf "$work/other"
done
