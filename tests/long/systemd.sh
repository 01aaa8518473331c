#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# The units under a real systemd.  systemd runs as the first process of its own namespaces;
# hangar is installed there and set up as docs/daemon.md describes.  The daemon starts, backs
# up, verifies, drills, reloads, hangs and stops.  The steps inside are in systemd_inside.sh.
# The root file system consists of this machine's /usr, read-only, and of tmpfs; nothing
# outside is changed.  The test needs root, and namespaces of the kernel.
#
#     systemd.sh [--summary FILE]       build in $HANGAR_BUILD
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
repository=$(readlink -f "$here/../..")
build=$(readlink -f "${HANGAR_BUILD:-$repository/build/release}")
summary=/dev/null
[[ ${1:-} != --summary ]] || summary=$2

# ---- inside the namespaces: makes the root file system and executes systemd ----

make_root()
{
    local root=$1 name
    mount -t tmpfs -o mode=755 none "$root"
    mkdir -p "$root"/{usr,etc,proc,sys,dev,run,tmp,var/tmp,var/log/journal,root,srv,test,repository}
    chmod 1777 "$root"/{tmp,var/tmp}
    for name in bin sbin lib lib32 lib64; do
        [[ ! -L /$name ]] || cp -a "/$name" "$root/"
    done
    mount --bind /usr "$root/usr"
    mount -o remount,ro,bind "$root/usr"
    mount -t tmpfs -o mode=755 none "$root/usr/local"
    DESTDIR=$root cmake --install "$build" --prefix /usr/local >/dev/null
    mount --bind "$repository" "$root/repository"
    mount -o remount,ro,bind "$root/repository"
    mount --bind "$work/shared" "$root/test"
    for name in passwd group shadow gshadow login.defs nsswitch.conf ld.so.conf ld.so.conf.d pam.d \
        localtime alternatives postgresql-common; do
        [[ ! -e /etc/$name ]] || cp -a "/etc/$name" "$root/etc/"
    done
    ldconfig -r "$root"
    tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
    echo "127.0.0.1 localhost" >"$root/etc/hosts"
    # a /proc of these processes; the settings of the kernel are read-only
    mount -t proc proc "$root/proc"
    mount --bind "$root/proc/sys" "$root/proc/sys"
    mount -o remount,ro,bind "$root/proc/sys"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t cgroup2 none "$root/sys/fs/cgroup"
    mount -t tmpfs -o mode=755 none "$root/run"
    mount -t tmpfs -o mode=755 none "$root/dev"
    for name in null zero full random urandom tty; do
        : >"$root/dev/$name"
        mount --bind "/dev/$name" "$root/dev/$name"
    done
    mkdir "$root"/dev/{pts,shm}
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    mount -t tmpfs -o mode=1777 none "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    mkdir -p "$root/etc/systemd/system"
    cat >"$root/etc/systemd/system/test.target" <<'UNIT'
[Unit]
Requires=basic.target
Wants=test.service
After=basic.target
UNIT
    cat >"$root/etc/systemd/system/test.service" <<'UNIT'
[Unit]
After=basic.target
[Service]
Type=oneshot
ExecStart=/bin/bash /repository/tests/long/systemd_inside.sh
ExecStopPost=/bin/sh -c 'echo "$EXIT_STATUS" >/test/status.new && mv /test/status.new /test/status'
StandardOutput=append:/test/out
StandardError=append:/test/out
TimeoutStartSec=10min
UNIT
}

if [[ ${HANGAR_TEST_INNER:-} ]]; then
    work=$HANGAR_TEST_INNER
    make_root "$work/root"
    cd "$work/root"
    mkdir old
    pivot_root . old
    # shellcheck disable=SC2016 # for the other shell
    exec env -i container=other PATH="$PATH" chroot . /bin/bash -c '
        umount -l /old && rmdir /old
        mount --make-rshared / # systemd mounts the credentials of units
        exec setpriv --bounding-set=-sys_time,-sys_module,-sys_rawio \
            /lib/systemd/systemd --unit=test.target --show-status=0 --log-target=journal'
fi

# ---- outside ----

work=$(mktemp -d "${TMPDIR:-/tmp}/hangar-systemd.XXXXXX")
mkdir "$work/root" "$work/shared"
init=
# a control group of its own, which is the root group for this systemd
group=$(findmnt -n -o TARGET -t cgroup2 | head -n 1)/${work##*/}
leave()
{
    local status=$? tries
    # killing the first process of a namespace kills all others in it
    [[ -z $init ]] || kill -KILL "$init" 2>/dev/null || true
    wait || true
    for ((tries = 0; tries < 50; tries++)); do # a killed process leaves its group a little later
        [[ ! -d $group ]] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || { sleep 0.1; continue; }
        break
    done
    rm -rf "$work"
    exit "$status"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mkdir "$group"
# shellcheck disable=SC2016 # for the other shell
HANGAR_TEST_INNER=$work HANGAR_BUILD=$build bash -c 'echo $$ >"$1/cgroup.procs"
    exec unshare --pid --fork --mount --propagation private --cgroup --uts --ipc --net --kill-child bash "$2"' \
    _ "$group" "$0" </dev/null >"$work/console" 2>&1 &
outer=$!
init=$outer
for ((tries = 0; tries < 100; tries++)); do
    init=$(pgrep -P "$outer" || true)
    [[ -z $init ]] || break
    sleep 0.1
done
end=$((SECONDS + 600))
until [[ -e $work/shared/status ]] || ! kill -0 "$outer" 2>/dev/null || ((SECONDS > end)); do
    sleep 0.5
done
cat "$work/shared/out" || true
status=$(cat "$work/shared/status" || echo none)
[[ $status == 0 ]] || { tail -n 30 "$work/console" >&2; echo "FAILED: status $status" >&2; }
printf 'the units under systemd\t%d\t%d\t%d\n' "$(grep -c '^-- ' "$work/shared/out")" 1 \
    "$([[ $status == 0 ]] && echo 0 || echo 1)" >>"$summary"
[[ $status == 0 ]]
