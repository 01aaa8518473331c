/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * leftover: prune removes the leftovers of dead runs, and no other files.
 */
#include "session/session.h"
#include "suite.h"
#include "stored_backups.h"

static const int64_t minute = 60000, hour = 3600000, day = 86400000;

#define SOME_ID "backup_2026-01-02T03-04-05-006Z"
#define OTHER_ID "backup_2026-01-02T03-04-05-007Z"

/* A suspended run that continues now and tries to commit. */
static enum hangar_rc late_commit(const char *id)
{
    struct hg_session s;
    struct hg_error err = {0};
    char path[200];
    snprintf(path, sizeof(path), "nightly/%s/manifest.json", id);
    ck_assert_int_eq(hg_session_begin(&s, world.h, 0, NULL, NULL, &err), HANGAR_OK);
    struct hangar_ctx *sink;
    ck_assert_int_eq(hg_session_open(&s, 1, NULL, 0, &sink, &err), HANGAR_OK);
    enum hangar_rc rc = hg_store_put(sink, path, "late", 4, true, &err);
    hg_session_end(&s);
    return rc;
}

START_TEST(a_leftover_is_claimed_and_later_removed)
{
    world_open(NULL);
    world_dead_run(SOME_ID, 61 * minute);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_action(SOME_ID), "claimed");
    ck_assert_int_eq(world_files(SOME_ID), 1);
    ck_assert_int_eq(late_commit(SOME_ID), HANGAR_EXISTS);
    /* objects that the run stores when it continues are removed, too */
    world_dead_run(SOME_ID, 0);
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
    struct hangar_selection which = {.struct_size = sizeof(which), .id = "latest"};
    world_open(NULL);
    world_backup(day, 1);
    world_dead_run("backup_2099-01-02T03-04-05-006Z", 2 * hour); /* newer than the backup */
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    char *json = NULL;
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
    world_dead_run(SOME_ID, 59 * minute);
    world_dead_run(ahead, -hour);
    world_write(bare, "db/a", "data");
    world_age(bare, "db/a", 900 * day);
    for (size_t i = 0; i < 3; i++) {
        world_dead_run(foreign[i], 900 * day);
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

/* ---- a backup that has lost its manifest is not a leftover ---- */

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
    world_dead_run(id, 30 * day);
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
        world_dead_run(SOME_ID, 0);
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
    world_dead_run(SOME_ID, 61 * minute);
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
        world_dead_run(SOME_ID, 2 * hour);
        world.on_stat = moments[i];
        ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
        world.on_stat = NULL;
        ck_assert_int_eq(world_files(SOME_ID), 3);
        ck_assert_int_eq(unlink(world_path(SOME_ID, "manifest.json")), 0);
    }
    /* also where a backup of this id was removed before: an import may store it again */
    world_open("keep_last: 1, delete_grace: 0");
    world_dead_run(SOME_ID, 2 * hour);
    world_begin_removal(SOME_ID);
    world.on_stat = commit_earlier;
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_files(SOME_ID), 4);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_leftover_is_claimed_and_later_removed,
        the_mark_of_a_dead_run_is_not_a_backup,
        a_live_run_and_foreign_folders_are_not_touched,
        a_backup_that_has_lost_its_manifest_is_never_removed,
        a_held_backup_is_not_removed_although_its_removal_had_begun,
        a_removal_that_hangar_did_not_begin_is_not_finished,
        without_a_claim_nothing_is_a_leftover,
        a_dry_run_shows_leftovers_and_removes_none,
        a_run_that_commits_during_a_prune_keeps_its_backup,
    };
    return SUITE_RUN("jobs/prune/leftover", tests, world_setup, world_teardown);
}
