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
expect_output pg_dump
expect_exit 1 with "s|user: postgres|&, bin_dir: $work/tools|" backup
expect_output pg_dump
for tool in pg_dump pg_dumpall pg_restore; do
    printf '#!/bin/sh\necho "%s (PostgreSQL) 14.1"\n' "$tool" >"tools/$tool"
    chmod 755 "tools/$tool"
done
expect_exit 1 with "s|user: postgres|&, bin_dir: $work/tools|" check
expect_output 14
expect_exit 1 with "s|user: postgres|&, bin_dir: $work/tools|" backup
expect_output 14
promise "a client tool that another user could change is not run"
printf '#!/bin/sh\ntouch %s\n' "$work/ran" >tools/pg_dump
chmod 757 tools/pg_dump
for words in check backup; do
    status=0
    with "s|user: postgres|&, bin_dir: $work/tools|" "$words" >out 2>err || status=$?
    [[ $status == 1 || $status == 2 ]] || fail "$words ended with $status"
    expect_output "other users can write to"
done
[[ ! -e $work/ran ]] || fail "it was run"
none_added

promise "a pattern that matches nothing fails check and backup, with its line: exit 2"
for pattern in 'exclude_table_data: [shop.nowhere]' 'exclude_tables: [products, nowhere]' \
    'include_tables: [shop.*, "nowhere"]'; do
    for command in check backup; do
        expect_exit 2 with "s|user: postgres|&, $pattern|" $command
        expect_output ": option ${pattern%%:*}: "
        expect_output 'nowhere'
        expect_output ' matches no table of database shop'
    done
done
expect_exit 0 with 's|user: postgres|&, exclude_table_data: ["*"], exclude_tables: [shop.product*]|' check
none_added

promise "check shows what the server holds that no source names"
sql postgres 'CREATE DATABASE crm'
sql postgres 'CREATE DATABASE "two words"'
expect_exit 0 hangar --json check
# the database postgres has no tables
[[ $(json '[i["facts"].get("not_backed_up") for i in d["items"] if i["name"] == "app_db"]') =~ \
    ^\[\'crm\ \([0-9.]+\ MiB\),\ two\ words\ \([0-9.]+\ MiB\)\'\]$ ]] || { show_output; fail "the others"; }
sed 's/^sinks:/sinks:/; s/^transforms:/  second: { plugin: postgres, options: { host: "'"${PGHOST//\//\\/}"'", port: '"$PGPORT"', database: crm, user: postgres } }\n&/; s/\[app_db, cache\]/[app_db, second, cache]/' backup.yaml >two.yaml
sql postgres 'CREATE TABLE forgotten (a int)'
expect_exit 0 "$hangar_program" -c two.yaml check
grep -qE 'not_backed_up +postgres \([0-9.]+ MiB\), two words \([0-9.]+ MiB\)$' out || { show_output; fail "two sources"; }
[[ $(grep -c not_backed_up out) == 1 ]] || fail "a server is shown twice"
sql postgres 'DROP TABLE forgotten'

promise "check names the databases that a killed restore left, their origin, and what to do"
new_database()
{
    left=$(sql postgres "SELECT datname FROM pg_database d WHERE datname LIKE 'hangar_new_%'
                         AND shobj_description(d.oid, 'pg_database') IS NOT NULL")
    [[ $left ]]
}
"$hangar_program" -c "$work/backup.yaml" restore latest --only app_db --set app_db.database=crm \
    --mode clean --yes >killed.out 2>&1 &
killed=$!
wait_for 60 new_database
kill -KILL "$killed"
wait "$killed" 2>/dev/null || true
old=hangar_old_00000001_00000002
sql postgres "CREATE DATABASE $old"
sql postgres "COMMENT ON DATABASE $old IS 'hangar: this was database shop until a restore replaced it; the next such restore drops it'"
is_named()
{
    expect_exit 0 hangar check
    grep -q "database $left on" out
}
wait_for 90 is_named # the server may need a moment to notice that the client is dead
expect_output 'ended before it replaced database crm: it has the data of the backup, perhaps not all of it, and crm has the data from before'
expect_output "database $old on"
expect_output 'ended after it replaced database shop: it has the data from before, and shop has the data of the backup'
expect_exit 0 hangar restore latest --only app_db --set app_db.database=elsewhere --dry-run
expect_output "DROP DATABASE $left"
expect_output "DROP DATABASE $old when its data is not needed"
sql postgres 'ALTER DATABASE shop RENAME TO moved'
expect_exit 0 with 's/database: shop/database: moved/' check
expect_output "there is no database shop now"
expect_output "ALTER DATABASE $old RENAME TO \"shop\""
sql postgres 'ALTER DATABASE moved RENAME TO shop'
expect_exit 0 hangar restore latest --only app_db --set app_db.database=crm --mode clean --yes
expect_output "dropped database $left, a leftover of a dead restore, with the data of the backup"
sql postgres "DROP DATABASE $old"

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
wait_for 90 test "$(sql shop "SELECT 1" && echo)" = 1
locked()
{
    [[ $(sql postgres "SELECT count(*) FROM pg_locks WHERE granted AND mode = 'AccessExclusiveLock'
                       AND locktype = 'relation'") -gt 0 ]]
}
waiting()
{
    [[ $(sql postgres "SELECT count(*) FROM pg_locks WHERE NOT granted") -gt 0 ]]
}
wait_for 90 locked
"$hangar_program" -c "$work/backup.yaml" backup >first.out 2>first.err &
first=$!
wait_for 90 waiting
expect_exit 6 hangar backup
sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(120)%'
              AND pid <> pg_backend_pid()" >/dev/null
wait "$blocker" || true
wait "$first" || { cat first.err >&2; fail "the first run failed"; }
