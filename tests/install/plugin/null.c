/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * null: an external plugin.  It is built against an installed hangar with the flags of
 * pkg-config or CMake, and listed by the installed program.
 */
#include <hangar/plugin.h>

static enum hangar_rc null_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                  void **out)
{
    host->log(ctx, HANGAR_LOG_DEBUG, "the null notifier sends nothing");
    *out = ctx;
    return HANGAR_OK;
}

static void null_destroy(void *inst)
{
    (void)inst;
}

static enum hangar_rc null_notify(void *inst, const struct hangar_event *event)
{
    (void)inst;
    (void)event;
    return HANGAR_OK;
}

static const struct hangar_notifier notifier = {
    .struct_size = sizeof notifier,
    .notify = null_notify,
};

static const struct hangar_plugin plugin = {
    HANGAR_PLUGIN_HEADER,       .name = "null",          .version = "1.0.0",
    .summary = "sends nothing", .license = "Apache-2.0", .create = null_create,
    .destroy = null_destroy,    .notifier = &notifier,
};
HANGAR_PLUGIN(plugin)
