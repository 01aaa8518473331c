/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * lib_fixture: see lib_fixture.h.
 */
#include "lib_fixture.h"

#include <stdlib.h>
#include <string.h>
#include "testing.h"

struct fake_host *fake;

static void set_up_host(void)
{
    fake = fake_host_open("notify-webhook");
    fake_host_set(fake, "url", "http://127.0.0.1:9/");
    fake_host_set(fake, "timeout", "20s");
    void *webhook;
    testing_expect(fake, fake_host_create(fake, &webhook), HANGAR_OK, "create");
}

static void tear_down_host(void)
{
    fake_host_close(fake);
}

void assert_error_has(const char *text)
{
    ck_assert_msg(strstr(fake_host_error(fake), text), "the error is: %s", fake_host_error(fake));
}

int lib_fixture_main(const char *suite_name, const TTest *const *tests, size_t count)
{
    setenv("no_proxy", "*", 1); /* the receivers are on this machine */
    Suite *suite = suite_create(suite_name);
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up_host, tear_down_host);
    for (size_t i = 0; i < count; i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return testing_main(suite);
}
