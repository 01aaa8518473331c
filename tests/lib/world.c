/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * world: see world.h.
 */
#include "world.h"

#include <stdarg.h>

struct hangar *world_hangar;
json_t *world_doc;
static char log_text[65536], last_id[64];

static void on_log(void *arg, const struct hangar_log_line *line)
{
    (void)arg;
    size_t n = strlen(log_text);
    if (line->level <= 1) {
        snprintf(log_text + n, sizeof(log_text) - n, "%s\n", line->message);
    }
}

static void on_progress(void *arg, const struct hangar_progress *p)
{
    (void)arg;
    if (!p->job[0] || !p->step || p->source_count > 32) {
        abort();
    }
}

void world_setup(void)
{
    folder_setup();
    ck_assert_int_eq(mkdir("state", 0700), 0);
    setenv("TMPDIR", folder_path, 1);
}

void world_teardown(void)
{
    json_decref(world_doc);
    world_doc = NULL;
    hangar_close(world_hangar);
    world_hangar = NULL;
    folder_teardown();
}

static enum hangar_status open_written_config(const char *fmt, va_list args)
{
    char text[8192];
    size_t n =
        (size_t)snprintf(text, sizeof(text), "version: 1\nplugin_path: [%s]\n", TEST_PLUGIN_DIR);
    vsnprintf(text + n, sizeof(text) - n, fmt, args);
    folder_file("backup.yaml", text, strlen(text), 0600);
    struct hangar_settings settings = {.struct_size = sizeof(settings),
                                       .log_level = 3,
                                       .config_file = "backup.yaml",
                                       .plugin_dir = REAL_PLUGIN_DIR,
                                       .state_dir = "state",
                                       .on_log = on_log,
                                       .on_progress = on_progress};
    hangar_close(world_hangar);
    log_text[0] = '\0';
    return hangar_open(&settings, &world_hangar);
}

void world_config(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    enum hangar_status status = open_written_config(fmt, args);
    va_end(args);
    ck_assert_msg(status == HANGAR_STATUS_DONE, "%s", hangar_error(world_hangar));
}

enum hangar_status world_open(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    enum hangar_status status = open_written_config(fmt, args);
    va_end(args);
    return status;
}

/* Makes *out the last document, and checks what is true of each document. */
static enum hangar_status check_document(enum hangar_status status, char **out)
{
    static const char *const names[] = {"done",      "failed", "usage", "degraded", "corrupt",
                                        "not_found", "busy",   "stale", "auth"};
    char *text = *out; /* set by the call whose status this is */
    ck_assert_ptr_nonnull(text);
    json_decref(world_doc);
    world_doc = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(world_doc);
    hangar_free(text);
    ck_assert_str_eq(world_text("status"), status <= 8 ? names[status] : "interrupted");
    ck_assert_ptr_nonnull(strstr(world_text("schema"), "hangar."));
    if (status == HANGAR_STATUS_DONE) {
        ck_assert_str_eq(hangar_error(world_hangar), "");
    } else {
        ck_assert_str_eq(hangar_error(world_hangar), world_text("error"));
    }
    return status;
}

enum hangar_status world_take(enum hangar_status status, char *text)
{
    return check_document(status, &text);
}

enum hangar_status world_backup(const char *pipeline)
{
    char *text = NULL;
    enum hangar_status status = check_document(hangar_backup(world_hangar, pipeline, &text), &text);
    const json_t *id = world_at("id");
    if (json_is_string(id)) {
        snprintf(last_id, sizeof(last_id), "%s", json_string_value(id));
    }
    return status;
}

enum hangar_status world_list(void)
{
    char *text = NULL;
    return check_document(hangar_list(world_hangar, NULL, NULL, &text), &text);
}

static struct hangar_selection world_selection(const char *id)
{
    return (struct hangar_selection){.struct_size = sizeof(struct hangar_selection), .id = id};
}

enum hangar_status world_show(const char *id)
{
    char *text = NULL;
    struct hangar_selection which = world_selection(id);
    return check_document(hangar_show(world_hangar, &which, &text), &text);
}

enum hangar_status world_verify(const char *id, enum hangar_verify_level level)
{
    char *text = NULL;
    struct hangar_selection which = world_selection(id);
    return check_document(hangar_verify(world_hangar, &which, level, &text), &text);
}

enum hangar_status world_restore(const char *id, uint32_t flags, const char *const *only,
                                 const char *const *set)
{
    char *text = NULL;
    struct hangar_restore_request request = {.struct_size = sizeof(request),
                                             .flags = flags,
                                             .backup = world_selection(id),
                                             .only = only,
                                             .set = set};
    return check_document(hangar_restore(world_hangar, &request, &text), &text);
}

enum hangar_status world_status(void)
{
    char *text = NULL;
    return check_document(hangar_overview(world_hangar, &text), &text);
}

enum hangar_status world_check(void)
{
    char *text = NULL;
    return check_document(hangar_check(world_hangar, &text), &text);
}

enum hangar_status world_alerts(uint32_t flags)
{
    char *text = NULL;
    return check_document(hangar_alerts(world_hangar, flags, &text), &text);
}

enum hangar_status world_notify(const char *notifier)
{
    char *text = NULL;
    return check_document(hangar_notify(world_hangar, notifier, &text), &text);
}

json_t *world_at(const char *path)
{
    char copy[256];
    snprintf(copy, sizeof(copy), "%s", path);
    json_t *at = world_doc;
    for (char *save, *part = strtok_r(copy, ".", &save); part && at;
         part = strtok_r(NULL, ".", &save)) {
        at = json_is_array(at) ? json_array_get(at, strtoul(part, NULL, 10))
                               : json_object_get(at, part);
    }
    return at;
}

const char *world_text(const char *path)
{
    const char *text = json_string_value(world_at(path));
    ck_assert_msg(text != NULL, "the document has no text %s", path);
    return text;
}

int64_t world_int(const char *path)
{
    ck_assert_msg(json_is_integer(world_at(path)), "the document has no number %s", path);
    return json_integer_value(world_at(path));
}

size_t world_count(const char *path)
{
    ck_assert_msg(json_is_array(world_at(path)), "the document has no list %s", path);
    return json_array_size(world_at(path));
}

static char type_letter(const json_t *value)
{
    static const char types[] = {
        [JSON_OBJECT] = 'o', [JSON_ARRAY] = 'a', [JSON_STRING] = 's', [JSON_INTEGER] = 'i',
        [JSON_REAL] = 'r',   [JSON_TRUE] = 'b',  [JSON_FALSE] = 'b',  [JSON_NULL] = 'n'};
    return value ? types[json_typeof(value)] : '-';
}

void world_fields(const json_t *object, const char *fields)
{
    char copy[1024];
    snprintf(copy, sizeof(copy), "%s", fields);
    for (char *save, *field = strtok_r(copy, " ", &save); field;
         field = strtok_r(NULL, " ", &save)) {
        char *types = strchr(field, ':');
        *types++ = '\0';
        char type = type_letter(json_object_get(object, field));
        ck_assert_msg(strchr(types, type) != NULL, "%s is '%c', not '%s'", field, type, types);
    }
}

const char *world_error(void)
{
    return hangar_error(world_hangar);
}

bool world_error_has(const char *text)
{
    return strstr(world_error(), text) != NULL;
}

const char *world_id(void)
{
    return last_id;
}

int world_shell(const char *fmt, ...)
{
    char command[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(command, sizeof(command), fmt, args);
    va_end(args);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

size_t world_lines(const char *file, const char *regex)
{
    char command[512];
    snprintf(command, sizeof(command), "grep -cE -- '%s' %s 2>/dev/null", regex, file);
    FILE *pipe = popen(command, "re");
    ck_assert_ptr_nonnull(pipe);
    unsigned long count = 0;
    if (fscanf(pipe, "%lu", &count) != 1) {
        count = 0;
    }
    pclose(pipe);
    return count;
}

bool world_is_empty(const char *folder)
{
    return world_shell("test -z \"$(find %s -type f ! -name '*origin.json' 2>/dev/null)\"",
                       folder) == 0;
}

const char *world_log(void)
{
    return log_text;
}
