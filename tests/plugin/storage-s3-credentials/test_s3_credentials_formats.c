/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_s3_credentials_formats: what is read from files of profiles, replies in JSON and XML, and
 * command lines, and what is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "keys/parts.h"
#include "testing.h"

static char problem[CREDS_PROBLEM_SIZE];

static struct creds_profile *parse_profile(const char *text, bool is_config, const char *profile)
{
    static struct creds_profile out;
    bool good = creds_parse_profile(text, strlen(text), is_config, profile, &out, problem);
    ck_assert_msg(good, "%s", problem);
    return &out;
}

START_TEST(a_profile_is_read_like_the_aws_tools_do)
{
    static const char text[] = "\xef\xbb\xbf# a comment\r\n"
                               "[other]\naws_access_key_id = no\naws_secret_access_key = no\n"
                               "[ backup ] ; a comment\n"
                               "AWS_Access_Key_Id=one\n"
                               "aws_secret_access_key = a=b/c#d;e ; a comment\n"
                               "s3 =\n  aws_secret_access_key = nested\n  max_queue_size = 9\n"
                               "unknown = x\n\n"
                               "[other]\naws_session_token = no\n"
                               "[backup]\naws_access_key_id = two";
    const struct creds_profile *profile = parse_profile(text, false, "backup");
    ck_assert(profile->found);
    ck_assert_str_eq(profile->access_key_id, "two");
    ck_assert_str_eq(profile->secret_access_key, "a=b/c#d;e");
    ck_assert_str_eq(profile->session_token, "");
    ck_assert(!parse_profile(text, false, "missing")->found);
    ck_assert(!parse_profile("", false, "backup")->found);
}
END_TEST

START_TEST(all_settings_can_be_indented)
{
    const struct creds_profile *profile =
        parse_profile("  [default]\n    aws_access_key_id = one\n      deeper = x\n"
                      "    aws_secret_access_key = two\n",
                      false, "default");
    ck_assert_str_eq(profile->access_key_id, "one");
    ck_assert_str_eq(profile->secret_access_key, "two");
}
END_TEST

START_TEST(sections_of_a_config_file_begin_with_profile)
{
    static const char text[] = "[backup]\nrole_arn = wrong\n"
                               "[profile backup]\nrole_arn = right\n"
                               "[profile \"two words\"]\nrole_arn = quoted\n"
                               "[sso-session backup]\nrole_arn = wrong\n"
                               "[profilebackup]\nrole_arn = wrong\n"
                               "[profile default]\nrole_arn = first\n"
                               "[default]\nrole_arn = second\ncredential_process = x\n";
    ck_assert_str_eq(parse_profile(text, true, "backup")->role_arn, "right");
    ck_assert_str_eq(parse_profile(text, true, "two words")->role_arn, "quoted");
    ck_assert_str_eq(parse_profile(text, true, "default")->role_arn, "first");
    ck_assert_str_eq(parse_profile(text, true, "default")->process, "");
    ck_assert_str_eq(
        parse_profile("[default]\nrole_arn = a\n[profile default]\n", true, "default")->role_arn,
        "");
    ck_assert_str_eq(parse_profile(text, false, "backup")->role_arn, "wrong");
}
END_TEST

START_TEST(unsupported_logins_are_detected)
{
    ck_assert(parse_profile("[default]\nsso_session = a\n", true, "default")->sso);
    ck_assert(parse_profile("[default]\nsso_start_url = a\n", true, "default")->sso);
    ck_assert(parse_profile("[default]\nlogin_session = a\n", true, "default")->login);
}
END_TEST

/* The file is refused with the number of the line; no text of it is kept or reported. */
static void must_refuse_file(const char *text, size_t size, const char *why)
{
    static struct creds_profile out, empty;
    memset(problem, 0, sizeof(problem));
    ck_assert(!creds_parse_profile(text, size, false, "default", &out, problem));
    ck_assert_str_eq(problem, why);
    ck_assert_mem_eq(&out, &empty, sizeof(out));
}

START_TEST(invalid_files_are_refused_without_their_text)
{
    static const char nul[] = "[default]\naws_secret_access_key = CANARY\0CANARY\n";
    must_refuse_file("[default\n", 9, "line 1: a section without \"]\"");
    must_refuse_file("[default]\nCANARY\n", 17, "line 2: neither a section nor NAME = VALUE");
    must_refuse_file("[default]\n= CANARY\n", 19, "line 2: neither a section nor NAME = VALUE");
    must_refuse_file(nul, sizeof(nul) - 1, "line 2: a NUL character");
    char *text = NULL;
    int size =
        asprintf(&text, "[default]\naws_access_key_id = a\naws_secret_access_key = %0300d\n", 7);
    must_refuse_file(text, (size_t)size, "line 3: a value that is too long");
    free(text);
}
END_TEST

static void must_split(const char *line, const char *words)
{
    char joined[1000] = "";
    char **argv = creds_split_command(line);
    ck_assert_msg(argv != NULL, "%s", line);
    for (size_t i = 0; argv[i]; i++) {
        snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%s%s", i ? "|" : "",
                 argv[i]);
    }
    free(argv);
    ck_assert_str_eq(joined, words);
}

START_TEST(a_command_is_split_at_spaces_outside_quotes)
{
    must_split("tool", "tool");
    must_split("  /opt/my\\ tool \t--a=b  c ", "/opt/my tool|--a=b|c");
    must_split("\"C:\\dir\\tool\" 'it \\ is' a\"b c\"d \"\" x", "C:\\dir\\tool|it \\ is|ab cd||x");
    must_split("\"a \\\"quoted\\\" \\\\ word\"", "a \"quoted\" \\ word");
    must_split("tool; $(rm) `x` *?", "tool;|$(rm)|`x`|*?");
    must_split("a\\", "a\\");
    must_split("", "");
    must_split("a b c d e f g h i j", "a|b|c|d|e|f|g|h|i|j");
    ck_assert_ptr_null(creds_split_command("a \"b"));
    ck_assert_ptr_null(creds_split_command("'"));
}
END_TEST

static void must_refuse_json(const char *text, enum creds_json kind, const char *why)
{
    struct s3_keys keys, empty = {0};
    *problem = '\0';
    ck_assert(!creds_parse_json(text, strlen(text), kind, &keys, problem));
    ck_assert_str_eq(problem, why);
    ck_assert_mem_eq(&keys, &empty, sizeof(keys));
}

START_TEST(json_must_have_the_members_of_its_kind)
{
    static const char process[] = "{\"Version\":1,\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\","
                                  "\"SessionToken\":null}";
    static const char endpoint[] =
        "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Token\":\"c\","
        "\"Expiration\":\"2026-01-15T02:00:00Z\",\"RoleArn\":7}";
    struct s3_keys keys;
    ck_assert(creds_parse_json(process, strlen(process), CREDS_JSON_PROCESS, &keys, problem));
    ck_assert_str_eq(keys.session_token, "");
    ck_assert_int_eq(keys.expires_ms, 0);
    ck_assert(creds_parse_json(endpoint, strlen(endpoint), CREDS_JSON_ENDPOINT, &keys, problem));
    ck_assert_str_eq(keys.session_token, "c");
    ck_assert_int_eq(keys.expires_ms, 1768442400000);

    must_refuse_json("", CREDS_JSON_PROCESS, "it is not a JSON object");
    must_refuse_json("[\"CANARY\"]", CREDS_JSON_PROCESS, "it is not a JSON object");
    must_refuse_json("{\"CANARY", CREDS_JSON_PROCESS, "it is not a JSON object");
    must_refuse_json("{\"AccessKeyId\":\"a\"}", CREDS_JSON_PROCESS, "its Version is not 1");
    must_refuse_json("{\"Version\":2}", CREDS_JSON_PROCESS, "its Version is not 1");
    must_refuse_json("{\"Version\":1}", CREDS_JSON_PROCESS, "there is no access key id");
    must_refuse_json("{\"Version\":1,\"AccessKeyId\":\"a\"}", CREDS_JSON_PROCESS,
                     "there is no secret access key");
    must_refuse_json("{\"Version\":1,\"AccessKeyId\":[]}", CREDS_JSON_PROCESS,
                     "its AccessKeyId is not a string, or is too long");
    must_refuse_json("{\"Version\":1,\"AccessKeyId\":\"a\\u0000CANARY\"}", CREDS_JSON_PROCESS,
                     "it is not a JSON object");
    must_refuse_json(
        "{\"Version\":1,\"AccessKeyId\":\"a\\r\\nX: CANARY\",\"SecretAccessKey\":\"b\"}",
        CREDS_JSON_PROCESS, "there is an access key id with spaces or control characters");
    must_refuse_json("{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Token\":\"c\\nCANARY\","
                     "\"Expiration\":\"2026-01-15T02:00:00Z\"}",
                     CREDS_JSON_ENDPOINT,
                     "there is a session token with spaces or control characters");
    must_refuse_json("{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Expiration\":\"soon\"}",
                     CREDS_JSON_ENDPOINT, "its Expiration is not a valid time");
    must_refuse_json("{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\"}", CREDS_JSON_ENDPOINT,
                     "it has no Expiration");
    must_refuse_json("{\"Code\":\"AssumeRoleUnauthorizedAccess\"}", CREDS_JSON_ENDPOINT,
                     "it refuses with the code AssumeRoleUnauthorizedAccess");
}
END_TEST

#define STS(inner) "<R><Result>" inner "</Result></R>"
#define STS_KEYS "<AccessKeyId>a</AccessKeyId><SecretAccessKey>b</SecretAccessKey>"

static bool parse_sts(const char *text, struct creds_sts *out)
{
    *problem = '\0';
    return creds_parse_sts(text, strlen(text), out, problem);
}

START_TEST(the_xml_of_sts_has_keys_or_an_error)
{
    static struct creds_sts sts;
    ck_assert(parse_sts(STS("<Credentials>" STS_KEYS "<SessionToken>c&amp;d</SessionToken><X/>"
                            "<Expiration>2026-01-15T02:00:00Z</Expiration></Credentials>"),
                        &sts));
    ck_assert_str_eq(sts.code, "");
    ck_assert_str_eq(sts.keys.access_key_id, "a");
    ck_assert_str_eq(sts.keys.session_token, "c&d");
    ck_assert_int_eq(sts.keys.expires_ms, 1768442400000);

    ck_assert(parse_sts("<E><Error><Type>Sender</Type><Code>Expired\x7f</Code><Message>old\n"
                        "</Message></Error></E>",
                        &sts));
    ck_assert_str_eq(sts.code, "Expired?");
    ck_assert_str_eq(sts.message, "old?");
}
END_TEST

START_TEST(other_xml_is_refused)
{
    static struct creds_sts sts;
    ck_assert(!parse_sts("", &sts));
    ck_assert_str_eq(problem, "it is not valid XML");
    ck_assert(!parse_sts("<html>CANARY", &sts));
    ck_assert(!parse_sts("<R/>", &sts));
    ck_assert_str_eq(problem, "there is no access key id");
    ck_assert(!parse_sts(STS(STS_KEYS), &sts)); /* not within Credentials */
    ck_assert(!parse_sts(STS("<Credentials>" STS_KEYS "</Credentials>"), &sts));
    ck_assert_str_eq(problem, "its Expiration is not a valid time");
    ck_assert(!parse_sts("<!DOCTYPE R [<!ENTITY a \"b\">]>" STS("&a;"), &sts));
    ck_assert_str_eq(problem, "it declares a document type");
    char *text = NULL;
    ck_assert_int_gt(
        asprintf(&text, STS("<Credentials><AccessKeyId>%0300d</AccessKeyId></Credentials>"), 7), 0);
    ck_assert(!parse_sts(text, &sts));
    ck_assert_str_eq(problem, "it has a value that is too long");
    free(text);
    ck_assert(!parse_sts("<a><a><a><a><a><a><a><a><a><a><a><Credentials>" STS_KEYS, &sts));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("storage-s3 credentials, formats");
    TCase *tcase = tcase_create("formats");
    tcase_add_test(tcase, a_profile_is_read_like_the_aws_tools_do);
    tcase_add_test(tcase, all_settings_can_be_indented);
    tcase_add_test(tcase, sections_of_a_config_file_begin_with_profile);
    tcase_add_test(tcase, unsupported_logins_are_detected);
    tcase_add_test(tcase, invalid_files_are_refused_without_their_text);
    tcase_add_test(tcase, a_command_is_split_at_spaces_outside_quotes);
    tcase_add_test(tcase, json_must_have_the_members_of_its_kind);
    tcase_add_test(tcase, the_xml_of_sts_has_keys_or_an_error);
    tcase_add_test(tcase, other_xml_is_refused);
    suite_add_tcase(suite, tcase);
    return testing_main(suite);
}
