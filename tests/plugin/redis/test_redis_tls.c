/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_redis_tls: backups and restores over TLS, and certificates that must be refused.
 */
#include <stdio.h>
#include <string.h>
#include "restore_case.h"
#include "testing.h"

static char port_option[32];

/* Writes certificates into the folder of the test: of a CA (ca), of the server (s) and of another
 * CA (other).  Then starts `source` with TLS on the port of port_option. */
static void start_tls_server(const char *dir)
{
    ck_assert_int_eq(
        testing_shell(
            "cd %s && for n in ca other; do openssl req -x509 -newkey rsa:2048 -nodes "
            "-days 2 -subj /CN=$n -keyout $n.key -out $n.crt 2>log; done && "
            "openssl req -newkey rsa:2048 -nodes -subj /CN=redis -keyout s.key -out s.csr "
            "2>log && printf 'subjectAltName=DNS:db.example,IP:127.0.0.1\\n' > ext && "
            "openssl x509 -req -in s.csr -CA ca.crt -CAkey ca.key -CAcreateserial "
            "-days 2 -extfile ext -out s.crt 2>log",
            dir),
        0);
    char tls_port[16];
    server_start(&source, no_arguments);
    snprintf(tls_port, sizeof(tls_port), "%d", source.port);
    server_stop(&source); /* its port is free for TLS */
    server_start(&source, (const char *[]){"--tls-port", tls_port, "--tls-cert-file",
                                           testing_path(dir, "s.crt"), "--tls-key-file",
                                           testing_path(dir, "s.key"), "--tls-ca-cert-file",
                                           testing_path(dir, "ca.crt"), NULL});
    server_do(&source, "SETRANGE big 5000000 x");
    server_do(&source, "CONFIG SET rdbcompression no");
    snprintf(port_option, sizeof(port_option), "port=%s", tls_port);
}

START_TEST(client_certificates_are_sent_and_a_wrong_ca_is_refused)
{
    const char *dir = testing_dir();
    char ca[300], wrong_ca[300], cert[300], key[300];
    start_tls_server(dir);
    snprintf(ca, sizeof(ca), "tls_ca_file=%s/ca.crt", dir);
    snprintf(wrong_ca, sizeof(wrong_ca), "tls_ca_file=%s/other.crt", dir);
    snprintf(cert, sizeof(cert), "tls_cert=%s/s.crt", dir);
    snprintf(key, sizeof(key), "tls_key=%s/s.key", dir);
    const struct {
        const char *ca, *more, *with;
        enum hangar_rc rc;
        const char *error;
    } cases[] = {
        {ca, cert, key, HANGAR_OK, ""},
        {ca, "tls_server_name=db.example", NULL, HANGAR_IO, ""}, /* it requires a certificate */
        {wrong_ca, cert, key, HANGAR_IO, "the certificate of the server is not accepted"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct run run;
        run_open(&run, (const char *[]){"host=127.0.0.1", port_option, "tls=true", cases[i].ca,
                                        cases[i].more, cases[i].with, NULL});
        run_backup(&run, 70000);
        ck_assert_msg(run.rc == cases[i].rc && strstr(run_error(&run), cases[i].error),
                      "case %zu: %d %s", i, (int)run.rc, run_error(&run));
        run_free(&run);
    }
    server_stop(&source);
}
END_TEST

START_TEST(the_name_in_the_certificate_is_verified)
{
    static const struct {
        const char *name, *verify;
        bool right_ca;
        enum hangar_rc rc;
    } names[] = {{"tls_server_name=db.example", "tls_verify=true", true, HANGAR_OK},
                 {"tls_server_name=127.0.0.1", "tls_verify=true", true, HANGAR_OK},
                 {"tls_server_name=db2.example", "tls_verify=true", true, HANGAR_IO},
                 {"tls_server_name=127.0.0.2", "tls_verify=true", true, HANGAR_IO},
                 {"tls_server_name=db2.example", "tls_verify=false", false, HANGAR_OK}};
    const char *dir = testing_dir();
    char ca[300], wrong_ca[300];
    start_tls_server(dir);
    server_do(&source, "CONFIG SET tls-auth-clients no");
    snprintf(ca, sizeof(ca), "tls_ca_file=%s/ca.crt", dir);
    snprintf(wrong_ca, sizeof(wrong_ca), "tls_ca_file=%s/other.crt", dir);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct run run;
        run_open(&run, (const char *[]){"host=127.0.0.1", port_option, "tls=true", names[i].name,
                                        names[i].verify, names[i].right_ca ? ca : wrong_ca, NULL});
        run_backup(&run, 70000);
        ck_assert_msg(run.rc == names[i].rc, "name %zu: %d %s", i, (int)run.rc, run_error(&run));
        run_free(&run);
    }
    server_stop(&source);
}
END_TEST

START_TEST(a_restore_over_tls_restores_all_data)
{
    const char *dir = testing_dir();
    char ca[300], digest[64];
    struct run run, restored;
    start_tls_server(dir);
    server_do(&source, "CONFIG SET tls-auth-clients no");
    snprintf(ca, sizeof(ca), "tls_ca_file=%s/ca.crt", dir);
    run_open(&run, (const char *[]){source.socket_option, NULL});
    run_backup(&run, MANY);
    assert_ok(&run);
    strcpy(digest, server_digest(&source));
    run_open(&restored, (const char *[]){"host=127.0.0.1", port_option, "tls=true", ca,
                                         "on_conflict=flush", NULL});
    run_restore(&restored, run.data, run.size, MANY, NULL, 0);
    assert_ok(&restored);
    ck_assert_str_eq(server_digest(&source), digest);
    run_free(&run);
    run_free(&restored);
    server_stop(&source);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis tls");
    TCase *tests = tcase_create("tls");
    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, client_certificates_are_sent_and_a_wrong_ca_is_refused);
    tcase_add_test(tests, the_name_in_the_certificate_is_verified);
    tcase_add_test(tests, a_restore_over_tls_restores_all_data);
    suite_add_tcase(suite, tests);
    return testing_main(suite);
}
