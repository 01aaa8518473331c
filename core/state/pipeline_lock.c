/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pipeline_lock: see pipeline_lock.h.
 */
#include "state/pipeline_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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

#define LOCK_JOB_SIZE 16

static const char *const lock_job_names[] = {
    [HG_LOCK_BACKUP] = "backup",  [HG_LOCK_COPY] = "copy",     [HG_LOCK_IMPORT] = "import",
    [HG_LOCK_PRUNE] = "prune",    [HG_LOCK_REMOVE] = "remove", [HG_LOCK_REPAIR] = "repair",
    [HG_LOCK_RESTORE] = "restore"};

enum { LOCK_JOB_COUNT = sizeof(lock_job_names) / sizeof(lock_job_names[0]) };

const char *hg_lock_job_name(enum hg_lock_job job)
{
    return lock_job_names[job];
}

/* A holder that named no job is a backup. */
static enum hg_lock_job lock_job_of_name(const char *name)
{
    for (unsigned i = 0; i < LOCK_JOB_COUNT; i++) {
        if (strcmp(lock_job_names[i], name) == 0) {
            return (enum hg_lock_job)i;
        }
    }
    return HG_LOCK_BACKUP;
}

/* Writes the time and the job to the file of the lock, for hg_pipeline_lock_holder.  A failure is
 * ignored. */
static void lock_write_holder(int fd, enum hg_lock_job job)
{
    char time[HG_TIME_SIZE], text[HG_TIME_SIZE + LOCK_JOB_SIZE];
    hg_time_format(hg_now_ms(), time);
    const int size = snprintf(text, sizeof(text), "%s %s\n", time, hg_lock_job_name(job));
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)size, 0) < 0) {
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

static void lock_report_busy(const struct hg_state *state, const char *pipeline,
                             struct hg_error *err)
{
    const struct hg_lock_holder holder = hg_pipeline_lock_holder(state, pipeline);
    char time[HG_TIME_SIZE] = "", which[HG_TIME_SIZE + LOCK_JOB_SIZE + sizeof(" ( since )")] = "";
    if (holder.since_ms >= 0) {
        hg_time_format(holder.since_ms, time);
        snprintf(which, sizeof(which), " (%s since %s)", hg_lock_job_name(holder.job), time);
    }
    hg_fail(
        err, HANGAR_EXISTS, 0,
        "another job of pipeline %s is running%s; hint: wait until it ends, which also releases "
        "the lock",
        pipeline, which);
}

enum hangar_rc hg_pipeline_lock(const struct hg_state *state, const char *pipeline,
                                enum hg_lock_job job, int *fd, struct hg_error *err)
{
    struct hg_error why = {0};
    char *name = hg_format("lock/%s.lock", pipeline);
    enum hangar_rc rc =
        name ? hg_state_lock_file(state, name, false, fd, &why) : hg_no_memory(&why);
    free(name);
    if (rc == HANGAR_OK) {
        lock_write_holder(*fd, job);
    } else if (rc == HANGAR_EXISTS) {
        lock_report_busy(state, pipeline, err);
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

struct hg_lock_holder hg_pipeline_lock_holder(const struct hg_state *state, const char *pipeline)
{
    char text[HG_TIME_SIZE + LOCK_JOB_SIZE] = "";
    struct hg_lock_holder holder = {.since_ms = -1};
    char *path = hg_format("%s/lock/%s.lock", hg_project_dir(state), pipeline);
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    /* a shared lock: two readers must not report each other as a job */
    if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK &&
        pread(fd, text, sizeof(text) - 1, 0) > 0) {
        text[strcspn(text, "\n")] = '\0';
        const size_t time_size = strcspn(text, " ");
        holder.job = lock_job_of_name(text[time_size] ? text + time_size + 1 : "");
        text[time_size] = '\0';
        hg_time_parse(text, &holder.since_ms);
    }
    if (fd >= 0) {
        close(fd);
    }
    free(path);
    return holder;
}
