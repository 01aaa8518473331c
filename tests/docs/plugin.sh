#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# Builds the plugin of docs/writing-plugins.md, examples/plugin-files, against an installed hangar,
# without access to the tree, and uses it.
. "$(dirname "$0")/../e2e/lib.sh"
unset HANGAR_PLUGIN_DIR

promise "it builds without a warning against an installed hangar"
DESTDIR=$work/stage cmake --install "$HANGAR_BUILD" >log 2>&1 || { cat log >&2; exit 1; }
stage=$work/stage$(sed -n 's/^CMAKE_INSTALL_PREFIX:PATH=//p' "$HANGAR_BUILD/CMakeCache.txt")
PKG_CONFIG_LIBDIR=$(dirname "$(find "$stage" -name hangar-plugin.pc)")
export PKG_CONFIG_LIBDIR
cp -r "$repository/examples/plugin-files" guest
{
    cmake -S guest -B guest-build -DCMAKE_C_FLAGS=-Werror && cmake --build guest-build
} >log 2>&1 || { cat log >&2; exit 1; }
chmod 755 guest-build

hangar_program=$stage/bin/hangar
installed=$(dirname "$(find "$stage" -name hangar-storage-local.so)")
cat >backup.yaml <<END
version: 1
plugin_path: [$work/guest-build, $installed]
sources: { config: { plugin: files, options: { files: ["$work/etc/*.conf", "$work/etc/sub/two"] } } }
transforms: { gzip: { plugin: compress-gzip } }
sinks: { local: { plugin: storage-local, options: { path: ./backups } } }
pipelines: { files: { sources: [config], transforms: [gzip], sinks: [local] } }
END

promise "a missing file is reported, and no backup is made"
mkdir -p etc/sub
expect_exit 1 hangar check
expect_output "cannot find $work/etc/*.conf: no such file"
expect_exit 1 hangar backup

promise "files are backed up and restored with their modes"
head -c 3000000 /dev/urandom >etc/one.conf
: >etc/empty.conf
printf 'two\n' >etc/sub/two
chmod 640 etc/one.conf
expect_exit 0 hangar check
expect_output "files  3"
make_backup
expect_exit 0 hangar verify "$id" --level full
expect_exit 0 hangar restore "$id" --set config.into="$work/new" --yes
same "the folders" <(cd etc && find . -type f -printf '%P %m %s\n' | sort) \
    <(cd "new$work/etc" && find . -type f -printf '%P %m %s\n' | sort)
diff -r etc "new$work/etc" || fail "the files differ"

promise "a restore never overwrites, and needs a target folder"
expect_exit 1 hangar restore "$id" --set config.into="$work/new" --yes
expect_output "it already exists"
expect_exit 2 hangar restore "$id" --yes
expect_output "option into: is needed to restore"

promise "a failed restore leaves no file"
mkdir -p "half$work/etc/sub/two.part"
expect_exit 1 hangar restore "$id" --set config.into="$work/half" --yes
[[ -z $(find half -type f) ]] || fail "files are left: $(find half -type f)"

promise "an invalid option is reported with its line"
sed -i 's/files: \[/files: ["relative", /' backup.yaml
expect_exit 2 hangar check
expect_output 'backup.yaml:3:'
expect_output '"relative" is not an absolute path'
