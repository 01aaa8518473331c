/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fuzz.h: what the targets share.  A target is one function that is given any bytes
 * at all; it must come back soon, with all memory given back.  It aborts when the code
 * under test breaks a rule of its own that a crash would not show.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <hangar/plugin.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_RULE(condition)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: a rule is broken: %s\n", __FILE__, __LINE__, #condition);      \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A host that does nothing but count the failures told to it. */
extern const struct hangar_host fuzz_host;
extern unsigned long fuzz_failures;

/* The pieces in which a stream arrives: from a number in the input itself. */
struct fuzz_pieces {
    const uint8_t *data;
    size_t size;
    unsigned step, state;
};
/* Takes the first byte for the size of the pieces. */
struct fuzz_pieces fuzz_pieces(const uint8_t *data, size_t size);
/* The next piece; false at the end. */
int fuzz_piece(struct fuzz_pieces *pieces, const uint8_t **data, size_t *size);

#endif
