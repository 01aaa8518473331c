/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * json: reading documents of any origin, and building those of hangar without a check
 * per member.
 */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_memory.h"
#include "base/log.h"
#include "base/str.h"

/* What a document will cost, found before it is parsed. */
struct json_shape {
    bool deep;
    size_t containers, values; /* lists and maps; all values, or a few more */
    size_t token;              /* the longest string, or whatever lies between two */
};

/* The parser recurses, so the depth is checked before it runs.  A few bytes of text can become
 * hundreds of bytes of memory ("{}," does), so values are counted, too. */
static struct json_shape json_measure(const char *text, size_t size)
{
    struct json_shape shape = {.values = 1};
    size_t depth = 0, start = 0;
    bool in_string = false;
    for (size_t i = 0; i < size && !shape.deep; i++) {
        char c = text[i];
        if (in_string && c == '\\') {
            i++;
        } else if (c == '"') {
            shape.token = i - start > shape.token ? i - start : shape.token;
            start = i;
            in_string = !in_string;
        } else if (!in_string && (c == '[' || c == '{')) {
            shape.containers++;
            shape.values++;
            shape.deep = ++depth > HG_JSON_DEPTH_MAX;
        } else if (!in_string && (c == ']' || c == '}') && depth > 0) {
            depth--;
        } else if (!in_string && c == ',') {
            shape.values++;
        }
    }
    shape.token = size - start > shape.token ? size - start : shape.token;
    return shape;
}

static bool json_shape_is_large(const struct json_shape *shape)
{
    return shape->containers > HG_JSON_CONTAINERS_MAX || shape->values > HG_JSON_VALUES_MAX;
}

bool hg_json_is_small(const char *text, size_t size)
{
    const struct json_shape shape = json_measure(text, size);
    return !shape.deep && !json_shape_is_large(&shape);
}

struct json_input {
    const char *text;
    size_t left;
};

/* The text, until it ends or memory does. */
static size_t read_input(void *buffer, size_t size, void *arg)
{
    struct json_input *in = arg;
    size_t n = in->left < size ? in->left : size;
    n = n < HG_JSON_READ ? n : HG_JSON_READ;
    if (hg_json_reserve_used()) {
        return 0;
    }
    memcpy(buffer, in->text, n);
    in->text += n;
    in->left -= n;
    return n;
}

enum hangar_rc hg_json_parse(const char *text, size_t size, const char *what, json_t **out,
                             struct hg_error *err)
{
    const struct json_shape shape = json_measure(text, size);
    if (shape.deep) {
        return hg_fail(err, HANGAR_CORRUPT, 0, "cannot read %s: nested more than %d deep", what,
                       HG_JSON_DEPTH_MAX);
    }
    if (json_shape_is_large(&shape)) {
        return hg_fail(err, HANGAR_CORRUPT, 0,
                       "cannot read %s: more than %d values, or %d lists and maps", what,
                       HG_JSON_VALUES_MAX, HG_JSON_CONTAINERS_MAX);
    }
    struct json_input in = {text, size};
    json_error_t error = {0};
    bool begun = hg_json_reserve_begin(shape.token);
    json_t *doc =
        begun ? json_load_callback(read_input, &in, JSON_REJECT_DUPLICATES, &error) : NULL;
    bool lacked = !begun || hg_json_reserve_used();
    if (lacked) {
        json_decref(doc);
        doc = NULL;
    }
    hg_json_reserve_end();
    if (lacked) {
        return hg_no_memory_for(err, "cannot read %s", what);
    }
    if (!doc) {
        return hg_fail(err, HANGAR_CORRUPT, 0, "cannot read %s: line %d, column %d: %s", what,
                       error.line, error.column, error.text);
    }
    *out = doc;
    return HANGAR_OK;
}

static int add_text(const char *text, size_t size, void *arg)
{
    struct hg_str *out = arg;
    hg_str_add_n(out, text, size);
    return out->failed ? -1 : 0;
}

static char *json_print(const json_t *doc, size_t flags)
{
    struct hg_str text = {0};
    if (json_dump_callback(doc, add_text, &text, flags) != 0) {
        text.failed = true;
    }
    hg_str_add(&text, "\n");
    return hg_str_take(&text);
}

char *hg_json_text(const json_t *doc)
{
    return json_print(doc, JSON_INDENT(2));
}

char *hg_json_line(const json_t *doc)
{
    return json_print(doc, JSON_COMPACT);
}

const char *hg_json_string(const json_t *object, const char *key, const char *fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) ? json_string_value(value) : fallback;
}

int64_t hg_json_int(const json_t *object, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

/* A container that lacks a member, because memory ran out, must not be printed as if it were whole.
 * A type that does not exist makes printing and later changes fail.  Its content is leaked, which
 * is acceptable then. */
static void json_mark_incomplete(json_t *container)
{
    if (container) {
        container->type = (json_type)(JSON_NULL + 1);
    }
}

void hg_json_set(json_t *object, const char *key, json_t *child)
{
    if (json_object_set_new(object, key, child) != 0) {
        json_mark_incomplete(object);
    }
}

void hg_json_add(json_t *array, json_t *child)
{
    if (json_array_append_new(array, child) != 0) {
        json_mark_incomplete(array);
    }
}

/* Servers and file names are not bound to UTF-8: what is not is escaped. */
static json_t *any_string(const char *value)
{
    json_t *string = json_string(value);
    if (string) {
        return string;
    }
    size_t size = strlen(value) * 4 + 1;
    char *escaped = malloc(size);
    if (!escaped) {
        return NULL;
    }
    hg_log_escape(value, escaped, size);
    string = json_string(escaped);
    free(escaped);
    return string;
}

void hg_json_set_string(json_t *object, const char *key, const char *value)
{
    hg_json_set(object, key, value ? any_string(value) : json_null());
}

void hg_json_set_int(json_t *object, const char *key, int64_t value)
{
    hg_json_set(object, key, json_integer(value));
}

void hg_json_set_bool(json_t *object, const char *key, bool value)
{
    hg_json_set(object, key, json_boolean(value));
}

void hg_json_set_time(json_t *object, const char *key, int64_t ms)
{
    char text[HG_TIME_SIZE];
    if (ms >= 0) {
        hg_time_format(ms, text);
    }
    hg_json_set_string(object, key, ms >= 0 ? text : NULL);
}

json_t *hg_json_lines(const char *text)
{
    json_t *lines = json_array();
    char *copy = strdup(text ? text : "");
    if (!copy) {
        json_mark_incomplete(lines);
    }
    for (char *save = NULL, *line = copy ? strtok_r(copy, "\n", &save) : NULL; line;
         line = strtok_r(NULL, "\n", &save)) {
        hg_json_add(lines, any_string(line));
    }
    free(copy);
    return lines;
}
