/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * notify-email: sends each event as a mail through an SMTP server.  libcurl speaks
 * SMTP and encodes the text; only the few headers are made here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "message.h"
#include "send.h"

enum { TEXT_MAX = 16384, LINE_MAX_BYTES = 900 }; /* RFC 5322 allows lines of 998 */

struct email {
    struct sender sender;
    const char *security, *username, *password, *from, *subject;
    char url[320];
};

static const char *const securities[] = {"starttls", "tls", "none", NULL};

static const struct hangar_option options[] = {
    {.name = "server",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_REQUIRED,
     .help = "The host of the SMTP server."},
    {.name = "port",
     .type = HANGAR_OPT_INT,
     .default_value = "587",
     .min = 1,
     .max = 65535,
     .help = "Its port."},
    {.name = "security",
     .type = HANGAR_OPT_ENUM,
     .choices = securities,
     .default_value = "starttls",
     .help = "starttls: encrypted after a greeting, refused when the server does not offer it; "
             "tls: encrypted from the first byte (port 465); none: in the clear, for a server on "
             "this machine."},
    {.name = "username", .type = HANGAR_OPT_STRING, .help = "To log in with."},
    {.name = "password",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_SECRET,
     .help = "Its password."},
    {.name = "from",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_REQUIRED,
     .help = "The sender's address."},
    {.name = "to",
     .type = HANGAR_OPT_LIST,
     .flags = HANGAR_OPT_REQUIRED,
     .help = "The receivers' addresses."},
    {.name = "subject",
     .type = HANGAR_OPT_STRING,
     .default_value = "[hangar]",
     .help = "What subjects begin with."},
    SENDER_OPTIONS("20s"),
    {.name = NULL}};

/* An address that cannot break out of a header or of the dialogue with the server. */
static bool is_address(const char *text)
{
    const char *at = strchr(text, '@');
    if (!at || at == text || !at[1] || strlen(text) > 254) {
        return false;
    }
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7F || strchr("<>,;\"", *c)) {
            return false;
        }
    }
    return true;
}

static enum hangar_rc check(const struct email *e)
{
    const struct hangar_host *host = e->sender.host;
    struct hangar_ctx *ctx = e->sender.ctx;
    if (!is_address(e->from)) {
        return host->fail_option(ctx, "from", "\"%.100s\" is no mail address", e->from);
    }
    for (size_t i = 0; host->opt_list(ctx, "to", i); i++) {
        if (!is_address(host->opt_list(ctx, "to", i))) {
            return host->fail_option(ctx, "to", "\"%.100s\" is no mail address",
                                     host->opt_list(ctx, "to", i));
        }
    }
    if (!host->opt_list(ctx, "to", 0)) {
        return host->fail_option(ctx, "to", "it names nobody");
    }
    if (e->password && !e->username) {
        return host->fail_option(ctx, "password", "there is no username to it");
    }
    return HANGAR_OK;
}

static enum hangar_rc email_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                   void **out)
{
    struct email *e = sender_new(host, ctx, sizeof(*e));
    if (!e) {
        return HANGAR_NO_MEMORY;
    }
    e->security = host->opt_string(ctx, "security");
    e->username = host->opt_string(ctx, "username");
    e->password = host->opt_string(ctx, "password");
    e->from = host->opt_string(ctx, "from");
    e->subject = host->opt_string(ctx, "subject");
    const char *server = host->opt_string(ctx, "server");
    snprintf(e->url, sizeof(e->url), "%s://%.255s:%lld",
             strcmp(e->security, "tls") == 0 ? "smtps" : "smtp", server,
             (long long)host->opt_int(ctx, "port"));
    enum hangar_rc rc = server[0] && !strpbrk(server, "/@?# ")
                            ? check(e)
                            : host->fail_option(ctx, "server", "it must be the name of a host");
    if (rc != HANGAR_OK) {
        free(e);
        return rc;
    }
    *out = e;
    return HANGAR_OK;
}

/* Printable ASCII on one line; all else becomes "?". */
static void clean(char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~') {
            *text = '?';
        }
    }
}

static bool add(struct curl_slist **list, const char *name, const char *value)
{
    char line[LINE_MAX_BYTES];
    snprintf(line, sizeof(line), "%s: %s", name, value);
    clean(line);
    return sender_append(list, line);
}

/* Date (RFC 5322 3.3), in English whatever the locale. */
static void date(int64_t ms, char out[64])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    snprintf(out, 64, "%.3s, %d %.3s %d %02d:%02d:%02d +0000", days + 3 * tm.tm_wday, tm.tm_mday,
             months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static bool add_headers(const struct email *e, const struct hangar_event *event,
                        struct curl_slist **headers)
{
    const struct hangar_host *host = e->sender.host;
    char text[LINE_MAX_BYTES], when[64], to[LINE_MAX_BYTES] = "";
    size_t used = 0;
    for (size_t i = 0; host->opt_list(e->sender.ctx, "to", i) && used < sizeof(to) - 300; i++) {
        used += (size_t)snprintf(to + used, sizeof(to) - used, "%s%s", i ? ", " : "",
                                 host->opt_list(e->sender.ctx, "to", i));
    }
    date(event->time_ms, when);
    bool ok = add(headers, "Date", when) && add(headers, "From", e->from) && add(headers, "To", to);
    snprintf(text, sizeof(text), "%s %s", e->subject,
             event->summary ? event->summary : event->kind);
    ok = ok && add(headers, "Subject", text);
    snprintf(text, sizeof(text), "<%lld.%ld.%p@%s>", (long long)event->time_ms, (long)getpid(),
             (const void *)e, strchr(e->from, '@') + 1);
    ok = ok && add(headers, "Message-ID", text);
    return ok && add(headers, "Auto-Submitted", "auto-generated") &&
           add(headers, "X-Hangar-Event", event->kind);
}

static struct curl_slist *receivers(const struct email *e)
{
    struct curl_slist *list = NULL;
    const char *to;
    for (size_t i = 0; (to = e->sender.host->opt_list(e->sender.ctx, "to", i)); i++) {
        if (!sender_append(&list, to)) {
            curl_slist_free_all(list);
            return NULL;
        }
    }
    return list;
}

static bool add_text(curl_mime *mime, const char *text)
{
    curl_mimepart *part = mime ? curl_mime_addpart(mime) : NULL;
    return part && curl_mime_data(part, text, CURL_ZERO_TERMINATED) == CURLE_OK &&
           curl_mime_type(part, "text/plain; charset=utf-8") == CURLE_OK &&
           curl_mime_encoder(part, "quoted-printable") == CURLE_OK;
}

static enum hangar_rc send_mail(struct email *e, CURL *curl, long *status)
{
    if (strcmp(e->security, "starttls") == 0) {
        curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
    }
    if (e->username) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, e->username);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, e->password ? e->password : "");
    }
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, e->from);
    return sender_run(&e->sender, curl, e->url, status);
}

static enum hangar_rc email_notify(void *inst, const struct hangar_event *event)
{
    struct email *e = inst;
    const struct hangar_host *host = e->sender.host;
    char text[TEXT_MAX];
    long status = 0;
    CURL *curl = curl_easy_init();
    curl_mime *mime = curl ? curl_mime_init(curl) : NULL;
    struct curl_slist *headers = NULL, *to = receivers(e);
    enum hangar_rc rc;
    message_text(event, text, sizeof(text));
    if (!to || !add_headers(e, event, &headers) || !add_text(mime, text)) {
        rc = host->fail(e->sender.ctx, HANGAR_NO_MEMORY, 0, "out of memory");
    } else {
        curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_MIMEPOST, mime);
        rc = send_mail(e, curl, &status);
        if (rc == HANGAR_RETRY && status >= 500 && status < 600) { /* a refusal, RFC 5321 4.2.1 */
            rc = HANGAR_CONFIG;
        }
    }
    curl_mime_free(mime);
    curl_slist_free_all(headers);
    curl_slist_free_all(to);
    curl_easy_cleanup(curl);
    return rc;
}

static const struct hangar_notifier notifier = {.struct_size = sizeof(notifier),
                                                .notify = email_notify};

static const struct hangar_plugin plugin = {
    HANGAR_PLUGIN_HEADER,
    .name = "notify-email",
    .version = HANGAR_PLUGIN_VERSION,
    .summary = "sends events by mail",
    .license = "Apache-2.0",
    .options = options,
    .create = email_create,
    .destroy = free,
    .cancel = sender_cancel,
    .notifier = &notifier,
};
HANGAR_PLUGIN(plugin)
