/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * host: the functions of the core that plugins call (struct hangar_host).
 */
#include "plugin/host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attrs.h"
#include "base/left_event.h"
#include "base/trust.h"
#include "plugin/call.h"
#include "plugin/context.h"
#include "plugin/page.h"
#include "plugin/spool.h"

static void host_log(struct hangar_ctx *ctx, enum hangar_log_level level, const char *fmt, ...)
{
    char text[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    const char *event = level == HANGAR_LOG_WARN && hg_call_is_clearing() ? HG_LOG_LEFT : NULL;
    hg_log_event(ctx->job->set.log, level, event, "%s %s: %s", ctx->kind, ctx->name, text);
}

static enum hangar_rc host_fail(struct hangar_ctx *ctx, enum hangar_rc rc, int error_number,
                                const char *fmt, ...)
{
    (void)ctx;
    char text[3072];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    hg_fail(hg_call_error(), rc, error_number, "%s", text);
    return rc;
}

static const struct hg_option_value *host_option(struct hangar_ctx *ctx, const char *name)
{
    const struct hg_option_value *value = hg_options_get(ctx->options, name);
    if (!value) {
        hg_log_line(ctx->job->set.log, HANGAR_LOG_ERROR,
                    "%s %s: plugin %s reads option %s, which it does not declare", ctx->kind,
                    ctx->name, ctx->plugin->d.name, name);
    }
    return value && value->set ? value : NULL;
}

static enum hangar_rc host_fail_option(struct hangar_ctx *ctx, const char *name, const char *fmt,
                                       ...)
{
    char text[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    const struct hg_option_value *value = hg_options_get(ctx->options, name);
    if (ctx->file && value && value->line) {
        return hg_fail(hg_call_error(), HANGAR_CONFIG, 0, "%s:%zu:%zu: option %s: %s", ctx->file,
                       value->line, value->column, name, text);
    }
    return hg_fail(hg_call_error(), HANGAR_CONFIG, 0, "option %s: %s", name, text);
}

static void host_progress(struct hangar_ctx *ctx, const char *what, uint64_t done, uint64_t total)
{
    if (total) {
        hg_job_activity(ctx->job, "%s: %s (%llu of %llu)", ctx->name, what ? what : "",
                        (unsigned long long)done, (unsigned long long)total);
    } else {
        hg_job_activity(ctx->job, "%s: %s", ctx->name, what ? what : "");
    }
}

static void host_alive(struct hangar_ctx *ctx, const char *what)
{
    if (what && what[0]) {
        hg_job_activity(ctx->job, "%s: %s", ctx->name, what);
    }
    hg_job_alive(ctx->job);
}

static int host_cancelled(struct hangar_ctx *ctx)
{
    return hg_job_cancelled(ctx->job) || atomic_load(&ctx->cancelled);
}

static enum hangar_rc host_sleep(struct hangar_ctx *ctx, uint32_t ms)
{
    return hg_job_sleep(ctx->job, ms, &ctx->cancelled);
}

static const char *host_opt_string(struct hangar_ctx *ctx, const char *name)
{
    const struct hg_option_value *value = host_option(ctx, name);
    return value ? value->text : NULL;
}

static int64_t host_opt_int(struct hangar_ctx *ctx, const char *name)
{
    const struct hg_option_value *value = host_option(ctx, name);
    return value ? value->number : 0;
}

static int host_opt_bool(struct hangar_ctx *ctx, const char *name)
{
    const struct hg_option_value *value = host_option(ctx, name);
    return value && value->number != 0;
}

static const char *host_opt_list(struct hangar_ctx *ctx, const char *name, size_t index)
{
    const struct hg_option_value *value = host_option(ctx, name);
    if (!value || !value->list) {
        return NULL;
    }
    for (size_t i = 0; i < index; i++) {
        if (!value->list[i]) {
            return NULL;
        }
    }
    return value->list[index];
}

static int host_opt_given(struct hangar_ctx *ctx, const char *name)
{
    const struct hg_option_value *value = host_option(ctx, name);
    return value && value->given;
}

static const char *host_instance_name(struct hangar_ctx *ctx)
{
    return ctx->name;
}

static enum hangar_rc host_temp_dir(struct hangar_ctx *ctx, uint64_t quota, const char **path)
{
    pthread_mutex_lock(&ctx->temp_mutex);
    enum hangar_rc rc = HANGAR_OK;
    if (!ctx->temp_dir) {
        /* the address: a job may have several instances of one name */
        char name[192];
        snprintf(name, sizeof(name), "%s-%.100s-%p", ctx->kind, ctx->name, (void *)ctx);
        rc = hg_job_temp_dir(ctx->job, name, quota, &ctx->temp_dir, hg_call_error());
    } else {
        rc = hg_job_raise_quota(ctx->job, ctx->temp_dir, quota, hg_call_error());
    }
    if (rc == HANGAR_OK) {
        *path = ctx->temp_dir;
    }
    pthread_mutex_unlock(&ctx->temp_mutex);
    return rc;
}

static enum hangar_rc host_spool_open(struct hangar_ctx *ctx, uint64_t max_bytes,
                                      struct hangar_spool **out)
{
    char *dir = NULL;
    enum hangar_rc rc = hg_job_temp_dir(ctx->job, "spool", max_bytes, &dir, hg_call_error());
    if (rc == HANGAR_OK) {
        rc = hg_spool_open(dir, max_bytes, out, hg_call_error());
    }
    free(dir);
    return rc;
}

static enum hangar_rc host_spool_write(struct hangar_spool *spool, const void *data, size_t size)
{
    return hg_spool_write(spool, data, size, hg_call_error());
}

static enum hangar_rc host_spool_read(struct hangar_spool *spool, void *data, size_t size,
                                      size_t *got)
{
    return hg_spool_read(spool, data, size, got, hg_call_error());
}

static size_t host_budget_take(struct hangar_ctx *ctx, size_t want, size_t least)
{
    return hg_job_budget_take(ctx->job, want, least);
}

static void host_budget_give(struct hangar_ctx *ctx, size_t bytes)
{
    hg_job_budget_give(ctx->job, bytes);
}

static void host_attr_setf(struct hangar_attrs *attrs, const char *name, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct hg_str text = {0};
    hg_str_addv(&text, fmt, args);
    va_end(args);
    hg_attrs_set(attrs, name, hg_str_text(&text));
    hg_str_free(&text);
}

static void host_text(struct hangar_text *text, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    hg_str_addv(&text->str, fmt, args);
    va_end(args);
}

static enum hangar_rc host_check_file(struct hangar_ctx *ctx, const char *path, char *why,
                                      size_t size)
{
    (void)ctx;
    struct hg_error err = {0};
    enum hangar_rc rc = hg_trust_program(path, &err);
    if (rc != HANGAR_OK) {
        snprintf(why, size, "%s", err.text);
    }
    return rc;
}

const struct hangar_host hg_host = {
    .struct_size = sizeof(struct hangar_host),
    .abi_minor = HANGAR_ABI_MINOR,
    .log = host_log,
    .fail = host_fail,
    .fail_option = host_fail_option,
    .progress = host_progress,
    .alive = host_alive,
    .cancelled = host_cancelled,
    .sleep = host_sleep,
    .opt_string = host_opt_string,
    .opt_int = host_opt_int,
    .opt_bool = host_opt_bool,
    .opt_list = host_opt_list,
    .opt_given = host_opt_given,
    .instance_name = host_instance_name,
    .temp_dir = host_temp_dir,
    .spool_open = host_spool_open,
    .spool_write = host_spool_write,
    .spool_read = host_spool_read,
    .spool_close = hg_spool_close,
    .budget_take = host_budget_take,
    .budget_give = host_budget_give,
    .attr_set = hg_attrs_set,
    .attr_setf = host_attr_setf,
    .attr_get = hg_attrs_get,
    .text = host_text,
    .page_add = hg_page_add,
    .check_file = host_check_file,
};
