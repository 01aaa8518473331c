/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * key_sender: reads an RDB piece by piece, sends its keys to a running server, and counts the
 * results by the replies.
 *
 *     rd_sender_new ──► rd_sender_feed* ──► rd_sender_finish ──► rd_sender_free
 */
#ifndef RD_RESTORE_KEY_SENDER_H
#define RD_RESTORE_KEY_SENDER_H

#include "clean/clean.h"
#include "rdb/digest.h"
#include "restore/key_command.h"

struct rd_sent_counts {
    uint64_t keys;    /* that the server accepted */
    uint64_t expired; /* not sent, because their time of expiry has passed */
    uint64_t skipped; /* existed before (skip_existing) */
    uint64_t functions, functions_skipped, scripts;
    uint64_t empty;   /* collections without elements, which are not keys */
    uint64_t markers; /* of another restore that was running when the backup was made */
};

struct rd_sender;

/* `client` and `target` stay the caller's.  `clean`: load into its spare databases; NULL: into the
 * databases of the backup. */
enum hangar_rc rd_sender_new(struct rd_client *client, const struct rd_target *target,
                             struct rd_clean_restore *clean, struct rd_sender **out);
void rd_sender_free(struct rd_sender *sender);

/* `digest` receives the events of the RDB, too.  It stays the caller's. */
void rd_sender_digest(struct rd_sender *sender, struct rdb_digest *digest);

enum hangar_rc rd_sender_feed(struct rd_sender *sender, const void *data, size_t size);

/* After the last byte: waits for the last replies, and fails when the server does not have the
 * keys that it accepted. */
enum hangar_rc rd_sender_finish(struct rd_sender *sender);

const struct rd_sent_counts *rd_sender_sent(const struct rd_sender *sender);
const struct rdb_counts *rd_sender_counts(const struct rd_sender *sender);

#endif
