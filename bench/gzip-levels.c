/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * gzip-levels: speed and ratio of each level of compress-gzip on a file, in
 * blocks of 1 MiB on one thread, as thread CPU time.
 *
 *     HANGAR_PLUGIN_DIR=build/release/lib/plugins bench-gzip-levels FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "fake_host.h"

#define BLOCK ((size_t)1 << 20)

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void gzip_levels_check(struct fake_host *fake, enum hangar_rc rc, enum hangar_rc want)
{
    if (rc == want) {
        return;
    }
    fprintf(stderr, "failed: %s\n", fake_host_error(fake));
    exit(EXIT_FAILURE);
}

static unsigned char *gzip_levels_read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    unsigned char *data = NULL;
    if (file && !fseek(file, 0, SEEK_END)) {
        *size = (size_t)ftell(file);
        rewind(file);
        data = malloc(*size + 1);
        if (data && fread(data, 1, *size, file) != *size) {
            *size = 0;
        }
    }
    if (!data || !*size) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(EXIT_FAILURE);
    }
    fclose(file);
    return data;
}

static size_t gzip_levels_encode(struct fake_host *fake, void *inst, const unsigned char *in,
                                 size_t size, unsigned char *out, size_t capacity)
{
    const struct hangar_transform *gzip = fake_host_plugin(fake)->transform;
    struct hangar_stream *stream;
    size_t used = 0;
    uint64_t index = 0;
    gzip_levels_check(fake, gzip->block_open(inst, &stream), HANGAR_OK);
    for (size_t at = 0; at < size; at += BLOCK) {
        size_t piece = size - at < BLOCK ? size - at : BLOCK, made;
        gzip_levels_check(fake,
                          gzip->encode_block(stream, index++, at + piece == size, in + at, piece,
                                             out + used, capacity - used, &made),
                          HANGAR_OK);
        used += made;
    }
    gzip_levels_check(fake, gzip->block_close(stream, NULL), HANGAR_OK);
    return used;
}

/* Decodes all blocks and compares the result. */
static void gzip_levels_decode(struct fake_host *fake, void *inst, const unsigned char *in,
                               size_t size, unsigned char *out, size_t plain_size)
{
    const struct hangar_transform *gzip = fake_host_plugin(fake)->transform;
    struct hangar_stream *stream;
    struct hangar_io io = {in, 0, out, plain_size + 1};
    enum hangar_rc rc = HANGAR_OK;
    gzip_levels_check(fake, gzip->open(inst, HANGAR_DECODE, NULL, &stream), HANGAR_OK);
    for (size_t at = 0; rc == HANGAR_OK; at = (size_t)(io.in - in)) {
        io.in_size = size - at < BLOCK ? size - at : BLOCK;
        rc = gzip->process(stream, &io, at + io.in_size == size);
    }
    gzip_levels_check(fake, rc, HANGAR_EOF);
    gzip->close(stream, NULL);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: bench-gzip-levels FILE\n");
        return EXIT_FAILURE;
    }
    size_t size = 0;
    unsigned char *plain = gzip_levels_read_file(argv[1], &size), *back = malloc(size + 1);
    size_t capacity = size + size / 4 + BLOCK;
    unsigned char *out = malloc(capacity);
    if (!back || !out) {
        return EXIT_FAILURE;
    }
    memset(out, 0, capacity);
    memset(back, 0, size + 1);
    printf("| level | MB/s/core | ratio | decode MB/s |\n|---|---|---|---|\n");
    for (int level = 1; level <= 9; level++) {
        char text[8];
        struct fake_host *fake = fake_host_open("compress-gzip");
        snprintf(text, sizeof(text), "%d", level);
        fake_host_set(fake, "level", text);
        void *inst;
        gzip_levels_check(fake, fake_host_create(fake, &inst), HANGAR_OK);
        double began = cpu_seconds();
        size_t made = gzip_levels_encode(fake, inst, plain, size, out, capacity);
        double encoded = cpu_seconds();
        gzip_levels_decode(fake, inst, out, made, back, size);
        double decoded = cpu_seconds();
        if (memcmp(back, plain, size) != 0) {
            fprintf(stderr, "level %d gives other data back\n", level);
            return EXIT_FAILURE;
        }
        printf("| %s | %.0f | %.2f | %.0f |\n", fake_host_plugin(fake)->describe(inst),
               (double)size / 1e6 / (encoded - began), (double)size / (double)made,
               (double)size / 1e6 / (decoded - encoded));
        fake_host_close(fake);
    }
    free(plain);
    free(back);
    free(out);
    return EXIT_SUCCESS;
}
