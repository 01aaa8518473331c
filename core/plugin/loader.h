/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * loader: finds, opens and checks plugins.  The only place that calls dlopen.
 * A plugin that was loaded stays loaded until the process ends, so that its
 * code is there for whatever still points to it (and for leak reports).
 */
#ifndef HG_LOADER_H
#define HG_LOADER_H

#include <pthread.h>
#include <stdbool.h>
#include "base/error.h"

/* A loaded plugin; immutable, shared by all threads.  The tables are our copies:
 * a function that the plugin does not know is NULL. */
struct hg_plugin {
    struct hangar_plugin d;
    struct hangar_source source;
    struct hangar_transform transform;
    struct hangar_sink sink;
    struct hangar_notifier notifier;
    struct hangar_option *options; /* ours; ends with a NULL name, never NULL */
    char *path;
    pthread_mutex_t serial; /* held around calls of HANGAR_SERIAL_PLUGIN instances */
    unsigned long dev, ino; /* of the file: what makes it the same plugin */
    struct hg_plugin *next;
};

/* Loads hangar-NAME.so from the first of the folders (absolute, NULL-terminated)
 * that has it.  HANGAR_NOT_FOUND when none has, with a text that names them and
 * the likely name meant. */
enum hangar_rc hg_plugin_load(const char *const *dirs, const char *name,
                              const struct hg_plugin **out, struct hg_error *err);

/* Loads the file at an absolute path; its name must be that of the descriptor. */
enum hangar_rc hg_plugin_load_file(const char *path, const struct hg_plugin **out,
                                   struct hg_error *err);

/* The plugin files in the folders, sorted by name, each name once, with the path
 * that hg_plugin_load would take.  Returns their count; free them with the next. */
struct hg_plugin_file {
    char *name, *path;
};
size_t hg_plugin_scan(const char *const *dirs, struct hg_plugin_file **files);
void hg_plugin_files_free(struct hg_plugin_file *files, size_t count);

#endif
