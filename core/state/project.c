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
#include "base/str.h"
#include "state/project_members.h"
#include "state/state.h"

#define PROJECTS_FOLDER "projects"

enum { ID_DIGITS = 16 };

struct hg_project {
    char *base; /* the state folder */
    char *origin;
    struct hg_project_member mine; /* the open configuration */

    pthread_mutex_t mutex; /* guards all below */
    char *dir, *read_dir;  /* the folder; the one that was read before it was registered */
    struct hg_project_members members; /* of the folder */
    bool entered;
};

/* ---- comparing ---- */

static const char *project_option(const struct hg_project_sink *sink, const char *name)
{
    for (size_t i = 0; i < sink->count; i++) {
        if (strcmp(sink->items[i].name, name) == 0) {
            return sink->items[i].value;
        }
    }
    return NULL;
}

/* Two descriptions mean one sink when no option that both give differs.  With other options, such
 * as a key or a limit, it is the same sink. */
static bool project_same_sink(const struct hg_project_sink *a, const struct hg_project_sink *b)
{
    size_t common = 0;
    for (size_t i = 0; i < a->count; i++) {
        const char *other = project_option(b, a->items[i].name);
        if (other && strcmp(a->items[i].value, other) != 0) {
            return false;
        }
        common += other != NULL;
    }
    /* the plugin alone decides only where neither has another option */
    return common > 1 || (common == 1 && a->count == 1 && b->count == 1);
}

static bool project_share_a_sink(const struct hg_project_pipeline *mine,
                                 const struct hg_project_pipeline *theirs)
{
    for (size_t i = 0; theirs && i < mine->count; i++) {
        for (size_t k = 0; k < theirs->count; k++) {
            if (project_same_sink(&mine->items[i], &theirs->items[k])) {
                return true;
            }
        }
    }
    return false;
}

/* A pipeline of the same name, with a sink in common. */
static bool project_overlaps(const struct hg_project_member *mine,
                             const struct hg_project_members *members)
{
    for (size_t i = 0; i < members->count; i++) {
        for (size_t p = 0; p < mine->count; p++) {
            const struct hg_project_pipeline *pipeline = &mine->items[p];
            if (project_share_a_sink(
                    pipeline, hg_project_find_pipeline(&members->items[i], pipeline->name))) {
                return true;
            }
        }
    }
    return false;
}

/* ---- finding ---- */

/* How well a project fits; the best is taken. */
enum project_fit { FITS_NOT, FITS_BY_SINK, FITS_BY_PATH };

static enum project_fit project_fit(const struct hg_project *p,
                                    const struct hg_project_members *members)
{
    if (!members->origin || strcmp(members->origin, p->origin) != 0) {
        return FITS_NOT;
    }
    if (hg_project_find_member(members, p->mine.path)) {
        return FITS_BY_PATH;
    }
    return project_overlaps(&p->mine, members) ? FITS_BY_SINK : FITS_NOT;
}

/* No project has the state folder itself, and what hangar 0.1 left there can be of this
 * configuration. */
static bool project_top_is_free(const struct hg_project *p, bool top_has_project)
{
    if (top_has_project) {
        return false;
    }
    char *history = hg_format("%s/history", p->base);
    bool is_free = history && access(history, F_OK) != 0;
    for (size_t i = 0; i < p->mine.count && !is_free; i++) {
        char *file = hg_format("%s/%s.jsonl", history, p->mine.items[i].name);
        is_free = file && access(file, F_OK) == 0;
        free(file);
    }
    free(history);
    return is_free;
}

/* The folder of a new project. */
static char *project_new_dir(const struct hg_project *p)
{
    char hex[HG_SHA256_HEX];
    char *key = hg_format("%s\n%s", p->mine.path, p->origin);
    bool ok = key && hg_sha256_of(key, strlen(key), hex);
    free(key);
    return ok ? hg_format("%s/" PROJECTS_FOLDER "/%.*s", p->base, ID_DIGITS, hex) : NULL;
}

/* The search for the folder of a configuration. */
struct project_search {
    const struct hg_project *project;
    enum project_fit best;
    char *dir; /* of the best; NULL: none fits */
    struct hg_project_members members;
    bool failed; /* out of memory */
};

/* Keeps this folder if it fits better than the best so far.  Takes `dir`. */
static void search_consider(struct project_search *search, char *dir,
                            struct hg_project_members *members)
{
    const enum project_fit fit = project_fit(search->project, members);
    if (fit <= search->best) {
        free(dir);
        hg_project_members_free(members);
        return;
    }
    free(search->dir);
    hg_project_members_free(&search->members);
    search->best = fit;
    search->dir = dir;
    search->members = *members;
}

/* Sets *has_project if there is one. */
static void search_folder(struct project_search *search, char *dir, bool *has_project)
{
    struct hg_project_members members = {0};
    if (!dir || !hg_project_members_read(dir, &members)) {
        search->failed = true;
        free(dir);
        return;
    }
    *has_project = members.origin != NULL;
    search_consider(search, dir, &members);
}

static void search_projects(struct project_search *search)
{
    char *folder = hg_format("%s/" PROJECTS_FOLDER, search->project->base);
    DIR *entries = folder ? opendir(folder) : NULL;
    const struct dirent *entry;
    bool has_project;
    while (entries && search->best < FITS_BY_PATH && (entry = readdir(entries))) {
        if (entry->d_name[0] != '.') {
            search_folder(search, hg_format("%s/%s", folder, entry->d_name), &has_project);
        }
    }
    if (entries) {
        closedir(entries);
    }
    search->failed = search->failed || !folder;
    free(folder);
}

/* Sets dir and members; the old ones are no longer used. */
static enum hangar_rc project_find(struct hg_project *p, struct hg_error *err)
{
    struct project_search search = {.project = p};
    bool top_has_project = false;
    search_folder(&search, strdup(p->base), &top_has_project);
    if (search.best < FITS_BY_PATH) {
        search_projects(&search);
    }
    if (search.best == FITS_NOT) {
        search.dir = project_top_is_free(p, top_has_project) ? strdup(p->base) : project_new_dir(p);
    }
    hg_project_members_free(&p->members);
    p->dir = search.dir;
    p->members = search.members;
    return p->dir && !search.failed ? HANGAR_OK : hg_no_memory(err);
}

enum hangar_rc hg_project_open(struct hg_state *state, struct hg_project_member *mine,
                               const char *origin, struct hg_error *err)
{
    struct hg_project *p = calloc(1, sizeof(*p));
    if (!p) {
        hg_project_member_free(mine);
        return hg_no_memory(err);
    }
    char *canonical = mine->path ? realpath(mine->path, NULL) : NULL;
    if (canonical) {
        free(mine->path);
        mine->path = canonical;
    }
    pthread_mutex_init(&p->mutex, NULL);
    p->base = strdup(state->dir);
    p->origin = strdup(origin);
    p->mine = *mine;
    *mine = (struct hg_project_member){0};
    state->project = p;
    return p->base && p->mine.path && p->origin ? project_find(p, err) : hg_no_memory(err);
}

void hg_project_close(struct hg_state *state)
{
    struct hg_project *p = state->project;
    if (!p) {
        return;
    }
    pthread_mutex_destroy(&p->mutex);
    hg_project_member_free(&p->mine);
    hg_project_members_free(&p->members);
    free(p->read_dir);
    free(p->dir);
    free(p->origin);
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

/* The members with this configuration as it is now, and without those whose file is gone. */
static bool project_with_mine(const struct hg_project *p, struct hg_project_members *now)
{
    *now = (struct hg_project_members){.origin = strdup(p->origin)};
    bool ok = now->origin != NULL;
    for (size_t i = 0; ok && i < p->members.count; i++) {
        const struct hg_project_member *member = &p->members.items[i];
        if (strcmp(member->path, p->mine.path) != 0 && access(member->path, F_OK) == 0) {
            ok = hg_project_add_member(now, member);
        }
    }
    return ok && hg_project_add_member(now, &p->mine);
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
    struct hg_project_members now;
    if (!project_with_mine(p, &now)) {
        hg_project_members_free(&now);
        return hg_no_memory(err);
    }
    if (!hg_project_members_equal(&now, &p->members)) {
        rc = hg_project_members_write(p->dir, &now, err);
    }
    hg_project_members_free(&p->members);
    p->members = now;
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
    if (!p) {
        return false;
    }
    pthread_mutex_lock(&p->mutex);
    for (size_t i = 0; i < p->members.count && !has; i++) {
        const struct hg_project_member *member = &p->members.items[i];
        has = strcmp(member->path, p->mine.path) != 0 &&
              hg_project_find_pipeline(member, pipeline) && access(member->path, F_OK) == 0;
    }
    pthread_mutex_unlock(&p->mutex);
    return has;
}
