/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * text: a string that grows.  It knows nothing of what is written in it; quoting is each
 * plugin's own.  An allocation that fails, or a text beyond TEXT_MAX, is noted in `failed`
 * and ends all further growth, so that a caller checks once, at the end.
 */
#ifndef PLUGIN_TEXT_H
#define PLUGIN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <hangar/plugin.h>

#define TEXT_MAX ((size_t)1 << 30)

/* Zero it before use. */
struct text {
    char *data; /* ended by a NUL; NULL while nothing was added */
    size_t size, capacity;
    bool failed;
};

void text_add(struct text *text, const char *string);
void text_addf(struct text *text, const char *fmt, ...) HANGAR_PRINTF(2, 3);
void text_add_bytes(struct text *text, const void *bytes, size_t size);
/* The string, "" while empty. */
const char *text_str(const struct text *text);
/* Makes it empty again, also after a failure; its memory is kept. */
void text_clear(struct text *text);
void text_free(struct text *text);

#endif
