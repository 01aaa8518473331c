/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * parts.h: what the files of the credentials share.
 *
 *     credentials.c  the keys in use: asking, renewing, waiting
 *     places.c       the places, their order, and what is asked of each
 *     remote.c       the places that are asked over HTTP
 *     http.c         one bounded request
 *     process.c      one bounded program
 *     profile.c      the files of AWS's tools: text to settings
 *     reply.c        JSON and XML: text to keys
 *
 * The last two and creds_split know neither host nor network: any bytes may be given to
 * them.  A problem is a text of its own, without any part of what was read, as that may
 * be a secret.
 */
#ifndef S3_CREDENTIALS_PARTS_H
#define S3_CREDENTIALS_PARTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include "keys/credentials.h"

#define CREDS_PROBLEM_SIZE 512
#define CREDS_REPLY_MAX ((size_t)64 << 10) /* of an endpoint, a program, a token's file */
#define CREDS_FILE_MAX ((size_t)1 << 20)   /* of a file of profiles */

/* What came of asking a place. */
struct creds_note {
    char problem[CREDS_PROBLEM_SIZE]; /* why there are no keys */
    char source[CREDS_PROBLEM_SIZE];  /* where the keys are from */
};

/* Writes the problem, or the source, and returns rc. */
enum hangar_rc creds_problem(struct creds_note *note, enum hangar_rc rc, const char *fmt, ...)
    HANGAR_PRINTF(3, 4);
void creds_source(struct creds_note *note, const char *fmt, ...) HANGAR_PRINTF(2, 3);

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
    enum creds_place place; /* the only one to ask */
    int64_t timeout_ms;
    atomic_bool cancelled;
    atomic_bool warned;        /* of a file that is open to others */
    struct creds_state *state; /* credentials.c alone */
};

/* An option that is set and not empty, else NULL. */
const char *creds_option(const struct s3_credentials *c, const char *name);
/* The same of the environment. */
const char *creds_env(const char *name);
/* An option, else a variable, else NULL. */
const char *creds_setting(const struct s3_credentials *c, const char *option, const char *variable);
bool creds_is_cancelled(struct s3_credentials *c);

/* A regular file of at most `max` bytes, with a NUL behind it; *text is malloc'd and
 * freed with creds_free.  With `open_to_others`, says whether others may read it.
 * HANGAR_NOT_FOUND: there is no such file. */
enum hangar_rc creds_read_file(const char *path, size_t max, char **text, size_t *size,
                               bool *open_to_others, struct creds_note *note);
void creds_free(char *text, size_t size); /* wipes */

/* places.c */

/* Which place the options choose; fail_option when they contradict each other. */
enum hangar_rc creds_choose(struct s3_credentials *c);
/* Asks the place, or one after the other.  The problem is a whole sentence. */
#define CREDS_REASON_SIZE 2048
enum hangar_rc creds_ask(struct s3_credentials *c, struct s3_keys *keys,
                         char reason[CREDS_REASON_SIZE], char source[CREDS_PROBLEM_SIZE]);

/* profile.c */

struct creds_profile {
    bool found;      /* there is a section of this name */
    bool sso, login; /* it has settings of these, which hangar does not do */
    char access_key_id[256];
    char secret_access_key[256];
    char session_token[4096];
    char process[4096];
    char role_arn[2048];
    char role_session_name[128];
    char token_file[4096];
};

/* Reads one profile of such a file.  `is_config`: sections are named [profile NAME], as
 * in ~/.aws/config.  False: the text cannot be read, see problem. */
bool creds_parse_profile(const char *text, size_t size, bool is_config, const char *profile,
                         struct creds_profile *out, char problem[CREDS_PROBLEM_SIZE]);

/* reply.c */

/* Whether keys can be signed with and sent: no spaces, no control characters. */
bool creds_check(const struct s3_keys *keys, char problem[CREDS_PROBLEM_SIZE]);

enum creds_json {
    CREDS_JSON_PROCESS, /* Version 1, SessionToken; keys may last for ever */
    CREDS_JSON_ENDPOINT /* of containers and instances: Token, and they expire */
};
/* Keys from a reply.  False: there are none, see problem. */
bool creds_parse_json(const char *text, size_t size, enum creds_json kind, struct s3_keys *out,
                      char problem[CREDS_PROBLEM_SIZE]);

struct creds_sts {
    struct s3_keys keys; /* where there is no error */
    char code[64];       /* of the error, "" when there is none */
    char message[256];
};
/* The reply of STS.  False: it is neither keys nor an error. */
bool creds_parse_sts(const char *text, size_t size, struct creds_sts *out,
                     char problem[CREDS_PROBLEM_SIZE]);

/* process.c */

/* The words of a line, as a shell splits it: spaces, quotes, backslashes and nothing
 * else.  NULL-terminated, one block for free(); NULL: a quote is open, or no memory. */
char **creds_split(const char *line);
/* Runs argv and gives what it prints. */
enum hangar_rc creds_run(struct s3_credentials *c, char *const *argv, char **text, size_t *size,
                         struct creds_note *note);

/* http.c */

struct creds_request {
    const char *method;     /* GET, PUT, POST */
    const char *url;        /* http or https; no redirection is followed */
    const char *headers[3]; /* "Name: value"; may be secrets */
    const char *body;       /* of a POST */
    int64_t timeout_ms, connect_timeout_ms;
};

struct creds_reply {
    long status;
    size_t size;
    char text[CREDS_REPLY_MAX + 1]; /* with a NUL behind it */
};

/* HANGAR_OK with any status.  HANGAR_RETRY: no answer; *unreachable says that there is
 * nobody (no route, nothing listens, no word in time). */
enum hangar_rc creds_http(struct s3_credentials *c, const struct creds_request *request,
                          struct creds_reply *reply, bool *unreachable, struct creds_note *note);
/* Is this the URL of a host that may be told secrets without encryption, and is asked
 * without a proxy: loopback, or an address that AWS gives to containers and instances? */
bool creds_is_near(const char *url);

/* remote.c */

enum hangar_rc creds_from_sts(struct s3_credentials *c, const char *role_arn,
                              const char *session_name, const char *token_file,
                              struct s3_keys *keys, struct creds_note *note);
/* HANGAR_NOT_FOUND: the place is not set up, or, of imds, not there. */
enum hangar_rc creds_from_container(struct s3_credentials *c, struct s3_keys *keys,
                                    struct creds_note *note);
enum hangar_rc creds_from_imds(struct s3_credentials *c, struct s3_keys *keys,
                               struct creds_note *note);

#endif
