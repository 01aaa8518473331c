/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * attrs: struct hangar_attrs of the ABI, an ordered set of names and values.  For one
 * thread at a time.
 */
#ifndef HG_BASE_ATTRS_H
#define HG_BASE_ATTRS_H

#include <stddef.h>
#include <jansson.h>
#include <hangar/plugin.h>

struct hangar_attrs {
    struct hg_attr {
        char *name, *value;
    } *items;
    size_t count, capacity;
    const char *problem; /* the first error (bad name, too many, out of memory), or NULL */
};

struct hangar_attrs *hg_attrs_new(void); /* NULL when out of memory */
void hg_attrs_free(struct hangar_attrs *attrs);

/* The host's attr_set, attr_setf, attr_get. */
void hg_attrs_set(struct hangar_attrs *attrs, const char *name, const char *value);
void hg_attrs_setf(struct hangar_attrs *attrs, const char *name, const char *fmt, ...)
    HANGAR_PRINTF(3, 4);
const char *hg_attrs_get(const struct hangar_attrs *attrs, const char *name);

/* As a JSON object of strings, in order; and back (CORRUPT when it is not one, NO_MEMORY). */
json_t *hg_attrs_to_json(const struct hangar_attrs *attrs);
enum hangar_rc hg_attrs_from_json(const json_t *object, struct hangar_attrs **out);

#endif
