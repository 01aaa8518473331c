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
                    "lack what is stored there; hint: correct it, or remove it\n",
                    path, why);
    }
}

static void inspect_entry(struct inspection *x, const char *path, bool is_folder)
{
    struct stat st;
    /* a folder may be a symbolic link, a file may not */
    if ((is_folder ? stat(path, &st) : lstat(path, &st)) != 0) {
        if (errno != ENOENT) { /* a job has just removed it */
            inspect_note(x, path, strerror(errno));
        }
    } else if (is_folder ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode)) {
        inspect_note(x, path, is_folder ? "it is not a folder" : "it is not a regular file");
    } else if (faccessat(AT_FDCWD, path, is_folder ? R_OK | W_OK | X_OK : R_OK | W_OK,
                         AT_EACCESS) != 0) {
        inspect_note(x, path, strerror(errno));
    }
}

static enum hangar_rc inspect_folder(struct inspection *x, const char *path, struct hg_error *err)
{
    DIR *dir = opendir(path);
    if (!dir && errno != ENOENT) {
        inspect_note(x, path, strerror(errno));
    }
    enum hangar_rc rc = HANGAR_OK;
    for (const struct dirent *entry; dir && rc == HANGAR_OK && (entry = readdir(dir));) {
        char *file = entry->d_name[0] == '.' ? NULL : hg_format("%s/%s", path, entry->d_name);
        if (file) {
            inspect_entry(x, file, false);
        } else if (entry->d_name[0] != '.') {
            rc = hg_no_memory(err);
        }
        free(file);
    }
    if (dir) {
        closedir(dir);
    }
    return rc;
}

enum hangar_rc hg_state_inspect(const struct hg_state *state, struct hg_str *problems,
                                struct hg_error *err)
{
    /* other files may lie beside these: the folder can be the home of a user */
    static const char *const names[] = {
        "lock",          "history",       "tries",        "sizes",       "sinks",
        "retained",      "manifests",     "capabilities", "alerts.json", "alerts.lock",
        "counters.json", "counters.lock", "daemon.json",  "daemon.lock", "project.json"};
    struct inspection x = {.problems = problems};
    const char *top = hg_project_dir(state);
    struct stat st;
    if (stat(top, &st) != 0) {
        if (errno != ENOENT) {
            inspect_note(&x, top, strerror(errno));
        }
        return HANGAR_OK;
    }
    inspect_entry(&x, top, true);
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && rc == HANGAR_OK; i++) {
        const bool is_folder = !strchr(names[i], '.');
        const size_t before = x.lines;
        char *path = hg_format("%s/%s", top, names[i]);
        if (!path) {
            return hg_no_memory(err);
        }
        inspect_entry(&x, path, is_folder);
        if (is_folder && x.lines == before) {
            rc = inspect_folder(&x, path, err);
        }
        free(path);
    }
    return rc;
}
