#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# A backup can be restored without hangar: the test follows RESTORE.txt literally, with
# standard tools only.
. "$(dirname "$0")/lib.sh"

start_pg
start_redis 1
fill_redis "${redis_ports[1]}"
write_config
make_backup
dump shop >before.sql
globals=$(pg_dumpall --globals-only | sed -E '/^\\(un)?restrict /d')
digest=$(redis-cli -p "${redis_ports[1]}" DEBUG DIGEST)
functions=$(redis-cli -p "${redis_ports[1]}" FUNCTION LIST)
# the backup is copied to another folder, without hangar
mv "$folder" "$work/copy"
rm -rf plugins backups state

[[ -s copy/RESTORE.txt ]] || fail "RESTORE.txt is missing"

# The commands start Redis on its usual port and leave it running, as an operator wants.
# Here it gets a free port and is stopped at the end.
start_redis 2
port=${redis_ports[2]}
redis_stop "$work/redis2"
mkdir tools
cat >tools/redis-server <<END
#!/bin/sh
exec $(command -v redis-server) "\$@" --port $port --bind 127.0.0.1 \\
    --enable-debug-command yes --pidfile $work/redis2/redis.pid
END
chmod 755 tools/redis-server

promise "RESTORE.txt, followed literally in a new cluster, restores an equal database"
pg_stop "$work"
redis_stop "$work/redis1"
pg_start "$work"
# hangar and the files of its build cannot be found
(cd copy && PATH=$work/tools:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin bash RESTORE.txt) \
    >by_hand.out 2>&1 || { cat by_hand.out >&2; fail "a command of RESTORE.txt failed"; }
dump shop >after.sql
same "pg_dump before and after" before.sql after.sql
[[ $(pg_dumpall --globals-only | sed -E '/^\\(un)?restrict /d') == "$globals" ]] ||
    fail "the roles differ"

promise "RESTORE.txt restores a Redis server with equal data"
answers()
{
    [[ $(redis-cli -p "$port" PING 2>&1) == PONG ]]
}
wait_for 90 answers
[[ $(redis-cli -p "$port" DEBUG DIGEST) == "$digest" ]] || fail "the digest differs"
[[ $(redis-cli -p "$port" FUNCTION LIST) == "$functions" ]] || fail "the functions differ"
