#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# Damages each object of a backup, and its manifest, one after the other: verify detects
# it, and restore refuses before it changes anything.
. "$(dirname "$0")/lib.sh"

start_pg
start_redis 2
fill_redis "${redis_ports[1]}"
write_config
make_backup
cp -r "$folder" "$work/pristine"

# flip FILE OFFSET: changes one bit.
flip()
{
    python3 - "$1" "$2" <<'END'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([byte ^ 1 << int(sys.argv[2]) % 8]))
END
}

restore()
{
    hangar restore "$id" --set app_db.database=target --set "cache.port=${redis_ports[2]}" --yes
}

untouched()
{
    [[ $(sql postgres "SELECT count(*) FROM pg_database WHERE datname = 'target'") == 0 &&
        $(redis-cli -p "${redis_ports[2]}" DBSIZE) == 0 ]] || fail "restore changed the target: $1"
}

put_back()
{
    cp "$work/pristine/$1" "$folder/$1"
}

# found WHAT OBJECT: verify reports corrupt and names the object, restore refuses.
found()
{
    expect_exit 4 hangar verify "$id" --level full
    expect_exit 4 restore
    untouched "$1"
    put_back "$2"
}

objects=$(cd "$folder" && find . -type f -name '*.gz' | sort | cut -c3-)
[[ $(wc -l <<<"$objects") -ge 4 ]] || fail "too few objects: $objects"

promise "one flipped bit anywhere in any object is detected"
while read -r object; do
    size=$(stat -c %s "$folder/$object")
    for offset in $(sweep $((size - 1)) "0 $((size / 3)) $((size - 5)) $((size - 1))"); do
        flip "$folder/$object" "$offset"
        expect_exit 4 hangar verify "$id" --level full
        expect_in out "$object"
        put_back "$object"
    done
    flip "$folder/$object" $((size / 2))
    found "flipped bit in $object" "$object"
done <<<"$objects"

promise "a truncated, extended, missing or swapped object is detected; quick detects sizes"
previous=
while read -r object; do
    size=$(stat -c %s "$folder/$object")
    for length in $(sweep 0 "0 $((size / 2)) $((size - 1))"); do
        truncate -s "$length" "$folder/$object"
        expect_exit 4 hangar verify "$id" --level quick
        put_back "$object"
    done
    printf '\0' >>"$folder/$object"
    expect_exit 4 hangar verify "$id" --level quick
    put_back "$object"
    if [[ -z $previous || -n ${HANGAR_LONG:-} ]]; then
        truncate -s $((size - 1)) "$folder/$object"
        found "truncated $object" "$object"
        printf '\0' >>"$folder/$object"
        found "extended $object" "$object"
        rm "$folder/$object"
        expect_exit 4 hangar verify "$id" --level quick
        found "removed $object" "$object"
    fi
    if [[ -n $previous ]]; then
        cp "$folder/$previous" "$folder/$object"
        found "swapped $object" "$object"
    fi
    previous=$object
done <<<"$objects"

promise "a manifest with a flipped bit or truncated is never used for a restore"
size=$(stat -c %s "$folder/manifest.json")
flips=$(sweep 4 20)
for ((i = 0; i < flips; i++)); do
    flip "$folder/manifest.json" $((size * i / flips))
    cmp -s "$work/pristine/manifest.json" "$folder/manifest.json" && fail "no bit was flipped"
    expect_exit 4 hangar verify "$id" --level full
    expect_exit 4 restore
    untouched "flipped bit $i in the manifest"
    put_back manifest.json
done
for length in $(sweep "0 $((size - 2))" "0 1 $((size / 2)) $((size - 2))"); do
    truncate -s "$length" "$folder/manifest.json"
    expect_exit 4 hangar verify "$id" --level quick
    expect_exit 4 restore
    untouched "truncated manifest"
    put_back manifest.json
done

promise "a backup that has lost its manifest is damaged: never restored, never a leftover"
expect_exit 0 hangar hold "$id"
sed -i 's|path: ./backups }|&, retention: { keep_last: 1, min_keep: 1, delete_grace: 0 } |' backup.yaml
find "$folder" -exec touch -d '30 days ago' {} +
files=$(find "$folder" -type f | wc -l)
# lost, overwritten by nothing, or by the mark of a dead run: one object is enough for that
for ((i = 0; i < 3; i++)); do
    case $i in
    0) rm "$folder/manifest.json" ;;
    1) : >"$folder/manifest.json" ;;
    2) printf '{ "hangar": "abandoned" }\n' >"$folder/manifest.json" ;;
    esac
    [[ ! -e $folder/manifest.json ]] || touch -d '30 days ago' "$folder/manifest.json"
    expect_exit 4 hangar --json list
    [[ $(json '[b["state"] for b in d["backups"]]') == "['corrupt']" ]] || fail "not listed as damaged"
    expect_exit 4 restore
    expect_exit 0 hangar --json prune --dry-run
    [[ $(json 'd["sinks"][0]["leftovers"]') == "[]" ]] || fail "it counts as a leftover"
    expect_exit 0 hangar prune --yes
    expect_exit 0 hangar prune --yes
    [[ $(find "$folder" -type f ! -name manifest.json | wc -l) == $((files - 1)) ]] ||
        fail "prune removed a held backup without a manifest"
    put_back manifest.json
done
expect_exit 0 hangar unhold "$id"

promise "once repaired, the backup verifies and restores"
expect_exit 0 hangar verify "$id" --level full
expect_exit 0 restore
same_database shop target
same_redis "${redis_ports[1]}" "${redis_ports[2]}"
