#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""Tests rules.py with trees that contain one breach each."""

import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import layers  # noqa: E402
import rules  # noqa: E402

HEAD = f"/* {rules.LICENCE}\n * {rules.COPYRIGHT}\n *\n * NAME: what it does.\n */\n"


def with_head(path, text):
    """The text of a C file behind its head, a header in its guard."""
    name = os.path.splitext(os.path.basename(path))[0]
    head = HEAD.replace("NAME", name)
    if not path.endswith(".h"):
        return head + text
    guard = rules.guard_of(path)
    return f"{head}#ifndef {guard}\n#define {guard}\n{text}\n#endif\n"


class Rules(unittest.TestCase):
    def breaches(self, files):
        """The texts of the breaches in a tree of these files.

        C files get their heads, unless their text begins with RAW or NAKED.
        """
        with tempfile.TemporaryDirectory() as root:
            files = {"plugins/redis/redis.h": "", "core/base/str.h": "", **files}
            for path, text in files.items():
                full = os.path.join(root, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                if text.startswith("RAW"):
                    text = text[3:]
                elif path.endswith((".c", ".h")) and not text.startswith("NAKED"):
                    text = with_head(path, text)
                with open(full, "w", encoding="utf-8") as file:
                    file.write(text)
            return [f"{path}:{line}: {text}" for path, line, text in rules.check_tree(root)]

    def rejects(self, path, text, expected, **more):
        found = self.breaches({path: text, **more})
        self.assertEqual(len(found), 1, found)
        self.assertIn(expected, found[0])
        self.assertTrue(found[0].startswith(path + ":"), found[0])

    def accepts(self, path, text):
        self.assertEqual(self.breaches({path: text}), [])

    def test_an_upward_include_is_rejected_between_all_layers(self):
        for low, layer in enumerate(layers.LAYERS):
            for high, other in enumerate(layers.LAYERS):
                with self.subTest(layer=layer, other=other):
                    files = {
                        f"core/{other}/x.h": "",
                        f"core/{layer}/y.c": f'#include "{other}/x.h"\n',
                    }
                    found = self.breaches(files)
                    wrong = high > low or (
                        high != low and other.startswith("jobs/")
                    )
                    self.assertEqual(len(found), 1 if wrong else 0, found)

    def test_an_include_is_found_however_it_is_written(self):
        for text in ('#  include "session/x.h"\n', "#include <session/x.h>\n", '\t#include\t"session/x.h"\n'):
            found = self.breaches({"core/session/x.h": "", "core/base/a.c": text})
            self.assertEqual(len(found), 1, text)
            self.assertIn("upward include", found[0])

    def test_a_breach_has_its_line(self):
        found = self.breaches({"core/session/x.h": "", "core/base/a.c": '\n\n#include "session/x.h"\n'})
        self.assertTrue(found[0].startswith("core/base/a.c:8:"), found[0])

    def test_an_include_within_a_comment_does_not_count(self):
        self.accepts("core/base/a.c", '/*\n#include "session/x.h"\n*/\n')

    def test_a_header_of_the_core_is_named_with_its_folder(self):
        self.rejects("core/base/a.c", '#include "str.h"\n', "not in core/")

    # An include that is wrong only because of where it stands inside a folder.

    def test_a_cycle_of_files_inside_a_folder_is_rejected(self):
        files = {
            "core/config/a.h": '#include "config/b.h"\n',
            "core/config/b.h": '#include "config/a.h"\n',
        }
        found = self.breaches(files)
        self.assertEqual(len(found), 2, found)
        self.assertIn("a cycle of files", found[0])

    def test_an_include_of_a_header_whose_source_file_calls_back_is_rejected(self):
        files = {
            "core/inventory/low.h": "int hg_low(void);\n",
            "core/inventory/high.h": "struct hg_high;\n",
            "core/inventory/high.c": '#include "inventory/low.h"\nint hg_high(void)\n{\n'
            "    return hg_low();\n}\n",
            "core/inventory/low.c": "int hg_low(void)\n{\n    return 0;\n}\n",
        }
        self.assertEqual(self.breaches(files), [])
        files["core/inventory/low.c"] = '#include "inventory/high.h"\n' + files["core/inventory/low.c"]
        found = self.breaches(files)
        self.assertTrue(any(f.startswith("core/inventory/low.c:6: a cycle of files") for f in found), found)

    def test_a_cycle_of_calls_is_found_whatever_the_headers_say(self):
        files = {
            "core/base/x.h": "void hg_a(void);\nvoid hg_b(void);\n",
            "core/base/a.c": '#include "base/x.h"\nvoid hg_a(void)\n{\n    hg_b();\n}\n',
            "core/base/b.c": '#include "base/x.h"\nvoid hg_b(void)\n{\n    hg_a();\n}\n',
        }
        self.assertEqual(len(self.breaches(files)), 2)

    def test_a_call_that_points_up_is_rejected(self):
        files = {
            "core/jobs/backup/a.c": "void hg_a(void)\n{\n}\n",
            "core/inventory/b.c": "void hg_a(void);\nvoid hg_b(void)\n{\n    hg_a();\n}\n",
        }
        found = self.breaches(files)
        self.assertEqual(len(found), 1, found)
        self.assertIn("upward call", found[0])

    def test_a_job_is_included_through_its_public_header_alone(self):
        files = {
            "core/jobs/prune/prune.h": "",
            "core/jobs/prune/expiry.h": "",
            "core/jobs/backup/a.c": '#include "jobs/prune/prune.h"\n',
        }
        self.assertEqual(self.breaches(files), [])
        files["core/jobs/backup/a.c"] = '#include "jobs/prune/expiry.h"\n'
        found = self.breaches(files)
        self.assertEqual(len(found), 1, found)
        self.assertIn("private to core/jobs/prune", found[0])

    def test_a_folder_that_is_not_a_layer_is_rejected(self):
        self.rejects("core/util/x.c", "#include <stdio.h>\n", "not a layer")

    def test_a_folder_within_a_layer_has_its_rules(self):
        files = {
            "core/jobs/transfer/copy.h": "",
            "core/jobs/prune/plan/x.c": '#include "jobs/transfer/copy.h"\n',
        }
        found = self.breaches(files)
        self.assertEqual(len(found), 1, found)
        self.assertIn("upward include", found[0])

    def test_a_cycle_of_includes_in_angle_brackets_is_rejected(self):
        files = {
            "core/inventory/a.h": "#include <inventory/b.h>\n",
            "core/inventory/b.h": "#include <inventory/a.h>\n",
        }
        found = [breach for breach in self.breaches(files) if "a cycle of files" in breach]
        self.assertEqual(len(found), 2, found)

    def test_an_inline_function_that_calls_up_is_rejected(self):
        files = {
            "core/jobs/backup/a.c": "void hg_a(void)\n{\n}\n",
            "core/base/b.h": "void hg_a(void);\nstatic inline void hg_b(void)\n{\n    hg_a();\n}\n",
        }
        found = self.breaches(files)
        self.assertEqual(len(found), 1, found)
        self.assertIn("upward call", found[0])

    def test_data_of_a_higher_layer_is_rejected_as_a_call_is(self):
        files = {
            "core/jobs/backup/a.c": "const int hg_table[] = {1, 2};\n",
            "core/base/b.c": "extern const int hg_table[];\nint hg_b(void)\n{\n"
            "    return hg_table[0];\n}\n",
        }
        found = self.breaches(files)
        self.assertEqual(len(found), 1, found)
        self.assertIn("upward call", found[0])

    def test_a_cycle_of_a_plugins_rooms_is_rejected(self):
        files = {
            "plugins/p/low/a.h": "",
            "plugins/p/low/b.c": '#include "high/c.h"\n',
            "plugins/p/high/c.h": "",
            "plugins/p/high/d.c": '#include "low/a.h"\n',
        }
        found = self.breaches(files)
        self.assertEqual(len(found), 2, found)
        self.assertIn("a cycle of folders", found[0])

    def test_only_the_api_knows_the_embedding_header(self):
        self.rejects("core/catalog/a.c", "#include <hangar/hangar.h>\n", "for core/state and above")
        self.accepts("core/session/a.c", "#include <hangar/hangar.h>\n")

    def test_public_headers_stand_alone(self):
        self.rejects("core/include/hangar/hangar.h", "#include <hangar/plugin.h>\n", "no other")

    def test_cli_and_daemon_see_the_embedding_header_alone(self):
        for folder in ("cli", "daemon"):
            self.accepts(f"{folder}/a.c", "#include <hangar/hangar.h>\n#include <stdio.h>\n")
            self.rejects(f"{folder}/a.c", "#include <hangar/plugin.h>\n", "only <hangar/hangar.h>")
            self.rejects(f"{folder}/a.c", '#include "base/str.h"\n', "only <hangar/hangar.h>")
            self.rejects(f"{folder}/a.c", '#include "../core/base/str.h"\n', 'without ".."')

    def test_plugins_see_the_plugin_header_alone(self):
        own = "#include <hangar/plugin.h>\n#include <hiredis/hiredis.h>\n"
        self.accepts("plugins/redis/a.c", own + '#include "redis.h"\n')
        self.accepts("plugins/redis/deeper/a.c", '#include "redis.h"\n')
        self.rejects("plugins/redis/a.c", "#include <hangar/hangar.h>\n", "only <hangar/plugin.h>")
        self.rejects("plugins/redis/a.c", '#include "base/str.h"\n', "only <hangar/plugin.h>")
        self.rejects("plugins/redis/a.c", "#include <base/str.h>\n", "only <hangar/plugin.h>")
        self.rejects("plugins/redis/a.c", '#include "../redis/redis.h"\n', 'without ".."')

    def test_a_plugin_sees_no_other_plugin(self):
        for name in ('"storage/tree.h"', '"tree.h"', '"plugins/storage/tree.h"', '"../storage/tree.h"',
                     "<tree.h>", "<storage/tree.h>", "<plugins/storage/tree.h>"):
            with self.subTest(name=name):
                other = {"plugins/storage/tree.h": ""}
                self.rejects("plugins/redis/a.c", f"#include {name}\n", "tree.h", **other)
                self.rejects("plugins/lib/a.c", f"#include {name}\n", "tree.h", **other)
                self.rejects("cli/a.c", f"#include {name}\n", "tree.h", **other)
                self.assertTrue(self.breaches({"core/base/a.c": f"#include {name}\n", **other}))

    def test_plugins_see_what_they_share(self):
        files = {"plugins/lib/clock.h": "", "plugins/redis/a.c": '#include "clock.h"\n'}
        self.assertEqual(self.breaches(files), [])

    def test_plugins_do_not_see_the_private_headers_of_the_core(self):
        for name in ('"str.h"', "<str.h>", '"core/base/str.h"', "<core/base/str.h>", '"base/str.h"'):
            for place in ("plugins/redis/a.c", "plugins/lib/a.c", "cli/a.c", "daemon/a.c"):
                with self.subTest(name=name, place=place):
                    self.rejects(place, f"#include {name}\n", "str.h")

    def test_the_core_does_not_see_what_is_built_on_it(self):
        for folder in ("cli", "daemon"):
            for name in (f'"{folder}/x.h"', '"x.h"', f'"../{folder}/x.h"', f"<{folder}/x.h>", "<x.h>"):
                with self.subTest(name=name):
                    files = {f"{folder}/x.h": ""}
                    self.rejects("core/jobs/backup/a.c", f"#include {name}\n", "x.h", **files)

    def test_commands_start_the_daemon_and_not_the_other_way_round(self):
        files = {"daemon/run.h": "", "cli/args.h": "", "cli/commands/a.c": '#include "run.h"\n'}
        self.assertEqual(self.breaches(files), [])
        self.rejects("daemon/a.c", '#include "args.h"\n', "not in daemon", **{"cli/args.h": ""})

    def test_the_command_line_and_the_daemon_have_no_cycles(self):
        for folder in ("cli", "daemon"):
            with self.subTest(folder=folder):
                files = {f"{folder}/a.h": '#include "b.h"\n', f"{folder}/b.h": '#include "a.h"\n'}
                found = self.breaches(files)
                self.assertEqual(len(found), 2, found)
                self.assertIn("a cycle of files", found[0])
                files = {
                    f"{folder}/x.h": "int a(void);\nint b(void);\n",
                    f"{folder}/a.c": '#include "x.h"\nint a(void)\n{\n    return b();\n}\n',
                    f"{folder}/deep/b.c": '#include "x.h"\nint b(void)\n{\n    return a();\n}\n',
                }
                found = self.breaches(files)
                self.assertEqual(len(found), 2, found)
                self.assertIn("a cycle of files", found[0])

    # Ways to write an include that the check of layers could not see.

    def test_an_include_names_its_header(self):
        for text, expected in (
            ("#define X <session/x.h>\n#include X\n", "a macro"),
            ("# include X(session)\n", "a macro"),
            ("#include /* why */ X\n", "a macro"),
            ('#include \\\n"session/x.h"\n', "in two lines"),
            ('#inc\\\nlude "session/x.h"\n', "in two lines"),
            ('#include_next "session/x.h"\n', "#include_next"),
            ('#import "session/x.h"\n', "#import"),
            ('%:include "session/x.h"\n', "begins with #"),
        ):
            for place in ("core/base/a.c", "core/include/hangar/hangar.h", "plugins/redis/a.c", "cli/a.c"):
                with self.subTest(text=text, place=place):
                    self.rejects(place, text, expected)
        self.accepts("core/base/a.c", "#define X(a) \\\n    a\n#undef X\n")

    def test_an_include_within_a_condition_counts(self):
        files = {"core/session/x.h": ""}
        for condition in ("if 0", "ifdef X", "if __has_include(<session/x.h>)"):
            text = f'#{condition}\n# include "session/x.h"\n#endif\n'
            self.rejects("core/base/a.c", text, "upward include", **files)

    def test_an_include_names_a_header_by_its_one_path(self):
        for name in ("base/str.c", "base/str.inc"):
            self.rejects("core/base/a.c", f'#include "{name}"\n', "not a header", **{f"core/{name}": ""})
        self.rejects("plugins/redis/a.c", '#include "b.c"\n', "not a header", **{"plugins/redis/b.c": ""})
        for name in ("base/../session/x.h", "../core/session/x.h", "./base/../session/x.h"):
            files = {"core/session/x.h": ""}
            self.assertEqual(len(self.breaches({"core/base/a.c": f'#include "{name}"\n', **files})), 1, name)
        self.rejects("core/base/a.c", '#include "/usr/include/x.h"\n', "x.h")
        self.rejects("core/base/a.c", "#include </usr/include/x.h>\n", "write the path")
        self.rejects("core/base/a.c", "#include <base/str.h>\n", "in quotes")

    def test_a_source_file_is_no_symbolic_link(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "core/base"))
            os.makedirs(os.path.join(root, "plugins/redis"))
            with open(os.path.join(root, "core/base/str.h"), "w", encoding="utf-8") as file:
                file.write(with_head("core/base/str.h", ""))
            os.symlink("../../core/base/str.h", os.path.join(root, "plugins/redis/str.h"))
            found = [text for path, _, text in rules.check_tree(root) if path.startswith("plugins")]
            self.assertEqual(found[0], "a symbolic link: a source file has one place")

    def test_the_core_names_no_plugin(self):
        self.rejects("core/session/a.c", 'const char *x = "redis";\n', 'names the plugin "redis"')
        self.rejects("core/session/a.c", "/* as Redis does */\n", 'names the plugin "redis"')
        self.accepts("core/session/a.c", "int redistribute;\n")
        self.accepts("plugins/redis/a.c", 'const char *x = "redis";\n')

    def test_the_core_uses_no_library_of_a_plugin(self):
        self.rejects("core/base/a.c", "#include <zlib.h>\n", "only plugins use")
        self.rejects("core/base/a.c", "#include <libpq-fe.h>\n", "only plugins use")

    def test_only_core_plugin_loads(self):
        self.rejects("core/session/a.c", "#include <dlfcn.h>\n", "only core/plugin")
        self.rejects("core/session/a.c", "void *x = dlopen(p, 0);\n", "only core/plugin")
        self.accepts("core/plugin/a.c", "#include <dlfcn.h>\nvoid *x = dlopen(p, 0);\n")

    def test_one_function_sends_statements_one_at_a_time(self):
        sends = "int x = {}(conn, sql);\n"
        for name in ("PQexec", "PQsendQuery", "PQexecParams", "PQprepare", "PQsendQueryParams"):
            self.rejects("plugins/redis/a.c", sends.format(name), "only pg_send")
        place = "plugins/postgres/server/connection/connection.c"
        self.accepts(place, sends.format("PQsendQueryParams") + "/* not PQexec() */\n")
        self.rejects(place, sends.format("PQsendQuery"), "only pg_send")

    def test_the_core_reports_a_lack_of_memory_and_a_cancelled_job_in_one_way(self):
        fails = 'int x = hg_fail(err, {}, 0,\n        "{}");\n'
        for rc, text, expected in (
            ("HANGAR_NO_MEMORY", "cannot read %s: out of memory", "hg_no_memory_for"),
            ("HANGAR_CANCELLED", "interrupted", "hg_job_check"),
        ):
            self.rejects("core/session/a.c", fails.format(rc, text), expected)
            self.accepts("core/base/error.c", fails.format(rc, text))
        self.accepts("core/session/a.c", fails.format("HANGAR_CANCELLED", "interrupted in hook x"))
        self.rejects("core/session/a.c", "int x = getrandom(p, 1, 0);\n", "random_fill")
        self.accepts("core/base/random.c", "int x = getrandom(p, 1, 0);\n")

    def test_plugins_share_the_text_of_a_lack_of_memory_and_the_source_of_random_bytes(self):
        text = 'const char *x = "cannot read: out of memory"; /* "out of memory" */\n'
        self.rejects("plugins/redis/a.c", text, "failure_no_memory")
        self.accepts("plugins/lib/failure.h", text)
        self.rejects("plugins/redis/a.c", "int x = getrandom(p, 1, 0);\n", "random_fill")
        self.accepts("plugins/lib/random.c", "int x = getrandom(p, 1, 0);\n")

    def test_a_comparison_is_compared_with_zero(self):
        for name in ("memcmp", "strcmp", "strncmp", "strcasecmp", "strncasecmp"):
            self.rejects("tests/a.c", f"int x = !{name}(a, b);\n", f"write {name}(...) == 0")
        self.accepts("tests/a.c", 'int x = memcmp(a, b, 1) == 0; /* !memcmp() */ char *s = "!strcmp(";\n')

    def test_a_static_function_has_a_name_that_can_be_found(self):
        text = "static int {}(void)\n{{\n    return 0;\n}}\n"
        self.rejects("core/base/a.c", text.format("take"), "a name of one word")
        self.accepts("core/base/a.c", text.format("a_take"))
        self.accepts("core/base/a.c", text.format("take").replace("static ", ""))
        other = {"tests/b.c": text.format("a_take").replace("static ", "")}
        self.rejects("core/base/a.c", text.format("a_take"), "exists in tests/b.c as well", **other)
        found = self.breaches({"cli/a.c": text.format("b_c"), "plugins/redis/a.c": text.format("b_c")})
        self.assertEqual(len(found), 2, found)

    def test_the_name_of_a_function_ends_with_what_it_does(self):
        for word in ("gather", "look", "say", "tell", "wants"):
            for text in ("static void a_{}(void)\n{{\n}}\n", "bool a_{}(int x)\n{{\n}}\n"):
                self.rejects("tests/a.c", text.format(word), f"a_{word}: not {word}, but ")
        self.accepts("tests/a.c", "static void a_look_up(void)\n{\n    b_tell();\n}\n")

    def test_a_limit_has_max_behind_its_name(self):
        self.rejects("core/base/a.c", "#define HG_MAX_SINKS 3\n", "a limit is HG_SINKS_MAX")
        self.rejects("cli/a.c", "enum { MAX_TEXT = 3, OTHER = 1 };\n", "a limit is TEXT_MAX")
        self.rejects("cli/a.c", "enum { OTHER = 3, MAX_TEXT = 1 };\n", "a limit is TEXT_MAX")
        self.accepts("cli/a.c", "#define TEXT_MAX 3\n#define TEXT_MAX_BYTES 4\nint x = EVP_MAX_MD_SIZE;\n")

    def test_two_headers_that_one_file_can_include_have_different_names(self):
        self.rejects("core/config/x.h", "", "core/catalog/x.h has the same name", **{"core/catalog/x.h": ""})
        self.rejects("plugins/redis/x.h", "", "plugins/lib/x.h has the same name", **{"plugins/lib/x.h": ""})
        for other in ("plugins/postgres/x.h", "core/base/x.h", "cli/x.h"):
            self.assertEqual(self.breaches({"plugins/redis/x.h": "", other: ""}), [])

    def test_line_comments_are_rejected(self):
        self.rejects("core/base/a.c", "int x; // why\n", "a // comment")
        self.accepts("core/base/a.c", 'const char *x = "http://a/*b";\n/* // */ char c = \'"\';\n')

    def test_each_file_has_its_licence(self):
        self.rejects("core/base/a.c", "NAKED", rules.LICENCE)
        self.rejects("core/base/a.c", f"NAKED\n/* {rules.LICENCE} */\n", rules.COPYRIGHT)
        self.rejects("tests/run", "#!/bin/sh\necho\n", rules.LICENCE)
        self.rejects("tests/CMakeLists.txt", "add_test()\n", rules.LICENCE)
        self.accepts("tests/run", f"#!/bin/sh\n# {rules.LICENCE}\n")
        self.accepts("docs/a.md", "text\n")

    def test_a_file_opens_with_its_name_and_what_it_does(self):
        licence = f"/* {rules.LICENCE}\n * {rules.COPYRIGHT}\n"
        for path, text in (
            ("core/base/a.c", " */\n"),
            ("core/base/a.c", " *\n * b: what it does.\n */\n"),
            ("core/base/a.c", " *\n * a.c: what it does.\n */\n"),
            ("core/base/a.c", " *\n * What it does.\n */\n"),
            ("plugins/redis/deep/a.c", " * a: what it does.\n */\n"),
            ("tests/unit/base/test_a.c", " *\n * b: what it does.\n */\n"),
        ):
            with self.subTest(path=path, text=text):
                self.rejects(path, "RAW" + licence + text, "does not begin with")
        for path, name in (
            ("tests/unit/base/test_a.c", "a"),
            ("tests/unit/base/test_a_b.c", "b"),
            ("cli/commands/hold.c", "hold, unhold"),
            ("plugins/redis/a-b.c", "a-b"),
        ):
            self.accepts(path, f"RAW{licence} *\n * {name}: what it does.\n */\n")

    def test_a_header_has_the_guard_of_its_path(self):
        head = HEAD.replace("NAME", "x")
        for path, guard in (
            ("core/base/x.h", "HG_BASE_X_H"),
            ("core/jobs/backup/x.h", "HG_JOBS_BACKUP_X_H"),
            ("core/include/hangar/x.h", "HANGAR_X_H"),
            ("cli/commands/x.h", "CLI_COMMANDS_X_H"),
            ("plugins/postgres/server/x.h", "PG_SERVER_X_H"),
            ("plugins/compress-gzip/x.h", "COMPRESS_GZIP_X_H"),
            ("plugins/lib/x.h", "PLUGIN_X_H"),
            ("tests/lib/x.h", "TEST_LIB_X_H"),
        ):
            with self.subTest(path=path):
                good = f"RAW{head}#ifndef {guard}\n#define {guard}\nint x;\n#endif\n"
                self.accepts(path, good)
                self.rejects(path, good.replace(guard, "X_H"), f"its guard is not {guard}")
                self.rejects(path, good.replace(f"define {guard}", "define X_H"), "its guard")
                self.rejects(path, good.replace("#endif", "#endif /* x */"), "its guard")
                self.rejects(path, f"RAW{head}#pragma once\nint x;\n", "its guard")

    def test_a_file_may_not_be_too_long(self):
        left = rules.MAX_LINES - HEAD.count("\n")
        self.accepts("core/base/a.c", "\n" * left)
        self.rejects("core/base/a.c", "\n" * (left + 1), "split it")
        self.accepts("core/include/hangar/plugin.h", "\n" * (left + 1))
        self.accepts("tests/abi/0.1/hangar/plugin.h", "\n" * (left + 1))
        self.rejects("core/include/hangar/hangar.h", "\n" * (left + 1), "split it")

    def test_a_function_may_not_be_too_long(self):
        body = "    a();\n" * 57
        self.accepts("core/base/a.c", f"int f(int a,\n      int b)\n{{\n{body[9:]}}}\n")
        self.rejects("core/base/a.c", f"int f(int a,\n      int b)\n{{\n{body}}}\n", "f has 61 lines")
        self.rejects("core/base/a.c", f"START_TEST(holds)\n{{\n{body}    a();\n}}\nEND_TEST\n", "holds")
        self.accepts("core/base/a.c", "static const int table[] = {\n" + "    1,\n" * 80 + "};\n")
        self.accepts("core/base/a.c", "struct a {\n" + "    int i;\n" * 80 + "};\n")

    def test_a_function_may_not_have_too_many_parameters(self):
        six = "int a, int b, int c,\n      int d, int (*e)(int x, int y), int f"
        self.accepts("core/base/a.c", f"int f({six})\n{{\n}}\n")
        self.rejects("core/base/a.c", f"int f({six}, int g)\n{{\n}}\n", "f has 7 parameters")
        self.rejects("core/base/a.c", f"int b;\nint f({six}, int g)\n{{\n}}\n", "f has 7 parameters")
        self.accepts("core/base/a.c", f"static void HANGAR_PRINTF(5, 0)\n    f({six})\n{{\n}}\n")

    def test_a_folder_of_a_plugin_may_not_have_too_many_files(self):
        few = {f"plugins/redis/wire/a{i:02}.h": "" for i in range(rules.MAX_FILES_OF_PLUGIN)}
        self.assertEqual(self.breaches({**few, "plugins/redis/wire/deep/b.h": ""}), [])
        found = self.breaches({**few, "plugins/redis/wire/b.h": ""})
        self.assertEqual(len(found), 1, found)
        self.assertIn("25 C files in plugins/redis/wire: more than 24", found[0])


if __name__ == "__main__":
    unittest.main()
