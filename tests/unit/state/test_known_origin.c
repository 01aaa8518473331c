/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * known_origin: the origin of a folder is remembered per pipeline, sink and target of the sink.
 */
#include "state/known_origin.h"

#include "plugin/loader.h"
#include "state_folder.h"

static const char *origin_target = "/mnt/a";

static const char *origin_describe(void *inst)
{
    (void)inst;
    return origin_target;
}

static struct hg_plugin plugin = {.d = {.name = "disk", .describe = origin_describe}};
static char sink_name[] = "local";
static struct hangar_ctx sink = {.plugin = &plugin, .name = sink_name};

static const struct hg_known_origin first = {
    .known = true, .created = "2026-01-15T02:00:00.000Z", .etag = "1"};

static struct hg_known_origin known_of(const char *pipeline)
{
    struct hg_known_origin known;
    memset(&known, 'x', sizeof(known));
    hg_known_origin_load(&state, &sink, pipeline, &known);
    return known;
}

START_TEST(an_origin_is_unknown_until_it_is_saved)
{
    struct hg_known_origin known = known_of("nightly");
    ck_assert(!known.known);
    ck_assert_str_eq(known.created, "");
    ck_assert_str_eq(known.etag, "");
    ck_assert(!folder_has("state"));
    hg_known_origin_save(&state, &sink, "nightly", &first);
    known = known_of("nightly");
    ck_assert(known.known);
    ck_assert_str_eq(known.created, first.created);
    ck_assert_str_eq(known.etag, "1");
    ck_assert(!known_of("hourly").known);
}
END_TEST

START_TEST(a_sink_with_another_target_is_another_sink)
{
    hg_known_origin_save(&state, &sink, "nightly", &first);
    origin_target = "/mnt/b";
    ck_assert(!known_of("nightly").known);
    origin_target = "/mnt/a";
    ck_assert(known_of("nightly").known);
    sink_name[0] = 'L';
    ck_assert(!known_of("nightly").known);
}
END_TEST

START_TEST(a_plugin_that_does_not_describe_its_target_has_no_known_origin)
{
    hg_known_origin_save(&state, &sink, "nightly", &first);
    plugin.d.describe = NULL;
    ck_assert(!known_of("nightly").known);
    hg_known_origin_save(&state, &sink, "hourly", &first);
    ck_assert(!folder_has("state/sinks/hourly.local"));
}
END_TEST

START_TEST(the_user_removes_the_file_to_accept_another_sink)
{
    hg_known_origin_save(&state, &sink, "nightly", &first);
    char *path = hg_known_origin_path(&state, &sink, "nightly");
    ck_assert_ptr_nonnull(path);
    ck_assert_int_eq(path[0], '/');
    ck_assert_int_eq(unlink(path), 0);
    free(path);
    ck_assert(!known_of("nightly").known);
}
END_TEST

START_TEST(a_damaged_file_or_one_that_cannot_be_written_knows_nothing)
{
    hg_known_origin_save(&state, &sink, "nightly", &first);
    folder_file("state/sinks/nightly.local", "{", 1, 0600);
    ck_assert(!known_of("nightly").known);
    ck_assert_int_eq(system("rm -r state"), 0);
    state_block();
    hg_known_origin_save(&state, &sink, "nightly", &first);
    ck_assert(!known_of("nightly").known);
    ck_assert_ptr_null(hg_known_origin_path(&state, &sink, "nightly"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_origin_is_unknown_until_it_is_saved,
        a_sink_with_another_target_is_another_sink,
        a_plugin_that_does_not_describe_its_target_has_no_known_origin,
        the_user_removes_the_file_to_accept_another_sink,
        a_damaged_file_or_one_that_cannot_be_written_knows_nothing,
    };
    return SUITE_RUN("state/known_origin", tests, state_setup, state_teardown);
}
