/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * goodness: damage that a verification found counts for every job, per sink, until a later
 * verification finds the same copy good; one that judged nothing changes nothing.
 */
#include "world.h"

#define SOURCES                                                                                    \
    "sources: { db: { plugin: test-source } }\n"                                                   \
    "sinks:\n  a: { plugin: storage-local, options: { path: ./a } }\n"                             \
    "  b: { plugin: storage-local, options: { path: ./b } }\n"
#define BOTH SOURCES "pipelines: { p: { sources: [db], sinks: [a, b] } }\n"
#define ONE SOURCES "pipelines: { p: { sources: [db], sinks: [a] } }\n"

/* Changes one byte of an object, whose size stays, or sets it back. */
static void goodness_flip(const char *sink, const char *id, const char *how)
{
    ck_assert_int_eq(world_shell("f=$(ls %s/p/%s/db/*/* %s/p/%s/db/* 2>/dev/null | head -1); "
                                 "chmod u+w $f; %s",
                                 sink, id, sink, id, how),
                     0);
}
#define BREAK "cp $f kept; printf X | dd of=$f bs=1 seek=3 conv=notrunc 2>/dev/null"
#define PUT_BACK "cp kept $f"

static enum hangar_status goodness_health(void)
{
    char *text = NULL;
    enum hangar_status status = hangar_health(world_hangar, "p", &text);
    return world_take(status, text);
}

static bool document_has(const char *what)
{
    char *text = json_dumps(world_doc, 0);
    bool found = strstr(text, what) != NULL;
    free(text);
    return found;
}

/* Every job agrees that sink a has a bad copy of `newer`, and sink b a good one. */
static void goodness_expect_bad(const char *older, const char *newer)
{
    ck_assert_int_eq(world_list(), HANGAR_STATUS_CORRUPT);
    ck_assert_str_eq(world_text("backups.0.state"), "complete");
    ck_assert_uint_eq(world_count("backups.0.damaged"), 1);
    ck_assert_str_eq(world_text("backups.0.damaged.0"), "a");
    ck_assert_uint_eq(world_count("backups.1.damaged"), 0);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("manifest.id"), newer);
    ck_assert_str_eq(world_text("sink"), "b");
    ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_int("pipelines.0.sinks.0.damaged"), 1);
    ck_assert_str_eq(world_text("pipelines.0.sinks.0.newest"), older);
    ck_assert_str_eq(world_text("pipelines.0.sinks.1.newest"), newer);
    ck_assert_int_eq(goodness_health(), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("pipelines.0.sinks.0.newest"), older);
    ck_assert_ptr_nonnull(strstr(world_text("pipelines.0.sinks.0.damage"), "is damaged"));
    ck_assert_str_eq(world_text("pipelines.0.sinks.1.newest"), newer);
    ck_assert_int_eq(world_restore("latest", 0, NULL, NULL), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("sink"), "b");
}

START_TEST(damage_counts_until_a_later_verification_is_good)
{
    char older[64], newer[64];
    world_config(BOTH);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    snprintf(older, sizeof(older), "%s", world_id());
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    snprintf(newer, sizeof(newer), "%s", world_id());
    goodness_flip("a", newer, BREAK);
    ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE); /* nothing has read the byte yet */
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_CORRUPT);
    ck_assert_str_eq(world_text("outcome"), "bad");
    ck_assert_str_eq(world_text("backups.0.outcome"), "bad");
    ck_assert_str_eq(world_text("backups.1.outcome"), "good");
    goodness_expect_bad(older, newer);
    ck_assert_int_eq(world_list(), HANGAR_STATUS_CORRUPT);
    ck_assert_str_eq(world_text("backups.0.verified.sink"),
                     "a"); /* the good one does not hide it */
    ck_assert_str_eq(world_text("backups.0.verified.status"), "corrupt");
    /* on another machine, from the record beside the copy; the second time from the cache */
    ck_assert_int_eq(world_shell("rm -r $(find state -name history)"), 0);
    goodness_expect_bad(older, newer);
    goodness_expect_bad(older, newer);
    /* a quick verification reads no byte */
    goodness_flip("a", newer, PUT_BACK);
    ck_assert_int_eq(world_verify(newer, HANGAR_VERIFY_QUICK), HANGAR_STATUS_DONE);
    goodness_expect_bad(older, newer);
    ck_assert_int_eq(world_verify(newer, HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("backups.0.verified.status"), "done");
    ck_assert_int_eq(world_shell("rm -r $(find state -name history)"), 0);
    ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("sink"), "a");
}
END_TEST

START_TEST(the_only_copy_found_corrupt_is_neither_healthy_nor_silent)
{
    world_config(ONE);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(goodness_health(), HANGAR_STATUS_DONE);
    goodness_flip("a", world_id(), BREAK);
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_CORRUPT);
    ck_assert_int_eq(goodness_health(), HANGAR_STATUS_STALE);
    ck_assert(world_error_has("has no good backup in sink a: sink a: "));
    ck_assert_int_eq(world_alerts(HANGAR_REQUEST_DRY_RUN), HANGAR_STATUS_DONE);
    ck_assert(document_has("\"damaged a\""));
    ck_assert(document_has("\"stale a\""));
    ck_assert_int_eq(world_list(), HANGAR_STATUS_CORRUPT);
    ck_assert_str_eq(world_text("backups.0.state"), "corrupt");
    ck_assert_ptr_nonnull(strstr(world_text("backups.0.problem"), "level=full of 20"));
}
END_TEST

START_TEST(a_problem_in_a_listing_ends_with_its_cause)
{
    world_config(ONE);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    for (int i = 0; i < 2; i++) { /* while the bytes are good, and while they are bad */
        for (int k = 0; k < 2; k++) {
            const char *file = k == 0 ? "manifest.json" : "RESTORE.txt";
            ck_assert_int_eq(world_shell("mv a/p/%s/%s there", world_id(), file), 0);
            ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_CORRUPT);
            ck_assert_int_eq(world_list(), HANGAR_STATUS_CORRUPT);
            ck_assert_int_eq(world_shell("mv there a/p/%s/%s", world_id(), file), 0);
            ck_assert_int_eq(world_list(), i == 0 ? HANGAR_STATUS_DONE : HANGAR_STATUS_CORRUPT);
        }
        goodness_flip("a", world_id(), BREAK);
        ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_CORRUPT);
    }
}
END_TEST

START_TEST(retention_keeps_the_last_good_one_when_newer_ones_are_known_to_be_corrupt)
{
    char good[64], *text = NULL;
    world_config("%s", "sources: { db: { plugin: test-source } }\n"
                       "sinks: { a: { plugin: storage-local, options: { path: ./a }, retention: { "
                       "keep_last: 1, min_keep: 1, delete_grace: 0s } } }\n"
                       "pipelines: { p: { sources: [db], sinks: [a] } }\n");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    snprintf(good, sizeof(good), "%s", world_id());
    ck_assert_int_eq(world_shell("cp -r a/p/%s kept_good", good), 0);
    for (int i = 0; i < 2; i++) { /* the retention after a run may take the one before */
        ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
        ck_assert_int_eq(world_shell("rm -rf a/p/%s && cp -r kept_good a/p/%s", good, good), 0);
        goodness_flip("a", world_id(), BREAK);
        ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_CORRUPT);
    }
    enum hangar_status status = hangar_prune(world_hangar, "p", NULL, 0, &text);
    ck_assert_int_eq(world_take(status, text), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("test -f a/p/%s/manifest.json", good), 0);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("manifest.id"), good);
}
END_TEST

START_TEST(a_verification_that_judged_nothing_changes_nothing)
{
    const char *const broken = "sources: { db: { plugin: test-source } }\n"
                               "sinks: { a: { plugin: test-sink, options: { path: ./t%s } } }\n"
                               "pipelines: { p: { sources: [db], sinks: [a] } }\n";
    char text[400];
    snprintf(text, sizeof(text), broken, "");
    world_config("%s", text);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    for (size_t i = 0; i < 2; i++) { /* while the copy is good, and while it is bad */
        snprintf(text, sizeof(text), broken, ", fail_at: get, only: /db/");
        world_config("%s", text);
        ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_FAILED);
        ck_assert_str_eq(world_text("outcome"), "not_judged");
        snprintf(text, sizeof(text), broken, "");
        world_config("%s", text);
        ck_assert_int_eq(world_list(), i ? HANGAR_STATUS_CORRUPT : HANGAR_STATUS_DONE);
        ck_assert_str_eq(world_text("backups.0.state"), i ? "corrupt" : "complete");
        ck_assert_str_eq(world_text("backups.0.verified.outcome"), i ? "bad" : "not_judged");
        if (i == 0) {
            ck_assert_int_eq(world_shell("ls t | grep -c verify"), 1); /* 0 records */
            ck_assert_int_eq(
                world_shell("f=$(ls t/*db* | head -1); chmod u+w $f; printf X | dd of=$f bs=1 "
                            "seek=3 conv=notrunc 2>/dev/null"),
                0);
            ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_CORRUPT);
        }
    }
}
END_TEST

/* What an earlier drill left in the history. */
static void goodness_remember(const char *sink, const char *status, const char *time)
{
    ck_assert_int_eq(
        world_shell("d=$(dirname $(find state -name p.jsonl)); "
                    "echo '{\"id\":\"%s\",\"sink\":\"%s\",\"time\":\"2026-01-16T%s:00.000Z\","
                    "\"level\":\"drill\",\"status\":\"%s\"}' >> $d/p.verify.jsonl",
                    world_id(), sink, time, status),
        0);
}

START_TEST(a_drill_of_one_sink_does_not_hide_that_of_another)
{
    world_config(BOTH);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    goodness_remember("gone", "corrupt", "02:00");
    goodness_remember("a", "corrupt", "02:00");
    goodness_remember("b", "done", "02:02");
    ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("pipelines.0.last_drill.sink"), "a");
    ck_assert_str_eq(world_text("pipelines.0.last_drill.outcome"), "bad");
    ck_assert_str_eq(world_text("pipelines.0.sinks.0.verifications.1.outcome"), "bad");
    ck_assert_str_eq(world_text("pipelines.0.sinks.1.verifications.1.outcome"), "good");
    ck_assert_int_eq(world_alerts(HANGAR_REQUEST_DRY_RUN), HANGAR_STATUS_DONE);
    ck_assert(document_has("last drill of"));
    /* not judged is worse than good; a clock set back does not matter */
    goodness_remember("a", "failed", "01:58");
    ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("pipelines.0.last_drill.outcome"), "not_judged");
    goodness_remember("a", "done", "01:56");
    ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("pipelines.0.last_drill.outcome"), "good");
    ck_assert_str_eq(world_text("pipelines.0.last_drill.sink"), "b");
    ck_assert_int_eq(world_alerts(HANGAR_REQUEST_DRY_RUN), HANGAR_STATUS_DONE);
    ck_assert(!document_has("last drill of"));
}
END_TEST

/* Adds a drill of now to the history. */
static void goodness_drill(const char *sink, const char *result)
{
    ck_assert_int_eq(world_shell("d=$(dirname $(find state -name 'p.*jsonl' | head -1)); "
                                 "t=$(date -u +%%FT%%T.%%3NZ); "
                                 "echo '{\"id\":\"%s\",\"sink\":\"%s\",\"level\":\"drill\",%s' | "
                                 "sed s/NOW/$t/g >> $d/p.verify.jsonl",
                                 world_id(), sink, result),
                     0);
}

START_TEST(only_a_good_drill_ends_damage_that_a_drill_found)
{
    world_config(BOTH);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    /* damage in the bytes, which a drill reads first, is ended by bytes that are right */
    goodness_drill("a", "\"time\":\"NOW\",\"status\":\"corrupt\"}");
    ck_assert_int_eq(world_list(), HANGAR_STATUS_CORRUPT);
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
    /* what the restore found is not */
    goodness_drill("a", "\"time\":\"NOW\",\"status\":\"corrupt\",\"error\":\"rows\","
                        "\"drill_error\":\"two rows\",\"drill_time\":\"NOW\"}");
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(world_list(), HANGAR_STATUS_CORRUPT);
        ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    }
    /* nor on another machine: the record of the full verification has it */
    ck_assert_int_eq(world_shell("rm -r $(find state -name history)"), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(world_list(), HANGAR_STATUS_CORRUPT);
        ck_assert_uint_eq(world_count("backups.0.damaged"), 1);
        ck_assert_str_eq(world_text("backups.0.damaged.0"), "a");
        ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
        ck_assert_int_eq(world_list(), HANGAR_STATUS_CORRUPT);
        ck_assert_str_eq(world_text("backups.0.verified.level"), "drill");
        ck_assert_str_eq(world_text("backups.0.verified.outcome"), "bad");
        ck_assert_str_eq(world_text("backups.0.verified.error"), "two rows");
    }
    ck_assert_ptr_nonnull(strstr(world_log(), "still counts as damaged: its bytes are right"));
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("sink"), "b");
    /* a drill that judged nothing does not end it, a good one does */
    goodness_drill("a", "\"time\":\"NOW\",\"status\":\"failed\"}");
    ck_assert_int_eq(world_list(), HANGAR_STATUS_CORRUPT);
    goodness_drill("a", "\"time\":\"NOW\",\"status\":\"done\"}");
    ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
}
END_TEST

START_TEST(a_failed_restore_names_the_other_copy)
{
    world_config(BOTH);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    goodness_flip("a", world_id(), BREAK);
    ck_assert_int_eq(world_restore(world_id(), 0, NULL, NULL), HANGAR_STATUS_CORRUPT);
    ck_assert_msg(world_error_has("; hint: b has another copy: add `--from b`"), "%s",
                  world_error());
    goodness_flip("b", world_id(), "rm $f");
    ck_assert_int_eq(world_restore(world_id(), 0, NULL, NULL), HANGAR_STATUS_CORRUPT);
    ck_assert(!world_error_has("another copy"));
}
END_TEST

START_TEST(a_new_copy_is_not_judged_by_the_old_one)
{
    world_config(BOTH);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    goodness_flip("b", world_id(), BREAK);
    ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_CORRUPT);
    ck_assert_int_eq(world_shell("rm -rf b/p/%s", world_id()), 0);
    const struct hangar_selection which = {
        .struct_size = sizeof(which), .id = world_id(), .sink = "a"};
    char *text = NULL;
    enum hangar_status status = hangar_copy(world_hangar, &which, "b", &text);
    ck_assert_int_eq(world_take(status, text), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("backups.0.verified.sink"), "a");
    ck_assert_uint_eq(world_count("backups.0.damaged"), 0);
}
END_TEST

static void goodness_copy(const char *id)
{
    char *text = NULL;
    const struct hangar_selection which = {.struct_size = sizeof(which), .id = id, .sink = "b"};
    enum hangar_status status = hangar_copy(world_hangar, &which, "a", &text);
    ck_assert_int_eq(world_take(status, text), HANGAR_STATUS_DONE);
}

/* The copy in sink a is known to be damaged, or not. */
static void goodness_expect_copy(bool good)
{
    ck_assert_int_eq(world_list(), good ? HANGAR_STATUS_DONE : HANGAR_STATUS_CORRUPT);
    ck_assert_uint_eq(world_count("backups.0.damaged"), good ? 0 : 1);
    ck_assert_str_eq(world_text("backups.0.verified.outcome"), good ? "good" : "bad");
}

START_TEST(copy_and_repair_replace_a_copy_with_recorded_damage)
{
    world_config(BOTH);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    for (int i = 0; i < 3; i++) {
        goodness_flip("a", world_id(), BREAK);
        ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_CORRUPT);
        goodness_expect_copy(false);
        if (i < 2) {
            goodness_copy(i == 0 ? "missing" : world_id());
            ck_assert_uint_eq(world_count("backups"), 1);
            ck_assert(json_is_true(world_at("backups.0.repaired")));
        } else {
            const struct hangar_selection which = {
                .struct_size = sizeof(which), .id = world_id(), .sink = "a"};
            char *text = NULL;
            enum hangar_status status = hangar_repair(world_hangar, &which, 0, &text);
            ck_assert_int_eq(world_take(status, text), HANGAR_STATUS_DONE);
            ck_assert(json_is_true(world_at("sinks.0.repaired")));
        }
        goodness_expect_copy(true);
    }
    /* also on another machine, from the record beside the copy */
    ck_assert_int_eq(world_shell("rm -r $(find state -name history)"), 0);
    ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
    /* files that are missing, without any record */
    ck_assert_int_eq(world_shell("rm -rf a/p/%s/db", world_id()), 0);
    goodness_copy("missing");
    ck_assert(json_is_true(world_at("backups.0.repaired")));
    ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
    goodness_copy("missing");
    ck_assert_uint_eq(world_count("backups"), 0);
}
END_TEST

/* The listing of some stores lags behind what was stored. */
START_TEST(a_listing_that_lacks_a_name_makes_nothing_bad)
{
    static const char *const names[] = {"manifest.json", "db%", "SHA256SUMS"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        world_config("sources: { db: { plugin: test-source } }\n"
                     "sinks: { a: { plugin: test-sink, retention: { keep_last: 1 }, options: { "
                     "path: ./a, unlisted: '%s' } } }\n"
                     "pipelines: { p: { sources: [db], sinks: [a] } }\n",
                     names[i]);
        ck_assert_msg(world_backup("p") == HANGAR_STATUS_DONE, "%s", world_error());
        ck_assert_msg(world_list() == HANGAR_STATUS_DONE, "%s: %s", names[i], world_error());
        ck_assert_str_eq(world_text("backups.0.id"), world_id());
        ck_assert_str_eq(world_text("backups.0.state"), "complete");
        ck_assert_int_eq(goodness_health(), HANGAR_STATUS_DONE);
        ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
        ck_assert_int_eq(world_int("pipelines.0.sinks.0.damaged"), 0);
        ck_assert_str_eq(world_text("pipelines.0.sinks.0.newest"), world_id());
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        damage_counts_until_a_later_verification_is_good,
        the_only_copy_found_corrupt_is_neither_healthy_nor_silent,
        a_problem_in_a_listing_ends_with_its_cause,
        retention_keeps_the_last_good_one_when_newer_ones_are_known_to_be_corrupt,
        a_verification_that_judged_nothing_changes_nothing,
        a_drill_of_one_sink_does_not_hide_that_of_another,
        only_a_good_drill_ends_damage_that_a_drill_found,
        a_failed_restore_names_the_other_copy,
        a_new_copy_is_not_judged_by_the_old_one,
        copy_and_repair_replace_a_copy_with_recorded_damage,
        a_listing_that_lacks_a_name_makes_nothing_bad,
    };
    return SUITE_RUN("inventory/goodness", tests, world_setup, world_teardown);
}
