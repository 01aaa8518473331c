/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * instance_sections: the sections sources, transforms, sinks and notifiers.
 */
#include "config/instance_sections.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "config/events.h"
#include "config/hints.h"
#include "config/options.h"

enum { INSTANCES_MAX = 1000, LAG_MAX_MS = 60000 };

#define RULE(key, least, ...) {.name = #key, .type = HANGAR_OPT_INT, .min = least, .max = 100000},

static const struct hangar_option retention_options[] = {
    HG_RETENTION_RULES(RULE){.name = "timezone", .type = HANGAR_OPT_STRING},
    {.name = "delete_grace",
     .type = HANGAR_OPT_DURATION,
     .default_value = "1h",
     .min = 0,
     .max = 30 * INT64_C(86400000)},
    {.name = NULL},
};
#undef RULE

/* The time zone and a copy of its name. */
static void retention_read_timezone(struct hg_reader *r, const struct hg_options *options,
                                    struct hg_retention *retention)
{
    const struct hg_option_value *v = hg_options_get(options, "timezone");
    bool named = v && v->set;
    retention->zone =
        hg_reader_zone(r, named ? v->text : NULL, named ? v->line : 0, named ? v->column : 0);
    retention->timezone = named ? strdup(v->text) : NULL;
    if (named && !retention->timezone) {
        r->problems->failed = true;
    }
}

static int64_t retention_number(const struct hg_options *options, const char *name)
{
    const struct hg_option_value *v = hg_options_get(options, name);
    return v && v->set ? v->number : -1;
}

static struct hg_retention retention_read(struct hg_reader *r, const struct hg_yaml *instance)
{
    struct hg_options o;
    const struct hg_yaml *node = hg_reader_map(r, instance, "retention");
    struct hg_options_request request = {.table = retention_options, .node = node, .dir = ""};
    hg_options_read(&o, &request, r->problems);
    struct hg_retention retention = {
        .given = node != NULL,
        .delete_grace_ms = retention_number(&o, "delete_grace"),
    };
    for (const struct hg_retention_rule *rule = hg_retention_rules; rule->key; rule++) {
        hg_policy_set_limit(&retention.policy, rule, retention_number(&o, rule->key));
    }
    retention_read_timezone(r, &o, &retention);
    hg_options_free(&o);
    return retention;
}

static char *instance_read_plugin(struct hg_reader *r, const struct hg_yaml *node)
{
    struct hg_value_place at = hg_reader_place(r, node, "plugin");
    char *plugin = hg_value_text(&at, node);
    if (plugin && !hg_reader_is_name(plugin, "-")) {
        hg_value_fail(
            &at,
            "\"%.64s\" is not the name of a plugin; hint: a name consists of a-z, 0-9 and "
            "\"-\"",
            plugin);
        free(plugin);
        plugin = NULL;
    }
    return plugin;
}

static void instance_read_sink(struct hg_reader *r, const struct hg_yaml *node,
                               struct hg_instance_config *sink)
{
    static const struct hangar_option required = {.name = "required", .type = HANGAR_OPT_BOOL};
    static const struct hangar_option max_lag = {
        .name = "max_lag", .type = HANGAR_OPT_DURATION, .max = 30 * INT64_C(86400000)};
    static const char *const choices[] = {"auto", "always", "never", NULL}; /* as in the enum */
    static const struct hangar_option verify_first = {
        .name = "verify_first", .type = HANGAR_OPT_ENUM, .choices = choices};
    sink->required = hg_reader_number(r, node, &required, 1) != 0;
    sink->verify_first = (enum hg_verify_first)hg_reader_choice(r, node, &verify_first);
    sink->max_lag_ms = hg_reader_number(r, node, &max_lag, LAG_MAX_MS);
    sink->retention = retention_read(r, node);
}

/* A lower rate would cause fewer signs of life than stall_timeout needs. */
static const struct hangar_option rate_limit = {
    .name = "rate_limit", .type = HANGAR_OPT_SIZE, .min = 1024, .max = INT64_C(1) << 50};

/* A pattern that matches no event would be a notifier that never sends anything. */
static void instance_check_event(const struct hg_value_place *at, const char *pattern)
{
    if (hg_event_pattern_is_useful(pattern)) {
        return;
    }
    struct hg_str hint = {0};
    const char *meant = hg_event_suggest(pattern);
    if (meant) {
        hg_str_addf(&hint, "did you mean \"%s\"?", meant);
    } else {
        hg_str_add(&hint, "the events are ");
        for (const char *const *name = hg_event_names; *name; name++) {
            hg_str_addf(&hint, "%s%s", name == hg_event_names ? "" : ", ", *name);
        }
        hg_str_add(&hint, "; \"*\" stands for any text, as in \"alert.*\"");
    }
    hg_value_fail(at, "there is no event \"%.64s\"; hint: %s", pattern, hg_str_text(&hint));
    hg_str_free(&hint);
}

/* Patterns of names of events: "backup.failed", "alert.*". */
static char **instance_read_events(struct hg_reader *r, const struct hg_yaml *node)
{
    struct hg_value_place at = hg_reader_place(r, node, "events");
    char **events = NULL;
    if (!hg_value_list(&at, node, &events)) {
        return NULL;
    }
    const struct hg_yaml *items = node->type == HG_YAML_LIST ? node->items : node;
    for (size_t i = 0; events[i]; i++) {
        struct hg_value_place entry = hg_reader_place(r, &items[i], "events");
        instance_check_event(&entry, events[i]);
    }
    return events;
}

static void instance_read(struct hg_reader *r, enum hg_kind kind, const struct hg_yaml_key *key,
                          const struct hg_yaml *node)
{
    static const char *const known[HG_KINDS][8] = {
        [HG_SOURCE] = {"plugin", "options", "rate_limit", "scratch", NULL},
        [HG_TRANSFORM] = {"plugin", "options", NULL},
        [HG_SINK] = {"plugin", "options", "rate_limit", "required", "max_lag", "verify_first",
                     "retention", NULL},
        [HG_NOTIFIER] = {"plugin", "options", "events", NULL}};
    struct hg_config *c = r->config;
    hg_reader_check_name(r, key);
    if (node->type != HG_YAML_MAP) {
        const char *hint = hg_hint_is_key(key->text) ? "; hint: indent it more to make it a key of "
                                                       "the instance above"
                           : hg_yaml_is_null(node)   ? "; hint: indent its keys below it"
                                                     : "";
        hg_problem_add(r->problems, node->line, node->column,
                       "%s \"%s\" must be a map with the key \"plugin\"%s", hg_kind_name(kind),
                       key->text, hint);
        return;
    }
    hg_reader_check_keys(r, node, known[kind], "the options of a plugin stand under \"options\"");
    char *name = strdup(key->text);
    if (!name || !hg_vec_reserve((void **)&c->instances, c->instance_count, &c->instance_capacity,
                                 sizeof(*c->instances))) {
        free(name);
        r->problems->failed = true;
        return;
    }
    struct hg_instance_config *instance = &c->instances[c->instance_count++];
    *instance = (struct hg_instance_config){
        .kind = kind,
        .name = name,
        .line = key->line,
        .column = key->column,
        .options = hg_yaml_get(node, "options"),
        .required = true,
    };
    const struct hg_yaml *plugin = hg_yaml_get(node, "plugin");
    if (plugin) {
        instance->plugin_line = plugin->line;
        instance->plugin_column = plugin->column;
        instance->plugin = instance_read_plugin(r, plugin);
    } else {
        hg_problem_add(r->problems, key->line, key->column, "%s \"%s\" has no \"plugin\"",
                       hg_kind_name(kind), key->text);
    }
    if (kind == HG_SOURCE) {
        instance->scratch = hg_reader_map(r, node, "scratch");
    }
    if (kind == HG_SOURCE || kind == HG_SINK) {
        instance->rate_limit = hg_reader_number(r, node, &rate_limit, 0);
    }
    if (kind == HG_NOTIFIER && hg_yaml_get(node, "events")) {
        instance->events = instance_read_events(r, hg_yaml_get(node, "events"));
    }
    if (kind == HG_SINK) {
        instance_read_sink(r, node, instance);
    }
}

void hg_instances_read(struct hg_reader *r, enum hg_kind kind)
{
    const struct hg_yaml *section = hg_reader_map(r, r->config->root, hg_kind_section(kind));
    for (size_t i = 0; section && i < section->count; i++) {
        if (r->config->instance_count == INSTANCES_MAX) {
            hg_problem_add(r->problems, section->keys[i].line, section->keys[i].column,
                           "there are more than %d sources, transforms, sinks and notifiers",
                           INSTANCES_MAX);
            return;
        }
        instance_read(r, kind, &section->keys[i], &section->items[i]);
    }
}
