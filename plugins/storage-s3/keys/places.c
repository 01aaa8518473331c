/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * places: the places of keys and their order, and those on this machine: options, environment,
 * files, programs.  It has no state.
 */
#include "keys/parts.h"

#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "program.h"

#define ARGV_MAX 256

/* ------------------------------------------------------------------------ *
 * Options and environment
 * ------------------------------------------------------------------------ */

/* Copies a text.  False: it is too long. */
static bool creds_copy(char *out, size_t size, const char *text)
{
    return !text || snprintf(out, size, "%s", text) < (int)size;
}

static enum hangar_rc creds_set_keys(struct s3_keys *keys, const char *id, const char *secret,
                                     const char *token, struct creds_result *result)
{
    if (!creds_copy(keys->access_key_id, sizeof(keys->access_key_id), id) ||
        !creds_copy(keys->secret_access_key, sizeof(keys->secret_access_key), secret) ||
        !creds_copy(keys->session_token, sizeof(keys->session_token), token)) {
        return creds_fail(result, HANGAR_AUTH, "a key or token is too long");
    }
    return creds_check_keys(keys, result->problem) ? HANGAR_OK : HANGAR_AUTH;
}

static enum hangar_rc creds_from_options(struct s3_credentials *c, struct s3_keys *keys,
                                         struct creds_result *result)
{
    const char *id = creds_option(c, "access_key_id");
    if (!id) {
        return creds_fail(result, HANGAR_NOT_FOUND, "access_key_id is not set");
    }
    creds_source(result, "options");
    return creds_set_keys(keys, id, creds_option(c, "secret_access_key"),
                          creds_option(c, "session_token"), result);
}

static enum hangar_rc creds_from_environment(struct s3_credentials *c, struct s3_keys *keys,
                                             struct creds_result *result)
{
    const char *id = creds_env("AWS_ACCESS_KEY_ID");
    const char *secret = creds_env("AWS_SECRET_ACCESS_KEY");
    const char *expires = creds_env("AWS_CREDENTIAL_EXPIRATION");
    (void)c;
    if (!id && !secret) {
        return creds_fail(result, HANGAR_NOT_FOUND, "AWS_ACCESS_KEY_ID is not set");
    }
    if (!id || !secret) {
        return creds_fail(result, HANGAR_AUTH, "%s is set, but %s is not",
                          id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                          id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
    }
    if (expires && !clock_parse(expires, &keys->expires_ms)) {
        return creds_fail(result, HANGAR_AUTH, "AWS_CREDENTIAL_EXPIRATION is not a valid time");
    }
    creds_source(result, "environment");
    return creds_set_keys(keys, id, secret, creds_env("AWS_SESSION_TOKEN"), result);
}

/* ------------------------------------------------------------------------ *
 * Programs
 * ------------------------------------------------------------------------ */

static enum hangar_rc creds_from_program(struct s3_credentials *c, char *const *argv,
                                         struct s3_keys *keys, struct creds_result *result)
{
    char *text = NULL, problem[CREDS_PROBLEM_SIZE] = "";
    size_t size = 0;
    enum hangar_rc rc = creds_run_program(c, argv, &text, &size, result);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (!creds_parse_json(text, size, CREDS_JSON_PROCESS, keys, problem)) {
        rc = creds_fail(result, HANGAR_AUTH, "the output of program %s is not valid: %s", argv[0],
                        problem);
    }
    creds_free(text, size);
    return rc;
}

static enum hangar_rc creds_from_command(struct s3_credentials *c, const char *line,
                                         struct s3_keys *keys, struct creds_result *result)
{
    char **argv = creds_split_command(line);
    if (!argv || !argv[0]) {
        free(argv);
        return creds_fail(result, HANGAR_AUTH,
                          "its credential_process is empty or has an open quote");
    }
    enum hangar_rc rc = creds_from_program(c, argv, keys, result);
    free(argv);
    return rc;
}

static enum hangar_rc creds_from_process_option(struct s3_credentials *c, struct s3_keys *keys,
                                                struct creds_result *result)
{
    char *argv[ARGV_MAX + 1];
    size_t count = 0;
    const char *word;
    while (count < ARGV_MAX && (word = c->host->opt_list(c->ctx, "credential_process", count))) {
        argv[count++] = (char *)word;
    }
    if (!count || !*argv[0]) {
        return creds_fail(result, HANGAR_NOT_FOUND, "credential_process is not set");
    }
    argv[count] = NULL;
    creds_source(result, "program %s", argv[0]);
    return creds_from_program(c, argv, keys, result);
}

/* ------------------------------------------------------------------------ *
 * Profiles
 * ------------------------------------------------------------------------ */

struct creds_files {
    char paths[2][PATH_MAX]; /* 0: credentials, 1: config */
    bool exists[2], open_to_others[2];
    const char *name; /* of the profile */
    bool named;       /* by an option or variable: then it must exist */
    struct creds_profile profiles[2];
    /* from either file, the one of credentials first; NULL: not set */
    const char *role_arn, *session_name, *token_file, *process;
    bool sso, login;
};

static const char *creds_home_dir(char buffer[PATH_MAX])
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

/* The path of a file: the option, the variable (~/ is the home folder), or the usual place. */
static void creds_file_path(const struct s3_credentials *c, const char *option,
                            const char *variable, const char *usual, char path[PATH_MAX])
{
    const char *given = creds_setting(c, option, variable);
    if (given && strncmp(given, "~/", 2) != 0) {
        snprintf(path, PATH_MAX, "%s", given);
    } else {
        char buffer[PATH_MAX];
        snprintf(path, PATH_MAX, "%s/%s", creds_home_dir(buffer), given ? given + 2 : usual);
    }
}

static enum hangar_rc creds_files_read(struct s3_credentials *c, struct creds_files *files,
                                       struct creds_result *result)
{
    files->name = creds_setting(c, "profile", "AWS_PROFILE");
    files->named = files->name;
    if (!files->named) {
        files->name = "default";
    }
    creds_file_path(c, "shared_credentials_file", "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials",
                    files->paths[0]);
    creds_file_path(c, "config_file", "AWS_CONFIG_FILE", ".aws/config", files->paths[1]);
    for (int i = 0; i < 2; i++) {
        char *text = NULL, problem[CREDS_PROBLEM_SIZE] = "";
        size_t size = 0;
        enum hangar_rc rc = creds_read_file(files->paths[i], CREDS_FILE_MAX_BYTES, &text, &size,
                                            &files->open_to_others[i], result);
        if (rc == HANGAR_NOT_FOUND) {
            continue;
        }
        if (rc != HANGAR_OK) {
            return rc;
        }
        files->exists[i] =
            creds_parse_profile(text, size, i == 1, files->name, &files->profiles[i], problem);
        creds_free(text, size);
        if (!files->exists[i]) {
            return creds_fail(result, HANGAR_AUTH, "cannot read file %s: %s", files->paths[i],
                              problem);
        }
    }
    if (files->profiles[0].found || files->profiles[1].found) {
        return HANGAR_OK;
    }
    return creds_fail(result, files->named ? HANGAR_AUTH : HANGAR_NOT_FOUND,
                      "profile %s is neither in %s nor in %s", files->name, files->paths[0],
                      files->paths[1]);
}

static const char *creds_first_set(const char *first, const char *second)
{
    return *first ? first : *second ? second : NULL;
}

static void creds_files_merge(struct creds_files *files)
{
    const struct creds_profile *one = &files->profiles[0], *two = &files->profiles[1];
    files->role_arn = creds_first_set(one->role_arn, two->role_arn);
    files->session_name = creds_first_set(one->role_session_name, two->role_session_name);
    files->token_file = creds_first_set(one->token_file, two->token_file);
    files->process = creds_first_set(one->process, two->process);
    files->sso = one->sso || two->sso;
    files->login = one->login || two->login;
}

static bool creds_files_have_keys(const struct creds_files *files, int which)
{
    return *files->profiles[which].access_key_id || *files->profiles[which].secret_access_key;
}

static enum hangar_rc creds_from_profile_keys(struct s3_credentials *c,
                                              const struct creds_files *files, int which,
                                              struct s3_keys *keys, struct creds_result *result)
{
    const struct creds_profile *profile = &files->profiles[which];
    if (files->open_to_others[which] && !atomic_exchange(&c->warned, true)) {
        c->host->log(c->ctx, HANGAR_LOG_WARN,
                     "other users can read the keys in file %s; hint: chmod 600 the file",
                     files->paths[which]);
    }
    creds_source(result, "profile %s in %s", files->name, files->paths[which]);
    return creds_set_keys(keys, profile->access_key_id, profile->secret_access_key,
                          profile->session_token, result);
}

static enum hangar_rc creds_from_profile_token(struct s3_credentials *c,
                                               const struct creds_files *files,
                                               struct s3_keys *keys, struct creds_result *result)
{
    const char *role = creds_option(c, "role_arn");
    const char *name = creds_option(c, "role_session_name");
    return creds_from_sts(c, role ? role : files->role_arn, name ? name : files->session_name,
                          files->token_file, keys, result);
}

static enum hangar_rc creds_refuse_profile(const struct creds_files *files,
                                           struct creds_result *result)
{
    if (files->role_arn) {
        return creds_fail(
            result, HANGAR_AUTH,
            "profile %s uses a role without web_identity_token_file, which hangar does not "
            "support; hint: set credential_process to a program that supports it, for example "
            "\"aws configure export-credentials --profile %s\"",
            files->name, files->name);
    }
    if (files->sso || files->login) {
        return creds_fail(result, HANGAR_AUTH,
                          "profile %s logs in with %s, which hangar does not support; hint: use "
                          "keys or a role of its own for hangar",
                          files->name, files->sso ? "SSO" : "a browser");
    }
    return creds_fail(result, files->named ? HANGAR_AUTH : HANGAR_NOT_FOUND,
                      "profile %s has no keys", files->name);
}

/* The files name the program: what another user could write there is not run. */
static enum hangar_rc creds_from_profile_process(struct s3_credentials *c,
                                                 const struct creds_files *files,
                                                 struct s3_keys *keys, struct creds_result *result)
{
    creds_source(result, "the program of profile %s", files->name);
    for (int i = 0; i < 2; i++) {
        char why[PROGRAM_WHY_SIZE];
        if (files->exists[i] &&
            program_check_file(c->host, c->ctx, files->paths[i], why) != HANGAR_OK) {
            return creds_fail(result, HANGAR_CONFIG, "cannot run its credential_process: %s", why);
        }
    }
    return creds_from_command(c, files->process, keys, result);
}

/* Gets keys by the settings of a profile; `only`: all settings, or its program or token alone. */
static enum hangar_rc creds_from_profile_only(struct s3_credentials *c, enum creds_place only,
                                              struct s3_keys *keys, struct creds_result *result)
{
    struct creds_files *files = calloc(1, sizeof(*files));
    if (!files) {
        return creds_no_memory(result);
    }
    enum hangar_rc rc = creds_files_read(c, files, result);
    bool all = only == CREDS_PROFILE;
    if (rc != HANGAR_OK) {
        goto out;
    }
    creds_files_merge(files);
    if ((all || only == CREDS_WEB_IDENTITY) && files->token_file) {
        rc = creds_from_profile_token(c, files, keys, result);
    } else if (all && files->role_arn) {
        rc = creds_refuse_profile(files, result);
    } else if (all && creds_files_have_keys(files, 0)) {
        rc = creds_from_profile_keys(c, files, 0, keys, result);
    } else if ((all || only == CREDS_PROCESS) && files->process) {
        rc = creds_from_profile_process(c, files, keys, result);
    } else if (all && creds_files_have_keys(files, 1)) {
        rc = creds_from_profile_keys(c, files, 1, keys, result);
    } else if (all) {
        rc = creds_refuse_profile(files, result);
    } else {
        rc = creds_fail(result, HANGAR_NOT_FOUND, "profile %s has no %s", files->name,
                        only == CREDS_PROCESS ? "credential_process" : "web_identity_token_file");
    }
out:
    explicit_bzero(files, sizeof(*files));
    free(files);
    return rc;
}

static enum hangar_rc creds_from_profile(struct s3_credentials *c, struct s3_keys *keys,
                                         struct creds_result *result)
{
    return creds_from_profile_only(c, CREDS_PROFILE, keys, result);
}

static enum hangar_rc creds_from_process(struct s3_credentials *c, struct s3_keys *keys,
                                         struct creds_result *result)
{
    enum hangar_rc rc = creds_from_process_option(c, keys, result);
    if (rc == HANGAR_NOT_FOUND && c->place == CREDS_PROCESS) {
        rc = creds_from_profile_only(c, CREDS_PROCESS, keys, result);
    }
    return rc;
}

static enum hangar_rc creds_from_web_identity(struct s3_credentials *c, struct s3_keys *keys,
                                              struct creds_result *result)
{
    const char *path = creds_setting(c, "web_identity_token_file", "AWS_WEB_IDENTITY_TOKEN_FILE");
    if (path) {
        return creds_from_sts(c, creds_setting(c, "role_arn", "AWS_ROLE_ARN"),
                              creds_setting(c, "role_session_name", "AWS_ROLE_SESSION_NAME"), path,
                              keys, result);
    }
    if (c->place == CREDS_WEB_IDENTITY) {
        return creds_from_profile_only(c, CREDS_WEB_IDENTITY, keys, result);
    }
    return creds_fail(result, HANGAR_NOT_FOUND, "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
}

/* ------------------------------------------------------------------------ *
 * The order
 * ------------------------------------------------------------------------ */

static const struct {
    const char *name;
    enum hangar_rc (*get)(struct s3_credentials *c, struct s3_keys *keys,
                          struct creds_result *result);
} creds_places[CREDS_PLACES] = {
    [CREDS_AUTO] = {"auto", NULL},
    [CREDS_OPTIONS] = {"options", creds_from_options},
    [CREDS_ENVIRONMENT] = {"environment", creds_from_environment},
    [CREDS_WEB_IDENTITY] = {"web_identity", creds_from_web_identity},
    [CREDS_PROFILE] = {"profile", creds_from_profile},
    [CREDS_PROCESS] = {"process", creds_from_process},
    [CREDS_CONTAINER] = {"container", creds_from_container},
    [CREDS_IMDS] = {"imds", creds_from_imds},
};

/* Options that configure a place and thereby choose it. */
static const struct {
    const char *option;
    enum creds_place place;
} creds_choosers[] = {
    {"access_key_id", CREDS_OPTIONS},        {"secret_access_key", CREDS_OPTIONS},
    {"session_token", CREDS_OPTIONS},        {"web_identity_token_file", CREDS_WEB_IDENTITY},
    {"credential_process", CREDS_PROCESS},   {"profile", CREDS_PROFILE},
    {"container_endpoint", CREDS_CONTAINER},
};

static bool creds_is_set(const struct s3_credentials *c, const char *option)
{
    if (strcmp(option, "credential_process") != 0) {
        return creds_option(c, option) != NULL;
    }
    const char *word = c->host->opt_list(c->ctx, option, 0);
    return word && *word;
}

/* The option `profile` also fits the places that a profile can configure. */
static bool creds_fits(const char *option, enum creds_place wanted, enum creds_place place)
{
    return wanted == place || (strcmp(option, "profile") == 0 &&
                               (place == CREDS_PROCESS || place == CREDS_WEB_IDENTITY));
}

enum hangar_rc creds_choose_place(struct s3_credentials *c)
{
    const char *name = c->host->opt_string(c->ctx, "credentials");
    const char *chosen_by = NULL;
    struct s3_keys keys = {0};
    struct creds_result result = {0};
    enum hangar_rc rc = HANGAR_OK;
    for (int i = 0; i < CREDS_PLACES; i++) {
        if (strcmp(name, creds_places[i].name) == 0) {
            c->place = (enum creds_place)i;
        }
    }
    for (size_t i = 0; i < sizeof(creds_choosers) / sizeof(creds_choosers[0]); i++) {
        if (!creds_is_set(c, creds_choosers[i].option)) {
            continue;
        }
        if (c->place == CREDS_AUTO) {
            c->place = creds_choosers[i].place;
            chosen_by = creds_choosers[i].option;
        } else if (!creds_fits(creds_choosers[i].option, creds_choosers[i].place, c->place)) {
            return c->host->fail_option(
                c->ctx, creds_choosers[i].option,
                "cannot be used with %s%s%s; hint: remove one of them",
                chosen_by ? "" : "credentials: ", chosen_by ? chosen_by : name,
                chosen_by ? ", which chooses another place of keys" : "");
        }
    }
    if (c->place == CREDS_OPTIONS) {
        rc = creds_from_options(c, &keys, &result);
        if (rc != HANGAR_OK) {
            rc = c->host->fail_option(c->ctx, chosen_by ? chosen_by : "credentials", "%s",
                                      result.problem);
        }
        explicit_bzero(&keys, sizeof(keys));
    }
    return rc;
}

static enum hangar_rc creds_from_place(struct s3_credentials *c, enum creds_place place,
                                       struct s3_keys *keys, struct creds_result *result)
{
    memset(result, 0, sizeof(*result));
    memset(keys, 0, sizeof(*keys));
    enum hangar_rc rc = creds_places[place].get(c, keys, result);
    if (rc == HANGAR_OK && keys->expires_ms && keys->expires_ms <= clock_now_ms()) {
        rc =
            creds_fail(result, HANGAR_RETRY,
                       "the keys of %s have expired already; hint: check the clock of this machine",
                       result->source);
    }
    return rc;
}

enum hangar_rc creds_find(struct s3_credentials *c, struct s3_keys *keys,
                          char reason[CREDS_REASON_SIZE], char source[CREDS_PROBLEM_SIZE])
{
    static const char nothing[] = "cannot find keys for S3";
    enum hangar_rc rc = HANGAR_NOT_FOUND;
    size_t used = (size_t)snprintf(reason, CREDS_REASON_SIZE, "%s", nothing);
    int first = c->place ? (int)c->place : CREDS_AUTO + 1;
    int last = c->place ? (int)c->place : CREDS_PLACES - 1;
    for (int i = first; i <= last && rc == HANGAR_NOT_FOUND; i++) {
        struct creds_result result;
        rc = creds_from_place(c, (enum creds_place)i, keys, &result);
        if (rc == HANGAR_OK) {
            snprintf(source, CREDS_PROBLEM_SIZE, "%s", result.source);
        } else if (rc != HANGAR_NOT_FOUND) {
            snprintf(reason, CREDS_REASON_SIZE, "cannot get keys for S3 from %s: %s",
                     creds_places[i].name, result.problem);
        } else if (used < CREDS_REASON_SIZE) {
            used += (size_t)snprintf(reason + used, CREDS_REASON_SIZE - used, "%s %s: %s",
                                     i == first ? ":" : ",", creds_places[i].name, result.problem);
        }
    }
    if (rc != HANGAR_OK) {
        explicit_bzero(keys, sizeof(*keys));
    }
    return rc == HANGAR_NOT_FOUND ? HANGAR_AUTH : rc;
}
