/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * project: see project.h.
 */
#include "state/project.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/json.h"
#include "base/str.h"
#include "state/state.h"

#define PROJECT_SCHEMA "hangar.project/1"
#define PROJECT_FILE "project.json"
#define PROJECTS_FOLDER "projects"
#define PROJECT_MAX_BYTES ((size_t)1 << 20)

enum { ID_DIGITS = 16 };

struct hg_project {
    char *base;   /* the state folder */
    char *config; /* canonical path */
    char *origin;
    json_t *pipelines; /* of the configuration */

    pthread_mutex_t mutex; /* guards all below */
    char *dir, *read_dir;  /* the folder; the one that was read before it was registered */
    json_t *doc;           /* its project.json; an empty object: none */
    bool entered;
};

/* ---- project.json ---- */

/* An empty object where there is none, or none that is usable. */
static json_t *project_read(const char *dir)
{
    struct hg_str text = {0};
    json_t *doc = NULL;
    char *path = hg_format("%s/" PROJECT_FILE, dir);
    if (path && hg_read_file(path, PROJECT_MAX_BYTES, &text, NULL) == HANGAR_OK &&
        hg_json_parse(hg_str_text(&text), text.len, PROJECT_FILE, &doc, NULL) == HANGAR_OK &&
        strcmp(hg_json_string(doc, "schema", ""), PROJECT_SCHEMA) != 0) {
        json_decref(doc);
        doc = NULL;
    }
    hg_str_free(&text);
    free(path);
    return doc ? doc : json_object();
}

static enum hangar_rc project_write(const char *dir, const json_t *doc, struct hg_error *err)
{
    char *path = hg_format("%s/" PROJECT_FILE, dir), *text = hg_json_text(doc);
    enum hangar_rc rc = path && text ? hg_make_dirs(dir, 0700, err) : hg_no_memory(err);
    if (rc == HANGAR_OK) {
        rc = hg_write_file(path, text, strlen(text), 0600, err);
    }
    free(text);
    free(path);
    return rc;
}

static const json_t *project_configurations(const json_t *doc)
{
    return json_object_get(doc, "configurations");
}

/* Two descriptions mean one sink when no option that both give differs.  With other options, such
 * as a key or a limit, it is the same sink. */
static bool project_same_sink(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *value;
    size_t common = 0;
    json_object_foreach ((json_t *)(uintptr_t)a, key, value) {
        const json_t *other = json_object_get(b, key);
        if (other && !json_equal(value, other)) {
            return false;
        }
        common += other != NULL;
    }
    /* the plugin alone says nothing, unless there is nothing more to say */
    return common > 1 || (common == 1 && json_object_size(a) == 1 && json_object_size(b) == 1);
}

static bool project_share_a_sink(const json_t *mine, const json_t *theirs)
{
    size_t i, k;
    json_t *a, *b;
    json_array_foreach (mine, i, a) {
        json_array_foreach (theirs, k, b) {
            if (project_same_sink(a, b)) {
                return true;
            }
        }
    }
    return false;
}

/* A pipeline of the same name, with a sink in common. */
static bool project_overlaps(const struct hg_project *p, const json_t *doc)
{
    const char *path, *name;
    json_t *configuration, *sinks;
    json_object_foreach ((json_t *)(uintptr_t)project_configurations(doc), path, configuration) {
        json_object_foreach (p->pipelines, name, sinks) {
            if (project_share_a_sink(sinks, json_object_get(configuration, name))) {
                return true;
            }
        }
    }
    return false;
}

/* ---- finding ---- */

/* How well a project fits; the best is taken. */
enum project_fit { FITS_NOT, FITS_BY_SINK, FITS_BY_PATH };

static enum project_fit project_fit(const struct hg_project *p, const json_t *doc)
{
    if (strcmp(hg_json_string(doc, "origin", ""), p->origin) != 0) {
        return FITS_NOT;
    }
    if (json_object_get(project_configurations(doc), p->config)) {
        return FITS_BY_PATH;
    }
    return project_overlaps(p, doc) ? FITS_BY_SINK : FITS_NOT;
}

/* No project has the state folder itself, and what hangar 0.1 left there can be of this
 * configuration. */
static bool project_top_is_free(const struct hg_project *p, const json_t *top)
{
    const char *name;
    json_t *sinks;
    char *history = hg_format("%s/history", p->base);
    bool is_free = json_object_size(top) == 0 && history && access(history, F_OK) != 0;
    json_object_foreach (p->pipelines, name, sinks) {
        char *file = hg_format("%s/%s.jsonl", history, name);
        is_free = is_free || (json_object_size(top) == 0 && file && access(file, F_OK) == 0);
        free(file);
    }
    free(history);
    return is_free;
}

/* The folder of a new project. */
static char *project_new_dir(const struct hg_project *p)
{
    char hex[HG_SHA256_HEX];
    char *key = hg_format("%s\n%s", p->config, p->origin);
    bool ok = key && hg_sha256_of(key, strlen(key), hex);
    free(key);
    return ok ? hg_format("%s/" PROJECTS_FOLDER "/%.*s", p->base, ID_DIGITS, hex) : NULL;
}

/* Keeps this folder if it fits better than the best so far.  Takes `dir` and `doc`. */
static enum project_fit project_consider(struct hg_project *p, char *dir, json_t *doc,
                                         enum project_fit best)
{
    const enum project_fit fit = dir ? project_fit(p, doc) : FITS_NOT;
    if (fit > best) {
        free(p->dir);
        json_decref(p->doc);
        p->dir = dir;
        p->doc = doc;
        return fit;
    }
    free(dir);
    json_decref(doc);
    return best;
}

static enum project_fit project_search_folder(struct hg_project *p, enum project_fit best)
{
    char *folder = hg_format("%s/" PROJECTS_FOLDER, p->base);
    DIR *entries = folder ? opendir(folder) : NULL;
    const struct dirent *entry;
    while (entries && best < FITS_BY_PATH && (entry = readdir(entries))) {
        if (entry->d_name[0] != '.') {
            char *dir = hg_format("%s/%s", folder, entry->d_name);
            best = project_consider(p, dir, dir ? project_read(dir) : NULL, best);
        }
    }
    if (entries) {
        closedir(entries);
    }
    free(folder);
    return best;
}

/* Sets dir and doc. */
static enum hangar_rc project_find(struct hg_project *p, struct hg_error *err)
{
    json_t *top = project_read(p->base);
    json_decref(p->doc);
    p->dir = NULL;
    p->doc = NULL;
    enum project_fit best = project_consider(p, strdup(p->base), json_incref(top), FITS_NOT);
    best = best < FITS_BY_PATH ? project_search_folder(p, best) : best;
    if (best == FITS_NOT) {
        p->dir = project_top_is_free(p, top) ? strdup(p->base) : project_new_dir(p);
        p->doc = json_object();
    }
    json_decref(top);
    return p->dir && p->doc ? HANGAR_OK : hg_no_memory(err);
}

enum hangar_rc hg_project_open(struct hg_state *state, const char *config, const char *origin,
                               json_t *pipelines, struct hg_error *err)
{
    struct hg_project *p = calloc(1, sizeof(*p));
    char *canonical = realpath(config, NULL);
    if (!p) {
        json_decref(pipelines);
        free(canonical);
        return hg_no_memory(err);
    }
    pthread_mutex_init(&p->mutex, NULL);
    p->base = strdup(state->dir);
    p->config = canonical ? canonical : strdup(config);
    p->origin = strdup(origin);
    p->pipelines = pipelines;
    state->project = p;
    return p->base && p->config && p->origin && pipelines ? project_find(p, err)
                                                          : hg_no_memory(err);
}

void hg_project_close(struct hg_state *state)
{
    struct hg_project *p = state->project;
    if (!p) {
        return;
    }
    pthread_mutex_destroy(&p->mutex);
    json_decref(p->pipelines);
    json_decref(p->doc);
    free(p->read_dir);
    free(p->dir);
    free(p->origin);
    free(p->config);
    free(p->base);
    free(p);
    state->project = NULL;
}

const char *hg_project_dir(const struct hg_state *state)
{
    struct hg_project *p = state->project;
    if (!p) {
        return state->dir;
    }
    pthread_mutex_lock(&p->mutex);
    const char *dir = p->dir ? p->dir : p->base;
    pthread_mutex_unlock(&p->mutex);
    return dir;
}

/* ---- registering ---- */

/* The document with this configuration in it, and without those whose file is gone. */
static json_t *project_with_mine(const struct hg_project *p)
{
    json_t *doc = json_object(), *all = json_object(), *pipelines;
    const char *path;
    json_object_foreach ((json_t *)(uintptr_t)project_configurations(p->doc), path, pipelines) {
        if (access(path, F_OK) == 0) {
            hg_json_set(all, path, json_incref(pipelines));
        }
    }
    hg_json_set(all, p->config, json_incref(p->pipelines));
    hg_json_set_string(doc, "schema", PROJECT_SCHEMA);
    hg_json_set_string(doc, "origin", p->origin);
    hg_json_set(doc, "configurations", all);
    return doc;
}

/* The lock of the list of projects is held. */
static enum hangar_rc project_register(struct hg_project *p, struct hg_error *err)
{
    char *before = p->dir;
    enum hangar_rc rc = project_find(p, err);
    if (p->dir && before && strcmp(p->dir, before) == 0) {
        free(p->dir);
        p->dir = before;
    } else {
        p->read_dir = before; /* a caller may hold it */
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    json_t *doc = project_with_mine(p);
    if (!json_equal(doc, p->doc)) {
        rc = project_write(p->dir, doc, err);
    }
    json_decref(p->doc);
    p->doc = doc;
    return rc;
}

static enum hangar_rc project_lock_and_register(struct hg_project *p, struct hg_error *err)
{
    char *lock = hg_format("%s/projects.lock", p->base);
    enum hangar_rc rc = lock ? hg_make_dirs(p->base, 0700, err) : hg_no_memory(err);
    int fd = -1;
    if (rc == HANGAR_OK) {
        rc = hg_open_own_file(lock, 0, &fd, err);
    }
    if (rc == HANGAR_OK && flock(fd, LOCK_EX) != 0) {
        rc = hg_fail(err, HANGAR_IO, errno, "cannot lock %s", lock);
    }
    if (rc == HANGAR_OK) {
        rc = project_register(p, err);
    }
    if (fd >= 0) {
        close(fd);
    }
    free(lock);
    return rc;
}

enum hangar_rc hg_project_enter(const struct hg_state *state, struct hg_error *err)
{
    struct hg_project *p = state->project;
    enum hangar_rc rc = HANGAR_OK;
    if (!p) {
        return HANGAR_OK;
    }
    pthread_mutex_lock(&p->mutex);
    if (!p->entered) {
        rc = project_lock_and_register(p, err);
        p->entered = rc == HANGAR_OK;
    }
    pthread_mutex_unlock(&p->mutex);
    return rc;
}

bool hg_project_has_pipeline(const struct hg_state *state, const char *pipeline)
{
    struct hg_project *p = state->project;
    bool has = false;
    const char *path;
    json_t *pipelines;
    if (!p) {
        return false;
    }
    pthread_mutex_lock(&p->mutex);
    json_object_foreach ((json_t *)(uintptr_t)project_configurations(p->doc), path, pipelines) {
        has = has || (strcmp(path, p->config) != 0 && json_object_get(pipelines, pipeline) &&
                      access(path, F_OK) == 0);
    }
    pthread_mutex_unlock(&p->mutex);
    return has;
}
