/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * error: one error with its text, from the place where it happened to the place that
 * reports it.
 */
#ifndef HG_BASE_ERROR_H
#define HG_BASE_ERROR_H

#include <stdbool.h>
#include <hangar/plugin.h>

/* Zero it before use.  For one thread at a time. */
struct hg_error {
    enum hangar_rc rc;
    char text[4096];
};

/* Records an error and returns rc.  `error_number` is an errno whose text is appended,
 * or 0.  Only the first error is recorded: later ones are its consequences.  `err` may
 * be NULL. */
enum hangar_rc hg_fail(struct hg_error *err, enum hangar_rc rc, int error_number, const char *fmt,
                       ...) HANGAR_PRINTF(4, 5);

/* Records that memory ran out; returns HANGAR_NO_MEMORY.  The second one also records what could
 * not be done: hg_no_memory_for(err, "cannot read %s", path). */
enum hangar_rc hg_no_memory(struct hg_error *err);
enum hangar_rc hg_no_memory_for(struct hg_error *err, const char *fmt, ...) HANGAR_PRINTF(2, 3);

/* Records that the job was cancelled; returns HANGAR_CANCELLED. */
enum hangar_rc hg_interrupted(struct hg_error *err);

/* Records that pthread_create failed; returns HANGAR_NO_MEMORY. */
enum hangar_rc hg_no_thread(struct hg_error *err);

/* Moves an error: records it in `to`, unless an error is recorded there already,
 * and clears `from`.  Returns the rc that `from` had.  `to` may be NULL. */
enum hangar_rc hg_error_move(struct hg_error *to, struct hg_error *from);

/* Puts "context: " before the recorded text; returns its rc. */
enum hangar_rc hg_context(struct hg_error *err, const char *fmt, ...) HANGAR_PRINTF(2, 3);

/* The text without "KIND NAME: " before it, for a message that names the instance itself. */
const char *hg_error_without(const char *text, const char *kind, const char *name);

/* Does the text end with a hint? */
bool hg_error_has_hint(const char *text);

void hg_error_clear(struct hg_error *err);

/* "no space left". */
const char *hg_rc_text(enum hangar_rc rc);

#endif
