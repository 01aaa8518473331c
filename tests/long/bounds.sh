#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# The memory limit holds for large data: a table of 2 GB, a row and a key of 200 MB each, and
# 3000 tables.  The kernel refuses more memory (see peak.py).  No temporary file is left.
# It needs 8 GB of disk.  `--summary FILE` appends the numbers to FILE.
. "$(dirname "$0")/../e2e/lib.sh"

summary=/dev/null
[[ ${1:-} != --summary ]] || summary=$2
budget_mib=64 overhead_mib=32 row_mib=200 tried=0

pg_start "$work"
start_redis 2
for name in table row many; do
    createdb "$name"
done
sql table "CREATE TABLE t AS SELECT i, repeat(md5(i::text), 63) AS text FROM generate_series(1, 1050000) AS i"
sql row "CREATE TABLE t AS SELECT repeat('x', ${row_mib} * 1000000) AS text"
sql many "DO \$\$ BEGIN FOR i IN 1..3000 LOOP EXECUTE format('CREATE TABLE t%s AS SELECT %s AS i', i, i);
    IF i % 200 = 0 THEN COMMIT; END IF; END LOOP; END \$\$"
redis-cli -p "${redis_ports[1]}" SETRANGE large $((row_mib * 1000000 - 1)) x >/dev/null

# within MIB WHAT COMMAND...: the command succeeds with at most MIB of memory, and leaves no
# temporary file.
within()
{
    local mib=$1 what=$2 peak
    shift 2
    mkdir -p tmp
    TMPDIR=$work/tmp expect_exit 0 python3 "$e2e/peak.py" peak "$mib" "$hangar_program" -c backup.yaml "$@"
    peak=$(($(<peak) / 1024))
    printf '   %-36s %4d MiB of %d\n' "$what" "$peak" "$mib"
    ((peak <= mib)) || fail "$what: $peak MiB (limit $mib MiB)"
    [[ -z $(ls tmp) ]] || fail "$what left $(ls tmp)"
    tried=$((tried + 1))
}

{
    echo "version: 1"
    echo "limits: { memory: ${budget_mib}MiB }"
    echo "sources:"
    for name in table row many; do
        pg_source "$name" "$name"
    done
    redis_source large 1
    echo "transforms: { gzip: { plugin: compress-gzip, options: { level: 1 } } }"
    echo "sinks: { local: { plugin: storage-local, options: { path: ./backups } } }"
    echo "pipelines:"
    for name in table row many large; do
        echo "  $name: { sources: [$name], transforms: [gzip], sinks: [local] }"
    done
} >backup.yaml

promise "the memory limit holds, plus three copies of the largest row in libpq"
for name in table row many large; do
    most=$((budget_mib + overhead_mib))
    [[ $name != row ]] || most=$((most + 3 * row_mib))
    within "$most" "$name: backup" backup "$name"
    id=$(<out)
    within "$most" "$name: verify" verify "$id" --level full
    if [[ $name == large ]]; then
        within "$most" "$name: restore" restore "$id" --set "large.port=${redis_ports[2]}" --yes
        same_redis "${redis_ports[1]}" "${redis_ports[2]}"
        continue
    fi
    within "$most" "$name: restore" restore "$id" --set "$name.database=again" --yes
    if [[ $name == many ]]; then
        [[ $(sql again "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 3000 ]] || fail "not all tables were restored"
    else
        [[ $(sql again "SELECT count(*), sum(length(text)) FROM t") == \
            $(sql "$name" "SELECT count(*), sum(length(text)) FROM t") ]] || fail "not all rows were restored"
    fi
    sql postgres "DROP DATABASE again"
    rm -rf backups state
done
printf 'bounds of memory\t%d\t0\t0\n' "$tried" >>"$summary"
