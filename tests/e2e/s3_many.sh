#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# s3_many.sh [BACKUPS]: listing a bucket with many backups needs few requests, and almost
# none the second time; the number of requests of a backup does not depend on them.
. "$(dirname "$0")/lib.sh"
. "$e2e/lib_s3.sh"
backups=${1:-80}

start_s3 radosgw
make_files 10 1000
write_files_config "prefix: p"
sed -i 's/keep_last: 2/keep_last: 100000/' backup.yaml
make_backup

# counted COMMAND...: prints the number of its requests, and sets $requests
counted()
{
    s3_forget
    expect_exit 0 "$@"
    requests=$(s3_requests .)
    cut -d ' ' -f 1 "$work/s3/proxy/requests" | sort | uniq -c | sort -rn |
        awk -v what="$*" -v n="$requests" '{ ops = ops ", " $1 " " $2 } END { printf "   %s: %d requests%s\n", what, n, ops }'
}

promise "a backup of 10 objects needs only a few more requests than objects"
counted hangar backup
# run.json, origin, lease and the reads at the start of a run; each object is one request
((requests <= 10 + 20)) || fail "$requests requests for a backup of 10 objects"
alone=$requests
id=$(<out)

promise "$backups backups: each manifest is requested once"
python3 - "$e2e/../lib" "$id" "$backups" <<'END'
import datetime, hashlib, json, sys
sys.path.insert(0, sys.argv[1])
from s3 import S3, many
id, count = sys.argv[2], int(sys.argv[3])
client = S3()
manifest = client.get("backups", f"p/nightly/{id}/manifest.json")[:-92]
began = client.get("backups", f"p/nightly/{id}/run.json")
files = {name: client.get("backups", f"p/nightly/{id}/{name}") for name in ("RESTORE.txt", "SHA256SUMS")}
manifest = json.loads(manifest + b"}")  # without objects, which would only take time
for source in manifest["sources"]:
    source["objects"] = []
manifest = json.dumps(manifest, indent=2).encode()[:-2]
start = datetime.datetime(2026, 1, 1)

def copy(client, i):
    time = (start + datetime.timedelta(hours=i)).strftime("%Y-%m-%dT%H-%M-%S-000Z")
    new = f"backup_{time}"
    text = manifest.replace(id.encode(), new.encode())
    text += b',\n  "manifest_sha256": "%s"\n}\n' % hashlib.sha256(text).hexdigest().encode()
    client.put("backups", f"p/nightly/{new}/run.json", began)
    for name, data in files.items():
        client.put("backups", f"p/nightly/{new}/{name}", data)
    client.put("backups", f"p/nightly/{new}/manifest.json", text)

many(count, copy)
END
counted hangar --json list
[[ $(json 'len([b for b in d["backups"] if b["state"] == "complete"])') == $((backups + 2)) ]] ||
    fail "listed: $(json 'len(d["backups"])')"
((requests <= backups + backups / 20 + 10)) || fail "$requests requests"
counted hangar --json list
((requests <= backups / 20 + 10)) || fail "$requests requests, the second time"
counted hangar status
((requests <= backups / 20 + 20)) || fail "$requests requests of status"

promise "a backup among many needs no more requests than one alone, except for the listing"
counted hangar backup
((requests <= alone + backups / 20 + 10)) || fail "$requests requests, $alone alone"

promise "removed and damaged backups are detected in spite of the cache"
s3 remove backups "p/nightly/$id/manifest.json"
expect_exit 4 hangar --json list
[[ $(json '[b["state"] for b in d["backups"] if b["id"] == "'"$id"'"]') == "['corrupt']" ]] ||
    fail "a backup without its manifest is not listed as damaged"
s3 flip backups "p/nightly/backup_2026-01-02T00-00-00-000Z/manifest.json" 200
expect_exit 4 hangar --json list
[[ $(json '[b["state"] for b in d["backups"] if b["id"] == "backup_2026-01-02T00-00-00-000Z"]') != "['complete']" ]] ||
    fail "a damaged manifest is accepted"
