/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * process: runs a program that prints keys.  It gets no shell, no input and
 * no terminal; its errors go nowhere, as they may hold what belongs into no log.  All it
 * started ends with it.
 */
#include "keys/parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

/* One word; *in moves behind it.  False: a quote is open. */
static bool take_word(const char **in, char **out)
{
    const char *at = *in;
    char quote = '\0';
    for (; *at && (quote || !isspace((unsigned char)*at)); at++) {
        if (quote ? *at == quote : *at == '"' || *at == '\'') {
            quote = quote ? '\0' : *at;
        } else if (*at == '\\' && quote != '\'' && at[1] &&
                   (!quote || at[1] == '"' || at[1] == '\\')) {
            *(*out)++ = *++at;
        } else {
            *(*out)++ = *at;
        }
    }
    *(*out)++ = '\0';
    *in = at;
    return !quote;
}

char **creds_split(const char *line)
{
    /* Words are separated: of n bytes there are at most n / 2 + 1. */
    size_t size = strlen(line), most = size / 2 + 2;
    char **words = malloc(most * sizeof(*words) + size + 2);
    if (!words) {
        return NULL;
    }
    char *out = (char *)(words + most);
    size_t count = 0;
    for (;;) {
        while (isspace((unsigned char)*line)) {
            line++;
        }
        if (!*line) {
            break;
        }
        words[count++] = out;
        if (!take_word(&line, &out)) {
            free(words);
            return NULL;
        }
    }
    words[count] = NULL;
    return words;
}

/* A program that runs, and what it has printed. */
struct run {
    struct s3_credentials *credentials;
    char *text;
    size_t size;
};

static bool is_cancelled(void *arg)
{
    const struct run *run = arg;
    return creds_is_cancelled(run->credentials);
}

static bool keep(void *arg, const char *data, size_t size)
{
    struct run *run = arg;
    if (size > CREDS_REPLY_MAX - run->size) {
        return false;
    }
    memcpy(run->text + run->size, data, size);
    run->size += size;
    return true;
}

static enum hangar_rc judge(const char *name, struct program_result result, size_t size,
                            struct creds_note *note)
{
    switch (result.end) {
    case PROGRAM_NOT_STARTED:
        return creds_problem(note, HANGAR_CONFIG, "cannot run program %s: %s", name,
                             strerrordesc_np(result.value));
    case PROGRAM_CANCELLED:
        return creds_problem(note, HANGAR_CANCELLED, "cancelled");
    case PROGRAM_TIMED_OUT:
        return creds_problem(note, HANGAR_RETRY, "program %s did not end in time", name);
    case PROGRAM_TOO_MUCH:
        return creds_problem(note, HANGAR_AUTH, "program %s prints more than 64 KiB", name);
    case PROGRAM_LOST:
        return creds_problem(note, HANGAR_IO, "cannot wait for program %s: %s", name,
                             strerrordesc_np(result.value));
    case PROGRAM_SIGNALLED:
        return creds_problem(note, HANGAR_AUTH, "program %s was ended by signal %d", name,
                             result.value);
    case PROGRAM_EXITED:
        break;
    }
    if (result.value) {
        return creds_problem(note, HANGAR_AUTH,
                             "program %s failed with exit status %d; hint: run it by hand, what it "
                             "prints on errors is not logged",
                             name, result.value);
    }
    if (!size) {
        return creds_problem(note, HANGAR_AUTH, "program %s prints nothing", name);
    }
    return HANGAR_OK;
}

enum hangar_rc creds_run(struct s3_credentials *c, char *const *argv, char **text, size_t *size,
                         struct creds_note *note)
{
    struct run run = {.credentials = c, .text = malloc(CREDS_REPLY_MAX + 1)};
    struct program program = {.argv = argv,
                              .input = -1,
                              .alone = true,
                              .timeout_ms = c->timeout_ms,
                              .cancelled = is_cancelled,
                              .output = keep,
                              .arg = &run};
    if (!run.text) {
        return creds_problem(note, HANGAR_NO_MEMORY, "out of memory");
    }
    struct program_result result = program_run(&program);
    enum hangar_rc rc = judge(argv[0], result, run.size, note);
    if (rc != HANGAR_OK) {
        creds_free(run.text, run.size);
        return rc;
    }
    *text = run.text;
    *size = run.size;
    return HANGAR_OK;
}
