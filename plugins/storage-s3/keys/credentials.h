/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * credentials: the keys that sign requests.  They are searched in the places that AWS documents for
 * its own tools, in this order; the first place that is configured is used:
 *
 *     options       access_key_id, secret_access_key, session_token
 *     environment   AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
 *     web identity  a token of OpenID Connect, which STS exchanges for keys
 *     profile       keys in ~/.aws/credentials or ~/.aws/config
 *     process       the program credential_process of the options or the profile
 *     container     the endpoint that ECS and EKS provide for their containers
 *     imds          the role of an EC2 instance, from its metadata service (version 2)
 *
 * A configured place that returns no keys is a failure, as with those tools: the keys of a later
 * place may belong to another account.  Only imds, which needs no configuration, may be missing.
 * The option `credentials` selects one place.  AWS SSO, `aws login` and roles by source_profile or
 * credential_source are refused with a message.
 *
 * Keys that expire are renewed by one thread at a time.  The other threads use the old keys while
 * these are valid, else they wait.
 *
 * Besides the rows of S3_CREDENTIAL_OPTIONS, the option table of the plugin must have `region` (for
 * the endpoint of STS), `ca_file` and `proxy`, of type STRING or PATH.  No file of this folder may
 * know about S3.
 */
#ifndef S3_KEYS_CREDENTIALS_H
#define S3_KEYS_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <hangar/plugin.h>
#include "keys/keys.h"

struct s3_credentials;

/* Reads and checks the options.  Opens no file and connects to nothing. */
enum hangar_rc s3_credentials_open(const struct hangar_host *host, struct hangar_ctx *ctx,
                                   struct s3_credentials **out);

/* Returns keys that are valid now.  Any thread may call it.  A failure is passed to host->fail on
 * the calling thread; see also s3_credentials_problem.  HANGAR_AUTH: there are no keys, or a server
 * refused to issue them.  HANGAR_RETRY: a server did not answer.  HANGAR_CANCELLED.  The caller
 * wipes *out after signing. */
enum hangar_rc s3_credentials_get(struct s3_credentials *c, struct s3_keys *out);

/* The store refused these keys as expired or unknown: the next s3_credentials_get renews them.  Has
 * no effect when they were replaced meanwhile. */
void s3_credentials_expired(struct s3_credentials *c, const struct s3_keys *refused);

/* Why the last renewal failed; "": none has.  For threads of the plugin, where host->fail has no
 * effect. */
void s3_credentials_problem(struct s3_credentials *c, char *text, size_t size);

/* Where the keys are from, for `check` and logs: "environment", "profile backup in
 * /root/.aws/credentials".  "" before the first get.  It contains no part of a key. */
void s3_credentials_source(struct s3_credentials *c, char *text, size_t size);

/* Ends all waits, now and later; valid keys are still returned.  Does not block. */
void s3_credentials_cancel(struct s3_credentials *c);
/* Wipes the keys.  NULL is accepted. */
void s3_credentials_close(struct s3_credentials *c);

/* Rows of the option table of the plugin. */
/* clang-format off */
#define S3_CREDENTIAL_OPTIONS                                                                      \
    {.name = "credentials", .type = HANGAR_OPT_ENUM, .default_value = "auto",                      \
     .choices = (const char *const[]){"auto", "options", "environment", "web_identity", "profile", \
                                      "process", "container", "imds", NULL},                       \
     .help = "Where the keys are from. auto: the first of these places that is configured."},      \
    {.name = "access_key_id", .type = HANGAR_OPT_STRING,                                           \
     .help = "Id of the key. Needs secret_access_key."},                                           \
    {.name = "secret_access_key", .type = HANGAR_OPT_STRING, .flags = HANGAR_OPT_SECRET,           \
     .help = "Secret of the key."},                                                                \
    {.name = "session_token", .type = HANGAR_OPT_STRING, .flags = HANGAR_OPT_SECRET,               \
     .help = "Token of temporary keys."},                                                          \
    {.name = "profile", .type = HANGAR_OPT_STRING,                                                 \
     .help = "Profile in the files of the AWS tools. Default: AWS_PROFILE, then default."},        \
    {.name = "shared_credentials_file", .type = HANGAR_OPT_PATH,                                   \
     .help = "File of credentials. Default: AWS_SHARED_CREDENTIALS_FILE, then "                    \
             "~/.aws/credentials."},                                                               \
    {.name = "config_file", .type = HANGAR_OPT_PATH,                                               \
     .help = "File of settings. Default: AWS_CONFIG_FILE, then ~/.aws/config."},                   \
    {.name = "credential_process", .type = HANGAR_OPT_LIST,                                        \
     .help = "Program that prints keys as JSON, and its arguments; no shell is used. Default: "    \
             "that of the profile."},                                                              \
    {.name = "role_arn", .type = HANGAR_OPT_STRING,                                                \
     .help = "Role for web identity. Default: AWS_ROLE_ARN, or that of the profile."},             \
    {.name = "role_session_name", .type = HANGAR_OPT_STRING,                                       \
     .help = "Name of the session in the logs of AWS. Default: AWS_ROLE_SESSION_NAME, or "         \
             "hangar."},                                                                           \
    {.name = "web_identity_token_file", .type = HANGAR_OPT_PATH,                                   \
     .help = "File of the token. Default: AWS_WEB_IDENTITY_TOKEN_FILE, or that of the profile."},  \
    {.name = "sts_endpoint", .type = HANGAR_OPT_STRING,                                            \
     .help = "URL of STS. Default: AWS_ENDPOINT_URL_STS, or STS of AWS in the region."},           \
    {.name = "container_endpoint", .type = HANGAR_OPT_STRING,                                      \
     .help = "URL that returns the keys of a container. Default: "                                 \
             "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI."},     \
    {.name = "imds_endpoint", .type = HANGAR_OPT_STRING,                                           \
     .help = "URL of the metadata service. Default: AWS_EC2_METADATA_SERVICE_ENDPOINT, or "        \
             "http://169.254.169.254."},                                                           \
    {.name = "credentials_timeout", .type = HANGAR_OPT_DURATION, .default_value = "30s",           \
     .min = 100, .max = 600000,                                                                    \
     .help = "Maximum time for a program or STS to return keys. For endpoints of containers and "  \
             "instances it is 5 s at most."}
/* clang-format on */

#endif
