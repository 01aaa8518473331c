#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# export writes a backup as one tar.gz that standard tools unpack and restore from; import
# stores it again; damaged or forged archives (forge.py) leave nothing.
. "$(dirname "$0")/lib.sh"

start_pg
start_redis 2
fill_redis "${redis_ports[1]}"
write_config
# a second configuration that has only the origin in common with the first
sed 's|\./backups|./elsewhere|' "$work/backup.yaml" | sed "1a origin: $(hostname)" >"$work/other.yaml"
make_backup

other()
{
    "$hangar_program" -c "$work/other.yaml" "$@"
}

# The content of the other sink: nothing, or an origin.
nothing_there()
{
    local left
    left=$(find "$work/elsewhere" -type f ! -name 'origin.json' 2>/dev/null || true)
    [[ -z $left ]] || fail "$1 left files behind: $left"
}

# ---- cat ----

promise "cat writes the plain bytes of an object, by either name"
object=$(cd "$folder" && find app_db -name 'globals.sql.gz')
gunzip <"$folder/$object" >"$work/plain"
expect_exit 0 hangar cat "$id" "$object"
cmp "$work/out" "$work/plain" || fail "cat $object"
expect_exit 0 hangar cat latest "${object%.gz}"
cmp "$work/out" "$work/plain" || fail "cat ${object%.gz}"
expect_exit 0 hangar cat "$id" RESTORE.txt --pipeline nightly --from local
cmp "$work/out" "$folder/RESTORE.txt" || fail "cat RESTORE.txt"
gunzip <"$folder/cache/dump.rdb.gz" >"$work/plain"
expect_exit 0 hangar cat "$id" cache/dump.rdb
cmp "$work/out" "$work/plain" || fail "cat of binary data"

promise "cat of an unknown object suggests a name"
expect_exit 5 hangar cat "$id" cache/dump.rbd
expect_in err "has no object cache/dump.rbd"
expect_in err "did you mean cache/dump.rdb?"
expect_exit 5 hangar cat "$id" nothing/of/the/kind
expect_in err "hangar --json show $id"
expect_exit 5 hangar cat backup_2020-01-01T00-00-00-000Z x
expect_exit 2 hangar cat "$id" --json cache/dump.rdb
expect_exit 2 hangar cat "$id"

promise "cat of a damaged object: exit 4, and a warning not to use the output"
cp "$folder/cache/dump.rdb.gz" "$work/whole"
printf 'x' | dd of="$folder/cache/dump.rdb.gz" bs=1 seek=$(($(stat -c %s "$work/whole") - 6)) \
    conv=notrunc status=none
expect_exit 4 hangar cat "$id" cache/dump.rdb
expect_in err "must not be used"
expect_exit 4 hangar export "$id" -o "$work/damaged.tar.gz"
[[ ! -e $work/damaged.tar.gz ]] || fail "an export of damaged objects was published"
status=0
hangar export "$id" -o - >"$work/damaged" 2>/dev/null || status=$?
[[ $status == 4 ]] || fail "an export of damaged objects to stdout ended with $status"
! tar -tzf "$work/damaged" >/dev/null 2>&1 || fail "an archive of damaged objects was completed"
cp "$work/whole" "$folder/cache/dump.rdb.gz"

promise "a write error is reported"
expect_exit 1 bash -c "'$hangar_program' -c backup.yaml cat '$id' cache/dump.rdb >/dev/full"
expect_in err "No space left on device"

# ---- export ----

promise "export requires --output, replaces nothing, and leaves no temporary file"
expect_exit 2 hangar export "$id"
expect_in err "-o FILE.tar.gz"
expect_exit 2 hangar export "$id" -o - --json
mkdir exports
expect_exit 0 hangar export "$id" -o exports/shop.tar.gz
[[ $(stat -c %a exports/shop.tar.gz) == 600 ]] || fail "an archive is readable by others"
echo mine >exports/taken
expect_exit 1 hangar export "$id" -o exports/taken
expect_in err "the file exists"
[[ $(<exports/taken) == mine ]] || fail "export replaced a file"
expect_exit 0 hangar export "$id" -o exports/taken --force
cmp exports/taken exports/shop.tar.gz || fail "two exports of one backup differ"
expect_exit 1 hangar export "$id" -o nowhere/shop.tar.gz
expect_exit 5 hangar export backup_2020-01-01T00-00-00-000Z -o exports/none
[[ $(ls -A exports) == $'shop.tar.gz\ntaken' ]] || fail "files left in exports: $(ls -A exports)"
hangar export latest -o - >stdout.tar.gz 2>/dev/null
cmp stdout.tar.gz exports/shop.tar.gz || fail "export to stdout"
expect_exit 0 hangar --json export "$id" -o exports/taken --force
[[ $(json 'd["schema"], d["status"], d["id"], d["sink"], d["bytes"]') == \
    "('hangar.export/1', 'done', '$id', 'local', $(stat -c %s exports/taken))" ]] || fail "$(<"$work/out")"
expect_exit 1 bash -c "'$hangar_program' -c backup.yaml export '$id' -o - >/dev/full"
expect_in err "No space left on device"

promise "standard tar unpacks an export, and sha256sum accepts it"
mkdir unpacked
tar -xzf exports/shop.tar.gz -C unpacked
[[ $(ls unpacked) == "$id" ]] || fail "more than one folder"
diff -r -x run.json -x verify "$folder" "unpacked/$id" || fail "the unpacked export differs"
(cd "unpacked/$id" && sha256sum --quiet -c SHA256SUMS) || fail "SHA256SUMS"
tar -tzf exports/shop.tar.gz >names
[[ $(head -n 1 names) == "$id/manifest.json" ]] || fail "the manifest is not first"

# ---- import ----

promise "an imported backup verifies and restores as the original does"
expect_exit 0 other import exports/shop.tar.gz
[[ $(<"$work/out") == "$id" ]] || fail "import does not print the id"
expect_exit 0 other verify "$id" --level full
diff -r -x run.json -x verify "$folder" "elsewhere/nightly/$id" || fail "the imported backup differs"
expect_exit 0 other restore "$id" --set app_db.database=target --set "cache.port=${redis_ports[2]}" --yes
same_database shop target
same_redis "${redis_ports[1]}" "${redis_ports[2]}"

promise "an existing backup is not changed"
expect_exit 0 other import exports/shop.tar.gz
expect_in err "already in local"
expect_exit 0 other verify "$id" --level full

# Removes the imported backups.
clear_other()
{
    rm -rf "$work/elsewhere" "$work/state"
}

promise "import reads standard input, and prints a document"
clear_other
other --json import - --to local --pipeline nightly <exports/shop.tar.gz >"$work/out"
[[ $(json 'd["schema"], d["status"], d["id"], d["sink"]') == \
    "('hangar.import/1', 'done', '$id', 'local')" ]] || fail "$(<"$work/out")"
expect_exit 0 other verify "$id" --level full

# accepted WHAT FILE
accepted()
{
    clear_other
    expect_exit 0 other import "$2"
    expect_exit 0 other verify "$id" --level full
    diff -r -x run.json -x verify "$folder" "elsewhere/nightly/$id" || fail "$1: the imported backup differs"
}

promise "an archive packed again by standard tar is accepted, manifest first"
(cd unpacked && tar -czf ../again.tar.gz "$id/manifest.json" --exclude="$id/manifest.json" "$id")
accepted "packed again" again.tar.gz
(cd unpacked && tar -czf ../dots.tar.gz "./$id/manifest.json" --exclude="./$id/manifest.json" "./$id")
accepted "packed again with ./" dots.tar.gz
(cd unpacked && tar --format=ustar -b 512 -cf - "$id/manifest.json" --exclude="$id/manifest.json" "$id" |
    gzip -9 >../ustar.tar.gz)
accepted "ustar with large records" ustar.tar.gz
gunzip <exports/shop.tar.gz >plain.tar
{ head -c 100000 plain.tar | gzip; tail -c +100001 plain.tar | pigz; } >members.tar.gz
accepted "a gzip of two members" members.tar.gz

promise "any other order is refused with the command to pack it"
(cd unpacked && tar -czf ../unordered.tar.gz "$id/RESTORE.txt" "$id/manifest.json")
clear_other
expect_exit 4 other import unordered.tar.gz
expect_in err "tar -czf FILE.tar.gz $id/manifest.json --exclude=$id/manifest.json $id"
nothing_there "an archive in another order"

promise "a backup of another origin, pipeline or sink is refused"
sed 's/^origin: .*/origin: somebody/' other.yaml >stranger.yaml
expect_exit 2 "$hangar_program" -c stranger.yaml import exports/shop.tar.gz
expect_in err "and this is"
expect_in err somebody
sed 's/nightly:/weekly:/' other.yaml >weekly.yaml
expect_exit 5 "$hangar_program" -c weekly.yaml import exports/shop.tar.gz
expect_exit 2 "$hangar_program" -c weekly.yaml import exports/shop.tar.gz --pipeline weekly
expect_exit 5 other import exports/shop.tar.gz --to nowhere
expect_exit 1 other import nothing.tar.gz
nothing_there "a refused import"
mkdir -p elsewhere/nightly
echo '{"origin": "somebody", "pipeline": "nightly"}' >elsewhere/nightly/origin.json
expect_exit 2 other import exports/shop.tar.gz
expect_in err "belongs to origin"
nothing_there "an import into another's place"

promise "an import during a run does not wait"
clear_other
mkdir -p state/lock
exec {lock}>state/lock/nightly.lock
flock "$lock"
expect_exit 6 other import exports/shop.tar.gz
exec {lock}>&-
nothing_there "a busy import"

promise "leftovers of a dead import are removed; a running import is not disturbed"
mkdir -p "elsewhere/nightly/$id/app_db"
echo '{"run": "r1", "pipeline": "nightly", "host": "'"$(hostname)"'"}' >"elsewhere/nightly/$id/run.json"
echo half >"elsewhere/nightly/$id/app_db/half"
expect_exit 0 other import exports/shop.tar.gz
[[ ! -e elsewhere/nightly/$id/app_db/half ]] || fail "leftovers are in a backup"
clear_other
mkdir -p "elsewhere/nightly/$id"
echo '{"run": "r1", "pipeline": "nightly", "host": "elsewhere"}' >"elsewhere/nightly/$id/run.json"
expect_exit 1 other import exports/shop.tar.gz
expect_in err "host elsewhere is storing"
[[ -e elsewhere/nightly/$id/run.json ]] || fail "the folder of another run was removed"

# refused WHAT FILE: import fails with a message, soon, with little memory, and leaves
# nothing.
refused()
{
    local status=0
    clear_other
    within_kib 1500000 timeout 60 "$hangar_program" -c other.yaml import "$2" \
        >"$work/out" 2>"$work/err" </dev/null || status=$?
    [[ $status == 4 ]] || { show_output; fail "$1: exit status $status"; }
    [[ ! -s $work/out ]] || fail "$1: an id was printed"
    ! grep -q 'gives no reason' "$work/err" || fail "$1: no clear error"
    nothing_there "$1"
}

promise "hostile archives are refused and leave nothing"
kinds=$(python3 "$e2e/forge.py" list)
while read -r kind; do
    python3 "$e2e/forge.py" "$kind" exports/shop.tar.gz "forged.tar.gz"
    refused "$kind" forged.tar.gz
    printf '%20s  %s\n' "$kind" "$(grep -v ' level=' "$work/err" | sed -n 1p)"
done <<<"$kinds"
(($(wc -l <<<"$kinds") >= 50)) || fail "forge.py has too few kinds"

promise "an archive truncated anywhere is refused"
size=$(stat -c %s exports/shop.tar.gz)
cuts=$(sweep 5 40)
for ((i = 0; i < cuts; i++)); do
    head -c $((size * i / cuts)) exports/shop.tar.gz >cut.tar.gz
    refused "cut at $i/$cuts" cut.tar.gz
done
for bytes in $(sweep "1 9" "1 4 8 9 20"); do
    head -c $((size - bytes)) exports/shop.tar.gz >cut.tar.gz
    refused "without its last $bytes bytes" cut.tar.gz
done

promise "an archive with a flipped bit is refused, or gives the identical backup"
python3 - exports/shop.tar.gz "$(sweep 6 80)" <<'END'
import random, sys
data, count = open(sys.argv[1], "rb").read(), int(sys.argv[2])
random.seed(1)
places = set(random.sample(range(24), min(24, count))) | set(random.sample(range(len(data)), count))
places |= {len(data) - n for n in random.sample(range(1, 17), min(16, count))}
for i, place in enumerate(sorted(places)):
    flipped = bytearray(data)
    flipped[place] ^= 1 << (i % 8)
    open(f"flip.{i}", "wb").write(flipped)
END
same_after=0
for flip in flip.*; do
    status=0
    clear_other
    timeout 60 "$hangar_program" -c other.yaml import "$flip" >"$work/out" 2>"$work/err" </dev/null ||
        status=$?
    if [[ $status == 0 ]]; then
        diff -r -x run.json -x verify "$folder" "elsewhere/nightly/$id" || fail "$flip: the imported backup differs"
        same_after=$((same_after + 1))
    else
        [[ $status == 4 ]] || { show_output; fail "$flip: exit status $status"; }
        nothing_there "$flip"
    fi
done
# time and system in the gzip header, padding and its checksum have no effect
((same_after < $(sweep 10 60))) || fail "$same_after flipped bits were not detected"

promise "an interrupted import leaves nothing and the next one works"
clear_other
mkfifo slow
"$hangar_program" -c other.yaml import slow >"$work/out" 2>"$work/err" &
import=$!
exec {feed}>slow
head -c $((size / 2)) exports/shop.tar.gz >&"$feed"
wait_for 90 test -e "elsewhere/nightly/$id/run.json"
kill -TERM "$import"
status=0
wait "$import" || status=$?
exec {feed}>&-
[[ $status == 143 ]] || { show_output; fail "an interrupted import ended with $status"; }
nothing_there "an interrupted import"
accepted "after an interruption" exports/shop.tar.gz

# ---- by hand ----

promise "RESTORE.txt of an unpacked export restores with standard tools alone"
dump shop >before.sql
digest=$(redis-cli -p "${redis_ports[1]}" DEBUG DIGEST)
redis_stop "$work/redis2"
mkdir tools
cat >tools/redis-server <<END
#!/bin/sh
exec $(command -v redis-server) "\$@" --port ${redis_ports[2]} --bind 127.0.0.1 \\
    --enable-debug-command yes --pidfile $work/redis2/redis.pid
END
chmod 755 tools/redis-server
pg_stop "$work"
redis_stop "$work/redis1"
pg_start "$work"
(cd "unpacked/$id" && PATH=$work/tools:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin bash RESTORE.txt) \
    >by_hand.out 2>&1 || { cat by_hand.out >&2; fail "a command of RESTORE.txt failed"; }
dump shop >after.sql
same "pg_dump before and after" before.sql after.sql
answers()
{
    [[ $(redis-cli -p "${redis_ports[2]}" PING 2>&1) == PONG ]]
}
wait_for 90 answers
[[ $(redis-cli -p "${redis_ports[2]}" DEBUG DIGEST) == "$digest" ]] || fail "the digest differs"
