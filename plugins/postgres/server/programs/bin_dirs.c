/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * bin_dirs: the folders in which PostgreSQL's programs are searched for.
 */
#include "server/programs/bin_dirs.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Debian and its like; Red Hat and its like. */
#define DEBIAN_DIRS "/usr/lib/postgresql/*/bin"
#define RED_HAT_DIRS "/usr/pgsql-*/bin"

static bool examine_packages(const char *pattern, pg_examine_dir *examine, void *arg)
{
    glob_t found;
    bool usable = false;
    if (glob(pattern, 0, NULL, &found) != 0) {
        return false;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        usable = examine(arg, found.gl_pathv[i], true);
    }
    globfree(&found);
    return usable;
}

static void examine_path(pg_examine_dir *examine, void *arg)
{
    const char *path = getenv("PATH");
    char *copy = path ? strdup(path) : NULL, *rest = copy, *dir;
    while (copy && (dir = strsep(&rest, ":")) != NULL) {
        if (dir[0] == '/') {
            examine(arg, dir, false);
        }
    }
    free(copy);
}

void pg_each_bin_dir(const struct pg_source *src, pg_examine_dir *examine, void *arg)
{
    if (src->opt.bin_dir) {
        examine(arg, src->opt.bin_dir, false);
        return;
    }
    bool debian = examine_packages(DEBIAN_DIRS, examine, arg);
    bool red_hat = examine_packages(RED_HAT_DIRS, examine, arg);
    if (!debian && !red_hat) {
        examine_path(examine, arg);
    }
}

const char *pg_bin_dirs_text(const struct pg_source *src)
{
    return src->opt.bin_dir ? src->opt.bin_dir : DEBIAN_DIRS ", " RED_HAT_DIRS " and PATH";
}

bool pg_has_programs(const char *dir, const char *const *names)
{
    for (; *names; names++) {
        char path[1200];
        snprintf(path, sizeof(path), "%s/%s", dir, *names);
        if (access(path, X_OK) != 0) {
            return false;
        }
    }
    return true;
}

int pg_packaged_major(const char *dir)
{
    int major = 0;
    if (sscanf(dir, "/usr/lib/postgresql/%d/bin", &major) == 1 ||
        sscanf(dir, "/usr/pgsql-%d/bin", &major) == 1) {
        return major;
    }
    return 0;
}
