/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * state: the folder of files that this machine keeps between jobs.  Which backups exist is
 * never read from there, but from the sinks.
 */
#ifndef HG_STATE_STATE_H
#define HG_STATE_STATE_H

#include "base/log.h"

struct hg_project;

/* Part of the handle: it outlives each job. */
struct hg_state {
    char *dir;                  /* the state folder */
    struct hg_project *project; /* its part of it, see project.h; NULL: the folder itself */
    struct hg_log *log;         /* for failures that do not fail a job */
};

#endif
