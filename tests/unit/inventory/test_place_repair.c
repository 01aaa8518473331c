/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * place_repair: of a damaged copy, what does not match is replaced, and the manifest is stored
 * last; nothing else is changed.
 */
#include "inventory/place_repair.h"

#include "catalog/folder.h"
#include "catalog/removal.h"
#include "memory_sink.h"
#include "plugin_world.h"
#include "session/handle.h"
#include "suite.h"

#define ID "backup_2026-01-15T02-00-00-000Z"
#define BACKUP "nightly/" ID "/"
#define OBJECTS 12
#define TEXT "the manifest\n"
#define SIGNATURE "its signature\n"

static struct memory_sink from, to;
static struct hg_manifest manifest;
static struct hg_str text, signature;
static struct hg_config config = {.workers = 2};
static struct hangar handle = {.config = &config};
static struct hg_session session = {.h = &handle};
static struct hg_place_repair repair;
static struct hg_error err;
static void (*after_replacing)(void); /* called when the files were stored; may be NULL */

enum hangar_rc __real_hg_replication_run(struct hg_replication *r, struct hg_error *why);
enum hangar_rc __wrap_hg_replication_run(struct hg_replication *r, struct hg_error *why);

enum hangar_rc __wrap_hg_replication_run(struct hg_replication *r, struct hg_error *why)
{
    enum hangar_rc rc = __real_hg_replication_run(r, why);
    if (after_replacing) {
        after_replacing();
    }
    return rc;
}

/* ---- the two copies ---- */

static const char *repair_path(const char *name)
{
    static char path[300];
    snprintf(path, sizeof(path), BACKUP "%s", name);
    return path;
}

static void repair_set(struct memory_sink *sink, const char *name, const char *data)
{
    memory_sink_set(sink, repair_path(name), data, strlen(data));
}

static void repair_remove(const char *name)
{
    ck_assert_int_eq(to.plugin.sink.remove(repair.to->inst, repair_path(name)), HANGAR_OK);
}

static bool repair_has(const char *name, const char *data)
{
    const struct memory_object *one = memory_sink_find(&to, repair_path(name));
    return one && one->data.len == strlen(data) && memcmp(one->data.data, data, one->data.len) == 0;
}

/* The content of an object or a file is its name. */
static void repair_add_file(const char *name, uint64_t *bytes, char sha256[HG_SHA256_HEX])
{
    *bytes = strlen(name);
    hg_sha256_of(name, strlen(name), sha256);
    repair_set(&from, name, name);
    repair_set(&to, name, name);
}

static void repair_fill(void)
{
    static char pipeline[] = "nightly", id[] = ID;
    static const char *const files[] = {HG_RESTORE_NAME, HG_SUMS_NAME};
    manifest = (struct hg_manifest){.pipeline = pipeline, .id = id, .source_count = 1};
    manifest.sources = calloc(1, sizeof(*manifest.sources));
    manifest.sources[0].objects = calloc(OBJECTS, sizeof(struct hg_manifest_object));
    manifest.sources[0].count = OBJECTS;
    for (size_t i = 0; i < OBJECTS; i++) {
        struct hg_manifest_object *o = &manifest.sources[0].objects[i];
        o->stored = hg_format("db/%02zu", i);
        repair_add_file(o->stored, &o->stored_bytes, o->stored_sha256);
    }
    for (size_t i = 0; i < 2; i++) {
        manifest.files[i].name = strdup(files[i]);
        repair_add_file(files[i], &manifest.files[i].bytes, manifest.files[i].sha256);
    }
    manifest.file_count = 2;
    hg_str_add(&text, TEXT);
    hg_str_add(&signature, SIGNATURE);
    repair_set(&to, HG_MANIFEST_NAME, TEXT);
    repair_set(&to, HG_SIGNATURE_NAME, SIGNATURE);
}

static void repair_setup(void)
{
    folder_setup();
    world_begin(folder_path);
    memory_sink_init(&from);
    memory_sink_init(&to);
    repair_fill();
    repair = (struct hg_place_repair){
        .session = &session, .manifest = &manifest, .text = &text, .signature = &signature};
    ck_assert_int_eq(memory_sink_open(&from, &world.job, "from", &repair.from), HANGAR_OK);
    ck_assert_int_eq(memory_sink_open(&to, &world.job, "to", &repair.to), HANGAR_OK);
}

static void repair_teardown(void)
{
    hg_instance_close(repair.from);
    hg_instance_close(repair.to);
    memory_sink_free(&from);
    memory_sink_free(&to);
    for (size_t i = 0; i < OBJECTS; i++) {
        free(manifest.sources[0].objects[i].stored);
    }
    free(manifest.sources[0].objects);
    free(manifest.sources);
    free(manifest.files[0].name);
    free(manifest.files[1].name);
    hg_str_free(&repair.problems);
    hg_str_free(&text);
    hg_str_free(&signature);
    world_end();
    folder_teardown();
}

/* ---- a repair ---- */

static enum hangar_rc repair_run(bool dry)
{
    hg_str_free(&repair.problems);
    hg_str_free(&to.events);
    hg_error_clear(&err);
    repair = (struct hg_place_repair){.session = &session,
                                      .from = repair.from,
                                      .to = repair.to,
                                      .manifest = &manifest,
                                      .text = &text,
                                      .signature = &signature,
                                      .dry = dry};
    return hg_place_repair_run(&repair, &err);
}

/* The names that the repair stored, in this order, with a space behind each. */
static const char *repair_stored(void)
{
    static char names[600];
    names[0] = '\0';
    for (const char *at = hg_str_text(&to.events); (at = strstr(at, "put " BACKUP)); at++) {
        const char *name = at + strlen("put " BACKUP);
        size_t n = strlen(names);
        snprintf(names + n, sizeof(names) - n, "%.*s ", (int)strcspn(name, "\n"), name);
    }
    return names;
}

static size_t repair_problems(void)
{
    size_t lines = 0;
    for (const char *at = hg_str_text(&repair.problems); (at = strchr(at, '\n')); at++) {
        lines++;
    }
    return lines;
}

static void repair_expect_whole(void)
{
    for (size_t i = 0; i < OBJECTS; i++) {
        const char *name = manifest.sources[0].objects[i].stored;
        ck_assert_msg(repair_has(name, name), "%s", name);
    }
    ck_assert(repair_has(HG_RESTORE_NAME, HG_RESTORE_NAME));
    ck_assert(repair_has(HG_SUMS_NAME, HG_SUMS_NAME));
    ck_assert(repair_has(HG_MANIFEST_NAME, TEXT));
}

/* Four files that do not match, each in another way. */
static void repair_damage_four(void)
{
    repair_set(&to, "db/03", "db/XX");
    repair_set(&to, "db/05", "db/0");
    repair_remove("db/07");
    repair_set(&to, HG_SUMS_NAME, HG_SUMS_NAME "+");
}

START_TEST(a_whole_copy_is_left_as_it_is)
{
    ck_assert_int_eq(repair_run(false), HANGAR_OK);
    ck_assert_uint_eq(repair.files, OBJECTS + 2);
    ck_assert_uint_eq(repair.bad, 0);
    ck_assert(!repair.bad_manifest);
    ck_assert_uint_eq(repair_problems(), 0);
    ck_assert_str_eq(repair_stored(), "");
}
END_TEST

START_TEST(what_does_not_match_is_replaced_and_nothing_else)
{
    repair_damage_four();
    ck_assert_msg(repair_run(false) == HANGAR_OK, "%s", err.text);
    ck_assert_str_eq(repair_stored(), "db/03 db/05 db/07 SHA256SUMS ");
    repair_expect_whole();
    ck_assert_uint_eq(repair.files, OBJECTS + 2);
    ck_assert_uint_eq(repair.bad, 4);
    ck_assert(!repair.bad_manifest);
    ck_assert_uint_eq(repair_problems(), 4);
    static const char *const names[] = {"db/03: ", "db/05: ", "db/07: it is missing",
                                        "SHA256SUMS: "};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ck_assert_ptr_nonnull(strstr(hg_str_text(&repair.problems), names[i]));
    }
    ck_assert_uint_eq(atomic_load(&repair.replication.done_objects), 3);
    ck_assert_ptr_null(strstr(hg_str_text(&to.events), "remove "));
}
END_TEST

START_TEST(a_dry_run_tells_the_same_and_changes_nothing)
{
    repair_damage_four();
    repair_set(&to, HG_MANIFEST_NAME, "another");
    ck_assert_int_eq(repair_run(true), HANGAR_OK);
    ck_assert_str_eq(repair_stored(), "");
    ck_assert_uint_eq(repair.bad, 4);
    ck_assert(repair.bad_manifest);
    ck_assert_uint_eq(repair_problems(), 4);
    ck_assert(repair_has("db/03", "db/XX") && repair_has(HG_MANIFEST_NAME, "another"));
}
END_TEST

START_TEST(the_signature_and_then_the_manifest_are_stored_last)
{
    static const struct {
        const char *name, *data; /* NULL: missing */
        const char *stored;
    } damages[] = {
        {HG_MANIFEST_NAME, NULL, "manifest.json "},
        {HG_MANIFEST_NAME, "", "manifest.json "},
        {HG_MANIFEST_NAME, TEXT "+", "manifest.json "},
        {HG_SIGNATURE_NAME, NULL, "manifest.json.sig "},
        {HG_SIGNATURE_NAME, "another", "manifest.json.sig "},
    };
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        if (damages[i].data) {
            repair_set(&to, damages[i].name, damages[i].data);
        } else {
            repair_remove(damages[i].name);
        }
        ck_assert_msg(repair_run(false) == HANGAR_OK, "%zu: %s", i, err.text);
        ck_assert_str_eq(repair_stored(), damages[i].stored);
        ck_assert(repair.bad_manifest);
        ck_assert_uint_eq(repair.bad, 0);
        ck_assert(repair_has(HG_SIGNATURE_NAME, SIGNATURE));
        repair_expect_whole();
    }
    repair_remove(HG_MANIFEST_NAME);
    repair_remove(HG_SIGNATURE_NAME);
    repair_remove(HG_SUMS_NAME);
    repair_remove("db/11");
    ck_assert_int_eq(repair_run(false), HANGAR_OK);
    ck_assert_str_eq(repair_stored(), "db/11 SHA256SUMS manifest.json.sig manifest.json ");
}
END_TEST

START_TEST(a_signature_that_the_good_copy_does_not_have_is_kept)
{
    hg_str_free(&signature);
    repair_damage_four();
    ck_assert_int_eq(repair_run(false), HANGAR_OK);
    ck_assert(!repair.bad_manifest);
    ck_assert(repair_has(HG_SIGNATURE_NAME, SIGNATURE));
    repair_expect_whole();
}
END_TEST

/* ---- what cannot be repaired ---- */

START_TEST(only_bytes_that_match_are_stored)
{
    repair_set(&from, "db/03", "db/YY");
    repair_set(&from, "db/04", "db/ZZ"); /* it is not needed */
    ck_assert_int_eq(repair_run(false), HANGAR_OK);
    repair_set(&to, "db/03", "db/XX");
    repair_remove(HG_MANIFEST_NAME);
    ck_assert_int_eq(repair_run(false), HANGAR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.text, "sink from: "));
    ck_assert_ptr_nonnull(strstr(err.text, "db/03"));
    ck_assert_str_eq(repair_stored(), ""); /* so that it is no complete backup */
    ck_assert(repair_has("db/03", "db/XX") && repair_has("db/04", "db/04"));
}
END_TEST

static void repair_begin_removal(void)
{
    const struct hg_removal removal = {"nightly", ID, "there", "a test"};
    char *mark = hg_removal_text(NULL, &removal);
    repair_set(&to, HG_DELETED_NAME, mark);
    free(mark);
}

START_TEST(a_copy_that_is_being_removed_is_not_repaired)
{
    repair_remove(HG_MANIFEST_NAME);
    repair_damage_four();
    repair_set(&to, HG_DELETED_NAME, "{}"); /* proves nothing */
    ck_assert_int_eq(repair_run(true), HANGAR_OK);
    repair_begin_removal();
    ck_assert_int_eq(repair_run(false), HANGAR_EXISTS);
    ck_assert_str_eq(err.text, "sink to: another job is removing " ID);
    ck_assert_str_eq(repair_stored(), "");
}
END_TEST

START_TEST(a_removal_that_begins_meanwhile_does_not_get_the_manifest_back)
{
    repair_remove(HG_MANIFEST_NAME);
    repair_remove("db/02");
    after_replacing = repair_begin_removal;
    ck_assert_int_eq(repair_run(false), HANGAR_EXISTS);
    ck_assert_str_eq(repair_stored(), "db/02 ");
}
END_TEST

static void repair_damage_again(void)
{
    repair_set(&to, "db/02", "db/XX");
}

START_TEST(what_was_stored_is_read_again)
{
    repair_remove(HG_MANIFEST_NAME);
    repair_remove("db/02");
    after_replacing = repair_damage_again;
    ck_assert_int_eq(repair_run(false), HANGAR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.text, "sink to: " ID " is still damaged after its repair: "));
    ck_assert_ptr_nonnull(strstr(err.text, "db/02"));
    ck_assert_str_eq(repair_stored(), "db/02 ");
    after_replacing = NULL;
    ck_assert_int_eq(repair_run(false), HANGAR_OK);
    repair_expect_whole();
}
END_TEST

START_TEST(a_sink_that_loses_bytes_of_the_manifest_is_found)
{
    repair_remove(HG_MANIFEST_NAME);
    to.lose = 1;
    ck_assert_int_eq(repair_run(false), HANGAR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.text, "sink to: "));
}
END_TEST

/* The job has memory for one thread, which replaces one file after the other. */
START_TEST(an_interrupted_repair_can_be_continued)
{
    static const struct {
        const char *fault, *stored, *rest;
    } faults[] = {
        {"open " BACKUP "db/03", "", "db/03 db/05 db/07 SHA256SUMS manifest.json "},
        {"put " BACKUP "db/05", "db/03 ", "db/05 db/07 SHA256SUMS manifest.json "},
        {"write " BACKUP "SHA256SUMS", "db/03 db/05 db/07 ", "SHA256SUMS manifest.json "},
        {"put " BACKUP "manifest.json", "db/03 db/05 db/07 SHA256SUMS ", "manifest.json "},
    };
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        repair_damage_four();
        repair_remove(HG_MANIFEST_NAME);
        to.fail_on = faults[i].fault;
        ck_assert_int_eq(repair_run(false), HANGAR_IO);
        ck_assert_ptr_nonnull(strstr(err.text, "sink to: cannot "));
        ck_assert_str_eq(repair_stored(), faults[i].stored);
        ck_assert_ptr_null(memory_sink_find(&to, repair_path(HG_MANIFEST_NAME)));
        to.fail_on = NULL;
        ck_assert_int_eq(repair_run(false), HANGAR_OK);
        ck_assert_str_eq(repair_stored(), faults[i].rest);
        repair_expect_whole();
    }
}
END_TEST

START_TEST(what_cannot_be_read_is_not_judged_and_not_replaced)
{
    static const char *const faults[] = {"get " BACKUP "db/05", "get " BACKUP "manifest.json",
                                         "get " BACKUP "deleted.json"};
    repair_set(&to, "db/03", "db/XX");
    repair_set(&to, HG_DELETED_NAME, "{}");
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        to.fail_on = faults[i];
        ck_assert_msg(repair_run(false) == HANGAR_IO, "%s: %s", faults[i], err.text);
        ck_assert_ptr_nonnull(strstr(err.text, "sink to: cannot get"));
        ck_assert_str_eq(repair_stored(), "");
    }
    to.fail_on = NULL;
    from.fail_on = "get " BACKUP "db/03";
    ck_assert_int_eq(repair_run(false), HANGAR_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "sink from: cannot get"));
    ck_assert(repair_has("db/03", "db/XX"));
}
END_TEST

START_TEST(a_cancelled_job_changes_nothing)
{
    repair_damage_four();
    hg_job_cancel(&world.job);
    ck_assert_int_eq(repair_run(false), HANGAR_CANCELLED);
    ck_assert_str_eq(repair_stored(), "");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_whole_copy_is_left_as_it_is,
        what_does_not_match_is_replaced_and_nothing_else,
        a_dry_run_tells_the_same_and_changes_nothing,
        the_signature_and_then_the_manifest_are_stored_last,
        a_signature_that_the_good_copy_does_not_have_is_kept,
        only_bytes_that_match_are_stored,
        a_copy_that_is_being_removed_is_not_repaired,
        a_removal_that_begins_meanwhile_does_not_get_the_manifest_back,
        what_was_stored_is_read_again,
        a_sink_that_loses_bytes_of_the_manifest_is_found,
        an_interrupted_repair_can_be_continued,
        what_cannot_be_read_is_not_judged_and_not_replaced,
        a_cancelled_job_changes_nothing,
    };
    return SUITE_RUN("inventory/place_repair", tests, repair_setup, repair_teardown);
}
