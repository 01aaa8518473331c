/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * record: also the holds beside it.  What a party that can write to the sink forges does not
 * count where there is a signing key, and results from the future count nowhere.
 */
#include "catalog/mark.h"
#include "catalog/signing.h"
#include "inventory/completeness.h"
#include "inventory/record.h"
#include "session/session.h"
#include "stored_backups.h"
#include "suite.h"

#define DAY INT64_C(86400000)
#define FUTURE "verify/2099-01-01T00-00-00-000Z.json"

static struct hg_session session;
static struct hangar_ctx *sink;
static struct hg_signing signing;
static char named[80]; /* "verify/TIME.json" of the last record */

static void record_world_open(void)
{
    world_open(NULL);
    ck_assert_int_eq(hg_session_begin(&session, world.h, 0, NULL, NULL, NULL), HANGAR_OK);
    size_t index = (size_t)hg_config_find(world.h->config, HG_SINK, "local");
    ck_assert_int_eq(hg_session_open(&session, index, NULL, 0, &sink, NULL), HANGAR_OK);
}

static void record_world_close(void)
{
    hg_session_end(&session);
    hg_signing_fini(&signing);
}

static void use_key(void)
{
    if (signing.count == 0) {
        ck_assert_int_eq(hg_signing_add(&signing, "0123456789abcdef", NULL), HANGAR_OK);
    }
    sink->signing = &signing;
}

/* Stores a record of this age. */
static void store_record(const char *id, int64_t age_ms, enum hangar_status status)
{
    struct hg_error err = {0};
    struct hg_verification v = {.id = id,
                                .sink = sink->name,
                                .time_ms = hg_now_ms() - age_ms,
                                .level = HANGAR_VERIFY_DRILL,
                                .status = status,
                                .sources = json_array()};
    enum hangar_rc rc = hg_record_store(world.h, sink, "nightly", &v, &err);
    ck_assert_msg(rc == HANGAR_OK, "%s", err.text);
    json_decref(v.sources);
    char stamp[HG_BACKUP_ID_SIZE];
    hg_backup_id_format(v.time_ms, stamp);
    snprintf(named, sizeof(named), "verify/%s.json", strchr(stamp, '_') + 1);
}

/* The status of the newest record that counts, or "none". */
static const char *newest_status(const char *id)
{
    static char status[40];
    struct hg_record record;
    hg_record_newest(world.h, sink, "nightly", id, &record);
    snprintf(status, sizeof(status), "%s",
             record.v.id ? hangar_status_name(record.v.status) : "none");
    hg_record_free(&record);
    return status;
}

static void record_edit(const char *id, const char *name, const char *script)
{
    char command[700];
    snprintf(command, sizeof(command), "sed -i '%s' %s", script, world_path(id, name));
    ck_assert_int_eq(system(command), 0);
}

static void copy_file(const char *from, const char *to, const char *name, const char *new_name)
{
    char command[700];
    snprintf(command, sizeof(command), "mkdir -p %s && cp %s %s", world_path(to, "verify"),
             world_path(from, name), world_path(to, new_name));
    ck_assert_int_eq(system(command), 0);
}

START_TEST(with_a_key_a_record_is_signed_and_counts)
{
    const char *id = world_backup(DAY, 1);
    record_world_open();
    use_key();
    store_record(id, 1000, HANGAR_STATUS_DONE);
    char signature[100];
    snprintf(signature, sizeof(signature), "%s.sig", named);
    ck_assert(world_has(id, named));
    ck_assert(world_has(id, signature));
    ck_assert_str_eq(newest_status(id), "done");
    record_world_close();
}
END_TEST

START_TEST(a_changed_record_does_not_count_and_the_one_before_does)
{
    const char *id = world_backup(DAY, 1);
    record_world_open();
    use_key();
    store_record(id, 2000, HANGAR_STATUS_CORRUPT);
    store_record(id, 1000, HANGAR_STATUS_CORRUPT);
    record_edit(id, named, "s/\"corrupt\"/\"done\"/");
    ck_assert_str_eq(newest_status(id), "corrupt");
    record_world_close();
}
END_TEST

START_TEST(a_record_counts_for_its_backup_only)
{
    const char *id = world_backup(2 * DAY, 1), *other = world_backup(DAY, 1);
    record_world_open();
    use_key();
    store_record(id, 1000, HANGAR_STATUS_DONE);
    char signature[100];
    snprintf(signature, sizeof(signature), "%s.sig", named);
    copy_file(id, other, named, named);
    copy_file(id, other, signature, signature);
    ck_assert_str_eq(newest_status(id), "done");
    ck_assert_str_eq(newest_status(other), "none");
    sink->signing = NULL; /* this is not a matter of keys */
    ck_assert_str_eq(newest_status(other), "none");
    record_world_close();
}
END_TEST

START_TEST(a_record_under_another_time_does_not_count)
{
    const char *id = world_backup(DAY, 1);
    record_world_open();
    use_key();
    store_record(id, 3600000, HANGAR_STATUS_DONE);
    char old[80], old_signature[100], signature[100];
    snprintf(old, sizeof(old), "%s", named);
    snprintf(old_signature, sizeof(old_signature), "%s.sig", old);
    store_record(id, 1000, HANGAR_STATUS_CORRUPT);
    snprintf(signature, sizeof(signature), "%s.sig", named);
    copy_file(id, id, old, named); /* the good one, in the place of the newer bad one */
    copy_file(id, id, old_signature, signature);
    ck_assert_str_eq(newest_status(id), "done"); /* the old one, with its own time */
    ck_assert_int_eq(unlink(world_path(id, old)), 0);
    ck_assert_str_eq(newest_status(id), "none");
    record_world_close();
}
END_TEST

/* As hangar 0.1 wrote it. */
static void write_old_record(const char *id, const char *name, const char *time)
{
    char text[300];
    snprintf(text, sizeof(text),
             "{ \"time\": \"%s\", \"level\": \"drill\", \"status\": \"done\", \"sources\": [] }",
             time);
    world_write(id, name, text);
}

START_TEST(a_record_of_0_1_counts_without_a_key_and_not_with_one)
{
    const char *id = world_backup(DAY, 1);
    record_world_open();
    write_old_record(id, "verify/2026-01-02T03-04-05-678Z.json", "2026-01-02T03:04:05.678Z");
    ck_assert_str_eq(newest_status(id), "done");
    use_key();
    ck_assert_str_eq(newest_status(id), "none");
    record_world_close();
}
END_TEST

START_TEST(a_drill_in_the_future_does_not_count_and_displaces_no_record)
{
    const char *id = world_backup(DAY, 1);
    char name[80], time[60];
    record_world_open();
    store_record(id, 1000, HANGAR_STATUS_CORRUPT);
    write_old_record(id, FUTURE, "2099-01-01T00:00:00.000Z");
    ck_assert_str_eq(newest_status(id), "corrupt");
    for (int i = 0; i < 2 * HG_RECORDS_KEPT; i++) {
        snprintf(name, sizeof(name), "verify/2099-01-02T00-00-%02d-000Z.json", i);
        snprintf(time, sizeof(time), "2099-01-02T00:00:%02d.000Z", i);
        write_old_record(id, name, time);
    }
    char first[80];
    snprintf(first, sizeof(first), "%s", named);
    store_record(id, 500, HANGAR_STATUS_CORRUPT); /* removes what is surplus */
    ck_assert(world_has(id, first));
    ck_assert(world_has(id, named));
    ck_assert_str_eq(newest_status(id), "corrupt");
    record_world_close();
}
END_TEST

START_TEST(a_name_of_today_with_a_time_of_the_future_does_not_count)
{
    const char *id = world_backup(DAY, 1);
    record_world_open();
    write_old_record(id, "verify/2026-01-02T03-04-05-678Z.json", "2099-01-01T00:00:00.000Z");
    ck_assert_str_eq(newest_status(id), "none");
    record_world_close();
}
END_TEST

START_TEST(this_machine_forgets_good_results_from_the_future_and_remembers_damage)
{
    const char *id = world_backup(DAY, 1), *other = world_backup(2 * DAY, 1);
    record_world_open();
    struct hg_verification v = {.id = id,
                                .sink = "local",
                                .time_ms = hg_now_ms() + 400 * DAY,
                                .level = HANGAR_VERIFY_DRILL,
                                .status = HANGAR_STATUS_DONE};
    hg_verification_remember(&world.h->state, "nightly", &v);
    v.id = other;
    v.level = HANGAR_VERIFY_FULL;
    v.status = HANGAR_STATUS_CORRUPT;
    hg_verification_remember(&world.h->state, "nightly", &v);
    struct hg_last_verification last = {.sink = "local", .level = HANGAR_VERIFY_DRILL};
    ck_assert_int_eq(hg_verifications_last(&world.h->state, "nightly", &last, 1, NULL), HANGAR_OK);
    ck_assert_ptr_null(last.found.id);
    struct hg_verifications all;
    hg_verifications_read(&all, &world.h->state, "nightly");
    ck_assert_ptr_null(hg_verifications_find(&all, id, "local"));
    const struct hg_verification *damage = hg_verifications_find(&all, other, "local");
    ck_assert_ptr_nonnull(damage);
    ck_assert_int_eq(damage->status, HANGAR_STATUS_CORRUPT);
    hg_verifications_free(&all);
    record_world_close();
}
END_TEST

START_TEST(the_last_good_result_stays_known_after_bad_and_other_ones)
{
    static const struct {
        enum hangar_verify_level level;
        enum hangar_status status;
        int64_t good_full, good_drill; /* after it, the number of the last good one; 0: none */
    } steps[] = {
        {HANGAR_VERIFY_QUICK, HANGAR_STATUS_DONE, 0, 0},
        {HANGAR_VERIFY_FULL, HANGAR_STATUS_CORRUPT, 0, 0},
        {HANGAR_VERIFY_DRILL, HANGAR_STATUS_DONE, 3, 3},
        {HANGAR_VERIFY_DRILL, HANGAR_STATUS_FAILED, 3, 3},
        {HANGAR_VERIFY_FULL, HANGAR_STATUS_DONE, 5, 3},
        {HANGAR_VERIFY_FULL, HANGAR_STATUS_INTERRUPTED, 5, 3},
        {HANGAR_VERIFY_DRILL, HANGAR_STATUS_CORRUPT, 5, 3},
    };
    const char *id = world_backup(DAY, 1);
    const int64_t start_ms = hg_now_ms() - DAY;
    record_world_open();
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        const struct hg_verification v = {.id = id,
                                          .sink = "local",
                                          .time_ms = start_ms + (int64_t)i + 1,
                                          .level = steps[i].level,
                                          .status = steps[i].status};
        struct hg_last_verification last[] = {{.sink = "local", .level = HANGAR_VERIFY_FULL},
                                              {.sink = "local", .level = HANGAR_VERIFY_DRILL},
                                              {.sink = "other", .level = HANGAR_VERIFY_FULL}};
        hg_verification_remember(&world.h->state, "nightly", &v);
        ck_assert_int_eq(hg_verifications_last(&world.h->state, "nightly", last, 3, NULL),
                         HANGAR_OK);
        ck_assert_int_eq(last[0].good_ms, steps[i].good_full ? start_ms + steps[i].good_full : 0);
        ck_assert_int_eq(last[1].good_ms, steps[i].good_drill ? start_ms + steps[i].good_drill : 0);
        ck_assert_int_eq(last[2].good_ms, 0);
        hg_verification_free(&last[0].found);
        hg_verification_free(&last[1].found);
    }
    record_world_close();
}
END_TEST

START_TEST(a_document_shows_the_damage_that_an_earlier_drill_found)
{
    const char *id = world_backup(DAY, 1);
    struct hg_record record;
    record_world_open();
    hg_record_newest(world.h, sink, "nightly", id, &record);
    json_t *doc = hg_record_json(&record);
    ck_assert(json_is_null(doc));
    json_decref(doc);
    world_write(id, "verify/2026-01-02T03-04-05-678Z.json",
                "{ \"time\": \"2026-01-02T03:04:05.678Z\", \"level\": \"full\", "
                "\"status\": \"done\", \"duration_ms\": 7, \"host\": \"a\", \"sources\": [1], "
                "\"drill_error\": \"rows differ\", \"drill_time\": \"2026-01-01T00:00:00.000Z\" }");
    hg_record_newest(world.h, sink, "nightly", id, &record);
    doc = hg_record_json(&record);
    char *text = hg_json_line(doc);
    ck_assert_str_eq(text, "{\"time\":\"2026-01-01T00:00:00.000Z\",\"level\":\"drill\",\"status\":"
                           "\"corrupt\",\"duration_ms\":7,\"host\":\"a\",\"sources\":[1],"
                           "\"error\":\"rows differ\",\"sink\":\"local\"}\n");
    free(text);
    json_decref(doc);
    hg_record_free(&record);
    record_world_close();
}
END_TEST

START_TEST(old_records_are_removed_with_their_signatures)
{
    const char *id = world_backup(DAY, 1);
    record_world_open();
    use_key();
    for (int i = 0; i < HG_RECORDS_KEPT + 3; i++) {
        store_record(id, 100000 - i, HANGAR_STATUS_DONE);
    }
    long others = 5; /* the object, run.json, and the files of the end */
    ck_assert_int_eq(world_files(id), others + 2L * HG_RECORDS_KEPT);
    record_world_close();
}
END_TEST

START_TEST(marks_records_and_signatures_are_not_files_of_a_backup)
{
    static const char *const ignored[] = {"manifest.json",
                                          "manifest.json.sig",
                                          "run.json",
                                          "deleted.json",
                                          "hold",
                                          "hold.sig",
                                          "verify/2026-01-15T02-00-00-000Z.json",
                                          "verify/2026-01-15T02-00-00-000Z.json.sig"};
    static const char *const files[] = {"RESTORE.txt",
                                        "SHA256SUMS",
                                        "db/00000",
                                        "db/hold.sig",
                                        "verify/00000",
                                        "verify/00000.json.sig",
                                        "verify/2026-01-15T02-00-00-000Z.json.sig.sig",
                                        "db/2026-01-15T02-00-00-000Z.json"};
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        ck_assert_msg(hg_completeness_ignores(ignored[i]), "%s", ignored[i]);
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        ck_assert_msg(!hg_completeness_ignores(files[i]), "%s", files[i]);
    }
}
END_TEST

static bool hold_is_proven(const char *id)
{
    bool proven = false;
    ck_assert_int_eq(hg_mark_check_hold(sink, "nightly", id, &proven, NULL), HANGAR_OK);
    return proven;
}

START_TEST(a_hold_is_signed_for_its_backup)
{
    const char *id = world_backup(2 * DAY, 1), *other = world_backup(DAY, 1);
    record_world_open();
    use_key();
    ck_assert_int_eq(hg_mark_held(sink, "nightly", id, "host", NULL), HANGAR_OK);
    ck_assert(world_has(id, "hold"));
    ck_assert(world_has(id, "hold.sig"));
    ck_assert(hold_is_proven(id));
    copy_file(id, other, "hold", "hold");
    copy_file(id, other, "hold.sig", "hold.sig");
    ck_assert(!hold_is_proven(other)); /* of another backup */
    record_edit(id, "hold", "s/\"host\": \"host\"/\"host\": \"hose\"/");
    ck_assert(!hold_is_proven(id)); /* changed */
    ck_assert_int_eq(unlink(world_path(id, "hold.sig")), 0);
    ck_assert(!hold_is_proven(id)); /* unsigned */
    sink->signing = NULL;
    ck_assert(hold_is_proven(id)); /* without a key there is nothing to prove */
    use_key();
    ck_assert_int_eq(hg_mark_held(sink, "nightly", id, "host", NULL), HANGAR_OK);
    ck_assert_int_eq(hg_mark_release(sink, "nightly", id, NULL), HANGAR_OK);
    ck_assert(!world_has(id, "hold"));
    ck_assert(!world_has(id, "hold.sig"));
    record_world_close();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        with_a_key_a_record_is_signed_and_counts,
        a_changed_record_does_not_count_and_the_one_before_does,
        a_record_counts_for_its_backup_only,
        a_record_under_another_time_does_not_count,
        a_record_of_0_1_counts_without_a_key_and_not_with_one,
        a_drill_in_the_future_does_not_count_and_displaces_no_record,
        a_name_of_today_with_a_time_of_the_future_does_not_count,
        this_machine_forgets_good_results_from_the_future_and_remembers_damage,
        the_last_good_result_stays_known_after_bad_and_other_ones,
        a_document_shows_the_damage_that_an_earlier_drill_found,
        old_records_are_removed_with_their_signatures,
        marks_records_and_signatures_are_not_files_of_a_backup,
        a_hold_is_signed_for_its_backup,
    };
    return SUITE_RUN("inventory/record", tests, world_setup, world_teardown);
}
