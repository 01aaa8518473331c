#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# A server that dies or closes the connection during a run: the run fails, no backup is
# listed, and the next run succeeds.
. "$(dirname "$0")/lib.sh"

start_pg
sql shop "CREATE TABLE shop.bulk AS SELECT i, md5(i::text) || md5((i * 7)::text) AS text
          FROM generate_series(1, 600000) AS i"
start_redis 1
fill_redis "${redis_ports[1]}"
redis-cli -p "${redis_ports[1]}" DEBUG POPULATE 100000 key 500 >/dev/null
write_config
make_backup
good=$id

started()
{
    [[ -n $(find backups -mindepth 3 -type f -size +16k ! -path "*/$good/*" -print -quit) ]] ||
        ! kill -0 "$run" 2>/dev/null
}

# dies HOW...: runs HOW during a backup, which must fail.
dies()
{
    local attempt
    for ((attempt = 0; attempt < 20; attempt++)); do
        "$hangar_program" -c "$work/backup.yaml" backup >run.out 2>run.err &
        run=$!
        wait_for 60 started
        "$@"
        status=0
        wait "$run" || status=$?
        [[ $status == 0 ]] || break
        # the run ended before; its backup is complete
        expect_exit 0 hangar verify "$(<run.out)" --level full
        rm -rf "backups/nightly/$(<run.out)"
        revive
    done
    [[ $status == 1 ]] || { cat run.err >&2; fail "exit status $status after: $*"; }
    [[ ! -s run.out && -s run.err ]] || fail "an id was printed, or no reason"
    [[ $(listed) == "$good" ]] || { show_output; fail "an interrupted run is listed"; }
    revive
    make_backup
    expect_exit 0 hangar verify "$id" --level full
    rm -rf "$folder"
}

revive()
{
    if ! psql -qX -d shop -c "SELECT 1" >/dev/null 2>&1; then
        _pg_as_owner "$(pg_bin pg_ctl)" -D "$work/pg/data" -l "$work/pg/data/server.log" \
            -w -t 60 start >/dev/null
    fi
    if ! redis-cli -p "${redis_ports[1]}" PING >/dev/null 2>&1; then
        # redis_stop reports that it was killed
        redis_stop "$work/redis1" || true
        # a dump that the backup requested; a restarted server would load it
        rm -f "$work/redis1/dump.rdb"
        start_redis 1
        fill_redis "${redis_ports[1]}"
        redis-cli -p "${redis_ports[1]}" DEBUG POPULATE 100000 key 500 >/dev/null
        write_config
    fi
}

cut_sessions()
{
    sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'shop'" \
        >/dev/null
}

crash_pg()
{
    _pg_as_owner "$(pg_bin pg_ctl)" -D "$work/pg/data" -m immediate -w -t 30 stop >/dev/null
}

kill_redis()
{
    kill -KILL "$(<"$work/redis1/redis.pid")"
}

promise "PostgreSQL ends the sessions of a run: the run fails, and no backup is listed"
dies cut_sessions
promise "PostgreSQL crashes: the run fails, and no backup is listed"
dies crash_pg
promise "Redis is killed: the run fails, and no backup is listed"
# before the dump of Redis ends: it is blocked until the run is in progress
kill_before()
{
    kill -STOP "$(<"$work/redis1/redis.pid")"
    "$hangar_program" -c "$work/backup.yaml" backup >run.out 2>run.err &
    run=$!
    sleep 0.2
    kill_redis
    status=0
    wait "$run" || status=$?
    [[ $status == 1 ]] || { cat run.err >&2; fail "exit status $status"; }
    [[ $(listed) == "$good" ]] || { show_output; fail "an interrupted run is listed"; }
}
kill_before
revive
make_backup
expect_exit 0 hangar verify "$id" --level full
