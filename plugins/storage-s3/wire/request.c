/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * request: repeats a request until it is answered for good, with pauses that grow and are
 * of random length, so that those who were refused together do not come back together.
 */
#include "sink/sink.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define PAUSE_MS 500
#define PAUSE_MOST_MS 30000
#define HASTY_TRIES 3
#define PARTING_MS 10000
#define NOBODY_TRIES 4 /* of a store that was never heard, and seems not to be there */
#define NOBODY_MS 5000
#define SLOWEST 8    /* bytes per ms: a body may take so long besides the deadline */
#define STEP_MS 1000 /* how often stalls are looked for */

/* One hash of each body: its SHA-256 where that is signed or cheaper, else its MD5; and the
 * checksum of the option, which is enough where the store has shown that it compares it
 * and nobody on the way can change both. */
static bool make_hashes(struct s3 *s3, const struct s3_request *request, struct s3_hashes *hashes)
{
    const struct s3_settings *set = &s3->set;
    const void *body = request->body ? request->body : "";
    size_t size = request->body_size;
    *hashes = (struct s3_hashes){.payload = S3_UNSIGNED};
    bool checked = request->data && set->checksum;
    bool enough = checked && set->tls && atomic_load(&s3->checksums) == S3_YES;
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

enum hangar_rc s3_tries_init(struct s3_tries *tries, struct s3 *s3,
                             const struct s3_request *request, const char *what,
                             struct s3_error *error)
{
    *tries = (struct s3_tries){.s3 = s3,
                               .request = request,
                               .what = what,
                               .most = s3->set.retries + 1,
                               .since_ms = s3_now_ms(),
                               .until_ms = s3_now_ms() + s3->set.deadline_ms};
    if (request->hasty && tries->most > HASTY_TRIES) {
        tries->most = HASTY_TRIES;
    }
    if (request->parting) {
        tries->until_ms = s3_now_ms() + PARTING_MS;
    }
    if (!make_hashes(s3, request, &tries->hashes)) {
        return s3_error_set(error, HANGAR_INTERNAL, "cannot %s: OpenSSL makes no digest", what);
    }
    return HANGAR_OK;
}

enum hangar_rc s3_tries_begin(struct s3_tries *tries, struct s3_channel *channel,
                              struct s3_answer *answer, struct s3_error *error)
{
    struct s3 *s3 = tries->s3;
    char problem[1024];
    if (s3_is_unwanted(s3, tries->request)) {
        return s3_error_set(error, HANGAR_CANCELLED, "cancelled");
    }
    enum hangar_rc rc = s3_credentials_get(s3->credentials, &tries->keys);
    if (rc) {
        s3_credentials_problem(s3->credentials, problem, sizeof(problem));
        return s3_error_set(error, rc, "%s", problem);
    }
    tries->count++;
    return s3_attempt_begin(channel, tries->request, &tries->keys, &tries->hashes, answer, error);
}

void s3_tries_fini(struct s3_tries *tries)
{
    explicit_bzero(&tries->keys, sizeof(tries->keys));
}

/* The store's clock differs from ours: signs by the store's from now on. */
static void mend_skew(struct s3 *s3, const struct s3_answer *answer)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    pthread_mutex_lock(&s3->wire.mutex);
    s3->wire.skew_s = answer->date_ms / 1000 - now.tv_sec;
    pthread_mutex_unlock(&s3->wire.mutex);
}

/* Nobody is there.  If that was so from the beginning it is more likely a wrong name than a
 * bad moment, and somebody may be waiting to be told: that is asked a few times only, and
 * by the first request alone.  A store that did answer is worth all the tries. */
static bool worth_waiting(struct s3_tries *tries)
{
    struct s3_wire *wire = &tries->s3->wire;
    pthread_mutex_lock(&wire->mutex);
    if (wire->contact == S3_NEVER_HEARD &&
        (tries->count >= NOBODY_TRIES || s3_now_ms() - tries->since_ms >= NOBODY_MS)) {
        wire->contact = S3_GIVEN_UP;
    }
    bool worth = wire->contact != S3_GIVEN_UP;
    pthread_mutex_unlock(&wire->mutex);
    return worth;
}

static void note_contact(struct s3 *s3, const struct s3_answer *answer)
{
    if (!answer->status) {
        return;
    }
    pthread_mutex_lock(&s3->wire.mutex);
    s3->wire.contact = S3_HEARD;
    pthread_mutex_unlock(&s3->wire.mutex);
}

/* Is there reason to hope that it will do better once more? */
static bool worth_another(struct s3_tries *tries, const struct s3_answer *answer,
                          const struct s3_judgement *judgement)
{
    if (judgement->skew) {
        if (tries->skew_mended || !answer->date_ms) {
            return false;
        }
        mend_skew(tries->s3, answer);
        tries->skew_mended = true;
    } else if (judgement->keys) {
        if (tries->keys_renewed) {
            return false;
        }
        s3_credentials_expired(tries->s3->credentials, &tries->keys);
        tries->keys_renewed = true;
    } else if (judgement->digest) {
        if (tries->digest_again) {
            return false;
        }
        tries->digest_again = true;
    } else {
        return tries->count < tries->most && (!answer->unconnected || worth_waiting(tries));
    }
    return true;
}

static int64_t pause_ms(const struct s3_tries *tries, const struct s3_answer *answer)
{
    uint32_t random = 0;
    int64_t most = PAUSE_MS;
    for (unsigned i = 1; i < tries->count && most < PAUSE_MOST_MS; i++) {
        most *= 2;
    }
    if (most > PAUSE_MOST_MS) {
        most = PAUSE_MOST_MS;
    }
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random)) {
        random = (uint32_t)s3_now_ms() * 2654435761u;
    }
    int64_t pause = (int64_t)((uint64_t)most * random >> 32);
    int64_t asked = answer->retry_after_ms < PAUSE_MOST_MS ? answer->retry_after_ms : PAUSE_MOST_MS;
    return pause > asked ? pause : asked;
}

enum hangar_rc s3_tries_judge(struct s3_tries *tries, struct s3_answer *answer,
                              struct s3_error *error)
{
    struct s3 *s3 = tries->s3;
    const struct s3_judgement judgement = s3_judge(answer);
    note_contact(s3, answer);
    memcpy(answer->sent_md5, tries->hashes.md5, sizeof(answer->sent_md5));
    answer->sent_bare = !*answer->sent_md5 && !strcmp(tries->hashes.payload, S3_UNSIGNED);
    memcpy(answer->sent_checksum, tries->hashes.checksum, sizeof(answer->sent_checksum));
    if (judgement.verdict == S3_DONE) {
        s3_alive(s3);
        return HANGAR_OK;
    }
    if (judgement.rc == HANGAR_CANCELLED) {
        return s3_error_set(error, HANGAR_CANCELLED, "cancelled");
    }
    if (judgement.verdict == S3_AGAIN && worth_another(tries, answer, &judgement)) {
        bool at_once = judgement.skew || judgement.keys || judgement.digest;
        int64_t pause = at_once ? 0 : pause_ms(tries, answer);
        if (s3_now_ms() + pause < tries->until_ms) {
            return pause && s3_wire_sleep(s3, tries->request, pause)
                       ? s3_error_set(error, HANGAR_CANCELLED, "cancelled")
                       : HANGAR_RETRY;
        }
    }
    bool for_caller = judgement.verdict == S3_NEVER &&
                      (judgement.rc == HANGAR_NOT_FOUND || judgement.rc == HANGAR_EXISTS ||
                       judgement.rc == HANGAR_UNSUPPORTED || judgement.rc == HANGAR_EOF);
    if (!for_caller) {
        s3_answer_tell(s3, answer, tries->what, tries->count, error, judgement.rc);
    }
    return judgement.rc;
}

static enum hangar_rc send_on(struct s3_channel *channel, struct s3_tries *tries,
                              struct s3_answer *answer, struct s3_error *error)
{
    struct s3 *s3 = tries->s3;
    enum hangar_rc rc;
    do {
        rc = s3_permit_take(s3, tries->request, error);
        if (rc) {
            break;
        }
        rc = s3_tries_begin(tries, channel, answer, error);
        /* a slow link is not a dead one */
        channel->until_ms = tries->until_ms + (int64_t)(tries->request->body_size / SLOWEST);
        if (rc) {
            s3_permit_give(s3, S3_LOAD_NONE);
            break;
        }
        while (!channel->over) {
            s3_attempt_step(channel, STEP_MS);
        }
        s3_attempt_end(channel);
        /* the pause is not one of those that run */
        s3_permit_give(s3, s3_judge(answer).load);
        rc = s3_tries_judge(tries, answer, error);
    } while (rc == HANGAR_RETRY);
    return rc;
}

enum hangar_rc s3_send(struct s3 *s3, const struct s3_request *request, const char *what,
                       struct s3_answer *answer, struct s3_error *error)
{
    struct s3_tries tries;
    struct s3_channel *channel;
    enum hangar_rc rc = s3_tries_init(&tries, s3, request, what, error);
    if (!rc) {
        rc = s3_channel_take(s3, &channel, error);
    }
    if (rc) {
        return rc;
    }
    rc = send_on(channel, &tries, answer, error);
    s3_channel_give(channel);
    s3_tries_fini(&tries);
    return rc;
}
