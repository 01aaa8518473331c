/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * others: which pipelines have backups in a sink that the configuration does not have.
 */
#include "inventory/others.h"

#include "session/session.h"
#include "stored_backups.h"
#include "suite.h"

#define DAY INT64_C(86400000)

/* "PIPELINE ORIGIN, ..." of what is found, with "-" for an unknown origin. */
static const char *others_found(const char *pipeline, const char *sink)
{
    static char found[400];
    struct hg_session session;
    struct hg_other_pipelines others;
    ck_assert_int_eq(hg_session_begin(&session, world.h, 0, NULL, NULL, NULL), HANGAR_OK);
    ck_assert_int_eq(hg_others_find(&session, pipeline, sink, &others, NULL), HANGAR_OK);
    found[0] = '\0';
    for (size_t i = 0; i < others.count; i++) {
        const size_t n = strlen(found);
        ck_assert_str_eq(others.items[i].sink, "local");
        snprintf(found + n, sizeof(found) - n, "%s%s %s", i ? ", " : "", others.items[i].pipeline,
                 others.items[i].origin ? others.items[i].origin : "-");
    }
    hg_others_free(&others);
    hg_session_end(&session);
    return found;
}

START_TEST(only_folders_with_backups_that_no_pipeline_has_are_others)
{
    world_open(NULL);
    ck_assert_str_eq(others_found(NULL, NULL), "");
    world_backup(DAY, 1);
    ck_assert_str_eq(others_found(NULL, NULL), ""); /* of nightly, which the configuration has */
    ck_assert_int_eq(system("cp -r backups/nightly backups/weekly && "
                            "cp -r backups/nightly backups/Weekly && "
                            "mkdir backups/empty && cp -r backups/nightly backups/daily && "
                            "echo '{ \"origin\": \"db2\" }' >backups/weekly/origin.json && "
                            "echo '{ \"origin\": \"a b\" }' >backups/daily/origin.json"),
                     0);
    ck_assert_str_eq(others_found(NULL, NULL), "daily -, weekly db2");
    ck_assert_str_eq(others_found("nightly", "local"), "daily -, weekly db2");
    ck_assert_str_eq(others_found("weekly", NULL), ""); /* no sink is its */
    ck_assert_str_eq(others_found(NULL, "elsewhere"), "");
}
END_TEST

START_TEST(a_document_and_a_message_name_each_other_pipeline)
{
    char first[] = "a", second[] = "b", third[] = "c", origin[] = "db1";
    struct hg_other_pipeline items[] = {{.sink = "s", .pipeline = first, .origin = origin},
                                        {.sink = "s", .pipeline = second},
                                        {.sink = "t", .pipeline = third}};
    items[1].sink = items[0].sink;
    const struct hg_other_pipelines others = {.items = items, .count = 3};
    struct hg_str text = {0};
    hg_others_text(&others, &text);
    ck_assert_str_eq(hg_str_text(&text),
                     "sink s holds backups of a (origin db1), b; sink t holds backups of c; hint: "
                     "give the pipeline in the configuration one of these names, and set "
                     "`origin`, to list and restore them");
    hg_str_free(&text);
    json_t *doc = hg_others_json(&others);
    ck_assert_uint_eq(json_array_size(doc), 3);
    ck_assert_str_eq(hg_json_string(json_array_get(doc, 0), "origin", ""), "db1");
    ck_assert(json_is_null(json_object_get(json_array_get(doc, 1), "origin")));
    ck_assert_str_eq(hg_json_string(json_array_get(doc, 2), "sink", ""), "t");
    ck_assert_str_eq(hg_json_string(json_array_get(doc, 2), "pipeline", ""), "c");
    json_decref(doc);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        only_folders_with_backups_that_no_pipeline_has_are_others,
        a_document_and_a_message_name_each_other_pipeline,
    };
    return SUITE_RUN("inventory/others", tests, world_setup, world_teardown);
}
