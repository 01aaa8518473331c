/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * versions: the versions of a restore: that of the server of the backup, of the tools that made
 * it, of the server that takes it, and of the tools here.  It changes nothing.
 */
#include "restore/target/versions.h"

#include <stdlib.h>
#include "restore/target/restore_state.h"
#include "server/programs/tools.h"

static int major_fact(const struct pg_source *src, const char *name, int divisor)
{
    const char *value = src->host->attr_get(src->restore->how->facts, name);
    return value ? atoi(value) / divisor : 0;
}

/* "15.6", or the major version alone where only that is known. */
static const char *backup_version(const struct pg_source *src)
{
    const char *text = src->host->attr_get(src->restore->how->facts, "server_version");
    return text ? text : "an unknown version";
}

enum hangar_rc pg_refuse_older_server(struct pg_source *src)
{
    int from = major_fact(src, "server_version_num", 10000);
    int least = major_fact(src, "least_server", 1);
    int into = src->restore->server_version / 10000;
    if (from <= into && least <= into) {
        return HANGAR_OK;
    }
    if (src->opt.try_older_server) {
        src->host->log(src->ctx, HANGAR_LOG_WARN,
                       "the backup is of PostgreSQL %s, and %s runs PostgreSQL %d: the restore "
                       "stops at the first statement that this server does not support",
                       backup_version(src), pg_where(src), into);
        return HANGAR_OK;
    }
    if (from <= into) {
        return src->host->fail(
            src->ctx, HANGAR_UNSUPPORTED, 0,
            "cannot restore on %s: it runs PostgreSQL %d, and pg_dump %s wrote the backup so that "
            "it needs PostgreSQL %d, for its subscriptions; hint: restore into PostgreSQL %d or "
            "newer, or back up with client tools of version %d",
            pg_where(src), into, src->host->attr_get(src->restore->how->facts, "client_version"),
            least, least, from);
    }
    return src->host->fail(
        src->ctx, HANGAR_UNSUPPORTED, 0,
        "cannot restore on %s: it runs PostgreSQL %d, which is older than that of the backup (%s) "
        "and may not support it; hint: restore into PostgreSQL %d or newer, or set "
        "older_server to try",
        pg_where(src), into, backup_version(src), from);
}

enum hangar_rc pg_find_restore_tools(struct pg_source *src)
{
    int archive = major_fact(src, "client_version", 1);
    int server = src->restore->server_version / 10000;
    return archive > server ? pg_find_tools(src, archive, "the archive of the backup")
                            : pg_find_tools(src, server, "the server");
}

void pg_plan_versions(struct pg_source *src)
{
    struct hangar_text *plan = src->restore->how->plan;
    src->host->text(plan, "versions: from PostgreSQL %s into PostgreSQL %d\n", backup_version(src),
                    src->restore->server_version / 10000);
    src->host->text(plan, "tools: PostgreSQL %s in %s\n", src->tools.version, src->tools.dir);
}
