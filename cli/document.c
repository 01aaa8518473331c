/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * document: see document.h.
 */
#include "document.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "output.h"

static json_t *clean(json_t *node, bool utf8);

static json_t *clean_string(const json_t *node, bool utf8)
{
    char *text = cli_escape(json_string_value(node), utf8);
    json_t *result = text ? json_string(text) : NULL;

    free(text);
    return result;
}

static json_t *clean_object(json_t *node, bool utf8)
{
    json_t *result = json_object();
    const char *key;
    json_t *value;

    json_object_foreach (node, key, value) {
        json_t *child = clean(value, utf8);
        char *name = cli_escape(key, utf8);
        int rc = name ? json_object_set_new(result, name, child) : -1;
        if (!name)
            json_decref(child);
        free(name);
        if (rc < 0) {
            json_decref(result);
            return NULL;
        }
    }
    return result;
}

static json_t *clean_array(json_t *node, bool utf8)
{
    json_t *result = json_array();
    size_t i;
    json_t *value;

    json_array_foreach (node, i, value) {
        if (json_array_append_new(result, clean(value, utf8)) < 0) {
            json_decref(result);
            return NULL;
        }
    }
    return result;
}

static json_t *clean(json_t *node, bool utf8)
{
    if (json_is_string(node))
        return clean_string(node, utf8);
    if (json_is_object(node))
        return clean_object(node, utf8);
    if (json_is_array(node))
        return clean_array(node, utf8);
    return json_incref(node);
}

json_t *cli_document(const char *text, bool utf8)
{
    json_t *raw = json_loads(text, 0, NULL);
    json_t *result = json_is_object(raw) ? clean(raw, utf8) : NULL;

    json_decref(raw);
    return result;
}

const char *cli_string(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

int64_t cli_integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

uint64_t cli_bytes(const json_t *object, const char *key)
{
    int64_t value = cli_integer(object, key);

    return value > 0 ? (uint64_t)value : 0;
}

bool cli_flag(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

const json_t *cli_array(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    /* jansson takes NULL for an array of nothing */
    return json_is_array(value) ? value : NULL;
}

bool cli_has(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return value && !json_is_null(value);
}

bool cli_done(const json_t *object)
{
    return strcmp(cli_string(object, "status"), "done") == 0;
}

int64_t cli_instant(const json_t *object, const char *key)
{
    struct tm tm = {0};
    const char *rest = strptime(cli_string(object, key), "%Y-%m-%dT%H:%M:%S", &tm);
    int ms = 0, used = 0;

    if (!rest)
        return -1;
    if (*rest == '.' && (sscanf(rest, ".%3d%n", &ms, &used) != 1 || used != 4))
        return -1;
    if (strcmp(rest + used, "Z") != 0)
        return -1;
    return (int64_t)timegm(&tm) * 1000 + ms;
}

const char *cli_scalar(const json_t *value, char out[32])
{
    if (json_is_string(value))
        return json_string_value(value);
    if (json_is_boolean(value))
        return json_is_true(value) ? "true" : "false";
    if (json_is_integer(value))
        snprintf(out, 32, "%" PRId64, (int64_t)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(out, 32, "%g", json_real_value(value));
    else
        out[0] = '\0';
    return out;
}

char *cli_join(const json_t *array)
{
    char *text = NULL;
    size_t size = 0, i;
    const json_t *value;
    FILE *stream = open_memstream(&text, &size);

    if (!stream)
        return NULL;
    json_array_foreach (array, i, value)
        fprintf(stream, "%s%s", i ? ", " : "",
                json_is_string(value) ? json_string_value(value) : "?");
    if (fclose(stream) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

const char *cli_status_name(enum hangar_status status)
{
    switch (status) {
    case HANGAR_STATUS_DONE:
        return "done";
    case HANGAR_STATUS_FAILED:
        return "failed";
    case HANGAR_STATUS_USAGE:
        return "usage";
    case HANGAR_STATUS_DEGRADED:
        return "degraded";
    case HANGAR_STATUS_CORRUPT:
        return "corrupt";
    case HANGAR_STATUS_NOT_FOUND:
        return "not_found";
    case HANGAR_STATUS_BUSY:
        return "busy";
    case HANGAR_STATUS_STALE:
        return "stale";
    case HANGAR_STATUS_AUTH:
        return "auth";
    case HANGAR_STATUS_INTERRUPTED:
        return "interrupted";
    }
    return "failed";
}

bool cli_any_has(const json_t *array, const char *key)
{
    const json_t *item;
    size_t i;

    json_array_foreach (array, i, item) {
        if (cli_has(item, key))
            return true;
    }
    return false;
}

const char *cli_verified(const json_t *verified, const struct cli_view *view, char out[CLI_SHORT],
                         enum cli_style *style)
{
    char age[CLI_SHORT];
    int64_t time_ms = cli_instant(verified, "time");
    bool good = cli_done(verified);

    *style = CLI_PLAIN;
    if (!json_is_object(verified) || time_ms < 0) {
        snprintf(out, CLI_SHORT, "-");
        return out;
    }
    *style = good ? CLI_GREEN : CLI_RED;
    snprintf(out, CLI_SHORT, "%s %.12s %.20s ago", cli_symbol(view, good ? CLI_TICK : CLI_CROSS),
             cli_string(verified, "level"), cli_age(view->now_ms - time_ms, age));
    return out;
}
