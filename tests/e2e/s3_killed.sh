#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# s3_killed.sh [KILLS [SUMMARY]]: a run that is killed or interrupted while it sends leaves
# no incomplete backup that is listed, and its unfinished uploads are removed.
. "$(dirname "$0")/lib.sh"
. "$e2e/lib_s3.sh"
kills=${1:-2} summary=${2:-/dev/null}

start_s3 radosgw
make_files 2 1000
head -c 30000000 /dev/urandom >files/long
write_files_config "part_size: 5MiB, stale_after: 1s"
make_backup
good=$id

# The run has begun an upload of its own and sent this many parts, or has ended.
sending()
{
    uploads | sort >uploads.now
    [[ -n $(comm -13 uploads.before uploads.now) ]] && (($(s3_requests '^upload-part') >= $1)) ||
        ! kill -0 "$run" 2>/dev/null
}

# Sends a signal to a backup that has sent some parts, which are so slow that it finds it there.
interrupt()
{
    s3_forget
    s3_fault "upload-part wait 3000"
    uploads | sort >uploads.before
    python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$hangar_program" -c backup.yaml backup >run.out 2>run.err &
    run=$!
    wait_for 60 sending "$2"
    kill "-$1" "$run"
    status=0
    wait "$run" 2>/dev/null || status=$?
    s3_fault
    [[ $status != 0 ]] || fail "the run ended before the signal"
}

promise "SIGINT: the run removes its uploads itself"
interrupt INT 1
[[ $status == 130 && ! -s run.out ]] || { cat run.err >&2; fail "exit status $status"; }
[[ -z $(uploads) && $(listed) == "$good" ]] || fail "left: $(uploads) $(listed)"

# A store can receive a part of a dead run for some seconds more: its upload is not stale before,
# or keeps a part that came after it was removed.  A later run removes it.
cleaned()
{
    make_backup
    [[ -z $(uploads) ]]
}

promise "killed $kills times: listed backups are complete, and the next run cleans up"
for ((i = 0; i < kills; i++)); do
    interrupt KILL $((i % 5))
    [[ $(listed) == "$good" ]] || fail "listed: $(listed)"
done
[[ -n $(uploads) ]] || fail "kill -9 left no uploads: this test has no effect"
sleep 1.1
wait_for 90 cleaned
expect_exit 0 hangar verify --all --level full

promise "uploads of other programs are not touched"
head -c 1000 files/long >part
s3 start-upload backups elsewhere/thing part >upload
sleep 1.1
sed -i "s/bucket: backups/bucket: backups, prefix: mine/" backup.yaml
make_backup
expect_exit 0 hangar prune --yes
[[ $(uploads) == "$(<upload) elsewhere/thing" ]] || fail "uploads: $(uploads)"

printf 'S3: killed between parts\t%d\t%d\t0\n' "$kills" "$kills" >>"$summary"
