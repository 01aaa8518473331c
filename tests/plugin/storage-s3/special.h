/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * special: the fixture of the tests of what this sink does beyond every other sink.
 */
#ifndef TEST_PLUGIN_STORAGE_S3_SPECIAL_H
#define TEST_PLUGIN_STORAGE_S3_SPECIAL_H

#include "fake_host.h"
#include "store.h"

#define PART ((size_t)5 << 20) /* the smallest part_size */

/* The instance of the test in progress; tear_down closes it. */
extern struct fake_host *fake;
extern void *inst;

void special_set_up(void);
void special_tear_down(void);

/* Opens the instance with the options of store_option. */
void special_open(void);
/* The call has failed with this code, and the message contains the text. */
void special_must_fail(enum hangar_rc got, enum hangar_rc expected, const char *text);
/* Stores p/object in writes of `step` bytes. */
enum hangar_rc special_put(const void *data, size_t size, size_t step, uint32_t flags);
/* Reading p/object from the offset returns exactly these bytes. */
void special_must_read(uint64_t offset, const unsigned char *data, size_t size);
/* The number of unfinished uploads in the bucket, below the prefix of this test. */
size_t special_count_uploads(void);

/* Each adds the test cases of its file. */
void special_add_parts(Suite *suite);
void special_add_store(Suite *suite);
void special_add_requests(Suite *suite);

#endif
