/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * secret: read from private places only, and never shown.
 */
#include "config/secret.h"

#include <signal.h>
#include <stdbool.h>
#include "suite.h"

static char *secret_file(const char *path, struct hg_error *err)
{
    *err = (struct hg_error){0};
    return hg_secret_file(path, err);
}

static char *secret_command(int64_t timeout_ms, struct hg_error *err, const char *script)
{
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, strdup(script), NULL};
    *err = (struct hg_error){0};
    char *secret = hg_secret_command(argv, timeout_ms, err);
    free(argv[2]);
    return secret;
}

START_TEST(a_private_file_gives_its_text_without_the_newline)
{
    static const struct {
        const char *text, *secret;
    } texts[] = {{"s3cret\n", "s3cret"}, {"s3cret", "s3cret"}, {"s3cret\r\n", "s3cret"},
                 {"a\nb\n", "a\nb"},     {"a\n\n", "a\n"},     {" a ", " a "}};
    struct hg_error err;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        folder_file("pw", texts[i].text, strlen(texts[i].text), i % 2 == 0 ? 0600 : 0400);
        char *secret = secret_file("pw", &err);
        ck_assert_str_eq(secret, texts[i].secret);
        hg_secret_free(secret);
    }
    ck_assert_int_eq(symlink("pw", "link"), 0); /* as container platforms mount them */
    hg_secret_free(secret_file("link", &err));
    ck_assert_int_eq(err.rc, HANGAR_OK);
}
END_TEST

START_TEST(a_file_that_others_can_open_is_refused_with_the_command_that_fixes_it)
{
    static const mode_t modes[] = {0604, 0640, 0644, 0660, 0602, 0620, 0601, 0777};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct hg_error err;
        folder_file("my pw", "canary\n", 7, modes[i]);
        ck_assert_ptr_null(secret_file("my pw", &err));
        ck_assert_int_eq(err.rc, HANGAR_AUTH);
        char expected[200];
        snprintf(expected, sizeof(expected),
                 "other users can access file my pw (mode %04o); hint: run \"chmod 600 'my pw'\"",
                 modes[i]);
        ck_assert_str_eq(err.text, expected);
    }
}
END_TEST

START_TEST(a_file_without_a_secret_is_reported)
{
    struct hg_error err;
    ck_assert_ptr_null(secret_file("none", &err));
    ck_assert_str_eq(err.text, "cannot open file none: No such file or directory");
    ck_assert_int_eq(err.rc, HANGAR_AUTH);
    folder_file("empty", "\n", 1, 0600);
    ck_assert_ptr_null(secret_file("empty", &err));
    ck_assert_str_eq(err.text, "file empty is empty");
    folder_file("nul", "a\0b", 3, 0600);
    ck_assert_ptr_null(secret_file("nul", &err));
    ck_assert_str_eq(err.text, "file nul contains a NUL character");
    ck_assert_ptr_null(secret_file(folder_path, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "it is not a regular file"));
    ck_assert_int_eq(mkfifo("fifo", 0600), 0);
    ck_assert_ptr_null(secret_file("fifo", &err));
    ck_assert_str_eq(err.text, "cannot read file fifo: it is not a regular file");

    char *big = malloc(HG_SECRET_MAX + 1);
    memset(big, 'x', HG_SECRET_MAX + 1);
    folder_file("big", big, HG_SECRET_MAX, 0600);
    char *secret = secret_file("big", &err);
    ck_assert_uint_eq(strlen(secret), HG_SECRET_MAX);
    hg_secret_free(secret);
    folder_file("big", big, HG_SECRET_MAX + 1, 0600);
    ck_assert_ptr_null(secret_file("big", &err));
    ck_assert_str_eq(err.text, "file big has more than 64 KiB");
    free(big);
}
END_TEST

START_TEST(the_output_of_a_command_is_the_secret)
{
    struct hg_error err;
    char *secret = secret_command(20000, &err, "echo s3cret; echo noise >&2; cat");
    ck_assert_msg(secret != NULL, "%s", err.text);
    ck_assert_str_eq(secret, "s3cret");
    hg_secret_free(secret);
    char *const argv[] = {(char[]){"printf"}, (char[]){"%s"}, (char[]){"$HOME;`id`|'"}, NULL};
    secret = hg_secret_command(argv, 20000, &err); /* no shell interprets it */
    ck_assert_str_eq(secret, "$HOME;`id`|'");
    hg_secret_free(secret);
}
END_TEST

START_TEST(a_failed_command_is_reported_without_its_output)
{
    static const struct {
        const char *script, *error;
    } bad[] = {
        {"echo canary; echo canary >&2; exit 3",
         "command sh failed with exit status 3; hint: run the command by hand to see the reason"},
        {"kill -9 $$",
         "command sh was ended by signal 9; hint: run the command by hand to see the reason"},
        {":", "command sh is empty"},
        {"printf 'canary\\0b'", "command sh contains a NUL character"},
        {"head -c 65537 /dev/zero | tr '\\0' x", "command sh has more than 64 KiB"},
        {"yes canary", "command sh has more than 64 KiB"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct hg_error err;
        ck_assert_ptr_null(secret_command(20000, &err, bad[i].script));
        ck_assert_int_eq(err.rc, HANGAR_AUTH);
        ck_assert_str_eq(err.text, bad[i].error);
    }
    struct hg_error err = {0};
    char *const none[] = {(char[]){"/no/such/program"}, NULL};
    ck_assert_ptr_null(hg_secret_command(none, 20000, &err));
    ck_assert_str_eq(err.text, "cannot run command /no/such/program: No such file or directory");
}
END_TEST

/* The process is dead; its parent may still have to collect it. */
static bool secret_gone(int pid)
{
    char check[80];
    snprintf(check, sizeof(check), "grep -q '^State:.[RSD]' /proc/%d/status 2>/dev/null", pid);
    for (int i = 0; i < 1000 && system(check) == 0; i++) {
        usleep(10000);
    }
    return system(check) != 0;
}

START_TEST(a_command_that_hangs_is_ended_with_all_it_started)
{
    static const char *const scripts[] = {
        "echo $$ >pid; sleep 1000 & echo $! >child; wait",
        "exec >&-; echo $$ >pid; sleep 1000 & echo $! >child; wait", /* closed its output */
        "trap '' TERM INT HUP; echo $$ >pid; sleep 1000 & echo $! >child; wait; sleep 1000",
    };
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        struct hg_error err;
        ck_assert_ptr_null(secret_command(2000, &err, scripts[i]));
        ck_assert_str_eq(err.text, "command sh did not end within 2000 ms");
        static const char *const files[] = {"pid", "child"};
        for (size_t k = 0; k < 2; k++) {
            FILE *f = fopen(files[k], "r");
            ck_assert_ptr_nonnull(f);
            int pid = 0;
            ck_assert_int_eq(fscanf(f, "%d", &pid), 1);
            fclose(f);
            ck_assert_msg(secret_gone(pid), "%s of script %zu still runs", files[k], i);
        }
    }
}
END_TEST

START_TEST(a_command_starts_with_default_signals)
{
    signal(SIGPIPE, SIG_IGN);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    struct hg_error err;
    char *secret = secret_command(20000, &err, "grep -E '^Sig(Blk|Ign)' /proc/self/status");
    ck_assert_msg(secret != NULL, "%s", err.text);
    unsigned long long blocked = 0, ignored = 0;
    ck_assert_int_eq(sscanf(secret, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
    ck_assert_uint_eq(blocked, 0);
    ck_assert_uint_eq(ignored & 1ull << (SIGPIPE - 1), 0);
    hg_secret_free(secret);
}
END_TEST

START_TEST(a_credential_is_a_file_of_systemds_folder)
{
    struct hg_error err = {0};
    unsetenv("CREDENTIALS_DIRECTORY");
    ck_assert_ptr_null(hg_secret_credential("pw", &err));
    ck_assert_str_eq(err.text,
                     "cannot read credential pw: CREDENTIALS_DIRECTORY is not set; hint: run "
                     "hangar as a systemd service with LoadCredential=pw:FILE");
    setenv("CREDENTIALS_DIRECTORY", folder_path, 1);
    folder_file("pw", "s3cret\n", 7, 0440);
    err = (struct hg_error){0};
    char *secret = hg_secret_credential("pw", &err);
    ck_assert_str_eq(secret, "s3cret");
    hg_secret_free(secret);
    static const char *const bad[] = {"", ".", "..", "../pw", "/etc/passwd", "a/b"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        err = (struct hg_error){0};
        ck_assert_ptr_null(hg_secret_credential(bad[i], &err));
        ck_assert_str_eq(err.text, "the name of a credential must be a file name without \"/\"");
    }
    err = (struct hg_error){0};
    ck_assert_ptr_null(hg_secret_credential("none", &err));
    ck_assert_ptr_nonnull(strstr(err.text, "/none: No such file or directory"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_private_file_gives_its_text_without_the_newline,
        a_file_that_others_can_open_is_refused_with_the_command_that_fixes_it,
        a_file_without_a_secret_is_reported,
        the_output_of_a_command_is_the_secret,
        a_failed_command_is_reported_without_its_output,
        a_command_that_hangs_is_ended_with_all_it_started,
        a_command_starts_with_default_signals,
        a_credential_is_a_file_of_systemds_folder,
    };
    return SUITE_RUN("secret", tests, folder_setup, folder_teardown);
}
