/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fuzz_cron: schedules and windows.  The position of an error is within the text.  An accepted
 * schedule has a next run, on a full minute after the given time.
 */
#include "fuzz.h"

#include <string.h>

#include "base/cron.h"

static void fuzz_cron_due(const struct hg_cron *cron)
{
    static struct hg_zone *zone;
    if (!zone && hg_zone_open("Europe/Berlin", &zone) != HANGAR_OK) {
        abort();
    }
    /* around a change of the clocks, and on an ordinary day */
    static const int64_t starts[] = {INT64_C(1774746000000), INT64_C(1792882800000),
                                     INT64_C(1768442400123)};
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        int64_t next = hg_cron_next(cron, zone, starts[i]);
        FUZZ_RULE(next > starts[i] && next % 60000 == 0 && next < INT64_MAX);
        FUZZ_RULE(hg_cron_next(cron, zone, next - 1) == next);
    }
    FUZZ_RULE(hg_cron_gap_ms(cron) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 200) {
        return 0;
    }
    char *text = strndup((const char *)data, size);
    if (!text) {
        abort();
    }
    struct hg_cron cron;
    struct hg_cron_error err = {0};
    if (hg_cron_parse(text, &cron, &err)) {
        fuzz_cron_due(&cron);
    } else {
        FUZZ_RULE(err.text[0] && err.at <= strlen(text));
    }
    err = (struct hg_cron_error){0};
    struct hg_window window;
    if (hg_window_parse(text, &window, &err)) {
        FUZZ_RULE(window.weekdays && window.begin < 24 * 60 && window.begin != window.end);
    } else {
        FUZZ_RULE(err.text[0] && err.at <= strlen(text));
    }
    free(text);
    return 0;
}
