/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * startup: the options of a new session.
 *
 * The owner of a database chooses with ALTER DATABASE ... SET what a session in it begins with.
 * With a search_path of their own, count(*) or = can be a function of theirs, which then runs
 * with the rights of this session.  What libpq sends at the start overrides these settings before
 * the first statement runs.  It does not depend on backups and restores.
 */
#include "server/connection/startup.h"

#include <stdlib.h>
#include "server/instance/args.h"

/* What decides which code a statement runs, and what it means.  PGOPTIONS of the user may choose
 * another role, and nothing else of these. */
static const char before_user[] = "-c role=none";
static const char after_user[] = "-c search_path="
                                 " -c standard_conforming_strings=on"
                                 " -c local_preload_libraries="
                                 " -c row_security=off"
                                 " -c default_transaction_read_only=off"
                                 " -c default_transaction_isolation=read\\ committed"
                                 " -c default_transaction_deferrable=off"
                                 " -c statement_timeout=0"
                                 " -c lock_timeout=0"
                                 " -c idle_in_transaction_session_timeout=0"
                                 " -c array_nulls=on";

/* Of sessions that load nothing: what the functions of a database compute while it is loaded
 * depends on these, and there its own ones are right. */
static const char unless_loading[] = " -c transform_null_equals=off"
                                     " -c quote_all_identifiers=off"
                                     " -c DateStyle=ISO,MDY"
                                     " -c IntervalStyle=postgres";

char *pg_startup_options(enum pg_session session, int version)
{
    const char *user = getenv("PGOPTIONS");
    static const char *const more[] = {
        [PG_SESSION_PLAIN] = "",
        [PG_SESSION_READS] = " -c " PG_RESTRICT_SETTING "=" PG_RESTRICT_VALUE,
        /* a restore is flushed once, at its end */
        [PG_SESSION_LOADS] = " -c synchronous_commit=off",
    };
    return pg_format("%s %s %s%s%s%s%s", before_user, user ? user : "", after_user,
                     version >= 140000 ? " -c idle_session_timeout=0" : "",
                     version >= 170000 ? " -c transaction_timeout=0" : "",
                     session == PG_SESSION_LOADS ? "" : unless_loading, more[session]);
}

const char *pg_startup_limits(int version)
{
    return version >= 170000   ? "SELECT pg_catalog.set_config('idle_session_timeout', '0', false),"
                                 " pg_catalog.set_config('transaction_timeout', '0', false)"
           : version >= 140000 ? "SELECT pg_catalog.set_config('idle_session_timeout', '0', false)"
                               : NULL;
}
