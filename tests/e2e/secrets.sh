#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# Passwords are never visible: not in the arguments of a process, not in output, not in the
# backup, and not in a file that other users can read.
. "$(dirname "$0")/lib.sh"

pg_canary=canary-pg-5ca1ab1e
redis_canary=canary-redis-0ddba11
PG_TCP=1 start_pg
sql shop "CREATE TABLE shop.bulk AS SELECT i, md5(i::text) AS text FROM generate_series(1, 300000) AS i"
psql -qX -d postgres <<<"ALTER ROLE postgres PASSWORD '$pg_canary'"
start_redis 2
fill_redis "${redis_ports[1]}"
for port in "${redis_ports[@]}"; do
    redis-cli -p "$port" <<<"CONFIG SET requirepass $redis_canary" >/dev/null
done
cp "$repository/backup.yaml" .
export POSTGRES_HOST=127.0.0.1 POSTGRES_PORT=$PGPORT POSTGRES_DB_NAME=shop POSTGRES_USER=postgres
export POSTGRES_PASSWORD=$pg_canary
export REDIS_HOST=127.0.0.1 REDIS_PORT=${redis_ports[1]} REDIS_PASSWORD=$redis_canary

# Reads the arguments of all processes repeatedly, until the file `stop` exists.
cat >watch.py <<'END'
import glob, os, sys, time
canaries = [c.encode() for c in sys.argv[1:]]
own = str(os.getpid())
rounds = tools = 0
while not os.path.exists("stop"):
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        if path.split("/")[2] == own:
            continue
        try:
            with open(path, "rb") as file:
                text = file.read()
        except OSError:
            continue
        tools += b"pg_dump" in text or b"pg_restore" in text
        for canary in canaries:
            if canary in text:
                sys.exit(f"a password in {path}: {text!r}")
    rounds += 1
    time.sleep(0.02)
print(f"{rounds} rounds, client tools seen {tools} times")
sys.exit(0 if rounds > 10 and tools else "the watcher saw too little")
END
python3 watch.py canary-pg canary-redis >watch.out 2>&1 &
watcher=$!

promise "the sample configuration works with passwords from the environment"
log=all.log
: >"$log"
noting()
{
    expect_exit "$@"
    cat out err >>"$log"
}
noting 0 hangar -v check
noting 0 hangar -v backup
noting 0 hangar --json list
noting 0 hangar --json show latest
noting 0 hangar --json status
noting 0 hangar status
noting 0 hangar verify latest --level full
noting 0 hangar -v restore latest --set app_db.database=again \
    --set "cache.port=${redis_ports[2]}" --yes
same_database shop again

promise "wrong passwords are not shown"
POSTGRES_PASSWORD=canary-pg-wrong noting 8 hangar -v backup
REDIS_PASSWORD=canary-redis-wrong noting 8 hangar -v backup
touch stop
wait "$watcher" || { cat watch.out >&2; fail "the watcher"; }

promise "a password as an argument is refused, and not printed"
noting 2 hangar restore latest --set cache.password=canary-argument --yes

promise "no output, stored file or log contains a password"
expect_not_in "$log" canary
mkdir unpacked
find backups state -type f -print0 | while IFS= read -r -d '' file; do
    case $file in
    # a backup must contain the roles with the hashes of their passwords, and the data
    *.gz) gunzip -c "$file" ;;
    *) cat "$file" ;;
    esac
done >unpacked/all
! grep -aq canary unpacked/all || fail "a password in backups/ or state/"

promise "no file that other users can read contains a password"
find "$work" -path "$work/pg" -prune -o -type f -perm /044 ! -name watch.py -print0 |
    xargs -0 -r grep -la canary >readable || true
[[ ! -s readable ]] || fail "$(<readable)"

promise "another process of the same user cannot read the memory and the environment of hangar"
mkdir -m 700 "$work/hers"
as_user=()
if [[ $(id -u) == 0 ]]; then
    chmod a+rX "$work" "$work/plugins" "$work"/plugins/*
    chown nobody "$work/hers"
    as_user=(setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups)
fi
cat >"$work/hers/backup.yaml" <<END
version: 1
sources:
  app_db: { plugin: postgres, options: { database: shop, password_command: [sleep, 20] } }
sinks:
  local: { plugin: storage-local, options: { path: ./backups } }
pipelines:
  nightly: { sources: [app_db], sinks: [local] }
END
[[ ! ${as_user[*]} ]] || chown nobody "$work/hers/backup.yaml"
"${as_user[@]}" env HANGAR_STATE_DIR="$work/hers/state" "$hangar_program" -c "$work/hers/backup.yaml" check \
    >/dev/null 2>&1 &
hidden=$!
wait_for 90 pgrep -P "$hidden" -x sleep >/dev/null
child=$(pgrep -P "$hidden" -x sleep)
# with a control: what hangar has started can be read
"${as_user[@]}" grep -qa HANGAR_STATE_DIR "/proc/$child/environ" || fail "nothing can be read"
for file in environ mem maps; do
    ! "${as_user[@]}" head -c 1 "/proc/$hidden/$file" >/dev/null 2>&1 || fail "/proc/$hidden/$file can be read"
done
grep -q '^Max core file size *0 ' "/proc/$hidden/limits" || fail "hangar may write a core file"
kill "$hidden"
wait "$hidden" || true
