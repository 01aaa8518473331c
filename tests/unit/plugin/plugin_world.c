/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * plugin_world: see plugin_world.h.
 */
#include "plugin_world.h"

#include <check.h>
#include <string.h>

struct world world;

static void plugin_world_write_log(void *arg, const struct hg_log_record *record)
{
    hg_str_addf(arg, "%d %s\n", (int)record->level, record->message);
}

void world_begin(const char *temp_base)
{
    memset(&world, 0, sizeof(world));
    hg_log_init(&world.log);
    world.log.level = HANGAR_LOG_DEBUG;
    world.log.write = plugin_world_write_log;
    world.log.arg = &world.lines;
    struct hg_job_settings settings = {
        .log = &world.log, .memory_bytes = 1000, .temp_base = temp_base};
    ck_assert_int_eq(hg_job_begin(&world.job, &settings, NULL), HANGAR_OK);
}

void world_end(void)
{
    hg_job_end(&world.job);
    hg_log_fini(&world.log);
    hg_str_free(&world.lines);
}

void world_plugin(struct hg_plugin *plugin, const struct hangar_plugin *d)
{
    static struct hangar_option none;
    memset(plugin, 0, sizeof(*plugin));
    plugin->d = *d;
    /* the core never changes what it copied */
    plugin->options = d->options ? (struct hangar_option *)(uintptr_t)d->options : &none;
    if (d->source) {
        plugin->source = *d->source;
    }
    if (d->transform) {
        plugin->transform = *d->transform;
    }
    if (d->sink) {
        plugin->sink = *d->sink;
    }
    ck_assert_int_eq(pthread_mutex_init(&plugin->serial, NULL), 0);
}

void world_plugin_free(struct hg_plugin *plugin)
{
    pthread_mutex_destroy(&plugin->serial);
}

enum hangar_rc world_open(const struct hg_plugin *plugin, const char *name, struct hangar_ctx **out,
                          struct hg_error *err)
{
    static const struct hg_options none;
    struct hg_instance_spec spec = {
        .plugin = plugin, .kind = "source", .name = name, .options = &none};
    return hg_instance_open(&world.job, &spec, out, err);
}

enum hangar_rc world_create(const struct hangar_host *host, struct hangar_ctx *ctx, void **out)
{
    (void)host;
    *out = ctx;
    return HANGAR_OK;
}

void world_destroy(void *inst)
{
    (void)inst;
}

static struct hg_plugin listing;

struct hangar_ctx *world_open_listing(const char *temp_base,
                                      enum hangar_rc (*list)(void *inst, struct hangar_page *page))
{
    const struct hangar_sink sink = {.struct_size = sizeof(sink), .list = list};
    const struct hangar_plugin descriptor = {HANGAR_PLUGIN_HEADER, .name = "shelf",
                                             .create = world_create, .destroy = world_destroy,
                                             .sink = &sink};
    world_begin(temp_base);
    world_plugin(&listing, &descriptor);
    struct hangar_ctx *ctx;
    ck_assert_int_eq(world_open(&listing, "out", &ctx, NULL), HANGAR_OK);
    return ctx;
}

void world_close_listing(struct hangar_ctx *ctx)
{
    hg_instance_close(ctx);
    world_plugin_free(&listing);
    world_end();
}
