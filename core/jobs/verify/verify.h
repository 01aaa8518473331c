/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * verify: what other jobs need of the job verify.
 */
#ifndef HG_JOBS_VERIFY_VERIFY_H
#define HG_JOBS_VERIFY_VERIFY_H

#include <stddef.h>

#include "base/error.h"
#include "session/handle.h"

/* Verifies in full a backup that was repaired in a sink, an index among the instances, and records
 * the result.
 *
 * OK: it is good, or it could not be judged, which is logged.  CORRUPT: it is still damaged. */
enum hangar_rc hg_verify_repaired(struct hangar *h, const char *pipeline, size_t sink,
                                  const char *id, struct hg_error *err);

#endif
