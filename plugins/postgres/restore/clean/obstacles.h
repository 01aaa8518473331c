/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * obstacles: what prevents that a database is replaced: sessions, replication slots,
 * subscriptions, prepared transactions.
 */
#ifndef PG_RESTORE_CLEAN_OBSTACLES_H
#define PG_RESTORE_CLEAN_OBSTACLES_H

#include "restore/target/target.h"

/* A FROM clause: the sessions `a` that RENAME would wait for.  A role that may not see
 * other sessions sees no backend_type; a worker of autovacuum, which gives way, then has
 * no user either. */
#define PG_FROM_SESSIONS                                                                           \
    " FROM pg_catalog.pg_stat_activity a WHERE a.pid <> pg_catalog.pg_backend_pid()"               \
    " AND CASE WHEN a.backend_type IS NULL THEN a.usesysid IS NOT NULL"                            \
    " ELSE a.backend_type NOT IN ('autovacuum worker', 'parallel worker') END"

/* The sessions that are connected to the database with this oid: how many, a text of the
 * first few, and how many of them this role may not end. */
enum hangar_rc pg_list_sessions(struct pg_conn *conn, const char *oid, struct text *who,
                                unsigned long *count, unsigned long *protected_count);

/* Waits until no session is connected; HANGAR_EXISTS, reported to the host, when one still
 * is after timeout_ms. */
enum hangar_rc pg_await_disconnect(struct pg_target *target, struct pg_conn *conn,
                                   int64_t timeout_ms);

/* HANGAR_EXISTS, reported to the host, when there is any other obstacle. */
enum hangar_rc pg_clean_obstacles(struct pg_target *target, struct pg_conn *conn);

#endif
