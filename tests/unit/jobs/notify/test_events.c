/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * events: each logged event has the id of its run, and the event that ends a job has its
 * duration.
 */
#include "world.h"

#include <unistd.h>

/* The lines of the last job that have an event. */
static struct line {
    char event[40], run[64], message[200];
    uint32_t level;
    int64_t duration_ms, time_ms;
} lines[64];
static size_t line_count;

static void events_record_line(void *arg, const struct hangar_log_line *line)
{
    (void)arg;
    if (!line->event || line_count == sizeof(lines) / sizeof(lines[0])) {
        return;
    }
    struct line *l = &lines[line_count++];
    *l = (struct line){
        .level = line->level, .duration_ms = line->duration_ms, .time_ms = line->time_ms};
    snprintf(l->event, sizeof(l->event), "%s", line->event);
    snprintf(l->run, sizeof(l->run), "%s", line->run ? line->run : "");
    snprintf(l->message, sizeof(l->message), "%.*s", 190, line->message);
}

static struct hangar *hangar;
static char *json, last_run[64];

static void events_open_config(const char *source, const char *sinks_of_q)
{
    char text[2000];
    snprintf(
        text, sizeof(text),
        "version: 1\nplugin_path: [%s]\n"
        "sources: { db: { plugin: test-source, options: { size: 1KiB %s } } }\n"
        "sinks: { a: { plugin: storage-local, options: { path: ./a } },\n"
        "  b: { plugin: storage-local, options: { path: ./b },\n"
        "       retention: { keep_last: 1, min_keep: 1, delete_grace: 0 } } }\n"
        "pipelines: { p: { sources: [db], sinks: [a, b], hooks: { before_backup: ['true'] } },\n"
        "  q: { sources: [db], sinks: [%s] } }\n",
        TEST_PLUGIN_DIR, source, sinks_of_q);
    folder_file("backup.yaml", text, strlen(text), 0600);
    struct hangar_settings settings = {.struct_size = sizeof(settings),
                                       .log_level = 3,
                                       .config_file = "backup.yaml",
                                       .plugin_dir = REAL_PLUGIN_DIR,
                                       .state_dir = "state",
                                       .on_log = events_record_line};
    hangar_close(hangar);
    ck_assert_int_eq(hangar_open(&settings, &hangar), HANGAR_STATUS_DONE);
}

static void events_teardown(void)
{
    hangar_free(json);
    hangar_close(hangar);
    hangar = NULL;
    world_teardown();
}

static bool events_is_end(const char *event)
{
    const char *dot = strrchr(event, '.');
    return strcmp(dot, ".done") == 0 || strcmp(dot, ".failed") == 0 ||
           strcmp(dot, ".degraded") == 0;
}

static size_t events_count(const char *event)
{
    size_t n = 0;
    for (size_t i = 0; i < line_count; i++) {
        n += strcmp(lines[i].event, event) == 0;
    }
    return n;
}

/* The job logged each of these events at least once, all of them with the same new run id. */
static void events_expect(enum hangar_status status, enum hangar_status wanted, const char *events)
{
    char names[300], *rest = names, *name;
    ck_assert_msg(status == wanted, "%d: %s", (int)status, hangar_error(hangar));
    snprintf(names, sizeof(names), "%s", events);
    while ((name = strsep(&rest, " "))) {
        ck_assert_msg(events_count(name) > 0, "no %s", name);
    }
    for (size_t i = 0; i < line_count; i++) {
        const struct line *l = &lines[i];
        ck_assert_msg(l->run[0] && strcmp(l->run, lines[0].run) == 0, "%s: run \"%s\"", l->event,
                      l->run);
        ck_assert_msg(l->time_ms > 0, "%s: no time", l->event);
        /* an event of a part of a job has no duration */
        if (events_is_end(l->event) && strncmp(l->event, "sink.", 5) != 0 &&
            !strstr(l->event, "hold.") && strncmp(l->event, "remove.", 7) != 0) {
            ck_assert_msg(l->duration_ms >= 0, "%s: no duration", l->event);
        }
        if (strstr(l->event, ".start")) {
            ck_assert_msg(l->duration_ms == -1, "%s: a duration", l->event);
        }
        if (strstr(l->event, ".failed")) {
            ck_assert_msg(l->level == 0, "%s: level %u", l->event, l->level);
        }
    }
    ck_assert_str_ne(lines[0].run, last_run);
    snprintf(last_run, sizeof(last_run), "%s", lines[0].run);
    line_count = 0;
    hangar_free(json);
    json = NULL;
}

static int events_write_file(void *arg, const void *data, size_t size)
{
    return fwrite(data, 1, size, arg) == size ? 0 : -1;
}

static long events_read_file(void *arg, void *data, size_t size)
{
    return (long)fread(data, 1, size, arg);
}

START_TEST(each_event_has_its_run_and_the_last_one_its_duration)
{
    struct hangar_selection latest = {
        .struct_size = sizeof(latest), .id = "latest", .pipeline = "p"};
    struct hangar_selection in_a = {
        .struct_size = sizeof(in_a), .id = "latest", .pipeline = "q", .sink = "a"};
    struct hangar_restore_request request = {.struct_size = sizeof(request), .backup = latest};

    events_open_config("", "a");
    events_expect(hangar_backup(hangar, "p", &json), HANGAR_STATUS_DONE,
                  "backup.start hook.start hook.done backup.done prune.done");
    events_expect(hangar_backup(hangar, "p", &json), HANGAR_STATUS_DONE,
                  "backup.start backup.done prune.removed prune.done");
    events_expect(hangar_backup(hangar, "q", &json), HANGAR_STATUS_DONE,
                  "backup.start backup.done");
    events_expect(hangar_verify(hangar, &latest, HANGAR_VERIFY_FULL, &json), HANGAR_STATUS_DONE,
                  "verify.done");
    events_expect(hangar_restore(hangar, &request, &json), HANGAR_STATUS_DONE,
                  "restore.start restore.done");
    events_expect(hangar_prune(hangar, "p", NULL, 0, &json), HANGAR_STATUS_DONE, "prune.done");
    events_open_config("", "a, b");
    events_expect(hangar_copy(hangar, &in_a, "b", &json), HANGAR_STATUS_DONE, "copy.done");
    FILE *file = fopen("q.tar.gz", "w+");
    events_expect(hangar_export(hangar, &in_a, events_write_file, file, &json), HANGAR_STATUS_DONE,
                  "export.done");
    events_expect(hangar_hold(hangar, &in_a, 1, &json), HANGAR_STATUS_DONE, "hold.done");
    events_expect(hangar_hold(hangar, &in_a, 0, &json), HANGAR_STATUS_DONE, "unhold.done");
    in_a.sink = "b";
    events_expect(hangar_remove(hangar, &in_a, &json), HANGAR_STATUS_DONE, "remove.done");
    rewind(file);
    events_expect(hangar_import(hangar, "q", "b", events_read_file, file, &json),
                  HANGAR_STATUS_DONE, "import.done");
    fclose(file);

    events_open_config(", fail_at: read", "a, b");
    events_expect(hangar_backup(hangar, "p", &json), HANGAR_STATUS_FAILED,
                  "backup.start backup.failed");
    ck_assert_int_eq(world_shell("find a/p -path '*/db/*' -type f -exec cp backup.yaml {} ';'"), 0);
    events_expect(hangar_verify(hangar, &latest, HANGAR_VERIFY_FULL, &json), HANGAR_STATUS_CORRUPT,
                  "verify.failed");
    request.backup.sink = "a";
    events_expect(hangar_restore(hangar, &request, &json), HANGAR_STATUS_CORRUPT,
                  "restore.start restore.failed");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {each_event_has_its_run_and_the_last_one_its_duration};
    return SUITE_RUN("jobs/notify/events", tests, world_setup, events_teardown);
}
