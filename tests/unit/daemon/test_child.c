/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * child: processes of the daemon; here the shell.
 */
#include "child.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "suite.h"

static char events[20000], output[20000];

static void child_keep(void *arg, const char *line, size_t length)
{
    char *text = arg;
    size_t n = strlen(text);
    ck_assert_uint_eq(strlen(line), length);
    snprintf(text + n, sizeof(events) - n, "%.*s%s\n", 100, line, length > 100 ? "..." : "");
}

/* Runs a script to its end, at most 30 s; returns the status of waitpid. */
static int child_run(const char *script)
{
    struct daemon_child child;
    const char *const argv[] = {"sh", "-c", script, NULL};
    int status = -1;
    events[0] = output[0] = '\0';
    ck_assert_int_eq(daemon_child_start(&child, "/bin/sh", argv), 0);
    for (int i = 0; i < 3000; i++) {
        bool ended = daemon_child_ended(&child, &status);
        daemon_child_read_output(&child, child_keep, output);
        daemon_child_read_events(&child, child_keep, events);
        if (ended) {
            daemon_child_close(&child);
            return status;
        }
        poll(NULL, 0, 10);
    }
    daemon_child_signal(&child, SIGKILL);
    ck_abort_msg("it does not end: %s", script);
}

START_TEST(events_and_output_are_separate)
{
    int status = child_run("echo one >&3; echo two; echo three >&2; printf four >&3; exit 7");
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    ck_assert_str_eq(events, "one\nfour\n");
    ck_assert_str_eq(output, "two\nthree\n");
}
END_TEST

START_TEST(a_process_inherits_only_its_own_descriptors)
{
    int status = child_run("cat; ls -l /proc/self/fd | grep -c -- '->' >&3");
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ck_assert_str_eq(output, "");
    ck_assert_str_eq(events, "5\n"); /* 0 to 3, and the folder that ls reads */
}
END_TEST

START_TEST(an_endless_line_needs_bounded_memory)
{
    child_run("head -c 5000000 /dev/zero | tr '\\0' x >&3; echo >&3; echo after >&3");
    ck_assert_str_eq(events, "after\n");
    child_run("head -c 5000 /dev/zero | tr '\\0' x; echo; echo after");
    ck_assert_ptr_nonnull(strstr(output, "...\n"));
    ck_assert_ptr_nonnull(strstr(output, "after\n"));
}
END_TEST

START_TEST(the_signal_that_ended_a_process_is_reported)
{
    int status = child_run("kill -SEGV $$");
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}
END_TEST

START_TEST(a_missing_program_is_reported)
{
    struct daemon_child child;
    const char *const argv[] = {"none", NULL};
    output[0] = '\0';
    ck_assert_int_eq(daemon_child_start(&child, "/nonexistent/program", argv), 0);
    int status = -1;
    for (int i = 0; i < 3000 && !daemon_child_ended(&child, &status); i++) {
        poll(NULL, 0, 10);
    }
    daemon_child_read_output(&child, child_keep, output);
    daemon_child_close(&child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 127);
    ck_assert_str_eq(output, "cannot run the program of the job\n");
}
END_TEST

static bool is_gone(pid_t pid)
{
    for (int i = 0; i < 1000; i++) {
        char path[64], state = 'R';
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        FILE *file = fopen(path, "r");
        if (!file) {
            return true;
        }
        if (fscanf(file, "%*d %*s %c", &state) != 1) {
            state = 'X';
        }
        fclose(file);
        if (state == 'Z' || state == 'X') { /* an orphan that init has not reaped yet */
            return true;
        }
        poll(NULL, 0, 10);
    }
    return false;
}

START_TEST(the_rest_of_its_group_is_killed_at_its_end)
{
    child_run("sleep 600 & echo $! >&3");
    pid_t left = (pid_t)atoi(events);
    ck_assert_int_gt(left, 1);
    ck_assert(is_gone(left));
}
END_TEST

START_TEST(a_process_gets_sigterm_when_the_daemon_dies)
{
    int answers[2];
    char answer[32] = "";
    ck_assert_int_eq(pipe(answers), 0);
    pid_t daemon_pid = fork();
    if (daemon_pid == 0) {
        struct daemon_child child;
        char script[200];
        snprintf(script, sizeof(script),
                 "trap 'echo ended >/proc/%d/fd/%d; exit' TERM; echo ready >&3; "
                 "while :; do sleep 0.05; done",
                 (int)getppid(), answers[1]);
        const char *const argv[] = {"sh", "-c", script, NULL};
        if (daemon_child_start(&child, "/bin/sh", argv) != 0) {
            _exit(1);
        }
        events[0] = '\0';
        for (int i = 0; i < 3000 && !events[0]; i++) {
            daemon_child_read_events(&child, child_keep, events);
            poll(NULL, 0, 10);
        }
        raise(SIGKILL);
    }
    int status;
    ck_assert_int_eq(waitpid(daemon_pid, &status, 0), daemon_pid);
    ck_assert(WIFSIGNALED(status));
    struct pollfd ready = {.fd = answers[0], .events = POLLIN};
    ck_assert_int_eq(poll(&ready, 1, 20000), 1);
    ck_assert_int_gt(read(answers[0], answer, sizeof(answer) - 1), 0);
    ck_assert_str_eq(answer, "ended\n");
}
END_TEST

START_TEST(a_group_that_ignores_sigterm_is_killed)
{
    const char *const argv[] = {"sh", "-c",
                                "trap '' TERM; echo ready >&3; while :; do sleep 0.05; done", NULL};
    events[0] = '\0';
    struct daemon_child child;
    ck_assert_int_eq(daemon_child_start(&child, "/bin/sh", argv), 0);
    for (int i = 0; i < 3000 && !events[0]; i++) {
        daemon_child_read_events(&child, child_keep, events);
        poll(NULL, 0, 10);
    }
    daemon_child_signal(&child, SIGTERM);
    poll(NULL, 0, 100);
    int status = -1;
    ck_assert(!daemon_child_ended(&child, &status));
    daemon_child_signal(&child, SIGKILL);
    for (int i = 0; i < 3000 && !daemon_child_ended(&child, &status); i++) {
        poll(NULL, 0, 10);
    }
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    daemon_child_signal(&child, SIGKILL); /* no process: no effect */
    daemon_child_close(&child);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        events_and_output_are_separate,
        a_process_inherits_only_its_own_descriptors,
        an_endless_line_needs_bounded_memory,
        the_signal_that_ended_a_process_is_reported,
        a_missing_program_is_reported,
        the_rest_of_its_group_is_killed_at_its_end,
        a_process_gets_sigterm_when_the_daemon_dies,
        a_group_that_ignores_sigterm_is_killed,
    };
    return SUITE_RUN("child", tests, NULL, NULL);
}
