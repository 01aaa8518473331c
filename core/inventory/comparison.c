/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * comparison: see comparison.h.
 */
#include "inventory/comparison.h"

#include "base/error.h"
#include "base/str.h"
#include "base/thread.h"
#include "pipeline/decode.h"
#include "session/handle.h"
#include "session/session.h"

struct hg_comparison_work {
    struct hg_session *s;
    const struct hg_object_reader *from;
    const struct hg_stored_object *objects;
    size_t count;
    struct hg_comparison *out;
    pthread_mutex_t mutex; /* guards what follows and the out */
    size_t next;
    bool stop;
    struct hg_error error;
};

static void comparison_add(struct hg_comparison_work *c, const struct hg_stored_object *object,
                           enum hangar_rc rc, const struct hg_error *err)
{
    pthread_mutex_lock(&c->mutex);
    if (c->out && c->out->good) {
        c->out->good[object - c->objects] = rc == HANGAR_OK;
    }
    if (rc == HANGAR_OK && c->out) {
        c->out->objects++;
        c->out->plain_bytes += object->plain_bytes;
        c->out->stored_bytes += object->stored_bytes;
    } else if (rc != HANGAR_OK) {
        if (c->error.rc == HANGAR_OK) {
            c->error = *err;
        }
        if (c->out && rc == HANGAR_CORRUPT) {
            hg_str_addf(&c->out->problems, "%s\n", err->text);
        } else {
            c->error = rc == HANGAR_CORRUPT ? c->error : *err;
            c->stop = true;
        }
    }
    pthread_mutex_unlock(&c->mutex);
}

static void comparison_main(void *arg, size_t n)
{
    (void)n;
    struct hg_comparison_work *c = arg;
    for (;;) {
        pthread_mutex_lock(&c->mutex);
        size_t i = c->stop ? c->count : c->next;
        c->next += i < c->count;
        pthread_mutex_unlock(&c->mutex);
        if (i >= c->count) {
            return;
        }
        struct hg_error err = {0};
        const struct hg_stored_object *object = &c->objects[i];
        enum hangar_rc rc = c->from->chain ? hg_decode(c->from, object, NULL, NULL, &err)
                                           : hg_decode_check(c->from->sink, object, &err);
        comparison_add(c, object, rc, &err);
    }
}

enum hangar_rc hg_compare_objects(struct hg_session *s, const struct hg_object_reader *from,
                                  const struct hg_stored_object *objects, size_t count,
                                  struct hg_comparison *out, struct hg_error *err)
{
    struct hg_comparison_work c = {
        .s = s, .from = from, .objects = objects, .count = count, .out = out};
    pthread_mutex_init(&c.mutex, NULL);
    size_t threads = hg_workers(s->h->config);
    if (!hg_thread_run_all(threads < count ? threads : count, comparison_main, &c) &&
        c.error.rc == HANGAR_OK) {
        hg_no_thread(&c.error);
    }
    pthread_mutex_destroy(&c.mutex);
    if (c.error.rc != HANGAR_OK) {
        *err = c.error;
    }
    return c.error.rc;
}
