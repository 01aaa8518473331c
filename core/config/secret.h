/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * secret: where the value of a secret option can come from instead of the
 * configuration.  Results are malloc'd, without their final newline, and NULL
 * with an HANGAR_AUTH error in *err.  No error holds any part of a secret.
 */
#ifndef HG_SECRET_H
#define HG_SECRET_H

#include <stdint.h>
#include "base/error.h"

#define HG_SECRET_MAX (64 * 1024)
#define HG_SECRET_TIMEOUT_MS 30000

/* A file that its owner alone can read and write. */
char *hg_secret_file(const char *path, struct hg_error *err);

/* What a command prints.  It runs without a shell, from argv (NULL-terminated, not
 * empty), with no input and nowhere to print errors to; it must exit with 0. */
char *hg_secret_command(char *const *argv, int64_t timeout_ms, struct hg_error *err);

/* A file of this name in $CREDENTIALS_DIRECTORY, as systemd provides it. */
char *hg_secret_credential(const char *name, struct hg_error *err);

/* Overwrites and frees; NULL is accepted. */
void hg_secret_free(char *secret);

#endif
