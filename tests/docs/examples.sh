#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# examples.sh DOCUMENT: runs every marked command of a document (see blocks.py) in
# order, as a reader would: in a folder with the sample backup.yaml, whose eight
# variables name private servers with sample data.  psql and redis-cli use these
# servers too.  Port 6380 is an empty Redis, and port 6381 is free.  After the scene
# `store`, https://s3.example.com is a private S3 server.
. "$(dirname "$0")/../e2e/lib.sh"
document=$1
name=${document#"$repository"/}
unset -f hangar # run the program itself, without the options that lib.sh adds

mkdir tools blocks place home redis3
ln -s "$hangar_program" tools/hangar
# RESTORE.txt leaves a server running for its reader; this test stops the server at the end
cat >tools/redis-server <<END
#!/bin/bash
[[ "\$*" != *"--daemonize yes"* ]] || set -- "\$@" --bind 127.0.0.1 --pidfile "$work/redis3/redis.pid"
exec $(command -v redis-server) "\$@"
END
chmod 755 tools/redis-server
export PATH=$work/tools:$PATH HOME=$work/home
password=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')

# A PostgreSQL and two Redis servers, all empty, that require a password on TCP.
start_servers()
{
    PG_TCP=1 pg_start "$work"
    psql -qX -d postgres -v password="$password" <<<"ALTER ROLE postgres PASSWORD :'password'"
    unset REDISCLI_AUTH # a server without a password refuses AUTH
    start_redis 2
    local i
    for i in 1 2; do
        redis-cli -s "$work/redis$i/redis.sock" <<<"CONFIG SET requirepass $password" >fill.out
    done
    export POSTGRES_HOST=127.0.0.1 POSTGRES_PORT=$PGPORT POSTGRES_DB_NAME=shop
    export POSTGRES_USER=postgres POSTGRES_PASSWORD=$password
    export REDIS_HOST=127.0.0.1 REDIS_PORT=${redis_ports[1]} REDIS_PASSWORD=$password
    export REDISCLI_AUTH=$password
}

# ---- scenes ----

make_backup()
{
    hangar -q backup
}

# Another machine: only a copy of the backups is left of the old one.
new_host()
{
    cd "$work" || return
    pg_stop "$work"
    redis_stop "$work/redis1"
    redis_stop "$work/redis2"
    rm -rf redis1 redis2
    start_servers
    mkdir new-place
    cp -a place/backups new-place/
    rm -rf state place
    mv new-place place
    cp "$repository/backup.yaml" place/
    cd place || return
}

# Makes a newer backup and flips one bit of one of its objects.
damage()
{
    local file byte
    hangar -q backup
    file=$(find backups/nightly -name 'dump.rdb.gz' | sort | tail -n 1)
    byte=$(od -An -tu1 -j 40 -N 1 "$file")
    printf '%b' "\\x$(printf %02x $((byte ^ 1)))" |
        dd of="$file" bs=1 seek=40 conv=notrunc status=none
}

# A store with an empty bucket.
store()
{
    s3_start radosgw "$work"
    s3 make-bucket backups-of-db1
}

# ---- the document ----

# Replaces the usual ports of the document by those of these servers.
with_ports()
{
    sed -E "s/\b6379\b/${redis_ports[1]}/g; s/\b6380\b/${redis_ports[2]}/g
        s/\b6381\b/$by_hand_port/g; s/\b5432\b/$PGPORT/g
        s,https://s3\.example\.com,${S3_ENDPOINT:-&},g
        s,the-access-key,${S3_ACCESS_KEY:-&},g; s,the-secret-key,${S3_SECRET_KEY:-&},g" "$1"
}

run_block()
{
    local file=$1 expected=$2 status=0
    with_ports "$file" >"$file.now"
    sed 's/^/  $ /' "$file.now"
    if ((expected == 0)); then
        # in this shell, as for a reader, so that folders and variables persist
        . "$file.now" </dev/null
    else
        (. "$file.now") </dev/null || status=$?
        ((status == expected)) || fail "exit status $status instead of $expected"
    fi
}

# An error ends the script inside a block; this prints which block.
where=$name
leave_document()
{
    local status=$?
    ((status == 0)) || echo "FAILED at $where" >&2
    set +e
    (exit "$status")
    leave
}
trap leave_document EXIT

start_servers
by_hand_port=$(_pg_free_port)
createdb shop
psql -qX -d shop -f "$repository/examples/shop/shop.sql"
redis-cli -p "${redis_ports[1]}" <"$repository/examples/shop/cache.redis" >fill.out
cp "$repository/backup.yaml" place/
python3 "$repository/tests/docs/blocks.py" "$document" "$work/blocks" >steps
[[ $(grep -c '^block' steps) -ge 2 ]] || fail "$name has fewer than 2 blocks of commands to run"
cd place

while read -r -u 7 what first line status; do
    where=$name:$line
    if [[ $what == scene ]]; then
        promise "$where: $first"
        "$first"
    else
        promise "$where"
        run_block "$first" "$status"
    fi
done 7<"$work/steps"
echo "$name: $(grep -c '^block' "$work/steps") blocks of commands work"
