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

static int open_folder(const char *state_dir, int *fd)
{
    *fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd < 0 ? errno : 0;
}

/* The folder and those above it, as a first run would make them. */
static int make_folder(const char *path)
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
    int folder, why = make_folder(state_dir);

    if (why == 0) {
        why = open_folder(state_dir, &folder);
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

static json_t *remembered(const struct daemon_plan *plan, const struct daemon_schedule *s)
{
    const struct daemon_pipeline *p = &plan->pipelines[s->pipeline];

    return json_pack("{s:s, s:s, s:s, s:s?, s:I, s:I, s:s, s:i}", "pipeline", p->name, "job",
                     daemon_kind_names[s->kind], "schedule", s->cron, "timezone", p->timezone,
                     "last_ms", (json_int_t)s->last_ms, "started_ms", (json_int_t)s->started_ms,
                     "run", s->run, "lost", (int)s->lost);
}

json_t *daemon_state_make(const struct daemon_plan *plan)
{
    json_t *schedules = json_array();
    bool failed = false;

    for (size_t i = 0; i < plan->schedule_count; i++) {
        if (json_array_append_new(schedules, remembered(plan, &plan->schedules[i])) != 0) {
            failed = true;
        }
    }
    json_t *state = json_pack("{s:s, s:o}", "schema", SCHEMA, "schedules", schedules);
    if (failed) {
        json_decref(state);
        return NULL;
    }
    return state;
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

void daemon_state_apply(const json_t *state, struct daemon_plan *plan, int64_t now_ms)
{
    const json_t *item;
    size_t i;

    json_array_foreach (json_object_get(state, "schedules"), i, item) {
        const char *pipeline = json_string_value(json_object_get(item, "pipeline"));
        const char *job = json_string_value(json_object_get(item, "job"));
        const char *run = json_string_value(json_object_get(item, "run"));
        struct daemon_schedule *s = daemon_plan_find(plan, pipeline, job);
        if (!s) {
            continue;
        }
        s->last_ms = json_integer_value(json_object_get(item, "last_ms"));
        s->started_ms = json_integer_value(json_object_get(item, "started_ms"));
        s->lost = (unsigned)json_integer_value(json_object_get(item, "lost"));
        snprintf(s->run, sizeof(s->run), "%s", run ? run : "");
        if (s->last_ms < now_ms &&
            (!same(s->cron, json_string_value(json_object_get(item, "schedule"))) ||
             !same(plan->pipelines[s->pipeline].timezone,
                   json_string_value(json_object_get(item, "timezone"))))) {
            s->last_ms = now_ms;
        }
    }
}

int daemon_state_load(const char *state_dir, json_t **state)
{
    int folder, why = open_folder(state_dir, &folder);

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
    *state = json_loadfd(fd, 0, NULL);
    close(fd);
    const char *schema = json_string_value(json_object_get(*state, "schema"));
    if (!schema || strcmp(schema, SCHEMA) != 0) {
        json_decref(*state);
        *state = NULL;
        return EILSEQ;
    }
    return 0;
}

static int write_all(int fd, const char *text, size_t size)
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
    static const char temporary[] = STATE_FILE ".new"; /* the lock is ours: nobody else writes it */
    json_t *state = daemon_state_make(plan);
    char *text = state ? json_dumps(state, JSON_INDENT(1)) : NULL;
    int folder = -1, fd = -1;
    int why = text ? open_folder(state_dir, &folder) : ENOMEM;

    if (why == 0) {
        fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        why = fd < 0 ? errno : write_all(fd, text, strlen(text));
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
    json_decref(state);
    return why;
}
