/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fuzz: shared by the targets.  A target is one function that gets arbitrary bytes.  It must
 * return soon and free all memory.  It aborts when the code under test breaks a rule that a
 * crash would not show.
 */
#ifndef TEST_FUZZ_FUZZ_H
#define TEST_FUZZ_FUZZ_H

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

/* A host that does nothing except count the failures that are reported to it. */
extern const struct hangar_host fuzz_host;
extern unsigned long fuzz_failures;

/* The pieces in which a stream arrives; a number in the input chooses their size. */
struct fuzz_pieces {
    const uint8_t *data;
    size_t size;
    unsigned step, state;
};
/* Reads the size of the pieces from the first byte. */
struct fuzz_pieces fuzz_pieces(const uint8_t *data, size_t size);
/* The next piece; false at the end. */
int fuzz_piece(struct fuzz_pieces *pieces, const uint8_t **data, size_t *size);

#endif
