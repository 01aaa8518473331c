#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""The rules of the sources that a machine can check.

    rules.py FOLDER     prints each breach as FILE:LINE: TEXT; exit status 1 when there is one

Imports point down base <- config <- plugin <- pipeline <- catalog <- state <- session <- inventory
<- jobs and never up; the command
line and the daemon see hangar/hangar.h alone, plugins hangar/plugin.h alone; the core names no
plugin, and only core/plugin loads any.  Every file has its licence line, no // comments, and ends
before it is too long.
"""

import os
import re
import sys

LAYERS = ["base", "config", "plugin", "pipeline", "catalog", "state", "session", "inventory", "jobs"]
# state, session, inventory and jobs are still one layer.
TOP = LAYERS.index("state")
PUBLIC_PLUGIN = "hangar/plugin.h"
PUBLIC_API = "hangar/hangar.h"
LIBRARIES_OF_PLUGINS = re.compile(
    r"^(libpq|postgres|pg_|hiredis|zlib|libdeflate|isa-l|igzip|zstd|lz4|lzma|curl/)"
)
MAX_LINES = 800
SKIPPED_FOLDERS = {".git", "build", ".cache", "backups", "__pycache__"}
LICENCE = "SPDX-License-Identifier: Apache-2.0"
COPYRIGHT = "SPDX-FileCopyrightText: The hangar authors"

# Strings and character constants, comments, and all else, in one pass.
TOKEN = re.compile(
    r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""", re.S | re.X
)


def find_files(root):
    """All files below root, relative to it."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIPPED_FOLDERS)
        for name in sorted(names):
            yield os.path.relpath(os.path.join(folder, name), root)


def read_text(path):
    """The text of a file, or None when it is not text."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        return None if b"\0" in data else data.decode()
    except UnicodeDecodeError:
        return None


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def includes(text):
    """(line, name, is it quoted) of each #include that is not in a comment."""
    bare = TOKEN.sub(
        lambda m: re.sub(r"[^\n]", " ", m[0]) if m[0].startswith("/") else m[0], text
    )
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', bare, re.M):
        yield line_of(text, match.start()), match[2], match[1] == '"'


def check_include_of_core(layer, name):
    """Why core/LAYER may not include NAME, or None."""
    if name == PUBLIC_PLUGIN:
        return None
    if name == PUBLIC_API:
        return None if LAYERS.index(layer) >= TOP else f"{PUBLIC_API} is for core/state and above"
    if LIBRARIES_OF_PLUGINS.match(name):
        return f"only plugins use the library of <{name}>"
    if name == "dlfcn.h" and layer != "plugin":
        return "only core/plugin loads plugins"
    other = name.split("/")[0]
    if other in LAYERS and min(LAYERS.index(other), TOP) > min(LAYERS.index(layer), TOP):
        return f'upward include: core/{layer} must not know "{name}"'
    return None


def check_include_of_guest(name, allowed):
    """The same for code that sees one public header and the files of its own folder."""
    parts = name.split("/")
    if name != allowed and (parts[0] in LAYERS + ["hangar"] or ".." in parts):
        return f"{name} is beyond its border: of hangar, only <{allowed}> may be included"
    return None


def check_includes(root, path, text):
    parts = path.split("/")
    for line, name, quoted in includes(text):
        problem = None
        if path.startswith("core/include/"):
            if name.startswith("hangar/") or quoted:
                problem = "a public header includes no other header of hangar"
        elif parts[0] == "core" and len(parts) > 2 and parts[1] in LAYERS:
            problem = check_include_of_core(parts[1], name)
            if not problem and quoted and not os.path.exists(os.path.join(root, "core", name)):
                problem = f'"{name}" is not in core/: include as "folder/file.h"'
        elif parts[0] in ("cli", "daemon"):
            problem = check_include_of_guest(name, PUBLIC_API)
        elif parts[0] == "plugins":
            problem = check_include_of_guest(name, PUBLIC_PLUGIN)
        if problem:
            yield line, problem


def check_names(path, text, plugins):
    """Names that do not belong into the core."""
    if not path.startswith("core/"):
        return
    for plugin in plugins:
        word = rf"(?<![a-z0-9_-]){re.escape(plugin)}(?![a-z0-9_-])"
        for match in re.finditer(word, text, re.I):
            yield line_of(text, match.start()), f'the core names the plugin "{plugin}"'
    if not path.startswith("core/plugin/") and not path.startswith("core/include/"):
        for match in re.finditer(r"\bdl(m?open|v?sym|close|error)\b", text):
            yield line_of(text, match.start()), f"{match[0]}: only core/plugin loads plugins"


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
    lines = text.count("\n")
    if path.endswith((".c", ".h", ".py", ".sh")) and lines > MAX_LINES:
        yield MAX_LINES, f"{lines} lines: more than {MAX_LINES}; split it by idea"
    if path.endswith((".c", ".h")):
        yield from check_includes(root, path, text)
        yield from check_names(path, text, plugins)
        yield from check_comments(text)


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
