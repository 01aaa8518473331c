/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * abi: a source, a transform and a sink that were built from a frozen header work with the
 * current core: backup, verify, restore.
 */
#include <hangar/hangar.h>

#include "suite.h"

static struct hangar *hangar;

static void abi_setup(void)
{
    folder_setup();
    char config[1024];
    snprintf(config, sizeof(config),
             "version: 1\n"
             "sources: { doc: { plugin: example-source, options: { file: ./in } } }\n"
             "transforms: { shift: { plugin: example-transform } }\n"
             "sinks: { out: { plugin: example-sink, options: { path: ./out } } }\n"
             "pipelines: { p: { sources: [doc], transforms: [shift], sinks: [out] } }\n");
    folder_file("backup.yaml", config, strlen(config), 0600);
    struct hangar_settings settings = {.struct_size = sizeof(settings),
                                       .config_file = "backup.yaml",
                                       .plugin_dir = PLUGIN_DIR,
                                       .state_dir = "state"};
    enum hangar_status status = hangar_open(&settings, &hangar);
    ck_assert_msg(status == HANGAR_STATUS_DONE, "%s", hangar_error(hangar));
}

static void abi_teardown(void)
{
    hangar_close(hangar);
    folder_teardown();
}

static void abi_assert_done(enum hangar_status status)
{
    ck_assert_msg(status == HANGAR_STATUS_DONE, "%d %s", (int)status, hangar_error(hangar));
}

START_TEST(plugins_of_that_release_back_up_and_restore)
{
    struct hangar_selection which = {.struct_size = sizeof(which), .id = "latest"};
    struct hangar_restore_request request = {
        .struct_size = sizeof(request),
        .backup = which,
        .set = (const char *const[]){"doc.file=./restored", NULL}};
    ck_assert_int_eq(system("head -c 3000001 /dev/urandom > in"), 0);
    abi_assert_done(hangar_check(hangar, NULL));
    abi_assert_done(hangar_backup(hangar, "p", NULL));
    abi_assert_done(hangar_verify(hangar, &which, HANGAR_VERIFY_FULL, NULL));
    abi_assert_done(hangar_restore(hangar, &request, NULL));
    ck_assert_int_eq(system("cmp in restored"), 0);
    /* the stock tool that the transform names decodes the stored object */
    ck_assert_int_eq(system("cat out/p%*doc%file.shifted | LC_ALL=C tr "
                            "'\\15-\\377\\0-\\14' '\\0-\\377' | cmp - in"),
                     0);
}
END_TEST

START_TEST(damage_is_found_with_plugins_of_that_release)
{
    struct hangar_selection which = {.struct_size = sizeof(which), .id = "latest"};
    ck_assert_int_eq(system("echo hello > in"), 0);
    abi_assert_done(hangar_backup(hangar, "p", NULL));
    ck_assert_int_eq(system("f=$(ls out/*shifted) && printf X | dd of=\"$f\" bs=1 seek=2 "
                            "conv=notrunc 2>/dev/null"),
                     0);
    ck_assert_int_eq(hangar_verify(hangar, &which, HANGAR_VERIFY_FULL, NULL),
                     HANGAR_STATUS_CORRUPT);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        plugins_of_that_release_back_up_and_restore,
        damage_is_found_with_plugins_of_that_release,
    };
    return SUITE_RUN("abi", tests, abi_setup, abi_teardown);
}
