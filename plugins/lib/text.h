/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * text: a string that grows.  It does not know what the text means; each plugin quotes by itself.
 * When an allocation fails, or the text would exceed TEXT_MAX bytes, `failed` is set and all
 * further additions are ignored, so that a caller checks once, at the end.
 */
#ifndef PLUGIN_TEXT_H
#define PLUGIN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <hangar/plugin.h>

#define TEXT_MAX ((size_t)1 << 30) /* bytes */

/* Zero it before use. */
struct text {
    char *data; /* ended by a NUL; NULL while nothing was added */
    size_t size, capacity;
    bool failed;
};

void text_add(struct text *text, const char *string);
void text_addf(struct text *text, const char *fmt, ...) HANGAR_PRINTF(2, 3);
void text_add_bytes(struct text *text, const void *bytes, size_t size);
/* The string; "" when it is empty. */
const char *text_str(const struct text *text);
/* Makes it empty again, also after a failure, and keeps its memory. */
void text_clear(struct text *text);
void text_free(struct text *text);

#endif
