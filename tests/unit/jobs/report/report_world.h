/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * report_world: two sinks, and one or two pipelines that store in them.
 */
#ifndef TEST_UNIT_JOBS_REPORT_REPORT_WORLD_H
#define TEST_UNIT_JOBS_REPORT_REPORT_WORLD_H

#include "world.h"

#define REPORT_CONFIG                                                                              \
    "sources: { db: { plugin: test-source } }\n"                                                   \
    "transforms: { gzip: { plugin: compress-gzip } }\n"                                            \
    "sinks:\n  a: { plugin: storage-local, options: { path: ./a } }\n"                             \
    "  b: { plugin: storage-local, options: { path: ./b } }\n"
#define REPORT_ONE "pipelines: { p: { sources: [db], transforms: [gzip], sinks: [a, b] } }\n"
#define REPORT_TWO                                                                                 \
    "pipelines:\n  p: { sources: [db], transforms: [gzip], sinks: [a, b] }\n"                      \
    "  q: { sources: [db], sinks: [a], schedule: \"0 2 * * *\" }\n"

/* Changes a byte of each file that matches the pattern. */
static inline void report_damage(const char *pattern)
{
    ck_assert_int_eq(
        world_shell("for f in $(ls -d %s); do chmod u+w $f && printf X | dd of=$f bs=1 "
                    "seek=30 conv=notrunc 2>/dev/null || exit 1; done",
                    pattern),
        0);
}

#endif
