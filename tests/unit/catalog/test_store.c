/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * store: a pipeline's place in a sink is its own, and a backup goes manifest first.
 */
#include "catalog/store.h"

#include "memory_sink.h"
#include "sample.h"
#include "suite.h"

static struct hg_log log_;
static struct hg_job job;
static struct memory_sink memory;
static struct hangar_ctx *sink;
static struct hg_error err;

static void store_write_log(void *arg, const struct hg_log_record *record)
{
    (void)arg, (void)record;
}

static void store_setup(void)
{
    struct hg_job_settings settings = {.log = &log_, .temp_base = "/tmp"};
    hg_log_init(&log_);
    log_.write = store_write_log;
    ck_assert_int_eq(hg_job_begin(&job, &settings, NULL), HANGAR_OK);
    memory_sink_init(&memory);
    ck_assert_int_eq(memory_sink_open(&memory, &job, "local", &sink), HANGAR_OK);
    hg_error_clear(&err);
}

static void store_teardown(void)
{
    hg_instance_close(sink);
    memory_sink_free(&memory);
    hg_job_end(&job);
    hg_log_fini(&log_);
}

static void store_put_text(const char *name, const char *text)
{
    memory_sink_set(&memory, name, text, strlen(text));
}

START_TEST(small_files_are_stored_and_read)
{
    ck_assert_int_eq(hg_store_put(sink, "p/a", "hello", 5, false, &err), HANGAR_OK);
    ck_assert_int_eq(hg_store_put(sink, "p/a", "hallo", 5, true, &err), HANGAR_EXISTS);
    hg_error_clear(&err);
    ck_assert_int_eq(hg_store_put(sink, "p/empty", "", 0, true, &err), HANGAR_OK);
    struct hg_str text = {0};
    ck_assert_int_eq(hg_store_get(sink, "p/a", 5, &text, &err), HANGAR_OK);
    ck_assert_str_eq(hg_str_text(&text), "hello");
    hg_str_free(&text);
    ck_assert_int_eq(hg_store_get(sink, "p/empty", 5, &text, &err), HANGAR_OK);
    ck_assert_uint_eq(text.len, 0);
    ck_assert_int_eq(hg_store_get(sink, "p/a", 4, &text, &err), HANGAR_CORRUPT);
    ck_assert_str_eq(err.text, "sink local: p/a is larger than 4 bytes");
    hg_str_free(&text);
    hg_error_clear(&err);
    ck_assert_int_eq(hg_store_get(sink, "p/none", 5, &text, &err), HANGAR_NOT_FOUND);
    hg_str_free(&text);
    char *path = hg_store_path("p", "id", "x"), *folder = hg_store_path("p", "id", NULL);
    ck_assert_str_eq(path, "p/id/x");
    ck_assert_str_eq(folder, "p/id/");
    free(path);
    free(folder);
}
END_TEST

START_TEST(a_failing_put_is_aborted)
{
    memory.fail_on = "write";
    ck_assert_int_eq(hg_store_put(sink, "p/a", "hello", 5, false, &err), HANGAR_IO);
    ck_assert_str_eq(err.text, "sink local: cannot write p/a");
    ck_assert_str_eq(hg_str_text(&memory.events), "open p/a\nabort p/a\n");
    ck_assert_uint_eq(memory.count, 0);
}
END_TEST

START_TEST(a_file_that_was_stored_short_does_not_stay)
{
    memory.lose = 1;
    ck_assert_int_eq(hg_store_put(sink, "p/a", "hello", 5, true, &err), HANGAR_CORRUPT);
    ck_assert_str_eq(err.text, "sink local: stored size of p/a is 4 bytes (expected 5)");
    ck_assert_uint_eq(memory.count, 0);
}
END_TEST

START_TEST(a_place_is_claimed_once_and_kept)
{
    ck_assert_int_eq(hg_store_origin(sink, "nightly", "db1", true, NULL, &err), HANGAR_OK);
    const struct memory_object *origin = memory_sink_find(&memory, "nightly/origin.json");
    ck_assert_ptr_nonnull(origin);
    ck_assert_ptr_nonnull(strstr(origin->data.data, "\"origin\": \"db1\""));
    char *before = strdup(origin->data.data);
    ck_assert_int_eq(hg_store_origin(sink, "nightly", "db1", true, NULL, &err), HANGAR_OK);
    ck_assert_str_eq(memory_sink_find(&memory, "nightly/origin.json")->data.data, before);
    free(before);
    ck_assert_int_eq(hg_store_origin(sink, "nightly", "db2", true, NULL, &err), HANGAR_CONFIG);
    ck_assert_str_eq(
        err.text,
        "sink local: folder nightly belongs to origin \"db1\" (this is \"db2\"); hint: use "
        "another path or pipeline name, or, to continue those backups, set `origin: db1` in the "
        "configuration");
    hg_error_clear(&err);
    ck_assert_int_eq(hg_store_origin(sink, "nightly", "db2", false, NULL, &err), HANGAR_CONFIG);
    hg_error_clear(&err);
    ck_assert_int_eq(hg_store_origin(sink, "weekly", "db2", false, NULL, &err), HANGAR_OK);
    ck_assert_ptr_null(memory_sink_find(&memory, "weekly/origin.json")); /* looking takes nothing */
    ck_assert_int_eq(hg_store_origin(sink, "weekly", "db2", true, NULL, &err), HANGAR_OK);
}
END_TEST

START_TEST(a_damaged_origin_is_reported_and_not_replaced)
{
    store_put_text("nightly/origin.json", "{\"orig");
    ck_assert_int_eq(hg_store_origin(sink, "nightly", "db1", true, NULL, &err), HANGAR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.text, "sink local: nightly: cannot read origin.json: line 1"));
    hg_error_clear(&err);
    store_put_text("nightly/origin.json", "");
    ck_assert_int_eq(hg_store_origin(sink, "nightly", "db1", true, NULL, &err), HANGAR_CORRUPT);
    hg_error_clear(&err);
    memory.fail_on = "get";
    ck_assert_int_eq(hg_store_origin(sink, "nightly", "db1", true, NULL, &err), HANGAR_IO);
    hg_error_clear(&err);
    memory.fail_on = "open";
    ck_assert_int_eq(hg_store_origin(sink, "other", "db1", true, NULL, &err), HANGAR_IO);
    ck_assert_str_eq(err.text, "sink local: cannot open other/origin.json");
}
END_TEST

START_TEST(only_folders_of_backups_are_ids_over_many_pages)
{
    static const char *const others[] = {
        "nightly/origin.json",
        "nightly/backup_2026-01-15T02-00-00-000Z", /* no folder */
        "nightly/backup_2026-02-30T02-00-00-000Z/x",
        "nightly/backup_2026-01-15T02-00-00-000Z.old/x",
        "nightly/lost+found/x",
        "nightly/a/x",
        "nightly2/backup_2026-01-15T02-00-00-000Z/x",
        "backup_2026-01-15T02-00-00-000Z/x",
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        store_put_text(others[i], "x");
    }
    for (int i = 0; i < 25; i++) {
        char name[100];
        snprintf(name, sizeof(name), "nightly/backup_2026-01-%02dT02-00-00-000Z/%s", i + 1,
                 i % 2 ? "manifest.json" : "run.json");
        store_put_text(name, "x");
    }
    memory.page_size = 3;
    char **ids = NULL;
    size_t count = 0;
    ck_assert_int_eq(hg_store_ids(sink, "nightly", &ids, &count, NULL, &err), HANGAR_OK);
    ck_assert_uint_eq(count, 25);
    for (size_t i = 1; i < count; i++) {
        ck_assert_int_lt(strcmp(ids[i - 1], ids[i]), 0);
    }
    ck_assert_str_eq(ids[0], "backup_2026-01-01T02-00-00-000Z");
    hg_store_ids_free(ids, count);
    ck_assert_int_eq(hg_store_ids(sink, "none", &ids, &count, NULL, &err), HANGAR_OK);
    ck_assert_uint_eq(count, 0);
    hg_store_ids_free(ids, count);
    memory.fail_on = "list";
    ck_assert_int_eq(hg_store_ids(sink, "nightly", &ids, &count, NULL, &err), HANGAR_IO);
}
END_TEST

static void store_sample(const char *pipeline, const char *id)
{
    struct hg_manifest m;
    struct hg_str text = {0};
    sample_manifest(&m);
    ck_assert_int_eq(hg_manifest_write(&m, &text, NULL), HANGAR_OK);
    char *path = hg_store_path(pipeline, id, HG_MANIFEST_NAME);
    memory_sink_set(&memory, path, text.data, text.len);
    free(path);
    hg_str_free(&text);
    hg_manifest_free(&m);
}

static const char *manifest_of(const char *pipeline, const char *id, enum hangar_rc expected)
{
    struct hg_manifest m = {0};
    hg_error_clear(&err);
    ck_assert_int_eq(hg_store_manifest(sink, pipeline, id, &m, &err), expected);
    hg_manifest_free(&m);
    return err.text;
}

START_TEST(a_manifest_counts_only_in_its_own_place)
{
    static const char other[] = "backup_2026-01-16T02-00-00-000Z";
    store_sample("nightly", SAMPLE_ID);
    ck_assert_str_eq(manifest_of("nightly", SAMPLE_ID, HANGAR_OK), "");
    store_sample("nightly", other);
    ck_assert_str_eq(
        manifest_of("nightly", other, HANGAR_CORRUPT),
        "sink local: the manifest in nightly/backup_2026-01-16T02-00-00-000Z belongs to "
        "nightly/" SAMPLE_ID "; hint: move the folder back there");
    store_sample("weekly", SAMPLE_ID);
    ck_assert_str_eq(manifest_of("weekly", SAMPLE_ID, HANGAR_CORRUPT),
                     "sink local: the manifest in weekly/" SAMPLE_ID
                     " belongs to nightly/" SAMPLE_ID "; hint: move the folder back there");
    manifest_of("nightly", "backup_2026-01-17T02-00-00-000Z", HANGAR_NOT_FOUND);
    store_put_text("nightly/backup_2026-01-17T02-00-00-000Z/manifest.json", "");
    ck_assert_str_eq(
        manifest_of("nightly", "backup_2026-01-17T02-00-00-000Z", HANGAR_CORRUPT),
        "sink local: nightly/backup_2026-01-17T02-00-00-000Z: manifest.json: it is truncated or "
        "was changed (hash mismatch)");
}
END_TEST

static void fill_backup(void)
{
    static const char *const names[] = {"run.json",   "db/a",          "db/data/b",
                                        "SHA256SUMS", "manifest.json", "verify/x.json"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *path = hg_store_path("nightly", SAMPLE_ID, names[i]);
        store_put_text(path, "x");
        free(path);
    }
    store_put_text("nightly/origin.json", "x");
    store_put_text("nightly/" SAMPLE_ID "x/y", "x");
    store_put_text("nightly/backup_2026-01-16T02-00-00-000Z/manifest.json", "x");
}

START_TEST(a_backup_is_removed_manifest_first_and_nothing_else)
{
    fill_backup();
    memory.page_size = 2;
    ck_assert_int_eq(hg_store_remove(sink, "nightly", SAMPLE_ID, false, &err), HANGAR_OK);
    ck_assert(hg_starts_with(hg_str_text(&memory.events),
                             "remove nightly/" SAMPLE_ID "/manifest.json\n"));
    ck_assert_uint_eq(memory.count, 3);
    ck_assert_ptr_nonnull(memory_sink_find(&memory, "nightly/origin.json"));
    ck_assert_int_eq(hg_store_remove(sink, "nightly", SAMPLE_ID, false, &err),
                     HANGAR_OK); /* again */
}
END_TEST

START_TEST(a_manifest_that_cannot_be_removed_keeps_all_objects)
{
    fill_backup();
    memory.fail_on = "remove nightly/" SAMPLE_ID "/manifest.json";
    ck_assert_int_eq(hg_store_remove(sink, "nightly", SAMPLE_ID, false, &err), HANGAR_IO);
    ck_assert_uint_eq(memory.count, 9);
}
END_TEST

START_TEST(a_file_that_cannot_be_removed_does_not_keep_the_others)
{
    fill_backup();
    memory.fail_on = "remove nightly/" SAMPLE_ID "/db/a";
    ck_assert_int_eq(hg_store_remove(sink, "nightly", SAMPLE_ID, false, &err), HANGAR_IO);
    ck_assert_str_eq(err.text, "sink local: cannot remove nightly/" SAMPLE_ID "/db/a");
    ck_assert_uint_eq(memory.count, 5); /* the object, run.json (the owner), and others' */
    ck_assert_ptr_nonnull(memory_sink_find(&memory, "nightly/" SAMPLE_ID "/run.json"));
    hg_error_clear(&err);
    memory.fail_on = "list";
    ck_assert_int_eq(hg_store_remove(sink, "nightly", SAMPLE_ID, false, &err), HANGAR_IO);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        small_files_are_stored_and_read,
        a_failing_put_is_aborted,
        a_file_that_was_stored_short_does_not_stay,
        a_place_is_claimed_once_and_kept,
        a_damaged_origin_is_reported_and_not_replaced,
        only_folders_of_backups_are_ids_over_many_pages,
        a_manifest_counts_only_in_its_own_place,
        a_backup_is_removed_manifest_first_and_nothing_else,
        a_manifest_that_cannot_be_removed_keeps_all_objects,
        a_file_that_cannot_be_removed_does_not_keep_the_others,
    };
    return SUITE_RUN("catalog/store", tests, store_setup, store_teardown);
}
