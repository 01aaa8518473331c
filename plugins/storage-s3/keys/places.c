/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * places: where keys are looked for, and in which order; and the places on
 * this machine: options, environment, files, programs.  It keeps nothing.
 */
#include "keys/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"

#define ARGV_MAX 256

enum hangar_rc creds_problem(struct creds_note *note, enum hangar_rc rc, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(note->problem, sizeof(note->problem), fmt, args);
    va_end(args);
    return rc;
}

void creds_source(struct creds_note *note, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(note->source, sizeof(note->source), fmt, args);
    va_end(args);
}

const char *creds_option(const struct s3_credentials *c, const char *name)
{
    const char *value = c->host->opt_string(c->ctx, name);
    return value && *value ? value : NULL;
}

const char *creds_env(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

const char *creds_setting(const struct s3_credentials *c, const char *option, const char *variable)
{
    const char *value = creds_option(c, option);
    return value ? value : creds_env(variable);
}

void creds_free(char *text, size_t size)
{
    if (text) {
        explicit_bzero(text, size);
    }
    free(text);
}

static enum hangar_rc read_open_file(int fd, const char *path, size_t max, char **text,
                                     size_t *size, struct creds_note *note)
{
    char *buffer = malloc(max + 2);
    size_t used = 0;
    ssize_t n = 1;
    if (!buffer) {
        return creds_problem(note, HANGAR_NO_MEMORY, "out of memory");
    }
    while (n && used <= max) {
        n = read(fd, buffer + used, max + 1 - used);
        if (n < 0 && errno != EINTR) {
            break;
        }
        used += n > 0 ? (size_t)n : 0;
    }
    if (n < 0 || used > max) {
        enum hangar_rc rc = n < 0
                                ? creds_problem(note, HANGAR_AUTH, "cannot read file %s: %s", path,
                                                strerrordesc_np(errno))
                                : creds_problem(note, HANGAR_AUTH, "file %s is larger than %zu KiB",
                                                path, max / 1024);
        creds_free(buffer, used);
        return rc;
    }
    buffer[used] = '\0';
    *text = buffer;
    *size = used;
    return HANGAR_OK;
}

enum hangar_rc creds_read_file(const char *path, size_t max, char **text, size_t *size,
                               bool *open_to_others, struct creds_note *note)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return creds_problem(note, errno == ENOENT ? HANGAR_NOT_FOUND : HANGAR_AUTH,
                             "cannot open file %s: %s", path, strerrordesc_np(errno));
    }
    enum hangar_rc rc;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        rc = creds_problem(note, HANGAR_AUTH, "%s is not a regular file", path);
    } else {
        rc = read_open_file(fd, path, max, text, size, note);
    }
    close(fd);
    if (rc == HANGAR_OK && open_to_others) {
        *open_to_others = (st.st_mode & 077) != 0;
    }
    return rc;
}

/* ------------------------------------------------------------------------ *
 * Options and environment
 * ------------------------------------------------------------------------ */

/* Copies, and checks the length. */
static bool put(char *out, size_t size, const char *text)
{
    return !text || snprintf(out, size, "%s", text) < (int)size;
}

static enum hangar_rc fill(struct s3_keys *keys, const char *id, const char *secret,
                           const char *token, struct creds_note *note)
{
    if (!put(keys->access_key_id, sizeof(keys->access_key_id), id) ||
        !put(keys->secret_access_key, sizeof(keys->secret_access_key), secret) ||
        !put(keys->session_token, sizeof(keys->session_token), token)) {
        return creds_problem(note, HANGAR_AUTH, "a key or token is too long");
    }
    return creds_check(keys, note->problem) ? HANGAR_OK : HANGAR_AUTH;
}

static enum hangar_rc from_options(struct s3_credentials *c, struct s3_keys *keys,
                                   struct creds_note *note)
{
    const char *id = creds_option(c, "access_key_id");
    if (!id) {
        return creds_problem(note, HANGAR_NOT_FOUND, "access_key_id is not set");
    }
    creds_source(note, "options");
    return fill(keys, id, creds_option(c, "secret_access_key"), creds_option(c, "session_token"),
                note);
}

static enum hangar_rc from_environment(struct s3_credentials *c, struct s3_keys *keys,
                                       struct creds_note *note)
{
    const char *id = creds_env("AWS_ACCESS_KEY_ID");
    const char *secret = creds_env("AWS_SECRET_ACCESS_KEY");
    const char *expires = creds_env("AWS_CREDENTIAL_EXPIRATION");
    (void)c;
    if (!id && !secret) {
        return creds_problem(note, HANGAR_NOT_FOUND, "AWS_ACCESS_KEY_ID is not set");
    }
    if (!id || !secret) {
        return creds_problem(note, HANGAR_AUTH, "%s is not set, and %s is",
                             id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID",
                             id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY");
    }
    if (expires && !clock_parse(expires, &keys->expires_ms)) {
        return creds_problem(note, HANGAR_AUTH, "AWS_CREDENTIAL_EXPIRATION is no time");
    }
    creds_source(note, "environment");
    return fill(keys, id, secret, creds_env("AWS_SESSION_TOKEN"), note);
}

/* ------------------------------------------------------------------------ *
 * Programs
 * ------------------------------------------------------------------------ */

static enum hangar_rc from_program(struct s3_credentials *c, char *const *argv,
                                   struct s3_keys *keys, struct creds_note *note)
{
    char *text = NULL, problem[CREDS_PROBLEM_SIZE] = "";
    size_t size = 0;
    enum hangar_rc rc = creds_run(c, argv, &text, &size, note);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (!creds_parse_json(text, size, CREDS_JSON_PROCESS, keys, problem)) {
        rc = creds_problem(note, HANGAR_AUTH, "what program %s prints cannot be used: %s", argv[0],
                           problem);
    }
    creds_free(text, size);
    return rc;
}

static enum hangar_rc from_line(struct s3_credentials *c, const char *line, struct s3_keys *keys,
                                struct creds_note *note)
{
    char **argv = creds_split(line);
    if (!argv || !argv[0]) {
        free(argv);
        return creds_problem(note, HANGAR_AUTH,
                             "its credential_process is no command: a quote is open, or it is "
                             "empty");
    }
    enum hangar_rc rc = from_program(c, argv, keys, note);
    free(argv);
    return rc;
}

static enum hangar_rc from_process_option(struct s3_credentials *c, struct s3_keys *keys,
                                          struct creds_note *note)
{
    char *argv[ARGV_MAX + 1];
    size_t count = 0;
    const char *word;
    while (count < ARGV_MAX && (word = c->host->opt_list(c->ctx, "credential_process", count))) {
        argv[count++] = (char *)word;
    }
    if (!count || !*argv[0]) {
        return creds_problem(note, HANGAR_NOT_FOUND, "credential_process is not set");
    }
    argv[count] = NULL;
    creds_source(note, "program %s", argv[0]);
    return from_program(c, argv, keys, note);
}

/* ------------------------------------------------------------------------ *
 * Profiles
 * ------------------------------------------------------------------------ */

struct files {
    char paths[2][PATH_MAX]; /* of credentials, of config */
    bool there[2], open_to_others[2];
    const char *name; /* of the profile */
    bool named;       /* by somebody: then it must be there */
    struct creds_profile profiles[2];
    /* of either; those of the credentials go first; NULL: not set */
    const char *role_arn, *session_name, *token_file, *process;
    bool sso, login;
};

static const char *home_dir(char buffer[PATH_MAX])
{
    struct passwd entry, *found = NULL;
    const char *home = creds_env("HOME");
    if (home) {
        return home;
    }
    if (getpwuid_r(geteuid(), &entry, buffer, PATH_MAX, &found) || !found) {
        return "";
    }
    return entry.pw_dir;
}

/* An option, a variable (~/ stands for the home), or the usual file. */
static void find_file(const struct s3_credentials *c, const char *option, const char *variable,
                      const char *usual, char path[PATH_MAX])
{
    char buffer[PATH_MAX];
    const char *given = creds_setting(c, option, variable);
    if (given && strncmp(given, "~/", 2) != 0) {
        snprintf(path, PATH_MAX, "%s", given);
    } else {
        snprintf(path, PATH_MAX, "%s/%s", home_dir(buffer), given ? given + 2 : usual);
    }
}

static enum hangar_rc read_files(struct s3_credentials *c, struct files *files,
                                 struct creds_note *note)
{
    files->name = creds_setting(c, "profile", "AWS_PROFILE");
    files->named = files->name;
    if (!files->named) {
        files->name = "default";
    }
    find_file(c, "shared_credentials_file", "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials",
              files->paths[0]);
    find_file(c, "config_file", "AWS_CONFIG_FILE", ".aws/config", files->paths[1]);
    for (int i = 0; i < 2; i++) {
        char *text = NULL, problem[CREDS_PROBLEM_SIZE] = "";
        size_t size = 0;
        enum hangar_rc rc = creds_read_file(files->paths[i], CREDS_FILE_MAX, &text, &size,
                                            &files->open_to_others[i], note);
        if (rc == HANGAR_NOT_FOUND) {
            continue;
        }
        if (rc != HANGAR_OK) {
            return rc;
        }
        files->there[i] =
            creds_parse_profile(text, size, i == 1, files->name, &files->profiles[i], problem);
        creds_free(text, size);
        if (!files->there[i]) {
            return creds_problem(note, HANGAR_AUTH, "cannot read file %s: %s", files->paths[i],
                                 problem);
        }
    }
    if (files->profiles[0].found || files->profiles[1].found) {
        return HANGAR_OK;
    }
    return creds_problem(note, files->named ? HANGAR_AUTH : HANGAR_NOT_FOUND,
                         "there is no profile %s in %s, nor in %s", files->name, files->paths[0],
                         files->paths[1]);
}

static const char *either(const char *first, const char *second)
{
    return *first ? first : *second ? second : NULL;
}

static void join(struct files *files)
{
    const struct creds_profile *one = &files->profiles[0], *two = &files->profiles[1];
    files->role_arn = either(one->role_arn, two->role_arn);
    files->session_name = either(one->role_session_name, two->role_session_name);
    files->token_file = either(one->token_file, two->token_file);
    files->process = either(one->process, two->process);
    files->sso = one->sso || two->sso;
    files->login = one->login || two->login;
}

static bool has_keys(const struct files *files, int which)
{
    return *files->profiles[which].access_key_id || *files->profiles[which].secret_access_key;
}

static enum hangar_rc profile_keys(struct s3_credentials *c, const struct files *files, int which,
                                   struct s3_keys *keys, struct creds_note *note)
{
    const struct creds_profile *profile = &files->profiles[which];
    if (files->open_to_others[which] && !atomic_exchange(&c->warned, true)) {
        c->host->log(c->ctx, HANGAR_LOG_WARN,
                     "file %s with keys is open to others; hint: run \"chmod 600\" on it",
                     files->paths[which]);
    }
    creds_source(note, "profile %s in %s", files->name, files->paths[which]);
    return fill(keys, profile->access_key_id, profile->secret_access_key, profile->session_token,
                note);
}

static enum hangar_rc profile_token(struct s3_credentials *c, const struct files *files,
                                    struct s3_keys *keys, struct creds_note *note)
{
    const char *role = creds_option(c, "role_arn");
    const char *name = creds_option(c, "role_session_name");
    return creds_from_sts(c, role ? role : files->role_arn, name ? name : files->session_name,
                          files->token_file, keys, note);
}

static enum hangar_rc profile_refusal(const struct files *files, struct creds_note *note)
{
    if (files->role_arn) {
        return creds_problem(
            note, HANGAR_AUTH,
            "profile %s takes a role without web_identity_token_file, which hangar "
            "does not do; hint: set credential_process to a program that does, "
            "such as \"aws configure export-credentials --profile %s\"",
            files->name, files->name);
    }
    if (files->sso || files->login) {
        return creds_problem(note, HANGAR_AUTH,
                             "profile %s logs in by %s, which hangar does not do; hint: a service "
                             "needs keys or a role of its own",
                             files->name, files->sso ? "SSO" : "a browser");
    }
    return creds_problem(note, files->named ? HANGAR_AUTH : HANGAR_NOT_FOUND,
                         "profile %s has no keys", files->name);
}

/* All that a profile can say of keys; with `only` its program, or its token, alone. */
static enum hangar_rc ask_profile(struct s3_credentials *c, enum creds_place only,
                                  struct s3_keys *keys, struct creds_note *note)
{
    struct files *files = calloc(1, sizeof(*files));
    if (!files) {
        return creds_problem(note, HANGAR_NO_MEMORY, "out of memory");
    }
    enum hangar_rc rc = read_files(c, files, note);
    bool all = only == CREDS_PROFILE;
    if (rc != HANGAR_OK) {
        goto out;
    }
    join(files);
    if ((all || only == CREDS_WEB_IDENTITY) && files->token_file) {
        rc = profile_token(c, files, keys, note);
    } else if (all && files->role_arn) {
        rc = profile_refusal(files, note);
    } else if (all && has_keys(files, 0)) {
        rc = profile_keys(c, files, 0, keys, note);
    } else if ((all || only == CREDS_PROCESS) && files->process) {
        creds_source(note, "the program of profile %s", files->name);
        rc = from_line(c, files->process, keys, note);
    } else if (all && has_keys(files, 1)) {
        rc = profile_keys(c, files, 1, keys, note);
    } else if (all) {
        rc = profile_refusal(files, note);
    } else {
        rc =
            creds_problem(note, HANGAR_NOT_FOUND, "profile %s has no %s", files->name,
                          only == CREDS_PROCESS ? "credential_process" : "web_identity_token_file");
    }
out:
    explicit_bzero(files, sizeof(*files));
    free(files);
    return rc;
}

static enum hangar_rc from_profile(struct s3_credentials *c, struct s3_keys *keys,
                                   struct creds_note *note)
{
    return ask_profile(c, CREDS_PROFILE, keys, note);
}

static enum hangar_rc from_process(struct s3_credentials *c, struct s3_keys *keys,
                                   struct creds_note *note)
{
    enum hangar_rc rc = from_process_option(c, keys, note);
    if (rc == HANGAR_NOT_FOUND && c->place == CREDS_PROCESS) {
        rc = ask_profile(c, CREDS_PROCESS, keys, note);
    }
    return rc;
}

static enum hangar_rc from_web_identity(struct s3_credentials *c, struct s3_keys *keys,
                                        struct creds_note *note)
{
    const char *path = creds_setting(c, "web_identity_token_file", "AWS_WEB_IDENTITY_TOKEN_FILE");
    if (path) {
        return creds_from_sts(c, creds_setting(c, "role_arn", "AWS_ROLE_ARN"),
                              creds_setting(c, "role_session_name", "AWS_ROLE_SESSION_NAME"), path,
                              keys, note);
    }
    if (c->place == CREDS_WEB_IDENTITY) {
        return ask_profile(c, CREDS_WEB_IDENTITY, keys, note);
    }
    return creds_problem(note, HANGAR_NOT_FOUND, "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
}

/* ------------------------------------------------------------------------ *
 * The order
 * ------------------------------------------------------------------------ */

static const struct {
    const char *name;
    enum hangar_rc (*ask)(struct s3_credentials *c, struct s3_keys *keys, struct creds_note *note);
} places[CREDS_PLACES] = {
    [CREDS_AUTO] = {"auto", NULL},
    [CREDS_OPTIONS] = {"options", from_options},
    [CREDS_ENVIRONMENT] = {"environment", from_environment},
    [CREDS_WEB_IDENTITY] = {"web_identity", from_web_identity},
    [CREDS_PROFILE] = {"profile", from_profile},
    [CREDS_PROCESS] = {"process", from_process},
    [CREDS_CONTAINER] = {"container", creds_from_container},
    [CREDS_IMDS] = {"imds", creds_from_imds},
};

/* Options that set a place up, and so choose it. */
static const struct {
    const char *option;
    enum creds_place place;
} choosers[] = {
    {"access_key_id", CREDS_OPTIONS},        {"secret_access_key", CREDS_OPTIONS},
    {"session_token", CREDS_OPTIONS},        {"web_identity_token_file", CREDS_WEB_IDENTITY},
    {"credential_process", CREDS_PROCESS},   {"profile", CREDS_PROFILE},
    {"container_endpoint", CREDS_CONTAINER},
};

static bool is_set(const struct s3_credentials *c, const char *option)
{
    if (strcmp(option, "credential_process") != 0) {
        return creds_option(c, option) != NULL;
    }
    const char *word = c->host->opt_list(c->ctx, option, 0);
    return word && *word;
}

/* A profile may also be meant by the places that a profile can set up. */
static bool fits(const char *option, enum creds_place wanted, enum creds_place place)
{
    return wanted == place || (strcmp(option, "profile") == 0 &&
                               (place == CREDS_PROCESS || place == CREDS_WEB_IDENTITY));
}

enum hangar_rc creds_choose(struct s3_credentials *c)
{
    const char *name = c->host->opt_string(c->ctx, "credentials");
    const char *chosen_by = NULL;
    struct s3_keys keys = {0};
    struct creds_note note = {0};
    enum hangar_rc rc = HANGAR_OK;
    for (int i = 0; i < CREDS_PLACES; i++) {
        if (strcmp(name, places[i].name) == 0) {
            c->place = (enum creds_place)i;
        }
    }
    for (size_t i = 0; i < sizeof(choosers) / sizeof(choosers[0]); i++) {
        if (!is_set(c, choosers[i].option)) {
            continue;
        }
        if (c->place == CREDS_AUTO) {
            c->place = choosers[i].place;
            chosen_by = choosers[i].option;
        } else if (!fits(choosers[i].option, choosers[i].place, c->place)) {
            return c->host->fail_option(
                c->ctx, choosers[i].option, "is not used with %s%s%s; hint: remove one of them",
                chosen_by ? "" : "credentials: ", chosen_by ? chosen_by : name,
                chosen_by ? ", which names another place of keys" : "");
        }
    }
    if (c->place == CREDS_OPTIONS) {
        rc = from_options(c, &keys, &note);
        if (rc != HANGAR_OK) {
            rc = c->host->fail_option(c->ctx, chosen_by ? chosen_by : "credentials", "%s",
                                      note.problem);
        }
        explicit_bzero(&keys, sizeof(keys));
    }
    return rc;
}

static enum hangar_rc ask_place(struct s3_credentials *c, enum creds_place place,
                                struct s3_keys *keys, struct creds_note *note)
{
    memset(note, 0, sizeof(*note));
    memset(keys, 0, sizeof(*keys));
    enum hangar_rc rc = places[place].ask(c, keys, note);
    if (rc == HANGAR_OK && keys->expires_ms && keys->expires_ms <= clock_now_ms()) {
        rc = creds_problem(note, HANGAR_RETRY,
                           "the keys of %s have expired already; hint: is the clock right?",
                           note->source);
    }
    return rc;
}

enum hangar_rc creds_ask(struct s3_credentials *c, struct s3_keys *keys,
                         char reason[CREDS_REASON_SIZE], char source[CREDS_PROBLEM_SIZE])
{
    static const char nothing[] = "cannot find keys for S3";
    struct creds_note note;
    enum hangar_rc rc = HANGAR_NOT_FOUND;
    size_t used = (size_t)snprintf(reason, CREDS_REASON_SIZE, "%s", nothing);
    int first = c->place ? (int)c->place : CREDS_AUTO + 1;
    int last = c->place ? (int)c->place : CREDS_PLACES - 1;
    for (int i = first; i <= last && rc == HANGAR_NOT_FOUND; i++) {
        rc = ask_place(c, (enum creds_place)i, keys, &note);
        if (rc == HANGAR_OK) {
            snprintf(source, CREDS_PROBLEM_SIZE, "%s", note.source);
        } else if (rc != HANGAR_NOT_FOUND) {
            snprintf(reason, CREDS_REASON_SIZE, "cannot get keys for S3 from %s: %s",
                     places[i].name, note.problem);
        } else if (used < CREDS_REASON_SIZE) {
            used += (size_t)snprintf(reason + used, CREDS_REASON_SIZE - used, "%s %s: %s",
                                     i == first ? ":" : ",", places[i].name, note.problem);
        }
    }
    if (rc != HANGAR_OK) {
        explicit_bzero(keys, sizeof(*keys));
    }
    return rc == HANGAR_NOT_FOUND ? HANGAR_AUTH : rc;
}
