/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * send: see send.h.
 */
#include "send.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPLY_SHOWN = 300, HOST_MAX = 256 };

void *sender_new(const struct hangar_host *host, struct hangar_ctx *ctx, size_t size)
{
    struct sender *sender = calloc(1, size);
    if (!sender) {
        host->fail(ctx, HANGAR_NO_MEMORY, 0, "out of memory");
        return NULL;
    }
    sender->host = host;
    sender->ctx = ctx;
    sender->timeout_ms = host->opt_int(ctx, "timeout");
    sender->ca_file = host->opt_string(ctx, "ca_file");
    return sender;
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

/* curl asks about once a second, however silent the other side is. */
static int go_on(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct sender *sender = arg;
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(&sender->cancelled) ? 1 : 0;
}

static void host_of(const char *url, char out[HOST_MAX])
{
    CURLU *parsed = curl_url();
    char *host = NULL;
    snprintf(out, HOST_MAX, "the receiver");
    if (parsed && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
        snprintf(out, HOST_MAX, "%s", host);
    }
    curl_free(host);
    curl_url_cleanup(parsed);
}

static enum hangar_rc failure(struct sender *s, CURLcode code, const char *url)
{
    char host[HOST_MAX];
    host_of(url, host);
    if (atomic_load(&s->cancelled)) {
        return HANGAR_CANCELLED;
    }
    enum hangar_rc rc = HANGAR_RETRY;
    const char *hint = "";
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
        rc = HANGAR_CONFIG;
    } else if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
        rc = HANGAR_CONFIG;
        hint = "; hint: name the certificate of its authority with ca_file";
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
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, go_on);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, s);
    if (s->ca_file) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, s->ca_file);
    }
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    return code == CURLE_OK ? HANGAR_OK : failure(s, code, url);
}

/* The beginning of an answer, on one line. */
struct reply {
    char text[REPLY_SHOWN + 1];
    size_t size;
};

static size_t keep(char *data, size_t one, size_t size, void *arg)
{
    struct reply *r = arg;
    for (size_t i = 0; i < one * size && r->size < REPLY_SHOWN; i++) {
        r->text[r->size++] = (unsigned char)data[i] < ' ' ? ' ' : data[i];
    }
    return one * size;
}

static enum hangar_rc answer(struct sender *s, const char *url, long status, const struct reply *r)
{
    char host[HOST_MAX];
    if (status >= 200 && status < 300) {
        return HANGAR_OK;
    }
    host_of(url, host);
    enum hangar_rc rc = status == 429 || status >= 500   ? HANGAR_RETRY
                        : status == 401 || status == 403 ? HANGAR_AUTH
                        : status == 404 || status == 410 ? HANGAR_NOT_FOUND
                                                         : HANGAR_CONFIG;
    return s->host->fail(s->ctx, rc, 0, "%s answered with status %ld%s%s", host, status,
                         r->text[0] ? ": " : "", r->text);
}

enum hangar_rc sender_post(struct sender *s, const char *url, const char *type,
                           struct curl_slist *headers, const char *text)
{
    char content[128];
    struct reply reply = {.size = 0};
    long status = 0;
    CURL *curl = curl_easy_init();
    if (!curl) {
        return s->host->fail(s->ctx, HANGAR_NO_MEMORY, 0, "out of memory");
    }
    snprintf(content, sizeof(content), "Content-Type: %s", type);
    struct curl_slist all = {.data = content, .next = headers};
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, &all);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(text));
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "hangar/" HANGAR_PLUGIN_VERSION);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply);
    enum hangar_rc rc = sender_run(s, curl, url, &status);
    if (rc == HANGAR_OK) {
        rc = answer(s, url, status, &reply);
    }
    curl_easy_cleanup(curl);
    return rc;
}
