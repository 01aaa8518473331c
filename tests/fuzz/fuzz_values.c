/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fuzz_values: numbers, sizes, durations, times, ids, names.  An accepted value can be written
 * and read again.
 */
#include "fuzz.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "base/units.h"

static void fuzz_values_times(const char *text)
{
    char out[HG_TIME_SIZE], id[HG_BACKUP_ID_SIZE];
    int64_t ms, again;
    if (hg_time_parse(text, &ms)) {
        hg_time_format(ms, out);
        FUZZ_RULE(hg_time_parse(out, &again) && again == ms);
    }
    if (hg_backup_id_parse(text, &ms)) {
        hg_backup_id_format(ms, id);
        FUZZ_RULE(strcmp(id, text) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const words[] = {"password", "database", "host", NULL};
    char out[HG_UNITS_SIZE], number[32];
    int64_t value, again;
    if (size > 4096) {
        return 0;
    }
    char *text = strndup((const char *)data, size);
    if (!text) {
        abort();
    }
    if (hg_parse_int(text, &value)) {
        snprintf(number, sizeof(number), "%lld", (long long)value);
        FUZZ_RULE(hg_parse_int(number, &again) && again == value);
    }
    if (hg_parse_size(text, &value)) {
        FUZZ_RULE(value >= 0);
        hg_format_size((uint64_t)value, out);
    }
    if (hg_parse_duration(text, &value)) {
        FUZZ_RULE(value >= 0);
        hg_format_duration(value, out);
    }
    bool truth;
    hg_parse_bool(text, &truth);
    fuzz_values_times(text);
    hg_did_you_mean(text, words);
    if (hg_object_name_ok(text, 400)) {
        FUZZ_RULE(*text != '/' && strncmp(text, "../", 3) != 0 && !strstr(text, "/../"));
    }
    struct hg_str shell = {0};
    hg_str_add_shell(&shell, text);
    json_t *json = NULL;
    struct hg_error err = {0};
    if (hg_json_parse((const char *)data, size, "input", &json, &err) == HANGAR_OK) {
        json_decref(json);
    } else {
        FUZZ_RULE(*err.text);
    }
    hg_str_free(&shell);
    free(text);
    return 0;
}
