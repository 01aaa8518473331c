/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tables_out: tables.jsonl, a line for each table whose rows were copied.
 */
#include "backup/objects/tables_out.h"

#include <string.h>
#include "backup/plan/tables.h"
#include "server/sql/quote.h"
#include "server/sql/rows_format.h"

#define CHUNK_BYTES 65536

/* Objects are numbered in the order of the tables.  So the numbers for the partitions of a
 * root only grow, and an object that two of them share is detected at once. */
static void add_object_names(struct text *text, const struct pg_table *table, uint32_t *last)
{
    for (uint32_t i = table->first_object; i && i <= table->last_object; i++) {
        if (i == *last) {
            continue;
        }
        text_addf(text, "%s\"data/%04u.sql\"", *last ? "," : "", i);
        *last = i;
    }
}

static void add_table_line(struct pg_reader *reader, uint32_t index)
{
    struct pg_db *db = reader->db;
    const struct pg_list *list = &db->tables;
    const struct pg_table *table = &list->items[index];
    struct text *text = &reader->text;
    bool utf8 = strcmp(db->encoding, "UTF8") == 0;
    char hex[PG_DIGEST_HEX];
    pg_digest_hex(&table->digest, hex);
    text_add(text, "{\"schema\":");
    pg_add_json(text, pg_pool(list, table->schema), utf8);
    text_add(text, ",\"table\":");
    pg_add_json(text, pg_pool(list, table->name), utf8);
    text_add(text, ",\"columns\":");
    pg_add_json(text, table->columns == PG_NONE ? "" : pg_pool(list, table->columns), utf8);
    /* its rows were read partition by partition and are loaded through it */
    if (!table->has_rows) {
        text_add(text, ",\"partitioned\":true");
    }
    text_addf(text, ",\"rows\":%llu,\"digest\":\"%s\",\"objects\":[",
              (unsigned long long)table->rows, hex);
    uint32_t last = 0;
    add_object_names(text, table, &last);
    for (uint32_t i = table->sibling; i != PG_NONE; i = list->items[i].sibling) {
        add_object_names(text, &list->items[i], &last);
    }
    text_add(text, "]");
    if (table->computed_count) {
        pg_digest_hex(&table->computed_digest, hex);
        text_add(text, ",\"generated\":");
        pg_add_json(text, pg_pool(list, table->computed), utf8);
        text_addf(text, ",\"generated_digest\":\"%s\"", hex);
    }
    text_add(text, "}\n");
}

/* All other objects are closed by now: no thread changes the list any more. */
enum hangar_rc pg_tables_read(struct pg_reader *reader)
{
    const struct pg_list *list = &reader->db->tables;
    while (reader->table_at < list->count && reader->text.size < CHUNK_BYTES) {
        if (list->items[reader->table_at].is_target) {
            add_table_line(reader, (uint32_t)reader->table_at);
        }
        reader->table_at++;
    }
    return reader->table_at == list->count ? HANGAR_EOF : HANGAR_OK;
}
