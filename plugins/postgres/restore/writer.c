/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * writer: objects being written.  Objects that are needed whole later are spooled to a file;
 * rows are loaded as they arrive.
 */
#include "restore/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "restore/rows/last_rows.h"
#include "restore/rows/rows_in.h"
#include "restore/target/restore_state.h"
#include "server/instance/args.h"
#include "server/instance/error.h"

/* An object being written: the struct hangar_object of a restore. */
struct pg_writer {
    struct pg_source *src;
    char name[512];
    int fd;       /* of the spool file; -1: none */
    bool discard; /* of a database that is left out */
    bool has_rows;
    struct pg_rows rows;
};

static struct pg_target *target_of_object(struct pg_source *src, const char *name)
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

/* Creates the file of an object that is needed whole later, and sets *path to it. */
static enum hangar_rc open_spool(struct pg_writer *writer, char **path, const char *kind,
                                 size_t number)
{
    struct pg_source *src = writer->src;
    char *file = pg_format("%s/%zu.%s", src->restore->dir, number, kind);
    if (!file) {
        return pg_no_memory(src);
    }
    writer->fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (writer->fd < 0) {
        enum hangar_rc rc = src->host->fail(src->ctx, HANGAR_IO, errno, "cannot create %s", file);
        free(file);
        return rc;
    }
    *path = file;
    return HANGAR_OK;
}

static enum hangar_rc open_last_rows(struct pg_writer *writer, struct pg_target *target)
{
    char *path = NULL, kind[32];
    const char *file = strrchr(writer->name, '/') + 1;
    snprintf(kind, sizeof(kind), "rows.%.20s", file);
    enum hangar_rc rc = open_spool(writer, &path, kind, target->number);
    if (rc == HANGAR_OK) {
        rc = pg_last_rows_add(target, file, path);
    }
    return rc;
}

static enum hangar_rc open_writer_object(struct pg_writer *writer,
                                         const struct hangar_object_info *info)
{
    struct pg_source *src = writer->src;
    struct pg_restore *restore = src->restore;
    if (strcmp(writer->name, "globals.sql") == 0) {
        writer->discard = src->opt.globals == PG_GLOBALS_NONE;
        return writer->discard ? HANGAR_OK : open_spool(writer, &restore->globals_path, "sql", 0);
    }
    struct pg_target *target = target_of_object(src, writer->name);
    const char *file = strchr(writer->name, '/');
    if (!target || !file) {
        return src->host->fail(
            src->ctx, HANGAR_CORRUPT, 0,
            "cannot restore %s: this is not the name of any object that hangar writes",
            writer->name);
    }
    writer->discard = target->skipped;
    if (target->skipped) {
        return HANGAR_OK;
    }
    if (strcmp(file, "/schema.dump") == 0) {
        return open_spool(writer, &target->schema_path, "schema", target->number);
    }
    if (strcmp(file, "/large_objects.dump") == 0) {
        return open_spool(writer, &target->large_path, "large", target->number);
    }
    if (strcmp(file, "/tables.jsonl") == 0) {
        return open_spool(writer, &target->tables_path, "tables", target->number);
    }
    bool sequences = strcmp(file, "/sequences.sql") == 0;
    if (!sequences && strncmp(file, "/data/", 6) != 0) {
        return src->host->fail(
            src->ctx, HANGAR_CORRUPT, 0,
            "cannot restore %s: this is not the name of any object that hangar writes",
            writer->name);
    }
    if (pg_is_of_last_rows(src, info)) {
        return open_last_rows(writer, target);
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
        return pg_no_memory(src);
    }
    writer->src = src;
    writer->fd = -1;
    snprintf(writer->name, sizeof(writer->name), "%s", info->name);
    enum hangar_rc rc = open_writer_object(writer, info);
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
                                           "cannot write the spool file of %s", writer->name);
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
        rc = src->host->fail(src->ctx, HANGAR_IO, errno, "cannot write the spool file of %s",
                             writer->name);
    }
    pthread_mutex_lock(&src->restore->mutex);
    src->restore->objects++;
    pthread_mutex_unlock(&src->restore->mutex);
    free(writer);
    return rc;
}
