/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * options: see options.h.  Reading continues after a problem, so that all problems
 * are reported at once.  No message contains the value of a secret.
 */
#include "config/options.h"

#include <stdlib.h>
#include <string.h>

#include "config/hints.h"
#include "config/secret.h"
#include "config/values.h"

enum { SHOWN_KEYS_MAX = 256 };

struct option_reader {
    struct hg_options *out;
    unsigned *forms; /* of each option: the set of forms in which the file gives it */
    const struct hg_options_request *request;
    struct hg_problems *problems;
};

static bool option_is_secret(const struct hangar_option *option)
{
    return (option->flags & HANGAR_OPT_SECRET) != 0;
}

static void option_clear(struct hg_option_value *v)
{
    if (option_is_secret(v->declared)) {
        hg_secret_free(v->text);
    } else {
        free(v->text);
    }
    hg_value_free_list(v->list);
    v->text = NULL;
    v->list = NULL;
    v->number = 0;
    v->set = false;
}

static struct hg_option_value *option_find(const struct hg_options *options, const char *name,
                                           size_t len)
{
    for (size_t i = 0; i < options->count; i++) {
        const char *declared = options->items[i].declared->name;
        if (strncmp(declared, name, len) == 0 && declared[len] == '\0') {
            return &options->items[i];
        }
    }
    return NULL;
}

/* The option that a key sets, and in which form; NULL when there is none. */
static struct hg_option_value *option_of_key(const struct hg_options *options, const char *key,
                                             enum hg_secret_form *form)
{
    *form = HG_SECRET_VALUE;
    struct hg_option_value *v = option_find(options, key, strlen(key));
    for (enum hg_secret_form f = HG_SECRET_FILE; !v && f < HG_SECRET_FORMS; f++) {
        size_t length = hg_secret_name_length(key, f);
        v = length > 0 ? option_find(options, key, length) : NULL;
        if (v && !option_is_secret(v->declared)) {
            v = NULL;
        }
        *form = f;
    }
    return v;
}

/* The hint for an unknown key, malloc'd; NULL: none. */
static char *option_hint_for_key(const struct hg_options *options, const char *key)
{
    char *names[SHOWN_KEYS_MAX + 4];
    size_t count = 0;
    for (size_t i = 0; i < options->count && count < SHOWN_KEYS_MAX; i++) {
        const struct hangar_option *option = options->items[i].declared;
        for (enum hg_secret_form f = HG_SECRET_VALUE;
             f < (option_is_secret(option) ? HG_SECRET_FORMS : HG_SECRET_FILE); f++) {
            char *name = hg_format("%s%s", option->name, hg_secret_suffix(f));
            if (name) {
                names[count++] = name;
            }
        }
    }
    names[count] = NULL;
    char *hint = hg_hint_for_key(key, (const char *const *)names);
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    return hint;
}

static void option_report_unknown(const struct option_reader *r, const struct hg_yaml_key *key)
{
    /* Further problems are only counted. */
    bool kept = r->problems->count < HG_PROBLEMS_MAX;
    char *hint = kept ? option_hint_for_key(r->out, key->text) : NULL;
    hg_problem_add(r->problems, key->line, key->column, "unknown key \"%s\"%s%s", key->text,
                   hint ? "; hint: " : "", hint ? hint : "");
    free(hint);
}

/* ---- the forms of a secret ---- */

static char *option_read_secret(const struct option_reader *r, enum hg_secret_form form,
                                const struct hg_yaml *node, const struct hg_value_place *at,
                                struct hg_error *err)
{
    if (form == HG_SECRET_COMMAND) {
        char **argv;
        if (!hg_value_list(at, node, &argv)) {
            return NULL;
        }
        char *secret = NULL;
        if (r->request->read_secrets) {
            /* a program with a folder in its name is relative to the file, as paths are */
            char *program = strchr(argv[0], '/') ? hg_value_path(r->request->dir, argv[0]) : NULL;
            char *plain = argv[0];
            argv[0] = program ? program : plain;
            secret = hg_secret_command(argv, HG_SECRET_TIMEOUT_MS, err);
            argv[0] = plain;
            free(program);
        }
        hg_value_free_list(argv);
        return secret;
    }
    char *name = hg_value_text(at, node);
    char *secret = NULL;
    if (name && name[0] == '\0') {
        hg_value_fail(at, "%s is empty", at->name);
    } else if (name && r->request->read_secrets && form == HG_SECRET_CREDENTIAL) {
        secret = hg_secret_credential(name, err);
    } else if (name && r->request->read_secrets) {
        char *path = hg_value_path(r->request->dir, name);
        if (path) {
            secret = hg_secret_file(path, err);
        } else {
            r->problems->failed = true;
        }
        free(path);
    }
    free(name);
    return secret;
}

static void option_set_secret(const struct option_reader *r, struct hg_option_value *v,
                              enum hg_secret_form form, const struct hg_yaml *node,
                              const struct hg_value_place *at)
{
    if (form == HG_SECRET_COMMAND && (node->type != HG_YAML_LIST || node->count == 0)) {
        hg_value_fail(at, "%s must be a list of words; hint: write it as [program, argument]",
                      at->name);
        return;
    }
    struct hg_error err = {0};
    v->text = option_read_secret(r, form, node, at, &err);
    v->set = true;
    if (err.rc != HANGAR_OK) {
        hg_problem_add_rc(r->problems, err.rc, at->line, at->column, "%s: %s", at->name, err.text);
    }
}

/* ---- reading ---- */

static void option_set_value(const struct option_reader *r, struct hg_option_value *v,
                             const struct hg_yaml *node, const struct hg_value_place *at)
{
    if (v->declared->type == HANGAR_OPT_LIST) {
        v->set = hg_value_list(at, node, &v->list);
        return;
    }
    v->text = hg_value_text(at, node);
    v->set = v->text && hg_value_convert(at, v->declared, r->request->dir, &v->text, &v->number);
}

static bool option_is_overridden(const struct option_reader *r, const char *name)
{
    for (size_t i = 0; i < r->request->override_count; i++) {
        if (strcmp(r->request->overrides[i].option, name) == 0) {
            return true;
        }
    }
    return false;
}

static void option_read_key(const struct option_reader *r, const struct hg_yaml_key *key,
                            const struct hg_yaml *node)
{
    enum hg_secret_form form;
    struct hg_option_value *v = option_of_key(r->out, key->text, &form);
    if (!v) {
        option_report_unknown(r, key);
        return;
    }
    unsigned *forms = &r->forms[v - r->out->items];
    bool repeated = (*forms & 1u << form) != 0; /* a duplicate key, reported with the file */
    *forms |= 1u << form;
    if (v->given) {
        if (!repeated) {
            hg_problem_add(
                r->problems, key->line, key->column,
                "%s sets option \"%s\" again; hint: remove this key, or that of line %zu",
                key->text, v->declared->name, v->line);
        }
        return;
    }
    v->given = true;
    v->line = node->line;
    v->column = node->column;
    struct hg_value_place at = {r->problems, node->line, node->column,
                                "",          key->text,  option_is_secret(v->declared)};
    if (form != HG_SECRET_VALUE && option_is_overridden(r, v->declared->name)) {
        return; /* the override replaces it: no command runs for nothing */
    }
    if (form != HG_SECRET_VALUE) {
        option_set_secret(r, v, form, node, &at);
    } else {
        option_set_value(r, v, node, &at);
    }
}

static bool option_add_to_list(struct hg_option_value *v, const char *value, bool first)
{
    if (first) {
        hg_value_free_list(v->list);
        v->list = NULL;
    }
    size_t count = 0;
    while (v->list && v->list[count]) {
        count++;
    }
    char **list = reallocarray(v->list, count + 2, sizeof(char *));
    if (!list) {
        return false;
    }
    v->list = list;
    list[count] = strdup(value);
    list[count + 1] = NULL;
    return list[count] != NULL;
}

static void option_read_override(const struct option_reader *r, size_t index)
{
    const struct hg_override *o = &r->request->overrides[index];
    const char *prefix = o->trusted ? "override: " : "--set: ";
    struct hg_value_place at = {r->problems, 0, 0, prefix, o->option, false};
    enum hg_secret_form form;
    struct hg_option_value *v = option_of_key(r->out, o->option, &form);
    if (!v || (form != HG_SECRET_VALUE && o->trusted)) {
        char *hint = option_hint_for_key(r->out, o->option);
        hg_value_fail(&at, "unknown option \"%s\"%s%s", o->option, hint ? "; hint: " : "",
                      hint ? hint : "");
        free(hint);
        return;
    }
    if (option_is_secret(v->declared) && !o->trusted) {
        hg_value_fail(
            &at,
            "\"%s\" is a secret, and other users can read the command line; hint: set it in "
            "the configuration",
            o->option);
        return;
    }
    bool list = v->declared->type == HANGAR_OPT_LIST;
    at.secret = option_is_secret(v->declared);
    bool first = true; /* several overrides of a list add an entry each; else the last counts */
    for (size_t i = 0; i < index; i++) {
        first = first && strcmp(r->request->overrides[i].option, o->option) != 0;
    }
    v->given = true;
    v->line = v->column = 0;
    if (list) {
        v->set = option_add_to_list(v, o->value, first);
        r->problems->failed = r->problems->failed || !v->set;
        return;
    }
    option_clear(v);
    v->text = strdup(o->value);
    if (!v->text) {
        r->problems->failed = true;
    } else {
        v->set = hg_value_convert(&at, v->declared, r->request->dir, &v->text, &v->number);
    }
}

static void option_set_default(const struct option_reader *r, struct hg_option_value *v)
{
    const struct hangar_option *option = v->declared;
    struct hg_value_place at = {
        r->problems, v->line, v->column, "the plugin's default: ", option->name, false};
    if (option->type == HANGAR_OPT_LIST) {
        v->set = option_add_to_list(v, option->default_value, true);
        r->problems->failed = r->problems->failed || !v->set;
        return;
    }
    v->text = strdup(option->default_value);
    if (!v->text) {
        r->problems->failed = true;
    } else {
        v->set = hg_value_convert(&at, option, r->request->dir, &v->text, &v->number);
    }
}

static bool options_make_items(struct hg_options *out, const struct hg_options_request *request)
{
    const struct hangar_option *table = request->table;
    *out = (struct hg_options){0};
    size_t count = 0;
    while (table && table[count].name) {
        count++;
    }
    if (count == 0) {
        return true;
    }
    out->items = calloc(count, sizeof(*out->items));
    if (!out->items) {
        return false;
    }
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        out->items[i] = (struct hg_option_value){
            .declared = &table[i], .line = request->line, .column = request->column};
    }
    return true;
}

bool hg_options_read(struct hg_options *out, const struct hg_options_request *request,
                     struct hg_problems *problems)
{
    size_t errors = problems->errors;
    if (!options_make_items(out, request)) {
        problems->failed = true;
        return false;
    }
    unsigned *forms = calloc(out->count + 1, sizeof(*forms));
    if (!forms) {
        problems->failed = true;
        return false;
    }
    const struct option_reader r = {
        .out = out, .forms = forms, .request = request, .problems = problems};
    const struct hg_yaml *node = request->node;
    if (node && node->type == HG_YAML_MAP) {
        for (size_t i = 0; i < node->count; i++) {
            option_read_key(&r, &node->keys[i], &node->items[i]);
        }
    } else if (node && hg_yaml_is_null(node)) {
        hg_problem_add(problems, node->line, node->column,
                       "options has no value; hint: indent the options below it, or remove the "
                       "key");
    } else if (node) {
        hg_problem_add(problems, node->line, node->column,
                       "\"options\" must be a map of keys and values");
    }
    for (size_t i = 0; i < request->override_count; i++) {
        option_read_override(&r, i);
    }
    for (size_t i = 0; i < out->count; i++) {
        struct hg_option_value *v = &out->items[i];
        if (v->given) {
            continue;
        }
        if ((v->declared->flags & HANGAR_OPT_REQUIRED) != 0) {
            hg_problem_add(problems, request->line, request->column, "option \"%s\" is missing",
                           v->declared->name);
        } else if (v->declared->default_value) {
            option_set_default(&r, v);
        }
    }
    free(forms);
    return problems->errors == errors && !problems->failed;
}

void hg_options_free(struct hg_options *options)
{
    for (size_t i = 0; i < options->count; i++) {
        option_clear(&options->items[i]);
    }
    free(options->items);
    *options = (struct hg_options){0};
}

const struct hg_option_value *hg_options_get(const struct hg_options *options, const char *name)
{
    return option_find(options, name, strlen(name));
}

char *hg_option_display(const struct hg_option_value *value)
{
    if (!value->set) {
        return NULL;
    }
    if (option_is_secret(value->declared)) {
        return strdup("***");
    }
    if (value->declared->type != HANGAR_OPT_LIST) {
        return strdup(value->text);
    }
    struct hg_str text = {0};
    for (size_t i = 0; value->list[i]; i++) {
        hg_str_addf(&text, "%s%s", i > 0 ? ", " : "", value->list[i]);
    }
    return hg_str_take(&text);
}
