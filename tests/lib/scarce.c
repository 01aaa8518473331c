/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * scarce: see scarce.h.  It replaces malloc of libc for the program and all
 * its libraries.  It cannot be used with a sanitizer, which replaces malloc itself.
 */
#include "scarce.h"

#include <errno.h>

static _Thread_local size_t left; /* until the one that fails; 0: none will */
static _Thread_local bool failed;

/* libc's own names for these. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
__attribute__((visibility("default"))) void *malloc(size_t size);
__attribute__((visibility("default"))) void *calloc(size_t count, size_t size);
__attribute__((visibility("default"))) void *realloc(void *memory, size_t size);

static bool scarce_is_denied(void)
{
    if (left == 0 || --left > 0) {
        return false;
    }
    failed = true;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return scarce_is_denied() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return scarce_is_denied() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return scarce_is_denied() ? NULL : __libc_realloc(memory, size);
}

void scarce_begin(size_t n)
{
    failed = false;
    left = n;
}

bool scarce_end(void)
{
    left = 0;
    return failed;
}

size_t scarce_pause(void)
{
    size_t paused = left;
    left = 0;
    return paused;
}

void scarce_resume(size_t paused)
{
    left = paused;
}

size_t scarce_each(void (*trial)(void *arg), void *arg, void (*check)(void *arg))
{
    size_t n = 0;
    bool more = true;
    while (more) {
        scarce_begin(++n);
        trial(arg);
        more = scarce_end();
        check(arg);
    }
    return n - 1;
}
