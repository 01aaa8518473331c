/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * bucket: see bucket.h.
 */
#include "bucket.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fake_host.h"

#define BUCKET "hangar-libs3"

static char prefix[64], endpoint[64];
static const char *folder; /* of the proxy */
static pid_t proxy;

static const char *bucket_env(const char *name)
{
    const char *value = getenv(name);
    if (value && *value) {
        return value;
    }
    fprintf(stderr, "%s is not set: run this program by tests/lib/with_s3\n", name);
    exit(1);
}

void bucket_make(void)
{
    char command[1000];
    snprintf(command, sizeof(command), "/usr/bin/python3 %s make-bucket %s", S3_CLIENT, BUCKET);
    if (system(command)) {
        exit(1);
    }
    unsetenv("http_proxy");
}

int bucket_client(const char *fmt, ...)
{
    char arguments[2000];
    va_list args;
    va_start(args, fmt);
    vsnprintf(arguments, sizeof(arguments), fmt, args);
    va_end(args);
    return testing_shell("/usr/bin/python3 %s %s", S3_CLIENT, arguments);
}

const char *bucket_prefix(void)
{
    return prefix;
}

static void bucket_set_up(void)
{
    static unsigned number;
    snprintf(prefix, sizeof(prefix), "some/a=b-c_d.e/%d-%u", (int)getpid(), number++);
    snprintf(endpoint, sizeof(endpoint), "%s", bucket_env("S3_ENDPOINT"));
}

static void bucket_configure(struct fake_host *fake)
{
    fake_host_set(fake, "endpoint", endpoint);
    fake_host_set(fake, "bucket", BUCKET);
    fake_host_set(fake, "prefix", prefix);
    fake_host_set(fake, "access_key_id", bucket_env("S3_ACCESS_KEY"));
    fake_host_set(fake, "secret_access_key", bucket_env("S3_SECRET_KEY"));
}

const struct sink_under_test bucket = {.plugin = "storage-s3-libs3",
                                       .set_up = bucket_set_up,
                                       .configure = bucket_configure,
                                       .many = 1010};

struct fake_host *bucket_host(void)
{
    struct fake_host *fake = fake_host_open(bucket.plugin);
    bucket_configure(fake);
    return fake;
}

struct fake_host *bucket_open_directly(void **inst)
{
    struct fake_host *fake = bucket_host();
    fake_host_set(fake, "endpoint", bucket_env("S3_ENDPOINT"));
    testing_expect(fake, fake_host_create(fake, inst), HANGAR_OK, "create");
    return fake;
}

struct fake_host *bucket_other_plugin(void **inst)
{
    struct fake_host *fake = fake_host_open("storage-s3");
    bucket_configure(fake);
    testing_expect(fake, fake_host_create(fake, inst), HANGAR_OK, "create");
    return fake;
}

void bucket_set_up_proxy(void)
{
    bucket_set_up();
    folder = testing_dir();
    proxy = fork();
    ck_assert_int_ge(proxy, 0);
    if (!proxy) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl("/usr/bin/python3", "python3", S3_PROXY, folder, bucket_env("S3_PORT"), NULL);
        _exit(127);
    }
    for (int i = 0; i < 6000 && access(testing_path(folder, "port"), F_OK); i++) {
        usleep(5000);
    }
    FILE *file = fopen(testing_path(folder, "port"), "r");
    ck_assert_ptr_nonnull(file);
    int port = 0;
    ck_assert_int_eq(fscanf(file, "%d", &port), 1);
    fclose(file);
    snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d", port);
}

void bucket_tear_down(void)
{
    if (proxy > 0) {
        kill(proxy, SIGKILL);
        waitpid(proxy, NULL, 0);
    }
}

void bucket_fault(const char *orders)
{
    const char *path = testing_path(folder, "orders.new");
    testing_write_file(path, orders, strlen(orders));
    ck_assert_int_eq(rename(path, testing_path(folder, "orders")), 0);
}

int bucket_requests(const char *beginning)
{
    char line[2000];
    int count = 0;
    FILE *file = fopen(testing_path(folder, "requests"), "r");
    while (file && fgets(line, sizeof(line), file)) {
        count += strncmp(line, beginning, strlen(beginning)) == 0;
    }
    if (file) {
        fclose(file);
    }
    return count;
}
