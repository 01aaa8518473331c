/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * clean: see clean.h.  This file prepares and plans a clean restore; precheck.c refuses, load.c
 * loads, swap.c swaps.
 */
#include "clean/clean.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "backup/check.h"
#include "clean/state.h"

#define CLIENTS_SHOWN 5
#define WATCH_MOST ((uint64_t)4 << 20) /* bytes loaded between two checks of the memory */

static enum hangar_rc refuse_conflict_option(const struct rd_clean_restore *clean)
{
    const struct redis *redis = clean->redis;
    if (redis->on_conflict == RD_FAIL) {
        return HANGAR_OK;
    }
    return redis->host->fail(redis->ctx, HANGAR_CONFIG, 0,
                             "cannot use --mode clean with on_conflict: --mode clean replaces all "
                             "data of redis at %s; hint: use only one of the two (--set "
                             "%s.on_conflict=fail)",
                             redis->place, redis->host->instance_name(redis->ctx));
}

static struct rd_clean_restore *new_clean(struct redis *redis, const struct hangar_restore *how,
                                          const struct rd_content *content,
                                          const struct rd_server *server)
{
    struct rd_clean_restore *clean = calloc(1, sizeof(*clean));
    if (!clean) {
        return NULL;
    }
    clean->redis = redis;
    clean->how = how;
    memcpy(clean->run_id, server->run_id, sizeof(clean->run_id));
    clean->has_functions = server->version_number >= 70000;
    clean->memory_most = server->memory_most;
    clean->watch_each =
        server->memory_most / 256 < WATCH_MOST ? server->memory_most / 256 : WATCH_MOST;
    rd_value_init(&clean->functions, redis);
    clean->content = *content;
    return clean;
}

enum hangar_rc rd_clean_prepare(struct rd_client *loader, const struct hangar_restore *how,
                                const struct rd_content *content, const struct rd_server *server,
                                struct rd_clean_restore **out)
{
    struct rd_clean_restore *clean = new_clean(loader->redis, how, content, server);
    if (!clean) {
        return rd_no_memory(loader->redis, "prepare the restore");
    }
    *out = clean;
    enum hangar_rc rc = refuse_conflict_option(clean);
    if (rc == HANGAR_OK) {
        rc = rd_spares_open(&clean->spares, loader);
    }
    if (rc == HANGAR_OK) {
        rc = rd_clean_refuse_rights(clean, server);
    }
    if (rc == HANGAR_OK && how->flags & HANGAR_RESTORE_COMPARE) {
        rc = rd_check_rights(&clean->spares.control);
    }
    if (rc == HANGAR_OK) {
        rc = rd_clean_find_leftovers(clean, server, false);
    }
    if (rc == HANGAR_OK) {
        rc = rd_clean_refuse_few_databases(clean, server);
    }
    if (rc == HANGAR_OK) {
        rc = rd_clean_refuse_memory(clean, server);
    }
    if (rc == HANGAR_OK && how->target_empty) {
        *how->target_empty = server->keys == 0 && server->libraries == 0;
    }
    return rc;
}

/* ---- the plan ---- */

static void plan_clients(const struct rd_clean_restore *clean, struct hangar_text *plan)
{
    const struct hangar_host *host = clean->redis->host;
    struct rd_listed_client listed;
    size_t count = 0;
    for (const char *at = NULL; rd_spares_next_client(&clean->spares, &at, &listed); count++) {
        continue;
    }
    if (count == 0) {
        return;
    }
    host->text(plan, "%zu clients are connected and stay connected:", count);
    size_t shown = 0;
    for (const char *at = NULL;
         shown < CLIENTS_SHOWN && rd_spares_next_client(&clean->spares, &at, &listed); shown++) {
        const char *quote = listed.name[0] != '\0' ? "\"" : "";
        host->text(plan, "%s %s%s%s%s%s (database %" PRIu64 ")", shown > 0 ? "," : "",
                   listed.address, listed.name[0] != '\0' ? " " : "", quote, listed.name, quote,
                   listed.db);
    }
    if (count > shown) {
        host->text(plan, " and %zu more", count - shown);
    }
    host->text(plan, "; hint: stop the clients that write: the swap deletes what they write until "
                     "then\n");
}

void rd_clean_plan(const struct rd_clean_restore *clean, const struct rd_server *server,
                   struct hangar_text *plan)
{
    const struct redis *redis = clean->redis;
    const struct hangar_host *host = redis->host;
    if (clean->leftovers > 0) {
        host->text(plan,
                   "empty %" PRIu64 " databases of redis at %s that hold leftovers of a dead "
                   "restore\n",
                   clean->leftovers, redis->place);
    }
    host->text(plan,
               "load %" PRIu64 " keys and %" PRIu64 " libraries of functions beside the data of "
               "redis %s at %s, into %" PRIu64 " of its empty databases\n",
               clean->content.keys, clean->content.functions, server->version, redis->place,
               rd_clean_dbs_needed(clean));
    if (clean->how->flags & HANGAR_RESTORE_COMPARE) {
        host->text(plan, "read them back and compare them\n");
    }
    host->text(plan,
               "swap them in with one transaction, which deletes all %" PRIu64 " keys and %" PRIu64
               " libraries of functions of the server, and all that is written until then\n",
               server->keys, server->libraries);
    plan_clients(clean, plan);
}

/* ---- begin and end ---- */

enum hangar_rc rd_clean_begin(struct rd_clean_restore *clean)
{
    struct rd_server server = {.known = false};
    enum hangar_rc rc = rd_ask_server(&clean->spares.control, &server);
    if (rc == HANGAR_OK) {
        rc = rd_clean_find_leftovers(clean, &server, true);
    }
    rd_server_fini(&server);
    return rc;
}

bool rd_clean_origin(const struct rd_clean_restore *clean, uint64_t spare, uint64_t *db)
{
    return rd_spares_origin(&clean->spares, spare, db);
}

void rd_clean_drop(struct rd_clean_restore *clean)
{
    if (!clean) {
        return;
    }
    rd_spares_release(&clean->spares);
    rd_spares_fini(&clean->spares);
    rd_value_fini(&clean->functions);
    free(clean->others);
    free(clean);
}
