/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * index: a job over all backups of a sink makes few calls, and the cache of manifests never
 * changes its result.
 */
#include <sys/stat.h>

#include "base/io.h"
#include "suite.h"
#include "stored_backups.h"

#define DAY INT64_C(86400000)
#define CACHE "state/manifests/nightly.local"

/* Calls of the sink since the last `reset_calls`. */
static struct {
    size_t gets, lists, stats, removes, batches;
} calls;
static struct hangar_sink uncounted;

static enum hangar_rc counted_get_open(void *inst, const char *name, uint64_t offset,
                                       struct hangar_get **out)
{
    calls.gets++;
    return uncounted.get_open(inst, name, offset, out);
}

static enum hangar_rc counted_list(void *inst, struct hangar_page *page)
{
    calls.lists++;
    return uncounted.list(inst, page);
}

static enum hangar_rc counted_stat_object(void *inst, const char *name, struct hangar_entry *entry)
{
    calls.stats++;
    return uncounted.stat(inst, name, entry);
}

static enum hangar_rc counted_remove_one(void *inst, const char *name)
{
    calls.removes++;
    return uncounted.remove(inst, name);
}

static enum hangar_rc counted_remove_many(void *inst, const char *const *names, size_t count,
                                          enum hangar_rc *results)
{
    ck_assert_uint_le(count, 1000);
    calls.batches++;
    for (size_t i = 0; i < count; i++) {
        results[i] = uncounted.remove(inst, names[i]);
    }
    return HANGAR_OK;
}

static void reset_calls(void)
{
    memset(&calls, 0, sizeof(calls));
}

static void open_counted(const char *retention)
{
    world_open(retention);
    uncounted = world.sink.sink;
    world.sink.sink.get_open = counted_get_open;
    world.sink.sink.list = counted_list;
    world.sink.sink.stat = counted_stat_object;
    world.sink.sink.remove = counted_remove_one;
    world.sink.sink.remove_many = counted_remove_many;
    reset_calls();
}

/* The number of backups that `list` reports; and in *whole, how many of them are complete. */
static size_t list_all(size_t *whole)
{
    char *text = NULL;
    enum hangar_status status = hangar_list(world.h, NULL, NULL, &text);
    json_t *doc = json_loads(text, 0, NULL), *backups = json_object_get(doc, "backups"), *one;
    size_t i, count = json_array_size(backups), complete = 0;
    json_array_foreach (backups, i, one) {
        complete += strcmp(hg_json_string(one, "state", ""), "complete") == 0;
    }
    ck_assert_int_eq(status, complete == count ? HANGAR_STATUS_DONE : HANGAR_STATUS_CORRUPT);
    if (whole) {
        *whole = complete;
    }
    json_decref(doc);
    hangar_free(text);
    return count;
}

static void counted_make_backups(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        world.count = 0;
        world_backup((int64_t)(count - i) * 3600000, 1);
    }
}

START_TEST(a_thousand_manifests_are_read_once_and_then_not_again)
{
    counted_make_backups(1000); /* of five files each */
    open_counted("keep_last: 1000");
    ck_assert_uint_eq(list_all(NULL), 1000);
    ck_assert_uint_eq(calls.gets, 1000);
    ck_assert_uint_le(calls.lists, 6);
    ck_assert_uint_eq(calls.stats, 0);
    reset_calls();
    ck_assert_uint_eq(list_all(NULL), 1000);
    ck_assert_uint_eq(calls.gets, 0);
    ck_assert_uint_le(calls.lists, 6);
    ck_assert_uint_eq(calls.stats, 0);
    /* a new handle, as in another process */
    open_counted("keep_last: 1000");
    char *text = NULL;
    ck_assert_int_eq(hangar_overview(world.h, &text), HANGAR_STATUS_DONE);
    ck_assert_ptr_nonnull(strstr(text, "\"kept\": 1000"));
    ck_assert_uint_eq(calls.gets, 0);
    ck_assert_uint_le(calls.lists, 6 + 1); /* and the records of verifications of the newest */
    ck_assert_uint_eq(calls.stats, 0);
    hangar_free(text);
    reset_calls();
    ck_assert_int_eq(world_prune(HANGAR_REQUEST_DRY_RUN), HANGAR_STATUS_DONE);
    ck_assert_uint_le(calls.gets, 1 + 2); /* origin.json, and always the two newest */
    ck_assert_uint_eq(calls.stats, 0);
    reset_calls();
    world.count = 0;
    world_backup(1000, 1);
    ck_assert_uint_eq(list_all(NULL), 1001);
    ck_assert_uint_eq(calls.gets, 1);
}
END_TEST

START_TEST(only_the_owner_can_read_cached_manifests)
{
    counted_make_backups(2);
    open_counted(NULL);
    list_all(NULL);
    struct stat st;
    ck_assert_int_eq(stat(CACHE, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(stat("state/manifests", &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0700);
}
END_TEST

START_TEST(a_changed_or_removed_manifest_is_detected)
{
    counted_make_backups(3);
    const char *id = world.ids[0];
    open_counted(NULL);
    list_all(NULL);
    reset_calls();
    size_t whole;
    world_write(id, "manifest.json", "{ \"format\": 1 }\n");
    ck_assert_uint_eq(list_all(&whole), 3);
    ck_assert_uint_eq(whole, 2);
    ck_assert_uint_eq(calls.gets, 1);
    /* a damaged manifest is read each time */
    reset_calls();
    list_all(&whole);
    ck_assert_uint_eq(whole, 2);
    ck_assert_uint_eq(calls.gets, 1);
    ck_assert_int_eq(unlink(world_path(id, "manifest.json")), 0);
    reset_calls();
    ck_assert_uint_eq(list_all(&whole), 3); /* a backup that has lost it is damaged */
    ck_assert_uint_eq(whole, 2);
    ck_assert_uint_eq(calls.gets, 0);
}
END_TEST

/* Changes a byte of a manifest in place, and sets its time back. */
static void change_in_place(const char *id)
{
    struct stat st;
    const char *path = world_path(id, "manifest.json");
    ck_assert_int_eq(stat(path, &st), 0);
    FILE *file = fopen(path, "r+e");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, st.st_size / 2, SEEK_SET), 0);
    ck_assert_int_eq(fputc('~', file), '~');
    ck_assert_int_eq(fclose(file), 0);
    struct timespec times[2] = {st.st_atim, st.st_mtim};
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

START_TEST(a_manifest_changed_in_place_is_detected_although_its_time_is_the_old_one)
{
    counted_make_backups(3);
    open_counted(NULL);
    list_all(NULL);
    change_in_place(world.ids[0]);
    size_t whole;
    ck_assert_uint_eq(list_all(&whole), 3);
    ck_assert_uint_eq(whole, 2);
}
END_TEST

START_TEST(with_a_key_each_manifest_is_read_and_nothing_is_cached)
{
    counted_make_backups(3);
    open_counted(NULL);
    list_all(NULL);
    ck_assert_int_eq(access(CACHE, F_OK), 0);
    static const char key[] = "signing: { key: 0123456789abcdef0123456789abcdef }\n";
    FILE *config = fopen("backup.yaml", "ae");
    ck_assert_ptr_nonnull(config);
    ck_assert_int_ge(fputs(key, config), 0);
    ck_assert_int_eq(fclose(config), 0);
    char *plugins = realpath("plugins", NULL);
    ck_assert_ptr_nonnull(plugins);
    struct hangar_settings settings = {.struct_size = sizeof(settings),
                                       .config_file = "backup.yaml",
                                       .plugin_dir = plugins,
                                       .state_dir = "state"};
    struct hangar *h;
    enum hangar_status opened = hangar_open(&settings, &h);
    ck_assert_msg(opened == HANGAR_STATUS_DONE, "%s", hangar_error(h));
    for (int i = 0; i < 2; i++) {
        char *text = NULL;
        ck_assert_int_eq(hangar_list(h, NULL, NULL, &text), HANGAR_STATUS_CORRUPT);
        ck_assert_ptr_nonnull(strstr(text, "unsigned"));
        ck_assert_ptr_null(strstr(text, "\"complete\""));
        hangar_free(text);
    }
    hangar_close(h);
    free(plugins);
}
END_TEST

START_TEST(a_damaged_or_forged_cache_is_ignored)
{
    static const char *const damages[] = {
        "truncate -s -1 " CACHE,
        "truncate -s 40 " CACHE,
        ": > " CACHE,
        "printf '\\n' > " CACHE,
        "printf x | dd of=" CACHE " conv=notrunc bs=1 seek=60 2>/dev/null",
        "echo >> " CACHE,
        "head -c 100000 /dev/zero > " CACHE,
        "sed -i 's/\"stored_bytes\":/\"stored_bytes\":1/g' " CACHE,
        /* with a correct digest: of another store, of another format, not a document */
        "f=" CACHE "; head -1 $f | sed 's/directory/elsewhere/' > t; "
        "(cat t; echo sha256 $(sha256sum < t | cut -c-64)) > $f",
        "f=" CACHE "; head -1 $f | sed 's/\"format\":2/\"format\":3/' > t; "
        "(cat t; echo sha256 $(sha256sum < t | cut -c-64)) > $f",
        "f=" CACHE "; echo '{' > t; (cat t; echo sha256 $(sha256sum < t | cut -c-64)) > $f",
        "f=" CACHE "; echo '{\"format\":1,\"backups\":[]}' > t; "
        "(cat t; echo sha256 $(sha256sum < t | cut -c-64)) > $f",
        /* the entry of a backup has the id of another */
        "f=" CACHE "; head -1 $f | sed 's/\"id\":\"backup/\"id\":\"packup/g' > t; "
        "(cat t; echo sha256 $(sha256sum < t | cut -c-64)) > $f",
        "rm -r state/manifests",
    };
    counted_make_backups(3);
    open_counted(NULL);
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        list_all(NULL);
        ck_assert_int_eq(system(damages[i]), 0);
        reset_calls();
        size_t whole;
        ck_assert_uint_eq(list_all(&whole), 3);
        ck_assert_uint_eq(whole, 3);
        ck_assert_msg(calls.gets == 3, "%s: %zu", damages[i], calls.gets);
        reset_calls();
        list_all(NULL);
        ck_assert_uint_eq(calls.gets, 0); /* the cache was written again */
    }
}
END_TEST

START_TEST(without_a_cache_the_result_is_the_same)
{
    counted_make_backups(3);
    open_counted(NULL);
    ck_assert_int_eq(hg_make_dirs("state", 0700, NULL), HANGAR_OK);
    folder_file("state/manifests", "in the way", 10, 0600);
    for (int i = 0; i < 2; i++) {
        reset_calls();
        ck_assert_uint_eq(list_all(NULL), 3);
        ck_assert_uint_eq(calls.gets, 3);
    }
}
END_TEST

/* The newest manifest rots on the disk; its time and its size do not change. */
START_TEST(retention_does_not_count_a_backup_that_rotted_unnoticed)
{
    const char *old = world_backup(3 * DAY, 1), *middle = world_backup(2 * DAY, 1);
    const char *newest = world_backup(DAY, 1);
    open_counted("keep_last: 1, min_keep: 1");
    list_all(NULL);
    change_in_place(newest);
    world_prune(0);
    ck_assert(world_has(middle, "manifest.json")); /* the newest that is good */
    ck_assert(world_has(newest, "manifest.json")); /* damaged: prune does not remove it */
    ck_assert(!world_has(old, "manifest.json"));
}
END_TEST

static int64_t invented_ms;

/* A store that invents backups without an end. */
static enum hangar_rc list_without_end(void *inst, struct hangar_page *page)
{
    (void)inst;
    for (int i = 0; i < 1000; i++) {
        char id[HG_BACKUP_ID_SIZE], name[100];
        hg_backup_id_format(invented_ms++, id);
        snprintf(name, sizeof(name), "nightly/%s/object", id);
        struct hangar_entry entry = {.struct_size = sizeof(entry), .name = name, .size = 1};
        enum hangar_rc rc = hg_page_add(page, &entry);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    snprintf(page->cursor, sizeof(page->cursor), "%lld", (long long)invented_ms);
    return HANGAR_OK;
}

START_TEST(backups_without_an_end_are_refused)
{
    world_backup(DAY, 1);
    open_counted(NULL);
    invented_ms = INT64_C(1767225600000);
    world.sink.sink.list = list_without_end;
    char *text = NULL;
    ck_assert_int_eq(hangar_list(world.h, NULL, NULL, &text), HANGAR_STATUS_FAILED);
    ck_assert_ptr_nonnull(strstr(text, "sink local: pipeline nightly has more than "));
    hangar_free(text);
}
END_TEST

START_TEST(objects_are_removed_in_batches)
{
    const char *old = world_backup(3 * DAY, 1100);
    world_backup(2 * DAY, 1);
    world_backup(DAY, 1);
    open_counted("keep_last: 1, min_keep: 1, delete_grace: 0s");
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_files(old), -1);
    /* of two backups: the manifest (removed twice: by the mark, and to be sure), run.json and
     * deleted.json */
    ck_assert_uint_le(calls.removes, 2 * 4);
    ck_assert_uint_le(calls.batches, 2 + 1);
}
END_TEST

static enum hangar_rc remove_some(void *inst, const char *const *names, size_t count,
                                  enum hangar_rc *results)
{
    for (size_t i = 0; i < count; i++) {
        bool stays = strstr(names[i], "db/00001") != NULL;
        results[i] = stays ? HANGAR_IO : uncounted.remove(inst, names[i]);
    }
    return HANGAR_OK;
}

START_TEST(an_object_that_a_batch_did_not_remove_is_reported_and_tried_again)
{
    const char *old = world_backup(3 * DAY, 4);
    world_backup(DAY, 1);
    open_counted("keep_last: 1, min_keep: 1, delete_grace: 0s");
    world.sink.sink.remove_many = remove_some;
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_FAILED);
    ck_assert_ptr_nonnull(strstr(hangar_error(world.h), "cannot remove nightly/"));
    ck_assert(world_has(old, "db/00001") && world_has(old, "deleted.json"));
    ck_assert(!world_has(old, "manifest.json") && !world_has(old, "db/00000"));
    world.sink.sink.remove_many = counted_remove_many;
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_files(old), -1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_thousand_manifests_are_read_once_and_then_not_again,
        only_the_owner_can_read_cached_manifests,
        a_changed_or_removed_manifest_is_detected,
        a_manifest_changed_in_place_is_detected_although_its_time_is_the_old_one,
        with_a_key_each_manifest_is_read_and_nothing_is_cached,
        a_damaged_or_forged_cache_is_ignored,
        without_a_cache_the_result_is_the_same,
        retention_does_not_count_a_backup_that_rotted_unnoticed,
        objects_are_removed_in_batches,
        backups_without_an_end_are_refused,
        an_object_that_a_batch_did_not_remove_is_reported_and_tried_again,
    };
    return SUITE_RUN("inventory/index", tests, world_setup, world_teardown);
}
