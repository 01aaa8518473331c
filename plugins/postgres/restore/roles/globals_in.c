/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * globals_in: cuts globals.sql into statements, and reads the names in them.
 */
#include "restore/roles/globals_in.h"

#include <ctype.h>
#include <string.h>

/* ---- statements -------------------------------------------------------------------- */

/* The end of the quoted text that begins at `at`. */
static const char *end_of_quotes(const char *at, const char *end, bool escapes)
{
    char quote = *at++;
    for (; at < end; at++) {
        if (escapes && *at == '\\') {
            at++;
        } else if (*at == quote) {
            return at + 1; /* a doubled quote begins the next quoted text */
        }
    }
    return end;
}

static const char *end_of_line(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    return newline ? newline + 1 : end;
}

static bool next_statement(struct pg_globals_reader *in, struct pg_global *out)
{
    const char *at = in->at, *end = in->end;
    for (;;) {
        while (at < end && isspace((unsigned char)*at)) {
            at++;
        }
        if (at < end && (*at == '\\' || (end - at > 1 && at[0] == '-' && at[1] == '-'))) {
            at = end_of_line(at, end);
        } else {
            break;
        }
    }
    out->text = at;
    while (at < end && *at != ';') {
        if (*at == '\'' || *at == '"') {
            at = end_of_quotes(at, end, *at == '\'' && at > out->text && at[-1] == 'E');
        } else {
            at++;
        }
    }
    out->size = (size_t)(at - out->text);
    in->at = at < end ? at + 1 : end;
    return at < end;
}

/* ---- words and names --------------------------------------------------------------- */

/* What is left of a statement. */
struct globals_rest {
    const char *text;
    size_t size;
};

static void globals_skip_bytes(struct globals_rest *rest, size_t size)
{
    rest->text += size;
    rest->size -= size;
}

static bool skip_keyword(struct globals_rest *rest, const char *word)
{
    size_t n = strlen(word);
    if (rest->size < n || memcmp(rest->text, word, n) != 0) {
        return false;
    }
    globals_skip_bytes(rest, n);
    return true;
}

static bool is_name_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c > 127;
}

/* Reads a name, quoted or not; false: there is none. */
static bool read_name(struct globals_rest *rest, struct text *name)
{
    size_t i = 0;
    text_clear(name);
    if (rest->size && rest->text[0] == '"') {
        for (i = 1; i < rest->size; i++) {
            if (rest->text[i] == '"' && (i + 1 == rest->size || rest->text[i + 1] != '"')) {
                break;
            }
            i += rest->text[i] == '"';
            text_add_bytes(name, &rest->text[i], 1);
        }
        i++;
    } else {
        for (; i < rest->size && is_name_byte(rest->text[i]); i++) {
            text_add_bytes(name, &rest->text[i], 1);
        }
    }
    if (i > rest->size || !name->size || name->failed) {
        return false;
    }
    globals_skip_bytes(rest, i);
    return true;
}

/* Skips to behind this text where it stands outside of quotes; false, and *rest stays, when it is
 * not there. */
static bool skip_to(struct globals_rest *rest, const char *word)
{
    struct globals_rest at = *rest;
    while (at.size) {
        if (skip_keyword(&at, word)) {
            *rest = at;
            return true;
        }
        bool quoted = at.text[0] == '\'' || at.text[0] == '"';
        const char *next = quoted ? end_of_quotes(at.text, at.text + at.size, false) : at.text + 1;
        globals_skip_bytes(&at, (size_t)(next - at.text));
    }
    return false;
}

/* ---- kinds --------------------------------------------------------------------------- */

/* GRANT SET, ALTER SYSTEM ON PARAMETER name TO role; names of roles in lower case begin no such
 * text, and pg_dumpall quotes all others. */
static enum pg_global_kind read_right(struct globals_rest *rest, struct pg_global *out,
                                      const char *to)
{
    static const char words[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ ,";
    struct globals_rest at = *rest;
    while (at.size && strchr(words, at.text[0]) && at.text[0] &&
           !(at.size > 3 && memcmp(at.text, "ON ", 3) == 0)) {
        globals_skip_bytes(&at, 1);
    }
    enum pg_global_kind kind = skip_keyword(&at, "ON PARAMETER ")    ? PG_GLOBAL_RIGHT
                               : skip_keyword(&at, "ON TABLESPACE ") ? PG_GLOBAL_TABLESPACE_RIGHT
                                                                     : PG_GLOBAL_UNKNOWN;
    if (kind == PG_GLOBAL_TABLESPACE_RIGHT && !read_name(&at, &out->name)) {
        return PG_GLOBAL_UNKNOWN;
    }
    if (kind == PG_GLOBAL_UNKNOWN || !skip_to(&at, to)) {
        return PG_GLOBAL_UNKNOWN;
    }
    /* to PUBLIC, which needs no role */
    bool all = at.size >= 6 && memcmp(at.text, "PUBLIC", 6) == 0;
    if (!read_name(&at, &out->other)) {
        return PG_GLOBAL_UNKNOWN;
    }
    if (all) {
        text_clear(&out->other);
    }
    *rest = at;
    return kind;
}

static enum pg_global_kind read_grant(struct globals_rest *rest, struct pg_global *out)
{
    enum pg_global_kind kind = read_right(rest, out, " TO ");
    if (kind != PG_GLOBAL_UNKNOWN) {
        return kind;
    }
    if (!read_name(rest, &out->name) || !skip_keyword(rest, " TO ") ||
        !read_name(rest, &out->other)) {
        return PG_GLOBAL_UNKNOWN;
    }
    struct globals_rest by = *rest;
    if (skip_to(&by, " GRANTED BY ")) {
        out->by = (size_t)(by.text - out->text) - strlen(" GRANTED BY ");
        if (!read_name(&by, &out->grantor)) {
            return PG_GLOBAL_UNKNOWN;
        }
    }
    return PG_GLOBAL_MEMBERSHIP;
}

static enum pg_global_kind read_label(struct globals_rest *rest, struct pg_global *out)
{
    if (skip_to(rest, " ON ROLE ")) {
        return read_name(rest, &out->name) ? PG_GLOBAL_OF_ROLE : PG_GLOBAL_UNKNOWN;
    }
    return skip_to(rest, " ON TABLESPACE ") && read_name(rest, &out->name) ? PG_GLOBAL_OF_TABLESPACE
                                                                           : PG_GLOBAL_UNKNOWN;
}

static enum pg_global_kind read_kind(struct globals_rest *rest, struct pg_global *out)
{
    static const struct {
        const char *begins;
        enum pg_global_kind kind; /* of a statement that has a name behind these words */
    } named[] = {
        {"SET SESSION AUTHORIZATION ", PG_GLOBAL_BECOME},
        {"CREATE ROLE ", PG_GLOBAL_CREATE_ROLE},
        {"ALTER ROLE ", PG_GLOBAL_OF_ROLE},
        {"COMMENT ON ROLE ", PG_GLOBAL_OF_ROLE},
        {"CREATE TABLESPACE ", PG_GLOBAL_CREATE_TABLESPACE},
        {"ALTER TABLESPACE ", PG_GLOBAL_OF_TABLESPACE},
        {"COMMENT ON TABLESPACE ", PG_GLOBAL_OF_TABLESPACE},
    };
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        if (skip_keyword(rest, named[i].begins)) {
            return read_name(rest, &out->name) ? named[i].kind : PG_GLOBAL_UNKNOWN;
        }
    }
    if (skip_keyword(rest, "GRANT ")) {
        return read_grant(rest, out);
    }
    if (skip_keyword(rest, "REVOKE ")) {
        return read_right(rest, out, " FROM ");
    }
    if (skip_keyword(rest, "SECURITY LABEL ")) {
        return read_label(rest, out);
    }
    return skip_keyword(rest, "SET ")                          ? PG_GLOBAL_SETTING
           : skip_keyword(rest, "RESET SESSION AUTHORIZATION") ? PG_GLOBAL_RESET
                                                               : PG_GLOBAL_UNKNOWN;
}

bool pg_global_next(struct pg_globals_reader *in, struct pg_global *out)
{
    text_clear(&out->name);
    text_clear(&out->other);
    text_clear(&out->grantor);
    if (!next_statement(in, out)) {
        return false;
    }
    struct globals_rest rest = {.text = out->text, .size = out->size};
    out->by = out->size;
    out->kind = read_kind(&rest, out);
    out->rest = out->size - rest.size;
    if (out->kind == PG_GLOBAL_OF_ROLE && skip_keyword(&rest, " WITH")) {
        out->kind = PG_GLOBAL_ATTRIBUTES;
        out->rest = out->size - rest.size;
    }
    return true;
}

void pg_global_free(struct pg_global *global)
{
    text_free(&global->name);
    text_free(&global->other);
    text_free(&global->grantor);
}

static bool is_attribute_of_new_roles(const char *word, size_t size)
{
    static const char *const plain[] = {"NOSUPERUSER", "INHERIT", "NOCREATEROLE",
                                        "NOCREATEDB",  "NOLOGIN", "NOREPLICATION",
                                        "NOBYPASSRLS"};
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (strlen(plain[i]) == size && memcmp(plain[i], word, size) == 0) {
            return true;
        }
    }
    return false;
}

void pg_global_add_attributes(struct text *text, const struct pg_global *global)
{
    struct globals_rest rest = {.text = global->text + global->rest,
                                .size = global->size - global->rest};
    while (rest.size > 1 && rest.text[0] == ' ' && isupper((unsigned char)rest.text[1])) {
        size_t n = 1;
        while (n < rest.size && isupper((unsigned char)rest.text[n])) {
            n++;
        }
        if (!is_attribute_of_new_roles(rest.text + 1, n - 1)) {
            text_add_bytes(text, rest.text, n);
        }
        globals_skip_bytes(&rest, n);
    }
    text_add_bytes(text, rest.text, rest.size); /* from the first value on */
}
