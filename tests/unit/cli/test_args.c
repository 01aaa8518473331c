/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * args: each wrong command line prints its message and exits with 2; each right one calls
 * the library with the right arguments.
 */
#include "cli_world.h"

#include <string.h>

#include "document.h"

static const struct {
    const char *words, *message;
} wrong[] = {
    {"frobnicate", "hangar: unknown command `frobnicate`\n  hint: see `hangar help`\n"},
    {"bakcup", "hangar: unknown command `bakcup`\n  hint: did you mean `backup`?\n"},
    {"schema",
     "hangar: `schema` is not available in this version (0.1.0)\n  hint: see `hangar help`\n"},
    {"schema --port 5",
     "hangar: `schema` is not available in this version (0.1.0)\n  hint: see `hangar help`\n"},
    {"plugin test x", "hangar: `plugin test` is not available in this version (0.1.0)\n  "
                      "hint: see `hangar help plugin`\n"},
    {"plugin", "hangar: `plugin` requires a command\n  hint: see `hangar help plugin`\n"},
    {"plugin lits", "hangar: unknown command `plugin lits`\n  hint: did you mean `plugin list`?\n"},
    {"plugin show",
     "hangar: `plugin show` requires an argument: NAME\n  hint: see `hangar help plugin show`\n"},
    {"list --nope", "hangar: unknown option --nope\n  hint: see `hangar help list`\n"},
    {"list --nope=3", "hangar: unknown option --nope\n  hint: see `hangar help list`\n"},
    {"--nope list", "hangar: unknown option --nope\n  hint: see `hangar help`\n"},
    {"list -x", "hangar: unknown option -x\n  hint: see `hangar help list`\n"},
    {"list --json=yes", "hangar: --json does not accept a value\n  hint: see `hangar help list`\n"},
    {"list -c", "hangar: --config requires a value: FILE\n  hint: see `hangar help list`\n"},
    {"list --from=", "hangar: the value of --from is empty\n  hint: see `hangar help list`\n"},
    {"list -c a -c b",
     "hangar: --config is given more than once\n  hint: see `hangar help list`\n"},
    {"-c a list --config b",
     "hangar: --config is given more than once\n  hint: see `hangar help list`\n"},
    {"list surplus", "hangar: unexpected argument \"surplus\" of `list`\n"
                     "  hint: see `hangar help list`\n"},
    {"show a b", "hangar: unexpected argument \"b\" of `show`\n  hint: see `hangar help show`\n"},
    {"cat a b c", "hangar: unexpected argument \"c\" of `cat`\n  hint: see `hangar help cat`\n"},
    {"show", "hangar: `show` requires an argument: ID|latest\n  hint: see `hangar help show`\n"},
    {"restore latest --mode dirty",
     "hangar: invalid value \"dirty\" for --mode: must be one of empty|clean\n"
     "  hint: see `hangar help restore`\n"},
    {"restore latest --mode emp",
     "hangar: invalid value \"emp\" for --mode: must be one of empty|clean\n"
     "  hint: see `hangar help restore`\n"},
    {"list --color sometimes",
     "hangar: invalid value \"sometimes\" for --color: must be one of auto|always|never\n"
     "  hint: see `hangar help list`\n"},
    {"-q list -v", "hangar: --quiet and --verbose cannot be used together\n"
                   "  hint: see `hangar help list`\n"},
    {"verify",
     "hangar: `verify` requires either a backup or --all\n  hint: see `hangar help verify`\n"},
    {"verify latest --all",
     "hangar: `verify` requires either a backup or --all\n  hint: see `hangar help verify`\n"},
    {"backup weekly nightly --dry-run",
     "hangar: unknown option --dry-run\n  hint: see `hangar help backup`\n"},
    {"help nonsense", "hangar: unknown command `nonsense`\n  hint: see `hangar help`\n"},
    {"list \033[2J", "hangar: unexpected argument \"\\x1b[2J\" of `list`\n"
                     "  hint: see `hangar help list`\n"},
};

START_TEST(a_wrong_command_line_gets_a_message_and_status_2)
{
    ck_assert_int_eq(world_run(wrong[_i].words), 2);
    ck_assert_str_eq(world.err, wrong[_i].message);
    ck_assert_str_eq(world.out, "");
}
END_TEST

static const struct {
    const char *words, *calls;
} right[] = {
    {"check", "open config=-\ncheck\n"},
    {"-c my.yaml check", "open config=my.yaml\ncheck\n"},
    {"check -cmy.yaml", "open config=my.yaml\ncheck\n"},
    {"check --config=my.yaml", "open config=my.yaml\ncheck\n"},
    {"check --conf my.yaml", "open config=my.yaml\ncheck\n"},
    {"backup", "open config=-\nbackup nightly\n"},
    {"backup nightly", "open config=-\nbackup nightly\n"},
    {"list", "open config=-\nlist pipeline=- sink=-\n"},
    {"list --from local --pipeline p", "open config=-\nlist pipeline=p sink=local\n"},
    {"list --tag a=1", "open config=-\nlist pipeline=- sink=-\n tag=a=1\n"},
    {"backup nightly --only a --only b --tag x=1 --tag y",
     "open config=-\nbackup nightly\n only=a\n only=b\n tag=x=1\n tag=y\n"},
    {"show latest", "open config=-\nshow latest pipeline=- sink=-\n"},
    {"show --from local latest --pipeline p", "open config=-\nshow latest pipeline=p sink=local\n"},
    {"show -- -odd", "open config=-\nshow -odd pipeline=- sink=-\n"},
    {"status", "open config=-\noverview\n"},
    {"verify latest", "open config=-\nverify latest pipeline=- sink=- level=0\n"},
    {"verify --all --level full", "open config=-\nverify all pipeline=- sink=- level=1\n"},
    {"verify x --level=drill --from s --pipeline p",
     "open config=-\nverify x pipeline=p sink=s level=2\n"},
    {"restore latest --dry-run --only a --only b --set a.x=1 --set a.y=2 --mode clean --compare",
     "open config=-\nrestore latest pipeline=- sink=- flags=7 only=a only=b set=a.x=1 set=a.y=2\n"},
    {"restore x --dry-run --no-hooks", "open config=-\nrestore x pipeline=- sink=- flags=17\n"},
    {"restore x --dry-run --mode empty --from s --pipeline p",
     "open config=-\nrestore x pipeline=p sink=s flags=1\n"},
    {"alerts", "open config=-\nalerts flags=0\n"},
    {"alerts --dry-run", "open config=-\nalerts flags=1\n"},
    {"metrics", "open config=-\noverview\n"},
    {"notify", "open config=-\nnotify -\n"},
    {"notify ops", "open config=-\nnotify ops\n"},
    {"plugin list", "open config=-\nplugins -\n"},
    {"plugin --quiet show redis", "open config=-\nplugins redis\n"},
};

START_TEST(a_right_command_line_reaches_the_library)
{
    fake.answers[0].json = "{\"id\": \"backup_1\"}"; /* without an id, a backup fails */
    ck_assert_int_eq(world_run(right[_i].words), 0);
    ck_assert_str_eq(fake.calls, right[_i].calls);
    ck_assert_int_eq(fake.closed, 1);
}
END_TEST

START_TEST(json_reports_a_wrong_command_line_as_a_document)
{
    ck_assert_int_eq(world_run("list --nope --json"), 2);
    json_t *doc = json_loads(world.out, 0, NULL);
    ck_assert_str_eq(cli_string(doc, "schema"), "hangar.error/1");
    ck_assert_str_eq(cli_string(doc, "status"), "usage");
    ck_assert_str_eq(cli_string(doc, "error"), "unknown option --nope");
    json_decref(doc);
}
END_TEST

static void args_add_tests(TCase *tests)
{
    tcase_add_loop_test(tests, a_wrong_command_line_gets_a_message_and_status_2, 0,
                        (int)(sizeof(wrong) / sizeof(wrong[0])));
    tcase_add_loop_test(tests, a_right_command_line_reaches_the_library, 0,
                        (int)(sizeof(right) / sizeof(right[0])));
    tcase_add_test(tests, json_reports_a_wrong_command_line_as_a_document);
}

int main(void)
{
    return world_main("cli args", args_add_tests);
}
