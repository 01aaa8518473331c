/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * state_folder: a state folder in the folder of the test, and a log that counts the warnings.
 */
#ifndef TEST_UNIT_STATE_STATE_FOLDER_H
#define TEST_UNIT_STATE_STATE_FOLDER_H

#include "state/state.h"
#include "suite.h"

static struct hg_log state_log;
static struct hg_state state;
static int warnings;

static inline void state_count_warning(void *arg, const struct hg_log_record *record)
{
    (void)arg;
    warnings += record->level == HANGAR_LOG_WARN;
}

static inline void state_setup(void)
{
    static char dir[sizeof(folder_path) + 8];
    folder_setup();
    snprintf(dir, sizeof(dir), "%s/state", folder_path);
    hg_log_init(&state_log);
    state_log.write = state_count_warning;
    state = (struct hg_state){.dir = dir, .log = &state_log};
    warnings = 0;
}

static inline void state_teardown(void)
{
    hg_log_fini(&state_log);
    folder_teardown();
}

/* Makes every write to the state folder fail: a file has its name. */
static inline void state_block(void)
{
    folder_file("state", "", 0, 0600);
}

#endif
