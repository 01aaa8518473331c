/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore_text: RESTORE.txt, the commands that restore this backup with stock tools, without
 * hangar.
 */
#include "inventory/restore_text.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "inventory/object_infos.h"
#include "pipeline/decode.h"
#include "plugin/instance.h"

/* Appends text to a comment: a line end in it would end the comment, and a terminal runs other
 * control characters. */
static void add_comment_text(struct hg_str *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            hg_str_addf(out, "\\x%02x", (unsigned)*c);
        } else {
            hg_str_add_n(out, c, 1);
        }
    }
}

static void restore_text_head(const struct hg_manifest *m, struct hg_str *out)
{
    char time[HG_TIME_SIZE];
    hg_time_format(m->finished_ms, time);
    hg_str_addf(out,
                "# How to restore %s by hand\n"
                "#\n"
                "# Pipeline %s of ",
                m->id, m->pipeline);
    add_comment_text(out, m->host);
    hg_str_addf(out,
                ", finished %s, made by hangar %s.\n"
                "%s"
                "# With hangar: hangar restore %s\n"
                "#\n"
                "# Without hangar, this file is a script: run it in this folder, as a whole\n"
                "# (bash RESTORE.txt) or line by line.  It needs only stock tools and contains no\n"
                "# password: set PGPASSWORD or ~/.pgpass, REDISCLI_AUTH and the like.\n"
                "set -e -o pipefail\n\n"
                "# First check that no file has changed since it was stored.\n"
                "sha256sum --quiet -c %s\n",
                time, m->hangar,
                m->safety ? "# A safety backup of the data that a restore was about to replace.\n"
                : m->partial ? "# A partial backup: of some sources of the pipeline.\n"
                             : "",
                m->id, HG_SUMS_NAME);
}

/* For a source plugin without restore_commands. */
static void restore_text_plain(const struct hg_infos *infos, struct hg_str *out)
{
    hg_str_add(out, "# These commands write the bytes of each object as the source gave them:\n");
    for (size_t i = 0; i < infos->count; i++) {
        hg_str_addf(out, "# %s\n", infos->items[i].decode);
    }
}

enum hangar_rc hg_restore_text(const struct hg_manifest *m, struct hangar_ctx *const *sources,
                               struct hg_str *out, struct hg_error *err)
{
    enum hangar_rc rc = HANGAR_OK;
    restore_text_head(m, out);
    for (size_t i = 0; i < m->source_count && rc == HANGAR_OK; i++) {
        const struct hg_manifest_source *s = &m->sources[i];
        struct hangar_ctx *ctx = sources[i];
        struct hg_infos infos;
        rc = hg_infos_make(m, s, true, &infos, err);
        if (rc != HANGAR_OK) {
            break;
        }
        char time[HG_TIME_SIZE];
        hg_time_format(s->time_ms, time);
        hg_str_addf(out, "\n\n# ---- %s: ", s->name);
        add_comment_text(out, s->target);
        hg_str_addf(out, ", as of %s ----\n", time);
        struct hangar_text text = {{0}};
        if (ctx->plugin->source.restore_commands) {
            rc = HG_CALL(ctx, err,
                         ctx->plugin->source.restore_commands(ctx->inst, s->facts, infos.items,
                                                              infos.count, &text));
            hg_str_add(out, hg_str_text(&text.str));
            out->failed = out->failed || text.str.failed;
        } else {
            restore_text_plain(&infos, out);
        }
        hg_str_free(&text.str);
        hg_infos_free(&infos);
    }
    if (rc == HANGAR_OK && out->failed) {
        rc = hg_no_memory(err);
    }
    return rc;
}
