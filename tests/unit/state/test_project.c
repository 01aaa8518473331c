/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * project: which configurations share their state, and which do not.
 */
#include "state/project.h"

#include <string.h>

#include "base/json.h"
#include "state/file.h"
#include "state/history.h"
#include "state_folder.h"

static struct hg_state other; /* the same folder, for another configuration */

/* A configuration with the pipelines of a JSON text: {pipeline: [{option: value}]}. */
static struct hg_project_member project_member(const char *config, const char *text)
{
    struct hg_project_member member = {.path = strdup(config)};
    json_t *doc = json_loads(text, 0, NULL), *sinks, *sink, *value;
    const char *pipeline, *name;
    size_t i;
    ck_assert_ptr_nonnull(doc);
    json_object_foreach (doc, pipeline, sinks) {
        struct hg_project_pipeline *added = hg_project_add_pipeline(&member, pipeline);
        json_array_foreach (sinks, i, sink) {
            struct hg_project_sink *one = hg_project_add_sink(added);
            json_object_foreach (sink, name, value) {
                ck_assert(hg_project_add_option(one, name, json_string_value(value)));
            }
        }
    }
    json_decref(doc);
    return member;
}

/* A list of one or two configurations, each of the JSON text above. */
static struct hg_project_members project_members(const char *origin, const char *first,
                                                 const char *second)
{
    struct hg_project_members members = {.origin = origin ? strdup(origin) : NULL};
    const char *const texts[] = {first, second};
    for (size_t i = 0; i < 2 && texts[i]; i++) {
        struct hg_project_member member = project_member(i == 0 ? "/a.yaml" : "/b.yaml", texts[i]);
        ck_assert(hg_project_add_member(&members, &member));
        hg_project_member_free(&member);
    }
    return members;
}

#define NIGHTLY_TO(path) "{\"nightly\": [{\"plugin\": \"storage-local\", \"path\": \"" path "\"}]}"

static void project_begin(struct hg_state *s, const char *config, const char *origin,
                          const char *text)
{
    *s = (struct hg_state){.dir = state.dir, .log = &state_log};
    struct hg_project_member mine = project_member(config, text);
    ck_assert_int_eq(hg_project_open(s, &mine, origin, NULL), HANGAR_OK);
}

/* Opens a configuration, which is a file, and records a run of its pipeline. */
static void project_run(const char *config, const char *origin, const char *text, const char *run)
{
    const struct hg_history_run entry = {
        .run = run, .status = HANGAR_STATUS_DONE, .stored_bytes = -1};
    folder_file(config, "", 0, 0600);
    struct hg_state s;
    project_begin(&s, config, origin, text);
    hg_history_append(&s, "nightly", &entry);
    hg_project_close(&s);
    ck_assert_int_eq(warnings, 0);
}

/* The last run that a configuration finds; "" none. */
static const char *project_last(const char *config, const char *origin, const char *text)
{
    static char found[32];
    struct hg_state s;
    project_begin(&s, config, origin, text);
    struct hg_history_run last;
    ck_assert_int_eq(hg_history_last(&s, "nightly", &last, NULL), HANGAR_OK);
    snprintf(found, sizeof(found), "%s", last.run ? last.run : "");
    hg_history_free(&last);
    hg_project_close(&s);
    return found;
}

#define TWO_PIPELINES "{\"n\": [{\"plugin\": \"x\", \"path\": \"/1\"}, {}], \"w\": []}"

START_TEST(lists_are_equal_whatever_the_order_of_their_names)
{
    const struct {
        const char *origin, *text;
        bool equal;
    } cases[] = {
        {"o", TWO_PIPELINES, true},
        {"o", "{\"w\": [], \"n\": [{\"path\": \"/1\", \"plugin\": \"x\"}, {}]}", true},
        {"o", "{\"n\": [{}, {\"plugin\": \"x\", \"path\": \"/1\"}], \"w\": []}", false},
        {"o", "{\"n\": [{\"plugin\": \"x\", \"path\": \"/2\"}, {}], \"w\": []}", false},
        {"o", "{\"n\": [{\"plugin\": \"x\", \"port\": \"/1\"}, {}], \"w\": []}", false},
        {"o", "{\"n\": [{\"plugin\": \"x\"}, {}], \"w\": []}", false},
        {"o", "{\"n\": [{\"plugin\": \"x\", \"path\": \"/1\"}], \"w\": []}", false},
        {"o", "{\"n\": [{\"plugin\": \"x\", \"path\": \"/1\"}, {}], \"v\": []}", false},
        {"o", "{\"n\": [{\"plugin\": \"x\", \"path\": \"/1\"}, {}]}", false},
        {"p", TWO_PIPELINES, false},
        {NULL, TWO_PIPELINES, false},
    };
    struct hg_project_members a = project_members("o", TWO_PIPELINES, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hg_project_members b = project_members(cases[i].origin, cases[i].text, NULL);
        ck_assert_msg(hg_project_members_equal(&a, &b) == cases[i].equal, "case %zu", i);
        ck_assert_msg(hg_project_members_equal(&b, &a) == cases[i].equal, "case %zu", i);
        hg_project_members_free(&b);
    }
    hg_project_members_free(&a);
}
END_TEST

START_TEST(lists_are_equal_whatever_the_order_of_their_configurations)
{
    struct hg_project_members none = {0}, one = project_members("o", "{}", NULL);
    struct hg_project_members two = project_members("o", "{}", TWO_PIPELINES);
    struct hg_project_members turned = project_members("o", NULL, NULL);
    ck_assert(hg_project_add_member(&turned, &two.items[1]));
    ck_assert(hg_project_add_member(&turned, &two.items[0]));
    ck_assert(hg_project_members_equal(&two, &turned));
    ck_assert(hg_project_members_equal(&none, &none));
    ck_assert(!hg_project_members_equal(&none, &one));
    ck_assert(!hg_project_members_equal(&one, &two));
    ck_assert(!hg_project_members_equal(&two, &one));
    hg_project_members_free(&turned);
    hg_project_members_free(&two);
    hg_project_members_free(&one);
}
END_TEST

START_TEST(two_projects_with_a_pipeline_of_one_name_share_nothing)
{
    project_run("a.yaml", "host", NIGHTLY_TO("/a"), "of-a");
    ck_assert_str_eq(project_last("b.yaml", "host", NIGHTLY_TO("/b")), "");
    project_run("b.yaml", "host", NIGHTLY_TO("/b"), "of-b");
    ck_assert_str_eq(project_last("a.yaml", "host", NIGHTLY_TO("/a")), "of-a");
    ck_assert_str_eq(project_last("b.yaml", "host", NIGHTLY_TO("/b")), "of-b");
    ck_assert(folder_has("state/history/nightly.jsonl")); /* the first has the folder itself */
}
END_TEST

START_TEST(another_origin_is_another_project)
{
    project_run("a.yaml", "host", NIGHTLY_TO("/a"), "one");
    ck_assert_str_eq(project_last("a.yaml", "other", NIGHTLY_TO("/a")), "");
    ck_assert_str_eq(project_last("a.yaml", "host", NIGHTLY_TO("/a")), "one");
}
END_TEST

START_TEST(a_configuration_whose_sinks_change_keeps_its_history)
{
    project_run("a.yaml", "host", NIGHTLY_TO("/a"), "one");
    ck_assert_str_eq(project_last("a.yaml", "host", NIGHTLY_TO("/new")), "one");
}
END_TEST

START_TEST(a_second_or_renamed_configuration_with_a_sink_in_common_finds_the_history)
{
    project_run("z.yaml", "host", NIGHTLY_TO("/z"), "first"); /* has the folder itself */
    project_run("backup.yaml", "host", NIGHTLY_TO("/a"), "one");
    /* restore.yaml: other options of the sink, and one more */
    ck_assert_str_eq(project_last("restore.yaml", "host",
                                  "{\"nightly\": [{\"plugin\": \"storage-s3\", \"bucket\": \"x\"},"
                                  " {\"plugin\": \"storage-local\", \"path\": \"/a\","
                                  " \"other\": \"1\"}]}"),
                     "one");
    ck_assert_int_eq(rename("backup.yaml", "renamed.yaml"), 0);
    ck_assert_str_eq(project_last("renamed.yaml", "host", NIGHTLY_TO("/a")), "one");
    /* the name of the pipeline, the plugin, and the place must be the same */
    ck_assert_str_eq(project_last("c.yaml", "host",
                                  "{\"other\": [{\"plugin\": \"storage-local\","
                                  " \"path\": \"/a\"}]}"),
                     "");
    ck_assert_str_eq(
        project_last("c.yaml", "host", "{\"nightly\": [{\"plugin\": \"x\", \"path\": \"/a\"}]}"),
        "");
    ck_assert_str_eq(project_last("c.yaml", "host",
                                  "{\"nightly\": [{\"plugin\": "
                                  "\"storage-local\"}]}"),
                     "");
}
END_TEST

START_TEST(reading_changes_nothing)
{
    ck_assert_str_eq(project_last("a.yaml", "host", NIGHTLY_TO("/a")), "");
    ck_assert(!folder_has("state"));
}
END_TEST

START_TEST(the_state_of_0_1_goes_to_the_configuration_that_has_its_pipeline)
{
    const struct hg_history_run old = {
        .run = "old", .status = HANGAR_STATUS_DONE, .stored_bytes = -1};
    hg_history_append(&state, "nightly", &old); /* no project, as 0.1 wrote it */
    ck_assert_str_eq(project_last("t.yaml", "host", "{\"test\": []}"), "");
    project_run("t.yaml", "host", "{\"test\": [{\"plugin\": \"p\", \"path\": \"/t\"}]}", "t");
    ck_assert_str_eq(project_last("a.yaml", "host", NIGHTLY_TO("/a")), "old");
    project_run("a.yaml", "host", NIGHTLY_TO("/a"), "new");
    ck_assert_str_eq(project_last("b.yaml", "host", NIGHTLY_TO("/b")), "");
    ck_assert_str_eq(project_last("a.yaml", "host", NIGHTLY_TO("/a")), "new");
}
END_TEST

START_TEST(concurrent_new_projects_get_separate_folders)
{
    struct hg_state first;
    int fd, fd2;
    project_begin(&first, "a.yaml", "host", NIGHTLY_TO("/a"));
    project_begin(&other, "b.yaml", "host", NIGHTLY_TO("/b"));
    ck_assert_str_eq(hg_project_dir(&first), hg_project_dir(&other));
    ck_assert_int_eq(hg_state_lock_file(&first, "lock/nightly.lock", false, &fd, NULL), HANGAR_OK);
    ck_assert_int_eq(hg_state_lock_file(&other, "lock/nightly.lock", false, &fd2, NULL), HANGAR_OK);
    ck_assert_str_ne(hg_project_dir(&first), hg_project_dir(&other));
    close(fd);
    close(fd2);
    hg_project_close(&first);
    hg_project_close(&other);
}
END_TEST

START_TEST(a_damaged_list_starts_cleanly_and_is_written_again)
{
    project_run("a.yaml", "host", NIGHTLY_TO("/a"), "one");
    folder_file("state/project.json", "{", 1, 0600);
    ck_assert_str_eq(project_last("a.yaml", "host", NIGHTLY_TO("/a")), "one");
    project_run("a.yaml", "host", NIGHTLY_TO("/a"), "two");
    ck_assert_str_eq(project_last("b.yaml", "host", NIGHTLY_TO("/b")), "");
    ck_assert_str_eq(project_last("a.yaml", "host", NIGHTLY_TO("/a")), "two");
}
END_TEST

START_TEST(a_pipeline_of_another_configuration_is_known_while_its_file_exists)
{
    project_run("a.yaml", "host", NIGHTLY_TO("/a"), "one");
    folder_file("r.yaml", "", 0, 0600);
    struct hg_state s;
    project_begin(&s, "r.yaml", "host",
                  "{\"nightly\": [{\"plugin\": \"storage-local\", \"path\": \"/a\"}], \"x\": []}");
    ck_assert_int_eq(hg_project_enter(&s, NULL), HANGAR_OK);
    ck_assert(hg_project_has_pipeline(&s, "nightly"));
    ck_assert(!hg_project_has_pipeline(&s, "x"));
    ck_assert_int_eq(unlink("a.yaml"), 0);
    ck_assert(!hg_project_has_pipeline(&s, "nightly"));
    hg_project_close(&s);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        lists_are_equal_whatever_the_order_of_their_names,
        lists_are_equal_whatever_the_order_of_their_configurations,
        two_projects_with_a_pipeline_of_one_name_share_nothing,
        another_origin_is_another_project,
        a_configuration_whose_sinks_change_keeps_its_history,
        a_second_or_renamed_configuration_with_a_sink_in_common_finds_the_history,
        reading_changes_nothing,
        the_state_of_0_1_goes_to_the_configuration_that_has_its_pipeline,
        concurrent_new_projects_get_separate_folders,
        a_damaged_list_starts_cleanly_and_is_written_again,
        a_pipeline_of_another_configuration_is_known_while_its_file_exists,
    };
    return SUITE_RUN("project", tests, state_setup, state_teardown);
}
