#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# A database whose locale is missing on the machine of the restore: a restore refuses it
# with a hint, or uses another locale with an option; a drill uses another one, still
# compares the rows, and reports it.
. "$(dirname "$0")/lib.sh"

# a locale that only the server of the source has
mkdir -m 755 locales
chmod o+x "$work"
localedef -i de_DE -f UTF-8 "$work/locales/xx_HG.UTF-8"
LOCPATH=$work/locales start_pg
sql postgres "CREATE DATABASE names TEMPLATE template0 ENCODING 'UTF8' LOCALE 'xx_HG.UTF-8'"
sql names "CREATE TABLE people (name text PRIMARY KEY, born date);
    INSERT INTO people SELECT chr(192 + i % 60) || 'name ' || i, DATE '2000-01-01' + i
        FROM generate_series(1, 2000) AS i;
    CREATE INDEX ON people (lower(name));
    CREATE TABLE letters (l text) PARTITION BY LIST (l);
    CREATE TABLE letters_a PARTITION OF letters FOR VALUES IN ('a', 'ä');
    INSERT INTO letters VALUES ('a'), ('ä')"
cat >backup.yaml <<END
version: 1
sources:
$(pg_source people names)
sinks:
  local: { plugin: storage-local, options: { path: ./backups } }
pipelines:
  nightly: { sources: [people], sinks: [local] }
END
make_backup

promise "a drill without the locale uses another one, warns, and reports it"
expect_exit 0 hangar --json verify "$id" --level drill
expect_in err "has no locale xx_HG.UTF-8: database names is restored with C.UTF-8 in its place"
report='d["backups"][0]["sources"][0]["report"]'
[[ $(json "${report}[\"substituted_locale\"]") == "C.UTF-8 in database names" ]] || fail "the report"

promise "the report contains how much was compared"
[[ $(json "${report}[\"compared_rows\"]") == 2002 && $(json "${report}[\"rows\"]") == 2002 ]] ||
    fail "rows: $(json "$report")"
[[ $(json "${report}[\"compared_tables\"] == ${report}[\"tables\"] == ${report}[\"compared_digests\"]") == True ]] ||
    fail "tables: $(json "$report")"

promise "a drill on a machine with the locale uses it without a warning"
expect_exit 0 hangar --json restore "$id" --set people.database=again --compare --yes
[[ $(json 'd["sources"][0]["report"].get("substituted_locale")') == None ]] || fail "substituted"
[[ $(sql postgres "SELECT datcollate FROM pg_database WHERE datname = 'again'") == xx_HG.UTF-8 ]] ||
    fail "the locale is not that of the source"

promise "a restore without the locale is refused with a hint; an option selects another one"
pg_stop "$work"
start_pg
expect_exit 1 hangar restore "$id" --yes
expect_output "has no locale xx_HG.UTF-8; hint: install it there (locale-gen)"
expect_output "--set people.missing_locale=substitute"
[[ $(sql postgres "SELECT count(*) FROM pg_database WHERE datname = 'names'") == 0 ]] || fail "created"
expect_exit 0 hangar restore "$id" --set people.missing_locale=substitute --compare --yes
[[ $(sql names "SELECT count(*) FROM people") == 2000 ]] || fail "rows"
[[ $(sql postgres "SELECT datcollate FROM pg_database WHERE datname = 'names'") == C.UTF-8 ]] ||
    fail "the locale is another"
