/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * file: see file.h.
 */
#include "state/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"
#include "base/io.h"
#include "base/json.h"
#include "base/str.h"
#include "state/project.h"
#include "state/state.h"

#define DOCUMENT_MAX ((size_t)8 << 20)

static char *state_file_path(const struct hg_state *state, const char *name, struct hg_error *err)
{
    char *path = hg_format("%s/%s", hg_project_dir(state), name);
    if (!path) {
        hg_no_memory(err);
    }
    return path;
}

enum hangar_rc hg_state_path(const struct hg_state *state, const char *name, char **path,
                             struct hg_error *err)
{
    enum hangar_rc rc = hg_project_enter(state, err);
    char *made = rc == HANGAR_OK ? state_file_path(state, name, err) : NULL;
    if (!made) {
        return rc == HANGAR_OK ? HANGAR_NO_MEMORY : rc;
    }
    char *slash = strrchr(made, '/');
    *slash = '\0';
    rc = hg_make_dirs(made, 0700, err);
    *slash = '/';
    if (rc != HANGAR_OK) {
        free(made);
        return rc;
    }
    *path = made;
    return HANGAR_OK;
}

enum hangar_rc hg_state_lock_file(const struct hg_state *state, const char *name, bool wait,
                                  int *fd_out, struct hg_error *err)
{
    char *path;
    enum hangar_rc rc = hg_state_path(state, name, &path, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    int fd = -1;
    rc = hg_open_own_file(path, 0, &fd, err);
    if (rc == HANGAR_OK && flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
        rc = hg_fail(err, errno == EWOULDBLOCK ? HANGAR_EXISTS : HANGAR_IO, errno, "cannot lock %s",
                     path);
        close(fd);
    } else if (rc == HANGAR_OK) {
        *fd_out = fd;
    }
    free(path);
    return rc;
}

bool hg_state_is_locked(const struct hg_state *state, const char *name)
{
    char *path = state_file_path(state, name, NULL);
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    bool locked = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0) {
        close(fd);
    }
    free(path);
    return locked;
}

enum hangar_rc hg_state_read(const struct hg_state *state, const char *name, size_t max,
                             struct hg_str *out, struct hg_error *err)
{
    char *path = state_file_path(state, name, err);
    enum hangar_rc rc = path ? hg_read_file(path, max, out, err) : HANGAR_NO_MEMORY;
    free(path);
    return rc;
}

enum hangar_rc hg_state_write(const struct hg_state *state, const char *name, const char *text,
                              size_t size, struct hg_error *err)
{
    char *path;
    enum hangar_rc rc = hg_state_path(state, name, &path, err);
    if (rc == HANGAR_OK) {
        rc = hg_write_file(path, text, size, 0600, err);
        free(path);
    }
    return rc;
}

/* CONFIG: it is too large, or not a regular file. */
static bool is_unusable(enum hangar_rc rc)
{
    return rc == HANGAR_NOT_FOUND || rc == HANGAR_CORRUPT || rc == HANGAR_CONFIG;
}

enum hangar_rc hg_state_load(const struct hg_state *state, const char *name, json_t **out,
                             struct hg_error *err)
{
    struct hg_str text = {0};
    struct hg_error why = {0};
    json_t *doc = NULL;
    enum hangar_rc rc = hg_state_read(state, name, DOCUMENT_MAX, &text, &why);
    if (rc == HANGAR_OK) {
        rc = hg_json_parse(hg_str_text(&text), text.len, name, &doc, &why);
    }
    hg_str_free(&text);
    if (is_unusable(rc) || (rc == HANGAR_OK && !json_is_object(doc))) {
        json_decref(doc);
        doc = json_object();
        hg_error_clear(&why);
        rc = doc ? HANGAR_OK : hg_no_memory(&why);
    }
    if (rc != HANGAR_OK) {
        return hg_error_move(err, &why);
    }
    *out = doc;
    return HANGAR_OK;
}

enum hangar_rc hg_state_save(const struct hg_state *state, const char *name, const json_t *doc,
                             struct hg_error *err)
{
    char *text = hg_json_text(doc);
    enum hangar_rc rc =
        text ? hg_state_write(state, name, text, strlen(text), err) : hg_no_memory(err);
    free(text);
    return rc;
}
