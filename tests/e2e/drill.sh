#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# Drills: a good backup passes from each sink, as root and as an unprivileged user; wrong
# data with correct checksums is detected; a drill leaves nothing, however it ends.
. "$(dirname "$0")/lib.sh"

start_pg
start_redis 2
fill_redis "${redis_ports[1]}"
redis-cli -p "${redis_ports[1]}" SET soon x EX 20 >/dev/null
redis-cli -p "${redis_ports[1]}" SET later x EX 100000 >/dev/null
mkdir -m 711 "$work/temp"

# write_drill_config APP_DB-LINES CACHE-LINES: with these lines next to the options.
write_drill_config()
{
    cat >"$work/backup.yaml" <<END
version: 1
limits: { temp_dir: ./temp }
sources:
$(pg_source app_db shop)
${1:-}
$(redis_source cache 1)
${2:-}
transforms:
  gzip: { plugin: compress-gzip }
sinks:
  local: { plugin: storage-local, options: { path: ./backups } }
  other: { plugin: storage-local, options: { path: ./copies } }
pipelines:
  nightly: { sources: [app_db, cache], transforms: [gzip], sinks: [local, other] }
END
}
write_drill_config
make_backup

# Processes whose command line contains the folder for temporary files.
servers()
{
    pgrep -f -- "$work/temp/" || true
}

no_servers()
{
    [[ -z $(servers) ]]
}

# No process and no folder of a drill is left.
nothing_left()
{
    no_servers || fail "servers are left: $(pgrep -af -- "$work/temp/")"
    [[ -z $(ls -A "$work/temp") ]] || fail "files are left: $(ls -A "$work/temp")"
}

drill()
{
    hangar verify "$id" --level drill "$@"
}

promise "a good backup passes a drill from each sink, and nothing is left"
expect_exit 0 drill
expect_in out "✓ $id in local"
expect_in out "✓ $id in other"
nothing_left
expect_exit 0 hangar --json verify "$id" --level drill --from other
[[ $(json 'len(d["backups"])') == 1 && $(json 'd["backups"][0]["sink"]') == other ]] ||
    fail "the drill did not use the named sink"
[[ $(json 'd["backups"][0]["sources"][0]["report"]["rows"]') -gt 1000 ]] || fail "no rows"
compared=$(json 'int(d["backups"][0]["sources"][1]["report"]["compared_values"])')
keys=$(json 'int(d["backups"][0]["sources"][1]["report"]["keys"])')
[[ $compared -gt 5000 && $compared -ge $((keys - 1)) ]] || fail "$compared of $keys compared"

promise "list, show and status print the result, which is stored beside the backup"
expect_exit 0 hangar --json list
[[ $(json 'd["backups"][0]["verified"]["level"] + d["backups"][0]["verified"]["status"]') == drilldone ]] ||
    fail "list does not show the verification"
expect_exit 0 hangar list
expect_in out "drill"
expect_exit 0 hangar --json show "$id" --from other
[[ $(json 'd["verified"]["sink"] + d["verified"]["level"]') == otherdrill ]] || fail "show"
expect_exit 0 hangar show "$id"
expect_in out "verified"
expect_exit 0 hangar --json status
[[ $(json '[s["newest_verified"]["status"] for s in d["pipelines"][0]["sinks"]]') == "['done', 'done']" ]] ||
    fail "status"
record=$(find "$work/copies/nightly/$id/verify" -name '*.json' | sort | tail -n 1)
cp "$record" out
[[ $(json '[s["name"] for s in d["sources"]]') == "['app_db', 'cache']" ]] || fail "the record"
expect_exit 0 bash -c "cd '$folder' && sha256sum -c --quiet SHA256SUMS"
expect_exit 0 hangar verify "$id" --level full

promise "the folder of a drill is private, and its server does not run as root"
hangar verify "$id" --level drill --from local >watched.out 2>&1 &
drilling=$!
seen=
for ((i = 0; i < 2000; i++)); do
    pid=$(pgrep -f -- "postgres -D $work/temp/" | sed -n 1p) || pid=
    if [[ -n $pid ]] && kill -0 "$drilling" 2>/dev/null; then
        data=$(tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep "^$work/temp/") || continue
        seen="$(stat -c %a "$(dirname "$data")") $(stat -c %u "/proc/$pid")" || continue
        yields="$(ps -o ni= -p "$pid") $(<"/proc/$pid/oom_score_adj")" || continue
        network=$(readlink "/proc/$pid/ns/net") || continue
        break
    fi
    sleep 0.01
done
wait "$drilling" || { cat watched.out >&2; fail "the observed drill failed"; }
[[ $yields =~ ^\ *19\ 1000$ ]] || fail "priority and oom_score_adj: $yields"
[[ $seen == 700\ * ]] || fail "mode and owner: $seen"
[[ $(id -u) != 0 || $seen != "700 0" ]] || fail "the server ran as root"
if unshare -n true 2>/dev/null; then
    [[ $network != "$(readlink /proc/self/ns/net)" ]] || fail "the server has a network"
fi
nothing_left

# ---- ways to end ----

# Starts a drill and waits until its servers run; its process is in $drilling.
start_drill()
{
    # background processes of bash ignore SIGINT
    env --default-signal=INT "$hangar_program" -c "$work/backup.yaml" verify "$id" --level drill \
        >drilled.out 2>&1 &
    drilling=$!
    wait_for 60 pgrep -f -- "postgres -D $work/temp/"
} >/dev/null

promise "Ctrl-C ends a drill and all its processes"
start_drill
kill -INT "$drilling"
status=0
wait "$drilling" || status=$?
[[ $status == 130 ]] || { cat drilled.out >&2; fail "exit status $status after Ctrl-C"; }
nothing_left

promise "when hangar is killed, its servers end within seconds, and the next drill cleans up"
start_drill
kill -KILL "$drilling"
wait "$drilling" 2>/dev/null || true
wait_for 90 no_servers
expect_exit 0 drill --from local
nothing_left

# ---- what must fail ----

promise "a server that does not start fails the drill with the reason"
mkdir -p "$work/broken"
printf '#!/bin/sh\necho "no such luck" >&2\nexit 1\n' >"$work/broken/initdb"
cp "$work/broken/initdb" "$work/broken/postgres"
chmod 755 "$work" "$work/broken" "$work/broken"/*
sed -i "s|user: postgres }|user: postgres, bin_dir: $work/broken }|" "$work/backup.yaml"
expect_exit 1 drill
expect_output "no such luck"
nothing_left
mkdir -p "$work/empty"
sed -i "s|bin_dir: $work/broken|bin_dir: $work/empty|" "$work/backup.yaml"
expect_exit 1 drill
expect_output "initdb"
nothing_left
expect_exit 0 hangar --json status
[[ $(json '[d["pipelines"][0]["last_drill"][k] for k in ("id", "outcome")]') == "['$id', 'not_judged']" ]] ||
    fail "the failure is not remembered: $(json 'd["pipelines"][0]["last_drill"]')"
write_drill_config

promise "a drill of a source without support for drills fails with a message"
cat >"$work/backup.yaml" <<END
version: 1
plugin_path: [./more]
sources:
  notes: { plugin: files, options: { files: [$work/notes/a], into: ./notes } }
sinks:
  local: { plugin: storage-local, options: { path: ./backups } }
pipelines:
  papers: { sources: [notes], sinks: [local] }
END
mkdir -m 755 "$work/more" "$work/notes"
cc -shared -fPIC -D_GNU_SOURCE -DHANGAR_PLUGIN_VERSION='"1"' -I"$repository/core/include" \
    -o "$work/more/hangar-files.so" "$repository/examples/plugin-files/files.c"
echo text >"$work/notes/a"
nightly=$id
make_backup papers
expect_exit 1 drill
expect_output "has no drills"
nothing_left
id=$nightly
write_drill_config
folder=$work/backups/nightly/$id

# forge OBJECT FROM TO: changes the plain bytes of an object and all checksums, so that
# only its content is wrong.
forge()
{
    python3 - "$folder" "$1" "$2" "$3" <<'END'
import gzip, hashlib, json, os, sys
folder, name, old, new = sys.argv[1:]
sha = lambda data: hashlib.sha256(data).hexdigest()

def place(file):
    return os.path.join(folder, file)

def read(file):
    return open(place(file), "rb").read()

def write(file, data):
    open(place(file), "wb").write(data)

plain = gzip.decompress(read(name))
forged = plain.replace(old.encode(), new.encode(), 1)
if plain.startswith(b"REDIS"):
    forged = forged[:-8] + bytes(8)  # no checksum, which is allowed and hides the change
assert forged != plain and len(forged) == len(plain), "nothing was changed"
before, stored = read(name), gzip.compress(forged)
write(name, stored)
write("SHA256SUMS", read("SHA256SUMS").replace(sha(before).encode(), sha(stored).encode()))
manifest = json.loads(read("manifest.json"))
del manifest["manifest_sha256"]
for source in manifest["sources"]:
    for object in source["objects"]:
        if object["stored"] == name:
            object.update(sha256=sha(forged), stored_size=len(stored), stored_sha256=sha(stored))
for file in manifest["files"]:
    file.update(size=len(read(file["name"])), sha256=sha(read(file["name"])))
text = json.dumps(manifest, indent=2)[:-2]
write("manifest.json", f'{text},\n  "manifest_sha256": "{sha(text.encode())}"\n}}\n'.encode())
END
}

promise "wrong rows with correct checksums are detected"
cp -r "$folder" "$work/pristine"
forge app_db/shop/data/0001.sql.gz c77@example c77@exbmple
expect_exit 0 hangar verify "$id" --level full --from local
expect_exit 4 drill --from local
expect_output "rows"
nothing_left
expect_exit 4 hangar --json list
[[ $(json 'd["backups"][0]["verified"]["status"]') == corrupt ]] || fail "list does not show the failure"
expect_exit 0 drill --from other
# bytes that are as they were written refute no drill
expect_exit 0 hangar verify "$id" --level full --from local
expect_exit 4 hangar --json list
[[ $(json 'd["backups"][0]["damaged"]') == "['local']" ]] || fail "a full verification hid a drill"
[[ $(json 'd["backups"][0]["verified"]["level"]') == drill ]] || fail "list shows another level"
rm -r "$folder"
cp -r "$work/pristine" "$folder"

promise "a wrong value with correct checksums is detected"
forge cache/dump.rdb.gz $'\x05later\x01x' $'\x05later\x01y'
expect_exit 0 hangar verify "$id" --level full --from local
expect_exit 4 drill --from local
expect_output "has changed since the backup was made: the digest digest.expiring was"
nothing_left
rm -r "$folder"
cp -r "$work/pristine" "$folder"

promise "drills never write to the servers of the sources"
[[ $(redis-cli -p "${redis_ports[2]}" DBSIZE) == 0 ]] || fail "the other redis has keys"
[[ $(sql postgres "SELECT count(*) FROM pg_database WHERE NOT datistemplate") == 2 ]] ||
    fail "the source has a new database"

promise "the record of a drill is removed with its backup"
expect_exit 0 hangar remove "$id" --from other --yes
[[ ! -e $work/copies/nightly/$id ]] || fail "left: $(find "$work/copies/nightly/$id")"

promise "a server named in the configuration replaces the throw-away server"
write_drill_config "" "    scratch: { port: ${redis_ports[2]}, on_conflict: flush }"
expect_exit 0 drill --from local
[[ $(redis-cli -p "${redis_ports[2]}" GET later) == x ]] || fail "the drill used another server"
nothing_left
write_drill_config "" "    scratch: { prot: ${redis_ports[2]} }"
expect_exit 2 drill
expect_output "did you mean \"port\""
write_drill_config

if [[ $(id -u) == 0 ]]; then
    promise "an unprivileged user can run a drill"
    chmod -R a+rX "$work/backups" "$work/plugins" "$work"
    mkdir -m 700 "$work/hers"
    cp -r "$work/backups" "$work/hers/backups"
    sed 's|path: ./backups|path: ./backups|; s|temp_dir: ./temp|temp_dir: ./temp|; s|, other\]|]|' \
        "$work/backup.yaml" >"$work/hers/backup.yaml"
    mkdir -m 700 "$work/hers/temp"
    chown -R nobody "$work/hers"
    as_nobody()
    {
        setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups env HOME="$work/hers" \
            HANGAR_STATE_DIR="$work/hers/state" "$hangar_program" -c "$work/hers/backup.yaml" "$@"
    }
    expect_exit 0 as_nobody verify "$id" --level drill
    [[ -z $(ls -A "$work/hers/temp") && -z $(pgrep -f -- "$work/hers/temp/") ]] || fail "left"
fi

promise "code in a backup that never ends does not keep a drill from ending"
sql postgres "CREATE DATABASE endless"
# it spins in servers that start later
sql endless "CREATE FUNCTION spin(int) RETURNS bool LANGUAGE plpgsql AS \$\$ BEGIN
                 IF pg_postmaster_start_time() > '$(date -u +%FT%TZ)' THEN LOOP END LOOP; END IF;
                 RETURN true; END \$\$;
             CREATE TABLE t (n int CHECK (spin(n))); INSERT INTO t VALUES (1)"
cat >"$work/backup.yaml" <<END
version: 1
limits: { temp_dir: ./temp, drill_timeout: 8s }
sources:
$(pg_source app_db endless)
sinks:
  local: { plugin: storage-local, options: { path: ./endless } }
pipelines:
  endless: { sources: [app_db], sinks: [local] }
END
expect_exit 0 hangar backup
expect_exit 1 hangar verify latest --level drill
expect_output "limits.drill_timeout"
nothing_left

promise "a refusal by the server is damage; something missing on this machine is not judged"
sql postgres "CREATE DATABASE refused"
sql refused "CREATE TABLE one (id int PRIMARY KEY); INSERT INTO one VALUES (1);
             CREATE TABLE two (one int REFERENCES one); SET session_replication_role = replica;
             INSERT INTO two VALUES (2)"
sed -i 's/endless/refused/' "$work/backup.yaml"
sed -i 's/, drill_timeout: 8s//' "$work/backup.yaml"

# drill_refused STATUS OUTCOME TEXT: backs up the database as it is, and drills it.
drill_refused()
{
    expect_exit 0 hangar backup
    expect_exit "$1" hangar --json verify latest --level drill
    [[ $(json 'd["backups"][0]["outcome"]') == "$2" ]] || fail "$(json 'd["backups"][0]["outcome"]')"
    [[ $(json 'd["backups"][0]["problems"][0]') == *"$3"* ]] ||
        fail "$(json 'd["backups"][0]["problems"]')"
    nothing_left
}
# pg_restore builds the foreign key
drill_refused 4 bad 'violates foreign key constraint "two_one_fkey"'
sql refused "TRUNCATE two; CREATE FUNCTION few(int) RETURNS bool LANGUAGE sql AS 'SELECT true';
             ALTER TABLE two ADD CHECK (few(one)); INSERT INTO two VALUES (1);
             CREATE OR REPLACE FUNCTION few(int) RETURNS bool LANGUAGE sql AS 'SELECT false'"
# hangar loads the rows
drill_refused 4 bad 'violates check constraint "two_one_check"'
cp "$(sql postgres "SELECT setting FROM pg_config WHERE name = 'PKGLIBDIR'")/plpgsql.so" "$work/gone.so"
chmod 755 "$work/gone.so"
sql refused "TRUNCATE two; CREATE FUNCTION gone() RETURNS language_handler LANGUAGE c
                 AS '$work/gone.so', 'plpgsql_call_handler'"
drill_refused 1 not_judged 'could not access file'
