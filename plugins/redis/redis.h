/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * redis.h: the instance, its options, and the three jobs it can be in the midst
 * of.  One job at a time (HANGAR_SERIAL_INSTANCE); `cancel` alone comes from
 * elsewhere and touches cancel_fd only.
 */
#ifndef RD_REDIS_H
#define RD_REDIS_H

#include <stdbool.h>
#include <stdint.h>
#include <hangar/plugin.h>
#include "throwaway.h"

#define RD_OBJECT "dump.rdb"

enum rd_conflict { RD_FAIL, RD_REPLACE, RD_SKIP_EXISTING, RD_FLUSH };

struct redis {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    int cancel_fd; /* readable once cancelled, for ever */

    /* the options; strings are the host's */
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
    struct throwaway scratch;   /* a server that scratch_start started */
};

static inline enum hangar_rc rd_no_memory(const struct redis *redis, const char *doing)
{
    return redis->host->fail(redis->ctx, HANGAR_NO_MEMORY, 0, "cannot %s: out of memory", doing);
}

/* backup.c */
enum hangar_rc redis_check(void *inst, struct hangar_attrs *facts);
enum hangar_rc redis_prepare(void *inst);
/* compare.c wants no point: NULL */
enum hangar_rc redis_begin(void *inst, int64_t *time_ms, struct hangar_attrs *point);
enum hangar_rc redis_next(void *inst, struct hangar_object_info *info, struct hangar_object **out);
enum hangar_rc redis_read(struct hangar_object *object, void *buffer, size_t size, size_t *got);
enum hangar_rc redis_close(struct hangar_object *object, struct hangar_attrs *attrs);
enum hangar_rc redis_end(void *inst, struct hangar_attrs *facts);

/* restore.c */
enum hangar_rc redis_restore_prepare(void *inst, const struct hangar_restore *how);
enum hangar_rc redis_restore_open(void *inst, const struct hangar_object_info *info,
                                  struct hangar_object **out);
enum hangar_rc redis_restore_write(struct hangar_object *object, const void *data, size_t size);
enum hangar_rc redis_restore_close(struct hangar_object *object, int complete);
enum hangar_rc redis_restore_phase_end(void *inst, uint32_t phase);
enum hangar_rc redis_restore_end(void *inst, struct hangar_attrs *report);

/* commands.c */
enum hangar_rc redis_restore_commands(void *inst, const struct hangar_attrs *facts,
                                      const struct hangar_object_info *objects, size_t object_count,
                                      struct hangar_text *out);

/* scratch.c */
enum hangar_rc redis_scratch_start(void *inst, const char *dir, const struct hangar_attrs *facts,
                                   struct hangar_attrs *overrides);
void redis_scratch_stop(void *inst);

/* compare.c */
enum hangar_rc redis_inspect(void *inst, struct hangar_attrs *facts);

#endif
