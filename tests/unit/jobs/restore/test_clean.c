/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * clean: a restore makes a safety backup of the data before it changes a target, and loads all
 * sources before it swaps the first.  A safety backup is a backup, but `latest`, ages and
 * retention do not count it among the others.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "world.h"

#define CLEAN HANGAR_REQUEST_CLEAN
#define DRY HANGAR_REQUEST_DRY_RUN

#define CONFIG(b_options, sinks, retention)                                                        \
    "sources: { db: { plugin: test-source, options: { journal: j, full: true } },\n"               \
    "  cache: { plugin: test-source, options: { objects: 1, journal: jc } } }\n"                   \
    "transforms: { gzip: { plugin: compress-gzip } }\n"                                            \
    "sinks: { a: { plugin: storage-local, options: { path: ./a }" retention " },\n"                \
    "  b: { plugin: test-sink, options: { path: ./b" b_options " } },\n"                           \
    "  c: { plugin: storage-local, options: { path: ./c } } }\n"                                   \
    "pipelines: { p: { sources: [db, cache], transforms: [gzip], sinks: [" sinks "] } }\n"

static char scheduled[64]; /* the id of the backup that is restored */

static void make_backup_with(const char *config)
{
    world_config("%s", config);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    snprintf(scheduled, sizeof(scheduled), "%s", world_id());
    world_shell("rm -f j jc");
}

static void make_scheduled_backup(void)
{
    make_backup_with(CONFIG("", "a", ""));
}

static int in_sink(const char *sink)
{
    return world_shell("exit $(find %s -name manifest.json | wc -l)", sink);
}

START_TEST(a_safety_backup_is_made_before_data_is_replaced)
{
    make_scheduled_backup();
    ck_assert_int_eq(world_restore("latest", CLEAN, NULL, NULL), HANGAR_STATUS_DONE);
    ck_assert_int_eq(in_sink("a"), 2);
    world_fields(world_doc, "safety:o id:s");
    world_fields(world_at("safety"), "id:s sink:s sources:a");
    ck_assert_str_eq(world_text("safety.sink"), "a");
    ck_assert_uint_eq(world_count("safety.sources"), 1); /* the cache is empty */
    ck_assert_str_eq(world_text("safety.sources.0"), "db");
    ck_assert(json_is_true(world_at("sources.0.restored")));
    ck_assert(json_is_true(world_at("sources.1.restored")));
    /* the check, the backup by another instance, and then the restore */
    ck_assert_int_eq(world_shell("test \"$(grep -E '^(prepare|restore_prepare|restore_end|end)' j |"
                                 " tr '\\n' ,)\" = 'restore_prepare 3 objects dry clean,"
                                 "restore_end-failed,prepare_safety,end,"
                                 "restore_prepare 3 objects clean,restore_end,'"),
                     0);
    ck_assert_uint_eq(world_lines("jc", "^prepare"), 0);
    /* it can be restored, too, and that makes another safety backup */
    char id[64];
    snprintf(id, sizeof(id), "%s", world_text("safety.id"));
    ck_assert_int_eq(world_verify(id, HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    /* it does not count for the age of the newest backup */
    char *health = NULL;
    ck_assert_int_eq(hangar_health(world_hangar, NULL, &health), HANGAR_STATUS_DONE);
    ck_assert_ptr_nonnull(strstr(health, "\"newest\": \"backup_"));
    ck_assert_ptr_null(strstr(health, id));
    hangar_free(health);
    ck_assert_int_eq(world_restore(id, CLEAN, NULL, NULL), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("sources"), 1);
    ck_assert_int_eq(in_sink("a"), 3);
}
END_TEST

START_TEST(a_dry_run_reports_the_safety_backup_and_makes_none)
{
    make_scheduled_backup();
    ck_assert_int_eq(world_restore("latest", CLEAN | DRY, NULL, NULL), HANGAR_STATUS_DONE);
    ck_assert_int_eq(in_sink("a"), 1);
    ck_assert(json_is_null(world_at("safety.id")));
    ck_assert_str_eq(world_text("safety.sink"), "a");
    ck_assert_str_eq(world_text("sources.0.plan.0"), "safety backup of its data, into sink a");
    ck_assert_str_eq(world_text("sources.0.plan.1"), "compare 3 objects");
    ck_assert_str_eq(world_text("sources.1.plan.0"), "the target is empty: no safety backup");
    ck_assert(json_is_false(world_at("sources.0.restored")));
    ck_assert_uint_eq(world_lines("j", "^restore_prepare"), 1);
    ck_assert_uint_eq(world_lines("j", "^restore_prepare 3 objects dry clean$"), 1);
    ck_assert_int_eq(world_restore("latest", CLEAN | DRY | HANGAR_REQUEST_DISCONNECT, NULL, NULL),
                     HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("j", "^restore_prepare 3 objects dry clean disconnect$"), 1);
    /* without clean there is no safety backup to report */
    static const char *const cache[] = {"cache", NULL};
    ck_assert_int_eq(world_restore("latest", DRY, cache, NULL), HANGAR_STATUS_DONE);
    ck_assert(json_is_null(world_at("safety")));
    ck_assert_str_eq(world_text("sources.0.plan.0"), "compare 1 objects");
}
END_TEST

START_TEST(a_plan_does_not_fail_for_what_the_hook_may_remove)
{
    static const char *const refused[] = {"db.fail_at=restore_prepare", "db.fail_rc=6", NULL};
    static const char *const broken[] = {"db.fail_at=restore_prepare", NULL};
    make_scheduled_backup();
    ck_assert_int_eq(world_restore("latest", CLEAN | DRY, NULL, refused), HANGAR_STATUS_FAILED);
    world_config(CONFIG("",
                        "a, b], hooks: { before_restore: [sh, -c, 'echo x >>before'] }, "
                        "notifiers: [",
                        ""));
    ck_assert_int_eq(world_restore("latest", CLEAN | DRY, NULL, refused), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("sources.0.plan.3"),
                     "the restore would be refused without hook before_restore: source db: cannot "
                     "restore_prepare: injected fault");
    ck_assert_uint_eq(world_count("sources.1.plan"), 3); /* the others are checked, too */
    ck_assert_int_eq(world_shell("test ! -e before"), 0);
    /* only EXISTS is ignored, only in a dry run, and only if there is such a hook */
    ck_assert_int_eq(world_restore("latest", CLEAN | DRY, NULL, broken), HANGAR_STATUS_FAILED);
    ck_assert_int_eq(world_restore("latest", CLEAN | DRY | HANGAR_REQUEST_NO_HOOKS, NULL, refused),
                     HANGAR_STATUS_FAILED);
    ck_assert_int_eq(world_shell("test ! -e before"), 0);
    ck_assert_int_eq(world_restore("latest", CLEAN, NULL, refused), HANGAR_STATUS_FAILED);
    ck_assert_str_eq(world_error(), "source db: cannot restore_prepare: injected fault");
    ck_assert_uint_eq(world_lines("before", "x"), 1);
}
END_TEST

START_TEST(an_empty_target_needs_no_safety_backup)
{
    make_scheduled_backup();
    static const char *const cache[] = {"cache", NULL};
    ck_assert_int_eq(world_restore("latest", CLEAN, cache, NULL), HANGAR_STATUS_DONE);
    ck_assert(json_is_null(world_at("safety")));
    ck_assert_int_eq(in_sink("a"), 1);
}
END_TEST

START_TEST(a_safety_backup_uses_the_options_of_the_target)
{
    make_scheduled_backup();
    static const char *const set[] = {"db.objects=5", "cache.full=true", "db.time=1768442400001",
                                      NULL};
    ck_assert_int_eq(world_restore("latest", CLEAN, NULL, set), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("safety.sources"), 2);
    char id[64];
    snprintf(id, sizeof(id), "%s", world_text("safety.id"));
    ck_assert_int_eq(world_show(id), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("manifest.kind"), "safety");
    ck_assert_uint_eq(world_count("manifest.sources.0.objects"), 5);
    ck_assert_str_eq(world_text("manifest.sources.0.time"), "2026-01-15T02:00:00.001Z");
    ck_assert_int_eq(world_shell("grep -q '^# A safety backup' a/p/%s/RESTORE.txt", id), 0);
    ck_assert_int_eq(world_shell("grep -q '^# A safety backup' a/p/%s/RESTORE.txt", scheduled), 1);
}
END_TEST

START_TEST(without_a_safety_backup_nothing_is_changed)
{
    static const char *const calls[] = {"prepare_safety", "begin", "next", "read", "close", "end"};
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        world_shell("rm -rf a state/sinks"); /* a new sink, not a lost one */
        make_scheduled_backup();
        char one[64];
        snprintf(one, sizeof(one), "db.fail_at=%s", calls[i]);
        const char *const set[] = {one, NULL};
        ck_assert_int_eq(world_restore("latest", CLEAN, NULL, set), HANGAR_STATUS_FAILED);
        ck_assert_msg(
            world_error_has(
                "nothing was restored, because the safety backup failed: source db: cannot "),
            "%s", world_error());
        ck_assert(json_is_null(world_at("safety.id")));
        ck_assert_uint_eq(world_lines("j", "^restore_prepare 3 objects clean"), 0);
        ck_assert_uint_eq(world_lines("j", "^restore_(open|write|phase|end$)"), 0);
        ck_assert_uint_eq(world_lines("jc", "^restore_(open|write|phase|end$)"), 0);
        ck_assert_int_eq(in_sink("a"), 1);
    }
    /* NOT_FOUND of a source fails the job; it is not the status of the request */
    static const char *const gone[] = {"db.fail_at=begin", "db.fail_rc=5", NULL};
    ck_assert_int_eq(world_restore("latest", CLEAN, NULL, gone), HANGAR_STATUS_FAILED);
}
END_TEST

START_TEST(no_safety_backup_is_made_if_a_target_refuses)
{
    make_scheduled_backup();
    static const char *const set[] = {"cache.fail_at=restore_prepare", "cache.fail_rc=11", NULL};
    ck_assert_int_eq(world_restore("latest", CLEAN, NULL, set), HANGAR_STATUS_FAILED);
    ck_assert_str_eq(world_error(), "source cache: cannot restore_prepare: injected fault");
    ck_assert_int_eq(in_sink("a"), 1);
    ck_assert_uint_eq(world_lines("j", "^prepare"), 0);
}
END_TEST

START_TEST(another_required_sink_stores_it_if_the_first_fails)
{
    make_backup_with(CONFIG("", "b, c", ""));
    world_shell("rm -rf c state/sinks");
    world_config(CONFIG(", fail_at: commit", "b, c", ""));
    ck_assert_int_eq(world_restore("latest", CLEAN, NULL, NULL), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("sink"), "b");
    ck_assert_str_eq(world_text("safety.sink"), "c");
    ck_assert_int_eq(in_sink("c"), 1);
    ck_assert_ptr_nonnull(strstr(world_log(), "storing the safety backup in sink c instead: "));
    /* there is no other required sink */
    world_config(CONFIG(", fail_at: commit", "b", ""));
    ck_assert_int_eq(world_restore("latest", CLEAN, NULL, NULL), HANGAR_STATUS_FAILED);
    ck_assert_msg(world_error_has("nothing was restored"), "%s", world_error());
    ck_assert_uint_eq(world_lines("j", "^restore_open"), 3);
}
END_TEST

START_TEST(all_sources_are_loaded_before_one_is_swapped)
{
    make_scheduled_backup();
    /* the second fails while it is loaded: neither is swapped */
    static const char *const loading[] = {"cache.fail_at=restore_phase_end", NULL};
    ck_assert_int_eq(world_restore("latest", CLEAN, NULL, loading), HANGAR_STATUS_FAILED);
    ck_assert_uint_eq(world_lines("j", "^restore_end$"), 0);
    ck_assert_uint_eq(world_lines("jc", "^restore_end$"), 0);
    ck_assert(!world_error_has("is restored"));
    ck_assert(json_is_false(world_at("sources.0.restored")));
    /* the second fails during its swap: the first is swapped, which is reported */
    world_shell("rm -f j jc");
    static const char *const swapping[] = {"cache.fail_at=restore_end", NULL};
    ck_assert_int_eq(world_restore(scheduled, CLEAN, NULL, swapping), HANGAR_STATUS_FAILED);
    ck_assert_uint_eq(world_lines("j", "^restore_end$"), 1);
    char expected[400];
    snprintf(
        expected, sizeof(expected),
        "source db is restored, but the restore is not complete: source cache: cannot "
        "restore_end: injected fault; hint: restore the others with hangar restore %s --mode clean "
        "--only cache",
        scheduled);
    ck_assert_str_eq(world_error(), expected);
    ck_assert(json_is_true(world_at("sources.0.restored")));
    ck_assert(json_is_false(world_at("sources.1.restored")));
    /* the first fails during its swap: the second is not swapped */
    world_shell("rm -f j jc");
    static const char *const first[] = {"db.fail_at=restore_end", NULL};
    ck_assert_int_eq(world_restore(scheduled, CLEAN, NULL, first), HANGAR_STATUS_FAILED);
    ck_assert_str_eq(world_error(), "source db: cannot restore_end: injected fault");
    ck_assert_uint_eq(world_lines("jc", "^restore_end$"), 0);
    ck_assert_uint_eq(world_lines("jc", "^restore_end-failed$"), 2);
}
END_TEST

static void interrupt_restore(int signal)
{
    (void)signal;
    hangar_cancel(world_hangar);
}

START_TEST(an_interruption_between_two_swaps_waits_for_the_second)
{
    make_scheduled_backup();
    signal(SIGUSR1, interrupt_restore);
    static const char *const swapping[] = {"db.interrupt_at=restore_end", NULL};
    ck_assert_int_eq(world_restore(scheduled, CLEAN, NULL, swapping), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("j", "^restore_end$"), 1);
    ck_assert_uint_eq(world_lines("jc", "^restore_end$"), 1);
    ck_assert(json_is_true(world_at("sources.1.restored")));
    /* before the first swap it ends the restore at once */
    world_shell("rm -f j jc");
    static const char *const loading[] = {"db.interrupt_at=restore_phase_end", NULL};
    ck_assert_int_eq(world_restore(scheduled, CLEAN, NULL, loading), HANGAR_STATUS_INTERRUPTED);
    ck_assert_uint_eq(world_lines("j", "^restore_end$"), 0);
    ck_assert_uint_eq(world_lines("jc", "^restore_end$"), 0);
    signal(SIGUSR1, SIG_DFL);
}
END_TEST

START_TEST(remains_of_a_restore_degrade_it)
{
    make_scheduled_backup();
    static const char *const set[] = {"cache.left=a thing; hint: drop it", NULL};
    ck_assert_int_eq(world_restore("latest", CLEAN, NULL, set), HANGAR_STATUS_DEGRADED);
    ck_assert_str_eq(
        world_error(),
        "source cache: restored, but these leftovers could not be removed: a thing; hint: drop it");
    ck_assert(json_is_true(world_at("sources.0.restored")));
    ck_assert(json_is_true(world_at("sources.1.restored")));
}
END_TEST

START_TEST(the_pipeline_is_locked_during_a_clean_restore)
{
    make_scheduled_backup();
    int fd = open("state/lock/p.lock", O_RDWR | O_CLOEXEC);
    ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
    ck_assert_int_eq(world_restore("latest", CLEAN, NULL, NULL), HANGAR_STATUS_BUSY);
    ck_assert_uint_eq(world_lines("j", "restore"), 0);
    ck_assert_int_eq(world_restore("latest", CLEAN | DRY, NULL, NULL), HANGAR_STATUS_DONE);
    close(fd);
    ck_assert_int_eq(world_restore("latest", CLEAN, NULL, NULL), HANGAR_STATUS_DONE);
}
END_TEST

START_TEST(a_safety_backup_is_a_backup_but_not_the_latest)
{
    make_scheduled_backup();
    ck_assert_int_eq(world_restore("latest", CLEAN, NULL, NULL), HANGAR_STATUS_DONE);
    char id[64];
    snprintf(id, sizeof(id), "%s", world_text("safety.id"));
    ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("backups"), 2);
    ck_assert_str_eq(world_text("backups.0.id"), id);
    ck_assert_str_eq(world_text("backups.0.kind"), "safety");
    ck_assert_str_eq(world_text("backups.1.kind"), "backup");
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("manifest.id"), scheduled);
    ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("pipelines.0.last_run.id"), scheduled);
    ck_assert_str_eq(world_text("pipelines.0.sinks.0.newest"), scheduled);
    ck_assert_int_eq(world_int("pipelines.0.sinks.0.backups"), 1);
    ck_assert_int_eq(world_int("pipelines.0.sinks.0.safety_backups"), 1);
    ck_assert_int_eq(world_verify("all", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("backups"), 2);
    /* `latest` does not find it even if it is the only one */
    ck_assert_int_eq(world_shell("rm -r a/p/%s", scheduled), 0);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_NOT_FOUND);
    ck_assert_int_eq(world_show(id), HANGAR_STATUS_DONE);
}
END_TEST

START_TEST(retention_counts_safety_backups_apart)
{
    make_backup_with(CONFIG("", "a", ", retention: { keep_last: 1, min_keep: 1 }"));
    static const char *const db[] = {"db", NULL};
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(world_restore("latest", CLEAN, db, NULL), HANGAR_STATUS_DONE);
    }
    ck_assert_int_eq(in_sink("a"), 4); /* a restore does not prune, and none has expired */
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(in_sink("a"), 4); /* the older regular backup was removed */
    ck_assert_int_eq(world_shell("test -e a/p/%s/manifest.json", scheduled), 1);
}
END_TEST

/* A try that fails while it loads; returns the id of its safety backup. */
static const char *fail_to_restore(const char *id, const char *more)
{
    static char safety[16][64];
    static size_t n;
    char *made = safety[n++ % 16];
    const char *const set[] = {"db.fail_at=restore_phase_end", more, NULL};
    ck_assert_int_eq(world_restore(id, CLEAN, NULL, set), HANGAR_STATUS_FAILED);
    snprintf(made, sizeof(safety[0]), "%s", world_text("safety.id"));
    return made;
}

static bool is_there(const char *id)
{
    return world_shell("test -e a/p/%s/manifest.json", id) == 0;
}

START_TEST(safety_backups_of_repeated_tries_do_not_pile_up)
{
    make_scheduled_backup();
    const char *first = fail_to_restore("latest", NULL), *second = fail_to_restore("latest", NULL);
    ck_assert(is_there(first) && is_there(second)); /* before all tries, and now */
    const char *third = fail_to_restore(scheduled, NULL);
    ck_assert(is_there(first) && !is_there(second) && is_there(third));
    ck_assert_int_eq(world_shell("test -e a/p/%s", second), 1); /* nothing of it is left */
    /* one that is held stays, also one that is restored, and all while the first is not good */
    ck_assert_int_eq(world_shell("echo '{}' >a/p/%s/hold", third), 0);
    const char *fourth = fail_to_restore("latest", NULL);
    const char *fifth = fail_to_restore(fourth, NULL);
    ck_assert(is_there(first) && is_there(third) && is_there(fourth) && is_there(fifth));
    ck_assert_int_eq(world_shell("mv a/p/%s/db a/db", first), 0);
    const char *sixth = fail_to_restore("latest", NULL);
    ck_assert(is_there(fourth) && is_there(fifth) && is_there(sixth));
    ck_assert_int_eq(world_shell("mv a/db a/p/%s/db; rm a/p/%s/hold", first, third), 0);
    const char *seventh = fail_to_restore("latest", NULL);
    ck_assert(is_there(first) && is_there(seventh));
    ck_assert_int_eq(in_sink("a"), 3);
    /* the first is gone: the next one takes its place */
    ck_assert_int_eq(world_shell("rm -r a/p/%s", first), 0);
    const char *eighth = fail_to_restore("latest", NULL), *ninth = fail_to_restore("latest", NULL);
    ck_assert(is_there(seventh) && !is_there(eighth) && is_there(ninth));
}
END_TEST

START_TEST(only_tries_of_the_same_restore_belong_together)
{
    make_scheduled_backup();
    /* other targets */
    const char *first = fail_to_restore("latest", NULL);
    const char *other = fail_to_restore("latest", "cache.full=true");
    const char *second = fail_to_restore("latest", NULL);
    const char *third = fail_to_restore("latest", NULL);
    ck_assert(is_there(first) && is_there(other) && !is_there(second) && is_there(third));
    /* a restore that succeeds ends it */
    ck_assert_int_eq(world_restore("latest", CLEAN, NULL, NULL), HANGAR_STATUS_DONE);
    const char *last = world_text("safety.id");
    ck_assert(is_there(first) && !is_there(third) && is_there(last));
    char before[64];
    snprintf(before, sizeof(before), "%s", last);
    const char *later = fail_to_restore("latest", NULL);
    const char *between = fail_to_restore("latest", NULL);
    ck_assert(is_there(first) && is_there(before) && is_there(later) && is_there(between));
    /* a backup that is not a safety backup stays, also when the file lists it */
    ck_assert_int_eq(world_shell("grep -q %s state/tries/p && sed -i s/%s/%s/ state/tries/p",
                                 between, between, scheduled),
                     0);
    fail_to_restore(later, NULL);
    ck_assert(is_there(scheduled) && is_there(later));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_safety_backup_is_made_before_data_is_replaced,
        a_dry_run_reports_the_safety_backup_and_makes_none,
        a_plan_does_not_fail_for_what_the_hook_may_remove,
        an_empty_target_needs_no_safety_backup,
        a_safety_backup_uses_the_options_of_the_target,
        without_a_safety_backup_nothing_is_changed,
        no_safety_backup_is_made_if_a_target_refuses,
        another_required_sink_stores_it_if_the_first_fails,
        all_sources_are_loaded_before_one_is_swapped,
        an_interruption_between_two_swaps_waits_for_the_second,
        remains_of_a_restore_degrade_it,
        the_pipeline_is_locked_during_a_clean_restore,
        a_safety_backup_is_a_backup_but_not_the_latest,
        retention_counts_safety_backups_apart,
        safety_backups_of_repeated_tries_do_not_pile_up,
        only_tries_of_the_same_restore_belong_together,
    };
    return SUITE_RUN("jobs/restore/clean", tests, world_setup, world_teardown);
}
