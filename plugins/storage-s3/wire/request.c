/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * request: repeats a request until there is a final answer.  The pauses grow and have a random
 * length, so that requests that were refused together do not return together.
 */
#include "wire/wire.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "random.h"

#define PAUSE_MS 500
#define PAUSE_MAX_MS 30000
#define FEW_TRIES 3
#define CLEANUP_MS 10000
#define UNREACHABLE_TRIES 4 /* of a store that never answered and cannot be connected to */
#define UNREACHABLE_MS 5000
#define MIN_BYTES_PER_MS 8 /* the deadline is later by the time of the body at this speed */
#define STEP_MS 1000       /* the interval in which stalls are detected */

/* Computes one digest of the body: its SHA-256 where that is signed or faster, else its MD5.  The
 * option `checksum` adds a checksum.  The checksum alone suffices over https, where no third party
 * can change body and checksum, if the store has shown that it compares it. */
static bool s3_exchange_hash_body(struct s3_wire *wire, const struct s3_request *request,
                                  struct s3_hashes *hashes)
{
    const struct s3_settings *set = wire->set;
    const void *body = request->body ? request->body : "";
    size_t size = request->body_size;
    *hashes = (struct s3_hashes){.payload = S3_UNSIGNED};
    bool checked = request->object_data && set->checksum;
    bool enough = checked && set->tls && atomic_load(&wire->checksums) == S3_YES;
    bool sign = !size || set->cover == S3_COVER_SIGNED ||
                (set->cover == S3_COVER_CHEAPEST_IS_SHA256 && !enough);
    bool both = sign && checked && set->checksum->sha256;
    if (both && !s3_sha256(body, size, hashes->payload, hashes->checksum)) {
        return false;
    }
    if (sign && !both && !s3_sha256_hex(body, size, hashes->payload)) {
        return false;
    }
    if (checked && !both && !s3_checksum_make(set->checksum, body, size, hashes->checksum)) {
        return false;
    }
    bool md5 = request->md5 || (!sign && !enough);
    return !md5 || s3_md5(body, size, hashes->md5, hashes->md5_base64);
}

enum hangar_rc s3_exchange_init(struct s3_exchange *exchange, struct s3_wire *wire,
                                const struct s3_request *request, const char *action,
                                struct failure *failure)
{
    *exchange = (struct s3_exchange){.wire = wire,
                                     .request = request,
                                     .action = action,
                                     .max_attempts = wire->set->retries + 1,
                                     .since_ms = clock_monotonic_ms(),
                                     .until_ms = clock_monotonic_ms() + wire->set->deadline_ms};
    if (request->few_tries && exchange->max_attempts > FEW_TRIES) {
        exchange->max_attempts = FEW_TRIES;
    }
    if (request->cleanup) {
        exchange->until_ms = clock_monotonic_ms() + CLEANUP_MS;
    }
    if (request->on_element) {
        exchange->xml = s3_xml_new(request->root, request->on_element, request->arg);
        if (!exchange->xml) {
            return failure_no_memory(failure, "%s", action);
        }
    }
    if (!s3_exchange_hash_body(wire, request, &exchange->hashes)) {
        return failure_record(failure, HANGAR_INTERNAL,
                              "cannot %s: OpenSSL cannot compute a digest", action);
    }
    return HANGAR_OK;
}

enum hangar_rc s3_exchange_begin(struct s3_exchange *exchange, struct s3_channel *channel,
                                 struct s3_answer *answer, struct failure *failure)
{
    struct s3_wire *wire = exchange->wire;
    if (s3_is_unwanted(wire, exchange->request)) {
        return failure_record(failure, HANGAR_CANCELLED, "cancelled");
    }
    enum hangar_rc rc = s3_credentials_get(wire->credentials, &exchange->keys);
    if (rc != HANGAR_OK) {
        char problem[1024];
        s3_credentials_problem(wire->credentials, problem, sizeof(problem));
        return failure_record(failure, rc, "%s", problem);
    }
    exchange->attempts++;
    channel->xml = exchange->xml;
    return s3_attempt_begin(channel, exchange->request, &exchange->keys, &exchange->hashes, answer,
                            failure);
}

void s3_exchange_fini(struct s3_exchange *exchange)
{
    explicit_bzero(&exchange->keys, sizeof(exchange->keys));
    s3_xml_free(exchange->xml);
    exchange->xml = NULL;
}

/* The clock of the store differs: sign by the clock of the store from now on. */
static void s3_wire_correct_skew(struct s3_wire *wire, const struct s3_answer *answer)
{
    pthread_mutex_lock(&wire->mutex);
    wire->skew_s = answer->date_ms / 1000 - clock_now_ms() / 1000;
    pthread_mutex_unlock(&wire->mutex);
}

/* The store cannot be connected to.  If it never answered this instance, a wrong address is more
 * likely than a short outage, and a user may be waiting for the message: only a few attempts are
 * made, and only by the first request.  For a store that has answered before, all attempts are
 * made. */
static bool s3_exchange_may_connect_later(struct s3_exchange *exchange)
{
    struct s3_wire *wire = exchange->wire;
    pthread_mutex_lock(&wire->mutex);
    if (wire->contact == S3_NO_ANSWER_YET &&
        (exchange->attempts >= UNREACHABLE_TRIES ||
         clock_monotonic_ms() - exchange->since_ms >= UNREACHABLE_MS)) {
        wire->contact = S3_GIVEN_UP;
    }
    bool worth = wire->contact != S3_GIVEN_UP;
    pthread_mutex_unlock(&wire->mutex);
    return worth;
}

static void s3_wire_note_contact(struct s3_wire *wire, const struct s3_answer *answer)
{
    if (!answer->status) {
        return;
    }
    pthread_mutex_lock(&wire->mutex);
    wire->contact = S3_ANSWERED;
    pthread_mutex_unlock(&wire->mutex);
}

/* Can another attempt succeed?  Also removes the cause of the failure where that is possible. */
static bool s3_exchange_may_repeat(struct s3_exchange *exchange, const struct s3_answer *answer,
                                   const struct s3_judgement *judgement)
{
    if (judgement->skew) {
        if (exchange->skew_corrected || !answer->date_ms) {
            return false;
        }
        s3_wire_correct_skew(exchange->wire, answer);
        exchange->skew_corrected = true;
    } else if (judgement->keys) {
        if (exchange->keys_renewed) {
            return false;
        }
        s3_credentials_expired(exchange->wire->credentials, &exchange->keys);
        exchange->keys_renewed = true;
    } else if (judgement->digest) {
        if (exchange->digest_repeated) {
            return false;
        }
        exchange->digest_repeated = true;
    } else {
        return exchange->attempts < exchange->max_attempts &&
               (!answer->unconnected || s3_exchange_may_connect_later(exchange));
    }
    return true;
}

static int64_t s3_exchange_pause_ms(const struct s3_exchange *exchange,
                                    const struct s3_answer *answer)
{
    int64_t most = PAUSE_MS;
    for (unsigned i = 1; i < exchange->attempts && most < PAUSE_MAX_MS; i++) {
        most *= 2;
    }
    if (most > PAUSE_MAX_MS) {
        most = PAUSE_MAX_MS;
    }
    uint32_t random = 0;
    if (!random_fill(&random, sizeof(random))) {
        random = (uint32_t)clock_monotonic_ms() * 2654435761u;
    }
    int64_t pause = (int64_t)((uint64_t)most * random >> 32);
    int64_t asked = answer->retry_after_ms < PAUSE_MAX_MS ? answer->retry_after_ms : PAUSE_MAX_MS;
    return pause > asked ? pause : asked;
}

enum hangar_rc s3_exchange_judge(struct s3_exchange *exchange, struct s3_answer *answer,
                                 struct failure *failure)
{
    struct s3_wire *wire = exchange->wire;
    const struct s3_judgement judgement = s3_judge(answer);
    s3_wire_note_contact(wire, answer);
    memcpy(answer->sent_md5, exchange->hashes.md5, sizeof(answer->sent_md5));
    answer->sent_checksum_only =
        !*answer->sent_md5 && strcmp(exchange->hashes.payload, S3_UNSIGNED) == 0;
    memcpy(answer->sent_checksum, exchange->hashes.checksum, sizeof(answer->sent_checksum));
    if (judgement.verdict == S3_SUCCESS) {
        s3_report_alive(wire);
        return HANGAR_OK;
    }
    if (judgement.rc == HANGAR_CANCELLED) {
        return failure_record(failure, HANGAR_CANCELLED, "cancelled");
    }
    if (judgement.verdict == S3_TEMPORARY && s3_exchange_may_repeat(exchange, answer, &judgement)) {
        bool at_once = judgement.skew || judgement.keys || judgement.digest;
        int64_t pause = at_once ? 0 : s3_exchange_pause_ms(exchange, answer);
        if (clock_monotonic_ms() + pause < exchange->until_ms) {
            return pause && s3_wire_sleep(wire, exchange->request, pause)
                       ? failure_record(failure, HANGAR_CANCELLED, "cancelled")
                       : HANGAR_RETRY;
        }
    }
    bool for_caller = judgement.verdict == S3_FINAL &&
                      (judgement.rc == HANGAR_NOT_FOUND || judgement.rc == HANGAR_EXISTS ||
                       judgement.rc == HANGAR_UNSUPPORTED || judgement.rc == HANGAR_EOF);
    if (!for_caller) {
        s3_answer_report(wire, answer, exchange->action, exchange->attempts, failure, judgement.rc);
    }
    return judgement.rc;
}

static enum hangar_rc s3_exchange_run(struct s3_channel *channel, struct s3_exchange *exchange,
                                      struct s3_answer *answer, struct failure *failure)
{
    struct s3_wire *wire = exchange->wire;
    enum hangar_rc rc;
    do {
        rc = s3_permit_acquire(wire, exchange->request, failure);
        if (rc != HANGAR_OK) {
            break;
        }
        rc = s3_exchange_begin(exchange, channel, answer, failure);
        /* a slow connection is not a dead one */
        channel->until_ms =
            exchange->until_ms + (int64_t)(exchange->request->body_size / MIN_BYTES_PER_MS);
        if (rc != HANGAR_OK) {
            s3_permit_release(wire, S3_LOAD_UNKNOWN);
            break;
        }
        while (!channel->over) {
            s3_attempt_step(channel, STEP_MS);
        }
        s3_attempt_end(channel);
        /* no permit is held during the pause */
        s3_permit_release(wire, s3_judge(answer).load);
        rc = s3_exchange_judge(exchange, answer, failure);
    } while (rc == HANGAR_RETRY);
    return rc;
}

enum hangar_rc s3_send(struct s3_wire *wire, const struct s3_request *request, const char *action,
                       struct s3_answer *answer, struct failure *failure)
{
    struct s3_exchange exchange;
    struct s3_channel *channel;
    *answer = (struct s3_answer){0};
    enum hangar_rc rc = s3_exchange_init(&exchange, wire, request, action, failure);
    if (rc == HANGAR_OK) {
        rc = s3_channel_acquire(wire, &channel, failure);
    }
    if (rc == HANGAR_OK) {
        rc = s3_exchange_run(channel, &exchange, answer, failure);
        s3_channel_release(channel);
    }
    s3_exchange_fini(&exchange);
    return rc;
}
