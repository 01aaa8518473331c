/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sink.h: what the files of this sink share: the instance, and the functions of the sink
 * that stand in files of their own.  storage-s3.c is the plugin's border; put.c stores, with upload.c
 * sending the parts and pool.c lending their memory; get.c reads; list.c lists; remove.c
 * removes; probe.c tries out what the store can do; stale.c removes what dead runs left;
 * retain.c locks; pieces.c knows objects that are too long for one.  All of them speak
 * to the store through wire.h.
 */
#ifndef S3_H
#define S3_H

#include <stdatomic.h>
#include <hangar/plugin.h>

#include "keys/credentials.h"
#include "settings.h"
#include "wire/wire.h"

/* pool.c: memory for parts.  Each put that needs more than a little owns one buffer for as
 * long as it lives, so that it can always go on, whatever others hold; more are lent while
 * nobody waits for his first one.  How many can own one is what max_open_puts tells: the
 * memory for these is taken from the budget then, and kept. */
struct s3_pool {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t part;      /* bytes of a buffer */
    size_t granted;   /* bytes that are taken from the budget, in whole buffers */
    size_t reserved;  /* of these: kept until the end */
    size_t allocated; /* bytes in buffers, lent or free */
    size_t lent;      /* buffers */
    unsigned waiting; /* for their first one */
    struct s3_buffer *free;
};

/* sender.c: the threads that send parts.  All of it, and the part of each put that they
 * share, is under the mutex. */
struct s3_part;
struct s3_sender {
    pthread_mutex_t mutex;
    pthread_cond_t work, done;
    struct s3_part *head, *tail;
    pthread_t threads[64];
    unsigned count, idle, queued;
    struct s3_upload *uploads; /* that are begun and not ended */
    bool stopping;
};

/* What is known of this store by now. */
enum s3_knowledge { S3_UNKNOWN, S3_YES, S3_NO };

struct s3 {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    struct s3_settings set;
    struct s3_credentials *credentials;
    struct s3_wire wire;
    struct s3_pool pool;
    struct s3_sender sender;
    atomic_int create_only; /* enum s3_knowledge: does the store refuse to replace, if asked? */
    atomic_int checksums;   /* enum s3_knowledge: does it compare the option's? */
    atomic_bool weak_told;  /* that it does not was told */
    atomic_bool swept;      /* stale uploads were looked for */
    atomic_bool no_batch;   /* the store cannot remove many at once */
};

/* Records a failure with the host, on the thread that the core called. */
enum hangar_rc s3_raise(struct s3 *s3, const struct s3_error *error);

/* The key of a name that the core gave; raises when it is none. */
enum hangar_rc s3_key(struct s3 *s3, const char *name, char key[S3_KEY_MAX + 1]);

/* "cannot <verb> <name> in <bucket>" without the cannot, for s3_send. */
#define S3_WHAT_SIZE (S3_NAME_MAX + 512)
void s3_what(const struct s3 *s3, const char *verb, const char *name, char out[S3_WHAT_SIZE]);

/* pool.c */
bool s3_pool_init(struct s3 *s3);
void s3_pool_fini(struct s3 *s3);
uint32_t s3_pool_reserve(struct s3 *s3);
/* The first buffer of a put: waits, as those that have one can always go on. */
enum hangar_rc s3_pool_first(struct s3 *s3, void **out, struct s3_error *error);
void *s3_pool_more(struct s3 *s3); /* NULL: none to spare just now */
void s3_pool_give(struct s3 *s3, void *buffer);
void s3_pool_wake(struct s3 *s3); /* somebody waits, and it is cancelled */

/* upload.c: the requests that store.  Objects carry a mark of their put, by which an
 * object that is there after a doubtful answer is known as ours. */
struct s3_upload {
    struct s3 *s3;
    char key[S3_KEY_MAX + 1], mark[S3_MARK_SIZE];
    const char *what;
    bool create_only, plain; /* plain: as the bucket is, without lock, class, tags */
    char *id;                /* of a multipart upload; NULL: none begun */
    char **tags;             /* what completing says of its parts, as XML; part 1 at 0 */
    size_t parts, capacity;
    uint64_t size;
    bool continued;         /* pieces follow */
    struct s3_upload *next; /* among those that are begun */
};
void s3_make_mark(char mark[S3_MARK_SIZE]);
/* Warns, once, that this store cannot refuse to replace. */
void s3_tell_weak(struct s3 *s3);
/* Stores an object in one request. */
enum hangar_rc s3_upload_whole(struct s3_upload *upload, const void *data, size_t size,
                               struct hangar_entry *entry, struct s3_error *error);
enum hangar_rc s3_upload_begin(struct s3_upload *upload, struct s3_error *error);
/* Makes room for one more part; its number. */
enum hangar_rc s3_upload_next(struct s3_upload *upload, size_t *number, struct s3_error *error);
/* Sends a part; the tag, see above, is allocated.  Parts of one upload may be sent at the same time. */
enum hangar_rc s3_upload_part(struct s3_upload *upload, size_t number, const void *data,
                              size_t size, const atomic_bool *stop, char **tag,
                              struct s3_error *error);
enum hangar_rc s3_upload_complete(struct s3_upload *upload, struct hangar_entry *entry,
                                  struct s3_error *error);
void s3_upload_abort(struct s3_upload *upload);
void s3_upload_free(struct s3_upload *upload);
/* Fills an entry from the answer to HEAD, but for its name. */
void s3_entry_fill(struct hangar_entry *entry, const struct s3_answer *answer);
/* HANGAR_NOT_FOUND, not recorded, when there is none. */
enum hangar_rc s3_head(struct s3 *s3, const char *key, const char *what, struct s3_answer *answer,
                       struct s3_error *error);

/* pieces.c */
#define S3_PIECES_MAX 1000
struct s3_pieces { /* that follow the first */
    size_t count;
    uint64_t total; /* their bytes */
    uint64_t sizes[S3_PIECES_MAX];
};
/* The key of piece 2, 3, ...; "" when it would be too long. */
void s3_piece_key(const char *key, const char *mark, size_t number, char out[S3_KEY_MAX + 1]);
/* Can an object with this etag be the first of several? */
bool s3_pieces_possible(const struct s3 *s3, const char *etag);
enum hangar_rc s3_pieces_find(struct s3 *s3, const char *key, const char *mark, const char *what,
                              struct s3_pieces *pieces, struct s3_error *error);
/* s3_head, with the length of all pieces. */
enum hangar_rc s3_head_all(struct s3 *s3, const char *key, const char *what,
                           struct s3_answer *answer, struct s3_error *error);

/* sender.c */
struct s3_part {
    struct s3_part *next;
    struct hangar_put *put;
    struct s3_upload *upload;
    size_t number, size;
    void *buffer;
};
bool s3_sender_init(struct s3 *s3);
void s3_sender_fini(struct s3 *s3); /* nothing is queued any more; ends the threads */
/* Queues a part, for s3_put_send on one of the threads. */
enum hangar_rc s3_sender_add(struct s3 *s3, struct s3_part *part, struct s3_error *error);

/* put.c */
void s3_put_send(struct s3_part *part);
enum hangar_rc s3_put_open(void *inst, const char *name, uint64_t size_hint, uint32_t flags,
                           struct hangar_put **out);
enum hangar_rc s3_put_write(struct hangar_put *put, const void *data, size_t size);
enum hangar_rc s3_put_commit(struct hangar_put *put, struct hangar_entry *entry);
void s3_put_abort(struct hangar_put *put);

/* get.c */
enum hangar_rc s3_get_open(void *inst, const char *name, uint64_t offset, struct hangar_get **out);
enum hangar_rc s3_get_read(struct hangar_get *get, void *buffer, size_t size, size_t *got);
void s3_get_close(struct hangar_get *get);

/* list.c */
enum hangar_rc s3_list(void *inst, struct hangar_page *page);

/* remove.c */
enum hangar_rc s3_remove_key(struct s3 *s3, const char *key, const char *what,
                             struct s3_error *error);
enum hangar_rc s3_remove(void *inst, const char *name);
enum hangar_rc s3_remove_many(void *inst, const char *const *names, size_t count,
                              enum hangar_rc *results);

enum hangar_rc s3_remove_names(struct s3 *s3, const char *const *names, size_t count,
                               enum hangar_rc *results, struct s3_error *error);

/* stale.c: counts uploads below a prefix of keys that nobody goes on with, and removes
 * them if that is wanted. */
enum hangar_rc s3_stale_sweep(struct s3 *s3, const char *prefix, bool remove, size_t *count,
                              struct s3_error *error);
/* Removes them once in the life of the instance, in the folder of the pipeline that `key`
 * belongs to.  It never fails. */
void s3_stale_once(struct s3 *s3, const char *key);

/* retain.c */
enum hangar_rc s3_retain(void *inst, const char *name, int64_t until_ms);

/* probe.c */
enum hangar_rc s3_probe(void *inst, struct hangar_attrs *capabilities);

#endif
