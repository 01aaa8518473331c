/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * types: the types of values and the opcodes of an RDB, each with the fields
 * that follow it as a small program, a letter per field:
 *
 *     S  string            k n v  string that is kept: a key, name and value of an aux field
 *     L  length            m      length that is the id of a module
 *     B  1 byte            Q D I  4, 8, 16 bytes
 *     F  number as text    M      a module's fields, which say their own types
 *     ( ... )  as often as the length before it says
 */
#ifndef RD_RDB_TYPES_H
#define RD_RDB_TYPES_H

#include <stdbool.h>

#define RDB_STRING 0     /* the type of a plain string */
#define RDB_MODULE 7     /* the type of a module's value */
#define RDB_FUNCTION 245 /* the opcode of a library of functions */

enum rdb_class {
    RDB_CLASS_STRING,
    RDB_CLASS_LIST,
    RDB_CLASS_SET,
    RDB_CLASS_ZSET,
    RDB_CLASS_HASH,
    RDB_CLASS_STREAM,
    RDB_CLASS_MODULE,
    RDB_CLASSES
};

/* "string", "list", ... */
const char *rdb_class_name(enum rdb_class class);

/* The class of a type of value; RDB_CLASSES when the type is not known. */
enum rdb_class rdb_class_of(unsigned type);

/* Does a value of this type consist of exactly one string? */
bool rdb_is_one_string(unsigned type);

/* What follows a type of value, after the key's name; NULL: there is no such type. */
const char *rdb_type_program(unsigned type);

/* What follows an opcode; NULL: it is not one. */
const char *rdb_opcode_program(unsigned opcode);

#endif
