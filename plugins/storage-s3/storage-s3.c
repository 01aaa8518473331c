/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * storage-s3: a sink that stores objects in a bucket of any store that speaks S3.  It has
 * a client of its own for it, on libcurl and OpenSSL.  This file is the plugin's border.
 */
#include "sink/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct hangar_option options[] = {
    S3_PLACE_OPTIONS,
    S3_CREDENTIAL_OPTIONS,
    S3_NATIVE_OPTIONS,
    {0},
};

enum hangar_rc s3_raise(struct s3 *s3, const struct s3_error *error)
{
    return s3->host->fail(s3->ctx, error->rc ? error->rc : HANGAR_INTERNAL, 0, "%s",
                          *error->text ? error->text : "the store failed without a reason");
}

void s3_what(const struct s3 *s3, const char *verb, const char *name, char out[S3_WHAT_SIZE])
{
    snprintf(out, S3_WHAT_SIZE, "%s %s in %s", verb, name, s3->set.description);
}

enum hangar_rc s3_key(struct s3 *s3, const char *name, char key[S3_KEY_MAX + 1])
{
    if (!s3_name_valid(name)) {
        return s3->host->fail(s3->ctx, HANGAR_CONFIG, 0,
                              "cannot use the name %.100s in %s: it is not allowed", name,
                              s3->set.description);
    }
    snprintf(key, S3_KEY_MAX + 1, "%s%s", s3->set.prefix, name);
    return HANGAR_OK;
}

static void storage_s3_destroy(void *inst)
{
    struct s3 *s3 = inst;
    if (!s3) {
        return;
    }
    s3_sender_fini(s3);
    s3_pool_fini(s3);
    s3_wire_fini(s3);
    s3_credentials_close(s3->credentials);
    s3_settings_free(&s3->set);
    curl_global_cleanup();
    free(s3);
}

/* Makes what has to be unmade in order. */
static bool init_parts(struct s3 *s3)
{
    if (!s3_wire_init(s3)) {
        return false;
    }
    if (!s3_pool_init(s3)) {
        s3_wire_fini(s3);
        return false;
    }
    if (!s3_sender_init(s3)) {
        s3_pool_fini(s3);
        s3_wire_fini(s3);
        return false;
    }
    return true;
}

static enum hangar_rc storage_s3_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                        void **out)
{
    struct s3 *s3 = calloc(1, sizeof(*s3));
    if (!s3 || curl_global_init(CURL_GLOBAL_DEFAULT)) {
        free(s3);
        return host->fail(ctx, HANGAR_NO_MEMORY, 0, "cannot set up the store");
    }
    s3->host = host;
    s3->ctx = ctx;
    enum hangar_rc rc = s3_settings_read(host, ctx, &s3->set);
    if (!rc) {
        rc = s3_credentials_open(host, ctx, &s3->credentials);
    }
    if (!rc && !init_parts(s3)) {
        rc = host->fail(ctx, HANGAR_NO_MEMORY, 0, "cannot set up the store");
    }
    if (rc) {
        s3_credentials_close(s3->credentials);
        s3_settings_free(&s3->set);
        curl_global_cleanup();
        free(s3);
        return rc;
    }
    *out = s3;
    return HANGAR_OK;
}

static void storage_s3_cancel(void *inst)
{
    struct s3 *s3 = inst;
    s3_wire_cancel(s3);
    s3_credentials_cancel(s3->credentials);
    s3_pool_wake(s3);
}

static uint32_t storage_s3_threads(void *inst)
{
    (void)inst;
    return HANGAR_PARALLEL_HANDLES;
}

static const char *storage_s3_describe(void *inst)
{
    return ((struct s3 *)inst)->set.description;
}

static uint32_t storage_s3_max_open_puts(void *inst)
{
    return s3_pool_reserve(inst);
}

static enum hangar_rc storage_s3_stat(void *inst, const char *name, struct hangar_entry *entry)
{
    struct s3 *s3 = inst;
    struct s3_error error = {0};
    struct s3_answer answer;
    char key[S3_KEY_MAX + 1], what[S3_WHAT_SIZE];
    enum hangar_rc rc = s3_key(s3, name, key);
    if (rc) {
        return rc;
    }
    s3_what(s3, "look at", name, what);
    rc = s3_head_all(s3, key, what, &answer, &error);
    if (rc == HANGAR_NOT_FOUND && !error.rc) {
        s3_error_set(&error, rc, "cannot %s: there is no such object", what);
    }
    if (rc) {
        return s3_raise(s3, &error);
    }
    s3_entry_fill(entry, &answer);
    return HANGAR_OK;
}

static const struct hangar_sink sink = {
    .struct_size = sizeof(sink),
    .probe = s3_probe,
    .max_open_puts = storage_s3_max_open_puts,
    .put_open = s3_put_open,
    .put_write = s3_put_write,
    .put_commit = s3_put_commit,
    .put_abort = s3_put_abort,
    .get_open = s3_get_open,
    .get_read = s3_get_read,
    .get_close = s3_get_close,
    .stat = storage_s3_stat,
    .list = s3_list,
    .remove = s3_remove,
    .remove_many = s3_remove_many,
    .retain = s3_retain,
};

static const struct hangar_plugin plugin = {
    HANGAR_PLUGIN_HEADER,
    .name = "storage-s3",
    .version = HANGAR_PLUGIN_VERSION,
    .summary = "stores backups in a bucket of an S3 store",
    .license = "Apache-2.0",
    .options = options,
    .create = storage_s3_create,
    .destroy = storage_s3_destroy,
    .cancel = storage_s3_cancel,
    .threads = storage_s3_threads,
    .describe = storage_s3_describe,
    .sink = &sink,
};
HANGAR_PLUGIN(plugin)
