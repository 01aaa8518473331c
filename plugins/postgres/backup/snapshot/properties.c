/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * properties: the properties of a database that are not stored in it: encoding, locale,
 * owner, privileges, settings.  They become attributes of its schema.dump.
 */
#include "backup/snapshot/properties.h"

#include <stdio.h>
#include <string.h>
#include "server/connection/connection.h"
#include "server/instance/error.h"
#include "server/connection/settings.h"

#define PIECE_BYTES 15000 /* an attribute holds 16 KiB */
#define PIECES 64

/* Each column has the name of its attribute.  Privileges and settings keep a form that the
 * server can read back: aclitem[] and JSON. */
static void add_properties_query(struct text *sql, int version)
{
    text_addf(
        sql, "SELECT d.datname AS database, pg_encoding_to_char(d.encoding) AS encoding,"
             " d.datcollate AS collate, d.datctype AS ctype,"
             " r.rolname AS owner, d.datacl AS acl, d.datconnlimit AS connection_limit,"
             " d.datistemplate AS is_template, shobj_description(d.oid, 'pg_database') AS comment,"
             " t.spcname AS tablespace,"
             " (SELECT json_agg(json_build_array(coalesce(x.rolname, ''), s.setting))"
             " FROM (SELECT setrole, unnest(setconfig) AS setting FROM pg_db_role_setting"
             " WHERE setdatabase = d.oid) s LEFT JOIN pg_roles x ON x.oid = s.setrole) AS settings,"
             " (SELECT json_agg(DISTINCT u.spcname) FROM pg_class c"
             " JOIN pg_tablespace u ON u.oid = c.reltablespace"
             " WHERE u.spcname <> 'pg_global') AS tablespaces,"
             " (SELECT count(*) FROM pg_largeobject_metadata) AS large_objects");
    if (version >= 150000) {
        text_add(sql, ", CASE d.datlocprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu'"
                      " WHEN 'b' THEN 'builtin' END AS locale_provider");
    }
    if (version >= 170000) {
        text_add(sql, ", d.datlocale AS locale, d.daticurules AS icu_rules");
    } else if (version >= 150000) {
        text_add(sql, ", d.daticulocale AS locale");
    }
    if (version >= 160000 && version < 170000) {
        text_add(sql, ", d.daticurules AS icu_rules");
    }
    text_add(sql, " FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba"
                  " JOIN pg_tablespace t ON t.oid = d.dattablespace"
                  " WHERE d.datname = current_database()");
}

enum hangar_rc pg_props_read(struct pg_db *db)
{
    struct text sql = {0};
    PGresult *res = NULL;
    add_properties_query(&sql, db->lead->version);
    enum hangar_rc rc = HANGAR_OK;
    if (sql.failed) {
        rc = pg_no_memory(db->src);
    } else if (pg_set(db->lead, "client_encoding", "UTF8") != HANGAR_OK ||
               pg_query(db->lead, text_str(&sql), NULL, NULL, &res) != HANGAR_OK ||
               pg_set(db->lead, "client_encoding", db->encoding) != HANGAR_OK) {
        rc = pg_raise(db->src, &db->lead->err, "cannot read the properties of database %s",
                      db->name);
    } else if (PQntuples(res) != 1) {
        rc = db->src->host->fail(db->src->ctx, HANGAR_NOT_FOUND, 0,
                                 "cannot read the properties of database %s: it was dropped",
                                 db->name);
    }
    text_free(&sql);
    if (rc == HANGAR_OK) {
        db->props = res;
    } else {
        PQclear(res);
    }
    return rc;
}

void pg_props_set(struct pg_db *db, struct hangar_attrs *attrs)
{
    const struct hangar_host *host = db->src->host;
    for (int i = 0; i < PQnfields(db->props); i++) {
        if (PQgetisnull(db->props, 0, i)) {
            continue;
        }
        const char *name = PQfname(db->props, i), *value = PQgetvalue(db->props, 0, i);
        size_t len = strlen(value);
        for (int piece = 0; piece < PIECES && (len || !piece); piece++) {
            size_t n = len < PIECE_BYTES ? len : PIECE_BYTES;
            while (n < len && ((unsigned char)value[n] & 0xc0) == 0x80) {
                n--; /* do not cut within a character */
            }
            char numbered[64];
            snprintf(numbered, sizeof(numbered), piece ? "%s.%d" : "%s", name, piece);
            host->attr_setf(attrs, numbered, "%.*s", (int)n, value);
            value += n;
            len -= n;
        }
        if (len) {
            host->log(db->src->ctx, HANGAR_LOG_WARN,
                      "database %s: its %s are longer than %d bytes and are stored only in part",
                      db->name, name, PIECE_BYTES * PIECES);
        }
    }
}
