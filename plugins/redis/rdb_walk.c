/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * rdb_walk: see rdb_walk.h.
 *
 * What follows each opcode or type in an RDB is written down as a small program
 * (rdb_types.h), and the interpreter here runs them all.  It can stop at any byte, as its whole state is the place in the program, the loops it is
 * in, and at most 19 bytes of a field that came in pieces.
 */
#include "rdb_walk.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "crc64.h"
#include "lzf.h"

#define TEXT_MOST (UINT64_C(1) << 44) /* a string longer than that is damage, not data */
#define LOOPS_MOST 4
#define OPCODE_EOF 255

enum section {
    SECTION_MAGIC,
    SECTION_OPCODE,
    SECTION_FIELD, /* of an opcode */
    SECTION_NAME,  /* of a key */
    SECTION_VALUE, /* of a key, or a library of functions */
    SECTION_TRAILER,
    SECTION_DONE
};

struct capture {
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

    enum section section;
    unsigned opcode;
    const char *pc; /* the field being read; "" between programs */
    struct {
        const char *begin;
        uint64_t left;
    } loops[LOOPS_MOST];
    size_t depth;
    char module_field; /* inside M: the field a module's opcode announced; 0: the opcode itself */
    uint64_t number;   /* the last length */
    uint64_t skip;     /* F: bytes left */
    bool in_text;
    uint64_t text_left;
    struct rdb_string string;
    unsigned char piece[RDB_HEAD_MOST];
    size_t piece_size;

    struct rdb_key key;
    bool empty;
    uint64_t value_bytes;
    struct capture name, aux_value, *capture;
    char aux_name[32];
    struct rd_lzf lzf;
    struct rdb_counts counts;
    char problem[256];
};

struct input {
    const unsigned char *start, *at, *end;
    const unsigned char *crc_from; /* NULL: behind what the checksum is of */
};

__attribute__((format(printf, 4, 5))) static enum hangar_rc
refuse(struct rdb_walk *walk, const struct input *in, enum hangar_rc rc, const char *fmt, ...)
{
    char what[160];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    snprintf(walk->problem, sizeof(walk->problem), "%s, before byte %" PRIu64, what,
             walk->offset + (uint64_t)(in->at - in->start));
    return rc;
}

/* ---- reading fields ---- */

/* The next `n` bytes in one piece, or NULL when they are not all there yet. */
static const unsigned char *take(struct rdb_walk *walk, struct input *in, size_t n)
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
    if (walk->piece_size < n)
        return NULL;
    walk->piece_size = 0;
    return walk->piece;
}

static enum hangar_rc take_head(struct rdb_walk *walk, struct input *in, bool string,
                                const unsigned char **head, size_t *size)
{
    *head = NULL;
    if (walk->piece_size == 0 && in->end - in->at >= RDB_HEAD_MOST) {
        *size = rdb_head_bytes(in->at, RDB_HEAD_MOST, string);
        *head = in->at;
        in->at += *size;
    } else {
        while ((*size = rdb_head_bytes(walk->piece, walk->piece_size, string)) > walk->piece_size) {
            if (in->at == in->end)
                return HANGAR_OK;
            walk->piece[walk->piece_size++] = *in->at++;
        }
        *head = walk->piece;
        walk->piece_size = 0;
    }
    if (*size == 0)
        return refuse(walk, in, HANGAR_CORRUPT, "byte %u does not begin a length", (*head)[0]);
    return HANGAR_OK;
}

/* ---- what is passed on and what is kept ---- */

static enum hangar_rc capture_add(void *arg, const unsigned char *data, size_t size)
{
    struct capture *capture = arg;
    size_t room = capture->most - capture->size;
    memcpy(capture->data + capture->size, data, size < room ? size : room);
    capture->size += size < room ? size : room;
    capture->full += size;
    return HANGAR_OK;
}

static enum hangar_rc emit_body(struct rdb_walk *walk, bool text, const unsigned char *data,
                                size_t size)
{
    if (walk->section != SECTION_VALUE)
        return HANGAR_OK;
    walk->value_bytes += size;
    if (walk->events == NULL || size == 0)
        return HANGAR_OK;
    return walk->events->body(walk->arg, text, data, size);
}

static uint64_t decimal(const unsigned char *digits, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size && i < 18 && digits[i] >= '0' && digits[i] <= '9'; i++)
        number = number * 10 + (uint64_t)(digits[i] - '0');
    return number;
}

static enum hangar_rc keep_aux(struct rdb_walk *walk, const struct input *in)
{
    const struct capture *value = &walk->aux_value;
    if (strcmp(walk->aux_name, "redis-ver") == 0)
        snprintf(walk->counts.redis_version, sizeof(walk->counts.redis_version), "%.*s",
                 (int)(value->size < 31 ? value->size : 31), (const char *)value->data);
    else if (strcmp(walk->aux_name, "used-mem") == 0)
        walk->counts.used_memory = decimal(value->data, value->size);
    if (walk->events == NULL || walk->events->aux == NULL)
        return HANGAR_OK;
    if (value->full > value->size)
        return refuse(walk, in, HANGAR_UNSUPPORTED, "the aux field %s is too large",
                      walk->aux_name);
    return walk->events->aux(walk->arg, walk->aux_name, value->data, value->size);
}

/* ---- running programs ---- */

static void start_program(struct rdb_walk *walk, enum section section, const char *program)
{
    walk->section = section;
    walk->pc = program;
    walk->depth = 0;
    walk->module_field = 0;
}

static void start_value(struct rdb_walk *walk, const char *program)
{
    walk->empty = false;
    walk->value_bytes = 0;
    start_program(walk, SECTION_VALUE, program);
}

static enum hangar_rc enter_loop(struct rdb_walk *walk, const struct input *in)
{
    uint64_t here = walk->offset + (uint64_t)(in->at - in->start);
    if (walk->number > TEXT_MOST || walk->number > walk->size - here)
        return refuse(walk, in, HANGAR_CORRUPT, "%" PRIu64 " elements do not fit in", walk->number);
    if (walk->number > 0) {
        walk->loops[walk->depth].begin = walk->pc;
        walk->loops[walk->depth++].left = walk->number;
        return HANGAR_OK;
    }
    /* only streams may be without elements */
    if (walk->depth == 0 && rdb_class_of(walk->key.type) != RDB_CLASS_STREAM)
        walk->empty = true;
    for (unsigned nested = 1; nested > 0;) {
        walk->pc++;
        if (*walk->pc == '(')
            nested++;
        else if (*walk->pc == ')')
            nested--;
    }
    return HANGAR_OK;
}

/* Goes to the next field; *walk->pc is then 0 when there is none. */
static enum hangar_rc next_field(struct rdb_walk *walk, const struct input *in)
{
    for (;;) {
        walk->pc++;
        if (*walk->pc == '(') {
            enum hangar_rc rc = enter_loop(walk, in);
            if (rc != HANGAR_OK)
                return rc;
        } else if (*walk->pc == ')') {
            if (--walk->loops[walk->depth - 1].left > 0)
                walk->pc = walk->loops[walk->depth - 1].begin;
            else
                walk->depth--;
        } else {
            return HANGAR_OK;
        }
    }
}

/* A key's name or an opcode's fields are complete, or a value is. */
static enum hangar_rc program_done(struct rdb_walk *walk)
{
    if (walk->section == SECTION_NAME) {
        walk->key.name = walk->name.data;
        walk->key.name_size = walk->name.size;
        walk->key.name_full = walk->name.full;
        start_value(walk, rdb_type_program(walk->key.type));
        return walk->events ? walk->events->key(walk->arg, &walk->key) : HANGAR_OK;
    }
    bool is_value = walk->section == SECTION_VALUE;
    walk->section = SECTION_OPCODE;
    walk->pc = "";
    if (!is_value) {
        walk->counts.module_aux += walk->opcode == 247;
        return HANGAR_OK;
    }
    if (walk->key.type == RDB_FUNCTION)
        walk->counts.functions++;
    else if (walk->empty)
        walk->counts.empty++;
    else
        rdb_count_key(&walk->counts, walk->key.db, rdb_class_of(walk->key.type),
                      walk->key.expire_ms >= 0, walk->name.data, walk->name.size,
                      walk->value_bytes);
    if (walk->key.type != RDB_FUNCTION) {
        walk->key.expire_ms = walk->key.idle_s = -1;
        walk->key.freq = -1;
    }
    return walk->events ? walk->events->end(walk->arg, walk->empty) : HANGAR_OK;
}

/* A field is complete: on to the next, or to what follows the program. */
static enum hangar_rc field_done(struct rdb_walk *walk, const struct input *in)
{
    if (*walk->pc == 'M') {
        walk->module_field = 0;
        return HANGAR_OK;
    }
    enum hangar_rc rc = next_field(walk, in);
    if (rc == HANGAR_OK && *walk->pc == '\0')
        rc = program_done(walk);
    return rc;
}

/* Inside M: an opcode says what field follows. */
static enum hangar_rc module_opcode(struct rdb_walk *walk, const struct input *in, uint64_t opcode)
{
    static const char fields[] = {0, 'L', 'L', 'Q', 'D', 'S'};
    if (opcode >= sizeof(fields))
        return refuse(walk, in, HANGAR_CORRUPT, "a module's value has the unknown field %" PRIu64,
                      opcode);
    walk->module_field = fields[opcode];
    if (opcode != 0)
        return HANGAR_OK;
    enum hangar_rc rc = next_field(walk, in);
    if (rc == HANGAR_OK && *walk->pc == '\0')
        rc = program_done(walk);
    return rc;
}

/* What the fields of opcodes mean. */
static enum hangar_rc opcode_field(struct rdb_walk *walk, const struct input *in, uint64_t value)
{
    switch (walk->opcode) {
    case 248:
        walk->key.idle_s = (int64_t)(value & INT64_MAX);
        break;
    case 249:
        walk->key.freq = (int)value;
        break;
    case 252:
    case 253:
        walk->key.expire_ms = walk->opcode == 253 ? (int64_t)value * 1000 : (int64_t)value;
        if (walk->key.expire_ms < 0)
            return refuse(walk, in, HANGAR_CORRUPT, "a key expires before 1970");
        break;
    case 254:
        if (value > INT32_MAX)
            return refuse(walk, in, HANGAR_CORRUPT, "there is no database %" PRIu64, value);
        walk->key.db = value;
        break;
    default:
        break;
    }
    return HANGAR_OK;
}

static enum hangar_rc read_length(struct rdb_walk *walk, struct input *in, char field)
{
    const unsigned char *head;
    size_t size;
    enum hangar_rc rc = take_head(walk, in, false, &head, &size);
    if (rc != HANGAR_OK || head == NULL)
        return rc;
    walk->number = rdb_decode_length(head);
    if (field == 'm')
        rdb_count_module(&walk->counts, walk->number);
    rc = emit_body(walk, false, head, size);
    if (rc != HANGAR_OK)
        return rc;
    if (field == 'M')
        return module_opcode(walk, in, walk->number);
    if (walk->section == SECTION_FIELD)
        rc = opcode_field(walk, in, walk->number);
    return rc == HANGAR_OK ? field_done(walk, in) : rc;
}

static enum hangar_rc read_fixed(struct rdb_walk *walk, struct input *in, size_t n)
{
    const unsigned char *bytes = take(walk, in, n);
    if (bytes == NULL)
        return HANGAR_OK;
    enum hangar_rc rc = emit_body(walk, false, bytes, n);
    if (rc == HANGAR_OK && walk->section == SECTION_FIELD)
        rc = opcode_field(walk, in, rdb_little_endian(bytes, n < 8 ? n : 8));
    return rc == HANGAR_OK ? field_done(walk, in) : rc;
}

/* A number as text: its length in one byte, of which three mean a value of their own. */
static enum hangar_rc read_text_number(struct rdb_walk *walk, struct input *in)
{
    if (walk->skip == 0) {
        const unsigned char *byte = take(walk, in, 1);
        if (byte == NULL)
            return HANGAR_OK;
        walk->skip = *byte < 253 ? *byte : 0;
        enum hangar_rc rc = emit_body(walk, false, byte, 1);
        if (rc != HANGAR_OK || walk->skip > 0)
            return rc;
        return field_done(walk, in);
    }
    size_t left = (size_t)(in->end - in->at);
    size_t n = left < walk->skip ? left : (size_t)walk->skip;
    enum hangar_rc rc = emit_body(walk, false, in->at, n);
    in->at += n;
    walk->skip -= n;
    return rc == HANGAR_OK && walk->skip == 0 ? field_done(walk, in) : rc;
}

static enum hangar_rc string_done(struct rdb_walk *walk, const struct input *in)
{
    walk->in_text = false;
    if (walk->capture != NULL) {
        if (walk->string.encoding == RDB_TEXT_LZF &&
            rd_lzf_end(&walk->lzf, capture_add, walk->capture) != HANGAR_OK)
            return refuse(walk, in, HANGAR_CORRUPT, "a compressed name ends early");
        enum hangar_rc rc = HANGAR_OK;
        if (*walk->pc == 'n')
            snprintf(walk->aux_name, sizeof(walk->aux_name), "%.*s",
                     (int)(walk->aux_value.size < 31 ? walk->aux_value.size : 31),
                     (const char *)walk->aux_value.data);
        else if (*walk->pc == 'v')
            rc = keep_aux(walk, in);
        if (rc != HANGAR_OK)
            return rc;
    }
    return field_done(walk, in);
}

static enum hangar_rc check_string(struct rdb_walk *walk, const struct input *in)
{
    const struct rdb_string *string = &walk->string;
    uint64_t here = walk->offset + (uint64_t)(in->at - in->start);
    if (string->stored > TEXT_MOST || string->stored > walk->size - here)
        return refuse(walk, in, HANGAR_CORRUPT, "a string of %" PRIu64 " bytes does not fit in",
                      string->stored);
    if (string->encoding == RDB_TEXT_LZF &&
        (string->stored == 0 || string->plain > string->stored * RD_LZF_MOST))
        return refuse(walk, in, HANGAR_CORRUPT, "%" PRIu64 " bytes cannot become %" PRIu64,
                      string->stored, string->plain);
    return HANGAR_OK;
}

static enum hangar_rc read_string(struct rdb_walk *walk, struct input *in, char field)
{
    const unsigned char *head;
    size_t size;
    enum hangar_rc rc = take_head(walk, in, true, &head, &size);
    if (rc != HANGAR_OK || head == NULL)
        return rc;
    rdb_decode_string(&walk->string, head, size);
    rc = check_string(walk, in);
    if (rc != HANGAR_OK)
        return rc;
    walk->capture = field == 'S' ? NULL : field == 'k' ? &walk->name : &walk->aux_value;
    if (walk->capture != NULL) {
        walk->capture->size = 0;
        walk->capture->full = 0;
        if (walk->string.encoding == RDB_TEXT_LZF)
            rd_lzf_init(&walk->lzf, walk->string.plain);
        if (walk->string.encoding == RDB_TEXT_NUMBER) {
            char text[24];
            int n = snprintf(text, sizeof(text), "%" PRId64, walk->string.number);
            capture_add(walk->capture, (const unsigned char *)text, (size_t)n);
        }
    } else if (walk->section == SECTION_VALUE && walk->events != NULL) {
        rc = walk->events->string(walk->arg, &walk->string);
    }
    if (rc == HANGAR_OK)
        rc = emit_body(walk, false, head, size);
    if (rc != HANGAR_OK)
        return rc;
    walk->in_text = true;
    walk->text_left = walk->string.stored;
    return walk->text_left == 0 ? string_done(walk, in) : HANGAR_OK;
}

static enum hangar_rc pass_text(struct rdb_walk *walk, struct input *in)
{
    size_t left = (size_t)(in->end - in->at);
    size_t n = left < walk->text_left ? left : (size_t)walk->text_left;
    enum hangar_rc rc;
    if (walk->capture == NULL)
        rc = emit_body(walk, true, in->at, n);
    else if (walk->string.encoding == RDB_TEXT_LZF)
        rc = rd_lzf_feed(&walk->lzf, in->at, n, capture_add, walk->capture);
    else
        rc = capture_add(walk->capture, in->at, n);
    in->at += n;
    walk->text_left -= n;
    if (rc == HANGAR_CORRUPT && walk->capture != NULL)
        return refuse(walk, in, rc, "a compressed name is damaged");
    return rc == HANGAR_OK && walk->text_left == 0 ? string_done(walk, in) : rc;
}

/* ---- what stands between the programs ---- */

static enum hangar_rc read_magic(struct rdb_walk *walk, struct input *in)
{
    const unsigned char *bytes = take(walk, in, 9);
    if (bytes == NULL)
        return HANGAR_OK;
    if (memcmp(bytes, "VALKEY", 6) == 0)
        return refuse(walk, in, HANGAR_UNSUPPORTED, "this is an RDB of Valkey 9 or newer");
    if (memcmp(bytes, "REDIS", 5) != 0)
        return refuse(walk, in, HANGAR_CORRUPT, "this does not begin as an RDB does");
    for (int i = 5; i < 9; i++) {
        if (bytes[i] < '0' || bytes[i] > '9')
            return refuse(walk, in, HANGAR_CORRUPT, "the RDB has no version");
        walk->counts.version = walk->counts.version * 10 + (unsigned)(bytes[i] - '0');
    }
    walk->section = SECTION_OPCODE;
    return HANGAR_OK;
}

static enum hangar_rc start_type(struct rdb_walk *walk, const struct input *in, unsigned type)
{
    if (rdb_class_of(type) != RDB_CLASSES) {
        walk->key.type = type;
        start_program(walk, SECTION_NAME, "k");
        return HANGAR_OK;
    }
    if (type == 6 || type == 22 || type == 23 || type == 246)
        return refuse(walk, in, HANGAR_UNSUPPORTED, "type %u is of a pre-release of Redis", type);
    return refuse(walk, in, walk->counts.version > 12 ? HANGAR_UNSUPPORTED : HANGAR_CORRUPT,
                  "type %u is not known in an RDB of version %u", type, walk->counts.version);
}

static enum hangar_rc read_opcode(struct rdb_walk *walk, struct input *in)
{
    if (in->at == in->end)
        return HANGAR_OK;
    unsigned opcode = *in->at++;
    walk->opcode = opcode;
    if (opcode == OPCODE_EOF) {
        walk->crc = rd_crc64(walk->crc, in->crc_from, (size_t)(in->at - in->crc_from));
        in->crc_from = NULL;
        walk->section = walk->counts.version >= 5 ? SECTION_TRAILER : SECTION_DONE;
        return HANGAR_OK;
    }
    const char *program = rdb_opcode_program(opcode);
    if (program == NULL)
        return start_type(walk, in, opcode);
    if (opcode == RDB_FUNCTION) {
        walk->key.type = RDB_FUNCTION;
        walk->key.name_size = walk->key.name_full = 0;
        start_value(walk, program);
        return walk->events ? walk->events->key(walk->arg, &walk->key) : HANGAR_OK;
    }
    start_program(walk, SECTION_FIELD, program);
    return HANGAR_OK;
}

static enum hangar_rc read_trailer(struct rdb_walk *walk, struct input *in)
{
    const unsigned char *bytes = take(walk, in, 8);
    if (bytes == NULL)
        return HANGAR_OK;
    uint64_t told = rdb_little_endian(bytes, 8);
    if (told != 0 && told != walk->crc)
        return refuse(walk, in, HANGAR_CORRUPT,
                      "the checksum is %016" PRIx64 " and should be %016" PRIx64, walk->crc, told);
    walk->verified = told != 0;
    walk->section = SECTION_DONE;
    return HANGAR_OK;
}

static enum hangar_rc read_field(struct rdb_walk *walk, struct input *in)
{
    char field = *walk->pc == 'M' && walk->module_field ? walk->module_field : *walk->pc;
    switch (field) {
    case 'L':
    case 'M':
    case 'm':
        return read_length(walk, in, field);
    case 'B':
        return read_fixed(walk, in, 1);
    case 'Q':
        return read_fixed(walk, in, 4);
    case 'D':
        return read_fixed(walk, in, 8);
    case 'I':
        return read_fixed(walk, in, 16);
    case 'F':
        return read_text_number(walk, in);
    default:
        return read_string(walk, in, field);
    }
}

static enum hangar_rc step(struct rdb_walk *walk, struct input *in)
{
    switch (walk->section) {
    case SECTION_MAGIC:
        return read_magic(walk, in);
    case SECTION_OPCODE:
        return read_opcode(walk, in);
    case SECTION_TRAILER:
        return read_trailer(walk, in);
    default:
        return walk->in_text ? pass_text(walk, in) : read_field(walk, in);
    }
}

/* ---- public ---- */

struct rdb_walk *rdb_walk_new(const struct rdb_events *events, void *arg, size_t name_most,
                              uint64_t size)
{
    struct rdb_walk *walk = calloc(1, sizeof(*walk));
    if (walk == NULL)
        return NULL;
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
    if (walk->name.data == NULL || walk->aux_value.data == NULL) {
        rdb_walk_free(walk);
        return NULL;
    }
    return walk;
}

void rdb_walk_free(struct rdb_walk *walk)
{
    if (walk == NULL)
        return;
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
    struct input in = {.start = data, .at = data, .end = (const unsigned char *)data + size};
    in.crc_from = walk->section < SECTION_TRAILER ? in.start : NULL;
    enum hangar_rc rc = walk->failed;
    /* a field of no bytes cannot be: each step uses input, or ends the walk */
    while (rc == HANGAR_OK && walk->section != SECTION_DONE && in.at < in.end)
        rc = step(walk, &in);
    if (in.crc_from != NULL)
        walk->crc = rd_crc64(walk->crc, in.crc_from, (size_t)(in.at - in.crc_from));
    walk->offset += (uint64_t)(in.at - in.start);
    *used = (size_t)(in.at - in.start);
    walk->failed = rc;
    return rc;
}

bool rdb_walk_done(const struct rdb_walk *walk)
{
    return walk->section == SECTION_DONE && walk->failed == HANGAR_OK;
}

uint64_t rdb_walk_offset(const struct rdb_walk *walk)
{
    return walk->offset;
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
