#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""Checks that the current header keeps the layout of a frozen one.

    layout.py CC FROZEN_DIR CURRENT_DIR

Each folder holds hangar/plugin.h.  A program that prints every enumerator, every macro with a
number, and the size and the offset of every member of every struct of the frozen header is compiled
with both headers.  Sizes may grow, as structs grow at their end; all other values must be equal.
"""

import os
import re
import subprocess
import sys
import tempfile


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def members(body):
    """The names of a struct's members, function pointers included, in their order."""
    names = []
    for declaration in re.sub(r"\bHANGAR_PRINTF\([^)]*\)", "", body).split(";"):
        pointer = re.search(r"\(\s*\*\s*(\w+)\s*\)\s*\(", declaration)
        if pointer:
            names.append(pointer[1])
            continue
        for part in declaration.split(","):
            name = re.search(r"(\w+)\s*(\[[^\]]*\])?\s*$", part)
            if name:
                names.append(name[1])
    return names


def program(header):
    """The source of a program that prints the layout of what a header defines."""
    text = without_comments(header)
    lines = []
    for struct in re.finditer(r"\bstruct\s+(\w+)\s*\{(.*?)\n\}\s*;", text, re.S):
        lines.append(f'    printf("size {struct[1]} %zu\\n", sizeof(struct {struct[1]}));')
        for name in members(struct[2]):
            place = f"offsetof(struct {struct[1]}, {name})"
            size = f"sizeof(((struct {struct[1]} *)0)->{name})"
            lines.append(f'    printf("{struct[1]}.{name} %zu %zu\\n", {place}, {size});')
    for enum in re.finditer(r"\benum\s+(\w+)\s*\{(.*?)\}\s*;", text, re.S):
        for item in enum[2].split(","):
            name = item.split("=")[0].strip()
            if name:
                lines.append(f'    printf("{name} %d\\n", (int){name});')
    for macro in re.finditer(r"^#define[ \t]+(HANGAR_\w+)[ \t\\\n]+(\d+)u?[ \t]*$", text, re.M):
        if macro[1] != "HANGAR_ABI_MINOR":
            lines.append(f'    printf("{macro[1]} %lu\\n", (unsigned long){macro[1]});')
    return "\n".join(
        ["#include <stdio.h>", "#include <hangar/plugin.h>", "int main(void)", "{", *lines, "}\n"]
    )


def layout(compiler, folder, source):
    with tempfile.TemporaryDirectory() as work:
        file, binary = os.path.join(work, "layout.c"), os.path.join(work, "layout")
        with open(file, "w", encoding="utf-8") as out:
            out.write(source)
        subprocess.run([compiler, "-I", folder, "-o", binary, file], check=True)
        output = subprocess.run([binary], check=True, capture_output=True, text=True).stdout
    facts = {}
    for line in output.splitlines():
        words = line.split()
        facts[" ".join(words[:2]) if words[0] == "size" else words[0]] = line
    return facts


def main(arguments):
    compiler, frozen, current = arguments
    with open(os.path.join(frozen, "hangar/plugin.h"), encoding="utf-8") as file:
        source = program(file.read())
    before, now = layout(compiler, frozen, source), layout(compiler, current, source)
    if len(before) < 150:
        sys.exit(f"only {len(before)} facts of the header were found (at least 150 expected): fix the parser in layout.py")
    wrong = []
    for key, line in before.items():
        if key.startswith("size "):
            if int(now[key].split()[2]) < int(line.split()[2]):
                wrong.append(f"shrank: {line}, now {now[key]}")
        elif now[key] != line:
            wrong.append(f"moved: {line}, now {now[key]}")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(before)} sizes, offsets and numbers are unchanged")


if __name__ == "__main__":
    main(sys.argv[1:])
