#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# Like faults.py, with the real sources: system calls of hangar fail, or hangar is killed,
# during backups, restores and drills of PostgreSQL and Redis.  No throw-away server may be
# left.  `--seconds N` limits the time, `--seed N` chooses the calls, `--summary FILE` appends
# the numbers to FILE, and `--memory yes` also lets allocations fail.
. "$(dirname "$0")/../e2e/lib.sh"

seconds=30 seed=$RANDOM summary=/dev/null memory=
while (($#)); do
    case $1 in
    --seconds) seconds=$2 ;;
    --seed) seed=$2 ;;
    --summary) summary=$2 ;;
    --memory) memory=$2 ;;
    *) fail "unknown option $1" ;;
    esac
    shift 2
done
RANDOM=$seed
echo "seed $seed"

start_pg
start_redis 2
fill_redis "${redis_ports[1]}"
write_config
# after a failed write libpq waits until the stall timeout ends the job
mkdir -m 711 temp # the throw-away servers run as another user
sed -i -e '1a limits: { stall_timeout: 5s, temp_dir: ./temp }' -e '/plugin: redis/,/}/s/127.0.0.1, /127.0.0.1, timeout: 5s, /' backup.yaml
make_backup
good=$id
expect_exit 0 hangar verify "$good" --level full

calls=(open read write fsync close rename unlink mkdir statvfs socket connect send recv poll thread)
[[ $memory != yes ]] || calls+=(malloc) # in all libraries
errors=(EIO ENOSPC EINTR EMFILE ECONNRESET ENOMEM SHORT KILL_BEFORE KILL_AFTER)
declare -A counts

# shimmed WORDS: runs hangar under the shim, with the fault of FAULT_*; sets $status.
shimmed()
{
    status=0
    rm -f fault.log
    LD_PRELOAD=$HANGAR_BUILD/lib/fault/hangar-fault-shim.so FAULT_PROGRAM=hangar \
        FAULT_LOG=$work/fault.log timeout -k 5 60 "$hangar_program" -c "$work/backup.yaml" "$@" \
        >run.out 2>run.err </dev/null || status=$?
    [[ $status != 124 ]] || broken "hung: $*"
    [[ $status != 137 || ${FAULT_HOW:-} == KILL* ]] || broken "hung and ignored SIGTERM: $*"
    ((status < 128 || status == 137)) || grep -q 'GLib-ERROR.*failed to allocate' run.err ||
        broken "crashed with $status: $*"
}

broken()
{
    sed 's/^/  /' run.err >&2
    fail "$*; fault: $(grep '^fault' fault.log || true)"
}

# As checker.py: a run that is killed between its last two files leaves a folder that lacks nothing
# but its manifest.  hangar reports it as damaged and does not remove it: an operator does.
remove_incomplete()
{
    local one
    status=0 # of hangar list; the caller's is kept
    "$hangar_program" -c "$work/backup.yaml" --json list >"$work/out" 2>"$work/err" || status=$?
    for one in $(json '"\n".join(b["id"] for b in d["backups"] if b["state"] == "corrupt" and
        " has no manifest" in b["problem"])'); do
        [[ $one != "$good" ]] || broken "the earlier backup has lost its manifest"
        expect_exit 0 hangar remove "$one" --yes
    done
}

back_up()
{
    local ids ended
    shimmed backup
    ended=$status
    remove_incomplete
    status=$ended
    ids=$(listed)
    grep -qx "$good" <<<"$ids" || broken "the earlier backup is lost"
    expect_exit 0 hangar verify --all --level full
    if [[ $status == 0 ]] && ! grep -qx "$(<run.out)" <<<"$ids"; then
        broken "exit status 0 without a backup"
    fi
    [[ $status == 0 || ! -s run.out ]] || broken "failed and printed an id"
}

# After the death of a client the server may still work on its last statement, above all on
# CREATE DATABASE.
no_client()
{
    [[ $(sql postgres "SELECT count(*) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()") == 0 ]]
}

empty_targets()
{
    wait_for 60 no_client
    psql -qAtX -d postgres -c 'DROP DATABASE IF EXISTS target WITH (FORCE)' 2>dropped
    redis-cli -p "${redis_ports[2]}" FLUSHALL >flushed
    redis-cli -p "${redis_ports[2]}" FUNCTION FLUSH >flushed
}

bring_back()
{
    empty_targets
    shimmed restore "$good" --set app_db.database=target --set "cache.port=${redis_ports[2]}" --yes
    [[ $status != 0 ]] || { same_database shop target && same_redis "${redis_ports[1]}" "${redis_ports[2]}"; }
}

no_servers()
{
    ! pgrep -f -- "$work/temp/" >pids
}

drill()
{
    local until=$((SECONDS + 20))
    shimmed verify "$good" --level drill
    until no_servers; do
        ((SECONDS < until)) || broken "throw-away servers are left: $(pgrep -af -- "$work/temp/")"
        sleep 0.1
    done
    # The next drill removes the leftovers of a killed one; when its cleanup fails, the one after
    # it does.  An unfinished folder is removed when it is one hour old.
    find temp -maxdepth 1 -name 'hangar-new-*' -exec touch -d '2 hours ago' {} +
    [[ $status == 137 || -z $(ls -A temp) ]] || expect_exit 0 hangar verify "$good" --level drill
    [[ $status == 137 || -z $(ls -A temp) ]] || broken "files are left: $(ls -A temp)"
}

# Reads how many calls of each kind the last job made.
count()
{
    local word call n
    while read -r word call n; do
        [[ $word != count ]] || counts[$1.$call]=$n
    done <fault.log
}

promise "without a fault backup, restore and drill succeed under the shim"
back_up
[[ $status == 0 ]] || broken "a backup without a fault: $status"
count back_up
bring_back
[[ $status == 0 ]] || broken "a restore without a fault: $status"
count bring_back
drill
[[ $status == 0 ]] || broken "a drill without a fault: $status"
count drill

promise "after any fault: no false success, no backup is lost, the next run succeeds"
tried=0 killed=0 restores=0 drills=0
end=$((SECONDS + seconds))
while ((SECONDS < end)); do
    what=back_up
    ((RANDOM % 3)) || what=bring_back
    ((RANDOM % 5)) || what=drill
    call=${calls[RANDOM % ${#calls[@]}]}
    most=${counts[$what.$call]}
    ((most > 0)) || continue
    export FAULT_CALL=$call FAULT_HOW=${errors[RANDOM % ${#errors[@]}]}
    export FAULT_NTH=$(((RANDOM * 32768 + RANDOM) % most + 1))
    [[ $FAULT_HOW != SHORT || $call == read || $call == write || $call == send || $call == recv ]] || continue
    "$what"
    unset FAULT_CALL
    ! grep -q '^fault' fault.log || tried=$((tried + 1))
    [[ $status != 137 ]] || killed=$((killed + 1))
    [[ $what != bring_back ]] || restores=$((restores + 1))
    [[ $what != drill ]] || drills=$((drills + 1))
    # keeps the number of backups small, as each one is verified each time
    find backups -mindepth 2 -maxdepth 2 -type d ! -name "$good" -exec rm -rf {} +
done
((tried > 0)) || fail "no fault happened"
make_backup
expect_exit 0 hangar verify --all --level full
find temp -maxdepth 1 -name 'hangar-new-*' -exec touch -d '2 hours ago' {} +
expect_exit 0 hangar verify "$good" --level drill
[[ -z $(ls -A temp) ]] || fail "left in the temporary folder: $(ls -A temp)"
empty_targets
expect_exit 0 hangar restore "$good" --set app_db.database=target --set "cache.port=${redis_ports[2]}" --yes
same_database shop target
same_redis "${redis_ports[1]}" "${redis_ports[2]}"

echo "servers: $tried faults, $killed of them kills, $restores in restores, $drills in drills, 0 broken promises (seed $seed)"
printf 'faults with servers\t%d\t%d\t0\n' "$tried" "$killed" >>"$summary"
