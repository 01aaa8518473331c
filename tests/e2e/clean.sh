#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# A clean restore replaces a database in use: after a safety backup, completely or not at
# all, and it ends no session without --disconnect.
. "$(dirname "$(readlink -f "$0")")/lib.sh"

start_pg
cat >backup.yaml <<END
version: 1
sources:
$(pg_source app_db shop)
sinks:
  local: { plugin: storage-local, options: { path: ./backups } }
pipelines:
  nightly: { sources: [app_db], transforms: [], sinks: [local] }
END
make_backup
dump shop >as_in_backup

change()
{
    sql shop "UPDATE shop.customers SET name = name || ' (changed)'"
    sql shop 'CREATE TABLE shop.added AS SELECT generate_series(1, 100) AS a'
    sql postgres "ALTER DATABASE shop SET work_mem = '7MB'"
    dump shop >as_it_was
}

ours()
{
    sql postgres "SELECT datname FROM pg_database WHERE datname LIKE 'hangar\_%'"
}

is_as()
{
    dump shop >now
    same "shop and $1" "$1" now
    [[ -z $(ours) ]] || fail "left on the server: $(ours)"
}

backups()
{
    find backups -name manifest.json | wc -l
}

promise "nothing is replaced without confirmation, and a dry run prints the whole plan"
change
expect_exit 2 hangar restore latest --mode clean
expect_output "cannot ask for confirmation without a terminal"
expect_output "safety backup of its data, into sink local"
expect_exit 2 hangar restore latest --disconnect --yes
expect_exit 0 hangar restore latest --mode clean --dry-run
expect_output "database shop: no sessions are connected"
expect_output "database shop: drop the old database"
[[ $(backups) == 1 ]] || fail "a dry run made a backup"
is_as as_it_was

is_connected()
{
    [[ $(sql postgres "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'the_app'") == 1 ]]
}

start_app()
{
    PGAPPNAME=the_app psql -qX -d shop -c 'SELECT pg_sleep(300)' >app.out 2>&1 &
    app=$!
    wait_for 90 is_connected
}

promise "sessions of other clients are not ended"
start_app
expect_exit 1 hangar restore latest --mode clean --yes
expect_output "1 session is connected to it: postgres (the_app)"
expect_output "hint: stop the programs that use it, or end the session with --disconnect"
is_connected || fail "the session was ended"
[[ $(backups) == 1 ]] || fail "a refused restore made a backup"
kill "$app" && wait "$app" 2>/dev/null || true
is_as as_it_was

promise "with --disconnect a database in use is replaced, and clients never read a mixture"
sql shop 'CREATE TABLE shop.ticks (n int)'
dump shop >as_it_was
write_all_the_time()
{
    while sleep 0.1; do
        psql -qX -d shop -c 'INSERT INTO shop.ticks VALUES (1)' 2>&1 || true
    done >writer.out
}
write_all_the_time &
writer=$!
has_ticks()
{
    [[ $(sql shop 'SELECT count(*) > 5 FROM shop.ticks') == t ]]
}
wait_for 90 has_ticks
expect_exit 0 hangar --json restore latest --mode clean --disconnect --yes
[[ $(json 'd["id"]') == "$id" ]] || fail "the safety backup is the latest"
[[ $(json 'd["sources"][0]["restored"]') == True ]] || fail "not restored"
safety=$(json 'd["safety"]["id"]')
# from here on its table does not exist
refused()
{
    grep -q 'relation "shop.ticks" does not exist' writer.out
}
wait_for 90 refused
kill "$writer" && wait "$writer" 2>/dev/null || true
is_as as_in_backup

promise "the replaced data is restored by the id of the safety backup"
expect_exit 0 hangar list
expect_output "complete, safety"
expect_exit 0 hangar show latest
expect_output "$id of nightly"
expect_exit 0 hangar show "$safety"
expect_output "a safety backup (data that a restore replaced)"
expect_exit 0 hangar verify "$safety" --level full
expect_exit 0 hangar restore "$safety" --mode clean --yes
expect_output "the previous data is in the safety backup"
[[ $(sql shop 'SELECT count(*) > 5 FROM shop.ticks') == t ]] || fail "earlier writes are lost"
sql shop 'TRUNCATE shop.ticks'
is_as as_it_was
[[ $(sql postgres "SELECT setconfig::text FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase WHERE datname = 'shop'") == '{work_mem=7MB}' ]] ||
    fail "the settings of the database are lost"

promise "an interrupt at any time changes nothing"
for after in $(sweep "0.3 1" "0.1 0.3 0.6 1 1.5"); do
    "$hangar_program" -c backup.yaml restore "$id" --mode clean --yes >out 2>err </dev/null &
    restore=$!
    sleep "$after"
    kill -INT "$restore" 2>/dev/null || true
    status=0
    wait "$restore" || status=$?
    if [[ $status == 0 ]]; then
        is_as as_in_backup
        break
    fi
    [[ $status == 130 ]] || fail "interrupted with status $status: $(<err)"
    is_as as_it_was
done

promise "a missing database is created, without a safety backup"
before=$(backups)
dropdb shop
expect_exit 0 hangar --json restore "$id" --mode clean --yes
[[ $(json 'd["safety"]') == None ]] || fail "a safety backup without data was made"
[[ $(backups) == "$before" ]] || fail "a backup without data was made"
is_as as_in_backup

promise "without a safety backup nothing is restored"
change
mv backups/nightly/origin.json origin.kept
echo '{ "origin": "elsewhere", "pipeline": "nightly", "host": "x", "created": "2026-01-01T00:00:00.000Z" }' \
    >backups/nightly/origin.json
expect_exit 2 hangar restore "$id" --mode clean --yes
expect_output "nothing was restored, because the safety backup failed"
is_as as_it_was
mv origin.kept backups/nightly/origin.json
expect_exit 0 hangar restore "$id" --mode clean --yes
is_as as_in_backup

promise "the hook that stops the application runs before its sessions are counted"
start_app
cat >stop_app <<'END'
#!/bin/sh
exec psql -qAtX -d postgres -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'the_app'"
END
chmod +x stop_app
sed 's|sinks: \[local\]|&, hooks: { before_restore: [./stop_app] }|' backup.yaml >hooked.yaml
expect_exit 0 "$hangar_program" -c hooked.yaml restore "$id" --mode clean --yes
expect_output "the restore would be refused without hook before_restore: source app_db: cannot replace database shop"
wait "$app" || true
is_as as_in_backup
