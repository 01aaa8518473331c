#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""peak.py FILE MIB COMMAND...: runs it with at most MIB of memory, and writes the peak of its
resident memory in KiB to FILE.

The kernel enforces it: RLIMIT_DATA counts what a process may write to, its heap, its own mappings
and the stacks of its threads, whether touched or not; what goes beyond is refused, and ends the
run as any lack of memory does.  A stack is given 1 MiB here, as all of it counts, and 8 would be
the rule.  The limit holds for each client tool apart.

The peak covers the process itself and the largest of the client tools it waited for, so it is
never too small; code and libraries are in it, which the limit does not count."""

import os
import resource
import sys

limit = int(sys.argv[2]) << 20
pid = os.fork()
if pid == 0:
    try:
        resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, 1 << 20))
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        os.execv(sys.argv[3], sys.argv[3:])
    finally:
        os._exit(127)
_, status, usage = os.wait4(pid, 0)
with open(sys.argv[1], "w", encoding="ascii") as file:
    file.write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status) & 255)
