/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * prompt: see prompt.h.
 */
#include "prompt.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli.h"
#include "interrupt.h"

enum prompt_answer { PROMPT_NO, PROMPT_YES, PROMPT_INTERRUPTED };

#define LINE_MAX_BYTES 64
/* a signal that arrives just before poll is noticed after this time */
#define TICK_MS 250

/* Whether a line, without its newline, means yes. */
static bool prompt_is_yes(const char *line)
{
    size_t start = strspn(line, " \t"), end = strlen(line);

    while (end > start && strchr(" \t\r", line[end - 1])) {
        end--;
    }
    char word[LINE_MAX_BYTES];
    if (end - start >= sizeof(word)) {
        return false;
    }
    memcpy(word, line + start, end - start);
    word[end - start] = '\0';
    return strcasecmp(word, "y") == 0 || strcasecmp(word, "yes") == 0;
}

static enum prompt_answer prompt_confirm(int in, FILE *out, const char *question)
{
    char line[LINE_MAX_BYTES];
    size_t length = 0;

    fprintf(out, "%s [y/N] ", question);
    fflush(out);
    for (;;) {
        struct pollfd wait = {.fd = in, .events = POLLIN};
        int ready = poll(&wait, 1, TICK_MS);
        if (cli_interrupted()) {
            fputc('\n', out);
            return PROMPT_INTERRUPTED;
        }
        if (ready == 0 || (ready < 0 && errno == EINTR)) {
            continue;
        }
        char byte;
        ssize_t n = ready < 0 ? -1 : read(in, &byte, 1);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0 || byte == '\0') {
            fputc('\n', out);
            return PROMPT_NO;
        }
        if (byte == '\n') {
            line[length] = '\0';
            return prompt_is_yes(line) ? PROMPT_YES : PROMPT_NO;
        }
        /* a longer line is read to its end and means no */
        if (length < sizeof(line) - 1) {
            line[length++] = byte;
        }
    }
}

int cli_agree(struct cli *cli, char *question, const char *no, const char *unchanged)
{
    if (!question) {
        return cli_stop(cli, HANGAR_STATUS_FAILED, "out of memory");
    }
    enum prompt_answer answer = prompt_confirm(cli->io->in, cli->err.file, question);
    free(question);
    if (answer == PROMPT_NO) {
        return cli_stop(cli, HANGAR_STATUS_FAILED, no);
    }
    if (answer == PROMPT_YES && !cli_interrupted()) {
        return HANGAR_STATUS_DONE;
    }
    char text[128];
    snprintf(text, sizeof(text), "interrupted; %s", unchanged);
    return cli_stop(cli, HANGAR_STATUS_INTERRUPTED, text);
}
