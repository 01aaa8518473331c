/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * status_name: the names of the statuses of jobs, as documents and the files of this machine have
 * them (hangar_status_name of hangar.h), and back.
 */
#ifndef HG_STATE_STATUS_NAME_H
#define HG_STATE_STATUS_NAME_H

#include <hangar/hangar.h>

/* The reverse of hangar_status_name; FAILED for a name that no status has. */
enum hangar_status hg_status_of_name(const char *name);

#endif
