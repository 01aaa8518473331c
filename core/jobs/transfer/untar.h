/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * untar: reads the files of a tar.gz, one after the other, from a stream that is not trusted.
 * It writes nothing.  CORRUPT for everything that an export never contains: links, devices,
 * sparse files, other compression, data after the end, a missing end.
 */
#ifndef HG_JOBS_TRANSFER_UNTAR_H
#define HG_JOBS_TRANSFER_UNTAR_H

#include <stdbool.h>
#include <hangar/hangar.h>
#include "base/error.h"

struct hg_untar;

struct hg_untar_member {
    char name[1024]; /* as in the archive, without "./" in front and "/" at the end */
    bool folder;
    uint64_t size;
};

enum hangar_rc hg_untar_open(hangar_read_fn read, void *arg, struct hg_untar **out,
                             struct hg_error *err);
void hg_untar_close(struct hg_untar *u);

/* The next member.  EOF: the archive has ended, and only padding followed. */
enum hangar_rc hg_untar_next(struct hg_untar *u, struct hg_untar_member *member,
                             struct hg_error *err);

/* Reads from the member; *got is 0 at its end.  Never more than its size in all. */
enum hangar_rc hg_untar_read(struct hg_untar *u, void *buffer, size_t size, size_t *got,
                             struct hg_error *err);

/* The bytes of the tar.gz that were read so far. */
uint64_t hg_untar_bytes(const struct hg_untar *u);

/* Escapes a name from the archive for a message; returns `out`. */
#define HG_UNTAR_SHOWN 160
const char *hg_untar_shown(const char *name, char out[HG_UNTAR_SHOWN]);

#endif
