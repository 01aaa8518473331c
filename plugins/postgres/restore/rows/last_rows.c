/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * last_rows: see last_rows.h.
 */
#include "restore/rows/last_rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "restore/rows/rows_in.h"
#include "restore/target/restore_state.h"
#include "server/instance/error.h"

#define PIECE_BYTES (256 * 1024) /* read from a spool file at once */

struct pg_last_rows {
    char *file, *path; /* path NULL: it is loaded */
};

bool pg_is_of_last_rows(const struct pg_source *src, const struct hangar_object_info *info)
{
    const char *order = info->attrs ? src->host->attr_get(info->attrs, PG_ORDER_ATTR) : NULL;
    return order && strcmp(order, PG_ORDER_LAST_ATTR) == 0;
}

enum hangar_rc pg_last_rows_add(struct pg_target *target, const char *file, char *path)
{
    struct pg_restore *restore = target->src->restore;
    struct pg_last_rows one = {.file = strdup(file), .path = path};
    pthread_mutex_lock(&restore->mutex);
    struct pg_last_rows *all =
        one.file
            ? realloc(target->last_rows, (target->last_rows_count + 1) * sizeof(*target->last_rows))
            : NULL;
    if (all) {
        target->last_rows = all;
        all[target->last_rows_count++] = one;
    }
    pthread_mutex_unlock(&restore->mutex);
    if (!all) {
        free(one.file);
        free(path);
        return pg_no_memory(target->src);
    }
    return HANGAR_OK;
}

/* Names are numbers, of four digits or more. */
static int compare_rows_files(const void *a, const void *b)
{
    const struct pg_last_rows *x = a, *y = b;
    size_t size_x = strlen(x->file), size_y = strlen(y->file);
    if (size_x != size_y) {
        return size_x < size_y ? -1 : 1;
    }
    return strcmp(x->file, y->file);
}

static enum hangar_rc write_spooled(struct pg_target *target, const char *path,
                                    struct pg_rows *rows)
{
    struct pg_source *src = target->src;
    enum hangar_rc rc = HANGAR_OK;
    char *piece = malloc(PIECE_BYTES);
    FILE *file = piece ? fopen(path, "re") : NULL;
    if (!piece) {
        rc = pg_no_memory(src);
    } else if (!file) {
        rc = src->host->fail(src->ctx, HANGAR_IO, errno, "cannot open %s", path);
    }
    size_t n;
    while (rc == HANGAR_OK && (n = fread(piece, 1, PIECE_BYTES, file)) > 0) {
        rc = pg_rows_write(rows, piece, n);
    }
    if (rc == HANGAR_OK && ferror(file)) {
        rc = src->host->fail(src->ctx, HANGAR_IO, errno, "cannot read %s", path);
    }
    if (file) {
        fclose(file);
    }
    free(piece);
    return rc;
}

/* Loads one object.  On HANGAR_OK, err->text is "" or why the server refused its rows. */
static enum hangar_rc load_spooled(struct pg_target *target, struct pg_last_rows *one,
                                   struct pg_error *err)
{
    struct pg_rows rows;
    err->text[0] = '\0';
    enum hangar_rc rc = pg_rows_open(target, false, &rows);
    if (rc != HANGAR_OK) {
        return rc;
    }
    rows.keeps_error = true;
    rc = write_spooled(target, one->path, &rows);
    bool complete = rc == HANGAR_OK;
    enum hangar_rc closed = pg_rows_close(&rows, complete);
    rc = complete ? closed : rc;
    if (rc == HANGAR_OK) {
        unlink(one->path);
        free(one->path);
        one->path = NULL;
    } else if (rows.err.text[0]) {
        *err = rows.err;
        rc = HANGAR_OK;
    }
    return rc;
}

enum hangar_rc pg_last_rows_load(struct pg_target *target)
{
    struct pg_source *src = target->src;
    struct pg_error first = {0};
    bool loaded = true, failed = true;
    enum hangar_rc rc = HANGAR_OK;
    if (target->last_rows_count) {
        qsort(target->last_rows, target->last_rows_count, sizeof(*target->last_rows),
              compare_rows_files);
    }
    while (rc == HANGAR_OK && loaded && failed) {
        loaded = failed = false;
        for (size_t i = 0; i < target->last_rows_count && rc == HANGAR_OK; i++) {
            struct pg_last_rows *one = &target->last_rows[i];
            if (!one->path) {
                continue;
            }
            struct pg_error err;
            rc = load_spooled(target, one, &err);
            loaded |= !one->path;
            if (rc == HANGAR_OK && one->path && !failed) {
                failed = true;
                first = err;
            }
        }
    }
    return rc == HANGAR_OK && failed
               ? pg_raise(src, &first, "cannot load rows of database %s", target->name)
               : rc;
}

void pg_last_rows_free(struct pg_target *target)
{
    for (size_t i = 0; i < target->last_rows_count; i++) {
        free(target->last_rows[i].file);
        free(target->last_rows[i].path);
    }
    free(target->last_rows);
}
