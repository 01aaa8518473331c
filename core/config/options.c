/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * options: checks what is given against what is declared, reports everything
 * that is wrong with it, and goes on.  Values of secrets never get into a text.
 */
#include "config/options.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "base/vec.h"
#include "config/expand.h"
#include "config/secret.h"
#include "config/values.h"

enum { MAX_SHOWN_KEYS = 256 };

struct binder {
    struct hg_options *out;
    unsigned *forms; /* of each option: a bit per form in which the file gave it */
    const char *dir;
    bool read_secrets;
    const struct hg_override *overrides;
    size_t override_count;
    struct hg_problems *problems;
};

static bool is_secret(const struct hangar_option *option)
{
    return (option->flags & HANGAR_OPT_SECRET) != 0;
}

static void clear_value(struct hg_option_value *v)
{
    if (is_secret(v->declared)) {
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

static struct hg_option_value *find(const struct hg_options *options, const char *name, size_t len)
{
    for (size_t i = 0; i < options->count; i++) {
        const char *declared = options->items[i].declared->name;
        if (strncmp(declared, name, len) == 0 && declared[len] == '\0') {
            return &options->items[i];
        }
    }
    return NULL;
}

/* The forms a secret can be given in, beside its value. */
enum form { FORM_VALUE, FORM_FILE, FORM_COMMAND, FORM_CREDENTIAL };
static const char *const form_suffixes[] = {"", "_file", "_command", "_credential"};

/* The option that a key gives, and in which form; NULL: none. */
static struct hg_option_value *resolve(const struct hg_options *options, const char *key,
                                       enum form *form)
{
    *form = FORM_VALUE;
    size_t len = strlen(key);
    struct hg_option_value *v = find(options, key, len);
    for (size_t f = FORM_FILE; !v && f <= FORM_CREDENTIAL; f++) {
        size_t suffix = strlen(form_suffixes[f]);
        if (len <= suffix || strcmp(key + len - suffix, form_suffixes[f]) != 0) {
            continue;
        }
        v = find(options, key, len - suffix);
        if (v && !is_secret(v->declared)) {
            v = NULL;
        }
        *form = (enum form)f;
    }
    return v;
}

/* The declared name, or form of a secret, that `key` was probably meant to be. */
static char *suggestion(const struct hg_options *options, const char *key)
{
    char *names[MAX_SHOWN_KEYS + 4];
    size_t count = 0;
    for (size_t i = 0; i < options->count && count < MAX_SHOWN_KEYS; i++) {
        const struct hangar_option *option = options->items[i].declared;
        for (size_t f = FORM_VALUE; f <= (is_secret(option) ? FORM_CREDENTIAL : FORM_VALUE); f++) {
            char *name = hg_format("%s%s", option->name, form_suffixes[f]);
            if (name) {
                names[count++] = name;
            }
        }
    }
    names[count] = NULL;
    const char *best = hg_did_you_mean(key, (const char *const *)names);
    char *copy = best ? strdup(best) : NULL;
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    return copy;
}

static void report_unknown(const struct binder *b, const struct hg_yaml_key *key)
{
    /* Past the number that is kept it would be work for nobody. */
    bool kept = b->problems->count < HG_PROBLEMS_MAX;
    char *meant = kept ? suggestion(b->out, key->text) : NULL;
    if (meant) {
        hg_problem_add(b->problems, key->line, key->column,
                       "unknown key \"%s\"; hint: did you mean \"%s\"?", key->text, meant);
    } else {
        hg_problem_add(b->problems, key->line, key->column, "unknown key \"%s\"", key->text);
    }
    free(meant);
}

/* ---- the forms of a secret ---- */

static char *read_form(const struct binder *b, enum form form, const struct hg_yaml *node,
                       const struct hg_value_place *at, struct hg_error *err)
{
    if (form == FORM_COMMAND) {
        char **argv;
        if (!hg_value_list(at, node, &argv)) {
            return NULL;
        }
        char *secret = NULL;
        if (b->read_secrets) {
            /* as for paths: a program with a folder in its name is relative to the file */
            char *program = strchr(argv[0], '/') ? hg_value_path(b->dir, argv[0]) : NULL;
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
    } else if (name && b->read_secrets && form == FORM_CREDENTIAL) {
        secret = hg_secret_credential(name, err);
    } else if (name && b->read_secrets) {
        char *path = hg_value_path(b->dir, name);
        if (path) {
            secret = hg_secret_file(path, err);
        } else {
            b->problems->failed = true;
        }
        free(path);
    }
    free(name);
    return secret;
}

static void bind_form(const struct binder *b, struct hg_option_value *v, enum form form,
                      const struct hg_yaml *node, const struct hg_value_place *at)
{
    if (form == FORM_COMMAND && (node->type != HG_YAML_LIST || node->count == 0)) {
        hg_value_fail(at, "%s must be a list of words; hint: write it as [program, argument]",
                      at->name);
        return;
    }
    struct hg_error err = {0};
    v->text = read_form(b, form, node, at, &err);
    v->set = true;
    if (err.rc != HANGAR_OK) {
        hg_problem_add_rc(b->problems, err.rc, at->line, at->column, "%s: %s", at->name, err.text);
    }
}

/* ---- binding ---- */

static void bind_value(const struct binder *b, struct hg_option_value *v,
                       const struct hg_yaml *node, const struct hg_value_place *at)
{
    if (v->declared->type == HANGAR_OPT_LIST) {
        v->set = hg_value_list(at, node, &v->list);
        return;
    }
    v->text = hg_value_text(at, node);
    v->set = v->text && hg_value_convert(at, v->declared, b->dir, &v->text, &v->number);
}

static bool overridden(const struct binder *b, const char *name)
{
    for (size_t i = 0; i < b->override_count; i++) {
        if (strcmp(b->overrides[i].option, name) == 0) {
            return true;
        }
    }
    return false;
}

static void bind_key(const struct binder *b, const struct hg_yaml_key *key,
                     const struct hg_yaml *node)
{
    enum form form;
    struct hg_option_value *v = resolve(b->out, key->text, &form);
    if (!v) {
        report_unknown(b, key);
        return;
    }
    unsigned *forms = &b->forms[v - b->out->items];
    bool repeated = (*forms & 1u << form) != 0; /* a duplicate key, reported with the file */
    *forms |= 1u << form;
    if (v->given) {
        if (!repeated) {
            hg_problem_add(b->problems, key->line, key->column,
                           "%s gives \"%s\" a second time; hint: line %zu gives it already",
                           key->text, v->declared->name, v->line);
        }
        return;
    }
    v->given = true;
    v->line = node->line;
    v->column = node->column;
    struct hg_value_place at = {b->problems, node->line, node->column,
                                "",          key->text,  is_secret(v->declared)};
    if (form != FORM_VALUE && overridden(b, v->declared->name)) {
        return; /* nobody wants what a command would give */
    }
    if (form != FORM_VALUE) {
        bind_form(b, v, form, node, &at);
    } else {
        bind_value(b, v, node, &at);
    }
}

static bool add_to_list(struct hg_option_value *v, const char *value, bool first)
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

static void bind_override(const struct binder *b, size_t index)
{
    const struct hg_override *o = &b->overrides[index];
    const char *who = o->trusted ? "override: " : "--set: ";
    struct hg_value_place at = {b->problems, 0, 0, who, o->option, false};
    enum form form;
    struct hg_option_value *v = resolve(b->out, o->option, &form);
    if (!v || (form != FORM_VALUE && o->trusted)) {
        char *meant = suggestion(b->out, o->option);
        hg_value_fail(&at, "unknown option \"%s\"%s%s%s", o->option,
                      meant != NULL ? "; hint: did you mean \"" : "", meant != NULL ? meant : "",
                      meant != NULL ? "\"?" : "");
        free(meant);
        return;
    }
    if (is_secret(v->declared) && !o->trusted) {
        hg_value_fail(&at,
                      "\"%s\" is a secret, and the command line is public; hint: put it into the "
                      "configuration",
                      o->option);
        return;
    }
    bool list = v->declared->type == HANGAR_OPT_LIST;
    if (list && !o->trusted) {
        hg_value_fail(&at, "\"%s\" is a list; hint: put it into the configuration", o->option);
        return;
    }
    at.secret = is_secret(v->declared);
    bool first = true; /* of several for a list each adds an entry; else the last counts */
    for (size_t i = 0; i < index; i++) {
        first = first && strcmp(b->overrides[i].option, o->option) != 0;
    }
    v->given = true;
    v->line = v->column = 0;
    if (list) {
        v->set = add_to_list(v, o->value, first);
        b->problems->failed = b->problems->failed || !v->set;
        return;
    }
    clear_value(v);
    v->text = strdup(o->value);
    if (!v->text) {
        b->problems->failed = true;
    } else {
        v->set = hg_value_convert(&at, v->declared, b->dir, &v->text, &v->number);
    }
}

static void bind_default(const struct binder *b, struct hg_option_value *v)
{
    const struct hangar_option *option = v->declared;
    struct hg_value_place at = {
        b->problems, v->line, v->column, "the plugin's default: ", option->name, false};
    if (option->type == HANGAR_OPT_LIST) {
        v->set = add_to_list(v, option->default_value, true);
        b->problems->failed = b->problems->failed || !v->set;
        return;
    }
    v->text = strdup(option->default_value);
    if (!v->text) {
        b->problems->failed = true;
    } else {
        v->set = hg_value_convert(&at, option, b->dir, &v->text, &v->number);
    }
}

static bool make_items(struct hg_options *out, const struct hangar_option *table, size_t line,
                       size_t column)
{
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
        out->items[i] =
            (struct hg_option_value){.declared = &table[i], .line = line, .column = column};
    }
    return true;
}

bool hg_options_bind(struct hg_options *out, const struct hangar_option *table,
                     const struct hg_yaml *node, const char *dir, size_t line, size_t column,
                     const struct hg_override *overrides, size_t override_count, bool read_secrets,
                     struct hg_problems *problems)
{
    size_t errors = problems->errors;
    if (!make_items(out, table, line, column)) {
        problems->failed = true;
        return false;
    }
    unsigned *forms = calloc(out->count + 1, sizeof(*forms));
    if (!forms) {
        problems->failed = true;
        return false;
    }
    const struct binder b = {out, forms, dir, read_secrets, overrides, override_count, problems};
    if (node && node->type == HG_YAML_MAP) {
        for (size_t i = 0; i < node->count; i++) {
            bind_key(&b, &node->keys[i], &node->items[i]);
        }
    } else if (node && !hg_yaml_is_null(node)) {
        hg_problem_add(problems, node->line, node->column,
                       "\"options\" must be a map of keys and values");
    }
    for (size_t i = 0; i < override_count; i++) {
        bind_override(&b, i);
    }
    for (size_t i = 0; i < out->count; i++) {
        struct hg_option_value *v = &out->items[i];
        if (v->given) {
            continue;
        }
        if ((v->declared->flags & HANGAR_OPT_REQUIRED) != 0) {
            hg_problem_add(problems, line, column, "option \"%s\" is missing", v->declared->name);
        } else if (v->declared->default_value) {
            bind_default(&b, v);
        }
    }
    free(forms);
    return problems->errors == errors && !problems->failed;
}

void hg_options_free(struct hg_options *options)
{
    for (size_t i = 0; i < options->count; i++) {
        clear_value(&options->items[i]);
    }
    free(options->items);
    *options = (struct hg_options){0};
}

const struct hg_option_value *hg_options_get(const struct hg_options *options, const char *name)
{
    return find(options, name, strlen(name));
}

char *hg_option_display(const struct hg_option_value *value)
{
    if (!value->set) {
        return NULL;
    }
    if (is_secret(value->declared)) {
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
