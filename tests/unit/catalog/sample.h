/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sample: manifests to write and read.
 */
#ifndef TEST_UNIT_CATALOG_SAMPLE_H
#define TEST_UNIT_CATALOG_SAMPLE_H

#include "catalog/manifest.h"

#define SAMPLE_ID "backup_2026-01-15T02-00-00-000Z"

/* A small manifest with a bit of everything. */
void sample_manifest(struct hg_manifest *m);

/* A manifest of any size, the same for the same seed. */
void sample_random(struct hg_manifest *m, unsigned seed);

/* A document with the right last line: as hangar would have written it. */
char *sample_sign(const json_t *json);

#endif
