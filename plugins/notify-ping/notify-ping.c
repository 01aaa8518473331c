/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * notify-ping: a dead man's switch: tells a service outside (healthchecks and its
 * like) of each backup's beginning and end.  What tells that backups have stopped
 * is that service, when it hears nothing: also when this machine is gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "send.h"

enum { TEXT_MAX = 8192 };

struct ping {
    struct sender sender;
    const char *url;
};

static const struct hangar_option options[] = {
    {.name = "url",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_REQUIRED | HANGAR_OPT_SECRET,
     .help = "The address to ping; /start and /fail are appended. A secret, as it holds a token."},
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
                                 "it must begin with https:// or http:// and have no "
                                 "\"?\" or \"#\"");
    }
    *out = p;
    return HANGAR_OK;
}

/* What an event is appended as; NULL: it is none of these. */
static const char *path_of(const char *kind)
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
    const char *path = path_of(event->kind);
    char text[TEXT_MAX];
    char *url = NULL;
    size_t length = strlen(p->url);
    if (!path) {
        return HANGAR_OK;
    }
    while (length > 0 && p->url[length - 1] == '/') {
        length--;
    }
    message_text(event, text, sizeof(text));
    if (asprintf(&url, "%.*s%s", (int)length, p->url, path) < 0) {
        return p->sender.host->fail(p->sender.ctx, HANGAR_NO_MEMORY, 0, "out of memory");
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
    .summary = "pings a service that tells when backups stop",
    .license = "Apache-2.0",
    .options = options,
    .create = ping_create,
    .destroy = free,
    .cancel = sender_cancel,
    .notifier = &notifier,
};
HANGAR_PLUGIN(plugin)
