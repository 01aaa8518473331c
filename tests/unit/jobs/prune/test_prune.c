/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * prune: at each moment of its removal a backup is whole or not listed.  Prune removes the
 * leftovers of dead runs, and no other files.
 */
#include <sys/file.h>

#include "jobs/prune/expiry.h"
#include "session/session.h"
#include "base/io.h"
#include "suite.h"
#include "stored_backups.h"

static const int64_t minute = 60000, hour = 3600000, day = 86400000;

enum { OBJECTS = 3, FILES = WORLD_FILES(OBJECTS) };

#define SOME_ID "backup_2026-01-02T03-04-05-006Z"
#define OTHER_ID "backup_2026-01-02T03-04-05-007Z"

START_TEST(a_backup_that_retention_does_not_keep_is_removed_completely)
{
    world_open("keep_last: 2, delete_grace: 0");
    world_four(OBJECTS);
    ck_assert_int_eq(world_prune(HANGAR_REQUEST_DRY_RUN), HANGAR_STATUS_DONE);
    ck_assert_int_eq(hg_json_int(world_sink(), "removed", -1), 2);
    ck_assert_int_eq(world_files(world.ids[0]), FILES);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(hg_json_int(world_sink(), "kept", -1), 2);
    ck_assert_int_eq(hg_json_int(world_sink(), "removed", -1), 2);
    ck_assert_str_eq(hg_json_string(world_sink(), "oldest", ""), world.ids[2]);
    ck_assert_int_eq(world_files(world.ids[0]), -1);
    ck_assert_int_eq(world_files(world.ids[1]), -1);
    ck_assert_int_eq(world_files(world.ids[2]), FILES);
    ck_assert_int_eq(world_files(world.ids[3]), FILES);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(hg_json_int(world_sink(), "removed", -1), 0);
}
END_TEST

START_TEST(more_objects_than_a_page_are_removed)
{
    world_open("keep_last: 1, min_keep: 1, delete_grace: 0");
    world_backup(2 * day, 1100);
    world_backup(day, 1);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_files(world.ids[0]), -1);
}
END_TEST

/* The sink fails after the first, the second, the third ... change of a prune. */
START_TEST(at_each_moment_a_backup_is_whole_or_not_listed)
{
    enum hangar_status status = HANGAR_STATUS_FAILED;
    world_open("keep_last: 1, min_keep: 1, delete_grace: 0");
    for (long steps = 0; status != HANGAR_STATUS_DONE; steps++) {
        world_four(OBJECTS);
        world.calls_left = steps;
        status = world_prune(0);
        ck_assert_int_eq(status, status ? HANGAR_STATUS_FAILED : HANGAR_STATUS_DONE);
        ck_assert_int_lt(steps, 100);
        for (size_t i = 0; i < 4; i++) {
            if (world_has(world.ids[i], "manifest.json")) {
                long more = world_has(world.ids[i], "deleted.json");
                ck_assert_int_eq(world_files(world.ids[i]), FILES + more);
            }
        }
        ck_assert_int_eq(world_files(world.ids[3]), FILES);
        world.calls_left = -1;
        ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
        for (size_t i = 0; i < 3; i++) {
            ck_assert_msg(world_files(world.ids[i]) == -1, "%ld files after %ld steps",
                          world_files(world.ids[i]), steps);
        }
        ck_assert_int_eq(world_files(world.ids[3]), FILES);
        ck_assert_int_eq(system("rm -r backups"), 0);
    }
}
END_TEST

START_TEST(objects_stay_for_delete_grace)
{
    world_open("keep_last: 1, min_keep: 1, delete_grace: 1h");
    world_four(OBJECTS);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert(!world_has(world.ids[0], "manifest.json"));
    ck_assert(world_has(world.ids[0], "deleted.json"));
    ck_assert_int_eq(world_files(world.ids[0]), FILES);
    world_age(world.ids[0], "deleted.json", 59 * minute);
    world_age(world.ids[1], "deleted.json", 61 * minute);
    world_age(world.ids[2], "deleted.json", -hour); /* the clock was set back */
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_action(world.ids[0]), "waiting");
    ck_assert_str_eq(world_action(world.ids[1]), "removed");
    ck_assert_str_eq(world_action(world.ids[2]), "waiting");
    ck_assert_int_eq(world_files(world.ids[0]), FILES);
    ck_assert_int_eq(world_files(world.ids[1]), -1);
    ck_assert_int_eq(world_files(world.ids[2]), FILES);
}
END_TEST

START_TEST(a_hold_that_is_set_after_the_plan_is_respected)
{
    world_open("keep_last: 1, min_keep: 1, delete_grace: 0");
    world_four(OBJECTS);
    struct hg_session s;
    struct hg_error err = {0};
    struct hg_expiry p = {.plan = {.h = world.h,
                                   .pipeline = &world.h->config->pipelines[0],
                                   .config = &world.h->config->instances[1]}};
    ck_assert_int_eq(hg_session_begin(&s, world.h, 0, NULL, NULL, &err), HANGAR_OK);
    ck_assert_int_eq(hg_session_open(&s, 1, NULL, 0, &p.plan.sink, &err), HANGAR_OK);
    ck_assert_int_eq(hg_prune_plan_make(&p.plan, &err), HANGAR_OK);
    world_write(world.ids[1], "hold", "{}");
    ck_assert_int_eq(hg_expiry_execute(&p, &err), HANGAR_OK);
    ck_assert_uint_eq(p.removed, 2);
    ck_assert_uint_eq(p.plan.kept, 2);
    hg_expiry_fini(&p);
    hg_session_end(&s);
    ck_assert_int_eq(world_files(world.ids[1]), FILES + 1);
    ck_assert_int_eq(world_files(world.ids[2]), -1);
}
END_TEST

/* ---- leftovers ---- */

/* The leftover of a run that did not end. */
static void prune_make_dead_run(const char *id, int64_t age_ms)
{
    world_write(id, "run.json",
                "{ \"run\": \"r1\", \"pipeline\": \"nightly\", \"host\": \"elsewhere\" }");
    world_write(id, "db/a", "data");
    world_age(id, "run.json", age_ms);
}

/* A suspended run that continues now and tries to commit. */
static enum hangar_rc late_commit(const char *id)
{
    struct hg_session s;
    struct hg_error err = {0};
    struct hangar_ctx *sink;
    char path[200];
    snprintf(path, sizeof(path), "nightly/%s/manifest.json", id);
    ck_assert_int_eq(hg_session_begin(&s, world.h, 0, NULL, NULL, &err), HANGAR_OK);
    ck_assert_int_eq(hg_session_open(&s, 1, NULL, 0, &sink, &err), HANGAR_OK);
    enum hangar_rc rc = hg_store_put(sink, path, "late", 4, true, &err);
    hg_session_end(&s);
    return rc;
}

START_TEST(a_leftover_is_claimed_and_later_removed)
{
    world_open(NULL);
    prune_make_dead_run(SOME_ID, 61 * minute);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_action(SOME_ID), "claimed");
    ck_assert_int_eq(world_files(SOME_ID), 1);
    ck_assert_int_eq(late_commit(SOME_ID), HANGAR_EXISTS);
    /* objects that the run stores when it continues are removed as well */
    prune_make_dead_run(SOME_ID, 0);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_files(SOME_ID), 1);
    world_age(SOME_ID, "manifest.json", 7 * day - minute);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_action(SOME_ID), "waiting");
    ck_assert_int_eq(late_commit(SOME_ID), HANGAR_EXISTS);
    world_age(SOME_ID, "manifest.json", 7 * day + minute);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_action(SOME_ID), "removed");
    ck_assert_int_eq(world_files(SOME_ID), -1);
}
END_TEST

START_TEST(the_mark_of_a_dead_run_is_not_a_backup)
{
    char *json = NULL;
    struct hangar_selection which = {.struct_size = sizeof(which), .id = "latest"};
    world_open(NULL);
    world_backup(day, 1);
    prune_make_dead_run("backup_2099-01-02T03-04-05-006Z", 2 * hour); /* newer than the backup */
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(hangar_show(world.h, &which, &json), HANGAR_STATUS_DONE);
    ck_assert_ptr_nonnull(strstr(json, world.ids[0]));
    hangar_free(json);
    which.id = "backup_2099-01-02T03-04-05-006Z";
    ck_assert_int_eq(hangar_show(world.h, &which, NULL), HANGAR_STATUS_NOT_FOUND);
    ck_assert_int_eq(world_do('r', which.id), HANGAR_STATUS_NOT_FOUND);
    ck_assert_int_eq(world_do('h', which.id), HANGAR_STATUS_NOT_FOUND);
    ck_assert(world_has(which.id, "manifest.json"));
}
END_TEST

START_TEST(a_live_run_and_foreign_folders_are_not_touched)
{
    static const char *const foreign[] = {"photos", "backup_2026-13-01T00-00-00-000Z",
                                          "lost+found"};
    static const char bare[] = "backup_2026-01-01T00-00-00-000Z";
    static const char ahead[] = "backup_2026-01-01T00-00-00-001Z";
    world_open("keep_last: 0, min_keep: 1, delete_grace: 0");
    prune_make_dead_run(SOME_ID, 59 * minute);
    prune_make_dead_run(ahead, -hour);
    world_write(bare, "db/a", "data");
    world_age(bare, "db/a", 900 * day);
    for (size_t i = 0; i < 3; i++) {
        prune_make_dead_run(foreign[i], 900 * day);
    }
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_action(SOME_ID), "waiting");
    ck_assert_int_eq(world_files(SOME_ID), 2);
    ck_assert_int_eq(world_files(ahead), 2);
    ck_assert_int_eq(world_files(bare), 1);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(world_files(foreign[i]), 2);
    }
}
END_TEST

/* ---- a backup that has lost its manifest is no leftover ---- */

static const json_t *leftover_document(const char *id)
{
    const json_t *one;
    size_t i;
    json_array_foreach (json_object_get(world_sink(), "leftovers"), i, one) {
        if (strcmp(hg_json_string(one, "id", ""), id) == 0) {
            return one;
        }
    }
    return NULL;
}

/* A backup, long ago committed, as a run stores it; `lost` is what takes its manifest. */
static void make_finished(const char *id, const char *const *names)
{
    prune_make_dead_run(id, 30 * day);
    for (; *names; names++) {
        world_write(id, *names, "content");
        world_age(id, *names, 30 * day);
    }
}

static void prune_leaves(const char *id, long files)
{
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
        ck_assert_msg(world_files(id) == files, "%ld files of %ld", world_files(id), files);
        ck_assert_ptr_null(leftover_document(id));
    }
    char *text = NULL;
    ck_assert_int_eq(hangar_list(world.h, NULL, NULL, &text), HANGAR_STATUS_CORRUPT);
    ck_assert_ptr_nonnull(strstr(text, id));
    ck_assert_ptr_nonnull(strstr(text, "has no manifest"));
    hangar_free(text);
    struct hangar_selection which = {.struct_size = sizeof(which), .id = id};
    ck_assert_int_eq(hangar_show(world.h, &which, NULL), HANGAR_STATUS_CORRUPT);
}

START_TEST(a_backup_that_has_lost_its_manifest_is_never_removed)
{
    static const char *const proofs[][4] = {{"hold"},
                                            {"manifest.json.sig"},
                                            {"RESTORE.txt", "SHA256SUMS"},
                                            {"RESTORE.txt", "SHA256SUMS", "hold"}};
    const char *const retentions[] = {"keep_last: 1, min_keep: 1, delete_grace: 0",
                                      "keep_last: 1, min_keep: 1, delete_grace: 7d"};
    for (size_t r = 0; r < 2; r++) {
        world_open(retentions[r]);
        for (size_t i = 0; i < sizeof(proofs) / sizeof(proofs[0]); i++) {
            long files = 2;
            for (size_t k = 0; k < 4 && proofs[i][k]; k++) {
                files++;
            }
            const char *names[5] = {proofs[i][0], proofs[i][1], proofs[i][2], proofs[i][3], NULL};
            make_finished(SOME_ID, names);
            prune_leaves(SOME_ID, files);
            /* one object more: the mark of a dead run, however old, or a claim of today */
            world_write(SOME_ID, "manifest.json", HG_ABANDONED);
            world_age(SOME_ID, "manifest.json", 8 * day);
            prune_leaves(SOME_ID, files + 1);
            ck_assert_int_eq(unlink(world_path(SOME_ID, "manifest.json")), 0);
            ck_assert_int_eq(unlink(world_path(SOME_ID, "run.json")), 0);
            prune_leaves(SOME_ID, files - 1);
            ck_assert_int_eq(system("rm -r backups"), 0);
        }
    }
}
END_TEST

START_TEST(a_held_backup_is_not_removed_although_its_removal_had_begun)
{
    static const char *const names[] = {"RESTORE.txt", "SHA256SUMS", "hold", NULL};
    world_open("keep_last: 1, delete_grace: 0");
    make_finished(SOME_ID, names);
    world_begin_removal(SOME_ID);
    prune_leaves(SOME_ID, 6);
    ck_assert_int_eq(unlink(world_path(SOME_ID, "hold")), 0);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_files(SOME_ID), -1);
}
END_TEST

static void finish_with_deleted(const char *text, bool marked)
{
    static const char *const names[] = {"RESTORE.txt", "SHA256SUMS", NULL};
    make_finished(SOME_ID, names);
    if (marked) {
        world_write(SOME_ID, "manifest.json", HG_ABANDONED);
        world_age(SOME_ID, "manifest.json", 30 * day);
    }
    if (text) {
        world_write(SOME_ID, "deleted.json", text);
    } else {
        world_begin_removal(SOME_ID);
    }
    world_age(SOME_ID, "deleted.json", 30 * day);
}

/* Who can write one or two objects of a sink must not be able to let prune remove a backup. */
START_TEST(a_removal_that_hangar_did_not_begin_is_not_finished)
{
    static const char whole[] = "{ \"deleted\": \"2026-01-03T00:00:00.000Z\", \"pipeline\": "
                                "\"nightly\", \"backup\": \"" SOME_ID "\"%s }";
    char unsigned_text[300], forged[400];
    snprintf(unsigned_text, sizeof(unsigned_text), whole, "");
    snprintf(forged, sizeof(forged), whole,
             ", \"mac\": \"hmac-sha256 "
             "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef "
             "key-id 01234567\"");
    const char *const texts[] = {
        "", "{}", "[", "{ \"deleted\": \"now\" }",
        "{ \"deleted\": \"2026-01-03T00:00:00.000Z\", \"backup\": "
        "\"backup_2026-01-01T00-00-00-000Z\" }",
        "{ \"deleted\": \"2026-01-03T00:00:00.000Z\", \"pipeline\": \"daily\" }",
        /* only where there is a key: */
        "{ \"deleted\": \"2026-01-03T00:00:00.000Z\", \"host\": \"a\", \"reason\": \"b\" }",
        unsigned_text, forged};
    for (int keyed = 0; keyed < 2; keyed++) {
        world.key = keyed ? "0123456789abcdef0123456789abcdef" : NULL;
        world_open("keep_last: 1, delete_grace: 0");
        for (size_t i = 0; i < (keyed ? 9 : 6); i++) {
            for (int marked = 0; marked < 2; marked++) {
                finish_with_deleted(texts[i], marked);
                prune_leaves(SOME_ID, 5 + marked);
                ck_assert_int_eq(system("rm -r backups"), 0);
            }
        }
        /* the removal that hangar has begun */
        finish_with_deleted(NULL, false);
        ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
        ck_assert_int_eq(world_files(SOME_ID), -1);
        /* the same mark, beside another backup */
        finish_with_deleted(NULL, false);
        ck_assert_int_eq(system("mv backups/nightly/" SOME_ID " backups/nightly/" OTHER_ID), 0);
        prune_leaves(OTHER_ID, 5);
        ck_assert_int_eq(world_do('r', OTHER_ID), HANGAR_STATUS_DONE);
        ck_assert_int_eq(world_files(OTHER_ID), -1);
    }
}
END_TEST

START_TEST(without_a_claim_nothing_is_a_leftover)
{
    static const char *const claims[] = {
        "",
        "{}",
        "not JSON",
        "{ \"run\": \"r1\" }",
        "{ \"run\": \"r1\", \"pipeline\": \"daily\" }",
        ("{ \"run\": \"r1\", \"pipeline\": \"nightly\", "
         "\"backup\": \"backup_2026-01-01T00-00-00-000Z\" }"),
    };
    world_open("keep_last: 1, delete_grace: 0");
    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        prune_make_dead_run(SOME_ID, 0);
        world_write(SOME_ID, "run.json", claims[i]);
        world_age(SOME_ID, "run.json", 30 * day);
        ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
        ck_assert_str_eq(world_action(SOME_ID), "waiting");
        ck_assert_int_eq(world_files(SOME_ID), 2);
    }
    ck_assert_int_eq(unlink(world_path(SOME_ID, "run.json")), 0);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_files(SOME_ID), 1);
    ck_assert_ptr_nonnull(
        strstr(hg_json_string(leftover_document(SOME_ID), "reason", ""), "no run.json"));
}
END_TEST

START_TEST(a_dry_run_shows_leftovers_and_removes_none)
{
    world_open("keep_last: 1, delete_grace: 0");
    prune_make_dead_run(SOME_ID, 61 * minute);
    ck_assert_int_eq(world_prune(HANGAR_REQUEST_DRY_RUN), HANGAR_STATUS_DONE);
    const json_t *one = leftover_document(SOME_ID);
    ck_assert_str_eq(hg_json_string(one, "action", ""), "claimed");
    ck_assert_int_eq(hg_json_int(one, "files", 0), 2);
    ck_assert_int_gt(hg_json_int(one, "bytes", 0), 4);
    ck_assert_ptr_nonnull(strstr(hg_json_string(one, "reason", ""), "run r1 on host elsewhere"));
    ck_assert_int_eq(world_files(SOME_ID), 2);
    ck_assert(!world_has(SOME_ID, "manifest.json"));
}
END_TEST

static void commit_elsewhere(const char *name)
{
    if (strstr(name, SOME_ID) && strstr(name, "run.json")) {
        world_write(SOME_ID, "manifest.json", "a whole backup");
    }
}

static void commit_earlier(const char *name)
{
    if (strstr(name, SOME_ID)) {
        world_write(SOME_ID, "manifest.json", "a whole backup");
    }
}

START_TEST(a_run_that_commits_during_a_prune_keeps_its_backup)
{
    void (*const moments[])(const char *) = {commit_elsewhere, commit_earlier};
    world_open(NULL);
    for (size_t i = 0; i < 2; i++) {
        prune_make_dead_run(SOME_ID, 2 * hour);
        world.on_stat = moments[i];
        ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
        world.on_stat = NULL;
        ck_assert_int_eq(world_files(SOME_ID), 3);
        ck_assert_int_eq(unlink(world_path(SOME_ID, "manifest.json")), 0);
    }
    /* also where a backup of this id was removed before: an import may store it again */
    world_open("keep_last: 1, delete_grace: 0");
    prune_make_dead_run(SOME_ID, 2 * hour);
    world_begin_removal(SOME_ID);
    world.on_stat = commit_earlier;
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_files(SOME_ID), 4);
}
END_TEST

START_TEST(nothing_is_removed_while_the_clock_is_in_doubt)
{
    world_open("keep_last: 1, delete_grace: 0");
    world_four(OBJECTS);
    world_backup(-day, 1);
    prune_make_dead_run(SOME_ID, 2 * hour);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_FAILED);
    ck_assert_int_eq(world_files(SOME_ID), 2);
    ck_assert_int_eq(world_files(world.ids[0]), FILES);
}
END_TEST

static enum hangar_rc (*list_of_sink)(void *inst, struct hangar_page *page);

/* The clock of this host is three days ahead of the store's. */
static enum hangar_rc list_of_a_store_behind(void *inst, struct hangar_page *page)
{
    enum hangar_rc rc = list_of_sink(inst, page);
    page->store_time_ms -= 3 * day;
    return rc;
}

START_TEST(what_is_young_by_the_clock_of_the_store_stays)
{
    world_open("keep_days: 2, min_keep: 1, delete_grace: 0");
    world_backup(5 * day + 2 * hour, OBJECTS); /* older than two days by either clock */
    world_backup(4 * day + hour, OBJECTS);
    world_backup(3 * day + hour, OBJECTS);
    world_backup(hour, OBJECTS); /* of this host */
    list_of_sink = world.sink.sink.list;
    world.sink.sink.list = list_of_a_store_behind;
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_files(world.ids[0]), -1);
    ck_assert_int_eq(world_files(world.ids[1]), FILES);
    ck_assert_int_eq(world_files(world.ids[2]), FILES);
    ck_assert_int_eq(world_files(world.ids[3]), FILES);
    world.sink.sink.list = list_of_sink;
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_files(world.ids[2]), -1);
}
END_TEST

/* ---- refusals ---- */

START_TEST(the_place_of_another_origin_is_refused)
{
    world_open("keep_last: 1, min_keep: 1, delete_grace: 0");
    world_four(OBJECTS);
    folder_file("backups/nightly/origin.json", "{\"origin\":\"db2\"}", 16, 0600);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_USAGE);
    ck_assert_ptr_nonnull(strstr(hangar_error(world.h), "origin \"db2\""));
    ck_assert_int_eq(world_do('r', world.ids[0]), HANGAR_STATUS_USAGE);
    ck_assert_int_eq(world_files(world.ids[0]), FILES);
}
END_TEST

START_TEST(a_busy_pipeline_is_reported)
{
    world_open("keep_last: 1, min_keep: 1, delete_grace: 0");
    world_four(OBJECTS);
    ck_assert_int_eq(hg_make_dirs("state/lock", 0700, NULL), HANGAR_OK);
    int fd = open("state/lock/nightly.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_BUSY);
    ck_assert_str_eq(hg_json_string(world_sink(), "status", ""), "busy");
    ck_assert_int_eq(world_do('r', world.ids[0]), HANGAR_STATUS_BUSY);
    ck_assert_int_eq(world_files(world.ids[0]), FILES);
    ck_assert_int_eq(world_do('h', world.ids[0]), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_prune(HANGAR_REQUEST_DRY_RUN), HANGAR_STATUS_DONE);
    close(fd);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
}
END_TEST

START_TEST(unknown_names_are_reported)
{
    world_open(NULL);
    ck_assert_int_eq(hangar_prune(world.h, "nigthly", NULL, 0, NULL), HANGAR_STATUS_NOT_FOUND);
    ck_assert_int_eq(hangar_prune(world.h, NULL, "nowhere", 0, NULL), HANGAR_STATUS_NOT_FOUND);
    ck_assert_int_eq(hangar_prune(world.h, "nightly", "local", 0, NULL), HANGAR_STATUS_DONE);
}
END_TEST

/* ---- status ---- */

START_TEST(status_reports_the_result_of_the_next_prune)
{
    char *json = NULL;
    world_open("keep_last: 2");
    world_four(OBJECTS);
    ck_assert_int_eq(hangar_overview(world.h, &json), HANGAR_STATUS_DONE);
    json_t *doc = json_loads(json, 0, NULL);
    json_t *pipeline = json_array_get(json_object_get(doc, "pipelines"), 0);
    json_t *sink = json_array_get(json_object_get(pipeline, "sinks"), 0);
    json_t *after = json_object_get(sink, "after_prune");
    ck_assert_int_eq(hg_json_int(after, "kept", -1), 2);
    ck_assert_int_eq(hg_json_int(after, "removed", -1), 2);
    ck_assert_str_eq(hg_json_string(after, "oldest", ""), world.ids[2]);
    ck_assert(json_is_null(json_object_get(after, "refused")));
    json_decref(doc);
    hangar_free(json);
    ck_assert_int_eq(world_files(world.ids[0]), FILES);
    world_open(NULL);
    ck_assert_int_eq(hangar_overview(world.h, &json), HANGAR_STATUS_DONE);
    ck_assert_ptr_nonnull(strstr(json, "\"after_prune\": null"));
    hangar_free(json);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_backup_that_retention_does_not_keep_is_removed_completely,
        more_objects_than_a_page_are_removed,
        at_each_moment_a_backup_is_whole_or_not_listed,
        objects_stay_for_delete_grace,
        a_hold_that_is_set_after_the_plan_is_respected,
        a_leftover_is_claimed_and_later_removed,
        the_mark_of_a_dead_run_is_not_a_backup,
        a_live_run_and_foreign_folders_are_not_touched,
        a_backup_that_has_lost_its_manifest_is_never_removed,
        a_held_backup_is_not_removed_although_its_removal_had_begun,
        a_removal_that_hangar_did_not_begin_is_not_finished,
        without_a_claim_nothing_is_a_leftover,
        a_dry_run_shows_leftovers_and_removes_none,
        a_run_that_commits_during_a_prune_keeps_its_backup,
        nothing_is_removed_while_the_clock_is_in_doubt,
        what_is_young_by_the_clock_of_the_store_stays,
        the_place_of_another_origin_is_refused,
        a_busy_pipeline_is_reported,
        unknown_names_are_reported,
        status_reports_the_result_of_the_next_prune,
    };
    return SUITE_RUN("jobs/prune/prune", tests, world_setup, world_teardown);
}
