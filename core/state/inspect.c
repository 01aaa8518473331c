/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * inspect: see inspect.h.
 */
#include "state/inspect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/io.h"
#include "base/str.h"
#include "state/project.h"

#define LINES_MAX 5 /* the others have most likely the same reason */

struct inspection {
    struct hg_str *problems;
    size_t lines;
};

static void inspect_note(struct inspection *x, const char *path, const char *why)
{
    if (x->lines++ < LINES_MAX) {
        hg_str_addf(x->problems,
                    "cannot write %s: %s; a backup succeeds, but status, alerts and the next jobs "
                    "lack what is kept there; hint: correct it, or remove it\n",
                    path, why);
    }
}

static void inspect_entry(struct inspection *x, const char *path, bool is_folder)
{
    struct stat st;
    if (lstat(path, &st) != 0) {
        if (errno != ENOENT) { /* a job has just removed it */
            inspect_note(x, path, strerror(errno));
        }
    } else if (is_folder != S_ISDIR(st.st_mode) || (!is_folder && !S_ISREG(st.st_mode))) {
        inspect_note(x, path, is_folder ? "it is not a folder" : "it is not a regular file");
    } else if (faccessat(AT_FDCWD, path, is_folder ? R_OK | W_OK | X_OK : R_OK | W_OK,
                         AT_EACCESS) != 0) {
        inspect_note(x, path, strerror(errno));
    }
}

static enum hangar_rc inspect_folder(struct inspection *x, const char *path, bool top,
                                     struct hg_error *err)
{
    DIR *dir = opendir(path);
    if (!dir) {
        if (errno != ENOENT) {
            inspect_note(x, path, strerror(errno));
        }
        return HANGAR_OK;
    }
    enum hangar_rc rc = HANGAR_OK;
    for (const struct dirent *entry; rc == HANGAR_OK && (entry = readdir(dir));) {
        const bool is_folder = top && !strchr(entry->d_name, '.');
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        char *child = hg_format("%s/%s", path, entry->d_name);
        if (!child) {
            rc = hg_no_memory(err);
        } else if (strcmp(entry->d_name, HG_PROJECTS_FOLDER) != 0) { /* of other configurations */
            const size_t before = x->lines;
            inspect_entry(x, child, is_folder);
            if (is_folder && x->lines == before) {
                rc = inspect_folder(x, child, false, err);
            }
        }
        free(child);
    }
    closedir(dir);
    return rc;
}

enum hangar_rc hg_state_inspect(const struct hg_state *state, struct hg_str *problems,
                                struct hg_error *err)
{
    struct inspection x = {.problems = problems};
    return inspect_folder(&x, hg_project_dir(state), true, err);
}
