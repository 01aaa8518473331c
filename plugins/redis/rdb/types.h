/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * types: the types of values and the opcodes of an RDB.  The table in types.c has one row per
 * type, which states how a value of it is walked, unpacked and digested; a new type is a new row.
 *
 * The numbers are those of RDB_TYPE_* and RDB_OPCODE_* in src/rdb.h of Redis 7.4.
 */
#ifndef RD_RDB_TYPES_H
#define RD_RDB_TYPES_H

#include <stdbool.h>
#include "rdb/pack.h"

enum rdb_type_code {
    RDB_TYPE_STRING = 0,
    RDB_TYPE_LIST = 1,
    RDB_TYPE_SET = 2,
    RDB_TYPE_ZSET = 3, /* scores as text */
    RDB_TYPE_HASH = 4,
    RDB_TYPE_ZSET_2 = 5,        /* scores as doubles */
    RDB_TYPE_MODULE_PRE_GA = 6, /* release candidates of Redis 4.0 */
    RDB_TYPE_MODULE_2 = 7,
    RDB_TYPE_HASH_ZIPMAP = 9,
    RDB_TYPE_LIST_ZIPLIST = 10,
    RDB_TYPE_SET_INTSET = 11,
    RDB_TYPE_ZSET_ZIPLIST = 12,
    RDB_TYPE_HASH_ZIPLIST = 13,
    RDB_TYPE_LIST_QUICKLIST = 14, /* its nodes are ziplists */
    RDB_TYPE_STREAM_LISTPACKS = 15,
    RDB_TYPE_HASH_LISTPACK = 16,
    RDB_TYPE_ZSET_LISTPACK = 17,
    RDB_TYPE_LIST_QUICKLIST_2 = 18, /* its nodes are listpacks or plain strings */
    RDB_TYPE_STREAM_LISTPACKS_2 = 19,
    RDB_TYPE_SET_LISTPACK = 20,
    RDB_TYPE_STREAM_LISTPACKS_3 = 21,
    RDB_TYPE_HASH_METADATA_PRE_GA = 22,    /* release candidates of Redis 7.4 */
    RDB_TYPE_HASH_LISTPACK_EX_PRE_GA = 23, /* release candidates of Redis 7.4 */
    RDB_TYPE_HASH_METADATA = 24,           /* a hash whose fields may expire */
    RDB_TYPE_HASH_LISTPACK_EX = 25,        /* the same in one listpack */
};

enum rdb_opcode {
    RDB_OPCODE_SLOT_INFO = 244,
    RDB_OPCODE_FUNCTION = 245,        /* RDB_OPCODE_FUNCTION2: a library of functions */
    RDB_OPCODE_FUNCTION_PRE_GA = 246, /* release candidates of Redis 7.0 */
    RDB_OPCODE_MODULE_AUX = 247,
    RDB_OPCODE_IDLE = 248,
    RDB_OPCODE_FREQ = 249,
    RDB_OPCODE_AUX = 250,
    RDB_OPCODE_RESIZEDB = 251,
    RDB_OPCODE_EXPIRETIME_MS = 252,
    RDB_OPCODE_EXPIRETIME = 253, /* in seconds */
    RDB_OPCODE_SELECTDB = 254,
    RDB_OPCODE_EOF = 255,
};

/* The kind of value that a client sees, whatever its encoding. */
enum rdb_class {
    RDB_CLASS_STRING,
    RDB_CLASS_LIST,
    RDB_CLASS_SET,
    RDB_CLASS_ZSET,
    RDB_CLASS_HASH,
    RDB_CLASS_STREAM,
    RDB_CLASS_MODULE,
    RDB_CLASSES,
    RDB_CLASS_FUNCTIONS = RDB_CLASSES, /* libraries of functions, which are not keys */
};

/* The meaning of the numbers that are fields of a value, after the first one: it is always the
 * number of elements. */
enum rdb_numbers {
    RDB_NUMBERS_NONE,
    RDB_NUMBERS_SCORE_TEXT,   /* the score of the member before it, as text */
    RDB_NUMBERS_SCORE_DOUBLE, /* the same, as a double */
    RDB_NUMBERS_CONTAINER,    /* RDB_CONTAINER_PLAIN or _PACKED: how the next string is stored */
    RDB_NUMBERS_IN_ORDER,     /* part of the value; the first number too */
};

/* QUICKLIST_NODE_CONTAINER_* in src/quicklist.h */
#define RDB_CONTAINER_PLAIN 1
#define RDB_CONTAINER_PACKED 2

/*
 * `program` lists the fields of a value, one letter per field:
 *
 *     S  string            k n v  string to keep: a key; name and value of an aux field
 *     L  length            m      length that is the id of a module
 *     B  1 byte            Q D I  4, 8, 16 bytes
 *     F  number as text    M      the fields of a module, each with its type before it
 *     ( ... )  repeated as often as the length before it states
 */
struct rdb_type {
    const char *program;
    enum rdb_class class;
    enum rdb_pack_kind pack;  /* the encoding of its strings */
    enum rdb_numbers numbers; /* for the digest */
    unsigned stream_format;   /* 0 to 2; only streams of one format have the same fields */
    bool fields_expire;       /* no digest: the fields of the hash expire on their own */
};

/* The row of a type of value, or of RDB_OPCODE_FUNCTION; NULL for a type that cannot be read. */
const struct rdb_type *rdb_type_of(unsigned code);

/* True for a type or an opcode that only release candidates of Redis wrote. */
bool rdb_is_pre_release(unsigned code);

/* True when a value of this type is exactly one string. */
bool rdb_is_one_string(const struct rdb_type *type);

/* The program of the fields after an opcode; NULL when the number is not an opcode. */
const char *rdb_opcode_program(unsigned opcode);

/* "string", "list", ..., "functions" */
const char *rdb_class_name(enum rdb_class class);

#endif
