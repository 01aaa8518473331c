/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * instance: a plugin's error is reported once and whole, and its thread model is obeyed.
 */
#include "plugin/instance.h"

#include <errno.h>

#include "base/clock.h"
#include "base/thread.h"
#include "plugin/host.h"
#include "suite.h"
#include "plugin_world.h"

#undef fail /* of check: the host has a function of that name */

static enum hangar_rc create_rc;
static bool create_speaks, create_gives_nothing;
static uint32_t model;
static atomic_int cancels, destroys;

static enum hangar_rc instance_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                      void **out)
{
    if (create_speaks) {
        host->fail(ctx, create_rc, ENOENT, "cannot open %s", "the box");
        host->fail(ctx, HANGAR_IO, 0, "a consequence");
    }
    *out = create_gives_nothing ? NULL : ctx;
    return create_rc;
}

static void instance_destroy(void *inst)
{
    (void)inst;
    atomic_fetch_add(&destroys, 1);
}

static void instance_cancel(void *inst)
{
    (void)inst;
    atomic_fetch_add(&cancels, 1);
}

static uint32_t instance_threads(void *inst)
{
    (void)inst;
    return model;
}

static const char *instance_describe(void *inst)
{
    (void)inst;
    return "the box on the shelf";
}

static const struct hangar_plugin full = {HANGAR_PLUGIN_HEADER,         .name = "box",
                                          .create = instance_create,    .destroy = instance_destroy,
                                          .cancel = instance_cancel,    .threads = instance_threads,
                                          .describe = instance_describe};
static const struct hangar_plugin bare = {HANGAR_PLUGIN_HEADER, .name = "bare",
                                          .create = instance_create, .destroy = instance_destroy};

static struct hg_plugin plugin;

static void instance_setup(void)
{
    folder_setup();
    create_rc = HANGAR_OK;
    model = HANGAR_PARALLEL_HANDLES;
    world_begin(folder_path);
    world_plugin(&plugin, &full);
}

static void instance_teardown(void)
{
    world_plugin_free(&plugin);
    world_end();
    folder_teardown();
}

/* The error of opening an instance. */
static const char *instance_opening(enum hangar_rc rc, bool speaks)
{
    static struct hg_error err;
    hg_error_clear(&err);
    create_rc = rc;
    create_speaks = speaks;
    struct hangar_ctx *ctx = NULL;
    enum hangar_rc got = world_open(&plugin, "mine", &ctx, &err);
    ck_assert_int_eq(got, err.rc);
    ck_assert((got == HANGAR_OK) == (ctx != NULL));
    hg_instance_close(ctx);
    return err.text;
}

START_TEST(an_instance_is_made_and_destroyed)
{
    ck_assert_str_eq(instance_opening(HANGAR_OK, false), "");
    ck_assert_int_eq(atomic_load(&destroys), 1);
    hg_instance_close(NULL);
}
END_TEST

START_TEST(the_reason_of_a_failed_opening_is_reported_once)
{
    ck_assert_str_eq(instance_opening(HANGAR_AUTH, true),
                     "source mine: cannot open the box: No such file or directory");
    ck_assert_str_eq(instance_opening(HANGAR_AUTH, false),
                     "source mine: refused (plugin box gave no reason)");
    ck_assert_int_eq(atomic_load(&destroys), 0);
}
END_TEST

START_TEST(an_unknown_result_code_is_a_bug_of_the_plugin)
{
    ck_assert_str_eq(instance_opening((enum hangar_rc)99, false),
                     "source mine: plugin box returned the unknown result 99");
    ck_assert_str_eq(instance_opening((enum hangar_rc) - 1, true),
                     "source mine: plugin box returned the unknown result -1");
    ck_assert_str_eq(instance_opening(HANGAR_EOF, false),
                     "source mine: plugin box returned HANGAR_EOF where it is not allowed");
    create_gives_nothing = true;
    ck_assert_str_eq(instance_opening(HANGAR_OK, false),
                     "source mine: plugin box created no instance");
}
END_TEST

START_TEST(a_message_of_an_earlier_call_is_not_reported_later)
{
    struct hangar_ctx *ctx = NULL;
    struct hg_error err = {0};
    create_speaks = true; /* and yet OK */
    ck_assert_int_eq(world_open(&plugin, "mine", &ctx, &err), HANGAR_OK);
    ck_assert_str_eq(err.text, "");
    ck_assert_int_eq(HG_CALL(ctx, &err, HANGAR_IO), HANGAR_IO);
    ck_assert_str_eq(err.text, "source mine: input or output failed (plugin box gave no reason)");
    ck_assert_int_eq(HG_CALL(ctx, NULL, HANGAR_NO_SPACE), HANGAR_NO_SPACE);
    ck_assert_int_eq(HG_CALL(ctx, NULL, HANGAR_EOF), HANGAR_INTERNAL);
    ck_assert_int_eq(HG_CALL_EOF(ctx, NULL, HANGAR_EOF), HANGAR_EOF);
    ck_assert_int_eq(HG_CALL_EOF(ctx, NULL, HANGAR_IO), HANGAR_IO);
    HG_CALL_VOID(ctx, (void)0);
    hg_instance_close(ctx);
}
END_TEST

START_TEST(the_target_or_the_name_of_the_plugin_is_shown)
{
    struct hangar_ctx *ctx = NULL;
    ck_assert_int_eq(world_open(&plugin, "mine", &ctx, NULL), HANGAR_OK);
    ck_assert_str_eq(hg_instance_target(ctx), "the box on the shelf");
    hg_instance_close(ctx);
    struct hg_plugin other;
    world_plugin(&other, &bare);
    ck_assert_int_eq(world_open(&other, "mine", &ctx, NULL), HANGAR_OK);
    ck_assert_str_eq(hg_instance_target(ctx), "bare");
    ck_assert_uint_eq(ctx->threads, HANGAR_SERIAL_INSTANCE); /* when it gives no number */
    hg_instance_close(ctx);
    world_plugin_free(&other);
}
END_TEST

START_TEST(an_unknown_thread_model_is_the_strictest)
{
    struct hangar_ctx *ctx = NULL;
    model = 77;
    ck_assert_int_eq(world_open(&plugin, "mine", &ctx, NULL), HANGAR_OK);
    ck_assert_uint_eq(ctx->threads, HANGAR_SERIAL_PLUGIN);
    hg_instance_close(ctx);
}
END_TEST

static void expect_cancels(int n)
{
    for (int i = 0; i < 2000 && atomic_load(&cancels) < n; i++) {
        usleep(5000);
    }
    ck_assert_int_eq(atomic_load(&cancels), n);
}

START_TEST(cancelling_the_job_reaches_each_instance_also_later_ones)
{
    struct hangar_ctx *first = NULL, *second = NULL, *late = NULL, *closed = NULL;
    ck_assert_int_eq(world_open(&plugin, "first", &first, NULL), HANGAR_OK);
    ck_assert_int_eq(world_open(&plugin, "second", &second, NULL), HANGAR_OK);
    ck_assert_int_eq(world_open(&plugin, "closed", &closed, NULL), HANGAR_OK);
    hg_instance_close(closed);
    hg_job_cancel(&world.job);
    expect_cancels(2);
    ck_assert_int_eq(world_open(&plugin, "late", &late, NULL), HANGAR_OK);
    expect_cancels(3);
    hg_instance_close(first);
    hg_instance_close(second);
    hg_instance_close(late);
    ck_assert_int_eq(atomic_load(&cancels), 3);
}
END_TEST

/* ---- thread models ---- */

#define CALLERS 6
#define CALLS 40

/* Counts how many calls there are at once, and the most there ever were. */
static atomic_int inside, most, overlapping;

static enum hangar_rc counted_call(void)
{
    int n = atomic_fetch_add(&inside, 1) + 1;
    for (int seen = atomic_load(&most); n > seen && !atomic_compare_exchange_weak(&most, &seen, n);)
        ;
    if (n > 1) {
        atomic_store(&overlapping, 1);
    }
    /* with several callers one waits for another, as long as that may ever come */
    for (int i = 0; i < 200 && !atomic_load(&overlapping) && model == HANGAR_PARALLEL_HANDLES;
         i++) {
        usleep(1000);
    }
    usleep(100);
    atomic_fetch_sub(&inside, 1);
    return HANGAR_OK;
}

static struct hangar_ctx *called[CALLERS];

static void call_often(void *arg, size_t i)
{
    (void)arg;
    for (size_t n = 0; n < CALLS; n++) {
        if (HG_CALL(called[i], NULL, counted_call()) != HANGAR_OK) {
            abort();
        }
    }
}

/* The most calls at once from all threads, with one instance each or one for all. */
static int most_at_once(uint32_t threads_model, bool one_instance)
{
    model = threads_model;
    atomic_store(&most, 0);
    atomic_store(&overlapping, 0);
    for (size_t i = 0; i < CALLERS; i++) {
        if (i == 0 || !one_instance) {
            ck_assert_int_eq(world_open(&plugin, "called", &called[i], NULL), HANGAR_OK);
        } else {
            called[i] = called[0];
        }
    }
    ck_assert(hg_thread_run_all(CALLERS, call_often, NULL));
    for (size_t i = 0; i < CALLERS; i++) {
        if (i == 0 || !one_instance) {
            hg_instance_close(called[i]);
        }
    }
    ck_assert_int_eq(atomic_load(&inside), 0);
    return atomic_load(&most);
}

START_TEST(a_serial_plugin_is_called_once_at_a_time_over_all_instances)
{
    ck_assert_int_eq(most_at_once(HANGAR_SERIAL_PLUGIN, true), 1);
    ck_assert_int_eq(most_at_once(HANGAR_SERIAL_PLUGIN, false), 1);
}
END_TEST

START_TEST(a_serial_instance_is_called_once_at_a_time)
{
    ck_assert_int_eq(most_at_once(HANGAR_SERIAL_INSTANCE, true), 1);
}
END_TEST

START_TEST(parallel_handles_are_called_at_once)
{
    ck_assert_int_gt(most_at_once(HANGAR_PARALLEL_HANDLES, true), 1);
    ck_assert_int_gt(most_at_once(HANGAR_PARALLEL_HANDLES, false), 1);
}
END_TEST

/* Each caller has its own words in the thread that it calls from. */
static void fail_in_own_words(void *arg, size_t i)
{
    struct hangar_ctx *ctx = arg;
    for (size_t n = 0; n < 200; n++) {
        struct hg_error err = {0};
        char expected[64];
        snprintf(expected, sizeof(expected), "source mine: caller %zu", i);
        (void)HG_CALL(ctx, &err, hg_host.fail(ctx, HANGAR_IO, 0, "caller %zu", i));
        if (strcmp(err.text, expected) != 0) {
            abort();
        }
    }
}

START_TEST(each_caller_gets_its_own_message)
{
    struct hangar_ctx *ctx = NULL;
    ck_assert_int_eq(world_open(&plugin, "mine", &ctx, NULL), HANGAR_OK);
    ck_assert(hg_thread_run_all(CALLERS, fail_in_own_words, ctx));
    hg_instance_close(ctx);
}
END_TEST

START_TEST(a_rate_limit_holds_over_all_callers_and_ends_with_the_instance)
{
    struct hangar_ctx *ctx = NULL;
    ck_assert_int_eq(world_open(&plugin, "mine", &ctx, NULL), HANGAR_OK);
    int64_t started = hg_mono_ms();
    hg_instance_pace(ctx, 1 << 30);
    ck_assert_int_eq(ctx->pace.full_us, 0); /* no limit, no account */
    ctx->pace.bytes_per_second = 100000;
    for (int i = 0; i < 5; i++) {
        hg_instance_pace(ctx, 10000);
    }
    ck_assert_int_ge(hg_mono_ms() - started, 390); /* half a second's worth, a tenth at once */
    hg_instance_cancel(ctx);
    hg_instance_pace(ctx, 1 << 30); /* hours */
    hg_instance_close(ctx);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_instance_is_made_and_destroyed,
        the_reason_of_a_failed_opening_is_reported_once,
        an_unknown_result_code_is_a_bug_of_the_plugin,
        a_message_of_an_earlier_call_is_not_reported_later,
        the_target_or_the_name_of_the_plugin_is_shown,
        an_unknown_thread_model_is_the_strictest,
        cancelling_the_job_reaches_each_instance_also_later_ones,
        a_serial_plugin_is_called_once_at_a_time_over_all_instances,
        a_serial_instance_is_called_once_at_a_time,
        parallel_handles_are_called_at_once,
        a_rate_limit_holds_over_all_callers_and_ends_with_the_instance,
        each_caller_gets_its_own_message,
    };
    return SUITE_RUN("plugin/instance", tests, instance_setup, instance_teardown);
}
