/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * reply: reads keys from the replies of endpoints and programs: JSON, and the XML of STS.  It needs
 * neither the host nor the network.
 */
#include "keys/parts.h"

#include <expat.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "failure.h"

/* Copies a text, with "?" for each byte that is not printable. */
static void creds_copy_printable(char *out, size_t size, const char *text, size_t length)
{
    size_t n = length < size - 1 ? length : size - 1;
    for (size_t i = 0; i < n; i++) {
        out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    }
    out[n] = '\0';
}

static bool creds_is_graphic(const char *text)
{
    for (; *text; text++) {
        if (*text <= ' ' || *text > '~') {
            return false;
        }
    }
    return true;
}

bool creds_check_keys(const struct s3_keys *keys, char problem[CREDS_PROBLEM_SIZE])
{
    const char *what = !*keys->access_key_id                    ? "no access key id"
                       : !*keys->secret_access_key              ? "no secret access key"
                       : !creds_is_graphic(keys->access_key_id) ? "an access key id with spaces "
                                                                  "or control characters"
                       : !creds_is_graphic(keys->secret_access_key)
                           ? "a secret access key with spaces "
                             "or control characters"
                       : !creds_is_graphic(keys->session_token) ? "a session token with spaces or "
                                                                  "control characters"
                                                                : NULL;
    if (what) {
        snprintf(problem, CREDS_PROBLEM_SIZE, "there is %s", what);
    }
    return !what;
}

/* Reads a string of the object; "" when it is absent or null.  False: no string, or too long. */
static bool creds_read_text(const json_t *object, const char *name, char *out, size_t size,
                            char problem[CREDS_PROBLEM_SIZE])
{
    const json_t *value = json_object_get(object, name);
    *out = '\0';
    if (!value || json_is_null(value)) {
        return true;
    }
    if (!json_is_string(value) || json_string_length(value) >= size ||
        strlen(json_string_value(value)) != json_string_length(value)) {
        snprintf(problem, CREDS_PROBLEM_SIZE, "its %s is not a string, or is too long", name);
        return false;
    }
    memcpy(out, json_string_value(value), json_string_length(value) + 1);
    return true;
}

static bool creds_read_keys(const json_t *object, enum creds_json kind, struct s3_keys *out,
                            char problem[CREDS_PROBLEM_SIZE])
{
    char expires[64], code[64], shown[64];
    const char *token = kind == CREDS_JSON_PROCESS ? "SessionToken" : "Token";
    if (!creds_read_text(object, "Code", code, sizeof(code), problem)) {
        return false;
    }
    if (kind == CREDS_JSON_ENDPOINT && *code && strcmp(code, "Success") != 0) {
        creds_copy_printable(shown, sizeof(shown), code, strlen(code));
        snprintf(problem, CREDS_PROBLEM_SIZE, "it refuses with the code %s", shown);
        return false;
    }
    if (kind == CREDS_JSON_PROCESS && json_integer_value(json_object_get(object, "Version")) != 1) {
        snprintf(problem, CREDS_PROBLEM_SIZE, "its Version is not 1");
        return false;
    }
    if (!creds_read_text(object, "AccessKeyId", out->access_key_id, sizeof(out->access_key_id),
                         problem) ||
        !creds_read_text(object, "SecretAccessKey", out->secret_access_key,
                         sizeof(out->secret_access_key), problem) ||
        !creds_read_text(object, token, out->session_token, sizeof(out->session_token), problem) ||
        !creds_read_text(object, "Expiration", expires, sizeof(expires), problem) ||
        !creds_check_keys(out, problem)) {
        return false;
    }
    if (kind == CREDS_JSON_ENDPOINT && !*expires) {
        snprintf(problem, CREDS_PROBLEM_SIZE, "it has no Expiration");
        return false;
    }
    if (*expires && !clock_parse(expires, &out->expires_ms)) {
        snprintf(problem, CREDS_PROBLEM_SIZE, "its Expiration is not a valid time");
        return false;
    }
    return true;
}

bool creds_parse_json(const char *text, size_t size, enum creds_json kind, struct s3_keys *out,
                      char problem[CREDS_PROBLEM_SIZE])
{
    memset(out, 0, sizeof(*out));
    json_t *object = json_loadb(text, size, 0, NULL);
    bool good = json_is_object(object);
    if (!good) {
        snprintf(problem, CREDS_PROBLEM_SIZE, "it is not a JSON object");
    } else {
        good = creds_read_keys(object, kind, out, problem);
    }
    json_decref(object);
    if (!good) {
        explicit_bzero(out, sizeof(*out));
    }
    return good;
}

/* ------------------------------------------------------------------------ *
 * The XML of STS
 * ------------------------------------------------------------------------ */

#define STS_DEPTH 8 /* a reply of STS has 4 levels */

struct sts_field {
    const char *parent, *name;
    size_t offset, size; /* in struct sts_reader */
};

struct sts_reader {
    XML_Parser parser;
    struct s3_keys keys;
    char expires[64], code[64], message[256];
    char names[STS_DEPTH][32]; /* of the open elements; longer names are cut */
    const struct sts_field *field;
    size_t used;
    int depth;
    bool too_long, doctype;
};

#define STS_FIELD(above, element, member)                                                          \
    {.parent = (above),                                                                            \
     .name = (element),                                                                            \
     .offset = offsetof(struct sts_reader, member),                                                \
     .size = sizeof(((struct sts_reader *)0)->member)}

static const struct sts_field sts_fields[] = {
    STS_FIELD("Credentials", "AccessKeyId", keys.access_key_id),
    STS_FIELD("Credentials", "SecretAccessKey", keys.secret_access_key),
    STS_FIELD("Credentials", "SessionToken", keys.session_token),
    STS_FIELD("Credentials", "Expiration", expires),
    STS_FIELD("Error", "Code", code),
    STS_FIELD("Error", "Message", message),
};

static void XMLCALL sts_on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    struct sts_reader *reader = arg;
    (void)attributes;
    reader->field = NULL;
    if (reader->depth < STS_DEPTH) {
        snprintf(reader->names[reader->depth], sizeof(reader->names[0]), "%s", name);
    }
    const char *parent =
        reader->depth && reader->depth < STS_DEPTH ? reader->names[reader->depth - 1] : "";
    reader->depth++;
    for (size_t i = 0; i < sizeof(sts_fields) / sizeof(sts_fields[0]); i++) {
        if (strcmp(parent, sts_fields[i].parent) != 0 || strcmp(name, sts_fields[i].name) != 0) {
            continue;
        }
        reader->field = &sts_fields[i];
        reader->used = 0;
        memset((char *)reader + reader->field->offset, 0, reader->field->size);
    }
}

static void XMLCALL sts_on_end(void *arg, const XML_Char *name)
{
    struct sts_reader *reader = arg;
    (void)name;
    reader->depth--;
    reader->field = NULL;
}

static void XMLCALL sts_on_text(void *arg, const XML_Char *text, int length)
{
    struct sts_reader *reader = arg;
    const struct sts_field *field = reader->field;
    size_t size = (size_t)length;
    if (!field) {
        return;
    }
    if (size >= field->size - reader->used) {
        reader->too_long = true;
        XML_StopParser(reader->parser, XML_FALSE);
        return;
    }
    memcpy((char *)reader + field->offset + reader->used, text, size);
    reader->used += size;
}

/* A reply has no document type; without one, there are no entities to expand. */
static void XMLCALL sts_on_doctype(void *arg, const XML_Char *name, const XML_Char *system_id,
                                   const XML_Char *public_id, int has_internal_subset)
{
    struct sts_reader *reader = arg;
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    reader->doctype = true;
    XML_StopParser(reader->parser, XML_FALSE);
}

static bool sts_read_keys(struct sts_reader *reader, bool parsed, struct creds_sts *out,
                          char problem[CREDS_PROBLEM_SIZE])
{
    if (!parsed) {
        snprintf(problem, CREDS_PROBLEM_SIZE, "%s",
                 reader->doctype    ? "it declares a document type"
                 : reader->too_long ? "it has a value that is too long"
                                    : "it is not valid XML");
        return false;
    }
    if (*reader->code) {
        creds_copy_printable(out->code, sizeof(out->code), reader->code, strlen(reader->code));
        creds_copy_printable(out->message, sizeof(out->message), reader->message,
                             strlen(reader->message));
        return true;
    }
    if (!creds_check_keys(&reader->keys, problem)) {
        return false;
    }
    if (!clock_parse(reader->expires, &reader->keys.expires_ms)) {
        snprintf(problem, CREDS_PROBLEM_SIZE, "its Expiration is not a valid time");
        return false;
    }
    out->keys = reader->keys;
    return true;
}

bool creds_parse_sts(const char *text, size_t size, struct creds_sts *out,
                     char problem[CREDS_PROBLEM_SIZE])
{
    struct sts_reader reader = {.parser = XML_ParserCreate(NULL)};
    memset(out, 0, sizeof(*out));
    if (!reader.parser || size > CREDS_REPLY_MAX_BYTES) {
        snprintf(problem, CREDS_PROBLEM_SIZE, "%s",
                 reader.parser ? "it is too long" : FAILURE_NO_MEMORY);
        XML_ParserFree(reader.parser);
        return false;
    }
    XML_SetUserData(reader.parser, &reader);
    XML_SetElementHandler(reader.parser, sts_on_start, sts_on_end);
    XML_SetCharacterDataHandler(reader.parser, sts_on_text);
    XML_SetStartDoctypeDeclHandler(reader.parser, sts_on_doctype);
    bool parsed = XML_Parse(reader.parser, text, (int)size, 1) == XML_STATUS_OK;
    bool good = sts_read_keys(&reader, parsed, out, problem);
    XML_ParserFree(reader.parser);
    explicit_bzero(&reader, sizeof(reader));
    return good;
}
