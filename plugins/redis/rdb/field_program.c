/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * field_program: see field_program.h.
 */
#include "rdb/field_program.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MOST (UINT64_C(1) << 44) /* bytes; a longer string is damage, not data */

enum hangar_rc rdb_refuse(struct rdb_walk *walk, const struct rdb_input *in, enum hangar_rc rc,
                          const char *fmt, ...)
{
    char what[160];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    snprintf(walk->problem, sizeof(walk->problem), "%s, at byte %" PRIu64, what,
             walk->offset + (uint64_t)(in->at - in->start));
    return rc;
}

/* ---- reading fields ---- */

const unsigned char *rdb_next_bytes(struct rdb_walk *walk, struct rdb_input *in, size_t n)
{
    size_t left = (size_t)(in->end - in->at);
    if (walk->piece_size == 0 && left >= n) {
        in->at += n;
        return in->at - n;
    }
    size_t more = n - walk->piece_size < left ? n - walk->piece_size : left;
    memcpy(walk->piece + walk->piece_size, in->at, more);
    walk->piece_size += more;
    in->at += more;
    if (walk->piece_size < n) {
        return NULL;
    }
    walk->piece_size = 0;
    return walk->piece;
}

/* Reads the head of a length or a string; *head is NULL when not all of it has arrived. */
static enum hangar_rc rdb_read_head(struct rdb_walk *walk, struct rdb_input *in, bool string,
                                    const unsigned char **head, size_t *size)
{
    *head = NULL;
    if (walk->piece_size == 0 && in->end - in->at >= RDB_HEAD_MOST) {
        *size = rdb_head_bytes(in->at, RDB_HEAD_MOST, string);
        *head = in->at;
        in->at += *size;
    } else {
        while ((*size = rdb_head_bytes(walk->piece, walk->piece_size, string)) > walk->piece_size) {
            if (in->at == in->end) {
                return HANGAR_OK;
            }
            walk->piece[walk->piece_size++] = *in->at++;
        }
        *head = walk->piece;
        walk->piece_size = 0;
    }
    if (*size == 0) {
        return rdb_refuse(walk, in, HANGAR_CORRUPT, "byte %u does not begin a length", (*head)[0]);
    }
    return HANGAR_OK;
}

/* ---- events and captured strings ---- */

static enum hangar_rc capture_add(void *arg, const unsigned char *data, size_t size)
{
    struct rdb_capture *capture = arg;
    size_t room = capture->most - capture->size;
    memcpy(capture->data + capture->size, data, size < room ? size : room);
    capture->size += size < room ? size : room;
    capture->full += size;
    return HANGAR_OK;
}

static enum hangar_rc emit_body(struct rdb_walk *walk, bool text, const unsigned char *data,
                                size_t size)
{
    if (walk->section != RDB_SECTION_VALUE) {
        return HANGAR_OK;
    }
    walk->value_bytes += size;
    if (!walk->events || size == 0) {
        return HANGAR_OK;
    }
    return walk->events->body(walk->arg, text, data, size);
}

static uint64_t parse_decimal(const unsigned char *digits, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size && i < 18 && digits[i] >= '0' && digits[i] <= '9'; i++) {
        number = number * 10 + (uint64_t)(digits[i] - '0');
    }
    return number;
}

static enum hangar_rc rdb_keep_aux(struct rdb_walk *walk, const struct rdb_input *in)
{
    const struct rdb_capture *value = &walk->aux_value;
    if (strcmp(walk->aux_name, "redis-ver") == 0) {
        snprintf(walk->counts.redis_version, sizeof(walk->counts.redis_version), "%.*s",
                 (int)(value->size < 31 ? value->size : 31), (const char *)value->data);
    } else if (strcmp(walk->aux_name, "used-mem") == 0) {
        walk->counts.used_memory = parse_decimal(value->data, value->size);
    }
    if (!walk->events || !walk->events->aux) {
        return HANGAR_OK;
    }
    if (value->full > value->size) {
        return rdb_refuse(walk, in, HANGAR_UNSUPPORTED, "the aux field %s has more than 1 MiB",
                          walk->aux_name);
    }
    return walk->events->aux(walk->arg, walk->aux_name, value->data, value->size);
}

/* ---- running programs ---- */

void rdb_program_start(struct rdb_walk *walk, enum rdb_section section, const char *program)
{
    walk->section = section;
    walk->pc = program;
    walk->depth = 0;
    walk->module_field = 0;
}

void rdb_value_start(struct rdb_walk *walk, const char *program)
{
    walk->empty = false;
    walk->value_bytes = 0;
    rdb_program_start(walk, RDB_SECTION_VALUE, program);
}

static enum hangar_rc rdb_enter_loop(struct rdb_walk *walk, const struct rdb_input *in)
{
    uint64_t here = walk->offset + (uint64_t)(in->at - in->start);
    if (walk->number > TEXT_MOST || walk->number > walk->size - here) {
        return rdb_refuse(walk, in, HANGAR_CORRUPT,
                          "%" PRIu64 " elements exceed the rest of the RDB", walk->number);
    }
    if (walk->number > 0) {
        walk->loops[walk->depth].begin = walk->pc;
        walk->loops[walk->depth++].left = walk->number;
        return HANGAR_OK;
    }
    /* only a stream may have no elements */
    if (walk->depth == 0 && walk->type->class != RDB_CLASS_STREAM) {
        walk->empty = true;
    }
    for (unsigned nested = 1; nested > 0;) {
        walk->pc++;
        if (*walk->pc == '(') {
            nested++;
        } else if (*walk->pc == ')') {
            nested--;
        }
    }
    return HANGAR_OK;
}

/* Advances to the next field; *walk->pc is 0 after the last one. */
static enum hangar_rc rdb_next_field(struct rdb_walk *walk, const struct rdb_input *in)
{
    for (;;) {
        walk->pc++;
        if (*walk->pc == '(') {
            enum hangar_rc rc = rdb_enter_loop(walk, in);
            if (rc != HANGAR_OK) {
                return rc;
            }
        } else if (*walk->pc == ')') {
            if (--walk->loops[walk->depth - 1].left > 0) {
                walk->pc = walk->loops[walk->depth - 1].begin;
            } else {
                walk->depth--;
            }
        } else {
            return HANGAR_OK;
        }
    }
}

/* The name of a key, the fields of an opcode or a value are complete. */
static enum hangar_rc rdb_program_done(struct rdb_walk *walk)
{
    if (walk->section == RDB_SECTION_NAME) {
        walk->key.name = walk->name.data;
        walk->key.name_size = walk->name.size;
        walk->key.name_full = walk->name.full;
        rdb_value_start(walk, walk->type->program);
        return walk->events ? walk->events->key(walk->arg, &walk->key) : HANGAR_OK;
    }
    bool is_value = walk->section == RDB_SECTION_VALUE;
    walk->section = RDB_SECTION_OPCODE;
    walk->pc = "";
    if (!is_value) {
        walk->counts.module_aux += walk->opcode == RDB_OPCODE_MODULE_AUX;
        return HANGAR_OK;
    }
    if (walk->key.type == RDB_OPCODE_FUNCTION) {
        walk->counts.functions++;
    } else if (walk->empty) {
        walk->counts.empty++;
    } else {
        rdb_count_key(&walk->counts, &walk->key, walk->type->class, walk->value_bytes);
    }
    if (walk->key.type != RDB_OPCODE_FUNCTION) {
        walk->key.expire_ms = walk->key.idle_s = -1;
        walk->key.freq = -1;
    }
    return walk->events ? walk->events->end(walk->arg, walk->empty) : HANGAR_OK;
}

static enum hangar_rc rdb_advance(struct rdb_walk *walk, const struct rdb_input *in)
{
    enum hangar_rc rc = rdb_next_field(walk, in);
    return rc == HANGAR_OK && *walk->pc == '\0' ? rdb_program_done(walk) : rc;
}

/* A field is complete: advances to the next one, or ends the program. */
static enum hangar_rc rdb_field_done(struct rdb_walk *walk, const struct rdb_input *in)
{
    if (*walk->pc == 'M') {
        walk->module_field = 0;
        return HANGAR_OK;
    }
    return rdb_advance(walk, in);
}

/* Inside M: the opcode announces the next field.  The numbers are RDB_MODULE_OPCODE_* in src/rdb.h
 * of Redis 7.4. */
static enum hangar_rc rdb_module_opcode(struct rdb_walk *walk, const struct rdb_input *in,
                                        uint64_t opcode)
{
    enum { MODULE_EOF, MODULE_SINT, MODULE_UINT, MODULE_FLOAT, MODULE_DOUBLE, MODULE_STRING };
    static const char fields[] = {
        [MODULE_EOF] = 0,     [MODULE_SINT] = 'L',   [MODULE_UINT] = 'L',
        [MODULE_FLOAT] = 'Q', [MODULE_DOUBLE] = 'D', [MODULE_STRING] = 'S',
    };
    if (opcode >= sizeof(fields)) {
        return rdb_refuse(walk, in, HANGAR_CORRUPT,
                          "the value of a module has a field of the unknown type %" PRIu64, opcode);
    }
    walk->module_field = fields[opcode];
    return opcode == MODULE_EOF ? rdb_advance(walk, in) : HANGAR_OK;
}

/* Handles a field of an opcode. */
static enum hangar_rc rdb_opcode_field(struct rdb_walk *walk, const struct rdb_input *in,
                                       uint64_t value)
{
    switch (walk->opcode) {
    case RDB_OPCODE_IDLE:
        walk->key.idle_s = (int64_t)(value & INT64_MAX);
        break;
    case RDB_OPCODE_FREQ:
        walk->key.freq = (int)value;
        break;
    case RDB_OPCODE_EXPIRETIME_MS:
    case RDB_OPCODE_EXPIRETIME:
        walk->key.expire_ms =
            walk->opcode == RDB_OPCODE_EXPIRETIME ? (int64_t)value * 1000 : (int64_t)value;
        if (walk->key.expire_ms < 0) {
            return rdb_refuse(walk, in, HANGAR_CORRUPT, "the expiry of a key is before 1970");
        }
        break;
    case RDB_OPCODE_SELECTDB:
        if (value > INT32_MAX) {
            return rdb_refuse(walk, in, HANGAR_CORRUPT,
                              "database %" PRIu64 " is beyond the limit of 2147483647", value);
        }
        walk->key.db = value;
        break;
    default:
        break;
    }
    return HANGAR_OK;
}

static enum hangar_rc rdb_read_length(struct rdb_walk *walk, struct rdb_input *in, char field)
{
    const unsigned char *head;
    size_t size;
    enum hangar_rc rc = rdb_read_head(walk, in, false, &head, &size);
    if (rc != HANGAR_OK || !head) {
        return rc;
    }
    walk->number = rdb_decode_length(head);
    if (field == 'm') {
        rdb_count_module(&walk->counts, walk->number);
    }
    rc = emit_body(walk, false, head, size);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (field == 'M') {
        return rdb_module_opcode(walk, in, walk->number);
    }
    if (walk->section == RDB_SECTION_FIELD) {
        rc = rdb_opcode_field(walk, in, walk->number);
    }
    return rc == HANGAR_OK ? rdb_field_done(walk, in) : rc;
}

static enum hangar_rc rdb_read_fixed(struct rdb_walk *walk, struct rdb_input *in, size_t n)
{
    const unsigned char *bytes = rdb_next_bytes(walk, in, n);
    if (!bytes) {
        return HANGAR_OK;
    }
    enum hangar_rc rc = emit_body(walk, false, bytes, n);
    if (rc == HANGAR_OK && walk->section == RDB_SECTION_FIELD) {
        rc = rdb_opcode_field(walk, in, rdb_little_endian(bytes, n < 8 ? n : 8));
    }
    return rc == HANGAR_OK ? rdb_field_done(walk, in) : rc;
}

/* A number as text: its length in one byte.  The lengths 253 to 255 mean nan, inf and -inf. */
static enum hangar_rc rdb_read_text_number(struct rdb_walk *walk, struct rdb_input *in)
{
    if (walk->skip == 0) {
        const unsigned char *byte = rdb_next_bytes(walk, in, 1);
        if (!byte) {
            return HANGAR_OK;
        }
        walk->skip = *byte < 253 ? *byte : 0;
        enum hangar_rc rc = emit_body(walk, false, byte, 1);
        if (rc != HANGAR_OK || walk->skip > 0) {
            return rc;
        }
        return rdb_field_done(walk, in);
    }
    size_t left = (size_t)(in->end - in->at);
    size_t n = left < walk->skip ? left : (size_t)walk->skip;
    enum hangar_rc rc = emit_body(walk, false, in->at, n);
    in->at += n;
    walk->skip -= n;
    return rc == HANGAR_OK && walk->skip == 0 ? rdb_field_done(walk, in) : rc;
}

static enum hangar_rc rdb_string_done(struct rdb_walk *walk, const struct rdb_input *in)
{
    walk->in_text = false;
    if (walk->capture) {
        if (walk->string.encoding == RDB_TEXT_LZF &&
            rd_lzf_end(&walk->lzf, capture_add, walk->capture) != HANGAR_OK) {
            return rdb_refuse(walk, in, HANGAR_CORRUPT, "a compressed name is not complete");
        }
        enum hangar_rc rc = HANGAR_OK;
        if (*walk->pc == 'n') {
            snprintf(walk->aux_name, sizeof(walk->aux_name), "%.*s",
                     (int)(walk->aux_value.size < 31 ? walk->aux_value.size : 31),
                     (const char *)walk->aux_value.data);
        } else if (*walk->pc == 'v') {
            rc = rdb_keep_aux(walk, in);
        }
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    return rdb_field_done(walk, in);
}

static enum hangar_rc rdb_check_string(struct rdb_walk *walk, const struct rdb_input *in)
{
    const struct rdb_string *string = &walk->string;
    uint64_t here = walk->offset + (uint64_t)(in->at - in->start);
    if (string->stored > TEXT_MOST || string->stored > walk->size - here) {
        return rdb_refuse(walk, in, HANGAR_CORRUPT,
                          "a string of %" PRIu64 " bytes exceeds the rest of the RDB",
                          string->stored);
    }
    if (string->encoding == RDB_TEXT_LZF &&
        (string->stored == 0 || string->plain > string->stored * RD_LZF_MOST)) {
        return rdb_refuse(walk, in, HANGAR_CORRUPT,
                          "%" PRIu64 " compressed bytes cannot decode to %" PRIu64, string->stored,
                          string->plain);
    }
    return HANGAR_OK;
}

static enum hangar_rc rdb_read_string(struct rdb_walk *walk, struct rdb_input *in, char field)
{
    const unsigned char *head;
    size_t size;
    enum hangar_rc rc = rdb_read_head(walk, in, true, &head, &size);
    if (rc != HANGAR_OK || !head) {
        return rc;
    }
    rdb_decode_string(&walk->string, head, size);
    rc = rdb_check_string(walk, in);
    if (rc != HANGAR_OK) {
        return rc;
    }
    walk->capture = field == 'S' ? NULL : field == 'k' ? &walk->name : &walk->aux_value;
    if (walk->capture) {
        walk->capture->size = 0;
        walk->capture->full = 0;
        if (walk->string.encoding == RDB_TEXT_LZF) {
            rd_lzf_init(&walk->lzf, walk->string.plain);
        }
        if (walk->string.encoding == RDB_TEXT_NUMBER) {
            char text[24];
            int n = snprintf(text, sizeof(text), "%" PRId64, walk->string.number);
            capture_add(walk->capture, (const unsigned char *)text, (size_t)n);
        }
    } else if (walk->section == RDB_SECTION_VALUE && walk->events) {
        rc = walk->events->string(walk->arg, &walk->string);
    }
    if (rc == HANGAR_OK) {
        rc = emit_body(walk, false, head, size);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    walk->in_text = true;
    walk->text_left = walk->string.stored;
    return walk->text_left == 0 ? rdb_string_done(walk, in) : HANGAR_OK;
}

static enum hangar_rc rdb_pass_text(struct rdb_walk *walk, struct rdb_input *in)
{
    size_t left = (size_t)(in->end - in->at);
    size_t n = left < walk->text_left ? left : (size_t)walk->text_left;
    enum hangar_rc rc;
    if (!walk->capture) {
        rc = emit_body(walk, true, in->at, n);
    } else if (walk->string.encoding == RDB_TEXT_LZF) {
        rc = rd_lzf_feed(&walk->lzf, in->at, n, capture_add, walk->capture);
    } else {
        rc = capture_add(walk->capture, in->at, n);
    }
    in->at += n;
    walk->text_left -= n;
    if (rc == HANGAR_CORRUPT && walk->capture) {
        return rdb_refuse(walk, in, rc, "a compressed name is damaged");
    }
    return rc == HANGAR_OK && walk->text_left == 0 ? rdb_string_done(walk, in) : rc;
}

static enum hangar_rc rdb_read_field(struct rdb_walk *walk, struct rdb_input *in)
{
    char field = *walk->pc == 'M' && walk->module_field ? walk->module_field : *walk->pc;
    switch (field) {
    case 'L':
    case 'M':
    case 'm':
        return rdb_read_length(walk, in, field);
    case 'B':
        return rdb_read_fixed(walk, in, 1);
    case 'Q':
        return rdb_read_fixed(walk, in, 4);
    case 'D':
        return rdb_read_fixed(walk, in, 8);
    case 'I':
        return rdb_read_fixed(walk, in, 16);
    case 'F':
        return rdb_read_text_number(walk, in);
    default:
        return rdb_read_string(walk, in, field);
    }
}

enum hangar_rc rdb_program_step(struct rdb_walk *walk, struct rdb_input *in)
{
    return walk->in_text ? rdb_pass_text(walk, in) : rdb_read_field(walk, in);
}
