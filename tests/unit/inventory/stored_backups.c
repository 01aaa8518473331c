/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * stored_backups: see stored_backups.h.
 */
#include "stored_backups.h"

#include <dirent.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/str.h"
#include "catalog/removal.h"
#include "sample.h"
#include "suite.h"

struct world world;
static struct hangar_sink real_sink; /* the functions of the plugin */

static bool stored_may_change(void)
{
    if (world.calls_left == 0) {
        return false;
    }
    world.calls_left -= world.calls_left > 0;
    return true;
}

static enum hangar_rc failing_remove(void *inst, const char *name)
{
    return stored_may_change() ? real_sink.remove(inst, name) : HANGAR_IO;
}

static enum hangar_rc failing_commit(struct hangar_put *put, struct hangar_entry *entry)
{
    if (stored_may_change()) {
        return real_sink.put_commit(put, entry);
    }
    real_sink.put_abort(put);
    return HANGAR_IO;
}

static enum hangar_rc watched_stat(void *inst, const char *name, struct hangar_entry *entry)
{
    if (world.on_stat) {
        world.on_stat(name);
    }
    return real_sink.stat(inst, name, entry);
}

static enum hangar_rc watched_get_open(void *inst, const char *name, uint64_t offset,
                                       struct hangar_get **out)
{
    if (world.on_stat) {
        world.on_stat(name);
    }
    return real_sink.get_open(inst, name, offset, out);
}

/* hangar loads plugins only from a folder that other users cannot write.  The folder of the
 * build may not be one. */
static void stored_copy_plugin(const char *name)
{
    char command[600];
    snprintf(command, sizeof(command), "cp '%s/hangar-%s.so' plugins/", getenv("HANGAR_PLUGIN_DIR"),
             name);
    ck_assert_int_eq(system(command), 0);
}

void world_setup(void)
{
    folder_setup();
    memset(&world, 0, sizeof(world));
    world.calls_left = -1;
    ck_assert_int_eq(mkdir("plugins", 0700), 0);
    stored_copy_plugin("storage-local");
    stored_copy_plugin("redis");
}

static void stored_forget_document(void)
{
    json_decref(world.doc);
    hangar_free(world.json);
    world.doc = NULL;
    world.json = NULL;
}

static void stored_close(void)
{
    stored_forget_document();
    hangar_close(world.h);
    world.h = NULL;
}

void world_teardown(void)
{
    stored_close();
    hg_str_free(&world.log);
    folder_teardown();
}

static void stored_log(void *arg, const struct hangar_log_line *line)
{
    (void)arg;
    if (line->level <= HANGAR_LOG_WARN) {
        hg_str_addf(&world.log, "%s\n", line->message);
    }
}

void world_open(const char *retention)
{
    char text[1024], plugins[128];
    int n = snprintf(text, sizeof(text),
                     "version: 1\norigin: db1\n"
                     "sources: { cache: { plugin: redis } }\n"
                     "sinks:\n  local:\n    plugin: storage-local\n"
                     "    options: { path: ./backups }\n%s%s%s%s%s%s"
                     "pipelines: { nightly: { sources: [cache], sinks: [local] } }\n",
                     retention ? "    retention: { " : "", retention ? retention : "",
                     retention ? " }\n" : "", world.key ? "signing: { key: " : "",
                     world.key ? world.key : "", world.key ? " }\n" : "");
    stored_close();
    folder_file("backup.yaml", text, (size_t)n, 0600);
    snprintf(plugins, sizeof(plugins), "%s/plugins", folder_path);
    struct hangar_settings settings = {.struct_size = sizeof(settings),
                                       .config_file = "backup.yaml",
                                       .plugin_dir = plugins,
                                       .log_level = HANGAR_LOG_WARN,
                                       .on_log = stored_log,
                                       .state_dir = "state"};
    ck_assert_msg(hangar_open(&settings, &world.h) == HANGAR_STATUS_DONE, "%s",
                  hangar_error(world.h));
    long sink = hg_config_find(world.h->config, HG_SINK, "local");
    real_sink = world.h->plugins.loaded[sink]->sink;
    world.sink = *world.h->plugins.loaded[sink];
    world.sink.sink.remove = failing_remove;
    world.sink.sink.remove_many = NULL;
    world.sink.sink.put_commit = failing_commit;
    world.sink.sink.stat = watched_stat;
    world.sink.sink.get_open = watched_get_open;
    world.h->plugins.loaded[sink] = &world.sink;
}

const char *world_path(const char *id, const char *name)
{
    static char paths[8][256];
    static unsigned turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof(paths[0]), "backups/nightly/%s/%s", id, name);
    return path;
}

bool world_has(const char *id, const char *name)
{
    return access(world_path(id, name), F_OK) == 0;
}

void world_write(const char *id, const char *name, const char *text)
{
    const char *path = world_path(id, name);
    char *folder = strdup(path);
    *strrchr(folder, '/') = '\0';
    ck_assert_int_eq(hg_make_dirs(folder, 0700, NULL), HANGAR_OK);
    free(folder);
    folder_file(path, text, strlen(text), 0600);
}

void world_begin_removal(const char *id)
{
    const struct hg_removal removal = {"nightly", id, "here", "a test"};
    char *text = hg_removal_text(world.h->signing.count ? &world.h->signing : NULL, &removal);
    world_write(id, "deleted.json", text);
    free(text);
}

void world_age(const char *id, const char *name, int64_t ms)
{
    int64_t then = hg_now_ms() - ms;
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_sec = then / 1000, .tv_nsec = then % 1000 * 1000000}};
    ck_assert_int_eq(utimensat(AT_FDCWD, world_path(id, name), times, 0), 0);
}

/* Sets objects "db/00000" and so on of 4 bytes each, without transforms, as world_backup writes. */
static void stored_set_objects(struct hg_manifest *m, size_t objects)
{
    struct hg_manifest_source *s = &m->sources[0];
    struct hg_manifest unused = {.chain_count = m->chain_count, .source_count = 2};
    memcpy(unused.chain, m->chain, sizeof(unused.chain));
    unused.sources = calloc(2, sizeof(*unused.sources));
    for (size_t i = 0; i < 2; i++) {
        unused.sources[i].objects = m->sources[i].objects;
        unused.sources[i].count = m->sources[i].count;
        m->sources[i].objects = NULL;
        m->sources[i].count = 0;
    }
    hg_manifest_free(&unused);
    m->chain_count = 0;
    s->count = objects;
    s->objects = calloc(objects + 1, sizeof(*s->objects));
    for (size_t i = 0; i < objects; i++) {
        struct hg_manifest_object *o = &s->objects[i];
        o->name = hg_format("%05zu", i);
        o->stored = hg_format("%s/%05zu", s->name, i);
        o->plain_bytes = o->stored_bytes = strlen("data");
        o->attrs = hg_attrs_new();
        hg_sha256_of("data", 4, o->plain_sha256);
        hg_sha256_of("data", 4, o->stored_sha256);
    }
    for (size_t i = 0; i < m->file_count; i++) {
        m->files[i].bytes = strlen("data");
    }
}

const char *world_backup(int64_t age_ms, size_t objects)
{
    char *id = world.ids[world.count++];
    int64_t finished = hg_now_ms() - age_ms;
    ck_assert_uint_lt(world.count, 64);
    hg_backup_id_format(finished - 123, id);
    struct hg_manifest m;
    sample_manifest(&m);
    free(m.id);
    m.id = strdup(id);
    m.started_ms = finished - 123;
    m.finished_ms = finished;
    stored_set_objects(&m, objects);
    struct hg_str text = {0};
    struct hg_error err = {0};
    ck_assert_msg(hg_manifest_write(&m, &text, &err) == HANGAR_OK, "%s", err.text);
    world_write(id, "run.json", "{}");
    for (size_t i = 0; i < objects; i++) {
        char name[32];
        snprintf(name, sizeof(name), "db/%05zu", i);
        world_write(id, name, "data");
    }
    world_write(id, HG_RESTORE_NAME, "data");
    world_write(id, HG_SUMS_NAME, "data");
    world_write(id, "manifest.json", hg_str_text(&text));
    world_age(id, "run.json", age_ms + 60000);
    hg_str_free(&text);
    hg_manifest_free(&m);
    return id;
}

static long stored_count_files(const char *folder)
{
    DIR *dir = opendir(folder);
    long n = 0;
    if (!dir) {
        return -1;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        char path[600];
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        n += entry->d_type == DT_DIR ? stored_count_files(path) : 1;
    }
    closedir(dir);
    return n;
}

void world_dead_run(const char *id, int64_t age_ms)
{
    world_write(id, "run.json",
                "{ \"run\": \"r1\", \"pipeline\": \"nightly\", \"host\": \"elsewhere\" }");
    world_write(id, "db/a", "data");
    world_age(id, "run.json", age_ms);
}

void world_four(size_t objects)
{
    const int64_t hour = 3600000;
    world.count = 0;
    for (int i = 3; i >= 0; i--) {
        world_backup(24 * i * hour + hour, objects);
    }
}

long world_files(const char *id)
{
    return stored_count_files(world_path(id, ""));
}

static enum hangar_status stored_parse_document(enum hangar_status status)
{
    ck_assert_ptr_nonnull(world.json);
    world.doc = json_loads(world.json, 0, NULL);
    ck_assert_ptr_nonnull(world.doc);
    ck_assert_str_eq(hg_json_string(world.doc, "status", ""), hangar_status_name(status));
    return status;
}

enum hangar_status world_prune(uint32_t flags)
{
    stored_forget_document();
    return stored_parse_document(hangar_prune(world.h, NULL, NULL, flags, &world.json));
}

const json_t *world_sink(void)
{
    return json_array_get(json_object_get(world.doc, "sinks"), 0);
}

enum hangar_status world_do(char what, const char *id)
{
    struct hangar_selection which = {.struct_size = sizeof(which), .id = id};
    stored_forget_document();
    return stored_parse_document(what == 'r'
                                     ? hangar_remove(world.h, &which, &world.json)
                                     : hangar_hold(world.h, &which, what == 'h', &world.json));
}

const char *world_action(const char *id)
{
    json_t *sink = json_array_get(json_object_get(world.doc, "sinks"), 0), *one;
    size_t i;
    json_array_foreach (json_object_get(sink, "leftovers"), i, one) {
        if (strcmp(hg_json_string(one, "id", ""), id) == 0) {
            return hg_json_string(one, "action", "");
        }
    }
    return "";
}
