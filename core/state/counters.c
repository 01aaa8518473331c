/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * counters: see counters.h.  A small file beside the history, which drops its oldest lines and
 * therefore cannot count.
 */
#include "state/counters.h"

#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "state/file.h"
#include "state/state.h"

#define COUNTERS "counters.json"

static json_t *counters_child(json_t *object, const char *key)
{
    json_t *found = json_object_get(object, key);
    if (!json_is_object(found)) {
        found = json_object();
        hg_json_set(object, key, found);
    }
    return found;
}

static enum hangar_rc add_to_counter(const struct hg_state *state, const char *counter,
                                     const char *of, const char *kind, int64_t n,
                                     struct hg_error *err)
{
    json_t *doc;
    enum hangar_rc rc = hg_state_load(state, COUNTERS, &doc, err);
    if (rc == HANGAR_OK) {
        json_t *values = counters_child(counters_child(doc, counter), of);
        hg_json_set_int(values, kind, hg_json_int(values, kind, 0) + n);
        rc = hg_state_save(state, COUNTERS, doc, err);
        json_decref(doc);
    }
    return rc;
}

void hg_counters_add(const struct hg_state *state, const char *counter, const char *of,
                     const char *kind, int64_t n)
{
    struct hg_error err = {0};
    int lock; /* held during the write only, so that waiting for it is short */
    if (hg_state_lock_file(state, "counters.lock", true, &lock, &err) == HANGAR_OK) {
        add_to_counter(state, counter, of, kind, n, &err);
        close(lock);
    }
    if (err.rc != HANGAR_OK) {
        hg_log_line(state->log, HANGAR_LOG_WARN, "cannot store counter %s: %s", counter, err.text);
    }
}

json_t *hg_counters_read(const struct hg_state *state)
{
    json_t *doc;
    return hg_state_load(state, COUNTERS, &doc, NULL) == HANGAR_OK ? doc : json_object();
}
