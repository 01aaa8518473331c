/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * memory: the memory that a run needs does not depend on the size of the data.
 */
#include "world.h"

#include <sys/wait.h>

/* The peak of a child of this process that makes a backup of one object, in KiB. */
static unsigned long peak_kib(const char *size)
{
    int ends[2];
    unsigned long kib = 0;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        world_config("limits: { memory: 64MiB }\n"
                     "sources: { db: { plugin: test-source, options: { objects: 1, size: %s } } }\n"
                     "transforms: { gzip: { plugin: compress-gzip } }\n"
                     "sinks:\n  a: { plugin: storage-local, options: { path: ./a } }\n"
                     "  b: { plugin: storage-local, options: { path: ./b } }\n"
                     "pipelines: { p: { sources: [db], transforms: [gzip], sinks: [a, b] } }\n",
                     size);
        if (hangar_backup(world_hangar, "p", NULL) != HANGAR_STATUS_DONE) {
            _exit(1);
        }
        char line[256];
        FILE *status = fopen("/proc/self/status", "re");
        while (status && fgets(line, sizeof(line), status)) {
            if (sscanf(line, "VmHWM: %lu", &kib) == 1) {
                break;
            }
        }
        _exit(write(ends[1], &kib, sizeof(kib)) == sizeof(kib) ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(read(ends[0], &kib, sizeof(kib)), sizeof(kib));
    close(ends[0]);
    close(ends[1]);
    world_shell("rm -rf a b");
    return kib;
}

START_TEST(a_large_object_needs_no_more_memory_than_the_budget)
{
    bool plain = SANITIZED[0] == '\0'; /* a sanitizer needs memory of its own */
    unsigned long large = peak_kib(plain ? "512MiB" : "32MiB");
    ck_assert_uint_gt(large, 0);
    if (plain) {
        ck_assert_uint_lt(large, 64 << 10);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_large_object_needs_no_more_memory_than_the_budget,
    };
    return SUITE_RUN("session/memory", tests, world_setup, world_teardown);
}
