# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# same.sh: are two databases of the server that PGHOST tells of the same?  To be
# sourced by bash.
#
#     pg_same A B DIR     prints what differs; non-zero when something does
#
# Definitions, owners, rights and properties must be equal to the letter; of each
# table the same rows, in any order: rows come back by several sessions.  Rows of
# partitions are told of as their root's: which one of several hash partitions an
# enum's value belongs to depends on OIDs.

# Where a pg_dump of A says A, that of B says B; and a token is new in each dump.
_pg_dump_plain() {
    pg_dump "$@" | grep -v -e '^\\restrict ' -e '^\\unrestrict '
}

_pg_rows_sorted() {
    _pg_dump_plain --data-only --load-via-partition-root -d "$1" 2>/dev/null | perl -e '
        while (<>) {
            if (/^COPY .* FROM stdin;$/s) {
                my $head = $_;
                while (<>) { last if $_ eq "\\.\n"; push @{$rows{$head}}, $_; }
                $rows{$head} ||= [];
            } else { print; }
        }
        print $_, sort(@{$rows{$_}}), "\\.\n" for sort keys %rows;'
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
