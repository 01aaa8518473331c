#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# A database is replaced while calls of hangar fail or kill it: afterwards it is as it was
# or as in the backup, to the last row and property, and never anything else; success
# means the backup; and the next restore succeeds and leaves nothing behind.  Half of the
# faults are among the last messages to the server, where one database takes the place of
# the other.  `--seconds N`, `--seed N`, `--summary FILE` as for servers.sh.
. "$(dirname "$0")/../e2e/lib.sh"

seconds=30 seed=$RANDOM summary=/dev/null
while (($#)); do
    case $1 in
    --seconds) seconds=$2 ;;
    --seed) seed=$2 ;;
    --summary) summary=$2 ;;
    *) fail "what is $1?" ;;
    esac
    shift 2
done
RANDOM=$seed
echo "seed $seed"

pg_start "$work"
createdb live
psql -qX -v ON_ERROR_STOP=1 -d live <<'SQL'
CREATE TABLE t (a int PRIMARY KEY, b text);
INSERT INTO t SELECT g, 'row ' || g FROM generate_series(1, 2000) g;
CREATE TABLE u (id serial PRIMARY KEY, a int REFERENCES t);
INSERT INTO u (a) SELECT g FROM generate_series(1, 300) g;
COMMENT ON DATABASE live IS 'as in the backup';
SQL
cat >backup.yaml <<END
version: 1
limits: { stall_timeout: 5s }
sources:
$(pg_source app_db live)
sinks:
  local: { plugin: storage-local, options: { path: ./backups } }
pipelines:
  nightly: { sources: [app_db], transforms: [], sinks: [local] }
END
make_backup
good=$id

state()
{
    dump live
    sql postgres "SELECT shobj_description(oid, 'pg_database'), datallowconn, datconnlimit, datistemplate
        FROM pg_database WHERE datname = 'live'"
}

change()
{
    psql -qX -v ON_ERROR_STOP=1 -d live -c "UPDATE t SET b = 'changed' WHERE a % 3 = 0" \
        -c 'CREATE TABLE added (a int)' -c "COMMENT ON DATABASE live IS 'as it was'"
}

ours()
{
    sql postgres "SELECT datname FROM pg_database WHERE datname LIKE 'hangar\_%'"
}

state >in_backup
change
state >as_it_was

shimmed()
{
    status=0
    rm -f fault.log
    LD_PRELOAD=$HANGAR_BUILD/lib/fault/hangar-fault-shim.so FAULT_PROGRAM=hangar \
        FAULT_LOG=$work/fault.log timeout -k 5 60 "$hangar_program" -c "$work/backup.yaml" \
        restore "$good" --mode clean --disconnect --yes >run.out 2>run.err </dev/null || status=$?
    [[ $status != 124 ]] || broken "it hung"
    [[ $status != 137 || ${FAULT_HOW:-} == KILL* ]] || broken "it hung, and did not end when asked to"
    ((status < 128 || status == 137)) || broken "it crashed with $status"
}

broken()
{
    sed 's/^/  /' run.err >&2
    fail "$*; fault: $(grep '^fault' fault.log || true)"
}

# The server ends what a dead client asked for (CREATE DATABASE, above all) in its own time.
nobody_connected()
{
    [[ $(sql postgres "SELECT count(*) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()") == 0 ]]
}

# What the target is now; nothing but one of the two is right.
look()
{
    state >now || broken "there is no database live: $(ours)"
    if cmp -s now in_backup; then
        found=new
    elif cmp -s now as_it_was; then
        found=old
    else
        diff as_it_was now >&2 || true
        broken "the database is neither as it was nor as in the backup"
    fi
}

old_again()
{
    if [[ $found == new ]]; then
        change
    fi
}

promise "without a fault it succeeds under the shim"
declare -A counts
shimmed
[[ $status == 0 ]] || broken "without a fault: $status"
while read -r word call n; do
    [[ $word != count ]] || counts[$call]=$n
done <fault.log
look
[[ $found == new && -z $(ours) ]] || broken "success, but not restored, or not tidied up"
old_again

promise "whatever fails: one or the other, and the next restore sets it right"
calls=(open read write fsync close unlink socket connect send recv poll thread)
errors=(EIO ECONNRESET ENOMEM SHORT KILL_BEFORE KILL_AFTER KILL_BEFORE KILL_AFTER)
tried=0 killed=0 stayed=0
end=$((SECONDS + seconds))
while ((SECONDS < end)); do
    if ((RANDOM % 2)); then
        call=send nth=$((counts[send] - RANDOM % 40))
    else
        call=${calls[RANDOM % ${#calls[@]}]}
        ((${counts[$call]:-0} > 0)) || continue
        nth=$(((RANDOM * 32768 + RANDOM) % counts[$call] + 1))
    fi
    how=${errors[RANDOM % ${#errors[@]}]}
    [[ $how != SHORT || $call == read || $call == write || $call == send || $call == recv ]] || continue
    export FAULT_CALL=$call FAULT_NTH=$nth FAULT_HOW=$how
    shimmed
    unset FAULT_CALL
    wait_for 60 nobody_connected
    look
    [[ $status != 0 || $found == new ]] || broken "success, and nothing was restored"
    ! grep -q '^fault' fault.log || tried=$((tried + 1))
    [[ $status != 137 ]] || killed=$((killed + 1))
    [[ $found == new ]] || stayed=$((stayed + 1))
    old_again
    expect_exit 0 hangar restore "$good" --mode clean --yes
    look
    [[ $found == new ]] || broken "the next restore did not restore"
    [[ -z $(ours) ]] || broken "the next restore left $(ours)"
    old_again
    # not too many at once
    find backups -mindepth 2 -maxdepth 2 -type d ! -name "$good" -exec rm -rf {} +
done
((tried > 0)) || fail "no fault happened"

echo "clean: $tried faults, $killed of them kills, $stayed times it stayed as it was, 0 broken promises (seed $seed)"
printf 'faults while a database is replaced\t%d\t%d\t0\n' "$tried" "$killed" >>"$summary"
