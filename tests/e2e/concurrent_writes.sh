#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# Transfers between accounts while the backup runs: in the restored data the sum of all
# accounts is unchanged, and each transfer is complete or missing.
. "$(dirname "$0")/lib.sh"

start_pg
sql shop "
    CREATE TABLE shop.accounts AS
        SELECT i AS id, 1000::bigint AS amount, md5(i::text) AS filler FROM generate_series(1, 20000) AS i;
    ALTER TABLE shop.accounts ADD PRIMARY KEY (id);
    CREATE TABLE shop.transfers (id bigint GENERATED ALWAYS AS IDENTITY, a int, b int, amount bigint);"
start_redis 1
write_config

cat >transfer.sql <<'END'
\set a random(1, 20000)
\set b random(1, 20000)
\set amount random(1, 500)
BEGIN;
UPDATE shop.accounts SET amount = amount - :amount WHERE id = :a;
UPDATE shop.accounts SET amount = amount + :amount WHERE id = :b;
INSERT INTO shop.transfers (a, b, amount) VALUES (:a, :b, :amount);
COMMIT;
END
pgbench_program=$(command -v pgbench || pg_bin pgbench)
"$pgbench_program" -n -f transfer.sql -c 4 -R 400 -T 300 shop >pgbench.out 2>&1 &
load=$!
transfers()
{
    [[ $(sql shop "SELECT count(*) >= $1 FROM shop.transfers") == t ]]
}
wait_for 60 transfers 100

for round in $(sweep 1 "1 2 3 4 5"); do
    promise "round $round: the backup is consistent at one instant"
    make_backup
    before=$(sql shop "SELECT count(*) FROM shop.transfers")
    wait_for 60 transfers $((before + 100))
    expect_exit 0 hangar restore "$id" --only app_db --set "app_db.database=again$round" --yes
    result=$(sql "again$round" "
        WITH moved AS (
            SELECT id, sum(amount) AS amount FROM (
                SELECT a AS id, -amount AS amount FROM shop.transfers
                UNION ALL SELECT b, amount FROM shop.transfers) AS t GROUP BY id)
        SELECT sum(a.amount) = 20000000 AND bool_and(a.amount = 1000 + coalesce(m.amount, 0)),
               (SELECT count(*) FROM shop.transfers) > 0
        FROM shop.accounts AS a LEFT JOIN moved AS m USING (id)")
    [[ $result == 't|t' ]] || fail "inconsistent: $result"
    kill -0 "$load" || { cat pgbench.out >&2; fail "the load has ended"; }
done
kill "$load"
wait "$load" 2>/dev/null || true
