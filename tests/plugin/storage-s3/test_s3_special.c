/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_s3_special: what this sink does beyond what every sink does, on a real server.  The tests
 * are in special_*.c; this file has their fixture.
 */
#include "special.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_host *fake;
void *inst;

void special_set_up(void)
{
    store.set_up();
    fake = NULL;
}

void special_tear_down(void)
{
    if (!fake) {
        return;
    }
    ck_assert_uint_eq(fake_host_budget_used(fake), 0);
    fake_host_close(fake);
}

void special_open(void)
{
    fake = store_open(&inst);
}

void special_must_fail(enum hangar_rc got, enum hangar_rc expected, const char *text)
{
    testing_expect(fake, got, expected, text);
    ck_assert_msg(strstr(fake_host_error(fake), text) != NULL, "error: %s", fake_host_error(fake));
    fake_host_clear(fake);
}

size_t special_count_uploads(void)
{
    char *all = store_ask("uploads %s", store_bucket()), number[32];
    size_t count = 0;
    /* the key is escaped; the last part of the prefix needs no escapes */
    snprintf(number, sizeof(number), "%s", strrchr(store_prefix(), '/') + 1);
    for (const char *at = all; (at = strstr(at, number)); at++) {
        count++;
    }
    free(all);
    return count;
}

void special_must_read(uint64_t offset, const unsigned char *data, size_t size)
{
    struct hangar_get *get = NULL;
    size_t at = 0, got = 1;
    unsigned char *buffer = malloc(size + 100000);
    testing_expect(fake, sink_table(fake)->get_open(inst, "p/object", offset, &get), HANGAR_OK,
                   "get_open");
    while (got && at <= size) {
        testing_expect(fake, sink_table(fake)->get_read(get, buffer + at, 99999, &got), HANGAR_OK,
                       "get_read");
        at += got;
    }
    sink_table(fake)->get_close(get);
    REQUIRE(at == size && memcmp(buffer, data, size) == 0, "not what was stored");
    free(buffer);
}

enum hangar_rc special_put(const void *data, size_t size, size_t step, uint32_t flags)
{
    return sink_store(fake, inst, &(struct sink_object){"p/object", data, size, step, flags}, NULL);
}

int main(void)
{
    if (store_client("make-bucket %s", store_bucket())) {
        return 1;
    }
    Suite *suite = suite_create("storage-s3");
    special_add_parts(suite);
    special_add_store(suite);
    special_add_requests(suite);
    return testing_main(suite);
}
