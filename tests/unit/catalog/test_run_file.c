/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * run_file: run.json is read member by member, whatever is missing or of another type, and is
 * written and signed as it always was.
 */
#include "catalog/run_file.h"

#include "suite.h"

#define ID "backup_2026-01-15T02-00-00-000Z"
#define KEY "a key of this test, long enough"
/* HMAC-SHA256 of "claim of hangar", the place, run, host, pid and time, a line each. */
#define MAC                                                                                        \
    "hmac-sha256 5704b035adcaf131204a313acab155a3079606bef8075cb86e77698522b18825"                 \
    " key-id 8468a460"
#define MEMBERS                                                                                    \
    "{\n  \"run\": \"r1\",\n  \"pipeline\": \"nightly\",\n  \"backup\": \"" ID                     \
    "\",\n  \"origin\": \"db\",\n  \"host\": \"h1\",\n  \"pid\": 42,\n"                            \
    "  \"started\": \"2026-01-15T02:00:00.000Z\""

static const struct hg_run_file written = {.run = "r1",
                                           .pipeline = "nightly",
                                           .backup = ID,
                                           .origin = "db",
                                           .host = "h1",
                                           .started = "2026-01-15T02:00:00.000Z",
                                           .pid = 42};

static enum hangar_rc run_file_of(const char *content, struct hg_run_file *file)
{
    struct hg_str text = {0};
    hg_str_add(&text, content);
    enum hangar_rc rc = hg_run_file_parse(&text, file, NULL);
    hg_str_free(&text);
    return rc;
}

START_TEST(each_member_is_read)
{
    struct hg_run_file file;
    ck_assert_int_eq(run_file_of(MEMBERS ", \"mac\": \"m\", \"later\": 1}", &file), HANGAR_OK);
    ck_assert_str_eq(file.run, "r1");
    ck_assert_str_eq(file.pipeline, "nightly");
    ck_assert_str_eq(file.backup, ID);
    ck_assert_str_eq(file.origin, "db");
    ck_assert_str_eq(file.host, "h1");
    ck_assert_str_eq(file.started, "2026-01-15T02:00:00.000Z");
    ck_assert_int_eq(file.pid, 42);
    ck_assert_str_eq(file.mac, "m");
    hg_run_file_free(&file);
}
END_TEST

START_TEST(a_member_that_is_missing_or_of_another_type_is_empty)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"run\": 1, \"pipeline\": null, \"backup\": [], \"origin\": {}, \"mac\": 3}",
        "{\"host\": true, \"started\": 2, \"pid\": \"42\"}",
        "{\"pid\": 42.5}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct hg_run_file file;
        ck_assert_int_eq(run_file_of(texts[i], &file), HANGAR_OK);
        ck_assert_str_eq(file.run, "");
        ck_assert_str_eq(file.pipeline, "");
        ck_assert_ptr_null(file.backup);
        ck_assert_str_eq(file.origin, "");
        ck_assert_str_eq(file.host, "");
        ck_assert_str_eq(file.started, "");
        ck_assert_int_eq(file.pid, 0);
        ck_assert_ptr_null(file.mac);
        hg_run_file_free(&file);
    }
}
END_TEST

START_TEST(what_is_not_json_is_corrupt)
{
    static const char *const texts[] = {"", "x", "{", "{} {}", "{\"pid\": 1, \"pid\": 2}"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct hg_run_file file;
        ck_assert_int_eq(run_file_of(texts[i], &file), HANGAR_CORRUPT);
        ck_assert_ptr_null(file.doc);
    }
}
END_TEST

START_TEST(the_text_and_its_mac_do_not_change_from_release_to_release)
{
    struct hg_signing signing = {0};
    ck_assert_int_eq(hg_signing_add(&signing, KEY, NULL), HANGAR_OK);
    char *plain = hg_run_file_text(&written, NULL), *sealed = hg_run_file_text(&written, &signing);
    ck_assert_str_eq(plain, MEMBERS "\n}\n");
    ck_assert_str_eq(sealed, MEMBERS ",\n  \"mac\": \"" MAC "\\n\"\n}\n");
    free(plain);
    free(sealed);
    hg_signing_fini(&signing);
}
END_TEST

START_TEST(a_mac_proves_one_run_in_one_place)
{
    struct hg_run_file file, escaped = written;
    struct hg_signing signing = {0};
    ck_assert_int_eq(hg_signing_add(&signing, KEY, NULL), HANGAR_OK);
    escaped.host = "not UTF-8: \xff";
    char *text = hg_run_file_text(&escaped, &signing);
    ck_assert_int_eq(run_file_of(text, &file), HANGAR_OK);
    ck_assert(hg_run_file_is_proven(&file, &signing, "nightly", ID));
    ck_assert(!hg_run_file_is_proven(&file, &signing, "weekly", ID));
    ck_assert(!hg_run_file_is_proven(&file, &signing, "nightly", "backup_x"));
    file.pid++;
    ck_assert(!hg_run_file_is_proven(&file, &signing, "nightly", ID));
    file.pid--;
    file.mac = NULL;
    ck_assert(!hg_run_file_is_proven(&file, &signing, "nightly", ID));
    hg_run_file_free(&file);
    free(text);
    hg_signing_fini(&signing);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        each_member_is_read,
        a_member_that_is_missing_or_of_another_type_is_empty,
        what_is_not_json_is_corrupt,
        the_text_and_its_mac_do_not_change_from_release_to_release,
        a_mac_proves_one_run_in_one_place,
    };
    return SUITE_RUN("catalog/run_file", tests, NULL, NULL);
}
