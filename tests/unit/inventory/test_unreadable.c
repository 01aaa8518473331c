/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * unreadable: a folder that cannot be read is neither a backup nor none.  It is reported by its
 * name, nothing is removed because of it, and it hides no other backup.
 */
#include "catalog/manifest.h"
#include "plugin/page.h"
#include "stored_backups.h"
#include "suite.h"

#define HOUR ((int64_t)3600000)
#define DAY (24 * HOUR)

static const struct hangar_sink *real;
static struct hangar_sink real_copy;
static const char *bad; /* the id of the folder that cannot be read */
static bool manifest_only;

/* As storage-local lists a folder of another owner. */
static enum hangar_rc unreadable_list(void *inst, struct hangar_page *page)
{
    enum hangar_rc rc = real->list(inst, page);
    struct hg_page_entries *entries = page->core;
    for (size_t i = 0, kept = 0; rc == HANGAR_OK && !manifest_only; i++) {
        if (i == entries->count) {
            entries->count = kept;
            break;
        }
        struct hg_page_entry *e = &entries->items[i];
        char *at = strstr(e->name, bad);
        if (at && kept > 0 && entries->items[kept - 1].unreadable) {
            free(e->name);
            continue;
        }
        if (at) {
            at[strlen(bad)] = '/';
            at[strlen(bad) + 1] = '\0';
            e->is_prefix = e->unreadable = true;
        }
        entries->items[kept++] = *e;
    }
    return rc;
}

/* A disk that goes away while a folder is read; NULL: it does not. */
static const char *gone_command;

static void unreadable_disk_goes(void)
{
    if (gone_command) {
        ck_assert_int_eq(system(gone_command), 0);
        gone_command = NULL;
    }
}

static enum hangar_rc unreadable_fail(const char *name)
{
    unreadable_disk_goes();
    return hg_fail(hg_call_error(), HANGAR_AUTH, 0, "cannot open %s: Permission denied", name);
}

static enum hangar_rc unreadable_stat(void *inst, const char *name, struct hangar_entry *entry)
{
    return strstr(name, bad) ? unreadable_fail(name) : real->stat(inst, name, entry);
}

static enum hangar_rc unreadable_get(void *inst, const char *name, uint64_t offset,
                                     struct hangar_get **out)
{
    return strstr(name, bad) ? unreadable_fail(name) : real->get_open(inst, name, offset, out);
}

static void open_unreadable(const char *retention, const char *id)
{
    world_open(retention);
    real_copy = world.sink.sink;
    real = &real_copy;
    bad = id;
    world.sink.sink.list = unreadable_list;
    world.sink.sink.stat = unreadable_stat;
    world.sink.sink.get_open = unreadable_get;
}

static json_t *parse_and_free(char *text)
{
    json_t *doc = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(doc);
    hangar_free(text);
    return doc;
}

static const char *state_of(const json_t *doc, const char *id)
{
    size_t i;
    json_t *one;
    json_array_foreach (json_object_get(doc, "backups"), i, one) {
        if (strcmp(hg_json_string(one, "id", ""), id) == 0) {
            return hg_json_string(one, "state", "");
        }
    }
    return "not listed";
}

START_TEST(an_unreadable_backup_is_listed_as_unknown_beside_the_others)
{
    const char *old = world_backup(3 * DAY, 1), *middle = world_backup(2 * DAY, 1),
               *newest = world_backup(DAY, 1);
    for (int i = 0; i < 2; i++) {
        open_unreadable(NULL, middle);
        manifest_only = i == 1;
        char *text = NULL;
        ck_assert_int_eq(hangar_list(world.h, NULL, NULL, &text), HANGAR_STATUS_FAILED);
        json_t *doc = parse_and_free(text);
        ck_assert_str_eq(state_of(doc, old), "complete");
        ck_assert_str_eq(state_of(doc, middle), "unknown");
        ck_assert_str_eq(state_of(doc, newest), "complete");
        const json_t *problem = json_array_get(json_object_get(doc, "problems"), 0);
        ck_assert_ptr_nonnull(strstr(hg_json_string(problem, "error", ""), middle));
        ck_assert_ptr_nonnull(strstr(hg_json_string(problem, "error", ""), "Permission denied"));
        json_decref(doc);
    }
}
END_TEST

START_TEST(prune_leaves_an_unreadable_backup_and_continues)
{
    const char *removed = world_backup(6 * DAY, 1), *unknown = world_backup(5 * DAY, 1),
               *also = world_backup(4 * DAY, 1), *kept = world_backup(3 * DAY, 1);
    open_unreadable("keep_last: 1, min_keep: 1, delete_grace: 0s", unknown);
    /* it is unknown whether the rules keep it: the prune fails */
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_FAILED);
    ck_assert_ptr_nonnull(strstr(hangar_error(world.h), unknown));
    ck_assert_int_eq(world_files(removed), -1);
    ck_assert_int_eq(world_files(also), -1);
    ck_assert(world_has(unknown, "manifest.json") && world_has(unknown, "run.json"));
    ck_assert(world_has(kept, "manifest.json"));
    ck_assert_ptr_nonnull(strstr(world.json, "not counted: cannot be read"));
}
END_TEST

/* If it counted as one of the last, the newest that is known to be good would be removed. */
START_TEST(an_unreadable_backup_does_not_count_as_good)
{
    const char *old = world_backup(2 * DAY, 1), *unknown = world_backup(DAY, 1);
    open_unreadable("keep_last: 1, min_keep: 1, delete_grace: 0s", unknown);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_FAILED);
    ck_assert(world_has(old, "manifest.json"));
    ck_assert(world_has(unknown, "manifest.json"));
}
END_TEST

START_TEST(an_unreadable_backup_may_be_the_latest)
{
    const char *old = world_backup(2 * HOUR, 1), *unknown = world_backup(HOUR, 1);
    struct hangar_selection which = {.struct_size = sizeof(which), .id = "latest"};
    open_unreadable(NULL, unknown);
    char *text = NULL;
    ck_assert_int_eq(hangar_show(world.h, &which, &text), HANGAR_STATUS_AUTH);
    ck_assert_ptr_nonnull(strstr(hangar_error(world.h), "which may be the latest backup"));
    json_decref(parse_and_free(text));
    ck_assert_int_eq(hangar_verify(world.h, &which, HANGAR_VERIFY_QUICK, &text),
                     HANGAR_STATUS_AUTH);
    json_decref(parse_and_free(text));
    ck_assert_int_ne(hangar_health(world.h, NULL, &text), HANGAR_STATUS_DONE);
    json_decref(parse_and_free(text));
    which.id = old;
    ck_assert_int_eq(hangar_show(world.h, &which, &text), HANGAR_STATUS_DONE);
    json_decref(parse_and_free(text));
    open_unreadable(NULL, old); /* an older one does not matter */
    which.id = "latest";
    ck_assert_int_eq(hangar_show(world.h, &which, &text), HANGAR_STATUS_DONE);
    ck_assert_ptr_nonnull(strstr(text, unknown));
    json_decref(parse_and_free(text));
    ck_assert_int_eq(hangar_health(world.h, NULL, &text), HANGAR_STATUS_DONE);
    json_decref(parse_and_free(text));
}
END_TEST

START_TEST(status_names_an_unreadable_backup_and_reads_the_rest)
{
    const char *unknown = world_backup(2 * HOUR, 1), *newest = world_backup(HOUR, 1);
    char *text = NULL;
    open_unreadable(NULL, unknown);
    hangar_overview(world.h, &text);
    ck_assert_ptr_nonnull(strstr(text, "cannot be read: "));
    ck_assert_ptr_nonnull(strstr(text, newest));
    json_decref(parse_and_free(text));
}
END_TEST

/* This machine remembers the sink, which has these backups. */
static void know_the_sink(void)
{
    world_write("..", "nightly/origin.json",
                "{ \"origin\": \"db1\", \"created\": \"2026-01-15T02:00:00.000Z\" }");
    world_open(NULL);
    char *text = NULL;
    ck_assert_int_eq(hangar_list(world.h, NULL, NULL, &text), HANGAR_STATUS_DONE);
    hangar_free(text);
}

/* The listing was whole, and the folder that cannot be read is one of a disk that is gone. */
START_TEST(what_cannot_be_read_may_be_of_a_disk_that_is_gone)
{
    const char *unknown = world_backup(2 * HOUR, 1);
    know_the_sink();
    open_unreadable(NULL, unknown);
    gone_command = "rm -rf backups/nightly";
    char *text = NULL;
    ck_assert_int_eq(hangar_list(world.h, NULL, NULL, &text), HANGAR_STATUS_FAILED);
    ck_assert_ptr_null(gone_command);
    ck_assert_ptr_nonnull(strstr(hangar_error(world.h), "origin.json, but had one before"));
    ck_assert_ptr_null(strstr(text, "cannot be read: "));
    hangar_free(text);
}
END_TEST

static void goes_before_manifest(const char *name)
{
    if (strstr(name, HG_MANIFEST_NAME)) {
        unreadable_disk_goes();
    }
}

/* A backup of the listing that is not found: "there is none" would be false. */
START_TEST(what_is_not_found_may_be_on_a_disk_that_is_gone)
{
    static const enum hangar_verify_level levels[] = {HANGAR_VERIFY_QUICK, HANGAR_VERIFY_FULL};
    for (size_t i = 0; i < 2; i++) {
        struct hangar_selection which = {.struct_size = sizeof(which), .id = "all"};
        world_backup(HOUR, 1);
        know_the_sink();
        world_open(NULL);
        world.on_stat = goes_before_manifest;
        gone_command = "rm -rf backups/nightly";
        char *text = NULL;
        ck_assert_int_eq(hangar_verify(world.h, &which, levels[i], &text), HANGAR_STATUS_FAILED);
        ck_assert_ptr_null(gone_command);
        ck_assert_ptr_nonnull(strstr(hangar_error(world.h), "origin.json, but had one before"));
        hangar_free(text);
        world.on_stat = NULL;
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_unreadable_backup_is_listed_as_unknown_beside_the_others,
        prune_leaves_an_unreadable_backup_and_continues,
        an_unreadable_backup_does_not_count_as_good,
        an_unreadable_backup_may_be_the_latest,
        status_names_an_unreadable_backup_and_reads_the_rest,
        what_cannot_be_read_may_be_of_a_disk_that_is_gone,
        what_is_not_found_may_be_on_a_disk_that_is_gone,
    };
    return SUITE_RUN("inventory/unreadable", tests, world_setup, world_teardown);
}
