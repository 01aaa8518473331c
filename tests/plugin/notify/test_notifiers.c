/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_notifiers: what notifiers say when they cannot do what they are for: options that
 * make no sense, a program that ends badly, memory that lacks.  What they send is tried
 * by notifiers.py.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "fake_host.h"
#include "testing.h"
#ifdef HAVE_SCARCE
#include "scarce.h"
#endif

/* Nobody listens there. */
#define NOBODY "http://127.0.0.1:1/secret"

static const struct hangar_event event = {.struct_size = sizeof(event),
                                          .kind = "backup.failed",
                                          .summary = "nightly failed",
                                          .json = "{\"error\": \"no space\"}",
                                          .duration_ms = -1};

static struct fake_host *fake;
static void *inst;

/* Opens a notifier with options "name=value", ended by NULL; how create ended. */
static enum hangar_rc create(const char *name, const char *const *settings)
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

static enum hangar_rc notify(const struct hangar_event *what)
{
    fake_host_clear(fake);
    return fake_host_plugin(fake)->notifier->notify(inst, what);
}

static void assert_says(const char *text)
{
    ck_assert_msg(strstr(fake_host_error(fake), text), "says: %s", fake_host_error(fake));
}

START_TEST(options_that_make_no_sense_are_refused)
{
    static const struct {
        const char *name, *settings[4], *says;
    } cases[] = {
        {"notify-ping", {"url=ftp://host/x"}, "it must begin with https:// or http://"},
        {"notify-ping", {"url=https://host/x?y"}, "have no \"?\""},
        {"notify-telegram", {"token=no/token", "chat=1"}, "it is no token of a bot"},
        {"notify-telegram", {"token=", "chat=1"}, "it is no token of a bot"},
        {"notify-webhook", {"url=file:///etc/passwd"}, "http"},
        {"notify-command", {"command="}, "it must be a program and at most "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_int_eq(create(cases[i].name, cases[i].settings), HANGAR_CONFIG);
        assert_says(cases[i].says);
        fake_host_close(fake);
    }
    fake = fake_host_open("notify-command");
    for (int n = 0; n < 300; n++) {
        fake_host_set(fake, "command", "x");
    }
    ck_assert_int_eq(fake_host_create(fake, &inst), HANGAR_CONFIG);
    assert_says("it must be a program and at most ");
    fake_host_close(fake);
}
END_TEST

START_TEST(a_receiver_that_is_gone_is_told_without_its_secret)
{
    static const struct {
        const char *name, *settings[6];
    } cases[] = {
        {"notify-ping", {"url=" NOBODY}},
        {"notify-telegram", {"api=http://127.0.0.1:1", "token=1:secret", "chat=1", "thread=7"}},
        {"notify-webhook", {"url=" NOBODY}},
        {"notify-email",
         {"server=127.0.0.1", "port=1", "from=a@example.org", "to=b@example.org", "security=none"}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        testing_expect(fake, create(cases[i].name, cases[i].settings), HANGAR_OK, cases[i].name);
        testing_expect(fake, notify(&event), HANGAR_RETRY, cases[i].name);
        assert_says("cannot send to 127.0.0.1: ");
        ck_assert_ptr_null(strstr(fake_host_error(fake), "secret"));
        fake_host_cancel(fake);
        ck_assert_int_eq(notify(&event), HANGAR_CANCELLED);
        fake_host_close(fake);
    }
}
END_TEST

START_TEST(a_ping_is_sent_for_beginnings_and_ends_only)
{
    static const struct {
        const char *kind;
        bool sent;
    } cases[] = {{"test", true},           {"backup.start", true},
                 {"backup.done", true},    {"backup.degraded", true},
                 {"backup.failed", true},  {"alert", false},
                 {"sink.caught_up", false}};
    ck_assert_int_eq(create("notify-ping", (const char *[]){"url=" NOBODY "//", NULL}), HANGAR_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hangar_event one = event;
        one.kind = cases[i].kind;
        ck_assert_int_eq(notify(&one), cases[i].sent ? HANGAR_RETRY : HANGAR_OK);
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

START_TEST(a_program_that_ends_badly_is_told)
{
    static const struct {
        const char *command;
        enum hangar_rc rc;
        const char *says;
    } cases[] = {
        {"cat", HANGAR_OK, ""},
        {"echo no luck; kill -9 $$", HANGAR_INTERNAL, "sh was ended by signal 9: no luck"},
        {"cat; exit 1", HANGAR_INTERNAL, "sh failed with exit status 1: {\"error\": \"no space\"}"},
        {"exit 75", HANGAR_RETRY, "sh failed with exit status 75"},
        {"head -c 20000 /dev/zero | tr '\\0' x; echo y; exit 1", HANGAR_INTERNAL, "xxxy "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        open_command(cases[i].command);
        testing_expect(fake, notify(&event), cases[i].rc, cases[i].command);
        assert_says(cases[i].says);
        fake_host_close(fake);
    }
    open_command("exec sleep 100");
    fake_host_cancel(fake);
    ck_assert_int_eq(notify(&event), HANGAR_CANCELLED);
    fake_host_close(fake);
    open_command("exit 0");
    signal(SIGCHLD, SIG_IGN); /* somebody else learns how it ended */
    ck_assert_int_eq(notify(&event), HANGAR_INTERNAL);
    assert_says("cannot wait for sh: No child process");
    fake_host_close(fake);
}
END_TEST

START_TEST(an_event_that_finds_no_place_is_told)
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
        enum hangar_rc rc = notify(&event);
        ck_assert_int_eq(setrlimit((unsigned)which[resource], &before), 0);
        ck_assert_int_eq(rc, HANGAR_IO);
        assert_says("cannot keep the event in memory: ");
    }
    ck_assert_int_eq(notify(&event), HANGAR_OK);
    fake_host_close(fake);
}
END_TEST

#ifdef HAVE_SCARCE
static enum hangar_rc rc;
static size_t failures;

/* An instance of its own, and one event. */
static void tell(void *arg)
{
    const struct hangar_plugin *plugin = fake_host_plugin(fake);
    void *own = NULL;
    (void)arg;
    fake_host_clear(fake);
    rc = plugin->create(fake_host_table(fake), fake_host_ctx(fake), &own);
    if (rc == HANGAR_OK) {
        rc = plugin->notifier->notify(own, &event);
        plugin->destroy(own);
    }
}

/* Nobody was there; what libcurl makes of a lack of memory is not always that. */
static void not_sent(void *arg)
{
    (void)arg;
    ck_assert_msg(rc != HANGAR_OK, "it was sent to nobody");
    ck_assert_ptr_null(strstr(fake_host_error(fake), "secret"));
    failures += rc == HANGAR_NO_MEMORY;
}

START_TEST(without_memory_a_notifier_never_says_that_it_sent)
{
    static const struct {
        const char *name, *settings[5];
    } cases[] = {
        {"notify-ping", {"url=" NOBODY}},
        {"notify-telegram", {"api=http://127.0.0.1:1", "token=1:secret", "chat=1", "thread=7"}},
        {"notify-webhook", {"url=" NOBODY}},
    };
    testing_expect(fake, create(cases[_i].name, cases[_i].settings), HANGAR_OK, cases[_i].name);
    tell(NULL); /* the first use of libcurl and of what is below it */
    not_sent(NULL);
    ck_assert_uint_ge(scarce_each(tell, NULL, not_sent), 2);
    ck_assert_uint_ge(failures, 2);
    fake_host_close(fake);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("notifiers");
    setenv("no_proxy", "*", 1); /* the receivers would be here */
    TCase *tcase = tcase_create("notifiers");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, options_that_make_no_sense_are_refused);
    tcase_add_test(tcase, a_receiver_that_is_gone_is_told_without_its_secret);
    tcase_add_test(tcase, a_ping_is_sent_for_beginnings_and_ends_only);
    tcase_add_test(tcase, a_program_that_ends_badly_is_told);
    tcase_add_test(tcase, an_event_that_finds_no_place_is_told);
#ifdef HAVE_SCARCE
    tcase_add_loop_test(tcase, without_memory_a_notifier_never_says_that_it_sent, 0, 3);
#endif
    suite_add_tcase(suite, tcase);
    return testing_main(suite);
}
