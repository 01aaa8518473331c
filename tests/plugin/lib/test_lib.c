/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_lib: what plugins share: texts that grow, messages that are cut between
 * characters, programs that end in every way there is, the processes of throw-away
 * servers, and what senders make of answers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "clock.h"
#include "failure.h"
#include "fake_host.h"
#include "message.h"
#include "program.h"
#include "send.h"
#include "testing.h"
#include "text.h"
#include "thread.h"
#include "throwaway.h"
#ifdef HAVE_SCARCE
#include "scarce.h"
#endif

static struct fake_host *fake;
static void *webhook;

static void set_up(void)
{
    fake = fake_host_open("notify-webhook");
    fake_host_set(fake, "url", "http://127.0.0.1:9/");
    fake_host_set(fake, "timeout", "20s");
    testing_expect(fake, fake_host_create(fake, &webhook), HANGAR_OK, "create");
}

static void tear_down(void)
{
    fake_host_close(fake);
}

static void assert_says(const char *text)
{
    ck_assert_msg(strstr(fake_host_error(fake), text), "says: %s", fake_host_error(fake));
}

/* ---- text ---- */

START_TEST(a_text_grows_and_notes_what_does_not_fit)
{
    struct text text = {0};
    ck_assert_str_eq(text_str(&text), "");
    text_clear(&text);
    for (int i = 0; i < 1000; i++) {
        text_addf(&text, "%03d,", i);
    }
    text_add_bytes(&text, "", 1);
    text_add(&text, "end");
    ck_assert_uint_eq(text.size, 4004);
    ck_assert_mem_eq(text.data + 3992, "998,999,\0end", 13);
    text_add_bytes(&text, "x", TEXT_MAX);
    ck_assert(text.failed);
    text_add(&text, "more");
    ck_assert_uint_eq(text.size, 4004);
    text_clear(&text);
    ck_assert(!text.failed);
    ck_assert_str_eq(text_str(&text), "");
    text_free(&text);
    ck_assert_ptr_null(text.data);
}
END_TEST

#ifdef HAVE_SCARCE
START_TEST(a_text_notes_that_memory_lacked)
{
    struct text text = {0};
    scarce_begin(1);
    text_add(&text, "hello");
    ck_assert(scarce_end());
    ck_assert(text.failed);
    ck_assert_str_eq(text_str(&text), "");
    text_free(&text);
}
END_TEST
#endif

/* ---- times ---- */

START_TEST(a_time_is_read_with_its_fraction_and_its_offset)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2026-01-15T02:00:00Z", 1768442400000},
        {"2026-01-15T02:00:00.5Z", 1768442400500},
        {"2026-01-15T02:00:00.123456Z", 1768442400123},
        {"2026-01-15T03:30:00+01:30", 1768442400000},
        {"2026-01-14T22:00:00-0400", 1768442400000},
        {"2024-02-29T00:00:00Z", 1709164800000},
    };
    static const char *const bad[] = {
        "",
        "2026-01-15",
        "2026-01-15T02:00:00",
        "2026-13-15T02:00:00Z",
        "2026-02-29T02:00:00Z",
        "2026-01-15T25:00:00Z",
        "2026-01-15T02:60:00Z",
        "2026-01-15T02:00:00.Z",
        "2026-01-15T02:00:00+1:00",
        "2026-01-15T02:00:00+01:60",
        "2026-01-15T02:00:00Zulu",
        "20260115T020000Z",
        " 2026-01-15T02:00:00Z",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t ms = 0;
        ck_assert_msg(clock_parse(good[i].text, &ms) && ms == good[i].ms, "%s: %lld", good[i].text,
                      (long long)ms);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ms = 42;
        ck_assert_msg(!clock_parse(bad[i], &ms) && ms == 42, "%s", bad[i]);
    }
}
END_TEST

START_TEST(a_time_is_written_as_utc)
{
    char out[CLOCK_ISO_SIZE], small[8] = "x";
    setenv("TZ", "America/New_York", 1);
    tzset();
    clock_format(1768442400999, CLOCK_ISO, out, sizeof(out));
    ck_assert_str_eq(out, "2026-01-15T02:00:00Z");
    clock_format(1768442400000, CLOCK_ISO_COMPACT, out, sizeof(out));
    ck_assert_str_eq(out, "20260115T020000Z");
    clock_format(-1, CLOCK_ISO_FILE, out, sizeof(out));
    ck_assert_str_eq(out, "1969-12-31T23-59-59Z");
    clock_format(0, CLOCK_ISO, small, sizeof(small));
    ck_assert_str_eq(small, "");
    clock_format(INT64_MAX, CLOCK_ISO, out, sizeof(out)); /* a year of nine digits */
    ck_assert_uint_lt(strlen(out), sizeof(out));
}
END_TEST

START_TEST(the_monotonic_clock_advances_and_the_clock_is_that_of_the_machine)
{
    int64_t begin_ms = clock_monotonic_ms();
    nanosleep(&(struct timespec){.tv_nsec = 3 * 1000000}, NULL);
    ck_assert_int_ge(clock_monotonic_ms() - begin_ms, 2);
    ck_assert_int_le(llabs(clock_now_ms() - (int64_t)time(NULL) * 1000), 2000);
}
END_TEST

/* ---- threads and failures ---- */

struct worker {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool done; /* with the two below under the mutex */
    struct failure failure;
    char name[16];
    sigset_t blocked;
};

static void *work_and_fail(void *arg)
{
    struct worker *w = arg;
    pthread_mutex_lock(&w->mutex);
    pthread_getname_np(pthread_self(), w->name, sizeof(w->name));
    pthread_sigmask(SIG_SETMASK, NULL, &w->blocked);
    failure_record(&w->failure, HANGAR_NO_SPACE, "cannot store part %d: %s", 3, "the disk is full");
    failure_record(&w->failure, HANGAR_IO, "cannot close part %d", 3);
    w->done = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

START_TEST(a_failure_of_an_own_thread_is_raised_by_the_caller)
{
    struct worker w = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    pthread_t thread;
    int64_t begin_ms = clock_monotonic_ms();
    ck_assert_int_eq(thread_cond_init(&w.changed), 0);
    pthread_mutex_lock(&w.mutex);
    thread_cond_wait(&w.changed, &w.mutex, begin_ms + 20);
    ck_assert_int_ge(clock_monotonic_ms() - begin_ms, 20);
    ck_assert_int_eq(thread_start(&thread, "hangar-test", work_and_fail, &w), 0);
    while (!w.done) {
        thread_cond_wait(&w.changed, &w.mutex, clock_monotonic_ms() + 30000);
    }
    pthread_mutex_unlock(&w.mutex);
    pthread_join(thread, NULL);
    ck_assert_int_lt(clock_monotonic_ms() - begin_ms, 30000);
    ck_assert_str_eq(w.name, "hangar-test");
    ck_assert(sigismember(&w.blocked, SIGTERM) && sigismember(&w.blocked, SIGINT));
    ck_assert_int_eq(failure_raise(&w.failure, fake_host_table(fake), fake_host_ctx(fake)),
                     HANGAR_NO_SPACE);
    ck_assert_str_eq(fake_host_error(fake), "cannot store part 3: the disk is full");
    pthread_cond_destroy(&w.changed);
    pthread_mutex_destroy(&w.mutex);
}
END_TEST

START_TEST(a_failure_is_the_first_unless_it_is_replaced)
{
    struct failure failure = {0};
    ck_assert_int_eq(failure_raise(&failure, fake_host_table(fake), fake_host_ctx(fake)),
                     HANGAR_INTERNAL);
    assert_says("no reason was recorded");
    ck_assert_int_eq(failure_record(&failure, HANGAR_AUTH, "first"), HANGAR_AUTH);
    ck_assert_int_eq(failure_record(&failure, HANGAR_IO, "second"), HANGAR_AUTH);
    ck_assert_str_eq(failure.text, "first");
    ck_assert_int_eq(failure_replace(&failure, HANGAR_RETRY, "third"), HANGAR_RETRY);
    fake_host_clear(fake);
    ck_assert_int_eq(failure_raise_as(&failure, fake_host_table(fake), fake_host_ctx(fake),
                                      "cannot read table %s", "t"),
                     HANGAR_RETRY);
    ck_assert_str_eq(fake_host_error(fake), "cannot read table t: third");
    failure_clear(&failure);
    ck_assert_int_eq(failure.rc, HANGAR_OK);
    ck_assert_str_eq(failure.text, "");
    failure_record(&failure, HANGAR_IO, "%5000d", 1);
    ck_assert_uint_eq(strlen(failure.text), sizeof(failure.text) - 1);
}
END_TEST

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

START_TEST(a_message_has_why_which_and_how_long)
{
    char out[200];
    struct hangar_event event = sample_event();
    message_text(&event, out, sizeof(out));
    ck_assert_str_eq(out, "hangar: nightly failed\nno space\nbackup: backup_1\nrun: r1\n"
                          "took: 61.9 s");
    event = (struct hangar_event){.kind = "alert", .json = "no JSON", .duration_ms = -1};
    message_text(&event, out, sizeof(out));
    ck_assert_str_eq(out, "hangar: alert");
}
END_TEST

START_TEST(a_message_is_cut_between_characters)
{
    char out[200];
    struct hangar_event event = sample_event();
    event.summary = "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"; /* of 2, 3 and 4 bytes */
    for (size_t size = 1; size < 40; size++) {
        memset(out, 'x', sizeof(out));
        message_text(&event, out, size);
        size_t length = strlen(out);
        ck_assert_uint_lt(length, size);
        ck_assert(length < 8 || length == 8 || length == 10 || length == 13 || length >= 17);
        ck_assert_int_eq(out[size], 'x');
    }
}
END_TEST

/* ---- programs ---- */

struct watched {
    char said[64];
    size_t size;
    bool cancel;
};

static bool is_cancelled(void *arg)
{
    struct watched *w = arg;
    return w->cancel;
}

static bool take(void *arg, const char *data, size_t size)
{
    struct watched *w = arg;
    if (size >= sizeof(w->said) - w->size) {
        return false;
    }
    memcpy(w->said + w->size, data, size);
    w->size += size;
    w->said[w->size] = '\0';
    return true;
}

static struct program_result run_shell(const char *command, int64_t timeout_ms, struct watched *w)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)(uintptr_t)command, NULL};
    struct program program = {.argv = argv,
                              .input = -1,
                              .errors = PROGRAM_ERRORS_IN_OUTPUT,
                              .timeout_ms = timeout_ms,
                              .cancelled = is_cancelled,
                              .output = take,
                              .arg = w};
    return program_run(&program);
}

START_TEST(a_program_ends_in_every_way_and_it_is_known_which)
{
    static const struct {
        const char *command, *says;
        int64_t timeout_ms;
        enum program_end end;
        int value;
    } cases[] = {
        {"echo out; echo err >&2; exit 3", "out\nerr\n", 30000, PROGRAM_EXITED, 3},
        {"kill -9 $$", "", 30000, PROGRAM_SIGNALLED, SIGKILL},
        {"exec sleep 100", "", 1, PROGRAM_TIMED_OUT, 0},
        {"yes", NULL, 30000, PROGRAM_TOO_MUCH, 0},
        /* what it leaves behind holds its output */
        {"sleep 2 & echo done", "done\n", 30000, PROGRAM_EXITED, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct watched w = {.size = 0};
        struct program_result got = run_shell(cases[i].command, cases[i].timeout_ms, &w);
        ck_assert_msg(got.end == cases[i].end && got.value == cases[i].value, "%s: %d %d",
                      cases[i].command, (int)got.end, got.value);
        if (cases[i].says) {
            ck_assert_str_eq(w.said, cases[i].says);
        }
    }
    struct watched cancelled = {.cancel = true};
    ck_assert_int_eq(run_shell("exec sleep 100", 60000, &cancelled).end, PROGRAM_CANCELLED);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(a_program_that_cannot_be_started_says_why)
{
    struct watched w = {.size = 0};
    char *argv[] = {(char *)"/nowhere/at/all", NULL};
    struct program program = {.argv = argv, .input = -1, .cancelled = is_cancelled, .arg = &w};
    struct program_result got = program_run(&program);
    ck_assert_int_eq(got.end, PROGRAM_NOT_STARTED);
    ck_assert_int_eq(got.value, ENOENT);
    struct rlimit before, few = {.rlim_cur = 0};
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    few.rlim_max = before.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    got = program_run(&program);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    ck_assert_int_eq(got.end, PROGRAM_NOT_STARTED);
    ck_assert_int_eq(got.value, EMFILE);
}
END_TEST

START_TEST(a_program_that_somebody_else_reaped_is_not_waited_for)
{
    struct watched w = {.size = 0};
    signal(SIGCHLD, SIG_IGN); /* the kernel reaps */
    struct program_result got = run_shell("exit 0", 30000, &w);
    ck_assert_int_eq(got.end, PROGRAM_LOST);
    ck_assert_int_eq(got.value, ECHILD);
}
END_TEST

/* Reads to the end, which must come within 30 s. */
static void read_child(int fd, const char *expected)
{
    char text[200];
    size_t size = 0;
    int64_t deadline_ms = clock_monotonic_ms() + 30000;
    while (clock_monotonic_ms() < deadline_ms && size < sizeof(text) - 1) {
        ssize_t n = read(fd, text + size, sizeof(text) - 1 - size);
        if (n == 0) {
            break;
        }
        if (n > 0) {
            size += (size_t)n;
        } else {
            ck_assert_int_eq(errno, EAGAIN);
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
    }
    text[size] = '\0';
    ck_assert_str_eq(text, expected);
}

static struct program_child start_child(const char *command, bool mute)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)(uintptr_t)command, NULL};
    char *env[] = {(char *)"PATH=/usr/bin:/bin", (char *)"WORD=hello", NULL};
    const struct program program = {
        .argv = argv, .env = env, .input = -1, .mute = mute, .errors = PROGRAM_ERRORS_APART};
    struct program_child child;
    ck_assert_int_eq(program_start(&program, &child), 0);
    return child;
}

START_TEST(a_started_program_is_read_and_reaped_by_the_caller)
{
    struct program_child child =
        start_child("echo $WORD $HOME; ls /proc/self/fd | wc -l >&2; exit 3", false);
    int status;
    read_child(child.out_fd, "hello\n");
    read_child(child.err_fd, "4\n"); /* 0, 1, 2 and the folder */
    while (!program_reap(&child.pid, &status)) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    ck_assert_int_eq(WEXITSTATUS(status), 3);
    ck_assert_int_eq(child.pid, 0);
    program_stop(&child, 1000);
    ck_assert_int_eq(child.out_fd, -1);
    ck_assert_int_eq(child.err_fd, -1);
    program_stop(&child, 1000);
}
END_TEST

START_TEST(a_started_program_is_stopped_with_all_its_processes)
{
    /* one that needs its standard error to end, and one that ends by SIGKILL only */
    static const char *const commands[] = {
        "trap 'head -c 300000 /dev/zero >&2; exit 0' TERM; sleep 100 & echo up >&2; wait",
        "trap '' TERM; echo up >&2; sleep 100",
    };
    for (size_t i = 0; i < 2; i++) {
        struct program_child child = start_child(commands[i], true);
        ck_assert_int_eq(child.out_fd, -1);
        struct pollfd up = {.fd = child.err_fd, .events = POLLIN};
        ck_assert_int_eq(poll(&up, 1, 30000), 1);
        pid_t group = child.pid;
        int64_t begin_ms = clock_monotonic_ms();
        program_stop(&child, i == 0 ? 30000 : 50);
        ck_assert_int_lt(clock_monotonic_ms() - begin_ms, 20000);
        ck_assert_int_eq(child.pid, 0);
        while (kill(-group, 0) == 0) { /* until init has reaped the last of them */
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
            ck_assert_int_lt(clock_monotonic_ms() - begin_ms, 30000);
        }
    }
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

/* ---- throw-away servers ---- */

static struct throwaway throwaway;

/* As one who is not root, and so stays who it is. */
static const char *prepare(void)
{
    static const char *const users[] = {"no-such-user-here", "nobody", NULL};
    const char *dir = testing_dir();
    testing_expect(fake,
                   throwaway_prepare(&throwaway, fake_host_table(fake), fake_host_ctx(fake),
                                     "store", dir, users),
                   HANGAR_OK, "prepare");
    throwaway.drop = false;
    return dir;
}

static enum hangar_rc run_throwaway(const char *command, int most_ms)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)(uintptr_t)command, NULL};
    fake_host_clear(fake);
    return throwaway_run(&throwaway, "/bin/sh", argv, SIGKILL, most_ms);
}

START_TEST(a_throwaway_process_has_an_environment_of_two_words_and_its_folder)
{
    const char *dir = prepare();
    size_t size;
    struct stat st;
    testing_expect(
        fake, run_throwaway("cat; env | sort; pwd; ls /proc/self/fd | wc -l; echo err >&2", 30000),
        HANGAR_OK, "run");
    char *log = (char *)testing_read_file(testing_path(dir, "log"), &size), expected[500];
    int n = snprintf(expected, sizeof(expected),
                     "LC_ALL=C\nPATH=/usr/bin:/bin\nPWD=%s\n%s\n4\nerr\n", dir, dir);
    ck_assert_int_eq((int)size, n);
    ck_assert_mem_eq(log, expected, size);
    ck_assert_int_eq(stat(dir, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0700);
    free(log);
    throwaway_close_files(&throwaway);
    throwaway_close_files(&throwaway);
    throwaway_stop(&throwaway, SIGKILL);
}
END_TEST

START_TEST(a_throwaway_process_that_fails_says_why)
{
    static const struct {
        const char *command, *says;
    } cases[] = {
        {"echo one; printf 'no\\tluck \\r\\n'; exit 1",
         "sh of the throw-away store failed: no luck"},
        {"true > log; exit 1", "sh of the throw-away store failed: it said nothing"},
        {"exit 127", "cannot run /bin/sh in "},
    };
    prepare();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        testing_expect(fake, run_throwaway(cases[i].command, 30000), HANGAR_IO, cases[i].command);
        assert_says(cases[i].says);
    }
    char *argv[] = {(char *)"none", NULL};
    fake_host_clear(fake);
    ck_assert_int_eq(throwaway_run(&throwaway, "/nowhere/none", argv, SIGKILL, 30000), HANGAR_IO);
    assert_says("cannot run /nowhere/none in ");
    signal(SIGCHLD, SIG_IGN); /* somebody else learns how it ended */
    testing_expect(fake, run_throwaway("true > log", 30000), HANGAR_IO, "lost");
    assert_says("sh of the throw-away store failed: it said nothing");
    throwaway_close_files(&throwaway);
}
END_TEST

static bool is_up(void *arg)
{
    int *looks = arg;
    return --*looks == 0;
}

START_TEST(a_throwaway_server_is_waited_for_while_it_lives)
{
    char *argv[] = {(char *)"sleep", (char *)"100", NULL};
    int looks = 2;
    prepare();
    ck_assert_int_eq(throwaway_start(&throwaway, "/bin/sleep", argv, SIGKILL), HANGAR_OK);
    ck_assert_int_eq(throwaway_wait(&throwaway, is_up, &looks, 30000), HANGAR_OK);
    looks = -1;
    ck_assert_int_eq(throwaway_wait(&throwaway, is_up, &looks, 20), HANGAR_IO);
    assert_says("/bin/sleep of the throw-away store does not answer after 0 s");
    throwaway_stop(&throwaway, SIGTERM);
    ck_assert_int_eq(throwaway.pid, 0);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    fake_host_clear(fake);
    argv[1] = (char *)"no number";
    looks = -1;
    ck_assert_int_eq(throwaway_start(&throwaway, "/bin/sleep", argv, SIGKILL), HANGAR_OK);
    ck_assert_int_eq(throwaway_wait(&throwaway, is_up, &looks, 30000), HANGAR_IO);
    assert_says("sleep of the throw-away store failed: ");
    ck_assert_int_eq(throwaway.pid, 0);
    testing_expect(fake, run_throwaway("exec sleep 100", 20), HANGAR_IO, "late");
    assert_says("/bin/sh of the throw-away store does not end after 0 s");
    throwaway_stop(&throwaway, SIGKILL);
    throwaway_close_files(&throwaway);
}
END_TEST

START_TEST(a_throwaway_server_that_cannot_be_prepared_says_why)
{
    static const char *const nobody[] = {"no-such-user-here", "root", NULL};
    const char *dir = testing_dir(), *none = testing_path(dir, "none");
    char path[200], deep[200];
    struct throwaway t = {0};
    throwaway_close_files(&t);
    if (geteuid() == 0) {
        ck_assert_int_eq(
            throwaway_prepare(&t, fake_host_table(fake), fake_host_ctx(fake), "store", dir, nobody),
            HANGAR_AUTH);
        assert_says("cannot start a throw-away store as root: there is no user to run it as");
        throwaway_close_files(&t);
        fake_host_clear(fake);
    }
    static const char *const users[] = {"nobody", NULL};
    ck_assert_int_eq(
        throwaway_prepare(&t, fake_host_table(fake), fake_host_ctx(fake), "store", none, users),
        HANGAR_IO);
    assert_says("/none/log: No such file");
    throwaway_close_files(&t);
    fake_host_clear(fake);
    memset(deep, 'd', sizeof(deep));
    deep[120] = '\0';
    ck_assert_int_eq(throwaway_socket(fake_host_table(fake), fake_host_ctx(fake), "/run", "s", path,
                                      sizeof(path)),
                     HANGAR_OK);
    ck_assert_str_eq(path, "/run/s");
    ck_assert_int_eq(
        throwaway_socket(fake_host_table(fake), fake_host_ctx(fake), deep, "s", path, sizeof(path)),
        HANGAR_CONFIG);
    assert_says("is too long a name for the folder of a socket; hint: set limits.temp_dir");
}
END_TEST

/* ---- senders ---- */

/* Listens, and answers one request with `reply`; NULL: with nothing. */
struct server {
    int fd;
    char url[64];
    const char *reply;
    pthread_t thread;
};

static void *serve(void *arg)
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
        ck_assert_int_eq(pthread_create(&server->thread, NULL, serve, server), 0);
    }
}

static void end_server(struct server *server)
{
    if (server->reply) {
        pthread_join(server->thread, NULL);
    }
    close(server->fd);
}

static enum hangar_rc post(struct sender *sender, const char *url)
{
    fake_host_clear(fake);
    return sender_post(sender, url, "text/plain", NULL, "the message");
}

START_TEST(answers_are_told_apart)
{
    static const struct {
        const char *reply;
        enum hangar_rc rc;
        const char *says;
    } cases[] = {
        {"204 No Content\r\n\r\n", HANGAR_OK, ""},
        {"429 Slow\r\nContent-Length: 0\r\n\r\n", HANGAR_RETRY,
         "127.0.0.1 answered with status 429"},
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
        testing_expect(fake, post(sender, server.url), cases[i].rc, cases[i].reply);
        assert_says(cases[i].says);
        ck_assert_ptr_null(strstr(fake_host_error(fake), "secret"));
        end_server(&server);
    }
    free(sender);
}
END_TEST

START_TEST(what_cannot_be_sent_says_why)
{
    struct sender *sender = sender_new(fake_host_table(fake), fake_host_ctx(fake), sizeof(*sender));
    struct server silent;
    ck_assert_int_eq(post(sender, "http://"), HANGAR_CONFIG);
    assert_says("cannot send to the receiver: ");
    ck_assert_int_eq(post(sender, "gopher://host.invalid/secret"), HANGAR_CONFIG);
    assert_says("cannot send to host.invalid: Unsupported protocol");
    begin_server(&silent, NULL);
    sender->timeout_ms = 100;
    ck_assert_int_eq(post(sender, silent.url), HANGAR_RETRY);
    assert_says("cannot send to 127.0.0.1: Timeout was reached");
    sender->timeout_ms = 60000;
    sender_cancel(sender);
    ck_assert_int_eq(post(sender, silent.url), HANGAR_CANCELLED);
    ck_assert_str_eq(fake_host_error(fake), "");
    end_server(&silent);
    free(sender);
    ck_assert(sender_is_web("http://x") && sender_is_web("https://x") &&
              !sender_is_web("smtp://x"));
}
END_TEST

#ifdef HAVE_SCARCE
START_TEST(without_memory_a_sender_says_so)
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
    ck_assert_int_eq(post(sender, "http://127.0.0.1:9/"), HANGAR_RETRY); /* libcurl's first use */
    scarce_begin(1);
    enum hangar_rc rc = post(sender, "http://127.0.0.1:9/");
    scarce_end();
    ck_assert_int_eq(rc, HANGAR_NO_MEMORY);
    assert_says("out of memory");
    free(sender);
    fake_host_clear(fake);
    scarce_begin(1);
    sender = sender_new(fake_host_table(fake), fake_host_ctx(fake), sizeof(*sender));
    scarce_end();
    ck_assert_ptr_null(sender);
    assert_says("out of memory");
}
END_TEST
#endif

int main(void)
{
    const TTest *const tests[] = {
        a_text_grows_and_notes_what_does_not_fit,
        a_time_is_read_with_its_fraction_and_its_offset,
        a_time_is_written_as_utc,
        the_monotonic_clock_advances_and_the_clock_is_that_of_the_machine,
        a_failure_of_an_own_thread_is_raised_by_the_caller,
        a_failure_is_the_first_unless_it_is_replaced,
        a_message_has_why_which_and_how_long,
        a_message_is_cut_between_characters,
        a_program_ends_in_every_way_and_it_is_known_which,
        a_program_that_cannot_be_started_says_why,
        a_program_that_somebody_else_reaped_is_not_waited_for,
        a_started_program_is_read_and_reaped_by_the_caller,
        a_started_program_is_stopped_with_all_its_processes,
        a_throwaway_process_has_an_environment_of_two_words_and_its_folder,
        a_throwaway_process_that_fails_says_why,
        a_throwaway_server_is_waited_for_while_it_lives,
        a_throwaway_server_that_cannot_be_prepared_says_why,
        answers_are_told_apart,
        what_cannot_be_sent_says_why,
#ifdef HAVE_SCARCE
        a_text_notes_that_memory_lacked,
        without_memory_a_sender_says_so,
#endif
    };
    Suite *suite = suite_create("plugins/lib");
    setenv("no_proxy", "*", 1); /* the receivers are here */
    TCase *tcase = tcase_create("lib");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return testing_main(suite);
}
