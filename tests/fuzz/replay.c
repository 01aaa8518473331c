/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * replay: runs a target on each named file, and on each file below a named folder.  It replaces
 * libFuzzer in ordinary builds.
 */
#include "fuzz.h"

#include <errno.h>
#include <fts.h>
#include <string.h>

#define LARGEST (16u << 20)

static int replay_file(const char *path)
{
    static uint8_t data[LARGEST];
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "cannot open %s: %s\n", path, strerror(errno));
        return 1;
    }
    size_t size = fread(data, 1, sizeof(data), file);
    fclose(file);
    /* of exactly that size, so that a sanitizer detects a read beyond it */
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) {
        return 1;
    }
    memcpy(copy, data, size);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    return 0;
}

int main(int argc, char **argv)
{
    int failed = argc < 2;
    unsigned long count = 0;
    FTS *fts = argc < 2 ? NULL : fts_open(argv + 1, FTS_LOGICAL, NULL);
    for (FTSENT *entry; fts && (entry = fts_read(fts));) {
        if (entry->fts_info == FTS_F) {
            failed |= replay_file(entry->fts_accpath);
            count++;
        }
    }
    if (fts) {
        fts_close(fts);
    }
    printf("%lu inputs\n", count);
    return failed || !count;
}
