/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * driver.h: what the files of this plugin share.  call.c makes one request through
 * libs3, put.c stores, get.c reads, list.c lists, storage-s3-libs3.c is the plugin's
 * border.
 *
 * libs3 takes some failures for success, seen with version 2.0: an answer that was cut
 * short (to GET: fewer bytes, to a listing: fewer entries), and <Error> in a 200.  So
 * nothing is believed that is not seen twice: a GET is counted against the size that HEAD
 * gave, a PUT is looked at by HEAD afterwards, and a listing is asked for until two
 * answers in a row are the same.
 */
#ifndef DRIVER_H
#define DRIVER_H

#include <libs3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <hangar/plugin.h>

/* The end of the arguments of a call: version 4 has a timeout there, 0 for none. */
#ifdef HANGAR_LIBS3_4
#define LIBS3_HANDLER(handler) 0, (handler)
#else
#define LIBS3_HANDLER(handler) (handler)
#endif

#define NAME_MAX_BYTES 500
#define KEY_SIZE (S3_MAX_KEY_SIZE + 1)
#define IDLE_CONTEXTS 8                /* connections kept for the next request */
#define OBJECT_MAX ((uint64_t)5 << 30) /* what one PUT may store */

struct driver {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    S3BucketContext bucket;
    char *hostname, *description, *prefix; /* the prefix is "" or ends in "/" */
    unsigned retries;
    int64_t timeout_ms, deadline_ms;
    uint64_t spool_max;
    atomic_bool cancelled;
    atomic_bool heard;        /* the store has answered something */
    atomic_bool given_up;     /* it never did, and one request has tried long enough for all */
    pthread_mutex_t creating; /* held by a put that may create only */
    pthread_mutex_t mutex;    /* of what follows */
    S3RequestContext *idle[IDLE_CONTEXTS];
    size_t idle_count;
    uint64_t spooled, quota; /* bytes in temporary files; that may be there */
};

/* call.c */

/* A request, and what is known of its answer. */
struct call {
    struct driver *driver;
    const char *verb, *name; /* for the failure: "cannot <verb> <name>" */
    bool missing_is_told;    /* HANGAR_NOT_FOUND is recorded as a failure */
    void *data;              /* of the callbacks */

    S3Status status;
    char message[256]; /* of the store, "" when it said nothing */
    char problem[128]; /* why `judge` refused a success */
    int64_t moved_ms;  /* when something moved */
    uint64_t length;
    int64_t modified_ms; /* 0: unknown */
    char etag[128];      /* without quotes, "": unknown */
};

/* Begins the request in the context, with call_handler in its handler and the call as
 * callback data. */
typedef void (*call_begin)(struct call *call, S3RequestContext *context);
/* Is the answer one?  S3StatusOK, or a status, with the reason in call->problem.  May
 * be NULL. */
typedef S3Status (*call_judge)(struct call *call);

extern const S3ResponseHandler call_handler;

/* Makes the request, again after what passes; a failure is recorded. */
enum hangar_rc call_run(struct call *call, call_begin begin, call_judge judge);
/* Something has moved: for callbacks. */
void call_moved(struct call *call);
bool driver_is_cancelled(struct driver *driver);
int64_t driver_now_ms(void);

/* The key of a name. */
void driver_key(const struct driver *driver, const char *name, char key[KEY_SIZE]);
enum hangar_rc driver_check_name(struct driver *driver, const char *name);
bool driver_is_name(const char *name);

/* HEAD; HANGAR_NOT_FOUND is recorded only with `missing_is_told`. */
enum hangar_rc driver_head(struct driver *driver, const char *name, bool missing_is_told,
                           struct hangar_entry *entry);

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

/* list.c */
enum hangar_rc libs3_list(void *inst, struct hangar_page *page);

#endif
