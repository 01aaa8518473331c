-- SPDX-License-Identifier: Apache-2.0
-- SPDX-FileCopyrightText: The hangar authors
--
-- A small shop for trying hangar: some 60 000 rows in tables that use what real
-- databases use.  The same data each time.  Run it with psql in an empty database.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
BEGIN;
SELECT setseed(0.42) \g /dev/null

CREATE SCHEMA shop;
SET search_path = shop;

CREATE TYPE order_state AS ENUM ('new', 'paid', 'shipped', 'returned');
CREATE DOMAIN email AS text CHECK (VALUE ~ '^[^@ ]+@[^@ ]+$');

CREATE TABLE customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    email email NOT NULL UNIQUE,
    born date,
    settings jsonb NOT NULL DEFAULT '{}',
    created timestamptz NOT NULL
);

CREATE TABLE products (
    id serial PRIMARY KEY,
    name text NOT NULL,
    price numeric(10, 2) NOT NULL CHECK (price > 0),
    gross numeric(10, 2) GENERATED ALWAYS AS (price * 1.2) STORED,
    tags text[] NOT NULL DEFAULT '{}',
    picture bytea,
    replaces int REFERENCES products
);

CREATE TABLE orders (
    id bigint NOT NULL,
    customer bigint NOT NULL REFERENCES customers,
    placed timestamptz NOT NULL,
    state order_state NOT NULL,
    note text,
    PRIMARY KEY (id, placed)
) PARTITION BY RANGE (placed);
CREATE TABLE orders_2025 PARTITION OF orders FOR VALUES FROM ('2025-01-01Z') TO ('2026-01-01Z');
CREATE TABLE orders_2026 PARTITION OF orders FOR VALUES FROM ('2026-01-01Z') TO ('2027-01-01Z');

CREATE TABLE order_items (
    order_id bigint NOT NULL,
    order_placed timestamptz NOT NULL,
    line int NOT NULL,
    product int NOT NULL REFERENCES products,
    quantity int NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (order_id, line),
    FOREIGN KEY (order_id, order_placed) REFERENCES orders (id, placed) ON DELETE CASCADE
);

CREATE TABLE "Odd names" (
    "a ""quoted"" column" text,
    "größe" double precision,
    " " inet
);
CREATE TABLE nothing_yet (id int PRIMARY KEY);

INSERT INTO customers (name, email, born, settings, created)
SELECT 'Customer ' || i, 'c' || i || '@example.org', date '1950-01-01' + i * 7 % 20000,
       jsonb_build_object('theme', (ARRAY['dark', 'light'])[1 + i % 2], 'newsletter', i % 3 = 0,
                          'visits', i * 31 % 977, 'langs', jsonb_build_array('de', 'en')),
       timestamptz '2024-06-01Z' + i * interval '37 minutes'
FROM generate_series(1, 5000) AS i;

INSERT INTO products (name, price, tags, picture, replaces)
SELECT 'Product ' || i, 1 + (random() * 20000)::int / 100.0,
       CASE WHEN i % 5 = 0 THEN '{}' ELSE ARRAY['t' || i % 7, 'a "b"', E'tab\there'] END,
       CASE WHEN i % 3 = 0 THEN decode(md5(i::text) || repeat('00ff', i % 90), 'hex') END,
       CASE WHEN i % 10 = 0 THEN i - 9 END
FROM generate_series(1, 1000) AS i;

INSERT INTO orders
SELECT i, 1 + (random() * 4999)::int, timestamptz '2025-01-01Z' + i * interval '50 minutes',
       (enum_range(NULL::order_state))[1 + i % 4],
       CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN E'line one\nline \\N two' ELSE 'née 🛩' END
FROM generate_series(1, 15000) AS i;

INSERT INTO order_items
SELECT o.id, o.placed, line, 1 + (random() * 999)::int, 1 + (random() * 5)::int
FROM orders AS o, generate_series(1, 1 + (o.id % 4)::int) AS line;

INSERT INTO "Odd names" VALUES
    ('\.', 'NaN', '::1'), ('"', '-Infinity', '10.0.0.0/8'), (NULL, 1e-300, NULL), (E'\r\n', -0.0, NULL);

CREATE INDEX ON orders (customer, placed);
CREATE INDEX ON customers USING gin (settings);
CREATE UNIQUE INDEX ON products (lower(name)) WHERE replaces IS NULL;

CREATE FUNCTION note_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.note IS NULL THEN
        NEW.note := OLD.note;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_note BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION note_is_kept();

CREATE VIEW open_orders AS SELECT * FROM orders WHERE state IN ('new', 'paid');
CREATE MATERIALIZED VIEW turnover AS
    SELECT date_trunc('month', o.placed, 'UTC') AS month, count(DISTINCT o.id) AS orders,
           sum(i.quantity * p.price) AS amount
    FROM orders AS o JOIN order_items AS i ON i.order_id = o.id JOIN products AS p ON p.id = i.product
    GROUP BY 1;
CREATE UNIQUE INDEX ON turnover (month);

COMMENT ON TABLE customers IS 'people''s data: "handle with care"';
SELECT lo_from_bytea(4711, decode(repeat('5061706572', 20000), 'hex')) \g /dev/null
SELECT nextval('products_id_seq') FROM generate_series(1, 7) \g /dev/null
COMMIT;
