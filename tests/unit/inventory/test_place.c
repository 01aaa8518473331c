/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * place: one run takes the folder of a backup in a sink.  The folder holds a whole backup or
 * none, and is cleared when nothing was committed.
 */
#include "inventory/place.h"

#include "catalog/manifest.h"
#include "catalog/signing.h"
#include "inventory/claim.h"
#include "session/session.h"
#include "stored_backups.h"
#include "suite.h"

#define ID "backup_2026-01-15T02-00-00-000Z"
#define OTHER_ID "backup_2026-01-16T02-00-00-000Z"

static struct hg_session session;
static struct hg_place place;
static struct hg_error err;
static int creates; /* instances of the sink that were created */
static enum hangar_rc (*real_create)(const struct hangar_host *host, struct hangar_ctx *ctx,
                                     void **out);

static enum hangar_rc counting_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                      void **out)
{
    creates++;
    return real_create(host, ctx, out);
}

static void place_setup(void)
{
    world_setup();
    world_open(NULL);
    real_create = world.sink.d.create;
    world.sink.d.create = counting_create;
    creates = 0;
    hg_error_clear(&err);
    ck_assert_int_eq(hg_session_begin(&session, world.h, 0, NULL, NULL, &err), HANGAR_OK);
    long sink = hg_config_find(world.h->config, HG_SINK, "local");
    place = (struct hg_place){.h = world.h,
                              .pipeline = "nightly",
                              .id = ID,
                              .run_id = "run0",
                              .started_ms = 1768442400000,
                              .instance = (size_t)sink};
    ck_assert_int_eq(hg_session_open(&session, place.instance, NULL, 0, &place.sink, &err),
                     HANGAR_OK);
}

static void place_teardown(void)
{
    hg_place_release(&place);
    hg_session_end(&session);
    world_teardown();
}

static struct hg_final_files files_of(const char *manifest)
{
    struct hg_final_files files = {0};
    hg_str_add(&files.restore, "restore");
    hg_str_add(&files.manifest, manifest);
    return files;
}

/* A backup of these objects, with 1 byte each. */
static enum hangar_rc place_commit_objects(struct hangar_ctx *sink,
                                           struct hg_manifest_object *objects, size_t count)
{
    struct hg_final_files files = files_of("manifest");
    struct hg_manifest_source source = {.objects = objects, .count = count};
    char pipeline[] = "nightly", id[] = ID;
    const struct hg_manifest manifest = {
        .pipeline = pipeline, .id = id, .sources = &source, .source_count = 1};
    enum hangar_rc rc = hg_place_commit(&place, sink, &manifest, &files, &err);
    hg_final_files_free(&files);
    return rc;
}

static enum hangar_rc place_commit(struct hangar_ctx *sink)
{
    return place_commit_objects(sink, NULL, 0);
}

static void place_reset(void)
{
    struct hg_place *const places[] = {&place};
    hg_place_release(&place);
    hg_places_clear(world.h, places, 1);
}

START_TEST(one_run_takes_a_place)
{
    ck_assert_int_eq(hg_place_take(&place, &err), HANGAR_OK);
    ck_assert(place.taken);
    ck_assert(world_has(ID, "run.json"));
    struct hg_place other = place;
    other.taken = false;
    other.lease = (struct hg_lease){0};
    ck_assert_int_eq(hg_place_take(&other, &err), HANGAR_EXISTS);
    ck_assert(!other.taken);
    ck_assert(!other.lease.begun);
}
END_TEST

START_TEST(run_json_names_the_run_and_its_host)
{
    struct hg_str text = {0};
    ck_assert_int_eq(hg_place_take(&place, &err), HANGAR_OK);
    ck_assert_int_eq(hg_store_get(place.sink, "nightly/" ID "/run.json", 65536, &text, &err),
                     HANGAR_OK);
    json_t *json = NULL;
    ck_assert_int_eq(hg_json_parse(hg_str_text(&text), text.len, "run.json", &json, &err),
                     HANGAR_OK);
    ck_assert_str_eq(hg_json_string(json, "run", ""), "run0");
    ck_assert_str_eq(hg_json_string(json, "pipeline", ""), "nightly");
    ck_assert_str_eq(hg_json_string(json, "backup", ""), ID);
    ck_assert_str_eq(hg_json_string(json, "origin", ""), "db1");
    ck_assert_str_eq(hg_json_string(json, "host", ""), world.h->identity.host);
    ck_assert_str_eq(hg_json_string(json, "started", ""), "2026-01-15T02:00:00.000Z");
    json_decref(json);
    hg_str_free(&text);
}
END_TEST

START_TEST(with_a_key_only_a_signed_claim_proves_a_run)
{
    struct hg_signing signing = {0}, other = {0};
    ck_assert_int_eq(hg_signing_add(&signing, "a key of this test, long enough", &err), HANGAR_OK);
    ck_assert_int_eq(hg_signing_add(&other, "another key of this test, long", &err), HANGAR_OK);
    place.sink->signing = &signing;
    ck_assert_int_eq(hg_place_take(&place, &err), HANGAR_OK);
    struct hg_claim claim;
    ck_assert_msg(hg_claim_read(place.sink, "nightly", ID, &claim, &err) == HANGAR_OK, "%s",
                  err.text);
    ck_assert_str_eq(claim.run, "run0");
    place.sink->signing = &other;
    ck_assert_int_eq(hg_claim_read(place.sink, "nightly", ID, &claim, &err), HANGAR_CORRUPT);
    place.sink->signing = &signing;
    /* copied into the place of another backup, or changed */
    ck_assert_int_eq(system("cp -r backups/nightly/" ID " backups/nightly/" OTHER_ID "; sed -i "
                            "s/" ID "/" OTHER_ID "/ backups/nightly/" OTHER_ID "/run.json; "
                            "sed -i s/run0/run1/ backups/nightly/" ID "/run.json"),
                     0);
    ck_assert_int_eq(hg_claim_read(place.sink, "nightly", ID, &claim, &err), HANGAR_CORRUPT);
    ck_assert_int_eq(hg_claim_read(place.sink, "nightly", OTHER_ID, &claim, &err), HANGAR_CORRUPT);
    world_write(ID, "run.json", "{ \"run\": \"r1\", \"pipeline\": \"nightly\" }");
    ck_assert_int_eq(hg_claim_read(place.sink, "nightly", ID, &claim, &err), HANGAR_CORRUPT);
    hg_place_release(&place);
    place.sink->signing = NULL;
    hg_signing_fini(&signing);
    hg_signing_fini(&other);
}
END_TEST

START_TEST(a_place_that_is_in_use_is_refused_and_not_changed)
{
    const struct {
        const char *name, *text, *error;
    } there[] = {
        {"run.json", "{ \"run\": \"r1\", \"pipeline\": \"nightly\", \"host\": \"elsewhere\" }",
         "host elsewhere is storing"},
        {"run.json", "{ \"host\": \"elsewhere\" }", "no run.json that marks"},
        {"db/b", "nothing claims it", "no run.json that marks"},
        {"hold", "{}", "it is damaged"},
        {"manifest.json.sig", "", "it is damaged"},
        {"deleted.json", "{ \"deleted\": \"2026-01-03T00:00:00.000Z\" }", "delete_grace"},
        {"manifest.json", "damaged", "damaged"},
    };
    for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
        world_write(ID, there[i].name, there[i].text);
        world_write(ID, "object", "x");
        ck_assert_int_eq(hg_place_prepare(&place, &err), HANGAR_EXISTS);
        ck_assert_msg(strstr(err.text, there[i].error) != NULL, "%s", err.text);
        ck_assert_int_eq(world_files(ID), 2);
        ck_assert_int_eq(unlink(world_path(ID, there[i].name)), 0);
        hg_error_clear(&err);
    }
}
END_TEST

START_TEST(leftovers_of_a_dead_run_of_this_host_are_removed)
{
    char text[300];
    snprintf(text, sizeof(text), "{ \"run\": \"r1\", \"pipeline\": \"nightly\", \"host\": \"%s\" }",
             world.h->identity.host);
    world_write(ID, "run.json", text);
    world_write(ID, "object", "x");
    ck_assert_msg(hg_place_prepare(&place, &err) == HANGAR_OK, "%s", err.text);
    ck_assert_int_le(world_files(ID), 0);
    ck_assert_int_eq(hg_place_take(&place, &err), HANGAR_OK);
}
END_TEST

START_TEST(a_place_of_another_origin_is_refused)
{
    world_write("..", "nightly/origin.json", "{ \"origin\": \"other\" }");
    ck_assert_int_eq(hg_place_prepare(&place, &err), HANGAR_CONFIG);
    ck_assert(!place.taken);
}
END_TEST

START_TEST(a_committed_place_is_not_cleared)
{
    ck_assert_int_eq(hg_place_take(&place, &err), HANGAR_OK);
    world_write(ID, "object", "x");
    ck_assert_msg(place_commit(place.sink) == HANGAR_OK, "%s", err.text);
    ck_assert(place.committed);
    place_reset();
    ck_assert(world_has(ID, "manifest.json"));
    ck_assert(world_has(ID, "RESTORE.txt"));
    ck_assert(world_has(ID, "object"));
}
END_TEST

START_TEST(a_place_without_a_commit_is_cleared_also_after_a_cancel_request)
{
    ck_assert_int_eq(hg_place_take(&place, &err), HANGAR_OK);
    world_write(ID, "object", "x");
    hangar_cancel(world.h);
    place_reset();
    ck_assert_int_le(world_files(ID), 0);
    ck_assert(atomic_load(&world.h->caller.cancel));
}
END_TEST

START_TEST(a_place_that_was_not_taken_is_not_cleared)
{
    world_write(ID, "object", "x");
    place_reset();
    ck_assert(world_has(ID, "object"));
}
END_TEST

START_TEST(nothing_is_committed_without_a_lease)
{
    ck_assert_int_eq(hg_place_take(&place, &err), HANGAR_OK);
    ck_assert(hg_lease_holds(&place.lease));
    place.lease.renewed_ms -= HG_LEASE_MS / 2;
    ck_assert(!hg_lease_holds(&place.lease));
    ck_assert_int_eq(place_commit(place.sink), HANGAR_IO);
    ck_assert(!place.committed);
    ck_assert(!world_has(ID, "manifest.json"));
    ck_assert(!world_has(ID, "RESTORE.txt"));
}
END_TEST

START_TEST(a_backup_whose_objects_are_not_there_is_not_committed)
{
    char one[] = "db/one", two[] = "db/two";
    struct hg_manifest_object objects[] = {{.stored = one, .stored_bytes = 1},
                                           {.stored = two, .stored_bytes = 1}};
    ck_assert_int_eq(hg_place_take(&place, &err), HANGAR_OK);
    world_write(ID, one, "x");
    ck_assert_int_eq(place_commit_objects(place.sink, objects, 2), HANGAR_IO);
    ck_assert_msg(strstr(err.text, "db/two is missing") != NULL, "%s", err.text);
    ck_assert(!place.committed);
    ck_assert(!world_has(ID, "manifest.json"));
    ck_assert_int_eq(unlink(world_path(ID, "RESTORE.txt")), 0);
    hg_error_clear(&err);
    world_write(ID, two, "xy");
    ck_assert_int_eq(place_commit_objects(place.sink, objects, 2), HANGAR_IO);
    ck_assert_msg(strstr(err.text, "db/two is 2 bytes instead of 1") != NULL, "%s", err.text);
    ck_assert(!world_has(ID, "manifest.json"));
    ck_assert_int_eq(unlink(world_path(ID, "RESTORE.txt")), 0);
    hg_error_clear(&err);
    world_write(ID, two, "x");
    ck_assert_msg(place_commit_objects(place.sink, objects, 2) == HANGAR_OK, "%s", err.text);
    ck_assert(world_has(ID, "manifest.json"));
}
END_TEST

/* As an unmounted disk: what the path leads to now is another folder, or none. */
START_TEST(a_sink_that_disappears_gets_no_backup_and_is_not_created_again)
{
    place.use_spare = true;
    ck_assert_int_eq(hg_place_take(&place, &err), HANGAR_OK);
    ck_assert_int_eq(rename("backups", "moved"), 0);
    ck_assert(!place.lease.renew(place.lease.arg));
    ck_assert_int_eq(place_commit(place.sink), HANGAR_IO);
    ck_assert_msg(strstr(err.text, "unmounted, moved or replaced") != NULL, "%s", err.text);
    place_reset();
    ck_assert_int_eq(access("backups", F_OK), -1);
    ck_assert_int_eq(mkdir("backups", 0700), 0);
    hg_error_clear(&err);
    place.committed = false;
    ck_assert_int_eq(place_commit(place.sink), HANGAR_IO);
    ck_assert_int_eq(rmdir("backups"), 0);
}
END_TEST

/* Another host has committed the same id in the meantime. */
START_TEST(a_backup_that_another_host_has_committed_stays)
{
    ck_assert_int_eq(hg_place_prepare(&place, &err), HANGAR_OK);
    ck_assert_int_eq(hg_place_take(&place, &err), HANGAR_OK);
    world_write(ID, "manifest.json", "theirs");
    ck_assert_int_eq(place_commit(place.sink), HANGAR_EXISTS);
    place_reset();
    ck_assert(world_has(ID, "manifest.json"));
}
END_TEST

START_TEST(a_run_whose_manifest_key_is_in_use_leaves_nothing)
{
    ck_assert_int_eq(hg_place_take(&place, &err), HANGAR_OK);
    world_write(ID, "manifest.json", "{ \"hangar\": \"abandoned\" }\n");
    ck_assert_int_eq(place_commit(place.sink), HANGAR_IO);
    ck_assert_msg(strstr(err.text, "another host removed the files of this run") != NULL, "%s",
                  err.text);
    ck_assert(!place.committed);
    place_reset();
    ck_assert_int_le(world_files(ID), 0);
}
END_TEST

START_TEST(the_spare_instance_is_opened_when_it_is_needed_and_works_alone)
{
    struct hangar_ctx *spare = NULL, *again = NULL;
    place.use_spare = true;
    ck_assert_int_eq(hg_place_take(&place, &err), HANGAR_OK);
    ck_assert_int_eq(creates, 1);
    ck_assert_int_eq(hg_place_spare(&place, &spare, &err), HANGAR_OK);
    ck_assert_int_eq(hg_place_spare(&place, &again, &err), HANGAR_OK);
    ck_assert_ptr_eq(spare, again);
    ck_assert_ptr_ne(spare, place.sink);
    ck_assert_int_eq(creates, 2);
    hg_instance_cancel(place.sink);
    ck_assert_msg(place_commit(spare) == HANGAR_OK, "%s", err.text);
    ck_assert(world_has(ID, "manifest.json"));
    hg_place_release(&place);
    ck_assert_ptr_null(place.spare);
}
END_TEST

START_TEST(a_lease_is_renewed_by_the_spare_instance)
{
    place.use_spare = true;
    ck_assert_int_eq(hg_place_take(&place, &err), HANGAR_OK);
    world_age(ID, "run.json", 3600000);
    ck_assert(place.lease.renew(place.lease.arg));
    struct stat now;
    ck_assert_int_eq(stat(world_path(ID, "run.json"), &now), 0);
    ck_assert_int_lt(time(NULL) - now.st_mtime, 600);
    ck_assert_int_eq(creates, 2);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        one_run_takes_a_place,
        run_json_names_the_run_and_its_host,
        with_a_key_only_a_signed_claim_proves_a_run,
        a_place_that_is_in_use_is_refused_and_not_changed,
        leftovers_of_a_dead_run_of_this_host_are_removed,
        a_place_of_another_origin_is_refused,
        a_committed_place_is_not_cleared,
        a_place_without_a_commit_is_cleared_also_after_a_cancel_request,
        a_place_that_was_not_taken_is_not_cleared,
        nothing_is_committed_without_a_lease,
        a_backup_whose_objects_are_not_there_is_not_committed,
        a_sink_that_disappears_gets_no_backup_and_is_not_created_again,
        a_backup_that_another_host_has_committed_stays,
        a_run_whose_manifest_key_is_in_use_leaves_nothing,
        the_spare_instance_is_opened_when_it_is_needed_and_works_alone,
        a_lease_is_renewed_by_the_spare_instance,
    };
    return SUITE_RUN("inventory/place", tests, place_setup, place_teardown);
}
