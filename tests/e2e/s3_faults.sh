#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# s3_faults.sh [--all] [--seed N] [--summary FILE] [KIND]: faults of a store and of the
# network.  A run either succeeds, and its backup is complete and restores equal data, or
# it fails with a reason, and leaves no listed backup; then the next run succeeds.  Without
# --all, the sweeps at the end use samples.
. "$(dirname "$0")/lib.sh"
. "$e2e/lib_s3.sh"
kind=radosgw step=60 seed=7 summary=/dev/null
while (($#)); do
    case $1 in
    --all) step=1 ;;
    --seed) seed=$2 && shift ;;
    --summary) summary=$2 && shift ;;
    *) kind=$1 ;;
    esac
    shift
done

start_s3 "$kind"
make_files 1 1 # the files of all groups
options="part_size: 5MiB, timeout: 2s, deadline: 30s, stale_after: 1s"

# Most of the time is waiting, so groups of tests run in parallel on one server, each with
# its own folder, proxy and prefix.
begin_group()
{
    work=$work/$1
    mkdir -p "$work/s3/log" "$work/s3/run"
    cd "$work"
    ln -s ../plugins .
    cp -p ../s3.secret .
    export HANGAR_STATE_DIR=$work/state
    s3_proxy "$work"
    make_files 3 100000
    head -c 12000000 /dev/urandom >files/long
    configure "$1" 3
    make_backup
    good=$id
    tried=0 failed=0
}

# configure GROUP RETRIES
configure()
{
    write_files_config "$options, prefix: $1, retries: $2"
}

# Only the good backup is left.
end_group()
{
    sleep 1.1
    expect_exit 0 hangar prune --yes
    [[ $(listed) == "$good" ]] || fail "listed: $(listed)"
    expect_exit 0 hangar verify "$good" --level full
    echo "$tried $failed" >counts
}

# bounded COMMAND...: sets $status to its exit status; a hang, a crash or an error without
# a message fails the test.
bounded()
{
    status=0
    timeout -k 5 90 "$hangar_program" -c "$work/backup.yaml" "$@" >out 2>err </dev/null || status=$?
    tried=$((tried + 1))
    ((status < 124)) || { show_output; fail "status $status: $*; orders: $orders"; }
    if ((status)); then
        failed=$((failed + 1))
        grep -q '^hangar: \|^warning: \|level=error .*msg=' err || { show_output; fail "no reason is printed"; }
        expect_not_in err "$S3_SECRET_KEY"
    fi
}

# survives|fails|either ORDER...: the result of a backup with these faults.
backup_with()
{
    local expected=$1 before
    shift
    orders=$*
    s3_fault
    before=$(listed)
    s3_fault "$@"
    bounded backup
    cp "$_s3_proxy_folder/requests" requests.seen
    s3_fault
    mv out run.out
    mv err run.err
    if ((status == 0)); then
        expect_exit 0 hangar verify "$(<run.out)" --level full
        expect_exit 0 hangar remove "$(<run.out)" --yes
    else
        [[ ! -s run.out && $(listed) == "$before" ]] ||
            { cat run.err >&2; fail "failed with $status, and a backup is listed: $orders"; }
    fi
    case $expected in
    survives) ((status == 0)) || { cat run.err >&2; fail "the run failed: $orders"; } ;;
    fails) ((status)) || fail "success in spite of: $orders" ;;
    esac
}

# survives|fails|either ORDER...: the result of a restore with these faults.
restore_with()
{
    local expected=$1
    shift
    orders=$*
    rm -rf target
    mkdir target
    s3_fault "$@"
    bounded restore "$good" --set "data.path=$work/target" --yes
    s3_fault
    ((status)) || restored || fail "a restore that succeeded is not equal: $orders"
    case $expected in
    survives) ((status == 0)) || { show_output; fail "the run failed: $orders"; } ;;
    fails) ((status)) || fail "success in spite of: $orders" ;;
    esac
}

# expect_backup_output TEXT: the output of the last backup contains it.
expect_backup_output()
{
    expect_in run.err "$1"
}

group_passes()
{
    begin_group passes
    promise "temporary faults are retried: too many requests, server errors, lost connections"
    backup_with survives "put answer 503 SlowDown times=2"
    backup_with survives "upload-part answer 503 SlowDown times=2"
    backup_with survives "create-upload answer 500 InternalError times=2"
    backup_with survives "complete-upload answer 503 ServiceUnavailable times=2"
    backup_with survives "any answer 500 InternalError times=1" "any answer 503 SlowDown times=1 skip=5"
    backup_with survives "put reset-up 50000 times=1" "upload-part reset-up 3000000 times=1"
    backup_with survives "put stall-up 50000 times=1" "upload-part stall-up 3000000 times=1"
    backup_with survives "any answer 400 RequestTimeout times=1 skip=4"
    backup_with survives "any wait 100"

    promise "an error inside a 200 response is an error"
    backup_with survives "complete-upload answer200 InternalError times=1"
    backup_with fails "complete-upload answer200 InternalError"
    expect_backup_output InternalError
    backup_with survives "delete-many answer200 InternalError times=1"
    end_group
}

group_lost()
{
    begin_group lost
    promise "a request with a lost response is repeated; a completed one is recognised"
    backup_with survives "put lose times=2"
    backup_with survives "upload-part lose times=2"
    backup_with survives "create-upload lose times=1"
    backup_with survives "complete-upload lose times=1"
    backup_with survives "complete-upload instead 500 InternalError times=1"
    backup_with survives "create-only lose times=1"
    backup_with survives "create-only lose times=1 key=manifest.json"
    backup_with survives "create-only instead 503 SlowDown times=1 key=manifest.json"
    backup_with survives "put instead 500 InternalError times=1"

    promise "removal survives faults, and removes nothing else"
    for fault in "answer 503 SlowDown" "lose" "answer200 InternalError" "instead 500 InternalError"; do
        make_backup
        orders="any delete $fault"
        s3_fault "delete-many $fault times=1" "delete $fault times=1"
        bounded remove "$id" --yes
        s3_fault
        [[ $(listed) == "$good" ]] || fail "the wrong objects were removed: $fault"
    done

    promise "a transfer of one byte at a time works"
    mkdir aside
    mv files/* aside
    printf 'a few bytes' >files/few
    s3_fault "any pace 1 0"
    bounded backup
    ((status == 0)) || { show_output; fail "one byte at a time: $status"; }
    id=$(<out)
    bounded verify "$id" --level full
    ((status == 0)) || { show_output; fail "one byte at a time: $status"; }
    s3_fault
    expect_exit 0 hangar remove "$id" --yes
    mv aside/* files
    rm files/few
    end_group
}

group_fails()
{
    begin_group fails
    promise "reading resumes where the connection was lost"
    restore_with survives "get reset-down 3000000 key=long times=2"
    restore_with survives "get cut 3000000 key=long times=2"
    restore_with survives "get stall-down 3000000 key=long times=1"
    restore_with survives "get answer 503 SlowDown times=2"
    restore_with survives "any answer 500 InternalError times=2"
    restore_with survives "list reset-down 20 times=1" "head lose times=1"
    restore_with fails "get reset-down 100"

    promise "wrong bytes are always detected"
    restore_with fails "get flip 5000000 key=long"
    expect_output long
    restore_with fails "get flip 300 key=manifest.json"
    restore_with either "get shrink 5000000 key=long times=1"
    restore_with fails "get shrink 5000000 key=long"
    for fault in "flip 20" "shrink 50000" "shrink 0" "answer 404 NoSuchKey"; do
        s3_fault "get $fault key=file"
        expect_exit 4 hangar verify "$good" --level full
    done
    s3_fault
    expect_exit 4 hangar --json list # what a verification found holds until the next one
    expect_exit 0 hangar verify "$good" --level full

    promise "permanent faults end the run in time, with the reason"
    configure fails 1 # each of these faults uses the retry
    backup_with fails "put answer 503 SlowDown"
    expect_backup_output SlowDown
    backup_with fails "upload-part reset-up 1000"
    backup_with fails "any answer 403 AccessDenied"
    ((status == 8)) || fail "exit status $status when access is denied"
    expect_backup_output AccessDenied
    backup_with fails "put answer 400 ExpiredToken"
    ((status == 8)) || fail "exit status $status with an expired token"
    expect_backup_output ExpiredToken
    backup_with fails "upload-part answer 400 EntityTooLarge"

    promise "a truncated listing is an error"
    for fault in "answer200 InternalError" "cut 100" "shrink 150" "answer 503 SlowDown" "reset-down 100"; do
        orders="list $fault"
        s3_fault "list $fault"
        bounded list
        ((status)) || { show_output; fail "no error of the listing: $fault"; }
    done
    s3_fault
    end_group
}

group_sweep()
{
    begin_group sweep
    promise "each request of a backup and of a restore survives each fault"
    RANDOM=$seed # each subshell has its own sequence
    s3_forget
    backup_with survives
    requests=$(wc -l <requests.seen)
    for fault in "answer 500 InternalError" "instead 500 InternalError" lose "reset-up 0" "reset-down 10" \
        "reset-up 70000" "cut 10" "stall-up 0"; do
        for ((i = RANDOM % step; i < requests; i += step)); do
            backup_with either "any $fault skip=$i times=1"
            restore_with either "any $fault skip=$i times=1"
        done
    done
    echo "   $requests requests"
    end_group
}

groups=(passes lost fails sweep)
pids=()
for group in "${groups[@]}"; do
    ("group_$group") &
    pids+=($!)
done
for pid in "${pids[@]}"; do
    wait "$pid" || fail "see above"
done

promise "nothing is left after the faults"
[[ -z $(uploads) ]] || fail "unfinished: $(uploads)"
read -r tried failed < <(awk '{ t += $1; f += $2 } END { print t, f }' */counts)
# requests are repeated, so almost no fault ends a run
awk '{ exit $2 * 4 > $1 }' sweep/counts || fail "of the runs of the sweep, and those that failed: $(<sweep/counts)"
echo "$tried runs, $failed of them failed, 0 broken promises"
printf 'S3: faults before %s\t%d\t0\t0\n' "$kind" "$tried" >>"$summary"
