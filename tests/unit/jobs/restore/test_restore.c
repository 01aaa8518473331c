/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore: the right bytes reach the source in the right order, and wrong ones do
 * not reach it at all.
 */
#include "world.h"

#define CONFIG(options)                                                                            \
    "sources: { db: { plugin: test-source, options: { journal: j" options " } },\n"                \
    "  cache: { plugin: test-source, options: { objects: 1, journal: jc } } }\n"                   \
    "transforms: { gzip: { plugin: compress-gzip }, not: { plugin: test-transform } }\n"           \
    "sinks: { a: { plugin: storage-local, options: { path: ./a } } }\n"                            \
    "pipelines: { p: { sources: [db, cache], transforms: [gzip, not], sinks: [a] } }\n"

static void make_backup(void)
{
    world_config(CONFIG(", objects: 7, phases: 3, jobs: 3"));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    world_shell("rm -f j jc");
}

START_TEST(everything_comes_back_phase_by_phase)
{
    make_backup();
    ck_assert_int_eq(world_restore("latest", 0, NULL, NULL), HANGAR_STATUS_DONE);
    world_fields(world_doc, "schema:s status:s id:s pipeline:s sink:s dry_run:b duration_ms:i "
                            "objects:i plain_bytes:i sources:a");
    world_fields(world_at("sources.0"), "name:s plugin:s target:s plan:a report:o");
    ck_assert_int_eq(world_int("objects"), 8);
    ck_assert_int_eq(world_int("plain_bytes"), 8 * 102400);
    ck_assert_str_eq(world_text("sources.0.report.compared"), "all");
    ck_assert_str_eq(world_text("sources.0.plan.0"), "compare 7 objects");
    ck_assert_uint_eq(world_lines("j", "^restore_close"), 7);
    /* the phases of opens, closes and ends never go back, and an end comes behind its own */
    ck_assert_int_eq(world_shell("awk '/^restore_(open|close)/ { if ($2 != phase) exit 1 } "
                                 "/^restore_phase_end/ { if ($2 != phase++) exit 1 } "
                                 "END { if (phase != 3) exit 1 }' j"),
                     0);
    ck_assert_int_eq(world_shell("test \"$(tail -1 j)\" = restore_end"), 0);
}
END_TEST

START_TEST(a_dry_run_looks_and_changes_nothing)
{
    make_backup();
    ck_assert_int_eq(world_restore("latest", HANGAR_REQUEST_DRY_RUN, NULL, NULL),
                     HANGAR_STATUS_DONE);
    ck_assert(json_is_true(world_at("dry_run")));
    ck_assert_int_eq(world_int("objects"), 8); /* what it would be */
    ck_assert_uint_eq(world_count("sources.0.plan"), 2);
    ck_assert_uint_eq(world_lines("j", "^restore_prepare 7 objects dry"), 1);
    ck_assert_uint_eq(world_lines("j", "^restore_end"), 1);
    ck_assert_uint_eq(world_lines("j", "^restore_(open|write|phase)"), 0);
}
END_TEST

START_TEST(a_target_with_data_is_refused_unless_told)
{
    make_backup();
    static const char *const set[] = {"db.full=true", NULL};
    ck_assert_int_eq(world_restore("latest", 0, NULL, set), HANGAR_STATUS_FAILED);
    ck_assert_str_eq(world_error(), "source db: the target holds data");
    ck_assert_uint_eq(world_lines("j", "^restore_(open|write|phase)"), 0);
    ck_assert_uint_eq(world_lines("j", "^restore_end-failed"), 1);
    ck_assert_int_eq(world_restore("latest", HANGAR_REQUEST_CLEAN, NULL, set), HANGAR_STATUS_DONE);
}
END_TEST

START_TEST(a_damaged_object_reaches_no_source)
{
    static const char *const damages[] = {
        "printf X | dd of=$f bs=1 seek=50 conv=notrunc 2>/dev/null",
        "truncate -s -1 $f",
        "printf X >> $f",
        "rm $f",
        ": > $f",
        "cp $(ls a/p/*/db/data/0001*) $f",
    };
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        world_shell("rm -rf a");
        make_backup();
        ck_assert_int_eq(
            world_shell("f=$(ls a/p/*/cache/data/0000*); chmod u+w $f; %s", damages[i]), 0);
        ck_assert_int_eq(world_restore("latest", 0, NULL, NULL), HANGAR_STATUS_CORRUPT);
        ck_assert_msg(world_says("nothing was restored: "), "%s", world_error());
        ck_assert_msg(world_says("cache/data/0000"), "%s", world_error());
        ck_assert_uint_eq(world_lines("j", "restore"), 0);
        ck_assert_uint_eq(world_lines("jc", "restore"), 0);
        /* what was not chosen need not be whole */
        static const char *const only[] = {"db", NULL};
        ck_assert_int_eq(world_restore("latest", 0, only, NULL), HANGAR_STATUS_DONE);
    }
}
END_TEST

START_TEST(a_target_that_fails_is_told_and_undone)
{
    static const char *const calls[] = {"restore_prepare", "restore_open",      "restore_write",
                                        "restore_close",   "restore_phase_end", "restore_end"};
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        char expected[100], one[64];
        make_backup();
        snprintf(one, sizeof(one), "db.fail_at=%s", calls[i]);
        const char *const set[] = {one, NULL};
        ck_assert_int_eq(world_restore("latest", 0, NULL, set), HANGAR_STATUS_FAILED);
        snprintf(expected, sizeof(expected), "source db: cannot %s as told", calls[i]);
        ck_assert_str_eq(world_error(), expected);
        ck_assert_uint_eq(world_lines("j", "^restore_end"), 1);
        ck_assert_uint_eq(world_lines("j", "^restore_end-failed"),
                          strcmp(calls[i], "restore_end") != 0);
        /* every one that was opened is closed */
        ck_assert(strcmp(calls[i], "restore_open") == 0 ||
                  world_lines("j", "^restore_open") ==
                      world_lines("j", "^restore_(close|abandon)"));
        ck_assert_uint_eq(world_lines("jc", "^restore_(end|prepare)") % 2, 0);
    }
}
END_TEST

START_TEST(settings_are_read_or_refused)
{
    static const struct {
        const char *set, *says;
    } rows[] = {
        {"db", "invalid setting \"db\"; hint: it must be SOURCE.OPTION=VALUE"},
        {"db.size", "invalid setting \"db.size\"; hint"},
        {"size=1", "invalid setting \"size\"; hint"},
        {".size=1", "invalid setting \".size\"; hint"},
        {"db.=1", "invalid setting \"db.\"; hint"},
        {"=x.y", "invalid setting \"\"; hint"},
        {"", "invalid setting \"\"; hint"},
        {"other.size=1", "cannot set size: "},
        {"db.sise=1", "sise"},
        {"db.objects=many", "objects"},
        {"db.password=c4n4ry", "password"},
    };
    make_backup();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const set[] = {rows[i].set, NULL};
        ck_assert_int_eq(world_restore("latest", 0, NULL, set), HANGAR_STATUS_USAGE);
        ck_assert_msg(world_says(rows[i].says), "%s", world_error());
        ck_assert(!world_says("c4n4ry"));
        ck_assert_uint_eq(world_lines("j", "restore"), 0);
    }
    const char *many[100] = {0};
    for (size_t i = 0; i < 65; i++) {
        many[i] = "db.size=1";
    }
    ck_assert_int_eq(world_restore("latest", 0, NULL, many), HANGAR_STATUS_USAGE);
    ck_assert_str_eq(world_error(), "more than 64 settings");
    static const char *const good[] = {"db.name=a=b.c", "cache.jobs=1", NULL};
    ck_assert_int_eq(world_restore("latest", 0, NULL, good), HANGAR_STATUS_DONE);
}
END_TEST

START_TEST(sources_are_chosen_or_unknown)
{
    make_backup();
    static const char *const only[] = {"cache", NULL}, *const unknown[] = {"cache", "x", NULL},
                             *const none[] = {NULL};
    ck_assert_int_eq(world_restore("latest", 0, only, NULL), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("sources"), 1);
    ck_assert_uint_eq(world_lines("j", "restore"), 0);
    ck_assert_int_eq(world_restore("latest", 0, unknown, NULL), HANGAR_STATUS_NOT_FOUND);
    ck_assert(world_says(" has no source x"));
    ck_assert_int_eq(world_restore("latest", 0, none, NULL), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("sources"), 2);
}
END_TEST

#define OTHER(sources)                                                                             \
    "sources: { " sources " }\nsinks: { a: { plugin: storage-local, options: { path: ./a } } }\n"  \
    "pipelines: { p: { sources: [x], sinks: [a] } }\n"
#define X "x: { plugin: test-source }"

START_TEST(the_configuration_may_have_changed_since)
{
    make_backup();
    static const char *const db[] = {"db", NULL};
    world_config(OTHER(X));
    ck_assert_int_eq(world_restore("latest", 0, db, NULL), HANGAR_STATUS_USAGE);
    ck_assert(world_says("the configuration has no source db to restore into; hint: add one with "
                         "plugin: test-source, or select other sources with --only"));
    /* its transforms are not configured any more: their defaults decode */
    world_config(OTHER(X ", db: { plugin: test-source, options: { journal: j } }"));
    ck_assert_int_eq(world_restore("latest", 0, db, NULL), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("j", "^restore_close"), 7);
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_restore("backup_2026-01-15T02-00-00-000Z", 0, NULL, NULL),
                     HANGAR_STATUS_NOT_FOUND);
    ck_assert_int_eq(world_restore("yesterday", 0, NULL, NULL), HANGAR_STATUS_USAGE);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        everything_comes_back_phase_by_phase,
        a_dry_run_looks_and_changes_nothing,
        a_target_with_data_is_refused_unless_told,
        a_damaged_object_reaches_no_source,
        a_target_that_fails_is_told_and_undone,
        settings_are_read_or_refused,
        sources_are_chosen_or_unknown,
        the_configuration_may_have_changed_since,
    };
    return SUITE_RUN("jobs/restore/restore", tests, world_setup, world_teardown);
}
