/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * config_world: see config_world.h.
 */
#include "config_world.h"

#include "suite.h"

static const char *const modes[] = {"fail", "replace", "flush", NULL};

const struct hangar_option world_demo[] = {
    {.name = "host", .type = HANGAR_OPT_STRING, .default_value = "localhost"},
    {.name = "port", .type = HANGAR_OPT_INT, .default_value = "5432", .min = 1, .max = 65535},
    {.name = "offset", .type = HANGAR_OPT_INT},
    {.name = "jobs", .type = HANGAR_OPT_INT, .min = 1, .max = INT64_MAX},
    {.name = "depth", .type = HANGAR_OPT_INT, .min = INT64_MIN, .max = 10},
    {.name = "tls", .type = HANGAR_OPT_BOOL, .default_value = "false"},
    {.name = "part_size",
     .type = HANGAR_OPT_SIZE,
     .default_value = "8MiB",
     .min = 5 << 20,
     .max = INT64_C(5) << 30},
    {.name = "timeout", .type = HANGAR_OPT_DURATION, .min = 1000, .max = 3600000},
    {.name = "mode", .type = HANGAR_OPT_ENUM, .default_value = "fail", .choices = modes},
    {.name = "ca_file", .type = HANGAR_OPT_PATH},
    {.name = "tables", .type = HANGAR_OPT_LIST, .default_value = "all"},
    {.name = "password", .type = HANGAR_OPT_STRING, .flags = HANGAR_OPT_SECRET},
    {.name = NULL},
};

const struct hangar_option world_store[] = {
    {.name = "path", .type = HANGAR_OPT_PATH, .flags = HANGAR_OPT_REQUIRED},
    {.name = "min_free", .type = HANGAR_OPT_SIZE, .default_value = "0"},
    {.name = NULL},
};

static void read_all_options(const struct hg_config *config, struct hg_problems *problems)
{
    for (size_t i = 0; i < config->instance_count; i++) {
        const struct hg_instance_config *instance = &config->instances[i];
        const struct hangar_option *table = !instance->plugin                        ? NULL
                                            : strcmp(instance->plugin, "demo") == 0  ? world_demo
                                            : strcmp(instance->plugin, "store") == 0 ? world_store
                                                                                     : NULL;
        if (!table) {
            continue;
        }
        struct hg_options options;
        size_t errors = problems->errors;
        struct hg_options_request request = {.table = table,
                                             .node = instance->options,
                                             .dir = config->dir,
                                             .line = instance->line,
                                             .column = instance->column,
                                             .read_secrets = true};
        bool ok = hg_options_read(&options, &request, problems);
        ck_assert_int_eq(ok, errors == problems->errors);
        hg_options_free(&options);
    }
}

char *world_problems(const char *yaml, size_t size, bool warnings)
{
    folder_file("backup.yaml", yaml, size, 0600);
    struct hg_problems problems = {0};
    struct hg_config *config = hg_config_load("backup.yaml", &problems);
    if (config) {
        read_all_options(config, &problems);
    } else {
        ck_assert_uint_gt(problems.errors, 0);
    }
    ck_assert(!problems.failed);
    struct hg_str text = {0};
    hg_problems_text(&problems, warnings, &text);
    hg_config_free(config);
    hg_problems_free(&problems);
    return hg_str_take(&text);
}

void world_check(const struct world_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *errors = world_problems(rows[i].yaml, strlen(rows[i].yaml), false);
        ck_assert_msg(strcmp(errors, rows[i].errors) == 0,
                      "row %zu\n--- file\n%s\n--- expected\n%s\n--- got\n%s\n", i, rows[i].yaml,
                      rows[i].errors, errors);
        free(errors);
    }
}
