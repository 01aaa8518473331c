/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * trip: see trip.h.
 */
#include "pipeline/lag.h"
#include "trip.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void trip_watch(void *arg)
{
    struct trip *trip = arg;
    pthread_mutex_lock(&trip->mutex);
    if (trip->engine) {
        hg_lag_watch(trip->engine);
    }
    pthread_mutex_unlock(&trip->mutex);
}

static void set_engine(struct trip *trip, struct hg_engine *engine)
{
    pthread_mutex_lock(&trip->mutex);
    trip->engine = engine;
    pthread_mutex_unlock(&trip->mutex);
}

void trip_init(struct trip *trip, size_t memory, size_t workers)
{
    memset(trip, 0, sizeof(*trip));
    trip->memory = memory;
    trip->workers = workers;
    pthread_mutex_init(&trip->mutex, NULL);
    for (size_t i = 0; i < 4; i++) {
        trip->max_lag_ms[i] = 3600000;
    }
    toy_job_begin(&trip->t, memory, 0, trip_watch, trip);
}

void trip_source(struct trip *trip, const uint64_t *sizes, size_t count, uint32_t jobs)
{
    char name[8];
    snprintf(name, sizeof(name), "s%zu", trip->source_count);
    struct toy_source *s = toy_source_new(&trip->t, name, sizes, count);
    s->jobs = jobs;
    trip->sources[trip->source_count++] = s;
}

struct toy_sink *trip_sink(struct trip *trip)
{
    char name[8];
    snprintf(name, sizeof(name), "k%zu", trip->sink_count);
    return trip->sinks[trip->sink_count++] = toy_sink_new(&trip->t, name);
}

static bool stored_name(void *arg, size_t source, const char *name, char *out, size_t size)
{
    (void)arg;
    return (size_t)snprintf(out, size, "s%zu/%s", source, name) < size;
}

static enum hangar_rc on_object(void *arg, struct hg_pulled_object *object, struct hg_error *err)
{
    (void)err;
    struct trip *trip = arg;
    struct trip_object *o = &trip->objects[trip->count++];
    o->source = object->source;
    o->number = (size_t)strtoul(hg_attrs_get(object->attrs, "number"), NULL, 10);
    stored_name(NULL, object->source, object->name, o->stored, sizeof(o->stored));
    o->result = *object->result;
    memset(object->result->attrs, 0, sizeof(object->result->attrs));
    return HANGAR_OK;
}

enum hangar_rc trip_backup(struct trip *trip)
{
    struct hangar_ctx *sources[4], *sinks[4];
    for (size_t i = 0; i < trip->source_count; i++) {
        trip->sources[i]->plugin->source.flags =
            trip->sources[i]->urgent ? HANGAR_SOURCE_URGENT : 0;
        sources[i] = trip->sources[i]->ctx;
    }
    for (size_t i = 0; i < trip->sink_count; i++) {
        sinks[i] = trip->sinks[i]->ctx;
    }
    struct hg_pull pull;
    struct hg_pull_settings settings = {.job = &trip->t.job,
                                        .sources = sources,
                                        .count = trip->source_count,
                                        .stored_name = stored_name,
                                        .on_object = on_object,
                                        .arg = trip};
    struct hg_error err = {0};
    enum hangar_rc rc = hg_pull_prepare(&pull, &settings, &err);
    struct hg_engine engine;
    struct hg_engine_settings engine_settings = {.job = &trip->t.job,
                                                 .chain = trip->chain,
                                                 .chain_count = trip->chain_count,
                                                 .sinks = sinks,
                                                 .sink_count = trip->sink_count,
                                                 .max_lag_ms = trip->max_lag_ms,
                                                 .workers = trip->workers,
                                                 .readers = hg_pull_readers(&pull),
                                                 .memory_bytes = trip->memory};
    if (rc == HANGAR_OK) {
        rc = hg_engine_begin(&engine, &engine_settings, &err);
    }
    if (rc == HANGAR_OK) {
        trip->block_bytes = engine.block_bytes;
        trip->slots = engine.slots;
        trip->parallel = engine.parallel;
        trip->pool_bytes = engine.input.count * engine.input.capacity +
                           engine.output.count * engine.output.capacity;
        set_engine(trip, &engine);
        if (hg_pull_begin(&pull) == HANGAR_OK) {
            hg_pull_run(&pull, &engine);
        }
        set_engine(trip, NULL);
        hg_engine_end(&engine);
        for (size_t i = 0; i < trip->sink_count; i++) {
            trip->sink_dead[i] = engine.sinks[i].dead;
            trip->sink_detached[i] = engine.sinks[i].detached;
        }
        rc = hg_job_result(&trip->t.job, &err);
    }
    hg_pull_fini(&pull);
    trip->error = err;
    return rc;
}

struct trip_comparison {
    unsigned number;
    uint64_t at;
    bool wrong;
};

static enum hangar_rc trip_compare(void *arg, const void *data, size_t size, struct hg_error *err)
{
    (void)err;
    struct trip_comparison *c = arg;
    const unsigned char *from = data;
    for (size_t i = 0; i < size; i++) {
        c->wrong = c->wrong || from[i] != toy_byte(c->number, c->at + i);
    }
    c->at += size;
    return HANGAR_OK;
}

void trip_check(struct trip *trip, struct toy_sink *sink)
{
    const struct hg_object_reader from = {sink->ctx, trip->chain, trip->chain_count};
    size_t expected = 0;
    for (size_t i = 0; i < trip->source_count; i++) {
        expected += trip->sources[i]->count;
    }
    ck_assert_uint_eq(trip->count, expected);
    ck_assert_uint_eq(sink->count, expected);
    ck_assert_uint_eq(sink->open, 0);
    for (size_t i = 0; i < trip->count; i++) {
        struct trip_object *o = &trip->objects[i];
        struct hg_stored_object stored = {.path = o->stored,
                                          .plain_bytes = o->result.plain_bytes,
                                          .stored_bytes = o->result.stored_bytes,
                                          .plain_sha256 = o->result.plain_sha256,
                                          .stored_sha256 = o->result.stored_sha256};
        struct trip_comparison c = {.number = (unsigned)o->number};
        struct hg_error err = {0};
        enum hangar_rc rc = hg_decode(&from, &stored, trip_compare, &c, &err);
        ck_assert_msg(rc == HANGAR_OK, "%s", err.text);
        ck_assert(!c.wrong);
        ck_assert_uint_eq(c.at, trip->sources[o->source]->sizes[o->number]);
    }
}

void trip_fini(struct trip *trip)
{
    for (size_t i = 0; i < trip->count; i++) {
        hg_flow_result_free(&trip->objects[i].result);
    }
    for (size_t i = 0; i < trip->source_count; i++) {
        toy_source_free(trip->sources[i]);
    }
    for (size_t i = 0; i < trip->sink_count; i++) {
        toy_sink_free(trip->sinks[i]);
    }
    for (size_t i = 0; i < trip->chain_count; i++) {
        toy_close(trip->chain[i]);
    }
    toy_job_end(&trip->t);
    pthread_mutex_destroy(&trip->mutex);
}
