/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * config_world: what the tests of the configuration share: loading a text as hangar
 * would, with two plugins that exist as tables of options only.
 */
#ifndef TEST_UNIT_CONFIG_CONFIG_WORLD_H
#define TEST_UNIT_CONFIG_CONFIG_WORLD_H

#include "config/config_file.h"
#include "config/options.h"

/* "demo" has an option of every kind, "store" a required path. */
extern const struct hangar_option world_demo[], world_store[];

/* The demo options under `options:` of the source db, in line 6 from column 7 on,
 * in a file that is right otherwise. */
#define WITH_OPTIONS(lines)                                                                        \
    "version: 1\nsources:\n  db:\n    plugin: demo\n    options:\n" lines                          \
    "sinks:\n  out: {plugin: store, options: {path: ./b}}\n"                                       \
    "pipelines:\n  p: {sources: [db], sinks: [out]}\n"

/* Lines at the beginning of a file that is right otherwise; they begin with line 1. */
#define WITH_TOP(lines)                                                                            \
    lines "sources:\n  db: {plugin: demo}\nsinks:\n  out: {plugin: store, options: {path: b}}\n"   \
          "pipelines:\n  p: {sources: [db], sinks: [out]}\n"

/* Writes the text to backup.yaml in the working folder, loads it, binds all
 * options, and gives the errors (or warnings), malloc'd. */
char *world_problems(const char *yaml, size_t size, bool warnings);

/* A wrong file and its exact messages. */
struct world_row {
    const char *yaml, *errors;
};
void world_check(const struct world_row *rows, size_t count);
#define WORLD_CHECK(rows) world_check(rows, sizeof(rows) / sizeof((rows)[0]))

#endif
