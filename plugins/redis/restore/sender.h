/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sender: turns an RDB, as it comes in, into the commands that bring its keys
 * into a running server, and counts by the replies what became of them.
 */
#ifndef RD_SENDER_H
#define RD_SENDER_H

#include "clean/clean.h"
#include "rdb/digest.h"
#include "rdb/walk.h"
#include "wire/resp.h"

/* What is known of the target. */
struct rd_target {
    unsigned version;        /* 70015 */
    unsigned rdb_version;    /* the newest it reads */
    uint64_t bulk_most;      /* bytes of one argument that it takes */
    int64_t clock_offset_ms; /* its clock less ours */
    bool evicts_lru, evicts_lfu;
    bool was_empty;         /* or has been emptied */
    struct rd_clean *clean; /* loads into spare databases; NULL: into those of the backup */
};

struct rd_sent {
    uint64_t keys;    /* that the server took */
    uint64_t expired; /* not sent: their time was over */
    uint64_t skipped; /* were there already (skip_existing) */
    uint64_t functions, functions_skipped, scripts;
    uint64_t empty;   /* collections without elements, which are no keys */
    uint64_t markers; /* of a restore that was under way when the backup was made */
};

/* Bytes of a key's name that can be sent. */
#define RD_NAME_MOST ((size_t)1 << 20)

struct rd_sender;

/* `client` and `target` stay the caller's. */
enum hangar_rc rd_sender_new(struct rd_client *client, const struct rd_target *target,
                             struct rd_sender **out);
void rd_sender_free(struct rd_sender *sender);

/* What is fed is summed up, too.  `digest` stays the caller's. */
void rd_sender_digest(struct rd_sender *sender, struct rdb_digest *digest);

enum hangar_rc rd_sender_feed(struct rd_sender *sender, const void *data, size_t size);

/* All bytes were fed: waits for the last replies and compares what the server
 * now has with what was sent. */
enum hangar_rc rd_sender_finish(struct rd_sender *sender);

const struct rd_sent *rd_sender_sent(const struct rd_sender *sender);
const struct rdb_counts *rd_sender_counts(const struct rd_sender *sender);

#endif
