-- SPDX-License-Identifier: Apache-2.0
-- About 1 GB of COPY text at :scale = 100 (10 MB each): one big table, text, jsonb,
-- uuids, binary data in TOAST, many small tables, partitions, keys and indexes.
\set QUIET on
SELECT setseed(0.42);
CREATE TABLE customers (id bigserial PRIMARY KEY, token uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL, email text NOT NULL, created timestamptz NOT NULL, balance numeric(12,2));
INSERT INTO customers (name, email, created, balance)
    SELECT 'customer ' || md5(i::text), md5((i * 7)::text) || '@example.org',
           timestamptz '2020-01-01' + i * interval '37 s', (random() * 10000)::numeric(12,2)
    FROM generate_series(1, :scale * 15000) i;
CREATE TABLE orders (id bigserial PRIMARY KEY, customer bigint NOT NULL, status text NOT NULL,
    detail jsonb NOT NULL, placed timestamptz NOT NULL);
INSERT INTO orders (customer, status, detail, placed)
    SELECT 1 + (random() * (:scale * 15000 - 1))::bigint, (ARRAY['new','paid','sent','done'])[1 + i % 4],
           jsonb_build_object('sku', md5((i % 5000)::text), 'amount', i % 17, 'price', round(random()::numeric * 100, 2),
                              'note', repeat(md5((i % 300)::text), 1 + i % 4), 'tags', jsonb_build_array(i % 3, i % 5, i % 7)),
           timestamptz '2021-01-01' + i * interval '11 s'
    FROM generate_series(1, :scale * 16000) i;
CREATE TABLE files (id bigserial PRIMARY KEY, name text NOT NULL, content bytea NOT NULL);
INSERT INTO files (name, content)
    SELECT 'file ' || i, decode((SELECT string_agg(md5((i * 1000 + k)::text), '') FROM generate_series(1, 250) k), 'hex')
    FROM generate_series(1, :scale * 130) i;
CREATE TABLE events (at timestamptz NOT NULL, kind int NOT NULL, body text) PARTITION BY RANGE (at);
DO $$ BEGIN FOR m IN 1..12 LOOP
    EXECUTE format('CREATE TABLE events_%s PARTITION OF events FOR VALUES FROM (%L) TO (%L)', m,
        make_date(2024, m, 1), make_date(2024, m, 1) + interval '1 month');
END LOOP; END $$;
INSERT INTO events SELECT timestamptz '2024-01-01' + (i % 364) * interval '1 day', i % 50, repeat(md5((i % 997)::text), 2)
    FROM generate_series(1, :scale * 10000) i;
DO $$ BEGIN FOR t IN 1..300 LOOP
    EXECUTE format('CREATE TABLE small_%s (id int PRIMARY KEY, v text)', t);
    EXECUTE format('INSERT INTO small_%s SELECT i, md5(i::text) FROM generate_series(1, 50) i', t);
END LOOP; END $$;
CREATE INDEX ON orders (customer);
CREATE INDEX ON orders USING gin (detail jsonb_path_ops);
CREATE INDEX ON customers (email);
ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers;
VACUUM (ANALYZE, FREEZE);
