/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * answer: the meaning of an answer of the store, and the message that reports it.
 */
#include "wire/wire.h"

#include <stdio.h>
#include <string.h>

static bool s3_answer_on_element(void *arg, const char *path, char *text)
{
    struct s3_answer *answer = arg;
    if (strcmp(path, "Error/Code") == 0) {
        snprintf(answer->code, sizeof(answer->code), "%s", text);
    } else if (strcmp(path, "Error/Message") == 0) {
        snprintf(answer->message, sizeof(answer->message), "%s", text);
    } else if (strcmp(path, "Error/Region") == 0) {
        snprintf(answer->region, sizeof(answer->region), "%s", text);
    }
    return true;
}

/* The texts of a server are shown to users and may hold any byte. */
static void s3_answer_make_printable(char *text)
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
    struct s3_xml *xml = s3_xml_new("Error", s3_answer_on_element, answer);
    if (!xml) {
        return;
    }
    s3_xml_feed(xml, body, size); /* also of a body that is cut short */
    s3_xml_free(xml);
    s3_answer_make_printable(answer->code);
    s3_answer_make_printable(answer->message);
    s3_answer_make_printable(answer->region);
}

static bool s3_answer_has_code(const struct s3_answer *answer, const char *const *codes)
{
    for (; *codes; codes++) {
        if (strcmp(answer->code, *codes) == 0) {
            return true;
        }
    }
    return false;
}

static bool s3_answer_is_overload(const struct s3_answer *answer)
{
    static const char *const codes[] = {"SlowDown",
                                        "Throttling",
                                        "ThrottlingException",
                                        "TooManyRequests",
                                        "RequestLimitExceeded",
                                        "ServiceUnavailable",
                                        "Busy",
                                        NULL};
    return answer->status == 429 || answer->status == 503 || s3_answer_has_code(answer, codes);
}

/* Should the request be sent again? */
static bool s3_answer_is_temporary(const struct s3_answer *answer)
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
        return s3_answer_has_code(answer, codes);
    }
}

/* No answer arrived, or it was cut short. */
static struct s3_judgement s3_judge_transport(const struct s3_answer *answer)
{
    switch (answer->curl) {
    case CURLE_ABORTED_BY_CALLBACK:
        return (struct s3_judgement){.verdict = S3_FINAL, .rc = HANGAR_CANCELLED};
    case CURLE_OUT_OF_MEMORY:
        return (struct s3_judgement){.verdict = S3_FINAL, .rc = HANGAR_NO_MEMORY};
    case CURLE_PEER_FAILED_VERIFICATION:
        return (struct s3_judgement){.verdict = S3_FINAL, .rc = HANGAR_AUTH};
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_SSL_CERTPROBLEM:
        return (struct s3_judgement){.verdict = S3_FINAL, .rc = HANGAR_CONFIG};
    default:
        return (struct s3_judgement){.verdict = S3_TEMPORARY, .rc = HANGAR_IO};
    }
}

static const char *const old_keys[] = {"ExpiredToken",          "TokenRefreshRequired",
                                       "ExpiredTokenException", "InvalidToken",
                                       "InvalidAccessKeyId",    NULL};

static enum hangar_rc s3_judge_refusal(const struct s3_answer *answer)
{
    static const char *const full[] = {"QuotaExceeded",     "InsufficientStorage", "EntityTooLarge",
                                       "XMinioStorageFull", "TooManyBuckets",      NULL};
    if (s3_answer_has_code(answer, full) || answer->status == 507 || answer->status == 413) {
        return HANGAR_NO_SPACE;
    }
    if (strcmp(answer->code, "NoSuchBucket") == 0) {
        return HANGAR_CONFIG;
    }
    if (s3_answer_has_code(answer, old_keys)) { /* with status 400 in some stores */
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
    struct s3_judgement judgement = {.verdict = S3_TEMPORARY, .rc = HANGAR_IO};
    if (answer->curl) {
        return s3_judge_transport(answer);
    }
    if (answer->too_large) {
        judgement.verdict = S3_FINAL;
        return judgement;
    }
    if (answer->status >= 200 && answer->status < 300 && !*answer->code) {
        /* when the body cannot be read, the request may have succeeded all the same */
        judgement.load = S3_LOAD_NORMAL;
        judgement.verdict = answer->xml_bad ? S3_TEMPORARY : S3_SUCCESS;
        judgement.rc = answer->xml_bad ? HANGAR_IO : HANGAR_OK;
        return judgement;
    }
    if (s3_answer_is_overload(answer)) {
        judgement.load = S3_LOAD_TOO_HIGH;
    }
    judgement.skew = strcmp(answer->code, "RequestTimeTooSkewed") == 0;
    judgement.keys = s3_answer_has_code(answer, old_keys);
    judgement.digest = s3_answer_has_code(answer, damaged);
    if (s3_answer_is_temporary(answer) || s3_answer_is_overload(answer)) {
        return judgement;
    }
    judgement.rc = s3_judge_refusal(answer);
    if (!judgement.skew && !judgement.keys && !judgement.digest) {
        judgement.verdict = S3_FINAL;
    }
    return judgement;
}

struct s3_advice {
    const char *code, *hint;
};

/* Hints by the error code of the store. */
static const struct s3_advice s3_advices[] = {
    {"AccessDenied", "give the key the right to do this, and the right to list the bucket: "
                     "without it the store reports missing objects as forbidden"},
    {"InvalidAccessKeyId", "correct access_key_id: this store does not have it"},
    {"SignatureDoesNotMatch", "secret_access_key does not belong to access_key_id"},
    {"NoSuchBucket", "create the bucket, or correct the option bucket or addressing"},
    {"RequestTimeTooSkewed", "set the clock of this machine"},
    {"ExpiredToken", "renew the temporary keys"},
    {"InvalidStorageClass", "correct storage_class: this store does not have it"},
    {"InvalidDigest", "set sign_payload: yes"},
    {"XAmzContentSHA256Mismatch", "set sign_payload: no"},
    {"ObjectLockConfigurationNotFoundError", "create a bucket with object lock enabled"},
    {"QuotaExceeded", "free space, lower the retention, or raise the quota"},
};

static void s3_answer_add_hint(const struct s3_wire *wire, const struct s3_answer *answer,
                               struct text *text)
{
    if (answer->curl == CURLE_PEER_FAILED_VERIFICATION) {
        text_add(text, wire->set->ca_file
                           ? "; hint: ca_file must contain the authority that signed the "
                             "certificate, and the certificate must be for the endpoint's host"
                           : "; hint: set ca_file to the certificate of the authority that "
                             "signed it");
        return;
    }
    if (answer->curl == CURLE_COULDNT_RESOLVE_HOST || answer->curl == CURLE_COULDNT_CONNECT) {
        text_add(text, "; hint: check the option endpoint, and that this machine can reach it");
        return;
    }
    if (*answer->region && strcmp(answer->region, wire->set->region) != 0) {
        text_addf(text, "; hint: set region: %s", answer->region);
        return;
    }
    for (size_t i = 0; i < sizeof(s3_advices) / sizeof(s3_advices[0]); i++) {
        if (strcmp(answer->code, s3_advices[i].code) == 0) {
            text_addf(text, "; hint: %s", s3_advices[i].hint);
        }
    }
    if (answer->status == 301 || answer->status == 307) {
        text_add(text, "; hint: the bucket is at another address: correct endpoint and region");
    }
    if (answer->xml_bad) {
        text_add(
            text,
            "; hint: check that endpoint is the address of the store, and that no proxy or login "
            "page answers in its place");
    }
}

void s3_answer_report(const struct s3_wire *wire, const struct s3_answer *answer,
                      const char *action, unsigned attempts, struct failure *failure,
                      enum hangar_rc rc)
{
    struct text text = {0};
    text_addf(&text, "cannot %s: ", action);
    if (answer->stalled) {
        text_addf(&text, "no byte was sent or received for %lld s (option timeout)",
                  (long long)(wire->set->timeout_ms / 1000));
    } else if (answer->curl) {
        text_add(&text, *answer->problem ? answer->problem : curl_easy_strerror(answer->curl));
    } else if (answer->too_large) {
        text_add(&text, "the answer is larger than any valid answer of S3");
    } else if (answer->xml_bad) {
        text_add(&text, "the answer is not valid XML of S3");
    } else if (*answer->code) {
        text_addf(&text, "%s%s%s", answer->code, *answer->message ? ": " : "", answer->message);
    } else {
        text_addf(&text, "the store answered with status %ld", answer->status);
    }
    while (text.size && text.data[text.size - 1] == '.') {
        text.data[--text.size] = '\0';
    }
    if (attempts > 1) {
        text_addf(&text, " (after %u attempts)", attempts);
    }
    s3_answer_add_hint(wire, answer, &text);
    failure_record(failure, rc, "%s", text_str(&text));
    text_free(&text);
}
