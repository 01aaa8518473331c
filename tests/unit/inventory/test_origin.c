/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * origin: a sink that had backups and has none, or is another one, is a disk that is not mounted:
 * it is refused until the user confirms the change.
 */
#include "inventory/origin.h"

#include "session/session.h"
#include "stored_backups.h"
#include "suite.h"

#define HOUR ((int64_t)3600000)
#define KNOWN "state/sinks/nightly.local"

static struct hg_error err;

/* What a run asks before it stores anything, and with `claim` at its end. */
static enum hangar_rc origin_check(bool claim)
{
    world_open("keep_last: 1");
    hg_error_clear(&err);
    struct hg_session session;
    ck_assert_int_eq(hg_session_begin(&session, world.h, 0, NULL, NULL, &err), HANGAR_OK);
    const long index = hg_config_find(world.h->config, HG_SINK, "local");
    struct hangar_ctx *sink;
    enum hangar_rc rc = hg_session_open(&session, (size_t)index, NULL, 0, &sink, &err);
    rc = rc == HANGAR_OK ? hg_origin_check(world.h, sink, "nightly", claim, &err) : rc;
    hg_session_end(&session);
    return rc;
}

static enum hangar_status list_status(void)
{
    char *text = NULL;
    world_open(NULL);
    enum hangar_status status = hangar_list(world.h, NULL, NULL, &text);
    hangar_free(text);
    return status;
}

/* Every job reports that the sink is another one, or has lost its content. */
static void must_be_refused(const char *why)
{
    struct hangar_selection which = {.struct_size = sizeof(which), .id = "latest"};
    for (int claim = 0; claim < 2; claim++) {
        ck_assert_int_eq(origin_check(claim), HANGAR_IO);
        ck_assert_msg(strstr(err.text, why) != NULL, "%s", err.text);
        ck_assert_msg(strstr(err.text, "remove the file ") != NULL, "%s", err.text);
        ck_assert_msg(strstr(err.text, KNOWN) != NULL, "%s", err.text);
    }
    ck_assert_int_eq(list_status(), HANGAR_STATUS_FAILED);
    ck_assert_ptr_nonnull(strstr(hangar_error(world.h), why));
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_FAILED);
    char *text = NULL;
    ck_assert_int_eq(hangar_health(world.h, NULL, &text), HANGAR_STATUS_FAILED);
    hangar_free(text);
    ck_assert_int_eq(hangar_show(world.h, &which, &text), HANGAR_STATUS_FAILED);
    ck_assert_ptr_nonnull(strstr(hangar_error(world.h), why));
    hangar_free(text);
    ck_assert_int_eq(hangar_verify(world.h, &which, HANGAR_VERIFY_QUICK, &text),
                     HANGAR_STATUS_FAILED);
    hangar_free(text);
    hangar_overview(world.h, &text);
    ck_assert_ptr_nonnull(strstr(text, why));
    hangar_free(text);
}

static void make_known_sink(void)
{
    ck_assert_int_eq(origin_check(true), HANGAR_OK);
    world_backup(HOUR, 1);
    ck_assert_int_eq(list_status(), HANGAR_STATUS_DONE);
    ck_assert_int_eq(access(KNOWN, F_OK), 0);
}

START_TEST(a_new_sink_is_taken)
{
    ck_assert_int_eq(list_status(), HANGAR_STATUS_DONE);
    ck_assert_int_eq(origin_check(false), HANGAR_OK);
    ck_assert_int_eq(access(KNOWN, F_OK), -1);
    ck_assert_int_eq(origin_check(true), HANGAR_OK);
    ck_assert_int_eq(origin_check(true), HANGAR_OK);
}
END_TEST

START_TEST(a_sink_that_has_become_empty_is_refused_until_it_is_back)
{
    make_known_sink();
    ck_assert_int_eq(rename("backups", "disk"), 0);
    must_be_refused("has no nightly/origin.json, but had one before");
    ck_assert_int_eq(access("backups", F_OK), -1);
    ck_assert_int_eq(mkdir("backups", 0700), 0); /* the mount point */
    must_be_refused("has no nightly/origin.json, but had one before");
    ck_assert_int_eq(rmdir("backups"), 0);
    ck_assert_int_eq(rename("disk", "backups"), 0);
    ck_assert_int_eq(list_status(), HANGAR_STATUS_DONE);
    ck_assert_int_eq(origin_check(true), HANGAR_OK);
}
END_TEST

START_TEST(an_empty_sink_is_used_after_the_user_confirms_it)
{
    make_known_sink();
    ck_assert_int_eq(rename("backups", "disk"), 0);
    ck_assert_int_eq(origin_check(false), HANGAR_IO);
    ck_assert_int_eq(unlink(KNOWN), 0);
    ck_assert_int_eq(list_status(), HANGAR_STATUS_DONE);
    ck_assert_int_eq(origin_check(true), HANGAR_OK);
}
END_TEST

#define LOST "has backups but no nightly/origin.json, so nothing is stored"

static size_t times_logged(const char *what)
{
    size_t count = 0;
    for (const char *at = hg_str_text(&world.log); (at = strstr(at, what)); at++) {
        count++;
    }
    return count;
}

static void forget_log(void)
{
    hg_str_free(&world.log);
}

/* The job succeeds, and warns once. */
static void must_only_warn(enum hangar_status status)
{
    ck_assert_msg(status == HANGAR_STATUS_DONE, "%s", hangar_error(world.h));
    ck_assert_msg(times_logged(LOST) == 1, "%s", hg_str_text(&world.log));
    forget_log();
}

static void must_fail(enum hangar_status status)
{
    ck_assert_int_eq(status, HANGAR_STATUS_FAILED);
    ck_assert_msg(strstr(hangar_error(world.h), LOST) != NULL, "%s", hangar_error(world.h));
    ck_assert_ptr_nonnull(strstr(hangar_error(world.h), "remove the file "));
    ck_assert_ptr_nonnull(strstr(hangar_error(world.h), KNOWN));
}

/* A backup can be read in an emergency; nothing is stored or removed, and monitors report it. */
START_TEST(a_sink_that_lost_only_its_origin_can_be_read)
{
    struct hangar_selection which = {.struct_size = sizeof(which), .id = "latest"};
    make_known_sink();
    ck_assert_int_eq(unlink("backups/nightly/origin.json"), 0);
    forget_log();
    must_only_warn(list_status());
    char *text = NULL;
    must_only_warn(hangar_list(world.h, NULL, NULL, &text));
    hangar_free(text);
    must_only_warn(hangar_show(world.h, &which, &text));
    hangar_free(text);
    must_only_warn(hangar_verify(world.h, &which, HANGAR_VERIFY_QUICK, &text));
    hangar_free(text);
    must_fail(hangar_health(world.h, NULL, &text));
    hangar_free(text);
    ck_assert_int_eq(hangar_overview(world.h, &text), HANGAR_STATUS_DONE);
    ck_assert_ptr_nonnull(strstr(text, LOST));
    hangar_free(text);
    for (int claim = 0; claim < 2; claim++) {
        ck_assert_int_eq(origin_check(claim), HANGAR_IO);
        ck_assert_ptr_nonnull(strstr(err.text, LOST));
    }
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_FAILED);
    ck_assert_int_eq(access("backups/nightly/origin.json", F_OK), -1);
    ck_assert_int_eq(unlink(KNOWN), 0);
    ck_assert_int_eq(list_status(), HANGAR_STATUS_DONE);
    ck_assert_int_eq(origin_check(true), HANGAR_OK);
    ck_assert_int_eq(access("backups/nightly/origin.json", F_OK), 0);
}
END_TEST

/* A run that failed on the mount point may leave a folder, which is not a backup. */
START_TEST(a_folder_without_a_backup_does_not_make_up_for_the_origin)
{
    make_known_sink();
    ck_assert_int_eq(rename("backups", "disk"), 0);
    world_write("backup_1970-01-01T03-00-00-000Z", "run.json", "{}");
    must_be_refused("has no nightly/origin.json, but had one before");
}
END_TEST

/* Below the mount point lies what was stored there before the disk was there. */
START_TEST(another_sink_in_its_place_is_refused)
{
    make_known_sink();
    ck_assert_int_eq(rename("backups", "disk"), 0);
    world_write("..", "nightly/origin.json",
                "{ \"origin\": \"db1\", \"created\": \"2020-01-01T00:00:00.000Z\" }");
    world_backup(3 * HOUR, 1);
    must_be_refused("has another nightly/origin.json than before");
}
END_TEST

START_TEST(a_copy_of_the_disk_is_the_same_sink)
{
    make_known_sink();
    ck_assert_int_eq(system("cp -r backups copy && rm -rf backups && mv copy backups"), 0);
    ck_assert_int_eq(list_status(), HANGAR_STATUS_DONE);
    ck_assert_int_eq(origin_check(true), HANGAR_OK);
}
END_TEST

START_TEST(a_sink_without_backups_that_has_its_origin_is_good)
{
    make_known_sink();
    ck_assert_int_eq(system("rm -rf backups/nightly/backup_*"), 0);
    ck_assert_int_eq(list_status(), HANGAR_STATUS_DONE);
    ck_assert_int_eq(origin_check(true), HANGAR_OK);
}
END_TEST

START_TEST(a_sink_that_was_only_listed_is_known)
{
    make_known_sink();
    ck_assert_int_eq(system("rm -rf state"), 0);
    ck_assert_int_eq(list_status(), HANGAR_STATUS_DONE);
    ck_assert_int_eq(rename("backups", "disk"), 0);
    must_be_refused("has no nightly/origin.json, but had one before");
}
END_TEST

START_TEST(a_damaged_memory_of_a_sink_is_ignored)
{
    make_known_sink();
    folder_file(KNOWN, "{ \"tar", 6, 0600);
    ck_assert_int_eq(rename("backups", "disk"), 0);
    ck_assert_int_eq(origin_check(false), HANGAR_OK);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_new_sink_is_taken,
        a_sink_that_has_become_empty_is_refused_until_it_is_back,
        a_sink_that_lost_only_its_origin_can_be_read,
        a_folder_without_a_backup_does_not_make_up_for_the_origin,
        an_empty_sink_is_used_after_the_user_confirms_it,
        another_sink_in_its_place_is_refused,
        a_copy_of_the_disk_is_the_same_sink,
        a_sink_without_backups_that_has_its_origin_is_good,
        a_sink_that_was_only_listed_is_known,
        a_damaged_memory_of_a_sink_is_ignored,
    };
    return SUITE_RUN("inventory/origin", tests, world_setup, world_teardown);
}
