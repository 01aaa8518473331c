-- SPDX-License-Identifier: Apache-2.0
-- SPDX-FileCopyrightText: The hangar authors
--
-- since_18.sql: what PostgreSQL 18 brought, after hard.sql.
CREATE TABLE virtually (
    a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL, c int GENERATED ALWAYS AS (a * 3) STORED);
INSERT INTO virtually VALUES (1), (2);
CREATE TABLE not_nulls (
    a int CONSTRAINT a_is_there NOT NULL, b int, CONSTRAINT b_is_there NOT NULL b NO INHERIT);
INSERT INTO not_nulls VALUES (1, 2);
CREATE TABLE late_not_null (a int);
INSERT INTO late_not_null VALUES (NULL), (1);
ALTER TABLE late_not_null ADD CONSTRAINT a_will_be_there NOT NULL a NOT VALID;
CREATE TABLE unenforced (
    id int PRIMARY KEY, a int CONSTRAINT loose CHECK (a > 0) NOT ENFORCED,
    r int CONSTRAINT loose_key REFERENCES unenforced NOT ENFORCED);
INSERT INTO unenforced VALUES (1, -1, 99);
CREATE EXTENSION btree_gist;
CREATE TABLE temporal (id int, during daterange, PRIMARY KEY (id, during WITHOUT OVERLAPS));
INSERT INTO temporal VALUES (1, '[2026-01-01,2026-02-01)'), (1, '[2026-02-01,2026-03-01)');
CREATE TABLE temporal_part (id int, during daterange,
    FOREIGN KEY (id, PERIOD during) REFERENCES temporal (id, PERIOD during));
INSERT INTO temporal_part VALUES (1, '[2026-01-15,2026-02-15)');
CREATE COLLATION folded (provider = builtin, locale = 'PG_UNICODE_FAST');
CREATE TABLE by_folded (t text COLLATE folded);
INSERT INTO by_folded VALUES ('ß'), ('SS');
CREATE TABLE uuids (id uuid DEFAULT uuidv7(), at timestamptz GENERATED ALWAYS AS ('2026-01-01 00:00:00+00') VIRTUAL);
INSERT INTO uuids DEFAULT VALUES;
CREATE PUBLICATION with_generated FOR TABLE virtually WITH (publish_generated_columns = stored);
