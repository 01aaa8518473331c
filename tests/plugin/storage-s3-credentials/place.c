/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * place: see place.h.
 */
#include "place.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 30000

struct fake_host *fake;
const char *home;

static struct s3_credentials *opened; /* or NULL */
static pid_t endpoint;
static int port;
static _Atomic int64_t clock_shift_ms;

/* The linker redirects all calls of clock_now_ms in the files of the plugin to it. */
int64_t __wrap_clock_now_ms(void);
int64_t __real_clock_now_ms(void);

int64_t __wrap_clock_now_ms(void)
{
    return __real_clock_now_ms() + atomic_load(&clock_shift_ms);
}

void place_move_clock(int64_t seconds)
{
    atomic_fetch_add(&clock_shift_ms, seconds * 1000);
}

extern char **environ;

static void clean_environment(void)
{
    for (size_t i = 0; environ[i];) {
        char *equals = strchr(environ[i], '=');
        if (equals && strncmp(environ[i], "AWS_", 4) == 0) {
            char *name = strndup(environ[i], (size_t)(equals - environ[i]));
            unsetenv(name);
            free(name);
        } else {
            i++;
        }
    }
    setenv("HOME", home, 1);
    setenv("http_proxy", "http://127.0.0.1:1", 1); /* local endpoints must not use it */
    setenv("no_proxy", "", 1);
}

void place_set_up(void)
{
    home = testing_dir();
    clean_environment();
    fake = fake_host_open(NEEDS);
}

/* No message may contain a secret. */
static void place_close(void)
{
    s3_credentials_close(opened);
    opened = NULL;
    ck_assert_msg(!strstr(fake_host_log(fake), CANARY), "a secret is logged: %s",
                  fake_host_log(fake));
    ck_assert_msg(!strstr(fake_host_error(fake), CANARY), "the message contains a secret: %s",
                  fake_host_error(fake));
    fake_host_close(fake);
}

void place_next_instance(void)
{
    place_close();
    fake = fake_host_open(NEEDS);
}

void place_tear_down(void)
{
    place_close();
    if (endpoint > 0) {
        kill(endpoint, SIGKILL);
        waitpid(endpoint, NULL, 0);
    }
}

static void wait_a_moment(int *waited)
{
    ck_assert_int_lt(*waited, PATIENCE_MS);
    usleep(5000);
    *waited += 5;
}

static void start_endpoint(void)
{
    const char *port_file = testing_path(home, "port");
    int waited = 0;
    endpoint = fork();
    ck_assert_int_ge(endpoint, 0);
    if (!endpoint) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(PYTHON, PYTHON, ENDPOINT, home, NULL);
        _exit(127);
    }
    while (access(port_file, F_OK)) {
        wait_a_moment(&waited);
    }
    FILE *file = fopen(port_file, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%d", &port), 1);
    fclose(file);
}

const char *place_endpoint(const char *path)
{
    static char urls[8][256];
    static size_t next;
    char *url = urls[next++ % 8];
    if (!endpoint) {
        start_endpoint();
    }
    snprintf(url, sizeof(urls[0]), "http://127.0.0.1:%d%s", port, path);
    return url;
}

void place_set_faults(const char *json)
{
    const char *path = place_file("say.new", json);
    ck_assert_int_eq(rename(path, testing_path(home, "say")), 0);
}

int place_requests(const char *beginning)
{
    char line[1000];
    int count = 0;
    FILE *file = fopen(testing_path(home, "requests"), "r");
    while (file && fgets(line, sizeof(line), file)) {
        count += strncmp(line, beginning, strlen(beginning)) == 0;
    }
    if (file) {
        fclose(file);
    }
    return count;
}

void place_wait_for_request(const char *beginning, int count)
{
    int waited = 0;
    while (place_requests(beginning) < count) {
        wait_a_moment(&waited);
    }
}

const char *place_file(const char *name, const char *text)
{
    const char *path = testing_path(home, name);
    testing_write_file(path, text, strlen(text));
    ck_assert_int_eq(chmod(path, 0600), 0);
    return path;
}

const char *place_program(const char *name, const char *text)
{
    const char *path = place_file(name, text);
    ck_assert_int_eq(chmod(path, 0700), 0);
    return path;
}

static enum hangar_rc place_try_open(struct s3_credentials **out)
{
    void *inst;
    ck_assert_int_eq(fake_host_create(fake, &inst), HANGAR_OK);
    return s3_credentials_open(fake_host_table(fake), fake_host_ctx(fake), out);
}

struct s3_credentials *place_open(void)
{
    ck_assert_ptr_null(opened);
    testing_expect(fake, place_try_open(&opened), HANGAR_OK, "open");
    return opened;
}

void place_must_not_open(const char *text)
{
    struct s3_credentials *c = NULL;
    testing_expect(fake, place_try_open(&c), HANGAR_CONFIG, "open");
    ck_assert_str_eq(fake_host_error(fake), text);
}

void place_must_get(const char *access_key_id)
{
    struct s3_keys keys;
    testing_expect(fake, s3_credentials_get(opened, &keys), HANGAR_OK, "get");
    ck_assert_str_eq(keys.access_key_id, access_key_id);
    ck_assert_msg(strncmp(keys.secret_access_key, CANARY, strlen(CANARY)) == 0, "a wrong secret");
}

void place_must_fail(enum hangar_rc rc, const char *text)
{
    struct s3_keys keys;
    fake_host_clear(fake);
    testing_expect(fake, s3_credentials_get(opened, &keys), rc, "get");
    ck_assert_msg(strstr(fake_host_error(fake), text) != NULL, "error: %s", fake_host_error(fake));
    ck_assert_msg(!strstr(fake_host_error(fake), CANARY), "the message contains a secret: %s",
                  fake_host_error(fake));
    char problem[4096];
    s3_credentials_problem(opened, problem, sizeof(problem));
    if (rc != HANGAR_CANCELLED) {
        ck_assert_str_eq(problem, fake_host_error(fake));
    }
    fake_host_clear(fake);
}

void place_must_be_from(const char *text)
{
    char source[1000];
    s3_credentials_source(opened, source, sizeof(source));
    ck_assert_msg(strstr(source, text) != NULL, "from: %s", source);
    ck_assert_msg(strstr(fake_host_log(fake), source) != NULL, "log: %s", fake_host_log(fake));
}
