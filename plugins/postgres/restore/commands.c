/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * commands: how a person restores a backup with psql and pg_restore alone.
 */
#include "restore/commands.h"

#include <stdlib.h>
#include <string.h>
#include "restore/rows/last_rows.h"
#include "server/instance/error.h"
#include "server/sql/quote.h"

struct commands {
    struct pg_source *src;
    const struct hangar_object_info *objects;
    size_t count;
    struct hangar_text *out;
};

static const struct hangar_object_info *find_backup_object(const struct commands *commands,
                                                           const char *folder, size_t folder_len,
                                                           const char *file)
{
    for (size_t i = 0; i < commands->count; i++) {
        const char *name = commands->objects[i].name;
        if (strncmp(name, folder, folder_len) == 0 && strcmp(name + folder_len, file) == 0) {
            return &commands->objects[i];
        }
    }
    return NULL;
}

static void write_globals_command(const struct commands *commands)
{
    const struct hangar_object_info *globals = find_backup_object(commands, "", 0, "globals.sql");
    if (!globals) {
        return;
    }
    commands->src->host->text(
        commands->out,
        "# Roles and tablespaces.  For a role that exists, psql reports an error, and then sets\n"
        "# the attributes and the password of the backup: omit this line when the roles are in\n"
        "# order.\n"
        "%s | psql -X -q -d postgres\n",
        globals->decode);
}

/* Rows are in phases: those of a later one may need those of an earlier one. */
static void write_rows_commands(const struct commands *commands,
                                const struct hangar_object_info *schema, size_t folder_len,
                                const char *connect)
{
    const struct hangar_host *host = commands->src->host;
    uint32_t phase = 0;
    size_t in_turn = 0;
    for (size_t i = 0; i < commands->count; i++) {
        const struct hangar_object_info *object = &commands->objects[i];
        if (object->phase < 2 || strncmp(object->name, schema->name, folder_len + 1) != 0) {
            continue;
        }
        if (pg_is_of_last_rows(commands->src, object)) {
            host->text(
                commands->out,
                "%srows_%zu() { %s | load -X -q -o /dev/null -v ON_ERROR_STOP=1 -1 -d %s; }\n",
                in_turn ? "" : "# Rows that may need each other.\n", in_turn + 1, object->decode,
                connect);
            in_turn++;
            continue;
        }
        if (object->phase != phase) {
            host->text(commands->out, "# Rows%s; these commands may run at the same time.\n",
                       phase ? ", which need those above" : "");
        }
        phase = object->phase;
        host->text(commands->out, "%s | load -X -q -o /dev/null -v ON_ERROR_STOP=1 -1 -d %s\n",
                   object->decode, connect);
    }
    if (in_turn) {
        host->text(commands->out, "in_turn %zu\n", in_turn);
    }
}

/* Writes the commands for one database; `connect` is its name as an argument for the shell.
 * pg_restore reads only as far as it needs.  In a pipe, that would end the decoder with
 * SIGPIPE, and the script with it. */
static void write_database_commands(const struct commands *commands,
                                    const struct hangar_object_info *schema, size_t folder_len,
                                    const char *connect)
{
    const struct hangar_host *host = commands->src->host;
    const struct hangar_object_info *large =
        find_backup_object(commands, schema->name, folder_len, "/large_objects.dump");
    host->text(
        commands->out,
        "# The database, with its properties and definitions; it must not exist yet.  To use\n"
        "# another name, create a database of that name, omit -C, and replace the name here and\n"
        "# below.\n"
        "restore --section=pre-data -C -d postgres < <(%s)\n"
        "# Large objects, sequences, the configuration of extensions.\n"
        "restore --section=data -d %s < <(%s)\n",
        schema->decode, connect, schema->decode);
    if (large) {
        host->text(commands->out, "restore --section=data -d %s < <(%s)\n", connect, large->decode);
    }
    write_rows_commands(commands, schema, folder_len, connect);
    host->text(commands->out,
               "# Indexes, constraints, triggers.\n"
               "restore --section=post-data -d %s < <(%s)\n"
               "psql -X -q -d %s -c ANALYZE\n",
               connect, schema->decode, connect);
}

/* The name for -d: as it is, or as a connection string where psql would misread it. */
static char *connect_argument(const char *database)
{
    struct text plain = {0}, quoted = {0};
    if (strspn(database, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
        strlen(database)) {
        text_add(&plain, database);
    } else {
        pg_add_conninfo(&plain, database);
    }
    pg_add_shell(&quoted, text_str(&plain));
    if (plain.failed || quoted.failed) {
        text_free(&quoted);
    }
    text_free(&plain);
    return quoted.data;
}

static const char restore_function[] =
    "# pg_restore.  Version 17 switches off a limit of time that servers up to 16 do not have:\n"
    "# there, this error does not count, and any other one does.\n"
    "stop=--exit-on-error\n"
    "psql -X -q -d postgres -c 'SET transaction_timeout = 0' 2>/dev/null || stop=\n"
    "restore() {\n"
    "    [ -z \"$stop\" ] || { pg_restore $stop \"$@\"; return; }\n"
    "    said=$(LC_ALL=C pg_restore \"$@\" 2>&1) && return\n"
    "    printf '%s\\n' \"$said\" | awk '\n"
    "        /^$/ { next }\n"
    "        held && /^Command was: SET [a-z_]*_timeout = 0;$/ { held = \"\"; next }\n"
    "        held { print held; held = \"\"; bad = 1 }\n"
    "        { last = $0 }\n"
    "        /^pg_restore: warning: errors ignored on restore: / { next }\n"
    "        /^pg_restore: error: could not execute query: .*_timeout/ { held = $0; next }\n"
    "        /^pg_restore: error: / || /^Command was: / { bad = 1 }\n"
    "        { print }\n"
    "        END { if (held) { print held }\n"
    "              exit bad || held || last !~ /: errors ignored/ }' >&2\n"
    "}\n";

enum hangar_rc pg_restore_commands(void *inst, const struct hangar_attrs *facts,
                                   const struct hangar_object_info *objects, size_t object_count,
                                   struct hangar_text *out)
{
    struct pg_source *src = inst;
    const struct hangar_host *host = src->host;
    struct commands commands = {src, objects, object_count, out};
    const char *client = host->attr_get(facts, "client_version");
    host->text(
        out,
        "# PostgreSQL: needs psql and pg_restore of version %d or newer.  First set the address\n"
        "# of the server in the environment: PGHOST, PGPORT, PGUSER, and PGPASSWORD or\n"
        "# ~/.pgpass.\n"
        "set -e -o pipefail\n"
        "# What the settings of a database must not change.\n"
        "export PGOPTIONS=\"${PGOPTIONS-} -c statement_timeout=0 -c lock_timeout=0\n"
        "    -c array_nulls=on -c default_transaction_read_only=off\"\n"
        "# psql that refuses commands within the rows, where it can (versions of August 2025).\n"
        "load() {\n"
        "    if psql --help=commands | grep '^ *.restrict ' >/dev/null; then\n"
        "        key=$(od -A n -N 16 -t x1 /dev/urandom | tr -d ' \\n')\n"
        "        { printf '\\\\restrict %%s\\n' \"$key\" && cat &&\n"
        "            printf '\\\\unrestrict %%s\\n' \"$key\"; } | psql \"$@\"\n"
        "    else\n"
        "        psql \"$@\"\n"
        "    fi\n"
        "}\n"
        "# Runs rows_1, rows_2, ..., and those that fail again after the others.\n"
        "in_turn() {\n"
        "    left=$(seq -s ' ' \"$1\") before=\n"
        "    while [ -n \"$left\" ]; do\n"
        "        [ \"$left\" != \"$before\" ] || return 1\n"
        "        before=$left left=\n"
        "        for one in $before; do \"rows_$one\" || left=\"$left${left:+ }$one\"; done\n"
        "    done\n"
        "}\n",
        client ? atoi(client) : 10);
    host->text(out, "%s", restore_function);
    write_globals_command(&commands);
    for (size_t i = 0; i < object_count; i++) {
        const char *slash = strchr(objects[i].name, '/');
        if (!slash || strcmp(slash, "/schema.dump") != 0) {
            continue;
        }
        const char *database =
            objects[i].attrs ? host->attr_get(objects[i].attrs, "database") : NULL;
        if (!database) {
            database = src->database_count ? src->databases[0] : src->opt.maintenance_db;
        }
        char *connect = connect_argument(database);
        if (!connect) {
            return pg_no_memory(src);
        }
        write_database_commands(&commands, &objects[i], (size_t)(slash - objects[i].name), connect);
        free(connect);
    }
    return HANGAR_OK;
}
