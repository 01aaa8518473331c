/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * verdict: see verdict.h.  The SQLSTATE decides.  pg_restore does not print it; the log
 * of the throw-away server has it before the same message.
 */
#include "restore/rows/verdict.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_READ_MAX (1024 * 1024) /* bytes at its end */
#define SQLSTATE_SIZE 5

/* Classes of errors in what is loaded, and the exceptions, which depend on the server. */
static const char *const content_classes[] = {"21", "22", "23", "2B", "2F", "38",
                                              "39", "3F", "42", "44", "P0", NULL};
static const char *const environment_states[] = {
    "22023", /* a parameter: a locale, a version of an extension */
    "42501", /* a privilege: rows are loaded by a role that has few */
    "42704", /* an object: a collation, or a setting of an extension */
    "P0004", /* an assertion, which depends on a setting */
    NULL};

static bool state_is_of(const char *state, const char *const *prefixes)
{
    for (; *prefixes; prefixes++) {
        if (strncmp(state, *prefixes, strlen(*prefixes)) == 0) {
            return true;
        }
    }
    return false;
}

/* The end of a file, for the caller to free; NULL: it cannot be read. */
static char *read_log_end(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char *text = fd >= 0 ? malloc(LOG_READ_MAX + 1) : NULL;
    ssize_t n = -1;
    struct stat st;
    if (text && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        n = pread(fd, text, LOG_READ_MAX,
                  st.st_size > LOG_READ_MAX ? st.st_size - LOG_READ_MAX : 0);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (n < 0) {
        free(text);
        return NULL;
    }
    text[n] = '\0';
    return text;
}

/* Is this line of the log, "23505 ERROR:  could not create unique index ...", about the error? */
static bool line_is_of(const char *line, const struct pg_error *err)
{
    const char *text = strlen(line) > SQLSTATE_SIZE && line[SQLSTATE_SIZE] == ' '
                           ? strstr(line + SQLSTATE_SIZE, ":  ")
                           : NULL;
    if (!text || strspn(line, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != SQLSTATE_SIZE) {
        return false;
    }
    char message[sizeof(err->text)];
    pg_one_line(text + 3, message, sizeof(message));
    return message[0] && strstr(err->text, message);
}

/* Finds the SQLSTATE of a message that pg_restore printed, the last one of its kind. */
static void find_logged_state(const char *path, const struct pg_error *err, char state[6])
{
    char *log = read_log_end(path), *rest = NULL;
    for (char *line = log ? strtok_r(log, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest)) {
        if (line_is_of(line, err)) {
            memcpy(state, line, SQLSTATE_SIZE);
            state[SQLSTATE_SIZE] = '\0';
        }
    }
    free(log);
}

void pg_verdict(const struct pg_target *target, struct pg_error *err)
{
    const char *log = target->src->opt.server_log;
    if (!log) {
        return;
    }
    char state[sizeof(err->sqlstate)];
    memcpy(state, err->sqlstate, sizeof(state));
    if (!state[0]) {
        find_logged_state(log, err, state);
    }
    /* in the order of another locale a good row may break a constraint */
    if (!target->locale && state_is_of(state, content_classes) &&
        !state_is_of(state, environment_states)) {
        err->rc = HANGAR_CORRUPT;
    } else if (err->rc == HANGAR_CORRUPT) {
        err->rc = HANGAR_IO;
    }
}
