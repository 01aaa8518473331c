/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * profile: parses the files of the AWS tools, ~/.aws/credentials and ~/.aws/config.
 *
 *     [profile backup]          [backup] in the file of credentials; [default] in both
 *     aws_access_key_id = ...   names in any case; # and ; begin comments
 *     s3 =
 *       max_queue_size = 9      indented deeper: part of the setting above, skipped
 *
 * A section may occur several times; of a setting that occurs several times the last one counts.
 */
#include "keys/parts.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* A part of the text. */
struct creds_span {
    const char *at;
    size_t size;
};

struct creds_profile_setting {
    const char *name;
    size_t offset, size; /* of the text in struct creds_profile */
};

#define SETTING(key, field)                                                                        \
    {.name = (key),                                                                                \
     .offset = offsetof(struct creds_profile, field),                                              \
     .size = sizeof(((struct creds_profile *)0)->field)}

static const struct creds_profile_setting creds_profile_settings[] = {
    SETTING("aws_access_key_id", access_key_id),
    SETTING("aws_secret_access_key", secret_access_key),
    SETTING("aws_session_token", session_token),
    SETTING("credential_process", process),
    SETTING("role_arn", role_arn),
    SETTING("role_session_name", role_session_name),
    SETTING("web_identity_token_file", token_file),
};

static bool creds_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct creds_span creds_trim(struct creds_span span)
{
    while (span.size && creds_is_blank(*span.at)) {
        span.at++;
        span.size--;
    }
    while (span.size && creds_is_blank(span.at[span.size - 1])) {
        span.size--;
    }
    return span;
}

static bool creds_span_is(struct creds_span span, const char *text)
{
    return strlen(text) == span.size && strncasecmp(span.at, text, span.size) == 0;
}

/* Removes a comment, which begins after a blank. */
static struct creds_span creds_strip_comment(struct creds_span span)
{
    for (size_t i = 1; i < span.size; i++) {
        if ((span.at[i] == '#' || span.at[i] == ';') && creds_is_blank(span.at[i - 1])) {
            span.size = i;
            break;
        }
    }
    return creds_trim(span);
}

/* How well the header of a section, without brackets, names the profile: 0: not at all; 1: yes;
 * 2: better, because in a config file [profile default] has priority over [default]. */
static int creds_match_section(struct creds_span name, bool is_config, const char *profile)
{
    static const char word[] = "profile";
    const size_t length = sizeof(word) - 1;
    bool exact = name.size == strlen(profile) && memcmp(name.at, profile, name.size) == 0;
    if (!is_config || strcmp(profile, "default") == 0) {
        if (exact) {
            return 1;
        }
        if (!is_config) {
            return 0;
        }
    }
    if (name.size <= length || memcmp(name.at, word, length) != 0 ||
        !creds_is_blank(name.at[length])) {
        return 0;
    }
    name = creds_trim((struct creds_span){name.at + length, name.size - length});
    if (name.size >= 2 && (*name.at == '"' || *name.at == '\'') &&
        name.at[name.size - 1] == *name.at) {
        name = (struct creds_span){name.at + 1, name.size - 2};
    }
    return name.size == strlen(profile) && memcmp(name.at, profile, name.size) == 0 ? 2 : 0;
}

/* Stores a setting that the plugin uses.  False: the value is too long. */
static bool creds_profile_set(struct creds_profile *out, struct creds_span name,
                              struct creds_span value)
{
    for (size_t i = 0; i < sizeof(creds_profile_settings) / sizeof(creds_profile_settings[0]);
         i++) {
        if (!creds_span_is(name, creds_profile_settings[i].name)) {
            continue;
        }
        if (value.size >= creds_profile_settings[i].size) {
            return false;
        }
        char *to = (char *)out + creds_profile_settings[i].offset;
        memcpy(to, value.at, value.size);
        to[value.size] = '\0';
        return true;
    }
    if (creds_span_is(name, "sso_session") || creds_span_is(name, "sso_start_url") ||
        creds_span_is(name, "sso_account_id")) {
        out->sso = true;
    }
    if (creds_span_is(name, "login_session")) {
        out->login = true;
    }
    return true;
}

struct creds_profile_reader {
    struct creds_profile *out;
    const char *profile;
    bool is_config;
    int section, best; /* how well the current section, and the best one, name the profile */
    bool has_name;     /* a setting was read in this section */
    size_t depth;      /* its indentation */
    const char *problem;
};

static bool creds_profile_read_section(struct creds_profile_reader *reader, struct creds_span line)
{
    const char *end = memchr(line.at, ']', line.size);
    if (!end) {
        reader->problem = "a section without \"]\"";
        return false;
    }
    struct creds_span name =
        creds_trim((struct creds_span){line.at + 1, (size_t)(end - line.at) - 1});
    reader->section = creds_match_section(name, reader->is_config, reader->profile);
    reader->has_name = false;
    if (reader->section > reader->best) { /* discard the settings of a section that matched less */
        explicit_bzero(reader->out, sizeof(*reader->out));
        reader->best = reader->section;
        reader->out->found = true;
    }
    return true;
}

static bool creds_profile_read_line(struct creds_profile_reader *reader, struct creds_span raw)
{
    struct creds_span line = creds_trim(raw);
    size_t depth = (size_t)(line.at - raw.at);
    if (!line.size || *line.at == '#' || *line.at == ';') {
        return true;
    }
    if (reader->has_name && depth > reader->depth) {
        return true; /* part of the setting above */
    }
    if (*line.at == '[') {
        return creds_profile_read_section(reader, line);
    }
    const char *equals = memchr(line.at, '=', line.size);
    if (!equals || equals == line.at) {
        reader->problem = "neither a section nor NAME = VALUE";
        return false;
    }
    reader->has_name = true;
    reader->depth = depth;
    if (!reader->section || reader->section < reader->best) {
        return true;
    }
    size_t name_size = (size_t)(equals - line.at);
    struct creds_span value = {equals + 1, line.size - name_size - 1};
    if (!creds_profile_set(reader->out, creds_trim((struct creds_span){line.at, name_size}),
                           creds_strip_comment(value))) {
        reader->problem = "a value that is too long";
        return false;
    }
    return true;
}

bool creds_parse_profile(const char *text, size_t size, bool is_config, const char *profile,
                         struct creds_profile *out, char problem[CREDS_PROBLEM_SIZE])
{
    struct creds_profile_reader reader = {.out = out, .profile = profile, .is_config = is_config};
    memset(out, 0, sizeof(*out));
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        size -= 3;
    }
    size_t number = 1;
    for (const char *at = text, *end = text + size; at < end; number++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        struct creds_span line = {at, (size_t)((newline ? newline : end) - at)};
        if (memchr(line.at, '\0', line.size)) {
            reader.problem = "a NUL character";
        } else {
            creds_profile_read_line(&reader, line);
        }
        if (reader.problem) {
            snprintf(problem, CREDS_PROBLEM_SIZE, "line %zu: %s", number, reader.problem);
            explicit_bzero(out, sizeof(*out));
            return false;
        }
        at = newline ? newline + 1 : end;
    }
    return true;
}
