/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * answer: what an answer of the store means, and how to tell a person about it.
 */
#include "sink/sink.h"

#include <stdio.h>
#include <string.h>

static bool take_error(void *arg, const char *path, char *text)
{
    struct s3_answer *answer = arg;
    if (!strcmp(path, "Error/Code")) {
        snprintf(answer->code, sizeof(answer->code), "%s", text);
    } else if (!strcmp(path, "Error/Message")) {
        snprintf(answer->message, sizeof(answer->message), "%s", text);
    } else if (!strcmp(path, "Error/Region")) {
        snprintf(answer->region, sizeof(answer->region), "%s", text);
    }
    return true;
}

/* What a server says is shown to people, and may hold anything. */
static void make_printable(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || (unsigned char)*text >= 0x7f) {
            *text = ' ';
        }
    }
}

void s3_answer_read_error(struct s3_answer *answer, const char *body, size_t size)
{
    if (!strstr(body, "<Error")) {
        return;
    }
    struct s3_xml *xml = s3_xml_new(take_error, answer);
    if (!xml) {
        return;
    }
    s3_xml_feed(xml, body, size); /* cut short or not: what it said counts */
    s3_xml_free(xml);
    make_printable(answer->code);
    make_printable(answer->message);
    make_printable(answer->region);
}

static bool is_code(const struct s3_answer *answer, const char *const *codes)
{
    for (; *codes; codes++) {
        if (!strcmp(answer->code, *codes)) {
            return true;
        }
    }
    return false;
}

static bool is_too_much(const struct s3_answer *answer)
{
    static const char *const codes[] = {"SlowDown",
                                        "Throttling",
                                        "ThrottlingException",
                                        "TooManyRequests",
                                        "RequestLimitExceeded",
                                        "ServiceUnavailable",
                                        "Busy",
                                        NULL};
    return answer->status == 429 || answer->status == 503 || is_code(answer, codes);
}

/* Worth another attempt, whatever the status says. */
static bool is_passing(const struct s3_answer *answer)
{
    static const char *const codes[] = {"InternalError",
                                        "RequestTimeout",
                                        "OperationAborted",
                                        "ConditionalRequestConflict",
                                        "ServerBusy",
                                        "IncompleteBody",
                                        NULL};
    switch (answer->status) {
    case 408:
    case 429:
    case 499:
    case 500:
    case 502:
    case 503:
    case 504:
        return true;
    default:
        return is_code(answer, codes);
    }
}

/* No answer came, or it was cut short. */
static struct s3_judgement judge_transport(const struct s3_answer *answer)
{
    switch (answer->curl) {
    case CURLE_ABORTED_BY_CALLBACK:
        return (struct s3_judgement){.verdict = S3_NEVER, .rc = HANGAR_CANCELLED};
    case CURLE_OUT_OF_MEMORY:
        return (struct s3_judgement){.verdict = S3_NEVER, .rc = HANGAR_NO_MEMORY};
    case CURLE_PEER_FAILED_VERIFICATION:
        return (struct s3_judgement){.verdict = S3_NEVER, .rc = HANGAR_AUTH};
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_SSL_CERTPROBLEM:
        return (struct s3_judgement){.verdict = S3_NEVER, .rc = HANGAR_CONFIG};
    default:
        return (struct s3_judgement){.verdict = S3_AGAIN, .rc = HANGAR_IO};
    }
}

static const char *const old_keys[] = {"ExpiredToken",          "TokenRefreshRequired",
                                       "ExpiredTokenException", "InvalidToken",
                                       "InvalidAccessKeyId",    NULL};

static enum hangar_rc rc_of_refusal(const struct s3_answer *answer)
{
    static const char *const full[] = {"QuotaExceeded",     "InsufficientStorage", "EntityTooLarge",
                                       "XMinioStorageFull", "TooManyBuckets",      NULL};
    if (is_code(answer, full) || answer->status == 507 || answer->status == 413) {
        return HANGAR_NO_SPACE;
    }
    if (!strcmp(answer->code, "NoSuchBucket")) {
        return HANGAR_CONFIG;
    }
    if (is_code(answer, old_keys)) { /* some say 400 */
        return HANGAR_AUTH;
    }
    switch (answer->status) {
    case 401:
    case 403:
        return HANGAR_AUTH;
    case 404:
        return HANGAR_NOT_FOUND;
    case 405:
    case 501:
        return HANGAR_UNSUPPORTED;
    case 412:
        return HANGAR_EXISTS;
    case 416:
        return HANGAR_EOF;
    case 301:
    case 307:
    case 400:
        return HANGAR_CONFIG;
    default:
        return HANGAR_IO;
    }
}

struct s3_judgement s3_judge(const struct s3_answer *answer)
{
    static const char *const damaged[] = {"BadDigest", "XAmzContentSHA256Mismatch",
                                          "XAmzContentChecksumMismatch", NULL};
    struct s3_judgement judgement = {.verdict = S3_AGAIN, .rc = HANGAR_IO};
    if (answer->curl) {
        return judge_transport(answer);
    }
    if (answer->status >= 200 && answer->status < 300 && !*answer->code) {
        /* a success whose body cannot be read may be one all the same */
        judgement.load = S3_LOAD_FINE;
        judgement.verdict = answer->xml_bad ? S3_AGAIN : S3_DONE;
        judgement.rc = answer->xml_bad ? HANGAR_IO : HANGAR_OK;
        return judgement;
    }
    if (is_too_much(answer)) {
        judgement.load = S3_LOAD_TOO_MUCH;
    }
    judgement.skew = !strcmp(answer->code, "RequestTimeTooSkewed");
    judgement.keys = is_code(answer, old_keys);
    judgement.digest = is_code(answer, damaged);
    if (is_passing(answer) || is_too_much(answer)) {
        return judgement;
    }
    judgement.rc = rc_of_refusal(answer);
    if (!judgement.skew && !judgement.keys && !judgement.digest) {
        judgement.verdict = S3_NEVER;
    }
    return judgement;
}

struct advice {
    const char *code, *hint;
};

/* By what the store calls it. */
static const struct advice advices[] = {
    {"AccessDenied", "the key needs the right to do that, and to list the bucket, as without "
                     "that what is not there looks forbidden"},
    {"InvalidAccessKeyId", "access_key_id is not known to this store"},
    {"SignatureDoesNotMatch", "secret_access_key does not belong to access_key_id"},
    {"NoSuchBucket", "make the bucket, or correct the option bucket or addressing"},
    {"RequestTimeTooSkewed", "set the clock of this machine"},
    {"ExpiredToken", "renew the temporary keys"},
    {"InvalidStorageClass", "this store has no such storage_class"},
    {"InvalidDigest", "set sign_payload: yes"},
    {"XAmzContentSHA256Mismatch", "set sign_payload: no"},
    {"ObjectLockConfigurationNotFoundError", "the bucket must be made with object lock"},
    {"QuotaExceeded", "free space, lower the retention, or raise the quota"},
};

static void add_hint(const struct s3 *s3, const struct s3_answer *answer, struct text *text)
{
    if (answer->curl == CURLE_PEER_FAILED_VERIFICATION) {
        text_add(text, s3->set.ca_file
                           ? "; hint: ca_file must hold the authority that signed the "
                             "certificate, and the certificate must be for the endpoint's host"
                           : "; hint: set ca_file to the certificate of the authority that "
                             "signed it");
        return;
    }
    if (answer->curl == CURLE_COULDNT_RESOLVE_HOST || answer->curl == CURLE_COULDNT_CONNECT) {
        text_add(text, "; hint: is the endpoint right, and may this machine reach it?");
        return;
    }
    if (*answer->region && strcmp(answer->region, s3->set.region)) {
        text_addf(text, "; hint: set region: %s", answer->region);
        return;
    }
    for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
        if (!strcmp(answer->code, advices[i].code)) {
            text_addf(text, "; hint: %s", advices[i].hint);
        }
    }
    if (answer->status == 301 || answer->status == 307) {
        text_add(text, "; hint: the bucket is elsewhere: correct endpoint and region");
    }
}

void s3_answer_tell(const struct s3 *s3, const struct s3_answer *answer, const char *what,
                    unsigned tries, struct s3_error *error, enum hangar_rc rc)
{
    struct text text = {0};
    text_addf(&text, "cannot %s: ", what);
    if (answer->stalled) {
        text_addf(&text, "nothing moved for %lld s", (long long)(s3->set.timeout_ms / 1000));
    } else if (answer->curl) {
        text_add(&text, *answer->problem ? answer->problem : curl_easy_strerror(answer->curl));
    } else if (answer->xml_bad) {
        text_add(&text, "the answer is not one of S3");
    } else if (*answer->code) {
        text_addf(&text, "%s%s%s", answer->code, *answer->message ? ": " : "", answer->message);
    } else {
        text_addf(&text, "the store answered with status %ld", answer->status);
    }
    while (text.size && text.data[text.size - 1] == '.') {
        text.data[--text.size] = '\0';
    }
    if (tries > 1) {
        text_addf(&text, " (after %u attempts)", tries);
    }
    add_hint(s3, answer, &text);
    s3_error_set(error, rc, "%s", text_str(&text));
    text_free(&text);
}
