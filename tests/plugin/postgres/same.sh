# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# same.sh: compares two databases of the server at PGHOST.  Source it in bash.
#
#     pg_same A B DIR     prints the differences; its status is 0 when there are none
#
# Definitions, owners, privileges and properties must be equal to the letter.  Tables must have
# the same rows, in any order, because several sessions restore them.  Trees in which a table is
# partitioned by hash are compared as a whole: the partition of an enum's value depends on OIDs.

# The token of \restrict differs in each dump.
_pg_dump_plain() {
    pg_dump "$@" 2>/dev/null | grep -v -e '^\\restrict ' -e '^\\unrestrict '
}

_pg_hash_roots() {
    psql -X -q -At -d "$1" -c "
        SELECT DISTINCT pg_partition_root(partrelid)::regclass::text FROM pg_partitioned_table
        WHERE partstrat = 'h' ORDER BY 1"
}

_pg_rows_sorted() {
    local root table exclude=()
    while read -r root; do
        while read -r table; do exclude+=("--exclude-table-data=$table"); done < <(
            psql -X -q -At -d "$1" -v root="$root" <<<"SELECT relid FROM pg_partition_tree(:'root')")
        echo "$root"
        psql -X -q -At -d "$1" -c "SELECT r::text FROM $root r ORDER BY 1" || return 1
    done < <(_pg_hash_roots "$1")
    _pg_dump_plain --data-only "${exclude[@]}" -d "$1" | perl -e '
        while (<>) {
            print;
            next unless /^COPY .* FROM stdin;$/s;
            my @rows;
            while (<>) { last if $_ eq "\\.\n"; push @rows, $_; }
            print sort(@rows), "\\.\n";
        }'
}

pg_same() {
    local a=$1 b=$2 dir=$3 status=0
    _pg_dump_plain -C --schema-only -d "$a" >"$dir/$a.schema" || return 1
    _pg_dump_plain -C --schema-only -d "$b" |
        sed -e "s/DATABASE $b\b/DATABASE $a/g; s/connect $b\$/connect $a/; s/^-- Name: $b;/-- Name: $a;/" \
        >"$dir/$b.schema" || return 1
    diff "$dir/$a.schema" "$dir/$b.schema" || status=1
    _pg_rows_sorted "$a" >"$dir/$a.rows" && _pg_rows_sorted "$b" >"$dir/$b.rows" || return 1
    diff "$dir/$a.rows" "$dir/$b.rows" || status=1
    rm -f "$dir/$a.schema" "$dir/$b.schema" "$dir/$a.rows" "$dir/$b.rows"
    return $status
}
