#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""The rules of the sources that a machine can check.

    rules.py FOLDER     prints each breach as FILE:LINE: TEXT; exit status 1 when there is one

layers.py checks which file may include and call which, names.py the names of functions, limits and
headers.  Statements of SQL go through one function, by the protocol that accepts one statement at a
time.  Every file has its licence line, no // comments, and ends before it is too long; so do
functions and their lists of parameters.  A C file opens with its name and what it does, a header
has the guard of its path.  A folder of a plugin has few files.
"""

import os
import re
import sys

sys.dont_write_bytecode = True
import names  # noqa: E402
from layers import check_graphs, check_includes, check_names  # noqa: E402
from sources import (  # noqa: E402
    TOKEN,
    blank,
    find_files,
    line_of,
    read_text,
    without_comments_and_strings,
)

MAX_LINES = 600
# Prose first, and read as one text: the public header for plugins, and its frozen copies.
LONG_FILE = re.compile(r"^(core/include|tests/abi/[0-9.]+)/hangar/plugin\.h$")
MAX_FUNCTION_LINES = 60
MAX_PARAMETERS = 6
# Functions with more: most have the parameters of encode_block of the public header for plugins, or
# of a callback of libmicrohttpd, libs3 or libpq.
MORE_PARAMETERS = {
    "gzip_encode_block",
    "toy_frame_block",
    "encode_block",
    "http_handle",
    "libs3_list_on_names",
    "PQsendQueryParams",
    "pg_child_start",  # a program, its name, arguments, environment and output
}
MAX_FILES_OF_PLUGIN = 24  # in one folder; a larger one has subfolders named by their content
# What the guard of a header begins with.
GUARD_PREFIXES = {
    "core/include/hangar": "HANGAR",
    "core": "HG",
    "cli": "CLI",
    "daemon": "DAEMON",
    "plugins": "",
    "plugins/lib": "PLUGIN",
    "plugins/postgres": "PG",
    "plugins/redis": "RD",
    "plugins/storage-s3": "S3",
    "tests": "TEST",
}
FROZEN_HEADER = re.compile(r"^tests/abi/[0-9.]+/")
LICENCE = "SPDX-License-Identifier: Apache-2.0"
COPYRIGHT = "SPDX-FileCopyrightText: The hangar authors"


def check_comments(text):
    for match in TOKEN.finditer(text):
        if match[0].startswith("//"):
            yield line_of(text, match.start()), "a // comment; write /* */"


def needs_licence(path, text):
    name = os.path.basename(path)
    return (
        name.endswith((".c", ".h", ".py", ".sh", ".cmake", ".in", ".sql", ".scd"))
        or name == "CMakeLists.txt"
        or text.startswith("#!")
    )


# The functions of libpq that run statements; and those of the simple protocol, which accepts
# several in one text.
RUNS_SQL = re.compile(r"\bPQ(exec\w*|prepare|describe\w+|fn|send(Query|Prepare|Describe)\w*)\s*\(")
SENDS_SQL = "plugins/postgres/server/connection/connection.c"


def check_statements(path, text):
    if not path.startswith(("core/", "cli/", "daemon/", "plugins/")):
        return
    for number, line in enumerate(without_comments_and_strings(text).split("\n"), 1):
        match = RUNS_SQL.search(line)
        if match and (path != SENDS_SQL or match[0].rstrip("( ") != "PQsendQueryParams"):
            yield number, f"{match[0].rstrip('( ')}: only pg_send sends statements, one at a time"


# Written by hand, in one statement.
NO_MEMORY = re.compile(r"hg_fail\([^;]*\bHANGAR_NO_MEMORY\b[^;]*out of memory")
INTERRUPTED = re.compile(r'hg_fail\([^;]*\bHANGAR_CANCELLED\b[^;]*"interrupted"')
READS_RANDOM = {"core/base/random.c", "plugins/lib/random.c"}


def check_helpers(path, text):
    """What the core and the plugins report and read through one function each."""
    if path.startswith(("core/", "plugins/")) and path not in READS_RANDOM:
        for match in re.finditer(r"\bgetrandom\(", without_comments_and_strings(text)):
            yield line_of(text, match.start()), "getrandom: (hg_)random_fill waits and continues"
    if path.startswith("core/") and path != "core/base/error.c":
        for match in NO_MEMORY.finditer(text):
            yield line_of(text, match.start()), "hg_no_memory and hg_no_memory_for have this text"
        for match in INTERRUPTED.finditer(text):
            yield line_of(text, match.start()), "hg_interrupted and hg_job_check have this text"
    if not path.startswith("plugins/"):
        return
    for match in TOKEN.finditer(text):
        if match[0].startswith('"') and re.search(r"out of memory|allocate memory", match[0]):
            if path != "plugins/lib/failure.h":
                yield line_of(text, match.start()), "failure_no_memory has the text of this failure"


# Functions that return an order, written as if they returned true or false.
NEGATED_COMPARISON = re.compile(r"!(memcmp|strn?cmp|strn?casecmp)\(")


def check_comparisons(text):
    bare = without_comments_and_strings(text)
    for match in NEGATED_COMPARISON.finditer(bare):
        yield line_of(text, match.start()), f"!{match[1]}(...): write {match[1]}(...) == 0"


# HANGAR_PRINTF(1, 2) before the name of a function.
ATTRIBUTE = re.compile(r"\b[A-Z_]+\([^()]*\)(?=\s*\w)")


def count_parameters(text):
    """Of the text between the parentheses of a function's head."""
    depth, count = 0, 1
    for character in text:
        depth += (character == "(") - (character == ")")
        count += character == "," and depth == 0
    return count


def check_functions(text):
    bare = without_comments_and_strings(text)
    for match in re.finditer(r"^\{$", bare, re.M):
        # the lines above the brace, up to the end of what stands before
        start = max(bare.rfind(end, 0, match.start()) for end in ("\n\n", "}\n", ";\n")) + 2
        start += len(bare[start:]) - len(bare[start:].lstrip())
        above = ATTRIBUTE.sub(lambda m: blank(m[0]), bare[start : match.start()])
        head = re.search(r"\b(\w+)\(([^{};]*)\)\s*\Z", above)
        end = bare.find("\n}", match.start())
        if not head or end < 0:
            continue
        first = line_of(bare, start + head.start())
        lines = line_of(bare, end + 1) - line_of(bare, start) + 1
        name, parameters = head[1], count_parameters(head[2])
        if name == "START_TEST":
            name = head[2]
        if lines > MAX_FUNCTION_LINES:
            yield first, f"{name} has {lines} lines: more than {MAX_FUNCTION_LINES}"
        if parameters > MAX_PARAMETERS and name not in MORE_PARAMETERS:
            yield first, f"{name} has {parameters} parameters: more than {MAX_PARAMETERS}"


def guard_of(path):
    """The macro that guards a header: its path, with the prefix of its component."""
    folder = max((f for f in GUARD_PREFIXES if path.startswith(f + "/")), key=len)
    below = f"{GUARD_PREFIXES[folder]}/{path[len(folder) + 1 :]}".strip("/")
    return re.sub(r"\W", "_", below).upper()


def check_head(path, text):
    """A C file opens with its name and what it does; a header has the guard of its path."""
    if not path.startswith(tuple(f + "/" for f in GUARD_PREFIXES)) or FROZEN_HEADER.match(path):
        return
    stem = os.path.splitext(os.path.basename(path))[0]
    head = re.match(r"/\*.*\n.*\n \*\n \* ([\w/.-]+)(?:, [\w-]+)*: \S", text)
    name = head[1].replace("-", "_") if head else ""
    public = path.startswith("core/include/") and f"core/include/{name}" == path
    part = path.startswith("tests/") and name and f"_{stem}".endswith(f"_{name}")
    if name != stem.replace("-", "_") and not public and not part:
        yield 4, f'the first comment does not begin with "{stem}: "'
    guard = guard_of(path)
    begins = f" */\n#ifndef {guard}\n#define {guard}\n"
    if path.endswith(".h") and (begins not in text or not text.endswith("\n#endif\n")):
        yield 1, f"its guard is not {guard}, behind the first comment"


def check_file(root, path, plugins):
    text = read_text(os.path.join(root, path))
    if text is None:
        return
    if needs_licence(path, text):
        head = "\n".join(text.split("\n")[:4])
        if LICENCE not in head:
            yield 1, f"its first lines lack '{LICENCE}'"
        elif path.endswith((".c", ".h")) and COPYRIGHT not in head:
            yield 1, f"its first lines lack '{COPYRIGHT}'"
        elif path.endswith((".c", ".h")):
            yield from check_head(path, text)
    lines = text.count("\n")
    if path.endswith((".c", ".h", ".py", ".sh")) and lines > MAX_LINES and not LONG_FILE.match(path):
        yield MAX_LINES, f"{lines} lines: more than {MAX_LINES}; split it by idea"
    if path.endswith((".c", ".h")):
        yield from check_includes(root, path, text)
        yield from check_names(path, text, plugins)
        yield from check_comments(text)
        yield from check_statements(path, text)
        yield from check_helpers(path, text)
        yield from check_comparisons(text)
        yield from check_functions(text)


def check_folders_of_plugins(root):
    """Folders of plugins with too many files for a reader to see what is where."""
    names = {}
    for path in find_files(root):
        if path.startswith("plugins/") and path.endswith((".c", ".h")):
            names.setdefault(os.path.dirname(path), []).append(path)
    for folder, paths in sorted(names.items()):
        if len(paths) > MAX_FILES_OF_PLUGIN:
            text = f"{len(paths)} C files in {folder}: more than {MAX_FILES_OF_PLUGIN}"
            yield paths[MAX_FILES_OF_PLUGIN], 1, f"{text}; make subfolders"


def texts_of_c(root):
    texts = {p: read_text(os.path.join(root, p)) for p in find_files(root) if p.endswith((".c", ".h"))}
    return {path: text for path, text in texts.items() if text is not None}


def check_tree(root):
    """All breaches below root as (path, line, text)."""
    folder = os.path.join(root, "plugins")
    plugins = sorted(
        name
        for name in (os.listdir(folder) if os.path.isdir(folder) else [])
        if name != "lib" and os.path.isdir(os.path.join(folder, name))
    )
    for path in find_files(root):
        for line, text in sorted(check_file(root, path, plugins)):
            yield path, line, text
    yield from sorted(names.check_all(texts_of_c(root)))
    yield from check_folders_of_plugins(root)
    yield from sorted(check_graphs(root))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = sys.argv[1]
    checked = sum(1 for path in find_files(root) if path.endswith((".c", ".h")))
    if checked == 0:
        sys.exit(f"rules: no C files below {root}")
    breaches = list(check_tree(root))
    for path, line, text in breaches:
        print(f"{path}:{line}: {text}")
    print(f"rules: {checked} C files, {len(breaches)} breaches")
    sys.exit(1 if breaches else 0)


if __name__ == "__main__":
    main()
