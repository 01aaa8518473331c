/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * directory: see directory.h.
 */
#include "directory.h"

#include <stdio.h>
#include <string.h>

const char *root;
const char *min_free, *create;
struct fake_host *fake;
void *inst;

void directory_make(void)
{
    root = testing_path(testing_dir(), "store");
}

void directory_configure(struct fake_host *host)
{
    fake_host_set(host, "path", root);
    if (min_free) {
        fake_host_set(host, "min_free", min_free);
    }
    if (create) {
        fake_host_set(host, "create", create);
    }
}

const struct sink_under_test directory_store = {.plugin = "storage-local",
                                                .set_up = directory_make,
                                                .configure = directory_configure,
                                                .create_only = true,
                                                .many = 2500};

void directory_set_up(void)
{
    directory_make();
    fake = sink_open(&directory_store, &inst);
}

void directory_tear_down(void)
{
    fake_host_close(fake);
}

void directory_must_fail(enum hangar_rc got, enum hangar_rc want, const char *text)
{
    testing_expect(fake, got, want, text);
    ck_assert_msg(strstr(fake_host_error(fake), text) != NULL, "the error is: %s",
                  fake_host_error(fake));
    fake_host_clear(fake);
}

enum hangar_rc directory_store_text(const char *name, const char *text, uint32_t flags)
{
    return sink_store(fake, inst, &(struct sink_object){name, text, strlen(text), 1000, flags},
                      NULL);
}

int directory_count(void)
{
    FILE *pipe;
    char command[4200];
    snprintf(command, sizeof(command), "find %s -mindepth 1 | wc -l", root);
    pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    int count = -1;
    ck_assert_int_eq(fscanf(pipe, "%d", &count), 1);
    pclose(pipe);
    return count;
}
