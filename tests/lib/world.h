/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * world: a configuration in a folder of the test's own, an open hangar, and its
 * last document.  Tests write the configuration, call, and look.
 */
#ifndef WORLD_H
#define WORLD_H

#include <jansson.h>
#include <stdbool.h>
#include <hangar/hangar.h>
#include "suite.h"

/* Fixtures: a fresh folder, nothing open; all closed, all removed. */
void world_setup(void);
void world_teardown(void);

/* Writes backup.yaml of these parts behind "version: 1", and opens it anew. */
void world_config(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
enum hangar_status world_open(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

extern struct hangar *world_hangar;
extern json_t *world_doc; /* of the last call, checked to be one */

enum hangar_status world_backup(const char *pipeline);
enum hangar_status world_list(void);
enum hangar_status world_show(const char *id);
enum hangar_status world_verify(const char *id, enum hangar_verify_level level);
enum hangar_status world_restore(const char *id, uint32_t flags, const char *const *only,
                                 const char *const *set);
enum hangar_status world_status(void);
enum hangar_status world_check(void);
enum hangar_status world_alerts(uint32_t flags);
enum hangar_status world_notify(const char *notifier);

/* Any other call's document becomes the last one; it is freed. */
enum hangar_status world_take(enum hangar_status status, char *text);

/* The value at a path of the last document, "sources.0.name"; fails the test when
 * there is none, or of another type. */
const char *world_text(const char *path);
int64_t world_int(const char *path);
size_t world_count(const char *path);
json_t *world_at(const char *path); /* NULL: none */

/* Checks that fields are there with their types: "name:s size:i facts:o sinks:a",
 * n for null, each letter one that is allowed ("id:sn"). */
void world_fields(const json_t *object, const char *fields);

const char *world_error(void);     /* of the handle */
bool world_says(const char *text); /* is that in the error? */

/* The id of the last backup; lives until the next one. */
const char *world_id(void);

/* The shell, in the folder; the exit status.  And the lines of a file that match. */
int world_shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
size_t world_lines(const char *file, const char *regex);

/* A sink of this plugin holds nothing but (at most) origin.json. */
bool world_is_empty(const char *folder);

/* What was logged at warning or worse, since world_config. */
const char *world_log(void);

#endif
