/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fake_host: the host of the plugin ABI for tests, so that a plugin is tested
 * without the core.  It loads a built plugin as hangar does, passes options to it, records
 * its logs and errors, and makes calls fail on demand.
 */
#ifndef TEST_LIB_FAKE_HOST_H
#define TEST_LIB_FAKE_HOST_H

#include <stdbool.h>
#include <hangar/plugin.h>

struct fake_host;

/* Opens the plugin at `path`, or at $HANGAR_PLUGIN_DIR/hangar-NAME.so when path has
 * no slash.  Ends the test program with a message when it cannot. */
struct fake_host *fake_host_open(const char *plugin);
void fake_host_close(struct fake_host *fake); /* destroys the instance, removes temp_dir */

const struct hangar_plugin *fake_host_plugin(struct fake_host *fake);
const struct hangar_host *fake_host_table(struct fake_host *fake);
struct hangar_ctx *fake_host_ctx(struct fake_host *fake);

/* Gives an option, before create; once per entry for a LIST.  An option that the
 * plugin does not declare ends the test. */
void fake_host_set(struct fake_host *fake, const char *option, const char *value);

/* plugin->create with all that was set (defaults filled in). */
enum hangar_rc fake_host_create(struct fake_host *fake, void **inst);

/* The text of the first fail() since the last clear, "" when none; and its rc. */
const char *fake_host_error(struct fake_host *fake);
enum hangar_rc fake_host_error_rc(struct fake_host *fake);
void fake_host_clear(struct fake_host *fake);
/* All log lines so far, one per line, "warn: ...". */
const char *fake_host_log(struct fake_host *fake);

/* Makes cancelled() true, wakes sleep(), and calls plugin->cancel. */
void fake_host_cancel(struct fake_host *fake);

/* Faults that a test sets. */
void fake_host_budget(struct fake_host *fake,
                      size_t bytes); /* the limit of budget_take; default 128 MiB */
size_t fake_host_budget_used(struct fake_host *fake); /* taken and not returned */
void fake_host_refuse_temp_dir(struct fake_host *fake, bool refuse);

/* Attribute sets and texts of the test's own. */
struct hangar_attrs *fake_attrs_new(void);
void fake_attrs_free(struct hangar_attrs *attrs);
const char *fake_attr(const struct hangar_attrs *attrs, const char *name); /* "" when not there */
struct hangar_text *fake_text_new(void);
const char *fake_text(const struct hangar_text *text);
void fake_text_free(struct hangar_text *text);

/* A listing: the entries of one page (list again while page->cursor is not ""). */
struct hangar_page *fake_page_new(const char *prefix, char delimiter);
size_t fake_page_count(const struct hangar_page *page);
const char *fake_page_name(const struct hangar_page *page, size_t index);
uint64_t fake_page_size(const struct hangar_page *page, size_t index);
const struct hangar_entry *fake_page_entry(const struct hangar_page *page, size_t index);
void fake_page_clear(struct hangar_page *page); /* keeps the cursor */
void fake_page_free(struct hangar_page *page);

#endif
