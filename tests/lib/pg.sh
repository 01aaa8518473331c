# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# pg.sh: private PostgreSQL servers for tests and for the quickstart.  To be
# sourced by bash.  It is independent of hangar.
#
#     pg_start DIR    makes a cluster in DIR/pg and starts it, on a Unix socket
#                     only; sets and exports PGHOST (the socket's folder), PGPORT
#                     and PGUSER=postgres.  With PG_TCP=1 also on a free port of
#                     127.0.0.1, where passwords are asked for (SCRAM).
#     pg_stop DIR     stops it at once and removes DIR/pg; harmless when there is none
#     pg_use DIR      sets PGHOST, PGPORT, PGUSER for a server started earlier
#     pg_bin NAME     the path of a server program ("pg_ctl")
#
# PostgreSQL refuses to run as root: then the server runs as the user postgres
# (or nobody), and DIR becomes passable (o+x) for it.  All functions print
# nothing but errors and return non-zero when they fail.

pg_bin() {
    local dir best=""
    for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V); do
        [ -x "$dir/initdb" ] && best=$dir
    done
    if [ -n "$best" ]; then
        printf '%s\n' "$best/$1"
    else
        command -v "$1" || { echo "pg.sh: cannot find $1; hint: install postgresql" >&2; return 1; }
    fi
}

# Runs a command as the owner of the server.
_pg_as_owner() {
    if [ "$(id -u)" != 0 ]; then
        "$@"
        return
    fi
    local owner=postgres
    id "$owner" >/dev/null 2>&1 || owner=nobody
    (cd / && setpriv --reuid "$owner" --regid "$(id -g "$owner")" --init-groups "$@")
}

# Makes a cluster in the empty folder DIR.  Tests of a build ($HANGAR_BUILD) make one cluster
# and copy it, which takes a tenth of the time; the first test renames its whole copy into place.
_pg_cluster() {
    local dir=$1 initdb kept="" made
    initdb=$(pg_bin initdb) || return 1
    if [ -n "${HANGAR_BUILD:-}" ]; then
        kept=$HANGAR_BUILD/pg-cluster-$("$initdb" --version | cut -d ' ' -f 3)-$(id -u)
        [ ! -d "$kept" ] || { cp -a "$kept/." "$dir" && return; }
    fi
    _pg_as_owner "$initdb" -D "$dir" -U postgres -E UTF8 --locale=C.UTF-8 -A trust --no-sync || return 1
    if [ -n "$kept" ] && made=$(mktemp -d "$kept.XXXXXX"); then
        { cp -a "$dir/." "$made" && mv -T "$made" "$kept"; } 2>/dev/null || rm -rf "$made"
    fi
}

pg_use() {
    # shellcheck disable=SC1090
    . "$1/pg/env"
    export PGHOST PGPORT PGUSER
}

pg_start() {
    local dir=$1 base=$1/pg socket port=5432 listen="" ctl
    ctl=$(pg_bin pg_ctl) || return 1
    mkdir -p "$base" || return 1
    socket=$base/socket
    # a socket's path has at most 107 bytes
    [ ${#socket} -le 80 ] || socket=$(mktemp -d /tmp/pgsock.XXXXXX) || return 1
    mkdir -p "$socket" || return 1
    if [ "$(id -u)" = 0 ]; then
        chmod o+x "$dir" "$base" || return 1
        local owner=postgres
        id "$owner" >/dev/null 2>&1 || owner=nobody
        mkdir -p "$base/data" && chown "$owner" "$base/data" "$socket" "$base" || return 1
        chmod 755 "$socket"
    fi
    if [ "${PG_TCP:-}" = 1 ]; then
        listen=127.0.0.1
        port=$(_pg_free_port) || return 1
    fi
    if ! _pg_cluster "$base/data" >"$base/initdb.log" 2>&1; then
        cat "$base/initdb.log" >&2
        return 1
    fi
    _pg_as_owner tee -a "$base/data/postgresql.conf" >/dev/null <<CONF || return 1
listen_addresses = '$listen'
port = $port
unix_socket_directories = '$socket'
fsync = off
full_page_writes = off
wal_init_zero = off
shared_buffers = 64MB
max_connections = 60
max_prepared_transactions = 4
max_wal_size = 4GB
wal_level = logical
log_min_messages = warning
CONF
    _pg_as_owner tee "$base/data/pg_hba.conf" >/dev/null <<CONF || return 1
local all all trust
host  all all 127.0.0.1/32 scram-sha-256
CONF
    printf 'PGHOST=%q\nPGPORT=%q\nPGUSER=postgres\n' "$socket" "$port" >"$base/env.new" || return 1
    if ! _pg_as_owner "$ctl" -D "$base/data" -l "$base/data/server.log" -w -t 60 start \
        >"$base/start.log" 2>&1; then
        cat "$base/start.log" "$base/data/server.log" >&2
        return 1
    fi
    mv "$base/env.new" "$base/env" && pg_use "$dir"
}

_pg_free_port() {
    local port tries
    for ((tries = 0; tries < 50; tries++)); do
        port=$((20000 + RANDOM % 12000))
        # no server answers on the port: the connection is refused
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    echo "pg.sh: cannot find a free port" >&2
    return 1
}

pg_stop() {
    local base=$1/pg ctl
    [ -d "$base" ] || return 0
    if [ -f "$base/data/postmaster.pid" ]; then
        ctl=$(pg_bin pg_ctl) && _pg_as_owner "$ctl" -D "$base/data" -m immediate -w -t 30 stop \
            >/dev/null 2>&1
    fi
    if [ -f "$base/env" ]; then
        local socket
        socket=$(. "$base/env" && printf '%s' "$PGHOST")
        case $socket in /tmp/pgsock.*) rm -rf "$socket" ;; esac
    fi
    rm -rf "$base"
}
