/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * message: see message.h.
 */
#include "message.h"

#include <stdlib.h>
#include <string.h>

/* A status that this version does not have counts as a failure. */
static enum hangar_status message_status(const char *name)
{
    static const enum hangar_status all[] = {HANGAR_STATUS_DONE,    HANGAR_STATUS_FAILED,
                                             HANGAR_STATUS_USAGE,   HANGAR_STATUS_DEGRADED,
                                             HANGAR_STATUS_AUTH,    HANGAR_STATUS_NOT_FOUND,
                                             HANGAR_STATUS_BUSY,    HANGAR_STATUS_STALE,
                                             HANGAR_STATUS_CORRUPT, HANGAR_STATUS_INTERRUPTED};

    for (size_t i = 0; name && i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(hangar_status_name(all[i]), name) == 0) {
            return all[i];
        }
    }
    return HANGAR_STATUS_FAILED;
}

static struct daemon_result *message_read_result(const json_t *end)
{
    struct daemon_result *result = calloc(1, sizeof(*result));
    const char *error = json_string_value(json_object_get(end, "error"));
    json_t *document = json_object_get(end, "document");

    if (!result) {
        return NULL;
    }
    result->status = message_status(json_string_value(json_object_get(end, "status")));
    result->document = json_is_object(document) ? json_incref(document) : NULL;
    result->retry = json_is_string(json_object_get(result->document, "retry"));
    result->error = strdup(error ? error : "");
    if (!result->error) {
        daemon_result_free(result);
        return NULL;
    }
    return result;
}

static struct daemon_event message_read_event(const json_t *object)
{
    json_int_t level = json_integer_value(json_object_get(object, "level"));

    return (struct daemon_event){
        .time_ms = json_integer_value(json_object_get(object, "time_ms")),
        .level = level >= 0 && level <= DAEMON_DEBUG ? (enum daemon_level)level : DAEMON_DEBUG,
        .name = json_string_value(json_object_get(object, "event")),
        .run = json_string_value(json_object_get(object, "run")),
        .duration_ms = json_integer_value(json_object_get(object, "duration_ms")),
        .message = json_string_value(json_object_get(object, "message")),
    };
}

bool daemon_message_parse(const char *line, size_t length, struct daemon_message *out)
{
    json_t *root = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
    const json_t *end = json_object_get(root, "end");

    *out = (struct daemon_message){.root = root};
    if (!json_is_object(root)) {
        daemon_message_free(out);
        return false;
    }
    if (!end) {
        out->event = message_read_event(root);
        return true;
    }
    out->result = message_read_result(end);
    if (!out->result) {
        daemon_message_free(out);
        return false;
    }
    return true;
}

void daemon_message_free(struct daemon_message *message)
{
    daemon_result_free(message->result);
    json_decref(message->root);
    *message = (struct daemon_message){0};
}

void daemon_result_free(struct daemon_result *result)
{
    if (!result) {
        return;
    }
    json_decref(result->document);
    free(result->error);
    free(result);
}

/* Consumes the object. */
static char *message_line(json_t *object)
{
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    char *line = NULL;

    if (text && asprintf(&line, "%s\n", text) < 0) {
        line = NULL;
    }
    free(text);
    json_decref(object);
    return line;
}

char *daemon_message_event(const struct hangar_log_line *line)
{
    return message_line(json_pack("{s:I, s:i, s:s?, s:s?, s:I, s:s}", "time_ms",
                                  (json_int_t)line->time_ms, "level", (int)line->level, "event",
                                  line->event, "run", line->run, "duration_ms",
                                  (json_int_t)line->duration_ms, "message", line->message));
}

char *daemon_message_result(enum hangar_status status, const char *error, const char *document)
{
    json_t *parsed = document ? json_loads(document, 0, NULL) : NULL;

    return message_line(json_pack("{s:{s:s, s:s, s:o}}", "end", "status",
                                  hangar_status_name(status), "error", error, "document",
                                  parsed ? parsed : json_null()));
}
