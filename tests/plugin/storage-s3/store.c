/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * store: see store.h.
 */
#include "store.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "fake_host.h"

#define OPTIONS_MAX 16

static char prefix[64];
static struct {
    const char *name, *value;
} overrides[OPTIONS_MAX];
static size_t override_count;

const char *store_env(const char *name)
{
    const char *value = getenv(name);
    if (value && *value) {
        return value;
    }
    fprintf(stderr, "%s is not set: run this program by tests/lib/with_s3\n", name);
    exit(1);
}

const char *store_bucket(void)
{
    return "hangar-tests";
}

const char *store_prefix(void)
{
    return prefix;
}

const char *store_key(const char *name)
{
    static char key[4][1200];
    static unsigned next;
    char *out = key[next++ % 4];
    snprintf(out, sizeof(key[0]), "%s/%s", prefix, name);
    return out;
}

void store_option(const char *name, const char *value)
{
    overrides[override_count].name = name;
    overrides[override_count++].value = value;
}

/* Each test runs in a process of its own. */
static void store_set_up(void)
{
    static unsigned number;
    override_count = 0;
    snprintf(prefix, sizeof(prefix), "li st+/\xc3\xbc=1/%d-%u", (int)getpid(), number++);
}

static bool store_is_overridden(const char *name)
{
    for (size_t i = 0; i < override_count; i++) {
        if (strcmp(overrides[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void store_set(struct fake_host *fake, const char *name, const char *value)
{
    if (!store_is_overridden(name)) {
        fake_host_set(fake, name, value);
    }
}

static void store_configure(struct fake_host *fake)
{
    bool tls = getenv("S3_TEST_TLS") != NULL;
    store_set(fake, "endpoint", store_env(tls ? "S3_TLS_ENDPOINT" : "S3_ENDPOINT"));
    store_set(fake, "region", store_env("S3_REGION"));
    store_set(fake, "bucket", store_bucket());
    store_set(fake, "prefix", prefix);
    store_set(fake, "access_key_id", store_env("S3_ACCESS_KEY"));
    store_set(fake, "secret_access_key", store_env("S3_SECRET_KEY"));
    if (tls) {
        store_set(fake, "ca_file", store_env("S3_CA_FILE"));
    }
    for (size_t i = 0; i < override_count; i++) {
        if (overrides[i].value) {
            fake_host_set(fake, overrides[i].name, overrides[i].value);
        }
    }
}

const struct sink_under_test store = {
    .plugin = "storage-s3", .set_up = store_set_up, .configure = store_configure, .many = 1100};

struct fake_host *store_open(void **inst)
{
    return sink_open(&store, inst);
}

int store_client(const char *fmt, ...)
{
    char command[4096];
    va_list args;
    va_start(args, fmt);
    vsnprintf(command, sizeof(command), fmt, args);
    va_end(args);
    return testing_shell("/usr/bin/python3 '%s/s3.py' %s", TEST_LIB_DIR, command);
}

char *store_ask(const char *fmt, ...)
{
    char command[4096];
    va_list args;
    va_start(args, fmt);
    vsnprintf(command, sizeof(command), fmt, args);
    va_end(args);
    const char *file = testing_path(testing_dir(), "answer");
    ck_assert_int_eq(store_client("%s >%s", command, file), 0);
    size_t size;
    char *data = (char *)testing_read_file(file, &size);
    char *text = strndup(data ? data : "", size);
    free(data);
    return text;
}
