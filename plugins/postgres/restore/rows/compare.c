/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * compare: reads every restored table, and compares its rows and digest with tables.jsonl. One
 * thread serves several sessions, because the server does the work.
 */
#include "restore/rows/compare.h"

#include <poll.h>
#include <stdlib.h>
#include "clock.h"
#include "restore/roles/rows_role.h"
#include "restore/rows/tables_in.h"
#include "server/connection/connection.h"
#include "server/connection/copy.h"
#include "server/instance/error.h"
#include "server/instance/instance.h"
#include "server/sql/rows_format.h"
#include "server/connection/settings.h"

/* A session that reads one table at a time. */
struct pg_table_probe {
    struct pg_conn *conn;
    bool reading;              /* a COPY was sent, and its end has not arrived */
    struct pg_table_line line; /* of the table being read; its text columns is empty */
    uint64_t rows;
    struct pg_digest digest, computed_digest;
    uint32_t computed; /* generated columns at the end of each row */
};

struct pg_comparison {
    struct pg_target *target;
    struct pg_table_probe *probes;
    size_t count;
    uint64_t done;
    int64_t reported_ms;
};

static enum hangar_rc raise_compare_error(struct pg_comparison *compare,
                                          struct pg_table_probe *probe)
{
    return pg_raise(compare->target->src, &probe->conn->err,
                    "cannot read back table %s of database %s", text_str(&probe->line.table),
                    compare->target->name);
}

/* Reads the rows that have arrived; probe->reading becomes false at the end of the table. */
static enum hangar_rc advance_probe(struct pg_comparison *compare, struct pg_table_probe *probe)
{
    PGconn *pq = probe->conn->pq;
    if (pg_consume(probe->conn) != HANGAR_OK) {
        return raise_compare_error(compare, probe);
    }
    char *row;
    int n;
    while (!PQisBusy(pq)) {
        while ((n = PQgetCopyData(pq, &row, 1)) > 0) {
            pg_digest_row(&probe->digest, row, pg_cut_columns(row, (size_t)n - 1, probe->computed));
            if (probe->computed) {
                pg_digest_row(&probe->computed_digest, row, (size_t)n - 1);
            }
            probe->rows++;
            PQfreemem(row);
        }
        if (n == 0) {
            return HANGAR_OK;
        }
        /* before the first row, after the last one, or an error: the result shows which */
        PGresult *res = PQgetResult(pq);
        ExecStatusType status = res ? PQresultStatus(res) : PGRES_COMMAND_OK;
        if (status != PGRES_COPY_OUT && status != PGRES_COMMAND_OK) {
            char line[400];
            pg_one_line(PQresultErrorMessage(res), line, sizeof(line));
            pg_set_error(&probe->conn->err, HANGAR_IO, NULL, "%s", line);
            PQclear(res);
            return raise_compare_error(compare, probe);
        }
        PQclear(res);
        if (res) {
            continue;
        }
        probe->reading = probe->conn->busy = false;
        compare->done++;
        enum hangar_rc rc =
            pg_table_verify(compare->target, &probe->line, probe->rows, &probe->digest);
        if (rc == HANGAR_OK && probe->computed) {
            rc = pg_table_verify_computed(compare->target, &probe->line, &probe->computed_digest);
            compare->target->compared_generated++;
        }
        if (rc != HANGAR_OK) {
            return rc;
        }
        compare->target->compared_tables++;
        compare->target->compared_rows += probe->rows;
        return HANGAR_OK;
    }
    return HANGAR_OK;
}

/* Waits until any session has rows, and reads them. */
static enum hangar_rc advance_all_probes(struct pg_comparison *compare)
{
    struct pg_source *src = compare->target->src;
    struct pollfd fds[33];
    for (size_t i = 0; i < compare->count; i++) {
        const struct pg_table_probe *probe = &compare->probes[i];
        bool unsent = probe->reading && PQflush(probe->conn->pq) > 0;
        fds[i] = (struct pollfd){.fd = probe->reading ? PQsocket(probe->conn->pq) : -1,
                                 .events = (short)(unsent ? POLLIN | POLLOUT : POLLIN)};
    }
    fds[compare->count] = (struct pollfd){.fd = src->wake_fd, .events = POLLIN};
    poll(fds, (nfds_t)compare->count + 1, 500);
    if (pg_cancelled(src)) {
        return pg_raise_cancelled(src);
    }
    for (size_t i = 0; i < compare->count; i++) {
        enum hangar_rc rc =
            fds[i].revents ? advance_probe(compare, &compare->probes[i]) : HANGAR_OK;
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    if (clock_monotonic_ms() - compare->reported_ms > 250) {
        compare->reported_ms = clock_monotonic_ms();
        src->host->progress(src->ctx, "comparing tables", compare->done, 0);
    }
    return HANGAR_OK;
}

static struct pg_table_probe *idle_probe(struct pg_comparison *compare)
{
    for (size_t i = 0; i < compare->count; i++) {
        if (!compare->probes[i].reading) {
            return &compare->probes[i];
        }
    }
    return NULL;
}

/* Appends what to read of a table.  Of a tree of partitions, those that are foreign tables are not
 * in the backup, and their server may not answer: then its own partitions are read one by one. */
static enum hangar_rc add_what_to_read(struct pg_comparison *compare, struct pg_table_probe *probe,
                                       const struct pg_table_line *line, struct text *sql)
{
    static const char query[] =
        "WITH RECURSIVE tree(oid, kind) AS (SELECT oid, relkind FROM pg_catalog.pg_class"
        " WHERE oid = $1::pg_catalog.regclass UNION ALL SELECT c.oid, c.relkind FROM tree"
        " JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid"
        " JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid)"
        " SELECT pg_catalog.string_agg('SELECT ' || $2::text || ' FROM ONLY '"
        " || oid::pg_catalog.regclass, ' UNION ALL ') FILTER (WHERE kind = 'r') FROM tree"
        " HAVING pg_catalog.bool_or(kind = 'f')";
    const char *table = text_str(&line->table);
    struct text columns = {0};
    PGresult *res = NULL;
    enum hangar_rc rc = HANGAR_OK;
    text_addf(&columns, "%s%s%s", text_str(&line->columns), line->computed.size ? ", " : "",
              text_str(&line->computed));
    if (line->partitioned &&
        pg_query(probe->conn, query, table, text_str(&columns), &res) != HANGAR_OK) {
        rc = pg_raise(compare->target->src, &probe->conn->err,
                      "cannot list the partitions of table %s of database %s", table,
                      compare->target->name);
    } else if (res && PQntuples(res) == 1 && !PQgetisnull(res, 0, 0)) {
        text_addf(sql, "COPY (%s) TO STDOUT", PQgetvalue(res, 0, 0));
    } else {
        text_addf(sql, "COPY (SELECT %s FROM %s%s) TO STDOUT", text_str(&columns),
                  line->partitioned ? "" : "ONLY ", table);
    }
    sql->failed |= columns.failed;
    text_free(&columns);
    PQclear(res);
    return rc;
}

static enum hangar_rc start_table(void *arg, const struct pg_table_line *line)
{
    struct pg_comparison *compare = arg;
    struct pg_table_probe *probe;
    while (!(probe = idle_probe(compare))) {
        enum hangar_rc rc = advance_all_probes(compare);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    struct text sql = {0};
    enum hangar_rc rc = add_what_to_read(compare, probe, line, &sql);
    if (rc != HANGAR_OK) {
        text_free(&sql);
        return rc;
    }
    text_clear(&probe->line.table);
    text_add(&probe->line.table, text_str(&line->table));
    probe->line.rows = line->rows;
    probe->line.digest = line->digest;
    text_clear(&probe->line.computed);
    text_add(&probe->line.computed, text_str(&line->computed));
    probe->line.computed_digest = line->computed_digest;
    probe->computed = pg_count_columns(text_str(&line->computed));
    probe->computed_digest = (struct pg_digest){0};
    probe->rows = 0;
    probe->digest = (struct pg_digest){0};
    if (sql.failed || probe->line.table.failed || probe->line.computed.failed) {
        rc = pg_no_memory(compare->target->src);
    } else if (pg_copy_send(probe->conn, text_str(&sql)) != HANGAR_OK) {
        rc = raise_compare_error(compare, probe);
    }
    text_free(&sql);
    probe->reading = rc == HANGAR_OK;
    return rc;
}

static enum hangar_rc open_probes(struct pg_comparison *compare)
{
    struct pg_target *target = compare->target;
    char *encoding = pg_target_attr(target, "encoding");
    enum hangar_rc rc = HANGAR_OK;
    compare->probes = calloc(target->src->opt.jobs, sizeof(*compare->probes));
    if (!compare->probes) {
        rc = pg_no_memory(target->src);
    }
    while (rc == HANGAR_OK && compare->count < target->src->opt.jobs) {
        struct pg_table_probe *probe = &compare->probes[compare->count];
        rc = pg_rows_role_connect(target, &probe->conn);
        if (rc != HANGAR_OK) {
            break;
        }
        compare->count++;
        if (pg_set_up_reader(probe->conn) != HANGAR_OK ||
            pg_set(probe->conn, "client_encoding", encoding ? encoding : "UTF8") != HANGAR_OK) {
            rc = pg_raise(target->src, &probe->conn->err, "cannot set up a session in database %s",
                          target->into);
        }
    }
    free(encoding);
    return rc;
}

enum hangar_rc pg_compare(struct pg_target *target)
{
    struct pg_comparison compare = {.target = target};
    enum hangar_rc rc = open_probes(&compare);
    if (rc == HANGAR_OK) {
        rc = pg_each_table(target, start_table, &compare);
    }
    for (size_t i = 0; i < compare.count; i++) {
        while (rc == HANGAR_OK && compare.probes[i].reading) {
            rc = advance_all_probes(&compare);
        }
        pg_close(compare.probes[i].conn);
        pg_table_line_free(&compare.probes[i].line);
    }
    free(compare.probes);
    return rc;
}
