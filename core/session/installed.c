/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * installed: lists the plugins that are installed, with the options that they declare.
 */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "plugin/loader.h"
#include "session/document.h"
#include "session/handle.h"

static const char *const option_type_names[] = {"string",   "int",  "bool", "size",
                                                "duration", "enum", "path", "list"};

static json_t *option_document(const struct hangar_option *o)
{
    json_t *json = json_object();
    hg_json_set_string(json, "name", o->name);
    hg_json_set_string(json, "type", option_type_names[o->type]);
    hg_json_set_string(json, "default", o->default_value);
    hg_json_set_bool(json, "required", o->flags & HANGAR_OPT_REQUIRED);
    hg_json_set_bool(json, "secret", o->flags & HANGAR_OPT_SECRET);
    if (o->min != 0 || o->max != 0) {
        hg_json_set_int(json, "min", o->min);
        hg_json_set_int(json, "max", o->max);
    }
    if (o->choices) {
        json_t *choices = json_array();
        for (const char *const *choice = o->choices; *choice; choice++) {
            hg_json_add(choices, json_string(*choice));
        }
        hg_json_set(json, "choices", choices);
    }
    hg_json_set_string(json, "help", o->help ? o->help : "");
    return json;
}

static json_t *plugin_document(const struct hg_plugin_file *file, const struct hg_plugin *p,
                               const struct hg_error *err)
{
    json_t *json = json_object();
    hg_json_set_string(json, "name", file->name);
    hg_json_set_string(json, "version", p ? p->d.version : NULL);
    hg_json_set_string(json, "summary", p ? p->d.summary : NULL);
    hg_json_set_string(json, "license", p ? p->d.license : NULL);
    json_t *roles = json_array();
    const struct {
        const char *name;
        bool has;
    } all[] = {{"source", p && p->d.source},
               {"transform", p && p->d.transform},
               {"sink", p && p->d.sink},
               {"notifier", p && p->d.notifier}};
    for (size_t i = 0; i < 4; i++) {
        if (all[i].has) {
            hg_json_add(roles, json_string(all[i].name));
        }
    }
    hg_json_set(json, "roles", roles);
    hg_json_set_string(json, "file", file->path);
    char abi[32] = "";
    if (p) {
        snprintf(abi, sizeof(abi), "%u.%u", p->d.abi_major, p->d.abi_minor);
    }
    hg_json_set_string(json, "abi", p ? abi : NULL);
    if (!p) {
        hg_json_set_string(json, "error", err->text);
    }
    json_t *options = json_array();
    for (const struct hangar_option *o = p ? p->options : NULL; o && o->name; o++) {
        hg_json_add(options, option_document(o));
    }
    hg_json_set(json, "options", options);
    return json;
}

enum hangar_status hangar_plugins(struct hangar *h, const char *name, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.plugins/1");
    json_t *list = json_array();
    struct hg_plugin_file *files = NULL;
    const char *const *dirs = (const char *const *)h->plugins.dirs;
    size_t count = hg_plugin_scan(dirs, &files);
    struct hg_error err = {0};
    enum hangar_rc rc = HANGAR_OK;
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        if (name && strcmp(name, files[i].name) != 0) {
            continue;
        }
        found = true;
        const struct hg_plugin *p = NULL;
        struct hg_error why = {0};
        if (hg_plugin_load_file(files[i].path, &p, &why) != HANGAR_OK) {
            p = NULL;
            if (name) {
                err = why;
                rc = why.rc;
            }
        }
        hg_json_add(list, plugin_document(&files[i], p, &why));
    }
    hg_plugin_files_free(files, count);
    if (name && !found) {
        const struct hg_plugin *p;
        rc = hg_plugin_load(dirs, name, &p, &err);
    }
    hg_json_set(doc, "plugins", list);
    return hg_doc_end(h, doc, hg_status(rc), &err, json);
}
