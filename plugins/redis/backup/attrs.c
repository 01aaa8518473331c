/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * attrs: see attrs.h.
 */
#include "backup/attrs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "wire/resp.h"

static void set_db_attrs(const struct hangar_host *host, const struct rdb_db *db,
                         struct hangar_attrs *attrs)
{
    char name[48];
    snprintf(name, sizeof(name), "db%" PRIu64 ".keys", db->id);
    host->attr_setf(attrs, name, "%" PRIu64, db->keys);
    snprintf(name, sizeof(name), "db%" PRIu64 ".expiring", db->id);
    host->attr_setf(attrs, name, "%" PRIu64, db->expiring);
    for (int i = 0; i < RDB_CLASSES; i++) {
        if (db->classes[i] == 0) {
            continue;
        }
        snprintf(name, sizeof(name), "db%" PRIu64 ".%s", db->id, rdb_class_name((enum rdb_class)i));
        host->attr_setf(attrs, name, "%" PRIu64, db->classes[i]);
    }
}

static void set_total_attrs(const struct hangar_host *host, const struct rdb_counts *counts,
                            struct hangar_attrs *attrs)
{
    host->attr_setf(attrs, "keys", "%" PRIu64, counts->keys);
    host->attr_setf(attrs, "expiring", "%" PRIu64, counts->expiring);
    host->attr_setf(attrs, "functions", "%" PRIu64, counts->functions);
    host->attr_setf(attrs, "highest_db", "%" PRIu64, counts->db_highest);
}

void rd_digest_attr_name(int which, char out[RD_DIGEST_NAME_BYTES])
{
    snprintf(out, RD_DIGEST_NAME_BYTES, RD_DIGEST_ATTR ".%s", rdb_total_name(which));
}

static void set_digest_attrs(const struct hangar_host *host, const struct rdb_digest *digest,
                             struct hangar_attrs *attrs)
{
    host->attr_set(attrs, RD_DIGEST_ATTR, RD_DIGEST_KIND);
    for (int which = 0; which < RDB_TOTALS; which++) {
        char name[RD_DIGEST_NAME_BYTES], total[RDB_TOTAL_SIZE];
        rd_digest_attr_name(which, name);
        rdb_total(digest, which, total);
        host->attr_set(attrs, name, total[0] != '\0' ? total : NULL);
    }
}

void rd_attrs_of_object(const struct redis *redis, const struct rdb_counts *counts,
                        const struct rdb_digest *digest, struct hangar_attrs *attrs)
{
    const struct hangar_host *host = redis->host;
    host->attr_setf(attrs, "rdb_version", "%u", counts->version);
    set_total_attrs(host, counts, attrs);
    host->attr_setf(attrs, "used_memory", "%" PRIu64, counts->used_memory);
    for (size_t i = 0; i < counts->db_count; i++) {
        set_db_attrs(host, &counts->dbs[i], attrs);
    }
    if (!digest) {
        return;
    }
    const uint64_t damaged = rdb_digest_sums(digest)->damaged;
    if (damaged > 0) {
        host->log(redis->ctx, HANGAR_LOG_WARN,
                  "cannot decode %" PRIu64 " values of redis at %s: the backup records no digest "
                  "of its values",
                  damaged, redis->place);
        return;
    }
    set_digest_attrs(host, digest, attrs);
}

static void set_module_fact(const struct hangar_host *host, const struct rdb_counts *counts,
                            struct hangar_attrs *facts)
{
    char names[RDB_MODULES_COUNTED * 11] = "";
    for (size_t i = 0; i < counts->module_count; i++) {
        strcat(names, i > 0 ? " " : "");
        strcat(names, counts->modules[i]);
    }
    if (counts->module_count > 0) {
        host->attr_set(facts, "modules", names);
    }
}

void rd_facts_of_counts(const struct redis *redis, const struct rdb_counts *counts,
                        struct hangar_attrs *facts)
{
    const struct hangar_host *host = redis->host;
    set_total_attrs(host, counts, facts);
    for (int i = 0; i < RDB_CLASSES; i++) {
        if (counts->classes[i] > 0) {
            host->attr_setf(facts, rdb_class_name((enum rdb_class)i), "%" PRIu64,
                            counts->classes[i]);
        }
    }
    set_module_fact(host, counts, facts);
    if (counts->biggest_bytes > 0) {
        char text[RD_TEXT_SIZE];
        host->attr_set(facts, "biggest_key",
                       rd_text(counts->biggest_name, counts->biggest_name_size, text));
        host->attr_setf(facts, "biggest_key_bytes", "%" PRIu64, counts->biggest_bytes);
    }
}

static uint64_t read_number_attr(const struct redis *redis, const struct hangar_attrs *attrs,
                                 const char *name)
{
    const char *value = redis->host->attr_get(attrs, name);
    return value ? strtoull(value, NULL, 10) : 0;
}

void rd_read_content(const struct redis *redis, const struct hangar_restore *how,
                     struct rd_content *out)
{
    *out = (struct rd_content){.keys = 0};
    const struct hangar_attrs *attrs = how->object_count > 0 ? how->objects[0].attrs : NULL;
    if (!attrs) {
        return;
    }
    out->keys = read_number_attr(redis, attrs, "keys");
    out->functions = read_number_attr(redis, attrs, "functions");
    out->highest_db = read_number_attr(redis, attrs, "highest_db");
    out->used_memory = read_number_attr(redis, attrs, "used_memory");
    for (uint64_t db = 0; db <= out->highest_db && out->db_count < RDB_DBS_COUNTED; db++) {
        char name[48];
        snprintf(name, sizeof(name), "db%" PRIu64 ".keys", db);
        if (read_number_attr(redis, attrs, name) > 0) {
            out->dbs[out->db_count++] = db;
        }
    }
}

/* After the last database that is recorded, every one up to the highest may have keys. */
bool rd_content_has_db(const struct rd_content *content, uint64_t db)
{
    for (size_t i = 0; i < content->db_count; i++) {
        if (content->dbs[i] == db) {
            return true;
        }
    }
    return content->db_count == RDB_DBS_COUNTED && db > content->dbs[RDB_DBS_COUNTED - 1] &&
           db <= content->highest_db;
}
