/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * put: stores an object.  libs3 needs its length beforehand and has no upload in parts (version
 * 2.0), so the object is collected in a temporary file, or in memory when it is small, and sent in
 * one PUT at commit.
 */
#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_SIZE ((size_t)64 << 10)
#define QUOTA_STEP ((uint64_t)64 << 20)
#define MD5_SIZE 16

struct hangar_put {
    struct driver *driver;
    EVP_MD_CTX *md5;
    uint32_t flags;
    int fd; /* of the temporary file; -1: all bytes are in the buffer */
    char *path;
    uint64_t size, in_file;
    size_t used; /* bytes in the buffer; they follow those in the file */
    unsigned char *buffer;
    char name[];
};

/* The state of a request. */
struct libs3_upload {
    struct hangar_put *put;
    uint64_t sent;
    char md5[2 * MD5_SIZE]; /* base64 */
};

/* ------------------------------------------------------------------------ *
 * Collecting
 * ------------------------------------------------------------------------ */

/* Reserves bytes of temporary files. */
static enum hangar_rc libs3_put_reserve_spool(struct hangar_put *put, size_t size, const char **dir)
{
    struct driver *driver = put->driver;
    enum hangar_rc rc = HANGAR_OK;
    pthread_mutex_lock(&driver->mutex);
    uint64_t need = driver->spooled + size;
    uint64_t quota = driver->quota;
    while (quota < need) {
        quota += QUOTA_STEP;
    }
    if (need > driver->spool_max) {
        rc = driver->host->fail(driver->ctx, HANGAR_NO_SPACE, 0,
                                "cannot store %s in %s: unsent objects need more than %llu MiB of "
                                "temporary files; hint: raise spool_max, or use the plugin "
                                "storage-s3, which needs none",
                                put->name, driver->description,
                                (unsigned long long)driver->spool_max >> 20);
    }
    if (rc == HANGAR_OK) {
        rc = driver->host->temp_dir(driver->ctx, quota, dir);
    }
    if (rc == HANGAR_OK) {
        driver->spooled = need;
        driver->quota = quota;
    }
    pthread_mutex_unlock(&driver->mutex);
    return rc;
}

static enum hangar_rc libs3_put_open_file(struct hangar_put *put, const char *dir)
{
    struct driver *driver = put->driver;
    if (asprintf(&put->path, "%s/put-XXXXXX", dir) < 0) {
        put->path = NULL;
        return failure_raise_no_memory(driver->host, driver->ctx, "store %s", put->name);
    }
    put->fd = mkostemp(put->path, O_CLOEXEC); /* mode 0600 */
    if (put->fd >= 0) {
        return HANGAR_OK;
    }
    int error_number = errno;
    free(put->path);
    put->path = NULL;
    return driver->host->fail(driver->ctx, HANGAR_IO, error_number,
                              "cannot create a temporary file in %s", dir);
}

/* Writes the buffer to the temporary file. */
static enum hangar_rc libs3_put_flush(struct hangar_put *put)
{
    struct driver *driver = put->driver;
    const char *dir = NULL;
    size_t at = 0;
    enum hangar_rc rc = libs3_put_reserve_spool(put, put->used, &dir);
    if (rc != HANGAR_OK) {
        return rc;
    }
    put->in_file += put->used;
    if (put->fd < 0) {
        rc = libs3_put_open_file(put, dir);
    }
    while (rc == HANGAR_OK && at < put->used) {
        ssize_t n = write(put->fd, put->buffer + at, put->used - at);
        if (n < 0 && errno != EINTR) {
            rc = driver->host->fail(driver->ctx, errno == ENOSPC ? HANGAR_NO_SPACE : HANGAR_IO,
                                    errno, "cannot write the temporary file of %s", put->name);
        }
        at += n > 0 ? (size_t)n : 0;
    }
    put->used = 0;
    return rc;
}

static void libs3_put_free(struct hangar_put *put)
{
    struct driver *driver = put->driver;
    if (put->fd >= 0) {
        close(put->fd);
    }
    if (put->path) {
        unlink(put->path);
    }
    pthread_mutex_lock(&driver->mutex);
    driver->spooled -= put->in_file;
    pthread_mutex_unlock(&driver->mutex);
    EVP_MD_CTX_free(put->md5);
    free(put->path);
    free(put->buffer);
    free(put);
}

enum hangar_rc libs3_put_open(void *inst, const char *name, uint64_t size_hint, uint32_t flags,
                              struct hangar_put **out)
{
    struct driver *driver = inst;
    enum hangar_rc rc = driver_check_name(driver, name);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (size_hint > OBJECT_MAX) {
        return driver->host->fail(
            driver->ctx, HANGAR_UNSUPPORTED, 0,
            "cannot store %s in %s: it has %llu MiB and libs3 can store 5 GiB at most; hint: use "
            "the plugin storage-s3",
            name, driver->description, (unsigned long long)size_hint >> 20);
    }
    struct hangar_put *put = calloc(1, sizeof(*put) + strlen(name) + 1);
    if (put) {
        put->driver = driver;
        put->flags = flags;
        put->fd = -1;
        put->buffer = malloc(BUFFER_SIZE);
        put->md5 = EVP_MD_CTX_new();
        memcpy(put->name, name, strlen(name) + 1);
    }
    if (!put || !put->buffer || !put->md5 || EVP_DigestInit_ex(put->md5, EVP_md5(), NULL) != 1) {
        if (put) {
            libs3_put_free(put);
        }
        return failure_raise_no_memory(driver->host, driver->ctx, "store %s", name);
    }
    *out = put;
    return HANGAR_OK;
}

enum hangar_rc libs3_put_write(struct hangar_put *put, const void *data, size_t size)
{
    struct driver *driver = put->driver;
    const unsigned char *next = data;
    if (size > OBJECT_MAX - put->size) {
        return driver->host->fail(
            driver->ctx, HANGAR_UNSUPPORTED, 0,
            "cannot store %s in %s: libs3 can store 5 GiB at most; hint: use the "
            "plugin storage-s3",
            put->name, driver->description);
    }
    if (driver_is_cancelled(driver)) {
        return driver->host->fail(driver->ctx, HANGAR_CANCELLED, 0, "cannot store %s: cancelled",
                                  put->name);
    }
    if (EVP_DigestUpdate(put->md5, data, size) != 1) {
        return driver->host->fail(driver->ctx, HANGAR_INTERNAL, 0, "cannot hash %s: OpenSSL failed",
                                  put->name);
    }
    put->size += size;
    while (size) {
        size_t n = BUFFER_SIZE - put->used < size ? BUFFER_SIZE - put->used : size;
        memcpy(put->buffer + put->used, next, n);
        put->used += n;
        next += n;
        size -= n;
        if (put->used == BUFFER_SIZE && size) {
            enum hangar_rc rc = libs3_put_flush(put);
            if (rc != HANGAR_OK) {
                return rc;
            }
        }
    }
    return HANGAR_OK;
}

void libs3_put_abort(struct hangar_put *put)
{
    libs3_put_free(put);
}

/* ------------------------------------------------------------------------ *
 * Sending
 * ------------------------------------------------------------------------ */

static int libs3_put_on_data(int size, char *buffer, void *data)
{
    struct call *call = data;
    struct libs3_upload *upload = call->data;
    struct hangar_put *put = upload->put;
    uint64_t left = put->size - upload->sent;
    size_t want = left < (uint64_t)size ? (size_t)left : (size_t)size;
    ssize_t n = 0;
    if (upload->sent < put->in_file) {
        if (want > put->in_file - upload->sent) {
            want = (size_t)(put->in_file - upload->sent);
        }
        do {
            n = pread(put->fd, buffer, want, (off_t)upload->sent);
        } while (n < 0 && errno == EINTR);
        if (n <= 0 && want) {
            return -1;
        }
    } else if (want) {
        memcpy(buffer, put->buffer + (upload->sent - put->in_file), want);
        n = (ssize_t)want;
    }
    upload->sent += (uint64_t)n;
    call_progress(call);
    return (int)n;
}

static void libs3_put_begin(struct call *call, S3RequestContext *context)
{
    struct libs3_upload *upload = call->data;
    struct hangar_put *put = upload->put;
    S3PutProperties properties = {.md5 = upload->md5, .expires = -1};
    S3PutObjectHandler handler = {call_handler, libs3_put_on_data};
    char key[KEY_SIZE];
    upload->sent = 0;
    driver_key(put->driver, put->name, key);
    S3_put_object(&put->driver->bucket, key, put->size, &properties, context,
                  LIBS3_HANDLER(&handler), call);
}

/* Compares what the store has with what was sent: libs3 may report a refusal without a body as a
 * success. */
static enum hangar_rc libs3_put_check_stored(struct hangar_put *put,
                                             const unsigned char md5[MD5_SIZE],
                                             struct hangar_entry *entry)
{
    struct driver *driver = put->driver;
    char hex[2 * MD5_SIZE + 1];
    for (int i = 0; i < MD5_SIZE; i++) {
        snprintf(hex + 2 * i, 3, "%02x", md5[i]);
    }
    enum hangar_rc rc = driver_head(driver, put->name, true, entry);
    if (rc != HANGAR_OK) {
        return rc == HANGAR_NOT_FOUND ? HANGAR_IO : rc;
    }
    if (entry->size == put->size && strcasecmp(entry->etag, hex) == 0) {
        return HANGAR_OK;
    }
    return driver->host->fail(
        driver->ctx, HANGAR_IO, 0,
        "cannot store %s in %s: the size or ETag of the stored object differs from what was sent; "
        "hint: if the store encrypts with a key service, use the plugin storage-s3",
        put->name, driver->description);
}

static enum hangar_rc libs3_put_send(struct hangar_put *put, struct hangar_entry *entry)
{
    struct driver *driver = put->driver;
    unsigned char md5[EVP_MAX_MD_SIZE];
    unsigned int md5_size = 0;
    struct libs3_upload upload = {.put = put};
    struct call call = {.driver = driver,
                        .verb = "store",
                        .name = put->name,
                        .data = &upload,
                        .missing_is_failure = true};
    if (EVP_DigestFinal_ex(put->md5, md5, &md5_size) != 1 || md5_size != MD5_SIZE) {
        return driver->host->fail(driver->ctx, HANGAR_INTERNAL, 0, "cannot hash %s: OpenSSL failed",
                                  put->name);
    }
    EVP_EncodeBlock((unsigned char *)upload.md5, md5, MD5_SIZE);
    enum hangar_rc rc = call_run(&call, libs3_put_begin, NULL);
    return rc != HANGAR_OK ? rc : libs3_put_check_stored(put, md5, entry);
}

/* libs3 has no conditional PUT, so this checks first that there is no object.  The mutex makes that
 * safe within this process, but not against other processes. */
static enum hangar_rc libs3_put_create(struct hangar_put *put, struct hangar_entry *entry)
{
    struct driver *driver = put->driver;
    struct hangar_entry there = {.struct_size = sizeof(there)};
    pthread_mutex_lock(&driver->creating);
    enum hangar_rc rc = driver_head(driver, put->name, false, &there);
    if (rc == HANGAR_NOT_FOUND) {
        rc = libs3_put_send(put, entry);
    } else if (rc == HANGAR_OK) {
        rc = driver->host->fail(driver->ctx, HANGAR_EXISTS, 0,
                                "cannot store %s in %s: the object exists already", put->name,
                                driver->description);
    }
    pthread_mutex_unlock(&driver->creating);
    return rc;
}

enum hangar_rc libs3_put_commit(struct hangar_put *put, struct hangar_entry *entry)
{
    enum hangar_rc rc = put->flags & HANGAR_PUT_CREATE_ONLY ? libs3_put_create(put, entry)
                                                            : libs3_put_send(put, entry);
    libs3_put_free(put);
    return rc;
}
