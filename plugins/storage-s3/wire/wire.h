/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * wire: sends requests to the store.  The caller describes a request once (struct s3_request)
 * and calls s3_send, which signs each attempt anew, repeats it after a temporary failure, and
 * returns the final answer (struct s3_answer).  The wire handles HTTP, signatures and the error
 * codes of S3; it must not know what a request is for.
 *
 *     request.c   s3_send: attempts, the pauses between them, the deadline
 *     attempt.c   one attempt on one channel: curl, headers, bodies, stalls
 *     answer.c    the meaning of an answer: success, temporary or final failure
 *     channel.c   channels (open connections), the limits of requests and bandwidth, cancelling
 *     pool.c      memory for the parts of large objects, from the budget of the job (pool.h)
 *     workers.c   threads that send parts (workers.h)
 *
 * A channel belongs to one thread at a time.  What threads share is in struct s3_wire, under its
 * mutex.
 *
 * Functions record a failure in a struct failure and not with host->fail, because many requests
 * run on threads of the plugin, where host->fail has no effect.  The function that the core
 * called raises it.
 */
#ifndef S3_WIRE_WIRE_H
#define S3_WIRE_WIRE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <curl/curl.h>
#include <hangar/plugin.h>

#include "failure.h"
#include "format/sign.h"
#include "format/xml.h"
#include "keys/credentials.h"
#include "settings.h"
#include "text.h"

#define S3_TAG_SIZE 128 /* bytes of an ETag without its quotes, with its NUL */
#define S3_MARK_SIZE 33 /* bytes of the mark of a put (see sink/upload.c), with its NUL */
#define S3_MARK_HEADER "x-amz-meta-hangar-put"

struct s3_request {
    const char *method;
    const char *key; /* NULL: the request is for the bucket */
    const struct s3_pair *query;
    size_t query_count;
    const struct s3_pair *headers; /* names in lower case; one with NULL as name or value is
                                    * skipped */
    size_t header_count;
    const void *body;
    size_t body_size;
    bool md5;                /* send Content-MD5, whatever other digest is sent */
    bool object_data;        /* the body is that of an object and gets the option's checksum */
    bool slow;               /* the store may work for minutes before it answers */
    bool few_tries;          /* a user waits for a first result: at most 3 attempts */
    bool cleanup;            /* also sent after s3_wire_cancel, for 10 s at most */
    const atomic_bool *stop; /* the caller sets it to end the request; may be NULL */
    /* The body of a success is ignored, unless one of these functions is set. */
    const char *root;           /* the body is XML, and this its outermost element ... */
    s3_xml_element *on_element; /* ... whose elements this receives */
    /* Receives the bytes.  Returns how many it consumed, or CURL_WRITEFUNC_PAUSE. */
    size_t (*on_data)(void *arg, const char *data, size_t size);
    void *arg; /* of either */
};

/* The answer to an attempt.  A text is "" and a number 0 where the answer had none. */
struct s3_answer {
    long status; /* of HTTP; 0: no answer arrived */
    CURLcode curl;
    bool stalled, xml_bad;
    bool too_large;   /* more bytes than any valid answer has */
    bool unconnected; /* the attempt ended before there was a connection */
    char problem[CURL_ERROR_SIZE];
    char etag[S3_TAG_SIZE], version[128], mark[S3_MARK_SIZE], region[65], sse[32];
    char code[64], message[256]; /* of an <Error>, printable characters only */
    bool has_length;
    uint64_t length;      /* of the body */
    uint64_t full_length; /* of the object, when the request was for a range of it */
    int64_t modified_ms, date_ms, retry_after_ms;
    char checksum[S3_CHECKSUM_SIZE]; /* that the store computed of the body it received */
    /* Digests that the request carried; "" where it carried none. */
    char sent_md5[S3_MD5_HEX], sent_checksum[S3_CHECKSUM_SIZE];
    bool sent_checksum_only; /* nothing but the checksum protected the body */
};

struct s3_wire;

struct s3_channel {
    struct s3_wire *wire;
    CURL *easy;
    CURLM *multi; /* holds the connection */
    struct s3_channel *next_free, *next;
    struct s3_day_key day;
    curl_socket_t fd; /* of the newest connection */
    /* The attempt in progress. */
    const struct s3_request *request;
    struct s3_answer *answer;
    struct s3_xml *xml; /* NULL: the body is not XML */
    struct curl_slist *headers;
    struct text error_body;
    size_t sent;         /* bytes of the request's body */
    size_t received;     /* bytes of the answer's body, unless they are the data of an object */
    int64_t progress_ms; /* when the last byte was sent or received */
    int64_t until_ms;    /* the attempt ends then; 0: only a stall ends it */
    bool added, over, paused, in_body;
};

/* What is known about one ability of the store. */
enum s3_support { S3_UNKNOWN, S3_YES, S3_NO };

/* Has the store ever answered this instance?  S3_GIVEN_UP: no, and one request has used up the
 * attempts for all. */
enum s3_contact { S3_NO_ANSWER_YET, S3_GIVEN_UP, S3_ANSWERED };

struct s3_wire {
    /* Set by the caller of s3_wire_init; they must outlive the wire. */
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    const struct s3_settings *set;
    struct s3_credentials *credentials;

    atomic_bool cancelled; /* only ever set */
    atomic_int checksums;  /* enum s3_support: does the store compare the option's checksum? */
    /* The mutex guards all that follows. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct s3_channel *all, *free;
    double permits;   /* how many requests may run at once; see s3_permit_acquire */
    unsigned running; /* requests */
    int64_t halved_ms;
    enum s3_contact contact;
    double bandwidth_ms; /* the bandwidth is used up until then */
    int64_t skew_s;      /* the clock of the store minus the clock of this machine */
    int64_t alive_ms;
};

bool s3_wire_init(struct s3_wire *wire); /* false: out of memory */
void s3_wire_fini(struct s3_wire *wire); /* no request may be in progress */
/* Ends all requests and waits, now and later, except those with `cleanup`. */
void s3_wire_cancel(struct s3_wire *wire);
/* Has s3_wire_cancel, or `stop` of the request, ended it? */
bool s3_is_unwanted(struct s3_wire *wire, const struct s3_request *request);
/* Wakes all waiting requests; the caller has set a `stop`. */
void s3_wire_wake(struct s3_wire *wire);
/* HANGAR_CANCELLED as soon as the request is not wanted any more. */
enum hangar_rc s3_wire_sleep(struct s3_wire *wire, const struct s3_request *request, int64_t ms);
/* Milliseconds since 1970, by the clock of the store where it is known. */
int64_t s3_time_ms(struct s3_wire *wire);

/* channel.c */
enum hangar_rc s3_channel_acquire(struct s3_wire *wire, struct s3_channel **out,
                                  struct failure *failure);
void s3_channel_release(struct s3_channel *channel);
/* Waits until the request may run: at most `concurrency` of them run at once, half as many after
 * the store reported overload, and slowly more again.  A reader of a stream needs no permit, as
 * it reads at the pace of its caller. */
enum hangar_rc s3_permit_acquire(struct s3_wire *wire, const struct s3_request *request,
                                 struct failure *failure);
enum s3_load { S3_LOAD_UNKNOWN, S3_LOAD_NORMAL, S3_LOAD_TOO_HIGH };
void s3_permit_release(struct s3_wire *wire, enum s3_load load);
/* May bytes be sent or received now? */
bool s3_bandwidth_available(struct s3_wire *wire);
void s3_bandwidth_spend(struct s3_wire *wire, size_t bytes);
/* Reports progress to the core, at most once a second. */
void s3_report_alive(struct s3_wire *wire);

/* Digests that are sent with a body. */
struct s3_hashes {
    char payload[S3_SHA256_HEX];                     /* for x-amz-content-sha256 */
    char md5[S3_MD5_HEX], md5_base64[S3_MD5_BASE64]; /* "": not needed */
    char checksum[S3_CHECKSUM_SIZE];                 /* of the option's kind; "": not needed */
};

/* attempt.c
 *
 *     s3_attempt_begin ──► s3_attempt_step* ──► s3_attempt_end
 *
 * A step sends and receives what it can, then waits for more, `ms` at most.  When
 * channel->over is true, the attempt has ended and the answer is complete. */
enum hangar_rc s3_attempt_begin(struct s3_channel *channel, const struct s3_request *request,
                                const struct s3_keys *keys, const struct s3_hashes *hashes,
                                struct s3_answer *answer, struct failure *failure);
void s3_attempt_step(struct s3_channel *channel, int ms);
/* Ends the attempt as one that stalled. */
void s3_attempt_give_up(struct s3_channel *channel);
void s3_attempt_end(struct s3_channel *channel);

/* answer.c */
enum s3_verdict { S3_SUCCESS, S3_TEMPORARY, S3_FINAL };
struct s3_judgement {
    enum s3_verdict verdict;
    enum hangar_rc rc;
    enum s3_load load;
    bool skew, keys, digest; /* the cause of a temporary failure; each allows one repetition */
};
struct s3_judgement s3_judge(const struct s3_answer *answer);
/* Reads the <Error> of a body into the answer. */
void s3_answer_read_error(struct s3_answer *answer, const char *body, size_t size);
/* Records "cannot <action>: <cause>; hint: ...". */
void s3_answer_report(const struct s3_wire *wire, const struct s3_answer *answer,
                      const char *action, unsigned attempts, struct failure *failure,
                      enum hangar_rc rc);

/* request.c */

/* One request with all its attempts.
 *
 *     s3_exchange_init ──► (s3_exchange_begin ──► steps ──► s3_exchange_judge)* ──► fini
 *
 * s3_send does all of it; a reader of a stream does the steps itself. */
struct s3_exchange {
    struct s3_wire *wire;
    const struct s3_request *request;
    const char *action;
    unsigned attempts, max_attempts;
    int64_t since_ms, until_ms;
    bool skew_corrected, keys_renewed, digest_repeated;
    struct s3_hashes hashes;
    struct s3_keys keys; /* of the attempt in progress */
    struct s3_xml *xml;  /* NULL: the answer is not XML */
};

enum hangar_rc s3_exchange_init(struct s3_exchange *exchange, struct s3_wire *wire,
                                const struct s3_request *request, const char *action,
                                struct failure *failure);
/* Begins the next attempt. */
enum hangar_rc s3_exchange_begin(struct s3_exchange *exchange, struct s3_channel *channel,
                                 struct s3_answer *answer, struct failure *failure);
/* After an attempt.  HANGAR_RETRY: the pause is over, and the next attempt must begin; else the
 * result of s3_send. */
enum hangar_rc s3_exchange_judge(struct s3_exchange *exchange, struct s3_answer *answer,
                                 struct failure *failure);
/* Wipes the keys.  Accepts an exchange of zeros, and one whose init failed. */
void s3_exchange_fini(struct s3_exchange *exchange);

/* Sends a request until there is a final answer.  `action` completes "cannot <action>: <cause>".
 * HANGAR_OK: the status is 2xx, and the body was read to its end where it is needed.  The caller
 * judges some refusals itself; for these nothing is recorded in `error`: HANGAR_NOT_FOUND for 404
 * (but not for a missing bucket), HANGAR_EXISTS for 412, HANGAR_UNSUPPORTED for 405 and 501,
 * HANGAR_EOF for 416.  Every other failure is recorded.  *answer is always written. */
enum hangar_rc s3_send(struct s3_wire *wire, const struct s3_request *request, const char *action,
                       struct s3_answer *answer, struct failure *failure);

#endif
