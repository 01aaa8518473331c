/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fuzz_manifest: manifest.json, and its signature.  An input that ends with "!" is
 * given the right last line first, so that the code behind that check is reached.
 */
#include "fuzz.h"

#include <string.h>

#include "catalog/manifest.h"
#include "catalog/signing.h"

/* An accepted manifest can be written and read again. */
static void fuzz_manifest_write_again(const struct hg_manifest *m)
{
    struct hg_error err = {0};
    struct hg_manifest second = {0};
    struct hg_str text = {0}, sums = {0}, command = {0};
    FUZZ_RULE(hg_manifest_write(m, &text, &err) == HANGAR_OK);
    FUZZ_RULE(hg_manifest_read(text.data, text.len, &second, &err) == HANGAR_OK);
    FUZZ_RULE(hg_manifest_objects(&second) == hg_manifest_objects(m));
    FUZZ_RULE(hg_manifest_stored_bytes(&second) == hg_manifest_stored_bytes(m));
    if (m->file_count) {
        hg_manifest_sums(m, m->files[0].sha256, &sums);
    }
    for (size_t i = 0; i < m->source_count; i++) {
        for (size_t k = 0; k < m->sources[i].count; k++) {
            FUZZ_RULE(hg_object_name_ok(m->sources[i].objects[k].stored, 500));
            hg_manifest_decode_command(m, &m->sources[i].objects[k], &command);
        }
    }
    hg_manifest_free(&second);
    hg_str_free(&command);
    hg_str_free(&sums);
    hg_str_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hg_str text = {0};
    hg_str_add_n(&text, data, size);
    hg_signature_ok(hg_str_text(&text), text.len);
    hg_str_free(&text);
    text = (struct hg_str){0};
    if (size && data[size - 1] == '!') {
        struct hg_sha256 *hash = hg_sha256_new();
        hg_sha256_update(hash, data, size - 1);
        char hex[HG_SHA256_HEX];
        hg_sha256_final(hash, hex);
        hg_sha256_free(hash);
        hg_str_add_n(&text, data, size - 1);
        hg_str_addf(&text, ",\n  \"manifest_sha256\": \"%s\"\n}\n", hex);
    } else {
        hg_str_add_n(&text, data, size);
    }
    struct hg_error err = {0};
    struct hg_manifest m = {0};
    enum hangar_rc rc = hg_manifest_read(hg_str_text(&text), text.len, &m, &err);
    if (rc == HANGAR_OK) {
        fuzz_manifest_write_again(&m);
    } else {
        FUZZ_RULE(err.rc == rc && *err.text);
    }
    hg_manifest_free(&m);
    hg_str_free(&text);
    return 0;
}
