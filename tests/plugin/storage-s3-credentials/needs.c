/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * needs: a plugin that has the options of the credentials, so that the fake host accepts them.  It
 * stores nothing.
 */
#include <hangar/plugin.h>
#include "keys/credentials.h"

static const struct hangar_option options[] = {
    S3_CREDENTIAL_OPTIONS,
    {.name = "region", .type = HANGAR_OPT_STRING, .help = "Region."},
    {.name = "ca_file", .type = HANGAR_OPT_PATH, .help = "CA certificates."},
    {.name = "proxy", .type = HANGAR_OPT_STRING, .help = "Proxy."},
    {.name = NULL},
};

static char instance;

static enum hangar_rc needs_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                   void **out)
{
    (void)host;
    (void)ctx;
    *out = &instance;
    return HANGAR_OK;
}

static void needs_destroy(void *inst)
{
    (void)inst;
}

static const struct hangar_sink sink = {.struct_size = sizeof(sink)};

static const struct hangar_plugin plugin = {
    HANGAR_PLUGIN_HEADER,    .name = "needs",
    .version = "1",          .summary = "has the options of credentials",
    .license = "Apache-2.0", .options = options,
    .create = needs_create,  .destroy = needs_destroy,
    .sink = &sink,
};
HANGAR_PLUGIN(plugin)
