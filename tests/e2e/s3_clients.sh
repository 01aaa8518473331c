#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# s3_clients.sh [KIND]: rclone copies what hangar stored, to a disk and to another bucket,
# and hangar restores from the copies.  The bucket contains foreign keys of all kinds.
. "$(dirname "$0")/lib.sh"
. "$e2e/lib_s3.sh"
kind=${1:-radosgw}

start_s3 "$kind"
s3 make-bucket copies
make_files 3 50000
head -c 11000000 /dev/urandom >files/long
write_files_config "part_size: 5MiB, prefix: \"a b+c/ü&d='e'(1)\""

cat >rclone.conf <<END
[store]
type = s3
provider = Other
endpoint = $S3_ENDPOINT
access_key_id = $S3_ACCESS_KEY
secret_access_key = $S3_SECRET_KEY
region = $S3_REGION
force_path_style = true
END
rclone()
{
    command rclone --config rclone.conf --s3-no-check-bucket --retries 2 "$@" >rclone.out 2>&1 ||
        { cat rclone.out >&2; fail "rclone $*"; }
}

promise "foreign keys with names of all kinds are neither listed nor touched"
python3 - "$e2e/../lib" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from s3 import S3, many
prefix = "a b+c/ü&d='e'(1)/nightly/"
names = ["x y", "a+b", "ü", "<&>\"'", "%41", "a?b#c", "a\\b", "~", ".", "..x", "a//b", "=", "*", "é" * 100,
         "backup_2026", "backup_2026-01-15T02-00-00-000Z.txt", "tab\there", "z" * 200]
client = S3()
for name in names:
    client.put("backups", prefix + name, b"foreign")
many(1100, lambda one, i: one.put("backups", f"{prefix}many/{i:05}", b""))
END
stored | sort >foreign
(($(wc -l <foreign) == 1118)) || fail "$(wc -l <foreign) foreign keys"
make_backup
[[ $(listed) == "$id" ]] || { show_output; fail "listed: $(listed)"; }
expect_exit 0 hangar verify "$id" --level full
for ((i = 0; i < 3; i++)); do
    expect_exit 0 hangar backup
done
id=$(<out)
(($(listed | wc -l) == 2)) || fail "retention: $(listed)"
expect_exit 0 hangar prune --yes
stored | sort >now
[[ -z $(comm -23 foreign now) ]] || fail "removed foreign keys: $(comm -23 foreign now)"

promise "rclone copies a backup to a disk, from which it is restored"
rclone copy "store:backups/a b+c/ü&d='e'(1)/nightly/$id" "backups/nightly/$id"
(cd "backups/nightly/$id" && sha256sum --quiet -c SHA256SUMS)
rclone copyto "store:backups/a b+c/ü&d='e'(1)/nightly/origin.json" backups/nightly/origin.json
cat >backup.yaml <<END
version: 1
sources:
$(files_source data)
sinks:
  local: { plugin: storage-local, options: { path: ./backups } }
$(s3_sink copy "bucket: copies, prefix: second")
pipelines:
  nightly: { sources: [data], sinks: [local, copy] }
END
sed -i 's/bucket: backups, \(.*\)bucket: copies/\1bucket: copies/' backup.yaml
chmod -R go= backups
[[ $(listed) == "$id" ]] || { show_output; fail "not listed"; }
expect_exit 0 restore_files "$id" --from local
restored || fail "the restored data differs"

promise "rclone copies a backup to another bucket, from which it is restored"
rclone copy --s3-chunk-size 5Mi --s3-upload-cutoff 5Mi backups store:copies/second
rclone check backups store:copies/second
[[ $(listed --from copy) == "$id" ]] || { show_output; fail "not listed"; }
expect_exit 0 hangar verify "$id" --level full --from copy
expect_exit 0 restore_files "$id" --from copy
restored || fail "the restored data differs"
