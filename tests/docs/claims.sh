#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# claims.sh: makes what claims.py compares with the documents: one JSON document of each kind, and
# metrics, of a project whose plugins need no server.
. "$(dirname "$0")/../e2e/lib.sh"

cp "$HANGAR_BUILD"/lib/test-plugins/hangar-*.so plugins/
chmod 755 plugins/*
cat >backup.yaml <<'END'
version: 1
sources: { db: { plugin: test-source, options: { objects: 1 } } }
transforms: { gzip: { plugin: compress-gzip } }
sinks:
  local: { plugin: storage-local, options: { path: ./backups }, retention: { keep_last: 1 } }
  other: { plugin: storage-local, options: { path: ./other }, retention: { keep_last: 9 } }
notifiers:
  program:
    plugin: notify-command
    options: { command: [cat] }
pipelines:
  nightly: { sources: [db], transforms: [gzip], sinks: [local, other], schedule: "@daily" }
END
mkdir output

# document NAME ARGUMENT...: also that of a command that fails
document()
{
    local name=$1
    shift
    hangar --json "$@" >"output/$name.json" 2>err || [[ -s output/$name.json ]] || fail "$name"
}

document check check
document backup backup --tag test
document second backup
document list list
document show show latest
document full verify latest --level full
document status status -v
document history history
document health health
document restore restore latest --yes
document prune prune --yes
document hold hold latest
document unhold unhold latest
document alerts alerts
document notify notify
document repair repair latest
document copy copy --missing --from other --to local
document export export latest -o archive.tar.gz
document import import archive.tar.gz --to local
document plugins plugin list
document version version
document init init new.yaml
document error show nothing
document remove remove "$(hangar list | awk 'END { print $1 }')" --yes
document metrics metrics
hangar metrics >output/metrics.txt
python3 "$repository/tests/docs/claims.py" "$repository" "$hangar_program" output
