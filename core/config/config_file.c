/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * config_file: see config_file.h.  It reports all problems of the file in one pass.
 */
#include "config/config_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/trust.h"
#include "config/instance_sections.h"
#include "config/pipelines.h"
#include "config/reader.h"
#include "config/settings.h"
#include "config/signing_section.h"

static void load_version(struct hg_reader *r)
{
    const struct hg_yaml *root = r->config->root, *node = hg_yaml_get(root, "version");
    if (!node) {
        hg_problem_add(r->problems, root->line, root->column,
                       "key \"version\" is missing; hint: begin the file with \"version: 1\"");
        return;
    }
    struct hg_value_place at = hg_reader_place(r, node, "version");
    char *version = hg_value_text(&at, node);
    if (version && strcmp(version, "1") != 0) {
        hg_value_fail(&at, "version must be 1, not \"%.40s\"", version);
    }
    free(version);
}

/* origin: stands in file names and JSON, so it is kept plain. */
static void load_origin(struct hg_reader *r)
{
    struct hg_config *c = r->config;
    const struct hg_yaml *node = hg_yaml_get(c->root, "origin");
    if (!node) {
        return;
    }
    struct hg_value_place at = hg_reader_place(r, node, "origin");
    c->origin = hg_value_text(&at, node);
    size_t n = c->origin ? strlen(c->origin) : 1;
    if (c->origin &&
        (n == 0 || n > 100 ||
         strspn(c->origin, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
             n)) {
        hg_value_fail(&at,
                      "origin must be 1 to 100 letters, digits, \".\", \"_\" and \"-\", "
                      "not \"%.40s\"",
                      c->origin);
    }
}

static void load_plugin_path(struct hg_reader *r)
{
    static const struct hangar_option option = {.name = "plugin_path", .type = HANGAR_OPT_PATH};
    struct hg_config *c = r->config;
    const struct hg_yaml *node = hg_yaml_get(c->root, "plugin_path");
    if (!node) {
        return;
    }
    struct hg_value_place at = hg_reader_place(r, node, "plugin_path");
    if (!hg_value_list(&at, node, &c->plugin_path)) {
        return;
    }
    for (char **path = c->plugin_path; *path; path++) {
        int64_t unused;
        hg_value_convert(&at, &option, c->dir, path, &unused);
    }
}

static void load_model(struct hg_reader *r)
{
    static const char *const known[] = {
        "version", "origin",    "plugin_path", "limits", "signing", "sources", "transforms",
        "sinks",   "notifiers", "pipelines",   "alerts", "http",    NULL};
    const struct hg_yaml *root = r->config->root;
    if (root->type != HG_YAML_MAP) {
        hg_problem_add(r->problems, root->line, root->column,
                       "the file must be a map of keys and values");
        return;
    }
    hg_reader_check_keys(r, root, known, NULL);
    load_version(r);
    load_origin(r);
    load_plugin_path(r);
    hg_settings_read(r);
    hg_config_signing_read(r);
    for (enum hg_kind kind = HG_SOURCE; kind < HG_KINDS; kind++) {
        hg_instances_read(r, kind);
    }
    hg_pipelines_read(r);
}

/* The absolute folder of a path; NULL when out of memory or when it is not there. */
static char *load_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    char *absolute = folder ? realpath(folder, NULL) : NULL;
    free(folder);
    return absolute;
}

static const char *load_find_file(struct hg_problems *problems)
{
    static const char *const places[] = {"backup.yaml", "/etc/hangar/backup.yaml"};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (access(places[i], F_OK) == 0) {
            return places[i];
        }
    }
    hg_problem_add(problems, 0, 0,
                   "cannot find a configuration: neither %s nor %s exists; hint: run \"hangar "
                   "init\", or name a file with -c",
                   places[0], places[1]);
    return NULL;
}

/* Reads the file.  It can contain commands, so no other user may be able to write it. */
static bool load_read_file(const char *path, struct hg_str *text, struct hg_problems *problems)
{
    struct hg_error err = {0};
    struct stat st;
    int fd;
    /* what is missing, or is not a file, has better messages without the whole path */
    enum hangar_rc rc = stat(path, &st) == 0 && S_ISREG(st.st_mode)
                            ? hg_trust_open_named(path, &fd, &err)
                            : HANGAR_NOT_FOUND;
    if (rc == HANGAR_OK) {
        rc = hg_read_open_file(fd, path, HG_YAML_MAX_BYTES, text, &err);
        close(fd);
    } else if (rc == HANGAR_CONFIG) {
        hg_context(&err, "cannot trust %s, which can contain commands", path);
    } else {
        struct hg_error why = {0};
        struct hg_str unused = {0};
        if (hg_read_file(path, HG_YAML_MAX_BYTES, &unused, &why) != HANGAR_OK) {
            err = why;
        } else if (err.rc == HANGAR_OK) {
            hg_fail(&err, HANGAR_IO, 0,
                    "cannot open %s: it was created while hangar looked for it; hint: run the "
                    "command again",
                    path);
        }
        hg_str_free(&unused);
    }
    if (rc != HANGAR_OK) {
        hg_problem_add(problems, 0, 0, "%s", err.text);
    }
    return rc == HANGAR_OK;
}

struct hg_config *hg_config_load(const char *path, struct hg_problems *problems)
{
    if (!path) {
        path = load_find_file(problems);
    }
    if (!path) {
        return NULL;
    }
    if (!problems->file) {
        problems->file = path;
    }

    struct hg_str text = {0};
    struct hg_config *config = NULL;
    if (!load_read_file(path, &text, problems)) {
        goto out;
    }
    struct hg_yaml *root = hg_yaml_parse(hg_str_text(&text), text.len, problems);
    if (!root) {
        goto out;
    }
    config = calloc(1, sizeof(*config));
    if (!config) {
        hg_yaml_free(root);
        problems->failed = true;
        goto out;
    }
    config->root = root;
    config->path = strdup(path);
    config->dir = load_folder_of(path);
    if (!config->path || !config->dir) {
        problems->failed = true;
        hg_config_free(config);
        config = NULL;
        goto out;
    }
    struct hg_reader r = {config, problems};
    load_model(&r);
out:
    hg_str_free(&text);
    return config;
}
