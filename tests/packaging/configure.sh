#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# What a developer installs and runs first: the sets of packages, ./test, and cmake on a machine
# without the library of the tests.
. "$(dirname "$0")/../e2e/lib.sh"
dependencies=$repository/packaging/dependencies

promise "the unit tests need no server and no tool of the other tests"
"$dependencies" list unit >unit
expect_in unit check
for package in postgresql-15 redis-server radosgw prometheus clang; do
    ! grep -qx "$package" unit || fail "the set unit has $package"
done
"$dependencies" list test >all
[[ -z $(comm -23 unit all) ]] || fail "the set test lacks $(comm -23 unit all)"

promise "./test prints how long it takes, and --quick runs the unit tests"
mkdir bin
printf '#!/bin/sh\necho "cmake $*"\n' >bin/cmake
printf '#!/bin/sh\necho "ctest $*"\n' >bin/ctest
printf '#!/bin/sh\nprintf installed\n' >bin/dpkg-query
chmod 755 bin/*
expect_exit 0 env PATH="$work/bin:$PATH" "$repository/test"
grep -qE '^test: all tests: about [0-9]+ minutes with [0-9]+ processors' out || fail "$(<out)"
expect_exit 0 env PATH="$work/bin:$PATH" "$repository/test" --quick
expect_in out "test: unit tests but the longest: about 1 minute"
expect_in out "-L ^unit\$"

promise "without the library of the tests cmake configures a build without tests"
cat >pkg-config <<'END'
#!/bin/sh
for word; do
    [ "$word" != check ] || exit 1
done
exec /usr/bin/pkg-config "$@"
END
chmod 755 pkg-config
expect_exit 0 cmake -S "$repository" -B build -DPKG_CONFIG_EXECUTABLE="$work/pkg-config"
expect_in out "tests are off: library check not found; hint:"
expect_exit 0 ctest --test-dir build -N
expect_in out "Total Tests: 0"
expect_exit 0 cmake -S "$repository" -B build # and again, from its cache

promise "BUILD_TESTING=ON without the library of the tests fails"
expect_exit 1 cmake -S "$repository" -B build -DBUILD_TESTING=ON
expect_in err check
