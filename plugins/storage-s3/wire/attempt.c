/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * attempt: one attempt at a request.  It signs the request, passes it to curl, moves the bytes of
 * both bodies, and ends an attempt that moves no byte for too long.
 */
#include "wire/wire.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "clock.h"

#define ERROR_BODY_MAX ((size_t)64 << 10)
#define ERROR_IN_SUCCESS_MAX ((size_t)4 << 10)
#define XML_MAX ((size_t)16 << 20)  /* 1000 names, escaped, are 4 MiB */
#define OTHER_MAX ((size_t)1 << 20) /* of other answers, whose body is ignored */
#define BUFFER_BYTES ((long)256 << 10)
#define SLOW_FACTOR 5 /* times the timeout, for a request that the store answers slowly */

static bool s3_answer_is_success(const struct s3_answer *answer)
{
    return answer->status >= 200 && answer->status < 300;
}

static size_t s3_attempt_read_body(char *buffer, size_t size, size_t count, void *arg)
{
    struct s3_channel *channel = arg;
    size_t left = channel->request->body_size - channel->sent;
    size_t step = size * count < left ? size * count : left;
    if (step && !s3_bandwidth_available(channel->wire)) {
        channel->paused = true;
        return CURL_READFUNC_PAUSE;
    }
    if (step) {
        memcpy(buffer, (const char *)channel->request->body + channel->sent, step);
    }
    channel->sent += step;
    channel->progress_ms = clock_monotonic_ms();
    s3_bandwidth_spend(channel->wire, step);
    return step;
}

/* curl calls this when an open connection turned out to be closed and it sends the body again. */
static int s3_attempt_seek_body(void *arg, curl_off_t offset, int origin)
{
    struct s3_channel *channel = arg;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > channel->request->body_size) {
        return CURL_SEEKFUNC_FAIL;
    }
    channel->sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

/* Counts the bytes of an answer that is not the data of an object.  False: they are too many, or
 * the request is not wanted any more: a store that never ends its answer must not occupy curl. */
static bool s3_attempt_accept(struct s3_channel *channel, size_t bytes)
{
    size_t max = channel->xml && s3_answer_is_success(channel->answer) ? XML_MAX : OTHER_MAX;
    channel->received += bytes;
    channel->answer->too_large = channel->received > max;
    return !channel->answer->too_large && !s3_is_unwanted(channel->wire, channel->request) &&
           (!channel->until_ms || channel->progress_ms < channel->until_ms);
}

static size_t s3_attempt_write_body(char *data, size_t size, size_t count, void *arg)
{
    struct s3_channel *channel = arg;
    const struct s3_request *request = channel->request;
    size_t bytes = size * count;
    channel->progress_ms = clock_monotonic_ms();
    if (!(request->on_data && s3_answer_is_success(channel->answer)) &&
        !s3_attempt_accept(channel, bytes)) {
        return 0; /* ends the transfer with CURLE_WRITE_ERROR */
    }
    if (!s3_answer_is_success(channel->answer)) {
        if (channel->error_body.size + bytes <= ERROR_BODY_MAX) {
            text_add_bytes(&channel->error_body, data, bytes);
        }
        return bytes;
    }
    if (request->on_data) {
        size_t consumed = CURL_WRITEFUNC_PAUSE;
        if (s3_bandwidth_available(channel->wire)) {
            consumed = request->on_data(request->arg, data, bytes);
        }
        if (consumed == CURL_WRITEFUNC_PAUSE) {
            channel->paused = true;
        } else {
            s3_bandwidth_spend(channel->wire, consumed);
        }
        return consumed;
    }
    if (channel->xml && !channel->answer->xml_bad) {
        channel->answer->xml_bad = !s3_xml_feed(channel->xml, data, bytes);
        if (channel->answer->xml_bad) {
            return 0;
        }
    }
    /* an <Error> in an answer with a status of success is short, and the whole body */
    if (channel->error_body.size < ERROR_IN_SUCCESS_MAX) {
        size_t room = ERROR_IN_SUCCESS_MAX - channel->error_body.size;
        text_add_bytes(&channel->error_body, data, bytes < room ? bytes : room);
    }
    return bytes;
}

/* Copies the value of a header without quotes.  False: the line is another header. */
static bool s3_attempt_read_value(const char *line, size_t size, const char *name, char *out,
                                  size_t capacity)
{
    size_t length = strlen(name);
    if (size <= length || line[length] != ':' || strncasecmp(line, name, length) != 0) {
        return false;
    }
    const char *value = line + length + 1, *end = line + size;
    while (value < end && strchr(" \t\"", *value)) {
        value++;
    }
    while (end > value && strchr(" \t\r\n\"", end[-1])) {
        end--;
    }
    size_t copied = (size_t)(end - value) < capacity ? (size_t)(end - value) : capacity - 1;
    memcpy(out, value, copied);
    out[copied] = '\0';
    return true;
}

static int64_t s3_attempt_http_time_ms(const char *text)
{
    time_t time = curl_getdate(text, NULL);
    return time == (time_t)-1 ? 0 : (int64_t)time * 1000;
}

/* Acknowledges the headers at once.  Some stores (Ceph's gateway) send the body of a small answer
 * in a second packet, which their kernel delays until the acknowledgement, usually 40 ms. */
static void s3_attempt_acknowledge(struct s3_channel *channel)
{
    int yes = 1;
    setsockopt(channel->fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof(yes));
}

static size_t s3_attempt_read_header(char *line, size_t size, size_t count, void *arg)
{
    struct s3_channel *channel = arg;
    struct s3_answer *answer = channel->answer;
    size_t bytes = size * count;
    char value[256];
    channel->progress_ms = clock_monotonic_ms();
    curl_easy_getinfo(channel->easy, CURLINFO_RESPONSE_CODE, &answer->status);
    if (bytes <= 2) {
        channel->in_body = answer->status >= 200;
        s3_attempt_acknowledge(channel);
    } else if (s3_attempt_read_value(line, bytes, "content-length", value, sizeof(value))) {
        answer->has_length = true;
        answer->length = strtoull(value, NULL, 10);
    } else if (s3_attempt_read_value(line, bytes, "content-range", value, sizeof(value))) {
        const char *slash = strchr(value, '/');
        answer->full_length = slash ? strtoull(slash + 1, NULL, 10) : 0;
    } else if (s3_attempt_read_value(line, bytes, "last-modified", value, sizeof(value))) {
        answer->modified_ms = s3_attempt_http_time_ms(value);
    } else if (s3_attempt_read_value(line, bytes, "date", value, sizeof(value))) {
        answer->date_ms = s3_attempt_http_time_ms(value);
    } else if (s3_attempt_read_value(line, bytes, "retry-after", value, sizeof(value))) {
        answer->retry_after_ms = (int64_t)strtoul(value, NULL, 10) * 1000;
    } else if (channel->wire->set->checksum &&
               s3_attempt_read_value(line, bytes, channel->wire->set->checksum->header,
                                     answer->checksum, sizeof(answer->checksum))) {
        return bytes;
    } else if (!s3_attempt_read_value(line, bytes, "etag", answer->etag, sizeof(answer->etag)) &&
               !s3_attempt_read_value(line, bytes, "x-amz-version-id", answer->version,
                                      sizeof(answer->version)) &&
               !s3_attempt_read_value(line, bytes, "x-amz-server-side-encryption", answer->sse,
                                      sizeof(answer->sse)) &&
               !s3_attempt_read_value(line, bytes, S3_MARK_HEADER, answer->mark,
                                      sizeof(answer->mark))) {
        s3_attempt_read_value(line, bytes, "x-amz-bucket-region", answer->region,
                              sizeof(answer->region));
    }
    return bytes;
}

/* Lets the kernel detect a peer that is gone, too. */
static int s3_attempt_set_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    struct s3_channel *channel = arg;
    unsigned ms = (unsigned)channel->wire->set->timeout_ms;
    if (purpose == CURLSOCKTYPE_IPCXN) {
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
        channel->fd = fd;
    }
    return CURL_SOCKOPT_OK;
}

static bool s3_attempt_add_line(struct s3_channel *channel, const char *name, const char *value)
{
    struct text line = {0};
    text_addf(&line, "%s: %s", name, value);
    struct curl_slist *longer = line.failed ? NULL : curl_slist_append(channel->headers, line.data);
    if (line.data) {
        explicit_bzero(line.data, line.size);
    }
    text_free(&line);
    if (longer) {
        channel->headers = longer;
    }
    return longer != NULL;
}

/* The signature covers the host, Content-MD5, ranges and all headers of Amazon. */
static bool s3_attempt_signs(const char *name)
{
    return strncmp(name, "x-amz-", 6) == 0 || strcmp(name, "host") == 0 ||
           strcmp(name, "content-md5") == 0 || strcmp(name, "range") == 0;
}

/* Adds all headers, and the signature of those that it covers. */
static bool s3_attempt_add_headers(struct s3_channel *channel, const struct s3_keys *keys,
                                   const struct s3_hashes *hashes, const char *path,
                                   const char *query)
{
    const struct s3_request *request = channel->request;
    struct s3_wire *wire = channel->wire;
    char date[CLOCK_ISO_SIZE];
    clock_format(s3_time_ms(wire), CLOCK_ISO_COMPACT, date, sizeof(date));
    struct s3_pair all[S3_HEADERS_MAX], covered[S3_HEADERS_MAX];
    size_t count = 0, covered_count = 0;
    all[count++] = (struct s3_pair){"host", wire->set->host};
    all[count++] = (struct s3_pair){"x-amz-date", date};
    all[count++] = (struct s3_pair){"x-amz-content-sha256", hashes->payload};
    if (*keys->session_token) {
        all[count++] = (struct s3_pair){"x-amz-security-token", keys->session_token};
    }
    if (*hashes->md5_base64) {
        all[count++] = (struct s3_pair){"content-md5", hashes->md5_base64};
    }
    if (*hashes->checksum) {
        all[count++] = (struct s3_pair){wire->set->checksum->header, hashes->checksum};
    }
    for (size_t i = 0; i < request->header_count && count < S3_HEADERS_MAX; i++) {
        if (request->headers[i].name && request->headers[i].value) {
            all[count++] = request->headers[i];
        }
    }
    bool added = true;
    for (size_t i = 0; i < count; i++) {
        if (s3_attempt_signs(all[i].name)) {
            covered[covered_count++] = all[i];
        }
        added = added && s3_attempt_add_line(channel, all[i].name, all[i].value);
    }
    const struct s3_signing signing = {.method = request->method,
                                       .path = path,
                                       .query = query,
                                       .headers = covered,
                                       .header_count = covered_count,
                                       .payload = hashes->payload,
                                       .date = date,
                                       .region = wire->set->region,
                                       .service = "s3",
                                       .access_key_id = keys->access_key_id,
                                       .secret_access_key = keys->secret_access_key};
    struct text authorization = {0};
    added = added && s3_add_signature(&signing, &channel->day, &authorization) &&
            s3_attempt_add_line(channel, "authorization", authorization.data);
    text_free(&authorization);
    /* without these two, curl sends "Expect: 100-continue" and a type of the body */
    for (size_t i = 0; added && i < 2; i++) {
        struct curl_slist *longer =
            curl_slist_append(channel->headers, i ? "Content-Type:" : "Expect:");
        added = longer != NULL;
        channel->headers = longer ? longer : channel->headers;
    }
    return added;
}

static void s3_attempt_set_method(struct s3_channel *channel)
{
    const struct s3_request *request = channel->request;
    CURL *easy = channel->easy;
    if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (strcmp(request->method, "PUT") == 0 || strcmp(request->method, "POST") == 0) {
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_size);
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    } else {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    }
}

static void s3_attempt_set_options(struct s3_channel *channel)
{
    const struct s3_settings *set = channel->wire->set;
    CURL *easy = channel->easy;
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, channel->headers);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, set->tls ? "https" : "http");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "hangar/" HANGAR_PLUGIN_VERSION);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)set->connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, s3_attempt_set_socket);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, channel);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, s3_attempt_read_body);
    curl_easy_setopt(easy, CURLOPT_READDATA, channel);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, s3_attempt_seek_body);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, channel);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, s3_attempt_write_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, channel);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, s3_attempt_read_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, channel);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, channel->answer->problem);
    if (set->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, set->ca_file);
    }
    if (set->proxy) {
        curl_easy_setopt(easy, CURLOPT_PROXY, set->proxy);
    }
    if (!set->verify) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

enum hangar_rc s3_attempt_begin(struct s3_channel *channel, const struct s3_request *request,
                                const struct s3_keys *keys, const struct s3_hashes *hashes,
                                struct s3_answer *answer, struct failure *failure)
{
    const struct s3_settings *set = channel->wire->set;
    struct text path = {0}, query = {0}, url = {0};
    *answer = (struct s3_answer){0};
    channel->request = request;
    channel->answer = answer;
    channel->sent = channel->received = 0;
    channel->until_ms = 0;
    channel->over = channel->paused = channel->in_body = false;
    channel->progress_ms = clock_monotonic_ms();
    text_clear(&channel->error_body);
    curl_easy_reset(channel->easy);
    s3_settings_path(set, request->key, &path);
    bool ready = s3_add_query(request->query, request->query_count, &query) && !path.failed;
    text_addf(&url, "%s%s%s%s", set->origin, text_str(&path), query.size ? "?" : "",
              text_str(&query));
    ready = ready && !url.failed && (!channel->xml || s3_xml_restart(channel->xml)) &&
            s3_attempt_add_headers(channel, keys, hashes, text_str(&path), text_str(&query)) &&
            !curl_easy_setopt(channel->easy, CURLOPT_URL, url.data);
    text_free(&path);
    text_free(&query);
    text_free(&url);
    if (ready) {
        s3_attempt_set_options(channel);
        s3_attempt_set_method(channel);
        channel->added = !curl_multi_add_handle(channel->multi, channel->easy);
    }
    if (!channel->added) {
        s3_attempt_end(channel);
        return failure_no_memory(failure, "send a request to the store");
    }
    return HANGAR_OK;
}

static bool s3_attempt_is_late(const struct s3_channel *channel)
{
    return channel->until_ms && clock_monotonic_ms() >= channel->until_ms;
}

/* Ends the attempt, and reads the error that the body holds. */
static void s3_attempt_finish(struct s3_channel *channel, CURLcode result)
{
    struct s3_answer *answer = channel->answer;
    curl_off_t connected_us = 0;
    channel->over = true;
    if (result == CURLE_WRITE_ERROR) { /* s3_attempt_write_body ended it; why is known here */
        if (answer->xml_bad || answer->too_large) {
            answer->curl = CURLE_OK; /* the store answered; what it sent is not acceptable */
            return;
        }
        if (s3_is_unwanted(channel->wire, channel->request)) {
            result = CURLE_ABORTED_BY_CALLBACK;
        } else if (s3_attempt_is_late(channel)) {
            result = CURLE_OPERATION_TIMEDOUT;
            answer->stalled = true;
        }
    }
    answer->curl = result;
    if (result) {
        curl_easy_getinfo(channel->easy, CURLINFO_CONNECT_TIME_T, &connected_us);
        answer->unconnected = !answer->status && !connected_us;
        return;
    }
    const char *body = text_str(&channel->error_body);
    if (!s3_answer_is_success(answer)) {
        s3_answer_read_error(answer, body, channel->error_body.size);
    } else if (channel->xml) {
        answer->xml_bad = answer->xml_bad || !s3_xml_end(channel->xml);
        s3_answer_read_error(answer, body, channel->error_body.size);
    }
}

void s3_attempt_give_up(struct s3_channel *channel)
{
    channel->answer->stalled = true;
    s3_attempt_finish(channel, CURLE_OPERATION_TIMEDOUT);
}

static void s3_attempt_check_stall(struct s3_channel *channel)
{
    const struct s3_wire *wire = channel->wire;
    int64_t patience_ms = wire->set->timeout_ms;
    if (channel->request->slow) {
        patience_ms *= SLOW_FACTOR;
    }
    /* a pause that the plugin made itself is not a stall */
    if (channel->paused) {
        channel->progress_ms = clock_monotonic_ms();
    }
    if (!s3_attempt_is_late(channel) && clock_monotonic_ms() - channel->progress_ms < patience_ms) {
        return;
    }
    s3_attempt_give_up(channel);
}

void s3_attempt_step(struct s3_channel *channel, int ms)
{
    int running = 0, left;
    if (channel->paused && s3_bandwidth_available(channel->wire)) {
        channel->paused = false;
        curl_easy_pause(channel->easy, CURLPAUSE_CONT);
    }
    CURLMcode failed = curl_multi_perform(channel->multi, &running);
    struct CURLMsg *message;
    while ((message = curl_multi_info_read(channel->multi, &left))) {
        if (message->msg == CURLMSG_DONE) {
            s3_attempt_finish(channel, message->data.result);
        }
    }
    if (!channel->over && (failed || s3_is_unwanted(channel->wire, channel->request))) {
        s3_attempt_finish(channel, CURLE_ABORTED_BY_CALLBACK);
    }
    if (!channel->over) {
        s3_attempt_check_stall(channel);
    }
    if (!channel->over && ms > 0) {
        curl_multi_poll(channel->multi, NULL, 0, channel->paused && ms > 20 ? 20 : ms, NULL);
    }
}

void s3_attempt_end(struct s3_channel *channel)
{
    if (channel->added) {
        curl_multi_remove_handle(channel->multi, channel->easy);
    }
    channel->added = false;
    for (struct curl_slist *line = channel->headers; line; line = line->next) {
        explicit_bzero(line->data, strlen(line->data));
    }
    curl_slist_free_all(channel->headers);
    channel->headers = NULL;
}
