/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * retention_table: a rule in the table of retention_rules.h is a key of
 * backup.yaml, part of the JSON of a policy, evaluated, and documented.  A new
 * rule needs no other code.
 */
#include "catalog/retention.h"

#include "base/io.h"
#include "base/json.h"
#include "config/config_file.h"
#include "suite.h"

enum { LIMIT = 3, COUNT = 20 };

/* The configuration of a sink with one rule only. */
static struct hg_config *load_with(const char *key)
{
    char yaml[512];
    int size = snprintf(yaml, sizeof(yaml),
                        "version: 1\nsources:\n  db: {plugin: demo}\n"
                        "sinks:\n  out: {plugin: store, retention: {%s: %d}}\n"
                        "pipelines:\n  p: {sources: [db], sinks: [out]}\n",
                        key, LIMIT);
    folder_file("backup.yaml", yaml, (size_t)size, 0600);
    struct hg_problems problems = {0};
    struct hg_config *config = hg_config_load("backup.yaml", &problems);
    ck_assert_msg(config && problems.errors == 0, "%s is not a key of retention", key);
    hg_problems_free(&problems);
    return config;
}

static const struct hg_retention *retention_of(const struct hg_config *config)
{
    return &config->instances[hg_config_find(config, HG_SINK, "out")].retention;
}

START_TEST(each_rule_is_a_key_of_the_configuration)
{
    for (const struct hg_retention_rule *rule = hg_retention_rules; rule->key; rule++) {
        struct hg_config *config = load_with(rule->key);
        for (const struct hg_retention_rule *r = hg_retention_rules; r->key; r++) {
            ck_assert_int_eq(hg_policy_limit(&retention_of(config)->policy, r),
                             r == rule ? LIMIT : -1);
        }
        hg_config_free(config);
    }
}
END_TEST

START_TEST(each_rule_is_in_the_json_of_a_policy)
{
    for (const struct hg_retention_rule *rule = hg_retention_rules; rule->key; rule++) {
        struct hg_config *config = load_with(rule->key);
        json_t *json = hg_policy_json(&retention_of(config)->policy);
        ck_assert_uint_eq(json_object_size(json), 1);
        ck_assert_int_eq(hg_json_int(json, rule->key, -1), LIMIT);
        json_decref(json);
        hg_config_free(config);
    }
}
END_TEST

/* Backups an hour apart, so that each rule with a limit of 3 keeps some. */
START_TEST(each_rule_is_evaluated)
{
    for (const struct hg_retention_rule *rule = hg_retention_rules; rule->key; rule++) {
        struct hg_config *config = load_with(rule->key);
        struct hg_retention_item items[COUNT];
        char ids[COUNT][8];
        size_t named = 0;
        for (size_t i = 0; i < COUNT; i++) {
            snprintf(ids[i], sizeof(ids[i]), "b%02zu", i);
            items[i] = (struct hg_retention_item){
                .id = ids[i], .time_ms = (int64_t)(1000 + i) * 3600000, .good = true};
        }
        ck_assert_int_eq(hg_retention_apply(&retention_of(config)->policy,
                                            retention_of(config)->zone, items[COUNT - 1].time_ms,
                                            items, COUNT, NULL),
                         HANGAR_OK);
        for (size_t i = 0; i < COUNT; i++) {
            named += items[i].keep && strstr(items[i].reason, rule->text);
        }
        ck_assert_msg(named > 0, "%s keeps nothing", rule->key);
        hg_config_free(config);
    }
}
END_TEST

START_TEST(a_rule_by_age_promises_how_long_a_backup_is_kept)
{
    for (const struct hg_retention_rule *rule = hg_retention_rules; rule->key; rule++) {
        struct hg_config *config = load_with(rule->key);
        ck_assert_int_eq(hg_policy_kept_age_ms(&retention_of(config)->policy),
                         rule->kind == HG_RULE_AGE ? LIMIT * rule->unit_ms : 0);
        hg_config_free(config);
    }
}
END_TEST

START_TEST(each_rule_is_documented)
{
    const char *const files[] = {REFERENCE, MANUAL};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct hg_str text = {0};
        ck_assert_int_eq(hg_read_file(files[i], 1 << 20, &text, NULL), HANGAR_OK);
        for (const struct hg_retention_rule *rule = hg_retention_rules; rule->key; rule++) {
            ck_assert_msg(strstr(hg_str_text(&text), rule->key) != NULL, "%s does not mention %s",
                          files[i], rule->key);
        }
        hg_str_free(&text);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        each_rule_is_a_key_of_the_configuration,
        each_rule_is_in_the_json_of_a_policy,
        each_rule_is_evaluated,
        a_rule_by_age_promises_how_long_a_backup_is_kept,
        each_rule_is_documented,
    };
    return SUITE_RUN("catalog/retention_table", tests, folder_setup, folder_teardown);
}
