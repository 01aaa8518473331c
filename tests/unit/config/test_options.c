/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * options: the section options:, checked against what a plugin declares.
 */
#include "config/options.h"

#include "suite.h"
#include "config_world.h"

static const struct world_row wrong[] = {
    {WITH_OPTIONS("      prot: 1\n"),
     "backup.yaml:6:7: unknown key \"prot\"; hint: did you mean \"port\"?"},
    {WITH_OPTIONS("      Host: a\n"),
     "backup.yaml:6:7: unknown key \"Host\"; hint: did you mean \"host\"?"},
    {WITH_OPTIONS("      pasword_file: a\n"),
     "backup.yaml:6:7: unknown key \"pasword_file\"; hint: did you mean \"password_file\"?"},
    {WITH_OPTIONS("      host_file: a\n"), "backup.yaml:6:7: unknown key \"host_file\""},
    {WITH_OPTIONS("      port: 1e3\n"),
     "backup.yaml:6:13: port must be a whole number, not \"1e3\""},
    {WITH_OPTIONS("      port: 010\n"),
     "backup.yaml:6:13: port must be a decimal number without leading zeros, not \"010\""},
    {WITH_OPTIONS("      port: 0x1F\n"),
     "backup.yaml:6:13: port must be a whole number, not \"0x1F\""},
    {WITH_OPTIONS("      port: -5\n"),
     "backup.yaml:6:13: port must be from 1 to 65535, not \"-5\""},
    {WITH_OPTIONS("      port: 65536\n"),
     "backup.yaml:6:13: port must be from 1 to 65535, not \"65536\""},
    {WITH_OPTIONS("      port: 99999999999999999999\n"),
     "backup.yaml:6:13: port must be a whole number, not \"99999999999999999999\""},
    {WITH_OPTIONS("      port: \"\"\n"), "backup.yaml:6:13: port must be a whole number, not \"\""},
    {WITH_OPTIONS("      port: [1, 2]\n"),
     "backup.yaml:6:13: port must be a single value, not a list"},
    {WITH_OPTIONS("      host: {a: b}\n"),
     "backup.yaml:6:13: host must be a single value, not a map"},
    {WITH_OPTIONS("      host:\n"), "backup.yaml:6:12: host has no value; hint: remove the key, or "
                                    "write \"\" for an empty text"},
    {WITH_OPTIONS("      jobs: 0\n"), "backup.yaml:6:13: jobs must be at least 1, not \"0\""},
    {WITH_OPTIONS("      depth: 11\n"), "backup.yaml:6:14: depth must be at most 10, not \"11\""},
    {WITH_OPTIONS("      tls: yes\n"),
     "backup.yaml:6:12: tls must be true or false, not \"yes\"; hint: "
     "write true"},
    {WITH_OPTIONS("      tls: \"1\"\n"),
     "backup.yaml:6:12: tls must be true or false, not \"1\"; hint: "
     "write true"},
    {WITH_OPTIONS("      tls: Off\n"), "backup.yaml:6:12: tls must be true or false, not \"Off\"; "
                                       "hint: write false"},
    {WITH_OPTIONS("      port: 5432s\n"), "backup.yaml:6:13: port must be a whole number, not "
                                          "\"5432s\"; hint: write 5432, without a unit"},
    {WITH_OPTIONS("      dbname: shop\n"), "backup.yaml:6:7: unknown key \"dbname\""},
    {WITH_OPTIONS("      hostname: db1\n"),
     "backup.yaml:6:7: unknown key \"hostname\"; hint: did you mean \"host\"?"},
    {WITH_OPTIONS("      rate_limit: 1MB\n"),
     "backup.yaml:6:7: unknown key \"rate_limit\"; hint: \"rate_limit\" belongs to a source or "
     "sink, beside its \"plugin\""},
    {WITH_OPTIONS("# none\n"), "backup.yaml:5:13: options has no value; hint: indent the options "
                               "below it, or remove the key"},
    {WITH_OPTIONS("    host: a\n"),
     "backup.yaml:5:13: options has no value; hint: indent the options below it, or remove the "
     "key\nbackup.yaml:6:5: unknown key \"host\"; hint: the options of a plugin stand under "
     "\"options\""},
    {WITH_OPTIONS("      part_size: 5 MB\n"),
     "backup.yaml:6:18: part_size must be a size, not \"5 MB\"; hint: write 5MB"},
    {WITH_OPTIONS("      part_size: 7G\n"),
     "backup.yaml:6:18: part_size must be a size, not \"7G\"; hint: write 7GiB"},
    {WITH_OPTIONS("      part_size: 7 apples\n"),
     "backup.yaml:6:18: part_size must be a size, not \"7 apples\"; hint: write it as 64KiB, "
     "1.5GiB or 10MB"},
    {WITH_OPTIONS("      timeout: 5 minutes\n"),
     "backup.yaml:6:16: timeout must be a duration, not \"5 minutes\"; hint: write 5m"},
    {WITH_OPTIONS("      part_size: 1KiB\n"),
     "backup.yaml:6:18: part_size must be from 5 MiB to 5 GiB, not \"1KiB\""},
    {WITH_OPTIONS("      timeout: 5\n"),
     "backup.yaml:6:16: timeout must be a duration, not \"5\"; hint: write it as 500ms, 30s, 5m or "
     "7d"},
    {WITH_OPTIONS("      timeout: 2h\n"),
     "backup.yaml:6:16: timeout must be from 1 s to 1 h, not \"2h\""},
    {WITH_OPTIONS("      mode: replcae\n"),
     "backup.yaml:6:13: mode must be one of fail, replace, flush, not \"replcae\"; hint: did you "
     "mean \"replace\"?"},
    {WITH_OPTIONS("      mode: burn\n"),
     "backup.yaml:6:13: mode must be one of fail, replace, flush, not \"burn\""},
    {WITH_OPTIONS("      ca_file: ''\n"), "backup.yaml:6:16: ca_file is empty"},
    {WITH_OPTIONS("      ca_file: ~/ca.pem\n"),
     "backup.yaml:6:16: ca_file cannot begin with \"~\"; hint: write \"${HOME}\""},
    {WITH_OPTIONS("      tables: {a: b}\n"), "backup.yaml:6:15: tables must be a list, not a map"},
    {WITH_OPTIONS("      tables: [a, [b], ~]\n"),
     "backup.yaml:6:19: tables must be a single value, not a list\n"
     "backup.yaml:6:24: tables has no value; hint: remove the key, or write \"\" for an empty "
     "text"},
    {WITH_OPTIONS("      host: ${HG_NONE}\n"),
     "backup.yaml:6:13: variable HG_NONE is not set; hint: set it, or write "
     "\"${HG_NONE:-default}\""},
    {WITH_OPTIONS("      tables: [a, \"${HG_NONE:?name a table}\"]\n"),
     "backup.yaml:6:19: variable HG_NONE is not set: name a table"},
    {WITH_OPTIONS("      port: ${HG_PORT}\n"),
     "backup.yaml:6:13: port must be a whole number, not \"12: [34]\""},
    {WITH_OPTIONS("      password: a\n      password_file: b\n"),
     "backup.yaml:7:7: password_file sets option \"password\" again; hint: remove this "
     "key, or that of line 6"},
    {WITH_OPTIONS("      password_credential: c\n      password: a\n"),
     "backup.yaml:6:28: password_credential: cannot read credential c: CREDENTIALS_DIRECTORY is "
     "not set; hint: run hangar as a systemd service with LoadCredential=c:FILE\n"
     "backup.yaml:7:7: password sets option \"password\" again; hint: remove this key, "
     "or that of line 6"},
    {WITH_OPTIONS("      password: [canary]\n"),
     "backup.yaml:6:17: password must be a single value, not a list"},
    {WITH_OPTIONS("      password_file: ''\n"), "backup.yaml:6:22: password_file is empty"},
    {WITH_OPTIONS("      password_file: /no/such/file\n"),
     "backup.yaml:6:22: password_file: cannot open file /no/such/file: No such file or directory"},
    {WITH_OPTIONS("      password_command: pass show db\n"),
     "backup.yaml:6:25: password_command must be a list of words; hint: write it as [program, "
     "argument]"},
    {WITH_OPTIONS("      password_command: []\n"),
     "backup.yaml:6:25: password_command must be a list of words; hint: write it as [program, "
     "argument]"},
    {WITH_OPTIONS("      password_command: [/bin/false]\n"),
     "backup.yaml:6:25: password_command: command /bin/false failed with exit status 1; hint: run "
     "the command by hand to see the reason"},
    {WITH_OPTIONS("      password_command: [a, {b: c}]\n"),
     "backup.yaml:6:29: password_command must be a single value, not a map"},
    {WITH_OPTIONS("      password_command: ['']\n"),
     "backup.yaml:6:25: password_command: cannot run command : No such file or directory"},
    {WITH_OPTIONS("      prot: 1\n      tls: maybe\n      host: ${HG_NONE:?x}\n"),
     "backup.yaml:6:7: unknown key \"prot\"; hint: did you mean \"port\"?\n"
     "backup.yaml:7:12: tls must be true or false, not \"maybe\"\n"
     "backup.yaml:8:13: variable HG_NONE is not set: x"},
};

static void options_setup(void)
{
    folder_setup();
    unsetenv("HG_NONE");
    unsetenv("CREDENTIALS_DIRECTORY");
    setenv("HG_PORT", "12: [34]", 1);
}

START_TEST(wrong_options_are_reported_with_their_place)
{
    WORLD_CHECK(wrong);
}
END_TEST

/* Options bound to `yaml`, the map itself. */
struct bound_options {
    struct hg_problems problems;
    struct hg_yaml *root;
    struct hg_options options;
    bool ok;
};

static struct bound_options options_bind(const struct hangar_option *table, const char *yaml,
                                         const struct hg_override *overrides, size_t override_count,
                                         bool read_secrets)
{
    struct bound_options b = {.problems = {.file = "f"}};
    b.root = hg_yaml_parse(yaml, strlen(yaml), &b.problems);
    struct hg_options_request request = {.table = table,
                                         .node = b.root,
                                         .dir = "/etc/hangar",
                                         .line = 4,
                                         .column = 2,
                                         .overrides = overrides,
                                         .override_count = override_count,
                                         .read_secrets = read_secrets};
    b.ok = hg_options_read(&b.options, &request, &b.problems);
    return b;
}

static void options_release(struct bound_options *b)
{
    hg_options_free(&b->options);
    hg_yaml_free(b->root);
    hg_problems_free(&b->problems);
}

static const char *options_text_of(const struct bound_options *b, const char *name)
{
    return hg_options_get(&b->options, name)->text;
}

static int64_t number_of(const struct bound_options *b, const char *name)
{
    return hg_options_get(&b->options, name)->number;
}

START_TEST(right_options_have_their_values)
{
    struct bound_options b =
        options_bind(world_demo,
                     "host: \"${HG_PORT}\"\nport: '99'\noffset: -7\ntls: \"true\"\n"
                     "part_size: 1.5GiB\ntimeout: 5m\nmode: flush\nca_file: ./ca.pem\n"
                     "tables: [a, 'b, c', \"\"]\npassword: \"pa$$word 010\"\n",
                     NULL, 0, true);
    ck_assert(b.ok);
    ck_assert_str_eq(options_text_of(&b, "host"), "12: [34]"); /* a text, never YAML */
    ck_assert_int_eq(number_of(&b, "port"), 99);
    ck_assert_int_eq(number_of(&b, "offset"), -7);
    ck_assert_int_eq(number_of(&b, "tls"), 1);
    ck_assert_int_eq(number_of(&b, "part_size"), 1610612736);
    ck_assert_int_eq(number_of(&b, "timeout"), 300000);
    ck_assert_str_eq(options_text_of(&b, "mode"), "flush");
    ck_assert_str_eq(options_text_of(&b, "ca_file"), "/etc/hangar/ca.pem");
    char **list = hg_options_get(&b.options, "tables")->list;
    ck_assert_str_eq(list[0], "a");
    ck_assert_str_eq(list[1], "b, c");
    ck_assert_str_eq(list[2], "");
    ck_assert_ptr_null(list[3]);
    ck_assert_str_eq(options_text_of(&b, "password"), "pa$word 010");
    const struct hg_option_value *mode = hg_options_get(&b.options, "mode");
    ck_assert(mode->given && mode->set);
    ck_assert_uint_eq(mode->line, 7);
    ck_assert_uint_eq(mode->column, 7);
    ck_assert_ptr_null(hg_options_get(&b.options, "none"));
    ck_assert_ptr_null(hg_options_get(&b.options, "hos"));
    options_release(&b);
}
END_TEST

START_TEST(defaults_fill_what_is_not_given)
{
    struct bound_options b = options_bind(world_demo, "{}", NULL, 0, true);
    ck_assert(b.ok);
    ck_assert_str_eq(options_text_of(&b, "host"), "localhost");
    ck_assert_int_eq(number_of(&b, "port"), 5432);
    ck_assert_int_eq(number_of(&b, "part_size"), 8 << 20);
    ck_assert_str_eq(hg_options_get(&b.options, "tables")->list[0], "all");
    ck_assert(!hg_options_get(&b.options, "host")->given);
    ck_assert(!hg_options_get(&b.options, "timeout")->set);
    ck_assert_uint_eq(hg_options_get(&b.options, "timeout")->line, 4);
    options_release(&b);

    struct hg_options none;
    struct hg_problems problems = {0};
    ck_assert(hg_options_read(&none, &(struct hg_options_request){.dir = "/"}, &problems));
    ck_assert_uint_eq(none.count, 0);
    hg_options_free(&none);
}
END_TEST

START_TEST(a_single_text_is_a_list_of_one)
{
    struct bound_options b = options_bind(world_demo, "tables: a,b", NULL, 0, true);
    ck_assert(b.ok);
    ck_assert_str_eq(hg_options_get(&b.options, "tables")->list[0], "a,b");
    ck_assert_ptr_null(hg_options_get(&b.options, "tables")->list[1]);
    options_release(&b);
    b = options_bind(world_demo, "tables: []", NULL, 0, true);
    ck_assert(b.ok);
    ck_assert_ptr_null(hg_options_get(&b.options, "tables")->list[0]);
    options_release(&b);
}
END_TEST

START_TEST(paths_are_relative_to_the_file)
{
    static const char *const paths[][2] = {
        {"a", "/etc/hangar/a"},
        {"./a/b", "/etc/hangar/a/b"},
        {".//./a", "/etc/hangar/a"},
        {"../a", "/etc/hangar/../a"},
        {"/a", "/a"},
        {".", "/etc/hangar"},
        {"./", "/etc/hangar"},
        {"~a", "/etc/hangar/~a"},
        {".a", "/etc/hangar/.a"},
    };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        char yaml[64];
        snprintf(yaml, sizeof(yaml), "path: %s", paths[i][0]);
        struct bound_options b = options_bind(world_store, yaml, NULL, 0, true);
        ck_assert(b.ok);
        ck_assert_str_eq(options_text_of(&b, "path"), paths[i][1]);
        options_release(&b);
    }
}
END_TEST

START_TEST(a_missing_required_option_is_reported_at_the_instance)
{
    struct bound_options b = options_bind(world_store, "min_free: 1GB", NULL, 0, true);
    ck_assert(!b.ok);
    ck_assert_str_eq(b.problems.items[0].text, "option \"path\" is missing");
    ck_assert_uint_eq(b.problems.items[0].line, 4);
    ck_assert_uint_eq(b.problems.items[0].column, 2);
    options_release(&b);
}
END_TEST

START_TEST(secrets_come_from_files_commands_and_credentials)
{
    folder_file("pw", "from file\n", 10, 0600);
    folder_file("tool", "#!/bin/sh\necho \"from $1\"\n", 24, 0700);
    setenv("CREDENTIALS_DIRECTORY", folder_path, 1);
    static const char *const forms[][2] = {
        {"password_file: pw", "from file"},
        {"password_file: \"${PWD}/pw\"", "from file"},
        {"password_command: [./tool, command]", "from command"},
        {"password_command: [echo, 'a b', c]", "a b c"},
        {"password_credential: pw", "from file"},
    };
    setenv("PWD", folder_path, 1);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct hg_problems problems = {.file = "f"};
        struct hg_yaml *root = hg_yaml_parse(forms[i][0], strlen(forms[i][0]), &problems);
        struct hg_options_request request = {
            .table = world_demo, .node = root, .dir = folder_path, .read_secrets = true};
        struct hg_options o;
        bool ok = hg_options_read(&o, &request, &problems);
        ck_assert_msg(ok, "%s", problems.count > 0 ? problems.items[0].text : "");
        ck_assert_str_eq(hg_options_get(&o, "password")->text, forms[i][1]);
        hg_options_free(&o);

        /* to list or mask, nothing is read and nothing runs */
        request.dir = "/none";
        request.read_secrets = false;
        ck_assert(hg_options_read(&o, &request, &problems));
        const struct hg_option_value *password = hg_options_get(&o, "password");
        ck_assert(password->set && password->given);
        ck_assert_ptr_null(password->text);
        char *shown = hg_option_display(password);
        ck_assert_str_eq(shown, "***");
        free(shown);
        hg_options_free(&o);
        hg_yaml_free(root);
    }
}
END_TEST

START_TEST(a_secret_that_cannot_be_read_is_a_matter_of_authentication)
{
    struct bound_options b = options_bind(world_demo, "password_file: none", NULL, 0, true);
    ck_assert(!b.ok);
    ck_assert_int_eq(b.problems.rc, HANGAR_AUTH);
    options_release(&b);
}
END_TEST

START_TEST(a_secret_is_shown_as_stars_and_the_rest_as_given)
{
    struct bound_options b = options_bind(
        world_demo, "password: canary\npart_size: 1.5GiB\ntables: [a, b]", NULL, 0, true);
    static const char *const shown[][2] = {{"password", "***"}, {"part_size", "1.5GiB"},
                                           {"tables", "a, b"},  {"port", "5432"},
                                           {"tls", "false"},    {"timeout", NULL}};
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        char *text = hg_option_display(hg_options_get(&b.options, shown[i][0]));
        ck_assert_pstr_eq(text, shown[i][1]);
        free(text);
    }
    options_release(&b);
}
END_TEST

START_TEST(overrides_stand_over_the_file)
{
    const struct hg_override set[] = {
        {"port", "77", false},  {"port", "78", false},  {"host", "${HG_NONE}", false},
        {"tables", "x", false}, {"tables", "y", false}, {"password", "of the drill", true},
    };
    struct bound_options b = options_bind(
        world_demo, "port: 1\ntables: [a, b]\npassword_command: [touch, ran]\nmode: flush", set, 6,
        true);
    ck_assert_msg(b.ok, "%s", b.problems.count > 0 ? b.problems.items[0].text : "");
    ck_assert_int_eq(number_of(&b, "port"), 78);
    ck_assert_str_eq(options_text_of(&b, "host"), "${HG_NONE}"); /* not from a file: as it is */
    ck_assert_str_eq(options_text_of(&b, "mode"), "flush");
    ck_assert(hg_options_get(&b.options, "host")->given);
    char **list = hg_options_get(&b.options, "tables")->list;
    ck_assert_str_eq(list[0], "x");
    ck_assert_str_eq(list[1], "y");
    ck_assert_ptr_null(list[2]);
    ck_assert_str_eq(options_text_of(&b, "password"), "of the drill");
    ck_assert_int_ne(access("ran", F_OK), 0); /* what it replaces is not even run */
    options_release(&b);

    const struct hg_override path = {"path", "/srv", false};
    b = options_bind(world_store, "{}", &path, 1, true);
    ck_assert(b.ok);
    options_release(&b);
}
END_TEST

START_TEST(overrides_from_the_command_line_are_checked)
{
    static const struct {
        struct hg_override set;
        const char *error;
    } bad[] = {
        {{"prot", "1", false}, "--set: unknown option \"prot\"; hint: did you mean \"port\"?"},
        {{"", "1", false}, "--set: unknown option \"\""},
        {{"port", "many", false}, "--set: port must be a whole number, not \"many\""},
        {{"port", "0", false}, "--set: port must be from 1 to 65535, not \"0\""},
        {{"password", "canary", false},
         "--set: \"password\" is a secret, and other users can read the command line; hint: set "
         "it in the configuration"},
        {{"password_file", "f", false},
         "--set: \"password_file\" is a secret, and other users can read the command line; "
         "hint: set it in the configuration"},
        {{"password_file", "f", true},
         "override: unknown option \"password_file\"; hint: did you mean \"password_file\"?"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct bound_options b = options_bind(world_demo, "{}", &bad[i].set, 1, true);
        ck_assert(!b.ok);
        ck_assert_str_eq(b.problems.items[0].text, bad[i].error);
        ck_assert_uint_eq(b.problems.items[0].line, 0);
        options_release(&b);
    }
}
END_TEST

START_TEST(a_default_that_is_wrong_is_the_plugins_fault)
{
    static const struct hangar_option table[] = {
        {.name = "n", .type = HANGAR_OPT_INT, .default_value = "many"}, {.name = NULL}};
    struct bound_options b = options_bind(table, "{}", NULL, 0, true);
    ck_assert(!b.ok);
    ck_assert_str_eq(b.problems.items[0].text,
                     "the plugin's default: n must be a whole number, not \"many\"");
    options_release(&b);
}
END_TEST

START_TEST(values_are_shown_shortened_and_lists_are_bounded)
{
    struct hg_str yaml = {0};
    hg_str_add(&yaml, "port: \"");
    for (int i = 0; i < 100; i++) {
        hg_str_add(&yaml, "\xE2\x82\xAC");
    }
    hg_str_add(&yaml, "\"\ntables: [");
    for (int i = 0; i < 10001; i++) {
        hg_str_add(&yaml, "t,");
    }
    hg_str_add(&yaml, "]");
    struct bound_options b = options_bind(world_demo, hg_str_text(&yaml), NULL, 0, true);
    ck_assert_uint_eq(b.problems.errors, 2);
    ck_assert_uint_lt(strlen(b.problems.items[0].text), 110);
    ck_assert_ptr_nonnull(strstr(b.problems.items[0].text, "\xE2\x82\xAC...\""));
    ck_assert_str_eq(b.problems.items[1].text, "tables has more than 10000 entries");
    options_release(&b);
    hg_str_free(&yaml);
}
END_TEST

START_TEST(many_unknown_keys_cost_little)
{
    struct hg_str yaml = {0};
    for (int i = 0; i < 40000; i++) {
        hg_str_addf(&yaml, "passwort_%d: x\n", i);
    }
    struct bound_options b = options_bind(world_demo, hg_str_text(&yaml), NULL, 0, true);
    ck_assert_uint_eq(b.problems.errors, 40000);
    ck_assert_uint_eq(b.problems.count, HG_PROBLEMS_MAX);
    options_release(&b);
    hg_str_free(&yaml);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        wrong_options_are_reported_with_their_place,
        right_options_have_their_values,
        defaults_fill_what_is_not_given,
        a_single_text_is_a_list_of_one,
        paths_are_relative_to_the_file,
        a_missing_required_option_is_reported_at_the_instance,
        secrets_come_from_files_commands_and_credentials,
        a_secret_that_cannot_be_read_is_a_matter_of_authentication,
        a_secret_is_shown_as_stars_and_the_rest_as_given,
        overrides_stand_over_the_file,
        overrides_from_the_command_line_are_checked,
        a_default_that_is_wrong_is_the_plugins_fault,
        values_are_shown_shortened_and_lists_are_bounded,
        many_unknown_keys_cost_little,
    };
    return SUITE_RUN("options", tests, options_setup, folder_teardown);
}
