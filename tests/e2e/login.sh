#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# The shipped backup.yaml meets a cluster as Debian makes it (pg_createcluster: peer on the
# socket, SCRAM on TCP, no password), and a Redis that refuses.  Each way that a hint or the
# README names ends in a verified backup.
. "$(dirname "$0")/lib.sh"

chmod 755 "$work"
version=$(pg_bin initdb)
version=$(basename "${version%/bin/initdb}")
export PG_CLUSTER_CONF_ROOT=$work/etc
owner=postgres sockets=/var/run/postgresql
[[ $(id -u) == 0 ]] || { owner=$(id -un) sockets=/tmp; }

leave_cluster()
{
    local status=$?
    set +e
    pg_ctlcluster --skip-systemctl-redirect -m immediate "$version" hangar stop >/dev/null 2>&1 || true
    (exit "$status")
    leave
}
trap leave_cluster EXIT

make_cluster()
{
    mkdir -p etc cluster
    [[ $owner != postgres ]] || chown postgres cluster
    # the port of a server that runs is refused
    local tries
    for ((tries = 0; tries < 5; tries++)); do
        port=$(_pg_free_port)
        ! pg_createcluster -u "$owner" -d "$work/cluster/data" -l "$work/cluster/log" -p "$port" \
            --start-conf manual --locale C.UTF-8 "$version" hangar -- --no-sync >make.log 2>&1 || break
    done
    hba=$work/etc/$version/hangar/pg_hba.conf
    grep -qE '^local +all +all +peer$' "$hba" || { cat make.log; fail "not the pg_hba.conf of Debian"; }
    grep -qE '^host +all +all +127.0.0.1/32 +scram-sha-256$' "$hba" || fail "TCP without SCRAM"
    echo 'fsync = off' >>"$work/etc/$version/hangar/postgresql.conf"
    pg_ctlcluster --skip-systemctl-redirect "$version" hangar start
}

# ---- a machine as its operator finds it: hangar and sudo in PATH ----

mkdir tools home blocks
cat >tools/sudo <<'END'
#!/bin/bash
user=root
[[ $1 != -u ]] || { user=$2; shift 2; }
while [[ $1 == *=* ]]; do export "${1?}"; shift; done
if [[ $(id -u) != 0 ]]; then
    [[ $1 != install ]] || exec mkdir -p "${@: -1}"
    exec "$@"
fi
[[ $user != root ]] || exec "$@"
export USER=$user HANGAR_STATE_DIR=/tmp/none
HANGAR_STATE_DIR=$(dirname "$0")/../state.$user
exec setpriv --reuid "$user" --regid "$user" --init-groups "$@"
END
ln -s "$hangar_program" tools/hangar
chmod 755 tools/sudo tools home
[[ $owner != postgres ]] || install -d -o postgres state.postgres
USER=$(id -un)
export PATH=$work/tools:$PATH HOME=$work/home USER
unset -f hangar

as_admin()
{
    sudo -u "$owner" psql -qAtX -h "$sockets" -p "$port" -v ON_ERROR_STOP=1 "$@"
}

make_cluster
as_admin -d postgres -c 'CREATE DATABASE shop'
as_admin -d shop <"$repository/examples/shop/shop.sql"
start_redis 1
fill_redis "${redis_ports[1]}"
export POSTGRES_PORT=$port REDIS_PORT=${redis_ports[1]} PGPORT=$port POSTGRES_DB_NAME=shop
[[ $owner == postgres ]] || export POSTGRES_USER=$owner
role=${POSTGRES_USER:-postgres}

# check_with VARIABLE=VALUE...: a check of the shipped configuration that a login fails
check_with()
{
    expect_exit "$1" env "${@:2}" hangar -c "$work/shipped/backup.yaml" check
    # the report, and on standard error the same as a document of its own
    tr -s ' \n' ' ' <out >flat
}

expect_message()
{
    grep -qF -- "$1" flat || { show_output; fail "the message lacks: $1"; }
}

expect_no_message()
{
    ! grep -qF -- "$1" flat || { show_output; fail "the message has: $1"; }
}

mkdir shipped
cp "$repository/backup.yaml" shipped/

promise "default setup: no password, and the hint names password, socket and peer"
check_with 8 A=
expect_message 'no password supplied'
expect_message "set password_file, password_command, password or passfile to the password of role $role"
expect_message "set host to $sockets"
if [[ $(id -u) == 0 ]]; then
    expect_message 'run hangar as the system user postgres (sudo -u postgres hangar ...)'
    expect_message 'set user to root, a role that "sudo -u postgres createuser --superuser root" creates'
fi

if [[ $(id -u) == 0 ]]; then
    promise "on the socket, another user gets a hint on peer, and on a role that does not exist"
    check_with 8 POSTGRES_HOST="$sockets"
    expect_message 'Peer authentication failed for user "postgres"'
    expect_message 'run hangar as the system user postgres (sudo -u postgres hangar ...)'
    expect_message 'or set host to localhost, and password_file, password_command, password or passfile'
    expect_no_message 'use the Unix socket'
    check_with 8 POSTGRES_HOST="$sockets" POSTGRES_USER=root
    expect_message 'role "root" does not exist'
    expect_message 'or create this one: sudo -u postgres createuser --superuser root'
    expect_no_message 'which is not set'
fi

promise "the logins of the README lead to a verified backup"
python3 "$repository/tests/docs/blocks.py" "$repository/README.md" "$work/blocks" stock >steps
[[ $(grep -c '^block' steps) == 2 ]] || fail "README.md has not 2 blocks for a stock cluster"
cp -r shipped own
cd own
number=0
while read -r -u 7 _ block line _; do
    number=$((number + 1))
    promise "README.md:$line"
    [[ $number == 1 || $(id -u) == 0 ]] || continue # the role has the name of this user already
    sed -i "s,/srv/hangar,$work/first,; s,/var/run/postgresql,$sockets," "$block"
    (
        [[ $number == 1 ]] || unset POSTGRES_HOST
        # shellcheck disable=SC1090
        . "$block"
    ) </dev/null >"$work/block.out" 2>&1 || { cat "$work/block.out"; fail "README.md:$line"; }
    expect_in "$work/block.out" 'every byte was read and compared'
done 7<"$work/steps"
cd ..

promise "the login by password leads to a verified backup, from the same folder"
as_admin -d postgres -c "ALTER ROLE \"$role\" PASSWORD 'right'"
(cd own && POSTGRES_PASSWORD=right hangar backup) >own.out 2>&1 || { cat own.out; fail "backup"; }
expect_exit 0 hangar -c own/backup.yaml verify latest --level full

promise "a wrong password is reported with the place where it came from"
check_with 8 POSTGRES_PASSWORD=wrong
expect_message "password authentication failed for user \"$role\""
expect_message 'the password came from the option password'
expect_message "set host to $sockets"
expect_no_message 'set password_file'
check_with 8 PGPASSWORD=wrong
expect_message 'the password came from PGPASSWORD'

promise "a role or database that refuses the session is reported with a fix"
as_admin -d postgres -c "CREATE ROLE plain LOGIN PASSWORD 'right' CONNECTION LIMIT 0" \
    -c "CREATE ROLE group_only PASSWORD 'right'" -c "CREATE DATABASE closed ALLOW_CONNECTIONS false" \
    -c "CREATE DATABASE private" -c "REVOKE CONNECT ON DATABASE private FROM PUBLIC" \
    -c "CREATE DATABASE full_one CONNECTION LIMIT 0"
export POSTGRES_PASSWORD=right
check_with 1 POSTGRES_USER=plain
expect_message 'too many connections for role "plain"'
expect_message 'or raise the limit (ALTER ROLE ... CONNECTION LIMIT)'
as_admin -d postgres -c 'ALTER ROLE plain CONNECTION LIMIT -1'
check_with 1 POSTGRES_USER=plain POSTGRES_DB_NAME=full_one
expect_message 'or raise the limit (ALTER DATABASE ... CONNECTION LIMIT)'
check_with 8 POSTGRES_USER=plain POSTGRES_DB_NAME=private
expect_message 'GRANT CONNECT ON DATABASE private TO plain'
check_with 8 POSTGRES_USER=group_only
expect_message 'ALTER ROLE group_only LOGIN'
check_with 1 POSTGRES_DB_NAME=closed
expect_message 'ALTER DATABASE closed ALLOW_CONNECTIONS true'
check_with 1 POSTGRES_DB_NAME=area51_bot
expect_message 'database "area51_bot" does not exist'
expect_message 'set database to one that exists'

promise "a missing server is reported with the ports and sockets that exist"
check_with 1 POSTGRES_PORT=1
expect_message 'Connection refused'
grep -qE 'no server of this machine has port 1, and one has [0-9]+: set port to it' flat || {
    cat flat
    fail "the port of the server is not named"
}
check_with 1 POSTGRES_HOST="$work/nowhere"
expect_message 'No such file or directory'
expect_message "the server of port $port has its Unix socket in $sockets: set host to it"

promise "a missing line of pg_hba.conf is named"
sed -i 's,127.0.0.1/32,127.0.0.9/32,' "$hba"
pg_ctlcluster --skip-systemctl-redirect "$version" hangar reload
refused_by_hba()
{
    [[ $(PGPASSWORD=right psql -h 127.0.0.1 -U "$role" -d shop -c '' 2>&1) == *'no pg_hba.conf entry'* ]]
}
wait_for 90 refused_by_hba
check_with 8 POSTGRES_HOST=127.0.0.1
expect_message 'no pg_hba.conf entry'
expect_message "such as \"host shop $role ADDRESS/32 scram-sha-256\""
expect_message "set host to $sockets"

promise "a stopped server is reported"
pg_ctlcluster --skip-systemctl-redirect -m fast "$version" hangar stop
check_with 1 POSTGRES_HOST="$sockets"
expect_message 'No such file or directory'
grep -qE 'start it \(in Debian "pg_lsclusters"|and one has [0-9]+: set port' flat || fail "no way is named"

# ---- Redis ----

# redis_with STATUS OPTION...: a check with these options of the source
redis_with()
{
    local status=$1 options
    options=$(printf ', %s' "${@:2}")
    cat >redis.yaml <<END
version: 1
sources: { cache: { plugin: redis, options: { ${options#, } } } }
sinks: { local: { plugin: storage-local, options: { path: ./redis-backups } } }
pipelines: { nightly: { sources: [cache], transforms: [], sinks: [local] } }
END
    expect_exit "$status" hangar -c redis.yaml check
    tr -s ' \n' ' ' <out >flat
}

promise "Redis: a login that is missing, wrong or unnecessary is reported with a fix"
redis_with 8 "port: $REDIS_PORT" "password: any"
expect_message 'remove the option password'
redis-cli -p "$REDIS_PORT" CONFIG SET requirepass right >/dev/null
redis_with 8 "port: $REDIS_PORT"
expect_message 'NOAUTH'
expect_message 'set password_file, password_command or password'
redis_with 8 "port: $REDIS_PORT" "password: wrong"
expect_message 'WRONGPASS'
expect_message 'correct the password, which is that of the user default; for another user set username'
redis_with 8 "port: $REDIS_PORT" "password: wrong" "username: nobody"
expect_message 'correct username or password'
expect_no_message 'set username'
redis_with 0 "port: $REDIS_PORT" "password: right"
redis-cli -p "$REDIS_PORT" --no-auth-warning -a right CONFIG SET requirepass '' >/dev/null

promise "Redis: a missing server, and a socket of another user, are reported"
redis_with 1 "port: 1"
expect_message 'Connection refused'
expect_message 'start the server, or correct host and port'
redis_with 1 "socket: $work/none.sock"
expect_message 'start the server, or correct the option socket'
if [[ $(id -u) == 0 ]]; then
    redis_with 0 "socket: $work/redis1/redis.sock"
    expect_exit 1 sudo -u postgres hangar -c redis.yaml check
    expect_output 'Permission denied'
    expect_output 'in Debian, be in the group redis'
fi

promise "Redis: protected mode is reported with a fix"
address=$(hostname -I | tr ' ' '\n' | grep -vE '^127|:' | head -n 1)
if [[ $address ]]; then
    redis-cli -p "$REDIS_PORT" CONFIG SET bind "127.0.0.1 $address" >/dev/null
    redis_with 8 "port: $REDIS_PORT" "host: $address"
    expect_message 'DENIED'
    expect_message 'connect from the machine of the server (host 127.0.0.1, or socket)'
fi
