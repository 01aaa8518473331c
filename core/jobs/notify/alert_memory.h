/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * alert_memory: the alerts that this machine remembers as firing, and when each pipeline's status
 * was last judged: alerts.json in the state folder.  It maps "PIPELINE KEY" to { since, told, text
 * } and "PIPELINE" to { looked, first: { SINK: time } }.  Several processes judge: the caller holds
 * HG_ALERT_MEMORY_LOCK from load to save.
 */
#ifndef HG_JOBS_NOTIFY_ALERT_MEMORY_H
#define HG_JOBS_NOTIFY_ALERT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "state/state.h"

#define HG_ALERT_MEMORY_LOCK "alerts.lock"

struct hg_firing_alert {
    char *pipeline;
    char *key;        /* as in alert_rules.h */
    const char *sink; /* within `key`; NULL: of no sink.  hg_alert_memory_put sets it */
    char *text;
    int64_t since_ms;
    int64_t notified_ms; /* the last time; -1: no notifier has received it yet */
};

struct hg_alert_memory {
    struct hg_firing_alert *items;
    size_t count, capacity;
    struct hg_judged_pipeline {
        char *pipeline;
        int64_t read_ms; /* when the reading of the status that was judged last began */
        struct hg_judged_sinks {
            struct hg_judged_sink {
                char *name;
                int64_t first_ms; /* when it was judged for the first time */
            } *items;
            size_t count, capacity;
        } sinks;
    } *judged;
    size_t judged_count, judged_capacity;
};

/* A file that is missing or damaged is an empty memory.  Free it, also after a failure. */
enum hangar_rc hg_alert_memory_load(struct hg_alert_memory *memory, const struct hg_state *state,
                                    struct hg_error *err);
enum hangar_rc hg_alert_memory_save(const struct hg_alert_memory *memory,
                                    const struct hg_state *state, struct hg_error *err);
void hg_alert_memory_free(struct hg_alert_memory *memory);

/* NULL when the alert is not firing.  Valid until the memory changes. */
struct hg_firing_alert *hg_alert_memory_find(const struct hg_alert_memory *memory,
                                             const char *pipeline, const char *key);

/* Adds an alert or replaces the one of this key. */
enum hangar_rc hg_alert_memory_put(struct hg_alert_memory *memory,
                                   const struct hg_firing_alert *alert, struct hg_error *err);
void hg_alert_memory_remove(struct hg_alert_memory *memory, size_t index);

enum hangar_rc hg_alert_memory_set_judged(struct hg_alert_memory *memory, const char *pipeline,
                                          int64_t read_ms, struct hg_error *err);

/* Records that a sink of a pipeline is judged now, if this is the first time.  A recorded time in
 * the future is replaced: the clock was set back.  Without effect unless the pipeline has been
 * judged. */
enum hangar_rc hg_alert_memory_add_sink(struct hg_alert_memory *memory, const char *pipeline,
                                        const char *sink, int64_t now_ms, struct hg_error *err);

/* When a sink of a pipeline was judged for the first time; now_ms when that is not recorded. */
int64_t hg_alert_memory_first(const struct hg_alert_memory *memory, const char *pipeline,
                              const char *sink, int64_t now_ms);

/* Removes what belongs to pipelines for which `exists` returns false. */
void hg_alert_memory_keep_pipelines(struct hg_alert_memory *memory,
                                    bool (*exists)(void *arg, const char *pipeline), void *arg);

/* True when a status that was read later than `read_ms` has been judged: what an older status
 * shows may be over.  A time in the future does not count: the clock was set back. */
bool hg_alert_memory_is_newer(const struct hg_alert_memory *memory, const char *pipeline,
                              int64_t read_ms, int64_t now_ms);

#endif
