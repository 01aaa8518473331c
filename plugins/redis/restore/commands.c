/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * commands: see commands.h.
 */
#include "restore/commands.h"

#include <string.h>

enum hangar_rc redis_restore_commands(void *inst, const struct hangar_attrs *facts,
                                      const struct hangar_object_info *objects, size_t object_count,
                                      struct hangar_text *out)
{
    const struct redis *redis = inst;
    const struct hangar_host *host = redis->host;
    const char *version = host->attr_get(facts, "server_version");
    for (size_t i = 0; i < object_count; i++) {
        const int digits = version ? (int)strspn(version, "0123456789.") : 0;
        host->text(out, "# Redis %.*s or newer; REDIS_DIR is an empty folder for its data\n",
                   digits ? digits : 19, digits ? version : "of the same version");
        host->text(out, "REDIS_DIR=${REDIS_DIR:-./redis-data}\n");
        host->text(out, "mkdir -p -m 700 \"$REDIS_DIR\"\n");
        host->text(out, "%s > \"$REDIS_DIR/dump.rdb\"\n", objects[i].decode);
        host->text(out, "redis-check-rdb \"$REDIS_DIR/dump.rdb\"\n");
        host->text(
            out, "# appendonly must be off: otherwise Redis reads the append-only file instead of\n"
                 "# the RDB, and starts empty.  Add your own options (password, ...).\n");
        host->text(out, "redis-server --dir \"$REDIS_DIR\" --dbfilename dump.rdb --appendonly no "
                        "--port \"${REDIS_PORT:-6379}\" --daemonize yes\n");
        host->text(out, "# when it runs, and only if you want an append-only file:\n"
                        "#   redis-cli CONFIG SET appendonly yes\n"
                        "# For a system service instead: stop it, put dump.rdb into its folder\n"
                        "# (redis-cli CONFIG GET dir), chown redis:redis, set appendonly no, "
                        "start it.\n");
    }
    return HANGAR_OK;
}
