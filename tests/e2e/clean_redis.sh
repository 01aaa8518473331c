#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# restore --mode clean of Redis: hangar killed at any moment, the server killed at any
# moment, the connection lost during the swap, an application that writes all the time.
# The target has exactly the data of the backup or the old data, and the next restore
# removes the leftovers of a dead one.
. "$(dirname "$0")/lib.sh"

marker=hangar:restore:unfinished
start_redis 2
fill_redis "${redis_ports[1]}"
redis-cli -p "${redis_ports[1]}" EVAL "
    for i = 1, 80000 do redis.call('set', 'bulk:' .. i, string.rep('x', i % 200)) end
    redis.call('select', 3) redis.call('set', 'expires', 'v', 'ex', 100000)" 0 >fill.out

cat >backup.yaml <<END
version: 1
sources:
$(redis_source cache 1)
transforms:
  gzip: { plugin: compress-gzip }
sinks:
  local: { plugin: storage-local, options: { path: ./backups } }
pipelines:
  nightly: { sources: [cache], transforms: [gzip], sinks: [local] }
END
make_backup
wanted=$(redis-cli -p "${redis_ports[1]}" DEBUG DIGEST)

# The old data of the target, which is also on the disk of a restarted server.
old_data()
{
    redis-cli -p "$port" FLUSHALL >old.out
    redis-cli -p "$port" FUNCTION FLUSH >old.out
    redis-cli -p "$port" EVAL "
        for i = 1, 1000 do redis.call('set', 'old:' .. i, i) end
        redis.call('select', 7) redis.call('rpush', 'queue', 'a', 'b')" 0 >old.out
    redis-cli -p "$port" SAVE >old.out
    old=$(digest)
}

digest()
{
    redis-cli -p "$port" DEBUG DIGEST
}

# Databases with the marker of an unfinished restore.
marked()
{
    local db
    for db in {0..15}; do
        [[ $(redis-cli -p "$port" -n "$db" EXISTS "$marker") == 0 ]] || echo "$db"
    done
}

restore_clean()
{
    hangar restore "$id" --set cache.port="${1:-$port}" --mode clean --yes
}

# The server has the old or the new data, besides databases with a marker; $state is
# old or new.
expect_old_or_new()
{
    local db now
    for db in $(marked); do
        [[ $db != [07] ]] || fail "database $db, which was in use, has the marker"
        redis-cli -p "$port" -n "$db" FLUSHDB >flush.out
    done
    now=$(digest)
    case $now in
    "$old") state=old ;;
    "$wanted") state=new ;;
    *) fail "the target has neither its old data nor that of the backup ($1)" ;;
    esac
}

port=${redis_ports[2]}
promise "a restore replaces all data, also functions, and reports it"
old_data
expect_exit 0 restore_clean
expect_exit 0 hangar --json list
safety=$(json '[b["id"] for b in d["backups"] if b["kind"] == "safety"][0]')
[[ $(digest) == "$wanted" ]] || fail "the target differs from the source"
same_redis "${redis_ports[1]}" "$port"
[[ -z $(marked) ]] || fail "a marker was left"
expect_exit 0 hangar restore "$id" --set cache.port="$port" --mode clean --dry-run
expect_output "swap them in with one transaction"
expect_output "all that is written until then"

promise "the safety backup restores the old data"
expect_exit 0 hangar restore "$safety" --set cache.port="$port" --mode clean --yes
[[ $(digest) == "$old" ]] || fail "the safety backup lacks the replaced data"

# The restore has started to load: it has claimed the first free database.
loading()
{
    [[ $(redis-cli -p "$port" -n 15 EXISTS "$marker") == 1 ]] || ! kill -0 "$run" 2>/dev/null
}

kills=$(sweep 4 8)
promise "hangar killed at $kills moments: old or new data, and the next restore cleans up"
start=$(date +%s%N)
restore_clean >run.out 2>&1
took_ms=$((($(date +%s%N) - start) / 1000000))
killed=0 left=0
for ((i = 1; i <= kills; i++)); do
    old_data
    "$hangar_program" -c "$work/backup.yaml" restore "$id" --set cache.port="$port" --mode clean \
        --yes >run.out 2>run.err &
    run=$!
    if ((i % 2)); then
        wait_for 60 loading
    else
        sleep "$(printf '%d.%03d' $((took_ms * i / kills / 1000)) $((took_ms * i / kills % 1000)))"
    fi
    kill -KILL "$run" 2>/dev/null || true
    status=0
    wait "$run" 2>/dev/null || status=$?
    if [[ $status == 0 ]]; then
        [[ $(digest) == "$wanted" ]] || fail "success without the data of the backup"
        continue
    fi
    killed=$((killed + 1))
    if [[ -n $(marked) ]]; then
        left=$((left + 1))
        if ((left % 2 == 0)); then # for the next restore
            sed "s/port: ${redis_ports[1]}/port: $port/" backup.yaml >target.yaml
            expect_exit 0 "$hangar_program" -c target.yaml check
            expect_output "database $(marked | head -n 1) of redis at 127.0.0.1:$port holds"
            expect_exit 0 restore_clean
            [[ $(digest) == "$wanted" ]] || fail "the data was not replaced after a kill"
            [[ -z $(marked) ]] || fail "leftovers are not removed"
            continue
        fi
    fi
    expect_old_or_new "killed after $((took_ms * i / kills)) ms"
done
((killed >= 2 && left >= 1)) || fail "only $killed restores were killed, $left of them while loading"

promise "interrupted: exit 130, the data unchanged, nothing left in the server"
old_data
python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$hangar_program" -c backup.yaml restore "$id" \
    --set cache.port="$port" --mode clean --yes >run.out 2>run.err &
run=$!
wait_for 60 loading
kill -INT "$run" 2>/dev/null || true
status=0
wait "$run" || status=$?
if [[ $status == 130 ]]; then
    [[ $(digest) == "$old" ]] || fail "an interrupted restore changed the target: $(<run.err)"
else
    [[ $status == 0 && $(digest) == "$wanted" ]] || fail "exit status $status: $(<run.err)"
fi

deaths=$(sweep 1 4)
promise "the server killed at $deaths moments: it restarts with the old or the new data"
gone()
{
    ! kill -0 "$1" 2>/dev/null
}
died=0
for ((i = 1; i <= deaths; i++)); do
    redis_stop "$work/redis3"
    rm -rf "$work/redis3"
    redis_start "$work/redis3" --appendonly yes
    port=$REDIS_PORT pid=$REDIS_PID
    old_data
    restore_clean >run.out 2>run.err &
    run=$!
    if ((i % 2)); then
        wait_for 60 loading
    else
        sleep "$(printf '%d.%03d' $((took_ms * i / 5 / 1000)) $((took_ms * i / 5 % 1000)))"
    fi
    disown "$pid" # the shell would print a message
    kill -KILL "$pid"
    status=0
    wait "$run" || status=$?
    [[ $status == 0 ]] || died=$((died + 1))
    wait_for 90 gone "$pid"
    rm -f "$work/redis3/redis.pid"
    redis_start "$work/redis3" --appendonly yes
    port=$REDIS_PORT
    expect_old_or_new "the server was killed"
    [[ $status != 0 || $state == new ]] || fail "success with the old data"
    expect_exit 0 restore_clean
    [[ $(digest) == "$wanted" ]] || fail "the data was not replaced after a crash of the server"
done
((died >= 1)) || fail "the server died during only $died restores"
redis_stop "$work/redis3"

promise "connection lost during the swap: the reported result is correct"
port=${redis_ports[2]}
lose_at()
{
    old_data
    rm -f relay.port
    python3 "$e2e/clean_redis.py" "$port" "$1" "$2" >relay.port 2>relay.err &
    relay=$!
    wait_for 90 test -s relay.port
    status=0
    restore_clean "$(<relay.port)" >run.out 2>run.err || status=$?
    kill "$relay"
    wait "$relay" 2>/dev/null || true
}
# the first EXEC tests the functions, the second is the swap
for nth in 1 2; do
    lose_at before $nth
    # a lost connection may leave loaded data, with a marker for the next restore
    expect_old_or_new "EXEC $nth did not arrive"
    [[ $status == 1 && $state == old ]] || fail "EXEC $nth did not arrive: exit $status, $(<run.err)"
done
lose_at after 1
expect_old_or_new "the answer to the test was lost"
[[ $status == 1 && $state == old ]] || fail "the test of the functions changed the target: $(<run.err)"
lose_at after 2
[[ $status == 0 && $(digest) == "$wanted" ]] || fail "the swap was done, but: exit $status, $(<run.err)"
expect_in run.err "the server has completed it"

promise "an application that writes all the time: the restore succeeds, and it continues"
old_data
(while redis-cli -p "$port" SET app:counter "$RANDOM" >app.out 2>&1; do :; done) &
app=$!
expect_exit 0 hangar restore "$id" --set cache.port="$port" --mode clean --dry-run
expect_exit 0 restore_clean
kill "$app"
wait "$app" 2>/dev/null || true
# its last write may not have arrived
but_for_the_counter()
{
    redis-cli -p "$port" DEL app:counter >app.out
    [[ $(digest) == "$wanted" ]]
}
wait_for 90 but_for_the_counter
