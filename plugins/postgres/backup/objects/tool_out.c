/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tool_out: the output of pg_dump and pg_dumpall.  Exit status 0 does not prove that all of
 * the output arrived, so its beginning or its end is checked, too.
 */
#include "backup/objects/tool_out.h"

#include <stdbool.h>
#include <string.h>
#include "backup/snapshot/snapshot.h"
#include "backup/snapshot/state.h"
#include "server/programs/child.h"
#include "server/instance/error.h"

#define GLOBALS_END "PostgreSQL database cluster dump complete"

/* Records the first and the last bytes of the output. */
static void record_ends(struct pg_reader *reader, const char *data, size_t size)
{
    for (size_t i = 0; i < size && reader->tool.bytes + i < sizeof(reader->tool.head); i++) {
        reader->tool.head[reader->tool.bytes + i] = data[i];
    }
    reader->tool.bytes += size;
    size_t room = sizeof(reader->tool.tail);
    size_t fresh = size < room ? size : room;
    size_t old = reader->tool.tail_len < room - fresh ? reader->tool.tail_len : room - fresh;
    memmove(reader->tool.tail, reader->tool.tail + reader->tool.tail_len - old, old);
    memcpy(reader->tool.tail + old, data + size - fresh, fresh);
    reader->tool.tail_len = old + fresh;
}

static const char *tool_action(const struct pg_reader *reader)
{
    return reader->kind == PG_READ_GLOBALS ? "dump the roles" : "dump the schema of database ";
}

/* pg_dump finds most objects by their oid, and sequences by name. */
static bool was_dropped(const char *text)
{
    return strstr(text, "cache lookup failed") || strstr(text, "could not open relation") ||
           (strstr(text, "query failed") && strstr(text, "does not exist")) ||
           (strstr(text, "query to get data of sequence") && strstr(text, "returned 0 rows"));
}

/* A new attempt may succeed when pg_dump did not get a lock, or when an object was dropped
 * while pg_dump read its definition. */
static enum hangar_rc raise_tool_error(struct pg_reader *reader)
{
    struct pg_error err = *pg_child_error(reader->tool.child);
    struct pg_backup *backup = reader->src->backup;
    char waits[400] = "";
    if (err.rc == HANGAR_IO && strstr(err.text, "LOCK TABLE")) {
        err.rc = HANGAR_RETRY;
        pthread_mutex_lock(&backup->mutex);
        pg_db_describe_waiter(reader->db, waits, sizeof(waits));
        pthread_mutex_unlock(&backup->mutex);
    } else if (err.rc == HANGAR_IO && was_dropped(err.text)) {
        err.rc = HANGAR_RETRY;
    }
    return pg_raise(reader->src, &err, "cannot %s%s%s", tool_action(reader),
                    reader->db ? reader->db->name : "", waits);
}

static enum hangar_rc raise_globals_text(struct pg_reader *reader)
{
    return reader->src->host->fail(
        reader->src->ctx, HANGAR_CORRUPT, 0,
        "cannot dump the roles: their names or comments contain what psql would run as a command; "
        "hint: look for line ends in the names of roles and tablespaces, and use client tools of "
        "August 2025 or later");
}

static void record_warnings(struct pg_reader *reader)
{
    struct pg_backup *backup = reader->src->backup;
    char warnings[PG_ERRORS_SHOWN];
    pg_one_line(pg_child_errors(reader->tool.child), warnings, sizeof(warnings));
    if (warnings[0]) {
        pthread_mutex_lock(&backup->mutex);
        text_addf(&backup->warnings, "%s%s%s: %s", backup->warnings.size ? "; " : "",
                  reader->db ? "database " : "roles", reader->db ? reader->db->name : "", warnings);
        pthread_mutex_unlock(&backup->mutex);
    }
}

enum hangar_rc pg_tool_read(struct pg_reader *reader, void *buffer, size_t size, size_t *got)
{
    if (pg_child_read(reader->tool.child, 0, buffer, size, got) != HANGAR_OK) {
        return raise_tool_error(reader);
    }
    if (*got) {
        record_ends(reader, buffer, *got);
        return reader->kind == PG_READ_GLOBALS &&
                       !pg_globals_text_add(&reader->tool.globals, buffer, *got)
                   ? raise_globals_text(reader)
                   : HANGAR_OK;
    }
    if (pg_child_finish(reader->tool.child, "waiting for the end of pg_dump") != HANGAR_OK) {
        return raise_tool_error(reader);
    }
    bool whole;
    if (reader->kind == PG_READ_GLOBALS) {
        if (!pg_globals_text_ends(&reader->tool.globals)) {
            return raise_globals_text(reader);
        }
        whole = memmem(reader->tool.tail, reader->tool.tail_len, GLOBALS_END,
                       strlen(GLOBALS_END)) != NULL;
    } else {
        whole = memcmp(reader->tool.head, "PGDMP", 5) == 0;
    }
    if (!whole) {
        return reader->src->host->fail(reader->src->ctx, HANGAR_IO, 0,
                                       "cannot %s%s: its output is incomplete", tool_action(reader),
                                       reader->db ? reader->db->name : "");
    }
    record_warnings(reader);
    reader->ended = true;
    return HANGAR_OK;
}
