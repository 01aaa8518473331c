/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fake_private: what the files of the fake host share: fake_host.c (loading and
 * options), fake_services.c (the table of functions) and fake_values.c
 * (attributes, texts, pages).  Tests see fake_host.h only.
 */
#ifndef TEST_LIB_FAKE_PRIVATE_H
#define TEST_LIB_FAKE_PRIVATE_H

#include <pthread.h>
#include "fake_host.h"
#include "base/str.h"

/* One declared option and its value. */
struct fake_option {
    struct hangar_option decl;
    bool given;
    char **values; /* one, but of a LIST any number; NULL-terminated */
    size_t count;
    int64_t number; /* of INT SIZE DURATION BOOL */
};

struct hangar_ctx {
    struct fake_host *fake;
};

struct fake_host {
    struct hangar_ctx ctx;
    struct hangar_host host;
    struct hangar_plugin plugin; /* copies, as the core makes them */
    struct hangar_source source;
    struct hangar_transform transform;
    struct hangar_sink sink;
    struct hangar_notifier notifier;
    struct fake_option *options;
    size_t option_count;
    void *inst;

    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t wake;   /* cancelled changed */
    bool cancelled;
    bool refuse_temp_dir;
    size_t budget, budget_used;
    struct hg_str log;
    enum hangar_rc error_rc;
    struct hg_str error;
    char *temp_dir;
};

/* Ends the test program, as the test or the plugin misuses the host. */
_Noreturn void fake_die(const char *fmt, ...) HANGAR_PRINTF(1, 2);
/* $TMPDIR or /tmp, with "/hangar-fake-XXXXXX"; the caller frees it. */
char *fake_temp_template(void);

/* The option that the plugin declared under that name with one of the types in
 * the mask (1u << type); anything else ends the test. */
const struct fake_option *fake_option(struct fake_host *fake, const char *name, unsigned types);

/* fake_services.c: all of the table but what fake_values.c fills in. */
void fake_services_init(struct hangar_host *host);
void fake_values_init(struct hangar_host *host);

#endif
