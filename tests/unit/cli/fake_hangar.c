/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fake_hangar: see fake_hangar.h.
 */
#include "fake_hangar.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "interrupt.h"
#include "output.h"

struct hangar {
    struct hangar_settings settings;
    const char *error;
};

struct fake fake;

void fake_reset(void)
{
    fake = (struct fake){.pipelines = {"nightly"}};
}

static void fake_hangar_called(const char *fmt, ...) CLI_PRINTF(1, 2);
static void fake_hangar_called(const char *fmt, ...)
{
    size_t length = strlen(fake.calls);
    va_list args;

    va_start(args, fmt);
    vsnprintf(fake.calls + length, sizeof(fake.calls) - length, fmt, args);
    va_end(args);
    strncat(fake.calls, "\n", sizeof(fake.calls) - strlen(fake.calls) - 1);
}

const char *hangar_version(void)
{
    return "0.1.0";
}

const char *hangar_status_name(enum hangar_status status)
{
    static const char *const names[] = {"done",      "failed", "usage", "degraded", "corrupt",
                                        "not_found", "busy",   "stale", "auth"};

    return (unsigned)status <= HANGAR_STATUS_AUTH ? names[status] : "interrupted";
}

static void fake_log_event(struct hangar *hangar, const char *event, const char *message)
{
    struct hangar_log_line line = {.struct_size = sizeof(line),
                                   .level = 1,
                                   .time_ms = 1768442400000,
                                   .event = event,
                                   .run = "run_1",
                                   .duration_ms = -1,
                                   .message = message};

    if (message) {
        hangar->settings.on_log(hangar->settings.arg, &line);
    }
}

enum hangar_status hangar_open(const struct hangar_settings *settings, struct hangar **out)
{
    fake_hangar_called("open config=%s", settings->config_file ? settings->config_file : "-");
    *out = calloc(1, sizeof(**out));
    (*out)->settings = *settings;
    fake.log_level = settings->log_level;
    fake.plugin_dir = settings->plugin_dir;
    fake.state_dir = settings->state_dir;
    /* without a configuration open always succeeds */
    if (settings->config_file && !*settings->config_file) {
        return HANGAR_STATUS_DONE;
    }
    (*out)->error = fake.opens.error;
    return fake.opens.status;
}

void hangar_close(struct hangar *hangar)
{
    fake.closed++;
    free(hangar);
}

const char *hangar_error(const struct hangar *hangar)
{
    return hangar->error ? hangar->error : "";
}

void hangar_cancel(struct hangar *hangar)
{
    (void)hangar;
    fake.cancelled++;
}

void hangar_free(char *json)
{
    free(json);
}

const char *const *hangar_pipelines(const struct hangar *hangar)
{
    (void)hangar;
    return fake.pipelines;
}

static enum hangar_status fake_hangar_answer(struct hangar *hangar, char **json)
{
    const struct fake_answer *a = &fake.answers[fake.answered++ % FAKE_ANSWERS];

    fake_log_event(hangar, "backup.slow", a->log);
    if (a->signal) {
        cli_interrupt(a->signal);
    }
    /* at most 30 s */
    for (int i = 0; i < 3000 && fake.cancelled < fake.waits; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    hangar->error = a->error;
    *json = a->json ? strdup(a->json) : NULL;
    return a->status;
}

static const char *fake_hangar_text(const char *value)
{
    return value ? value : "-";
}

enum hangar_status hangar_check(struct hangar *hangar, char **json)
{
    fake_hangar_called("check");
    return fake_hangar_answer(hangar, json);
}

enum hangar_status hangar_backup(struct hangar *hangar, const char *pipeline, char **json)
{
    fake_hangar_called("backup %s", pipeline);
    return fake_hangar_answer(hangar, json);
}

enum hangar_status hangar_backup_with(struct hangar *hangar,
                                      const struct hangar_backup_request *request, char **json)
{
    fake_hangar_called("backup %s", request->pipeline);
    for (const char *const *only = request->only; only && *only; only++) {
        fake_hangar_called(" only=%s", *only);
    }
    for (const char *const *tag = request->tags; tag && *tag; tag++) {
        fake_hangar_called(" tag=%s", *tag);
    }
    return fake_hangar_answer(hangar, json);
}

enum hangar_status hangar_history(struct hangar *hangar, const char *pipeline, uint32_t last,
                                  char **json)
{
    fake_hangar_called("history %s last=%u", fake_hangar_text(pipeline), (unsigned)last);
    return fake_hangar_answer(hangar, json);
}

enum hangar_status hangar_list_with(struct hangar *hangar,
                                    const struct hangar_list_request *request, char **json)
{
    fake_hangar_called("list pipeline=%s sink=%s", fake_hangar_text(request->pipeline),
                       fake_hangar_text(request->sink));
    if (request->tag) {
        fake_hangar_called(" tag=%s", request->tag);
    }
    return fake_hangar_answer(hangar, json);
}

enum hangar_status hangar_list(struct hangar *hangar, const char *pipeline, const char *sink,
                               char **json)
{
    fake_hangar_called("list pipeline=%s sink=%s", fake_hangar_text(pipeline),
                       fake_hangar_text(sink));
    return fake_hangar_answer(hangar, json);
}

enum hangar_status hangar_show(struct hangar *hangar, const struct hangar_selection *which,
                               char **json)
{
    fake_hangar_called("show %s pipeline=%s sink=%s", fake_hangar_text(which->id),
                       fake_hangar_text(which->pipeline), fake_hangar_text(which->sink));
    return fake_hangar_answer(hangar, json);
}

enum hangar_status hangar_health(struct hangar *hangar, const char *pipeline, char **json)
{
    fake_hangar_called("health pipeline=%s", fake_hangar_text(pipeline));
    return fake_hangar_answer(hangar, json);
}

enum hangar_status hangar_plan(struct hangar *hangar, char **json)
{
    fake_hangar_called("plan");
    return fake_hangar_answer(hangar, json);
}

/* The calendar of the daemon: no job is ever due. */
int64_t hangar_next_time(const char *schedule, const char *zone, int64_t after_ms)
{
    (void)schedule, (void)zone, (void)after_ms;
    return -1;
}

int hangar_in_window(const char *window, const char *zone, int64_t time_ms)
{
    (void)window, (void)zone, (void)time_ms;
    return 0;
}

enum hangar_status hangar_overview(struct hangar *hangar, char **json)
{
    fake_hangar_called("overview");
    return fake_hangar_answer(hangar, json);
}

enum hangar_status hangar_watch(struct hangar *hangar, char **json)
{
    fake_hangar_called("watch");
    return fake_hangar_answer(hangar, json);
}

enum hangar_status hangar_restore(struct hangar *hangar,
                                  const struct hangar_restore_request *request, char **json)
{
    char only[256] = "", set[256] = "";

    for (size_t i = 0; request->only && request->only[i]; i++) {
        snprintf(only + strlen(only), sizeof(only) - strlen(only), " only=%s", request->only[i]);
    }
    for (size_t i = 0; request->set && request->set[i]; i++) {
        snprintf(set + strlen(set), sizeof(set) - strlen(set), " set=%s", request->set[i]);
    }
    fake_hangar_called("restore %s pipeline=%s sink=%s flags=%u%s%s",
                       fake_hangar_text(request->backup.id),
                       fake_hangar_text(request->backup.pipeline),
                       fake_hangar_text(request->backup.sink), request->flags, only, set);
    return fake_hangar_answer(hangar, json);
}

enum hangar_status hangar_verify(struct hangar *hangar, const struct hangar_selection *which,
                                 enum hangar_verify_level level, char **json)
{
    fake_hangar_called("verify %s pipeline=%s sink=%s level=%d", fake_hangar_text(which->id),
                       fake_hangar_text(which->pipeline), fake_hangar_text(which->sink),
                       (int)level);
    return fake_hangar_answer(hangar, json);
}

enum hangar_status hangar_prune(struct hangar *hangar, const char *pipeline, const char *sink,
                                uint32_t flags, char **json)
{
    fake_hangar_called("prune pipeline=%s sink=%s flags=%u", fake_hangar_text(pipeline),
                       fake_hangar_text(sink), flags);
    return fake_hangar_answer(hangar, json);
}

enum hangar_status hangar_report_crash(struct hangar *hangar, const char *job, const char *pipeline,
                                       const char *why, char **json)
{
    fake_hangar_called("crash %s %s %s", job, pipeline, why);
    return fake_hangar_answer(hangar, json);
}

enum hangar_status hangar_alerts(struct hangar *hangar, uint32_t flags, char **json)
{
    fake_hangar_called("alerts flags=%u", flags);
    return fake_hangar_answer(hangar, json);
}

enum hangar_status hangar_notify(struct hangar *hangar, const char *notifier, char **json)
{
    fake_hangar_called("notify %s", fake_hangar_text(notifier));
    return fake_hangar_answer(hangar, json);
}

enum hangar_status hangar_hold(struct hangar *hangar, const struct hangar_selection *which,
                               int hold, char **json)
{
    fake_hangar_called("%s %s pipeline=%s sink=%s", hold ? "hold" : "unhold",
                       fake_hangar_text(which->id), fake_hangar_text(which->pipeline),
                       fake_hangar_text(which->sink));
    return fake_hangar_answer(hangar, json);
}

enum hangar_status hangar_remove(struct hangar *hangar, const struct hangar_selection *which,
                                 char **json)
{
    fake_hangar_called("remove %s pipeline=%s sink=%s", fake_hangar_text(which->id),
                       fake_hangar_text(which->pipeline), fake_hangar_text(which->sink));
    return fake_hangar_answer(hangar, json);
}

enum hangar_status hangar_cat(struct hangar *hangar, const struct hangar_selection *which,
                              const char *object, hangar_write_fn write, void *arg)
{
    char *data = NULL;

    fake_hangar_called("cat %s %s pipeline=%s sink=%s", fake_hangar_text(which->id), object,
                       fake_hangar_text(which->pipeline), fake_hangar_text(which->sink));
    enum hangar_status status = fake_hangar_answer(hangar, &data);
    if (data && write(arg, data, strlen(data)) != 0) {
        status = HANGAR_STATUS_FAILED;
    }
    free(data);
    return status;
}

enum hangar_status hangar_copy(struct hangar *hangar, const struct hangar_selection *which,
                               const char *to, char **json)
{
    fake_hangar_called("copy %s pipeline=%s sink=%s to=%s", fake_hangar_text(which->id),
                       fake_hangar_text(which->pipeline), fake_hangar_text(which->sink),
                       fake_hangar_text(to));
    return fake_hangar_answer(hangar, json);
}

enum hangar_status hangar_repair(struct hangar *hangar, const struct hangar_selection *which,
                                 uint32_t flags, char **json)
{
    fake_hangar_called("repair %s pipeline=%s sink=%s flags=%u", fake_hangar_text(which->id),
                       fake_hangar_text(which->pipeline), fake_hangar_text(which->sink),
                       (unsigned)flags);
    return fake_hangar_answer(hangar, json);
}

enum hangar_status hangar_export(struct hangar *hangar, const struct hangar_selection *which,
                                 hangar_write_fn write, void *arg, char **json)
{
    fake_hangar_called("export %s pipeline=%s sink=%s", fake_hangar_text(which->id),
                       fake_hangar_text(which->pipeline), fake_hangar_text(which->sink));
    enum hangar_status status = fake_hangar_answer(hangar, json);
    if (write(arg, FAKE_ARCHIVE, strlen(FAKE_ARCHIVE)) != 0) {
        status = HANGAR_STATUS_FAILED;
    }
    return status;
}

enum hangar_status hangar_import(struct hangar *hangar, const char *pipeline, const char *sink,
                                 hangar_read_fn read, void *arg, char **json)
{
    char data[64] = "";
    long n = read(arg, data, sizeof(data) - 1);

    fake_hangar_called("import pipeline=%s sink=%s data=%s", fake_hangar_text(pipeline),
                       fake_hangar_text(sink), n < 0 ? "(failed)" : data);
    enum hangar_status status = fake_hangar_answer(hangar, json);
    return n < 0 ? HANGAR_STATUS_FAILED : status;
}

enum hangar_status hangar_plugins(struct hangar *hangar, const char *name, char **json)
{
    fake_hangar_called("plugins %s", fake_hangar_text(name));
    return fake_hangar_answer(hangar, json);
}

const char *hangar_sample_config(void)
{
    return "version: 1\n";
}
