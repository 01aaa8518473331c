/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sink: an instance of the sink, and the functions that its operations share.  The imports
 * point from the left to the right, and all files send their requests through wire/wire.h.
 *
 *     put.c       stores an object ──► upload.c, stale.c, object.c
 *     probe.c     tests what the store can do ──► upload.c, remove.c, stale.c
 *     remove.c    removes objects ──► stale.c, object.c
 *     stale.c     removes the unfinished uploads of dead runs ──► upload.c
 *     upload.c    the requests that store ──► pieces.c, object.c
 *     get.c       reads an object ──► pieces.c, object.c
 *     list.c      lists names ──► pieces.c, object.c
 *     pieces.c    objects that are stored as several ──► object.c
 *     retain.c    locks an object ──► object.c
 *     object.c    names and keys, and HEAD
 */
#ifndef S3_SINK_SINK_H
#define S3_SINK_SINK_H

#include <stdatomic.h>
#include <hangar/plugin.h>

#include "keys/credentials.h"
#include "settings.h"
#include "wire/pool.h"
#include "wire/workers.h"
#include "wire/wire.h"

struct s3 {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    struct s3_settings set;
    struct s3_credentials *credentials;
    struct s3_wire wire;
    struct s3_pool pool;
    struct s3_workers workers;
    struct s3_upload *uploads; /* begun and not ended; under the mutex of the workers */
    atomic_int create_only;    /* enum s3_support: does the store refuse to replace an object? */
    atomic_bool weak_warned;   /* the warning that it does not was logged */
    atomic_bool swept;         /* stale uploads were removed */
    atomic_bool no_batch;      /* the store cannot remove many objects in one request */
};

/* object.c */

/* Can the core have given this name? */
bool s3_is_valid_name(const char *name);
/* The key of a name that the core gave; raises an invalid name. */
enum hangar_rc s3_key(struct s3 *s3, const char *name, char key[S3_KEY_MAX + 1]);
/* "<verb> <name> in <bucket>", the action of s3_send. */
#define S3_ACTION_SIZE (S3_NAME_MAX + 512)
void s3_action(const struct s3 *s3, const char *verb, const char *name, char out[S3_ACTION_SIZE]);
/* HANGAR_NOT_FOUND, not recorded: there is no such object. */
enum hangar_rc s3_head(struct s3 *s3, const char *key, const char *action, struct s3_answer *answer,
                       struct failure *failure);
/* Fills an entry, except its name, from the answer to HEAD. */
void s3_entry_fill(struct hangar_entry *entry, const struct s3_answer *answer);

/* pieces.c */

#define S3_PIECES_MAX 1000
struct s3_pieces { /* those after the first one */
    size_t count;
    uint64_t total; /* their bytes */
    uint64_t sizes[S3_PIECES_MAX];
};
/* The key of piece 2, 3, ...; "" when it is too long. */
void s3_piece_key(const char *key, const char *mark, size_t number, char out[S3_KEY_MAX + 1]);
/* Can an object with this ETag be the first of several pieces? */
bool s3_pieces_possible(const struct s3 *s3, const char *etag);
enum hangar_rc s3_pieces_find(struct s3 *s3, const char *key, const char *mark, const char *action,
                              struct s3_pieces *pieces, struct failure *failure);
/* s3_head; the length is that of all pieces. */
enum hangar_rc s3_head_with_pieces(struct s3 *s3, const char *key, const char *action,
                                   struct s3_answer *answer, struct failure *failure);

/* upload.c
 *
 *     s3_upload_whole                                             an object in one request
 *
 *     s3_upload_begin ──► (s3_upload_next, s3_upload_part)* ──┬─► s3_upload_complete
 *                                                             └─► s3_upload_abort
 *
 * s3_upload_free in the end. */
struct s3_upload {
    struct s3 *s3;
    char key[S3_KEY_MAX + 1];
    char mark[S3_MARK_SIZE]; /* identifies the put in the metadata of its object */
    const char *action;
    const atomic_bool *stop; /* the owner sets it to end the requests of parts; may be NULL */
    bool create_only;
    bool plain;  /* without the lock, class and tags of the options */
    char *id;    /* of the upload in parts; NULL: none has begun */
    char **tags; /* XML that s3_upload_complete sends for each part; part 1 is at 0 */
    size_t parts, capacity;
    uint64_t size;
    bool continued;         /* other pieces of the object follow */
    struct s3_upload *next; /* of s3->uploads */
};
bool s3_mark_make(char mark[S3_MARK_SIZE]); /* false, with errno: as random_fill */
/* Warns, once, that this store cannot refuse to replace an object. */
void s3_warn_weak_create_only(struct s3 *s3);
enum hangar_rc s3_upload_whole(struct s3_upload *upload, const void *data, size_t size,
                               struct hangar_entry *entry, struct failure *failure);
enum hangar_rc s3_upload_begin(struct s3_upload *upload, struct failure *failure);
/* Makes room for one more part, and returns its number. */
enum hangar_rc s3_upload_next(struct s3_upload *upload, size_t *number, struct failure *failure);
/* Sends a part.  *tag is allocated; the caller stores it in upload->tags.  Several threads may
 * send parts of one upload at the same time. */
enum hangar_rc s3_upload_part(struct s3_upload *upload, size_t number, const void *data,
                              size_t size, char **tag, struct failure *failure);
enum hangar_rc s3_upload_complete(struct s3_upload *upload, struct hangar_entry *entry,
                                  struct failure *failure);
void s3_upload_abort(struct s3_upload *upload); /* harmless when none has begun */
void s3_upload_free(struct s3_upload *upload);
/* Is this the id of an upload of this instance that is in progress? */
bool s3_upload_is_own(struct s3 *s3, const char *id);

/* stale.c */

/* Counts the uploads below a prefix of keys to which no part was added for `stale_after`; with
 * `remove` also removes them. */
enum hangar_rc s3_stale_sweep(struct s3 *s3, const char *prefix, bool remove, size_t *count,
                              struct failure *failure);
/* Removes them once in the life of the instance, in the folder of the pipeline that `key` belongs
 * to.  A failure is only logged. */
void s3_stale_sweep_once(struct s3 *s3, const char *key);

/* remove.c */
enum hangar_rc s3_remove_names(struct s3 *s3, const char *const *names, size_t count,
                               enum hangar_rc *results, struct failure *failure);

/* The operations of struct hangar_sink, each in the file of its name. */
enum hangar_rc s3_put_open(void *inst, const char *name, uint64_t size_hint, uint32_t flags,
                           struct hangar_put **out);
enum hangar_rc s3_put_write(struct hangar_put *put, const void *data, size_t size);
enum hangar_rc s3_put_commit(struct hangar_put *put, struct hangar_entry *entry);
void s3_put_abort(struct hangar_put *put);
enum hangar_rc s3_get_open(void *inst, const char *name, uint64_t offset, struct hangar_get **out);
enum hangar_rc s3_get_read(struct hangar_get *get, void *buffer, size_t size, size_t *got);
void s3_get_close(struct hangar_get *get);
enum hangar_rc s3_stat(void *inst, const char *name, struct hangar_entry *entry); /* pieces.c */
enum hangar_rc s3_list(void *inst, struct hangar_page *page);
enum hangar_rc s3_remove(void *inst, const char *name);
enum hangar_rc s3_remove_many(void *inst, const char *const *names, size_t count,
                              enum hangar_rc *results);
enum hangar_rc s3_retain(void *inst, const char *name, int64_t until_ms);
enum hangar_rc s3_probe(void *inst, struct hangar_attrs *capabilities);

#endif
