/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * counters: how often something happened on this machine since its state folder
 * was made: a small file beside the history, which forgets its oldest lines.
 */
#include "api/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/io.h"

enum { COUNTERS_MAX = 1 << 20 };

/* The file as it is; an empty object when there is none, or when it is damaged. */
static json_t *load(const char *path)
{
    struct hg_str text = {0};
    json_t *doc = NULL;
    if (hg_read_file(path, COUNTERS_MAX, &text, NULL) != HANGAR_OK ||
        hg_json_parse(hg_str_text(&text), text.len, "counters", &doc, NULL) != HANGAR_OK ||
        !json_is_object(doc)) {
        json_decref(doc);
        doc = json_object();
    }
    hg_str_free(&text);
    return doc;
}

static json_t *child(json_t *object, const char *key)
{
    json_t *found = json_object_get(object, key);
    if (!json_is_object(found)) {
        found = json_object();
        hg_json_set(object, key, found);
    }
    return found;
}

static enum hangar_rc add(const char *path, const char *counter, const char *of, const char *kind,
                          int64_t n, struct hg_error *err)
{
    json_t *doc = load(path);
    json_t *values = child(child(doc, counter), of);
    hg_json_set_int(values, kind, hg_json_int(values, kind, 0) + n);
    char *text = hg_json_text(doc);
    enum hangar_rc rc = text ? hg_write_file(path, text, strlen(text), 0600, err)
                             : hg_fail(err, HANGAR_NO_MEMORY, 0, "out of memory");
    free(text);
    json_decref(doc);
    return rc;
}

void hg_count(struct hangar *h, const char *counter, const char *of, const char *kind, int64_t n)
{
    struct hg_error err = {0};
    char *path = hg_format("%s/counters.json", h->state_dir);
    char *lock_path = hg_format("%s/counters.lock", h->state_dir);
    if (!path || !lock_path) {
        hg_fail(&err, HANGAR_NO_MEMORY, 0, "out of memory");
    } else if (hg_make_dirs(h->state_dir, 0700, &err) == HANGAR_OK) {
        int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 || flock(fd, LOCK_EX) != 0) { /* held for a write, never for a job */
            hg_fail(&err, HANGAR_IO, errno, "cannot lock %s", lock_path);
        } else {
            add(path, counter, of, kind, n, &err);
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    if (err.rc != HANGAR_OK) {
        hg_log_line(&h->log, HANGAR_LOG_WARN, "a counter is not kept: %s", err.text);
    }
    free(lock_path);
    free(path);
}

json_t *hg_counters(const struct hangar *h)
{
    char *path = hg_format("%s/counters.json", h->state_dir);
    json_t *doc = path ? load(path) : json_object();
    free(path);
    return doc;
}
