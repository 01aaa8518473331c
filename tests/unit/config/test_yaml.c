/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * yaml: what is refused, where, and how fast.
 */
#include "config/yaml.h"

#include "base/clock.h"
#include "config/sample.h"
#include "suite.h"
#include "config_world.h"

static const struct world_row wrong[] = {
    {"", "backup.yaml:1:1: the file is empty"},
    {"# only a comment\n", "backup.yaml:1:1: the file is empty"},
    {"version: 1\nversion: 1\n" WITH_TOP(""),
     "backup.yaml:2:1: duplicate key \"version\"; hint: it is given in line 1 already"},
    {WITH_OPTIONS("      host: a\n      port: 1\n      host: b\n"),
     "backup.yaml:8:7: duplicate key \"host\"; hint: it is given in line 6 already"},
    {"a: &x 1\nb: *x\n",
     "backup.yaml:1:4: anchors (&) are not supported; hint: write the value where it is used\n"
     "backup.yaml:2:4: aliases (*) are not supported; hint: write the value here, or quote a text "
     "that begins with \"*\""},
    {"*x : 1\n", "backup.yaml:1:1: aliases (*) are not supported"},
    {WITH_TOP("version: !!int 1\n"),
     "backup.yaml:1:10: tags (!) are not supported; hint: quote a text that begins with \"!\""},
    {WITH_TOP("version: 1\nlimits: &l {memory: 64MiB}\n"),
     "backup.yaml:2:9: anchors (&) are not supported; hint: write the value where it is used"},
    {WITH_TOP("version: 1\nplugin_path: !x [a]\n"),
     "backup.yaml:2:14: tags (!) are not supported; hint: quote a text that begins with \"!\""},
    {"version: 1\n---\nversion: 1\n",
     "backup.yaml:2:1: a second document begins; hint: one file, one document"},
    {"? [a, b]\n: c\n", "backup.yaml:1:3: a key must be a text, not a list or a map"},
    {"{a: b}: c\n", "backup.yaml:1:1: a key must be a text, not a list or a map"},
    {"version: 1\n\tsources: x\n", "backup.yaml:2:1: a tab cannot indent; hint: use spaces"},
    {"# \xC3\xA4\xC3\xB6\nversion: 1\n\tsources: x\n",
     "backup.yaml:3:1: a tab cannot indent; hint: use spaces"},
    {"version: 1\nsources: a: b\n",
     "backup.yaml:2:11: not valid YAML: mapping values are not allowed in this context; hint: "
     "check the indentation, and quote texts that contain \": \""},
    {"version: 1\n  sources: b\n",
     "backup.yaml:2:10: not valid YAML: mapping values are not allowed in this context; hint: "
     "check the indentation, and quote texts that contain \": \""},
    {"sources:\n  a: b\n c: d\n",
     "backup.yaml:3:2: not valid YAML: did not find expected key, while parsing a block mapping "
     "that begins in line 1; hint: check the indentation: the keys of the map of line 1 begin in "
     "column 1"},
    {"a:\n  b: 1\n  c: 2\n   d: 3\n",
     "backup.yaml:4:5: not valid YAML: mapping values are not allowed in this context; hint: "
     "check the indentation, and quote texts that contain \": \""},
    {"a:\n  - b\n c\n",
     "backup.yaml:3:2: not valid YAML: did not find expected key, while parsing a "
     "block mapping that begins in line 1; hint: check the indentation: "
     "the keys of the map of line 1 begin in column 1"},
    {"sources: [a, b\n",
     "backup.yaml:2:1: not valid YAML: did not find expected ',' or ']', while parsing a flow "
     "sequence that begins in line 1; hint: close the list with \"]\", and quote texts that "
     "contain \",\", brackets or braces"},
    {"sources: \"a\n",
     "backup.yaml:2:1: not valid YAML: found unexpected end of stream, while scanning a quoted "
     "scalar that begins in line 1; hint: a quote is not closed"},
    {"sources: {a: 1]\n",
     "backup.yaml:1:15: not valid YAML: did not find expected ',' or '}'; hint: close "
     "the map with \"}\", and quote texts that contain \",\", brackets or braces"},
    {"a: @b\n", "backup.yaml:1:4: not valid YAML: found character that cannot start any token; "
                "hint: quote a text that begins with @, % or a backquote"},
    {"a: \"\\q\"\n", "backup.yaml:1:5: not valid YAML: found unknown escape character; hint: write "
                     "\\\\ for a backslash, or use single quotes"},
    {"version: 1\nsources: caf\xE9\n", "backup.yaml:2:13: the text is not valid UTF-8"},
    {"version: 1\n# \xC3\xA4 \xED\xA0\x80\n", "backup.yaml:2:5: the text is not valid UTF-8"},
    {"a: \xC0\xAF\n", "backup.yaml:1:4: the text is not valid UTF-8"},
    {"a: \xF0\x9F\x98", "backup.yaml:1:4: the text is not valid UTF-8"},
    {"\xFF\xFE"
     "v\n",
     "backup.yaml:1:1: the text is not valid UTF-8"},
    {"a: \x1b[2J\n", "backup.yaml:1:4: the character U+001B is not allowed"},
    {"a: b\rc: \xC2\x85\n", "backup.yaml:2:4: the character U+0085 is not allowed"},
    {"a: b\r\nc: \xE2\x80\xA8\r\n", "backup.yaml:2:4: the character U+2028 is not allowed"},
    {"a: \xEF\xBB\xBF\n", "backup.yaml:1:4: the character U+FEFF is not allowed"},
    {"a: \"x\\0y\"\n", "backup.yaml:1:4: a text holds the character U+0000"},
    {"\"x\\0y\": a\n", "backup.yaml:1:1: a key holds the character U+0000"},
    {"- a\n", "backup.yaml:1:1: the file must be a map of keys and values"},
    {"just a text\n", "backup.yaml:1:1: the file must be a map of keys and values"},
};

START_TEST(unsupported_yaml_is_reported_with_its_place)
{
    WORLD_CHECK(wrong);
}
END_TEST

START_TEST(a_nul_is_refused_wherever_it_stands)
{
    const char text[] = "version: 1\nab\0c: 1\n";
    char *errors = world_problems(text, sizeof(text) - 1, false);
    ck_assert_str_eq(errors, "backup.yaml:2:3: the character U+0000 is not allowed");
    free(errors);
}
END_TEST

static struct hg_yaml *yaml_parse(const char *text)
{
    struct hg_problems problems = {.file = "f"};
    struct hg_yaml *root = hg_yaml_parse(text, strlen(text), &problems);
    ck_assert_uint_eq(problems.errors, 0);
    ck_assert_ptr_nonnull(root);
    hg_problems_free(&problems);
    return root;
}

START_TEST(every_node_has_its_line_and_column)
{
    struct hg_yaml *root = yaml_parse("a: 1\nb:\n  - x\n  - {k: 'v'}\n\xC3\xA4: \xE2\x82\xAC y\n");
    ck_assert_int_eq(root->type, HG_YAML_MAP);
    ck_assert_uint_eq(root->count, 3);
    const struct hg_yaml *b = hg_yaml_get(root, "b");
    ck_assert_uint_eq(b->items[0].line, 3);
    ck_assert_uint_eq(b->items[0].column, 5);
    ck_assert_uint_eq(b->items[1].keys[0].line, 4);
    ck_assert_uint_eq(b->items[1].keys[0].column, 6);
    ck_assert(b->items[1].items[0].quoted);
    ck_assert(!b->items[0].quoted);
    ck_assert_uint_eq(root->items[2].column, 4); /* characters, not bytes */
    ck_assert_str_eq(root->items[2].text, "\xE2\x82\xAC y");
    ck_assert_ptr_null(hg_yaml_get(root, "none"));
    ck_assert_ptr_null(hg_yaml_get(b, "a"));
    ck_assert_ptr_null(hg_yaml_get(NULL, "a"));
    hg_yaml_free(root);
    hg_yaml_free(NULL);
}
END_TEST

START_TEST(yaml_texts_stay_as_written)
{
    struct hg_yaml *root =
        yaml_parse("a: 010\nb: 1e3\nc: yes\nd: ~\ne: ''\nf:\ng: |\n  two\n  lines\n"
                   "h: null\ni: \"null\"\nj: ${X}\n");
    static const char *const texts[] = {"010", "1e3",          "yes",  "~",    "",
                                        "",    "two\nlines\n", "null", "null", "${X}"};
    static const bool null[] = {false, false, false, true, false, true, false, true, false, false};
    ck_assert_uint_eq(root->count, 10);
    for (size_t i = 0; i < 10; i++) {
        ck_assert_str_eq(root->items[i].text, texts[i]);
        ck_assert_int_eq(hg_yaml_is_null(&root->items[i]), null[i]);
    }
    hg_yaml_free(root);
}
END_TEST

START_TEST(a_byte_order_mark_and_document_marks_are_accepted)
{
    struct hg_yaml *root = yaml_parse("\xEF\xBB\xBF"
                                      "a: 1\n");
    ck_assert_str_eq(root->keys[0].text, "a");
    ck_assert_uint_eq(root->keys[0].column, 1);
    hg_yaml_free(root);
    hg_yaml_free(yaml_parse("%YAML 1.1\n---\na: 1\n...\n"));
    hg_yaml_free(yaml_parse("a: 1\r\nb: 2\r\n"));
}
END_TEST

/* A million bytes of `unit` between `begin` and `end`. */
static char *yaml_repeat(const char *begin, const char *unit, size_t bytes, const char *end)
{
    struct hg_str text = {0};
    hg_str_add(&text, begin);
    while (text.len + strlen(unit) <= bytes) {
        hg_str_add(&text, unit);
    }
    hg_str_add(&text, end);
    return hg_str_take(&text);
}

/* All that is hostile is refused soon.  The limit is far above what is needed,
 * and far below what an attack would take. */
static void refused_soon(char *text, const char *error)
{
    enum { MANY_MS = 5000 };
    struct hg_problems problems = {.file = "f"};
    int64_t begin = hg_mono_ms();
    struct hg_yaml *root = hg_yaml_parse(text, strlen(text), &problems);
    int64_t took = hg_mono_ms() - begin;
    hg_yaml_free(root);
    ck_assert_int_lt(took, MANY_MS);
    ck_assert_uint_ge(problems.errors, 1);
    ck_assert_str_eq(problems.items[0].text, error);
    hg_problems_free(&problems);
    free(text);
}

enum { MILLION = 1000000 };

START_TEST(hostile_files_are_refused_soon)
{
    refused_soon(yaml_repeat("", "[", 200000, ""), "the file is nested more than 32 deep");
    refused_soon(yaml_repeat("", "{a: ", MILLION, ""), "the file is nested more than 32 deep");
    refused_soon(yaml_repeat("", "- ", MILLION, ""), "the file is nested more than 32 deep");
    refused_soon(yaml_repeat("", "? ", MILLION, ""), "a key must be a text, not a list or a map");
    refused_soon(yaml_repeat("a: [", "x,", MILLION, "]"), "the file has more than 100000 values");
    refused_soon(yaml_repeat("a: \"", "x", 2 * MILLION, "\""), "the file is larger than 1 MiB");
    refused_soon(yaml_repeat("", "k", MILLION, ": 1"),
                 "not valid YAML: mapping values are not allowed in this context; hint: check the "
                 "indentation, and quote texts that contain \": \"");
    refused_soon(yaml_repeat("? ", "k", MILLION, "\n: 1"), "a key is longer than 256 bytes");
    refused_soon(yaml_repeat("", "a: 1\n", 400000, ""),
                 "duplicate key \"a\"; hint: it is given in line 1 already");
    refused_soon(yaml_repeat("a: ", "&b ", MILLION, ""),
                 "anchors (&) are not supported; hint: write the value where it is used");
    refused_soon(yaml_repeat("a: ", "*b ", MILLION, ""),
                 "aliases (*) are not supported; hint: write the value here, or quote a text that "
                 "begins with \"*\"");
    refused_soon(yaml_repeat("a: [", "&b c,", 300000, "]"),
                 "anchors (&) are not supported; hint: write the value where it is used");
    refused_soon(yaml_repeat("a: ", "'", MILLION, ""),
                 "not valid YAML: found unexpected end of stream; hint: a quote is not closed");
    refused_soon(yaml_repeat("%TAG ! ", "x", MILLION, ""),
                 "not valid YAML: did not find expected <document start>");
}
END_TEST

START_TEST(an_alias_bomb_is_refused_as_a_list_of_errors)
{
    struct hg_str text = {0};
    hg_str_add(&text, "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 10; i++) {
        hg_str_addf(&text, "l%d: &l%d [", i, i);
        for (int k = 0; k < 10; k++) {
            hg_str_addf(&text, "*l%d,", i - 1);
        }
        hg_str_add(&text, "]\n");
    }
    refused_soon(hg_str_take(&text),
                 "anchors (&) are not supported; hint: write the value where it is used");
}
END_TEST

START_TEST(every_cut_of_a_file_is_read_or_refused)
{
    size_t size = strlen(hg_config_sample);
    for (size_t cut = 0; cut < size; cut++) {
        struct hg_problems problems = {.file = "f"};
        struct hg_yaml *root = hg_yaml_parse(hg_config_sample, cut, &problems);
        ck_assert((!root) == (problems.errors > 0));
        hg_yaml_free(root);
        hg_problems_free(&problems);
    }
}
END_TEST

START_TEST(every_flipped_byte_of_a_file_is_read_or_refused)
{
    char *text = strdup(hg_config_sample);
    size_t size = strlen(text);
    static const char bytes[] = {'\0', '\t', '\n', ' ', '"', '\'',      '&',
                                 '*',  ':',  '[',  '{', '}', (char)0xFF};
    for (size_t at = 0; at < size; at++) {
        char kept = text[at];
        text[at] = bytes[at % sizeof(bytes)];
        struct hg_problems problems = {.file = "f"};
        struct hg_yaml *root = hg_yaml_parse(text, size, &problems);
        ck_assert(root || problems.errors > 0);
        hg_yaml_free(root);
        hg_problems_free(&problems);
        text[at] = kept;
    }
    free(text);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        unsupported_yaml_is_reported_with_its_place,
        a_nul_is_refused_wherever_it_stands,
        every_node_has_its_line_and_column,
        yaml_texts_stay_as_written,
        a_byte_order_mark_and_document_marks_are_accepted,
        hostile_files_are_refused_soon,
        an_alias_bomb_is_refused_as_a_list_of_errors,
        every_cut_of_a_file_is_read_or_refused,
        every_flipped_byte_of_a_file_is_read_or_refused,
    };
    return SUITE_RUN("yaml", tests, folder_setup, folder_teardown);
}
