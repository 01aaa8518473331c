/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * advice: what an operator can do about a connection that failed.  It names ways that are open
 * on this machine only: a socket that exists, a user of the system that exists, an option that is
 * not set yet.
 */
#ifndef PG_SERVER_INSTANCE_ADVICE_H
#define PG_SERVER_INSTANCE_ADVICE_H

#include <libpq-fe.h>
#include "server/instance/error.h"
#include "server/instance/instance.h"

/* Adds a hint to `err`, the failure of `pq` to connect; nothing when there is no hint for it. */
void pg_advise(const struct pg_source *src, PGconn *pq, struct pg_error *err);

#endif
