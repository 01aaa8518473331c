/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sink_suite: one suite of tests for the contract of a sink in the ABI, which runs with every
 * sink.  Further tests of one sink are separate and may use the functions below.
 */
#ifndef TEST_LIB_SINK_SUITE_H
#define TEST_LIB_SINK_SUITE_H

#include <stdbool.h>
#include "testing.h"

struct sink_under_test {
    const char *plugin;
    /* Makes an empty store, and removes it; in the process of the test. */
    void (*set_up)(void);
    void (*tear_down)(void); /* may be NULL */
    /* Sets the options with which an instance reaches that store. */
    void (*configure)(struct fake_host *fake);
    bool create_only; /* it can refuse to replace an object */
    size_t many;      /* names in the test of long listings */
};

/* Adds a test case with all of it.  `under_test` lives as long as the suite. */
void sink_suite_add(Suite *suite, const char *title, const struct sink_under_test *under_test);

/* For further tests, with a store that is set up.  Each instance has its own host. */
struct fake_host *sink_open(const struct sink_under_test *sink, void **inst);
const struct hangar_sink *sink_table(struct fake_host *fake);

/* An object, and how it is stored. */
struct sink_object {
    const char *name;
    const void *data;
    size_t size;
    size_t step; /* bytes of a call */
    uint32_t flags;
};

/* Stores an object.  Returns the result of commit, or of the first call that failed.  `entry` may
 * be NULL. */
enum hangar_rc sink_store(struct fake_host *fake, void *inst, const struct sink_object *object,
                          struct hangar_entry *entry);
void sink_must_store(struct fake_host *fake, void *inst, const char *name, const char *text);
/* The object must be there with this content, to get, stat and list alike. */
void sink_must_have(struct fake_host *fake, void *inst, const char *name, const void *data,
                    size_t size);
/* There must be no such object. */
void sink_must_lack(struct fake_host *fake, void *inst, const char *name);
/* All names of a listing, one per line, prefixes too; free it. */
char *sink_list(struct fake_host *fake, void *inst, const char *prefix, char delimiter,
                size_t *count);

#endif
