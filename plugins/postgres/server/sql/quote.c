/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * quote: quoting.  All sessions have standard_conforming_strings on, so a backslash in
 * a literal is a backslash.
 */
#include "server/sql/quote.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Appends the value in quotes, with each quote within it doubled. */
static void add_doubled(struct text *text, const char *value, size_t size, char quote)
{
    text_add_bytes(text, &quote, 1);
    for (size_t i = 0; i < size; i++) {
        if (value[i] == quote) {
            text_add_bytes(text, &quote, 1);
        }
        text_add_bytes(text, value + i, 1);
    }
    text_add_bytes(text, &quote, 1);
}

void pg_add_ident(struct text *text, const char *name)
{
    add_doubled(text, name, strlen(name), '"');
}

void pg_add_literal(struct text *text, const char *value)
{
    add_doubled(text, value, strlen(value), '\'');
}

/* The settings that hold a list of names which the server quotes; as in pg_dump. */
static bool is_list_of_names(const char *setting)
{
    static const char *const lists[] = {"local_preload_libraries",   "search_path",
                                        "session_preload_libraries", "shared_preload_libraries",
                                        "temp_tablespaces",          "unix_socket_directories"};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (strcasecmp(setting, lists[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Reads one name of a list, quoted or not, into `name`; false: there is none. */
static bool read_listed_name(const char **at, struct text *name)
{
    static const char space[] = " \t\n\r\f\v";
    const char *c = *at + strspn(*at, space);
    text_clear(name);
    if (*c == '"') {
        for (c++; *c && (*c != '"' || c[1] == '"'); c++) {
            c += *c == '"';
            text_add_bytes(name, c, 1);
        }
        if (*c++ != '"') {
            return false;
        }
    } else {
        size_t n = strcspn(c, ", \t\n\r\f\v");
        text_add_bytes(name, c, n);
        c += n;
        if (!n) {
            return false;
        }
    }
    *at = c + strspn(c, space);
    return true;
}

/* Appends the names as literals; false when the value is not a list of names. */
static bool add_listed_names(struct text *text, const char *value)
{
    struct text name = {0};
    bool good;
    while ((good = read_listed_name(&value, &name)) && !name.failed) {
        pg_add_literal(text, text_str(&name));
        if (*value != ',') {
            break;
        }
        value++;
        text_add(text, ", ");
    }
    text->failed |= name.failed;
    text_free(&name);
    return good && !*value;
}

void pg_add_setting_value(struct text *text, const char *setting, const char *value)
{
    struct text names = {0};
    if (is_list_of_names(setting) && add_listed_names(&names, value)) {
        text_add(text, text_str(&names));
    } else {
        pg_add_literal(text, value);
    }
    text->failed |= names.failed;
    text_free(&names);
}

void pg_add_shell(struct text *text, const char *word)
{
    if (*word && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                              "_-./:@%+,") == strlen(word)) {
        text_add_bytes(text, word, strlen(word));
        return;
    }
    bool control = false;
    for (const char *c = word; *c; c++) {
        control = control || (unsigned char)*c < 0x20 || *c == 0x7f;
    }
    text_add(text, control ? "$'" : "'");
    for (const char *c = word; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            text_addf(text, "\\%03o", (unsigned)*c);
        } else if (control && (*c == '\'' || *c == '\\')) {
            text_addf(text, "\\%c", *c);
        } else if (*c == '\'') {
            text_add(text, "'\\''");
        } else {
            text_add_bytes(text, c, 1);
        }
    }
    text_add(text, "'");
}

void pg_add_conninfo(struct text *text, const char *name)
{
    text_add(text, "dbname='");
    for (const char *c = name; *c; c++) {
        if (*c == '\'' || *c == '\\') {
            text_add(text, "\\");
        }
        text_add_bytes(text, c, 1);
    }
    text_add(text, "'");
}

void pg_add_folder(struct text *text, const char *name)
{
    /* "." and ".." may not be components of an object's name */
    bool dots = strspn(name, ".") == strlen(name);
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        if ((*c < 128 && isalnum(*c)) || *c == '_' || *c == '-' || (*c == '.' && !dots)) {
            text_add_bytes(text, c, 1);
        } else {
            text_addf(text, "=%02X", *c);
        }
    }
}

/* Splits SCHEMA.TABLE at the first dot; without a dot the schema is "*".  Returns the table. */
static const char *split_pattern(const char *pattern, const char **schema, size_t *schema_size)
{
    const char *dot = strchr(pattern, '.');
    *schema = dot ? pattern : "*";
    *schema_size = dot ? (size_t)(dot - pattern) : 1;
    return dot ? dot + 1 : pattern;
}

static void add_like(struct text *text, const char *column, const char *glob, size_t size)
{
    struct text like = {0};
    for (size_t i = 0; i < size; i++) {
        if (glob[i] == '*') {
            text_add(&like, "%");
        } else if (glob[i] == '?') {
            text_add(&like, "_");
        } else {
            text_addf(&like, "%s%c", strchr("%_\\", glob[i]) ? "\\" : "", glob[i]);
        }
    }
    text_addf(text, "%s LIKE ", column);
    pg_add_literal(text, text_str(&like));
    text->failed |= like.failed;
    text_free(&like);
}

void pg_add_match(struct text *text, const char *pattern, const char *schema_column,
                  const char *table_column)
{
    const char *schema;
    size_t schema_size;
    const char *table = split_pattern(pattern, &schema, &schema_size);
    text_add(text, "(");
    add_like(text, schema_column, schema, schema_size);
    text_add(text, " AND ");
    add_like(text, table_column, table, strlen(table));
    text_add(text, ")");
}

/* pg_dump matches text in double quotes literally, and quotes may begin and end within a name. */
static void add_glob_quoted(struct text *text, const char *glob, size_t size)
{
    for (size_t i = 0, n; i < size; i += n) {
        bool wild = glob[i] == '*' || glob[i] == '?';
        for (n = 1; !wild && i + n < size && glob[i + n] != '*' && glob[i + n] != '?';) {
            n++;
        }
        if (wild) {
            text_add_bytes(text, glob + i, 1);
        } else {
            add_doubled(text, glob + i, n, '"');
        }
    }
}

void pg_add_dump_pattern(struct text *text, const char *pattern)
{
    const char *schema;
    size_t schema_size;
    const char *table = split_pattern(pattern, &schema, &schema_size);
    add_glob_quoted(text, schema, schema_size);
    text_add(text, ".");
    add_glob_quoted(text, table, strlen(table));
}

void pg_add_json(struct text *text, const char *value, bool utf8)
{
    text_add(text, "\"");
    for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
        if (*c == '"' || *c == '\\') {
            text_addf(text, "\\%c", *c);
        } else if (*c < 0x20 || *c == 0x7f || (*c > 0x7f && !utf8)) {
            text_addf(text, "\\u%04x", *c);
        } else {
            text_add_bytes(text, c, 1);
        }
    }
    text_add(text, "\"");
}
