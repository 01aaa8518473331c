/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * state: see state.h.
 */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCHEMA "hangar.daemon/1"
#define STATE_FILE "daemon.json"

static int state_open_folder(const char *state_dir, int *fd)
{
    *fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd < 0 ? errno : 0;
}

/* Creates the folder and those above it, as the first run would. */
static int state_make_folder(const char *path)
{
    char *copy = strdup(path);
    int why = copy ? 0 : ENOMEM;

    for (char *slash = copy ? strchr(copy + 1, '/') : NULL; why == 0;
         slash = strchr(slash + 1, '/')) {
        if (slash) {
            *slash = '\0';
        }
        if (mkdir(copy, 0700) != 0 && errno != EEXIST) {
            why = errno;
        }
        if (!slash) {
            break;
        }
        *slash = '/';
    }
    free(copy);
    return why;
}

int daemon_state_lock(const char *state_dir, int *fd)
{
    int folder, why = state_make_folder(state_dir);

    if (why == 0) {
        why = state_open_folder(state_dir, &folder);
    }
    if (why != 0) {
        return why;
    }
    *fd = openat(folder, "daemon.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    why = *fd < 0 ? errno : 0;
    if (why == 0 && flock(*fd, LOCK_EX | LOCK_NB) != 0) {
        why = errno;
        close(*fd);
    }
    close(folder);
    return why;
}

static bool state_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* A copy of a text that may be NULL; sets *failed when out of memory. */
static char *state_copy(const char *text, bool *failed)
{
    char *copy = text ? strdup(text) : NULL;

    if (text && !copy) {
        *failed = true;
    }
    return copy;
}

static struct daemon_state *state_new(size_t count)
{
    struct daemon_state *state = calloc(1, sizeof(*state));

    if (!state) {
        return NULL;
    }
    state->entries = calloc(count + 1, sizeof(*state->entries));
    if (!state->entries) {
        free(state);
        return NULL;
    }
    return state;
}

void daemon_state_free(struct daemon_state *state)
{
    for (size_t i = 0; state && i < state->count; i++) {
        free(state->entries[i].pipeline);
        free(state->entries[i].cron);
        free(state->entries[i].timezone);
    }
    if (state) {
        free(state->entries);
    }
    free(state);
}

struct daemon_state *daemon_state_of(const struct daemon_plan *plan)
{
    struct daemon_state *state = state_new(plan->schedule_count);
    bool failed = !state;

    for (size_t i = 0; state && i < plan->schedule_count; i++) {
        const struct daemon_schedule *s = &plan->schedules[i];
        const struct daemon_pipeline *p = &plan->pipelines[s->pipeline];
        struct daemon_state_entry *entry = &state->entries[state->count++];
        *entry = (struct daemon_state_entry){.pipeline = state_copy(p->name, &failed),
                                             .cron = state_copy(s->cron, &failed),
                                             .timezone = state_copy(p->timezone, &failed),
                                             .kind = s->kind,
                                             .last_ms = s->last_ms,
                                             .started_ms = s->started_ms,
                                             .lost = s->lost,
                                             .tries = s->tries,
                                             .retry_ms = s->retry_ms};
        memcpy(entry->run, s->run, sizeof(entry->run));
    }
    if (failed) {
        daemon_state_free(state);
        return NULL;
    }
    return state;
}

void daemon_state_apply(const struct daemon_state *state, struct daemon_plan *plan, int64_t now_ms)
{
    for (size_t i = 0; state && i < state->count; i++) {
        const struct daemon_state_entry *entry = &state->entries[i];
        struct daemon_schedule *s = daemon_plan_find(plan, entry->pipeline, entry->kind);
        if (!s) {
            continue;
        }
        s->last_ms = entry->last_ms;
        s->started_ms = entry->started_ms;
        s->lost = entry->lost;
        s->tries = entry->tries;
        s->retry_ms = entry->retry_ms;
        memcpy(s->run, entry->run, sizeof(s->run));
        if (s->last_ms < now_ms &&
            (!state_same(s->cron, entry->cron) ||
             !state_same(plan->pipelines[s->pipeline].timezone, entry->timezone))) {
            s->last_ms = now_ms;
        }
    }
}

/* ---- the file ---- */

struct daemon_state *daemon_state_parse(const json_t *document)
{
    const json_t *schedules = json_object_get(document, "schedules"), *item;
    struct daemon_state *state = state_new(json_array_size(schedules));
    bool failed = !state;

    if (!state) {
        return NULL;
    }
    size_t i;
    json_array_foreach (schedules, i, item) {
        const char *pipeline = json_string_value(json_object_get(item, "pipeline"));
        const char *cron = json_string_value(json_object_get(item, "schedule"));
        const char *timezone = json_string_value(json_object_get(item, "timezone"));
        const char *run = json_string_value(json_object_get(item, "run"));
        struct daemon_state_entry entry = {
            .kind = daemon_kind_named(json_string_value(json_object_get(item, "job"))),
            .last_ms = json_integer_value(json_object_get(item, "last_ms")),
            .started_ms = json_integer_value(json_object_get(item, "started_ms")),
            .lost = (unsigned)json_integer_value(json_object_get(item, "lost")),
            .tries = (unsigned)json_integer_value(json_object_get(item, "tries")),
            .retry_ms = json_integer_value(json_object_get(item, "retry_ms"))};
        if (!pipeline || entry.kind == DAEMON_KINDS) {
            continue;
        }
        entry.pipeline = state_copy(pipeline, &failed);
        entry.cron = state_copy(cron, &failed);
        entry.timezone = state_copy(timezone, &failed);
        snprintf(entry.run, sizeof(entry.run), "%s", run ? run : "");
        state->entries[state->count++] = entry;
    }
    if (failed) {
        daemon_state_free(state);
        return NULL;
    }
    return state;
}

static json_t *state_entry_document(const struct daemon_plan *plan, const struct daemon_schedule *s)
{
    const struct daemon_pipeline *p = &plan->pipelines[s->pipeline];

    return json_pack("{s:s, s:s, s:s, s:s?, s:I, s:I, s:s, s:i, s:i, s:I}", "pipeline", p->name,
                     "job", daemon_kind_names[s->kind], "schedule", s->cron, "timezone",
                     p->timezone, "last_ms", (json_int_t)s->last_ms, "started_ms",
                     (json_int_t)s->started_ms, "run", s->run, "lost", (int)s->lost, "tries",
                     (int)s->tries, "retry_ms", (json_int_t)s->retry_ms);
}

static json_t *state_document(const struct daemon_plan *plan)
{
    json_t *schedules = json_array();
    bool failed = false;

    for (size_t i = 0; i < plan->schedule_count; i++) {
        json_t *entry = state_entry_document(plan, &plan->schedules[i]);
        failed |= json_array_append_new(schedules, entry) != 0;
    }
    json_t *document = json_pack("{s:s, s:o}", "schema", SCHEMA, "schedules", schedules);
    if (failed) {
        json_decref(document);
        return NULL;
    }
    return document;
}

int daemon_state_load(const char *state_dir, struct daemon_state **state)
{
    int folder, why = state_open_folder(state_dir, &folder);

    *state = NULL;
    if (why != 0) {
        return why == ENOENT ? 0 : why;
    }
    int fd = openat(folder, STATE_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    why = fd < 0 && errno != ENOENT ? errno : 0;
    close(folder);
    if (fd < 0) {
        return why;
    }
    json_t *document = json_loadfd(fd, 0, NULL);
    close(fd);
    const char *schema = json_string_value(json_object_get(document, "schema"));
    if (!schema || strcmp(schema, SCHEMA) != 0) {
        why = EILSEQ;
    } else {
        *state = daemon_state_parse(document);
        why = *state ? 0 : ENOMEM;
    }
    json_decref(document);
    return why;
}

static int state_write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, text, size);
        if (n < 0 && errno != EINTR) {
            return errno;
        }
        if (n > 0) {
            text += n;
            size -= (size_t)n;
        }
    }
    return fsync(fd) == 0 ? 0 : errno;
}

int daemon_state_save(const char *state_dir, const struct daemon_plan *plan)
{
    static const char temporary[] = STATE_FILE ".new"; /* the daemon holds the lock */
    json_t *document = state_document(plan);
    char *text = document ? json_dumps(document, JSON_INDENT(1)) : NULL;
    int folder = -1, fd = -1;
    int why = text ? state_open_folder(state_dir, &folder) : ENOMEM;

    if (why == 0) {
        fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        why = fd < 0 ? errno : state_write_all(fd, text, strlen(text));
    }
    if (fd >= 0 && close(fd) != 0 && why == 0) {
        why = errno;
    }
    if (why == 0 && renameat(folder, temporary, folder, STATE_FILE) != 0) {
        why = errno;
    }
    if (why == 0 && fsync(folder) != 0) {
        why = errno;
    }
    if (folder >= 0) {
        close(folder);
    }
    free(text);
    json_decref(document);
    return why;
}
