/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * log: see log.h.
 */
#include "log.h"

#include <jansson.h>
#include <string.h>
#include <time.h>

static const char *const levels[] = {"error", "warning", "info", "debug"};

bool cli_log_format_named(const char *name, enum cli_log_format *out)
{
    static const char *const names[] = {NULL, "logfmt", "json", "journal"};

    for (size_t i = CLI_LOG_LOGFMT; i <= CLI_LOG_JOURNAL; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (enum cli_log_format)i;
            return true;
        }
    }
    return false;
}

static void log_time_text(int64_t ms, char out[CLI_SHORT])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm = {0};
    char text[CLI_SHORT] = "";

    if (gmtime_r(&seconds, &tm)) {
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    }
    snprintf(out, CLI_SHORT, "%.30s.%03dZ", text, (int)(ms % 1000));
}

/* A logfmt value: quoted, with quotes and backslashes escaped. */
static void log_put_quoted(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            fputc('\\', file);
        }
        fputc(*text, file);
    }
    fputc('"', file);
}

static void log_put_word(FILE *file, const char *key, const char *word)
{
    if (word && *word) {
        fprintf(file, " %s=%s", key, word);
    }
}

static void log_put_logfmt(FILE *file, const struct hangar_log_line *line,
                           const struct cli_log_job *job, const char *level, const char *message)
{
    fprintf(file, "level=%s", level);
    log_put_word(file, "run", line->run);
    log_put_word(file, "event", line->event);
    if (job) {
        log_put_word(file, "pipeline", job->pipeline);
        log_put_word(file, "job", job->job);
        log_put_word(file, "status", job->status);
    }
    if (line->duration_ms >= 0) {
        fprintf(file, " duration_ms=%lld", (long long)line->duration_ms);
    }
    fputs(" msg=", file);
    log_put_quoted(file, message);
}

static void log_put_json(FILE *file, const struct hangar_log_line *line,
                         const struct cli_log_job *job, const char *level, const char *message)
{
    static const struct cli_log_job nothing = {0};
    char when[CLI_SHORT];

    log_time_text(line->time_ms, when);
    job = job ? job : &nothing;
    json_t *doc = json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:s*, s:s*}", "time", when, "level",
                            level, "run", line->run, "event", line->event, "pipeline",
                            job->pipeline, "job", job->job, "status", job->status);
    if (doc && line->duration_ms >= 0) {
        json_object_set_new(doc, "duration_ms", json_integer(line->duration_ms));
    }
    /* invalid UTF-8 in the message was escaped before */
    if (!doc || json_object_set_new(doc, "msg", json_string(message)) < 0 ||
        json_dumpf(doc, file, JSON_COMPACT | JSON_PRESERVE_ORDER) < 0) {
        log_put_logfmt(file, line, job, level, message);
    }
    json_decref(doc);
}

static void log_put_text(const struct cli_view *view, uint32_t level, const char *message)
{
    static const enum cli_style styles[] = {CLI_RED, CLI_YELLOW, CLI_PLAIN, CLI_DIM};

    if (level != 2) {
        fprintf(view->file, "%s%s%s: ", cli_on(view, styles[level]), levels[level], cli_off(view));
    }
    fputs(message, view->file);
}

void cli_log_put(const struct cli_view *view, enum cli_log_format format,
                 const struct hangar_log_line *line, const struct cli_log_job *job,
                 const char *message)
{
    static const int priorities[] = {3, 4, 6, 7}; /* of syslog */
    uint32_t level = line->level < 4 ? line->level : 3;
    char when[CLI_SHORT];

    switch (format) {
    case CLI_LOG_TEXT:
        log_put_text(view, level, message);
        break;
    case CLI_LOG_LOGFMT:
        log_time_text(line->time_ms, when);
        fprintf(view->file, "time=%s ", when);
        log_put_logfmt(view->file, line, job, levels[level], message);
        break;
    case CLI_LOG_JSON:
        log_put_json(view->file, line, job, levels[level], message);
        break;
    case CLI_LOG_JOURNAL:
        fprintf(view->file, "<%d>", priorities[level]);
        log_put_logfmt(view->file, line, job, levels[level], message);
        break;
    }
    fputc('\n', view->file);
}
