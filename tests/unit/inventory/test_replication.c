/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * replication: the stored bytes of a backup reach another sink unchanged, and only those that
 * match the manifest.
 */
#include "inventory/replication.h"

#include "memory_sink.h"
#include "plugin_world.h"
#include "suite.h"

#define ID "backup_2026-01-15T02-00-00-000Z"
#define BACKUP "nightly/" ID "/"
#define OBJECTS 20

static struct memory_sink from, to;
static struct hg_manifest manifest;
static struct hg_replication replication;
static struct hg_error err;

static const char *replication_path(const char *name)
{
    static char path[300];
    snprintf(path, sizeof(path), BACKUP "%s", name);
    return path;
}

/* The content of an object or a file is its name. */
static void replication_add_file(const char *name, uint64_t *bytes, char sha256[HG_SHA256_HEX])
{
    *bytes = strlen(name);
    hg_sha256_of(name, strlen(name), sha256);
    memory_sink_set(&from, replication_path(name), name, strlen(name));
}

static void replication_fill(void)
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
        replication_add_file(o->stored, &o->stored_bytes, o->stored_sha256);
    }
    for (size_t i = 0; i < 2; i++) {
        manifest.files[i].name = strdup(files[i]);
        replication_add_file(files[i], &manifest.files[i].bytes, manifest.files[i].sha256);
    }
    manifest.file_count = 2;
}

static void replication_setup(void)
{
    folder_setup();
    world_begin(folder_path);
    memory_sink_init(&from);
    memory_sink_init(&to);
    replication_fill();
    replication = (struct hg_replication){.manifest = &manifest};
    ck_assert_int_eq(memory_sink_open(&from, &world.job, "from", &replication.from), HANGAR_OK);
    ck_assert_int_eq(memory_sink_open(&to, &world.job, "to", &replication.to), HANGAR_OK);
    hg_error_clear(&err);
}

static void replication_teardown(void)
{
    hg_instance_close(replication.from);
    hg_instance_close(replication.to);
    memory_sink_free(&from);
    memory_sink_free(&to);
    for (size_t i = 0; i < OBJECTS; i++) {
        free(manifest.sources[0].objects[i].stored);
    }
    free(manifest.sources[0].objects);
    free(manifest.sources);
    free(manifest.files[0].name);
    free(manifest.files[1].name);
    world_end();
    folder_teardown();
}

/* A new replication between the same sinks. */
static void replication_reset(void)
{
    replication = (struct hg_replication){
        .from = replication.from, .to = replication.to, .manifest = &manifest};
    hg_error_clear(&err);
}

/* `to` has this file with the content that it has in `from`. */
static bool replication_has_copy(const char *name)
{
    const struct memory_object *one = memory_sink_find(&to, replication_path(name));
    return one && one->data.len == strlen(name) && memcmp(one->data.data, name, one->data.len) == 0;
}

START_TEST(all_objects_are_copied_and_counted)
{
    ck_assert_int_eq(hg_replication_run(&replication, &err), HANGAR_OK);
    uint64_t bytes = 0;
    for (size_t i = 0; i < OBJECTS; i++) {
        ck_assert(replication_has_copy(manifest.sources[0].objects[i].stored));
        bytes += manifest.sources[0].objects[i].stored_bytes;
    }
    ck_assert_uint_eq(to.count, OBJECTS); /* not the files, which were not asked for */
    ck_assert_uint_eq(atomic_load(&replication.objects), OBJECTS);
    ck_assert_uint_eq(atomic_load(&replication.done_objects), OBJECTS);
    ck_assert_uint_eq(atomic_load(&replication.expected_bytes), bytes);
    ck_assert_uint_eq(atomic_load(&replication.done_bytes), bytes);
}
END_TEST

START_TEST(several_threads_copy_each_object_once)
{
    world.job.set.memory_bytes = (size_t)8 << 20;
    ck_assert_int_eq(hg_replication_run(&replication, &err), HANGAR_OK);
    ck_assert_uint_eq(to.count, OBJECTS);
    size_t puts = 0;
    for (const char *at = hg_str_text(&to.events); (at = strstr(at, "put ")); at++) {
        puts++;
    }
    ck_assert_uint_eq(puts, OBJECTS);
    ck_assert_uint_eq(world.job.budget_used, 0); /* the memory was given back */
}
END_TEST

START_TEST(the_files_are_copied_when_they_are_asked_for)
{
    replication.files = true;
    ck_assert_int_eq(hg_replication_run(&replication, &err), HANGAR_OK);
    ck_assert_uint_eq(to.count, OBJECTS + 2);
    ck_assert(replication_has_copy(HG_RESTORE_NAME));
    ck_assert(replication_has_copy(HG_SUMS_NAME));
    /* progress counts the objects alone */
    ck_assert_uint_eq(atomic_load(&replication.objects), OBJECTS);
    ck_assert_uint_eq(atomic_load(&replication.done_objects), OBJECTS);
}
END_TEST

static bool replication_has_even(void *arg, size_t source, size_t object)
{
    ck_assert_ptr_eq(arg, &replication);
    ck_assert_uint_eq(source, 0);
    return object % 2 == 0;
}

START_TEST(objects_that_the_sink_has_are_not_copied)
{
    replication.has = replication_has_even;
    replication.arg = &replication;
    ck_assert_int_eq(hg_replication_run(&replication, &err), HANGAR_OK);
    ck_assert_uint_eq(to.count, OBJECTS / 2);
    ck_assert_uint_eq(atomic_load(&replication.done_objects), OBJECTS / 2);
    ck_assert_ptr_null(memory_sink_find(&to, BACKUP "db/00"));
    ck_assert(replication_has_copy("db/01"));
}
END_TEST

START_TEST(only_files_that_are_not_good_are_copied)
{
    bool good[OBJECTS + 2];
    memset(good, true, sizeof(good));
    good[7] = good[OBJECTS + 1] = false; /* an object and SHA256SUMS */
    replication.good = good;
    replication.files = true;
    ck_assert_int_eq(hg_replication_run(&replication, &err), HANGAR_OK);
    ck_assert_uint_eq(to.count, 2);
    ck_assert(replication_has_copy("db/07"));
    ck_assert(replication_has_copy(HG_SUMS_NAME));
}
END_TEST

START_TEST(nothing_to_copy_is_a_success)
{
    bool good[OBJECTS + 2];
    memset(good, true, sizeof(good));
    replication.good = good;
    ck_assert_int_eq(hg_replication_run(&replication, &err), HANGAR_OK);
    ck_assert_uint_eq(to.count, 0);
}
END_TEST

START_TEST(a_damaged_object_is_not_stored)
{
    static const struct {
        const char *data;
        size_t size;
    } damages[] = {{"db/0X", 5}, {"db/0", 4}, {"db/055", 6}};
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        replication_reset();
        memory_sink_set(&from, BACKUP "db/05", damages[i].data, damages[i].size);
        ck_assert_int_eq(hg_replication_run(&replication, &err), HANGAR_CORRUPT);
        ck_assert_ptr_nonnull(strstr(err.text, "sink from: "));
        ck_assert_ptr_nonnull(strstr(err.text, "db/05"));
        ck_assert_ptr_null(memory_sink_find(&to, BACKUP "db/05"));
    }
}
END_TEST

START_TEST(a_missing_object_is_an_error_that_names_it)
{
    manifest.sources[0].objects[9].stored[4] = 'x';
    ck_assert_int_ne(hg_replication_run(&replication, &err), HANGAR_OK);
    ck_assert_ptr_nonnull(strstr(err.text, "db/0x"));
}
END_TEST

START_TEST(a_sink_that_stores_fewer_bytes_is_found)
{
    to.lose = 1;
    ck_assert_int_eq(hg_replication_run(&replication, &err), HANGAR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.text, "sink to: stored size of nightly/"));
    ck_assert_ptr_nonnull(strstr(err.text, " is 4 bytes (expected 5)"));
}
END_TEST

/* The job has memory for one thread, which copies one object after the other. */
START_TEST(after_a_failure_no_further_object_is_begun)
{
    static const char *const faults[] = {"open " BACKUP "db/00", "write " BACKUP "db/00",
                                         "put " BACKUP "db/00"};
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        replication_reset();
        to.fail_on = faults[i];
        ck_assert_int_eq(hg_replication_run(&replication, &err), HANGAR_IO);
        ck_assert_ptr_nonnull(strstr(err.text, "sink to: cannot "));
        ck_assert_ptr_nonnull(strstr(err.text, "db/00"));
        ck_assert_uint_eq(to.count, 0);
    }
}
END_TEST

START_TEST(a_cancelled_job_copies_nothing)
{
    hg_job_cancel(&world.job);
    ck_assert_int_eq(hg_replication_run(&replication, &err), HANGAR_CANCELLED);
    ck_assert_uint_eq(to.count, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        all_objects_are_copied_and_counted,
        several_threads_copy_each_object_once,
        the_files_are_copied_when_they_are_asked_for,
        objects_that_the_sink_has_are_not_copied,
        only_files_that_are_not_good_are_copied,
        nothing_to_copy_is_a_success,
        a_damaged_object_is_not_stored,
        a_missing_object_is_an_error_that_names_it,
        a_sink_that_stores_fewer_bytes_is_found,
        after_a_failure_no_further_object_is_begun,
        a_cancelled_job_copies_nothing,
    };
    return SUITE_RUN("inventory/replication", tests, replication_setup, replication_teardown);
}
