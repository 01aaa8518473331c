/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * health: the age of the newest good backup in each sink, compared with max_age.
 */
#include "world.h"

#include <time.h>

#define CONFIG                                                                                     \
    "sources: { db: { plugin: test-source } }\n"                                                   \
    "sinks:\n  a: { plugin: storage-local, options: { path: ./a } }\n"                             \
    "  b: { plugin: storage-local, required: false, options: { path: ./b } }\n"

static enum hangar_status call_health(const char *pipeline)
{
    char *json = NULL;
    enum hangar_status status = hangar_health(world_hangar, pipeline, &json);
    json_decref(world_doc);
    world_doc = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(world_doc);
    ck_assert_str_eq(world_text("schema"), "hangar.health/1");
    hangar_free(json);
    return status;
}

START_TEST(health_is_the_age_of_the_newest_good_backup_in_each_sink)
{
    world_config(CONFIG "pipelines:\n  p: { sources: [db], sinks: [a, b], max_age: 1h }\n"
                        "  q: { sources: [db], sinks: [a], max_age: 0 }\n");
    ck_assert_int_eq(call_health(NULL), HANGAR_STATUS_STALE);
    ck_assert(world_error_has("pipeline p has no good backup in sink a"));
    ck_assert_str_eq(world_text("pipelines.0.sinks.0.status"), "stale");
    ck_assert_str_eq(world_text("pipelines.1.status"), "done"); /* its age does not matter */
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(call_health(NULL), HANGAR_STATUS_DONE);
    world_fields(world_at("pipelines.0"), "name:s status:s max_age_ms:i sinks:a");
    world_fields(world_at("pipelines.0.sinks.0"),
                 "name:s required:b status:s newest:s newest_time:s age_ms:i");
    ck_assert_int_eq(call_health("p"), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("pipelines"), 1);
    ck_assert_int_eq(call_health("r"), HANGAR_STATUS_NOT_FOUND);

    /* in a sink that is not required it is degraded, not stale */
    ck_assert_int_eq(world_shell("rm -r b/p"), 0);
    ck_assert_int_eq(call_health("p"), HANGAR_STATUS_DEGRADED);
    ck_assert_str_eq(world_text("pipelines.0.sinks.1.status"), "failed"); /* it is not known */

    /* a damaged backup does not count, like one that was removed */
    ck_assert_int_eq(world_shell("f=$(ls -d a/p/backup_*/manifest.json) && chmod u+w $f && "
                                 "printf X | dd of=$f bs=1 seek=30 conv=notrunc 2>/dev/null"),
                     0);
    ck_assert_int_eq(call_health("p"), HANGAR_STATUS_STALE);
}
END_TEST

START_TEST(a_backup_that_is_too_old_is_stale)
{
    world_config(CONFIG "pipelines: { p: { sources: [db], sinks: [a], max_age: 1ms } }\n");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    ck_assert_int_eq(call_health("p"), HANGAR_STATUS_STALE);
    ck_assert(world_error_has("newest good backup of pipeline p in sink a is "));
    ck_assert(world_error_has("(limit 1 ms)"));
}
END_TEST

START_TEST(a_sink_that_cannot_be_read_is_not_healthy)
{
    world_config("sources: { db: { plugin: test-source } }\nsinks:\n"
                 "  a: { plugin: test-sink, options: { path: ./a, fail_at: list } }\n"
                 "pipelines: { p: { sources: [db], sinks: [a] } }\n");
    ck_assert_int_eq(call_health("p"), HANGAR_STATUS_FAILED);
    ck_assert(world_error_has("cannot list: injected fault"));
}
END_TEST

START_TEST(the_most_urgent_sink_decides_the_status_and_the_error)
{
    world_config("sources: { db: { plugin: test-source } }\nsinks:\n"
                 "  a: { plugin: storage-local, required: false, options: { path: ./a } }\n"
                 "  b: { plugin: storage-local, options: { path: ./b } }\n"
                 "  c: { plugin: test-sink, options: { path: ./c, fail_at: list } }\n"
                 "pipelines:\n  p: { sources: [db], sinks: [a] }\n  q: { sources: [db], sinks: [b] "
                 "}\n  r: { sources: [db], sinks: [c] }\n");
    ck_assert_int_eq(call_health("p"), HANGAR_STATUS_DEGRADED);
    ck_assert_int_eq(call_health("q"), HANGAR_STATUS_STALE);
    ck_assert_int_eq(call_health(NULL), HANGAR_STATUS_FAILED);
    ck_assert(world_error_has("cannot list: injected fault"));
    ck_assert_str_eq(world_text("pipelines.0.status"), "degraded");
    ck_assert_str_eq(world_text("pipelines.1.status"), "stale");
    ck_assert_str_eq(world_text("pipelines.2.status"), "failed");
}
END_TEST

START_TEST(health_reads_one_manifest_and_lists_no_objects)
{
    world_config("sources: { db: { plugin: test-source } }\n"
                 "sinks: { a: { plugin: test-sink, options: { path: ./a, reads: ./read } } }\n"
                 "pipelines: { p: { sources: [db], sinks: [a] } }\n");
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    }
    ck_assert_int_eq(world_shell("rm -rf read state && mkdir -m 700 state"), 0);
    ck_assert_int_eq(call_health("p"), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("read", "/manifest.json$"), 1);
    ck_assert_uint_eq(world_lines("read", "/db/"), 0);
}
END_TEST

START_TEST(damage_of_a_newer_backup_is_reported_beside_the_newest_good_one)
{
    world_config(CONFIG "pipelines: { p: { sources: [db], sinks: [a], max_age: 1h } }\n");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    char older[64];
    snprintf(older, sizeof(older), "%s", world_id());
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("f=a/p/%s/manifest.json && chmod u+w $f && printf X | dd of=$f "
                                 "bs=1 seek=30 conv=notrunc 2>/dev/null",
                                 world_id()),
                     0);
    ck_assert_int_eq(call_health("p"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("pipelines.0.sinks.0.newest"), older);
    ck_assert_ptr_nonnull(strstr(world_text("pipelines.0.sinks.0.damage"), world_id()));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        health_is_the_age_of_the_newest_good_backup_in_each_sink,
        a_backup_that_is_too_old_is_stale,
        a_sink_that_cannot_be_read_is_not_healthy,
        the_most_urgent_sink_decides_the_status_and_the_error,
        health_reads_one_manifest_and_lists_no_objects,
        damage_of_a_newer_backup_is_reported_beside_the_newest_good_one,
    };
    return SUITE_RUN("jobs/report/health", tests, world_setup, world_teardown);
}
