/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * notify-webhook: sends each event to a URL with POST: as hangar's own document, which can be
 * signed, or in the format of Slack or Discord.
 */
#include <inttypes.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "message.h"
#include "sender.h"

enum { DISCORD_TEXT_SIZE = 1900, SLACK_TEXT_SIZE = 8000 }; /* bytes */

struct webhook {
    struct sender sender;
    const char *url, *format, *secret, *authorization;
};

static const char *const formats[] = {"json", "slack", "discord", NULL};

static const struct hangar_option options[] = {
    {.name = "url",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_REQUIRED | HANGAR_OPT_SECRET,
     .help = "URL to send to. A secret, as it often contains a token."},
    {.name = "format",
     .type = HANGAR_OPT_ENUM,
     .choices = formats,
     .default_value = "json",
     .help = "json: the whole event as hangar.event/1; slack, discord: a text message for these."},
    {.name = "secret",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_SECRET,
     .help = "Key of the signature in the header X-Hangar-Signature."},
    {.name = "authorization",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_SECRET,
     .help = "Value of the header Authorization, such as \"Bearer ...\"."},
    SENDER_OPTIONS("10s"),
    {.name = NULL}};

static enum hangar_rc webhook_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                     void **out)
{
    struct webhook *w = sender_new(host, ctx, sizeof(*w));
    if (!w) {
        return HANGAR_NO_MEMORY;
    }
    w->url = host->opt_string(ctx, "url");
    w->format = host->opt_string(ctx, "format");
    w->secret = host->opt_string(ctx, "secret");
    w->authorization = host->opt_string(ctx, "authorization");
    if (!sender_is_web(w->url)) {
        free(w);
        return host->fail_option(ctx, "url", "must begin with https:// or http://");
    }
    *out = w;
    return HANGAR_OK;
}

/* Escapes the three characters that Slack reads as markup.  malloc'd, NULL when out of memory. */
static char *webhook_escape_slack(const char *text)
{
    char *out = malloc(strlen(text) * 5 + 1), *o = out;
    for (; out && *text; text++) {
        const char *as = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : "&gt;";
        if (strchr("&<>", *text)) {
            o = stpcpy(o, as);
        } else {
            *o++ = *text;
        }
    }
    if (out) {
        *o = '\0';
    }
    return out;
}

/* Makes the body.  malloc'd, NULL when out of memory. */
static char *webhook_body(const struct webhook *w, const struct hangar_event *event)
{
    if (strcmp(w->format, "json") == 0) {
        return strdup(event->json);
    }
    bool slack = strcmp(w->format, "slack") == 0;
    char text[SLACK_TEXT_SIZE];
    message_text(event, text, slack ? SLACK_TEXT_SIZE : DISCORD_TEXT_SIZE);
    char *escaped = slack ? webhook_escape_slack(text) : strdup(text);
    json_t *doc = NULL;
    if (escaped && slack) {
        doc = json_pack("{s:s}", "text", escaped);
    } else if (escaped) { /* an "@name" in an error must not notify that person */
        doc = json_pack("{s:s, s:{s:[]}}", "content", escaped, "allowed_mentions", "parse");
    }
    char *body = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
    json_decref(doc);
    free(escaped);
    return body;
}

/* False: out of memory. */
static bool webhook_add_header(struct curl_slist **headers, const char *name, const char *value)
{
    char *line;
    if (asprintf(&line, "%s: %s", name, value) < 0) {
        return false;
    }
    bool ok = sender_append(headers, line);
    explicit_bzero(line, strlen(line));
    free(line);
    return ok;
}

/* Adds the HMAC-SHA256 (RFC 2104) of "TIMESTAMP.BODY".  The timestamp is signed too, so that a
 * receiver can refuse an old message that is sent again.  False: out of memory. */
static bool webhook_sign(const struct webhook *w, const char *body, struct curl_slist **headers)
{
    char stamp[32], hex[8 + 2 * EVP_MAX_MD_SIZE] = "sha256=";
    char *signed_text = NULL;
    snprintf(stamp, sizeof(stamp), "%" PRId64, clock_now_ms() / 1000);
    int n = asprintf(&signed_text, "%s.%s", stamp, body);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int mac_size = 0;
    bool ok = n > 0 && HMAC(EVP_sha256(), w->secret, (int)strlen(w->secret),
                            (const unsigned char *)signed_text, (size_t)n, mac, &mac_size) != NULL;
    for (unsigned int i = 0; ok && i < mac_size; i++) {
        snprintf(hex + 7 + 2 * i, 3, "%02x", mac[i]);
    }
    if (n > 0) {
        free(signed_text);
    }
    return ok && webhook_add_header(headers, "X-Hangar-Timestamp", stamp) &&
           webhook_add_header(headers, "X-Hangar-Signature", hex);
}

static enum hangar_rc webhook_notify(void *inst, const struct hangar_event *event)
{
    struct webhook *w = inst;
    struct curl_slist *headers = NULL;
    char *body = webhook_body(w, event);
    bool ok = body && webhook_add_header(&headers, "X-Hangar-Event", event->kind);
    if (ok && w->secret) {
        ok = webhook_sign(w, body, &headers);
    }
    if (ok && w->authorization) {
        ok = webhook_add_header(&headers, "Authorization", w->authorization);
    }
    enum hangar_rc rc = ok ? sender_post(&w->sender, w->url, SENDER_JSON, headers, body)
                           : sender_no_memory(&w->sender);
    curl_slist_free_all(headers);
    free(body);
    return rc;
}

static const struct hangar_notifier notifier = {.struct_size = sizeof(notifier),
                                                .notify = webhook_notify};

static const struct hangar_plugin plugin = {
    HANGAR_PLUGIN_HEADER,
    .name = "notify-webhook",
    .version = HANGAR_PLUGIN_VERSION,
    .summary = "sends events to a URL, and to Slack or Discord",
    .license = "Apache-2.0",
    .options = options,
    .create = webhook_create,
    .destroy = free,
    .cancel = sender_cancel,
    .notifier = &notifier,
};
HANGAR_PLUGIN(plugin)
