/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * notify-email: sends each event as a mail through an SMTP server.  libcurl implements SMTP and
 * encodes the text; this file makes the headers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "message.h"
#include "sender.h"

enum { MAIL_TEXT_SIZE = 16384, HEADER_SIZE = 900 }; /* bytes; RFC 5322 allows lines of 998 */

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
     .help = "Host name or address of the SMTP server."},
    {.name = "port",
     .type = HANGAR_OPT_INT,
     .default_value = "587",
     .min = 1,
     .max = 65535,
     .help = "TCP port of the server."},
    {.name = "security",
     .type = HANGAR_OPT_ENUM,
     .choices = securities,
     .default_value = "starttls",
     .help = "starttls: encrypted with STARTTLS, which the server must offer; tls: encrypted from "
             "the first byte (port 465); none: not encrypted, for a server on this machine."},
    {.name = "username", .type = HANGAR_OPT_STRING, .help = "User name of the login."},
    {.name = "password",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_SECRET,
     .help = "Password of the login."},
    {.name = "from",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_REQUIRED,
     .help = "Mail address of the sender."},
    {.name = "to",
     .type = HANGAR_OPT_LIST,
     .flags = HANGAR_OPT_REQUIRED,
     .help = "Mail addresses of the recipients."},
    {.name = "subject",
     .type = HANGAR_OPT_STRING,
     .default_value = "[hangar]",
     .help = "Beginning of each subject."},
    SENDER_OPTIONS("20s"),
    {.name = NULL}};

/* Is it an address that cannot end a header or an SMTP command early? */
static bool email_is_address(const char *text)
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

static enum hangar_rc email_check_addresses(const struct email *e)
{
    const struct hangar_host *host = e->sender.host;
    struct hangar_ctx *ctx = e->sender.ctx;
    if (!email_is_address(e->from)) {
        return host->fail_option(ctx, "from", "invalid mail address \"%.100s\"", e->from);
    }
    for (size_t i = 0; host->opt_list(ctx, "to", i); i++) {
        if (!email_is_address(host->opt_list(ctx, "to", i))) {
            return host->fail_option(ctx, "to", "invalid mail address \"%.100s\"",
                                     host->opt_list(ctx, "to", i));
        }
    }
    if (!host->opt_list(ctx, "to", 0)) {
        return host->fail_option(ctx, "to", "no recipient is given");
    }
    if (e->password && !e->username) {
        return host->fail_option(ctx, "password", "no username is given; hint: set username");
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
                            ? email_check_addresses(e)
                            : host->fail_option(ctx, "server", "must be a host name or an address");
    if (rc != HANGAR_OK) {
        free(e);
        return rc;
    }
    *out = e;
    return HANGAR_OK;
}

/* Replaces all but printable ASCII by "?". */
static void email_clean_header(char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~') {
            *text = '?';
        }
    }
}

static bool email_add_header(struct curl_slist **list, const char *name, const char *value)
{
    char line[HEADER_SIZE];
    snprintf(line, sizeof(line), "%s: %s", name, value);
    email_clean_header(line);
    return sender_append(list, line);
}

/* Formats a date of RFC 5322, section 3.3, in English for every locale. */
static void email_format_date(int64_t ms, char out[64])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    snprintf(out, 64, "%.3s, %d %.3s %d %02d:%02d:%02d +0000", days + 3 * tm.tm_wday, tm.tm_mday,
             months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static bool email_add_headers(const struct email *e, const struct hangar_event *event,
                              struct curl_slist **headers)
{
    const struct hangar_host *host = e->sender.host;
    char text[HEADER_SIZE], when[64], to[HEADER_SIZE] = "";
    size_t used = 0;
    for (size_t i = 0; host->opt_list(e->sender.ctx, "to", i) && used < sizeof(to) - 300; i++) {
        used += (size_t)snprintf(to + used, sizeof(to) - used, "%s%s", i ? ", " : "",
                                 host->opt_list(e->sender.ctx, "to", i));
    }
    email_format_date(event->time_ms, when);
    bool ok = email_add_header(headers, "Date", when) &&
              email_add_header(headers, "From", e->from) && email_add_header(headers, "To", to);
    snprintf(text, sizeof(text), "%s %s", e->subject,
             event->summary ? event->summary : event->kind);
    ok = ok && email_add_header(headers, "Subject", text);
    snprintf(text, sizeof(text), "<%lld.%ld.%p@%s>", (long long)event->time_ms, (long)getpid(),
             (const void *)e, strchr(e->from, '@') + 1);
    ok = ok && email_add_header(headers, "Message-ID", text);
    return ok && email_add_header(headers, "Auto-Submitted", "auto-generated") &&
           email_add_header(headers, "X-Hangar-Event", event->kind);
}

static struct curl_slist *email_recipients(const struct email *e)
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

static bool email_add_text(curl_mime *mime, const char *text)
{
    curl_mimepart *part = mime ? curl_mime_addpart(mime) : NULL;
    return part && curl_mime_data(part, text, CURL_ZERO_TERMINATED) == CURLE_OK &&
           curl_mime_type(part, "text/plain; charset=utf-8") == CURLE_OK &&
           curl_mime_encoder(part, "quoted-printable") == CURLE_OK;
}

static enum hangar_rc email_send(struct email *e, CURL *curl, long *status)
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
    long status = 0;
    CURL *curl = curl_easy_init();
    curl_mime *mime = curl ? curl_mime_init(curl) : NULL;
    struct curl_slist *headers = NULL, *to = email_recipients(e);
    enum hangar_rc rc;
    char text[MAIL_TEXT_SIZE];
    message_text(event, text, sizeof(text));
    if (!to || !email_add_headers(e, event, &headers) || !email_add_text(mime, text)) {
        rc = sender_no_memory(&e->sender);
    } else {
        curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_MIMEPOST, mime);
        rc = email_send(e, curl, &status);
        if (rc == HANGAR_RETRY && status >= 500 && status < 600) { /* permanent, RFC 5321 4.2.1 */
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
