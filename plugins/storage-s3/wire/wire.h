/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * wire: requests to the store.  A request is described once (struct s3_request) and sent
 * with s3_send, which signs each attempt anew, repeats what failed for a passing reason,
 * and says in the end what came of it (struct s3_answer).  It knows HTTP, signatures and
 * the errors of S3; it does not know what the requests are for.
 *
 *     request.c   s3_send: attempts, pauses between them, the deadline
 *     attempt.c   one attempt on one channel: curl, headers, bodies, stalls
 *     channel.c   the channels (a connection that stays open), how many requests run at
 *                 once, the bandwidth, cancelling
 *     answer.c    what an answer means: done, once more, or never
 *
 * A channel is used by one thread at a time.  All that instances share between threads
 * is in struct s3_wire, under its mutex.
 *
 * Failures are told in a struct s3_error, as many requests run on threads of our own,
 * where host->fail is not heard; whoever was called by the core raises it (s3_raise).
 */
#ifndef S3_WIRE_H
#define S3_WIRE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <curl/curl.h>
#include <hangar/plugin.h>

#include "keys/credentials.h"
#include "settings.h"
#include "format/sign.h"
#include "text.h"
#include "format/xml.h"

#define S3_TAG_SIZE 128 /* of an etag, without its quotes */
#define S3_MARK_SIZE 33 /* of the mark that each put leaves in what it stores */
#define S3_MARK_HEADER "x-amz-meta-hangar-put"

struct s3;

struct s3_error {
    enum hangar_rc rc; /* HANGAR_OK: none */
    char text[1024];
};

/* Notes a failure, and returns its code.  Of several the first stays. */
enum hangar_rc s3_error_set(struct s3_error *error, enum hangar_rc rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

struct s3_request {
    const char *method;
    const char *key; /* NULL: the bucket */
    const struct s3_pair *query;
    size_t query_count;
    const struct s3_pair *headers; /* names in lower case; NULL as name or value: left out */
    size_t header_count;
    const void *body;
    size_t body_size;
    bool md5;                /* the service wants Content-MD5, whatever else is sent */
    bool data;               /* the body is that of an object, and has a checksum */
    bool slow;               /* the store may think for minutes before it answers */
    bool hasty;              /* somebody waits for a first impression: few repetitions */
    bool parting;            /* cleans up, also when all else is cancelled, and within seconds */
    const atomic_bool *stop; /* once true, the request is not wanted any more; may be NULL */
    struct s3_xml *xml;      /* reads the body of a success, which is ignored without */
    /* Takes the body of a success instead: how much it took, or CURL_WRITEFUNC_PAUSE. */
    size_t (*stream)(void *arg, const char *data, size_t size);
    void *stream_arg;
};

/* What came back.  Texts are "" and numbers 0 where nothing did. */
struct s3_answer {
    long status; /* of HTTP; 0: no answer came */
    CURLcode curl;
    bool stalled, xml_bad;
    bool unconnected; /* it was over before there was a connection */
    char problem[CURL_ERROR_SIZE];
    char etag[S3_TAG_SIZE], version[128], mark[S3_MARK_SIZE], region[65], sse[32];
    char code[64], message[256]; /* of an <Error>, made printable */
    bool has_length;
    uint64_t length; /* of the body */
    uint64_t whole;  /* of the object, when a range of it was asked for */
    int64_t modified_ms, date_ms, retry_after_ms;
    char checksum[S3_CHECKSUM_SIZE]; /* that the store made of the body sent */
    /* of the body sent: "" when others went along */
    char sent_md5[S3_MD5_HEX], sent_checksum[S3_CHECKSUM_SIZE];
    bool sent_bare; /* nothing but the checksum covered it */
};

struct s3_channel {
    struct s3 *s3;
    CURL *easy;
    CURLM *multi; /* which keeps the connection */
    struct s3_channel *next_free, *next;
    struct s3_day_key day;
    curl_socket_t fd; /* that was opened last */
    /* of the attempt under way */
    const struct s3_request *request;
    struct s3_answer *answer;
    struct curl_slist *headers;
    struct text error_body;
    size_t sent;
    int64_t moved_ms; /* when the last byte went or came */
    int64_t until_ms; /* the attempt ends then at the latest; 0: when it stalls */
    bool added, over, paused, in_body;
};

/* Has the store ever answered this instance?  S3_GIVEN_UP: it never did, and one request has
 * tried long enough for all. */
enum s3_contact { S3_NEVER_HEARD, S3_GIVEN_UP, S3_HEARD };

/* Under `mutex`, but for `cancelled`, which is only ever set. */
struct s3_wire {
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* of the monotonic clock */
    atomic_bool cancelled;
    struct s3_channel *all, *free;
    double permits; /* how many requests may run at once; see s3_permit_take */
    unsigned running;
    int64_t halved_ms;
    enum s3_contact contact;
    double bandwidth_ms; /* until when the bandwidth is used up */
    int64_t skew_s;      /* the store's clock less ours */
    int64_t alive_ms;
};

bool s3_wire_init(struct s3 *s3);
void s3_wire_fini(struct s3 *s3); /* no request is under way any more */
/* Ends all waiting, now and later. */
void s3_wire_cancel(struct s3 *s3);
/* Is the request cancelled, by that or by its own `stop`? */
bool s3_is_unwanted(struct s3 *s3, const struct s3_request *request);
/* Some `stop` has become true. */
void s3_wire_wake(struct s3 *s3);
/* HANGAR_CANCELLED as soon as the request is not wanted any more. */
enum hangar_rc s3_wire_sleep(struct s3 *s3, const struct s3_request *request, int64_t ms);
int64_t s3_now_ms(void);           /* monotonic */
int64_t s3_time_ms(struct s3 *s3); /* since 1970, by the store's clock as far as known */

/* channel.c */
enum hangar_rc s3_channel_take(struct s3 *s3, struct s3_channel **out, struct s3_error *error);
void s3_channel_give(struct s3_channel *channel);
/* At most `concurrency` requests run at once; half as many after the store said that it
 * is too much, and slowly more again.  Not for what somebody else reads from at leisure. */
enum hangar_rc s3_permit_take(struct s3 *s3, const struct s3_request *request,
                              struct s3_error *error);
enum s3_load { S3_LOAD_NONE, S3_LOAD_FINE, S3_LOAD_TOO_MUCH };
void s3_permit_give(struct s3 *s3, enum s3_load load);
/* May bytes be moved now?  And: they were. */
bool s3_bandwidth_left(struct s3 *s3);
void s3_bandwidth_spend(struct s3 *s3, size_t bytes);
/* Tells the core that something moves. */
void s3_alive(struct s3 *s3);

/* What goes along with a body. */
struct s3_hashes {
    char payload[S3_SHA256_HEX];                     /* for x-amz-content-sha256 */
    char md5[S3_MD5_HEX], md5_base64[S3_MD5_BASE64]; /* "": not needed */
    char checksum[S3_CHECKSUM_SIZE];                 /* of the kind of the option; or "" */
};

/* attempt.c.  begin .. end; between them, step moves what can be moved and waits for more,
 * `ms` at most; channel->over says that it is over, with the answer filled in. */
enum hangar_rc s3_attempt_begin(struct s3_channel *channel, const struct s3_request *request,
                                const struct s3_keys *keys, const struct s3_hashes *hashes,
                                struct s3_answer *answer, struct s3_error *error);
void s3_attempt_step(struct s3_channel *channel, int ms);
void s3_attempt_end(struct s3_channel *channel);

/* answer.c */
enum s3_verdict { S3_DONE, S3_AGAIN, S3_NEVER };
struct s3_judgement {
    enum s3_verdict verdict;
    enum hangar_rc rc;
    enum s3_load load;
    bool skew, keys, digest; /* why once more: each of these is worth one repetition */
};
struct s3_judgement s3_judge(const struct s3_answer *answer);
/* Reads the <Error> of a body. */
void s3_answer_read_error(struct s3_answer *answer, const char *body, size_t size);
/* "<what>: <cause>; hint: ..." */
void s3_answer_tell(const struct s3 *s3, const struct s3_answer *answer, const char *what,
                    unsigned tries, struct s3_error *error, enum hangar_rc rc);

/* The attempts at one request. */
struct s3_tries {
    struct s3 *s3;
    const struct s3_request *request;
    const char *what;
    unsigned count, most;
    int64_t since_ms, until_ms;
    bool skew_mended, keys_renewed, digest_again;
    struct s3_hashes hashes;
    struct s3_keys keys; /* of the attempt under way */
};

enum hangar_rc s3_tries_init(struct s3_tries *tries, struct s3 *s3,
                             const struct s3_request *request, const char *what,
                             struct s3_error *error);
/* Begins the next attempt. */
enum hangar_rc s3_tries_begin(struct s3_tries *tries, struct s3_channel *channel,
                              struct s3_answer *answer, struct s3_error *error);
/* After an attempt: HANGAR_RETRY, having waited, when there is to be another; else what
 * s3_send returns. */
enum hangar_rc s3_tries_judge(struct s3_tries *tries, struct s3_answer *answer,
                              struct s3_error *error);
void s3_tries_fini(struct s3_tries *tries); /* wipes the keys */

/* Sends a request until it is answered for good.  HANGAR_OK: the status is 2xx and the
 * body, if it matters, was read to its end.  Some refusals are for the caller to judge,
 * and leave `error` as it is: HANGAR_NOT_FOUND for 404 (but for a missing bucket),
 * HANGAR_EXISTS for 412, HANGAR_UNSUPPORTED for 405 and 501, HANGAR_EOF for 416.  All else
 * is in `error` as "cannot <what>: <cause>". */
enum hangar_rc s3_send(struct s3 *s3, const struct s3_request *request, const char *what,
                       struct s3_answer *answer, struct s3_error *error);

#endif
