/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * choose: see choose.h.
 */
#include "restore/choose.h"

#include <stdlib.h>
#include <string.h>
#include "restore/target/restore_state.h"
#include "server/connection/databases.h"
#include "server/instance/error.h"
#include "text.h"

static bool choose_is_schema_dump(const char *object)
{
    const char *slash = strrchr(object, '/');
    return slash && strcmp(slash, "/schema.dump") == 0;
}

static enum hangar_rc choose_add_target(struct pg_source *src,
                                        const struct hangar_object_info *info)
{
    struct pg_restore *restore = src->restore;
    struct pg_target *target = &restore->targets[restore->target_count];
    const char *database = info->attrs ? src->host->attr_get(info->attrs, "database") : NULL;
    if (!database) {
        return src->host->fail(src->ctx, HANGAR_CORRUPT, 0,
                               "cannot restore %s: its attribute database is missing", info->name);
    }
    *target = (struct pg_target){
        .src = src, .number = restore->target_count + 1, .source = database, .name = database};
    target->attrs = info->attrs;
    target->folder = strndup(info->name, strcspn(info->name, "/"));
    if (!target->folder) {
        return pg_no_memory(src);
    }
    restore->target_count++;
    return HANGAR_OK;
}

/* A target for each database of the backup. */
static enum hangar_rc choose_add_targets(struct pg_source *src)
{
    struct pg_restore *restore = src->restore;
    const struct hangar_restore *how = restore->how;
    size_t count = 0;
    for (size_t i = 0; i < how->object_count; i++) {
        count += choose_is_schema_dump(how->objects[i].name);
    }
    if (!count) {
        return src->host->fail(src->ctx, HANGAR_CORRUPT, 0,
                               "cannot restore: the backup contains no database");
    }
    restore->targets = calloc(count, sizeof(*restore->targets));
    if (!restore->targets) {
        return pg_no_memory(src);
    }
    for (size_t i = 0; i < how->object_count; i++) {
        enum hangar_rc rc = HANGAR_OK;
        if (choose_is_schema_dump(how->objects[i].name)) {
            rc = choose_add_target(src, &how->objects[i]);
        }
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    return HANGAR_OK;
}

/* Without patterns and new names, one name in the options is the name to restore a backup of a
 * single database under. */
static bool choose_is_alone(const struct pg_source *src)
{
    return src->restore->target_count == 1 && !src->has_patterns && src->database_count == 1 &&
           !pg_rename_entry(src, 0);
}

static bool choose_has_source(const struct pg_restore *restore, const char *name)
{
    for (size_t i = 0; i < restore->target_count; i++) {
        if (strcmp(restore->targets[i].source, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Fails with the names that the backup does not have, and those that it has. */
static enum hangar_rc choose_refuse_missing(struct pg_source *src)
{
    const struct pg_restore *restore = src->restore;
    struct text missing = {0}, there = {0};
    for (size_t i = 0; i < src->database_count; i++) {
        if (!choose_has_source(restore, src->databases[i])) {
            text_addf(&missing, "%s%s", missing.size ? ", " : "", src->databases[i]);
        }
    }
    for (size_t i = 0; i < restore->target_count; i++) {
        text_addf(&there, "%s%s", i ? ", " : "", restore->targets[i].source);
    }
    enum hangar_rc rc = src->host->fail(
        src->ctx, HANGAR_NOT_FOUND, 0,
        "cannot restore: the backup has no database %s; hint: it has %s",
        missing.size ? text_str(&missing) : "that the option databases matches", text_str(&there));
    text_free(&missing);
    text_free(&there);
    return rc;
}

/* Each name of the options must be in the backup; a safety backup leaves out databases that did
 * not exist, and then has the fact "absent". */
static enum hangar_rc choose_check(struct pg_source *src, size_t chosen)
{
    const struct pg_restore *restore = src->restore;
    bool absent = src->host->attr_get(restore->how->facts, "absent") != NULL;
    bool missing = !chosen;
    for (size_t i = 0; i < src->database_count && !absent; i++) {
        missing = missing || !choose_has_source(restore, src->databases[i]);
    }
    if (missing) {
        return choose_refuse_missing(src);
    }
    if (src->opt.rows_role && chosen < restore->target_count) {
        return src->host->fail(src->ctx, HANGAR_CONFIG, 0,
                               "the backup has %zu databases, but the options mean only %zu, and "
                               "the drill would leave the others out; hint: the option databases "
                               "must mean all of them",
                               restore->target_count, chosen);
    }
    return HANGAR_OK;
}

/* Each entry of rename_databases must name a database that is restored, and each new name must be
 * one that the server keeps whole and that no other database gets. */
static enum hangar_rc choose_check_names(struct pg_source *src, const bool *used)
{
    const struct pg_restore *restore = src->restore;
    const char *entry;
    for (size_t i = 0; (entry = pg_rename_entry(src, i)) != NULL; i++) {
        if (!used[i]) {
            return src->host->fail_option(src->ctx, "rename_databases",
                                          "\"%s\" names no database that is restored", entry);
        }
    }
    for (size_t i = 0; i < restore->target_count; i++) {
        const struct pg_target *target = &restore->targets[i];
        if (!target->skipped && strlen(target->name) >= PG_NAME_SIZE) {
            return src->host->fail_option(src->ctx, "rename_databases",
                                          "gives database %s a name of more than %d bytes: %s",
                                          target->source, PG_NAME_SIZE - 1, target->name);
        }
        for (size_t k = 0; k < i && !target->skipped; k++) {
            const struct pg_target *other = &restore->targets[k];
            if (!other->skipped && strcmp(target->name, other->name) == 0) {
                return src->host->fail_option(src->ctx, "rename_databases",
                                              "gives databases %s and %s one name, %s",
                                              other->source, target->source, target->name);
            }
        }
    }
    return HANGAR_OK;
}

/* Chooses among several databases, and gives them their new names. */
static enum hangar_rc choose_among_several(struct pg_source *src, size_t *chosen)
{
    struct pg_restore *restore = src->restore;
    size_t entries = 0;
    while (pg_rename_entry(src, entries)) {
        entries++;
    }
    bool *used = calloc(entries + 1, sizeof(*used));
    enum hangar_rc rc = used ? HANGAR_OK : pg_no_memory(src);
    for (size_t i = 0; i < restore->target_count && rc == HANGAR_OK; i++) {
        struct pg_target *target = &restore->targets[i];
        target->skipped = !pg_selects_database(src, target->source);
        if (target->skipped) {
            continue;
        }
        ++*chosen;
        target->new_name = pg_new_database_name(src, target->source, used);
        target->name = target->new_name;
        rc = target->new_name ? HANGAR_OK : pg_no_memory(src);
    }
    if (rc == HANGAR_OK) {
        rc = choose_check_names(src, used);
    }
    free(used);
    return rc;
}

/* Of several databases, those that the options do not mean are left out. */
enum hangar_rc pg_choose_targets(struct pg_source *src)
{
    struct pg_restore *restore = src->restore;
    enum hangar_rc rc = choose_add_targets(src);
    if (rc == HANGAR_OK && choose_is_alone(src)) {
        restore->targets[0].name = src->databases[0];
    } else if (rc == HANGAR_OK) {
        size_t chosen = 0;
        rc = choose_among_several(src, &chosen);
        rc = rc == HANGAR_OK ? choose_check(src, chosen) : rc;
    }
    for (size_t i = 0; i < restore->target_count; i++) {
        restore->targets[i].into = restore->targets[i].name;
    }
    return rc;
}
