#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# A backup restores when hangar is gone: RESTORE.txt is followed as it stands,
# with stock tools only.
. "$(dirname "$0")/lib.sh"

start_pg
start_redis 1
fill_redis "${redis_ports[1]}"
write_config
make_backup
dump shop >before.sql
globals=$(pg_dumpall --globals-only | sed -E '/^\\(un)?restrict /d')
digest=$(redis-cli -p "${redis_ports[1]}" DEBUG DIGEST)
# what is restored lies elsewhere, without hangar
mv "$folder" "$work/copy"
rm -rf plugins backups state

promise "RESTORE.txt holds shell commands and comments"
[[ -s copy/RESTORE.txt ]] || fail "there is no RESTORE.txt"
cat copy/RESTORE.txt
expect_not_in copy/RESTORE.txt hangar-e2e

promise "followed in a new cluster and an empty folder, it gives equal data"
pg_stop "$work"
redis_stop "$work/redis1"
pg_start "$work"
# the commands as a person would run them: in the folder of the backup, stopping
# at the first that fails, without hangar or anything of its build in reach
(
    cd copy
    PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin bash -euo pipefail RESTORE.txt
) >by_hand.out 2>&1 || { cat by_hand.out >&2; fail "a command of RESTORE.txt failed"; }
dump shop >after.sql
same "pg_dump before and after" before.sql after.sql
[[ $(pg_dumpall --globals-only | sed -E '/^\\(un)?restrict /d') == "$globals" ]] ||
    fail "the roles differ"

promise "the dump of Redis starts a server with equal data"
rdb=$(find copy . -maxdepth 3 -name '*.rdb' | head -n 1)
[[ -n $rdb ]] || { ls -R copy >&2; fail "no RDB file came of it"; }
redis-check-rdb "$rdb" >check.out || { cat check.out >&2; fail "redis-check-rdb"; }
mkdir redis2
cp "$rdb" redis2/dump.rdb
start_redis_from=$work/redis2
redis_start "$start_redis_from"
[[ $(redis-cli -p "$REDIS_PORT" DEBUG DIGEST) == "$digest" ]] || fail "the digest differs"
