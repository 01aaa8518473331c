#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
#     header.sh INCLUDE_DIR
#
# The header alone compiles without a warning, as C99, C11 and C++11, with gcc, g++, and, where
# they are installed, clang and clang++.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo '#include <hangar/plugin.h>' > "$work/alone.c"
cat "$work/alone.c" - > "$work/used.cpp" <<'CPP'
static const hangar_plugin plugin = {};
HANGAR_PLUGIN(plugin)
int size(void);
int size(void) { return static_cast<int>(sizeof(hangar_host) + plugin.struct_size); }
CPP
cp "$work/alone.c" "$work/alone.cpp"
strict=(-Wall -Wextra -Wpedantic -Wshadow -Werror -fsyntax-only -I "$1")
for cc in gcc clang; do
    if [[ $cc == gcc ]] || command -v $cc > /dev/null; then
        $cc -std=c99 -pedantic-errors "${strict[@]}" "$work/alone.c"
        $cc -std=c11 -pedantic-errors "${strict[@]}" "$work/alone.c"
        echo "$cc: C99, C11"
    fi
done
for cxx in g++ clang++; do
    if [[ $cxx == g++ ]] || command -v $cxx > /dev/null; then
        $cxx -std=c++11 -pedantic-errors "${strict[@]}" "$work/alone.cpp"
        $cxx -std=c++11 -pedantic-errors "${strict[@]}" -Wno-missing-field-initializers \
            "$work/used.cpp"
        echo "$cxx: C++11"
    fi
done
