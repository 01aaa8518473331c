/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * s3: measures the sink without the core, for bench/s3.sh.  It stores a file as an object, or
 * reads the object, and prints seconds, CPU seconds and the peak of memory.
 *
 *     bench-s3 put|get NAME FILE [OPTION=VALUE...]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "fake_host.h"

#define BLOCK ((size_t)1 << 20) /* as in the core */

static double s3_bench_seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void s3_bench_must(struct fake_host *fake, enum hangar_rc rc)
{
    if (rc != HANGAR_OK) {
        fprintf(stderr, "bench-s3: %s\n", fake_host_error(fake));
        exit(1);
    }
}

static uint64_t s3_bench_put(struct fake_host *fake, void *inst, const char *name, int fd,
                             char *block)
{
    const struct hangar_sink *sink = fake_host_plugin(fake)->sink;
    struct hangar_put *handle;
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    s3_bench_must(fake, sink->put_open(inst, name, 0, 0, &handle));
    for (ssize_t size; (size = read(fd, block, BLOCK)) > 0;) {
        s3_bench_must(fake, sink->put_write(handle, block, (size_t)size));
    }
    s3_bench_must(fake, sink->put_commit(handle, &entry));
    return entry.size;
}

static uint64_t s3_bench_get(struct fake_host *fake, void *inst, const char *name, int fd,
                             char *block)
{
    const struct hangar_sink *sink = fake_host_plugin(fake)->sink;
    struct hangar_get *handle;
    uint64_t bytes = 0;
    size_t size = 1;
    s3_bench_must(fake, sink->get_open(inst, name, 0, &handle));
    while (size) {
        s3_bench_must(fake, sink->get_read(handle, block, BLOCK / 4, &size)); /* as in the core */
        bytes += size;
        if (write(fd, block, size) != (ssize_t)size) {
            exit(1);
        }
    }
    sink->get_close(handle);
    return bytes;
}

int main(int argc, char **argv)
{
    bool storing = argc > 3 && strcmp(argv[1], "put") == 0;
    if (argc < 4 || (!storing && strcmp(argv[1], "get") != 0)) {
        fprintf(stderr, "usage: bench-s3 put|get NAME FILE [OPTION=VALUE...]\n");
        return 2;
    }
    struct fake_host *fake = fake_host_open("storage-s3");
    for (int i = 4; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (!equals) {
            return 2;
        }
        *equals = '\0';
        fake_host_set(fake, argv[i], equals + 1);
    }
    int fd = open(argv[3], storing ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC, 0600);
    char *block = malloc(BLOCK);
    if (fd < 0 || !block) {
        perror(argv[3]);
        return 1;
    }
    void *inst;
    s3_bench_must(fake, fake_host_create(fake, &inst));
    double begin = s3_bench_seconds(CLOCK_MONOTONIC),
           cpu = s3_bench_seconds(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t bytes = storing ? s3_bench_put(fake, inst, argv[2], fd, block)
                             : s3_bench_get(fake, inst, argv[2], fd, block);
    double took = s3_bench_seconds(CLOCK_MONOTONIC) - begin;
    cpu = s3_bench_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%s %.0f MiB: %.2f s, %.1f MiB/s, %.2f CPU s per GiB, %ld MiB of memory\n", argv[1],
           (double)bytes / 1048576, took, (double)bytes / 1048576 / took,
           cpu * 1073741824 / (double)bytes, usage.ru_maxrss / 1024);
    close(fd);
    free(block);
    fake_host_close(fake);
    return 0;
}
