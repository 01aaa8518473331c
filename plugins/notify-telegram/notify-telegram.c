/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * notify-telegram: sends each event to a chat through a bot (sendMessage of the Telegram Bot API).
 * It sets no parse mode: the API would refuse a message in which "_" or "<" of a name is not valid
 * markup.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "sender.h"

enum { TELEGRAM_TEXT_SIZE = 4000 }; /* bytes; the API accepts 4096 characters */

struct telegram {
    struct sender sender;
    const char *token, *chat, *api;
    int64_t thread;
    bool silent;
};

static const struct hangar_option options[] = {
    {.name = "token",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_REQUIRED | HANGAR_OPT_SECRET,
     .help = "Token of the bot, from @BotFather."},
    {.name = "chat",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_REQUIRED,
     .help = "Id of the chat, such as -1001234567890, or @name of a public channel."},
    {.name = "thread", .type = HANGAR_OPT_INT, .help = "Id of a topic, in a group with topics."},
    {.name = "silent",
     .type = HANGAR_OPT_BOOL,
     .default_value = "false",
     .help = "Send events below the level of a warning without a sound."},
    {.name = "api",
     .type = HANGAR_OPT_STRING,
     .default_value = "https://api.telegram.org",
     .help = "URL of the Bot API, for a server of your own."},
    SENDER_OPTIONS("10s"),
    {.name = NULL}};

static enum hangar_rc telegram_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                      void **out)
{
    struct telegram *t = sender_new(host, ctx, sizeof(*t));
    if (!t) {
        return HANGAR_NO_MEMORY;
    }
    t->token = host->opt_string(ctx, "token");
    t->chat = host->opt_string(ctx, "chat");
    t->api = host->opt_string(ctx, "api");
    t->thread = host->opt_int(ctx, "thread");
    t->silent = host->opt_bool(ctx, "silent") != 0;
    if (!t->token[0] || strspn(t->token, "0123456789abcdefghijklmnopqrstuvwxyz"
                                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ:_-") != strlen(t->token)) {
        free(t);
        return host->fail_option(ctx, "token",
                                 "not a bot token; hint: a token looks like 123456:ABC-DEF");
    }
    *out = t;
    return HANGAR_OK;
}

static char *telegram_body(const struct telegram *t, const struct hangar_event *event)
{
    char text[TELEGRAM_TEXT_SIZE];
    message_text(event, text, sizeof(text));
    json_t *doc =
        json_pack("{s:s, s:s, s:b}", "chat_id", t->chat, "text", text, "disable_notification",
                  (int)(t->silent && event->level > HANGAR_LOG_WARN));
    if (doc && t->thread) {
        json_object_set_new(doc, "message_thread_id", json_integer(t->thread));
    }
    char *body = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
    json_decref(doc);
    return body;
}

static enum hangar_rc telegram_notify(void *inst, const struct hangar_event *event)
{
    struct telegram *t = inst;
    char *url = NULL;
    char *body = telegram_body(t, event);
    enum hangar_rc rc;
    if (!body || asprintf(&url, "%s/bot%s/sendMessage", t->api, t->token) < 0) {
        url = NULL;
        rc = sender_no_memory(&t->sender);
    } else {
        rc = sender_post(&t->sender, url, SENDER_JSON, NULL, body);
    }
    if (url) {
        explicit_bzero(url, strlen(url));
    }
    free(url);
    free(body);
    return rc;
}

static const struct hangar_notifier notifier = {.struct_size = sizeof(notifier),
                                                .notify = telegram_notify};

static const struct hangar_plugin plugin = {
    HANGAR_PLUGIN_HEADER,
    .name = "notify-telegram",
    .version = HANGAR_PLUGIN_VERSION,
    .summary = "sends events to a Telegram chat",
    .license = "Apache-2.0",
    .options = options,
    .create = telegram_create,
    .destroy = free,
    .cancel = sender_cancel,
    .notifier = &notifier,
};
HANGAR_PLUGIN(plugin)
