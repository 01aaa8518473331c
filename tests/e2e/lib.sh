# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# lib.sh: common functions of the end-to-end tests; source it first, from bash.  It creates
# a temporary folder ($work) that is removed at the end with every server in it, and runs
# the built program as a user would.  HANGAR_BUILD is the folder of the build.
#
#     hangar ARGUMENT...         the program, with $work/backup.yaml
#     start_pg, start_redis N    servers; see below
#     write_config               a backup.yaml with both, gzip and $work/backups
#     expect_exit N COMMAND...   runs it; its output is in $work/out and $work/err
#     expect_in FILE TEXT        the file contains the text
#     expect_output TEXT           the output of the last expect_exit contains it
#     with_clock SPEC COMMAND... runs it with another clock; SPEC as of faketime -f
#     same WHAT A B              two files are equal
#     promise TEXT               prints what is tested next
#     sweep FEW MANY             prints FEW, or MANY when tests/long/run runs the test
set -euo pipefail
: "${HANGAR_BUILD:?is the folder of the build}"
e2e=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
repository=$(readlink -f "$e2e/../..")
umask 022
unset PGDATABASE PGHOST PGHOSTADDR PGPORT PGUSER PGPASSWORD PGSERVICE PGOPTIONS
unset "${!AWS_@}"
export LC_ALL=C.UTF-8

# shellcheck source=../lib/pg.sh
. "$repository/tests/lib/pg.sh"
# shellcheck source=../lib/redis.sh
. "$repository/tests/lib/redis.sh"
# shellcheck source=../lib/s3.sh
. "$repository/tests/lib/s3.sh"

leave()
{
    local status=$? folder
    trap '' INT TERM HUP
    # background jobs of the test, also servers
    for folder in "$work"/redis*/; do
        redis_stop "${folder%/}" || true
    done
    pg_stop "$work" || true
    s3_stop "$work" || true
    # shellcheck disable=SC2046 # process ids
    kill -KILL $(jobs -p) 2>/dev/null || true
    rm -rf "$work"
    exit "$status"
}

work=$(mktemp -d "${TMPDIR:-/tmp}/hangar-e2e.XXXXXX")
trap leave EXIT
set -E
trap 'echo "FAILED: line $LINENO: $BASH_COMMAND" >&2' ERR
trap 'exit 130' INT
trap 'exit 143' TERM HUP
cd "$work"

# Plugins are loaded only from a folder that no other user can write to; a checkout may be
# writable.
mkdir -m 755 plugins
cp "$HANGAR_BUILD"/lib/plugins/hangar-*.so plugins/
chmod 755 plugins/*
export HANGAR_PLUGIN_DIR=$work/plugins HANGAR_STATE_DIR=$work/state
hangar_program=$HANGAR_BUILD/bin/hangar

fail()
{
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

promise()
{
    printf -- '-- %s (at %d s)\n' "$*" "$SECONDS"
}

sweep()
{
    if [[ -n ${HANGAR_LONG:-} ]]; then echo "$2"; else echo "$1"; fi
}

hangar()
{
    "$hangar_program" -c "$work/backup.yaml" "$@"
}

# Not the wrapper faketime: one that is killed leaves a semaphore that is named by its process id,
# and makes a later one with the same id fail.
with_clock()
{
    local library
    for library in /usr/lib/*/faketime/libfaketime.so.1 /usr/lib*/faketime/libfaketime.so.1; do
        [[ -f $library ]] && break
    done
    [[ -f $library ]] || fail "libfaketime is not installed"
    LD_PRELOAD=$library FAKETIME=$1 "${@:2}"
}

# within_kib KIB COMMAND...: with this address space at most, unless the program has a sanitizer,
# which reserves more.
within_kib()
{
    local most=$1
    shift
    ! grep -q __asan_init "$hangar_program" || most=unlimited
    (ulimit -v "$most"; "$@")
}

# Output of the last expect_exit.
show_output()
{
    sed 's/^/  stdout: /' "$work/out" >&2
    sed 's/^/  stderr: /' "$work/err" >&2
}

expect_exit()
{
    local expected=$1 status=0
    shift
    "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
    if [[ $status != "$expected" ]]; then
        show_output
        fail "exit status $status instead of $expected: $*"
    fi
}

expect_in()
{
    grep -qF -- "$2" "$1" || { sed 's/^/  /' "$1" >&2; fail "no \"$2\" in $1"; }
}

# Checks both streams of the last expect_exit.
expect_output()
{
    cat "$work/out" "$work/err" >"$work/output"
    expect_in "$work/output" "$1"
}

expect_not_in()
{
    ! grep -qF -- "$2" "$1" || { sed 's/^/  /' "$1" >&2; fail "\"$2\" in $1"; }
}

same()
{
    diff "$2" "$3" >"$work/diff" || { head -n 30 "$work/diff" >&2; fail "different: $1"; }
}

# json EXPRESSION: prints a Python expression of the document `d` in $work/out.
json()
{
    python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' \
        "$work/out" "$1"
}

# Waits until a command succeeds, at most so many seconds.
wait_for()
{
    local seconds=$1 end
    shift
    end=$((SECONDS + seconds))
    until "$@"; do
        ((SECONDS < end)) || fail "waited $seconds s for: $*"
        sleep 0.05
    done
}

# ---- servers ----

# Starts a PostgreSQL server with a database `shop` of sample data, and sets the variables
# of libpq.
start_pg()
{
    pg_start "$work"
    createdb shop
    psql -qX -d shop -f "$repository/examples/shop/shop.sql"
}

sql()
{
    psql -qAtX -v ON_ERROR_STOP=1 -d "$1" -c "$2"
}

# start_redis N: starts the Redis servers 1 to N that do not run, in redis1, redis2, ...;
# sets redis_ports[1], ...
declare -a redis_ports=()
start_redis()
{
    local i
    for ((i = 1; i <= $1; i++)); do
        [[ ! -e $work/redis$i/redis.pid ]] || continue
        redis_start "$work/redis$i"
        redis_ports[i]=$REDIS_PORT
    done
}

fill_redis()
{
    redis-cli -p "$1" <"$repository/examples/shop/cache.redis" >"$work/fill.out"
    ! grep -E '^(ERR|WRONG|NO)' "$work/fill.out" || fail "sample data of redis"
}

# The database as SQL, without the \restrict lines, which contain a random word.  Rows get
# the name of their table and are sorted, because a table has no order of rows, and a big
# table is restored in parallel.
dump()
{
    pg_dump "$1" | awk '
        /^\\(un)?restrict / { next }
        table { if ($0 == "\\.") table = ""; else { print table "\t" $0 | "sort"; next } }
        /^COPY .* FROM stdin;$/ { table = $2 }
        { print }
        END { close("sort") }'
}

same_database()
{
    dump "$1" >"$work/dump.1"
    dump "$2" >"$work/dump.2"
    [[ $(wc -l <"$work/dump.1") -gt 20 ]] || fail "database $1 is empty"
    same "databases $1 and $2" "$work/dump.1" "$work/dump.2"
}

same_redis()
{
    local a b
    a=$(redis-cli -p "$1" DEBUG DIGEST)
    b=$(redis-cli -p "$2" DEBUG DIGEST)
    [[ ${#a} == 40 && $a != 0000* && $a == "$b" ]] || fail "redis $1 and $2 differ: $a $b"
    [[ $(redis-cli -p "$1" FUNCTION LIST) == $(redis-cli -p "$2" FUNCTION LIST) ]] ||
        fail "the functions of redis $1 and $2 differ"
}

# ---- configuration ----

# The parts of a configuration, which a test combines.
# pg_source NAME DATABASE, redis_source NAME WHICH
pg_source()
{
    cat <<END
  $1:
    plugin: postgres
    options: { host: "$PGHOST", port: $PGPORT, database: $2, user: postgres }
END
}

redis_source()
{
    cat <<END
  $1:
    plugin: redis
    options: { host: 127.0.0.1, port: ${redis_ports[$2]} }
END
}

write_config()
{
    cat >"$work/backup.yaml" <<END
version: 1
sources:
$(pg_source app_db shop)
$(redis_source cache 1)
transforms:
  gzip: { plugin: compress-gzip }
sinks:
  local: { plugin: storage-local, options: { path: ./backups } }
pipelines:
  nightly: { sources: [app_db, cache], transforms: [gzip], sinks: [local] }
END
}

# Makes a backup; sets $id and $folder.
make_backup()
{
    expect_exit 0 hangar backup "$@"
    id=$(<"$work/out")
    [[ $id =~ ^backup_[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}-[0-9]{2}-[0-9]{3}Z$ ]] ||
        fail "stdout of a backup is not its id: $id"
    # shellcheck disable=SC2034 # for the test
    folder=$([[ ! -d $work/backups ]] ||
        dirname "$(find "$work/backups" -path "*/$id/manifest.json")")
}

# The ids of the complete backups, one per line.
listed()
{
    expect_exit 0 hangar --json list "$@"
    json '"\n".join(b["id"] for b in d["backups"] if b["state"] == "complete")'
}
