/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * rdb_build: see rdb_build.h.
 */
#include "rdb_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "rdb/crc64.h"

void rdb_bytes(struct rdb_build *rdb, const void *bytes, size_t size)
{
    if (rdb->size + size > sizeof(rdb->data)) {
        abort();
    }
    memcpy(rdb->data + rdb->size, bytes, size);
    rdb->size += size;
}

void rdb_byte(struct rdb_build *rdb, unsigned byte)
{
    unsigned char one = (unsigned char)byte;
    rdb_bytes(rdb, &one, 1);
}

void rdb_start(struct rdb_build *rdb, unsigned version)
{
    char magic[16];
    snprintf(magic, sizeof(magic), "REDIS%04u", version);
    rdb->size = 0;
    rdb_bytes(rdb, magic, 9);
}

void rdb_length(struct rdb_build *rdb, uint64_t length)
{
    if (length < 64) {
        rdb_byte(rdb, (unsigned)length);
    } else if (length < 16384) {
        rdb_byte(rdb, 0x40 | (unsigned)(length >> 8));
        rdb_byte(rdb, length & 0xff);
    } else {
        rdb_byte(rdb, length <= UINT32_MAX ? 0x80 : 0x81);
        for (int shift = length <= UINT32_MAX ? 24 : 56; shift >= 0; shift -= 8) {
            rdb_byte(rdb, length >> shift & 0xff);
        }
    }
}

void rdb_string(struct rdb_build *rdb, const char *text)
{
    rdb_length(rdb, strlen(text));
    rdb_bytes(rdb, text, strlen(text));
}

void rdb_key(struct rdb_build *rdb, unsigned type, const char *name)
{
    rdb_byte(rdb, type);
    rdb_string(rdb, name);
}

void rdb_finish(struct rdb_build *rdb, int checksum)
{
    unsigned version = (unsigned)strtoul((const char *)rdb->data + 5, NULL, 10);
    rdb_byte(rdb, 255);
    if (version < 5) {
        return;
    }
    uint64_t crc = checksum ? rd_crc64_bytes(0, rdb->data, rdb->size) : 0;
    for (int i = 0; i < 8; i++) {
        rdb_byte(rdb, crc >> (8 * i) & 0xff);
    }
}

/* A string of any bytes. */
static void rdb_build_blob(struct rdb_build *rdb, const void *bytes, size_t size)
{
    rdb_length(rdb, size);
    rdb_bytes(rdb, bytes, size);
}

/* A ziplist of short strings. */
static void rdb_build_ziplist(struct rdb_build *rdb, const char *const *texts, unsigned count)
{
    unsigned char data[256];
    unsigned at = 10, previous = 0, tail = 10;
    for (unsigned i = 0; i < count; i++) {
        unsigned length = (unsigned)strlen(texts[i]);
        tail = at;
        data[at++] = (unsigned char)previous;
        data[at++] = (unsigned char)length;
        memcpy(data + at, texts[i], length);
        at += length;
        previous = length + 2;
    }
    data[at++] = 255;
    for (unsigned i = 0; i < 4; i++) {
        data[i] = (unsigned char)(at >> (8 * i));
        data[4 + i] = (unsigned char)(tail >> (8 * i));
    }
    data[8] = (unsigned char)count;
    data[9] = 0;
    rdb_build_blob(rdb, data, at);
}

void rdb_build_old_types(struct rdb_build *rdb, unsigned version)
{
    static const char *const list[] = {"a", "bb", "ccc"};
    static const char *const scored[] = {"low", "1", "high", "2.5"};
    static const char *const pairs[] = {"field", "value", "other", "thing"};
    static const unsigned char intset[] = {2, 0, 0, 0, 3, 0, 0, 0, 1, 0, 5, 0, 9, 0};
    static const unsigned char zipmap[] = {2, 1, 'f', 1, 0, 'v', 2, 'g', 'g', 2, 0, 'w', 'w', 255};
    rdb_start(rdb, version);
    rdb_byte(rdb, 254);
    rdb_length(rdb, 0);
    rdb_key(rdb, 0, "plain");
    rdb_string(rdb, "text");
    rdb_key(rdb, 1, "list");
    rdb_length(rdb, 3);
    for (unsigned i = 0; i < 3; i++) {
        rdb_string(rdb, list[i]);
    }
    rdb_key(rdb, 2, "set");
    rdb_length(rdb, 2);
    rdb_string(rdb, "one");
    rdb_string(rdb, "two");
    rdb_key(rdb, 3, "scores as text");
    rdb_length(rdb, 3);
    rdb_string(rdb, "m");
    rdb_string(rdb, "1.5"); /* its length is one byte, like that of a short string */
    rdb_string(rdb, "inf");
    rdb_byte(rdb, 254);
    rdb_string(rdb, "minus inf");
    rdb_byte(rdb, 255);
    rdb_key(rdb, 4, "hash");
    rdb_length(rdb, 2);
    for (unsigned i = 0; i < 4; i++) {
        rdb_string(rdb, pairs[i]);
    }
    rdb_key(rdb, 5, "scores");
    rdb_length(rdb, 1);
    rdb_string(rdb, "m");
    rdb_bytes(rdb, "\0\0\0\0\0\0\xf8\x3f", 8); /* 1.5 */
    rdb_key(rdb, 9, "zipmap");
    rdb_build_blob(rdb, zipmap, sizeof(zipmap));
    rdb_key(rdb, 10, "ziplist list");
    rdb_build_ziplist(rdb, list, 3);
    rdb_key(rdb, 11, "intset");
    rdb_build_blob(rdb, intset, sizeof(intset));
    rdb_key(rdb, 12, "ziplist zset");
    rdb_build_ziplist(rdb, scored, 4);
    rdb_key(rdb, 13, "ziplist hash");
    rdb_build_ziplist(rdb, pairs, 4);
    rdb_byte(rdb, 253); /* expires, in seconds: 2100-01-01 */
    rdb_bytes(rdb, "\x80\x4f\x74\xf4", 4);
    rdb_key(rdb, 14, "quicklist");
    rdb_length(rdb, 2);
    rdb_build_ziplist(rdb, list, 2);
    rdb_build_ziplist(rdb, list + 2, 1);
    rdb_finish(rdb, 1);
}

static const unsigned char two_members[] = {11, 0, 0, 0, 2, 0, 0x81, 'a', 2, 5, 1, 255};

static void add_new_collections(struct rdb_build *rdb)
{
    rdb_key(rdb, 24, "fields that expire");
    rdb_bytes(rdb, "\0\0\0\0\1\0\0\0", 8);
    rdb_length(rdb, 2);
    for (unsigned i = 0; i < 2; i++) {
        rdb_length(rdb, 70000 * i);
        rdb_string(rdb, i ? "f" : "g");
        rdb_string(rdb, "v");
    }
    rdb_key(rdb, 25, "small one");
    rdb_bytes(rdb, "\0\0\0\0\1\0\0\0", 8);
    rdb_length(rdb, sizeof(two_members));
    rdb_bytes(rdb, two_members, sizeof(two_members));
    rdb_key(rdb, 20, "set");
    rdb_length(rdb, sizeof(two_members));
    rdb_bytes(rdb, two_members, sizeof(two_members));
}

/* A stream without entries, with a group that has a consumer. */
static void add_new_stream(struct rdb_build *rdb)
{
    rdb_key(rdb, 21, "stream");
    rdb_length(rdb, 0);
    for (unsigned i = 0; i < 8; i++) {
        rdb_length(rdb, i);
    }
    rdb_length(rdb, 1);
    rdb_string(rdb, "group");
    for (unsigned i = 0; i < 3; i++) {
        rdb_length(rdb, i);
    }
    rdb_length(rdb, 1);
    rdb_bytes(rdb,
              "0123456789abcdef"
              "01234567",
              24);
    rdb_length(rdb, 1);
    rdb_length(rdb, 1);
    rdb_string(rdb, "consumer");
    rdb_bytes(rdb,
              "01234567"
              "01234567",
              16);
    rdb_length(rdb, 1);
    rdb_bytes(rdb, "0123456789abcdef", 16);
}

/* The id and the fields of a module, one of each type. */
static void add_module_fields(struct rdb_build *rdb)
{
    rdb_byte(rdb, 0x81); /* its id: "AAAAAAAAB", version 1 */
    rdb_bytes(rdb, "\0\0\0\0\0\0\4\1", 8);
    rdb_length(rdb, 2);
    rdb_length(rdb, 1000000);
    rdb_length(rdb, 1);
    rdb_length(rdb, UINT64_C(1) << 40);
    rdb_length(rdb, 3);
    rdb_bytes(rdb, "flt4", 4);
    rdb_length(rdb, 4);
    rdb_bytes(rdb, "double8.", 8);
    rdb_length(rdb, 5);
    rdb_string(rdb, "a string");
    rdb_length(rdb, 0);
}

void rdb_build_new_types(struct rdb_build *rdb)
{
    rdb_start(rdb, 12);
    rdb_byte(rdb, 250);
    rdb_string(rdb, "redis-ver");
    rdb_string(rdb, "7.4.1");
    rdb_byte(rdb, 244); /* slot info of a cluster: a slot and its sizes */
    for (unsigned i = 0; i < 3; i++) {
        rdb_length(rdb, i * 100);
    }
    add_new_collections(rdb);
    add_new_stream(rdb);
    rdb_key(rdb, 7, "module");
    add_module_fields(rdb);
    rdb_byte(rdb, 247); /* module data outside of keys */
    add_module_fields(rdb);
    rdb_finish(rdb, 1);
}
