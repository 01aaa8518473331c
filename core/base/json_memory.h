/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * json_memory: an allocator for jansson.  Jansson's parser does not check whether the
 * buffer of a token could grow: when memory runs out, it drops bytes of the token or
 * writes past the buffer.  Therefore an allocation never fails while hangar parses: when
 * malloc fails, the memory comes from a reserve.  hangar then ends the input and discards
 * the result.
 */
#ifndef HG_BASE_JSON_MEMORY_H
#define HG_BASE_JSON_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Makes jansson use this allocator in the whole process, as hangar.h documents.  Repeated
 * calls have no effect. */
void hg_json_memory_init(void);

/* Allocates the reserve for the next document that this thread parses: enough for
 * HG_JSON_READ more bytes of text and a token of `token` bytes.  False when out of
 * memory. */
#define HG_JSON_READ 1024
bool hg_json_reserve_begin(size_t token);
/* Was the reserve used?  Then the caller ends the input. */
bool hg_json_reserve_used(void);
/* Frees the reserve.  If it was used, the caller has freed the parsed document before. */
void hg_json_reserve_end(void);

#endif
