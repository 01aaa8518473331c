/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_lib_messages: texts of events, and what senders report for each response.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "lib_fixture.h"
#include "message.h"
#include "sender.h"
#include "testing.h"
#ifdef HAVE_SCARCE
#include "scarce.h"
#endif

/* ---- messages ---- */

static struct hangar_event sample_event(void)
{
    return (struct hangar_event){.struct_size = sizeof(struct hangar_event),
                                 .kind = "backup.failed",
                                 .summary = "nightly failed",
                                 .json = "{\"error\": \"no space\"}",
                                 .backup_id = "backup_1",
                                 .run_id = "r1",
                                 .duration_ms = 61999};
}

START_TEST(a_message_has_error_backup_run_and_duration)
{
    char out[200];
    struct hangar_event event = sample_event();
    message_text(&event, out, sizeof(out));
    ck_assert_str_eq(out, "hangar: nightly failed\nno space\nbackup: backup_1\nrun: r1\n"
                          "duration: 61.9 s");
    event = (struct hangar_event){.kind = "alert", .json = "no JSON", .duration_ms = -1};
    message_text(&event, out, sizeof(out));
    ck_assert_str_eq(out, "hangar: alert");
}
END_TEST

START_TEST(a_message_is_cut_between_characters)
{
    struct hangar_event event = sample_event();
    event.summary = "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"; /* of 2, 3 and 4 bytes */
    for (size_t size = 1; size < 40; size++) {
        char out[200];
        memset(out, 'x', sizeof(out));
        message_text(&event, out, size);
        size_t length = strlen(out);
        ck_assert_uint_lt(length, size);
        ck_assert(length < 8 || length == 8 || length == 10 || length == 13 || length >= 17);
        ck_assert_int_eq(out[size], 'x');
    }
}
END_TEST

/* ---- senders ---- */

/* Listens, and sends `reply` to one request; NULL: never accepts. */
struct server {
    int fd;
    char url[64];
    const char *reply;
    pthread_t thread;
};

static void *serve_once(void *arg)
{
    struct server *server = arg;
    char request[4096];
    size_t size = 0;
    int fd = accept(server->fd, NULL, NULL);
    while (fd >= 0 && size < sizeof(request) - 1) {
        ssize_t n = read(fd, request + size, sizeof(request) - 1 - size);
        if (n <= 0) {
            break;
        }
        size += (size_t)n;
        request[size] = '\0';
        if (strstr(request, "the message")) {
            break;
        }
    }
    if (fd >= 0) {
        ssize_t n = write(fd, server->reply, strlen(server->reply));
        (void)n;
        close(fd);
    }
    return NULL;
}

static void begin_server(struct server *server, const char *reply)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    server->reply = reply;
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(server->fd, (struct sockaddr *)&at, sizeof(at)), 0);
    ck_assert_int_eq(listen(server->fd, 4), 0);
    ck_assert_int_eq(getsockname(server->fd, (struct sockaddr *)&at, &size), 0);
    snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%d/secret", ntohs(at.sin_port));
    if (reply) {
        ck_assert_int_eq(pthread_create(&server->thread, NULL, serve_once, server), 0);
    }
}

static void end_server(struct server *server)
{
    if (server->reply) {
        pthread_join(server->thread, NULL);
    }
    close(server->fd);
}

static enum hangar_rc post_message(struct sender *sender, const char *url)
{
    fake_host_clear(fake);
    return sender_post(sender, url, "text/plain", NULL, "the message");
}

START_TEST(each_http_status_has_its_result)
{
    static const struct {
        const char *reply;
        enum hangar_rc rc;
        const char *error;
    } cases[] = {
        {"204 No Content\r\n\r\n", HANGAR_OK, ""},
        {"429 Slow\r\nContent-Length: 0\r\n\r\n", HANGAR_RETRY,
         "cannot send to 127.0.0.1: HTTP status 429"},
        {"503 Busy\r\nContent-Length: 8\r\n\r\nnot\nnow\t", HANGAR_RETRY, "status 503: not now "},
        {"401 Who\r\nContent-Length: 0\r\n\r\n", HANGAR_AUTH, "status 401"},
        {"403 No\r\nContent-Length: 0\r\n\r\n", HANGAR_AUTH, "status 403"},
        {"404 None\r\nContent-Length: 0\r\n\r\n", HANGAR_NOT_FOUND, "status 404"},
        {"410 Gone\r\nContent-Length: 0\r\n\r\n", HANGAR_NOT_FOUND, "status 410"},
        {"400 Bad\r\nContent-Length: 0\r\n\r\n", HANGAR_CONFIG, "status 400"},
    };
    struct sender *sender = sender_new(fake_host_table(fake), fake_host_ctx(fake), sizeof(*sender));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct server server;
        char reply[200];
        snprintf(reply, sizeof(reply), "HTTP/1.1 %s", cases[i].reply);
        begin_server(&server, reply);
        testing_expect(fake, post_message(sender, server.url), cases[i].rc, cases[i].reply);
        assert_error_has(cases[i].error);
        ck_assert_ptr_null(strstr(fake_host_error(fake), "secret"));
        end_server(&server);
    }
    free(sender);
}
END_TEST

START_TEST(a_failed_transfer_is_reported_without_the_url)
{
    struct sender *sender = sender_new(fake_host_table(fake), fake_host_ctx(fake), sizeof(*sender));
    ck_assert_int_eq(post_message(sender, "http://"), HANGAR_CONFIG);
    assert_error_has("cannot send to the receiver: ");
    ck_assert_int_eq(post_message(sender, "gopher://host.invalid/secret"), HANGAR_CONFIG);
    assert_error_has("cannot send to host.invalid: Unsupported protocol");
    struct server silent;
    begin_server(&silent, NULL);
    sender->timeout_ms = 100;
    ck_assert_int_eq(post_message(sender, silent.url), HANGAR_RETRY);
    assert_error_has("cannot send to 127.0.0.1: Timeout was reached");
    sender->timeout_ms = 60000;
    sender_cancel(sender);
    ck_assert_int_eq(post_message(sender, silent.url), HANGAR_CANCELLED);
    ck_assert_str_eq(fake_host_error(fake), "");
    end_server(&silent);
    free(sender);
    ck_assert(sender_is_web("http://x") && sender_is_web("https://x") &&
              !sender_is_web("smtp://x"));
}
END_TEST

#ifdef HAVE_SCARCE
START_TEST(without_memory_a_sender_fails)
{
    struct sender *sender = sender_new(fake_host_table(fake), fake_host_ctx(fake), sizeof(*sender));
    struct curl_slist *list = NULL;
    ck_assert(sender_append(&list, "One: 1"));
    scarce_begin(1);
    bool added = sender_append(&list, "Two: 2");
    scarce_end();
    ck_assert(!added);
    ck_assert_ptr_nonnull(list);
    ck_assert_ptr_null(list->next);
    curl_slist_free_all(list);
    ck_assert_int_eq(post_message(sender, "http://127.0.0.1:9/"),
                     HANGAR_RETRY); /* initialises libcurl */
    scarce_begin(1);
    enum hangar_rc rc = post_message(sender, "http://127.0.0.1:9/");
    scarce_end();
    ck_assert_int_eq(rc, HANGAR_NO_MEMORY);
    assert_error_has("out of memory");
    free(sender);
    fake_host_clear(fake);
    scarce_begin(1);
    sender = sender_new(fake_host_table(fake), fake_host_ctx(fake), sizeof(*sender));
    scarce_end();
    ck_assert_ptr_null(sender);
    assert_error_has("out of memory");
}
END_TEST
#endif

int main(void)
{
    const TTest *const tests[] = {
        a_message_has_error_backup_run_and_duration,
        a_message_is_cut_between_characters,
        each_http_status_has_its_result,
        a_failed_transfer_is_reported_without_the_url,
#ifdef HAVE_SCARCE
        without_memory_a_sender_fails,
#endif
    };
    return lib_fixture_main("plugins/lib: messages", tests, sizeof(tests) / sizeof(tests[0]));
}
