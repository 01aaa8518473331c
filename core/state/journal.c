/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * journal: see journal.h.
 */
#include "state/journal.h"

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

#define JOURNAL_MAX_BYTES (1u << 20)

static char *journal_file(const char *journal)
{
    return hg_format("history/%s.jsonl", journal);
}

/* True when a crash has cut the last line: what is appended then begins a new one. */
static bool journal_is_cut(int fd)
{
    char last = '\n';
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 &&
           last != '\n';
}

/* Removes the older half of a journal that has grown too long. */
static void journal_trim(const char *path)
{
    struct hg_str text = {0};
    if (hg_read_file(path, 2 * JOURNAL_MAX_BYTES, &text, NULL) == HANGAR_OK &&
        text.len > JOURNAL_MAX_BYTES) {
        const char *half = memchr(text.data + text.len / 2, '\n', text.len - text.len / 2);
        if (half) {
            hg_write_file(path, half + 1, text.len - (size_t)(half + 1 - text.data), 0600, NULL);
        }
    }
    hg_str_free(&text);
}

void hg_journal_append(const struct hg_state *state, const char *journal, const json_t *line)
{
    struct hg_error err = {0};
    char *name = journal_file(journal), *text = hg_json_line(line), *path = NULL;
    int fd = -1;
    if (!name || !text) {
        hg_no_memory(&err);
    } else if (hg_state_path(state, name, &path, &err) == HANGAR_OK) {
        journal_trim(path);
        if (hg_open_own_file(path, O_APPEND, &fd, &err) == HANGAR_OK &&
            ((journal_is_cut(fd) && hg_write_all(fd, "\n", 1) != 0) ||
             hg_write_all(fd, text, strlen(text)) != 0)) {
            hg_fail(&err, HANGAR_IO, errno, "cannot write %s", path);
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    if (err.rc != HANGAR_OK) {
        hg_log_line(state->log, HANGAR_LOG_WARN,
                    "cannot append to the history, so status and alerts lack this run: %s",
                    err.text);
    }
    free(text);
    free(path);
    free(name);
}

/* The whole journal; empty when there is none. */
static enum hangar_rc journal_read(const struct hg_state *state, const char *journal,
                                   struct hg_str *text, struct hg_error *err)
{
    char *name = journal_file(journal);
    enum hangar_rc rc =
        name ? hg_state_read(state, name, 2 * JOURNAL_MAX_BYTES, text, err) : hg_no_memory(err);
    free(name);
    if (rc == HANGAR_OK) {
        return HANGAR_OK;
    }
    hg_str_free(text);
    if (rc == HANGAR_NOT_FOUND) {
        hg_error_clear(err);
        return HANGAR_OK;
    }
    if (rc == HANGAR_CONFIG) { /* too large, or no regular file */
        err->rc = HANGAR_IO;
    }
    return hg_context(err, "cannot read the history of jobs on this machine");
}

enum hangar_rc hg_journal_last(const struct hg_state *state, const char *journal, json_t **line,
                               struct hg_error *err)
{
    struct hg_str text = {0};
    json_t *last = NULL;
    enum hangar_rc rc = journal_read(state, journal, &text, err);
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
    *line = last;
    return rc;
}

enum hangar_rc hg_journal_each(const struct hg_state *state, const char *journal,
                               void (*fn)(void *arg, const json_t *line), void *arg,
                               struct hg_error *err)
{
    struct hg_str text = {0};
    enum hangar_rc rc = journal_read(state, journal, &text, err);
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
    return rc;
}
