/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fuzz_s3_credentials: files of profiles, command lines, and the answers of endpoints and
 * programs.  A refusal has a reason and leaves no memory allocated.
 */
#include "fuzz.h"

#include <string.h>

#include "clock.h"
#include "keys/parts.h"

static void fuzz_s3_credentials_profiles(const char *text, size_t size)
{
    static struct creds_profile out, none;
    static const char *const names[] = {"default", "backup"};
    char problem[CREDS_PROBLEM_SIZE] = "";
    for (int i = 0; i < 4; i++) {
        bool good = creds_parse_profile(text, size, i & 1, names[i / 2], &out, problem);
        FUZZ_RULE(good || (*problem && memcmp(&out, &none, sizeof(out)) == 0));
        FUZZ_RULE(!good || out.found || memcmp(&out, &none, sizeof(out)) == 0);
    }
}

static void fuzz_s3_credentials_replies(const char *text, size_t size)
{
    static struct s3_keys keys, none;
    static struct creds_sts sts;
    char problem[CREDS_PROBLEM_SIZE] = "";
    for (int kind = CREDS_JSON_PROCESS; kind <= CREDS_JSON_ENDPOINT; kind++) {
        bool good = creds_parse_json(text, size, (enum creds_json)kind, &keys, problem);
        FUZZ_RULE(good ? creds_check_keys(&keys, problem)
                       : *problem && memcmp(&keys, &none, sizeof(keys)) == 0);
    }
    *problem = '\0';
    bool good = creds_parse_sts(text, size, &sts, problem);
    FUZZ_RULE(good || *problem);
    FUZZ_RULE(!good || *sts.code || creds_check_keys(&sts.keys, problem));
}

static void fuzz_s3_credentials_lines(const char *text)
{
    size_t all = 0;
    int64_t ms;
    clock_parse(text, &ms);
    char **argv = creds_split_command(text);
    for (size_t i = 0; argv && argv[i]; i++) {
        all += strlen(argv[i]);
    }
    FUZZ_RULE(all <= strlen(text));
    free(argv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    if (!text) {
        abort();
    }
    fuzz_s3_credentials_profiles((const char *)data, size);
    fuzz_s3_credentials_replies((const char *)data, size);
    fuzz_s3_credentials_lines(text);
    free(text);
    return 0;
}
