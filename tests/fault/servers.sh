#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# The same as faults.py with the real sources: calls of hangar that fail, and kills,
# while it backs up PostgreSQL and Redis, restores them, and drills in servers of its own,
# of which none may be left.  The calls are chosen at
# random for `--seconds N` from `--seed N`; `--summary FILE` has the numbers appended.
. "$(dirname "$0")/../e2e/lib.sh"

seconds=30 seed=$RANDOM summary=/dev/null memory=
while (($#)); do
    case $1 in
    --seconds) seconds=$2 ;;
    --seed) seed=$2 ;;
    --summary) summary=$2 ;;
    --memory) memory=$2 ;;
    *) fail "what is $1?" ;;
    esac
    shift 2
done
RANDOM=$seed
echo "seed $seed"

start_pg
start_redis 2
fill_redis "${redis_ports[1]}"
write_config
# libpq waits on after a write that failed, until somebody ends that: the stall timeout
mkdir -m 711 temp # the drill's servers have a user of their own
sed -i -e '1a limits: { stall_timeout: 5s, temp_dir: ./temp }' -e '/plugin: redis/,/}/s/127.0.0.1, /127.0.0.1, timeout: 5s, /' backup.yaml
make_backup
good=$id
expect_exit 0 hangar verify "$good" --level full

calls=(open read write fsync close rename unlink mkdir statvfs socket connect send recv poll thread)
[[ $memory != yes ]] || calls+=(malloc) # in whatever library asks for it
errors=(EIO ENOSPC EINTR EMFILE ECONNRESET ENOMEM SHORT KILL_BEFORE KILL_AFTER)
declare -A counts

# shimmed WORDS: hangar under the shim, with what FAULT_* say; its exit status is in $status.
shimmed()
{
    status=0
    rm -f fault.log
    LD_PRELOAD=$HANGAR_BUILD/lib/fault/hangar-fault-shim.so FAULT_PROGRAM=hangar \
        FAULT_LOG=$work/fault.log timeout -k 5 60 "$hangar_program" -c "$work/backup.yaml" "$@" \
        >run.out 2>run.err </dev/null || status=$?
    [[ $status != 124 ]] || broken "hung: $*"
    [[ $status != 137 || ${FAULT_HOW:-} == KILL* ]] || broken "hung, and did not end when asked to: $*"
    ((status < 128 || status == 137)) || grep -q 'GLib-ERROR.*failed to allocate' run.err ||
        broken "crashed with $status: $*"
}

broken()
{
    sed 's/^/  /' run.err >&2
    fail "$*; fault: $(grep '^fault' fault.log || true)"
}

back_up()
{
    local ids
    shimmed backup
    ids=$(listed)
    grep -qx "$good" <<<"$ids" || broken "the backup from before is lost"
    expect_exit 0 hangar verify --all --level full
    if [[ $status == 0 ]] && ! grep -qx "$(<run.out)" <<<"$ids"; then
        broken "success without a backup"
    fi
    [[ $status == 0 || ! -s run.out ]] || broken "failed, and printed an id"
}

# The server ends what a dead client asked for (CREATE DATABASE, above all) in its own time.
nobody_connected()
{
    [[ $(sql postgres "SELECT count(*) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()") == 0 ]]
}

empty_targets()
{
    wait_for 60 nobody_connected
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
        ((SECONDS < until)) || broken "servers are left: $(pgrep -af -- "$work/temp/")"
        sleep 0.1
    done
    # what a killed one leaves goes with the next, or, when its tidying up was what failed,
    # with the one after that; a folder that was being made, after an hour
    find temp -maxdepth 1 -name 'hangar-new-*' -exec touch -d '2 hours ago' {} +
    [[ $status == 137 || -z $(ls -A temp) ]] || expect_exit 0 hangar verify "$good" --level drill
    [[ $status == 137 || -z $(ls -A temp) ]] || broken "files are left: $(ls -A temp)"
}

# Which calls there are to choose from.
count()
{
    local word call n
    while read -r word call n; do
        [[ $word != count ]] || counts[$1.$call]=$n
    done <fault.log
}

promise "without a fault both succeed under the shim"
back_up
[[ $status == 0 ]] || broken "a backup without a fault: $status"
count back_up
bring_back
[[ $status == 0 ]] || broken "a restore without a fault: $status"
count bring_back
drill
[[ $status == 0 ]] || broken "a drill without a fault: $status"
count drill

promise "whatever call fails: no false success, nothing lost, the next run succeeds"
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
    # not too many at once: each is verified again and again
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
