#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""peak.py FILE COMMAND...: runs it, and writes the peak of its resident memory in KiB to FILE.

The kernel's figure covers the process itself and the largest of the client tools it waited for, so
it is never too small."""

import os
import sys

pid = os.spawnv(os.P_NOWAIT, sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(pid, 0)
with open(sys.argv[1], "w", encoding="ascii") as file:
    file.write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status) & 255)
