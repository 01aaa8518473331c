/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * problems: see problems.h.  Each text is one line that is safe to print, whatever the
 * file contains.
 */
#include "config/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/vec.h"

enum { TEXT_MAX = 1024 };

static bool problem_is_before(size_t line, size_t column, const struct hg_problem *b)
{
    return line != b->line ? line < b->line : column < b->column;
}

static void problem_insert(struct hg_problems *p, bool warning, size_t line, size_t column,
                           const char *fmt, va_list args)
{
    if (p->count >= HG_PROBLEMS_MAX) {
        return;
    }
    char raw[TEXT_MAX], text[TEXT_MAX * 2];
    if (vsnprintf(raw, sizeof(raw), fmt, args) < 0) {
        raw[0] = '\0';
    }
    hg_log_escape(raw, text, sizeof(text));
    char *copy = strdup(text);
    if (!copy || !HG_VEC_RESERVE(p)) {
        free(copy);
        p->failed = true;
        return;
    }
    size_t at = p->count;
    while (at > 0 && problem_is_before(line, column, &p->items[at - 1])) {
        at--;
    }
    memmove(&p->items[at + 1], &p->items[at], (p->count - at) * sizeof(*p->items));
    p->items[at] = (struct hg_problem){line, column, warning, copy};
    p->count++;
}

static void problem_insert_error(struct hg_problems *p, enum hangar_rc rc, size_t line,
                                 size_t column, const char *fmt, va_list args)
{
    if (p->errors == 0) {
        p->rc = rc;
    }
    p->errors++;
    problem_insert(p, false, line, column, fmt, args);
}

void hg_problem_add(struct hg_problems *p, size_t line, size_t column, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    problem_insert_error(p, HANGAR_CONFIG, line, column, fmt, args);
    va_end(args);
}

void hg_problem_add_rc(struct hg_problems *p, enum hangar_rc rc, size_t line, size_t column,
                       const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    problem_insert_error(p, rc, line, column, fmt, args);
    va_end(args);
}

void hg_problem_warn(struct hg_problems *p, size_t line, size_t column, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    problem_insert(p, true, line, column, fmt, args);
    va_end(args);
}

void hg_problems_text(struct hg_problems *p, bool warnings, struct hg_str *out)
{
    size_t shown = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct hg_problem *problem = &p->items[i];
        if (problem->warning != warnings) {
            continue;
        }
        hg_str_add(out, shown++ > 0 ? "\n" : "");
        if (problem->line > 0 && p->file) {
            hg_str_addf(out, "%s:%zu:%zu: ", p->file, problem->line, problem->column);
        }
        hg_str_add(out, problem->text);
    }
    if (!warnings && p->errors > shown) {
        hg_str_addf(out, "%s%zu more errors", shown > 0 ? "\n" : "", p->errors - shown);
    }
    if (!warnings && p->errors == 0 && p->failed) {
        hg_str_add(out, "out of memory");
    }
}

enum hangar_rc hg_problems_rc(const struct hg_problems *p)
{
    return p->errors > 0 ? p->rc : p->failed ? HANGAR_NO_MEMORY : HANGAR_OK;
}

enum hangar_rc hg_problems_fail(struct hg_problems *p, struct hg_error *err)
{
    struct hg_str text = {0};
    hg_problems_text(p, false, &text);
    enum hangar_rc rc = hg_problems_rc(p);
    rc = rc == HANGAR_OK || text.failed ? hg_no_memory(err)
                                        : hg_fail(err, rc, 0, "%s", hg_str_text(&text));
    hg_str_free(&text);
    return rc;
}

void hg_problems_free(struct hg_problems *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->items[i].text);
    }
    free(p->items);
    *p = (struct hg_problems){0};
}
