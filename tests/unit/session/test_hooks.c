/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * hooks: the environment, the output and the end of the operator's commands, and what their failure
 * does to a job.
 */
#include "session/hooks.h"

#include "base/str.h"
#include "suite.h"

static struct hg_log log_of_hooks;
static struct hg_str logged; /* "LEVEL EVENT MESSAGE", a line each */
static struct hg_pipeline_config pipeline;
static struct hg_error err;
static char name[] = "nightly";

static void hooks_write_log(void *arg, const struct hg_log_record *record)
{
    hg_str_addf(arg, "%d %s %s\n", (int)record->level, record->event, record->message);
}

static void hooks_setup(void)
{
    folder_setup();
    hg_log_init(&log_of_hooks);
    log_of_hooks.level = HANGAR_LOG_DEBUG;
    log_of_hooks.write = hooks_write_log;
    log_of_hooks.arg = &logged;
    pipeline = (struct hg_pipeline_config){.name = name};
    hg_error_clear(&err);
}

static void hooks_teardown(void)
{
    hg_log_fini(&log_of_hooks);
    hg_str_free(&logged);
    folder_teardown();
}

/* The pipeline's hook is this program with its arguments, at most two. */
static void hooks_set(enum hg_hook hook, char *program, char *first, char *second)
{
    static char *argv[HG_HOOKS][4];
    argv[hook][0] = program;
    argv[hook][1] = first;
    argv[hook][2] = second;
    pipeline.hooks[hook] = (struct hg_hook_config){.argv = argv[hook], .timeout_ms = 60000};
}

/* The hook is a script of the shell. */
static void hooks_set_script(enum hg_hook hook, const char *script)
{
    static char text[HG_HOOKS][500], shell[] = "/bin/sh", option[] = "-c";
    snprintf(text[hook], sizeof(text[hook]), "%s", script);
    hooks_set(hook, shell, option, text[hook]);
}

static enum hangar_rc hooks_run(enum hg_hook hook, const struct hg_hook_facts *facts)
{
    static const struct hg_hook_facts none;
    return hg_hook_run(&log_of_hooks, NULL, &pipeline, hook, facts ? facts : &none, &err);
}

/* The log has this line. */
static bool hooks_logged(const char *line)
{
    return strstr(hg_str_text(&logged), line) != NULL;
}

static void hooks_expect_lines(const char *file, const char *expected)
{
    char text[2000] = "";
    FILE *f = fopen(file, "re");
    ck_assert_ptr_nonnull(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    fclose(f);
    ck_assert_str_eq(text, expected);
}

START_TEST(a_pipeline_without_a_hook_runs_nothing)
{
    ck_assert_int_eq(hg_hook_check(&pipeline, HG_BEFORE_BACKUP, &err), HANGAR_OK);
    ck_assert_int_eq(hooks_run(HG_BEFORE_BACKUP, NULL), HANGAR_OK);
    ck_assert_str_eq(hg_str_text(&logged), "");
}
END_TEST

START_TEST(a_hook_gets_the_facts_that_are_known_and_no_other_hangar_variable)
{
    setenv("HANGAR_STATUS", "of the caller", 1);
    setenv("HANGAR_PLUGIN_DIR", "/caller", 1);
    setenv("KEPT", "yes", 1);
    hooks_set_script(HG_BEFORE_RESTORE, "env | grep -E '^(HANGAR_|KEPT)' | sort >env");
    const struct hg_hook_facts facts = {.run = "r1", .backup = "backup_1"};
    ck_assert_int_eq(hooks_run(HG_BEFORE_RESTORE, &facts), HANGAR_OK);
    hooks_expect_lines("env", "HANGAR_BACKUP_ID=backup_1\nHANGAR_HOOK=before_restore\n"
                              "HANGAR_PIPELINE=nightly\nHANGAR_RUN_ID=r1\nKEPT=yes\n");
}
END_TEST

START_TEST(each_line_of_the_output_is_logged)
{
    hooks_set_script(HG_BEFORE_BACKUP, "echo one; echo; echo two >&2; printf three");
    ck_assert_int_eq(hooks_run(HG_BEFORE_BACKUP, NULL), HANGAR_OK);
    ck_assert(hooks_logged("2 hook.start before_backup: /bin/sh\n"
                           "2 hook.output before_backup: one\n"
                           "2 hook.output before_backup: two\n"
                           "2 hook.output before_backup: three\n"
                           "2 hook.done before_backup in "));
}
END_TEST

START_TEST(long_output_is_read_to_its_end_and_logged_up_to_its_limit)
{
    /* 200 lines of 1000 characters, more than a pipe holds */
    hooks_set_script(HG_BEFORE_BACKUP, "i=0; while [ $i -lt 200 ]; do printf '%01000d\\n' $i; "
                                       "i=$((i+1)); done; echo the end; exit 3");
    ck_assert_int_eq(hooks_run(HG_BEFORE_BACKUP, NULL), HANGAR_IO);
    ck_assert_str_eq(err.text, "hook before_backup: /bin/sh failed with exit status 3: the end");
    ck_assert(hooks_logged("65 (further output is not logged)\n"));
    ck_assert(!hooks_logged("66\n"));
    ck_assert(hooks_logged("0 hook.failed hook before_backup: /bin/sh failed with exit status 3"));
    /* a line without an end is cut into pieces */
    hg_str_free(&logged);
    hooks_set_script(HG_BEFORE_BACKUP, "printf '%01500d' 7");
    ck_assert_int_eq(hooks_run(HG_BEFORE_BACKUP, NULL), HANGAR_OK);
    size_t pieces = 0;
    for (const char *at = hg_str_text(&logged); (at = strstr(at, "hook.output")); at++) {
        pieces++;
    }
    ck_assert_uint_eq(pieces, 2);
}
END_TEST

START_TEST(the_error_names_the_hook_and_how_its_program_ended)
{
    static char missing[] = "./missing";
    hooks_set_script(HG_AFTER_BACKUP, "kill -9 $$");
    ck_assert_int_eq(hooks_run(HG_AFTER_BACKUP, NULL), HANGAR_IO);
    ck_assert_str_eq(err.text, "hook after_backup: /bin/sh was killed by signal 9");
    hg_error_clear(&err);
    hooks_set_script(HG_AFTER_BACKUP, "sleep 1000");
    pipeline.hooks[HG_AFTER_BACKUP].timeout_ms = 50;
    ck_assert_int_eq(hooks_run(HG_AFTER_BACKUP, NULL), HANGAR_IO);
    ck_assert_str_eq(err.text, "hook after_backup: /bin/sh did not end within 50 ms; hint: set a "
                               "longer \"timeout\"");
    hg_error_clear(&err);
    hooks_set(HG_AFTER_BACKUP, missing, NULL, NULL);
    ck_assert_int_ne(hooks_run(HG_AFTER_BACKUP, NULL), HANGAR_OK);
    ck_assert_ptr_nonnull(strstr(err.text, "hook after_backup: cannot run ./missing"));
    ck_assert_ptr_nonnull(strstr(err.text, "No such file or directory"));
}
END_TEST

START_TEST(a_program_that_another_user_can_change_is_not_run)
{
    static char program[] = "./hook";
    static const char script[] = "#!/bin/sh\necho x >ran\n";
    folder_file(program, script, sizeof(script) - 1, 0777);
    hooks_set(HG_BEFORE_BACKUP, program, NULL, NULL);
    ck_assert_int_eq(hg_hook_check(&pipeline, HG_BEFORE_BACKUP, &err), HANGAR_OK);
    ck_assert_int_eq(hooks_run(HG_BEFORE_BACKUP, NULL), HANGAR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.text, "hook before_backup: cannot run ./hook: other users "
                                           "can write to "));
    ck_assert(!folder_has("ran"));
    ck_assert(hooks_logged("0 hook.failed hook before_backup: cannot run"));
    hg_error_clear(&err);
    ck_assert_int_eq(chmod(program, 0700), 0);
    ck_assert_int_eq(hooks_run(HG_BEFORE_BACKUP, NULL), HANGAR_OK);
    ck_assert(folder_has("ran"));
}
END_TEST

START_TEST(cancelling_ends_a_hook)
{
    atomic_bool cancel = true;
    const struct hg_hook_facts facts = {0};
    hooks_set_script(HG_BEFORE_BACKUP, "sleep 1000");
    ck_assert_int_eq(hg_hook_run(&log_of_hooks, &cancel, &pipeline, HG_BEFORE_BACKUP, &facts, &err),
                     HANGAR_CANCELLED);
    ck_assert_str_eq(err.text, "interrupted in hook before_backup");
}
END_TEST

START_TEST(a_check_finds_a_program_that_cannot_run)
{
    static char missing[] = "no-such-program", file[] = "./plain";
    hooks_set(HG_BEFORE_BACKUP, missing, NULL, NULL);
    ck_assert_int_eq(hg_hook_check(&pipeline, HG_BEFORE_BACKUP, &err), HANGAR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.text, "hook before_backup: cannot run no-such-program"));
    hg_error_clear(&err);
    folder_file(file, "x", 1, 0600);
    hooks_set(HG_BEFORE_BACKUP, file, NULL, NULL);
    ck_assert_int_eq(hg_hook_check(&pipeline, HG_BEFORE_BACKUP, &err), HANGAR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.text, "Permission denied"));
}
END_TEST

static enum hangar_status hooks_after(enum hangar_status status)
{
    return hg_hook_after(&log_of_hooks, &pipeline, HG_AFTER_BACKUP, (struct hg_hook_facts){0},
                         status, &err);
}

START_TEST(the_hook_after_a_job_gets_the_status_and_the_error)
{
    hooks_set_script(HG_AFTER_BACKUP, "echo \"$HANGAR_STATUS: ${HANGAR_ERROR-none}\" >>after");
    ck_assert_int_eq(hooks_after(HANGAR_STATUS_DONE), HANGAR_STATUS_DONE);
    hg_fail(&err, HANGAR_CANCELLED, 0, "interrupted");
    ck_assert_int_eq(hooks_after(HANGAR_STATUS_INTERRUPTED), HANGAR_STATUS_INTERRUPTED);
    hooks_expect_lines("after", "done: none\ninterrupted: interrupted\n");
}
END_TEST

START_TEST(a_hook_that_fails_degrades_a_good_job_and_changes_no_failed_one)
{
    hooks_set_script(HG_AFTER_BACKUP, "exit 5");
    ck_assert_int_eq(hooks_after(HANGAR_STATUS_DONE), HANGAR_STATUS_DEGRADED);
    ck_assert_str_eq(err.text, "hook after_backup: /bin/sh failed with exit status 5");
    static const enum hangar_status others[] = {HANGAR_STATUS_FAILED, HANGAR_STATUS_DEGRADED,
                                                HANGAR_STATUS_INTERRUPTED};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        hg_error_clear(&err);
        hg_fail(&err, HANGAR_IO, 0, "disk full");
        ck_assert_int_eq(hooks_after(others[i]), others[i]);
        ck_assert_str_eq(err.text, "disk full");
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_pipeline_without_a_hook_runs_nothing,
        a_hook_gets_the_facts_that_are_known_and_no_other_hangar_variable,
        each_line_of_the_output_is_logged,
        long_output_is_read_to_its_end_and_logged_up_to_its_limit,
        the_error_names_the_hook_and_how_its_program_ended,
        a_program_that_another_user_can_change_is_not_run,
        cancelling_ends_a_hook,
        a_check_finds_a_program_that_cannot_run,
        the_hook_after_a_job_gets_the_status_and_the_error,
        a_hook_that_fails_degrades_a_good_job_and_changes_no_failed_one,
    };
    return SUITE_RUN("session/hooks", tests, hooks_setup, hooks_teardown);
}
