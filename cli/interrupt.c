/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * interrupt: see interrupt.h.
 */
#include "interrupt.h"

#include <stdatomic.h>
#include <stddef.h>

/* Read by a signal handler, which runs in the main thread alone (the library blocks
 * signals in its own).  Lock-free, so the handler never reads half a value. */
static _Atomic(struct hangar *) watched;
static atomic_int interrupted;

void cli_interrupt_reset(void)
{
    atomic_store(&watched, NULL);
    atomic_store(&interrupted, 0);
}

void cli_interrupt_watch(struct hangar *hangar)
{
    atomic_store(&watched, hangar);
}

bool cli_interrupt(int number)
{
    if (atomic_exchange(&interrupted, number)) {
        return false;
    }
    struct hangar *hangar = atomic_load(&watched);
    if (hangar) {
        hangar_cancel(hangar);
    }
    return true;
}

int cli_interrupted(void)
{
    return atomic_load(&interrupted);
}
