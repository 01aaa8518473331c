/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_lib_programs: programs, with each way in which they end.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "clock.h"
#include "lib_fixture.h"
#include "program.h"
#include "testing.h"

/* ---- programs ---- */

struct program_watch {
    char output[64];
    size_t size;
    bool cancel;
};

static bool is_cancelled(void *arg)
{
    struct program_watch *w = arg;
    return w->cancel;
}

static bool keep_output(void *arg, const char *data, size_t size)
{
    struct program_watch *w = arg;
    if (size >= sizeof(w->output) - w->size) {
        return false;
    }
    memcpy(w->output + w->size, data, size);
    w->size += size;
    w->output[w->size] = '\0';
    return true;
}

static struct program_result run_shell(const char *command, int64_t timeout_ms,
                                       struct program_watch *w)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)(uintptr_t)command, NULL};
    struct program program = {.argv = argv,
                              .input = -1,
                              .errors = PROGRAM_ERRORS_IN_OUTPUT,
                              .timeout_ms = timeout_ms,
                              .cancelled = is_cancelled,
                              .output = keep_output,
                              .arg = w};
    return program_run(&program);
}

START_TEST(each_end_of_a_program_is_reported)
{
    static const struct {
        const char *command, *error;
        int64_t timeout_ms;
        enum program_end end;
        int value;
    } cases[] = {
        {"echo out; echo err >&2; exit 3", "out\nerr\n", 30000, PROGRAM_EXITED, 3},
        {"kill -9 $$", "", 30000, PROGRAM_SIGNALLED, SIGKILL},
        {"exec sleep 100", "", 1, PROGRAM_TIMED_OUT, 0},
        {"yes", NULL, 30000, PROGRAM_TOO_MUCH, 0},
        /* a process that it left behind keeps its output open */
        {"sleep 2 & echo done", "done\n", 30000, PROGRAM_EXITED, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct program_watch w = {.size = 0};
        struct program_result got = run_shell(cases[i].command, cases[i].timeout_ms, &w);
        ck_assert_msg(got.end == cases[i].end && got.value == cases[i].value, "%s: %d %d",
                      cases[i].command, (int)got.end, got.value);
        if (cases[i].error) {
            ck_assert_str_eq(w.output, cases[i].error);
        }
    }
    struct program_watch cancelled = {.cancel = true};
    ck_assert_int_eq(run_shell("exec sleep 100", 60000, &cancelled).end, PROGRAM_CANCELLED);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(a_program_that_cannot_be_started_gives_the_errno)
{
    struct program_watch w = {.size = 0};
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

START_TEST(a_program_that_was_reaped_elsewhere_is_lost)
{
    struct program_watch w = {.size = 0};
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

int main(void)
{
    const TTest *const tests[] = {
        each_end_of_a_program_is_reported,
        a_program_that_cannot_be_started_gives_the_errno,
        a_program_that_was_reaped_elsewhere_is_lost,
        a_started_program_is_read_and_reaped_by_the_caller,
        a_started_program_is_stopped_with_all_its_processes,
    };
    return lib_fixture_main("plugins/lib: programs", tests, sizeof(tests) / sizeof(tests[0]));
}
