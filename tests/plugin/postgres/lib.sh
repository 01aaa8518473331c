# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# lib.sh: what the tests of the postgres plugin share.  Source it in bash with the path of
# postgres_driver as $1.  It starts a private server, which is stopped at the end in any case,
# runs the functions whose names begin with "it_", with HANGAR_LONG (tests/long/run) also those that
# begin with "long_it_", and reports the result of each.

set -u
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=../../lib/pg.sh
. "$here/../../lib/pg.sh"
# shellcheck source=same.sh
. "$here/same.sh"
driver=$1
work=$(mktemp -d /tmp/hangar-pg.XXXXXX)
export TMPDIR=$work PGCLIENTENCODING=UTF8
unset PGPASSWORD PGPASSFILE PGSERVICE PGOPTIONS PGDATABASE
failures=0

# Ends what a test has left running in the background.
kill_jobs() {
    local job
    for job in $(jobs -p); do
        kill "$job" 2>/dev/null
        wait "$job" 2>/dev/null
    done
}

finish() {
    pg_stop "$work"
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

# Ends the running test with a failure.
fail() {
    echo "  $*" >&2
    [ -s "$work/log" ] && sed 's/^/    /' "$work/log" | grep -av '  alive:' | tail -15 >&2
    exit 1
}

sql() { # DATABASE STATEMENT...
    local database=$1 args=() statement
    shift
    for statement in "$@"; do args+=(-c "$statement"); done
    PGDATABASE=$database psql -X -q -At -v ON_ERROR_STOP=1 "${args[@]}" || fail "sql $database: $*"
}

# Runs the driver with the address of the server; its messages go to $work/log.
run() {
    local flags=()
    while [ "${1#--}" != "$1" ]; do flags+=("$1" "$2"); shift 2; done
    local command=$1 dir=$2
    shift 2
    "$driver" "${flags[@]}" "$command" "$dir" "host=$PGHOST" "port=$PGPORT" "user=postgres" "$@" \
        >"$work/out" 2>"$work/log"
}

# refusing FAULT COMMAND DIR...: run with a fault of refuse.c ("REFUSE=TEXT").
refusing() {
    local what=$1
    shift
    (export "${what?}" && run "$@")
}

# expect STATUS TEXT run...: expects this result code, and output that matches TEXT, a regular
# expression.
expect() {
    local want=$1 text=$2 got=0
    shift 2
    "$@" || got=$?
    [ "$got" = "$want" ] || fail "ended with $got, not $want: $*"
    grep -qE -e "$text" "$work/log" "$work/out" || fail "no output matches: $text"
}

works() {
    local got=0
    "$@" || got=$?
    [ "$got" = 0 ] || fail "ended with $got: $*"
}

# Waits until a command succeeds, at most three minutes.
until_true() {
    local end=$((SECONDS + 180))
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || fail "did not succeed within 3 minutes: $*"
        sleep 0.1
    done
}

fresh() { # prints a directory that does not exist; drops database copy
    rm -rf "$work/b"
    drop_database copy
    echo "$work/b"
}

drop_database() { # DATABASE
    local name
    for name in $(sql postgres "SELECT 1 FROM pg_database WHERE datname = '$1'"); do
        [ "$name" = 1 ] || continue
        # a subscription would prevent the drop
        sql "$1" "SELECT format('ALTER SUBSCRIPTION %1\$I SET (slot_name = NONE); DROP SUBSCRIPTION %1\$I', subname) FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())" |
            tr ';' '\n' | while read -r drop; do sql "$1" "$drop"; done
        sql postgres "DROP DATABASE \"$1\" WITH (FORCE)"
    done
}

exists() { [ "$(sql postgres "SELECT count(*) FROM pg_database WHERE datname = '$1'")" = 1 ]; }

# No session of hangar or its tools is connected to the server.
no_sessions_left() {
    [ "$(sql postgres "SELECT count(*) FROM pg_stat_activity
        WHERE application_name IN ('hangar', 'pg_dump', 'pg_restore', 'pg_dumpall')")" = 0 ]
}

make_hard() {
    sql postgres 'CREATE ROLE app LOGIN' 'CREATE ROLE "Odd Röle"' 'CREATE ROLE reader' \
        'CREATE DATABASE hard OWNER app' || exit 1
    psql -X -q -v ON_ERROR_STOP=1 -d hard -f "$here/hard.sql" 2>"$work/log" >&2 || fail hard.sql
    psql -X -q -v ON_ERROR_STOP=1 -d postgres >"$work/log" 2>&1 <<'SQL' || fail settings
ALTER DATABASE hard SET search_path TO "$user", public, "Odd, one", '';
ALTER DATABASE hard SET work_mem = '5MB';
ALTER DATABASE hard SET myapp.key = 'it''s';
ALTER ROLE app IN DATABASE hard SET statement_timeout = '1h';
COMMENT ON DATABASE hard IS 'hard ''one''';
REVOKE ALL ON DATABASE hard FROM PUBLIC;
GRANT CONNECT, TEMP ON DATABASE hard TO reader WITH GRANT OPTION;
ALTER DATABASE hard CONNECTION LIMIT 50;
SQL
}

main() {
    pg_start "$work" || exit 1
    setup || exit 1
    local name
    for name in $(declare -F | sed -nE "s/^declare -f (${HANGAR_LONG:+(long_)?}it_)/\1/p"); do
        [ -z "${ONLY:-}" ] || [ "$ONLY" = "$name" ] || continue
        : >"$work/log"
        rm -rf "$work/none"
        local since=$SECONDS
        if (trap kill_jobs EXIT; "$name"); then
            echo "ok ${name#*it_} ($((SECONDS - since)) s)"
        else
            echo "FAILED ${name#*it_} ($((SECONDS - since)) s)"
            failures=$((failures + 1))
        fi
    done
    [ "$failures" = 0 ]
}
