/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * driver: an instance of the sink, and what the files of this plugin share.
 *
 *     storage-s3-libs3.c   options, the life of an instance, the descriptor
 *     probe.c              tests the store ──► put.c, get.c, object.c
 *     put.c, get.c         store and read an object ──► object.c, call.c
 *     list.c               lists names ──► object.c, call.c
 *     object.c             names and keys, HEAD, DELETE ──► call.c
 *     call.c               one request through libs3
 *
 * libs3 reports some failures as success, seen with version 2.0: an answer that was cut short (to
 * GET: fewer bytes, to a listing: fewer entries), and <Error> in an answer of status 200.  So each
 * result is checked a second time: the bytes of a GET are compared with the size from HEAD, HEAD
 * follows each PUT, and a listing is repeated until two consecutive answers are the same.
 */
#ifndef STORAGE_S3_LIBS3_DRIVER_H
#define STORAGE_S3_LIBS3_DRIVER_H

#include <libs3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <hangar/plugin.h>

#include "failure.h"

/* The library that this was compiled with, and the last arguments of its calls: version 4 has a
 * timeout before the handler, 0 for none. */
#ifdef HANGAR_LIBS3_4
#define LIBRARY "libs3 4"
#define LIBS3_HANDLER(handler) 0, (handler)
#else
#define LIBRARY "libs3 2"
#define LIBS3_HANDLER(handler) (handler)
#endif

#define NAME_MAX_BYTES 500
#define KEY_SIZE (S3_MAX_KEY_SIZE + 1)
#define IDLE_CONTEXTS 8                /* contexts with open connections for later requests */
#define OBJECT_MAX ((uint64_t)5 << 30) /* the limit of one PUT */

struct driver {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    S3BucketContext bucket;
    char *hostname, *description, *prefix; /* the prefix is "" or ends in "/" */
    unsigned retries;
    int64_t timeout_ms, deadline_ms;
    uint64_t spool_max;
    atomic_bool cancelled;
    atomic_bool answered;     /* the store has answered at least once */
    atomic_bool given_up;     /* it never did, and one request has used up the attempts for all */
    pthread_mutex_t creating; /* held by a create-only put */
    pthread_mutex_t mutex;    /* guards all that follows */
    S3RequestContext *idle[IDLE_CONTEXTS];
    size_t idle_count;
    uint64_t spooled, quota; /* bytes in temporary files; bytes granted for them */
};

/* call.c */

/* A request and its answer. */
struct call {
    struct driver *driver;
    const char *verb, *name; /* for messages: "cannot <verb> <name>" */
    bool missing_is_failure; /* a missing object is passed to host->fail */
    void *data;              /* for the callbacks of the caller */

    S3Status status;
    char message[256];   /* of the store; "": none */
    char problem[128];   /* why `judge` refused a success; "": it did not */
    int64_t progress_ms; /* when the last byte was sent or received */
    uint64_t length;
    int64_t modified_ms; /* 0: unknown */
    char etag[128];      /* without quotes; "": unknown */
};

/* Begins the request in the context.  Its handler must contain call_handler, and the callback data
 * must be the call. */
typedef void (*call_begin)(struct call *call, S3RequestContext *context);
/* Checks the answer to a success: S3StatusOK, or another status with the reason in
 * call->problem. */
typedef S3Status (*call_judge)(struct call *call);

extern const S3ResponseHandler call_handler;

/* Sends the request, and repeats it after a temporary failure.  `judge` may be NULL.  A failure is
 * passed to host->fail. */
enum hangar_rc call_run(struct call *call, call_begin begin, call_judge judge);
/* Callbacks call it when bytes were sent or received. */
void call_progress(struct call *call);
bool driver_is_cancelled(struct driver *driver);

/* object.c */

/* The key of a name. */
void driver_key(const struct driver *driver, const char *name, char key[KEY_SIZE]);
/* Refuses a name that the core cannot have given. */
enum hangar_rc driver_check_name(struct driver *driver, const char *name);
bool driver_is_name(const char *name);

/* HEAD.  HANGAR_NOT_FOUND is passed to host->fail only with `missing_is_failure`. */
enum hangar_rc driver_head(struct driver *driver, const char *name, bool missing_is_failure,
                           struct hangar_entry *entry);

enum hangar_rc libs3_stat(void *inst, const char *name, struct hangar_entry *entry);
enum hangar_rc libs3_remove(void *inst, const char *name);

/* put.c */
enum hangar_rc libs3_put_open(void *inst, const char *name, uint64_t size_hint, uint32_t flags,
                              struct hangar_put **out);
enum hangar_rc libs3_put_write(struct hangar_put *put, const void *data, size_t size);
enum hangar_rc libs3_put_commit(struct hangar_put *put, struct hangar_entry *entry);
void libs3_put_abort(struct hangar_put *put);

/* get.c */
enum hangar_rc libs3_get_open(void *inst, const char *name, uint64_t offset,
                              struct hangar_get **out);
enum hangar_rc libs3_get_read(struct hangar_get *get, void *buffer, size_t size, size_t *got);
void libs3_get_close(struct hangar_get *get);

/* probe.c */
enum hangar_rc libs3_probe(void *inst, struct hangar_attrs *capabilities);

/* list.c */
enum hangar_rc libs3_list(void *inst, struct hangar_page *page);

#endif
