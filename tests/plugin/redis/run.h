/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * run: runs a backup, a check or a restore with the redis plugin as the core does, with the fake
 * host; for the tests and for the driver of the benchmark.
 */
#ifndef TEST_PLUGIN_REDIS_RUN_H
#define TEST_PLUGIN_REDIS_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "fake_host.h"

/* A run and its results.  Free it with run_free. */
struct run {
    struct fake_host *fake;
    void *inst;
    enum hangar_rc rc;
    bool complete; /* all was read or written, and the end succeeded */
    unsigned char *data;
    size_t size, capacity;
    int target_empty; /* *target_empty of a restore with CLEAN */
    struct hangar_attrs *facts, *point, *attrs, *report;
    struct hangar_text *plan;
};

/* Creates a host with an instance.  `settings` are "option=value", ended by NULL. */
void run_open(struct run *run, const char *const *settings);
void run_free(struct run *run);

/* The failure that the plugin recorded; "" when there is none. */
const char *run_error(struct run *run);

enum hangar_rc run_check(struct run *run);

/* run_begin prepares and begins.  run_read reads all bytes, at most `step` at a time, into
 * run->data or, when it is not NULL, into `sink`; then it closes and ends.  run_backup does
 * both. */
enum hangar_rc run_begin(struct run *run);
enum hangar_rc run_read(struct run *run, size_t step,
                        void (*sink)(void *arg, const void *data, size_t size), void *arg);
enum hangar_rc run_backup(struct run *run, size_t step);

/* Restores an RDB.  `attrs` are the attributes of the object in the backup, or NULL. */
enum hangar_rc run_restore(struct run *run, const void *data, size_t size, size_t step,
                           const struct hangar_attrs *attrs, uint32_t flags);
enum hangar_rc run_restore_file(struct run *run, FILE *file, size_t step,
                                const struct hangar_attrs *attrs, uint32_t flags);

#endif
