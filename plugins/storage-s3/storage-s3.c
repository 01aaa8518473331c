/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * storage-s3: a sink that stores objects in a bucket of AWS S3 or of any store with the same
 * protocol.  It has its own client for the protocol, with libcurl and OpenSSL.
 *
 *     storage-s3.c  an instance: create, cancel, destroy, and the descriptor of the plugin
 *     settings      the option table and its values
 *     sink/         the operations of the sink: put, get, list, remove, retain, probe
 *     wire/         sends requests: channels, attempts, repetitions, memory and threads for parts
 *     keys/         finds and renews the credentials that sign requests
 *     format/       escaping, signatures, checksums, XML; needs neither a server nor the host
 *
 * Each folder includes only headers of those below it in this list, and of settings.
 */
#include "sink/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void storage_s3_destroy(void *inst)
{
    struct s3 *s3 = inst;
    if (!s3) {
        return;
    }
    s3_workers_fini(&s3->workers);
    s3_pool_fini(&s3->pool);
    s3_wire_fini(&s3->wire);
    s3_credentials_close(s3->credentials);
    s3_settings_free(&s3->set);
    curl_global_cleanup();
    free(s3);
}

/* Initialises the parts that share state between threads; all of them or none. */
static bool storage_s3_init_parts(struct s3 *s3)
{
    s3->wire.host = s3->host;
    s3->wire.ctx = s3->ctx;
    s3->wire.set = &s3->set;
    s3->wire.credentials = s3->credentials;
    if (!s3_wire_init(&s3->wire)) {
        return false;
    }
    if (!s3_pool_init(&s3->pool, &s3->wire)) {
        s3_wire_fini(&s3->wire);
        return false;
    }
    if (!s3_workers_init(&s3->workers, s3->set.concurrency)) {
        s3_pool_fini(&s3->pool);
        s3_wire_fini(&s3->wire);
        return false;
    }
    return true;
}

/* The keys do not travel, but the data does. */
static void storage_s3_warn_of_http(const struct s3 *s3)
{
    if (!s3->set.tls && !creds_is_local_url(s3->set.origin)) {
        s3->host->log(s3->ctx, HANGAR_LOG_WARN,
                      "the endpoint %s is not on this machine and not encrypted: third parties on "
                      "the network can read and change the backups; hint: use https",
                      s3->set.origin);
    }
}

static enum hangar_rc storage_s3_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                        void **out)
{
    struct s3 *s3 = calloc(1, sizeof(*s3));
    if (!s3 || curl_global_init(CURL_GLOBAL_DEFAULT)) {
        free(s3);
        return failure_raise_no_memory(host, ctx, "create the sink");
    }
    s3->host = host;
    s3->ctx = ctx;
    enum hangar_rc rc = s3_settings_read(host, ctx, &s3->set);
    if (rc == HANGAR_OK) {
        rc = s3_credentials_open(host, ctx, &s3->credentials);
    }
    if (rc == HANGAR_OK && !storage_s3_init_parts(s3)) {
        rc = failure_raise_no_memory(host, ctx, "create the sink");
    }
    if (rc != HANGAR_OK) {
        s3_credentials_close(s3->credentials);
        s3_settings_free(&s3->set);
        curl_global_cleanup();
        free(s3);
        return rc;
    }
    storage_s3_warn_of_http(s3);
    *out = s3;
    return HANGAR_OK;
}

static void storage_s3_cancel(void *inst)
{
    struct s3 *s3 = inst;
    s3_wire_cancel(&s3->wire);
    s3_credentials_cancel(s3->credentials);
    s3_pool_wake(&s3->pool);
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
    return s3_pool_reserve(&((struct s3 *)inst)->pool);
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
    .stat = s3_stat,
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
    .options = s3_options,
    .create = storage_s3_create,
    .destroy = storage_s3_destroy,
    .cancel = storage_s3_cancel,
    .threads = storage_s3_threads,
    .describe = storage_s3_describe,
    .sink = &sink,
};
HANGAR_PLUGIN(plugin)
