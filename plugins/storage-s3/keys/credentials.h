/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * credentials.h: the keys with which requests are signed.  They are looked for where
 * AWS documents that its tools look, in this order, and the first place that is set up
 * is taken:
 *
 *     options       access_key_id, secret_access_key, session_token
 *     environment   AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
 *     web identity  a token of OpenID Connect, given to STS for keys
 *     profile       keys in ~/.aws/credentials or ~/.aws/config
 *     process       the credential_process of the option or the profile
 *     container     the endpoint that ECS and EKS tell their containers
 *     imds          the role of an EC2 instance, from its metadata service (version 2)
 *
 * A place that is set up and gives no keys is a failure, as with those tools: keys of
 * another place would be those of somebody else.  Only imds, which needs no setting up,
 * may simply not be there.  The option `credentials` pins one place.  AWS SSO, the Login
 * and roles by source_profile or credential_source are refused, with the words to say so.
 *
 * Keys that expire are renewed.  One thread at a time asks; the others go on with the
 * old ones as long as these are valid, or wait.
 *
 * Besides the rows of S3_CREDENTIAL_OPTIONS the table of the plugin must have `region`
 * (of the endpoint of STS), `ca_file` and `proxy` (both may be NULL), all of type STRING
 * or PATH.  Nothing here knows S3.
 */
#ifndef S3_CREDENTIALS_H
#define S3_CREDENTIALS_H

#include <stddef.h>
#include <stdint.h>
#include <hangar/plugin.h>

struct s3_keys {
    char access_key_id[256];
    char secret_access_key[256];
    char session_token[4096]; /* "": none */
    int64_t expires_ms;       /* 0: never */
};

struct s3_credentials;

/* Reads and checks the options; opens no file and connects to nothing. */
enum hangar_rc s3_credentials_open(const struct hangar_host *host, struct hangar_ctx *ctx,
                                   struct s3_credentials **out);

/* Keys that are valid now.  Any thread.  A failure is recorded with host->fail on the
 * thread that calls; see also s3_credentials_problem.  HANGAR_AUTH: there are none, or
 * they were refused; HANGAR_RETRY: a server gave no answer, later it may;
 * HANGAR_CANCELLED.  The caller wipes *out when it has signed. */
enum hangar_rc s3_credentials_get(struct s3_credentials *c, struct s3_keys *out);

/* The store refused these keys as expired or unknown: the next get asks for new ones, if
 * their place can give any.  Keys that were replaced meanwhile are left alone. */
void s3_credentials_expired(struct s3_credentials *c, const struct s3_keys *refused);

/* Why the last get failed, "" when none has: for threads of the plugin itself, whose
 * host->fail nobody hears. */
void s3_credentials_problem(struct s3_credentials *c, char *text, size_t size);

/* Where the keys are from, for `check` and logs: "environment", "profile backup in
 * /root/.aws/credentials".  "" before the first get.  Never any part of a key. */
void s3_credentials_source(struct s3_credentials *c, char *text, size_t size);

/* Ends every wait, now and later; keys that can be had without are still given.  Does not
 * block. */
void s3_credentials_cancel(struct s3_credentials *c);
/* Wipes the keys.  NULL is accepted. */
void s3_credentials_close(struct s3_credentials *c);

/* Rows of the plugin's table of options. */
/* clang-format off */
#define S3_CREDENTIAL_OPTIONS                                                                      \
    {.name = "credentials", .type = HANGAR_OPT_ENUM, .default_value = "auto",                      \
     .choices = (const char *const[]){"auto", "options", "environment", "web_identity", "profile", \
                                      "process", "container", "imds", NULL},                       \
     .help = "Where the keys are from. auto: the first of these places that is set up."},          \
    {.name = "access_key_id", .type = HANGAR_OPT_STRING,                                           \
     .help = "Name of the key. Needs secret_access_key."},                                         \
    {.name = "secret_access_key", .type = HANGAR_OPT_STRING, .flags = HANGAR_OPT_SECRET,           \
     .help = "The secret half of the key."},                                                       \
    {.name = "session_token", .type = HANGAR_OPT_STRING, .flags = HANGAR_OPT_SECRET,               \
     .help = "Token of temporary keys."},                                                          \
    {.name = "profile", .type = HANGAR_OPT_STRING,                                                 \
     .help = "Profile of the files of AWS's tools. Default: AWS_PROFILE, then default."},          \
    {.name = "shared_credentials_file", .type = HANGAR_OPT_PATH,                                   \
     .help = "Default: AWS_SHARED_CREDENTIALS_FILE, then ~/.aws/credentials."},                    \
    {.name = "config_file", .type = HANGAR_OPT_PATH,                                               \
     .help = "Default: AWS_CONFIG_FILE, then ~/.aws/config."},                                     \
    {.name = "credential_process", .type = HANGAR_OPT_LIST,                                        \
     .help = "Program and its arguments; it prints keys as JSON. Run without a shell. Default: "   \
             "that of the profile."},                                                              \
    {.name = "role_arn", .type = HANGAR_OPT_STRING,                                                \
     .help = "Role for web identity. Default: AWS_ROLE_ARN, or that of the profile."},             \
    {.name = "role_session_name", .type = HANGAR_OPT_STRING,                                       \
     .help = "Name of the session, seen in the logs of AWS. Default: AWS_ROLE_SESSION_NAME, or "   \
             "hangar."},                                                                           \
    {.name = "web_identity_token_file", .type = HANGAR_OPT_PATH,                                   \
     .help = "File with the token. Default: AWS_WEB_IDENTITY_TOKEN_FILE, or that of the profile."},\
    {.name = "sts_endpoint", .type = HANGAR_OPT_STRING,                                            \
     .help = "URL of STS. Default: AWS_ENDPOINT_URL_STS, or that of AWS in the region."},          \
    {.name = "container_endpoint", .type = HANGAR_OPT_STRING,                                      \
     .help = "URL that gives keys to containers. Default: "                                        \
             "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI."},     \
    {.name = "imds_endpoint", .type = HANGAR_OPT_STRING,                                           \
     .help = "URL of the metadata service. Default: AWS_EC2_METADATA_SERVICE_ENDPOINT, or "        \
             "http://169.254.169.254."},                                                           \
    {.name = "credentials_timeout", .type = HANGAR_OPT_DURATION, .default_value = "30s",           \
     .min = 100, .max = 600000,                                                                    \
     .help = "How long a program or STS may take to give keys. Endpoints of containers and "       \
             "instances are nearer, and have 5 s at most."}
/* clang-format on */

#endif
