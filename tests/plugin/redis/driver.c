/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * driver: runs the redis plugin without the core, from the command line, for measurements and for
 * debugging:
 *
 *     redis_driver check|backup|restore|clean|plan FILE option=value...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include "run.h"

#define STEP ((size_t)1 << 20)

static double driver_seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void write_out(void *arg, const void *data, size_t size)
{
    if (fwrite(data, 1, size, arg) != size) {
        perror("cannot write");
        exit(1);
    }
}

static enum hangar_rc redis_backup(struct run *run, const char *path)
{
    FILE *file = fopen(path, "wb");
    if (!file) {
        return HANGAR_IO;
    }
    setvbuf(file, NULL, _IONBF, 0);
    run_begin(run);
    run_read(run, STEP, write_out, file);
    return fclose(file) == 0 ? run->rc : HANGAR_IO;
}

static enum hangar_rc redis_restore(struct run *run, const char *path, uint32_t flags)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        return HANGAR_IO;
    }
    enum hangar_rc rc = run_restore_file(run, file, STEP, NULL, flags);
    fclose(file);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr,
                "usage: redis_driver check|backup|restore|clean|plan FILE option=value...\n");
        return 2;
    }
    struct run run;
    run_open(&run, (const char *const *)argv + 3);
    double start = driver_seconds(CLOCK_MONOTONIC), cpu = driver_seconds(CLOCK_PROCESS_CPUTIME_ID);
    enum hangar_rc rc = run.rc;
    if (rc == HANGAR_OK && strcmp(argv[1], "backup") == 0) {
        rc = redis_backup(&run, argv[2]);
    } else if (rc == HANGAR_OK && strcmp(argv[1], "restore") == 0) {
        rc = redis_restore(&run, argv[2], 0);
    } else if (rc == HANGAR_OK && strcmp(argv[1], "clean") == 0) {
        rc = redis_restore(&run, argv[2], HANGAR_RESTORE_CLEAN);
    } else if (rc == HANGAR_OK && strcmp(argv[1], "plan") == 0) {
        rc = redis_restore(&run, argv[2], HANGAR_RESTORE_DRY_RUN);
    } else if (rc == HANGAR_OK) {
        rc = run_check(&run);
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    fprintf(stderr, "%s%s", fake_host_log(run.fake), fake_text(run.plan));
    if (rc != HANGAR_OK) {
        fprintf(stderr, "failed (%d): %s\n", (int)rc, run_error(&run));
    }
    static const char *const names[] = {
        "server",           "role",      "way",     "snapshot", "crc",         "keys",
        "expiring",         "functions", "expired", "skipped",  "rdb_version", "biggest_key",
        "biggest_key_bytes"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *fact = fake_attr(run.facts, names[i]),
                   *report = fake_attr(run.report, names[i]);
        if (*fact || *report) {
            fprintf(stderr, "%s: %s\n", names[i], *fact ? fact : report);
        }
    }
    printf("seconds %.3f cpu %.3f rss_kib %ld\n", driver_seconds(CLOCK_MONOTONIC) - start,
           driver_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu, usage.ru_maxrss);
    run_free(&run);
    return rc == HANGAR_OK ? 0 : 1;
}
