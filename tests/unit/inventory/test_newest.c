/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * newest: a backup from the future hides nothing, wherever the date lies.
 */
#include "stored_backups.h"
#include "suite.h"

static const int64_t day = 86400000;

static json_t *newest_document(enum hangar_status expected, enum hangar_status status, char *text)
{
    json_t *doc = json_loads(text, 0, NULL);
    ck_assert_msg(status == expected, "%s", text);
    hangar_free(text);
    return doc;
}

/* "latest", health, status and alerts agree on the newest backup (NULL: none counts), and name the
 * one from the future. */
static void newest_expect(const char *newest, const char *future)
{
    char *text = NULL;
    const struct hangar_selection latest = {.struct_size = sizeof(latest), .id = "latest"};
    enum hangar_status status = hangar_show(world.h, &latest, &text);
    json_t *doc = newest_document(HANGAR_STATUS_DONE, status, text);
    const json_t *manifest = json_object_get(doc, "manifest");
    ck_assert_str_eq(hg_json_string(manifest, "id", ""), newest ? newest : future);
    json_decref(doc);
    status = hangar_health(world.h, NULL, &text);
    doc = newest_document(newest ? HANGAR_STATUS_DONE : HANGAR_STATUS_STALE, status, text);
    const json_t *sink = json_array_get(
        json_object_get(json_array_get(json_object_get(doc, "pipelines"), 0), "sinks"), 0);
    ck_assert_str_eq(hg_json_string(sink, "newest", ""), newest ? newest : "");
    ck_assert_str_eq(hg_json_string(sink, "future", ""), future);
    json_decref(doc);
    status = hangar_overview(world.h, &text);
    doc = newest_document(HANGAR_STATUS_DONE, status, text);
    sink = json_array_get(
        json_object_get(json_array_get(json_object_get(doc, "pipelines"), 0), "sinks"), 0);
    ck_assert_str_eq(hg_json_string(sink, "newest", ""), newest ? newest : "");
    ck_assert_str_eq(hg_json_string(sink, "future", ""), future);
    json_decref(doc);
    status = hangar_alerts(world.h, HANGAR_REQUEST_DRY_RUN, &text);
    ck_assert_ptr_nonnull(strstr(text, "\"future local\""));
    ck_assert_ptr_nonnull(strstr(text, future));
    ck_assert_int_eq(strstr(text, "\"stale local\"") == NULL, newest != NULL);
    json_decref(newest_document(HANGAR_STATUS_DONE, status, text));
}

START_TEST(a_backup_from_the_future_is_not_the_newest)
{
    world_open("keep_last: 1, min_keep: 1, delete_grace: 0");
    const char *old = world_backup(2 * 3600000, 1), *now = world_backup(3600000, 1);
    const char *future = world_backup(-27000 * day, 1);
    newest_expect(now, future);
    /* neither it nor another is removed because of it */
    world_prune(0);
    ck_assert(world_has(old, "manifest.json") && world_has(now, "manifest.json") &&
              world_has(future, "manifest.json"));
    /* where there is no other, a restore may need it: this clock may be the wrong one */
    ck_assert_int_eq(unlink(world_path(old, "manifest.json")), 0);
    ck_assert_int_eq(unlink(world_path(now, "manifest.json")), 0);
    newest_expect(NULL, future);
}
END_TEST

START_TEST(a_clock_a_little_ahead_is_not_the_future)
{
    world_open(NULL);
    world_backup(3600000, 1);
    const char *ahead = world_backup(-2 * 60000, 1);
    char *text = NULL;
    enum hangar_status status = hangar_health(world.h, NULL, &text);
    json_t *doc = newest_document(HANGAR_STATUS_DONE, status, text);
    const json_t *sink = json_array_get(
        json_object_get(json_array_get(json_object_get(doc, "pipelines"), 0), "sinks"), 0);
    ck_assert_str_eq(hg_json_string(sink, "newest", ""), ahead);
    json_decref(doc);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_backup_from_the_future_is_not_the_newest,
        a_clock_a_little_ahead_is_not_the_future,
    };
    return SUITE_RUN("inventory/newest", tests, world_setup, world_teardown);
}
