#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""Checks that C, comments, docstrings and prose end at column 100.

    columns.py FOLDER              prints each long line as FILE:LINE: TEXT; exit status 1 if any
    columns.py --fix FILE...       wraps the paragraphs that have a long line, in Markdown and in
                                   comments of C

Checked are C, comment lines in scripts and CMake files, docstrings of Python, and Markdown outside
of code blocks, tables and headings.  A line of a comment or of prose that has no blank before
column 100, for example a URL, is allowed.  clang-format breaks code in C, but not every string.
"""

import ast
import os
import re
import sys

sys.dont_write_bytecode = True
from sources import find_files, read_text  # noqa: E402

LIMIT = 100
# Frozen headers, and data of tests.
SKIPPED = re.compile(r"^tests/abi/[0-9]|(^|/)(corpus|fixtures)/")
# Strings and character constants, so that no comment is found in them, and comments.
C_TOKEN = re.compile(r"""/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)
LIST_ITEM = re.compile(r"^([-*+]|\d+[.)])( +\[[ x]\])? +")
# Begins a block when it is the first word of a line.
BLOCK_WORD = re.compile(r"^([-*+]|\d+[.)]|#+|>.*|\|.*|```.*|~~~.*|=+|-{2,})$")


def is_long(line):
    """Is the line too long, and can it be broken before the limit?"""
    if len(line) <= LIMIT:
        return False
    text = line.lstrip(" \t*#>/")
    marker = LIST_ITEM.match(text)
    start = len(line) - len(text) + (marker.end() if marker else 0)
    return " " in line[start : LIMIT + 1]


def prose_of_markdown(text):
    """(number, line) of each line outside of code blocks, tables and headings."""
    fence = None
    for number, line in enumerate(text.split("\n"), 1):
        mark = re.match(r"\s*(```|~~~)", line)
        if mark and fence in (None, mark[1]):
            fence = None if fence else mark[1]
        elif fence is None and not line.lstrip().startswith(("|", "#")):
            yield number, line


def comments_of_c(text):
    lines = text.split("\n")
    for match in C_TOKEN.finditer(text):
        if match[0].startswith("/*"):
            first = text.count("\n", 0, match.start())
            for at in range(first, first + match[0].count("\n") + 1):
                yield at + 1, lines[at]


def long_code_of_c(text):
    """The numbers of the long lines without a comment.  A string can be cut anywhere."""
    comments = {number for number, _ in comments_of_c(text)}
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > LIMIT and number not in comments:
            yield number


def comments_of_script(text):
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("#"):
            yield number, line


DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def docstrings_of_python(text):
    lines = text.split("\n")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            string = node.body[0]
            for number in range(string.lineno, string.end_lineno + 1):
                yield number, lines[number - 1]


def is_python(path, text):
    return path.endswith(".py") or re.match(r"#!.*\bpython3?\b", text)


def checked_lines(path, text):
    if path.endswith(".md"):
        return prose_of_markdown(text)
    if path.endswith((".c", ".h")):
        return comments_of_c(text)
    if is_python(path, text):
        return [*comments_of_script(text), *docstrings_of_python(text)]
    if path.endswith((".sh", ".cmake", "CMakeLists.txt")) or text.startswith("#!"):
        return comments_of_script(text)
    return []


def long_lines(root):
    for path in find_files(root):
        text = None if SKIPPED.search(path) else read_text(os.path.join(root, path))
        if text is not None:
            numbers = {n for n, line in checked_lines(path, text) if is_long(line)}
            if path.endswith((".c", ".h")):
                numbers.update(long_code_of_c(text))
            for number in sorted(numbers):
                yield path, number


def wrap(first, rest, words):
    """Lines of at most LIMIT columns, if the words allow it, that begin no block of their own."""
    lines, line = [], first
    empty = True
    for word in words:
        fits = len(line) + (0 if empty else 1) + len(word) <= LIMIT
        if not empty and not fits and not BLOCK_WORD.match(word):
            lines.append(line)
            line, empty = rest, True
        line += word if empty else " " + word
        empty = False
    return lines + [line]


def fix_markdown(text):
    """The text with the paragraphs and list items wrapped that have a long line."""
    lines = text.split("\n")
    prose = {number - 1 for number, _ in prose_of_markdown(text)}
    out, at = [], 0
    while at < len(lines):
        if at not in prose or not lines[at].strip() or lines[at].lstrip().startswith(("<", ">")):
            out.append(lines[at])
            at += 1
            continue
        end = at + 1
        while end in prose and lines[end].strip() and not LIST_ITEM.match(lines[end].lstrip()):
            end += 1
        block = lines[at:end]
        hard_break = any(line.endswith(("  ", "\\")) for line in block[:-1])
        if not any(is_long(line) for line in block) or hard_break:
            out += block
        else:
            indent = block[0][: len(block[0]) - len(block[0].lstrip())]
            marker = LIST_ITEM.match(block[0].lstrip())
            first = indent + (marker[0] if marker else "")
            hanging = len(marker[1]) + 1 if marker else 0
            rest = block[1][: len(block[1]) - len(block[1].lstrip())] if len(block) > 1 else ""
            rest = rest or (indent + " " * hanging)
            words = " ".join([block[0][len(first) :]] + block[1:]).split()
            out += wrap(first, rest, words)
        at = end
    return "\n".join(out)


def fix_paragraph_of_c(lines, closed):
    """Wraps lines of a comment, each with its " * "; `closed`: the last one ends in " */"."""
    start = re.match(r"(\s*)(/\* | \* )", lines[0])
    rest = start[1] + " * "
    if start[2] == " * ":
        rest = start[0]
    words = []
    for line in lines:
        text = re.sub(r"^\s*(/\* |\* )", "", line)
        # two blanks stay after the end of a sentence, also where a line ended
        found = re.findall(r"\S+(?:  (?=\S))?", text)
        if found and re.search(r"[a-z0-9)\]\"'`][.?!]$", found[-1]):
            found[-1] += "  "
        words += found
    out, line = [], start[0]
    for at, word in enumerate(words):
        bare = word.rstrip()
        tail = 3 if closed and at == len(words) - 2 and words[-1] == "*/" else 0
        if line.strip() not in ("*", "/*") and len(line) + len(bare) + tail > LIMIT:
            out.append(line.rstrip())
            line = rest
        line += word if word.endswith("  ") else word + " "
    line = re.sub(r" +\*/$", " */", line.rstrip())
    return out + [line]


def fix_c(text):
    """The text with the paragraphs of comments wrapped that have a long line."""
    for match in reversed(list(C_TOKEN.finditer(text))):
        line_start = text.rfind("\n", 0, match.start()) + 1
        if not match[0].startswith("/*") or text[line_start : match.start()].strip():
            continue
        lines = text[line_start : match.end()].split("\n")
        out, block = [], []
        for at, line in enumerate(lines + [""]):
            # a line of a paragraph: its text begins one column after the star
            if at < len(lines) and re.match(r"\s*(/\* | \* )[^\s*]", line):
                block.append(line)
                continue
            if any(is_long(x) for x in block):
                block = fix_paragraph_of_c(block, at == len(lines))
            out += block + ([line] if at < len(lines) else [])
            block = []
        text = text[:line_start] + "\n".join(out) + text[match.end() :]
    return text


def main():
    if len(sys.argv) > 2 and sys.argv[1] == "--fix":
        for path in sys.argv[2:]:
            old = read_text(path)
            new = fix_markdown(old) if path.endswith(".md") else fix_c(old)
            if new != old:
                with open(path, "w", encoding="utf-8") as file:
                    file.write(new)
        return
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = list(long_lines(sys.argv[1]))
    for path, number in found:
        print(f"{path}:{number}: longer than {LIMIT} columns")
    if any(path.endswith((".md", ".c", ".h")) for path, _ in found):
        print("columns: hint: tests/style/columns.py --fix FILE")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
