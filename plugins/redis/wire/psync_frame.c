/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * psync_frame: see psync_frame.h.
 */
#include "wire/psync_frame.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void psync_frame_init(struct psync_frame *frame, struct rdb_walk *walk)
{
    memset(frame, 0, sizeof(*frame));
    frame->walk = walk;
}

__attribute__((format(printf, 3, 4))) static enum hangar_rc
psync_refuse(struct psync_frame *frame, enum hangar_rc rc, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(frame->problem, sizeof(frame->problem), fmt, args);
    va_end(args);
    return rc;
}

static enum hangar_rc psync_decode_prefix(struct psync_frame *frame)
{
    const char *line = frame->line;
    if (line[0] == '-') {
        return psync_refuse(frame, HANGAR_IO, "%s", line[1] ? line + 1 : "the error has no text");
    }
    if (strncmp(line, "$EOF:", 5) == 0 && frame->line_size == 5 + PSYNC_MARK) {
        frame->marked = true;
        memcpy(frame->mark, line + 5, PSYNC_MARK);
    } else {
        char *end = NULL;
        errno = 0;
        frame->size = frame->left = strtoull(line + 1, &end, 10);
        if (line[0] != '$' || line[1] < '1' || line[1] > '9' || *end != '\0' || errno != 0) {
            return psync_refuse(frame, HANGAR_CORRUPT,
                                "the transfer does not begin with the size of an RDB");
        }
        rdb_walk_size(frame->walk, frame->size);
    }
    frame->step = PSYNC_RDB;
    return HANGAR_OK;
}

/* Reads up to the end of the prefix line. */
static enum hangar_rc psync_read_prefix(struct psync_frame *frame, const unsigned char *data,
                                        size_t size, size_t *used)
{
    for (size_t i = 0; i < size; i++) {
        *used = i + 1;
        if (data[i] == '\n' && frame->line_size == 0) {
            frame->newlines++;
        } else if (data[i] == '\n') {
            if (frame->line[frame->line_size - 1] == '\r') {
                frame->line_size--;
            }
            frame->line[frame->line_size] = '\0';
            return psync_decode_prefix(frame);
        } else if (frame->line_size + 1 == sizeof(frame->line) || data[i] == '\0') {
            return psync_refuse(frame, HANGAR_CORRUPT,
                                "the transfer does not begin with the size of an RDB");
        } else {
            frame->line[frame->line_size++] = (char)data[i];
        }
    }
    return HANGAR_OK;
}

static enum hangar_rc psync_read_rdb(struct psync_frame *frame, const unsigned char *data,
                                     size_t size, size_t *used)
{
    if (!frame->marked && size > frame->left) {
        size = (size_t)frame->left;
    }
    enum hangar_rc rc = rdb_walk_feed(frame->walk, data, size, used);
    if (rc != HANGAR_OK) {
        return psync_refuse(frame, rc, "%s", rdb_walk_problem(frame->walk));
    }
    bool whole = rdb_walk_done(frame->walk);
    if (frame->marked) {
        frame->step = whole ? PSYNC_END_MARK : PSYNC_RDB;
        return HANGAR_OK;
    }
    frame->left -= *used;
    if (whole && frame->left > 0) {
        return psync_refuse(frame, HANGAR_CORRUPT,
                            "the RDB ends %" PRIu64 " bytes before its size of %" PRIu64,
                            frame->left, frame->size);
    }
    if (!whole && frame->left == 0) {
        return psync_refuse(frame, HANGAR_CORRUPT,
                            "the RDB has no end within its size of %" PRIu64 " bytes", frame->size);
    }
    if (whole) {
        frame->step = PSYNC_DONE;
    }
    return HANGAR_OK;
}

static enum hangar_rc psync_read_mark(struct psync_frame *frame, const unsigned char *data,
                                      size_t size)
{
    for (size_t i = 0; i < size && frame->mark_seen < PSYNC_MARK; i++) {
        if (data[i] != (unsigned char)frame->mark[frame->mark_seen++]) {
            return psync_refuse(frame, HANGAR_CORRUPT,
                                "the end mark after the RDB is missing or wrong");
        }
    }
    if (frame->mark_seen == PSYNC_MARK) {
        frame->step = PSYNC_DONE;
    }
    return HANGAR_OK;
}

enum hangar_rc psync_frame_feed(struct psync_frame *frame, const unsigned char *data, size_t size,
                                size_t *rdb_at, size_t *rdb_size)
{
    enum hangar_rc rc = HANGAR_OK;
    size_t at = 0, used = 0;
    *rdb_size = 0;
    if (frame->step == PSYNC_PREFIX) {
        rc = psync_read_prefix(frame, data, size, &used);
        at = used;
    }
    *rdb_at = at;
    if (rc == HANGAR_OK && frame->step == PSYNC_RDB && at < size) {
        rc = psync_read_rdb(frame, data + at, size - at, &used);
        *rdb_size = used;
        at += used;
    }
    if (rc == HANGAR_OK && frame->step == PSYNC_END_MARK) {
        rc = psync_read_mark(frame, data + at, size - at);
    }
    return rc;
}

bool psync_frame_refused(const struct psync_frame *frame)
{
    return frame->step == PSYNC_PREFIX && frame->line[0] == '-';
}

bool psync_frame_done(const struct psync_frame *frame)
{
    return frame->step == PSYNC_DONE;
}
