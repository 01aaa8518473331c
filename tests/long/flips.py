#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# flips: flips each bit of each file of a small backup in turn, and truncates each file to
# each length.  `verify --level full` must find each damage.  For every 50th damage a restore
# is tried, too; it must refuse and leave its target empty.
#
#     flips.py [--seconds N] [--seed N] [--summary FILE]
#
# It tries all damages, or, with --seconds, a sample that the seed chooses.  run.json and
# files outside the backup's folder are not damaged.
import argparse
import os
import random
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fault"))
from checker import Broken, World  # noqa: E402
from faults import ALL, CONFIG  # noqa: E402

RESTORE_EACH = 50


def damages(folder):
    for at, _, names in os.walk(folder):
        for name in sorted(names):
            if name == "run.json":
                continue
            path = os.path.join(at, name)
            size = os.path.getsize(path)
            for bit in range(size * 8):
                yield path, "bit", bit
            for length in range(size):
                yield path, "cut", length


def damage(whole, kind, where):
    if kind == "cut":
        return whole[:where]
    changed = bytearray(whole)
    changed[where // 8] ^= 1 << where % 8
    return bytes(changed)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--summary")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="hangar-flips.")
    tried = restores = 0
    missed = []
    try:
        source, target = os.path.join(folder, "source"), os.path.join(folder, "target")
        os.mkdir(source)
        os.mkdir(target)
        with open(os.path.join(source, "a"), "wb") as file:
            file.write(b"hello, hangar\n" * 3 + random.Random(1).randbytes(40))
        world = World(folder, os.environ["HANGAR_BUILD"],
                      CONFIG.format(source=source, retention=ALL))
        backup = world.must("backup").out.strip()
        world.write(CONFIG.format(source=target, retention=ALL))
        todo = list(damages(os.path.join(world.sink, "nightly", backup)))
        possible = len(todo)
        if options.seconds:
            random.Random(options.seed).shuffle(todo)
        until = time.monotonic() + options.seconds
        for path, kind, where in todo:
            if options.seconds and time.monotonic() > until:
                break
            with open(path, "rb") as file:
                whole = file.read()
            with open(path, "wb") as file:
                file.write(damage(whole, kind, where))
            tried += 1
            what = f"{os.path.relpath(path, world.sink)} {kind} {where}"
            if world.run("verify", backup, "--level", "full").status == 0:
                missed.append(what)
                print(f"BROKEN not found by verify: {what}", flush=True)
            # RESTORE.txt and SHA256SUMS are for people: a restore does not need them
            data = not path.endswith(("RESTORE.txt", "SHA256SUMS"))
            if data and tried % RESTORE_EACH == 0:
                restores += 1
                if world.run("restore", backup, "--yes").status == 0 or os.listdir(target):
                    missed.append(what)
                    print(f"BROKEN not refused by restore: {what}", flush=True)
                    for name in os.listdir(target):
                        os.unlink(os.path.join(target, name))
            with open(path, "wb") as file:
                file.write(whole)
        world.must("verify", backup, "--level", "full")
        world.must("restore", backup, "--yes")
    except Broken as error:
        missed.append(str(error))
        print(f"BROKEN {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"flips: {tried} of {possible} damages, {restores} of them also restored from, "
          f"{len(missed)} missed (seed {options.seed})")
    if options.summary:
        with open(options.summary, "a") as file:
            file.write(f"bit flips and cuts, of {possible}\t{tried}\t0\t{len(missed)}\n")
    return 1 if missed or not tried else 0


if __name__ == "__main__":
    sys.exit(main())
