/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * secret: the value of a secret option from a file, a command or a systemd
 * credential instead of the configuration.  Results are malloc'd, without their
 * final newline.  They are NULL, with an HANGAR_AUTH error in *err, when the
 * secret cannot be read.  No error contains any part of a secret.
 */
#ifndef HG_CONFIG_SECRET_H
#define HG_CONFIG_SECRET_H

#include <stddef.h>
#include <stdint.h>
#include "base/error.h"

#define HG_SECRET_MAX (64 * 1024)
#define HG_SECRET_TIMEOUT_MS 30000

/* The forms in which the configuration can give the secret option NAME: the value itself,
 * or one of NAME_file, NAME_command and NAME_credential. */
enum hg_secret_form {
    HG_SECRET_VALUE,
    HG_SECRET_FILE,
    HG_SECRET_COMMAND,
    HG_SECRET_CREDENTIAL,
    HG_SECRET_FORMS
};

/* "", "_file", "_command", "_credential". */
const char *hg_secret_suffix(enum hg_secret_form form);

/* The bytes of `key` before the suffix of this form; 0 when it does not end in that
 * suffix. */
size_t hg_secret_name_length(const char *key, enum hg_secret_form form);

/* Reads a regular file that only its owner can read and write. */
char *hg_secret_file(const char *path, struct hg_error *err);

/* Reads the output of a command.  It runs without a shell, from argv (NULL-terminated, not
 * empty).  Its input is empty and its error output is discarded.  It must exit with 0. */
char *hg_secret_command(char *const *argv, int64_t timeout_ms, struct hg_error *err);

/* Reads the file of this name in $CREDENTIALS_DIRECTORY, which systemd provides. */
char *hg_secret_credential(const char *name, struct hg_error *err);

/* Overwrites the secret with zeros and frees it; accepts NULL. */
void hg_secret_free(char *secret);

#endif
