/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * transfer_world: a backup in two sinks, and what the jobs cat, export and import write or read.
 */
#ifndef TEST_UNIT_JOBS_TRANSFER_TRANSFER_WORLD_H
#define TEST_UNIT_JOBS_TRANSFER_TRANSFER_WORLD_H

#include "world.h"

/* What a job wrote. */
static struct transfer_output {
    char *data;
    size_t size;
    int calls;
    int fail_at;   /* this call fails; 0: none */
    int cancel_at; /* this call cancels the job and fails; 0: none */
} written;

static inline void transfer_forget(void)
{
    free(written.data);
    written = (struct transfer_output){0};
}

static inline int transfer_write(void *arg, const void *data, size_t size)
{
    ck_assert_ptr_eq(arg, &written);
    ck_assert_uint_gt(size, 0);
    written.calls++;
    if (written.calls == written.cancel_at) {
        hangar_cancel(world_hangar);
    }
    if (written.calls == written.fail_at || written.calls == written.cancel_at) {
        return -1;
    }
    written.data = realloc(written.data, written.size + size);
    ck_assert_ptr_nonnull(written.data);
    memcpy(written.data + written.size, data, size);
    written.size += size;
    return 0;
}

/* Writes all of it to a file of the folder. */
static inline void transfer_save(const char *file)
{
    folder_file(file, written.data ? written.data : "", written.size, 0600);
}

/* Exports into `written`, whose earlier content is forgotten, but not its faults. */
static inline enum hangar_status transfer_export(const char *id, const char *sink)
{
    char *text = NULL;
    struct hangar_selection which = {.struct_size = sizeof(which), .id = id, .sink = sink};
    enum hangar_status status =
        hangar_export(world_hangar, &which, transfer_write, &written, &text);
    return world_take(status, text);
}

static inline void transfer_teardown(void)
{
    transfer_forget();
    world_teardown();
}

#endif
