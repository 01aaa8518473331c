/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * directory: the fixture of the tests of what storage-local does beyond every other sink: an
 * instance whose root is a folder of the test.
 */
#ifndef TEST_PLUGIN_STORAGE_LOCAL_DIRECTORY_H
#define TEST_PLUGIN_STORAGE_LOCAL_DIRECTORY_H

#include <check.h>
#include "fake_host.h"
#include "sink_suite.h"

extern const char *root;
extern const char *min_free, *create; /* options of the instances to come; NULL: not set */
/* The instance of the test in progress. */
extern struct fake_host *fake;
extern void *inst;

extern const struct sink_under_test directory_store;
void directory_make(void);
void directory_configure(struct fake_host *host);
void directory_set_up(void);
void directory_tear_down(void);

/* The call has failed with this code, and the message contains the text. */
void directory_must_fail(enum hangar_rc got, enum hangar_rc want, const char *text);
enum hangar_rc directory_store_text(const char *name, const char *text, uint32_t flags);
/* Counts all files and folders below the root. */
int directory_count(void);

/* Adds the tests of root.c. */
void directory_add_root(TCase *tcase);

#endif
