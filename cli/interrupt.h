/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * interrupt: the signal that asked the program to stop, and the job that it cancels.
 */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <hangar/hangar.h>
#include <stdbool.h>

/* Forgets a signal; no job is running. */
void cli_interrupt_reset(void);

/* The library whose job a signal cancels from now on; NULL: none.  Not owned. */
void cli_interrupt_watch(struct hangar *hangar);

/* For signal handlers: records the signal and cancels the running job.  False when a
 * signal was recorded before. */
bool cli_interrupt(int number);

/* The recorded signal, or 0. */
int cli_interrupted(void);

#endif
