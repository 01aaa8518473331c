/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * run_file: see run_file.h.
 */
#include "catalog/run_file.h"

#include "base/json.h"
#include "catalog/folder.h"

static void run_file_take(const json_t *doc, struct hg_run_file *out)
{
    *out = (struct hg_run_file){.run = hg_json_string(doc, "run", ""),
                                .pipeline = hg_json_string(doc, "pipeline", ""),
                                .backup = hg_json_string(doc, "backup", NULL),
                                .origin = hg_json_string(doc, "origin", ""),
                                .host = hg_json_string(doc, "host", ""),
                                .started = hg_json_string(doc, "started", ""),
                                .pid = hg_json_int(doc, "pid", 0),
                                .mac = hg_json_string(doc, "mac", NULL)};
}

/* What the MAC covers.  It begins with a line that no manifest begins with, because the same key
 * signs both. */
static void run_file_signed_text(const struct hg_run_file *file, const char *pipeline,
                                 const char *id, struct hg_str *out)
{
    hg_str_addf(out, "claim of hangar\n%s/%s\n%s\n%s\n%lld\n%s\n", pipeline, id, file->run,
                file->host, (long long)file->pid, file->started);
}

/* The MAC covers the strings of the document: those that are not UTF-8 are escaped in it. */
static bool run_file_sign(json_t *doc, const struct hg_run_file *file,
                          const struct hg_signing *signing)
{
    struct hg_run_file written;
    struct hg_str text = {0};
    run_file_take(doc, &written);
    run_file_signed_text(&written, file->pipeline, file->backup, &text);
    const bool done = hg_signing_mac_add(signing, &text, doc);
    hg_str_free(&text);
    return done;
}

char *hg_run_file_text(const struct hg_run_file *file, const struct hg_signing *signing)
{
    json_t *doc = json_object();
    hg_json_set_string(doc, "run", file->run);
    hg_json_set_string(doc, "pipeline", file->pipeline);
    hg_json_set_string(doc, "backup", file->backup);
    hg_json_set_string(doc, "origin", file->origin);
    hg_json_set_string(doc, "host", file->host);
    hg_json_set_int(doc, "pid", file->pid);
    hg_json_set_string(doc, "started", file->started);
    const bool done = !signing || run_file_sign(doc, file, signing);
    char *text = done ? hg_json_text(doc) : NULL;
    json_decref(doc);
    return text;
}

enum hangar_rc hg_run_file_parse(const struct hg_str *text, struct hg_run_file *out,
                                 struct hg_error *err)
{
    json_t *doc = NULL;
    *out = (struct hg_run_file){0};
    enum hangar_rc rc = hg_json_parse(hg_str_text(text), text->len, HG_RUN_NAME, &doc, err);
    if (rc == HANGAR_OK) {
        run_file_take(doc, out);
        out->doc = doc;
    }
    return rc;
}

void hg_run_file_free(struct hg_run_file *file)
{
    json_decref(file->doc);
    *file = (struct hg_run_file){0};
}

bool hg_run_file_is_proven(const struct hg_run_file *file, const struct hg_signing *signing,
                           const char *pipeline, const char *id)
{
    struct hg_str text = {0};
    run_file_signed_text(file, pipeline, id, &text);
    const bool proven = hg_signing_mac_check(signing, &text, file->mac);
    hg_str_free(&text);
    return proven;
}
