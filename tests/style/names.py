# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""Names of functions, macros and headers that a reader must be able to search for.

The name of a static function has at least two words and exists once in the tree.  No name of a
function ends with a vague word (VAGUE) in place of what it does.  A limit is X_MAX, or X_MAX_BYTES
and X_MAX_MS with a unit.  Two headers that one file can include have different names.
"""

import os
import re

from sources import component_of, line_of, without_comments_and_strings

FUNCTION = re.compile(
    r"^(static )?(?:inline )?(?!typedef\b|return\b)[A-Za-z][\w \*]*?\b(\w+)\([^;{}]*\)\n\{", re.M
)
# A macro or an enumerator.
LIMIT = re.compile(r"(?:^#define +|^enum \{ ?|^    |, )(?!EVP_|S3_)((?:\w+_)?MAX_\w+)\b", re.M)
LIMIT_WITH_UNIT = re.compile(r"\w+_MAX_(BYTES|MS)$")
# The last word of a function's name that is refused, and what to write instead.
VAGUE = {
    "gather": "add, read or collect",
    "look": "check, find or read",
    "say": "print, report or fail",
    "tell": "print or report",
    "wants": "accepts, selects or needs",
}
# Frozen, or an example of its own.
SKIPPED = ("tests/abi/", "examples/", "core/include/")


def check_functions(texts):
    owners = {}
    for path, text in texts.items():
        for match in FUNCTION.finditer(text):
            if not match[2].isupper():
                owners.setdefault(match[2], []).append((path, line_of(text, match.start()), match[1]))
    for name, places in sorted(owners.items()):
        for path, line, static in places:
            others = sorted(other for other, _, _ in places if other != path)
            if static and others:
                yield path, line, f"static {name} exists in {others[0]} as well: add a prefix"
            elif static and "_" not in name:
                yield path, line, f"static {name}: a name of one word; add the prefix of its file"


def check_last_words(texts):
    for path, text in texts.items():
        for match in FUNCTION.finditer(text):
            word = match[2].rpartition("_")[2]
            if word in VAGUE:
                yield path, line_of(text, match.start()), f"{match[2]}: not {word}, but {VAGUE[word]}"


def check_limits(texts):
    for path, text in texts.items():
        for match in LIMIT.finditer(text):
            if not LIMIT_WITH_UNIT.match(match[1]):
                good = re.sub(r"MAX_(\w+)", r"\1_MAX", match[1])
                yield path, line_of(text, match.start(1)), f"{match[1]}: a limit is {good}"


def check_headers(texts):
    """Headers of one component; those of plugins/lib belong to each plugin."""
    first = {}
    for path in sorted(texts):
        name, component = os.path.basename(path), component_of(path)
        if not name.endswith(".h") or not component:
            continue
        seen = [component] + (["plugins/lib"] if component.startswith("plugins/") else [])
        for where in seen:
            other = first.get((where, name))
            if other and other != path:
                yield path, 1, f"{other} has the same name, and one file can include both"
        first.setdefault((component, name), path)


def check_all(files):
    """files: the texts of all C files by their paths."""
    texts = {
        path: without_comments_and_strings(text)
        for path, text in files.items()
        if not path.startswith(SKIPPED)
    }
    yield from check_functions(texts)
    yield from check_last_words(texts)
    yield from check_limits(texts)
    yield from check_headers(texts)
