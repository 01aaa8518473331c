/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tools: PostgreSQL's own client tools.  They get the connection by environment, so that no
 * argument has to be quoted, and the password by a file that only this user can read.
 */
#include "server/programs/tools.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clock.h"
#include "server/programs/bin_dirs.h"
#include "server/programs/child.h"
#include "server/instance/error.h"
#include "server/instance/instance.h"
#include "server/connection/startup.h"
#include "text.h"

#define VERSION_WAIT_MS 10000
#define LEAST_MAJOR 10 /* of all that this plugin works with */

/* ---- environment ------------------------------------------------------------- */

static void add_passfile_field(struct text *text, const char *value)
{
    for (const char *c = value; *c; c++) {
        text_addf(text, "%s%c", *c == ':' || *c == '\\' ? "\\" : "", *c);
    }
}

/* Writes the password to a file that libpq reads. */
static enum hangar_rc write_passfile(struct pg_source *src)
{
    const char *dir;
    enum hangar_rc rc = src->host->temp_dir(src->ctx, 64 * 1024, &dir);
    if (rc != HANGAR_OK) {
        return rc;
    }
    struct text line = {0};
    text_add(&line, "*:*:*:*:");
    add_passfile_field(&line, src->opt.password);
    text_add(&line, "\n");
    char *path = pg_format("%s/passfile", dir);
    int fd = -1;
    if (line.failed || !path) {
        rc = pg_no_memory(src);
        goto out;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line.data, line.size) != (ssize_t)line.size) {
        rc = src->host->fail(src->ctx, HANGAR_IO, errno, "cannot write %s", path);
        goto out;
    }
    src->passfile = path;
    path = NULL;
out:
    if (fd >= 0) {
        close(fd);
    }
    free(path);
    if (line.data) {
        explicit_bzero(line.data, line.size);
    }
    text_free(&line);
    return rc;
}

static bool env_is(const char *entry, const char *name)
{
    size_t n = strlen(name);
    return strncmp(entry, name, n) == 0 && entry[n] == '=';
}

/* The environment of this process, and the connection. */
static void build_env(struct pg_source *src, const char *options, const char *database,
                      struct pg_args *env)
{
    const struct pg_options *opt = &src->opt;
    const char *passfile = src->passfile ? src->passfile : opt->passfile;
    char timeout[24];
    snprintf(timeout, sizeof(timeout), "%lld", (long long)((opt->connect_timeout_ms + 999) / 1000));
    const struct {
        const char *name, *value; /* NULL: unchanged */
        bool drop;                /* without a value: removed */
    } set[] = {
        {"PGHOST", opt->host, false},
        {"PGPORT", opt->port, false},
        {"PGUSER", opt->user, false},
        {"PGDATABASE", database, true},
        {"PGPASSFILE", passfile, false},
        {"PGPASSWORD", NULL, passfile != NULL},
        {"PGSSLMODE", opt->sslmode, false},
        {"PGSSLROOTCERT", opt->sslrootcert, false},
        {"PGSSLCERT", opt->sslcert, false},
        {"PGSSLKEY", opt->sslkey, false},
        {"PGCONNECT_TIMEOUT", timeout, false},
        {"PGAPPNAME", "hangar", false},
        {"PGCLIENTENCODING", NULL, true},
        /* a service would override all of the above */
        {"PGSERVICE", NULL, true},
        /* messages in English: some are examined here */
        {"LC_ALL", "C", false},
        {"PGOPTIONS", options, false},
    };
    size_t count = sizeof(set) / sizeof(set[0]);
    for (char **e = environ; *e; e++) {
        bool replaced = false;
        for (size_t i = 0; i < count; i++) {
            replaced |= (set[i].value || set[i].drop) && env_is(*e, set[i].name);
        }
        if (!replaced) {
            pg_arg(env, "%s", *e);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (set[i].value) {
            pg_arg(env, "%s=%s", set[i].name, set[i].value);
        }
    }
}

enum hangar_rc pg_spawn(struct pg_source *src, const char *tool, const char *database,
                        struct pg_args *args, bool output, struct pg_child **out)
{
    if (src->opt.password && !src->passfile) {
        enum hangar_rc rc = write_passfile(src);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    struct pg_args env = {0};
    /* the materialized views of a restore read tables through views */
    char *options = pg_startup_options(strcmp(tool, "pg_restore") == 0 ? PG_SESSION_LOADS
                                       : src->restricts                ? PG_SESSION_READS
                                                                       : PG_SESSION_PLAIN,
                                       atomic_load(&src->server_version));
    if (options) {
        build_env(src, options, database, &env);
    }
    char *path = pg_format("%s/%s", src->tools.dir, tool);
    if (!options || env.failed || args->failed || !path) {
        free(options);
        free(path);
        pg_args_free(&env);
        return pg_no_memory(src);
    }
    free(options);
    /* pg_dumpall searches for pg_dump in the folder of the path that it is called by */
    free(args->items[0]);
    args->items[0] = path;
    enum hangar_rc rc = pg_child_start(src, path, tool, args->items, env.items, output, out);
    pg_args_free(&env);
    return rc;
}

/* ---- finding ----------------------------------------------------------------- */

/* Asks `dir`/pg_dump for its version.  False when tools are missing there, or too old. */
static bool probe_tools(struct pg_source *src, const char *dir, struct pg_tools *found)
{
    static const char *const needed[] = {"pg_dump", "pg_dumpall", "pg_restore", NULL};
    if (!pg_has_programs(dir, needed)) {
        return false;
    }
    char path[1200];
    snprintf(path, sizeof(path), "%s/pg_dump", dir);
    char *argv[] = {path, (char *)"--version", NULL};
    struct pg_child *child = NULL;
    if (pg_child_start(src, path, "pg_dump", argv, environ, true, &child) != HANGAR_OK) {
        return false;
    }
    char text[128];
    size_t len = 0, got = 1;
    enum hangar_rc rc = HANGAR_OK;
    int64_t deadline_ms = clock_monotonic_ms() + VERSION_WAIT_MS;
    while (rc == HANGAR_OK && got && len < sizeof(text) - 1) {
        rc = pg_child_read(child, deadline_ms, text + len, sizeof(text) - 1 - len, &got);
        len += rc == HANGAR_OK ? got : 0;
    }
    text[len] = '\0';
    pg_child_free(child);
    const char *number = strstr(text, ") ");
    if (rc != HANGAR_OK || got || !number || sscanf(number + 2, "%63[^ \n]", found->version) != 1) {
        return false;
    }
    found->major = atoi(found->version);
    snprintf(found->dir, sizeof(found->dir), "%s", dir);
    return found->major >= LEAST_MAJOR;
}

struct pg_tools_search {
    struct pg_source *src;
    int least_major;
    struct pg_tools best; /* major 0: none is new enough */
    int newest;           /* of all that were found; 0: none */
};

/* The best tools are new enough and the nearest to the version asked for, as newer tools
 * write statements that older servers do not understand. */
static bool examine_tools(void *arg, const char *dir, bool packaged)
{
    struct pg_tools_search *search = arg;
    struct pg_tools found = {0};
    (void)packaged;
    if (probe_tools(search->src, dir, &found)) {
        search->newest = found.major > search->newest ? found.major : search->newest;
        if (found.major >= search->least_major &&
            (!search->best.major || found.major < search->best.major)) {
            search->best = found;
        }
    }
    return search->best.major != 0;
}

/* Debian and Red Hat have few versions each; the project's own repositories have all of them. */
#define INSTALL_HINT                                                                               \
    "hint: install postgresql-client-%d (where the system has none, from apt.postgresql.org or "   \
    "yum.postgresql.org), or set bin_dir to the folder of such tools"

enum hangar_rc pg_find_tools(struct pg_source *src, int least_major, const char *needer)
{
    struct pg_tools_search search = {.src = src, .least_major = least_major};
    pg_each_bin_dir(src, examine_tools, &search);
    if (search.best.major) {
        src->tools = search.best;
        return HANGAR_OK;
    }
    if (pg_cancelled(src)) {
        return pg_raise_cancelled(src);
    }
    if (search.newest) {
        return src->host->fail(src->ctx, HANGAR_UNSUPPORTED, 0,
                               "cannot use the PostgreSQL client tools in %s: the newest has "
                               "version %d, but %s needs %d or newer; " INSTALL_HINT,
                               pg_bin_dirs_text(src), search.newest, needer, least_major,
                               least_major);
    }
    return src->host->fail(src->ctx, HANGAR_NOT_FOUND, 0,
                           "cannot find pg_dump, pg_dumpall and pg_restore in %s; " INSTALL_HINT,
                           pg_bin_dirs_text(src), least_major);
}
