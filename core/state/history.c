/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * history: see history.h.
 */
#include "state/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/io.h"
#include "base/json.h"
#include "base/str.h"
#include "state/file.h"
#include "state/state.h"

#define HISTORY_MAX (1u << 20)

static char *history_of(const char *pipeline)
{
    return hg_format("history/%s.jsonl", pipeline);
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

void hg_history_append(const struct hg_state *state, const char *pipeline, const json_t *line)
{
    struct hg_error err = {0};
    char *name = history_of(pipeline), *text = hg_json_line(line), *path = NULL;
    int fd = -1;
    if (!name || !text) {
        hg_no_memory(&err);
    } else if (hg_state_path(state, name, &path, &err) == HANGAR_OK) {
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
        hg_log_line(state->log, HANGAR_LOG_WARN, "the history is not kept: %s", err.text);
    }
    free(text);
    free(path);
    free(name);
}

/* The whole history; empty when there is none. */
static struct hg_str read_history(const struct hg_state *state, const char *pipeline)
{
    struct hg_str text = {0};
    char *name = history_of(pipeline);
    if (!name || hg_state_read(state, name, 2 * HISTORY_MAX, &text, NULL) != HANGAR_OK) {
        hg_str_free(&text);
    }
    free(name);
    return text;
}

json_t *hg_history_last(const struct hg_state *state, const char *pipeline)
{
    struct hg_str text = read_history(state, pipeline);
    json_t *last = NULL;
    /* a line that was cut by a crash is skipped */
    for (size_t end = text.len, start; !last && end > 0; end = start) {
        start = end - 1;
        while (start > 0 && text.data[start - 1] != '\n') {
            start--;
        }
        if (hg_json_parse(text.data + start, end - start, "history", &last, NULL) != HANGAR_OK) {
            last = NULL;
        }
    }
    hg_str_free(&text);
    return last;
}

void hg_history_each(const struct hg_state *state, const char *pipeline,
                     void (*fn)(void *arg, const json_t *line), void *arg)
{
    struct hg_str text = read_history(state, pipeline);
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
    hg_str_free(&text);
}
