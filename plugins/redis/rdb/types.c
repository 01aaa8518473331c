/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * types: see types.h.
 */
#include "rdb/types.h"

#include <stddef.h>
#include <string.h>

#define OPCODE_FIRST 244

/* Streams: entries; length, last id, (first id, deleted id, added); groups with
 * their pending entries and their consumers with theirs. */
#define STREAM_1 "L(SS)LLLL(SLLL(IDL)L(SDL(I)))"
#define STREAM_2 "L(SS)LLLLLLLLL(SLLLL(IDL)L(SDL(I)))"
#define STREAM_3 "L(SS)LLLLLLLLL(SLLLL(IDL)L(SDDL(I)))"

static const struct {
    const char *program;
    enum rdb_class class;
} types[] = {
    [0] = {"S", RDB_CLASS_STRING},      [1] = {"L(S)", RDB_CLASS_LIST},
    [2] = {"L(S)", RDB_CLASS_SET},      [3] = {"L(SF)", RDB_CLASS_ZSET},
    [4] = {"L(SS)", RDB_CLASS_HASH},    [5] = {"L(SD)", RDB_CLASS_ZSET},
    [7] = {"mM", RDB_CLASS_MODULE},     [9] = {"S", RDB_CLASS_HASH},
    [10] = {"S", RDB_CLASS_LIST},       [11] = {"S", RDB_CLASS_SET},
    [12] = {"S", RDB_CLASS_ZSET},       [13] = {"S", RDB_CLASS_HASH},
    [14] = {"L(S)", RDB_CLASS_LIST},    [15] = {STREAM_1, RDB_CLASS_STREAM},
    [16] = {"S", RDB_CLASS_HASH},       [17] = {"S", RDB_CLASS_ZSET},
    [18] = {"L(LS)", RDB_CLASS_LIST},   [19] = {STREAM_2, RDB_CLASS_STREAM},
    [20] = {"S", RDB_CLASS_SET},        [21] = {STREAM_3, RDB_CLASS_STREAM},
    [24] = {"DL(LSS)", RDB_CLASS_HASH}, [25] = {"DS", RDB_CLASS_HASH},
};

/* From OPCODE_FIRST on: slot info, functions, (pre-release), module aux, idle
 * time, frequency, aux field, sizes, expiry in ms, expiry in s, database, end. */
static const char *const opcodes[] = {"LLL", "S", NULL, "mM", "L", "B", "nv", "LL", "D", "Q", "L"};

const char *rdb_type_program(unsigned type)
{
    return type < sizeof(types) / sizeof(types[0]) ? types[type].program : NULL;
}

const char *rdb_opcode_program(unsigned opcode)
{
    if (opcode < OPCODE_FIRST || opcode >= OPCODE_FIRST + sizeof(opcodes) / sizeof(opcodes[0])) {
        return NULL;
    }
    return opcodes[opcode - OPCODE_FIRST];
}

const char *rdb_class_name(enum rdb_class class)
{
    static const char *const names[RDB_CLASSES] = {"string", "list",   "set",   "zset",
                                                   "hash",   "stream", "module"};
    return names[class];
}

enum rdb_class rdb_class_of(unsigned type)
{
    return rdb_type_program(type) != NULL ? types[type].class : RDB_CLASSES;
}

bool rdb_is_one_string(unsigned type)
{
    const char *program = rdb_type_program(type);
    return type == RDB_FUNCTION || (program != NULL && strcmp(program, "S") == 0);
}
