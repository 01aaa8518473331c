/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * driver: the postgres plugin behind the fake host, on the command line, called as the core
 * calls it: with as many threads as jobs() asks for, in phases, with facts and attributes
 * stored.
 *
 *     postgres_driver [--step BYTES] [--cancel-after MS] [--pause-object NAME]
 *                     [--pause-phase N] COMMAND DIR option=value...
 *
 * COMMAND: check, backup (into DIR), safety (a safety backup into DIR), restore, compare
 * (restore, and compare), plan (a dry run), clean (over live data), disconnect (clean, and end
 * sessions), clean-plan, disconnect-plan, commands (print the commands of RESTORE.txt).
 *
 * DIR holds objects/NAME and index.json.  option=@FILE reads the value from a file.
 * --pause-object stops reading that object after its first bytes, creates DIR/paused, and waits
 * until DIR/go exists; --pause-phase does so after that phase of a restore.  The exit status is
 * the enum hangar_rc.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <jansson.h>
#include "base/attrs.h"
#include "base/clock.h"
#include "fake_host.h"

struct driver_object {
    char *name;
    uint32_t phase;
    uint64_t size;
    struct hangar_attrs *attrs;
};

struct driver_run {
    struct fake_host *fake;
    const struct hangar_source *source;
    void *inst;
    const char *dir, *pause_object, *pause_phase;
    size_t step;
    int cancel_after_ms;
    pthread_mutex_t mutex; /* guards all below */
    enum hangar_rc rc;     /* the first failure */
    bool cancelled_others;
    struct driver_object *objects;
    size_t count, next;
    uint32_t phase;
    struct hangar_attrs *facts, *point, *report;
};

static _Noreturn void driver_die(const char *what)
{
    perror(what);
    exit(99);
}

static char *path_in_dir(const struct driver_run *run, const char *name)
{
    char *path;
    if (asprintf(&path, "%s/%s", run->dir, name) < 0) {
        driver_die("asprintf");
    }
    return path;
}

/* The first failure cancels all other threads, as in the core. */
static void record_result(struct driver_run *run, enum hangar_rc rc)
{
    pthread_mutex_lock(&run->mutex);
    bool first = rc != HANGAR_OK && run->rc == HANGAR_OK;
    /* a cancel is the consequence of another failure, which replaces it */
    if (first || (run->rc == HANGAR_CANCELLED && rc != HANGAR_OK)) {
        run->rc = rc;
    }
    pthread_mutex_unlock(&run->mutex);
    if (first) {
        fake_host_cancel(run->fake);
    }
}

static enum hangar_rc first_failure(struct driver_run *run)
{
    pthread_mutex_lock(&run->mutex);
    enum hangar_rc rc = run->rc;
    pthread_mutex_unlock(&run->mutex);
    return rc;
}

static void with_threads(struct driver_run *run, void *(*work)(void *))
{
    uint32_t jobs = run->source->jobs(run->inst);
    pthread_t threads[64];
    for (uint32_t i = 0; i < jobs; i++) {
        if (pthread_create(&threads[i], NULL, work, run) != 0) {
            driver_die("pthread_create");
        }
    }
    for (uint32_t i = 0; i < jobs; i++) {
        pthread_join(threads[i], NULL);
    }
}

/* The time begins with the pause, if there is one. */
static void *cancel_later(void *arg)
{
    struct driver_run *run = arg;
    char *paused = path_in_dir(run, "paused");
    for (int i = 0; run->pause_object && i < 6000 && access(paused, F_OK) != 0; i++) {
        usleep(10000);
    }
    free(paused);
    usleep((useconds_t)run->cancel_after_ms * 1000);
    fake_host_cancel(run->fake);
    return NULL;
}

/* ---- backup ---------------------------------------------------------------------- */

static FILE *create_object_file(const struct driver_run *run, const char *name)
{
    char *file;
    if (asprintf(&file, "%s/objects/%s", run->dir, name) < 0) {
        driver_die("asprintf");
    }
    for (char *c = file + strlen(run->dir) + 1; *c; c++) {
        if (*c == '/') {
            *c = '\0';
            if (mkdir(file, 0700) != 0 && errno != EEXIST) {
                driver_die(file);
            }
            *c = '/';
        }
    }
    FILE *out = fopen(file, "wbx");
    if (!out) {
        driver_die(file);
    }
    free(file);
    return out;
}

static void pause_if_asked(const struct driver_run *run, const char *asked, const char *here)
{
    if (!asked || strcmp(asked, here) != 0) {
        return;
    }
    char *go = path_in_dir(run, "go"), *paused = path_in_dir(run, "paused");
    FILE *file = fopen(paused, "w");
    if (file) {
        fclose(file);
    }
    for (int i = 0; i < 6000 && access(go, F_OK) != 0; i++) { /* one minute */
        usleep(10000);
    }
    free(go);
    free(paused);
}

static enum hangar_rc store_object(struct driver_run *run, struct hangar_object *handle,
                                   struct driver_object *object)
{
    FILE *out = create_object_file(run, object->name);
    char *buffer = malloc(run->step);
    enum hangar_rc rc;
    size_t got = 0;
    do {
        rc = run->source->read(handle, buffer, run->step, &got);
        if (rc == HANGAR_OK && got && fwrite(buffer, 1, got, out) != got) {
            driver_die("fwrite");
        }
        if (rc == HANGAR_OK && !object->size) {
            pause_if_asked(run, run->pause_object, object->name);
        }
        object->size += got;
    } while (rc == HANGAR_OK && got);
    free(buffer);
    fclose(out);
    object->attrs = fake_attrs_new();
    enum hangar_rc closed = run->source->close(handle, rc == HANGAR_OK ? object->attrs : NULL);
    return rc == HANGAR_OK ? closed : rc;
}

static void *driver_backup_thread(void *arg)
{
    struct driver_run *run = arg;
    while (first_failure(run) == HANGAR_OK) {
        struct hangar_object_info info = {.struct_size = sizeof(info)};
        struct hangar_object *handle;
        enum hangar_rc rc = run->source->next(run->inst, &info, &handle);
        if (rc == HANGAR_EOF) {
            break;
        }
        if (rc == HANGAR_OK) {
            struct driver_object object = {.name = strdup(info.name), .phase = info.phase};
            rc = store_object(run, handle, &object);
            pthread_mutex_lock(&run->mutex);
            run->objects = realloc(run->objects, (run->count + 1) * sizeof(object));
            run->objects[run->count++] = object;
            pthread_mutex_unlock(&run->mutex);
        }
        record_result(run, rc);
    }
    return NULL;
}

static int by_phase_and_name(const void *a, const void *b)
{
    const struct driver_object *x = a, *y = b;
    return x->phase != y->phase ? (x->phase < y->phase ? -1 : 1) : strcmp(x->name, y->name);
}

static void write_index(struct driver_run *run)
{
    json_t *objects = json_array();
    for (size_t i = 0; i < run->count; i++) {
        json_array_append_new(objects, json_pack("{s:s,s:I,s:I,s:o}", "name", run->objects[i].name,
                                                 "phase", (json_int_t)run->objects[i].phase, "size",
                                                 (json_int_t)run->objects[i].size, "attrs",
                                                 hg_attrs_to_json(run->objects[i].attrs)));
    }
    json_t *index = json_pack("{s:o,s:o,s:o}", "facts", hg_attrs_to_json(run->facts), "point",
                              hg_attrs_to_json(run->point), "objects", objects);
    char *path = path_in_dir(run, "index.json");
    if (json_dump_file(index, path, JSON_INDENT(1)) != 0) {
        driver_die(path);
    }
    free(path);
    json_decref(index);
}

static void postgres_backup(struct driver_run *run, bool safety)
{
    int64_t time_ms = 0, start = hg_mono_ms();
    char *objects = path_in_dir(run, "objects");
    if ((mkdir(run->dir, 0700) != 0 && errno != EEXIST) || mkdir(objects, 0700) != 0) {
        driver_die(objects);
    }
    free(objects);
    enum hangar_rc rc = (safety ? run->source->prepare_safety : run->source->prepare)(run->inst);
    if (rc == HANGAR_OK) {
        start = hg_mono_ms();
        rc = run->source->begin(run->inst, &time_ms, run->point);
        fprintf(stderr, "begin: %lld ms\n", (long long)(hg_mono_ms() - start));
    }
    record_result(run, rc);
    if (rc == HANGAR_OK) {
        with_threads(run, driver_backup_thread);
    }
    rc = run->source->end(run->inst, run->rc == HANGAR_OK ? run->facts : NULL);
    record_result(run, rc);
    if (run->count) {
        qsort(run->objects, run->count, sizeof(*run->objects), by_phase_and_name);
    }
    if (run->rc == HANGAR_OK) {
        write_index(run);
    }
}

/* ---- restore ----------------------------------------------------------------------- */

static struct hangar_attrs *attrs_from_index(const json_t *json, const char *key)
{
    struct hangar_attrs *attrs = NULL;
    if (hg_attrs_from_json(json_object_get(json, key), &attrs) != HANGAR_OK) {
        driver_die(key);
    }
    return attrs;
}

static void read_index(struct driver_run *run)
{
    char *path = path_in_dir(run, "index.json");
    json_t *index = json_load_file(path, 0, NULL);
    if (!index) {
        driver_die(path);
    }
    free(path);
    hg_attrs_free(run->facts);
    run->facts = attrs_from_index(index, "facts");
    json_t *objects = json_object_get(index, "objects"), *item;
    run->count = json_array_size(objects);
    run->objects = calloc(run->count + 1, sizeof(*run->objects));
    size_t i;
    json_array_foreach (objects, i, item) {
        run->objects[i].name = strdup(json_string_value(json_object_get(item, "name")));
        run->objects[i].phase = (uint32_t)json_integer_value(json_object_get(item, "phase"));
        run->objects[i].size = (uint64_t)json_integer_value(json_object_get(item, "size"));
        run->objects[i].attrs = attrs_from_index(item, "attrs");
    }
    json_decref(index);
}

static struct hangar_object_info info_of(const struct driver_object *object)
{
    return (struct hangar_object_info){.struct_size = sizeof(struct hangar_object_info),
                                       .phase = object->phase,
                                       .name = object->name,
                                       .size_hint = object->size,
                                       .attrs = object->attrs};
}

static enum hangar_rc load_object(struct driver_run *run, const struct driver_object *object)
{
    char *name;
    if (asprintf(&name, "objects/%s", object->name) < 0) {
        driver_die("asprintf");
    }
    char *path = path_in_dir(run, name);
    FILE *in = fopen(path, "rb");
    if (!in) {
        driver_die(path);
    }
    char *buffer = malloc(run->step);
    struct hangar_object_info info = info_of(object);
    struct hangar_object *handle;
    enum hangar_rc rc = run->source->restore_open(run->inst, &info, &handle);
    if (rc == HANGAR_OK) {
        size_t n;
        while (rc == HANGAR_OK && (n = fread(buffer, 1, run->step, in)) > 0) {
            rc = run->source->restore_write(handle, buffer, n);
        }
        enum hangar_rc closed = run->source->restore_close(handle, rc == HANGAR_OK);
        if (rc == HANGAR_OK) {
            rc = closed;
        }
    }
    fclose(in);
    free(buffer);
    free(path);
    free(name);
    return rc;
}

static void *restore_thread(void *arg)
{
    struct driver_run *run = arg;
    for (;;) {
        pthread_mutex_lock(&run->mutex);
        bool mine = run->rc == HANGAR_OK && run->next < run->count &&
                    run->objects[run->next].phase == run->phase;
        const struct driver_object *object = mine ? &run->objects[run->next++] : NULL;
        pthread_mutex_unlock(&run->mutex);
        if (!object) {
            return NULL;
        }
        record_result(run, load_object(run, object));
    }
}

static void postgres_restore(struct driver_run *run, uint32_t flags)
{
    read_index(run);
    struct hangar_object_info *infos = calloc(run->count + 1, sizeof(*infos));
    for (size_t i = 0; i < run->count; i++) {
        infos[i] = info_of(&run->objects[i]);
    }
    struct hangar_text *plan = fake_text_new();
    int empty = 0;
    struct hangar_restore how = {.struct_size = sizeof(how),
                                 .flags = flags,
                                 .facts = run->facts,
                                 .objects = infos,
                                 .object_count = run->count,
                                 .plan = plan,
                                 .target_empty = &empty};
    record_result(run, run->source->restore_prepare(run->inst, &how));
    if (flags & HANGAR_RESTORE_CLEAN && flags & HANGAR_RESTORE_DRY_RUN) {
        printf("target_empty: %d\n", empty);
    }
    while (run->rc == HANGAR_OK && run->next < run->count && !(flags & HANGAR_RESTORE_DRY_RUN)) {
        run->phase = run->objects[run->next].phase;
        int64_t start = hg_mono_ms();
        with_threads(run, restore_thread);
        fprintf(stderr, "phase %u: %lld ms\n", run->phase, (long long)(hg_mono_ms() - start));
        if (run->rc == HANGAR_OK) {
            record_result(run, run->source->restore_phase_end(run->inst, run->phase));
        }
        fprintf(stderr, "phase %u ended: %lld ms\n", run->phase, (long long)(hg_mono_ms() - start));
        char phase[12];
        snprintf(phase, sizeof(phase), "%u", run->phase);
        pause_if_asked(run, run->pause_phase, phase);
    }
    record_result(run,
                  run->source->restore_end(run->inst, run->rc == HANGAR_OK ? run->report : NULL));
    printf("%s", fake_text(plan));
    fake_text_free(plan);
    free(infos);
}

static void driver_commands(struct driver_run *run)
{
    read_index(run);
    struct hangar_object_info *infos = calloc(run->count + 1, sizeof(*infos));
    struct hangar_text *out = fake_text_new();
    for (size_t i = 0; i < run->count; i++) {
        char *decode;
        infos[i] = info_of(&run->objects[i]);
        if (asprintf(&decode, "cat 'objects/%s'", infos[i].name) < 0) {
            driver_die("asprintf");
        }
        infos[i].decode = decode;
    }
    record_result(run,
                  run->source->restore_commands(run->inst, run->facts, infos, run->count, out));
    printf("%s", fake_text(out));
    for (size_t i = 0; i < run->count; i++) {
        free((char *)infos[i].decode);
    }
    fake_text_free(out);
    free(infos);
}

/* ---- the command line ----------------------------------------------------------------- */

static void print_attrs(const char *title, const struct hangar_attrs *attrs)
{
    for (size_t i = 0; i < attrs->count; i++) {
        fprintf(stderr, "%s %s: %s\n", title, attrs->items[i].name, attrs->items[i].value);
    }
}

static void driver_command(struct driver_run *run, const char *command)
{
    static const struct {
        const char *command;
        uint32_t flags;
    } restores[] = {
        {"restore", 0},
        {"compare", HANGAR_RESTORE_COMPARE},
        {"continue", HANGAR_RESTORE_CONTINUE},
        {"plan", HANGAR_RESTORE_DRY_RUN},
        {"clean", HANGAR_RESTORE_CLEAN},
        {"clean-plan", HANGAR_RESTORE_CLEAN | HANGAR_RESTORE_DRY_RUN},
        {"disconnect", HANGAR_RESTORE_CLEAN | HANGAR_RESTORE_DISCONNECT},
        {"disconnect-plan",
         HANGAR_RESTORE_CLEAN | HANGAR_RESTORE_DISCONNECT | HANGAR_RESTORE_DRY_RUN},
    };
    for (size_t i = 0; i < sizeof(restores) / sizeof(restores[0]); i++) {
        if (strcmp(command, restores[i].command) == 0) {
            postgres_restore(run, restores[i].flags);
            return;
        }
    }
    if (strcmp(command, "check") == 0) {
        record_result(run, run->source->check(run->inst, run->facts));
    } else if (strcmp(command, "backup") == 0 || strcmp(command, "safety") == 0) {
        postgres_backup(run, strcmp(command, "safety") == 0);
    } else {
        driver_commands(run);
    }
}

static void free_run(struct driver_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        free(run->objects[i].name);
        hg_attrs_free(run->objects[i].attrs);
    }
    free(run->objects);
    fake_host_close(run->fake);
    fake_attrs_free(run->facts);
    fake_attrs_free(run->point);
    fake_attrs_free(run->report);
}

static void read_secret_file(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "r");
    if (!file || !fgets(out, (int)size, file)) {
        driver_die(path);
    }
    fclose(file);
    out[strcspn(out, "\n")] = '\0';
}

/* Reads the options of the program.  Returns the index of the command, 0 when there is none. */
static int read_options(struct driver_run *run, int argc, char **argv)
{
    int at = 1;
    for (; at + 1 < argc && argv[at][0] == '-'; at += 2) {
        if (strcmp(argv[at], "--step") == 0) {
            run->step = strtoul(argv[at + 1], NULL, 10);
        } else if (strcmp(argv[at], "--cancel-after") == 0) {
            run->cancel_after_ms = atoi(argv[at + 1]);
        } else if (strcmp(argv[at], "--pause-phase") == 0) {
            run->pause_phase = argv[at + 1];
        } else {
            run->pause_object = argv[at + 1];
        }
    }
    return at + 2 > argc ? 0 : at;
}

/* Sets an option of the plugin: "name=value", or "name=@file" for a secret. */
static void set_plugin_option(struct driver_run *run, const char *option)
{
    const char *equals = strchr(option, '=');
    char *name = strndup(option, (size_t)(equals - option)), secret[256] = "";
    if (equals[1] == '@') {
        read_secret_file(equals + 2, secret, sizeof(secret));
    }
    fake_host_set(run->fake, name, equals[1] == '@' ? secret : equals + 1);
    free(name);
}

int main(int argc, char **argv)
{
    struct driver_run run = {.step = 1024 * 1024, .mutex = PTHREAD_MUTEX_INITIALIZER};
    int at = read_options(&run, argc, argv);
    if (at == 0) {
        return 2;
    }
    const char *command = argv[at++];
    run.dir = argv[at++];
    run.fake = fake_host_open("postgres");
    run.facts = fake_attrs_new();
    run.point = fake_attrs_new();
    run.report = fake_attrs_new();
    for (; at < argc; at++) {
        set_plugin_option(&run, argv[at]);
    }
    int64_t start = hg_mono_ms();
    record_result(&run, fake_host_create(run.fake, &run.inst));
    run.source = fake_host_plugin(run.fake)->source;
    pthread_t canceller;
    if (run.cancel_after_ms && pthread_create(&canceller, NULL, cancel_later, &run) != 0) {
        driver_die("pthread_create");
    }
    if (run.rc == HANGAR_OK) {
        driver_command(&run, command);
    }
    if (run.cancel_after_ms) {
        pthread_join(canceller, NULL);
    }
    fprintf(stderr, "%s", fake_host_log(run.fake));
    print_attrs("fact", run.facts);
    print_attrs("point", run.point);
    print_attrs("report", run.report);
    if (run.rc != HANGAR_OK) {
        fprintf(stderr, "rc %d: %s\n", (int)run.rc, fake_host_error(run.fake));
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    fprintf(stderr, "took %lld ms, rss %ld KiB\n", (long long)(hg_mono_ms() - start),
            usage.ru_maxrss);
    int status = (int)run.rc;
    free_run(&run);
    return status;
}
