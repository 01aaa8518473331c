/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * host: what a plugin asks of the core it gets, and no more than it declared.
 */
#include "plugin/instance.h"

#include <errno.h>
#include "base/attrs.h"
#include "plugin/host.h"
#include "suite.h"
#include "plugin_world.h"

#undef fail /* of check: the host has a function of that name */

static const char *const colours[] = {"red", "green", NULL};
static const struct hangar_option options[] = {
    {.name = "text", .type = HANGAR_OPT_STRING},
    {.name = "colour", .type = HANGAR_OPT_ENUM, .choices = colours, .default_value = "green"},
    {.name = "size", .type = HANGAR_OPT_SIZE, .default_value = "64KiB"},
    {.name = "wait", .type = HANGAR_OPT_DURATION, .default_value = "30s"},
    {.name = "count", .type = HANGAR_OPT_INT},
    {.name = "on", .type = HANGAR_OPT_BOOL, .default_value = "true"},
    {.name = "names", .type = HANGAR_OPT_LIST},
    {.name = NULL}};

static const struct hangar_plugin descriptor = {HANGAR_PLUGIN_HEADER, .name = "box",
                                                .options = options, .create = world_create,
                                                .destroy = world_destroy};
static struct hg_plugin plugin;
static struct hg_options bound;
static struct hg_yaml *tree;
static struct hangar_ctx *ctx;

static struct hangar_ctx *open_one(const char *kind, const char *name)
{
    struct hg_instance_spec spec = {
        .plugin = &plugin, .kind = kind, .name = name, .file = "backup.yaml", .options = &bound};
    struct hangar_ctx *out = NULL;
    ck_assert_int_eq(hg_instance_open(&world.job, &spec, &out, NULL), HANGAR_OK);
    return out;
}

static void host_setup(void)
{
    folder_setup();
    world_begin(folder_path);
    world_plugin(&plugin, &descriptor);
    struct hg_problems problems = {.file = "backup.yaml"};
    static const char yaml[] = "text: hello\n\n  \nnames: [a, b]\ncount: 7\n";
    tree = hg_yaml_parse(yaml, sizeof(yaml) - 1, &problems);
    ck_assert_ptr_nonnull(tree);
    struct hg_options_request request = {
        .table = options, .node = tree, .dir = "/", .line = 1, .column = 1};
    ck_assert(hg_options_read(&bound, &request, &problems));
    hg_problems_free(&problems);
    ctx = open_one("source", "db");
}

static void host_teardown(void)
{
    hg_instance_close(ctx);
    hg_options_free(&bound);
    hg_yaml_free(tree);
    world_plugin_free(&plugin);
    world_end();
    folder_teardown();
}

static const char *host_logged(void)
{
    return hg_str_text(&world.lines);
}

START_TEST(the_table_is_whole)
{
    ck_assert_uint_eq(hg_host.struct_size, sizeof(struct hangar_host));
    ck_assert_uint_eq(hg_host.abi_minor, HANGAR_ABI_MINOR);
    const char *at = (const char *)&hg_host + offsetof(struct hangar_host, log);
    for (; at < (const char *)(&hg_host + 1); at += sizeof(void (*)(void))) {
        void (*function)(void);
        memcpy(&function, at, sizeof(function));
        ck_assert(function != NULL);
    }
}
END_TEST

START_TEST(lines_of_a_plugin_name_their_instance)
{
    hg_host.log(ctx, HANGAR_LOG_WARN, "only %d left\n", 3);
    ck_assert_str_eq(host_logged(), "1 source db: only 3 left\\x0a\n");
    ck_assert_str_eq(hg_host.instance_name(ctx), "db");
}
END_TEST

START_TEST(options_are_read_with_their_defaults)
{
    ck_assert_str_eq(hg_host.opt_string(ctx, "text"), "hello");
    ck_assert_str_eq(hg_host.opt_string(ctx, "colour"), "green");
    ck_assert_int_eq(hg_host.opt_int(ctx, "size"), 65536);
    ck_assert_int_eq(hg_host.opt_int(ctx, "wait"), 30000);
    ck_assert_int_eq(hg_host.opt_int(ctx, "count"), 7);
    ck_assert_int_eq(hg_host.opt_bool(ctx, "on"), 1);
    ck_assert_str_eq(hg_host.opt_list(ctx, "names", 0), "a");
    ck_assert_str_eq(hg_host.opt_list(ctx, "names", 1), "b");
    ck_assert_ptr_null(hg_host.opt_list(ctx, "names", 2));
    ck_assert_ptr_null(hg_host.opt_list(ctx, "names", 1000));
    ck_assert_ptr_null(hg_host.opt_list(ctx, "text", 0));
    ck_assert_int_eq(hg_host.opt_given(ctx, "text"), 1);
    ck_assert_int_eq(hg_host.opt_given(ctx, "colour"), 0);
    ck_assert_str_eq(host_logged(), "");
}
END_TEST

START_TEST(options_that_were_not_declared_cannot_be_read)
{
    ck_assert_ptr_null(hg_host.opt_string(ctx, "secret"));
    ck_assert_str_eq(host_logged(),
                     "0 source db: plugin box reads option secret, which it does not declare\n");
    ck_assert_int_eq(hg_host.opt_int(ctx, "port"), 0);
    ck_assert_int_eq(hg_host.opt_bool(ctx, "tls"), 0);
    ck_assert_ptr_null(hg_host.opt_list(ctx, "tables", 0));
    ck_assert_int_eq(hg_host.opt_given(ctx, "given"), 0);
}
END_TEST

START_TEST(a_failing_option_is_reported_with_its_place)
{
    struct hg_error err = {0};
    ck_assert_int_eq(HG_CALL(ctx, &err, hg_host.fail_option(ctx, "count", "%d is odd", 7)),
                     HANGAR_CONFIG);
    ck_assert_str_eq(err.text, "source db: backup.yaml:5:8: option count: 7 is odd");
    hg_error_clear(&err);
    (void)HG_CALL(ctx, &err, hg_host.fail_option(ctx, "wait", "it is too long"));
    ck_assert_str_eq(err.text, "source db: backup.yaml:1:1: option wait: it is too long");
    /* a default: the place of the instance */
    hg_error_clear(&err);
    (void)HG_CALL(ctx, &err, hg_host.fail_option(ctx, "none", "what"));
    ck_assert_str_eq(err.text, "source db: option none: what");
}
END_TEST

START_TEST(of_several_failures_the_first_counts_and_long_ones_are_cut)
{
    char text[10000];
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    struct hg_error err = {0};
    (void)HG_CALL(ctx, &err,
                  (hg_host.fail(ctx, HANGAR_IO, ENOSPC, "cannot write %s", "f"),
                   hg_host.fail(ctx, HANGAR_AUTH, 0, "later")));
    ck_assert_str_eq(err.text, "source db: cannot write f: No space left on device");
    ck_assert_int_eq(err.rc, HANGAR_AUTH); /* what was returned */
    hg_error_clear(&err);
    (void)HG_CALL(ctx, &err, hg_host.fail(ctx, HANGAR_IO, ENOSPC, "%s", text));
    ck_assert_uint_gt(strlen(err.text), 2000);
    ck_assert_uint_lt(strlen(err.text), sizeof(err.text));
    ck_assert_str_eq(err.text + strlen(err.text) - 23, "No space left on device");
}
END_TEST

START_TEST(progress_is_the_step_of_the_job)
{
    char step[160];
    hg_host.progress(ctx, "building indexes", 3, 7);
    hg_job_get_step(&world.job, step, sizeof(step));
    ck_assert_str_eq(step, "db: building indexes (3 of 7)");
    hg_host.progress(ctx, "sorting", 5, 0);
    hg_job_get_step(&world.job, step, sizeof(step));
    ck_assert_str_eq(step, "db: sorting");
    hg_host.alive(ctx, NULL);
    hg_host.alive(ctx, "");
    hg_job_get_step(&world.job, step, sizeof(step));
    ck_assert_str_eq(step, "db: sorting");
    hg_host.alive(ctx, "waiting for a lock");
    hg_job_get_step(&world.job, step, sizeof(step));
    ck_assert_str_eq(step, "db: waiting for a lock");
    hg_host.progress(ctx, NULL, 0, 0);
}
END_TEST

START_TEST(cancelling_is_seen_and_wakes)
{
    ck_assert_int_eq(hg_host.cancelled(ctx), 0);
    ck_assert_int_eq(hg_host.sleep(ctx, 1), HANGAR_OK);
    hg_job_cancel(&world.job);
    ck_assert_int_ne(hg_host.cancelled(ctx), 0);
    ck_assert_int_eq(hg_host.sleep(ctx, 600000), HANGAR_CANCELLED);
}
END_TEST

START_TEST(the_budget_is_the_job_s)
{
    ck_assert_uint_eq(hg_host.budget_take(ctx, 2000, 1), 1000);
    ck_assert_uint_eq(hg_host.budget_take(ctx, 1, 1), 0);
    hg_host.budget_give(ctx, 1000);
    ck_assert_uint_eq(hg_host.budget_take(ctx, 500, 1), 500);
    hg_host.budget_give(ctx, 500);
}
END_TEST

/* ---- temporary files ---- */

START_TEST(a_temporary_folder_lives_as_long_as_its_instance)
{
    struct hangar_ctx *other = open_one("source", "cache");
    const char *path = NULL, *again = NULL, *others = NULL;
    ck_assert_int_eq(hg_host.temp_dir(ctx, 1000, &path), HANGAR_OK);
    ck_assert_int_eq(hg_host.temp_dir(ctx, 2000, &again), HANGAR_OK);
    ck_assert_str_eq(path, again);
    ck_assert_int_eq(hg_host.temp_dir(other, 1000, &others), HANGAR_OK);
    ck_assert_str_ne(path, others);
    struct stat st;
    ck_assert_int_eq(stat(others, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0700);
    char kept[256];
    snprintf(kept, sizeof(kept), "%s", others);
    folder_file("x", "x", 1, 0600);
    char file[300];
    snprintf(file, sizeof(file), "%s/file", others);
    folder_file(file, "x", 1, 0400);
    hg_instance_close(other);
    ck_assert(!folder_has(kept));
    ck_assert(folder_has(path));
}
END_TEST

START_TEST(instances_of_one_name_do_not_share_a_temporary_folder)
{
    struct hangar_ctx *twin = open_one("source", "db"), *sink = open_one("sink", "db");
    const char *mine = NULL, *twins = NULL, *sinks = NULL;
    ck_assert_int_eq(hg_host.temp_dir(ctx, 1000, &mine), HANGAR_OK);
    ck_assert_int_eq(hg_host.temp_dir(twin, 1000, &twins), HANGAR_OK);
    ck_assert_int_eq(hg_host.temp_dir(sink, 1000, &sinks), HANGAR_OK);
    ck_assert_str_ne(mine, twins);
    ck_assert_str_ne(mine, sinks);
    hg_instance_close(twin); /* also when one goes earlier, as verify's transforms do */
    hg_instance_close(sink);
    ck_assert(folder_has(mine));
}
END_TEST

START_TEST(a_quota_beyond_the_disk_is_refused_at_first_and_later)
{
    const char *path = NULL;
    struct hg_error err = {0};
    ck_assert_int_eq(HG_CALL(ctx, &err, hg_host.temp_dir(ctx, UINT64_MAX, &path)), HANGAR_NO_SPACE);
    ck_assert_ptr_nonnull(strstr(err.text, "; hint: set limits.temp_dir"));
    ck_assert_ptr_null(path);
    ck_assert_int_eq(hg_host.temp_dir(ctx, 1000, &path), HANGAR_OK);
    ck_assert_int_eq(hg_host.temp_dir(ctx, UINT64_MAX, &path), HANGAR_NO_SPACE);
    ck_assert_int_eq(hg_host.temp_dir(ctx, 2000, &path), HANGAR_OK);
}
END_TEST

START_TEST(a_spool_keeps_its_order_and_limit_and_reports_the_reason)
{
    struct hangar_spool *spool = NULL;
    char back[8] = "";
    ck_assert_int_eq(hg_host.spool_open(ctx, 6, &spool), HANGAR_OK);
    ck_assert_int_eq(hg_host.spool_write(spool, "abc", 3), HANGAR_OK);
    ck_assert_int_eq(hg_host.spool_write(spool, "def", 3), HANGAR_OK);
    struct hg_error err = {0};
    ck_assert_int_eq(HG_CALL(ctx, &err, hg_host.spool_write(spool, "g", 1)), HANGAR_NO_SPACE);
    ck_assert_str_eq(err.text, "source db: the spool file is full (limit 0 MiB)");
    size_t got = 0;
    ck_assert_int_eq(hg_host.spool_read(spool, back, 4, &got), HANGAR_OK);
    ck_assert_uint_eq(got, 4);
    ck_assert_mem_eq(back, "abcd", 4);
    ck_assert_int_eq(hg_host.spool_read(spool, back, 8, &got), HANGAR_OK);
    ck_assert_uint_eq(got, 2);
    ck_assert_int_eq(hg_host.spool_read(spool, back, 8, &got), HANGAR_OK);
    ck_assert_uint_eq(got, 0);
    ck_assert_int_eq(system("test -z \"$(find . -name 'spool-*')\""), 0); /* unlinked at once */
    hg_host.spool_close(spool);
}
END_TEST

START_TEST(attributes_and_texts_are_collected)
{
    struct hangar_attrs *attrs = hg_attrs_new();
    hg_host.attr_set(attrs, "lsn", "0/1");
    hg_host.attr_set(attrs, "none", NULL);
    hg_host.attr_setf(attrs, "rows", "%d", 12);
    ck_assert_str_eq(hg_host.attr_get(attrs, "lsn"), "0/1");
    ck_assert_str_eq(hg_host.attr_get(attrs, "rows"), "12");
    ck_assert_ptr_null(hg_host.attr_get(attrs, "none"));
    ck_assert_ptr_null(attrs->problem);
    hg_host.attr_set(attrs, "Bad Name", "x");
    ck_assert_ptr_nonnull(attrs->problem);
    hg_attrs_free(attrs);
    struct hangar_text text = {{0}};
    hg_host.text(&text, "%s=%d\n", "a", 1);
    hg_host.text(&text, "b\n");
    ck_assert_str_eq(hg_str_text(&text.str), "a=1\nb\n");
    hg_str_free(&text.str);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_table_is_whole,
        lines_of_a_plugin_name_their_instance,
        options_are_read_with_their_defaults,
        options_that_were_not_declared_cannot_be_read,
        a_failing_option_is_reported_with_its_place,
        of_several_failures_the_first_counts_and_long_ones_are_cut,
        progress_is_the_step_of_the_job,
        cancelling_is_seen_and_wakes,
        the_budget_is_the_job_s,
        a_temporary_folder_lives_as_long_as_its_instance,
        instances_of_one_name_do_not_share_a_temporary_folder,
        a_quota_beyond_the_disk_is_refused_at_first_and_later,
        a_spool_keeps_its_order_and_limit_and_reports_the_reason,
        attributes_and_texts_are_collected,
    };
    return SUITE_RUN("plugin/host", tests, host_setup, host_teardown);
}
