#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# Ten thousand backups in one sink (five hundred without HANGAR_LONG): list, status and
# prune need bounded time and memory, and a prune removes what its plan names.  The backups
# are copies of a real one with other ids and times; their objects are hard links.
. "$(dirname "$0")/lib.sh"

count=$(sweep 500 10000)
left=$((count - count / 10))
start_redis 1
fill_redis "${redis_ports[1]}"
cat >backup.yaml <<END
version: 1
origin: here
sources:
$(redis_source cache 1)
sinks:
  local:
    plugin: storage-local
    options: { path: ./backups }
    retention: { keep_last: $left, keep_daily: 10, min_keep: 2, timezone: UTC, delete_grace: 0 }
pipelines:
  nightly: { sources: [cache], sinks: [local] }
END
make_backup

python3 - "backups/nightly/$id" "$count" <<'END'
import datetime, hashlib, os, re, sys

folder, count = sys.argv[1], int(sys.argv[2])
old = os.path.basename(folder)
with open(f"{folder}/manifest.json", encoding="utf-8") as file:
    body = file.read().rsplit(',\n  "manifest_sha256"', 1)[0]
newest = datetime.datetime.fromisoformat(re.search(r'"finished": "([^"]*)Z"', body)[1])
others = [os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder)
          for name in names if name != "manifest.json"]
for n in range(1, count):
    time = newest - datetime.timedelta(hours=n)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03}Z"
    new = "backup_" + stamp.replace(":", "-").replace(".", "-")
    text = re.sub(r'"(started|finished)": "[^"]*"', rf'"\1": "{stamp}"', body.replace(old, new))
    text += f',\n  "manifest_sha256": "{hashlib.sha256(text.encode()).hexdigest()}"\n}}\n'
    there = os.path.join(os.path.dirname(folder), new)
    for name in others:
        os.makedirs(os.path.dirname(os.path.join(there, name)), mode=0o700, exist_ok=True)
        os.link(os.path.join(folder, name), os.path.join(there, name))
    with open(os.open(f"{there}/manifest.json", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(text)
END

# within MIB SECONDS COMMAND...: the command succeeds within these limits.
within()
{
    local mib=$1 seconds=$2 peak start=$SECONDS
    shift 2
    expect_exit 0 timeout -k 5 "$seconds" python3 "$e2e/peak.py" peak "$mib" "$hangar_program" -c backup.yaml "$@"
    peak=$(($(<peak) / 1024))
    printf '   %-20s %4d MiB, %d s\n' "$*" "$peak" $((SECONDS - start))
    ((peak <= mib)) || fail "$*: $peak MiB, more than $mib"
}

promise "all $count backups are listed"
within 160 60 --json list
[[ $(grep -c '"state": "complete"' out) == "$count" ]] || fail "$(grep -c '"state"' out) are listed"
within 160 60 status
expect_output "$count"

promise "a plan for all of them removes nothing"
within 160 60 prune --dry-run
[[ $(find backups -name manifest.json | wc -l) == "$count" ]] || fail "something was removed"

promise "a prune leaves exactly the backups that the rules keep"
within 160 120 prune --yes
[[ $(find backups -name manifest.json | wc -l) == "$left" ]] ||
    fail "$(find backups -name manifest.json | wc -l) are left"
[[ $(find backups/nightly -mindepth 1 -maxdepth 1 -type d | wc -l) == "$left" ]] || fail "folders are left"
within 160 60 verify latest --level full
