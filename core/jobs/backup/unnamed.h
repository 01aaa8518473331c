/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * unnamed: what the servers of the sources hold that no source names.  Each source reports the
 * identity of its server and what is there beside its own (the facts "server_id" and "others");
 * what all sources of a server leave out is in no backup.
 */
#ifndef HG_JOBS_BACKUP_UNNAMED_H
#define HG_JOBS_BACKUP_UNNAMED_H

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"

struct hangar_attrs;

/* Zero it before use; hg_unnamed_free ends it. */
struct hg_server_facts {
    struct hg_server_fact {
        char *server, *others;
        json_t *shown; /* the facts of the result; not owned */
    } *items;
    size_t count, capacity;
};

/* Adds a source with these facts.  `shown` are the facts in the result, from which the two are
 * removed. */
enum hangar_rc hg_unnamed_add(struct hg_server_facts *u, const struct hangar_attrs *facts,
                              json_t *shown, struct hg_error *err);

/* Sets "not_backed_up" in what the first source of each server shows: "crm (1.2 GiB), logs". */
void hg_unnamed_show(const struct hg_server_facts *u);

void hg_unnamed_free(struct hg_server_facts *u);

#endif
