/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore: the objects are restored in the order of their phases, and damaged bytes fail the
 * restore: before a target is changed, or while it is loaded (verify_first).
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

START_TEST(everything_is_restored_phase_by_phase)
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
    /* phases only increase, and each ends after its objects */
    ck_assert_int_eq(world_shell("awk '/^restore_(open|close)/ { if ($2 != phase) exit 1 } "
                                 "/^restore_phase_end/ { if ($2 != phase++) exit 1 } "
                                 "END { if (phase != 3) exit 1 }' j"),
                     0);
    ck_assert_int_eq(world_shell("test \"$(tail -1 j)\" = restore_end"), 0);
}
END_TEST

START_TEST(a_dry_run_checks_and_changes_nothing)
{
    make_backup();
    ck_assert_int_eq(world_restore("latest", HANGAR_REQUEST_DRY_RUN, NULL, NULL),
                     HANGAR_STATUS_DONE);
    ck_assert(json_is_true(world_at("dry_run")));
    ck_assert_int_eq(world_int("objects"), 8); /* of the plan */
    ck_assert_uint_eq(world_count("sources.0.plan"), 2);
    ck_assert_uint_eq(world_lines("j", "^restore_prepare 7 objects dry"), 1);
    ck_assert_uint_eq(world_lines("j", "^restore_end"), 1);
    ck_assert_uint_eq(world_lines("j", "^restore_(open|write|phase)"), 0);
}
END_TEST

START_TEST(a_target_with_data_is_refused_without_clean)
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
        world_shell("rm -rf a state/sinks"); /* a new sink, not a lost one */
        make_backup();
        ck_assert_int_eq(
            world_shell("f=$(ls a/p/*/cache/data/0000*); chmod u+w $f; %s", damages[i]), 0);
        ck_assert_int_eq(world_restore("latest", 0, NULL, NULL), HANGAR_STATUS_CORRUPT);
        ck_assert_msg(world_error_has("nothing was restored: "), "%s", world_error());
        ck_assert_msg(world_error_has("cache/data/0000"), "%s", world_error());
        ck_assert_uint_eq(world_lines("j", "restore"), 0);
        ck_assert_uint_eq(world_lines("jc", "restore"), 0);
        /* damage of a source that is not selected does not matter */
        static const char *const only[] = {"db", NULL};
        ck_assert_int_eq(world_restore("latest", 0, only, NULL), HANGAR_STATUS_DONE);
    }
}
END_TEST

/* Sinks a (local) and b (not local, and it writes the objects that are read to rb) have the same
 * backups; each source has one object. */
#define TWO_SINKS(a, b)                                                                            \
    "sources: { db: { plugin: test-source, options: { objects: 1, journal: j } } }\n"              \
    "transforms: { gzip: { plugin: compress-gzip } }\n"                                            \
    "sinks:\n  a: { plugin: storage-local, options: { path: ./a }" a " }\n"                        \
    "  b: { plugin: test-sink, options: { path: ./b, reads: ./rb }" b " }\n"                       \
    "pipelines: { p: { sources: [db], transforms: [gzip], sinks: [a, b] } }\n"

static enum hangar_status restore_from(const char *sink, uint32_t flags)
{
    struct hangar_restore_request request = {
        .struct_size = sizeof(request),
        .flags = flags,
        .backup = {.struct_size = sizeof(request.backup), .id = "latest", .sink = sink}};
    world_shell("rm -f j rb");
    char *text = NULL;
    enum hangar_status status = hangar_restore(world_hangar, &request, &text);
    return world_take(status, text);
}

START_TEST(objects_of_a_sink_that_is_not_local_are_read_once)
{
    static const struct {
        const char *verify_first;
        size_t reads;
    } rows[] = {{"auto", 1}, {"always", 2}, {"never", 1}};
    world_config(TWO_SINKS("", ""));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(restore_from("b", 0), HANGAR_STATUS_DONE); /* auto is the default */
    ck_assert_uint_eq(world_lines("rb", "/db/data/0000"), 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_config(TWO_SINKS("", ", verify_first: %s"), rows[i].verify_first);
        ck_assert_int_eq(restore_from("b", 0), HANGAR_STATUS_DONE);
        ck_assert_uint_eq(world_lines("rb", "/db/data/0000"), rows[i].reads);
        ck_assert_uint_eq(world_lines("j", "^restore_end$"), 1);
    }
}
END_TEST

START_TEST(damage_is_found_before_or_during_the_load)
{
    static const struct {
        const char *sink, *a, *b;
        bool first; /* found before a target is changed */
    } rows[] = {{"a", "auto", "auto", true},   {"a", "always", "auto", true},
                {"a", "never", "auto", false}, {"b", "auto", "auto", false},
                {"b", "auto", "always", true}, {"b", "auto", "never", false}};
    world_config(TWO_SINKS("", ""));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    /* in the header of the gzip member, where only the SHA-256 of the object can show it */
    ck_assert_int_eq(world_shell("for f in a/p/*/db/data/0000* b/*db%%data%%0000*; do "
                                 "chmod u+w $f && printf X | dd of=$f bs=1 seek=9 conv=notrunc "
                                 "2>/dev/null || exit 1; done"),
                     0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_config(TWO_SINKS(", verify_first: %s", ", verify_first: %s"), rows[i].a, rows[i].b);
        for (size_t clean = 0; clean < 2; clean++) {
            ck_assert_int_eq(restore_from(rows[i].sink, clean ? HANGAR_REQUEST_CLEAN : 0),
                             HANGAR_STATUS_CORRUPT);
            ck_assert_msg(world_error_has("db/data/0000"), "%s", world_error());
            ck_assert_int_eq(world_error_has("nothing was restored: "), rows[i].first);
            ck_assert_int_eq(world_error_has("damage was found during the load"), !rows[i].first);
            ck_assert(json_is_false(world_at("sources.0.restored")));
            /* the object is not complete, and restore_end reports the failure */
            ck_assert_uint_eq(world_lines("j", "^restore_open"), rows[i].first ? 0 : 1);
            ck_assert_uint_eq(world_lines("j", "^restore_close"), 0);
            ck_assert_uint_eq(world_lines("j", "^restore_end$"), 0); /* no swap */
            ck_assert_uint_eq(world_lines("j", "^restore_end-failed$"),
                              rows[i].first ? 0 : 1 + clean); /* clean: after the check, too */
        }
    }
}
END_TEST

START_TEST(a_target_that_fails_is_reported_and_ended)
{
    static const char *const calls[] = {"restore_prepare", "restore_open",      "restore_write",
                                        "restore_close",   "restore_phase_end", "restore_end"};
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        char expected[100], one[64];
        make_backup();
        snprintf(one, sizeof(one), "db.fail_at=%s", calls[i]);
        const char *const set[] = {one, NULL};
        ck_assert_int_eq(world_restore("latest", 0, NULL, set), HANGAR_STATUS_FAILED);
        snprintf(expected, sizeof(expected), "source db: cannot %s: injected fault", calls[i]);
        ck_assert_str_eq(world_error(), expected);
        ck_assert_uint_eq(world_lines("j", "^restore_end"), 1);
        ck_assert_uint_eq(world_lines("j", "^restore_end-failed"),
                          strcmp(calls[i], "restore_end") != 0);
        /* each object that was opened is closed */
        ck_assert(strcmp(calls[i], "restore_open") == 0 ||
                  world_lines("j", "^restore_open") ==
                      world_lines("j", "^restore_(close|abandon)"));
        ck_assert_uint_eq(world_lines("jc", "^restore_(end|prepare)") % 2, 0);
    }
}
END_TEST

START_TEST(invalid_settings_are_refused)
{
    static const struct {
        const char *set, *error;
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
        ck_assert_msg(world_error_has(rows[i].error), "%s", world_error());
        ck_assert(!world_error_has("c4n4ry"));
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

START_TEST(only_the_selected_sources_are_restored)
{
    make_backup();
    static const char *const only[] = {"cache", NULL}, *const unknown[] = {"cache", "x", NULL},
                             *const none[] = {NULL};
    ck_assert_int_eq(world_restore("latest", 0, only, NULL), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("sources"), 1);
    ck_assert_uint_eq(world_lines("j", "restore"), 0);
    ck_assert_int_eq(world_restore("latest", 0, unknown, NULL), HANGAR_STATUS_NOT_FOUND);
    ck_assert(world_error_has(" has no source x"));
    ck_assert_int_eq(world_restore("latest", 0, none, NULL), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("sources"), 2);
}
END_TEST

#define OTHER(sources)                                                                             \
    "sources: { " sources " }\nsinks: { a: { plugin: storage-local, options: { path: ./a } } }\n"  \
    "pipelines: { p: { sources: [x], sinks: [a] } }\n"
#define X "x: { plugin: test-source }"

START_TEST(the_configuration_may_have_changed_since_the_backup)
{
    make_backup();
    static const char *const db[] = {"db", NULL};
    world_config(OTHER(X));
    ck_assert_int_eq(world_restore("latest", 0, db, NULL), HANGAR_STATUS_USAGE);
    ck_assert(
        world_error_has("the configuration has no source db to restore into; hint: add one with "
                        "plugin: test-source, or select other sources with --only"));
    /* its transforms are no longer configured: their defaults decode the backup */
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
        everything_is_restored_phase_by_phase,
        a_dry_run_checks_and_changes_nothing,
        a_target_with_data_is_refused_without_clean,
        a_damaged_object_reaches_no_source,
        objects_of_a_sink_that_is_not_local_are_read_once,
        damage_is_found_before_or_during_the_load,
        a_target_that_fails_is_reported_and_ended,
        invalid_settings_are_refused,
        only_the_selected_sources_are_restored,
        the_configuration_may_have_changed_since_the_backup,
    };
    return SUITE_RUN("jobs/restore/restore", tests, world_setup, world_teardown);
}
