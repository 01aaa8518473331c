/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * document: see document.h.
 */
#include "document.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "output.h"

/* How strings are copied: unchanged, or with unsafe characters escaped. */
enum document_escaping { AS_IT_IS, ASCII, UTF8 };

static char *document_escaped(const char *text, enum document_escaping how)
{
    return how == AS_IT_IS ? strdup(text) : cli_escape(text, how == UTF8);
}

static json_t *document_clean(json_t *node, enum document_escaping how);

static json_t *document_clean_string(const json_t *node, enum document_escaping how)
{
    char *text = document_escaped(json_string_value(node), how);
    json_t *result = text ? json_string(text) : NULL;

    free(text);
    return result;
}

static json_t *document_clean_object(json_t *node, enum document_escaping how)
{
    json_t *result = json_object();
    const char *key;
    json_t *value;

    json_object_foreach (node, key, value) {
        json_t *child = document_clean(value, how);
        char *name = document_escaped(key, how);
        int rc = name ? json_object_set_new(result, name, child) : -1;
        if (!name) {
            json_decref(child);
        }
        free(name);
        if (rc < 0) {
            json_decref(result);
            return NULL;
        }
    }
    return result;
}

static json_t *document_clean_array(json_t *node, enum document_escaping how)
{
    json_t *result = json_array();
    size_t i;
    json_t *value;

    json_array_foreach (node, i, value) {
        if (json_array_append_new(result, document_clean(value, how)) < 0) {
            json_decref(result);
            return NULL;
        }
    }
    return result;
}

static json_t *document_clean(json_t *node, enum document_escaping how)
{
    if (json_is_string(node)) {
        return document_clean_string(node, how);
    }
    if (json_is_object(node)) {
        return document_clean_object(node, how);
    }
    if (json_is_array(node)) {
        return document_clean_array(node, how);
    }
    return json_copy(node);
}

/* The parser of jansson overruns its buffers when malloc fails.  All memory that it needs
 * is therefore allocated before. */
static struct {
    char *memory;
    size_t size, used;
} arena;

static void *document_arena_alloc(size_t size)
{
    const size_t unit = _Alignof(max_align_t);
    size_t rounded = (size + unit - 1) / unit * unit;
    if (rounded < size || rounded > arena.size - arena.used) {
        return malloc(size);
    }
    arena.used += rounded;
    return arena.memory + (arena.used - rounded);
}

static void document_arena_free(void *memory)
{
    uintptr_t at = (uintptr_t)memory, start = (uintptr_t)arena.memory;
    if (at < start || at - start >= arena.size) {
        free(memory);
    }
}

/* Parses a document of hangar and returns a copy; NULL when the text is not one, or out of
 * memory. */
static json_t *document_parse(const char *text, enum document_escaping how)
{
    size_t size = strlen(text);

    arena.size = 65536 + (size < SIZE_MAX / 64 ? size * 32 : 0);
    arena.used = 0;
    arena.memory = malloc(arena.size);
    if (!arena.memory) {
        return NULL;
    }
    json_malloc_t old_alloc;
    json_free_t old_free;
    json_get_alloc_funcs(&old_alloc, &old_free);
    json_set_alloc_funcs(document_arena_alloc, document_arena_free);
    json_t *raw = json_loadb(text, size, 0, NULL);
    json_set_alloc_funcs(old_alloc, document_arena_free);
    json_t *result = json_is_object(raw) ? document_clean(raw, how) : NULL;
    json_decref(raw);
    json_set_alloc_funcs(old_alloc, old_free);
    free(arena.memory);
    return result;
}

json_t *cli_document(const char *text, bool utf8)
{
    return document_parse(text, utf8 ? UTF8 : ASCII);
}

json_t *cli_document_as_it_is(const char *text)
{
    return document_parse(text, AS_IT_IS);
}

const char *cli_string(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

int64_t cli_integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

uint64_t cli_bytes(const json_t *object, const char *key)
{
    int64_t value = cli_integer(object, key);

    return value > 0 ? (uint64_t)value : 0;
}

bool cli_flag(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

const json_t *cli_array(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    /* NULL works as an empty array */
    return json_is_array(value) ? value : NULL;
}

bool cli_has(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return value && !json_is_null(value);
}

bool cli_done(const json_t *object)
{
    return strcmp(cli_string(object, "status"), "done") == 0;
}

int64_t cli_instant(const json_t *object, const char *key)
{
    struct tm tm = {0};
    const char *rest = strptime(cli_string(object, key), "%Y-%m-%dT%H:%M:%S", &tm);
    int ms = 0, used = 0;

    if (!rest) {
        return -1;
    }
    if (*rest == '.' && (sscanf(rest, ".%3d%n", &ms, &used) != 1 || used != 4)) {
        return -1;
    }
    if (strcmp(rest + used, "Z") != 0) {
        return -1;
    }
    return (int64_t)timegm(&tm) * 1000 + ms;
}

const char *cli_scalar(const json_t *value, char out[32])
{
    if (json_is_string(value)) {
        return json_string_value(value);
    }
    if (json_is_boolean(value)) {
        return json_is_true(value) ? "true" : "false";
    }
    if (json_is_integer(value)) {
        snprintf(out, 32, "%" PRId64, (int64_t)json_integer_value(value));
    } else if (json_is_real(value)) {
        snprintf(out, 32, "%g", json_real_value(value));
    } else {
        out[0] = '\0';
    }
    return out;
}

char *cli_join(const json_t *array)
{
    char *text = NULL;
    size_t size = 0, i;
    FILE *stream = open_memstream(&text, &size);

    if (!stream) {
        return NULL;
    }
    const json_t *value;
    json_array_foreach (array, i, value) {
        fprintf(stream, "%s%s", i ? ", " : "",
                json_is_string(value) ? json_string_value(value) : "?");
    }
    if (fclose(stream) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

bool cli_any_has(const json_t *array, const char *key)
{
    const json_t *item;
    size_t i;

    json_array_foreach (array, i, item) {
        if (cli_has(item, key)) {
            return true;
        }
    }
    return false;
}

enum cli_symbol cli_outcome(const json_t *verified)
{
    const char *status = cli_string(verified, "status");

    return strcmp(status, "done") == 0      ? CLI_TICK
           : strcmp(status, "corrupt") == 0 ? CLI_CROSS
                                            : CLI_BANG;
}

const char *cli_verified(const json_t *verified, const struct cli_view *view, char out[CLI_SHORT],
                         enum cli_style *style)
{
    int64_t time_ms = cli_instant(verified, "time");
    enum cli_symbol symbol = cli_outcome(verified);

    *style = CLI_PLAIN;
    if (!json_is_object(verified) || time_ms < 0) {
        snprintf(out, CLI_SHORT, "-");
        return out;
    }
    *style = symbol == CLI_TICK ? CLI_GREEN : symbol == CLI_BANG ? CLI_YELLOW : CLI_RED;
    char age[CLI_SHORT];
    snprintf(out, CLI_SHORT, "%s %.12s %.20s ago", cli_symbol(view, symbol),
             cli_string(verified, "level"), cli_age(view->now_ms - time_ms, age));
    return out;
}
