#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""Files and functions that a document names exist.

    names.py FOLDER DOCUMENT...    exit status 1 when a name is not found below FOLDER

Checked are names in `code` outside of code blocks.  A path is found when a file or folder ends with
it: `pipeline/pull.c` is core/pipeline/pull.c.  An identifier, one with an underscore, is found when
a source file contains it as a word.
"""

import fnmatch
import os
import re
import sys

SKIPPED = {".git", "build", "backups", ".cache", "__pycache__", "found"}
SOURCES = (".c", ".h", ".in", ".py", ".sh", ".cmake", ".txt", ".yaml")
CODE_BLOCK = re.compile(r"^```.*?^```$", re.M | re.S)
CODE = re.compile(r"`([^`]+)`")
FOLDERS = r"core|cli|daemon|plugins|tests|docs|packaging|examples|bench|cmake"
PATH = re.compile(rf"(?:[\w*.-]+/)*[\w*-]+\.(?:[ch]|py|sh)|(?:{FOLDERS})/[\w*/.-]+")
IDENTIFIER = re.compile(r"(?:struct |enum )?([a-z]\w*_\w+|(?:HG|HANGAR)_\w+)(?:\(\))?")


def all_paths(root):
    """Files and folders below root, relative to it and with / in front."""
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f not in SKIPPED]
        for name in folders + names:
            yield "/" + os.path.relpath(os.path.join(folder, name), root)


def all_words(root, paths):
    """All words of the sources."""
    words = set()
    for path in paths:
        if path.endswith(SOURCES):
            with open(root + path, encoding="utf-8", errors="replace") as file:
                words.update(re.findall(r"\w+", file.read()))
    return words


def problems(root, documents):
    paths = list(all_paths(root))
    files = [path for path in paths if os.path.isfile(root + path)]
    words = all_words(root, files)
    seen = 0
    for document in documents:
        with open(document, encoding="utf-8") as file:
            text = CODE_BLOCK.sub("", file.read())
        for name in CODE.findall(text):
            identifier = IDENTIFIER.fullmatch(name)
            if PATH.fullmatch(name):
                seen += 1
                if not any(fnmatch.fnmatchcase(p, "*/" + name.rstrip("/")) for p in paths):
                    yield f"{document}: `{name}`: no such file or folder"
            elif identifier:
                seen += 1
                if identifier[1] not in words:
                    yield f"{document}: `{name}`: no source file contains this name"
    if seen < 10:
        yield f"only {seen} names found in {' '.join(documents)}"


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    found = list(problems(os.path.abspath(sys.argv[1]), sys.argv[2:]))
    for problem in found:
        print(problem)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
