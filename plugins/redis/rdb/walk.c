/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * walk: see walk.h.  program.c reads the fields of opcodes and values.  This file reads the rest:
 * the magic, the opcodes and the checksum.
 */
#include "rdb/walk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "rdb/crc64.h"
#include "rdb/field_program.h"

#define NEWEST_VERSION 12 /* of the RDB format, in Redis 7.4 */

static enum hangar_rc rdb_read_magic(struct rdb_walk *walk, struct rdb_input *in)
{
    const unsigned char *bytes = rdb_next_bytes(walk, in, 9);
    if (!bytes) {
        return HANGAR_OK;
    }
    if (memcmp(bytes, "VALKEY", 6) == 0) {
        return rdb_refuse(walk, in, HANGAR_UNSUPPORTED, "the RDB is of Valkey 9 or newer");
    }
    if (memcmp(bytes, "REDIS", 5) != 0) {
        return rdb_refuse(walk, in, HANGAR_CORRUPT,
                          "the data does not begin with the magic of an RDB");
    }
    for (int i = 5; i < 9; i++) {
        if (bytes[i] < '0' || bytes[i] > '9') {
            return rdb_refuse(walk, in, HANGAR_CORRUPT, "the RDB has no version");
        }
        walk->counts.version = walk->counts.version * 10 + (unsigned)(bytes[i] - '0');
    }
    walk->section = RDB_SECTION_OPCODE;
    return HANGAR_OK;
}

static enum hangar_rc rdb_start_key(struct rdb_walk *walk, const struct rdb_input *in,
                                    unsigned type)
{
    walk->type = rdb_type_of(type);
    if (walk->type) {
        walk->key.type = type;
        rdb_program_start(walk, RDB_SECTION_NAME, "k");
        return HANGAR_OK;
    }
    if (rdb_is_pre_release(type)) {
        return rdb_refuse(walk, in, HANGAR_UNSUPPORTED, "type %u is of a pre-release of Redis",
                          type);
    }
    return rdb_refuse(walk, in,
                      walk->counts.version > NEWEST_VERSION ? HANGAR_UNSUPPORTED : HANGAR_CORRUPT,
                      "type %u is unknown in an RDB of version %u", type, walk->counts.version);
}

static enum hangar_rc rdb_read_opcode(struct rdb_walk *walk, struct rdb_input *in)
{
    if (in->at == in->end) {
        return HANGAR_OK;
    }
    unsigned opcode = *in->at++;
    walk->opcode = opcode;
    if (opcode == RDB_OPCODE_EOF) {
        walk->crc = rd_crc64(walk->crc, in->crc_from, (size_t)(in->at - in->crc_from));
        in->crc_from = NULL;
        walk->section = walk->counts.version >= 5 ? RDB_SECTION_TRAILER : RDB_SECTION_DONE;
        return HANGAR_OK;
    }
    const char *program = rdb_opcode_program(opcode);
    if (!program) {
        return rdb_start_key(walk, in, opcode);
    }
    if (opcode == RDB_OPCODE_FUNCTION) {
        walk->type = rdb_type_of(RDB_OPCODE_FUNCTION);
        walk->key.type = RDB_OPCODE_FUNCTION;
        walk->key.name_size = walk->key.name_full = 0;
        rdb_value_start(walk, program);
        return walk->events ? walk->events->key(walk->arg, &walk->key) : HANGAR_OK;
    }
    rdb_program_start(walk, RDB_SECTION_FIELD, program);
    return HANGAR_OK;
}

static enum hangar_rc rdb_read_trailer(struct rdb_walk *walk, struct rdb_input *in)
{
    const unsigned char *bytes = rdb_next_bytes(walk, in, 8);
    if (!bytes) {
        return HANGAR_OK;
    }
    uint64_t stored = rdb_little_endian(bytes, 8);
    if (stored != 0 && stored != walk->crc) {
        return rdb_refuse(walk, in, HANGAR_CORRUPT,
                          "the checksum of the data is %016" PRIx64
                          ", but the RDB states %016" PRIx64,
                          walk->crc, stored);
    }
    walk->verified = stored != 0;
    walk->section = RDB_SECTION_DONE;
    return HANGAR_OK;
}

static enum hangar_rc rdb_walk_step(struct rdb_walk *walk, struct rdb_input *in)
{
    switch (walk->section) {
    case RDB_SECTION_MAGIC:
        return rdb_read_magic(walk, in);
    case RDB_SECTION_OPCODE:
        return rdb_read_opcode(walk, in);
    case RDB_SECTION_TRAILER:
        return rdb_read_trailer(walk, in);
    default:
        return rdb_program_step(walk, in);
    }
}

/* ---- public ---- */

struct rdb_walk *rdb_walk_new(const struct rdb_events *events, void *arg, size_t name_most,
                              uint64_t size)
{
    struct rdb_walk *walk = calloc(1, sizeof(*walk));
    if (!walk) {
        return NULL;
    }
    walk->events = events;
    walk->arg = arg;
    walk->size = size;
    walk->pc = "";
    walk->key.expire_ms = walk->key.idle_s = -1;
    walk->key.freq = -1;
    walk->name.most = name_most;
    walk->name.data = malloc(name_most);
    walk->aux_value.most = RDB_AUX_MOST;
    walk->aux_value.data = malloc(RDB_AUX_MOST);
    if (!walk->name.data || !walk->aux_value.data) {
        rdb_walk_free(walk);
        return NULL;
    }
    return walk;
}

void rdb_walk_free(struct rdb_walk *walk)
{
    if (!walk) {
        return;
    }
    free(walk->name.data);
    free(walk->aux_value.data);
    free(walk);
}

void rdb_walk_size(struct rdb_walk *walk, uint64_t size)
{
    walk->size = size;
}

enum hangar_rc rdb_walk_feed(struct rdb_walk *walk, const void *data, size_t size, size_t *used)
{
    struct rdb_input in = {.start = data, .at = data, .end = (const unsigned char *)data + size};
    in.crc_from = walk->section < RDB_SECTION_TRAILER ? in.start : NULL;
    enum hangar_rc rc = walk->failed;
    /* every field has at least one byte, so that each step uses input or ends the walk */
    while (rc == HANGAR_OK && walk->section != RDB_SECTION_DONE && in.at < in.end) {
        rc = rdb_walk_step(walk, &in);
    }
    if (in.crc_from) {
        walk->crc = rd_crc64(walk->crc, in.crc_from, (size_t)(in.at - in.crc_from));
    }
    walk->offset += (uint64_t)(in.at - in.start);
    *used = (size_t)(in.at - in.start);
    walk->failed = rc;
    return rc;
}

bool rdb_walk_done(const struct rdb_walk *walk)
{
    return walk->section == RDB_SECTION_DONE && walk->failed == HANGAR_OK;
}

bool rdb_walk_verified(const struct rdb_walk *walk)
{
    return walk->verified;
}

const char *rdb_walk_problem(const struct rdb_walk *walk)
{
    return walk->problem;
}

const struct rdb_counts *rdb_walk_counts(const struct rdb_walk *walk)
{
    return &walk->counts;
}
