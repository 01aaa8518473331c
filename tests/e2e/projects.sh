#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# Several configurations of one user: two projects with a pipeline of the same name share neither
# lock nor history nor alerts; restore.yaml beside backup.yaml shares all of it.
. "$(dirname "$0")/lib.sh"

cp "$HANGAR_BUILD"/lib/test-plugins/hangar-*.so plugins/
chmod 755 plugins/*

# project FOLDER [FILE] [OPTIONS of the source] [more KEYS of the pipeline]
project()
{
    mkdir -p "$1"
    cat >"$1/${2:-backup.yaml}" <<END
version: 1
sources: { db: { plugin: test-source, options: { ${3:-objects: 1} } } }
sinks: { local: { plugin: storage-local, options: { path: ./backups } } }
pipelines: { nightly: { sources: [db], sinks: [local]${4:-} } }
END
}
in_project() { local at=$1; shift; "$hangar_program" -c "$work/$at" "$@"; }
last_run() { in_project "$1" status --json | python3 -c '
import json, sys
run = json.load(sys.stdin)["pipelines"][0]["last_run"]
print(run["status"] if run else "none")'; }
last_is() { [[ $(last_run "$1") == "$2" ]] || fail "the last run of $1 is $(last_run "$1"), not $2"; }

runs_in() { find "$1/backups" -name run.json -newer "$1/hold" 2>/dev/null | grep -q .; }

promise "two projects with a pipeline of one name run at the same time, each with its own history"
project a backup.yaml "objects: 1, hold: ./hold"
touch a/hold
project b
in_project a/backup.yaml backup nightly >/dev/null 2>&1 &
running=$!
wait_for 90 runs_in a
expect_exit 0 in_project b/backup.yaml backup nightly
rm a/hold
wait "$running"
project b backup.yaml "objects: 1, fail_at: read"
expect_exit 1 in_project b/backup.yaml backup nightly
last_is a/backup.yaml "done"
last_is b/backup.yaml failed
in_project b/backup.yaml alerts --dry-run >out 2>&1 || true
expect_in out "last run failed"
in_project a/backup.yaml alerts --dry-run >out 2>&1 || true
! grep -q "last run failed" out || fail "the alert of b is one of a: $(cat out)"

promise "a second configuration with a sink of the first shares its lock and its history"
project a backup.yaml "objects: 1, hold: ./hold"
touch a/hold
project a restore.yaml
in_project a/backup.yaml backup nightly >/dev/null 2>&1 &
running=$!
wait_for 90 runs_in a
expect_exit 6 in_project a/restore.yaml backup nightly
rm a/hold
wait "$running"
last_is a/restore.yaml "done"

promise "a host whose pipeline has another name reports what the sink holds, and exits with 5"
mkdir c
sed 's/nightly/daily/; s#./backups#../a/backups#' a/restore.yaml >c/backup.yaml
expect_exit 5 in_project c/backup.yaml list
expect_output "sink local holds backups of nightly (origin $(hostname))"
expect_exit 5 in_project c/backup.yaml restore latest
expect_output "there is no backup of this configuration, but sink local holds backups of nightly"
sed -i 's#../a/backups#./empty#' c/backup.yaml
expect_exit 0 in_project c/backup.yaml list
expect_output "no backups yet"

promise "the history shows the last jobs of one project, newest first"
expect_exit 0 in_project a/backup.yaml verify latest --level full
in_project b/backup.yaml history --json >jobs.json
in_project a/backup.yaml history --last 2 --json >last.json
python3 -c '
import json
jobs = json.load(open("jobs.json"))["jobs"]
assert [(j["job"], j["status"]) for j in jobs] == [("backup", "failed"), ("backup", "done")], jobs
assert "cannot read" in jobs[0]["error"] and jobs[1]["id"], jobs
last = json.load(open("last.json"))["jobs"]
assert [j["job"] for j in last] == ["verify", "backup"], last
assert all(j["pipeline"] == "nightly" for j in jobs + last)'
expect_exit 0 in_project b/backup.yaml history nightly
expect_in out "cannot read"
expect_exit 2 in_project b/backup.yaml history --last many
expect_exit 5 in_project b/backup.yaml history nowhere

promise "a renamed configuration finds its history"
mv b/backup.yaml b/production.yaml
last_is b/production.yaml failed

promise "the state that 0.1 left is that of the first configuration with its pipeline"
rm -rf state
mkdir -p state/history
echo '{"run":"r","id":null,"status":"failed","started":"2026-01-15T02:00:00.000Z","duration_ms":1}' \
    >state/history/nightly.jsonl
last_is a/backup.yaml failed
expect_exit 0 in_project a/restore.yaml backup nightly
last_is a/backup.yaml "done"
last_is b/production.yaml none

promise "a backup of some sources is partial: neither latest nor last run, whatever its tags"
mkdir d
cat >d/backup.yaml <<END
version: 1
sources:
  db: { plugin: test-source, options: { objects: 1 } }
  cache: { plugin: test-source, options: { objects: 1 } }
sinks:
  local: { plugin: storage-local, options: { path: ./backups }, retention: { keep_last: 1 } }
  other: { plugin: storage-local, options: { path: ./other }, required: false }
pipelines: { nightly: { sources: [db, cache], sinks: [local, other] } }
END
expect_exit 0 in_project d/backup.yaml backup nightly --only cache
expect_exit 5 in_project d/backup.yaml restore latest --dry-run
expect_output "there is no backup of all sources yet"
expect_exit 7 in_project d/backup.yaml health
expect_exit 0 in_project d/backup.yaml backup --tag release=1.2 --tag before-upgrade
full=$(<out)
expect_exit 0 in_project d/backup.yaml backup nightly --only cache --tag test
partial=$(<out)
expect_exit 0 in_project d/backup.yaml list
[[ $(grep "$full" out) == *"release=1.2, before-upgrade" ]] || fail "no tags: $(<out)"
[[ $(grep "$partial" out) == *"complete, partial"*test ]] || fail "not partial: $(<out)"
expect_exit 0 in_project d/backup.yaml show latest
expect_in out "$full of nightly"
expect_in out "release=1.2"
expect_exit 0 in_project d/backup.yaml show "$partial"
expect_in out "a partial backup"
in_project d/backup.yaml status --json | python3 -c '
import json, sys
p = json.load(sys.stdin)["pipelines"][0]
assert p["last_run"]["id"] == p["sinks"][0]["newest"] == sys.argv[1], p' "$full"
expect_exit 0 in_project d/backup.yaml list --tag release=1.2 --json
python3 -c '
import json, sys
doc = json.load(open("out"))
assert doc["tag"] == "release=1.2", doc
assert [(b["id"], b["kind"], b["tags"]) for b in doc["backups"]] == [
    (sys.argv[1], "backup", ["release=1.2", "before-upgrade"])], doc' "$full"
expect_exit 0 in_project d/backup.yaml list --tag nothing
expect_output "no backup has the tag nothing"
expect_exit 2 in_project d/backup.yaml backup nightly --only nothing
expect_output "pipeline nightly has no source nothing"
expect_exit 2 in_project d/backup.yaml backup --tag "a b"
expect_output 'invalid tag "a b"'

promise "a failure is printed once, and a name is not repeated"
mkdir e
sed 's#path: ./other#path: ./file/other#; s#, required: false##' d/backup.yaml >e/backup.yaml
: >e/file
expect_exit 1 in_project e/backup.yaml backup
[[ $(grep -c 'cannot .*file/other' err) == 2 ]] || fail "not just sink.failed and backup.failed: $(<err)"
[[ $(grep -c '^hangar: ' err) == 0 ]] || fail "the reason is repeated: $(<err)"
find e/backups -path '*/db/*' -type f -delete
expect_exit 4 in_project e/backup.yaml verify latest --from local
expect_exit 4 in_project e/backup.yaml list --from local
[[ $(grep -c 'db/' err) == 1 ]] || fail "not once: $(<err)"
expect_exit 0 in_project e/backup.yaml alerts --dry-run
expect_in out "in sink local: "
cat out err | grep -E 'sink (local|other): sink|sink (local|other).* sink \1: ' && fail "a name twice"

promise "retention of one keeps the whole backup and the partial one, which every command accepts"
expect_exit 0 in_project d/backup.yaml prune --dry-run
expect_in out "newest partial backup"
expect_exit 0 in_project d/backup.yaml verify "$partial" --level full
expect_exit 0 in_project d/backup.yaml restore "$partial" --dry-run
grep -q '^# A partial backup' "d/backups/nightly/$partial/RESTORE.txt" || fail "RESTORE.txt"
expect_exit 0 in_project d/backup.yaml export "$partial" -o d/partial.tar.gz
rm -r "d/other/nightly/$partial"
expect_exit 0 in_project d/backup.yaml copy "$partial" --from local --to other
cmp "d/backups/nightly/$partial/manifest.json" "d/other/nightly/$partial/manifest.json"
rm "d/other/nightly/$partial/manifest.json"
expect_exit 0 in_project d/backup.yaml repair "$partial"
cmp "d/backups/nightly/$partial/manifest.json" "d/other/nightly/$partial/manifest.json"
rm -r "d/other/nightly/$partial"
expect_exit 0 in_project d/backup.yaml import d/partial.tar.gz --to other
cmp "d/backups/nightly/$partial/manifest.json" "d/other/nightly/$partial/manifest.json"
