/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * toys: the smallest source, transforms and sink for a pipeline, in memory.  A test sets
 * their options, including faults, as fields.
 */
#ifndef TEST_UNIT_PIPELINE_TOYS_H
#define TEST_UNIT_PIPELINE_TOYS_H

#include "pipeline/engine.h"

/* Byte number `at` of object number `seed`, the same for all toys. */
unsigned char toy_byte(unsigned seed, uint64_t at);

/* A job whose log writes nothing. */
struct toy_job {
    struct hg_log log;
    struct hg_job job;
};
void toy_job_begin(struct toy_job *t, size_t memory_bytes, int64_t stall_ms,
                   void (*on_tick)(void *arg), void *arg);
void toy_job_end(struct toy_job *t);

/* An instance of a toy that no plugin was loaded for; closed by toy_close. */
struct hangar_ctx *toy_open(struct toy_job *t, const struct hg_plugin *plugin, const char *name,
                            void *inst);
void toy_close(struct hangar_ctx *ctx);

/* A source of `count` objects; object i has sizes[i] bytes.  A restore compares the bytes. */
struct toy_source {
    struct hangar_ctx *ctx;
    size_t count, next;
    const uint64_t *sizes;
    uint32_t jobs;
    bool urgent;
    unsigned read_us;       /* pause per read */
    size_t short_reads;     /* the most bytes per read; 0: no limit */
    long fail_object;       /* a read of this object fails ...; -1: none */
    uint64_t fail_at;       /* ... at this byte ... */
    enum hangar_rc fail_rc; /* ... with this, ... */
    unsigned fail_times;    /* ... so many times */
    bool can_rewind, fail_close, fail_end;
    /* what happened */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t read_bytes;
    size_t open, most_open, closed, abandoned, rewound, ended, ended_failed;
    size_t restored, restore_failed, phase_ends;
    uint32_t last_phase; /* of the last phase_end */
    bool phase_disorder, restore_ended, wrong_bytes;
    struct hg_plugin *plugin;
};
struct toy_source *toy_source_new(struct toy_job *t, const char *name, const uint64_t *sizes,
                                  size_t count);
void toy_source_free(struct toy_source *s);

/* Transforms: `frame` has the block form (it writes the length before each block), `add` has
 * only the stream form (it adds 1 to each byte). */
struct hangar_ctx *toy_frame(struct toy_job *t);
struct hangar_ctx *toy_add(struct toy_job *t);

/* A sink in memory. */
struct toy_sink {
    struct hangar_ctx *ctx;
    uint32_t max_puts;
    unsigned slow_us; /* pause per write, random up to this */
    long fail_open;   /* the n-th put_open of all fails, from 0; -1: none */
    long fail_write;  /* the n-th write of all fails, from 0; -1: none */
    long fail_commit; /* the n-th commit of all fails; -1: none */
    enum hangar_rc fail_rc;
    bool lose_a_byte; /* the stored object is one byte too short */
    bool hang;        /* writes wait until cancel or toy_sink_let_go */
    bool cancelled;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t opens, writes, commits, aborts, open, most_open;
    struct toy_object {
        char name[256];
        unsigned char *data;
        size_t size;
    } *objects;
    size_t count, capacity;
    struct hg_plugin *plugin;
};
struct toy_sink *toy_sink_new(struct toy_job *t, const char *name);
void toy_sink_free(struct toy_sink *s);
struct toy_object *toy_sink_find(struct toy_sink *s, const char *name);
void toy_sink_let_go(struct toy_sink *s); /* ends `hang` */

#endif
