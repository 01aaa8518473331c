/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * str: see str.h.
 */
#include "base/str.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for n more bytes and the NUL. */
static bool str_reserve(struct hg_str *s, size_t n)
{
    if (s->failed) {
        return false;
    }
    if (n < s->capacity - s->len) {
        return true;
    }
    if (n > SIZE_MAX / 4 || s->len > SIZE_MAX / 4) {
        s->failed = true;
        return false;
    }
    size_t capacity = s->capacity != 0 ? s->capacity : 64;
    while (capacity - s->len <= n) {
        capacity *= 2;
    }
    char *data = realloc(s->data, capacity);
    if (!data) {
        s->failed = true;
        return false;
    }
    s->data = data;
    s->capacity = capacity;
    return true;
}

void hg_str_add(struct hg_str *s, const char *text)
{
    hg_str_add_n(s, text, strlen(text));
}

void hg_str_add_n(struct hg_str *s, const void *bytes, size_t n)
{
    if (!str_reserve(s, n)) {
        return;
    }
    if (n > 0) {
        memcpy(s->data + s->len, bytes, n);
    }
    s->len += n;
    s->data[s->len] = '\0';
}

void hg_str_addf(struct hg_str *s, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    hg_str_addv(s, fmt, args);
    va_end(args);
}

void hg_str_addv(struct hg_str *s, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    if (n < 0) {
        s->failed = true;
    } else if (str_reserve(s, (size_t)n)) {
        vsnprintf(s->data + s->len, (size_t)n + 1, fmt, again);
        s->len += (size_t)n;
    }
    va_end(again);
}

void hg_str_free(struct hg_str *s)
{
    free(s->data);
    *s = (struct hg_str){0};
}

const char *hg_str_text(const struct hg_str *s)
{
    return s->data ? s->data : "";
}

char *hg_str_take(struct hg_str *s)
{
    char *text = NULL;
    if (str_reserve(s, 0)) {
        text = s->data;
        text[s->len] = '\0';
        s->data = NULL;
    }
    hg_str_free(s);
    return text;
}

char *hg_format(const char *fmt, ...)
{
    char *text;
    va_list args;
    va_start(args, fmt);
    int n = vasprintf(&text, fmt, args);
    va_end(args);
    return n >= 0 ? text : NULL;
}

bool hg_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

void hg_str_add_shell(struct hg_str *s, const char *text)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "_@%+=:,./-";
    if (text[0] != '\0' && text[strspn(text, safe)] == '\0') {
        hg_str_add(s, text);
        return;
    }
    hg_str_add(s, "'");
    for (;;) {
        size_t plain = strcspn(text, "'");
        hg_str_add_n(s, text, plain);
        text += plain;
        if (*text == '\0') {
            break;
        }
        hg_str_add(s, "'\\''");
        text++;
    }
    hg_str_add(s, "'");
}

enum { WORD_MAX = 64 };

/* People mix up case, "-" and "_" without mistyping. */
static int str_fold_case(char c)
{
    return c == '-' ? '_' : tolower((unsigned char)c);
}

static size_t str_least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters are added, lost, changed or swapped with their neighbour
 * between two words of at most WORD_MAX letters. */
static size_t str_edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t change = str_fold_case(a[i - 1]) == str_fold_case(b[j - 1]) ? 0 : 1;
            row[j] = str_least(above[j - 1] + change, str_least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && str_fold_case(a[i - 1]) == str_fold_case(b[j - 2]) &&
                str_fold_case(a[i - 2]) == str_fold_case(b[j - 1])) {
                row[j] = str_least(row[j], before[j - 2] + 1);
            }
        }
    }
    return row[b_len];
}

const char *hg_did_you_mean(const char *word, const char *const *choices)
{
    size_t len = strlen(word);
    if (len < 2 || len > WORD_MAX) {
        return NULL;
    }
    size_t allowed = len < 6 ? 1 : len < 9 ? 2 : 3;

    const char *best = NULL;
    size_t best_distance = allowed + 1;
    for (size_t i = 0; choices[i]; i++) {
        size_t choice_len = strlen(choices[i]);
        if (choice_len > WORD_MAX) {
            continue;
        }
        size_t d = str_edit_distance(word, len, choices[i], choice_len);
        /* An abbreviation ("pass", "db") counts as one mistake. */
        if (len >= 3 && strncasecmp(word, choices[i], len) == 0) {
            d = str_least(d, 1);
        }
        if (d < best_distance) {
            best_distance = d;
            best = choices[i];
        }
    }
    return best;
}

bool hg_object_name_ok(const char *name, size_t max)
{
    size_t n = strlen(name);
    if (n == 0 || n > max ||
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/=-") != n) {
        return false;
    }
    for (const char *at = name;;) {
        size_t part = strcspn(at, "/");
        if (part == 0 || (part == 1 && at[0] == '.') ||
            (part == 2 && at[0] == '.' && at[1] == '.')) {
            return false;
        }
        if (at[part] == '\0') {
            return true;
        }
        at += part + 1;
    }
}
