/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * remote: the places that are reached over HTTP: STS with a token of OpenID Connect, the endpoint
 * of a container, the metadata service of an instance.  The URL of each can be set, also by tests.
 */
#include "keys/parts.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

#define ATTEMPTS 3
#define NEAR_TIMEOUT_MS 5000         /* of the endpoints of containers and instances */
#define NEAR_CONNECT_TIMEOUT_MS 1000 /* short, because the endpoint may not exist */
#define ECS_ENDPOINT "http://169.254.170.2"
#define IMDS_ENDPOINT "http://169.254.169.254"
#define IMDS_ENDPOINT_V6 "http://[fd00:ec2::254]"
#define IMDS_ROLES "/latest/meta-data/iam/security-credentials/"
#define IMDS_TOKEN_HEADER "X-aws-ec2-metadata-token: "
#define STS_VERSION "2011-06-15"
#define URL_SIZE 2048

static int64_t creds_min_ms(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Sends a request, and repeats it after a temporary failure within its timeout.  If the server
 * `may_be_missing`, it is not repeated when the server sent nothing at all. */
static enum hangar_rc creds_http_repeated(struct s3_credentials *c, struct creds_request request,
                                          bool may_be_missing, struct creds_reply *reply,
                                          bool *unreachable, struct creds_result *result)
{
    int64_t deadline = clock_monotonic_ms() + request.timeout_ms;
    for (int attempt = 1;; attempt++) {
        request.timeout_ms = deadline - clock_monotonic_ms();
        enum hangar_rc rc = creds_http(c, &request, reply, unreachable, result);
        bool temporary = rc == HANGAR_RETRY && !(may_be_missing && *unreachable);
        temporary |= rc == HANGAR_OK && (reply->status >= 500 || reply->status == 429);
        uint32_t pause_ms = 100u << attempt;
        if (!temporary || attempt == ATTEMPTS || clock_monotonic_ms() + pause_ms >= deadline) {
            return rc;
        }
        if (c->host->sleep(c->ctx, pause_ms)) {
            return creds_fail(result, HANGAR_CANCELLED, "cancelled");
        }
    }
}

/* ------------------------------------------------------------------------ *
 * STS
 * ------------------------------------------------------------------------ */

/* Writes the URL of STS.  False: the region is not valid. */
static bool sts_url(const struct s3_credentials *c, char url[URL_SIZE])
{
    const char *given = creds_setting(c, "sts_endpoint", "AWS_ENDPOINT_URL_STS");
    if (!given) {
        given = creds_env("AWS_ENDPOINT_URL");
    }
    const char *region = creds_setting(c, "region", "AWS_REGION");
    if (!region) {
        region = creds_env("AWS_DEFAULT_REGION");
    }
    if (given) {
        return snprintf(url, URL_SIZE, "%s", given) < URL_SIZE;
    }
    if (!region) {
        return snprintf(url, URL_SIZE, "https://sts.amazonaws.com") > 0;
    }
    if (strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(region)) {
        return false;
    }
    return snprintf(url, URL_SIZE, "https://sts.%s.amazonaws.com%s", region,
                    strncmp(region, "cn-", 3) == 0 ? ".cn" : "") < URL_SIZE;
}

/* Reads a token: a file of one line, without its newline. */
static enum hangar_rc creds_read_token(const char *path, char **token, struct creds_result *result)
{
    size_t size = 0;
    char *text = NULL;
    enum hangar_rc rc = creds_read_file(path, CREDS_REPLY_MAX_BYTES, &text, &size, NULL, result);
    if (rc != HANGAR_OK) { /* also a file that does not exist is a failure here */
        return rc == HANGAR_NOT_FOUND ? HANGAR_AUTH : rc;
    }
    size_t length = strcspn(text, "\r\n \t");
    if (!length || length + strspn(text + length, "\r\n \t") != size) {
        creds_free(text, size);
        return creds_fail(result, HANGAR_AUTH, "file %s does not contain exactly one token", path);
    }
    memset(text + length, '\0', size - length);
    *token = text;
    return HANGAR_OK;
}

static char *sts_make_body(const char *role_arn, const char *session_name, const char *token)
{
    char *role = curl_easy_escape(NULL, role_arn, 0);
    char *name = curl_easy_escape(NULL, session_name, 0);
    char *secret = curl_easy_escape(NULL, token, 0);
    char *body = NULL;
    if (role && name && secret &&
        asprintf(&body,
                 "Action=AssumeRoleWithWebIdentity&Version=" STS_VERSION
                 "&RoleArn=%s&RoleSessionName=%s&WebIdentityToken=%s",
                 role, name, secret) < 0) {
        body = NULL;
    }
    if (secret) {
        explicit_bzero(secret, strlen(secret));
    }
    curl_free(role);
    curl_free(name);
    curl_free(secret);
    return body;
}

/* Reports the error of STS, without its texts where they contain the token. */
static enum hangar_rc sts_refusal(const struct creds_reply *reply, const struct creds_sts *sts,
                                  const char *token, struct creds_result *result)
{
    char beginning[17];
    snprintf(beginning, sizeof(beginning), "%s", token);
    bool temporary = reply->status >= 500 || reply->status == 429 ||
                     strcmp(sts->code, "IDPCommunicationError") == 0;
    bool has_message = *sts->message && !strstr(sts->message, beginning);
    return creds_fail(result, temporary ? HANGAR_RETRY : HANGAR_AUTH,
                      "STS answered with HTTP status %ld and code %s%s%s", reply->status,
                      strstr(sts->code, beginning) ? "?" : sts->code, has_message ? ": " : "",
                      has_message ? sts->message : "");
}

static enum hangar_rc sts_read_reply(const struct creds_reply *reply, const char *token,
                                     struct s3_keys *keys, struct creds_result *result)
{
    struct creds_sts sts;
    char problem[CREDS_PROBLEM_SIZE] = "";
    enum hangar_rc rc;
    bool parsed = creds_parse_sts(reply->text, reply->size, &sts, problem);
    if (parsed && *sts.code) {
        rc = sts_refusal(reply, &sts, token, result);
    } else if (reply->status != 200) {
        rc = creds_fail(result, reply->status >= 500 ? HANGAR_RETRY : HANGAR_AUTH,
                        "STS answered with HTTP status %ld", reply->status);
    } else if (!parsed) {
        rc = creds_fail(result, HANGAR_AUTH, "the answer of STS is not valid: %s", problem);
    } else {
        rc = HANGAR_OK;
    }
    if (rc == HANGAR_OK) {
        *keys = sts.keys;
    }
    explicit_bzero(&sts, sizeof(sts));
    return rc;
}

enum hangar_rc creds_from_sts(struct s3_credentials *c, const char *role_arn,
                              const char *session_name, const char *token_file,
                              struct s3_keys *keys, struct creds_result *result)
{
    char url[URL_SIZE], *token = NULL;
    if (!role_arn) {
        return creds_fail(result, HANGAR_AUTH,
                          "no role is set for the token in %s; hint: set role_arn or "
                          "AWS_ROLE_ARN",
                          token_file);
    }
    if (!sts_url(c, url)) {
        return creds_fail(result, HANGAR_CONFIG, "the region is not a valid region of AWS");
    }
    enum hangar_rc rc = creds_read_token(token_file, &token, result);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (strncmp(url, "https://", 8) != 0 && !creds_is_local_url(url)) {
        c->host->log(c->ctx, HANGAR_LOG_WARN,
                     "the web identity token is sent unencrypted to STS at %s; hint: use https",
                     url);
    }
    char *body = sts_make_body(role_arn, session_name ? session_name : "hangar", token);
    struct creds_reply *reply = malloc(sizeof(*reply));
    struct creds_request request = {
        .method = "POST",
        .url = url,
        .headers = {"Content-Type: application/x-www-form-urlencoded; charset=utf-8"},
        .body = body,
        .timeout_ms = c->timeout_ms,
        .connect_timeout_ms = creds_min_ms(c->timeout_ms, 10000)};
    bool unreachable;
    rc = !body || !reply ? creds_no_memory(result)
                         : creds_http_repeated(c, request, false, reply, &unreachable, result);
    if (rc == HANGAR_OK) {
        rc = sts_read_reply(reply, token, keys, result);
    }
    creds_free(body, body ? strlen(body) : 0);
    creds_free((char *)reply, reply ? sizeof(*reply) : 0);
    creds_free(token, strlen(token));
    if (rc == HANGAR_OK) {
        creds_source(result, "STS at %s for the token in %s, role %s", url, token_file, role_arn);
    }
    return rc;
}

/* ------------------------------------------------------------------------ *
 * Containers
 * ------------------------------------------------------------------------ */

/* Writes the URL of the endpoint; it must be https or local, because it receives the token. */
static enum hangar_rc container_url(const struct s3_credentials *c, char url[URL_SIZE],
                                    struct creds_result *result)
{
    const char *given = creds_option(c, "container_endpoint");
    const char *relative = creds_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = creds_env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    int size;
    if (!given && !relative && !full) {
        return creds_fail(result, HANGAR_NOT_FOUND,
                          "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor "
                          "AWS_CONTAINER_CREDENTIALS_FULL_URI is set");
    }
    if (!given && relative) {
        size = snprintf(url, URL_SIZE, ECS_ENDPOINT "%s%s", *relative == '/' ? "" : "/", relative);
    } else {
        size = snprintf(url, URL_SIZE, "%s", given ? given : full);
    }
    if (size < 0 || size >= URL_SIZE) {
        return creds_fail(result, HANGAR_CONFIG, "the URL is too long");
    }
    if (strncmp(url, "https://", 8) != 0 && !creds_is_local_url(url)) {
        return creds_fail(result, HANGAR_CONFIG,
                          "the URL %s must be https, or have a host that is allowed without "
                          "encryption: loopback, 169.254.170.2, 169.254.170.23, [fd00:ec2::23]",
                          url);
    }
    return HANGAR_OK;
}

/* Allocates "Authorization: TOKEN"; NULL: no token is configured. */
static enum hangar_rc container_header(char **header, struct creds_result *result)
{
    const char *path = creds_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *plain = creds_env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    char *token = NULL;
    *header = NULL;
    if (!path && !plain) {
        return HANGAR_OK;
    }
    if (path) {
        enum hangar_rc rc = creds_read_token(path, &token, result);
        if (rc != HANGAR_OK) {
            return rc;
        }
    } else if (strpbrk(plain, "\r\n")) {
        return creds_fail(result, HANGAR_CONFIG,
                          "AWS_CONTAINER_AUTHORIZATION_TOKEN contains a newline");
    }
    int size = asprintf(header, "Authorization: %s", path ? token : plain);
    creds_free(token, token ? strlen(token) : 0);
    return size < 0 ? creds_no_memory(result) : HANGAR_OK;
}

static enum hangar_rc creds_read_endpoint(const struct creds_reply *reply, struct s3_keys *keys,
                                          struct creds_result *result)
{
    char problem[CREDS_PROBLEM_SIZE] = "";
    if (reply->status != 200) {
        return creds_fail(result,
                          reply->status >= 500 || reply->status == 429 ? HANGAR_RETRY : HANGAR_AUTH,
                          "the endpoint answered with HTTP status %ld", reply->status);
    }
    if (!creds_parse_json(reply->text, reply->size, CREDS_JSON_ENDPOINT, keys, problem)) {
        return creds_fail(result, HANGAR_AUTH, "the answer of the endpoint is not valid: %s",
                          problem);
    }
    return HANGAR_OK;
}

enum hangar_rc creds_from_container(struct s3_credentials *c, struct s3_keys *keys,
                                    struct creds_result *result)
{
    char url[URL_SIZE], *header = NULL;
    enum hangar_rc rc = container_url(c, url, result);
    if (rc == HANGAR_OK) {
        rc = container_header(&header, result);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    struct creds_reply *reply = malloc(sizeof(*reply));
    struct creds_request request = {.method = "GET",
                                    .url = url,
                                    .headers = {header},
                                    .timeout_ms = creds_min_ms(c->timeout_ms, NEAR_TIMEOUT_MS),
                                    .connect_timeout_ms =
                                        creds_min_ms(c->timeout_ms, NEAR_CONNECT_TIMEOUT_MS)};
    bool unreachable;
    rc = !reply ? creds_no_memory(result)
                : creds_http_repeated(c, request, false, reply, &unreachable, result);
    if (rc == HANGAR_OK) {
        rc = creds_read_endpoint(reply, keys, result);
    }
    creds_free(header, header ? strlen(header) : 0);
    creds_free((char *)reply, reply ? sizeof(*reply) : 0);
    if (rc == HANGAR_OK) {
        creds_source(result, "container endpoint %s", url);
    }
    return rc;
}

/* ------------------------------------------------------------------------ *
 * Instances
 * ------------------------------------------------------------------------ */

/* What the three requests share. */
struct imds {
    struct s3_credentials *c;
    const char *base;
    struct creds_reply *reply;
    struct creds_result *result;
    bool unreachable;
};

static const char *imds_base(const struct s3_credentials *c)
{
    const char *given = creds_setting(c, "imds_endpoint", "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = creds_env("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    if (given) {
        return given;
    }
    return mode && strcasecmp(mode, "IPv6") == 0 ? IMDS_ENDPOINT_V6 : IMDS_ENDPOINT;
}

static enum hangar_rc imds_request(struct imds *imds, const char *method, const char *path,
                                   const char *name, const char *header)
{
    size_t base = strlen(imds->base);
    while (base && imds->base[base - 1] == '/') {
        base--;
    }
    char url[URL_SIZE];
    int size = snprintf(url, sizeof(url), "%.*s%s%s", (int)base, imds->base, path, name);
    if (size < 0 || size >= URL_SIZE) {
        return creds_fail(imds->result, HANGAR_CONFIG,
                          "the URL of the metadata service is too long");
    }
    struct creds_request request = {
        .method = method,
        .url = url,
        .headers = {header},
        .timeout_ms = creds_min_ms(imds->c->timeout_ms, NEAR_TIMEOUT_MS),
        .connect_timeout_ms = creds_min_ms(imds->c->timeout_ms, NEAR_CONNECT_TIMEOUT_MS)};
    return creds_http_repeated(imds->c, request, imds->c->place != CREDS_IMDS, imds->reply,
                               &imds->unreachable, imds->result);
}

/* Cuts the reply to its first line.  False: it is not a valid name for a URL, or too long. */
static bool imds_cut_to_word(struct creds_reply *reply, size_t most)
{
    size_t length = strcspn(reply->text, "\r\n");
    if (!length || length > most) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (reply->text[i] <= ' ' || reply->text[i] > '~' || strchr("/?#%\"\\", reply->text[i])) {
            return false;
        }
    }
    reply->text[length] = '\0';
    return true;
}

static enum hangar_rc imds_token(struct imds *imds, char header[1024])
{
    enum hangar_rc rc = imds_request(imds, "PUT", "/latest/api/token", "",
                                     "X-aws-ec2-metadata-token-ttl-seconds: 21600");
    if (rc == HANGAR_RETRY && imds->unreachable) {
        return creds_fail(imds->result, HANGAR_NOT_FOUND,
                          "no instance metadata service answers at %s; hint: from a container "
                          "it needs a hop limit of 2",
                          imds->base);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (imds->reply->status != 200) {
        return creds_fail(imds->result,
                          imds->reply->status >= 500 ? HANGAR_RETRY : HANGAR_NOT_FOUND,
                          "the metadata service refused a token (version 2) with HTTP status %ld",
                          imds->reply->status);
    }
    /* a token may contain any character of base64 */
    size_t length = strcspn(imds->reply->text, "\r\n");
    if (!length || length > 900 || strpbrk(imds->reply->text, " \t<>")) {
        return creds_fail(imds->result, HANGAR_AUTH,
                          "the metadata service returned no valid token");
    }
    snprintf(header, 1024, IMDS_TOKEN_HEADER "%.*s", (int)length, imds->reply->text);
    return HANGAR_OK;
}

static enum hangar_rc imds_role(struct imds *imds, const char *header, char role[128])
{
    enum hangar_rc rc = imds_request(imds, "GET", IMDS_ROLES, "", header);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (imds->reply->status == 404) {
        return creds_fail(imds->result, HANGAR_NOT_FOUND, "the instance has no role");
    }
    if (imds->reply->status != 200) {
        return creds_fail(imds->result, imds->reply->status >= 500 ? HANGAR_RETRY : HANGAR_AUTH,
                          "the metadata service answered with HTTP status %ld",
                          imds->reply->status);
    }
    if (!imds_cut_to_word(imds->reply, 100)) {
        return creds_fail(imds->result, HANGAR_AUTH,
                          "the metadata service returned no valid role name");
    }
    snprintf(role, 128, "%.100s", imds->reply->text);
    return HANGAR_OK;
}

enum hangar_rc creds_from_imds(struct s3_credentials *c, struct s3_keys *keys,
                               struct creds_result *result)
{
    char header[1024], role[128];
    const char *disabled = creds_env("AWS_EC2_METADATA_DISABLED");
    if (disabled && strcasecmp(disabled, "true") == 0) {
        return creds_fail(result, HANGAR_NOT_FOUND, "AWS_EC2_METADATA_DISABLED is true");
    }
    struct imds imds = {
        .c = c, .base = imds_base(c), .reply = malloc(sizeof(*imds.reply)), .result = result};
    if (!imds.reply) {
        return creds_no_memory(result);
    }
    enum hangar_rc rc = imds_token(&imds, header);
    if (rc == HANGAR_OK) {
        rc = imds_role(&imds, header, role);
    }
    if (rc == HANGAR_OK) {
        rc = imds_request(&imds, "GET", IMDS_ROLES, role, header);
    }
    if (rc == HANGAR_OK) {
        rc = creds_read_endpoint(imds.reply, keys, result);
    }
    if (rc == HANGAR_OK) {
        creds_source(result, "role %s of this instance, by %s", role, imds.base);
    }
    creds_free((char *)imds.reply, sizeof(*imds.reply));
    explicit_bzero(header, sizeof(header));
    return rc;
}
