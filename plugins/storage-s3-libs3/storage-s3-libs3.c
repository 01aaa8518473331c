/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * storage-s3-libs3: a sink in a bucket of an S3 store, through libs3.  It is for stores
 * that take signatures of version 2, which is all that libs3 2 can do, and refuses what
 * the library cannot; the plugin storage-s3 is the one to use otherwise.  This file is
 * the plugin's border.
 */
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define USER_AGENT "hangar/" HANGAR_PLUGIN_VERSION
#ifdef HANGAR_LIBS3_4
#define LIBRARY "libs3 4"
#else
#define LIBRARY "libs3 2"
#endif

static const char *const addressings[] = {"auto", "path", "virtual", NULL};

static const struct hangar_option options[] = {
    {.name = "endpoint",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_REQUIRED,
     .help = "URL of the store, as http://s3.example.com:9000."},
    {.name = "bucket",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_REQUIRED,
     .help = "The bucket. It must exist."},
    {.name = "prefix",
     .type = HANGAR_OPT_STRING,
     .help =
         "The folder within the bucket: what all keys begin with. Letters, digits and . _ - = / "
         "alone: libs3 writes wrong keys for others."},
    {.name = "region",
     .type = HANGAR_OPT_STRING,
     .help =
         "The region that requests are signed for. Refused with libs3 2, which signs for none."},
    {.name = "addressing",
     .type = HANGAR_OPT_ENUM,
     .default_value = "auto",
     .choices = addressings,
     .help = "Where the bucket stands: path, as http://host/bucket, or virtual, as "
             "http://bucket.host. auto: path."},
    {.name = "ca_file",
     .type = HANGAR_OPT_PATH,
     .help = "Refused: libs3 cannot be told whom to trust."},
    {.name = "verify",
     .type = HANGAR_OPT_BOOL,
     .default_value = "true",
     .help = "Check the certificate of the store. libs3 2 cannot: with https this must be false, "
             "which lets anybody between read and change what is stored."},
    {.name = "access_key_id",
     .type = HANGAR_OPT_STRING,
     .help = "Name of the key. Default: AWS_ACCESS_KEY_ID, with AWS_SECRET_ACCESS_KEY."},
    {.name = "secret_access_key",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_SECRET,
     .help = "The secret half of the key."},
    {.name = "session_token",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_SECRET,
     .help = "Token of temporary keys. Refused with libs3 2."},
    {.name = "spool_max",
     .type = HANGAR_OPT_SIZE,
     .default_value = "16GiB",
     .min = 1 << 20,
     .max = INT64_MAX,
     .help = "The most that objects on their way may take of temporary files (limits.temp_dir): "
             "each is there whole before it is sent."},
    {.name = "retries",
     .type = HANGAR_OPT_INT,
     .default_value = "10",
     .min = 0,
     .max = 100,
     .help = "How often a request that failed for a passing reason is sent again."},
    {.name = "timeout",
     .type = HANGAR_OPT_DURATION,
     .default_value = "60s",
     .min = 100,
     .max = 3600000,
     .help =
         "How long a request may move no byte. libs3 itself gives up after 15 s below 1 KiB/s."},
    {.name = "deadline",
     .type = HANGAR_OPT_DURATION,
     .default_value = "15m",
     .min = 100,
     .max = 86400000,
     .help = "For how long a request that fails is repeated."},
    {.name = NULL},
};

/* ------------------------------------------------------------------------ *
 * Names
 * ------------------------------------------------------------------------ */

bool driver_is_name(const char *name)
{
    size_t size = strlen(name), part = 0;
    if (!size || size > NAME_MAX_BYTES) {
        return false;
    }
    for (size_t i = 0; i <= size; i++) {
        char c = name[i];
        if (c && c != '/') {
            bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || strchr("._=-", c);
            if (!good) {
                return false;
            }
            part++;
            continue;
        }
        const char *begin = name + i - part;
        if (!part || (part == 1 && *begin == '.') || (part == 2 && memcmp(begin, "..", 2) == 0)) {
            return false;
        }
        part = 0;
    }
    return true;
}

enum hangar_rc driver_check_name(struct driver *driver, const char *name)
{
    if (driver_is_name(name)) {
        return HANGAR_OK;
    }
    return driver->host->fail(driver->ctx, HANGAR_CONFIG, 0, "\"%s\" is no name of an object",
                              name);
}

void driver_key(const struct driver *driver, const char *name, char key[KEY_SIZE])
{
    snprintf(key, KEY_SIZE, "%s%s", driver->prefix, name);
}

/* ------------------------------------------------------------------------ *
 * Options
 * ------------------------------------------------------------------------ */

/* An option's text, NULL when it is not set or empty. */
static const char *text_option(const struct driver *driver, const char *name)
{
    const char *value = driver->host->opt_string(driver->ctx, name);
    return value && *value ? value : NULL;
}

static const char *text_env(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static enum hangar_rc refuse(struct driver *driver, const char *option, const char *why)
{
    return driver->host->fail_option(driver->ctx, option,
                                     LIBRARY " %s; hint: use the plugin storage-s3", why);
}

/* What the library cannot do must not look as if it were done. */
static enum hangar_rc check_limits(struct driver *driver, bool token)
{
    bool tls = driver->bucket.protocol == S3ProtocolHTTPS;
    (void)token;
    if (text_option(driver, "ca_file")) {
        return refuse(driver, "ca_file", "cannot be told whom to trust");
    }
#ifdef HANGAR_LIBS3_4
    (void)tls;
#else
    if (text_option(driver, "region")) {
        return refuse(driver, "region", "signs by version 2, which knows no regions");
    }
    if (token) {
        return refuse(driver, "session_token", "cannot send a session token");
    }
    if (tls && driver->host->opt_bool(driver->ctx, "verify")) {
        return driver->host->fail_option(driver->ctx, "verify",
                                         LIBRARY
                                         " checks no certificates: with https, anybody "
                                         "between can pretend to be the store; hint: use the "
                                         "plugin storage-s3, or accept that by verify: false");
    }
#endif
    return HANGAR_OK;
}

static enum hangar_rc read_endpoint(struct driver *driver)
{
    const char *url = driver->host->opt_string(driver->ctx, "endpoint");
    bool tls = strncmp(url, "https://", 8) == 0;
    if (!tls && strncmp(url, "http://", 7) != 0) {
        return driver->host->fail_option(driver->ctx, "endpoint",
                                         "\"%s\" does not begin with http:// or https://", url);
    }
    url += tls ? 8 : 7;
    size_t size = strcspn(url, "/");
    if (!size || size > S3_MAX_HOSTNAME_SIZE || strcspn(url, "?#@ \t\r\n") < size ||
        url[size + strspn(url + size, "/")]) {
        return driver->host->fail_option(driver->ctx, "endpoint",
                                         "after http:// it must be a host, and perhaps a port");
    }
    driver->hostname = strndup(url, size);
    driver->bucket.hostName = driver->hostname;
    driver->bucket.protocol = tls ? S3ProtocolHTTPS : S3ProtocolHTTP;
    return driver->hostname ? HANGAR_OK : HANGAR_NO_MEMORY;
}

/* With one slash at its end, and none at its beginning. */
static enum hangar_rc read_prefix(struct driver *driver)
{
    const char *given = text_option(driver, "prefix");
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
            "\"%s\" has characters that libs3 writes wrongly, or is too "
            "long; hint: letters, digits and . _ - = / alone",
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

static enum hangar_rc read_bucket(struct driver *driver)
{
    const char *name = driver->host->opt_string(driver->ctx, "bucket");
    bool virtual = strcmp(driver->host->opt_string(driver->ctx, "addressing"), "virtual") == 0;
    driver->bucket.bucketName = name;
    driver->bucket.uriStyle = virtual ? S3UriStyleVirtualHost : S3UriStylePath;
    S3Status status = S3_validate_bucket_name(name, driver->bucket.uriStyle);
    if (status != S3StatusOK) {
        return driver->host->fail_option(driver->ctx, "bucket", "\"%s\" is no name of a bucket: %s",
                                         name, S3_get_status_name(status));
    }
    if (asprintf(&driver->description, "bucket %s at %s://%s%s%s (by " LIBRARY ")", name,
                 driver->bucket.protocol == S3ProtocolHTTPS ? "https" : "http", driver->hostname,
                 *driver->prefix ? "/" : "", driver->prefix) < 0) {
        driver->description = NULL;
        return HANGAR_NO_MEMORY;
    }
    return HANGAR_OK;
}

static enum hangar_rc read_keys(struct driver *driver)
{
    const char *id = text_option(driver, "access_key_id");
    const char *secret = text_option(driver, "secret_access_key");
    const char *token = text_option(driver, "session_token");
    bool given = id || secret || token;
    if (!given) {
        id = text_env("AWS_ACCESS_KEY_ID");
        secret = text_env("AWS_SECRET_ACCESS_KEY");
        token = text_env("AWS_SESSION_TOKEN");
    }
    if (!id || !secret) {
        return driver->host->fail_option(driver->ctx, "access_key_id",
                                         "access_key_id and secret_access_key are needed, or "
                                         "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    }
    driver->bucket.accessKeyId = id;
    driver->bucket.secretAccessKey = secret;
#ifdef HANGAR_LIBS3_4
    driver->bucket.securityToken = token;
    driver->bucket.authRegion = text_option(driver, "region");
#endif
    return check_limits(driver, token);
}

static enum hangar_rc read_options(struct driver *driver)
{
    enum hangar_rc rc = read_endpoint(driver);
    if (rc == HANGAR_OK) {
        rc = read_prefix(driver);
    }
    if (rc == HANGAR_OK) {
        rc = read_bucket(driver);
    }
    if (rc == HANGAR_OK) {
        rc = read_keys(driver);
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

/* libs3 counts who uses it, without a lock of its own: the one thing here that all
 * instances share. */
static pthread_mutex_t library = PTHREAD_MUTEX_INITIALIZER;

static bool begin_library(struct driver *driver)
{
    int flags = S3_INIT_ALL;
#ifdef S3_INIT_VERIFY_PEER
    if (driver->host->opt_bool(driver->ctx, "verify")) {
        flags |= S3_INIT_VERIFY_PEER;
    }
#endif
    pthread_mutex_lock(&library);
    S3Status status = S3_initialize(USER_AGENT, flags, driver->hostname);
    pthread_mutex_unlock(&library);
    return status == S3StatusOK;
}

static void end_library(void)
{
    pthread_mutex_lock(&library);
    S3_deinitialize();
    pthread_mutex_unlock(&library);
}

static void free_driver(struct driver *driver)
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
        return host->fail(ctx, HANGAR_NO_MEMORY, 0, "cannot set up libs3: out of memory");
    }
    driver->host = host;
    driver->ctx = ctx;
    pthread_mutex_init(&driver->mutex, NULL);
    pthread_mutex_init(&driver->creating, NULL);
    enum hangar_rc rc = read_options(driver);
    if (rc == HANGAR_OK && !begin_library(driver)) {
        rc = HANGAR_NO_MEMORY;
    }
    if (rc == HANGAR_NO_MEMORY) {
        host->fail(ctx, rc, 0, "cannot set up libs3: out of memory");
    }
    if (rc != HANGAR_OK) {
        free_driver(driver);
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
    end_library();
    free_driver(driver);
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

/* ------------------------------------------------------------------------ *
 * Small requests
 * ------------------------------------------------------------------------ */

static void begin_head(struct call *call, S3RequestContext *context)
{
    char key[KEY_SIZE];
    driver_key(call->driver, call->name, key);
    S3_head_object(&call->driver->bucket, key, context, LIBS3_HANDLER(&call_handler), call);
}

enum hangar_rc driver_head(struct driver *driver, const char *name, bool missing_is_told,
                           struct hangar_entry *entry)
{
    struct call call = {
        .driver = driver, .verb = "look at", .name = name, .missing_is_told = missing_is_told};
    enum hangar_rc rc = call_run(&call, begin_head, NULL);
    if (rc != HANGAR_OK) {
        return rc;
    }
    entry->flags = 0;
    entry->name = NULL;
    entry->size = call.length;
    entry->time_ms = call.modified_ms;
    memcpy(entry->etag, call.etag, sizeof(entry->etag));
    return HANGAR_OK;
}

static enum hangar_rc libs3_stat(void *inst, const char *name, struct hangar_entry *entry)
{
    enum hangar_rc rc = driver_check_name(inst, name);
    return rc != HANGAR_OK ? rc : driver_head(inst, name, true, entry);
}

static void begin_remove(struct call *call, S3RequestContext *context)
{
    char key[KEY_SIZE];
    driver_key(call->driver, call->name, key);
    S3_delete_object(&call->driver->bucket, key, context, LIBS3_HANDLER(&call_handler), call);
}

static enum hangar_rc libs3_remove(void *inst, const char *name)
{
    struct driver *driver = inst;
    struct call call = {.driver = driver, .verb = "remove", .name = name};
    enum hangar_rc rc = driver_check_name(driver, name);
    if (rc == HANGAR_OK) {
        rc = call_run(&call, begin_remove, NULL);
    }
    return rc == HANGAR_NOT_FOUND ? HANGAR_OK : rc;
}

/* ------------------------------------------------------------------------ *
 * The probe
 * ------------------------------------------------------------------------ */

static enum hangar_rc try_store(struct driver *driver, const char *name)
{
    static const char content[] = "hangar was here\n";
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    struct hangar_put *put = NULL;
    struct hangar_get *get = NULL;
    char back[sizeof(content)] = "";
    size_t got = 0;
    enum hangar_rc rc = libs3_put_open(driver, name, 0, 0, &put);
    if (rc != HANGAR_OK) {
        return rc;
    }
    rc = libs3_put_write(put, content, sizeof(content) - 1);
    if (rc != HANGAR_OK) {
        libs3_put_abort(put);
        return rc;
    }
    rc = libs3_put_commit(put, &entry);
    if (rc == HANGAR_OK) {
        rc = libs3_get_open(driver, name, 0, &get);
    }
    if (rc == HANGAR_OK) {
        rc = libs3_get_read(get, back, sizeof(content), &got);
        libs3_get_close(get);
    }
    if (rc == HANGAR_OK && (got != sizeof(content) - 1 || memcmp(back, content, got) != 0)) {
        rc = driver->host->fail(driver->ctx, HANGAR_CORRUPT, 0,
                                "cannot use %s: what was stored does not come back",
                                driver->description);
    }
    return rc;
}

static enum hangar_rc libs3_probe(void *inst, struct hangar_attrs *capabilities)
{
    struct driver *driver = inst;
    char name[64];
    uint64_t number = 0;
    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number)) {
        number = (uint64_t)driver_now_ms();
    }
    snprintf(name, sizeof(name), ".hangar-probe-%016llx", (unsigned long long)number);
    enum hangar_rc rc = try_store(driver, name);
    enum hangar_rc removed = libs3_remove(driver, name); /* also after a failure */
    if (rc != HANGAR_OK || removed) {
        return rc != HANGAR_OK ? rc : removed;
    }
    driver->host->attr_set(capabilities, "library", LIBRARY);
    driver->host->attr_set(capabilities, "create_only", "no");
    driver->host->attr_set(capabilities, "multipart", "no");
    driver->host->attr_set(capabilities, "object_max", "5 GiB");
    if (driver->bucket.protocol == S3ProtocolHTTPS &&
        !driver->host->opt_bool(driver->ctx, "verify")) {
        driver->host->log(driver->ctx, HANGAR_LOG_WARN,
                          "the certificate of %s is not checked; hint: use the plugin storage-s3",
                          driver->description);
    }
    return HANGAR_OK;
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
