/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * process: runs a program that prints keys, without a shell, input or terminal.  Its standard error
 * is discarded, because it may contain secrets.  Processes that it started end with it.
 */
#include "keys/parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

/* Copies one word, and moves *in behind it.  False: a quote is open. */
static bool creds_split_word(const char **in, char **out)
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

char **creds_split_command(const char *line)
{
    /* blanks separate words, so n bytes have at most n / 2 + 1 words */
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
        if (!creds_split_word(&line, &out)) {
            free(words);
            return NULL;
        }
    }
    words[count] = NULL;
    return words;
}

/* A program that runs, and its output. */
struct creds_program {
    struct s3_credentials *credentials;
    char *text;
    size_t size;
};

static bool creds_program_is_cancelled(void *arg)
{
    const struct creds_program *run = arg;
    return creds_is_cancelled(run->credentials);
}

static bool creds_program_on_output(void *arg, const char *data, size_t size)
{
    struct creds_program *run = arg;
    if (size > CREDS_REPLY_MAX_BYTES - run->size) {
        return false;
    }
    memcpy(run->text + run->size, data, size);
    run->size += size;
    return true;
}

static enum hangar_rc creds_program_judge(const struct s3_credentials *c, const char *name,
                                          struct program_result ended, size_t size,
                                          struct creds_result *result)
{
    switch (ended.end) {
    case PROGRAM_NOT_STARTED:
        return creds_fail(result, HANGAR_CONFIG, "cannot run program %s: %s", name,
                          strerrordesc_np(ended.value));
    case PROGRAM_CANCELLED:
        return creds_fail(result, HANGAR_CANCELLED, "cancelled");
    case PROGRAM_TIMED_OUT:
        return creds_fail(result, HANGAR_RETRY,
                          "program %s did not end within %lld s (option credentials_timeout)", name,
                          (long long)(c->timeout_ms / 1000));
    case PROGRAM_TOO_MUCH:
        return creds_fail(result, HANGAR_AUTH, "program %s printed more than 64 KiB", name);
    case PROGRAM_LOST:
        return creds_fail(result, HANGAR_IO, "cannot wait for program %s: %s", name,
                          strerrordesc_np(ended.value));
    case PROGRAM_SIGNALLED:
        return creds_fail(result, HANGAR_AUTH, "program %s was ended by signal %d", name,
                          ended.value);
    case PROGRAM_EXITED:
        break;
    }
    if (ended.value) {
        return creds_fail(result, HANGAR_AUTH,
                          "program %s failed with exit status %d; hint: run it by hand, its "
                          "standard error is not logged",
                          name, ended.value);
    }
    if (!size) {
        return creds_fail(result, HANGAR_AUTH, "program %s printed nothing", name);
    }
    return HANGAR_OK;
}

enum hangar_rc creds_run_program(struct s3_credentials *c, char *const *argv, char **text,
                                 size_t *size, struct creds_result *result)
{
    struct creds_program run = {.credentials = c, .text = malloc(CREDS_REPLY_MAX_BYTES + 1)};
    struct program program = {.argv = argv,
                              .input = -1,
                              .alone = true,
                              .timeout_ms = c->timeout_ms,
                              .cancelled = creds_program_is_cancelled,
                              .output = creds_program_on_output,
                              .arg = &run};
    char why[PROGRAM_WHY_SIZE];
    if (program_check_file(c->host, c->ctx, argv[0], why) != HANGAR_OK) {
        free(run.text);
        return creds_fail(result, HANGAR_CONFIG, "cannot run program %s: %s", argv[0], why);
    }
    if (!run.text) {
        return creds_no_memory(result);
    }
    struct program_result ended = program_run(&program);
    enum hangar_rc rc = creds_program_judge(c, argv[0], ended, run.size, result);
    if (rc != HANGAR_OK) {
        creds_free(run.text, run.size);
        return rc;
    }
    *text = run.text;
    *size = run.size;
    return HANGAR_OK;
}
