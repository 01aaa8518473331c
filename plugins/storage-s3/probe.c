/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * probe: stores, reads and removes an object of its own.
 */
#include "s3.h"

#include <stdio.h>
#include <string.h>

enum hangar_rc s3_probe(void *inst, struct hangar_attrs *capabilities)
{
    struct s3 *s3 = inst;
    struct s3_error error = {0};
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    struct s3_upload upload = {.s3 = s3, .what = "store an object for a try", .create_only = true};
    s3_make_mark(upload.mark);
    snprintf(upload.key, sizeof(upload.key), "%shangar-probe-%s", s3->set.prefix, upload.mark);
    enum hangar_rc rc = s3_upload_whole(&upload, "try", 3, &entry, &error);
    bool refused = false;
    if (!rc) {
        struct s3_error second = {0};
        s3_make_mark(upload.mark);
        refused = s3_upload_whole(&upload, "try", 3, &entry, &second) == HANGAR_EXISTS;
        rc = s3_remove_key(s3, upload.key, "remove what was stored for a try", &error);
    }
    if (rc)
        return s3_raise(s3, &error);
    bool atomic = refused && atomic_load(&s3->create_only) != S3_NO;
    s3->host->attr_set(capabilities, "create_only", atomic ? "yes" : "no");
    return HANGAR_OK;
}
