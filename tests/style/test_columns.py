#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""Proves that columns.py finds long comments, prose and C, and wraps Markdown unchanged."""

import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import columns  # noqa: E402

LONG = "word " * 25  # 125 columns
URL = "https://example.org/" + "x" * 120


class Columns(unittest.TestCase):
    def found(self, path, text):
        with tempfile.TemporaryDirectory() as root:
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full))
            with open(full, "w", encoding="utf-8") as file:
                file.write(text)
            return [number for _, number in columns.long_lines(root)]

    def test_long_comments_are_found_in_all_languages(self):
        self.assertEqual(self.found("core/a.c", f"int a;\n/* {LONG}*/\n"), [2])
        self.assertEqual(self.found("core/a.h", f"/* one\n * {LONG}\n */\n"), [2])
        self.assertEqual(self.found("core/a.c", f"int a; /* {LONG}*/\n"), [1])
        self.assertEqual(self.found("tests/a.sh", f"#!/bin/sh\n    # {LONG}\n"), [2])
        self.assertEqual(self.found("tests/run", f"#!/bin/sh\n# {LONG}\n"), [2])
        self.assertEqual(self.found("tests/a.py", f"# {LONG}\n"), [1])
        self.assertEqual(self.found("core/CMakeLists.txt", f"# {LONG}\n"), [1])

    def test_long_docstrings_are_found(self):
        text = f'"""One.\n\n{LONG}\n"""\n\n\ndef f():\n    """{LONG}"""\n    return "{LONG}"\n'
        self.assertEqual(self.found("tests/a.py", text), [3, 8])
        self.assertEqual(self.found("tests/run", "#!/usr/bin/env python3\n" + text), [4, 9])
        self.assertEqual(self.found("tests/a.py", f'"""{URL}"""\n'), [])

    def test_long_code_is_found(self):
        self.assertEqual(self.found("core/a.c", f'int a;\nconst char *s = "/* {LONG}*/";\n'), [2])
        self.assertEqual(self.found("core/a.c", f'const char *s = "{URL}";\n'), [1])
        self.assertEqual(self.found("tests/abi/0.1/hangar/a.h", f'const char *s = "{LONG}";\n'), [])

    def test_long_prose_is_found(self):
        self.assertEqual(self.found("docs/a.md", f"{LONG}\n\n- {LONG}\n> {LONG}\n"), [1, 3, 4])

    def test_what_cannot_be_broken_is_allowed(self):
        self.assertEqual(self.found("docs/a.md", f"| {LONG} |\n# {LONG}\n```\n{LONG}\n```\n{URL}\n"), [])
        self.assertEqual(self.found("docs/a.md", f"- {URL}\n1. [x]({URL})\n"), [])
        self.assertEqual(self.found("core/a.c", f"/* {URL} */\n"), [])
        self.assertEqual(self.found("tests/a.sh", f"echo {LONG}\n"), [])
        self.assertEqual(self.found("tests/abi/0.1/hangar/a.h", f"/* {LONG}*/\n"), [])

    def test_wrapping_keeps_the_words_and_the_blocks(self):
        text = (
            f"# {LONG}\n\nSome {LONG}- and 1. # {LONG}\nend.\n\n- {LONG}\n  more {LONG}\n"
            f"  - inner {LONG}\n10. {LONG}\n- [ ] {LONG}\n\n| {LONG} |\n\n```\n{LONG}\n```\nshort\nlines\n"
        )
        fixed = columns.fix_markdown(text)
        self.assertEqual(fixed.split(), text.split())
        self.assertEqual(self.found("docs/a.md", fixed), [])
        self.assertEqual(columns.fix_markdown(fixed), fixed)
        self.assertIn("\nshort\nlines\n", fixed)
        for line in fixed.split("\n"):
            if line[:1] in "-1#" and line:
                self.assertIn(line, [x for x in fixed.split("\n") if x.startswith(("# w", "- ", "10. "))])
        self.assertIn("\n  - inner word", fixed)
        self.assertIn("\n    word word", fixed)

    def test_wrapping_a_comment_keeps_its_words(self):
        text = (
            f"int a;\n/* One.  {LONG}end.\n * Two\n *\n *     a   table\n *\n * short\n * lines. */\n"
            f"    /* {LONG}*/\n    /*\n     * {LONG}\n     */\nconst char *s = \"/* {LONG}*/\";\n"
        )
        fixed = columns.fix_c(text)
        self.assertEqual(fixed.replace("*", "").split(), text.replace("*", "").split())
        code = len(fixed.split("\n")) - 1
        self.assertEqual(self.found("core/a.c", fixed), [code])  # the string is left to the author
        self.assertIn("/* One.  word", fixed)
        self.assertIn("end.  Two\n *\n *     a   table\n *\n * short\n * lines. */", fixed)
        self.assertIn("\n     * word word word word word word word */\n", fixed)
        self.assertEqual(columns.fix_c(fixed), fixed)


if __name__ == "__main__":
    unittest.main()
