/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * world: a configuration in a fresh folder, an open handle, and the document of the last job.
 */
#ifndef TEST_LIB_WORLD_H
#define TEST_LIB_WORLD_H

#include <jansson.h>
#include <stdbool.h>
#include <hangar/hangar.h>
#include "suite.h"

/* Fixtures: make a fresh folder; close the handle and remove the folder. */
void world_setup(void);
void world_teardown(void);

/* Writes this behind "version: 1" to backup.yaml and opens it again.  world_config fails the test
 * when that fails. */
void world_config(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
enum hangar_status world_open(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

extern struct hangar *world_hangar;
extern json_t *world_doc; /* of the last job; its schema and status are checked */

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

/* Makes the document of any other job the last one, and frees the text. */
enum hangar_status world_take(enum hangar_status status, char *text);

/* The value at a path of the last document, such as "sources.0.name".  Fails the test when it is
 * missing or has another type. */
const char *world_text(const char *path);
int64_t world_int(const char *path);
size_t world_count(const char *path);
json_t *world_at(const char *path); /* NULL: missing */

/* Checks that an object has these fields with these types: "name:s size:i facts:o sinks:a id:sn".
 * s string, i integer, r real, b boolean, o object, a array, n null; "id:sn" allows two types. */
void world_fields(const json_t *object, const char *fields);

const char *world_error(void);          /* hangar_error of the handle */
bool world_error_has(const char *text); /* the error contains the text */

/* The id of the last backup; valid until the next one. */
const char *world_id(void);

/* Runs a shell command in the folder; returns its exit status, -1 for a signal. */
int world_shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The number of lines of a file that match; 0 when there is no file. */
size_t world_lines(const char *file, const char *regex);

/* The folder of a sink has no files except origin.json. */
bool world_is_empty(const char *folder);

/* The errors and warnings that were logged since world_config. */
const char *world_log(void);

#endif
