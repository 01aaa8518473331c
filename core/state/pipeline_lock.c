/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pipeline_lock: see pipeline_lock.h.
 */
#include "state/pipeline_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/io.h"
#include "base/str.h"
#include "state/file.h"
#include "state/project.h"
#include "state/state.h"

/* Writes the time to the file of the lock, for hg_pipeline_lock_since.  A failure is ignored. */
static void write_lock_time(int fd)
{
    char text[HG_TIME_SIZE + 1];
    hg_time_format(hg_now_ms(), text);
    strcat(text, "\n");
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, strlen(text), 0) < 0) {
        return;
    }
}

static enum hangar_rc lock_failed(const char *pipeline, const struct hg_error *why,
                                  struct hg_error *err)
{
    return hg_fail(err, HANGAR_IO, 0,
                   "cannot lock pipeline %s: %s; hint: set STATE_DIRECTORY to a folder that you "
                   "can write to",
                   pipeline, why->text);
}

enum hangar_rc hg_pipeline_lock(const struct hg_state *state, const char *pipeline, int *fd,
                                struct hg_error *err)
{
    struct hg_error why = {0};
    char *name = hg_format("lock/%s.lock", pipeline);
    enum hangar_rc rc =
        name ? hg_state_lock_file(state, name, false, fd, &why) : hg_no_memory(&why);
    free(name);
    if (rc == HANGAR_OK) {
        write_lock_time(*fd);
    } else if (rc == HANGAR_EXISTS) {
        hg_fail(err, HANGAR_EXISTS, 0,
                "another job of pipeline %s is running; hint: wait until it ends, which also "
                "releases the lock",
                pipeline);
    } else {
        rc = lock_failed(pipeline, &why, err);
    }
    return rc;
}

enum hangar_rc hg_pipeline_lock_check(const struct hg_state *state, const char *pipeline,
                                      struct hg_error *err)
{
    struct hg_error why = {0};
    char *path = hg_format("%s/lock/%s.lock", hg_project_dir(state), pipeline);
    enum hangar_rc rc = path ? hg_check_writable(path, &why) : hg_no_memory(&why);
    free(path);
    return rc == HANGAR_OK ? rc : lock_failed(pipeline, &why, err);
}

int64_t hg_pipeline_lock_since(const struct hg_state *state, const char *pipeline)
{
    char text[HG_TIME_SIZE] = "";
    int64_t since = -1;
    char *path = hg_format("%s/lock/%s.lock", hg_project_dir(state), pipeline);
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    /* a shared lock: two readers must not report each other as a job */
    if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK &&
        pread(fd, text, sizeof(text) - 1, 0) > 0) {
        text[strcspn(text, "\n")] = '\0';
        hg_time_parse(text, &since);
    }
    if (fd >= 0) {
        close(fd);
    }
    free(path);
    return since;
}
