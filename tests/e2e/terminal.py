#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""terminal.py PROGRAM ARGUMENT...: hangar at a terminal, as a person sees it.

The arguments are those of a restore that asks; the environment names the other files."""

import os
import sys

import pexpect

PROGRAM, RESTORE = sys.argv[1], sys.argv[2:]
CONFIG = ["-c", "backup.yaml"]


def start(arguments, **environment):
    return pexpect.spawn(
        PROGRAM,
        CONFIG + arguments,
        timeout=60,
        encoding="utf-8",
        dimensions=(24, 100),
        env={**os.environ, "TERM": "xterm", **environment},
    )


def end(child):
    """What the rest of the output is, and the exit status."""
    child.expect(pexpect.EOF)
    child.close()
    return child.before, child.exitstatus if child.signalstatus is None else -child.signalstatus


def promise(text, holds, *details):
    print("--", text)
    if not holds:
        sys.exit(f"FAILED: {text}: {details!r}")


child = start(RESTORE)
child.expect(r"restore 1 source into [^\n]*\bterminal_target\b[^\n]*\?")
child.sendline("n")
output, status = end(child)
promise("the question names the target, and no means no", status == 1, output, status)

child = start(RESTORE)
child.expect(r"\[y/N\]")
child.sendline("")
output, status = end(child)
promise("an empty answer means no", status == 1, output, status)

child = start(RESTORE)
child.expect(r"\[y/N\]")
child.sendintr()
output, status = end(child)
promise("Ctrl-C at the question: 130, nothing was changed", status == 130, output, status)

child = start(RESTORE)
child.expect(r"\[y/N\]")
child.sendline("y")
output, status = end(child)
promise("yes restores", status == 0, output, status)
promise("yes restores, and the end is reported", "restored" in output, output)

output, status = end(start(["backup"]))
promise("a backup at a terminal shows how far it is", status == 0 and "\r" in output, output)
output, status = end(start(["list"]))
promise("colours at a terminal", "\x1b[" in output, output)
output, status = end(start(["list"], NO_COLOR="1"))
promise("no colours with NO_COLOR", status == 0 and "\x1b[3" not in output, output)
