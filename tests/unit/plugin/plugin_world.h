/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * plugin_world: a job and instances of plugins that are made in the test: no files, no
 * dlopen.  One job at a time.
 */
#ifndef TEST_UNIT_PLUGIN_PLUGIN_WORLD_H
#define TEST_UNIT_PLUGIN_PLUGIN_WORLD_H

#include "base/str.h"
#include "plugin/instance.h"

struct world {
    struct hg_log log;
    struct hg_job job;
    struct hg_str lines; /* what was logged, "LEVEL text" a line each; under the log's mutex */
};
extern struct world world;

/* With temporary files below `temp_base`. */
void world_begin(const char *temp_base);
void world_end(void);

/* A plugin of this descriptor; its tables are taken as they are. */
void world_plugin(struct hg_plugin *plugin, const struct hangar_plugin *d);
void world_plugin_free(struct hg_plugin *plugin);

/* An instance NAME of it, without a configuration: all options have their defaults. */
enum hangar_rc world_open(const struct hg_plugin *plugin, const char *name, struct hangar_ctx **out,
                          struct hg_error *err);

/* A world with an instance "out" of a sink that can only list, and its end. */
struct hangar_ctx *world_open_listing(const char *temp_base,
                                      enum hangar_rc (*list)(void *inst, struct hangar_page *page));
void world_close_listing(struct hangar_ctx *ctx);

/* A descriptor's create and destroy that do nothing. */
enum hangar_rc world_create(const struct hangar_host *host, struct hangar_ctx *ctx, void **out);
void world_destroy(void *inst);

#endif
