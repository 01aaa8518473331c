#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# With a signing key only backups that it has signed are trusted: unsigned, altered, moved
# and forged backups with recomputed hashes (forge.py) are corrupt for list, verify,
# restore and import.  With the key, openssl can check a signature.
. "$(dirname "$0")/lib.sh"

start_pg
start_redis 2
fill_redis "${redis_ports[1]}"
write_config
cp backup.yaml unsigned.yaml
(umask 077; openssl rand -hex 32 >first.key; openssl rand -hex 32 >second.key)

# use_key TEXT: writes a configuration with this `signing:`
use_key()
{
    { cat unsigned.yaml; echo "signing: $1"; } >backup.yaml
}

without_key()
{
    "$hangar_program" -c "$work/unsigned.yaml" "$@"
}

state_of()
{
    expect_exit "$1" hangar --json list
    json "[b['state'] for b in d['backups'] if b['id'] == '$2'][0]"
}

# not_trusted WHAT TEXT: each command that reads the backup $id refuses it with TEXT.
not_trusted()
{
    [[ $(state_of 4 "$id") == corrupt ]] || { show_output; fail "$1: list accepts it"; }
    expect_in "$work/out" "$2"
    expect_exit 4 hangar verify "$id"
    expect_output "$2"
    expect_exit 4 hangar verify "$id" --level full
    expect_exit 4 hangar restore "$id" --set app_db.database=target --yes
    expect_in "$work/err" "$2"
    [[ $(sql postgres "SELECT count(*) FROM pg_database WHERE datname = 'target'") == 0 ]] ||
        fail "$1: it was restored"
    expect_exit 4 hangar cat "$id" cache/dump.rdb
    expect_exit 4 hangar export "$id" -o refused.tar.gz
    [[ ! -e refused.tar.gz ]] || fail "$1: it was exported"
    expect_exit 4 hangar show "$id"
}

promise "without a key nothing is signed; with a key, such backups are not trusted"
make_backup
[[ ! -e $folder/manifest.json.sig ]] || fail "signed without a key"
use_key '{ key_file: first.key }'
not_trusted "unsigned" "unsigned"

promise "with a key the signature is stored before the manifest"
make_backup
expect_in "$folder/manifest.json.sig" "hmac-sha256 "
[[ $(state_of 4 "$id") == complete ]] || fail "a signed backup is not trusted"
expect_exit 0 hangar verify "$id" --level full
(cd "$folder" && sha256sum --quiet -c SHA256SUMS) || fail "SHA256SUMS"
cp -r "$folder" "$work/pristine"
put_back()
{
    rm -rf "$folder"
    cp -r "$work/pristine" "$folder"
}

promise "openssl computes the same signature and key-id"
key=$(<first.key)
hex=$(printf %s "$key" | od -An -v -tx1 | tr -d ' \n')
hmac=$(openssl dgst -sha256 -mac HMAC -macopt "hexkey:$hex" "$folder/manifest.json")
key_id=$(printf %s "$key" | sha256sum | cut -c1-8)
[[ $(<"$folder/manifest.json.sig") == "hmac-sha256 ${hmac##* } key-id $key_id" ]] ||
    fail "$(<"$folder/manifest.json.sig") is not ${hmac##* } by $key_id"

promise "a signed backup restores the same data"
expect_exit 0 hangar restore "$id" --set app_db.database=signed --set "cache.port=${redis_ports[2]}" --yes
same_database shop signed

promise "the key is neither printed nor stored"
expect_exit 0 hangar --json -v backup
cat "$work/out" "$work/err" >seen
expect_exit 0 hangar --json status
cat "$work/out" "$work/err" >>seen
find backups state -type f -exec cat {} + >>seen
! grep -qaF -e "$key" seen || fail "the key is visible"

promise "a missing, altered, truncated or foreign signature is detected"
rm "$folder/manifest.json.sig"
not_trusted "no signature" "unsigned"
put_back
for offset in $(sweep "0 40 88" "0 12 40 75 77 88 95"); do
    python3 - "$folder/manifest.json.sig" "$offset" <<'END'
import sys
text = bytearray(open(sys.argv[1], "rb").read())
at = min(int(sys.argv[2]), len(text) - 2)
text[at] = ord("1") if text[at] == ord("0") else ord("0")
open(sys.argv[1], "wb").write(text)
END
    expect_exit 4 hangar restore "$id" --yes
    put_back
done
for length in $(sweep "0 95" "0 1 80 95"); do
    truncate -s "$length" "$folder/manifest.json.sig"
    expect_exit 4 hangar restore "$id" --yes
    put_back
done
head -c 100000 /dev/zero >"$folder/manifest.json.sig"
expect_exit 4 hangar verify "$id"
put_back
other_folder=$(find backups/nightly -mindepth 1 -maxdepth 1 -type d | sort | tail -n 1)
[[ $other_folder != *"$id" ]] || fail "there is no later backup"
cp "$other_folder/manifest.json.sig" "$folder/manifest.json.sig"
not_trusted "another's signature" "signature mismatch"
put_back

promise "a backup moved to the place of another one is detected"
cp "$other_folder"/manifest.json* "$folder/"
expect_exit 4 hangar restore "$id" --yes
put_back

promise "another key refuses the backups and names their key; old_key_files accepts it"
use_key '{ key_file: second.key }'
not_trusted "another key" "signature mismatch: signed with another key (key-id $key_id"
use_key '{ key_file: second.key, old_key_files: [first.key] }'
[[ $(state_of 4 "$id") == complete ]] || fail "an old key is not accepted"
expect_exit 0 hangar verify "$id" --level full
signed_before=$id
make_backup
expect_in "$folder/manifest.json.sig" "key-id $(printf %s "$(<second.key)" | sha256sum | cut -c1-8)"
id=$signed_before
folder=backups/nightly/$id

promise "the key can come from a command, a credential, or a variable"
use_key '{ key_command: [cat, first.key] }'
expect_exit 0 hangar verify "$id"
CREDENTIALS_DIRECTORY=$work use_key '{ key_credential: first.key }'
CREDENTIALS_DIRECTORY=$work expect_exit 0 hangar verify "$id"
# shellcheck disable=SC2016 # for hangar to expand
use_key '{ key: "${SIGNING_KEY}" }'
SIGNING_KEY=$key expect_exit 0 hangar verify "$id"

promise "a bad key is refused before anything is done"
use_key '{ key: short }'
expect_exit 2 hangar check
expect_in "$work/err" "at least 16 bytes"
expect_in "$work/err" "backup.yaml:"
use_key ''
expect_exit 2 hangar list
expect_in "$work/err" 'signing has no value'
use_key '{ kye_file: first.key }'
expect_exit 2 hangar list
expect_in "$work/err" "did you mean"
printf tooshort >short.key
chmod 600 short.key
use_key '{ key_file: short.key }'
expect_exit 2 hangar backup
expect_in "$work/err" "at least 16 bytes"
use_key '{ key_file: missing.key }'
expect_exit 8 hangar list
use_key '{ key_file: first.key, old_key_files: [missing.key] }'
expect_exit 8 hangar list
chmod 644 second.key
use_key '{ key_file: second.key }'
expect_exit 8 hangar backup
expect_in "$work/err" "chmod 600"
expect_exit 8 hangar check # reports it with the other checks
expect_in "$work/out" "chmod 600"
expect_in "$work/out" "1 of"
chmod 600 second.key

promise "without a key signatures are not checked, and verify reports that"
expect_exit 0 without_key verify "$id" --level full
expect_in "$work/err" "its signature was not checked"
expect_exit 0 without_key verify "$id" --level quick
expect_not_in "$work/err" "its signature was not checked"

# ---- a forged backup with correct hashes ----

use_key '{ key_file: first.key }'
expect_exit 0 hangar export "$id" -o good.tar.gz
tar -tzf good.tar.gz >names
grep -qx "$id/manifest.json.sig" names || fail "the signature is not exported"
python3 "$e2e/forge.py" forged good.tar.gz forged.tar.gz
mkdir forged
tar -xzf forged.tar.gz -C forged
(cd "forged/$id" && sha256sum --quiet -c SHA256SUMS) || fail "the forgery is not good enough"

promise "a forged manifest is refused with a key, and accepted without"
rm "$folder"/manifest.json* "$folder/SHA256SUMS"
cp -r "forged/$id/." "$folder/"
expect_exit 0 without_key verify "$id" --level full
not_trusted "forged" "signature mismatch"
rm "$folder/manifest.json.sig"
not_trusted "forged and unsigned" "unsigned"
put_back

promise "import checks the signature"
sed -i 's|\./backups|./elsewhere|' backup.yaml unsigned.yaml
expect_exit 4 hangar import forged.tar.gz
expect_in "$work/err" "signature mismatch"
[[ -z $(find elsewhere -type f 2>/dev/null) ]] || fail "a forged import left files"
(cd forged && rm "$id/manifest.json.sig" &&
    tar -czf ../unsigned.tar.gz "$id/manifest.json" --exclude="$id/manifest.json" "$id")
expect_exit 4 hangar import unsigned.tar.gz
expect_in "$work/err" "unsigned"
[[ -z $(find elsewhere -type f 2>/dev/null) ]] || fail "an unsigned import left files"
# a manifest of 63 MiB that becomes 5 GB when it is parsed, in an archive of 65 kB
python3 - "$id" <<'END'
import hashlib, io, sys, tarfile
text = b"[" + b"{}," * (63 * 2**20 // 3) + b"{}"
text += b',\n  "manifest_sha256": "%s"\n}\n' % hashlib.sha256(text).hexdigest().encode()
with tarfile.open("bomb.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as tar:
    for name, data in ("manifest.json", text), ("manifest.json.sig", b"hmac-sha256 %s key-id %s\n" % (b"0" * 64, b"0" * 8)):
        info = tarfile.TarInfo(f"{sys.argv[1]}/{name}")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
END
# limited_import COMMAND: with 1 GB of memory
limited_import()
{
    within_kib 1000000 "$1" import bomb.tar.gz
}
expect_exit 4 limited_import hangar
expect_in "$work/err" "signature mismatch"
expect_exit 4 limited_import without_key
expect_in "$work/err" "more than 2000000 values, or 500000 lists and maps"
[[ -z $(find elsewhere -type f 2>/dev/null) ]] || fail "a bomb left files"
mkdir late && tar -xzf good.tar.gz -C late
(cd late && tar -czf ../late.tar.gz "$id/manifest.json" --exclude="$id/manifest.json" "$id/RESTORE.txt" "$id")
expect_exit 4 hangar import late.tar.gz
expect_in "$work/err" "manifest.json.sig does not follow manifest.json; hint: pack"
(cd late && tar -czf ../packed.tar.gz "$id"/manifest.json{,.sig} --exclude="$id"/manifest.json{,.sig} "$id")
expect_exit 0 hangar import packed.tar.gz
rm -rf elsewhere state/sinks # an emptied sink is a new one
expect_exit 0 hangar import good.tar.gz
expect_exit 0 hangar verify "$id" --level full
cmp "elsewhere/nightly/$id/manifest.json.sig" "$work/pristine/manifest.json.sig" ||
    fail "the signature was not imported"
expect_exit 0 hangar restore "$id" --set app_db.database=imported --only app_db --yes
same_database shop imported
rm -rf elsewhere state/sinks # an emptied sink is a new one
expect_exit 0 without_key import good.tar.gz
[[ -e elsewhere/nightly/$id/manifest.json.sig ]] || fail "without a key the signature is lost"
