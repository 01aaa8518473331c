/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sender: see sender.h.
 */
#include "sender.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"

enum { REPLY_SHOWN = 300, HOST_SIZE = 256 }; /* bytes */

void *sender_new(const struct hangar_host *host, struct hangar_ctx *ctx, size_t size)
{
    struct sender *sender = calloc(1, size);
    if (!sender) {
        failure_raise_no_memory(host, ctx, "create the notifier");
        return NULL;
    }
    sender->host = host;
    sender->ctx = ctx;
    sender->timeout_ms = host->opt_int(ctx, "timeout");
    sender->ca_file = host->opt_string(ctx, "ca_file");
    return sender;
}

enum hangar_rc sender_no_memory(const struct sender *sender)
{
    return failure_raise_no_memory(sender->host, sender->ctx, "send the message");
}

bool sender_is_web(const char *url)
{
    return strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
}

bool sender_append(struct curl_slist **list, const char *line)
{
    struct curl_slist *more = curl_slist_append(*list, line);
    *list = more ? more : *list;
    return more != NULL;
}

void sender_cancel(void *instance)
{
    struct sender *sender = instance;
    atomic_store(&sender->cancelled, true);
}

/* Called by curl about once a second, also while the server is silent; 1 ends the transfer. */
static int sender_on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct sender *sender = arg;
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(&sender->cancelled) ? 1 : 0;
}

/* Writes the part of a URL that may be shown. */
static void sender_host(const char *url, char out[HOST_SIZE])
{
    CURLU *parsed = curl_url();
    char *host = NULL;
    snprintf(out, HOST_SIZE, "the receiver");
    if (parsed && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
        snprintf(out, HOST_SIZE, "%s", host);
    }
    curl_free(host);
    curl_url_cleanup(parsed);
}

static enum hangar_rc sender_fail(struct sender *s, CURLcode code, const char *url)
{
    char host[HOST_SIZE];
    sender_host(url, host);
    if (atomic_load(&s->cancelled)) {
        return HANGAR_CANCELLED;
    }
    enum hangar_rc rc = HANGAR_RETRY;
    const char *hint = "";
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
        rc = HANGAR_CONFIG;
    } else if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
        rc = HANGAR_CONFIG;
        hint = "; hint: set ca_file to the certificate of the authority that signed the server's";
    } else if (code == CURLE_LOGIN_DENIED) {
        rc = HANGAR_AUTH;
    } else if (code == CURLE_OUT_OF_MEMORY) {
        rc = HANGAR_NO_MEMORY;
    }
    return s->host->fail(s->ctx, rc, 0, "cannot send to %s: %s%s", host, curl_easy_strerror(code),
                         hint);
}

enum hangar_rc sender_run(struct sender *s, CURL *curl, const char *url, long *status)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)s->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)s->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, sender_on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, s);
    if (s->ca_file) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, s->ca_file);
    }
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    return code == CURLE_OK ? HANGAR_OK : sender_fail(s, code, url);
}

/* The beginning of a response's body, on one line. */
struct sender_reply {
    char text[REPLY_SHOWN + 1];
    size_t size;
};

static size_t sender_keep_reply(char *data, size_t one, size_t size, void *arg)
{
    struct sender_reply *r = arg;
    for (size_t i = 0; i < one * size && r->size < REPLY_SHOWN; i++) {
        r->text[r->size++] = (unsigned char)data[i] < ' ' ? ' ' : data[i];
    }
    return one * size;
}

static enum hangar_rc sender_check_status(struct sender *s, const char *url, long status,
                                          const struct sender_reply *r)
{
    if (status >= 200 && status < 300) {
        return HANGAR_OK;
    }
    char host[HOST_SIZE];
    sender_host(url, host);
    enum hangar_rc rc = status == 429 || status >= 500   ? HANGAR_RETRY
                        : status == 401 || status == 403 ? HANGAR_AUTH
                        : status == 404 || status == 410 ? HANGAR_NOT_FOUND
                                                         : HANGAR_CONFIG;
    return s->host->fail(s->ctx, rc, 0, "cannot send to %s: HTTP status %ld%s%s", host, status,
                         r->text[0] ? ": " : "", r->text);
}

enum hangar_rc sender_post(struct sender *s, const char *url, const char *type,
                           struct curl_slist *headers, const char *text)
{
    struct sender_reply reply = {.size = 0};
    CURL *curl = curl_easy_init();
    if (!curl) {
        return sender_no_memory(s);
    }
    char content[128];
    snprintf(content, sizeof(content), "Content-Type: %s", type);
    struct curl_slist all = {.data = content, .next = headers};
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, &all);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(text));
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "hangar/" HANGAR_PLUGIN_VERSION);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, sender_keep_reply);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply);
    long status = 0;
    enum hangar_rc rc = sender_run(s, curl, url, &status);
    if (rc == HANGAR_OK) {
        rc = sender_check_status(s, url, status, &reply);
    }
    curl_easy_cleanup(curl);
    return rc;
}
