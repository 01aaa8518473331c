#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# matrix.sh DRIVER [VERSION...]: backups of each of these PostgreSQL servers (all: 13 to 18), made
# with each client tools that are new enough, restored into each of the servers, with the nearest
# and with the newest tools.  A cell ends as "ok": what pg_dump and pg_restore restore there is
# equal; or as "refused": before anything was changed, with advice.
set -u
here=$(dirname "$(readlink -f "$0")")
driver=$1
shift
versions=("$@")
((${#versions[@]})) || versions=(13 14 15 16 17 18)
work=$(mktemp -d /tmp/hangar-versions.XXXXXX)
chmod 755 "$work"
export TMPDIR=$work PGCLIENTENCODING=UTF8 PGUSER=postgres PGPORT=5432 LC_ALL=C.UTF-8
unset PGPASSWORD PGPASSFILE PGSERVICE PGOPTIONS PGDATABASE PGHOST
# shellcheck source=../lib/pg.sh
. "$here/../lib/pg.sh"
# shellcheck source=../plugin/postgres/same.sh
. "$here/../plugin/postgres/same.sh"
declare -A bin tools made
failures=0 cells=0

finish()
{
    local version
    for version in "${!bin[@]}"; do
        _pg_as_owner "${bin[$version]}/pg_ctl" -D "$work/$version/data" -m immediate stop >/dev/null 2>&1
    done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

die()
{
    echo "matrix.sh: $*" >&2
    exit 1
}

# ---- servers -----------------------------------------------------------------------------

start_server()
{
    local version=$1 dir=$work/$1
    bin[$version]=$("$here/fetch" "$version") || die "no PostgreSQL $version"
    [ ! -x "${bin[$version]}/pg_restore" ] || tools[$version]=${bin[$version]}
    mkdir -p "$dir/data"
    [ "$(id -u)" != 0 ] || chown -R "$(id -un postgres 2>/dev/null || echo nobody)" "$dir"
    _pg_as_owner "${bin[$version]}/initdb" -D "$dir/data" -U postgres -E UTF8 --locale=C.UTF-8 \
        -A trust --no-sync >"$dir/log" 2>&1 || { cat "$dir/log"; die "initdb $version"; }
    _pg_as_owner tee -a "$dir/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$dir'
fsync = off
wal_level = logical
max_connections = 60
log_min_messages = warning
CONF
    _pg_as_owner "${bin[$version]}/pg_ctl" -D "$dir/data" -l "$dir/data/log" -w start >>"$dir/log" 2>&1 ||
        { cat "$dir/log" "$dir/data/log"; die "PostgreSQL $version does not start"; }
}

# What is in the source of each version: hard.sql, without what the older ones do not know, and
# what the newer ones brought.
make_source()
{
    local version=$1 edits=(-e '')
    ((version >= 14)) || edits+=(-e "s/mr int4multirange/mr text/; s/^ (2, 'Infinity'/ (2, '0'/; s/^ (3, '-Infinity'/ (3, '0'/")
    ((version >= 15)) || edits+=(-e 's/, indexed (id, t) WHERE .*;/, indexed;/')
    on "$version" postgres -c 'CREATE ROLE app LOGIN' -c 'CREATE ROLE "Odd Röle"' -c 'CREATE ROLE reader' \
        -c 'CREATE DATABASE hard OWNER app' || die "source $version"
    {
        sed "${edits[@]}" "$here/../plugin/postgres/hard.sql"
        ((version < 17)) || cat "$here/since_17.sql"
        ((version < 18)) || cat "$here/since_18.sql"
        # newer tools write it so that the server does not take it back: newer_tools.sh
        echo 'DROP SUBSCRIPTION sleeping;'
    } | on "$version" hard -f - >"$work/log" 2>&1 || { cat "$work/log"; die "hard.sql on $version"; }
}

on() # VERSION DATABASE ARGUMENT...: psql on that server
{
    local version=$1 database=$2
    shift 2
    PGHOST=$work/$version psql -X -q -At -v ON_ERROR_STOP=1 -d "$database" "$@"
}

# nearest VERSION: the oldest tools that are new enough
nearest()
{
    local version
    for version in $(printf '%s\n' "${!tools[@]}" | sort -n); do
        ((version < $1)) || { echo "$version"; return; }
    done
}

# ---- cells -------------------------------------------------------------------------------

hangar() # COMMAND DIR VERSION TOOLS OPTION...: the driver, with that server and those tools
{
    local command=$1 dir=$2 version=$3 with=$4
    shift 4
    "$driver" "$command" "$dir" "host=$work/$version" user=postgres "bin_dir=${tools[$with]}" \
        "$@" >"$work/out" 2>"$work/log"
}

drop() # VERSION DATABASE
{
    on "$1" postgres -c "DROP DATABASE IF EXISTS $2" 2>/dev/null
}

# What the stock tools of the backup restore in that server: database stock.
make_oracle() # FROM TOOLS INTO
{
    local dump=$work/$1-$2.stock
    drop "$3" stock
    on "$3" postgres -c 'CREATE DATABASE stock TEMPLATE template0'
    [ -e "$dump" ] || PGHOST=$work/$1 "${tools[$2]}/pg_dump" -Fc -d hard -f "$dump" 2>/dev/null || return
    # errors: of settings that the server does not have, and of nothing else in this data
    PGHOST=$work/$3 "${tools[$newest]}/pg_restore" -d stock "$dump" >"$work/stock.log" 2>&1
    on "$3" stock -c 'ALTER DATABASE stock OWNER TO app'
}

# Equal to what the stock tools restored.
equal_to_stock()
{
    local into=$1
    PGHOST=$work/$into PATH=${tools[$(nearest "$into")]}:$PATH \
        pg_same stock copy "$work" >"$work/diff" 2>&1
}

report() # ok|refused|FAILED NAME [TEXT]
{
    cells=$((cells + 1))
    echo "$*"
    if [ "$1" = FAILED ]; then
        failures=$((failures + 1))
        tail -5 "$work/log" | cut -c 1-600
        [ ! -s "$work/diff" ] || head -20 "$work/diff"
    fi
}

restore_cell() # FROM BACKUP-TOOLS INTO TOOLS
{
    local from=$1 with=$2 into=$3 tool=$4 name="$1 by tools $2 into $3 by tools $4" got=0
    : >"$work/diff"
    hangar compare "$work/b-$from-$with" "$into" "$tool" database=copy || got=$?
    if ((into < from)); then
        if [ "$got" = 11 ] && grep -q 'hint: restore into PostgreSQL' "$work/log" &&
            [ "$(on "$into" postgres -c "SELECT count(*) FROM pg_database WHERE datname = 'copy'")" = 0 ]; then
            report refused "$name"
        else
            report FAILED "$name: ended with $got, and not refused"
        fi
    elif [ "$got" != 0 ]; then
        report FAILED "$name: ended with $got"
    elif equal_to_stock "$into"; then
        report ok "$name"
    else
        report FAILED "$name: differs from what pg_restore restores"
    fi
    drop "$into" copy
}

# The tools write pg_attver, which no server takes back: then the backup must be refused.
backup_cell() # FROM TOOLS
{
    local name="backup of $1 by tools $2" got=0
    : >"$work/diff"
    hangar backup "$work/b-$1-$2" "$1" "$2" database=hard || got=$?
    if [ "$got" = 0 ]; then
        return 0
    elif [ "$got" = 11 ] && grep -q 'pg_attver.*hint: ' "$work/log"; then
        report refused "$name"
    else
        report FAILED "$name: ended with $got"
    fi
    return 1
}

for version in "${versions[@]}"; do start_server "$version"; done
newest=$(printf '%s\n' "${!tools[@]}" | sort -n | tail -1)
for version in "${versions[@]}"; do make_source "$version"; done
for into in "${versions[@]}"; do
    for from in "${versions[@]}"; do
        for with in $(printf '%s\n' "${!tools[@]}" | sort -n); do
            ((with >= from)) || continue
            if [ -z "${made[$from-$with]:-}" ]; then
                made[$from-$with]=no
                ! backup_cell "$from" "$with" || made[$from-$with]=yes
            fi
            [ "${made[$from-$with]}" = yes ] || continue
            ((into < from)) || make_oracle "$from" "$with" "$into"
            least=$((with > into ? with : into))
            for tool in $({ nearest "$least"; echo "$newest"; } | sort -nu); do
                restore_cell "$from" "$with" "$into" "$tool"
            done
        done
    done
done
echo "$cells cells, $failures failed"
((cells > 0 && failures == 0))
