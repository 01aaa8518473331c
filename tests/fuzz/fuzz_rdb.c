/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fuzz_rdb: the walk through an RDB in pieces of any size, with the digest of its
 * values, which unpacks lists, sets and compressed strings.
 */
#include "fuzz.h"

#include <string.h>

#include "rdb/digest.h"

struct rdb_statistics {
    struct rdb_digest *digest;
    uint64_t keys, bytes;
    bool open;
};

static enum hangar_rc fuzz_rdb_aux(void *arg, const char *name, const unsigned char *value,
                                   size_t size)
{
    (void)arg, (void)value;
    FUZZ_RULE(strlen(name) <= RDB_AUX_MOST && size <= RDB_AUX_MOST);
    return HANGAR_OK;
}

static enum hangar_rc fuzz_rdb_key(void *arg, const struct rdb_key *key)
{
    struct rdb_statistics *seen = arg;
    FUZZ_RULE(!seen->open && key->name_size <= 64 && key->name_size <= key->name_full);
    seen->open = true;
    seen->keys++;
    rdb_digest_key(seen->digest, key);
    return HANGAR_OK;
}

static enum hangar_rc fuzz_rdb_string(void *arg, const struct rdb_string *string)
{
    struct rdb_statistics *seen = arg;
    FUZZ_RULE(seen->open);
    rdb_digest_string(seen->digest, string);
    return HANGAR_OK;
}

static enum hangar_rc fuzz_rdb_body(void *arg, bool text, const unsigned char *data, size_t size)
{
    struct rdb_statistics *seen = arg;
    FUZZ_RULE(seen->open);
    seen->bytes += size;
    rdb_digest_body(seen->digest, text, data, size);
    return HANGAR_OK;
}

static enum hangar_rc fuzz_rdb_end(void *arg, bool empty)
{
    struct rdb_statistics *seen = arg;
    FUZZ_RULE(seen->open);
    seen->open = false;
    rdb_digest_end(seen->digest, empty);
    return HANGAR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rdb_events events = {fuzz_rdb_aux, fuzz_rdb_key, fuzz_rdb_string,
                                             fuzz_rdb_body, fuzz_rdb_end};
    struct rdb_statistics seen = {.digest = rdb_digest_new(1768442400000, true)};
    struct rdb_walk *walk = rdb_walk_new(&events, &seen, 64, UINT64_MAX);
    struct fuzz_pieces pieces = fuzz_pieces(data, size);
    const uint8_t *piece;
    size_t n, used = 0;
    enum hangar_rc rc = HANGAR_OK;
    if (!seen.digest || !walk) {
        abort();
    }
    while (rc == HANGAR_OK && !rdb_walk_done(walk) && fuzz_piece(&pieces, &piece, &n)) {
        rc = rdb_walk_feed(walk, piece, n, &used);
        if (rc == HANGAR_OK) {
            FUZZ_RULE(used == n || (used < n && rdb_walk_done(walk)));
        } else {
            FUZZ_RULE(*rdb_walk_problem(walk));
        }
    }
    FUZZ_RULE(seen.bytes <= size);
    FUZZ_RULE(!rdb_walk_done(walk) || !seen.open);
    FUZZ_RULE(rdb_digest_sums(seen.digest) && rdb_walk_counts(walk));
    rdb_walk_free(walk);
    rdb_digest_free(seen.digest);
    return 0;
}
