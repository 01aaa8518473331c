/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * source: backs one file up and restores it.  Built from a frozen header:
 * it shows what a plugin of that release could rely on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <hangar/plugin.h>

struct example {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    const char *file;
    int done;
};

struct hangar_object {
    struct example *example;
    FILE *file;
};

static const struct hangar_option options[] = {
    {.name = "file", .type = HANGAR_OPT_PATH, .flags = HANGAR_OPT_REQUIRED, .help = "the file"},
    {.name = NULL}};

static enum hangar_rc abi_source_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                        void **out)
{
    struct example *e = calloc(1, sizeof(*e));
    if (!e) {
        return host->fail(ctx, HANGAR_NO_MEMORY, 0, "out of memory");
    }
    *e = (struct example){host, ctx, host->opt_string(ctx, "file"), 0};
    *out = e;
    return HANGAR_OK;
}

static enum hangar_rc abi_source_check(void *inst, struct hangar_attrs *facts)
{
    struct example *e = inst;
    e->host->attr_set(facts, "file", e->file);
    return HANGAR_OK;
}

static enum hangar_rc abi_source_prepare(void *inst)
{
    ((struct example *)inst)->done = 0;
    return HANGAR_OK;
}

static enum hangar_rc abi_source_begin(void *inst, int64_t *time_ms, struct hangar_attrs *point)
{
    struct example *e = inst;
    e->host->attr_setf(point, "offset", "%d", 0);
    *time_ms = 1768442400000;
    return HANGAR_OK;
}

static enum hangar_rc open_file(struct example *e, const char *mode, struct hangar_object **out)
{
    struct hangar_object *object = calloc(1, sizeof(*object));
    if (!object) {
        return e->host->fail(e->ctx, HANGAR_NO_MEMORY, 0, "out of memory");
    }
    object->example = e;
    object->file = fopen(e->file, mode);
    if (!object->file) {
        int why = errno;
        free(object);
        return e->host->fail(e->ctx, HANGAR_IO, why, "cannot open %s", e->file);
    }
    *out = object;
    return HANGAR_OK;
}

static enum hangar_rc abi_source_next(void *inst, struct hangar_object_info *info,
                                      struct hangar_object **out)
{
    struct example *e = inst;
    if (e->done) {
        return HANGAR_EOF;
    }
    e->done = 1;
    info->name = "file";
    return open_file(e, "r", out);
}

static enum hangar_rc abi_source_read_file(struct hangar_object *object, void *buffer, size_t size,
                                           size_t *got)
{
    *got = fread(buffer, 1, size, object->file);
    return HANGAR_OK;
}

static enum hangar_rc close_file(struct hangar_object *object, struct hangar_attrs *attrs)
{
    if (attrs) {
        object->example->host->attr_set(attrs, "kind", "file");
    }
    fclose(object->file);
    free(object);
    return HANGAR_OK;
}

static enum hangar_rc abi_source_end(void *inst, struct hangar_attrs *facts)
{
    struct example *e = inst;
    if (facts) {
        e->host->attr_set(facts, "files", "1");
    }
    return HANGAR_OK;
}

static enum hangar_rc abi_source_restore_prepare(void *inst, const struct hangar_restore *how)
{
    struct example *e = inst;
    const char *files = e->host->attr_get(how->facts, "files");
    e->host->text(how->plan, "write %s file of %zu\n", files ? files : "no", how->object_count);
    return files ? HANGAR_OK : e->host->fail(e->ctx, HANGAR_CORRUPT, 0, "the facts are lost");
}

static enum hangar_rc abi_source_restore_open(void *inst, const struct hangar_object_info *info,
                                              struct hangar_object **out)
{
    struct example *e = inst;
    if (!e->host->attr_get(info->attrs, "kind")) {
        return e->host->fail(e->ctx, HANGAR_CORRUPT, 0, "the attributes are lost");
    }
    return open_file(e, "w", out);
}

static enum hangar_rc abi_source_restore_write(struct hangar_object *object, const void *data,
                                               size_t size)
{
    return fwrite(data, 1, size, object->file) == size ? HANGAR_OK : HANGAR_IO;
}

static enum hangar_rc abi_source_restore_close(struct hangar_object *object, int complete)
{
    enum hangar_rc rc = fclose(object->file) == 0 || !complete ? HANGAR_OK : HANGAR_IO;
    free(object);
    return rc;
}

static const struct hangar_source source = {.struct_size = sizeof(source),
                                            .check = abi_source_check,
                                            .prepare = abi_source_prepare,
                                            .begin = abi_source_begin,
                                            .next = abi_source_next,
                                            .read = abi_source_read_file,
                                            .close = close_file,
                                            .end = abi_source_end,
                                            .restore_prepare = abi_source_restore_prepare,
                                            .restore_open = abi_source_restore_open,
                                            .restore_write = abi_source_restore_write,
                                            .restore_close = abi_source_restore_close,
                                            .restore_end = abi_source_end};

static const struct hangar_plugin plugin = {
    HANGAR_PLUGIN_HEADER,           .name = "example-source", .version = "1.0.0",
    .summary = "backs one file up", .license = "Apache-2.0",  .options = options,
    .create = abi_source_create,    .destroy = free,          .source = &source};
HANGAR_PLUGIN(plugin)
