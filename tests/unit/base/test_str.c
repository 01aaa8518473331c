/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * str: texts grow, quote and suggest.
 */
#include "base/str.h"

#include "suite.h"

START_TEST(a_text_is_built_from_pieces)
{
    struct hg_str s = {0};
    ck_assert_str_eq(hg_str_text(&s), "");
    hg_str_add(&s, "one");
    hg_str_addf(&s, " %d ", 2);
    hg_str_add_n(&s, "three and more", 5);
    hg_str_add_n(&s, NULL, 0);
    ck_assert_str_eq(hg_str_text(&s), "one 2 three");
    ck_assert_uint_eq(s.len, 11);
    char *text = hg_str_take(&s);
    ck_assert_str_eq(text, "one 2 three");
    free(text);
    ck_assert_ptr_null(s.data);
    text = hg_str_take(&s);
    ck_assert_str_eq(text, "");
    free(text);
}
END_TEST

START_TEST(a_text_grows_past_every_size)
{
    struct hg_str s = {0};
    for (size_t i = 0; i < 5000; i++) {
        hg_str_addf(&s, "%zu,", i % 10);
    }
    ck_assert_uint_eq(s.len, 10000);
    ck_assert_uint_eq(strlen(s.data), 10000);
    ck_assert_str_eq(s.data + 9996, "8,9,");
    ck_assert(!s.failed);
    hg_str_free(&s);
}
END_TEST

START_TEST(running_out_of_memory_is_remembered)
{
    struct hg_str s = {0};
    hg_str_add(&s, "kept");
    hg_str_add_n(&s, "x", (size_t)-1 / 2);
    ck_assert(s.failed);
    hg_str_add(&s, " not added");
    ck_assert_str_eq(hg_str_text(&s), "kept");
    ck_assert_ptr_null(hg_str_take(&s));
    ck_assert_ptr_null(s.data);
}
END_TEST

START_TEST(texts_are_formatted_and_prefixes_are_found)
{
    char *text = hg_format("%s-%03d", "x", 7);
    ck_assert_str_eq(text, "x-007");
    ck_assert(hg_starts_with(text, "x-"));
    ck_assert(hg_starts_with(text, ""));
    ck_assert(!hg_starts_with(text, "x-0077"));
    free(text);
}
END_TEST

START_TEST(the_shell_reads_back_what_was_quoted)
{
    static const char *const texts[] = {
        "",         "plain",          "two words", "it's", "'",   "''", "$HOME `id` \\ \"q\"",
        "a\nb",     "*?[x]",          "~",         "-n",   "#no", "!x", "a=b",
        "\xC3\xA4", "a;b|c&d<e>f(g)",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct hg_str command = {0};
        hg_str_add(&command, "printf %s ");
        hg_str_add_shell(&command, texts[i]);
        FILE *pipe = popen(hg_str_text(&command), "r");
        ck_assert_ptr_nonnull(pipe);
        char out[64] = "";
        size_t n = fread(out, 1, sizeof(out) - 1, pipe);
        ck_assert_int_eq(pclose(pipe), 0);
        ck_assert_uint_eq(n, strlen(texts[i]));
        ck_assert_str_eq(out, texts[i]);
        hg_str_free(&command);
    }
    struct hg_str plain = {0};
    hg_str_add_shell(&plain, "/srv/a-b_c.gz");
    ck_assert_str_eq(hg_str_text(&plain), "/srv/a-b_c.gz");
    hg_str_free(&plain);
}
END_TEST

static const char *const words[] = {"host", "port", "database", "password", "keep_last", NULL};

static const struct {
    const char *word, *meant;
} guesses[] = {
    {"prot", "port"},
    {"hots", "host"},
    {"pasword", "password"},
    {"Password", "password"},
    {"keep-last", "keep_last"},
    {"pass", "password"},
    {"databse", "database"},
    {"datbaes", "database"},
    {"x", NULL},
    {"", NULL},
    {"retention", NULL},
    {"ab", NULL},
    {"hostname", NULL},
};

START_TEST(a_misspelt_word_is_recognised_and_no_other)
{
    for (size_t i = 0; i < sizeof(guesses) / sizeof(guesses[0]); i++) {
        const char *meant = hg_did_you_mean(guesses[i].word, words);
        ck_assert_msg((!meant) == (!guesses[i].meant), "%s: %s", guesses[i].word,
                      meant != NULL ? meant : "nothing");
        if (meant) {
            ck_assert_str_eq(meant, guesses[i].meant);
        }
    }
}
END_TEST

START_TEST(very_long_words_get_no_suggestion)
{
    char word[1000];
    memset(word, 'a', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    const char *const choices[] = {word, NULL};
    ck_assert_ptr_null(hg_did_you_mean(word, words));
    ck_assert_ptr_null(hg_did_you_mean("aaaa", choices));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_text_is_built_from_pieces,          a_text_grows_past_every_size,
        running_out_of_memory_is_remembered,  texts_are_formatted_and_prefixes_are_found,
        the_shell_reads_back_what_was_quoted, a_misspelt_word_is_recognised_and_no_other,
        very_long_words_get_no_suggestion,
    };
    return SUITE_RUN("str", tests, NULL, NULL);
}
