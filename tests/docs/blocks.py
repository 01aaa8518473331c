#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""Extracts the commands of a document that a test runs.

    blocks.py DOCUMENT FOLDER [WORD]

A fenced block whose info string is `sh WORD` (without WORD: `sh run`) becomes a file in FOLDER, in
the order of the document; `sh run N` means that its exit status must be N.  A line
<!-- run: NAME --> asks the caller to change the scene between two blocks, for example to a new
host.  The steps are printed, one per line:

    block FILE LINE STATUS
    scene NAME LINE
"""

import os
import re
import sys

FENCE = re.compile(r"^(```+)(.*)$")
SCENE = re.compile(r"^<!-- run: ([a-z_]+) -->$")


def steps(text, word):
    """("block", line, status, commands) and ("scene", line, name) in the order of the text."""
    wanted = re.compile(rf"^sh {word}( (\d+))?$")
    fence, info, start, body = None, "", 0, []
    for number, line in enumerate(text.split("\n"), 1):
        match = FENCE.match(line)
        if fence is None and match:
            fence, info, start, body = match[1], match[2].strip(), number, []
        elif fence is not None and line == fence:
            run = wanted.match(info)
            if run:
                yield "block", start, int(run[2] or 0), "\n".join(body) + "\n"
            elif info.startswith(f"sh {word}"):
                raise SystemExit(f"line {start}: cannot read the info string `{info}`")
            fence = None
        elif fence is not None:
            body.append(line)
        else:
            scene = SCENE.match(line)
            if scene:
                yield "scene", number, scene[1]
            elif "<!-- run" in line:
                raise SystemExit(f"line {number}: cannot read {line}")
    if fence is not None:
        raise SystemExit(f"line {start}: the block has no end")


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    document, folder, word = (*sys.argv[1:], "run")[:3]
    with open(document, encoding="utf-8") as file:
        text = file.read()
    for step in steps(text, word):
        if step[0] == "scene":
            print("scene", step[2], step[1])
            continue
        path = os.path.join(folder, f"{step[1]:04}.sh")
        with open(path, "w", encoding="utf-8") as file:
            file.write(step[3])
        print("block", path, step[1], step[2])


if __name__ == "__main__":
    main()
