# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# databases.sh: which databases of a server the options mean for a backup and for a restore:
# names, patterns, "all", exclusions, and new names.
. "$(dirname "$0")/lib.sh"

line=$'new\nline'
odd="Ödd \"q\" 'a'=b"

setup() {
    local name
    # each has a table with as many rows as its place in this list
    local rows=0
    for name in crm crm_archive Crm shop "$line" "$odd" 'a*b' all; do
        rows=$((rows + 1))
        sql postgres "CREATE DATABASE \"${name//\"/\"\"}\""
        sql "$name" "CREATE TABLE t AS SELECT generate_series(1, $rows) AS a"
    done
    # none of these is a database of users
    sql postgres "CREATE DATABASE closed ALLOW_CONNECTIONS false" \
        "CREATE DATABASE pattern IS_TEMPLATE true" "CREATE DATABASE hangar_new_01234567_89abcdef" \
        "COMMENT ON DATABASE hangar_new_01234567_89abcdef IS 'hangar: made by a test'"
    rm -rf "$work/all"
    works run backup "$work/all" databases=all
}

fact() { # DIR NAME: prints a fact of a backup
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1] + "/index.json"))["facts"].get(sys.argv[2]))' "$@"
}

point() { # DIR NAME: prints a part of its recovery point
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1] + "/index.json"))["point"].get(sys.argv[2]))' "$@"
}

# Prints the databases of a backup as "NAME:TABLES:ROWS", ordered by their rows.
backed_up() {
    python3 - "$1" <<'PY'
import json, sys
facts = json.load(open(sys.argv[1] + "/index.json"))["facts"]
count = int(facts["databases"])
found = [(facts[f"database.{i}"], facts[f"tables.{i}"], int(facts[f"rows.{i}"])) for i in range(1, count + 1)]
print(",".join(repr(name)[1:-1] + f":{tables}:{rows}" for name, tables, rows in sorted(found, key=lambda f: f[2])))
PY
}

# Backs up what the options mean, and expects these databases.
means() { # EXPECTED OPTION...
    local expected=$1
    shift
    rm -rf "$work/b"
    works run backup "$work/b" "$@"
    [ "$(backed_up "$work/b")" = "$expected" ] || fail "it means $(backed_up "$work/b")"
}

it_means_all_databases_of_users() {
    local all
    all="crm:1:1,crm_archive:1:2,Crm:1:3,shop:1:4,new\\nline:1:5,Ödd \"q\" \\'a\\'=b:1:6,a*b:1:7,all:1:8"
    [ "$(backed_up "$work/all")" = "$all" ] || fail "it means $(backed_up "$work/all")"
    [ "$(fact "$work/all" rows)" = 36 ] || fail "rows: $(fact "$work/all" rows)"
    # each has its own position, and all but the first, whose time is the point's, their own time
    [[ $(point "$work/all" lsn) =~ ^[0-9A-F]+/[0-9A-F]+$ ]] || fail "lsn: $(point "$work/all" lsn)"
    [[ $(point "$work/all" lsn.8) =~ ^[0-9A-F]+/[0-9A-F]+$ ]] || fail "lsn.8: $(point "$work/all" lsn.8)"
    [[ $(point "$work/all" time.8) =~ ^20[0-9-]+T[0-9:.]+Z$ ]] || fail "time.8: $(point "$work/all" time.8)"
    # the database for maintenance counts once it has a table
    sql postgres "CREATE TABLE kept AS SELECT generate_series(1, 9)"
    means "$all,postgres:1:9" databases=all
    sql postgres "DROP TABLE kept"
}

it_matches_patterns_and_leaves_out_exclusions() {
    means 'crm:1:1,crm_archive:1:2' 'databases=crm*'
    means 'crm:1:1,Crm:1:3,all:1:8' 'databases=?r?' 'databases=a?l'
    means 'crm:1:1,shop:1:4' 'databases=crm*' 'exclude_databases=*_archive' databases=shop
    means 'shop:1:4,a*b:1:7,all:1:8' databases=all 'exclude_databases=?rm*' 'exclude_databases=*=*' \
        "exclude_databases=new*"
    # ? is one character, and not one byte
    rm -rf "$work/b"
    works run backup "$work/b" 'databases=?dd *'
    [ "$(fact "$work/b" databases)" = 1 ] || fail "? does not match a character of two bytes"
}

it_refuses_options_that_mean_nothing() {
    expect 3 '"crn\*" matches no database of ' run check "$work/none" 'databases=crn*' databases=shop
    expect 3 '"crn\*" matches no database of ' run backup "$work/none" 'databases=crn*' databases=shop
    expect 3 '"old_\*" matches no database of ' run check "$work/none" databases=all 'exclude_databases=old_*'
    expect 3 'names shop, which exclude_databases leaves out' run check "$work/none" databases=shop \
        'exclude_databases=sh*'
    expect 3 'exclude_databases.*cannot be combined with database' run check "$work/none" database=shop \
        exclude_databases=crm
    expect 3 'rename_databases.*cannot be combined with database' run check "$work/none" database=shop \
        rename_databases=shop=x
    expect 3 '"shop" is not OLD=NEW' run check "$work/none" databases=all rename_databases=shop
    expect 3 'the new name must have one \*' run check "$work/none" databases=all 'rename_databases=*=same'
    expect 3 'give one database two names' run check "$work/none" databases=all rename_databases=shop=a \
        rename_databases=shop=b
    # the database for maintenance may be empty
    works run check "$work/none" databases=all exclude_databases=postgres
    expect 5 'no user database on .* matches the options databases' run check "$work/none" databases=all 'exclude_databases=*'
}

it_restores_under_new_names() {
    local name rows=0
    works run restore "$work/all" databases=all 'rename_databases=*=copy of *' "rename_databases=$odd=plain"
    for name in 'copy of crm' 'copy of crm_archive' 'copy of Crm' 'copy of shop' "copy of $line" plain \
        'copy of a*b' 'copy of all'; do
        rows=$((rows + 1))
        [ "$(sql "$name" "SELECT count(*) FROM t")" = "$rows" ] || fail "$name has other rows"
        drop_database "$name"
    done
}

it_restores_one_database_alone() {
    # its own name is taken, so that nothing is done without another one
    expect 6 'database shop on .* is not empty' run restore "$work/all" databases=shop
    works run restore "$work/all" databases=shop rename_databases=shop=shop2
    [ "$(sql shop2 "SELECT count(*) FROM t")" = 4 ] || fail "it has other rows"
    [ "$(sql postgres "SELECT count(*) FROM pg_database WHERE datname LIKE '%2'")" = 1 ] ||
        fail "more than one database was restored"
    drop_database shop2
    works run restore "$work/all" "databases=crm*" 'rename_databases=*=*2'
    [ "$(sql crm2 "SELECT count(*) FROM t") $(sql crm_archive2 "SELECT count(*) FROM t")" = '1 2' ] ||
        fail "they have other rows"
    drop_database crm2
    drop_database crm_archive2
}

it_refuses_new_names_that_cannot_be() {
    expect 5 'the backup has no database nowhere; hint: it has .*crm_archive' run restore "$work/all" databases=nowhere \
        databases=shop rename_databases=shop=shop2
    expect 3 '"crn=x" names no database that is restored' run restore "$work/all" databases=shop \
        rename_databases=shop=shop2 rename_databases=crn=x
    expect 3 'gives databases .* and .* one name, x' run restore "$work/all" databases=crm databases=shop \
        rename_databases=shop=x rename_databases=crm=x
    expect 5 'the backup has no database nowhere; hint' run restore "$work/all" 'databases=sh*' databases=nowhere \
        'rename_databases=*=*2'
    expect 3 'a name of more than 63 bytes' run restore "$work/all" databases=shop \
        "rename_databases=*=$(printf '%060d' 0)*"
    if exists x || exists shop2; then fail "a database was created"; fi
}

long_it_backs_up_more_databases_than_the_manifest_lists() {
    local i
    sql postgres "ALTER SYSTEM SET max_connections = 400"
    _pg_as_owner "$(pg_bin pg_ctl)" -D "$work/pg/data" -l "$work/pg/data/server.log" -w restart >/dev/null
    for i in $(seq 100 189); do
        sql postgres "CREATE DATABASE many_$i"
    done
    sql many_189 "CREATE TABLE t AS SELECT 1 AS a"
    rm -rf "$work/many"
    works run backup "$work/many" 'databases=many_*' jobs=1
    [ "$(fact "$work/many" databases)" = 90 ] || fail "not all databases"
    [ "$(fact "$work/many" database.64) $(fact "$work/many" database.65)" = 'many_163 None' ] ||
        fail "not 64 are listed"
    [ "$(python3 -c 'import json, sys
print(sum("lsn" in o["attrs"] and "time" in o["attrs"] for o in json.load(open(sys.argv[1]))["objects"]))' \
        "$work/many/index.json")" = 90 ] || fail "the recovery point of some is missing"
    works run restore "$work/many" databases=many_189 rename_databases=many_189=last
    [ "$(sql last 'TABLE t')" = 1 ] || fail "its rows are not restored"
}

it_replaces_what_patterns_mean_after_a_safety_backup() {
    rm -rf "$work/two" "$work/saved"
    works run backup "$work/two" 'databases=crm*'
    sql crm "INSERT INTO t VALUES (-1)"
    works run safety "$work/saved" 'databases=crm*'
    works run clean "$work/two" 'databases=crm*'
    [ "$(sql crm "SELECT count(*) FROM t") $(sql shop "SELECT count(*) FROM t")" = '1 4' ] ||
        fail "not what was in the backup"
    works run clean "$work/saved" 'databases=crm*'
    [ "$(sql crm "SELECT count(*) FROM t")" = 2 ] || fail "the safety backup was not restored"
    sql crm "DELETE FROM t WHERE a = -1"
    # which live databases it would replace is not known before the backup is read
    expect 3 'cannot be combined with patterns in databases when live data is replaced' \
        run clean "$work/two" 'databases=crm*' 'rename_databases=*=*2'
}

main
