/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_notifiers: what notifiers report when they fail: invalid options, a program that fails,
 * lack of memory.  notifiers.py tests what they send.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fake_host.h"
#include "testing.h"
#ifdef HAVE_SCARCE
#include "scarce.h"
#endif

/* No process listens there. */
#define CLOSED_PORT "http://127.0.0.1:1/secret"

static const struct hangar_event event = {.struct_size = sizeof(event),
                                          .kind = "backup.failed",
                                          .summary = "nightly failed",
                                          .json = "{\"error\": \"no space\"}",
                                          .duration_ms = -1};

static struct fake_host *fake;
static void *inst;

/* Opens a notifier with options "name=value", ended by NULL.  Returns the result of create. */
static enum hangar_rc create_notifier(const char *name, const char *const *settings)
{
    fake = fake_host_open(name);
    for (; *settings; settings++) {
        const char *value = strchr(*settings, '=') + 1;
        char option[32] = "";
        memcpy(option, *settings, (size_t)(value - *settings) - 1);
        fake_host_set(fake, option, value);
    }
    return fake_host_create(fake, &inst);
}

static enum hangar_rc send_event(const struct hangar_event *what)
{
    fake_host_clear(fake);
    return fake_host_plugin(fake)->notifier->notify(inst, what);
}

static void assert_notifier_error_has(const char *text)
{
    ck_assert_msg(strstr(fake_host_error(fake), text), "error: %s", fake_host_error(fake));
}

START_TEST(invalid_options_are_refused)
{
    static const struct {
        const char *name, *settings[4], *error;
    } cases[] = {
        {"notify-ping", {"url=ftp://host/x"}, "must begin with https:// or http://"},
        {"notify-ping", {"url=https://host/x?y"}, "contain no \"?\""},
        {"notify-telegram", {"token=no/token", "chat=1"}, "not a bot token"},
        {"notify-telegram", {"token=", "chat=1"}, "not a bot token"},
        {"notify-webhook", {"url=file:///etc/passwd"}, "http"},
        {"notify-command", {"command="}, "must be a program with at most "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_int_eq(create_notifier(cases[i].name, cases[i].settings), HANGAR_CONFIG);
        assert_notifier_error_has(cases[i].error);
        fake_host_close(fake);
    }
    fake = fake_host_open("notify-command");
    for (int n = 0; n < 300; n++) {
        fake_host_set(fake, "command", "x");
    }
    ck_assert_int_eq(fake_host_create(fake, &inst), HANGAR_CONFIG);
    assert_notifier_error_has("must be a program with at most ");
    fake_host_close(fake);
}
END_TEST

START_TEST(an_unreachable_receiver_is_reported_without_the_secret)
{
    static const struct {
        const char *name, *settings[6];
    } cases[] = {
        {"notify-ping", {"url=" CLOSED_PORT}},
        {"notify-telegram", {"api=http://127.0.0.1:1", "token=1:secret", "chat=1", "thread=7"}},
        {"notify-webhook", {"url=" CLOSED_PORT}},
        {"notify-email",
         {"server=127.0.0.1", "port=1", "from=a@example.org", "to=b@example.org", "security=none"}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        testing_expect(fake, create_notifier(cases[i].name, cases[i].settings), HANGAR_OK,
                       cases[i].name);
        testing_expect(fake, send_event(&event), HANGAR_RETRY, cases[i].name);
        assert_notifier_error_has("cannot send to 127.0.0.1: ");
        ck_assert_ptr_null(strstr(fake_host_error(fake), "secret"));
        fake_host_cancel(fake);
        ck_assert_int_eq(send_event(&event), HANGAR_CANCELLED);
        fake_host_close(fake);
    }
}
END_TEST

START_TEST(a_ping_is_sent_for_start_and_end_events_only)
{
    static const struct {
        const char *kind;
        bool sent;
    } cases[] = {{"test", true},           {"backup.start", true},
                 {"backup.done", true},    {"backup.degraded", true},
                 {"backup.failed", true},  {"alert", false},
                 {"sink.caught_up", false}};
    ck_assert_int_eq(
        create_notifier("notify-ping", (const char *[]){"url=" CLOSED_PORT "//", NULL}), HANGAR_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hangar_event one = event;
        one.kind = cases[i].kind;
        ck_assert_int_eq(send_event(&one), cases[i].sent ? HANGAR_RETRY : HANGAR_OK);
    }
    fake_host_close(fake);
}
END_TEST

static void open_command(const char *command)
{
    fake = fake_host_open("notify-command");
    fake_host_set(fake, "command", "sh");
    fake_host_set(fake, "command", "-c");
    fake_host_set(fake, "command", command);
    testing_expect(fake, fake_host_create(fake, &inst), HANGAR_OK, "create");
}

START_TEST(a_program_that_another_user_could_change_is_not_run)
{
    const char *dir = testing_dir();
    const char *path = testing_path(dir, "tool"), *ran = testing_path(dir, "ran");
    ck_assert_int_eq(testing_shell("printf '#!/bin/sh\\ntouch %s\\n' > %s", ran, path), 0);
    for (int late = 0; late < 2; late++) { /* at the start of a job, and while it runs */
        ck_assert_int_eq(chmod(path, late ? 0700 : 0722), 0);
        fake = fake_host_open("notify-command");
        fake_host_set(fake, "command", path);
        enum hangar_rc rc = fake_host_create(fake, &inst);
        if (late) {
            ck_assert_int_eq(rc, HANGAR_OK);
            ck_assert_int_eq(send_event(&event), HANGAR_OK);
            ck_assert_int_eq(unlink(ran), 0);
            ck_assert_int_eq(chmod(path, 0707), 0);
            rc = send_event(&event);
        }
        ck_assert_int_eq(rc, HANGAR_CONFIG);
        assert_notifier_error_has("cannot run ");
        assert_notifier_error_has("other users can write to ");
        assert_notifier_error_has("hint: chmod go-w ");
        ck_assert_int_eq(access(ran, F_OK), -1);
        fake_host_close(fake);
    }
}
END_TEST

START_TEST(a_failed_program_is_reported)
{
    static const struct {
        const char *command;
        enum hangar_rc rc;
        const char *error;
    } cases[] = {
        {"cat", HANGAR_OK, ""},
        {"echo no luck; kill -9 $$", HANGAR_INTERNAL, "sh was killed by signal 9: no luck"},
        {"cat; exit 1", HANGAR_INTERNAL, "sh failed with exit status 1: {\"error\": \"no space\"}"},
        {"exit 75", HANGAR_RETRY, "sh failed with exit status 75"},
        {"head -c 20000 /dev/zero | tr '\\0' x; echo y; exit 1", HANGAR_INTERNAL, "xxxy"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        open_command(cases[i].command);
        testing_expect(fake, send_event(&event), cases[i].rc, cases[i].command);
        assert_notifier_error_has(cases[i].error);
        const char *error = fake_host_error(fake);
        ck_assert_msg(!*error || error[strlen(error) - 1] != ' ', "ends with a blank: %s", error);
        fake_host_close(fake);
    }
    open_command("exec sleep 100");
    fake_host_cancel(fake);
    ck_assert_int_eq(send_event(&event), HANGAR_CANCELLED);
    fake_host_close(fake);
    open_command("exit 0");
    signal(SIGCHLD, SIG_IGN); /* the kernel reaps it */
    ck_assert_int_eq(send_event(&event), HANGAR_INTERNAL);
    assert_notifier_error_has("cannot wait for sh: No child process");
    fake_host_close(fake);
}
END_TEST

START_TEST(an_event_that_cannot_be_stored_is_reported)
{
    struct rlimit before, none;
    open_command("cat");
    signal(SIGXFSZ, SIG_IGN);
    for (int resource = 0; resource < 2; resource++) {
        const int which[] = {RLIMIT_NOFILE, RLIMIT_FSIZE};
        ck_assert_int_eq(getrlimit((unsigned)which[resource], &before), 0);
        none = before;
        none.rlim_cur = 0;
        ck_assert_int_eq(setrlimit((unsigned)which[resource], &none), 0);
        enum hangar_rc rc = send_event(&event);
        ck_assert_int_eq(setrlimit((unsigned)which[resource], &before), 0);
        ck_assert_int_eq(rc, HANGAR_IO);
        assert_notifier_error_has("cannot store the event in memory: ");
    }
    ck_assert_int_eq(send_event(&event), HANGAR_OK);
    fake_host_close(fake);
}
END_TEST

#ifdef HAVE_SCARCE
static enum hangar_rc rc;
static size_t failures;

/* Creates an instance and sends one event. */
static void send_with_new_instance(void *arg)
{
    const struct hangar_plugin *plugin = fake_host_plugin(fake);
    (void)arg;
    fake_host_clear(fake);
    void *own = NULL;
    rc = plugin->create(fake_host_table(fake), fake_host_ctx(fake), &own);
    if (rc == HANGAR_OK) {
        rc = plugin->notifier->notify(own, &event);
        plugin->destroy(own);
    }
}

/* No process listens, so nothing was sent.  libcurl reports lack of memory as other errors, too. */
static void assert_not_sent(void *arg)
{
    (void)arg;
    ck_assert_msg(rc != HANGAR_OK, "a message was sent to a closed port");
    ck_assert_ptr_null(strstr(fake_host_error(fake), "secret"));
    failures += rc == HANGAR_NO_MEMORY;
}

START_TEST(without_memory_a_notifier_never_reports_success)
{
    static const struct {
        const char *name, *settings[5];
    } cases[] = {
        {"notify-ping", {"url=" CLOSED_PORT}},
        {"notify-telegram", {"api=http://127.0.0.1:1", "token=1:secret", "chat=1", "thread=7"}},
        {"notify-webhook", {"url=" CLOSED_PORT}},
    };
    testing_expect(fake, create_notifier(cases[_i].name, cases[_i].settings), HANGAR_OK,
                   cases[_i].name);
    send_with_new_instance(NULL); /* the first use initialises libcurl and its libraries */
    assert_not_sent(NULL);
    ck_assert_uint_ge(scarce_each(send_with_new_instance, NULL, assert_not_sent), 2);
    ck_assert_uint_ge(failures, 2);
    fake_host_close(fake);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("notifiers");
    setenv("no_proxy", "*", 1); /* no proxy for 127.0.0.1 */
    TCase *tcase = tcase_create("notifiers");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, invalid_options_are_refused);
    tcase_add_test(tcase, an_unreachable_receiver_is_reported_without_the_secret);
    tcase_add_test(tcase, a_ping_is_sent_for_start_and_end_events_only);
    tcase_add_test(tcase, a_program_that_another_user_could_change_is_not_run);
    tcase_add_test(tcase, a_failed_program_is_reported);
    tcase_add_test(tcase, an_event_that_cannot_be_stored_is_reported);
#ifdef HAVE_SCARCE
    tcase_add_loop_test(tcase, without_memory_a_notifier_never_reports_success, 0, 3);
#endif
    suite_add_tcase(suite, tcase);
    return testing_main(suite);
}
