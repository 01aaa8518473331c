/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * document: see document.h.
 */
#include "session/document.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/json.h"
#include "base/left_event.h"
#include "base/random.h"
#include "base/str.h"
#include "config/options.h"
#include "session/handle.h"

enum hangar_status hg_status(enum hangar_rc rc)
{
    switch (rc) {
    case HANGAR_OK:
        return HANGAR_STATUS_DONE;
    case HANGAR_CONFIG:
        return HANGAR_STATUS_USAGE;
    case HANGAR_AUTH:
        return HANGAR_STATUS_AUTH;
    case HANGAR_NOT_FOUND:
        return HANGAR_STATUS_NOT_FOUND;
    case HANGAR_CORRUPT:
        return HANGAR_STATUS_CORRUPT;
    case HANGAR_CANCELLED:
        return HANGAR_STATUS_INTERRUPTED;
    default:
        return HANGAR_STATUS_FAILED;
    }
}

enum hg_outcome hg_outcome_of(enum hangar_status status)
{
    return status == HANGAR_STATUS_DONE      ? HG_GOOD
           : status == HANGAR_STATUS_CORRUPT ? HG_BAD
                                             : HG_NOT_JUDGED;
}

const char *hg_outcome_name(enum hg_outcome outcome)
{
    static const char *const names[] = {"good", "not_judged", "bad"};
    return names[outcome];
}

void hg_new_run_id(struct hangar *h)
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    unsigned char random[10];
    hg_random_fill(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) {
        h->log.run[i] = digits[random[i] % 32];
    }
    h->log.run[sizeof(random)] = '\0';
}

json_t *hg_doc_begin(struct hangar *h, const char *schema)
{
    hg_str_free(&h->error);
    json_t *doc = json_object();
    hg_json_set_string(doc, "schema", schema);
    hg_json_set_string(doc, "status", "");
    return doc;
}

/* Ends the record of what the job leaves behind: adds it to the error of an interrupted job, and
 * logs it for any other. */
static void doc_add_left(struct hangar *h, enum hangar_status status, struct hg_error *err)
{
    atomic_store(&h->caller.interrupted, false);
    pthread_mutex_lock(&h->log.mutex);
    struct hg_str left = h->left;
    h->left = (struct hg_str){0};
    pthread_mutex_unlock(&h->log.mutex);
    if (status == HANGAR_STATUS_INTERRUPTED) {
        struct hg_error before = *err;
        hg_error_clear(err);
        hg_fail(err, before.rc, 0, "%s; %s%s", before.text[0] ? before.text : "interrupted",
                left.len ? "left over: " : "nothing is left over", hg_str_text(&left));
    } else if (left.len) {
        hg_log_event(&h->log, HANGAR_LOG_WARN, HG_LOG_LEFT, "%s", hg_str_text(&left));
    }
    hg_str_free(&left);
}

enum hangar_status hg_doc_end(struct hangar *h, json_t *doc, enum hangar_status status,
                              const struct hg_error *err, char **json)
{
    struct hg_error why = err ? *err : (struct hg_error){0};
    doc_add_left(h, status, &why);
    atomic_store(&h->caller.cancel, false);
    h->log.run[0] = '\0';
    hg_json_set_string(doc, "status", hangar_status_name(status));
    if (status != HANGAR_STATUS_DONE && why.text[0]) {
        hg_str_add(&h->error, why.text);
        hg_json_set_string(doc, "error", why.text);
    }
    char *text = json ? hg_json_text(doc) : NULL;
    json_decref(doc);
    if (json) {
        *json = text;
        if (!text && status == HANGAR_STATUS_DONE) {
            hg_str_add(&h->error, "out of memory");
            return HANGAR_STATUS_FAILED;
        }
    }
    return status;
}

enum hangar_status hg_doc_unready(struct hangar *h, json_t *doc, char **json)
{
    struct hg_error err = {0};
    hg_fail(&err, HANGAR_CONFIG, 0, "no configuration is open");
    return hg_doc_end(h, doc, HANGAR_STATUS_USAGE, &err, json);
}

void hangar_free(char *json)
{
    free(json);
}

const char *hangar_error(const struct hangar *hangar)
{
    return hangar->error.failed ? "out of memory" : hg_str_text(&hangar->error);
}

json_t *hg_doc_options(const struct hg_options *options)
{
    json_t *doc = json_object();
    for (size_t i = 0; i < options->count; i++) {
        const char *name = options->items[i].declared->name;
        char *text = options->items[i].set ? hg_option_display(&options->items[i]) : NULL;
        if (text) {
            hg_json_set_string(doc, name, text);
        } else if (options->items[i].set) {
            hg_json_set(doc, name, NULL); /* out of memory: the whole document fails */
        }
        free(text);
    }
    return doc;
}
