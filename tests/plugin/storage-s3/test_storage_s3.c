/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_storage_s3: the promises of every sink, on real S3 servers.
 */
#include "store.h"

#include <string.h>

int main(void)
{
    static struct sink_under_test under_test;
    bool swift = strcmp(store_env("S3_KIND"), "swift") == 0;
    if (store_client("make-bucket %s", store_bucket())) {
        return 1;
    }
    under_test = store;
    under_test.create_only = !swift; /* Swift ignores the condition */
    under_test.many = swift ? 1010 : 1100;
    Suite *suite = suite_create("storage-s3");
    sink_suite_add(suite, "every sink", &under_test);
    return testing_main(suite);
}
