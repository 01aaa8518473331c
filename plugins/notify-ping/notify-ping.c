/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * notify-ping: a dead man's switch: pings an external service (healthchecks or similar) at the
 * beginning and the end of each backup.  The service raises an alarm when no ping arrives in time,
 * also when this machine has failed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "sender.h"

enum { PING_TEXT_SIZE = 8192 }; /* bytes */

struct ping {
    struct sender sender;
    const char *url;
};

static const struct hangar_option options[] = {
    {.name = "url",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_REQUIRED | HANGAR_OPT_SECRET,
     .help = "URL to ping; /start and /fail are appended. A secret, as it contains a token."},
    SENDER_OPTIONS("10s"),
    {.name = NULL}};

static enum hangar_rc ping_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                  void **out)
{
    struct ping *p = sender_new(host, ctx, sizeof(*p));
    if (!p) {
        return HANGAR_NO_MEMORY;
    }
    p->url = host->opt_string(ctx, "url");
    if (!sender_is_web(p->url) || strpbrk(p->url, "?#")) {
        free(p);
        return host->fail_option(ctx, "url",
                                 "must begin with https:// or http:// and contain no "
                                 "\"?\" or \"#\"");
    }
    *out = p;
    return HANGAR_OK;
}

/* What to append to the URL for an event of this kind; NULL: send no ping. */
static const char *ping_path(const char *kind)
{
    const char *dot = strrchr(kind, '.');
    if (!dot) {
        return strcmp(kind, "test") == 0 ? "" : NULL;
    }
    if (strcmp(dot, ".start") == 0) {
        return "/start";
    }
    if (strcmp(dot, ".failed") == 0) {
        return "/fail";
    }
    return strcmp(dot, ".done") == 0 || strcmp(dot, ".degraded") == 0 ? "" : NULL;
}

static enum hangar_rc ping_notify(void *inst, const struct hangar_event *event)
{
    struct ping *p = inst;
    const char *path = ping_path(event->kind);
    if (!path) {
        return HANGAR_OK;
    }
    size_t length = strlen(p->url);
    while (length > 0 && p->url[length - 1] == '/') {
        length--;
    }
    char text[PING_TEXT_SIZE];
    message_text(event, text, sizeof(text));
    char *url;
    if (asprintf(&url, "%.*s%s", (int)length, p->url, path) < 0) {
        return sender_no_memory(&p->sender);
    }
    enum hangar_rc rc = sender_post(&p->sender, url, "text/plain; charset=utf-8", NULL, text);
    explicit_bzero(url, strlen(url));
    free(url);
    return rc;
}

static const struct hangar_notifier notifier = {.struct_size = sizeof(notifier),
                                                .notify = ping_notify};

static const struct hangar_plugin plugin = {
    HANGAR_PLUGIN_HEADER,
    .name = "notify-ping",
    .version = HANGAR_PLUGIN_VERSION,
    .summary = "pings a service that raises an alarm when backups stop",
    .license = "Apache-2.0",
    .options = options,
    .create = ping_create,
    .destroy = free,
    .cancel = sender_cancel,
    .notifier = &notifier,
};
HANGAR_PLUGIN(plugin)
