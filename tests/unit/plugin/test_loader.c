/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * loader: plugins of this and of other headers are loaded, and what is not a plugin
 * is refused with a sentence that names the file and what is wrong with it.
 */
#include "plugin/loader.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "suite.h"

/* Copies a library that CMake made into the test's folder. */
static void loader_copy(const char *library, const char *to)
{
    char command[512];
    snprintf(command, sizeof(command), "cp %s/%s.so %s/%s && chmod 755 %s/%s", ODD_DIR, library,
             folder_path, to, folder_path, to);
    ck_assert_int_eq(system(command), 0);
}

static const struct hg_plugin *loader_load(const char *file, struct hg_error *err)
{
    char path[256];
    const struct hg_plugin *plugin = NULL;
    snprintf(path, sizeof(path), "%s/%s", folder_path, file);
    enum hangar_rc rc = hg_plugin_load_file(path, &plugin, err);
    ck_assert_int_eq(rc, err->rc);
    ck_assert_int_eq(rc == HANGAR_OK, plugin != NULL);
    return plugin;
}

/* The error of loading the odd plugin in this shape, behind "cannot load plugin PATH: ". */
static const char *loader_error(const char *odd)
{
    static struct hg_error err;
    hg_error_clear(&err);
    loader_copy("odd", "hangar-odd.so");
    setenv("ODD", odd, 1);
    const struct hg_plugin *plugin = loader_load("hangar-odd.so", &err);
    unsetenv("ODD");
    ck_assert_int_eq(unlink("hangar-odd.so"), 0);
    if (plugin) {
        return "";
    }
    char prefix[256];
    size_t n = (size_t)snprintf(prefix, sizeof(prefix),
                                "cannot load plugin %s/hangar-odd.so: ", folder_path);
    ck_assert_msg(strncmp(err.text, prefix, n) == 0, "%s", err.text);
    return err.text + n;
}

static size_t open_files(void)
{
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir)) {
        count++;
    }
    closedir(dir);
    return count;
}

START_TEST(a_good_plugin_is_loaded_with_all_its_parts)
{
    struct hg_error err = {0};
    loader_copy("odd", "hangar-odd.so");
    const struct hg_plugin *p = loader_load("hangar-odd.so", &err);
    ck_assert_str_eq(err.text, "");
    ck_assert_str_eq(p->d.name, "odd");
    ck_assert_str_eq(p->d.version, "1.0.0");
    ck_assert_str_eq(p->options[0].name, "one");
    ck_assert_ptr_null(p->options[1].name);
    ck_assert(p->source.check && p->source.inspect && p->transform.encode_block);
    ck_assert(p->sink.retain && p->notifier.notify && p->d.create && p->d.cancel);
    ck_assert(!p->d.threads && !p->source.restore_phase_end && !p->transform.decode_block);
}
END_TEST

/* A debugger reads the symbols of a plugin by the name under which it was loaded. */
START_TEST(another_process_can_open_a_plugin_by_its_name)
{
    struct hg_error err = {0};
    loader_copy("odd", "hangar-odd.so");
    const struct hg_plugin *p = loader_load("hangar-odd.so", &err);
    ck_assert_str_eq(err.text, "");
    Dl_info info;
    void *function;
    memcpy(&function, &p->d.create, sizeof(function));
    ck_assert_int_ne(dladdr(function, &info), 0);
    pid_t child = fork();
    if (child == 0) {
        close_range(3, ~0U, 0);
        _exit(open(info.dli_fname, O_RDONLY) < 0 ? 1 : 0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(status == 0, "cannot open %s", info.dli_fname);
}
END_TEST

START_TEST(a_plugin_without_options_has_an_empty_table)
{
    loader_copy("odd", "hangar-odd.so");
    setenv("ODD", "no options", 1);
    struct hg_error err = {0};
    const struct hg_plugin *p = loader_load("hangar-odd.so", &err);
    ck_assert_ptr_nonnull(p);
    ck_assert_ptr_nonnull(p->options);
    ck_assert_ptr_null(p->options[0].name);
}
END_TEST

START_TEST(a_plugin_of_a_newer_header_is_loaded_without_its_unknown_fields)
{
    loader_copy("odd", "hangar-odd.so");
    setenv("ODD", "larger", 1);
    struct hg_error err = {0};
    const struct hg_plugin *p = loader_load("hangar-odd.so", &err);
    ck_assert_str_eq(err.text, "");
    ck_assert_uint_eq(p->d.abi_minor, HANGAR_ABI_MINOR + 7);
    ck_assert_str_eq(p->options[0].name, "first");
    ck_assert_str_eq(p->options[0].default_value, "7");
    ck_assert_str_eq(p->options[1].name, "second");
    ck_assert_str_eq(p->options[1].help, "b");
    ck_assert_ptr_null(p->options[2].name);
    ck_assert(p->source.inspect && p->sink.retain && p->transform.block_close);
    ck_assert(!p->source.restore_commands); /* nothing ran over */
    ck_assert(p->transform.suffix && p->notifier.notify);
}
END_TEST

START_TEST(a_plugin_of_an_older_header_is_loaded_and_its_missing_fields_are_null)
{
    loader_copy("odd", "hangar-odd.so");
    setenv("ODD", "smaller", 1);
    struct hg_error err = {0};
    const struct hg_plugin *p = loader_load("hangar-odd.so", &err);
    ck_assert_str_eq(err.text, "");
    ck_assert(p->source.end && p->source.check);
    ck_assert(!p->source.restore_prepare && !p->source.restore_open && !p->source.inspect);
    ck_assert(p->transform.close && !p->transform.encode_bound && !p->transform.encode_block);
    ck_assert(p->sink.remove && !p->sink.remove_many && !p->sink.space && !p->sink.retain);
    ck_assert(!p->d.notifier && !p->notifier.notify);
}
END_TEST

START_TEST(another_major_is_refused_with_both_versions)
{
    char expected[256];
    snprintf(expected, sizeof(expected),
             "it was built for plugin ABI %d.%d, and this hangar supports %d.%d; hint: install a "
             "build of it for ABI %d",
             HANGAR_ABI_MAJOR + 1, HANGAR_ABI_MINOR, HANGAR_ABI_MAJOR, HANGAR_ABI_MINOR,
             HANGAR_ABI_MAJOR);
    ck_assert_str_eq(loader_error("major"), expected);
}
END_TEST

START_TEST(each_required_function_is_named_when_it_is_missing)
{
    static const struct {
        const char *role, *members;
    } roles[] = {{"source", "check prepare begin next read close end restore_open restore_write "
                            "restore_close restore_end"},
                 {"transform", "suffix decode_command open process close encode_bound block_open "
                               "block_close"},
                 {"sink", "probe put_open put_write put_commit put_abort get_open get_read "
                          "get_close stat list remove"},
                 {"notifier", "notify"}};
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        char members[256], odd[128], expected[256];
        snprintf(members, sizeof(members), "%s", roles[i].members);
        for (char *save, *m = strtok_r(members, " ", &save); m; m = strtok_r(NULL, " ", &save)) {
            snprintf(odd, sizeof(odd), "without:%s.%s", roles[i].role, m);
            snprintf(
                expected, sizeof(expected),
                "its %s lacks the required function %s; hint: report this to the author of the "
                "plugin",
                roles[i].role, m);
            ck_assert_str_eq(loader_error(odd), expected);
        }
    }
}
END_TEST

START_TEST(an_invalid_descriptor_is_refused)
{
    const char *const lacks = "its descriptor lacks create, destroy, version, summary or license";
    ck_assert_str_eq(loader_error("without:plugin.create"), lacks);
    ck_assert_str_eq(loader_error("without:plugin.destroy"), lacks);
    ck_assert_str_eq(loader_error("without:plugin.version"), lacks);
    ck_assert_str_eq(loader_error("without:plugin.summary"), lacks);
    ck_assert_str_eq(loader_error("without:plugin.license"), lacks);
    ck_assert_str_eq(loader_error("tiny"), "its descriptor is too small (16 bytes)");
    ck_assert_str_eq(loader_error("tiny option"), "its option entries are too small (8 bytes)");
    ck_assert_str_eq(
        loader_error("endless"),
        "its option table has more than 256 options, or the empty entry at its end is missing");
    ck_assert_str_eq(loader_error("newer type"),
                     "its option one has an unknown type; hint: it may need a newer hangar");
    ck_assert_str_eq(loader_error("no role"), "it provides no source, transform, sink or notifier");
}
END_TEST

START_TEST(a_name_that_is_not_the_file_s_is_refused)
{
    ck_assert_str_eq(loader_error("name"),
                     "its descriptor has the name even; hint: rename the file to hangar-even.so");
    ck_assert_str_eq(loader_error("prefix"),
                     "its descriptor has the name od; hint: rename the file to hangar-od.so");
    ck_assert_str_eq(loader_error("bad name"), "its name is not of the form [a-z][a-z0-9-]*");
    ck_assert_str_eq(loader_error("without:plugin.name"),
                     "its name is not of the form [a-z][a-z0-9-]*");
    struct hg_error err = {0};
    loader_copy("odd", "odd.so");
    loader_load("odd.so", &err);
    ck_assert_ptr_nonnull(
        strstr(err.text,
               "odd.so: its descriptor has the name odd; hint: rename the file to hangar-odd.so"));
    hg_error_clear(&err);
    loader_copy("odd", "x"); /* shorter than the prefix of plugins' names */
    loader_load("x", &err);
    ck_assert_ptr_nonnull(strstr(
        err.text, "/x: its descriptor has the name odd; hint: rename the file to hangar-odd.so"));
}
END_TEST

START_TEST(a_file_that_is_not_a_plugin_is_refused)
{
    const char *const no_entry =
        "it does not export hangar_plugin_entry; hint: end its source with HANGAR_PLUGIN(...)";
    ck_assert_str_eq(loader_error("null"), no_entry);
    struct hg_error err = {0};
    loader_copy("odd-no-entry", "hangar-odd.so");
    loader_load("hangar-odd.so", &err);
    ck_assert_ptr_nonnull(strstr(err.text, no_entry));
    hg_error_clear(&err);
    folder_file("hangar-text.so", "no library", 10, 0644);
    loader_load("hangar-text.so", &err);
    ck_assert_ptr_nonnull(strstr(err.text, "hangar-text.so: the dynamic linker failed: "));
    ck_assert_ptr_nonnull(strstr(err.text, "hangar-text.so shows missing libraries"));
    hg_error_clear(&err);
    folder_file("hangar-empty.so", "", 0, 0644);
    loader_load("hangar-empty.so", &err);
    ck_assert_ptr_nonnull(strstr(err.text, "hangar-empty.so: the dynamic linker failed: "));
}
END_TEST

START_TEST(missing_libraries_and_symbols_are_reported_at_loading)
{
    struct hg_error err = {0};
    loader_copy("odd-missing-library", "hangar-odd.so");
    loader_load("hangar-odd.so", &err);
    ck_assert_int_eq(err.rc, HANGAR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.text, "libgone.so: cannot open shared object file"));
    ck_assert_ptr_nonnull(strstr(err.text, "; hint: ldd "));
    hg_error_clear(&err);
    loader_copy("odd-undefined", "hangar-odd2.so");
    loader_load("hangar-odd2.so", &err); /* not in the middle of a backup */
    ck_assert_ptr_nonnull(strstr(err.text, "undefined symbol: hangar_function_that_nobody_has"));
}
END_TEST

START_TEST(an_unsafe_file_is_not_loaded)
{
    loader_copy("odd", "hangar-odd.so");
    chmod("hangar-odd.so", 0775);
    struct hg_error err = {0};
    loader_load("hangar-odd.so", &err);
    ck_assert_ptr_nonnull(strstr(err.text, " (mode 0775)"));
    ck_assert_ptr_nonnull(strstr(err.text, "cannot load plugin "));
}
END_TEST

START_TEST(the_same_file_is_the_same_plugin_and_a_rebuilt_one_another)
{
    struct hg_error err = {0};
    loader_copy("odd", "hangar-odd.so");
    const struct hg_plugin *first = loader_load("hangar-odd.so", &err);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_eq(loader_load("hangar-odd.so", &err), first);
    unlink("hangar-odd.so");
    loader_copy("odd-second", "hangar-odd.so");
    const struct hg_plugin *second = loader_load("hangar-odd.so", &err);
    ck_assert_ptr_nonnull(second);
    ck_assert_ptr_ne(second, first);
    ck_assert_str_eq(second->d.version, "2.0.0");
    ck_assert_str_eq(first->d.version, "1.0.0"); /* still there */
}
END_TEST

START_TEST(refused_plugins_leave_no_open_files)
{
    loader_error("no role");
    size_t before = open_files();
    for (size_t i = 0; i < 20; i++) {
        ck_assert_str_ne(loader_error("no role"), "");
        ck_assert_str_ne(loader_error("major"), "");
    }
    struct hg_error err = {0};
    folder_file("hangar-text.so", "no library", 10, 0644);
    for (size_t i = 0; i < 20; i++) {
        loader_load("hangar-text.so", &err);
    }
    ck_assert_uint_eq(open_files(), before);
}
END_TEST

START_TEST(a_refused_plugin_can_be_fixed)
{
    ck_assert_str_ne(loader_error("no role"), "");
    ck_assert_str_eq(loader_error("smaller"), "");
}
END_TEST

/* ---- folders ---- */

static const char *const *loader_folders(void)
{
    static char one[128], two[128], none[128];
    static const char *const dirs[] = {one, none, two, NULL};
    snprintf(one, sizeof(one), "%s/one", folder_path);
    snprintf(two, sizeof(two), "%s/two", folder_path);
    snprintf(none, sizeof(none), "%s/none", folder_path);
    mkdir("one", 0755);
    mkdir("two", 0755);
    return dirs;
}

START_TEST(the_first_folder_that_has_a_plugin_wins)
{
    const char *const *dirs = loader_folders();
    const struct hg_plugin *p = NULL;
    struct hg_error err = {0};
    loader_copy("odd", "two/hangar-odd.so");
    ck_assert_int_eq(hg_plugin_load(dirs, "odd", &p, &err), HANGAR_OK);
    ck_assert_str_eq(p->d.version, "1.0.0");
    loader_copy("odd-second", "one/hangar-odd.so");
    ck_assert_int_eq(hg_plugin_load(dirs, "odd", &p, &err), HANGAR_OK);
    ck_assert_str_eq(p->d.version, "2.0.0");
    /* a broken one is not passed over in silence */
    unlink("one/hangar-odd.so");
    folder_file("one/hangar-odd.so", "text", 4, 0644);
    ck_assert_int_eq(hg_plugin_load(dirs, "odd", &p, &err), HANGAR_CONFIG);
    hg_error_clear(&err);
    unlink("one/hangar-odd.so");
    ck_assert_int_eq(symlink("../two/hangar-odd.so", "one/hangar-odd.so"), 0);
    ck_assert_int_eq(hg_plugin_load(dirs, "odd", &p, &err), HANGAR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.text, "is a symbolic link"));
}
END_TEST

START_TEST(a_missing_plugin_is_reported_with_the_likely_name)
{
    const char *const *dirs = loader_folders();
    const struct hg_plugin *p = NULL;
    struct hg_error err = {0};
    loader_copy("odd", "two/hangar-odd.so");
    ck_assert_int_eq(hg_plugin_load(dirs, "ood", &p, &err), HANGAR_NOT_FOUND);
    char expected[1024];
    snprintf(expected, sizeof(expected),
             "cannot find plugin ood in %s, %s, %s; hint: did you mean odd?", dirs[0], dirs[1],
             dirs[2]);
    ck_assert_str_eq(err.text, expected);
    hg_error_clear(&err);
    ck_assert_int_eq(hg_plugin_load(dirs, "zebra", &p, &err), HANGAR_NOT_FOUND);
    snprintf(
        expected, sizeof(expected),
        "cannot find plugin zebra in %s, %s, %s; hint: `hangar plugin list` lists the installed "
        "plugins",
        dirs[0], dirs[1], dirs[2]);
    ck_assert_str_eq(err.text, expected);
    hg_error_clear(&err);
    ck_assert_int_eq(hg_plugin_load(dirs, "../odd", &p, &err), HANGAR_CONFIG);
    ck_assert_str_eq(err.text, "invalid plugin name ../odd");
}
END_TEST

START_TEST(a_part_of_the_name_of_a_plugin_suggests_it)
{
    static const char *const rows[][2] = {{"local", "storage-local"},
                                          {"lcoal", "storage-local"},
                                          {"gzip", "compress-gzip"},
                                          {"s3", "storage-s3"},
                                          {"postgresql", "postgres"}};
    static const char *const installed[] = {"storage-local", "compress-gzip", "storage-s3-extra",
                                            "storage-s3", "postgres"};
    const char *const *dirs = loader_folders();
    const struct hg_plugin *p = NULL;
    for (size_t i = 0; i < sizeof(installed) / sizeof(installed[0]); i++) {
        char path[128];
        snprintf(path, sizeof(path), "two/hangar-%s.so", installed[i]);
        loader_copy("odd", path);
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hg_error err = {0};
        char hint[128];
        snprintf(hint, sizeof(hint), "; hint: did you mean %s?", rows[i][1]);
        ck_assert_int_eq(hg_plugin_load(dirs, rows[i][0], &p, &err), HANGAR_NOT_FOUND);
        ck_assert_msg(strstr(err.text, hint) != NULL, "%s: %s", rows[i][0], err.text);
    }
}
END_TEST

START_TEST(a_scan_finds_each_name_once_where_it_would_be_loaded)
{
    const char *const *dirs = loader_folders();
    folder_file("two/hangar-b.so", "", 0, 0644);
    folder_file("two/hangar-a.so", "", 0, 0644);
    folder_file("one/hangar-b.so", "", 0, 0644);
    folder_file("one/hangar-.so", "", 0, 0644);
    folder_file("one/hangar-C.so", "", 0, 0644);
    folder_file("one/libhangar-d.so", "", 0, 0644);
    folder_file("one/hangar-e.so.bak", "", 0, 0644);
    struct hg_plugin_file *files = NULL;
    size_t count = hg_plugin_scan(dirs, &files);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(files[0].name, "a");
    char expected[256];
    snprintf(expected, sizeof(expected), "%s/hangar-a.so", dirs[2]);
    ck_assert_str_eq(files[0].path, expected);
    ck_assert_str_eq(files[1].name, "b");
    snprintf(expected, sizeof(expected), "%s/hangar-b.so", dirs[0]);
    ck_assert_str_eq(files[1].path, expected);
    hg_plugin_files_free(files, count);
    const char *const nowhere[] = {dirs[1], NULL};
    count = hg_plugin_scan(nowhere, &files);
    ck_assert_uint_eq(count, 0);
    hg_plugin_files_free(files, count);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_good_plugin_is_loaded_with_all_its_parts,
        another_process_can_open_a_plugin_by_its_name,
        a_plugin_without_options_has_an_empty_table,
        a_plugin_of_a_newer_header_is_loaded_without_its_unknown_fields,
        a_plugin_of_an_older_header_is_loaded_and_its_missing_fields_are_null,
        another_major_is_refused_with_both_versions,
        each_required_function_is_named_when_it_is_missing,
        an_invalid_descriptor_is_refused,
        a_name_that_is_not_the_file_s_is_refused,
        a_file_that_is_not_a_plugin_is_refused,
        missing_libraries_and_symbols_are_reported_at_loading,
        an_unsafe_file_is_not_loaded,
        the_same_file_is_the_same_plugin_and_a_rebuilt_one_another,
        refused_plugins_leave_no_open_files,
        a_refused_plugin_can_be_fixed,
        the_first_folder_that_has_a_plugin_wins,
        a_missing_plugin_is_reported_with_the_likely_name,
        a_part_of_the_name_of_a_plugin_suggests_it,
        a_scan_finds_each_name_once_where_it_would_be_loaded,
    };
    return SUITE_RUN("plugin/loader", tests, folder_setup, folder_teardown);
}
