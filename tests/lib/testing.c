/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * testing: shared by the tests of plugins.
 */
#include "testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/error.h"
#include "base/io.h"
#include "base/str.h"
#include "fake_private.h"

int testing_main(Suite *suite)
{
    char *dir = fake_temp_template();
    if (!mkdtemp(dir) || setenv("TMPDIR", dir, 1)) {
        fprintf(stderr, "cannot create %s: %s\n", dir, strerror(errno));
        return EXIT_FAILURE;
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    struct hg_error error = {0};
    if (hg_remove_tree(dir, &error)) {
        fprintf(stderr, "%s\n", error.text);
        failed++;
    }
    free(dir);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Keeps what lives as long as the test, which is a process of its own. */
static const char *testing_record_line(char *text)
{
    static char *kept[1000];
    static size_t count;
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_lt(count, sizeof(kept) / sizeof(kept[0]));
    kept[count++] = text;
    return text;
}

const char *testing_dir(void)
{
    char *dir = fake_temp_template();
    ck_assert_ptr_nonnull(mkdtemp(dir));
    return testing_record_line(dir);
}

const char *testing_path(const char *dir, const char *name)
{
    return testing_record_line(hg_format("%s/%s", dir, name));
}

/* Lines as COPY writes them: numbers, times, names, words. */
static void fill_text(unsigned char *data, size_t size, uint64_t *seed)
{
    static const char *const words[] = {"spaceship", "area", "message", "user", "landing", "the",
                                        "of",        "and",  "lorem",   "sky",  "desert",  "a"};
    uint64_t row = 0;
    for (size_t at = 0; at < size; row++) {
        char line[256];
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t r = *seed >> 16;
        int n = snprintf(line, sizeof(line), "%llu\t%llu\t2026-01-%02d %02d:%02d:%02d\t%s %s %s\n",
                         (unsigned long long)row, (unsigned long long)(r % 100003),
                         (int)(r % 28 + 1), (int)(r % 24), (int)(r % 59), (int)(r % 61),
                         words[r % 12], words[r / 12 % 12], words[r / 144 % 12]);
        size_t piece = (size_t)n < size - at ? (size_t)n : size - at;
        memcpy(data + at, line, piece);
        at += piece;
    }
}

unsigned char *testing_data(enum testing_data kind, size_t size)
{
    uint64_t seed = 0x9e3779b97f4a7c15u;
    unsigned char *data = calloc(1, size + 1);
    ck_assert_ptr_nonnull(data);
    if (kind == DATA_TEXT) {
        fill_text(data, size, &seed);
    }
    for (size_t i = 0; kind == DATA_RANDOM && i < size; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        data[i] = (unsigned char)(seed >> 24);
    }
    return data;
}

void testing_write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "cannot create %s: %s", path, strerror(errno));
    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

unsigned char *testing_read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot open %s: %s", path, strerror(errno));
    struct stat st;
    ck_assert_int_eq(fstat(fileno(file), &st), 0);
    unsigned char *data = malloc((size_t)st.st_size + 1);
    ck_assert_ptr_nonnull(data);
    *size = fread(data, 1, (size_t)st.st_size, file);
    ck_assert_uint_eq(*size, (size_t)st.st_size);
    fclose(file);
    return data;
}

int testing_shell(const char *fmt, ...)
{
    struct hg_str command = {0};
    va_list args;
    va_start(args, fmt);
    hg_str_addv(&command, fmt, args);
    va_end(args);
    int status = system(hg_str_text(&command));
    hg_str_free(&command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void testing_expect(struct fake_host *fake, enum hangar_rc got, enum hangar_rc want,
                    const char *what)
{
    REQUIRE(got == want, "%s: \"%s\" (%s), not \"%s\"", what, hg_rc_text(got),
            fake_host_error(fake), hg_rc_text(want));
    if (want == HANGAR_OK || want == HANGAR_EOF) {
        return;
    }
    /* a failure has a text and the same code */
    REQUIRE(*fake_host_error(fake), "%s: fails without a text", what);
    REQUIRE(fake_host_error_rc(fake) == want, "%s: records \"%s\" and returns \"%s\"", what,
            hg_rc_text(fake_host_error_rc(fake)), hg_rc_text(want));
}
