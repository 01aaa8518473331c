/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * hooks: see hooks.h.
 */
#include "session/hooks.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/command.h"
#include "base/error.h"
#include "base/log.h"
#include "base/str.h"
#include "base/trust.h"
#include "config/config.h"

extern char **environ;

enum { LOGGED_MAX = 64 * 1024, LINE_MAX_BYTES = 1024 };

/* The output of a hook, which is logged line by line. */
struct hook_output {
    struct hg_log *log;
    const char *name;
    char line[LINE_MAX_BYTES];
    size_t size;
    size_t logged; /* bytes */
    char last[LINE_MAX_BYTES];
};

static void end_hook_line(struct hook_output *o)
{
    o->line[o->size] = '\0';
    o->size = 0;
    if (o->line[0] == '\0') {
        return;
    }
    memcpy(o->last, o->line, sizeof(o->last));
    if (o->logged < LOGGED_MAX) {
        o->logged += strlen(o->line);
        hg_log_event(o->log, HANGAR_LOG_INFO, "hook.output", "%s: %s%s", o->name, o->line,
                     o->logged < LOGGED_MAX ? "" : " (further output is not logged)");
    }
}

/* Reads everything, also what is not logged: the command must not block on a full pipe. */
static bool read_hook_output(void *arg, const char *data, size_t size)
{
    struct hook_output *o = arg;
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n' || o->size == sizeof(o->line) - 1) {
            end_hook_line(o);
        }
        if (data[i] != '\n' && data[i] != '\0') {
            o->line[o->size++] = data[i];
        }
    }
    return true;
}

struct hook_variable {
    const char *name, *value;
};

/* A copy of this process's environment without HANGAR_... and with the variables `added` that
 * have a value; NULL when out of memory. */
static char **hook_environment_new(const struct hook_variable *added, size_t count)
{
    size_t ours = 0;
    while (environ[ours]) {
        ours++;
    }
    char **env = calloc(ours + count + 1, sizeof(*env));
    size_t n = 0;
    bool ok = env != NULL;
    for (size_t i = 0; ok && i < ours; i++) {
        if (!hg_starts_with(environ[i], "HANGAR_")) {
            ok = (env[n++] = strdup(environ[i])) != NULL;
        }
    }
    for (size_t i = 0; ok && i < count; i++) {
        if (added[i].value) {
            ok = (env[n++] = hg_format("%s=%s", added[i].name, added[i].value)) != NULL;
        }
    }
    if (!ok) {
        for (size_t i = 0; i < n; i++) {
            free(env[i]);
        }
        free(env);
        return NULL;
    }
    return env;
}

static void hook_environment_free(char **env)
{
    for (char **e = env; e && *e; e++) {
        free(*e);
    }
    free(env);
}

static enum hangar_rc hook_result(const char *name, const struct hg_hook_config *hook,
                                  struct hg_command_result r, const struct hook_output *o,
                                  struct hg_error *err)
{
    const char *program = hook->argv[0];
    const char *sep = o->last[0] ? ": " : "";
    switch (r.end) {
    case HG_COMMAND_EXITED:
        if (r.value == 0) {
            return HANGAR_OK;
        }
        return hg_fail(err, HANGAR_IO, 0, "hook %s: %s failed with exit status %d%s%s", name,
                       program, r.value, sep, o->last);
    case HG_COMMAND_SIGNALLED:
        return hg_fail(err, HANGAR_IO, 0, "hook %s: %s was killed by signal %d%s%s", name, program,
                       r.value, sep, o->last);
    case HG_COMMAND_TIMED_OUT:
        return hg_fail(err, HANGAR_IO, 0,
                       "hook %s: %s did not end within %lld ms; hint: set a longer \"timeout\"",
                       name, program, (long long)hook->timeout_ms);
    case HG_COMMAND_CANCELLED:
        return hg_fail(err, HANGAR_CANCELLED, 0, "interrupted in hook %s", name);
    case HG_COMMAND_NOT_STARTED:
        return hg_fail(err, HANGAR_CONFIG, r.value, "hook %s: cannot run %s", name, program);
    default:
        return hg_fail(err, HANGAR_IO, r.value, "hook %s: cannot read the exit status of %s", name,
                       program);
    }
}

enum hangar_rc hg_hook_check(const struct hg_pipeline_config *pipeline, enum hg_hook hook,
                             struct hg_error *err)
{
    const struct hg_hook_config *config = &pipeline->hooks[hook];
    int failed = config->argv ? hg_command_find(config->argv[0]) : 0;
    return failed == 0 ? HANGAR_OK
                       : hg_fail(err, HANGAR_CONFIG, failed, "hook %s: cannot run %s",
                                 hg_hook_name(hook), config->argv[0]);
}

enum hangar_rc hg_hook_run(struct hg_log *log, const atomic_bool *cancel,
                           const struct hg_pipeline_config *pipeline, enum hg_hook hook,
                           const struct hg_hook_facts *facts, struct hg_error *err)
{
    const struct hg_hook_config *config = &pipeline->hooks[hook];
    const char *name = hg_hook_name(hook);
    const struct hook_variable added[] = {
        {"HANGAR_HOOK", name},
        {"HANGAR_PIPELINE", pipeline->name},
        {"HANGAR_RUN_ID", facts->run},
        {"HANGAR_BACKUP_ID", facts->backup},
        {"HANGAR_STATUS", facts->status},
        {"HANGAR_ERROR", facts->error},
    };
    if (!config->argv) {
        return HANGAR_OK;
    }
    struct hook_output *o = calloc(1, sizeof(*o));
    char **env = hook_environment_new(added, sizeof(added) / sizeof(added[0]));
    enum hangar_rc rc = HANGAR_OK;
    if (!o || !env) {
        rc = hg_no_memory(err);
    } else if (hg_trust_program(config->argv[0], err) != HANGAR_OK) {
        rc = hg_context(err, "hook %s: cannot run %s", name, config->argv[0]);
        hg_log_event(log, HANGAR_LOG_ERROR, "hook.failed", "%s", err->text);
    } else {
        int64_t started = hg_mono_ms();
        o->log = log;
        o->name = name;
        hg_log_event(log, HANGAR_LOG_INFO, "hook.start", "%s: %s", name, config->argv[0]);
        struct hg_command_result r = hg_command_run(&(struct hg_command){
            .argv = config->argv,
            .env = env,
            .timeout_ms = config->timeout_ms,
            .cancel = cancel,
            .with_errors = true,
            .output = read_hook_output,
            .arg = o,
        });
        end_hook_line(o);
        rc = hook_result(name, config, r, o, err);
        if (rc == HANGAR_OK) {
            int64_t ms = hg_mono_ms() - started;
            hg_log_took(log, HANGAR_LOG_INFO, "hook.done", ms, "%s in %lld ms", name,
                        (long long)ms);
        } else {
            hg_log_event(log, HANGAR_LOG_ERROR, "hook.failed", "%s", err->text);
        }
    }
    hook_environment_free(env);
    free(o);
    return rc;
}

enum hangar_status hg_hook_after(struct hg_log *log, const struct hg_pipeline_config *pipeline,
                                 enum hg_hook hook, struct hg_hook_facts facts,
                                 enum hangar_status status, struct hg_error *err)
{
    facts.status = hangar_status_name(status);
    facts.error = err->text[0] ? err->text : NULL;
    struct hg_error why = {0};
    if (hg_hook_run(log, NULL, pipeline, hook, &facts, &why) != HANGAR_OK &&
        status == HANGAR_STATUS_DONE) {
        hg_error_move(err, &why);
        return HANGAR_STATUS_DEGRADED;
    }
    return status;
}
