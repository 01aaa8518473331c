/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * run: see run.h.
 */
#include "run.h"

#include <stdlib.h>
#include <string.h>

void run_open(struct run *run, const char *const *settings)
{
    memset(run, 0, sizeof(*run));
    run->fake = fake_host_open("redis");
    run->facts = fake_attrs_new();
    run->point = fake_attrs_new();
    run->attrs = fake_attrs_new();
    run->report = fake_attrs_new();
    run->plan = fake_text_new();
    for (; *settings; settings++) {
        const char *value = strchr(*settings, '=') + 1;
        char name[64] = "";
        memcpy(name, *settings, (size_t)(value - *settings) - 1);
        fake_host_set(run->fake, name, value);
    }
    run->rc = fake_host_create(run->fake, &run->inst);
}

void run_free(struct run *run)
{
    fake_host_close(run->fake);
    fake_attrs_free(run->facts);
    fake_attrs_free(run->point);
    fake_attrs_free(run->attrs);
    fake_attrs_free(run->report);
    fake_text_free(run->plan);
    free(run->data);
    memset(run, 0, sizeof(*run));
}

const char *run_error(struct run *run)
{
    return fake_host_error(run->fake);
}

static const struct hangar_source *run_source(struct run *run)
{
    return fake_host_plugin(run->fake)->source;
}

enum hangar_rc run_check(struct run *run)
{
    if (run->rc == HANGAR_OK) {
        run->rc = run_source(run)->check(run->inst, run->facts);
    }
    return run->rc;
}

enum hangar_rc run_begin(struct run *run)
{
    int64_t time_ms = 0;
    if (run->rc == HANGAR_OK) {
        run->rc = run_source(run)->prepare(run->inst);
    }
    if (run->rc == HANGAR_OK) {
        run->rc = run_source(run)->begin(run->inst, &time_ms, run->point);
    }
    if (run->rc != HANGAR_OK) {
        run_source(run)->end(run->inst, NULL);
    }
    return run->rc;
}

static void keep_run_bytes(void *arg, const void *data, size_t size)
{
    struct run *run = arg;
    if (run->size + size > run->capacity) {
        run->capacity = 2 * (run->size + size);
        run->data = realloc(run->data, run->capacity);
    }
    memcpy(run->data + run->size, data, size);
}

static enum hangar_rc read_run_object(struct run *run, struct hangar_object *object, size_t step,
                                      void (*sink)(void *arg, const void *data, size_t size),
                                      void *arg)
{
    unsigned char *buffer = malloc(step);
    for (;;) {
        size_t got = 0;
        enum hangar_rc rc = run_source(run)->read(object, buffer, step, &got);
        if (rc != HANGAR_OK || got == 0) {
            free(buffer);
            return rc;
        }
        (sink ? sink : keep_run_bytes)(sink ? arg : run, buffer, got);
        run->size += got;
    }
}

enum hangar_rc run_read(struct run *run, size_t step,
                        void (*sink)(void *arg, const void *data, size_t size), void *arg)
{
    struct hangar_object_info info = {.struct_size = sizeof(info)}, none = info;
    struct hangar_object *object = NULL, *other = NULL;
    if (run->rc != HANGAR_OK) {
        return run->rc;
    }
    run->rc = run_source(run)->next(run->inst, &info, &object);
    if (run->rc == HANGAR_OK) {
        run->rc = read_run_object(run, object, step, sink, arg);
        enum hangar_rc closed =
            run_source(run)->close(object, run->rc == HANGAR_OK ? run->attrs : NULL);
        if (run->rc == HANGAR_OK) {
            run->rc = closed;
        }
    }
    if (run->rc == HANGAR_OK && run_source(run)->next(run->inst, &none, &other) != HANGAR_EOF) {
        run->rc = HANGAR_INTERNAL; /* there must be only one object */
    }
    enum hangar_rc ended =
        run_source(run)->end(run->inst, run->rc == HANGAR_OK ? run->facts : NULL);
    if (run->rc == HANGAR_OK) {
        run->rc = ended;
    }
    run->complete = run->rc == HANGAR_OK;
    return run->rc;
}

enum hangar_rc run_backup(struct run *run, size_t step)
{
    run_begin(run);
    return run_read(run, step, NULL, NULL);
}

static enum hangar_rc write_object(struct run *run, const struct hangar_object_info *info,
                                   FILE *file, size_t step)
{
    struct hangar_object *object = NULL;
    enum hangar_rc rc = run_source(run)->restore_open(run->inst, info, &object);
    if (rc != HANGAR_OK) {
        return rc;
    }
    unsigned char *buffer = malloc(step);
    for (size_t n; rc == HANGAR_OK && (n = fread(buffer, 1, step, file)) > 0;) {
        rc = run_source(run)->restore_write(object, buffer, n);
    }
    free(buffer);
    enum hangar_rc closed = run_source(run)->restore_close(object, rc == HANGAR_OK);
    return rc == HANGAR_OK ? closed : rc;
}

enum hangar_rc run_restore_file(struct run *run, FILE *file, size_t step,
                                const struct hangar_attrs *attrs, uint32_t flags)
{
    struct hangar_object_info info = {
        .struct_size = sizeof(info), .name = "dump.rdb", .attrs = attrs ? attrs : run->attrs};
    struct hangar_restore how = {.struct_size = sizeof(how),
                                 .flags = flags,
                                 .facts = run->facts,
                                 .objects = &info,
                                 .object_count = 1,
                                 .plan = run->plan,
                                 .target_empty = &run->target_empty};
    if (run->rc == HANGAR_OK) {
        run->rc = run_source(run)->restore_prepare(run->inst, &how);
    }
    if (run->rc == HANGAR_OK && !(flags & HANGAR_RESTORE_DRY_RUN)) {
        run->rc = write_object(run, &info, file, step);
    }
    if (run->rc == HANGAR_OK && !(flags & HANGAR_RESTORE_DRY_RUN)) {
        run->rc = run_source(run)->restore_phase_end(run->inst, 0);
    }
    enum hangar_rc ended =
        run_source(run)->restore_end(run->inst, run->rc == HANGAR_OK ? run->report : NULL);
    if (run->rc == HANGAR_OK) {
        run->rc = ended;
    }
    run->complete = run->rc == HANGAR_OK;
    return run->rc;
}

enum hangar_rc run_restore(struct run *run, const void *data, size_t size, size_t step,
                           const struct hangar_attrs *attrs, uint32_t flags)
{
    FILE *file = fmemopen((void *)(uintptr_t)data, size, "rb");
    enum hangar_rc rc = run_restore_file(run, file, step, attrs, flags);
    fclose(file);
    return rc;
}
