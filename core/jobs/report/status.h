/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * overview: what status says, for whatever else is found out from it.
 */
#ifndef HG_REPORT_STATUS_H
#define HG_REPORT_STATUS_H

#include "base/error.h"
#include "base/json.h"
#include "config/config.h"
#include "session/handle.h"

/* Looks into the sinks of a pipeline (NULL: of all), each once, in a session of its own,
 * and adds to these arrays what hangar.status/1 has in them; `instances` may be NULL. */
enum hangar_rc hg_overview(struct hangar *h, const struct hg_pipeline_config *only,
                           json_t *pipelines, json_t *instances, struct hg_error *err);

#endif
