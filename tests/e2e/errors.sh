#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# Errors have distinct exit statuses and messages with the cause.
. "$(dirname "$0")/lib.sh"

start_pg
start_redis 1
fill_redis "${redis_ports[1]}"
write_config
make_backup

# with SED-EXPRESSION COMMAND...: runs it with a changed configuration.
with()
{
    local expression=$1
    shift
    sed -E "$expression" backup.yaml >changed.yaml
    cmp -s backup.yaml changed.yaml && fail "the expression changed nothing: $expression"
    "$hangar_program" -c changed.yaml "$@"
}

none_added()
{
    [[ $(listed) == "$id" ]] || { show_output; fail "a failed run left a backup"; }
    [[ $(find backups -mindepth 2 -maxdepth 2 -type d) == */"$id" ]] ||
        fail "a failed run left $(find backups -mindepth 2 -maxdepth 2 -type d)"
}

promise "a backup, pipeline or plugin that does not exist: exit 5"
expect_exit 5 hangar show backup_2020-01-01T00-00-00-000Z
expect_exit 5 hangar restore backup_2020-01-01T00-00-00-000Z --yes
expect_exit 5 hangar verify backup_2020-01-01T00-00-00-000Z
expect_exit 5 hangar backup nobody
expect_in err nobody
expect_exit 5 hangar plugin show nobody

promise "wrong usage: exit 2"
expect_exit 2 hangar frobnicate
expect_exit 2 hangar backup --frobnicate
expect_exit 2 hangar restore
expect_exit 2 hangar restore ../../etc/passwd --yes
expect_exit 2 hangar restore latest --set app_db.password=x --yes
expect_exit 2 hangar restore latest --set nobody.port=1 --yes
expect_exit 2 hangar restore latest --set app_db.nothing=1 --yes
expect_exit 5 hangar restore latest --only nobody --yes

promise "a wrong configuration: exit 2, with file, line and column"
expect_exit 2 with 's/plugin: redis/plugin: radis/' check
expect_in err changed.yaml:
expect_exit 2 with 's/database: shop/databse: shop/' check
grep -qE 'changed\.yaml:[0-9]+:[0-9]+: ' err || { show_output; fail "line and column are missing"; }
expect_in err '"database"'
expect_exit 2 with 's/^version: 1/version: 99/' backup
expect_in err changed.yaml:1:
expect_exit 2 with "s/port: ${redis_ports[1]}/port: \"\${NOT_SET_ANYWHERE}\"/" backup
expect_in err NOT_SET_ANYWHERE
expect_exit 2 "$hangar_program" -c nowhere.yaml check
expect_in err nowhere.yaml

promise "a wrong password: exit 8, and nothing is left"
redis-cli -p "${redis_ports[1]}" CONFIG SET requirepass right >/dev/null
expect_exit 8 hangar backup
expect_exit 8 hangar check
expect_exit 8 with 's/(port: [0-9]+) \}/\1, password: wrong }/' backup
expect_in err cache
expect_not_in err wrong
redis-cli -p "${redis_ports[1]}" --no-auth-warning -a right CONFIG SET requirepass '' >/dev/null
none_added

promise "a missing database or server: exit 1, with its name"
expect_exit 1 with 's/database: shop/database: nowhere/' backup
expect_in err nowhere
expect_exit 1 with "s/port: ${redis_ports[1]}/port: 1/" backup
expect_in err cache
none_added

promise "a missing or too old client tool is named by check and by backup"
mkdir tools
expect_exit 1 with "s|user: postgres|&, bin_dir: $work/tools|" check
expect_said pg_dump
expect_exit 1 with "s|user: postgres|&, bin_dir: $work/tools|" backup
expect_said pg_dump
for tool in pg_dump pg_dumpall pg_restore; do
    printf '#!/bin/sh\necho "%s (PostgreSQL) 14.1"\n' "$tool" >"tools/$tool"
    chmod 755 "tools/$tool"
done
expect_exit 1 with "s|user: postgres|&, bin_dir: $work/tools|" check
expect_said 14
expect_exit 1 with "s|user: postgres|&, bin_dir: $work/tools|" backup
expect_said 14
none_added

promise "a sink that cannot be written to fails check and backup"
mkdir closed
touch closed/file
expect_exit 1 with 's,path: ./backups,path: ./closed/file,' check
expect_exit 1 with 's,path: ./backups,path: ./closed/file,' backup
expect_in err closed/file

promise "two runs of a pipeline at once: the second is refused, exit 6"
# the first run waits for a table that a session has locked
psql -qX -d shop -c "BEGIN; LOCK TABLE shop.products; SELECT pg_sleep(120)" >/dev/null 2>&1 &
blocker=$!
wait_for 20 test "$(sql shop "SELECT 1" && echo)" = 1
locked()
{
    [[ $(sql postgres "SELECT count(*) FROM pg_locks WHERE granted AND mode = 'AccessExclusiveLock'
                       AND locktype = 'relation'") -gt 0 ]]
}
waiting()
{
    [[ $(sql postgres "SELECT count(*) FROM pg_locks WHERE NOT granted") -gt 0 ]]
}
wait_for 20 locked
"$hangar_program" -c "$work/backup.yaml" backup >first.out 2>first.err &
first=$!
wait_for 20 waiting
expect_exit 6 hangar backup
sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(120)%'
              AND pid <> pg_backend_pid()" >/dev/null
wait "$blocker" || true
wait "$first" || { cat first.err >&2; fail "the first run failed"; }
