/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * json_memory: where jansson gets its memory.  Its parser does not look whether the
 * text of a token could grow: when memory runs out it reads a token that lacks bytes,
 * or runs past its end.  So it is never refused memory while hangar parses: what malloc
 * does not give comes from a reserve, and hangar ends the input and drops the result.
 */
#ifndef HG_JSON_MEMORY_H
#define HG_JSON_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Makes jansson use this from now on, in the whole process; once, before its first use. */
void hg_json_memory_init(void);

/* A reserve for what this thread parses next, enough to go on for HG_JSON_READ bytes of
 * text and a token of `token` bytes; false when there is no memory for it. */
#define HG_JSON_READ 1024
bool hg_json_reserve_begin(size_t token);
/* Was the reserve needed?  From then on the input must end. */
bool hg_json_reserve_used(void);
/* Nothing that was parsed may be held any more if it was needed. */
void hg_json_reserve_end(void);

#endif
