/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test-notifier: appends each event to a file, and fails as its options demand.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <hangar/plugin.h>

struct notifier {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    int64_t calls;
};

static const struct hangar_option options[] = {
    {.name = "file", .type = HANGAR_OPT_PATH, .flags = HANGAR_OPT_REQUIRED, .help = "of events"},
    {.name = "fail_first",
     .type = HANGAR_OPT_INT,
     .default_value = "0",
     .help = "how many calls fail, and may succeed later"},
    {.name = "refuse", .type = HANGAR_OPT_BOOL, .default_value = "false", .help = "all fail"},
    {.name = "secret", .type = HANGAR_OPT_STRING, .flags = HANGAR_OPT_SECRET, .help = "a secret"},
    {.name = NULL}};

static enum hangar_rc test_notifier_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                           void **out)
{
    struct notifier *n = calloc(1, sizeof(*n));
    if (!n) {
        return host->fail(ctx, HANGAR_NO_MEMORY, 0, "out of memory");
    }
    *n = (struct notifier){host, ctx, 0};
    *out = n;
    return HANGAR_OK;
}

static enum hangar_rc test_notifier_notify(void *inst, const struct hangar_event *e)
{
    struct notifier *n = inst;
    const char *path = n->host->opt_string(n->ctx, "file");
    if (n->host->opt_bool(n->ctx, "refuse")) {
        return n->host->fail(n->ctx, HANGAR_AUTH, 0, "the receiver is closed");
    }
    if (n->calls++ < n->host->opt_int(n->ctx, "fail_first")) {
        return n->host->fail(n->ctx, HANGAR_RETRY, 0, "the line is busy");
    }
    FILE *f = fopen(path, "a");
    if (!f) {
        return n->host->fail(n->ctx, HANGAR_INTERNAL, errno, "cannot open %s", path);
    }
    fprintf(f, "%s level=%u pipeline=%s id=%s call=%lld %s\n", e->kind, e->level,
            e->pipeline ? e->pipeline : "-", e->backup_id ? e->backup_id : "-", (long long)n->calls,
            e->json && e->json[0] == '{' ? "json" : "none");
    fclose(f);
    return HANGAR_OK;
}

static const struct hangar_notifier notifier = {.struct_size = sizeof(notifier),
                                                .notify = test_notifier_notify};

static const struct hangar_plugin plugin = {
    HANGAR_PLUGIN_HEADER,           .name = "test-notifier", .version = "1.0.0",
    .summary = "for tests",         .license = "Apache-2.0", .options = options,
    .create = test_notifier_create, .destroy = free,         .notifier = &notifier,
};
HANGAR_PLUGIN(plugin)
