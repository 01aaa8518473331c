/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * attrs: see attrs.h.  An error of a plugin is recorded in `problem`; the owner of the
 * set checks it.  The set stays usable.
 */
#include "base/attrs.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/vec.h"

enum { NAME_LENGTH_MAX = 64, VALUE_MAX = 16 * 1024, COUNT_MAX = 256 };

static const char no_memory[] = "out of memory for an attribute";

struct hangar_attrs *hg_attrs_new(void)
{
    return calloc(1, sizeof(struct hangar_attrs));
}

void hg_attrs_free(struct hangar_attrs *attrs)
{
    if (!attrs) {
        return;
    }
    for (size_t i = 0; i < attrs->count; i++) {
        free(attrs->items[i].name);
        free(attrs->items[i].value);
    }
    free(attrs->items);
    free(attrs);
}

static void attrs_fail(struct hangar_attrs *attrs, const char *what)
{
    if (!attrs->problem) {
        attrs->problem = what;
    }
}

static bool attrs_name_ok(const char *name)
{
    size_t len = strlen(name);
    return len >= 1 && len <= NAME_LENGTH_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == len;
}

static struct hg_attr *attrs_find(const struct hangar_attrs *attrs, const char *name)
{
    for (size_t i = 0; i < attrs->count; i++) {
        if (strcmp(attrs->items[i].name, name) == 0) {
            return &attrs->items[i];
        }
    }
    return NULL;
}

void hg_attrs_set(struct hangar_attrs *attrs, const char *name, const char *value)
{
    if (!attrs || !value) {
        return;
    }
    if (!name || !attrs_name_ok(name)) {
        attrs_fail(attrs, "an attribute has an invalid name");
        return;
    }
    if (strnlen(value, VALUE_MAX + 1) > VALUE_MAX) {
        attrs_fail(attrs, "an attribute is longer than 16 KiB");
        return;
    }
    struct hg_attr *old = attrs_find(attrs, name);
    if (!old && attrs->count == COUNT_MAX) {
        attrs_fail(attrs, "there are more than 256 attributes");
        return;
    }

    char *name_copy = old ? NULL : strdup(name);
    char *value_copy = strdup(value);
    if (!value_copy || (!old && (!name_copy || !HG_VEC_RESERVE(attrs)))) {
        free(name_copy);
        free(value_copy);
        attrs_fail(attrs, no_memory);
        return;
    }
    if (old) {
        free(old->value);
        old->value = value_copy;
    } else {
        attrs->items[attrs->count++] = (struct hg_attr){name_copy, value_copy};
    }
}

void hg_attrs_setf(struct hangar_attrs *attrs, const char *name, const char *fmt, ...)
{
    if (!attrs) {
        return;
    }
    struct hg_str value = {0};
    va_list args;
    va_start(args, fmt);
    hg_str_addv(&value, fmt, args);
    va_end(args);
    if (value.failed) {
        attrs_fail(attrs, no_memory);
    } else {
        hg_attrs_set(attrs, name, hg_str_text(&value));
    }
    hg_str_free(&value);
}

const char *hg_attrs_get(const struct hangar_attrs *attrs, const char *name)
{
    if (!attrs || !name) {
        return NULL;
    }
    const struct hg_attr *attr = attrs_find(attrs, name);
    return attr ? attr->value : NULL;
}

json_t *hg_attrs_to_json(const struct hangar_attrs *attrs)
{
    json_t *object = json_object();
    for (size_t i = 0; attrs && i < attrs->count; i++) {
        hg_json_set_string(object, attrs->items[i].name, attrs->items[i].value);
    }
    return object;
}

enum hangar_rc hg_attrs_from_json(const json_t *object, struct hangar_attrs **out)
{
    if (!json_is_object(object)) {
        return HANGAR_CORRUPT;
    }
    struct hangar_attrs *attrs = hg_attrs_new();
    if (!attrs) {
        return HANGAR_NO_MEMORY;
    }
    /* The iterator needs a pointer to non-const, and changes nothing. */
    json_t *in = json_incref((json_t *)(uintptr_t)object);
    const char *name;
    json_t *value;
    json_object_foreach (in, name, value) {
        if (!json_is_string(value) ||
            strlen(json_string_value(value)) != json_string_length(value)) {
            attrs_fail(attrs, "an attribute is not a text");
        } else {
            hg_attrs_set(attrs, name, json_string_value(value));
        }
    }
    json_decref(in);
    if (attrs->problem) {
        enum hangar_rc rc = attrs->problem == no_memory ? HANGAR_NO_MEMORY : HANGAR_CORRUPT;
        hg_attrs_free(attrs);
        return rc;
    }
    *out = attrs;
    return HANGAR_OK;
}
