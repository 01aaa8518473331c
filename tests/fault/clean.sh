#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# A clean restore replaces live data while system calls of hangar fail or kill it.  Afterwards
# the data is exactly as before or exactly as in the backup; after exit status 0 it is as in
# the backup.  The next restore succeeds and leaves nothing behind.  Half of the faults hit the
# last messages to the server, which swap the new data in.  The server is PostgreSQL, or Redis
# with `--of redis`.  `--seconds N`, `--seed N` and `--summary FILE` are as in servers.sh.
. "$(dirname "$0")/../e2e/lib.sh"

seconds=30 seed=$RANDOM summary=/dev/null of=postgres
while (($#)); do
    case $1 in
    --seconds) seconds=$2 ;;
    --seed) seed=$2 ;;
    --summary) summary=$2 ;;
    --of) of=$2 ;;
    *) fail "unknown option $1" ;;
    esac
    shift 2
done
RANDOM=$seed
echo "seed $seed"

# ---- for each kind of server: write, state, change, ours and no_client ----

write_postgres()
{
    pg_start "$work"
    createdb live
    psql -qX -v ON_ERROR_STOP=1 -d live <<'SQL'
CREATE TABLE t (a int PRIMARY KEY, b text);
INSERT INTO t SELECT g, 'row ' || g FROM generate_series(1, 2000) g;
CREATE TABLE u (id serial PRIMARY KEY, a int REFERENCES t);
INSERT INTO u (a) SELECT g FROM generate_series(1, 300) g;
COMMENT ON DATABASE live IS 'as in the backup';
SQL
    pg_source app live >source.yaml
}

state_postgres()
{
    dump live
    sql postgres "SELECT shobj_description(oid, 'pg_database'), datallowconn, datconnlimit, datistemplate
        FROM pg_database WHERE datname = 'live'"
}

change_postgres()
{
    psql -qX -v ON_ERROR_STOP=1 -d live -c "UPDATE t SET b = 'changed' WHERE a % 3 = 0" \
        -c 'CREATE TABLE added (a int)' -c "COMMENT ON DATABASE live IS 'as it was'"
}

ours_postgres()
{
    sql postgres "SELECT datname FROM pg_database WHERE datname LIKE 'hangar\_%'"
}

# After the death of a client the server may still work on its last statement, above all on
# CREATE DATABASE.
no_client_postgres()
{
    [[ $(sql postgres "SELECT count(*) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()") == 0 ]]
}

# in_redis LUA: runs LUA for each database.  `db` is its number; `marked` means that it belongs
# to an unfinished restore.
in_redis()
{
    redis-cli -p "${redis_ports[1]}" EVAL "
        local out = {}
        for db = 0, 15 do
            redis.call('select', db)
            local marked = redis.call('exists', 'hangar:restore:unfinished') == 1
            $1
        end
        return table.concat(out, '\n')" 0 >in_redis.out
    ! grep '^ERR' in_redis.out || fail "redis cannot run: $1"
}

functions_redis()
{
    redis-cli -p "${redis_ports[1]}" FUNCTION FLUSH >functions.out
    redis-cli -p "${redis_ports[1]}" FUNCTION LOAD \
        "#!lua name=$1"$'\n'"redis.register_function('f', function() return '$1' end)" >functions.out
}

write_redis()
{
    start_redis 1
    in_redis "if db == 0 then for i = 1, 3000 do redis.call('set', 'key:' .. i, string.rep('x', i % 99)) end end
        if db == 3 then redis.call('rpush', 'list', 'a', 'b') redis.call('set', 'e', 'v', 'pxat', 4102444800000) end"
    functions_redis backup
    redis_source app 1 >source.yaml
}

state_redis()
{
    in_redis "local names = marked and {} or redis.call('keys', '*')
        table.sort(names)
        for i, name in ipairs(names) do
            out[#out + 1] = db .. ' ' .. name .. ' ' .. redis.call('pexpiretime', name) .. ' ' ..
                redis.sha1hex(redis.call('dump', name))
        end"
    cat in_redis.out
    redis-cli -p "${redis_ports[1]}" FUNCTION LIST WITHCODE
}

change_redis()
{
    in_redis "if not marked then redis.call('flushdb') end
        if db == 0 then for i = 1, 500 do redis.call('set', 'old:' .. i, i) end end
        if db == 7 then redis.call('rpush', 'queue', 'a', 'b') end"
    functions_redis live
}

ours_redis()
{
    in_redis "if marked then out[#out + 1] = db end"
    cat in_redis.out
}

no_client_redis()
{
    local clients
    clients=$(redis-cli -p "${redis_ports[1]}" CLIENT LIST)
    [[ $clients != *name=hangar* && $clients != *flags=S* ]]
}

for what in write state change ours no_client; do
    declare -F "${what}_$of" >declared || fail "unknown server $of for --of (postgres, redis)"
    eval "$what() { ${what}_$of; }"
done

write
cat >backup.yaml <<END
version: 1
limits: { stall_timeout: 5s }
sources:
$(<source.yaml)
sinks:
  local: { plugin: storage-local, options: { path: ./backups } }
pipelines:
  nightly: { sources: [app], transforms: [], sinks: [local] }
END
make_backup
good=$id

state >in_backup
change
state >as_it_was
! cmp -s in_backup as_it_was || fail "the change had no effect, so the test has no meaning"

shimmed()
{
    status=0
    rm -f fault.log
    LD_PRELOAD=$HANGAR_BUILD/lib/fault/hangar-fault-shim.so FAULT_PROGRAM=hangar \
        FAULT_LOG=$work/fault.log timeout -k 5 60 "$hangar_program" -c "$work/backup.yaml" \
        restore "$good" --mode clean --disconnect --yes >run.out 2>run.err </dev/null || status=$?
    [[ $status != 124 ]] || broken "it hung"
    [[ $status != 137 || ${FAULT_HOW:-} == KILL* ]] || broken "it hung and ignored SIGTERM"
    ((status < 128 || status == 137)) || broken "it crashed with $status"
}

broken()
{
    sed 's/^/  /' run.err >&2
    fail "$*; fault: $(grep '^fault' fault.log || true)"
}

# Sets $found: new (as in the backup) or old (as before).  Any other state is broken.
compare_target()
{
    state >now || broken "cannot read the target; leftovers: $(ours)"
    if cmp -s now in_backup; then
        found=new
    elif cmp -s now as_it_was; then
        found=old
    else
        diff as_it_was now >&2 || true
        broken "the data is neither as before nor as in the backup"
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
compare_target
[[ $found == new && -z $(ours) ]] || broken "exit status 0, but the data is not restored or leftovers stay: $(ours)"
old_again

promise "after any fault the data is old or new, and the next restore succeeds"
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
    wait_for 60 no_client
    compare_target
    [[ $status != 0 || $found == new ]] || broken "exit status 0, and nothing was restored"
    ! grep -q '^fault' fault.log || tried=$((tried + 1))
    [[ $status != 137 ]] || killed=$((killed + 1))
    [[ $found == new ]] || stayed=$((stayed + 1))
    old_again
    expect_exit 0 hangar restore "$good" --mode clean --yes
    compare_target
    [[ $found == new ]] || broken "the next restore did not restore"
    [[ -z $(ours) ]] || broken "the next restore left $(ours)"
    old_again
    # keeps the number of backups small
    find backups -mindepth 2 -maxdepth 2 -type d ! -name "$good" -exec rm -rf {} +
done
((tried > 0)) || fail "no fault happened"

echo "clean, $of: $tried faults, $killed of them kills, the data stayed as before $stayed times, 0 broken promises (seed $seed)"
printf 'faults while %s is replaced\t%d\t%d\t0\n' "$of" "$tried" "$killed" >>"$summary"
