/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * loader: finds, loads and checks plugins.  Only this module calls dlopen.  A
 * plugin stays loaded until the process ends, because threads, handlers and leak
 * reports may still point to its code.
 */
#ifndef HG_PLUGIN_LOADER_H
#define HG_PLUGIN_LOADER_H

#include <pthread.h>
#include "base/error.h"

/* A loaded plugin; immutable, shared by all threads.  The tables are copies of the core: a
 * function that the plugin's ABI did not have is NULL. */
struct hg_plugin {
    struct hangar_plugin d;
    struct hangar_source source;
    struct hangar_transform transform;
    struct hangar_sink sink;
    struct hangar_notifier notifier;
    struct hangar_option *options; /* a copy; ends with a NULL name, never NULL */
    char *path;
    pthread_mutex_t serial; /* held around calls of HANGAR_SERIAL_PLUGIN instances */
    unsigned long dev, ino; /* of the file, to detect that it is loaded already */
    struct hg_plugin *next;
};

/* Loads hangar-NAME.so from the first folder that has it; `dirs` is an array of absolute
 * paths that ends with NULL.  NOT_FOUND when no folder has it. */
enum hangar_rc hg_plugin_load(const char *const *dirs, const char *name,
                              const struct hg_plugin **out, struct hg_error *err);

/* Loads the file at an absolute path.  The name in the descriptor must match its file name. */
enum hangar_rc hg_plugin_load_file(const char *path, const struct hg_plugin **out,
                                   struct hg_error *err);

/* Lists the plugin files in the folders: sorted by name, each name once, with the path that
 * hg_plugin_load loads.  Returns their number; hg_plugin_files_free frees them. */
struct hg_plugin_file {
    char *name, *path;
};
size_t hg_plugin_scan(const char *const *dirs, struct hg_plugin_file **files);
void hg_plugin_files_free(struct hg_plugin_file *files, size_t count);

#endif
