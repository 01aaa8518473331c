/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * field_program: reads the fields of opcodes and values.  Each opcode and type has a small program
 * that lists its fields (types.h); this interpreter runs it.  It can stop after any byte: its state
 * is the position in the program, the loops around it, and at most 19 bytes of a field that arrived
 * in pieces.  Only walk.c uses it.
 */
#ifndef RD_RDB_FIELD_PROGRAM_H
#define RD_RDB_FIELD_PROGRAM_H

#include "rdb/counts.h"
#include "rdb/events.h"
#include "rdb/lzf.h"
#include "rdb/types.h"

#define RDB_LOOPS_MOST 4

enum rdb_section {
    RDB_SECTION_MAGIC,
    RDB_SECTION_OPCODE,
    RDB_SECTION_FIELD, /* of an opcode */
    RDB_SECTION_NAME,  /* of a key */
    RDB_SECTION_VALUE, /* of a key, or a library of functions */
    RDB_SECTION_TRAILER,
    RDB_SECTION_DONE
};

struct rdb_capture {
    unsigned char *data;
    size_t size, most;
    uint64_t full;
};

struct rdb_walk {
    const struct rdb_events *events;
    void *arg;
    uint64_t size, offset, crc;
    enum hangar_rc failed;
    bool verified;

    enum rdb_section section;
    unsigned opcode;
    const char *pc; /* the field that is read next; "" between programs */
    struct {
        const char *begin;
        uint64_t left;
    } loops[RDB_LOOPS_MOST];
    size_t depth;
    char module_field; /* inside M: the field that the opcode of a module announced; 0: none */
    uint64_t number;   /* the last length read */
    uint64_t skip;     /* F: bytes left */
    bool in_text;
    uint64_t text_left;
    struct rdb_string string;
    unsigned char piece[RDB_HEAD_MOST];
    size_t piece_size;

    struct rdb_key key;
    const struct rdb_type *type; /* of the key */
    bool empty;
    uint64_t value_bytes;
    struct rdb_capture name, aux_value, *capture;
    char aux_name[32];
    struct rd_lzf lzf;
    struct rdb_counts counts;
    char problem[256];
};

struct rdb_input {
    const unsigned char *start, *at, *end;
    const unsigned char *crc_from; /* NULL: after the bytes that the checksum covers */
};

/* Records the problem and its position; returns rc. */
enum hangar_rc rdb_refuse(struct rdb_walk *walk, const struct rdb_input *in, enum hangar_rc rc,
                          const char *fmt, ...) HANGAR_PRINTF(4, 5);

/* The next `n` bytes in one piece; NULL when not all of them have arrived. */
const unsigned char *rdb_next_bytes(struct rdb_walk *walk, struct rdb_input *in, size_t n);

/* Begins a program; rdb_value_start the one of a value or of a library of functions. */
void rdb_program_start(struct rdb_walk *walk, enum rdb_section section, const char *program);
void rdb_value_start(struct rdb_walk *walk, const char *program);

/* Reads one field, or the part of it that has arrived.  The last field changes the section. */
enum hangar_rc rdb_program_step(struct rdb_walk *walk, struct rdb_input *in);

#endif
