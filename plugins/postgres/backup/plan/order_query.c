/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * order_query: see order_query.h.
 *
 * Loading a row evaluates stored generated columns, CHECK constraints, constraints of domains and
 * keys of partitions.  The catalog has the dependencies of their expressions, and those of SQL
 * functions with a parsed body.  Of other functions each word of the source text counts that is the
 * name of a relation, a function, a domain or an operator: so too much is found rather than too
 * little.  Functions of extensions read no table of a user, and the configuration of extensions is
 * loaded before all rows.
 *
 * The query walks from expressions to relations.  Its objects are pairs of a kind k and an oid o:
 * 'p' a function, 't' a type, 'r' a relation.
 */
#include "backup/plan/order_query.h"

#define FIRST_USER_OID "16384"

/* A function p of a user. */
#define IS_OWN_FUNCTION                                                                            \
    "p.oid >= " FIRST_USER_OID " AND NOT EXISTS (SELECT FROM pg_depend e"                          \
    " WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')"

/* The object that a pg_depend d refers to; an operator counts as its function. */
#define REFERRED                                                                                   \
    " CASE d.refclassid WHEN 'pg_type'::regclass THEN 't' WHEN 'pg_class'::regclass THEN 'r'"      \
    " ELSE 'p' END, CASE d.refclassid WHEN 'pg_operator'::regclass THEN"                           \
    " (SELECT o.oprcode::oid FROM pg_operator o WHERE o.oid = d.refobjid) ELSE d.refobjid END"

#define IS_CODE                                                                                    \
    "d.refclassid IN ('pg_proc'::regclass, 'pg_type'::regclass, 'pg_operator'::regclass)"          \
    " AND d.refobjid >= " FIRST_USER_OID

#define IS_RELATION "c.relkind IN ('r', 'p', 'v', 'm') AND c.oid >= " FIRST_USER_OID

/* Whether a name that has to be quoted is in the text of function p; other names are in w.list,
 * the words of the text. */
#define IS_QUOTED(name)                                                                            \
    name " !~ '^[a-z_][a-z0-9_$]*$' AND strpos(p.prosrc, replace(" name ", '\"', '\"\"')) > 0"
#define IS_NAMED(name) "(" name " = ANY (w.list) OR " IS_QUOTED(name) ")"
#define RELATION_IS_QUOTED IS_QUOTED("c.relname")
#define FUNCTION_IS_NAMED IS_NAMED("f.proname")
#define TYPE_IS_NAMED IS_NAMED("t.typname")

/* Functions of the server that run a query given as text, or read what is named by a text. */
#define READS_BY_NAME                                                                              \
    "\\m(query|cursor|table|schema|database)_to_xml|\\mts_(stat|rewrite)\\M|\\mdblink"

/* Keys of partitions are evaluated for each table below the partitioned one. */
static const char with_partitions[] =
    "WITH RECURSIVE below(root, rel) AS ("
    " SELECT partrelid, partrelid FROM pg_partitioned_table WHERE partexprs IS NOT NULL"
    " UNION SELECT b.root, i.inhrelid FROM below b JOIN pg_inherits i ON i.inhparent = b.rel),";

static const char with_expressions[] = /* %s: attgenerated, or '' */
    " expression(rel, class, oid) AS ("
    " SELECT f.adrelid, 'pg_attrdef'::regclass, f.oid FROM pg_attrdef f JOIN pg_attribute a"
    " ON a.attrelid = f.adrelid AND a.attnum = f.adnum WHERE %s = 's'"
    " UNION ALL SELECT conrelid, 'pg_constraint'::regclass, oid FROM pg_constraint"
    " WHERE contype = 'c' AND conrelid <> 0 AND convalidated"
    " UNION ALL SELECT rel, 'pg_class'::regclass, root FROM below),";

/* What the expressions of a table use, and the types of its columns. */
static const char with_start[] =
    " start(rel, k, o) AS ("
    " SELECT x.rel," REFERRED " FROM expression x JOIN pg_depend d"
    " ON d.classid = x.class AND d.objid = x.oid WHERE " IS_CODE
    " UNION SELECT a.attrelid, 't', a.atttypid FROM pg_attribute a"
    " JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid"
    " WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped"
    " AND t.oid >= " FIRST_USER_OID " AND t.typtype <> 'e'),";

/* All that can be reached from each of those, step by step. */
static const char with_reach[] = " reach(k0, o0, k, o) AS ("
                                 " SELECT DISTINCT k, o, k, o FROM start"
                                 " UNION SELECT r.k0, r.o0, n.k, n.o FROM reach r"
                                 " CROSS JOIN LATERAL (";

static const char of_function[] =
    " SELECT" REFERRED " FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass"
    " AND d.objid = p.oid WHERE r.k = 'p' AND p.oid = r.o"
    " AND (" IS_CODE " OR d.refclassid = 'pg_class'::regclass) AND " IS_OWN_FUNCTION;

static const char of_text[] =
    " UNION ALL SELECT m.k, m.o FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang"
    " CROSS JOIN LATERAL (SELECT ARRAY(SELECT DISTINCT regexp_split_to_table(lower(p.prosrc),"
    " '[^[:alnum:]_$]+'))) w(list) CROSS JOIN LATERAL ("
    " SELECT 'r', c.oid FROM pg_class c WHERE c.relname = ANY (w.list) AND " IS_RELATION
    " UNION ALL SELECT 'r', c.oid FROM pg_class c WHERE " RELATION_IS_QUOTED " AND " IS_RELATION
    " UNION ALL SELECT 'p', f.oid FROM pg_proc f WHERE f.oid >= " FIRST_USER_OID
    " AND " FUNCTION_IS_NAMED
    " UNION ALL SELECT 't', t.oid FROM pg_type t WHERE t.oid >= " FIRST_USER_OID
    " AND t.typtype = 'd' AND " TYPE_IS_NAMED
    " UNION ALL SELECT 'p', o.oprcode::oid FROM pg_operator o WHERE o.oid >= " FIRST_USER_OID
    " AND strpos(p.prosrc, o.oprname) > 0"
    " ) m(k, o) WHERE r.k = 'p' AND p.oid = r.o AND l.lanname NOT IN ('internal', 'c')"
    " AND " IS_OWN_FUNCTION;

/* The parts of a type, and the constraints of a domain. */
static const char of_type[] =
    " UNION ALL SELECT" REFERRED " FROM pg_type t JOIN pg_depend d"
    " ON d.classid = 'pg_type'::regclass AND d.objid = t.oid"
    " WHERE r.k = 't' AND t.oid = r.o AND t.typtype <> 'b' AND " IS_CODE
    " UNION ALL SELECT 't', t.typelem FROM pg_type t WHERE r.k = 't' AND t.oid = r.o"
    " AND t.typelem >= " FIRST_USER_OID
    " UNION ALL SELECT 't', a.atttypid FROM pg_type t JOIN pg_attribute a"
    " ON a.attrelid = t.typrelid WHERE r.k = 't' AND t.oid = r.o AND t.typtype = 'c'"
    " AND a.attnum > 0 AND a.atttypid >= " FIRST_USER_OID " UNION ALL SELECT" REFERRED
    " FROM pg_constraint x JOIN pg_depend d"
    " ON d.classid = 'pg_constraint'::regclass AND d.objid = x.oid"
    " WHERE r.k = 't' AND x.contypid = r.o AND x.convalidated AND " IS_CODE;

/* What a view reads; partitions and children. */
static const char of_relation[] =
    " UNION ALL SELECT" REFERRED " FROM pg_class c JOIN pg_rewrite w ON w.ev_class = c.oid"
    " JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid"
    " WHERE r.k = 'r' AND c.oid = r.o AND c.relkind IN ('v', 'm')"
    " AND (" IS_CODE " OR d.refclassid = 'pg_class'::regclass AND d.refobjid <> c.oid)"
    " UNION ALL SELECT 'r', i.inhrelid FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    " WHERE r.k = 'r' AND i.inhparent = r.o AND c.relkind IN ('r', 'p')"
    " ) n(k, o))";

static const char answer[] =
    " SELECT DISTINCT s.rel, CASE r.k WHEN 'r' THEN r.o ELSE 0 END FROM start s"
    " JOIN reach r ON r.k0 = s.k AND r.o0 = s.o"
    " WHERE r.k = 'r' AND EXISTS ("
    " SELECT FROM pg_class c WHERE c.oid = r.o AND c.relkind IN ('r', 'p'))"
    " OR r.k = 'p' AND EXISTS ("
    " SELECT FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.oid = r.o"
    " AND " IS_OWN_FUNCTION " AND CASE l.lanname WHEN 'internal' THEN false"
    " WHEN 'sql' THEN p.prosrc ~* '" READS_BY_NAME "'"
    " WHEN 'plpgsql' THEN p.prosrc ~* '\\mexecute\\M|" READS_BY_NAME "' ELSE true END)"
    " ORDER BY 1, 2";

void pg_order_add_query(struct text *sql, int server_version)
{
    text_add(sql, with_partitions);
    text_addf(sql, with_expressions, server_version >= 120000 ? "a.attgenerated" : "''");
    text_add(sql, with_start);
    text_add(sql, with_reach);
    text_add(sql, of_function);
    text_add(sql, of_text);
    text_add(sql, of_type);
    text_add(sql, of_relation);
    text_add(sql, answer);
}
