/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * call: one request through libs3, with repetitions.  libs3 itself has no timeout, cannot be
 * cancelled and repeats nothing, so this file drives a context of libs3 step by step.  It must not
 * know what a request is for.
 */
#include "driver.h"

#include <stdio.h>
#include <string.h>
#include <sys/select.h>

#include "clock.h"
#include "random.h"

#define TICK_MS 50 /* the interval in which a cancel is detected */
#define PAUSE_MIN_MS 500
#define PAUSE_MAX_MS 30000
#define UNREACHABLE_TRIES 4 /* of a store that never answered and cannot be connected to */
#define UNREACHABLE_MS 5000

bool driver_is_cancelled(struct driver *driver)
{
    return atomic_load(&driver->cancelled) || driver->host->cancelled(driver->ctx);
}

void call_progress(struct call *call)
{
    call->progress_ms = clock_monotonic_ms();
}

static S3Status call_on_properties(const S3ResponseProperties *properties, void *data)
{
    struct call *call = data;
    const char *etag = properties->eTag ? properties->eTag : "";
    size_t size = strlen(etag);
    call_progress(call);
    if (size >= 2 && *etag == '"' && etag[size - 1] == '"') {
        etag++;
        size -= 2;
    }
    snprintf(call->etag, sizeof(call->etag), "%.*s", (int)size, etag);
    call->length = properties->contentLength;
    call->modified_ms = properties->lastModified > 0 ? properties->lastModified * 1000 : 0;
    return S3StatusOK;
}

static void call_on_complete(S3Status status, const S3ErrorDetails *details, void *data)
{
    struct call *call = data;
    const char *message = details && details->message ? details->message : "";
    call->status = status;
    for (size_t i = 0; message[i] && i < sizeof(call->message) - 1; i++) {
        call->message[i] = message[i] >= ' ' && message[i] <= '~' ? message[i] : '?';
        call->message[i + 1] = '\0';
    }
}

const S3ResponseHandler call_handler = {call_on_properties, call_on_complete};

/* Returns a context with connections of earlier requests, or a new one; NULL: out of memory. */
static S3RequestContext *call_acquire_context(struct driver *driver)
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

static void call_release_context(struct driver *driver, S3RequestContext *context)
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

/* Waits until a socket is ready, TICK_MS at most. */
static void call_wait_for_sockets(S3RequestContext *context)
{
    fd_set in, out, error;
    int64_t ms = S3_get_request_context_timeout(context);
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&error);
    int last = -1;
    S3_get_request_context_fdsets(context, &in, &out, &error, &last);
    if (ms < 0 || ms > TICK_MS) {
        ms = TICK_MS;
    }
    if (last < 0 && ms > 5) { /* there is no socket yet, or one that select does not support */
        ms = 5;
    }
    struct timeval wait = {.tv_usec = (suseconds_t)(ms * 1000)};
    select(last + 1, &in, &out, &error, &wait);
}

/* Drives the context until the request has ended.  HANGAR_CANCELLED; HANGAR_RETRY: no byte was sent
 * or received for `timeout`. */
static enum hangar_rc call_drive(struct call *call, S3RequestContext *context)
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
        if (clock_monotonic_ms() - call->progress_ms > driver->timeout_ms) {
            return HANGAR_RETRY;
        }
        call_wait_for_sockets(context);
    }
}

/* One attempt.  HANGAR_OK: there is a status. */
static enum hangar_rc call_attempt(struct call *call, call_begin begin)
{
    struct driver *driver = call->driver;
    S3RequestContext *context = call_acquire_context(driver);
    if (!context) {
        return HANGAR_NO_MEMORY;
    }
    call->status = S3StatusOK;
    call->message[0] = call->problem[0] = call->etag[0] = '\0';
    call->length = 0;
    call->modified_ms = 0;
    call_progress(call);
    begin(call, context);
    enum hangar_rc rc = call_drive(call, context);
    if (rc != HANGAR_OK) {
        S3_destroy_request_context(context); /* ends the request, with callbacks */
        call->status = S3StatusConnectionFailed;
        snprintf(call->problem, sizeof(call->problem), "no byte was sent or received for %lld s",
                 (long long)driver->timeout_ms / 1000);
    } else {
        call_release_context(driver, context);
    }
    return rc == HANGAR_RETRY ? HANGAR_OK : rc;
}

/* Can the same request succeed later?  libs3 reports broken connections as InternalError. */
static bool call_is_temporary(S3Status status)
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

/* Records whether the store answers.  True: give up, because the store has never answered and
 * cannot be connected to.  Then a wrong address is more likely than a short outage, and a user may
 * be waiting for the message.  For a store that has answered before, all attempts are made. */
static bool call_is_unreachable(struct driver *driver, S3Status status, int attempts,
                                int64_t since_ms)
{
    bool broken = status == S3StatusConnectionFailed || status == S3StatusInternalError;
    bool unconnected = status == S3StatusNameLookupError || status == S3StatusFailedToConnect;
    if (!broken && !unconnected) {
        atomic_store(&driver->answered, true);
    }
    if (!unconnected || atomic_load(&driver->answered)) {
        return false;
    }
    if (attempts >= UNREACHABLE_TRIES || clock_monotonic_ms() - since_ms >= UNREACHABLE_MS) {
        atomic_store(&driver->given_up, true);
    }
    return atomic_load(&driver->given_up);
}

static enum hangar_rc call_rc_of_status(S3Status status)
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

static const char *call_hint(S3Status status)
{
    switch (status) {
    case S3StatusErrorRequestTimeTooSkewed:
        return "; hint: set the clock of this machine";
    case S3StatusErrorSignatureDoesNotMatch:
    case S3StatusHttpErrorForbidden:
#ifndef HANGAR_LIBS3_4
        return "; hint: check access_key_id and secret_access_key; a store that requires "
               "signatures of version 4 needs the plugin storage-s3";
#endif
    case S3StatusErrorInvalidAccessKeyId:
    case S3StatusErrorAccessDenied:
        return "; hint: check access_key_id, secret_access_key, and the rights of the key";
    case S3StatusErrorNoSuchBucket:
        return "; hint: create the bucket first";
    default:
        return "";
    }
}

static enum hangar_rc call_fail(struct call *call, int attempts)
{
    struct driver *driver = call->driver;
    enum hangar_rc rc = call_rc_of_status(call->status);
    const char *cause = *call->problem   ? call->problem
                        : *call->message ? call->message
                                         : S3_get_status_name(call->status);
    char times[40] = "";
    if (attempts > 1) {
        snprintf(times, sizeof(times), " (after %d attempts)", attempts);
    }
    if (rc == HANGAR_NOT_FOUND && !call->missing_is_failure) {
        return rc;
    }
    return driver->host->fail(driver->ctx, rc, 0, "cannot %s %s in %s: %s%s%s", call->verb,
                              call->name, driver->description, cause, times,
                              call_hint(call->status));
}

/* A random time between half and all of a pause that doubles with each attempt. */
static uint32_t call_pause_ms(int attempt_number)
{
    uint32_t most = PAUSE_MIN_MS, chance = 0;
    for (int i = 1; i < attempt_number && most < PAUSE_MAX_MS; i++) {
        most *= 2;
    }
    if (most > PAUSE_MAX_MS) {
        most = PAUSE_MAX_MS;
    }
    if (!random_fill(&chance, sizeof(chance))) {
        chance = 0;
    }
    return most / 2 + chance % (most / 2);
}

static enum hangar_rc call_fail_cancelled(struct call *call)
{
    return call->driver->host->fail(call->driver->ctx, HANGAR_CANCELLED, 0,
                                    "cannot %s %s: cancelled", call->verb, call->name);
}

enum hangar_rc call_run(struct call *call, call_begin begin, call_judge judge)
{
    struct driver *driver = call->driver;
    int64_t since_ms = clock_monotonic_ms(), deadline = since_ms + driver->deadline_ms;
    for (int number = 1;; number++) {
        enum hangar_rc rc = call_attempt(call, begin);
        if (rc == HANGAR_CANCELLED) {
            return call_fail_cancelled(call);
        }
        if (rc != HANGAR_OK) {
            return failure_raise_no_memory(driver->host, driver->ctx, "%s %s", call->verb,
                                           call->name);
        }
        if (call->status == S3StatusOK) {
            atomic_store(&driver->answered, true);
        }
        if (call->status == S3StatusOK && judge) {
            call->status = judge(call);
        }
        if (call->status == S3StatusOK) {
            return HANGAR_OK;
        }
        uint32_t wait = call_pause_ms(number);
        if (call_is_unreachable(driver, call->status, number, since_ms)) {
            return call_fail(call, number);
        }
        if (!call_is_temporary(call->status) || number > (int)driver->retries ||
            clock_monotonic_ms() + wait >= deadline) {
            return call_fail(call, number);
        }
        driver->host->log(driver->ctx, HANGAR_LOG_DEBUG,
                          "cannot %s %s: %s; the next attempt is in %u ms", call->verb, call->name,
                          S3_get_status_name(call->status), wait);
        if (driver->host->sleep(driver->ctx, wait) || driver_is_cancelled(driver)) {
            return call_fail_cancelled(call);
        }
    }
}
