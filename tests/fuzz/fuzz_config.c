/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fuzz_config: backup.yaml, from its bytes to bound options.  No file or program that a
 * configuration names is read or run.
 */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "config/config_file.h"
#include "config/options.h"
#include "config/signing_section.h"

static const char *const choices[] = {"fail", "replace", NULL};
static const struct hangar_option table[] = {
    {.name = "host", .type = HANGAR_OPT_STRING, .default_value = "localhost", .help = "a"},
    {.name = "port", .type = HANGAR_OPT_INT, .default_value = "5432", .min = 1, .max = 65535},
    {.name = "tls", .type = HANGAR_OPT_BOOL, .default_value = "false"},
    {.name = "memory", .type = HANGAR_OPT_SIZE, .min = 1, .max = 1 << 30},
    {.name = "timeout", .type = HANGAR_OPT_DURATION, .min = 100, .max = 86400000},
    {.name = "mode", .type = HANGAR_OPT_ENUM, .choices = choices, .default_value = "fail"},
    {.name = "path", .type = HANGAR_OPT_PATH, .flags = HANGAR_OPT_REQUIRED},
    {.name = "tables", .type = HANGAR_OPT_LIST},
    {.name = "password", .type = HANGAR_OPT_STRING, .flags = HANGAR_OPT_SECRET},
    {.name = NULL}};

static void fuzz_config_read_all_options(const struct hg_config *config,
                                         struct hg_problems *problems)
{
    struct hg_options options;
    for (size_t i = 0; i < config->instance_count; i++) {
        const struct hg_instance_config *one = &config->instances[i];
        struct hg_options_request request = {.table = table,
                                             .node = one->options,
                                             .dir = config->dir,
                                             .line = one->line,
                                             .column = one->column};
        bool ok = hg_options_read(&options, &request, problems);
        for (size_t k = 0; ok && k < options.count; k++) {
            char *text = hg_option_display(&options.items[k]);
            FUZZ_RULE(!options.items[k].set || text);
            free(text);
        }
        hg_options_free(&options);
    }
    if (config->signing) {
        hg_config_signing_options(config, false, &options, problems);
        hg_options_free(&options);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hg_problems problems = {.file = "backup.yaml"};
    int fd = memfd_create("backup.yaml", MFD_CLOEXEC);
    if (fd < 0 || hg_write_all(fd, data, size)) {
        abort();
    }
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    struct hg_config *config = hg_config_load(path, &problems);
    FUZZ_RULE(config || problems.errors);
    if (config) {
        fuzz_config_read_all_options(config, &problems);
    }
    struct hg_str text = {0};
    hg_problems_text(&problems, false, &text);
    FUZZ_RULE(problems.errors == 0 || text.len);
    hg_str_free(&text);
    hg_problems_free(&problems);
    hg_config_free(config);
    close(fd);
    return 0;
}
