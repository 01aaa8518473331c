#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# The manual page knows every command and every option that the program's help knows.
. "$(dirname "$0")/lib.sh"

tr -d '*_\\' <"$repository/docs/man/hangar.1.scd" >page

expect_exit 0 "$hangar_program" help
mapfile -t commands < <(awk '/^commands/ { on = 1; next } /^$/ { on = 0 } on' out |
    sed -nE 's/^  ([a-z]+( (list|show))?) .*/\1/p')
[[ ${#commands[@]} -ge 10 ]] || { show_output; fail "only ${#commands[@]} commands in the help"; }

for command in "${commands[@]}"; do
    promise "$command"
    expect_in page "$command"
    # shellcheck disable=SC2086 # one or two words
    expect_exit 0 "$hangar_program" help $command
    mapfile -t options < <(grep -oE -- '--[a-z][a-z-]*' out | sort -u)
    [[ ${#options[@]} -ge 5 ]] || { show_output; fail "no options in the help of $command"; }
    for option in "${options[@]}"; do
        expect_in page "$option"
    done
done
