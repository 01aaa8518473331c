/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * profile: reads the files of AWS's tools, ~/.aws/credentials and
 * ~/.aws/config.
 *
 *     [profile backup]          [backup] in the file of credentials; [default] in both
 *     aws_access_key_id = ...   names in any case; # and ; begin comments
 *     s3 =
 *       max_queue_size = 9      deeper than the setting above: part of it, not ours
 *
 * A section may come several times, and of a setting that does the last one counts.
 */
#include "keys/parts.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* A piece of the text. */
struct piece {
    const char *at;
    size_t size;
};

struct setting {
    const char *name;
    size_t offset, size; /* of the text in struct creds_profile */
};

#define SETTING(key, field)                                                                        \
    {.name = (key),                                                                                \
     .offset = offsetof(struct creds_profile, field),                                              \
     .size = sizeof(((struct creds_profile *)0)->field)}

static const struct setting settings[] = {
    SETTING("aws_access_key_id", access_key_id),
    SETTING("aws_secret_access_key", secret_access_key),
    SETTING("aws_session_token", session_token),
    SETTING("credential_process", process),
    SETTING("role_arn", role_arn),
    SETTING("role_session_name", role_session_name),
    SETTING("web_identity_token_file", token_file),
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct piece trim(struct piece piece)
{
    while (piece.size && is_blank(*piece.at)) {
        piece.at++;
        piece.size--;
    }
    while (piece.size && is_blank(piece.at[piece.size - 1])) {
        piece.size--;
    }
    return piece;
}

static bool is(struct piece piece, const char *text)
{
    return strlen(text) == piece.size && strncasecmp(piece.at, text, piece.size) == 0;
}

/* Without a comment, which begins behind a space. */
static struct piece uncomment(struct piece piece)
{
    for (size_t i = 1; i < piece.size; i++) {
        if ((piece.at[i] == '#' || piece.at[i] == ';') && is_blank(piece.at[i - 1])) {
            piece.size = i;
            break;
        }
    }
    return trim(piece);
}

/* Does the header of a section, without brackets, name the profile?  In a config file
 * [profile default] goes before [default]: 2. */
static int names_profile(struct piece name, bool is_config, const char *profile)
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
    if (name.size <= length || memcmp(name.at, word, length) != 0 || !is_blank(name.at[length])) {
        return 0;
    }
    name = trim((struct piece){name.at + length, name.size - length});
    if (name.size >= 2 && (*name.at == '"' || *name.at == '\'') &&
        name.at[name.size - 1] == *name.at) {
        name = (struct piece){name.at + 1, name.size - 2};
    }
    return name.size == strlen(profile) && memcmp(name.at, profile, name.size) == 0 ? 2 : 0;
}

/* False: the value is longer than there is room for. */
static bool set(struct creds_profile *out, struct piece name, struct piece value)
{
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (!is(name, settings[i].name)) {
            continue;
        }
        if (value.size >= settings[i].size) {
            return false;
        }
        char *to = (char *)out + settings[i].offset;
        memcpy(to, value.at, value.size);
        to[value.size] = '\0';
        return true;
    }
    if (is(name, "sso_session") || is(name, "sso_start_url") || is(name, "sso_account_id")) {
        out->sso = true;
    }
    if (is(name, "login_session")) {
        out->login = true;
    }
    return true;
}

struct reader {
    struct creds_profile *out;
    const char *profile;
    bool is_config;
    int section, best; /* how well the current section, and the best one, name it */
    bool has_name;     /* a setting has been read in this section, */
    size_t depth;      /* indented so far */
    const char *what_is_wrong;
};

static bool read_header(struct reader *reader, struct piece line)
{
    const char *end = memchr(line.at, ']', line.size);
    if (!end) {
        reader->what_is_wrong = "a section without \"]\"";
        return false;
    }
    struct piece name = trim((struct piece){line.at + 1, (size_t)(end - line.at) - 1});
    reader->section = names_profile(name, reader->is_config, reader->profile);
    reader->has_name = false;
    if (reader->section > reader->best) { /* what a lesser one said does not count */
        explicit_bzero(reader->out, sizeof(*reader->out));
        reader->best = reader->section;
        reader->out->found = true;
    }
    return true;
}

static bool read_line(struct reader *reader, struct piece raw)
{
    struct piece line = trim(raw);
    size_t depth = (size_t)(line.at - raw.at);
    if (!line.size || *line.at == '#' || *line.at == ';') {
        return true;
    }
    if (reader->has_name && depth > reader->depth) {
        return true; /* part of the setting above */
    }
    if (*line.at == '[') {
        return read_header(reader, line);
    }
    const char *equals = memchr(line.at, '=', line.size);
    if (!equals || equals == line.at) {
        reader->what_is_wrong = "neither a section nor NAME = VALUE";
        return false;
    }
    reader->has_name = true;
    reader->depth = depth;
    if (!reader->section || reader->section < reader->best) {
        return true;
    }
    size_t name_size = (size_t)(equals - line.at);
    struct piece value = {equals + 1, line.size - name_size - 1};
    if (!set(reader->out, trim((struct piece){line.at, name_size}), uncomment(value))) {
        reader->what_is_wrong = "a value that is too long";
        return false;
    }
    return true;
}

bool creds_parse_profile(const char *text, size_t size, bool is_config, const char *profile,
                         struct creds_profile *out, char problem[CREDS_PROBLEM_SIZE])
{
    struct reader reader = {.out = out, .profile = profile, .is_config = is_config};
    memset(out, 0, sizeof(*out));
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        size -= 3;
    }
    size_t number = 1;
    for (const char *at = text, *end = text + size; at < end; number++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        struct piece line = {at, (size_t)((newline ? newline : end) - at)};
        if (memchr(line.at, '\0', line.size)) {
            reader.what_is_wrong = "a NUL character";
        } else {
            read_line(&reader, line);
        }
        if (reader.what_is_wrong) {
            snprintf(problem, CREDS_PROBLEM_SIZE, "line %zu: %s", number, reader.what_is_wrong);
            explicit_bzero(out, sizeof(*out));
            return false;
        }
        at = newline ? newline + 1 : end;
    }
    return true;
}
