/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * types: see types.h.
 */
#include "rdb/types.h"

#include <stddef.h>

/* Streams: entries; length, last id, (first id, deleted id, added); groups with their pending
 * entries, and their consumers with theirs. */
#define STREAM_1 "L(SS)LLLL(SLLL(IDL)L(SDL(I)))"
#define STREAM_2 "L(SS)LLLLLLLLL(SLLLL(IDL)L(SDL(I)))"
#define STREAM_3 "L(SS)LLLLLLLLL(SLLLL(IDL)L(SDDL(I)))"

static const struct rdb_type rdb_types[] = {
    [RDB_TYPE_STRING] = {.program = "S", .class = RDB_CLASS_STRING},
    [RDB_TYPE_LIST] = {.program = "L(S)", .class = RDB_CLASS_LIST},
    [RDB_TYPE_SET] = {.program = "L(S)", .class = RDB_CLASS_SET},
    [RDB_TYPE_ZSET] = {.program = "L(SF)",
                       .class = RDB_CLASS_ZSET,
                       .numbers = RDB_NUMBERS_SCORE_TEXT},
    [RDB_TYPE_HASH] = {.program = "L(SS)", .class = RDB_CLASS_HASH},
    [RDB_TYPE_ZSET_2] = {.program = "L(SD)",
                         .class = RDB_CLASS_ZSET,
                         .numbers = RDB_NUMBERS_SCORE_DOUBLE},
    [RDB_TYPE_MODULE_2] = {.program = "mM", .class = RDB_CLASS_MODULE},
    [RDB_TYPE_HASH_ZIPMAP] = {.program = "S", .class = RDB_CLASS_HASH, .pack = RDB_ZIPMAP},
    [RDB_TYPE_LIST_ZIPLIST] = {.program = "S", .class = RDB_CLASS_LIST, .pack = RDB_ZIPLIST},
    [RDB_TYPE_SET_INTSET] = {.program = "S", .class = RDB_CLASS_SET, .pack = RDB_INTSET},
    [RDB_TYPE_ZSET_ZIPLIST] = {.program = "S", .class = RDB_CLASS_ZSET, .pack = RDB_ZIPLIST},
    [RDB_TYPE_HASH_ZIPLIST] = {.program = "S", .class = RDB_CLASS_HASH, .pack = RDB_ZIPLIST},
    [RDB_TYPE_LIST_QUICKLIST] = {.program = "L(S)", .class = RDB_CLASS_LIST, .pack = RDB_ZIPLIST},
    [RDB_TYPE_STREAM_LISTPACKS] = {.program = STREAM_1,
                                   .class = RDB_CLASS_STREAM,
                                   .numbers = RDB_NUMBERS_IN_ORDER,
                                   .stream_format = 0},
    [RDB_TYPE_HASH_LISTPACK] = {.program = "S", .class = RDB_CLASS_HASH, .pack = RDB_LISTPACK},
    [RDB_TYPE_ZSET_LISTPACK] = {.program = "S", .class = RDB_CLASS_ZSET, .pack = RDB_LISTPACK},
    [RDB_TYPE_LIST_QUICKLIST_2] = {.program = "L(LS)",
                                   .class = RDB_CLASS_LIST,
                                   .pack = RDB_LISTPACK,
                                   .numbers = RDB_NUMBERS_CONTAINER},
    [RDB_TYPE_STREAM_LISTPACKS_2] = {.program = STREAM_2,
                                     .class = RDB_CLASS_STREAM,
                                     .numbers = RDB_NUMBERS_IN_ORDER,
                                     .stream_format = 1},
    [RDB_TYPE_SET_LISTPACK] = {.program = "S", .class = RDB_CLASS_SET, .pack = RDB_LISTPACK},
    [RDB_TYPE_STREAM_LISTPACKS_3] = {.program = STREAM_3,
                                     .class = RDB_CLASS_STREAM,
                                     .numbers = RDB_NUMBERS_IN_ORDER,
                                     .stream_format = 2},
    [RDB_TYPE_HASH_METADATA] = {.program = "DL(LSS)",
                                .class = RDB_CLASS_HASH,
                                .fields_expire = true},
    [RDB_TYPE_HASH_LISTPACK_EX] = {.program = "DS", .class = RDB_CLASS_HASH, .fields_expire = true},
};

static const struct rdb_type rdb_functions = {.program = "S", .class = RDB_CLASS_FUNCTIONS};

static const char *const rdb_opcodes[] = {
    [RDB_OPCODE_SLOT_INFO - RDB_OPCODE_SLOT_INFO] = "LLL",
    [RDB_OPCODE_FUNCTION - RDB_OPCODE_SLOT_INFO] = "S",
    [RDB_OPCODE_MODULE_AUX - RDB_OPCODE_SLOT_INFO] = "mM",
    [RDB_OPCODE_IDLE - RDB_OPCODE_SLOT_INFO] = "L",
    [RDB_OPCODE_FREQ - RDB_OPCODE_SLOT_INFO] = "B",
    [RDB_OPCODE_AUX - RDB_OPCODE_SLOT_INFO] = "nv",
    [RDB_OPCODE_RESIZEDB - RDB_OPCODE_SLOT_INFO] = "LL",
    [RDB_OPCODE_EXPIRETIME_MS - RDB_OPCODE_SLOT_INFO] = "D",
    [RDB_OPCODE_EXPIRETIME - RDB_OPCODE_SLOT_INFO] = "Q",
    [RDB_OPCODE_SELECTDB - RDB_OPCODE_SLOT_INFO] = "L",
};

const struct rdb_type *rdb_type_of(unsigned code)
{
    if (code == RDB_OPCODE_FUNCTION) {
        return &rdb_functions;
    }
    const bool known = code < sizeof(rdb_types) / sizeof(rdb_types[0]) && rdb_types[code].program;
    return known ? &rdb_types[code] : NULL;
}

bool rdb_is_pre_release(unsigned code)
{
    return code == RDB_TYPE_MODULE_PRE_GA || code == RDB_TYPE_HASH_METADATA_PRE_GA ||
           code == RDB_TYPE_HASH_LISTPACK_EX_PRE_GA || code == RDB_OPCODE_FUNCTION_PRE_GA;
}

bool rdb_is_one_string(const struct rdb_type *type)
{
    return type->program[0] == 'S' && type->program[1] == '\0';
}

const char *rdb_opcode_program(unsigned opcode)
{
    const unsigned index = opcode - RDB_OPCODE_SLOT_INFO; /* large for a type */
    return index < sizeof(rdb_opcodes) / sizeof(rdb_opcodes[0]) ? rdb_opcodes[index] : NULL;
}

const char *rdb_class_name(enum rdb_class class)
{
    static const char *const names[RDB_CLASSES + 1] = {"string", "list",   "set",    "zset",
                                                       "hash",   "stream", "module", "functions"};
    return names[class];
}
