/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sample: the sample and the examples of the documentation are right.
 */
#include "config/config_file.h"

#include "base/io.h"
#include "config/options.h"
#include "config/sample.h"
#include "suite.h"

static const char *const variables[] = {
    "POSTGRES_HOST",     "POSTGRES_PORT", "POSTGRES_DB_NAME", "POSTGRES_USER",
    "POSTGRES_PASSWORD", "REDIS_HOST",    "REDIS_PORT",       "REDIS_PASSWORD",
};
enum { VARIABLES = sizeof(variables) / sizeof(variables[0]) };

static char *sample_read_all(const char *path)
{
    struct hg_str text = {0};
    struct hg_error err = {0};
    ck_assert_msg(hg_read_file(path, 1 << 20, &text, &err) == HANGAR_OK, "%s", err.text);
    return hg_str_take(&text);
}

static struct hg_config *sample_load(const char *text)
{
    folder_file("backup.yaml", text, strlen(text), 0600);
    struct hg_problems problems = {0};
    struct hg_config *c = hg_config_load("backup.yaml", &problems);
    ck_assert_msg(problems.errors == 0, "%s\n%s", text, problems.items[0].text);
    hg_problems_free(&problems);
    return c;
}

START_TEST(the_sample_is_the_file_at_the_root_of_the_project)
{
    char *file = sample_read_all(SAMPLE);
    ck_assert_str_eq(hg_config_sample, file);
    free(file);
}
END_TEST

/* What a plugin would declare for the options of the sample. */
static const struct hangar_option any_options[] = {
    {.name = "host", .type = HANGAR_OPT_STRING},
    {.name = "port", .type = HANGAR_OPT_INT, .min = 1, .max = 65535},
    {.name = "database", .type = HANGAR_OPT_STRING},
    {.name = "user", .type = HANGAR_OPT_STRING},
    {.name = "password", .type = HANGAR_OPT_STRING, .flags = HANGAR_OPT_SECRET},
    {.name = "path", .type = HANGAR_OPT_PATH},
    {.name = NULL},
};

static struct hg_options sample_bind(const struct hg_config *c, enum hg_kind kind, const char *name)
{
    const struct hg_instance_config *instance = &c->instances[hg_config_find(c, kind, name)];
    struct hg_options_request request = {
        .table = any_options, .node = instance->options, .dir = c->dir, .read_secrets = true};
    struct hg_options options;
    struct hg_problems problems = {0};
    ck_assert_msg(hg_options_read(&options, &request, &problems), "%s",
                  problems.count > 0 ? problems.items[0].text : "");
    hg_problems_free(&problems);
    return options;
}

START_TEST(the_sample_works_without_any_variable)
{
    for (size_t i = 0; i < VARIABLES; i++) {
        unsetenv(variables[i]);
    }
    struct hg_config *c = sample_load(hg_config_sample);
    ck_assert_uint_eq(c->pipeline_count, 1);
    ck_assert_str_eq(c->pipelines[0].name, "nightly");
    struct hg_options db = sample_bind(c, HG_SOURCE, "app_db"),
                      sink = sample_bind(c, HG_SINK, "local");
    ck_assert_str_eq(hg_options_get(&db, "host")->text, "localhost");
    ck_assert_int_eq(hg_options_get(&db, "port")->number, 5432);
    ck_assert_str_eq(hg_options_get(&db, "password")->text, "");
    char path[128];
    snprintf(path, sizeof(path), "%s/backups", folder_path);
    ck_assert_str_eq(hg_options_get(&sink, "path")->text, path);
    hg_options_free(&db);
    hg_options_free(&sink);
    hg_config_free(c);
}
END_TEST

START_TEST(each_of_the_eight_variables_drives_the_sample)
{
    for (size_t i = 0; i < VARIABLES; i++) {
        char value[32];
        snprintf(value, sizeof(value), "%d", 1000 + (int)i);
        setenv(variables[i], value, 1);
    }
    struct hg_config *c = sample_load(hg_config_sample);
    struct hg_options db = sample_bind(c, HG_SOURCE, "app_db"),
                      cache = sample_bind(c, HG_SOURCE, "cache");
    static const char *const names[] = {"host", "port", "database", "user", "password"};
    for (size_t i = 0; i < 5; i++) {
        char value[32];
        snprintf(value, sizeof(value), "%d", 1000 + (int)i);
        ck_assert_str_eq(hg_options_get(&db, names[i])->text, value);
    }
    ck_assert_str_eq(hg_options_get(&cache, "host")->text, "1005");
    ck_assert_str_eq(hg_options_get(&cache, "port")->text, "1006");
    ck_assert_str_eq(hg_options_get(&cache, "password")->text, "1007");
    hg_options_free(&db);
    hg_options_free(&cache);
    hg_config_free(c);
}
END_TEST

START_TEST(every_example_of_the_reference_is_right)
{
    char *reference = sample_read_all(REFERENCE);
    static const char fence[] = "\n```yaml\n";
    size_t examples = 0;
    for (char *at = strstr(reference, fence); at; at = strstr(at, fence)) {
        char *begin = at + strlen(fence), *end = strstr(begin, "\n```\n");
        ck_assert_ptr_nonnull(end);
        char *text = strndup(begin, (size_t)(end + 1 - begin));
        hg_config_free(sample_load(text));
        free(text);
        at = end;
        examples++;
    }
    ck_assert_uint_ge(examples, 2);
    free(reference);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_sample_is_the_file_at_the_root_of_the_project,
        the_sample_works_without_any_variable,
        each_of_the_eight_variables_drives_the_sample,
        every_example_of_the_reference_is_right,
    };
    return SUITE_RUN("sample", tests, folder_setup, folder_teardown);
}
