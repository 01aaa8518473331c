/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * rdb_build: builds RDB files with types that the server of the tests does not write.
 */
#ifndef TEST_PLUGIN_REDIS_RDB_BUILD_H
#define TEST_PLUGIN_REDIS_RDB_BUILD_H

#include <stddef.h>
#include <stdint.h>

struct rdb_build {
    unsigned char data[65536];
    size_t size;
};

/* "REDIS" and the version. */
void rdb_start(struct rdb_build *rdb, unsigned version);
void rdb_bytes(struct rdb_build *rdb, const void *bytes, size_t size);
void rdb_byte(struct rdb_build *rdb, unsigned byte);
void rdb_length(struct rdb_build *rdb, uint64_t length); /* in its shortest form */
void rdb_string(struct rdb_build *rdb, const char *text);
/* A type and a key's name. */
void rdb_key(struct rdb_build *rdb, unsigned type, const char *name);
/* The end; from version 5 on with a checksum, which is 0 when `checksum` is 0. */
void rdb_finish(struct rdb_build *rdb, int checksum);

/* One key of each type from 0 to 14 that old servers wrote and new ones read: lists, sets, sorted
 * sets and hashes as sequences of strings, and as zipmap, ziplist and intset. */
void rdb_build_old_types(struct rdb_build *rdb, unsigned version);

/* One key of each type that servers newer than 7.0 write: hashes whose fields expire, a set as a
 * listpack, a stream with times of activity; and a module with all types of fields. */
void rdb_build_new_types(struct rdb_build *rdb);

#endif
