/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test-source: a source of any number of objects, whose bytes are computed from their number.
 * A restore compares the bytes.  Each call is recorded in a journal, and options make any of
 * them fail.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <hangar/plugin.h>

struct source {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    uint64_t objects, size, phases;
    const char *journal, *fail_at;
    int64_t fail_rc, fail_nth, fail_times;
    pthread_mutex_t mutex; /* guards next and calls, failed */
    uint64_t next;
    int64_t calls, failed;
};

struct hangar_object {
    struct source *source;
    uint64_t number, size, at, phase;
    char name[500];
};

static const struct hangar_option options[] = {
    {.name = "objects", .type = HANGAR_OPT_INT, .default_value = "3", .help = "how many"},
    {.name = "size", .type = HANGAR_OPT_SIZE, .default_value = "100KiB", .help = "of each"},
    {.name = "phases", .type = HANGAR_OPT_INT, .default_value = "2", .help = "number of phases"},
    {.name = "phase", .type = HANGAR_OPT_INT, .default_value = "0", .help = "of the first"},
    {.name = "jobs", .type = HANGAR_OPT_INT, .default_value = "2", .help = "at once"},
    {.name = "time", .type = HANGAR_OPT_INT, .default_value = "1768442400000", .help = "point"},
    {.name = "name", .type = HANGAR_OPT_STRING, .help = "of all objects"},
    {.name = "rewind", .type = HANGAR_OPT_BOOL, .default_value = "true", .help = "can it"},
    {.name = "full", .type = HANGAR_OPT_BOOL, .default_value = "false", .help = "has data"},
    {.name = "left", .type = HANGAR_OPT_STRING, .help = "behind by a restore"},
    {.name = "journal", .type = HANGAR_OPT_PATH, .help = "of all calls"},
    {.name = "hold",
     .type = HANGAR_OPT_PATH,
     .help = "read and restore_end wait while it is there"},
    {.name = "priority", .type = HANGAR_OPT_PATH, .help = "where to write that of a reader"},
    {.name = "password", .type = HANGAR_OPT_STRING, .flags = HANGAR_OPT_SECRET, .help = "secret"},
    {.name = "fail_at", .type = HANGAR_OPT_STRING, .help = "the call that fails"},
    {.name = "fail_nth", .type = HANGAR_OPT_INT, .default_value = "1", .help = "from which on"},
    {.name = "fail_times", .type = HANGAR_OPT_INT, .default_value = "1000000", .help = "how often"},
    {.name = "fail_rc", .type = HANGAR_OPT_INT, .default_value = "8", .help = "with what"},
    {.name = "interrupt_at", .type = HANGAR_OPT_STRING, .help = "the call that raises SIGUSR1"},
    {.name = NULL}};

/* A person interrupts the job during a call, which takes longer than the job needs to notice. */
static void test_source_interrupt(struct source *s, const char *call)
{
    const char *at = s->host->opt_string(s->ctx, "interrupt_at");
    if (at && strcmp(at, call) == 0) {
        kill(getpid(), SIGUSR1); /* threads of the core block signals */
        usleep(600000);
    }
}

/* Records a call, and fails when the options select it. */
static enum hangar_rc test_source_record(struct source *s, const char *call, const char *what)
{
    char line[600];
    test_source_interrupt(s, call);
    int n = snprintf(line, sizeof(line), "%s%s%s\n", call, what ? " " : "", what ? what : "");
    pthread_mutex_lock(&s->mutex);
    int fd = s->journal ? open(s->journal, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (fd >= 0) {
        if (write(fd, line, (size_t)n) != n) {
            abort();
        }
        close(fd);
    }
    int fails = s->fail_at && strcmp(s->fail_at, call) == 0 && ++s->calls >= s->fail_nth &&
                s->failed < s->fail_times;
    s->failed += fails;
    pthread_mutex_unlock(&s->mutex);
    return fails ? s->host->fail(s->ctx, (enum hangar_rc)s->fail_rc, 0, "cannot %s: injected fault",
                                 call)
                 : HANGAR_OK;
}

static enum hangar_rc test_source_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                         void **out)
{
    struct source *s = calloc(1, sizeof(*s));
    s->host = host;
    s->ctx = ctx;
    s->objects = (uint64_t)host->opt_int(ctx, "objects");
    s->size = (uint64_t)host->opt_int(ctx, "size");
    s->phases = (uint64_t)host->opt_int(ctx, "phases");
    s->journal = host->opt_string(ctx, "journal");
    s->fail_at = host->opt_string(ctx, "fail_at");
    s->fail_rc = host->opt_int(ctx, "fail_rc");
    s->fail_nth = host->opt_int(ctx, "fail_nth");
    s->fail_times = host->opt_int(ctx, "fail_times");
    pthread_mutex_init(&s->mutex, NULL);
    enum hangar_rc rc = test_source_record(s, "create", NULL);
    if (rc != HANGAR_OK) {
        pthread_mutex_destroy(&s->mutex);
        free(s);
        return rc;
    }
    *out = s;
    return HANGAR_OK;
}

static void test_source_destroy(void *inst)
{
    struct source *s = inst;
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

static uint32_t test_source_threads(void *inst)
{
    (void)inst;
    return HANGAR_PARALLEL_HANDLES;
}

static uint32_t test_source_jobs(void *inst)
{
    struct source *s = inst;
    return (uint32_t)s->host->opt_int(s->ctx, "jobs");
}

static const char *test_source_describe(void *inst)
{
    (void)inst;
    return "made-up data";
}

static enum hangar_rc test_source_check(void *inst, struct hangar_attrs *facts)
{
    struct source *s = inst;
    s->host->attr_set(facts, "server", "none");
    s->host->log(s->ctx, HANGAR_LOG_WARN, "the data is made up");
    return test_source_record(s, "check", NULL);
}

static enum hangar_rc test_source_prepare(void *inst)
{
    return test_source_record(inst, "prepare", NULL);
}

static enum hangar_rc prepare_safety(void *inst)
{
    return test_source_record(inst, "prepare_safety", NULL);
}

static enum hangar_rc test_source_begin(void *inst, int64_t *time_ms, struct hangar_attrs *point)
{
    struct source *s = inst;
    *time_ms = s->host->opt_int(s->ctx, "time");
    s->host->attr_set(point, "place", "here");
    return test_source_record(s, "begin", NULL);
}

/* Writes the nice value and the I/O class of the reading thread. */
static void source_write_priority(struct source *s)
{
    const char *path = s->host->opt_string(s->ctx, "priority");
    FILE *f = path ? fopen(path, "w") : NULL;
    if (f) {
        fprintf(f, "%d %ld\n", getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid)),
                syscall(SYS_ioprio_get, 1, 0) >> 13);
        fclose(f);
    }
}

static enum hangar_rc test_source_next(void *inst, struct hangar_object_info *info,
                                       struct hangar_object **out)
{
    struct source *s = inst;
    pthread_mutex_lock(&s->mutex);
    uint64_t number = s->next;
    if (number == 0) {
        source_write_priority(s);
    }
    s->next += number < s->objects;
    pthread_mutex_unlock(&s->mutex);
    if (number == s->objects) {
        return HANGAR_EOF;
    }
    enum hangar_rc rc = test_source_record(s, "next", NULL);
    if (rc != HANGAR_OK) {
        return rc;
    }
    const char *name = s->host->opt_string(s->ctx, "name");
    struct hangar_object *o = calloc(1, sizeof(*o));
    *o = (struct hangar_object){.source = s, .number = number, .size = s->size};
    snprintf(o->name, sizeof(o->name), "data/%04u.bin", (unsigned)number);
    if (name) {
        snprintf(o->name, sizeof(o->name), "%s", name);
    }
    info->name = o->name;
    info->phase = (uint32_t)(number % s->phases + (uint64_t)s->host->opt_int(s->ctx, "phase"));
    info->size_hint = o->size;
    info->flags = s->host->opt_bool(s->ctx, "rewind") ? HANGAR_OBJECT_REREADABLE : 0;
    *out = o;
    return HANGAR_OK;
}

/* The byte at an offset of an object; half of the bytes compress. */
static void make_bytes(uint64_t number, uint64_t at, unsigned char *out, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint64_t x = (at + i) * 0x9e3779b97f4a7c15u + number;
        out[i] = (at + i) & 64 ? (unsigned char)(x >> 56) : (unsigned char)number;
    }
}

static enum hangar_rc test_source_read_object(struct hangar_object *o, void *buffer, size_t size,
                                              size_t *got)
{
    struct source *s = o->source;
    enum hangar_rc rc = test_source_record(s, "read", NULL);
    const char *hold = s->host->opt_string(s->ctx, "hold");
    while (rc == HANGAR_OK && hold && access(hold, F_OK) == 0) {
        rc = s->host->sleep(s->ctx, 5);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    uint64_t left = o->size - o->at;
    *got = size < left ? size : (size_t)left;
    make_bytes(o->number, o->at, buffer, *got);
    o->at += *got;
    return HANGAR_OK;
}

static enum hangar_rc test_source_close_object(struct hangar_object *o, struct hangar_attrs *attrs)
{
    struct source *s = o->source;
    enum hangar_rc rc = test_source_record(s, attrs ? "close" : "abandon", o->name);
    if (attrs) {
        s->host->attr_setf(attrs, "number", "%llu", (unsigned long long)o->number);
        s->host->attr_setf(attrs, "size", "%llu", (unsigned long long)o->at);
    }
    free(o);
    return rc;
}

static enum hangar_rc rewind_object(struct hangar_object *o)
{
    o->at = 0;
    return test_source_record(o->source, "rewind", o->name);
}

static enum hangar_rc test_source_end(void *inst, struct hangar_attrs *facts)
{
    struct source *s = inst;
    if (facts) {
        s->host->attr_setf(facts, "objects", "%llu", (unsigned long long)s->objects);
    }
    return test_source_record(s, facts ? "end" : "end-failed", NULL);
}

/* ---- restore ---- */

static enum hangar_rc test_source_restore_prepare(void *inst, const struct hangar_restore *how)
{
    struct source *s = inst;
    char what[100];
    snprintf(what, sizeof(what), "%zu objects%s%s%s", how->object_count,
             how->flags & HANGAR_RESTORE_DRY_RUN ? " dry" : "",
             how->flags & HANGAR_RESTORE_CLEAN ? " clean" : "",
             how->flags & HANGAR_RESTORE_DISCONNECT ? " disconnect" : "");
    enum hangar_rc rc = test_source_record(s, "restore_prepare", what);
    s->host->text(how->plan, "compare %zu objects\nforget them\n", how->object_count);
    int full = s->host->opt_bool(s->ctx, "full"), clean = how->flags & HANGAR_RESTORE_CLEAN;
    if (clean && how->flags & HANGAR_RESTORE_DRY_RUN && !full) {
        *how->target_empty = 1;
    }
    if (rc == HANGAR_OK && full && !clean) {
        return s->host->fail(s->ctx, HANGAR_EXISTS, 0, "the target holds data");
    }
    return rc;
}

static enum hangar_rc test_source_restore_open(void *inst, const struct hangar_object_info *info,
                                               struct hangar_object **out)
{
    struct source *s = inst;
    char what[600];
    snprintf(what, sizeof(what), "%u %s", info->phase, info->name);
    enum hangar_rc rc = test_source_record(s, "restore_open", what);
    if (rc != HANGAR_OK) {
        return rc;
    }
    const char *number = s->host->attr_get(info->attrs, "number");
    struct hangar_object *o = calloc(1, sizeof(*o));
    *o = (struct hangar_object){.source = s,
                                .number = number ? strtoull(number, NULL, 10) : 0,
                                .size = info->size_hint,
                                .phase = info->phase};
    snprintf(o->name, sizeof(o->name), "%s", info->name);
    *out = o;
    return HANGAR_OK;
}

static enum hangar_rc test_source_restore_write(struct hangar_object *o, const void *data,
                                                size_t size)
{
    enum hangar_rc rc = test_source_record(o->source, "restore_write", NULL);
    const unsigned char *bytes = data;
    unsigned char expected[4096];
    while (rc == HANGAR_OK && size > 0) {
        size_t n = size < sizeof(expected) ? size : sizeof(expected);
        make_bytes(o->number, o->at, expected, n);
        if (memcmp(expected, bytes, n) != 0) {
            return o->source->host->fail(o->source->ctx, HANGAR_CORRUPT, 0,
                                         "%s is not what was backed up", o->name);
        }
        o->at += n;
        bytes += n;
        size -= n;
    }
    return rc;
}

static enum hangar_rc test_source_restore_close(struct hangar_object *o, int complete)
{
    char what[600];
    snprintf(what, sizeof(what), "%u %s", (unsigned)o->phase, o->name);
    enum hangar_rc rc =
        test_source_record(o->source, complete ? "restore_close" : "restore_abandon", what);
    if (complete && o->at != o->size) {
        rc = HANGAR_CORRUPT;
    }
    free(o);
    return rc;
}

static enum hangar_rc test_source_restore_phase_end(void *inst, uint32_t phase)
{
    char what[20];
    snprintf(what, sizeof(what), "%u", phase);
    return test_source_record(inst, "restore_phase_end", what);
}

static enum hangar_rc test_source_restore_end(void *inst, struct hangar_attrs *report)
{
    struct source *s = inst;
    const char *hold = s->host->opt_string(s->ctx, "hold");
    while (report && hold && access(hold, F_OK) == 0) {
        if (s->host->sleep(s->ctx, 10) != HANGAR_OK) {
            return HANGAR_CANCELLED;
        }
    }
    if (report) {
        s->host->attr_set(report, "compared", "all");
        s->host->attr_set(report, "left_behind", s->host->opt_string(s->ctx, "left"));
    }
    return test_source_record(s, report ? "restore_end" : "restore_end-failed", NULL);
}

static const struct hangar_source source = {.struct_size = sizeof(source),
                                            .check = test_source_check,
                                            .jobs = test_source_jobs,
                                            .prepare = test_source_prepare,
                                            .begin = test_source_begin,
                                            .next = test_source_next,
                                            .read = test_source_read_object,
                                            .close = test_source_close_object,
                                            .rewind = rewind_object,
                                            .end = test_source_end,
                                            .restore_prepare = test_source_restore_prepare,
                                            .restore_open = test_source_restore_open,
                                            .restore_write = test_source_restore_write,
                                            .restore_close = test_source_restore_close,
                                            .restore_phase_end = test_source_restore_phase_end,
                                            .restore_end = test_source_restore_end,
                                            .prepare_safety = prepare_safety};

static const struct hangar_plugin plugin = {HANGAR_PLUGIN_HEADER,
                                            .name = "test-source",
                                            .version = "1.0.0",
                                            .summary = "makes data up",
                                            .license = "Apache-2.0",
                                            .options = options,
                                            .create = test_source_create,
                                            .destroy = test_source_destroy,
                                            .threads = test_source_threads,
                                            .describe = test_source_describe,
                                            .source = &source};
HANGAR_PLUGIN(plugin)
