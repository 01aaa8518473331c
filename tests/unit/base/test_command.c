/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * command: a program runs apart from this process, its output arrives whole, and it ends by
 * itself, by time, by cancelling or when its output is enough.
 */
#include "base/command.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include "base/clock.h"
#include "base/str.h"
#include "suite.h"

#define LONG_MS 60000 /* no test waits so long */

static struct hg_str output;
static bool enough;             /* the first output ends the program */
static atomic_bool cancel;      /* of each command */
static bool cancel_when_output; /* the first output cancels it */

static void command_teardown(void)
{
    hg_str_free(&output);
    folder_teardown();
}

static bool command_take(void *arg, const char *data, size_t size)
{
    ck_assert_ptr_eq(arg, &output);
    ck_assert_uint_gt(size, 0);
    hg_str_add_n(&output, data, size);
    atomic_store(&cancel, cancel_when_output);
    return !enough;
}

static struct hg_command_result command_run(struct hg_command c)
{
    hg_str_free(&output);
    atomic_store(&cancel, false);
    c.timeout_ms = c.timeout_ms ? c.timeout_ms : LONG_MS;
    c.cancel = &cancel;
    c.output = command_take;
    c.arg = &output;
    return hg_command_run(&c);
}

static struct hg_command_result command_script(const char *script)
{
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, strdup(script), NULL};
    struct hg_command_result result = command_run((struct hg_command){.argv = argv});
    free(argv[2]);
    return result;
}

static void command_expect(struct hg_command_result got, enum hg_command_end end, int value)
{
    ck_assert_int_eq(got.end, end);
    ck_assert_int_eq(got.value, value);
}

/* The number in a file that a script wrote. */
static int command_number(const char *file)
{
    int number = 0;
    FILE *f = fopen(file, "re");
    ck_assert_msg(f != NULL, "%s", file);
    ck_assert_int_eq(fscanf(f, "%d", &number), 1);
    fclose(f);
    return number;
}

/* Waits until a process has ended; a zombie that its parent has not collected has, too. */
static bool command_ends(int pid)
{
    char path[64], state = 'Z';
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    for (int64_t end = hg_mono_ms() + LONG_MS; hg_mono_ms() < end; usleep(5000)) {
        FILE *f = fopen(path, "re");
        if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1 || state == 'Z') {
            return f ? fclose(f) == 0 : true;
        }
        fclose(f);
    }
    return false;
}

/* ---- how it is started ---- */

START_TEST(arguments_arrive_as_they_are_and_no_shell_reads_them)
{
    char *const argv[] = {(char[]){"printf"}, (char[]){"<%s>"}, (char[]){"$HOME; `id` | '"},
                          (char[]){""},       (char[]){"*"},    NULL};
    command_expect(command_run((struct hg_command){.argv = argv}), HG_COMMAND_EXITED, 0);
    ck_assert_str_eq(hg_str_text(&output), "<$HOME; `id` | '><><*>");
}
END_TEST

START_TEST(the_environment_is_the_one_given_or_that_of_this_process)
{
    char *const argv[] = {(char[]){"env"}, NULL}, *const env[] = {(char[]){"ONLY=this"}, NULL};
    setenv("OF_THE_CALLER", "yes", 1);
    command_expect(command_run((struct hg_command){.argv = argv}), HG_COMMAND_EXITED, 0);
    ck_assert_ptr_nonnull(strstr(hg_str_text(&output), "OF_THE_CALLER=yes\n"));
    command_expect(command_run((struct hg_command){.argv = argv, .env = env}), HG_COMMAND_EXITED,
                   0);
    ck_assert_str_eq(hg_str_text(&output), "ONLY=this\n");
}
END_TEST

START_TEST(it_has_empty_input_and_a_session_of_its_own_without_a_terminal)
{
    command_expect(command_script("cat; cut -d' ' -f1,5,6,7 /proc/$$/stat"), HG_COMMAND_EXITED, 0);
    int pid, group, session, terminal;
    ck_assert_int_eq(sscanf(hg_str_text(&output), "%d %d %d %d", &pid, &group, &session, &terminal),
                     4);
    ck_assert_int_eq(group, pid);
    ck_assert_int_eq(session, pid);
    ck_assert_int_eq(terminal, 0);
}
END_TEST

START_TEST(it_starts_with_default_signals)
{
    sigset_t all;
    signal(SIGPIPE, SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    command_expect(command_script("grep -E '^Sig(Blk|Ign)' /proc/self/status"), HG_COMMAND_EXITED,
                   0);
    unsigned long long blocked, ignored;
    ck_assert_int_eq(sscanf(hg_str_text(&output), "SigBlk: %llx SigIgn: %llx", &blocked, &ignored),
                     2);
    ck_assert_uint_eq(blocked, 0);
    ck_assert_uint_eq(ignored & 1ull << (SIGPIPE - 1), 0);
}
END_TEST

START_TEST(a_program_that_cannot_be_started_is_reported_with_the_reason)
{
    static const struct {
        const char *program;
        int error;
    } bad[] = {{"/no/such/program", ENOENT},
               {"no-such-program-in-path", ENOENT},
               {"./plain", EACCES},
               {"./folder", EACCES},
               {"./plain/below", ENOTDIR}};
    folder_file("plain", "exit 0\n", 7, 0600);
    ck_assert_int_eq(mkdir("folder", 0700), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char *const argv[] = {strdup(bad[i].program), NULL};
        command_expect(command_run((struct hg_command){.argv = argv}), HG_COMMAND_NOT_STARTED,
                       bad[i].error);
        ck_assert_msg(hg_command_find(bad[i].program) == bad[i].error, "%s", bad[i].program);
        free(argv[0]);
    }
    ck_assert_uint_eq(output.len, 0);
}
END_TEST

START_TEST(find_judges_a_program_as_run_does)
{
    ck_assert_int_eq(hg_command_find("sh"), 0);
    ck_assert_int_eq(hg_command_find("/bin/sh"), 0);
    ck_assert_int_eq(mkdir("one", 0700), 0);
    ck_assert_int_eq(mkdir("two", 0700), 0);
    folder_file("one/tool", "#!/bin/sh\n", 10, 0600);
    char path[200];
    snprintf(path, sizeof(path), "%s/none:%s/one", folder_path, folder_path);
    setenv("PATH", path, 1);
    ck_assert_int_eq(hg_command_find("sh"), ENOENT);
    ck_assert_int_eq(hg_command_find("tool"), EACCES); /* it is there and cannot be run */
    snprintf(path, sizeof(path), "%s/one:%s/two", folder_path, folder_path);
    setenv("PATH", path, 1);
    folder_file("two/tool", "#!/bin/sh\nexit 7\n", 17, 0700);
    ck_assert_int_eq(hg_command_find("tool"), 0); /* the next folder has one */
    char *const argv[] = {(char[]){"tool"}, NULL};
    command_expect(command_run((struct hg_command){.argv = argv}), HG_COMMAND_EXITED, 7);
    unsetenv("PATH");
    ck_assert_int_eq(hg_command_find("sh"), 0);
    ck_assert_int_eq(hg_command_find("tool"), ENOENT);
}
END_TEST

/* ---- its output ---- */

START_TEST(all_output_arrives_before_the_result)
{
    /* more than a pipe holds */
    command_expect(command_script("head -c 300000 /dev/zero | tr '\\0' x; printf end; exit 3"),
                   HG_COMMAND_EXITED, 3);
    ck_assert_uint_eq(output.len, 300003);
    ck_assert_str_eq(hg_str_text(&output) + 300000, "end");
}
END_TEST

START_TEST(error_output_is_output_only_when_it_is_asked_for)
{
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){"echo a; echo b >&2; echo c"},
                          NULL};
    command_expect(command_run((struct hg_command){.argv = argv}), HG_COMMAND_EXITED, 0);
    ck_assert_str_eq(hg_str_text(&output), "a\nc\n");
    command_expect(command_run((struct hg_command){.argv = argv, .with_errors = true}),
                   HG_COMMAND_EXITED, 0);
    ck_assert_str_eq(hg_str_text(&output), "a\nb\nc\n");
}
END_TEST

START_TEST(when_the_output_is_enough_the_program_is_ended)
{
    enough = true;
    command_expect(command_script("echo $$; exec sleep 1000"), HG_COMMAND_ENOUGH, 0);
    ck_assert(command_ends(atoi(hg_str_text(&output))));
    command_expect(command_script("echo done"), HG_COMMAND_ENOUGH, 0); /* also by itself */
}
END_TEST

START_TEST(a_program_that_closes_its_output_is_waited_for)
{
    command_expect(command_script("exec >&- 2>&-; sleep 0.1; exit 5"), HG_COMMAND_EXITED, 5);
    ck_assert_uint_eq(output.len, 0);
}
END_TEST

/* ---- its end ---- */

START_TEST(the_exit_status_or_the_signal_is_reported)
{
    command_expect(command_script("exit 0"), HG_COMMAND_EXITED, 0);
    command_expect(command_script("exit 255"), HG_COMMAND_EXITED, 255);
    command_expect(command_script("kill -KILL $$"), HG_COMMAND_SIGNALLED, SIGKILL);
    command_expect(command_script("kill -TERM $$"), HG_COMMAND_SIGNALLED, SIGTERM);
}
END_TEST

START_TEST(a_status_that_someone_else_collected_is_lost)
{
    signal(SIGCHLD, SIG_IGN); /* the kernel collects it */
    command_expect(command_script("echo a"), HG_COMMAND_LOST, ECHILD);
    ck_assert_str_eq(hg_str_text(&output), "a\n");
    /* also when its output is still open */
    command_expect(command_script("sleep 1000 & echo $!"), HG_COMMAND_LOST, ECHILD);
    ck_assert_int_eq(kill(atoi(hg_str_text(&output)), SIGKILL), 0);
    signal(SIGCHLD, SIG_DFL);
}
END_TEST

START_TEST(what_a_program_leaves_keeps_running_and_does_not_delay_the_result)
{
    /* it holds the output open */
    command_expect(command_script("sleep 1000 & echo $!; exit 4"), HG_COMMAND_EXITED, 4);
    int left = atoi(hg_str_text(&output));
    ck_assert_int_gt(left, 1);
    ck_assert_int_eq(kill(left, 0), 0);
    ck_assert_int_eq(kill(left, SIGKILL), 0);
    ck_assert(command_ends(left));
}
END_TEST

START_TEST(at_the_time_limit_the_program_is_ended)
{
    char *const argv[] = {(char[]){"sleep"}, (char[]){"1000"}, NULL};
    command_expect(command_run((struct hg_command){.argv = argv, .timeout_ms = 50}),
                   HG_COMMAND_TIMED_OUT, 0);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* it was collected */
    ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(the_whole_group_is_asked_to_end)
{
    /* the program notes the request, and its child ends, too */
    cancel_when_output = true;
    command_expect(command_script("trap 'echo asked >asked; exit 0' TERM; sleep 1000 & "
                                  "echo $! >child; echo ready; wait"),
                   HG_COMMAND_CANCELLED, 0);
    ck_assert(folder_has("asked"));
    ck_assert(command_ends(command_number("child")));
}
END_TEST

START_TEST(a_cancelled_group_that_ignores_the_request_is_killed)
{
    cancel_when_output = true;
    command_expect(command_script("trap '' TERM; sleep 1000 & echo $! >child; echo $$; "
                                  "while :; do sleep 1000; done"),
                   HG_COMMAND_CANCELLED, 0);
    ck_assert(command_ends(atoi(hg_str_text(&output))));
    ck_assert(command_ends(command_number("child")));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        arguments_arrive_as_they_are_and_no_shell_reads_them,
        the_environment_is_the_one_given_or_that_of_this_process,
        it_has_empty_input_and_a_session_of_its_own_without_a_terminal,
        it_starts_with_default_signals,
        a_program_that_cannot_be_started_is_reported_with_the_reason,
        find_judges_a_program_as_run_does,
        all_output_arrives_before_the_result,
        error_output_is_output_only_when_it_is_asked_for,
        when_the_output_is_enough_the_program_is_ended,
        a_program_that_closes_its_output_is_waited_for,
        the_exit_status_or_the_signal_is_reported,
        a_status_that_someone_else_collected_is_lost,
        what_a_program_leaves_keeps_running_and_does_not_delay_the_result,
        at_the_time_limit_the_program_is_ended,
        the_whole_group_is_asked_to_end,
        a_cancelled_group_that_ignores_the_request_is_killed,
    };
    return SUITE_RUN("base/command", tests, folder_setup, command_teardown);
}
