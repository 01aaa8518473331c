#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# Backup and restore: the restored data is equal.
. "$(dirname "$0")/lib.sh"

start_pg
start_redis 2
fill_redis "${redis_ports[1]}"
write_config

promise "check succeeds before a backup"
expect_exit 0 hangar check
expect_exit 0 hangar --json check
[[ $(json 'd["schema"], {i["status"] for i in d["items"]} <= {"ok", "warning"}') == \
    "('hangar.check/1', True)" ]] || { show_output; fail "check"; }

promise "list is empty before the first backup"
expect_exit 0 hangar list
expect_exit 5 hangar show latest
expect_exit 5 hangar restore latest --yes

promise "backup prints only the id to stdout"
make_backup

promise "list, show and status contain the backup"
[[ $(listed) == "$id" ]] || { show_output; fail "list does not have $id"; }
[[ $(json 'd["backups"][0]["pipeline"], d["backups"][0]["sinks"], d["backups"][0]["sources"]') == \
    "('nightly', ['local'], ['app_db', 'cache'])" ]] || { show_output; fail "list"; }
expect_exit 0 hangar list
expect_in out "$id"
expect_exit 0 hangar --json show latest
[[ $(json 'd["manifest"]["id"]') == "$id" ]] || { show_output; fail "show"; }
expect_exit 0 hangar show "$id"
expect_exit 0 hangar --json status
[[ $(json 'd["pipelines"][0]["last_run"]["id"]') == "$id" ]] || { show_output; fail "status"; }
expect_exit 0 hangar status

promise "the files in the sink match SHA256SUMS and are private"
(cd "$folder" && sha256sum --quiet -c SHA256SUMS)
[[ -z $(find "$work/backups" -perm /077) ]] || fail "others can read $(find "$work/backups" -perm /077)"
[[ $(stat -c %a "$folder/manifest.json") == 600 ]] || fail "the mode of the manifest"

promise "the backup verifies at both levels"
expect_exit 0 hangar verify latest
expect_exit 0 hangar verify "$id" --level quick
expect_exit 0 hangar verify --all --level full

targets=(--set app_db.database=shop2 --set "cache.port=${redis_ports[2]}")
promise "a dry run changes nothing"
expect_exit 0 hangar restore latest "${targets[@]}" --dry-run
expect_in out shop2
[[ $(sql postgres "SELECT count(*) FROM pg_database WHERE datname = 'shop2'") == 0 ]] ||
    fail "a dry run created a database"
[[ $(redis-cli -p "${redis_ports[2]}" DBSIZE) == 0 ]] || fail "a dry run wrote to redis"

promise "without a terminal a restore requires --yes"
expect_exit 2 hangar restore latest "${targets[@]}"
expect_in err --yes

promise "the restored data is equal"
expect_exit 0 hangar restore latest "${targets[@]}" --yes
same_database shop shop2
same_redis "${redis_ports[1]}" "${redis_ports[2]}"

promise "a target with data is refused and not changed"
for only in app_db cache; do
    expect_exit 1 hangar restore latest "${targets[@]}" --only "$only" --yes
    [[ -s err ]] || fail "no reason is printed"
done
same_database shop shop2
same_redis "${redis_ports[1]}" "${redis_ports[2]}"

promise "--only restores that source and not the other"
redis-cli -p "${redis_ports[2]}" FLUSHALL >/dev/null
expect_exit 0 hangar restore "$id" --only app_db --set app_db.database=shop3 --yes
same_database shop shop3
[[ $(redis-cli -p "${redis_ports[2]}" DBSIZE) == 0 ]] || fail "the other source was restored too"

promise "a second backup is listed first, and both can be restored"
first=$id
make_backup
[[ $(listed) == "$id"$'\n'"$first" ]] || { show_output; fail "the order of the list"; }
expect_exit 0 hangar verify --all --level full
redis-cli -p "${redis_ports[2]}" FUNCTION FLUSH >/dev/null
expect_exit 0 hangar restore "$first" --only cache --set "cache.port=${redis_ports[2]}" --yes
same_redis "${redis_ports[1]}" "${redis_ports[2]}"

promise "no temporary file is left"
[[ -z $(find "$work/backups" "$work/state" -name '*.tmp*' -o -name '.*' ! -path "$work/*/.") ]] ||
    fail "left: $(find "$work/backups" "$work/state" -name '*.tmp*' -o -name '.*')"
