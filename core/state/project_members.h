/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * project_members: the file project.json in the folder of a project: which configurations belong
 * to it, and where the sinks of their pipelines are.  It does not decide which project a
 * configuration belongs to (project.h).
 *
 * All arrays and strings belong to the struct that has them.
 */
#ifndef HG_STATE_PROJECT_MEMBERS_H
#define HG_STATE_PROJECT_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* "plugin" and its name, or an option that states where the sink is. */
struct hg_project_option {
    char *name, *value;
};

struct hg_project_sink {
    struct hg_project_option *items;
    size_t count, capacity;
};

struct hg_project_pipeline {
    char *name;
    struct hg_project_sink *items;
    size_t count, capacity;
};

/* A configuration. */
struct hg_project_member {
    char *path; /* canonical */
    struct hg_project_pipeline *items;
    size_t count, capacity;
};

struct hg_project_members {
    char *origin; /* NULL: there is no project */
    struct hg_project_member *items;
    size_t count, capacity;
};

/* Add an empty pipeline, a sink without options, an option.  NULL and false: out of memory.  A
 * pointer is valid until the next one is added to the same array. */
struct hg_project_pipeline *hg_project_add_pipeline(struct hg_project_member *member,
                                                    const char *name);
struct hg_project_sink *hg_project_add_sink(struct hg_project_pipeline *pipeline);
bool hg_project_add_option(struct hg_project_sink *sink, const char *name, const char *value);

/* The pipeline of this name; NULL: there is none. */
const struct hg_project_pipeline *hg_project_find_pipeline(const struct hg_project_member *member,
                                                           const char *name);
const struct hg_project_member *hg_project_find_member(const struct hg_project_members *members,
                                                       const char *path);

/* Copies a configuration into the list.  False: out of memory; free the list then. */
bool hg_project_add_member(struct hg_project_members *members,
                           const struct hg_project_member *member);

/* True when both have the same origin and configurations, with the same pipelines and sinks.  Only
 * the order of a pipeline's sinks matters. */
bool hg_project_members_equal(const struct hg_project_members *a,
                              const struct hg_project_members *b);

/* Reads the file of a folder.  There is no project (`origin`) without a file, and with one that
 * cannot be used: it is written anew.  False: out of memory. */
bool hg_project_members_read(const char *dir, struct hg_project_members *members);
enum hangar_rc hg_project_members_write(const char *dir, const struct hg_project_members *members,
                                        struct hg_error *err);

void hg_project_member_free(struct hg_project_member *member);
void hg_project_members_free(struct hg_project_members *members);

#endif
