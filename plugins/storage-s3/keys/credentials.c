/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * credentials: the keys in use: when they are renewed, and which threads wait for that.  It must
 * not know where keys come from (places.c).
 */
#include "keys/credentials.h"
#include "keys/parts.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "failure.h"

#define RENEW_BEFORE_MS ((int64_t)5 * 60 * 1000)
#define RENEW_AGAIN_MS ((int64_t)10 * 1000) /* after a failure, while the old keys are valid */

/* The mutex guards all of it.  No thread holds it while it gets keys from a place. */
struct creds_state {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool renewing; /* a thread gets new keys */
    bool has_keys; /* `keys` is set */
    bool refused;  /* the store refused them */
    struct s3_keys keys;
    int64_t renew_at_ms;    /* since 1970; of keys that expire */
    uint64_t renewals;      /* how many have ended, with or without keys */
    enum hangar_rc last_rc; /* the result of the last renewal */
    char reason[CREDS_REASON_SIZE];
    char source[CREDS_PROBLEM_SIZE];
};

enum hangar_rc s3_credentials_open(const struct hangar_host *host, struct hangar_ctx *ctx,
                                   struct s3_credentials **out)
{
    struct s3_credentials *c = calloc(1, sizeof(*c));
    struct creds_state *state = calloc(1, sizeof(*state));
    if (!c || !state || curl_global_init(CURL_GLOBAL_DEFAULT)) {
        free(c);
        free(state);
        return failure_raise_no_memory(host, ctx, "read the options of the credentials");
    }
    pthread_mutex_init(&state->mutex, NULL);
    pthread_cond_init(&state->changed, NULL);
    c->host = host;
    c->ctx = ctx;
    c->timeout_ms = host->opt_int(ctx, "credentials_timeout");
    c->state = state;
    enum hangar_rc rc = creds_choose_place(c);
    if (rc != HANGAR_OK) {
        s3_credentials_close(c);
        return rc;
    }
    *out = c;
    return HANGAR_OK;
}

void s3_credentials_close(struct s3_credentials *c)
{
    if (!c) {
        return;
    }
    pthread_mutex_destroy(&c->state->mutex);
    pthread_cond_destroy(&c->state->changed);
    explicit_bzero(c->state, sizeof(*c->state));
    free(c->state);
    free(c);
    curl_global_cleanup();
}

/* Are the keys valid for a request that is sent now? */
static bool creds_is_valid(const struct creds_state *state, int64_t now_ms)
{
    return state->has_keys && !state->refused &&
           (!state->keys.expires_ms || now_ms < state->keys.expires_ms);
}

static bool creds_is_due(const struct creds_state *state, int64_t now_ms)
{
    return state->keys.expires_ms && now_ms >= state->renew_at_ms;
}

/* Stores new keys.  Those that live less than 10 minutes are renewed after half of their life. */
static void creds_use(struct s3_credentials *c, const struct s3_keys *keys, const char *source)
{
    struct creds_state *state = c->state;
    int64_t now_ms = clock_now_ms();
    int64_t half_ms = (keys->expires_ms - now_ms) / 2;
    bool is_new = strcmp(state->source, source) != 0;
    state->keys = *keys;
    state->has_keys = true;
    state->refused = false;
    state->renew_at_ms = keys->expires_ms - (half_ms < RENEW_BEFORE_MS ? half_ms : RENEW_BEFORE_MS);
    snprintf(state->source, sizeof(state->source), "%s", source);
    c->host->log(c->ctx, is_new ? HANGAR_LOG_INFO : HANGAR_LOG_DEBUG, "keys for S3 %s %s",
                 is_new ? "are from" : "were renewed from", source);
}

/* Gets new keys, without the mutex, and wakes the threads that wait for them. */
static void creds_renew(struct s3_credentials *c)
{
    struct creds_state *state = c->state;
    char reason[CREDS_REASON_SIZE], source[CREDS_PROBLEM_SIZE];
    state->renewing = true;
    pthread_mutex_unlock(&state->mutex);
    struct s3_keys keys;
    enum hangar_rc rc = creds_find(c, &keys, reason, source);
    pthread_mutex_lock(&state->mutex);
    state->renewing = false;
    state->renewals++;
    state->last_rc = rc;
    if (rc == HANGAR_OK) {
        creds_use(c, &keys, source);
    } else {
        int64_t now_ms = clock_now_ms();
        snprintf(state->reason, sizeof(state->reason), "%s", reason);
        state->renew_at_ms = now_ms + RENEW_AGAIN_MS;
        if (creds_is_valid(state, now_ms) && rc != HANGAR_CANCELLED) {
            c->host->log(c->ctx, HANGAR_LOG_WARN,
                         "%s; the current keys stay valid for %lld s, and the renewal is repeated",
                         reason, (long long)(state->keys.expires_ms - now_ms) / 1000);
        }
    }
    explicit_bzero(&keys, sizeof(keys));
    pthread_cond_broadcast(&state->changed);
}

enum hangar_rc s3_credentials_get(struct s3_credentials *c, struct s3_keys *out)
{
    struct creds_state *state = c->state;
    char reason[CREDS_REASON_SIZE];
    enum hangar_rc rc = HANGAR_OK;
    pthread_mutex_lock(&state->mutex);
    const uint64_t renewals_before = state->renewals;
    for (;;) {
        int64_t now_ms = clock_now_ms();
        bool cancelled = creds_is_cancelled(c);
        /* valid keys are returned even after a cancel: unfinished uploads must be aborted */
        if (creds_is_valid(state, now_ms) &&
            (cancelled || state->renewing || !creds_is_due(state, now_ms))) {
            *out = state->keys;
            break;
        }
        if (cancelled) {
            rc = HANGAR_CANCELLED;
            snprintf(reason, sizeof(reason), "cannot get keys for S3: cancelled");
            break;
        }
        if (state->renewing) {
            pthread_cond_wait(&state->changed, &state->mutex);
        } else if (state->renewals != renewals_before && state->last_rc != HANGAR_OK) {
            /* this thread or another one has failed to renew them */
            rc = state->last_rc;
            snprintf(reason, sizeof(reason), "%s", state->reason);
            break;
        } else {
            creds_renew(c);
        }
    }
    pthread_mutex_unlock(&state->mutex);
    return rc != HANGAR_OK ? c->host->fail(c->ctx, rc, 0, "%s", reason) : HANGAR_OK;
}

void s3_credentials_expired(struct s3_credentials *c, const struct s3_keys *refused)
{
    struct creds_state *state = c->state;
    pthread_mutex_lock(&state->mutex);
    if (state->has_keys && strcmp(state->keys.access_key_id, refused->access_key_id) == 0 &&
        strcmp(state->keys.session_token, refused->session_token) == 0) {
        state->refused = true;
    }
    pthread_mutex_unlock(&state->mutex);
}

void s3_credentials_problem(struct s3_credentials *c, char *text, size_t size)
{
    pthread_mutex_lock(&c->state->mutex);
    snprintf(text, size, "%s", c->state->reason);
    pthread_mutex_unlock(&c->state->mutex);
}

void s3_credentials_source(struct s3_credentials *c, char *text, size_t size)
{
    pthread_mutex_lock(&c->state->mutex);
    snprintf(text, size, "%s", c->state->source);
    pthread_mutex_unlock(&c->state->mutex);
}

void s3_credentials_cancel(struct s3_credentials *c)
{
    atomic_store(&c->cancelled, true);
    pthread_mutex_lock(&c->state->mutex);
    pthread_cond_broadcast(&c->state->changed);
    pthread_mutex_unlock(&c->state->mutex);
}
