/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * memory_sink: a sink plugin that stores its objects in memory and needs no file and no
 * dlopen.  Tests of the core use it to read and change stored objects.  Several threads may
 * use its instances.  The functions below are for the test, while no other thread uses the
 * sink.
 */
#ifndef TEST_LIB_MEMORY_SINK_H
#define TEST_LIB_MEMORY_SINK_H

#include "base/str.h"
#include "plugin/instance.h"

struct memory_sink {
    struct hg_plugin plugin; /* the first member: an instance finds its sink by it */
    pthread_mutex_t mutex;   /* guards what follows */
    struct memory_object {
        char *name;
        struct hg_str data;
    } *objects; /* by name */
    size_t count, capacity;
    size_t page_size;     /* of listings; 0: as many as a page may have */
    size_t lose;          /* the last bytes of each object that are not stored */
    struct hg_str events; /* "put NAME", "remove NAME", a line each */
    const char *fail_on;  /* an event of this beginning fails with HANGAR_IO; NULL: none */
};

void memory_sink_init(struct memory_sink *sink);
void memory_sink_free(struct memory_sink *sink);

/* An instance in a job, without options. */
enum hangar_rc memory_sink_open(struct memory_sink *sink, struct hg_job *job, const char *name,
                                struct hangar_ctx **out);

/* The object of this name, or NULL; and storing one as it is. */
struct memory_object *memory_sink_find(struct memory_sink *sink, const char *name);
void memory_sink_set(struct memory_sink *sink, const char *name, const void *data, size_t size);

#endif
