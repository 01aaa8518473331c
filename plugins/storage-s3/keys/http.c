/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * http: one request to an endpoint that returns keys, limited in time and size.  A cancel ends it,
 * and redirections are not followed.  It must not know any particular endpoint.
 */
#include "keys/parts.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>
#include <sys/socket.h>

#define TICK_MS 50 /* the interval in which a cancel is detected */

static size_t creds_http_on_body(char *data, size_t one, size_t size, void *arg)
{
    struct creds_reply *reply = arg;
    (void)one;
    if (size > CREDS_REPLY_MAX_BYTES - reply->size) {
        return 0; /* ends the transfer with CURLE_WRITE_ERROR */
    }
    memcpy(reply->text + reply->size, data, size);
    reply->size += size;
    reply->text[reply->size] = '\0';
    return size;
}

static bool creds_is_local_address(const char *host)
{
    static const char *const aws[] = {"169.254.169.254", "169.254.170.2", "169.254.170.23",
                                      "fd00:ec2::254", "fd00:ec2::23"};
    struct in6_addr v6, other;
    if (strcasecmp(host, "localhost") == 0) {
        return true;
    }
    struct in_addr v4;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        if (ntohl(v4.s_addr) >> 24 == 127) {
            return true;
        }
        for (size_t i = 0; i < 3; i++) {
            if (strcmp(host, aws[i]) == 0) {
                return true;
            }
        }
        return false;
    }
    if (inet_pton(AF_INET6, host, &v6) != 1) {
        return false;
    }
    for (size_t i = 3; i < sizeof(aws) / sizeof(aws[0]); i++) {
        if (inet_pton(AF_INET6, aws[i], &other) == 1 && memcmp(&v6, &other, sizeof(v6)) == 0) {
            return true;
        }
    }
    return IN6_IS_ADDR_LOOPBACK(&v6);
}

bool creds_is_local_url(const char *url)
{
    char *host = NULL;
    bool local = false;
    CURLU *parts = curl_url();
    if (parts && !curl_url_set(parts, CURLUPART_URL, url, 0) &&
        !curl_url_get(parts, CURLUPART_HOST, &host, 0)) {
        size_t size = strlen(host);
        if (*host == '[' && size > 2) { /* an IPv6 address */
            host[size - 1] = '\0';
            local = creds_is_local_address(host + 1);
        } else {
            local = creds_is_local_address(host);
        }
    }
    curl_free(host);
    curl_url_cleanup(parts);
    return local;
}

/* The headers of the request; NULL: out of memory. */
static struct curl_slist *creds_http_make_headers(const struct creds_request *request)
{
    struct curl_slist *list = curl_slist_append(NULL, "Accept: */*");
    for (size_t i = 0; list && i < sizeof(request->headers) / sizeof(request->headers[0]); i++) {
        if (!request->headers[i]) {
            continue;
        }
        struct curl_slist *longer = curl_slist_append(list, request->headers[i]);
        if (!longer) {
            curl_slist_free_all(list);
        }
        list = longer;
    }
    return list;
}

static void creds_http_wipe_headers(struct curl_slist *list)
{
    for (struct curl_slist *item = list; item; item = item->next) {
        explicit_bzero(item->data, strlen(item->data));
    }
    curl_slist_free_all(list);
}

static void creds_http_set_route(struct s3_credentials *c, CURL *curl, const char *url)
{
    const char *proxy = creds_option(c, "proxy");
    const char *ca_file = creds_setting(c, "ca_file", "AWS_CA_BUNDLE");
    if (creds_is_local_url(url)) {
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    } else if (proxy) {
        curl_easy_setopt(curl, CURLOPT_PROXY, proxy);
    }
    if (ca_file) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
    }
}

static void creds_http_set_request(struct s3_credentials *c, CURL *curl,
                                   const struct creds_request *request, struct curl_slist *headers,
                                   struct creds_reply *reply)
{
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_timeout_ms);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, creds_http_on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "hangar/" HANGAR_PLUGIN_VERSION);
    if (request->body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    creds_http_set_route(c, curl, request->url);
}

/* Performs the request.  False: it was cancelled. */
static bool creds_http_perform(struct s3_credentials *c, CURLM *multi, CURLcode *code)
{
    int running = 1, left;
    *code = CURLE_FAILED_INIT;
    while (running) {
        if (creds_is_cancelled(c)) {
            return false;
        }
        if (curl_multi_perform(multi, &running) ||
            (running && curl_multi_poll(multi, NULL, 0, TICK_MS, NULL))) {
            return true;
        }
    }
    const CURLMsg *message = curl_multi_info_read(multi, &left);
    if (message) {
        *code = message->data.result;
    }
    return true;
}

static enum hangar_rc creds_http_judge(CURL *curl, CURLcode code, bool *unreachable,
                                       struct creds_result *result)
{
    if (code == CURLE_WRITE_ERROR) {
        return creds_fail(result, HANGAR_AUTH, "the answer is longer than 64 KiB");
    }
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
        return creds_fail(result, HANGAR_CONFIG, "the URL is not a valid http or https URL");
    }
    if (code == CURLE_SSL_CACERT_BADFILE) {
        return creds_fail(result, HANGAR_CONFIG, "cannot read the CA certificates");
    }
    if (code == CURLE_PEER_FAILED_VERIFICATION) {
        return creds_fail(
            result, HANGAR_AUTH,
            "the certificate is not trusted; hint: set ca_file to that of its authority");
    }
    long answered = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answered);
    *unreachable = !answered;
    return creds_fail(result, HANGAR_RETRY, "%s", curl_easy_strerror(code));
}

enum hangar_rc creds_http(struct s3_credentials *c, const struct creds_request *request,
                          struct creds_reply *reply, bool *unreachable, struct creds_result *result)
{
    CURLcode code = CURLE_OK;
    CURL *curl = curl_easy_init();
    CURLM *multi = curl_multi_init();
    struct curl_slist *headers = creds_http_make_headers(request);
    enum hangar_rc rc = HANGAR_OK;
    *unreachable = false;
    reply->status = 0;
    reply->size = 0;
    reply->text[0] = '\0';
    if (!curl || !multi || !headers) {
        rc = creds_no_memory(result);
    } else {
        creds_http_set_request(c, curl, request, headers, reply);
        curl_multi_add_handle(multi, curl);
        if (!creds_http_perform(c, multi, &code)) {
            rc = creds_fail(result, HANGAR_CANCELLED, "cancelled");
        } else if (code) {
            rc = creds_http_judge(curl, code, unreachable, result);
        } else {
            curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply->status);
        }
        curl_multi_remove_handle(multi, curl);
    }
    curl_easy_cleanup(curl);
    curl_multi_cleanup(multi);
    creds_http_wipe_headers(headers);
    return rc;
}
