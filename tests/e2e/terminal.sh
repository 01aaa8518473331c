#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# hangar at a terminal: questions, Ctrl-C, progress, colours.
. "$(dirname "$0")/lib.sh"

start_pg
start_redis 1
fill_redis "${redis_ports[1]}"
write_config
make_backup

# the Python of the system, for which Debian has a package of pexpect
env -u NO_COLOR /usr/bin/python3 "$e2e/terminal.py" "$hangar_program" \
    restore latest --only app_db --set app_db.database=terminal_target || fail "at a terminal"
same_database shop terminal_target
