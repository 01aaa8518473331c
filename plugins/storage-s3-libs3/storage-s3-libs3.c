/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * storage-s3-libs3: a sink that stores objects in a bucket of an S3 store through libs3.  It is for
 * stores that require signatures of version 2, the only ones of libs3 2, and refuses options that
 * the library does not support.  For all other stores there is the plugin storage-s3.  This file
 * has the options, the life of an instance and the descriptor.
 */
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USER_AGENT "hangar/" HANGAR_PLUGIN_VERSION

static const char *const addressings[] = {"auto", "path", "virtual", NULL};

static const struct hangar_option options[] = {
    {.name = "endpoint",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_REQUIRED,
     .help = "URL of the store, for example http://s3.example.com:9000."},
    {.name = "bucket",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_REQUIRED,
     .help = "The bucket. It must exist."},
    {.name = "prefix",
     .type = HANGAR_OPT_STRING,
     .help = "Folder in the bucket: all keys begin with it. Only letters, digits and . _ - = /, "
             "because libs3 writes wrong keys for other characters."},
    {.name = "region",
     .type = HANGAR_OPT_STRING,
     .help =
         "Region for which requests are signed. Refused with libs3 2, whose signatures have none."},
    {.name = "addressing",
     .type = HANGAR_OPT_ENUM,
     .default_value = "auto",
     .choices = addressings,
     .help = "Place of the bucket in the URL. path: http://host/bucket. virtual: "
             "http://bucket.host. auto: path."},
    {.name = "ca_file",
     .type = HANGAR_OPT_PATH,
     .help = "Refused: libs3 always uses the CA certificates of the system."},
    {.name = "verify",
     .type = HANGAR_OPT_BOOL,
     .default_value = "true",
     .help = "Check the certificate of the store. libs3 2 cannot do that: with https this must be "
             "false, and third parties on the network can read and change the data."},
    {.name = "access_key_id",
     .type = HANGAR_OPT_STRING,
     .help = "Id of the key. Default: AWS_ACCESS_KEY_ID, with AWS_SECRET_ACCESS_KEY."},
    {.name = "secret_access_key",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_SECRET,
     .help = "Secret of the key."},
    {.name = "session_token",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_SECRET,
     .help = "Token of temporary keys. Refused with libs3 2."},
    {.name = "spool_max",
     .type = HANGAR_OPT_SIZE,
     .default_value = "16GiB",
     .min = 1 << 20,
     .max = INT64_MAX,
     .help = "Maximum size of all temporary files (in limits.temp_dir). Each object is written to "
             "one completely before it is sent."},
    {.name = "retries",
     .type = HANGAR_OPT_INT,
     .default_value = "10",
     .min = 0,
     .max = 100,
     .help = "How often a request is repeated after a temporary failure."},
    {.name = "timeout",
     .type = HANGAR_OPT_DURATION,
     .default_value = "60s",
     .min = 100,
     .max = 3600000,
     .help =
         "A request that sends and receives no byte for this time has failed. libs3 itself ends a "
         "request after 15 s below 1 KiB/s."},
    {.name = "deadline",
     .type = HANGAR_OPT_DURATION,
     .default_value = "15m",
     .min = 100,
     .max = 86400000,
     .help = "Maximum time of one request with all its repetitions."},
    {.name = NULL},
};

/* ------------------------------------------------------------------------ *
 * Options
 * ------------------------------------------------------------------------ */

/* The text of an option; NULL: it is not set or empty. */
static const char *libs3_option(const struct driver *driver, const char *name)
{
    const char *value = driver->host->opt_string(driver->ctx, name);
    return value && *value ? value : NULL;
}

static const char *libs3_env(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static enum hangar_rc libs3_refuse_option(struct driver *driver, const char *option,
                                          const char *why)
{
    return driver->host->fail_option(driver->ctx, option,
                                     LIBRARY " %s; hint: use the plugin storage-s3", why);
}

/* Refuses options that the library does not support. */
static enum hangar_rc libs3_check_limits(struct driver *driver, bool token)
{
    bool tls = driver->bucket.protocol == S3ProtocolHTTPS;
    (void)token;
    if (libs3_option(driver, "ca_file")) {
        return libs3_refuse_option(driver, "ca_file",
                                   "always uses the CA certificates of the system");
    }
#ifdef HANGAR_LIBS3_4
    (void)tls;
#else
    if (libs3_option(driver, "region")) {
        return libs3_refuse_option(driver, "region", "signs by version 2, which has no regions");
    }
    if (token) {
        return libs3_refuse_option(driver, "session_token", "cannot send a session token");
    }
    if (tls && driver->host->opt_bool(driver->ctx, "verify")) {
        return driver->host->fail_option(driver->ctx, "verify",
                                         LIBRARY
                                         " does not check certificates: over https, third "
                                         "parties on the network can pretend to be the store; "
                                         "hint: use the plugin storage-s3, or set verify: false");
    }
#endif
    return HANGAR_OK;
}

static enum hangar_rc libs3_read_endpoint(struct driver *driver)
{
    const char *url = driver->host->opt_string(driver->ctx, "endpoint");
    bool tls = strncmp(url, "https://", 8) == 0;
    if (!tls && strncmp(url, "http://", 7) != 0) {
        return driver->host->fail_option(driver->ctx, "endpoint",
                                         "\"%s\" must begin with http:// or https://", url);
    }
    url += tls ? 8 : 7;
    size_t size = strcspn(url, "/");
    if (!size || size > S3_MAX_HOSTNAME_SIZE || strcspn(url, "?#@ \t\r\n") < size ||
        url[size + strspn(url + size, "/")]) {
        return driver->host->fail_option(driver->ctx, "endpoint",
                                         "must be a host, and optionally a port, after http://");
    }
    driver->hostname = strndup(url, size);
    if (!tls && driver->hostname && strncmp(url, "127.", 4) != 0 && strncmp(url, "[::1]", 5) != 0 &&
        strncmp(url, "localhost", 9) != 0) {
        driver->host->log(driver->ctx, HANGAR_LOG_WARN,
                          "the endpoint http://%s is not on this machine and not encrypted: third "
                          "parties on the network can read and change the backups; hint: use https",
                          driver->hostname);
    }
    driver->bucket.hostName = driver->hostname;
    driver->bucket.protocol = tls ? S3ProtocolHTTPS : S3ProtocolHTTP;
    return driver->hostname ? HANGAR_OK : HANGAR_NO_MEMORY;
}

/* Stores the prefix with one slash at its end and none at its beginning. */
static enum hangar_rc libs3_read_prefix(struct driver *driver)
{
    const char *given = libs3_option(driver, "prefix");
    if (!given) {
        given = "";
    }
    given += strspn(given, "/");
    size_t size = strlen(given);
    while (size && given[size - 1] == '/') {
        size--;
    }
    if (asprintf(&driver->prefix, "%.*s", (int)size, given) < 0) {
        driver->prefix = NULL;
        return HANGAR_NO_MEMORY;
    }
    if (!size) {
        return HANGAR_OK;
    }
    if (!driver_is_name(driver->prefix)) {
        return driver->host->fail_option(
            driver->ctx, "prefix",
            "\"%s\" has characters for which libs3 writes wrong keys, or is too long; hint: use "
            "only letters, digits and . _ - = /",
            driver->prefix);
    }
    char *slashed = NULL;
    if (asprintf(&slashed, "%s/", driver->prefix) < 0) {
        return HANGAR_NO_MEMORY;
    }
    free(driver->prefix);
    driver->prefix = slashed;
    return HANGAR_OK;
}

static enum hangar_rc libs3_read_bucket(struct driver *driver)
{
    const char *name = driver->host->opt_string(driver->ctx, "bucket");
    bool virtual = strcmp(driver->host->opt_string(driver->ctx, "addressing"), "virtual") == 0;
    driver->bucket.bucketName = name;
    driver->bucket.uriStyle = virtual ? S3UriStyleVirtualHost : S3UriStylePath;
    S3Status status = S3_validate_bucket_name(name, driver->bucket.uriStyle);
    if (status != S3StatusOK) {
        return driver->host->fail_option(driver->ctx, "bucket",
                                         "\"%s\" is not a valid bucket name: %s", name,
                                         S3_get_status_name(status));
    }
    if (asprintf(&driver->description, "bucket %s at %s://%s%s%s (by " LIBRARY ")", name,
                 driver->bucket.protocol == S3ProtocolHTTPS ? "https" : "http", driver->hostname,
                 *driver->prefix ? "/" : "", driver->prefix) < 0) {
        driver->description = NULL;
        return HANGAR_NO_MEMORY;
    }
    return HANGAR_OK;
}

static enum hangar_rc libs3_read_keys(struct driver *driver)
{
    const char *id = libs3_option(driver, "access_key_id");
    const char *secret = libs3_option(driver, "secret_access_key");
    const char *token = libs3_option(driver, "session_token");
    bool given = id || secret || token;
    if (!given) {
        id = libs3_env("AWS_ACCESS_KEY_ID");
        secret = libs3_env("AWS_SECRET_ACCESS_KEY");
        token = libs3_env("AWS_SESSION_TOKEN");
    }
    if (!id || !secret) {
        return driver->host->fail_option(
            driver->ctx, "access_key_id",
            "set access_key_id and secret_access_key, or the variables "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    }
    driver->bucket.accessKeyId = id;
    driver->bucket.secretAccessKey = secret;
#ifdef HANGAR_LIBS3_4
    driver->bucket.securityToken = token;
    driver->bucket.authRegion = libs3_option(driver, "region");
#endif
    return libs3_check_limits(driver, token);
}

static enum hangar_rc libs3_read_options(struct driver *driver)
{
    enum hangar_rc rc = libs3_read_endpoint(driver);
    if (rc == HANGAR_OK) {
        rc = libs3_read_prefix(driver);
    }
    if (rc == HANGAR_OK) {
        rc = libs3_read_bucket(driver);
    }
    if (rc == HANGAR_OK) {
        rc = libs3_read_keys(driver);
    }
    driver->retries = (unsigned)driver->host->opt_int(driver->ctx, "retries");
    driver->timeout_ms = driver->host->opt_int(driver->ctx, "timeout");
    driver->deadline_ms = driver->host->opt_int(driver->ctx, "deadline");
    driver->spool_max = (uint64_t)driver->host->opt_int(driver->ctx, "spool_max");
    return rc;
}

/* ------------------------------------------------------------------------ *
 * The instance
 * ------------------------------------------------------------------------ */

/* libs3 counts its users without a lock of its own.  All instances share this mutex, and nothing
 * else. */
static pthread_mutex_t libs3_library = PTHREAD_MUTEX_INITIALIZER;

static bool libs3_library_begin(struct driver *driver)
{
    int flags = S3_INIT_ALL;
#ifdef S3_INIT_VERIFY_PEER
    if (driver->host->opt_bool(driver->ctx, "verify")) {
        flags |= S3_INIT_VERIFY_PEER;
    }
#endif
    pthread_mutex_lock(&libs3_library);
    S3Status status = S3_initialize(USER_AGENT, flags, driver->hostname);
    pthread_mutex_unlock(&libs3_library);
    return status == S3StatusOK;
}

static void libs3_library_end(void)
{
    pthread_mutex_lock(&libs3_library);
    S3_deinitialize();
    pthread_mutex_unlock(&libs3_library);
}

static void libs3_free(struct driver *driver)
{
    pthread_mutex_destroy(&driver->mutex);
    pthread_mutex_destroy(&driver->creating);
    free(driver->hostname);
    free(driver->description);
    free(driver->prefix);
    free(driver);
}

static enum hangar_rc libs3_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                   void **out)
{
    struct driver *driver = calloc(1, sizeof(*driver));
    if (!driver) {
        return failure_raise_no_memory(host, ctx, "create the sink");
    }
    driver->host = host;
    driver->ctx = ctx;
    pthread_mutex_init(&driver->mutex, NULL);
    pthread_mutex_init(&driver->creating, NULL);
    enum hangar_rc rc = libs3_read_options(driver);
    if (rc == HANGAR_OK && !libs3_library_begin(driver)) {
        rc = HANGAR_NO_MEMORY;
    }
    if (rc == HANGAR_NO_MEMORY) {
        failure_raise_no_memory(host, ctx, "create the sink");
    }
    if (rc != HANGAR_OK) {
        libs3_free(driver);
        return rc;
    }
    *out = driver;
    return HANGAR_OK;
}

static void libs3_destroy(void *inst)
{
    struct driver *driver = inst;
    if (!driver) {
        return;
    }
    while (driver->idle_count) {
        S3_destroy_request_context(driver->idle[--driver->idle_count]);
    }
    libs3_library_end();
    libs3_free(driver);
}

static void libs3_cancel(void *inst)
{
    struct driver *driver = inst;
    atomic_store(&driver->cancelled, true);
}

static uint32_t libs3_threads(void *inst)
{
    (void)inst;
    return HANGAR_PARALLEL_HANDLES;
}

static const char *libs3_describe(void *inst)
{
    struct driver *driver = inst;
    return driver->description;
}

static const struct hangar_sink sink = {
    .struct_size = sizeof(sink),
    .probe = libs3_probe,
    .put_open = libs3_put_open,
    .put_write = libs3_put_write,
    .put_commit = libs3_put_commit,
    .put_abort = libs3_put_abort,
    .get_open = libs3_get_open,
    .get_read = libs3_get_read,
    .get_close = libs3_get_close,
    .stat = libs3_stat,
    .list = libs3_list,
    .remove = libs3_remove,
};

static const struct hangar_plugin plugin = {
    HANGAR_PLUGIN_HEADER,
    .name = "storage-s3-libs3",
    .version = HANGAR_PLUGIN_VERSION,
    .summary = "stores backups in an S3 bucket through libs3, for stores that sign by version 2",
    .license = "Apache-2.0",
    .options = options,
    .create = libs3_create,
    .destroy = libs3_destroy,
    .cancel = libs3_cancel,
    .threads = libs3_threads,
    .describe = libs3_describe,
    .sink = &sink,
};
HANGAR_PLUGIN(plugin)
