# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""The files of the sources and their text, for the checks of this folder."""

import os
import re

SKIPPED_FOLDERS = {".git", "build", ".cache", "backups", "__pycache__"}

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


def blank(text):
    """As many blanks, in the same lines."""
    return re.sub(r"[^\n]", " ", text)


def without_comments(text):
    return TOKEN.sub(lambda m: blank(m[0]) if m[0].startswith("/") else m[0], text)


def without_comments_and_strings(text):
    return TOKEN.sub(lambda m: blank(m[0]), text)


def component_of(path):
    """What a file belongs to: the core, one plugin, the command line, the daemon; or None."""
    parts = path.split("/")
    if parts[0] == "plugins" and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0] if parts[0] in ("core", "cli", "daemon") and len(parts) > 1 else None
