#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# A store whose answers do not end: hangar refuses them within limited memory, and Ctrl-C ends it
# meanwhile.  A store off this machine without encryption is warned of.
. "$(dirname "$0")/lib.sh"

mkdir hostile
python3 "$e2e/s3_hostile.py" hostile &
wait_for 90 test -s hostile/port

# write_store_config ENDPOINT
write_store_config()
{
    cat >backup.yaml <<END
version: 1
sources: { cache: { plugin: redis } }
sinks:
  store:
    plugin: storage-s3
    options: { endpoint: "$1", bucket: b, region: r, access_key_id: k, secret_access_key: s, retries: 0 }
pipelines: { p: { sources: [cache], sinks: [store] } }
END
    chmod 600 backup.yaml
}

# bounded ARGUMENTS: with 1 GB of memory
bounded()
{
    within_kib 1000000 hangar "$@"
}

write_store_config "http://127.0.0.1:$(<hostile/port)"

promise "an answer that does not end is refused"
while read -r kind text; do
    echo "$kind" >hostile/kind
    expect_exit 1 bounded list
    expect_in "$work/err" "$text"
    expect_not_in "$work/err" "not encrypted"
done <<END
attribute the answer is not valid XML of S3
names cannot list
error the answer is larger than any valid answer of S3
same the store returned the same page again
END

promise "an answer that is not a list does not count as an empty list"
while read -r kind text; do
    echo "$kind" >hostile/kind
    for command in list "verify latest"; do
        # shellcheck disable=SC2086
        expect_exit 1 bounded $command
        expect_in "$work/err" "$text"
    done
done <<END
html no proxy or login page answers in its place
other the answer is not valid XML of S3
full the store returned no valid continuation token
END

promise "bytes that come one by one do not prolong a wait"
echo drip >hostile/kind
sed 's/retries: 0/retries: 0, timeout: 1s/' backup.yaml >drip.yaml
chmod 600 drip.yaml
status=0
timeout 60 "$hangar_program" -c drip.yaml list >out 2>err || status=$?
[[ $status != 0 && $status != 124 ]] || fail "drip: exit status $status"
expect_output "fewer than 4096 bytes were received in 1 s"

promise "Ctrl-C ends a listing that never ends"
echo blanks >hostile/kind
rm -f hostile/asked
# a shell starts its background jobs with SIGINT ignored
python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$hangar_program" -c backup.yaml list >out 2>err &
pid=$!
wait_for 90 test -e hostile/asked
kill -INT $pid
status=0
wait $pid || status=$?
[[ $status == 130 ]] || { cat err; fail "Ctrl-C: exit status $status"; }

promise "a store off this machine without encryption causes a warning"
write_store_config "http://store.invalid:9000"
expect_exit 1 bounded list
expect_in "$work/err" "the endpoint http://store.invalid:9000 is not on this machine and not encrypted"
