/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * call: one request through libs3, as often as it takes.  libs3 itself waits without
 * an end, cannot be cancelled and tries nothing again; so requests run in a context of
 * it that is driven here.  It knows nothing of what is asked.
 */
#include "driver.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/select.h>
#include <time.h>

#define TICK_MS 50 /* how often cancelling is looked for */
#define FIRST_PAUSE_MS 500
#define LAST_PAUSE_MS 30000
#define NOBODY_TRIES 4 /* of a store that was never heard, and seems not to be there */
#define NOBODY_MS 5000

int64_t driver_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool driver_is_cancelled(struct driver *driver)
{
    return atomic_load(&driver->cancelled) || driver->host->cancelled(driver->ctx);
}

void call_moved(struct call *call)
{
    call->moved_ms = driver_now_ms();
}

static S3Status on_properties(const S3ResponseProperties *properties, void *data)
{
    struct call *call = data;
    const char *etag = properties->eTag ? properties->eTag : "";
    size_t size = strlen(etag);
    call_moved(call);
    if (size >= 2 && *etag == '"' && etag[size - 1] == '"') {
        etag++;
        size -= 2;
    }
    snprintf(call->etag, sizeof(call->etag), "%.*s", (int)size, etag);
    call->length = properties->contentLength;
    call->modified_ms = properties->lastModified > 0 ? properties->lastModified * 1000 : 0;
    return S3StatusOK;
}

static void on_complete(S3Status status, const S3ErrorDetails *details, void *data)
{
    struct call *call = data;
    const char *message = details && details->message ? details->message : "";
    call->status = status;
    for (size_t i = 0; message[i] && i < sizeof(call->message) - 1; i++) {
        call->message[i] = message[i] >= ' ' && message[i] <= '~' ? message[i] : '?';
        call->message[i + 1] = '\0';
    }
}

const S3ResponseHandler call_handler = {on_properties, on_complete};

/* A context with connections of earlier requests, or a new one. */
static S3RequestContext *take_context(struct driver *driver)
{
    S3RequestContext *context = NULL;
    pthread_mutex_lock(&driver->mutex);
    if (driver->idle_count) {
        context = driver->idle[--driver->idle_count];
    }
    pthread_mutex_unlock(&driver->mutex);
    if (!context && S3_create_request_context(&context) != S3StatusOK) {
        return NULL;
    }
    return context;
}

static void give_context(struct driver *driver, S3RequestContext *context)
{
    pthread_mutex_lock(&driver->mutex);
    bool room = driver->idle_count < IDLE_CONTEXTS;
    if (room) {
        driver->idle[driver->idle_count++] = context;
    }
    pthread_mutex_unlock(&driver->mutex);
    if (!room) {
        S3_destroy_request_context(context);
    }
}

/* Sleeps until something can be read or written, and not for long. */
static void wait_for_sockets(S3RequestContext *context)
{
    fd_set in, out, error;
    int last = -1;
    int64_t ms = S3_get_request_context_timeout(context);
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&error);
    S3_get_request_context_fdsets(context, &in, &out, &error, &last);
    if (ms < 0 || ms > TICK_MS) {
        ms = TICK_MS;
    }
    if (last < 0 && ms > 5) { /* there is no socket yet, or one that select cannot take */
        ms = 5;
    }
    struct timeval wait = {.tv_usec = (suseconds_t)(ms * 1000)};
    select(last + 1, &in, &out, &error, &wait);
}

/* Drives the context until the request is done; HANGAR_CANCELLED, or HANGAR_RETRY when
 * nothing has moved for too long. */
static enum hangar_rc drive(struct call *call, S3RequestContext *context)
{
    struct driver *driver = call->driver;
    for (;;) {
        int left = 0;
        S3Status status = S3_runonce_request_context(context, &left);
        if (status != S3StatusOK) {
            call->status = status;
        }
        if (status != S3StatusOK || !left) {
            return HANGAR_OK;
        }
        if (driver_is_cancelled(driver)) {
            return HANGAR_CANCELLED;
        }
        if (driver_now_ms() - call->moved_ms > driver->timeout_ms) {
            return HANGAR_RETRY;
        }
        wait_for_sockets(context);
    }
}

/* One attempt.  HANGAR_OK: there is a status. */
static enum hangar_rc attempt(struct call *call, call_begin begin)
{
    struct driver *driver = call->driver;
    S3RequestContext *context = take_context(driver);
    if (!context) {
        return HANGAR_NO_MEMORY;
    }
    call->status = S3StatusOK;
    call->message[0] = call->problem[0] = call->etag[0] = '\0';
    call->length = 0;
    call->modified_ms = 0;
    call_moved(call);
    begin(call, context);
    enum hangar_rc rc = drive(call, context);
    if (rc != HANGAR_OK) {
        S3_destroy_request_context(context); /* ends the request, with callbacks */
        call->status = S3StatusConnectionFailed;
        snprintf(call->problem, sizeof(call->problem), "nothing moved for %lld s",
                 (long long)driver->timeout_ms / 1000);
    } else {
        give_context(driver, context);
    }
    return rc == HANGAR_RETRY ? HANGAR_OK : rc;
}

/* May the same request succeed a moment later?  InternalError is what libs3 makes of
 * connections that break. */
static bool passes(S3Status status)
{
    switch (status) {
    case S3StatusInternalError:
    case S3StatusNameLookupError:
    case S3StatusFailedToConnect:
    case S3StatusConnectionFailed:
    case S3StatusErrorBadDigest:
    case S3StatusErrorIncompleteBody:
    case S3StatusErrorInternalError:
    case S3StatusErrorOperationAborted:
    case S3StatusErrorRequestTimeout:
    case S3StatusErrorSlowDown:
    case S3StatusErrorUnknown:
    case S3StatusHttpErrorUnknown:
        return true;
    default:
        return S3_status_is_retryable(status);
    }
}

/* Nobody is there.  From the beginning that is more likely a wrong name than a bad moment,
 * and somebody may be waiting to be told; a store that did answer is worth all the tries. */
static bool is_vain(struct driver *driver, S3Status status, int attempts, int64_t since_ms)
{
    bool broken = status == S3StatusConnectionFailed || status == S3StatusInternalError;
    bool nobody = status == S3StatusNameLookupError || status == S3StatusFailedToConnect;
    if (!broken && !nobody) {
        atomic_store(&driver->heard, true);
    }
    if (!nobody || atomic_load(&driver->heard)) {
        return false;
    }
    if (attempts >= NOBODY_TRIES || driver_now_ms() - since_ms >= NOBODY_MS) {
        atomic_store(&driver->given_up, true);
    }
    return atomic_load(&driver->given_up);
}

static enum hangar_rc rc_of(S3Status status)
{
    switch (status) {
    case S3StatusOutOfMemory:
        return HANGAR_NO_MEMORY;
    case S3StatusErrorNoSuchKey:
    case S3StatusHttpErrorNotFound:
        return HANGAR_NOT_FOUND;
    case S3StatusErrorNoSuchBucket:
    case S3StatusErrorInvalidBucketName:
    case S3StatusErrorPermanentRedirect:
        return HANGAR_CONFIG;
    case S3StatusErrorAccessDenied:
    case S3StatusErrorAccountProblem:
    case S3StatusErrorExpiredToken:
    case S3StatusErrorInvalidAccessKeyId:
    case S3StatusErrorInvalidSecurity:
    case S3StatusErrorInvalidToken:
    case S3StatusErrorNotSignedUp:
    case S3StatusErrorRequestTimeTooSkewed:
    case S3StatusErrorSignatureDoesNotMatch:
    case S3StatusHttpErrorForbidden:
        return HANGAR_AUTH;
    case S3StatusErrorEntityTooLarge:
    case S3StatusErrorNotImplemented:
    case S3StatusErrorMethodNotAllowed:
        return HANGAR_UNSUPPORTED;
    default:
        return HANGAR_IO;
    }
}

static const char *hint_of(S3Status status)
{
    switch (status) {
    case S3StatusErrorRequestTimeTooSkewed:
        return "; hint: set the clock";
    case S3StatusErrorSignatureDoesNotMatch:
    case S3StatusHttpErrorForbidden:
#ifndef HANGAR_LIBS3_4
        return "; hint: access_key_id, secret_access_key; a store that takes signatures of version "
               "4 alone needs the plugin storage-s3";
#endif
    case S3StatusErrorInvalidAccessKeyId:
    case S3StatusErrorAccessDenied:
        return "; hint: access_key_id, secret_access_key, and what they may do";
    case S3StatusErrorNoSuchBucket:
        return "; hint: make the bucket first";
    default:
        return "";
    }
}

static enum hangar_rc fail(struct call *call, int attempts)
{
    struct driver *driver = call->driver;
    enum hangar_rc rc = rc_of(call->status);
    const char *cause = *call->problem   ? call->problem
                        : *call->message ? call->message
                                         : S3_get_status_name(call->status);
    char times[40] = "";
    if (attempts > 1) {
        snprintf(times, sizeof(times), " (tried %d times)", attempts);
    }
    if (rc == HANGAR_NOT_FOUND && !call->missing_is_told) {
        return rc;
    }
    return driver->host->fail(driver->ctx, rc, 0, "cannot %s %s in %s: %s%s%s", call->verb,
                              call->name, driver->description, cause, times, hint_of(call->status));
}

/* Between half and the whole of a time that doubles. */
static uint32_t pause_ms(int attempt_number)
{
    uint32_t most = FIRST_PAUSE_MS, chance = 0;
    for (int i = 1; i < attempt_number && most < LAST_PAUSE_MS; i++) {
        most *= 2;
    }
    if (most > LAST_PAUSE_MS) {
        most = LAST_PAUSE_MS;
    }
    if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) != (ssize_t)sizeof(chance)) {
        chance = 0;
    }
    return most / 2 + chance % (most / 2);
}

static enum hangar_rc fail_cancelled(struct call *call)
{
    return call->driver->host->fail(call->driver->ctx, HANGAR_CANCELLED, 0,
                                    "cannot %s %s: cancelled", call->verb, call->name);
}

enum hangar_rc call_run(struct call *call, call_begin begin, call_judge judge)
{
    struct driver *driver = call->driver;
    int64_t since_ms = driver_now_ms(), deadline = since_ms + driver->deadline_ms;
    for (int number = 1;; number++) {
        enum hangar_rc rc = attempt(call, begin);
        if (rc == HANGAR_CANCELLED) {
            return fail_cancelled(call);
        }
        if (rc != HANGAR_OK) {
            return driver->host->fail(driver->ctx, rc, 0, "cannot %s %s: out of memory", call->verb,
                                      call->name);
        }
        if (call->status == S3StatusOK) {
            atomic_store(&driver->heard, true);
        }
        if (call->status == S3StatusOK && judge) {
            call->status = judge(call);
        }
        if (call->status == S3StatusOK) {
            return HANGAR_OK;
        }
        uint32_t wait = pause_ms(number);
        if (is_vain(driver, call->status, number, since_ms)) {
            return fail(call, number);
        }
        if (!passes(call->status) || number > (int)driver->retries ||
            driver_now_ms() + wait >= deadline) {
            return fail(call, number);
        }
        driver->host->log(driver->ctx, HANGAR_LOG_DEBUG, "cannot %s %s yet: %s; again in %u ms",
                          call->verb, call->name, S3_get_status_name(call->status), wait);
        if (driver->host->sleep(driver->ctx, wait) || driver_is_cancelled(driver)) {
            return fail_cancelled(call);
        }
    }
}
