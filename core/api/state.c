/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * state: what this machine remembers between runs: a lock and a history per
 * pipeline, below state_dir.  Which backups exist is never read from here.
 */
#include "api/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

#define HISTORY_MAX (1u << 20)

static char *state_path(struct hangar *h, const char *folder, const char *pipeline,
                        const char *suffix, struct hg_error *err)
{
    char *dir = hg_format("%s/%s", h->state_dir, folder);
    char *path = NULL;
    if (!dir) {
        hg_fail(err, HANGAR_NO_MEMORY, 0, "out of memory");
    } else if (hg_make_dirs(dir, 0700, err) == HANGAR_OK) {
        path = hg_format("%s/%s%s", dir, pipeline, suffix);
    }
    free(dir);
    return path;
}

/* Leaves in the lock's file since when it is held; what fails is not important. */
static void say_since(int fd)
{
    char text[HG_TIME_SIZE + 1];
    hg_time_format(hg_now_ms(), text);
    strcat(text, "\n");
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, strlen(text), 0) < 0) {
        return;
    }
}

enum hangar_rc hg_state_lock(struct hangar *h, const char *pipeline, int *fd_out,
                             struct hg_error *err)
{
    char *path = state_path(h, "lock", pipeline, ".lock", err);
    if (!path) {
        hg_context(err, "cannot keep state; hint: set STATE_DIRECTORY to a folder of yours");
        return HANGAR_IO;
    }
    enum hangar_rc rc = HANGAR_OK;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        rc = hg_fail(err, HANGAR_IO, errno, "cannot open %s", path);
    } else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        rc = errno == EWOULDBLOCK
                 ? hg_fail(err, HANGAR_EXISTS, 0,
                           "another run of pipeline %s is under way; hint: wait for it, its end "
                           "frees the pipeline in any case",
                           pipeline)
                 : hg_fail(err, HANGAR_IO, errno, "cannot lock %s", path);
        close(fd);
    } else {
        say_since(fd);
        *fd_out = fd;
    }
    free(path);
    return rc;
}

int64_t hg_state_running(struct hangar *h, const char *pipeline)
{
    char text[HG_TIME_SIZE] = "";
    int64_t since = -1;
    char *path = hg_format("%s/lock/%s.lock", h->state_dir, pipeline);
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    /* shared, so that two who look do not take each other for a run */
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

/* Does the file end within a line, cut by a crash?  What is appended begins a new one. */
static bool is_cut(int fd)
{
    char last = '\n';
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 &&
           last != '\n';
}

/* Drops the older half of a history that has grown too long. */
static void trim(const char *path)
{
    struct hg_str text = {0};
    if (hg_read_file(path, 2 * HISTORY_MAX, &text, NULL) == HANGAR_OK && text.len > HISTORY_MAX) {
        const char *half = memchr(text.data + text.len / 2, '\n', text.len - text.len / 2);
        if (half) {
            hg_write_file(path, half + 1, text.len - (size_t)(half + 1 - text.data), 0600, NULL);
        }
    }
    hg_str_free(&text);
}

void hg_state_record(struct hangar *h, const char *pipeline, const json_t *line)
{
    struct hg_error err = {0};
    char *path = state_path(h, "history", pipeline, ".jsonl", &err);
    char *text = hg_json_line(line);
    int fd = -1;
    if (!text) {
        hg_fail(&err, HANGAR_NO_MEMORY, 0, "out of memory");
    }
    if (path && text) {
        trim(path);
        fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 || (is_cut(fd) && hg_write_all(fd, "\n", 1) != 0) ||
            hg_write_all(fd, text, strlen(text)) != 0) {
            hg_fail(&err, HANGAR_IO, errno, "cannot write %s", path);
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    if (err.rc != HANGAR_OK) {
        hg_log_line(&h->log, HANGAR_LOG_WARN, "the history is not kept: %s", err.text);
    }
    free(text);
    free(path);
}

json_t *hg_state_last(struct hangar *h, const char *pipeline)
{
    char *path = hg_format("%s/history/%s.jsonl", h->state_dir, pipeline);
    struct hg_str text = {0};
    json_t *last = NULL;
    if (path && hg_read_file(path, 2 * HISTORY_MAX, &text, NULL) == HANGAR_OK && text.len > 1) {
        /* a line that was cut by a crash is skipped */
        size_t end = text.len;
        while (!last && end > 0) {
            size_t start = end - 1;
            while (start > 0 && text.data[start - 1] != '\n') {
                start--;
            }
            size_t n = end - start;
            if (hg_json_parse(text.data + start, n, "history", &last, NULL) != HANGAR_OK) {
                last = NULL;
            }
            end = start;
        }
    }
    hg_str_free(&text);
    free(path);
    return last;
}

void hg_state_each(struct hangar *h, const char *pipeline,
                   void (*fn)(void *arg, const json_t *line), void *arg)
{
    char *path = hg_format("%s/history/%s.jsonl", h->state_dir, pipeline);
    struct hg_str text = {0};
    if (path && hg_read_file(path, 2 * HISTORY_MAX, &text, NULL) == HANGAR_OK) {
        for (size_t at = 0; at < text.len;) {
            size_t n = strcspn(text.data + at, "\n");
            json_t *line = NULL;
            /* a line that was cut by a crash is skipped */
            if (n && hg_json_parse(text.data + at, n, "history", &line, NULL) == HANGAR_OK) {
                fn(arg, line);
                json_decref(line);
            }
            at += n + 1;
        }
    }
    hg_str_free(&text);
    free(path);
}
