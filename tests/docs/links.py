#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""Checks the links between documents.

    links.py FOLDER     checks all .md files below FOLDER; exit status 1 when a link is broken

Checked are links to files of the repository, and to headings in them.
"""

import os
import re
import sys

SKIPPED = {".git", "build", "backups", ".cache"}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```$", re.M | re.S)


def documents(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIPPED)
        for name in sorted(names):
            if name.endswith(".md"):
                yield os.path.join(folder, name)


def read(path):
    with open(path, encoding="utf-8") as file:
        return CODE.sub("", file.read())


def anchors(path):
    """The names by which headings of a document can be linked to."""
    for heading in re.findall(r"^#+ +(.*?) *$", read(path), re.M):
        text = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        yield re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def problems(root):
    seen = 0
    for path in documents(root):
        for target in LINK.findall(read(path)):
            if re.match(r"[a-z]+:", target):
                continue
            seen += 1
            file, _, anchor = target.partition("#")
            other = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
            if not os.path.exists(other):
                yield f"{os.path.relpath(path, root)}: {target}: there is no such file"
            elif anchor and anchor not in anchors(other):
                yield f"{os.path.relpath(path, root)}: {target}: there is no such heading"
    if seen < 10:
        yield f"only {seen} links found below {root}"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = list(problems(sys.argv[1]))
    for problem in found:
        print(problem)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
