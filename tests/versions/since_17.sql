-- SPDX-License-Identifier: Apache-2.0
-- SPDX-FileCopyrightText: The hangar authors
--
-- since_17.sql: what PostgreSQL 16 and 17 brought, after hard.sql.
CREATE ROLE maintainer;
GRANT MAINTAIN ON types TO maintainer;
GRANT pg_maintain TO maintainer;
ALTER DEFAULT PRIVILEGES GRANT MAINTAIN ON TABLES TO maintainer;
CREATE COLLATION builtin_c (provider = builtin, locale = 'C.UTF-8');
CREATE TABLE by_builtin (t text COLLATE builtin_c);
CREATE INDEX ON by_builtin (t);
INSERT INTO by_builtin VALUES ('ä'), ('Z'), ('a');
CREATE TABLE part_identity (id int GENERATED ALWAYS AS IDENTITY, d date) PARTITION BY RANGE (d);
CREATE TABLE part_identity_1 PARTITION OF part_identity FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO part_identity (d) VALUES ('2026-05-05'), ('2026-06-06');
-- attoptions hold more than what a user has set
CREATE TABLE altered (a int, b text DEFAULT 'x');
INSERT INTO altered VALUES (1);
ALTER TABLE altered ADD COLUMN c int DEFAULT 7;
ALTER TABLE altered ALTER a TYPE bigint;
ALTER TABLE altered DROP b;
ALTER TABLE altered ALTER a SET (n_distinct = -0.5);
