/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * instance: one configured redis source: its options, and the state of the jobs it can run.
 * It is independent of the jobs themselves.
 *
 * An instance runs one job at a time (HANGAR_SERIAL_INSTANCE).  Only `cancel` is called from
 * another thread; it uses cancel_fd and nothing else.
 */
#ifndef RD_INSTANCE_H
#define RD_INSTANCE_H

#include <stdbool.h>
#include <hangar/plugin.h>
#include "failure.h"
#include "throwaway.h"

#define RD_OBJECT "dump.rdb"

enum rd_conflict { RD_FAIL, RD_REPLACE, RD_SKIP_EXISTING, RD_FLUSH };

/* The key of a database into which a restore loads the backup beside the data in use. */
#define RD_MARKER "hangar:restore:unfinished"

struct redis {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    int cancel_fd; /* readable from the first cancellation on */

    /* the options; the host owns the strings */
    const char *server, *socket, *username, *password;
    const char *tls_ca_file, *tls_cert, *tls_key, *tls_server_name;
    const char *data_dir;
    int port, connect_timeout_ms, timeout_ms;
    bool tls, tls_verify, method_file;
    enum { RD_SNAPSHOT_AUTO, RD_SNAPSHOT_DISK, RD_SNAPSHOT_DISKLESS } snapshot;
    enum rd_conflict on_conflict;

    char place[320]; /* "db1:6379" or "socket /run/redis.sock", for messages */
    char target[360];

    struct rd_backup *backup;   /* from prepare to end */
    struct rd_restore *restore; /* from restore_prepare to restore_end */
    struct throwaway scratch;   /* the throw-away server that scratch_start started */
};

/* Records "cannot DOING: out of memory" with the host; returns HANGAR_NO_MEMORY. */
static inline enum hangar_rc rd_no_memory(const struct redis *redis, const char *doing)
{
    return failure_raise_no_memory(redis->host, redis->ctx, "%s", doing);
}

#endif
