# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# redis.sh: private Redis servers for tests and benchmarks; source it from a
# POSIX shell.  Each server lives in a folder of its own, listens on a free port
# of 127.0.0.1 and on a Unix socket, and writes nothing outside that folder.
#
#     redis_start DIR [redis-server arguments]   sets REDIS_PORT, REDIS_SOCKET, REDIS_PID
#     redis_stop DIR                             also when it is stopped or gone
#
# The caller sets a trap that calls redis_stop, so that nothing is left running.

redis_is_up() { # SOCKET: it answers, if only to ask for a password
    case $(timeout 5 redis-cli -s "$1" ping 2>&1) in
    PONG* | NOAUTH* | NOPERM*) return 0 ;;
    esac
    return 1
}

redis_start() {
    redis_dir=$1
    shift
    mkdir -p "$redis_dir" || return 1
    redis_dir=$(cd "$redis_dir" && pwd) || return 1
    REDIS_SOCKET=$redis_dir/redis.sock
    redis_attempt=0
    while [ "$redis_attempt" -lt 20 ]; do
        redis_attempt=$((redis_attempt + 1))
        # below the range that outgoing connections use
        REDIS_PORT=$(shuf -i 20000-31999 -n 1)
        redis-server --port "$REDIS_PORT" --bind 127.0.0.1 --unixsocket "$REDIS_SOCKET" \
            --unixsocketperm 700 --dir "$redis_dir" --dbfilename dump.rdb --save '' \
            --appendonly no --daemonize no --logfile "$redis_dir/redis.log" \
            --enable-debug-command yes "$@" </dev/null >/dev/null 2>"$redis_dir/redis.err" &
        REDIS_PID=$!
        echo "$REDIS_PID" >"$redis_dir/redis.pid"
        redis_wait=0
        while [ "$redis_wait" -lt 300 ] && kill -0 "$REDIS_PID" 2>/dev/null; do
            if redis_is_up "$REDIS_SOCKET"; then
                return 0
            fi
            redis_wait=$((redis_wait + 1))
            sleep 0.1
        done
        redis_stop "$redis_dir"
        # a port that is taken is worth another try, a wrong argument is not
        grep -qi 'address already in use' "$redis_dir/redis.log" 2>/dev/null || break
    done
    echo "redis_start: redis-server does not start in $redis_dir" >&2
    cat "$redis_dir/redis.err" "$redis_dir/redis.log" >&2 2>/dev/null
    return 1
}

redis_stop() {
    [ -f "$1/redis.pid" ] || return 0
    redis_stop_pid=$(cat "$1/redis.pid")
    # it may have ended already, and the caller may use set -e
    kill -CONT "$redis_stop_pid" 2>/dev/null || :
    kill -TERM "$redis_stop_pid" 2>/dev/null || :
    redis_wait=0
    while kill -0 "$redis_stop_pid" 2>/dev/null && [ "$redis_wait" -lt 100 ]; do
        redis_wait=$((redis_wait + 1))
        sleep 0.1
        [ "$redis_wait" -lt 95 ] || kill -KILL "$redis_stop_pid" 2>/dev/null || :
    done
    wait "$redis_stop_pid" 2>/dev/null || :
    rm -f "$1/redis.pid" "$1/redis.sock"
}
