/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fuzz_resp: arbitrary replies of a Redis server to all commands of the plugin.  The sockets
 * are replaced here.  The first byte chooses the job and its options; the rest are the bytes
 * of the server.  BREAK separates the bytes of two connections, each of which begins with the
 * size of its pieces.  The byte ID is replaced by the random name of this run.
 */
#include "fuzz.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "backup/backup.h"
#include "backup/check.h"
#include "backup/readback.h"
#include "restore/restore.h"
#include "wire/transport.h"

#define BREAK "%%\n"
#define ID 0x07
#define ID_SIZE 32

/* ---- the server ---- */

struct rd_conn {
    struct redis *redis;
    struct fuzz_pieces pieces;
    const uint8_t *piece; /* the rest of the current piece */
    size_t left;
    const char *id; /* the rest of the run's name while it is sent; else NULL */
    bool awaited;
};

static struct {
    const uint8_t *data;
    size_t size;
    char id[ID_SIZE + 1];
} server;

static bool fuzz_resp_more(struct rd_conn *conn)
{
    return *conn->id || conn->left > 0 || fuzz_piece(&conn->pieces, &conn->piece, &conn->left);
}

static size_t fuzz_resp_store_object(struct rd_conn *conn, char *buffer, size_t size)
{
    size_t n = 0;
    while (n < size && fuzz_resp_more(conn)) {
        if (*conn->id) {
            buffer[n++] = *conn->id++;
            continue;
        }
        if (*conn->piece == ID) {
            conn->id = server.id;
        } else {
            buffer[n++] = (char)*conn->piece;
        }
        conn->piece++;
        if (--conn->left == 0 && n > 0) {
            break;
        }
    }
    return n;
}

static enum hangar_rc fuzz_resp_closed(const struct redis *redis)
{
    return redis->host->fail(redis->ctx, HANGAR_IO, 0, "redis at %s closed the connection",
                             redis->place);
}

enum hangar_rc rd_connect(struct redis *redis, struct rd_conn **out)
{
    if (server.size == 0) {
        return fuzz_resp_closed(redis);
    }
    const uint8_t *end = memmem(server.data, server.size, BREAK, sizeof(BREAK) - 1);
    size_t size = end ? (size_t)(end - server.data) : server.size;
    struct rd_conn *conn = calloc(1, sizeof(*conn));
    if (!conn) {
        abort();
    }
    conn->redis = redis;
    conn->pieces = fuzz_pieces(server.data, size);
    conn->id = "";
    size += end ? sizeof(BREAK) - 1 : 0;
    server.data += size;
    server.size -= size;
    *out = conn;
    return HANGAR_OK;
}

bool rd_answers(struct redis *redis)
{
    (void)redis;
    return server.size > 0;
}

void rd_conn_close(struct rd_conn *conn)
{
    free(conn);
}

enum hangar_rc rd_conn_read(struct rd_conn *conn, void *buffer, size_t size, size_t *got)
{
    *got = fuzz_resp_store_object(conn, buffer, size);
    return HANGAR_OK;
}

/* One line, and only while the client waits for it: so the line is an answer, and later bytes
 * are not read ahead. */
enum hangar_rc rd_conn_try_read(struct rd_conn *conn, void *buffer, size_t size, size_t *done)
{
    char *at = buffer;
    for (*done = 0;
         conn->awaited && *done < size && fuzz_resp_store_object(conn, at + *done, 1) == 1;) {
        conn->awaited = at[(*done)++] != '\n' && conn->left > 0;
    }
    return HANGAR_OK;
}

/* CLIENT SETNAME sends the name of the run. */
enum hangar_rc rd_conn_write(struct rd_conn *conn, const void *data, size_t size)
{
    static const char before[] = "SETNAME\r\n";
    const char *at = memmem(data, size, before, sizeof(before) - 1);
    (void)conn;
    if (at && size > ID_SIZE + 2) {
        memcpy(server.id, (const char *)data + size - 2 - ID_SIZE, ID_SIZE);
    }
    return HANGAR_OK;
}

enum hangar_rc rd_conn_try_write(struct rd_conn *conn, const void *data, size_t size, size_t *done)
{
    *done = size;
    return rd_conn_write(conn, data, size);
}

enum hangar_rc rd_conn_wait(struct rd_conn *conn, bool write)
{
    (void)write;
    conn->awaited = fuzz_resp_more(conn);
    return conn->awaited ? HANGAR_OK : fuzz_resp_closed(conn->redis);
}

enum hangar_rc rd_conn_line(struct rd_conn *conn, char *line, size_t size)
{
    size_t n = 0;
    for (char c; fuzz_resp_store_object(conn, &c, 1) == 1; line[n++] = c) {
        if (c == '\n') {
            n -= n > 0 && line[n - 1] == '\r';
            line[n] = '\0';
            return HANGAR_OK;
        }
        if (n + 1 == size) {
            break;
        }
    }
    return fuzz_resp_closed(conn->redis);
}

/* ---- the host: texts are formatted, as their arguments come from the server ---- */

static char text[4096];

static void fuzz_resp_log(struct hangar_ctx *ctx, enum hangar_log_level level, const char *fmt, ...)
{
    va_list args;
    (void)ctx, (void)level;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
}

static void fuzz_resp_text(struct hangar_text *out, const char *fmt, ...)
{
    va_list args;
    (void)out;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
}

static void host_attr_set(struct hangar_attrs *attrs, const char *name, const char *value)
{
    (void)attrs;
    snprintf(text, sizeof(text), "%s %s", name, value ? value : "");
}

static void fuzz_resp_attr_setf(struct hangar_attrs *attrs, const char *name, const char *fmt, ...)
{
    va_list args;
    (void)attrs, (void)name;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
}

static const char *host_attr_get(const struct hangar_attrs *attrs, const char *name)
{
    (void)attrs, (void)name;
    return NULL;
}

static const char *host_name(struct hangar_ctx *ctx)
{
    (void)ctx;
    return "cache";
}

static enum hangar_rc fuzz_resp_sleep(struct hangar_ctx *ctx, uint32_t ms)
{
    (void)ctx, (void)ms;
    return HANGAR_OK;
}

static size_t fuzz_resp_budget_take(struct hangar_ctx *ctx, size_t want, size_t least)
{
    (void)ctx, (void)least;
    return want;
}

static void fuzz_resp_budget_give(struct hangar_ctx *ctx, size_t bytes)
{
    (void)ctx, (void)bytes;
}

static enum hangar_rc fuzz_resp_spool_open(struct hangar_ctx *ctx, uint64_t most,
                                           struct hangar_spool **out)
{
    (void)most, (void)out;
    return fuzz_host.fail(ctx, HANGAR_NO_SPACE, 0, "the fuzz host has no disk");
}

/* ---- the jobs ---- */

static enum hangar_rc back_up(struct redis *redis)
{
    struct hangar_object_info info = {.struct_size = sizeof(info)};
    struct hangar_object *object = NULL;
    size_t got = 1;
    struct hangar_attrs *attrs = (struct hangar_attrs *)text; /* never read */
    enum hangar_rc rc = redis_prepare(redis);
    if (rc == HANGAR_OK) {
        int64_t time_ms;
        rc = redis_begin(redis, &time_ms, attrs);
    }
    if (rc == HANGAR_OK) {
        rc = redis_next(redis, &info, &object);
    }
    while (rc == HANGAR_OK && got > 0) {
        unsigned char buffer[4096];
        rc = redis_read(object, buffer, sizeof(buffer), &got);
    }
    if (object) {
        enum hangar_rc close = redis_close(object, rc == HANGAR_OK ? attrs : NULL);
        rc = rc == HANGAR_OK ? close : rc;
    }
    enum hangar_rc end = redis_end(redis, rc == HANGAR_OK ? attrs : NULL);
    return rc == HANGAR_OK ? end : rc;
}

/* Two keys, one of which expires, in two databases, and a library of functions. */
static const char rdb[] = "REDIS0010\xf5\x0f#!lua name=x\n--\xfe\x00\x00\x01k\x05value"
                          "\xfe\x02\xfc\x00\xfc\xa0\xb5\xb8\x01\x00\x00\x00\x01n\xc1\x39\x30"
                          "\xff\x00\x00\x00\x00\x00\x00\x00\x00";

static enum hangar_rc fuzz_resp_restore(struct redis *redis, uint32_t flags)
{
    int empty = 0;
    struct hangar_object_info info = {.struct_size = sizeof(info), .name = RD_OBJECT};
    struct hangar_restore how = {.struct_size = sizeof(how),
                                 .flags = flags,
                                 .objects = &info,
                                 .object_count = 1,
                                 .target_empty = &empty};
    struct hangar_object *object = NULL;
    enum hangar_rc rc = redis_restore_prepare(redis, &how);
    if (flags & HANGAR_RESTORE_DRY_RUN) {
        return redis_restore_end(redis, NULL), rc;
    }
    if (rc == HANGAR_OK) {
        rc = redis_restore_open(redis, &info, &object);
    }
    if (rc == HANGAR_OK) {
        rc = redis_restore_write(object, rdb, sizeof(rdb) - 1);
        enum hangar_rc close = redis_restore_close(object, rc == HANGAR_OK);
        rc = rc == HANGAR_OK ? close : rc;
    }
    if (rc == HANGAR_OK) {
        rc = redis_restore_phase_end(redis, 0);
    }
    enum hangar_rc end =
        redis_restore_end(redis, rc == HANGAR_OK ? (struct hangar_attrs *)text : NULL);
    return rc == HANGAR_OK ? end : rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hangar_host host = fuzz_host;
    host.log = fuzz_resp_log;
    host.text = fuzz_resp_text;
    host.attr_set = host_attr_set;
    host.attr_setf = fuzz_resp_attr_setf;
    host.attr_get = host_attr_get;
    host.instance_name = host_name;
    host.sleep = fuzz_resp_sleep;
    host.budget_take = fuzz_resp_budget_take;
    host.budget_give = fuzz_resp_budget_give;
    host.spool_open = fuzz_resp_spool_open;
    struct redis redis = {.host = &host, .cancel_fd = -1, .timeout_ms = 500, .place = "fuzz"};
    if (size == 0) {
        return 0;
    }
    unsigned job = data[0];
    server.data = data + 1;
    server.size = size - 1;
    memset(server.id, 0, sizeof(server.id));
    fuzz_failures = 0;
    redis.on_conflict = job >> 2 & 3;
    redis.password = job & 0x80 ? "secret" : NULL;
    enum hangar_rc rc;
    switch (job & 3) {
    case 0:
        rc = redis_check(&redis, (struct hangar_attrs *)text);
        break;
    case 1:
        rc = back_up(&redis);
        break;
    case 2:
        rc = redis_inspect(&redis, (struct hangar_attrs *)text);
        break;
    default:
        rc = fuzz_resp_restore(&redis, job >> 4 & 7); /* HANGAR_RESTORE_DRY_RUN, _CLEAN, _COMPARE */
        break;
    }
    FUZZ_RULE(rc == HANGAR_OK || fuzz_failures > 0); /* a failure is reported */
    return 0;
}
