/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore.c: the order of a restore: roles; the database and all that must be
 * there before rows are; rows; then large objects, sequences, indexes,
 * constraints and triggers; privileges and settings of the database last.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "restore/restore.h"

/* An object being written: the struct hangar_object of the restore half. */
struct pg_writer {
    struct pg_source *src;
    char name[512];
    int fd;       /* of a spooled object; -1: none */
    bool discard; /* of a database that is not wanted */
    bool has_rows;
    struct pg_rows rows;
};

/* ---- preparing --------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

static bool wanted(const struct pg_source *src, const char *database)
{
    for (size_t i = 0; i < src->database_count; i++) {
        if (strcmp(src->databases[i], database) == 0) {
            return true;
        }
    }
    return false;
}

static enum hangar_rc add_target(struct pg_source *src, const struct hangar_object_info *info)
{
    struct pg_restore *restore = src->restore;
    struct pg_target *target = &restore->targets[restore->target_count];
    const char *database = info->attrs ? src->host->attr_get(info->attrs, "database") : NULL;
    if (!database) {
        return src->host->fail(src->ctx, HANGAR_CORRUPT, 0,
                               "cannot restore: %s does not say of which database it is",
                               info->name);
    }
    *target = (struct pg_target){.src = src, .source = database, .name = database};
    target->attrs = info->attrs;
    target->folder = strndup(info->name, strcspn(info->name, "/"));
    if (!target->folder) {
        return PG_NO_MEMORY(src);
    }
    restore->target_count++;
    return HANGAR_OK;
}

/* One database goes where the option says; several keep their names, and those that
 * the options do not name are left out. */
static enum hangar_rc find_targets(struct pg_source *src)
{
    struct pg_restore *restore = src->restore;
    const struct hangar_restore *how = restore->how;
    size_t count = 0, chosen = 0;
    for (size_t i = 0; i < how->object_count; i++) {
        count += ends_with(how->objects[i].name, "/schema.dump");
    }
    if (!count) {
        return src->host->fail(src->ctx, HANGAR_CORRUPT, 0,
                               "cannot restore: the backup has no database in it");
    }
    restore->targets = calloc(count, sizeof(*restore->targets));
    if (!restore->targets) {
        return PG_NO_MEMORY(src);
    }
    for (size_t i = 0; i < how->object_count; i++) {
        enum hangar_rc rc = HANGAR_OK;
        if (ends_with(how->objects[i].name, "/schema.dump")) {
            rc = add_target(src, &how->objects[i]);
        }
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    for (size_t i = 0; i < restore->target_count; i++) {
        struct pg_target *target = &restore->targets[i];
        if (count == 1 && src->database_count == 1) {
            target->name = src->databases[0];
        } else {
            target->skipped = !wanted(src, target->source);
        }
        chosen += !target->skipped;
    }
    for (size_t i = 0; i < restore->target_count; i++) {
        restore->targets[i].into = restore->targets[i].name;
    }
    /* those of a safety backup that were not there say so */
    bool absent = src->host->attr_get(how->facts, "absent") != NULL;
    if (chosen < src->database_count && !(absent && chosen)) {
        return src->host->fail(src->ctx, HANGAR_NOT_FOUND, 0,
                               "cannot restore: the backup has %zu databases, and not all that the "
                               "options name",
                               count);
    }
    return HANGAR_OK;
}

static void write_plan(struct pg_source *src)
{
    struct pg_restore *restore = src->restore;
    struct hangar_text *plan = restore->how->plan;
    const struct hangar_host *host = src->host;
    static const char *const roles[] = {"create the roles that are missing, alter none",
                                        "run everything in globals.sql", "leave the roles alone"};
    host->text(plan, "roles on %s: %s\n", pg_where(src), roles[src->opt.globals]);
    for (size_t i = 0; i < restore->target_count; i++) {
        const struct pg_target *target = &restore->targets[i];
        if (target->skipped) {
            host->text(plan, "database %s of the backup: left out\n", target->source);
            continue;
        }
        if (restore->clean) {
            pg_clean_plan(target);
            continue;
        }
        host->text(plan, "database %s: %s, then restore %s into it with %u sessions\n",
                   target->name, target->exists ? "is there and empty" : "create", target->source,
                   src->opt.jobs);
    }
    host->text(plan, "tools: PostgreSQL %s in %s\n", src->tools.version, src->tools.dir);
}

/* Tools that can read the archive and know the server. */
static enum hangar_rc find_tools(struct pg_source *src)
{
    const char *client = src->host->attr_get(src->restore->how->facts, "client_version");
    int archive = client ? atoi(client) : 0, server = src->restore->server_version / 10000;
    return pg_find_tools(src, archive > server ? archive : server);
}

/* The directory holds every object that is spooled before it is used. */
static enum hangar_rc make_room(struct pg_source *src)
{
    const struct hangar_restore *how = src->restore->how;
    uint64_t bytes = 1024 * 1024;
    for (size_t i = 0; i < how->object_count; i++) {
        if (how->objects[i].phase < 2) {
            bytes += how->objects[i].size_hint;
        }
    }
    return src->host->temp_dir(src->ctx, bytes, &src->restore->dir);
}

enum hangar_rc pg_restore_prepare(void *inst, const struct hangar_restore *how)
{
    struct pg_source *src = inst;
    struct pg_restore *restore = src->restore = calloc(1, sizeof(*restore));
    if (!restore) {
        return PG_NO_MEMORY(src);
    }
    pthread_mutex_init(&restore->mutex, NULL);
    restore->how = how;
    enum hangar_rc rc = find_targets(src);
    restore->clean = how->flags & HANGAR_RESTORE_CLEAN;
    restore->dry = how->flags & HANGAR_RESTORE_DRY_RUN;
    restore->disconnect = how->flags & HANGAR_RESTORE_DISCONNECT;
    if (rc == HANGAR_OK && restore->clean) {
        rc = pg_clean_prepare(src);
    }
    for (size_t i = 0; rc == HANGAR_OK && !restore->clean && i < restore->target_count; i++) {
        if (!restore->targets[i].skipped) {
            rc = pg_target_look(&restore->targets[i], &restore->server_version);
        }
    }
    if (rc == HANGAR_OK) {
        rc = find_tools(src);
    }
    if (rc == HANGAR_OK && restore->dry) {
        write_plan(src);
    } else if (rc == HANGAR_OK) {
        rc = make_room(src);
    }
    return rc;
}

/* ---- objects ------------------------------------------------------------------------- */

static struct pg_target *target_of(struct pg_source *src, const char *name)
{
    struct pg_restore *restore = src->restore;
    size_t n = strcspn(name, "/");
    for (size_t i = 0; i < restore->target_count; i++) {
        if (strlen(restore->targets[i].folder) == n &&
            memcmp(restore->targets[i].folder, name, n) == 0) {
            return &restore->targets[i];
        }
    }
    return NULL;
}

/* Opens a file for an object that is needed whole later; *path is set for it. */
static enum hangar_rc open_spool(struct pg_writer *writer, char **path, const char *kind,
                                 size_t number)
{
    struct pg_source *src = writer->src;
    char *file = pg_format("%s/%zu.%s", src->restore->dir, number, kind);
    if (!file) {
        return PG_NO_MEMORY(src);
    }
    writer->fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (writer->fd < 0) {
        enum hangar_rc rc = src->host->fail(src->ctx, HANGAR_IO, errno, "cannot make %s", file);
        free(file);
        return rc;
    }
    *path = file;
    return HANGAR_OK;
}

static enum hangar_rc open_object(struct pg_writer *writer)
{
    struct pg_source *src = writer->src;
    struct pg_restore *restore = src->restore;
    if (strcmp(writer->name, "globals.sql") == 0) {
        writer->discard = src->opt.globals == PG_GLOBALS_NONE;
        return writer->discard ? HANGAR_OK : open_spool(writer, &restore->globals_path, "sql", 0);
    }
    struct pg_target *target = target_of(src, writer->name);
    const char *file = strchr(writer->name, '/');
    if (!target || !file) {
        return src->host->fail(src->ctx, HANGAR_CORRUPT, 0, "cannot restore %s: what is it?",
                               writer->name);
    }
    size_t number = (size_t)(target - restore->targets) + 1;
    writer->discard = target->skipped;
    if (target->skipped) {
        return HANGAR_OK;
    }
    if (strcmp(file, "/schema.dump") == 0) {
        return open_spool(writer, &target->schema_path, "schema", number);
    }
    if (strcmp(file, "/large_objects.dump") == 0) {
        return open_spool(writer, &target->large_path, "large", number);
    }
    if (strcmp(file, "/tables.jsonl") == 0) {
        return open_spool(writer, &target->tables_path, "tables", number);
    }
    bool sequences = strcmp(file, "/sequences.sql") == 0;
    if (!sequences && strncmp(file, "/data/", 6) != 0) {
        return src->host->fail(src->ctx, HANGAR_CORRUPT, 0, "cannot restore %s: what is it?",
                               writer->name);
    }
    enum hangar_rc rc = pg_rows_open(target, sequences, &writer->rows);
    writer->has_rows = rc == HANGAR_OK;
    return rc;
}

enum hangar_rc pg_restore_open(void *inst, const struct hangar_object_info *info,
                               struct hangar_object **out)
{
    struct pg_source *src = inst;
    struct pg_writer *writer = calloc(1, sizeof(*writer));
    if (!writer) {
        return PG_NO_MEMORY(src);
    }
    writer->src = src;
    writer->fd = -1;
    snprintf(writer->name, sizeof(writer->name), "%s", info->name);
    enum hangar_rc rc = open_object(writer);
    if (rc == HANGAR_OK) {
        *out = (struct hangar_object *)writer;
    } else {
        free(writer);
    }
    return rc;
}

enum hangar_rc pg_restore_write(struct hangar_object *object, const void *data, size_t size)
{
    struct pg_writer *writer = (struct pg_writer *)object;
    if (writer->has_rows) {
        return pg_rows_write(&writer->rows, data, size);
    }
    const char *at = data;
    while (size && !writer->discard) {
        ssize_t n = write(writer->fd, at, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return writer->src->host->fail(writer->src->ctx,
                                           errno == ENOSPC ? HANGAR_NO_SPACE : HANGAR_IO, errno,
                                           "cannot keep %s", writer->name);
        }
        at += n;
        size -= (size_t)n;
    }
    return HANGAR_OK;
}

enum hangar_rc pg_restore_close(struct hangar_object *object, int complete)
{
    struct pg_writer *writer = (struct pg_writer *)object;
    struct pg_source *src = writer->src;
    enum hangar_rc rc = HANGAR_OK;
    if (writer->has_rows) {
        rc = pg_rows_close(&writer->rows, complete);
    }
    if (writer->fd >= 0 && close(writer->fd) != 0) {
        rc = src->host->fail(src->ctx, HANGAR_IO, errno, "cannot keep %s", writer->name);
    }
    pthread_mutex_lock(&src->restore->mutex);
    src->restore->objects++;
    pthread_mutex_unlock(&src->restore->mutex);
    free(writer);
    return rc;
}

/* ---- pg_restore ------------------------------------------------------------------------ */

static enum hangar_rc run_section(struct pg_target *target, const char *archive,
                                  const char *section, uint32_t jobs, const char *doing)
{
    struct pg_source *src = target->src;
    struct pg_args args = {0};
    struct text database = {0};
    struct pg_child *child = NULL;
    pg_add_conninfo(&database, target->into);
    pg_arg(&args, "pg_restore");
    pg_arg(&args, "--no-password");
    pg_arg(&args, "--exit-on-error");
    pg_arg(&args, "--section=%s", section);
    if (target->no_tablespaces) {
        pg_arg(&args, "--no-tablespaces");
    }
    if (jobs > 1) {
        pg_arg(&args, "--jobs=%u", jobs);
    }
    pg_arg(&args, "--dbname=%s", text_str(&database));
    pg_arg(&args, "%s", archive);
    args.failed |= database.failed;
    text_free(&database);
    src->host->alive(src->ctx, doing);
    enum hangar_rc rc = pg_spawn(src, "pg_restore", NULL, &args, false, &child);
    if (rc == HANGAR_OK && (rc = pg_child_finish(child, doing)) != HANGAR_OK) {
        const struct pg_error *err = pg_child_error(child);
        bool role = strstr(err->text, "role \"") && strstr(err->text, "does not exist");
        rc = pg_raise(src, err, "cannot restore the %s of database %s%s", section, target->name,
                      role ? " (a role is missing: create it, or set globals to missing)" : "");
    }
    pg_child_free(child);
    pg_args_free(&args);
    return rc;
}

static enum hangar_rc begin_target(struct pg_target *target)
{
    if (!target->schema_path) {
        return target->src->host->fail(target->src->ctx, HANGAR_CORRUPT, 0,
                                       "cannot restore database %s: its schema.dump is missing",
                                       target->name);
    }
    enum hangar_rc rc = pg_target_create(target);
    if (rc != HANGAR_OK) {
        return rc;
    }
    target->touched = true;
    return run_section(target, target->schema_path, "pre-data", 1, "restoring definitions");
}

/* Statistics, and everything so far onto the disk: sessions that wrote rows did not
 * wait for that, and a transaction that does takes all earlier ones along. */
static enum hangar_rc settle_target(struct pg_target *target)
{
    struct pg_conn *conn;
    enum hangar_rc rc = pg_target_open(target, target->into, false, &conn);
    if (rc != HANGAR_OK) {
        return rc;
    }
    conn->doing = "collecting statistics";
    if (pg_command(conn, "SET statement_timeout = 0; SET client_min_messages = error") !=
            HANGAR_OK ||
        (target->src->opt.analyze && pg_command(conn, "ANALYZE") != HANGAR_OK) ||
        pg_command(conn, "SELECT txid_current()") != HANGAR_OK) {
        rc = pg_raise(target->src, &conn->err, "cannot analyze database %s", target->name);
    }
    pg_close(conn);
    return rc;
}

/* Large objects, sequences and extensions' rows; with very many tables they are not
 * in schema.dump. */
static enum hangar_rc restore_data_section(struct pg_target *target)
{
    static const char doing[] = "restoring large objects and sequences";
    enum hangar_rc rc = run_section(target, target->schema_path, "data", 1, doing);
    if (rc == HANGAR_OK && target->large_path) {
        rc = run_section(target, target->large_path, "data", 1, doing);
    }
    return rc;
}

static void close_idle(struct pg_target *target)
{
    while (target->idle_count) {
        pg_close(target->idle[--target->idle_count]);
    }
}

static enum hangar_rc finish_target(struct pg_target *target)
{
    struct pg_source *src = target->src;
    close_idle(target);
    enum hangar_rc rc = pg_tally_check(target);
    if (rc == HANGAR_OK && (src->restore->how->flags & HANGAR_RESTORE_COMPARE)) {
        rc = pg_compare(target);
    }
    if (rc == HANGAR_OK) {
        rc = restore_data_section(target);
    }
    if (rc == HANGAR_OK) {
        rc = run_section(target, target->schema_path, "post-data", src->opt.jobs,
                         "building indexes and constraints");
    }
    if (rc == HANGAR_OK) {
        rc = settle_target(target);
    }
    if (rc == HANGAR_OK) {
        rc = pg_target_properties(target);
    }
    target->finished = rc == HANGAR_OK;
    return rc;
}

/* ---- between phases, and the end ---------------------------------------------------------- */

static enum hangar_rc restore_roles(struct pg_source *src)
{
    struct pg_restore *restore = src->restore;
    if (restore->roles_done || !restore->globals_path) {
        return HANGAR_OK;
    }
    restore->roles_done = true;
    return pg_roles_restore(src, restore->globals_path);
}

enum hangar_rc pg_restore_phase_end(void *inst, uint32_t phase)
{
    struct pg_source *src = inst;
    struct pg_restore *restore = src->restore;
    if (phase == 0) {
        return restore_roles(src);
    }
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < restore->target_count && rc == HANGAR_OK; i++) {
        if (!restore->targets[i].skipped) {
            rc = phase == 1 ? begin_target(&restore->targets[i])
                            : finish_target(&restore->targets[i]);
        }
    }
    return rc;
}

static void free_restore(struct pg_source *src)
{
    struct pg_restore *restore = src->restore;
    for (size_t i = 0; i < restore->target_count; i++) {
        struct pg_target *target = &restore->targets[i];
        pg_tally_free(&target->tally);
        free(target->schema_path);
        free(target->large_path);
        free(target->tables_path);
        free(target->folder);
        pg_clean_free(target);
    }
    pg_close(restore->keeper);
    free(restore->targets);
    free(restore->globals_path);
    pthread_mutex_destroy(&restore->mutex);
    free(restore);
    src->restore = NULL;
}

/* A database without rows has no phase 2: then its end comes here. */
static enum hangar_rc finish_rest(struct pg_source *src)
{
    struct pg_restore *restore = src->restore;
    for (size_t i = 0; i < restore->target_count; i++) {
        struct pg_target *target = &restore->targets[i];
        enum hangar_rc rc = target->skipped || target->finished ? HANGAR_OK : finish_target(target);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    return HANGAR_OK;
}

/* Each table that was read back had the rows and the digest of the backup, or we would
 * not be here. */
static void report_proof(const struct pg_restore *restore, const struct hangar_host *host,
                         struct hangar_attrs *report)
{
    uint64_t tables = 0, rows = 0;
    for (size_t i = 0; i < restore->target_count; i++) {
        const struct pg_target *target = &restore->targets[i];
        tables += target->compared_tables;
        rows += target->compared_rows;
        if (target->locale) {
            host->attr_setf(report, "substituted_locale", "%s in database %s", target->locale,
                            target->name);
        }
    }
    if (!(restore->how->flags & HANGAR_RESTORE_COMPARE)) {
        return;
    }
    host->attr_setf(report, "compared_tables", "%llu", (unsigned long long)tables);
    host->attr_setf(report, "compared_rows", "%llu", (unsigned long long)rows);
    host->attr_setf(report, "compared_digests", "%llu", (unsigned long long)tables);
}

enum hangar_rc pg_restore_end(void *inst, struct hangar_attrs *report)
{
    struct pg_source *src = inst;
    struct pg_restore *restore = src->restore;
    const struct hangar_host *host = src->host;
    if (!restore) {
        return HANGAR_OK;
    }
    bool dry = restore->dry;
    enum hangar_rc rc = report && !dry ? finish_rest(src) : HANGAR_OK;
    if (rc == HANGAR_OK && report && !dry && restore->clean) {
        rc = pg_clean_swap(src, report);
    }
    uint64_t tables = 0, rows = 0, databases = 0;
    for (size_t i = 0; i < restore->target_count; i++) {
        struct pg_target *target = &restore->targets[i];
        close_idle(target);
        if ((!report || rc != HANGAR_OK) && !dry) {
            pg_target_undo(target);
        }
        tables += target->tables;
        rows += target->rows;
        databases += !target->skipped;
    }
    if (report && rc == HANGAR_OK && !dry) {
        host->attr_setf(report, "databases", "%llu", (unsigned long long)databases);
        host->attr_setf(report, "objects", "%llu", (unsigned long long)restore->objects);
        host->attr_setf(report, "tables", "%llu", (unsigned long long)tables);
        host->attr_setf(report, "rows", "%llu", (unsigned long long)rows);
        report_proof(restore, host, report);
    }
    free_restore(src);
    return rc;
}
