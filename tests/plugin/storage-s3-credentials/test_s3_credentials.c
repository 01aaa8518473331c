/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_s3_credentials: the places of keys: their order, the keys of each, and its error when it has
 * none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "place.h"

static void set_keys_of_environment(void)
{
    setenv("AWS_ACCESS_KEY_ID", "ENVIRONMENT", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "CANARY-e", 1);
}

static void set_web_identity(void)
{
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", place_file("token", "CANARY.header.sig-0123456789\n"), 1);
    setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/backup", 1);
    setenv("AWS_ENDPOINT_URL_STS", place_endpoint("/sts"), 1);
}

static void set_profile(void)
{
    mkdir(testing_path(home, ".aws"), 0700);
    place_file(".aws/credentials", "[default]\naws_access_key_id = PROFILE\n"
                                   "aws_secret_access_key = CANARY-p\n"
                                   "[named]\naws_access_key_id = NAMED\n"
                                   "aws_secret_access_key = CANARY-n\n");
}

/* ------------------------------------------------------------------------ */

START_TEST(the_first_configured_place_is_used)
{
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", place_endpoint(""), 1);
    place_open();
    place_must_get("AKIDTEST1");
    place_must_be_from("role backup-role of this instance, by http://127.0.0.1:");

    place_next_instance();
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", place_endpoint("/container"), 1);
    place_open();
    place_must_get("AKIDTEST2");
    place_must_be_from("container endpoint http://127.0.0.1:");

    place_next_instance();
    set_profile();
    place_open();
    place_must_get("PROFILE");
    place_must_be_from("profile default in ");

    place_next_instance();
    set_web_identity();
    place_open();
    place_must_get("AKIDTEST3");
    place_must_be_from("STS at http://127.0.0.1:");
    place_must_be_from("role arn:aws:iam::1:role/backup");

    place_next_instance();
    set_keys_of_environment();
    place_open();
    place_must_get("ENVIRONMENT");
    place_must_be_from("environment");

    place_next_instance();
    fake_host_set(fake, "access_key_id", "OPTION");
    fake_host_set(fake, "secret_access_key", "CANARY-o");
    place_open();
    place_must_get("OPTION");
    place_must_be_from("options");
}
END_TEST

START_TEST(each_place_can_be_selected)
{
    static const char *const pins[][2] = {
        {"environment", "ENVIRONMENT"}, {"web_identity", "AKIDTEST1"}, {"profile", "PROFILE"},
        {"container", "AKIDTEST2"},     {"imds", "AKIDTEST3"},
    };
    set_keys_of_environment();
    set_web_identity();
    set_profile();
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", place_endpoint("/container"), 1);
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", place_endpoint("/"), 1);
    for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
        place_next_instance();
        fake_host_set(fake, "credentials", pins[i][0]);
        place_open();
        place_must_get(pins[i][1]);
    }
}
END_TEST

START_TEST(without_keys_the_error_names_each_place)
{
    static const char *const reasons[] = {
        "cannot find keys for S3: options: access_key_id is not set, ",
        "environment: AWS_ACCESS_KEY_ID is not set, ",
        "web_identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set, ",
        "profile: profile default is neither in ",
        "/.aws/credentials nor in ",
        "process: credential_process is not set, ",
        "container: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor ",
        "imds: AWS_EC2_METADATA_DISABLED is true",
    };
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    place_open();
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        place_must_fail(HANGAR_AUTH, reasons[i]);
    }
}
END_TEST

START_TEST(a_badly_configured_place_ends_the_search)
{
    setenv("AWS_ACCESS_KEY_ID", "ENVIRONMENT", 1);
    set_profile();
    place_open();
    place_must_fail(HANGAR_AUTH,
                    "cannot get keys for S3 from environment: AWS_ACCESS_KEY_ID is set, but "
                    "AWS_SECRET_ACCESS_KEY is not");
    unsetenv("AWS_ACCESS_KEY_ID");
    setenv("AWS_PROFILE", "missing", 1);
    place_must_fail(HANGAR_AUTH, "from profile: profile missing is neither in ");
    setenv("AWS_PROFILE", "named", 1);
    place_must_get("NAMED");
}
END_TEST

START_TEST(options_that_contradict_each_other_are_refused)
{
    fake_host_set(fake, "access_key_id", "OPTION");
    place_must_not_open("access_key_id: there is no secret access key");
    place_next_instance();
    fake_host_set(fake, "credentials", "imds");
    fake_host_set(fake, "access_key_id", "OPTION");
    place_must_not_open(
        "access_key_id: cannot be used with credentials: imds; hint: remove one of them");
    place_next_instance();
    fake_host_set(fake, "access_key_id", "OPTION");
    fake_host_set(fake, "secret_access_key", "CANARY");
    fake_host_set(fake, "profile", "named");
    place_must_not_open(
        "profile: cannot be used with access_key_id, which chooses another place of "
        "keys; hint: remove one of them");
    place_next_instance();
    fake_host_set(fake, "credentials", "options");
    place_must_not_open("credentials: access_key_id is not set");
    place_next_instance();
    fake_host_set(fake, "access_key_id", "OPTION");
    fake_host_set(fake, "secret_access_key", "CANARY\nX-Header: 1");
    place_must_not_open("access_key_id: there is a secret access key with spaces or control "
                        "characters");
}
END_TEST

START_TEST(empty_options_and_variables_count_as_not_set)
{
    fake_host_set(fake, "access_key_id", "");
    fake_host_set(fake, "secret_access_key", "");
    fake_host_set(fake, "profile", "");
    setenv("AWS_ACCESS_KEY_ID", "", 1);
    setenv("AWS_PROFILE", "", 1);
    set_profile();
    place_open();
    place_must_get("PROFILE");
}
END_TEST

START_TEST(an_option_has_priority_over_the_environment)
{
    set_keys_of_environment();
    set_profile();
    fake_host_set(fake, "profile", "named");
    place_open();
    place_must_get("NAMED");
}
END_TEST

/* ------------------------------------------------------------------------ */

START_TEST(files_are_found_by_options_variables_and_home)
{
    place_file("mine", "[default]\naws_access_key_id = MINE\naws_secret_access_key = CANARY\n");
    place_file("config", "[profile other]\naws_access_key_id = OTHER\n"
                         "aws_secret_access_key = CANARY\naws_session_token = CANARY-t\n");
    setenv("AWS_SHARED_CREDENTIALS_FILE", "~/mine", 1);
    setenv("AWS_CONFIG_FILE", testing_path(home, "config"), 1);
    place_open();
    place_must_get("MINE");
    place_next_instance();
    fake_host_set(fake, "profile", "other");
    place_open();
    place_must_get("OTHER");
    place_must_be_from("profile other in ");
    ck_assert_ptr_null(strstr(fake_host_log(fake), "warn"));
}
END_TEST

START_TEST(untrusted_and_unreadable_files_are_reported)
{
    set_profile();
    const char *path = testing_path(home, ".aws/credentials");
    ck_assert_int_eq(chmod(path, 0644), 0);
    place_open();
    place_must_get("PROFILE");
    ck_assert_ptr_nonnull(strstr(fake_host_log(fake), "other users can read the keys in file "));

    place_next_instance();
    place_file(".aws/credentials", "[default]\nCANARY\n");
    place_open();
    place_must_fail(HANGAR_AUTH, "/.aws/credentials: line 2: neither a section");
    unlink(path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    place_must_fail(HANGAR_AUTH, "/.aws/credentials is not a regular file");
    unlink(path);
    ck_assert_int_eq(symlink("/dev/zero", path), 0);
    place_must_fail(HANGAR_AUTH, "/.aws/credentials is not a regular file");
    unlink(path);
    ck_assert_int_eq(testing_shell("head -c 2000000 /dev/zero | tr '\\0' '#' > %s", path), 0);
    place_must_fail(HANGAR_AUTH, "/.aws/credentials is larger than 1024 KiB");
}
END_TEST

START_TEST(unsupported_settings_of_a_profile_are_refused)
{
    mkdir(testing_path(home, ".aws"), 0700);
    place_file(".aws/config", "[default]\nregion = x\n"
                              "[profile chain]\nrole_arn = a\nsource_profile = default\n"
                              "[profile sso]\nsso_session = a\nsso_account_id = 1\n"
                              "[profile login]\nlogin_session = a\n"
                              "[profile none]\nregion = y\n");
    setenv("AWS_EC2_METADATA_DISABLED", "TRUE", 1);
    place_open();
    place_must_fail(HANGAR_AUTH, "profile: profile default has no keys, process: ");
    setenv("AWS_PROFILE", "chain", 1);
    place_must_fail(HANGAR_AUTH, "uses a role without web_identity_token_file, which hangar "
                                 "does not support; hint: set credential_process");
    setenv("AWS_PROFILE", "sso", 1);
    place_must_fail(HANGAR_AUTH, "profile sso logs in with SSO, which hangar does not support");
    setenv("AWS_PROFILE", "login", 1);
    place_must_fail(HANGAR_AUTH, "profile login logs in with a browser");
    setenv("AWS_PROFILE", "none", 1);
    place_must_fail(HANGAR_AUTH, "from profile: profile none has no keys");
}
END_TEST

START_TEST(a_profile_can_name_a_token_for_sts)
{
    set_web_identity();
    unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
    unsetenv("AWS_ROLE_ARN");
    mkdir(testing_path(home, ".aws"), 0700);
    char config[1000];
    snprintf(config, sizeof(config),
             "[default]\nrole_arn = arn:p\nweb_identity_token_file = %s/token\n"
             "role_session_name = night\n",
             home);
    place_file(".aws/config", config);
    place_open();
    place_must_get("AKIDTEST1");
    ck_assert_int_eq(place_requests("POST /sts arn:p night"), 1);
    place_next_instance();
    fake_host_set(fake, "credentials", "web_identity");
    place_open();
    place_must_get("AKIDTEST2");
}
END_TEST

/* ------------------------------------------------------------------------ */

#define PRINTS_KEYS                                                                                \
    "echo '{\"Version\": 1, \"AccessKeyId\": \"PROGRAM\", \"SecretAccessKey\": \"CANARY\"}'\n"

START_TEST(a_program_runs_without_a_shell)
{
    const char *path = place_program("tool", "#!/bin/sh\n"
                                             "[ \"$1|$2|$#\" = 'a b|$(id)|2' ] || exit 9\n"
                                             "[ -z \"$(cat)\" ] || exit 8\n"
                                             "echo CANARY >&2\n" PRINTS_KEYS);
    fake_host_set(fake, "credential_process", path);
    fake_host_set(fake, "credential_process", "a b");
    fake_host_set(fake, "credential_process", "$(id)");
    place_open();
    place_must_get("PROGRAM");
    place_must_be_from("program ");

    char config[1000];
    snprintf(config, sizeof(config), "[default]\ncredential_process = \"%s\" 'a b' $(id)\n", path);
    mkdir(testing_path(home, ".aws"), 0700);
    place_file(".aws/config", config);
    for (int i = 0; i < 2; i++) {
        place_next_instance();
        fake_host_set(fake, "credentials", i ? "auto" : "process");
        place_open();
        place_must_get("PROGRAM");
        place_must_be_from("the program of profile default");
    }
}
END_TEST

START_TEST(a_program_that_another_user_could_change_is_not_run)
{
    char config[1000];
    const char *path = place_program("tool", "#!/bin/sh\n" PRINTS_KEYS);
    snprintf(config, sizeof(config), "[default]\ncredential_process = %s\n", path);
    mkdir(testing_path(home, ".aws"), 0700);
    const char *named = place_file(".aws/config", config);
    for (int i = 0; i < 3; i++) { /* the option, the profile, and the file of the profile */
        place_next_instance();
        ck_assert_int_eq(chmod(path, i < 2 ? 0722 : 0700), 0);
        ck_assert_int_eq(chmod(named, i < 2 ? 0600 : 0666), 0);
        if (i == 0) {
            fake_host_set(fake, "credential_process", path);
        }
        place_open();
        place_must_fail(HANGAR_CONFIG, "other users can write to ");
    }
}
END_TEST

/* Programs that end by themselves get much time: a busy machine is not a failure. */
static void program_must_fail(const char *text, enum hangar_rc rc, const char *why)
{
    const bool hangs = rc == HANGAR_RETRY;
    place_next_instance();
    fake_host_set(fake, "credential_process", place_program("tool", text));
    fake_host_set(fake, "credentials_timeout", hangs ? "300ms" : "30s");
    place_open();
    place_must_fail(rc, why);
}

START_TEST(a_failed_program_is_reported_without_its_output)
{
    program_must_fail("#!/bin/sh\necho CANARY; echo CANARY >&2; exit 3\n", HANGAR_AUTH,
                      "/tool failed with exit status 3; hint: run it by hand");
    program_must_fail("#!/bin/sh\nkill -9 $$\n", HANGAR_AUTH, "was ended by signal 9");
    program_must_fail("#!/bin/sh\n", HANGAR_AUTH, "printed nothing");
    program_must_fail("#!/bin/sh\necho CANARY\n", HANGAR_AUTH,
                      " is not valid: it is not a JSON object");
    program_must_fail("#!/bin/sh\nwhile echo CANARY; do :; done\n", HANGAR_AUTH,
                      "printed more than 64 KiB");
    program_must_fail("#!/nowhere\n", HANGAR_CONFIG, "/tool: No such file or directory");
}
END_TEST

START_TEST(a_program_that_hangs_is_killed_with_its_children)
{
    char text[1000];
    const char *pids = testing_path(home, "pids");
    snprintf(text, sizeof(text), "#!/bin/sh\nsleep 100 & echo $! $$ > %s\nwait\n", pids);
    program_must_fail(text, HANGAR_RETRY, "/tool did not end within ");
    /* neither of the two processes may live; a zombie does not count */
    ck_assert_int_eq(
        testing_shell("sleep 0.1; for pid in $(cat %s); do"
                      " if [ -e /proc/$pid ] && ! grep -q 'State:.Z' /proc/$pid/status; then"
                      " exit 1; fi; done",
                      pids),
        0);
}
END_TEST

/* ------------------------------------------------------------------------ */

START_TEST(refusals_of_sts_are_reported_without_the_token)
{
    set_web_identity();
    fake_host_set(fake, "credentials_timeout", "20s");
    place_open();
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", place_file("other", "CANARY-not-the-one-you-know"), 1);
    place_must_fail(HANGAR_AUTH, "STS answered with HTTP status 400 and code "
                                 "InvalidIdentityToken");
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", testing_path(home, "token"), 1);
    place_set_faults(
        "{\"status\": 403, \"body\": \"<E><Error><Code>AccessDenied</Code><Message>Not "
        "authorized to perform</Message></Error></E>\"}");
    place_must_fail(HANGAR_AUTH, "status 403 and code AccessDenied: Not authorized");
    place_set_faults("{\"status\": 403, \"body\": \"<html>CANARY\"}");
    place_must_fail(HANGAR_AUTH, "STS answered with HTTP status 403");
    place_set_faults("{\"status\": 200, \"body\": \"<html>CANARY\"}");
    place_must_fail(HANGAR_AUTH, "the answer of STS is not valid: it is not valid XML");
    place_set_faults("{\"kind\": \"huge\"}");
    place_must_fail(HANGAR_AUTH, "the answer is longer than 64 KiB");
    place_set_faults("{\"kind\": \"redirect\"}");
    place_must_fail(HANGAR_AUTH, "STS answered with HTTP status 302");
    unsetenv("AWS_ROLE_ARN");
    place_must_fail(HANGAR_AUTH, "; hint: set role_arn or AWS_ROLE_ARN");
}
END_TEST

START_TEST(temporary_failures_are_repeated)
{
    set_web_identity();
    place_open();
    place_set_faults("{\"status\": 503, \"times\": 2}");
    place_must_get("AKIDTEST1");
    ck_assert_int_eq(place_requests("POST /sts"), 3);
}
END_TEST

START_TEST(final_failures_are_not_repeated)
{
    set_web_identity();
    fake_host_set(fake, "credentials_timeout", "1s");
    place_open();
    place_set_faults("{\"status\": 503}");
    place_must_fail(HANGAR_RETRY, "STS answered with HTTP status 503");
    ck_assert_int_le(place_requests("POST /sts"), 3);
    place_set_faults("{\"kind\": \"short\"}");
    place_must_fail(HANGAR_RETRY, "from web_identity: ");
    place_set_faults("{\"kind\": \"stall\"}");
    place_must_fail(HANGAR_RETRY, "from web_identity: Timeout was reached");
    place_set_faults("{\"kind\": \"drip\"}");
    place_must_fail(HANGAR_RETRY, "from web_identity: Timeout was reached");
    setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1/sts", 1);
    place_must_fail(HANGAR_RETRY, "Couldn't connect to server");
    setenv("AWS_ENDPOINT_URL_STS", "file:///etc/passwd", 1);
    place_must_fail(HANGAR_CONFIG, "the URL is not a valid http or https URL");
}
END_TEST

START_TEST(a_file_of_a_token_must_contain_one_token)
{
    set_web_identity();
    place_open();
    place_file("token", "");
    place_must_fail(HANGAR_AUTH, "/token does not contain exactly one token");
    place_file("token", "CANARY two\n");
    place_must_fail(HANGAR_AUTH, "/token does not contain exactly one token");
    unlink(testing_path(home, "token"));
    place_must_fail(HANGAR_AUTH, "from web_identity: cannot open file");
}
END_TEST

START_TEST(a_remote_sts_without_https_causes_a_warning)
{
    set_web_identity();
    setenv("AWS_ENDPOINT_URL_STS", "http://sts.invalid/", 1);
    fake_host_set(fake, "credentials_timeout", "500ms");
    /* through a proxy that does not exist */
    place_open();
    place_must_fail(HANGAR_RETRY, "from web_identity: ");
    ck_assert_ptr_nonnull(strstr(fake_host_log(fake), "warn: the web identity token is sent "
                                                      "unencrypted to STS at http://sts.invalid/"));
}
END_TEST

START_TEST(a_container_endpoint_receives_its_token)
{
    place_file("auth", "CANARY-auth");
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", place_endpoint("/container"), 1);
    place_open();
    place_must_fail(HANGAR_AUTH, "from container: the endpoint answered with HTTP status 401");
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "CANARY-auth", 1);
    place_must_get("AKIDTEST1");

    /* a file has priority, and is read each time */
    place_next_instance();
    const char *path = place_file("auth-file", "CANARY-wrong\n");
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path, 1);
    place_open();
    place_must_fail(HANGAR_AUTH, "HTTP status 401");
    place_file("auth-file", "CANARY-auth\n");
    place_must_get("AKIDTEST2");

    place_next_instance();
    unsetenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "CANARY\r\nX: y", 1);
    place_open();
    place_must_fail(HANGAR_CONFIG, "contains a newline");
}
END_TEST

START_TEST(remote_hosts_without_https_receive_no_token)
{
    static const char *const far[] = {
        "http://example.invalid/x", "http://10.0.0.1/",      "http://127.0.0.1.example.invalid/",
        "http://[2001:db8::1]/",    "http://169.254.170.3/", "ftp://127.0.0.1/"};
    place_open();
    for (size_t i = 0; i < sizeof(far) / sizeof(far[0]) - 1; i++) {
        setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", far[i], 1);
        place_must_fail(HANGAR_CONFIG, "must be https, or have a host that is allowed");
    }
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://[::1]:1/", 1);
    place_must_fail(HANGAR_RETRY, "connect");
}
END_TEST

START_TEST(answers_of_endpoints_are_checked)
{
    static const char *const bodies[][2] = {
        {"{\"body\": \"CANARY\"}",
         "the answer of the endpoint is not valid: it is not a JSON object"},
        {"{\"body\": \"{}\"}",
         "the answer of the endpoint is not valid: there is no access key id"},
        {"{\"body\": \"{\\\"Code\\\": \\\"Failed\\\"}\"}", "it refuses with the code Failed"},
        {"{\"kind\": \"huge\"}", "the answer is longer than 64 KiB"},
        {"{\"kind\": \"redirect\"}", "the endpoint answered with HTTP status 302"},
    };
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", place_endpoint("/container"), 1);
    place_open();
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        place_set_faults(bodies[i][0]);
        place_must_fail(HANGAR_AUTH, bodies[i][1]);
    }
    place_set_faults("{\"lifetime\": -60}");
    place_must_fail(HANGAR_RETRY, "have expired already; hint: check the clock");
}
END_TEST

START_TEST(the_metadata_service_is_used_by_version_2_only)
{
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", place_endpoint("/"), 1);
    fake_host_set(fake, "credentials_timeout", "5s");
    place_open();
    place_set_faults("{\"only\": \"/latest/api/token\", \"status\": 403}");
    place_must_fail(HANGAR_AUTH, "imds: the metadata service refused a token (version 2) with "
                                 "HTTP status 403");
    ck_assert_int_eq(place_requests("GET"), 0);
    place_set_faults("{\"only\": \"/latest/api/token\", \"body\": \"<html> CANARY\"}");
    place_must_fail(HANGAR_AUTH, "returned no valid token");
    place_set_faults("{\"only\": \"/latest/api/token\", \"body\": \"wrong\"}");
    place_must_fail(HANGAR_AUTH, "the metadata service answered with HTTP status 401");
    /* an answer that is lost because of the hop limit */
    place_set_faults("{\"only\": \"/latest/api/token\", \"kind\": \"stall\"}");
    place_must_fail(HANGAR_AUTH, "; hint: from a container it needs a hop limit of 2");
    place_set_faults("{\"only\": \"/latest/meta-data/iam\", \"status\": 404}");
    place_must_fail(HANGAR_AUTH, "imds: the instance has no role");
    place_set_faults("{\"only\": \"/latest/meta-data/iam\", \"body\": \"../../CANARY\"}");
    place_must_fail(HANGAR_AUTH, "the metadata service returned no valid role name");
    place_set_faults("{}");
    place_must_get("AKIDTEST1");
    ck_assert_int_eq(place_requests("GET /latest/meta-data/iam/security-credentials/backup-role"),
                     1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("storage-s3 credentials");
    TCase *tcase = tcase_create("places");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, place_set_up, place_tear_down);
    tcase_add_test(tcase, the_first_configured_place_is_used);
    tcase_add_test(tcase, each_place_can_be_selected);
    tcase_add_test(tcase, without_keys_the_error_names_each_place);
    tcase_add_test(tcase, a_badly_configured_place_ends_the_search);
    tcase_add_test(tcase, options_that_contradict_each_other_are_refused);
    tcase_add_test(tcase, empty_options_and_variables_count_as_not_set);
    tcase_add_test(tcase, an_option_has_priority_over_the_environment);
    tcase_add_test(tcase, files_are_found_by_options_variables_and_home);
    tcase_add_test(tcase, untrusted_and_unreadable_files_are_reported);
    tcase_add_test(tcase, unsupported_settings_of_a_profile_are_refused);
    tcase_add_test(tcase, a_profile_can_name_a_token_for_sts);
    tcase_add_test(tcase, a_program_runs_without_a_shell);
    tcase_add_test(tcase, a_program_that_another_user_could_change_is_not_run);
    tcase_add_test(tcase, a_failed_program_is_reported_without_its_output);
    tcase_add_test(tcase, a_program_that_hangs_is_killed_with_its_children);
    tcase_add_test(tcase, refusals_of_sts_are_reported_without_the_token);
    tcase_add_test(tcase, temporary_failures_are_repeated);
    tcase_add_test(tcase, final_failures_are_not_repeated);
    tcase_add_test(tcase, a_file_of_a_token_must_contain_one_token);
    tcase_add_test(tcase, a_remote_sts_without_https_causes_a_warning);
    tcase_add_test(tcase, a_container_endpoint_receives_its_token);
    tcase_add_test(tcase, remote_hosts_without_https_receive_no_token);
    tcase_add_test(tcase, answers_of_endpoints_are_checked);
    tcase_add_test(tcase, the_metadata_service_is_used_by_version_2_only);
    suite_add_tcase(suite, tcase);
    return testing_main(suite);
}
