/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pipelines: the section pipelines, and what its names refer to.
 */
#include "config/pipelines.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "config/hints.h"
#include "config/hook_section.h"
#include "config/schedules.h"

enum { PIPELINES_MAX = 1000 };

/* The name of an instance of this kind that was probably meant; NULL: none. */
static const char *pipeline_suggest(const struct hg_reader *r, enum hg_kind kind, const char *name)
{
    const struct hg_config *c = r->config;
    if (r->problems->count >= HG_PROBLEMS_MAX) {
        return NULL;
    }
    const char **names = calloc(c->instance_count + 1, sizeof(char *));
    if (!names) {
        return NULL;
    }
    size_t count = 0;
    for (size_t i = 0; i < c->instance_count; i++) {
        if (c->instances[i].kind == kind) {
            names[count++] = c->instances[i].name;
        }
    }
    const char *meant = hg_did_you_mean(name, names);
    free(names);
    return meant;
}

/* The instance whose plugin has this name; NULL: none. */
static const struct hg_instance_config *pipeline_user_of_plugin(const struct hg_config *c,
                                                                enum hg_kind kind, const char *name)
{
    for (size_t i = 0; i < c->instance_count; i++) {
        const struct hg_instance_config *one = &c->instances[i];
        if (one->kind == kind && one->plugin && strcmp(one->plugin, name) == 0) {
            return one;
        }
    }
    return NULL;
}

static void pipeline_report_unknown(struct hg_reader *r, const struct hg_value_place *at,
                                    enum hg_kind kind, const char *name)
{
    const char *meant = pipeline_suggest(r, kind, name);
    if (meant) {
        hg_value_fail(at, "unknown %s \"%.64s\"; hint: did you mean \"%s\"?", hg_kind_name(kind),
                      name, meant);
        return;
    }
    const struct hg_instance_config *user = pipeline_user_of_plugin(r->config, kind, name);
    if (user) {
        hg_value_fail(at,
                      "unknown %s \"%.64s\"; hint: did you mean \"%s\", which uses this plugin?",
                      hg_kind_name(kind), name, user->name);
        return;
    }
    for (enum hg_kind other = HG_SOURCE; other < HG_KINDS; other++) {
        if (hg_config_find(r->config, other, name) >= 0) {
            hg_value_fail(at, "unknown %s \"%.64s\"; hint: \"%.64s\" is defined under \"%s\"",
                          hg_kind_name(kind), name, name, hg_kind_section(other));
            return;
        }
    }
    hg_value_fail(at, "unknown %s \"%.64s\"; hint: define it under \"%s\"", hg_kind_name(kind),
                  name, hg_kind_section(kind));
}

/* Adds one reference to `refs`, which has room. */
static void pipeline_read_reference(struct hg_reader *r, enum hg_kind kind,
                                    const struct hg_yaml *node, size_t *refs, size_t *count)
{
    struct hg_value_place at = hg_reader_place(r, node, hg_kind_name(kind));
    char *name = hg_value_text(&at, node);
    if (!name) {
        return;
    }
    long index = hg_config_find(r->config, kind, name);
    bool twice = false;
    for (size_t i = 0; i < *count; i++) {
        twice = twice || (index >= 0 && refs[i] == (size_t)index);
    }
    if (index < 0) {
        pipeline_report_unknown(r, &at, kind, name);
    } else if (twice) {
        hg_value_fail(&at, "%s \"%s\" is listed twice", hg_kind_name(kind), name);
    } else {
        refs[(*count)++] = (size_t)index;
    }
    free(name);
}

/* A list of names, or one name; *refs and *count are set. */
static void pipeline_read_references(struct hg_reader *r, enum hg_kind kind,
                                     const struct hg_yaml_key *key, const struct hg_yaml *pipeline,
                                     size_t **refs, size_t *count)
{
    const char *section = hg_kind_section(kind);
    bool needed = kind == HG_SOURCE || kind == HG_SINK;
    const struct hg_yaml *node = hg_yaml_get(pipeline, section);
    if (!node) {
        if (needed) {
            hg_problem_add(r->problems, key->line, key->column, "pipeline \"%s\" has no \"%s\"",
                           key->text, section);
        }
        return;
    }
    if (node->type == HG_YAML_MAP) {
        hg_problem_add(r->problems, node->line, node->column, "%s must be a list of names",
                       section);
        return;
    }
    if (hg_yaml_is_null(node)) {
        hg_problem_add(r->problems, node->line, node->column,
                       "%s has no value; hint: list their names, such as [one, two]%s", section,
                       needed ? "" : ", or remove the key");
        return;
    }
    const struct hg_yaml *items = node->type == HG_YAML_LIST ? node->items : node;
    size_t items_count = node->type == HG_YAML_LIST ? node->count : 1;
    if (items_count == 0 && needed) {
        hg_problem_add(r->problems, node->line, node->column, "%s must have at least one entry",
                       section);
    }
    /* An instance may be listed once: more entries are errors, reported below. */
    size_t most = items_count < r->config->instance_count ? items_count : r->config->instance_count;
    *refs = calloc(most + 1, sizeof(**refs));
    if (!*refs) {
        r->problems->failed = true;
        return;
    }
    for (size_t i = 0; i < items_count && r->problems->count < HG_PROBLEMS_MAX; i++) {
        pipeline_read_reference(r, kind, &items[i], *refs, count);
    }
}

static void pipeline_read(struct hg_reader *r, const struct hg_yaml_key *key,
                          const struct hg_yaml *node)
{
    static const char *const known[] = {"sources",      "transforms", "sinks",  "notifiers",
                                        "hooks",        "schedule",   "verify", "drill",
                                        "timezone",     "windows",    "jitter", "catch_up",
                                        "max_duration", "max_age",    "retry",  NULL};
    struct hg_config *c = r->config;
    hg_reader_check_name(r, key);
    if (node->type != HG_YAML_MAP) {
        const char *hint = hg_hint_is_key(key->text) ? "; hint: indent it more to make it a key of "
                                                       "the pipeline above"
                           : hg_yaml_is_null(node)   ? "; hint: indent its keys below it"
                                                     : "";
        hg_problem_add(r->problems, node->line, node->column,
                       "pipeline \"%s\" must be a map with the keys \"sources\" and \"sinks\"%s",
                       key->text, hint);
        return;
    }
    hg_reader_check_keys(r, node, known, NULL);
    char *name = strdup(key->text);
    if (!name || !hg_vec_reserve((void **)&c->pipelines, c->pipeline_count, &c->pipeline_capacity,
                                 sizeof(*c->pipelines))) {
        free(name);
        r->problems->failed = true;
        return;
    }
    struct hg_pipeline_config *p = &c->pipelines[c->pipeline_count++];
    *p = (struct hg_pipeline_config){.name = name, .line = key->line, .column = key->column};
    pipeline_read_references(r, HG_SOURCE, key, node, &p->sources, &p->source_count);
    pipeline_read_references(r, HG_TRANSFORM, key, node, &p->transforms, &p->transform_count);
    pipeline_read_references(r, HG_SINK, key, node, &p->sinks, &p->sink_count);
    p->notifiers_given = hg_yaml_get(node, "notifiers") != NULL;
    pipeline_read_references(r, HG_NOTIFIER, key, node, &p->notifiers, &p->notifier_count);
    hg_hooks_read(r, node, p->hooks);
    hg_schedules_read(r, node, p);
}

static void pipeline_mark_used(bool *used, const size_t *refs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        used[refs[i]] = true;
    }
}

static void pipeline_warn_unused(struct hg_reader *r)
{
    const struct hg_config *c = r->config;
    bool *used = calloc(c->instance_count + 1, sizeof(*used));
    if (!used) {
        r->problems->failed = true;
        return;
    }
    bool all_notified = false;
    for (size_t i = 0; i < c->pipeline_count; i++) {
        const struct hg_pipeline_config *p = &c->pipelines[i];
        pipeline_mark_used(used, p->sources, p->source_count);
        pipeline_mark_used(used, p->transforms, p->transform_count);
        pipeline_mark_used(used, p->sinks, p->sink_count);
        pipeline_mark_used(used, p->notifiers, p->notifier_count);
        all_notified = all_notified || !p->notifiers_given;
    }
    for (size_t i = 0; i < c->instance_count; i++) {
        const struct hg_instance_config *instance = &c->instances[i];
        if (!used[i] && !(all_notified && instance->kind == HG_NOTIFIER)) {
            hg_problem_warn(r->problems, instance->line, instance->column,
                            "no pipeline uses %s \"%s\"", hg_kind_name(instance->kind),
                            instance->name);
        }
    }
    free(used);
}

void hg_pipelines_read(struct hg_reader *r)
{
    const struct hg_yaml *root = r->config->root;
    const struct hg_yaml *node = hg_yaml_get(root, "pipelines");
    const struct hg_yaml *section = hg_reader_map(r, root, "pipelines");
    size_t errors = r->problems->errors;
    if (!node) {
        hg_problem_add(r->problems, root->line, root->column, "key \"pipelines\" is missing");
    } else if (section && section->count == 0) {
        hg_problem_add(r->problems, node->line, node->column, "pipelines is empty");
    }
    for (size_t i = 0; section && i < section->count; i++) {
        if (i == PIPELINES_MAX) {
            hg_problem_add(r->problems, section->keys[i].line, section->keys[i].column,
                           "there are more than %d pipelines", PIPELINES_MAX);
            break;
        }
        pipeline_read(r, &section->keys[i], &section->items[i]);
    }
    /* After a misspelt name, a warning about an unused instance would mislead. */
    if (errors == r->problems->errors && !r->problems->failed) {
        pipeline_warn_unused(r);
    }
}
