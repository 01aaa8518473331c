#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# Several pipelines, instances and sinks; optional sinks; no transforms.
. "$(dirname "$0")/lib.sh"

start_pg
createdb second
sql second "CREATE TABLE t AS SELECT i, 'row ' || i AS text FROM generate_series(1, 1000) AS i"
start_redis 2
fill_redis "${redis_ports[1]}"
redis-cli -p "${redis_ports[2]}" SET only here >/dev/null
mkdir gone
cat >backup.yaml <<END
version: 1
sources:
$(pg_source app_db shop)
$(pg_source other_db second)
$(redis_source cache 1)
$(redis_source cache2 2)
transforms:
  gzip: { plugin: compress-gzip }
  dense: { plugin: compress-gzip, options: { level: 9 } }
sinks:
  near: { plugin: storage-local, options: { path: ./near } }
  far: { plugin: storage-local, options: { path: ./far } }
  maybe: { plugin: storage-local, required: false, options: { path: ./gone/x } }
pipelines:
  all: { sources: [app_db, other_db, cache, cache2], transforms: [gzip], sinks: [near, far] }
  plain: { sources: [other_db, cache2], transforms: [], sinks: [near] }
  small: { sources: [cache2], transforms: [dense], sinks: [near, maybe] }
END

promise "all pipelines run, one id each, in the order of the file"
expect_exit 0 hangar backup
mapfile -t ids <out
[[ ${#ids[@]} == 3 ]] || { show_output; fail "three pipelines, ${#ids[@]} ids"; }
expect_exit 0 hangar verify --all --level full

promise "two sinks store identical bytes"
diff -r -x verify "near/all/${ids[0]}" "far/all/${ids[0]}" || fail "the sinks differ"

promise "list names the sinks of each backup"
expect_exit 0 hangar --json list --pipeline all
[[ $(json '[(b["id"], sorted(b["sinks"])) for b in d["backups"]]') == \
    "[('${ids[0]}', ['far', 'near'])]" ]] || { show_output; fail "list"; }

promise "without transforms the objects are stored plain"
[[ -z $(find near/plain -name '*.gz') ]] || fail "$(find near/plain -name '*.gz')"
head -c 5 "$(find near/plain -name '*.rdb')" | grep -q REDIS || fail "not an RDB file"

promise "each pipeline restores on its own; latest requires --pipeline"
expect_exit 2 hangar restore latest --yes
expect_exit 0 hangar restore latest --pipeline plain --only other_db \
    --set other_db.database=second_again --yes
same_database second second_again

promise "when one sink is lost, the other one is used for a restore"
rm -rf near/all
expect_exit 0 hangar restore "${ids[0]}" --only app_db --set app_db.database=shop_again --yes
same_database shop shop_again
expect_exit 0 hangar restore "${ids[0]}" --from far --only other_db \
    --set other_db.database=third --yes
same_database second third

promise "a failing optional sink makes the run degraded, exit 3; the other sink has the backup"
rm -rf gone/x
touch gone/x
expect_exit 3 hangar backup small
id=$(<out)
expect_in err maybe
expect_exit 0 hangar verify "$id" --from near --level full

promise "--json names the sink that failed"
expect_exit 3 hangar --json backup small
[[ $(json '[(s["name"], s["status"]) for s in (d if "sinks" in d else d["runs"][0])["sinks"]]') == \
    "[('near', 'done'), ('maybe', 'failed')]" ]] || { show_output; fail "status of the sinks"; }

promise "a failing required sink fails the run, and no sink lists an incomplete backup"
sed -i 's/required: false, //' backup.yaml
before=$(find near/small -name manifest.json | wc -l)
expect_exit 1 hangar backup small
[[ $(find near/small -name manifest.json | wc -l) -le $((before + 1)) ]] || fail "too many backups"
expect_exit 0 hangar verify --all --pipeline plain --level full

promise "with several pipelines the worst exit status counts, and the others run"
expect_exit 1 hangar backup
[[ $(grep -c '^backup_' out) -ge 2 ]] || { show_output; fail "the good pipelines made no backup"; }
