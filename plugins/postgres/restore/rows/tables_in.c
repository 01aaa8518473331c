/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tables_in: reads tables.jsonl, and checks what was loaded against it.
 */
#include "restore/rows/tables_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "server/sql/grammar.h"
#include "restore/target/tally.h"
#include "server/sql/quote.h"

static void add_code_point(struct text *out, unsigned code, bool utf8)
{
    char bytes[2] = {(char)code, 0};
    size_t n = 1;
    if (utf8 && code > 0x7f) {
        bytes[0] = (char)(0xc0 | code >> 6);
        bytes[1] = (char)(0x80 | (code & 0x3f));
        n = 2;
    }
    text_add_bytes(out, bytes, n);
}

/* Reads a string that pg_add_json wrote. */
static bool parse_json_string(const char **at, bool utf8, struct text *out)
{
    const char *c = *at;
    text_clear(out);
    text_add_bytes(out, "", 0);
    if (*c++ != '"') {
        return false;
    }
    for (; *c && *c != '"'; c++) {
        unsigned code;
        if (*c != '\\') {
            text_add_bytes(out, c, 1);
        } else if (c[1] == '"' || c[1] == '\\') {
            text_add_bytes(out, ++c, 1);
        } else if (c[1] == 'u' && c[2] == '0' && c[3] == '0' && sscanf(c + 4, "%2x", &code) == 1 &&
                   code) {
            add_code_point(out, code, utf8);
            c += 5;
        } else {
            return false;
        }
    }
    *at = c + 1;
    return *c == '"' && !out->failed;
}

uint32_t pg_count_columns(const char *list)
{
    uint32_t count = *list ? 1 : 0;
    for (bool quoted = false; *list; list++) {
        quoted ^= *list == '"';
        count += *list == ',' && !quoted;
    }
    return count;
}

/* What stands behind the objects of a line. */
static bool parse_computed(const char *objects, bool utf8, struct pg_table_line *line)
{
    unsigned long long high, low;
    const char *at = strchr(objects, ']');
    text_clear(&line->computed);
    if (!at || !pg_skip_word(&at, "],\"generated\":")) {
        return at != NULL;
    }
    if (!parse_json_string(&at, utf8, &line->computed) ||
        !pg_is_column_list(text_str(&line->computed)) ||
        sscanf(at, ",\"generated_digest\":\"%16llx%16llx\"", &high, &low) != 2) {
        return false;
    }
    line->computed_digest = (struct pg_digest){.high = high, .low = low};
    return true;
}

bool pg_table_line_parse(const char *text, bool utf8, struct pg_table_line *line)
{
    const char *at = text;
    struct text schema = {0}, name = {0};
    bool good = pg_skip_word(&at, "{\"schema\":") && parse_json_string(&at, utf8, &schema) &&
                pg_skip_word(&at, ",\"table\":") && parse_json_string(&at, utf8, &name) &&
                pg_skip_word(&at, ",\"columns\":") &&
                parse_json_string(&at, utf8, &line->columns) &&
                (!line->columns.size || pg_is_column_list(text_str(&line->columns)));
    if (good) {
        unsigned long long rows, high, low;
        int end = 0;
        line->partitioned = pg_skip_word(&at, ",\"partitioned\":true");
        good = sscanf(at, ",\"rows\":%llu,\"digest\":\"%16llx%16llx\",\"objects\":[%n", &rows,
                      &high, &low, &end) == 3 &&
               end;
        if (good) {
            line->rows = rows;
            line->digest = (struct pg_digest){.high = high, .low = low};
        }
        good = good && parse_computed(at + end, utf8, line);
        text_clear(&line->table);
        pg_add_ident(&line->table, text_str(&schema));
        text_add(&line->table, ".");
        pg_add_ident(&line->table, text_str(&name));
        good &= !line->table.failed;
    }
    text_free(&schema);
    text_free(&name);
    return good;
}

void pg_table_line_free(struct pg_table_line *line)
{
    text_free(&line->table);
    text_free(&line->columns);
    text_free(&line->computed);
}

static enum hangar_rc raise_table_line(const struct pg_target *target)
{
    return target->src->host->fail(
        target->src->ctx, HANGAR_CORRUPT, 0,
        "cannot read tables.jsonl of database %s: it has a line that hangar did not write",
        target->source);
}

enum hangar_rc pg_each_table(struct pg_target *target,
                             enum hangar_rc (*each)(void *arg, const struct pg_table_line *line),
                             void *arg)
{
    struct pg_source *src = target->src;
    struct pg_table_line line = {0};
    char *text = NULL, *encoding = pg_target_attr(target, "encoding");
    size_t capacity = 0;
    bool utf8 = encoding && strcmp(encoding, "UTF8") == 0;
    enum hangar_rc rc = HANGAR_OK;
    FILE *file = target->tables_path ? fopen(target->tables_path, "re") : NULL;
    if (!file) {
        rc = src->host->fail(src->ctx, HANGAR_CORRUPT, 0,
                             "cannot verify database %s: the backup has no tables.jsonl",
                             target->name);
    }
    while (rc == HANGAR_OK && getline(&text, &capacity, file) > 0) {
        if (pg_table_line_parse(text, utf8, &line)) {
            rc = each(arg, &line);
        } else {
            rc = raise_table_line(target);
        }
    }
    if (file) {
        fclose(file);
    }
    free(text);
    free(encoding);
    pg_table_line_free(&line);
    return rc;
}

/* ---- the check ------------------------------------------------------------------------- */

enum hangar_rc pg_table_verify(struct pg_target *target, const struct pg_table_line *line,
                               uint64_t rows, const struct pg_digest *digest)
{
    const struct pg_source *src = target->src;
    if (rows != line->rows) {
        return src->host->fail(
            src->ctx, HANGAR_CORRUPT, 0,
            "cannot verify database %s: table %s has %llu row%s, the backup has %llu", target->name,
            text_str(&line->table), (unsigned long long)rows, rows == 1 ? "" : "s",
            (unsigned long long)line->rows);
    }
    if (digest->high != line->digest.high || digest->low != line->digest.low) {
        return src->host->fail(
            src->ctx, HANGAR_CORRUPT, 0,
            "cannot verify database %s: table %s has %llu row%s, as the backup has, but their "
            "contents differ",
            target->name, text_str(&line->table), (unsigned long long)rows, rows == 1 ? "" : "s");
    }
    return HANGAR_OK;
}

enum hangar_rc pg_table_verify_computed(struct pg_target *target, const struct pg_table_line *line,
                                        const struct pg_digest *digest)
{
    const struct pg_source *src = target->src;
    if (digest->high == line->computed_digest.high && digest->low == line->computed_digest.low) {
        return HANGAR_OK;
    }
    return src->host->fail(
        src->ctx, HANGAR_CORRUPT, 0,
        "cannot verify database %s: the generated columns (%.200s) of table %s have other values "
        "than in the source; hint: their expressions depend on settings, on other tables, or on "
        "functions that were replaced after the rows were written; without --compare they are "
        "restored as pg_restore does",
        target->name, text_str(&line->computed), text_str(&line->table));
}

static enum hangar_rc check_table_line(void *arg, const struct pg_table_line *line)
{
    struct pg_target *target = arg;
    struct pg_tally_entry *entry = pg_tally_find(&target->tally, line->table.data);
    target->tables++;
    if (entry) {
        entry->seen = true;
    }
    uint64_t rows = entry ? entry->rows : 0;
    struct pg_digest digest = entry ? entry->digest : line->digest;
    return pg_table_verify(target, line, rows, &digest);
}

enum hangar_rc pg_tables_check(struct pg_target *target)
{
    target->tables = 0;
    enum hangar_rc rc = pg_each_table(target, check_table_line, target);
    for (size_t i = 0; i < target->tally.capacity && rc == HANGAR_OK; i++) {
        const struct pg_tally_entry *entry = &target->tally.items[i];
        if (entry->table && !entry->seen) {
            rc = target->src->host->fail(
                target->src->ctx, HANGAR_CORRUPT, 0,
                "cannot verify database %s: rows were loaded into table %s, which tables.jsonl "
                "does not list",
                target->name, entry->table);
        }
    }
    return rc;
}
