/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * run: a backup, a check, a restore with the redis plugin as the core would run
 * them, behind the fake host; for the tests and for the driver of the benchmark.
 */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "fake_host.h"

/* What a run left; run_free it. */
struct run {
    struct fake_host *fake;
    void *inst;
    enum hangar_rc rc;
    bool complete; /* read came to its end and close said that it is whole */
    unsigned char *data;
    size_t size;
    int target_empty; /* what a restore with CLEAN said of its target */
    struct hangar_attrs *facts, *point, *attrs, *report;
    struct hangar_text *plan;
};

/* A host with an instance; `settings` are "option=value", ended by NULL. */
void run_open(struct run *run, const char *const *settings);
void run_free(struct run *run);

/* What the plugin recorded, "" when nothing. */
const char *run_error(struct run *run);

enum hangar_rc run_check(struct run *run);

/* prepare and begin; then all bytes, `step` at a time at most, into run->data (or
 * nowhere, when `sink` is given, which gets them); then close and end. */
enum hangar_rc run_begin(struct run *run);
enum hangar_rc run_read(struct run *run, size_t step,
                        void (*sink)(void *arg, const void *data, size_t size), void *arg);
enum hangar_rc run_backup(struct run *run, size_t step);

/* The whole restore of an RDB; `attrs` are the backup's, or NULL. */
enum hangar_rc run_restore(struct run *run, const void *data, size_t size, size_t step,
                           const struct hangar_attrs *attrs, uint32_t flags);
enum hangar_rc run_restore_file(struct run *run, FILE *file, size_t step,
                                const struct hangar_attrs *attrs, uint32_t flags);

#endif
