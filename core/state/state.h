/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * state: the folder in which this machine remembers something between jobs.  Which backups
 * exist is never read from there.
 */
#ifndef HG_STATE_STATE_H
#define HG_STATE_STATE_H

#include "base/log.h"

/* Both belong to the handle and outlive every call. */
struct hg_state {
    char *dir;          /* free it */
    struct hg_log *log; /* for what fails and is not the caller's failure */
};

#endif
