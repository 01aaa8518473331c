/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * problems: the list of all problems of a configuration, in the order of the file:
 * "backup.yaml:12:9: unknown key "pasword"; hint: did you mean "password"?".
 */
#ifndef HG_CONFIG_PROBLEMS_H
#define HG_CONFIG_PROBLEMS_H

#include <stdbool.h>
#include "base/str.h"
#include "base/error.h"

/* Zero it before use, then set `file`; not for several threads. */
struct hg_problems {
    const char *file; /* the caller's; its name in messages */
    struct hg_problem {
        size_t line, column; /* 0: no position; shown without the file */
        bool warning;
        char *text;
    } *items;
    size_t count, capacity;
    size_t errors;     /* without warnings */
    enum hangar_rc rc; /* of the first error: CONFIG, or AUTH for a secret that cannot be read */
    bool failed;       /* out of memory */
};

/* The list is limited to so many; further errors are only counted. */
#define HG_PROBLEMS_MAX 100

/* line 0: no position. */
void hg_problem_add(struct hg_problems *p, size_t line, size_t column, const char *fmt, ...)
    HANGAR_PRINTF(4, 5);
void hg_problem_add_rc(struct hg_problems *p, enum hangar_rc rc, size_t line, size_t column,
                       const char *fmt, ...) HANGAR_PRINTF(5, 6);
void hg_problem_warn(struct hg_problems *p, size_t line, size_t column, const char *fmt, ...)
    HANGAR_PRINTF(4, 5);

/* All errors (or all warnings), one per line, sorted by place, without a final newline. */
void hg_problems_text(struct hg_problems *p, bool warnings, struct hg_str *out);
/* Records the errors as one error, for options that a job reads; returns its rc. */
enum hangar_rc hg_problems_fail(struct hg_problems *p, struct hg_error *err);
/* Of the first error; NO_MEMORY when there is none and memory failed, else OK. */
enum hangar_rc hg_problems_rc(const struct hg_problems *p);
void hg_problems_free(struct hg_problems *p);

#endif
