/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * catalog: parts of queries on the catalog, as string literals.
 */
#ifndef PG_SERVER_SQL_CATALOG_H
#define PG_SERVER_SQL_CATALOG_H

/* Conditions on pg_class c and pg_namespace n: a relation that is neither temporary nor one
 * of the system; one that does not belong to an extension. */
#define PG_IS_USER_RELATION                                                                        \
    "c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
#define PG_IS_NOT_OF_EXTENSION                                                                     \
    "NOT EXISTS (SELECT FROM pg_depend ext WHERE ext.classid = 'pg_class'::regclass"               \
    " AND ext.objid = c.oid AND ext.deptype = 'e')"

/* A column of pg_class c: the columns of the table that COPY can write, as "a", "b".  Since
 * version 12 a column can be generated; PG_NOT_GENERATED(version) is the argument for %s. */
#define PG_COPY_COLUMNS_FORMAT                                                                     \
    "(SELECT string_agg('\"' || replace(a.attname, '\"', '\"\"') || '\"', ', ' ORDER BY a.attnum)" \
    " FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped%s)"
#define PG_NOT_GENERATED(version) ((version) >= 120000 ? " AND a.attgenerated = ''" : "")

#endif
