/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * file_sum: see file_sum.h.
 */
#include "catalog/file_sum.h"

#include <string.h>

/* FNV-1a.  It detects accidents: who can choose the names in a store can also change objects
 * without changing their sizes, which only a full verification detects. */
static uint64_t file_sum_mix(uint64_t digest, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++) {
        digest = (digest ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return digest;
}

void hg_file_sum_add(struct hg_file_sum *sum, const char *name, uint64_t bytes)
{
    uint64_t digest = file_sum_mix(UINT64_C(0xcbf29ce484222325), name, strlen(name) + 1);
    digest = file_sum_mix(digest, &bytes, sizeof(bytes));
    sum->digest += digest ^ digest >> 32;
    sum->bytes += bytes;
    sum->count++;
}

bool hg_file_sum_equal(const struct hg_file_sum *a, const struct hg_file_sum *b)
{
    return a->count == b->count && a->bytes == b->bytes && a->digest == b->digest;
}

struct hg_file_sum hg_file_sum_of(const struct hg_manifest *m)
{
    struct hg_file_sum sum = {0};
    for (size_t i = 0; i < m->source_count; i++) {
        for (size_t k = 0; k < m->sources[i].count; k++) {
            const struct hg_manifest_object *o = &m->sources[i].objects[k];
            hg_file_sum_add(&sum, o->stored, o->stored_bytes);
        }
    }
    for (size_t i = 0; i < m->file_count; i++) {
        hg_file_sum_add(&sum, m->files[i].name, m->files[i].bytes);
    }
    return sum;
}
