/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * parts: what the files of this folder share.
 *
 *     credentials.c  the keys in use: renewing and waiting
 *     places.c       the places and their order; those on this machine
 *     remote.c       the places that are reached over HTTP
 *     http.c         one HTTP request, limited in time and size
 *     process.c      one program, limited in time and output
 *     profile.c      parses the files of the AWS tools
 *     reply.c        parses JSON and XML into keys
 *     base.c         options, environment variables and files
 *
 * profile.c, reply.c and creds_split_command need neither the host nor the network, and accept any
 * bytes.  The text of a problem contains no part of what was read, because that may be a secret.
 */
#ifndef S3_KEYS_PARTS_H
#define S3_KEYS_PARTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <hangar/plugin.h>
#include "keys/keys.h"

#define CREDS_PROBLEM_SIZE 512
#define CREDS_REPLY_MAX_BYTES ((size_t)64 << 10) /* of an endpoint, a program, a file of a token */
#define CREDS_FILE_MAX_BYTES ((size_t)1 << 20)   /* of a file of profiles */

/* The result of a place besides its keys. */
struct creds_result {
    char problem[CREDS_PROBLEM_SIZE]; /* why there are no keys */
    char source[CREDS_PROBLEM_SIZE];  /* where the keys are from */
};

/* Writes the problem and returns rc. */
enum hangar_rc creds_fail(struct creds_result *result, enum hangar_rc rc, const char *fmt, ...)
    HANGAR_PRINTF(3, 4);
enum hangar_rc creds_no_memory(struct creds_result *result); /* returns HANGAR_NO_MEMORY */
void creds_source(struct creds_result *result, const char *fmt, ...) HANGAR_PRINTF(2, 3);

enum creds_place {
    CREDS_AUTO = 0,
    CREDS_OPTIONS,
    CREDS_ENVIRONMENT,
    CREDS_WEB_IDENTITY,
    CREDS_PROFILE,
    CREDS_PROCESS,
    CREDS_CONTAINER,
    CREDS_IMDS,
    CREDS_PLACES
};

struct s3_credentials {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    enum creds_place place; /* the only one to use; CREDS_AUTO: all in their order */
    int64_t timeout_ms;
    atomic_bool cancelled;
    atomic_bool warned;        /* about a file that other users can read */
    struct creds_state *state; /* credentials.c alone */
};

/* The value of an option; NULL: it is not set or empty. */
const char *creds_option(const struct s3_credentials *c, const char *name);
/* The same of an environment variable. */
const char *creds_env(const char *name);
/* The option, else the variable, else NULL. */
const char *creds_setting(const struct s3_credentials *c, const char *option, const char *variable);
bool creds_is_cancelled(struct s3_credentials *c);

/* Reads a regular file of at most `max` bytes.  *text ends with a NUL; the caller frees it with
 * creds_free.  *open_to_others (may be NULL): other users can read the file.  HANGAR_NOT_FOUND:
 * there is no such file. */
enum hangar_rc creds_read_file(const char *path, size_t max, char **text, size_t *size,
                               bool *open_to_others, struct creds_result *result);
void creds_free(char *text, size_t size); /* wipes */

/* places.c */

/* Determines the place from the options; options that contradict each other are refused. */
enum hangar_rc creds_choose_place(struct s3_credentials *c);
/* Gets keys from the place, or from the first configured one.  The reason is a whole sentence. */
#define CREDS_REASON_SIZE 2048
enum hangar_rc creds_find(struct s3_credentials *c, struct s3_keys *keys,
                          char reason[CREDS_REASON_SIZE], char source[CREDS_PROBLEM_SIZE]);

/* profile.c */

struct creds_profile {
    bool found;      /* there is a section of this name */
    bool sso, login; /* it uses these methods, which hangar does not support */
    char access_key_id[256];
    char secret_access_key[256];
    char session_token[4096];
    char process[4096];
    char role_arn[2048];
    char role_session_name[128];
    char token_file[4096];
};

/* Reads one profile of a file.  `is_config`: sections are named [profile NAME], as in
 * ~/.aws/config.  False: the text is not valid, see problem. */
bool creds_parse_profile(const char *text, size_t size, bool is_config, const char *profile,
                         struct creds_profile *out, char problem[CREDS_PROBLEM_SIZE]);

/* reply.c */

/* Can keys be used and sent?  They must not contain spaces or control characters. */
bool creds_check_keys(const struct s3_keys *keys, char problem[CREDS_PROBLEM_SIZE]);

enum creds_json {
    CREDS_JSON_PROCESS, /* Version 1, SessionToken; keys need not expire */
    CREDS_JSON_ENDPOINT /* of containers and instances: Token; keys expire */
};
/* Reads keys from a reply.  False: it has none, see problem. */
bool creds_parse_json(const char *text, size_t size, enum creds_json kind, struct s3_keys *out,
                      char problem[CREDS_PROBLEM_SIZE]);

struct creds_sts {
    struct s3_keys keys; /* when there is no error */
    char code[64];       /* of the error, "" when there is none */
    char message[256];
};
/* Reads the reply of STS.  False: it has neither keys nor an error. */
bool creds_parse_sts(const char *text, size_t size, struct creds_sts *out,
                     char problem[CREDS_PROBLEM_SIZE]);

/* process.c */

/* Splits a line into words as a shell does, but only by spaces, quotes and backslashes.  The array
 * ends with NULL and is one block for free().  NULL: a quote is open, or out of memory. */
char **creds_split_command(const char *line);
/* Runs a program and returns its output; the caller frees it with creds_free. */
enum hangar_rc creds_run_program(struct s3_credentials *c, char *const *argv, char **text,
                                 size_t *size, struct creds_result *result);

/* http.c */

struct creds_request {
    const char *method;     /* GET, PUT, POST */
    const char *url;        /* http or https; redirections are not followed */
    const char *headers[3]; /* "Name: value"; may be secrets */
    const char *body;       /* of a POST */
    int64_t timeout_ms, connect_timeout_ms;
};

struct creds_reply {
    long status;
    size_t size;
    char text[CREDS_REPLY_MAX_BYTES + 1]; /* ends with a NUL */
};

/* HANGAR_OK: there is a reply, of any status.  HANGAR_RETRY: there is none; *unreachable: the
 * server sent nothing at all (no route, connection refused, timeout). */
enum hangar_rc creds_http(struct s3_credentials *c, const struct creds_request *request,
                          struct creds_reply *reply, bool *unreachable,
                          struct creds_result *result);

/* remote.c */

enum hangar_rc creds_from_sts(struct s3_credentials *c, const char *role_arn,
                              const char *session_name, const char *token_file,
                              struct s3_keys *keys, struct creds_result *result);
/* HANGAR_NOT_FOUND: the place is not configured; for imds, it does not answer. */
enum hangar_rc creds_from_container(struct s3_credentials *c, struct s3_keys *keys,
                                    struct creds_result *result);
enum hangar_rc creds_from_imds(struct s3_credentials *c, struct s3_keys *keys,
                               struct creds_result *result);

#endif
