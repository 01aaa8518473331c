#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# faults: lets each system call of a command fail in turn, or kills hangar at it, and checks
# the promises with checker.py after each run.  The calls are those of shim.c.  For each kind
# of call and error, n is 1, 2, 3 ... until a run has no n-th call.
#
#     faults.py [--seconds N] [--seed N] [--only CALL[:N[:HOW]]] [--summary FILE] SCENARIO...
#
# It tries all of them, or, with --seconds, a sample that the seed chooses.  The build is in
# HANGAR_BUILD.  Broken promises are printed; the exit status is 0 when there are none.
import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from checker import Broken, World, same_files  # noqa: E402

CONFIG = """version: 1
limits: {{ memory: 32MiB, workers: 2 }}
sources:
  data: {{ plugin: fault-files, options: {{ path: {source} }} }}
transforms:
  gzip: {{ plugin: compress-gzip }}
sinks:
  local:
    plugin: storage-local
    options: {{ path: ./backups }}
    retention: {{ {retention} }}
pipelines:
  nightly: {{ sources: [data], transforms: [gzip], sinks: [local] }}
"""
ALL = "keep_last: 100"

ERRORS = {
    "open": ["EIO", "EMFILE", "EINTR"], "read": ["EIO", "EINTR", "SHORT"],
    "write": ["EIO", "ENOSPC", "EINTR", "SHORT"], "fsync": ["EIO", "ENOSPC"], "close": ["EIO"],
    "rename": ["EIO", "ENOSPC"], "link": ["EIO"], "unlink": ["EIO", "EACCES"],
    "mkdir": ["ENOSPC", "EIO"], "fallocate": ["ENOSPC"], "statvfs": ["EIO"],
    "stat": ["EIO", "ESTALE"], "opendir": ["EIO"], "readdir": ["EIO"],
    "socket": ["EMFILE"], "connect": ["ECONNREFUSED"], "send": ["ECONNRESET", "SHORT"],
    "recv": ["ECONNRESET", "EINTR", "SHORT"], "poll": ["EINTR", "ENOMEM"],
    "thread": ["EAGAIN"], "malloc": ["ENOMEM"],
}
KILLS = ["KILL_BEFORE", "KILL_AFTER"]
VANISH = ["open", "write", "fsync", "close", "rename", "readdir"]  # the sink goes away before it
STOPS = ["open", "write", "fsync", "close", "rename", "link", "mkdir", "stat"]
AHEAD = [7200, -7200, 259200, -259200]  # seconds; the clock of the other host
MALLOC_STEP = 23  # of the many allocations every 23rd; the seed chooses the first


class Scenario:
    """A command that runs under a fault, and the promises that are checked afterwards."""

    stops = False  # instead of faults, the command is suspended while another host works

    def __init__(self, folder, build):
        self.source = os.path.join(folder, "source")
        self.target = os.path.join(folder, "target")
        os.mkdir(self.source)
        chooser = random.Random(1)
        for name, size in (("empty", 0), ("small.txt", 700), ("one.bin", 3000), ("two.bin", 90000)):
            with open(os.path.join(self.source, name), "wb") as file:
                file.write(chooser.randbytes(size // 2) + b"hangar\n" * (size // 14))
        self.world = World(folder, build, self.config())
        self.ids = [self.backup() for _ in range(self.count())]
        self.prepare()
        self.world.keep()

    def config(self, retention=ALL, source=None):
        return CONFIG.format(source=source or self.source, retention=retention)

    def count(self):
        return 2

    def backup(self):
        return self.world.must("backup").out.strip()

    def prepare(self):
        pass

    def begin(self):
        """Prepares a trial, after World.reset()."""

    def words(self):
        raise NotImplementedError

    def stopped(self, ahead):
        """The commands of another host, whose clock is ahead, while the command is suspended."""
        raise NotImplementedError

    def check(self, result):
        raise NotImplementedError


class Backup(Scenario):
    def words(self):
        return ["backup"]

    def check(self, result):
        self.world.after_backup(result, self.ids)
        self.world.next_run(self.ids)


class First(Backup):
    """The first run of a pipeline, which also makes folders and origin.json."""

    def prepare(self):
        shutil.rmtree(self.world.sink)
        shutil.rmtree(self.world.state)
        os.mkdir(self.world.sink)
        os.mkdir(self.world.state)
        self.ids = []


class Prune(Scenario):
    """Two of four backups are removed, without a grace."""

    def count(self):
        return 4

    def prepare(self):
        self.world.write(self.config("keep_last: 2, min_keep: 1, delete_grace: 0s"))

    def words(self):
        return ["prune", "--yes"]

    def check(self, result):
        keep = set(self.ids[2:])
        listed = self.world.all_whole(keep)
        if result.status == 0 and listed != keep:
            raise Broken(f"it ended with 0, and these are listed: {listed}")
        self.world.cleaned(listed)
        if self.world.all_whole(keep) != keep:
            raise Broken("the next prune did not finish")


class Remove(Scenario):
    def words(self):
        return ["remove", self.ids[0], "--yes"]

    def check(self, result):
        listed = self.world.all_whole(self.ids[1:])
        if result.status == 0 and self.ids[0] in listed:
            raise Broken("it ended with 0, and the backup is still listed")
        again = self.world.run("remove", self.ids[0], "--yes")
        if again.status != (0 if self.ids[0] in listed else again.status):
            raise Broken(f"the next remove ended with {again.status}\n{again.err}")
        if self.world.all_whole(self.ids[1:]) != set(self.ids[1:]):
            raise Broken("the next remove did not finish")
        self.world.next_run(self.ids[1:])


class Restore(Scenario):
    def prepare(self):
        self.world.write(self.config(source=self.target))

    def begin(self):
        shutil.rmtree(self.target, ignore_errors=True)
        os.mkdir(self.target)

    def words(self):
        return ["restore", "latest", "--yes"]

    def check(self, result):
        if result.status == 0 and not same_files(self.source, self.target):
            raise Broken("it ended with 0, and the target differs from the source")
        self.world.all_whole(self.ids)
        self.begin()
        self.world.must("restore", "latest", "--yes")
        if not same_files(self.source, self.target):
            raise Broken("after the next restore the target differs from the source")


class Verify(Scenario):
    """One of two backups is damaged; no fault may hide the damage."""

    def prepare(self):
        for at, _, names in os.walk(self.world.sink):
            for name in names:
                if self.ids[0] in at and name == "two.bin.gz":
                    with open(os.path.join(at, name), "r+b") as file:
                        file.seek(20000)
                        byte = file.read(1)[0]
                        file.seek(20000)
                        file.write(bytes([byte ^ 4]))

    def words(self):
        return ["verify", "--all", "--level", "full"]

    def check(self, result):
        if result.status == 0:
            raise Broken("damage was not found")
        self.world.must("verify", self.ids[1], "--level", "full")
        if self.world.run("verify", self.ids[0], "--level", "full").status != 4:
            raise Broken("the next verify did not find the damage")


class Export(Scenario):
    def begin(self):
        self.archive = os.path.join(self.world.folder, "one.tar.gz")
        for name in os.listdir(self.world.folder):
            if "tar.gz" in name:
                os.unlink(os.path.join(self.world.folder, name))

    def words(self):
        return ["export", self.ids[0], "-o", self.archive]

    def check(self, result):
        there = os.path.exists(self.archive)
        if result.status == 0 and not there:
            raise Broken("it ended with 0 without an archive")
        if there and subprocess.run(["tar", "-tzf", self.archive], capture_output=True).returncode:
            raise Broken("the archive is not whole")
        self.world.must("export", self.ids[0], "-o", self.archive, "--force")
        self.world.all_whole(self.ids)


class Import(Scenario):
    def prepare(self):
        self.archive = os.path.join(self.world.folder, "one.tar.gz")
        self.world.must("export", self.ids[0], "-o", self.archive)
        self.world.must("remove", self.ids[0], "--yes")

    def words(self):
        return ["import", self.archive]

    def check(self, result):
        listed = self.world.all_whole(self.ids[1:])
        if result.status == 0 and self.ids[0] not in listed:
            raise Broken("it ended with 0, and the backup is not listed")
        self.world.next_run(listed)
        if self.ids[0] not in listed:
            self.world.must("import", self.archive)
        self.world.all_whole(self.ids)


class Elsewhere(Scenario):
    """A run and another host, whose clock is hours or days ahead or behind, use one sink."""

    stops = True

    def config(self, retention="keep_days: 2, min_keep: 1, delete_grace: 0s", source=None):
        return super().config(retention, source) + "origin: here\n"

    def prepare(self):
        self.archive = os.path.join(self.world.folder, "one.tar.gz")
        self.world.must("export", self.ids[0], "-o", self.archive)

    def begin(self):
        self.theirs = set()
        shutil.rmtree(self.world.state + "-elsewhere", ignore_errors=True)

    def words(self):
        return ["backup"]

    def on_other_host(self, ahead, *words):
        return self.world.run(*words, env={
            "LD_PRELOAD": os.path.join(self.world.build, "lib", "fault", "hangar-fault-shim.so"),
            "FAULT_PROGRAM": "hangar", "FAULT_HOST": "elsewhere", "FAULT_CLOCK": str(ahead),
            "HANGAR_STATE_DIR": self.world.state + "-elsewhere"})

    def prune_elsewhere(self, ahead):
        result = self.on_other_host(ahead, "--json", "prune", "--yes")
        for sink in json.loads(result.out)["sinks"]:
            if sink["removed"] or any(one["action"] != "waiting" for one in sink["leftovers"]):
                raise Broken(f"a host {ahead} s ahead removed something: {result.out}")

    def stopped(self, ahead):
        self.prune_elsewhere(ahead)
        for words in (["import", self.archive], ["repair", self.ids[0]]):
            result = self.on_other_host(ahead, *words)
            if result.status != 0:
                raise Broken(f"{words[0]} of what is there ended with {result.status} on a host "
                             f"{ahead} s ahead\n{result.err}")
        result = self.on_other_host(ahead, "backup")
        self.theirs = set(result.out.split())
        if result.status == 0 and not self.theirs:
            raise Broken(f"a host {ahead} s ahead printed no id")
        self.prune_elsewhere(ahead)

    def check(self, result):
        if result.status != 0:
            raise Broken("another host disturbed the run")
        self.world.after_backup(result, set(self.ids) | self.theirs)
        for one in self.theirs:
            self.world.must("remove", one, "--yes")
        self.world.next_run(self.ids)


class ImportElsewhere(Elsewhere):
    """Two hosts import the same archive."""

    def prepare(self):
        super().prepare()
        self.world.must("remove", self.ids[0], "--yes")

    def words(self):
        return ["import", self.archive]

    def stopped(self, ahead):
        place = os.path.join(self.world.sink, "nightly", self.ids[0])
        self.claimed = os.path.exists(os.path.join(place, "run.json"))
        committed = os.path.exists(os.path.join(place, "manifest.json"))
        self.prune_elsewhere(ahead)
        for words in (["import", self.archive], ["repair", self.ids[0]]):
            result = self.on_other_host(ahead, *words)
            if self.claimed and not committed and result.status == 0:
                raise Broken(f"{words[0]} of a backup that is not there yet ended with 0 on a host "
                             f"{ahead} s ahead")
        self.prune_elsewhere(ahead)

    def check(self, result):
        if result.status != 0 and self.claimed:
            raise Broken("another host disturbed the import")
        self.world.all_whole(self.ids)
        self.world.next_run(self.ids)


SCENARIOS = {"backup": Backup, "first": First, "prune": Prune, "remove": Remove,
             "restore": Restore, "verify": Verify, "export": Export, "import": Import,
             "elsewhere": Elsewhere, "import-elsewhere": ImportElsewhere}


def read_log(path):
    """The fault that happened, or None, and the number of calls of each kind."""
    fault, counts = None, {}
    if os.path.exists(path):
        with open(path, errors="replace") as file:
            for line in file:
                words = line.split(None, 4)
                if words[0] == "fault":
                    fault = fault or line.strip()
                else:
                    counts[words[1]] = int(words[2])
    return fault, counts


class Trials:
    def __init__(self, name, build, seed):
        self.name, self.seed = name, seed
        self.folder = tempfile.mkdtemp(prefix="hangar-fault.")
        self.scenario = SCENARIOS[name](self.folder, build)
        self.build, self.log = build, os.path.join(self.folder, "fault.log")
        self.tried = self.kills = self.survived = 0
        self.broken = []

    def run(self, call=None, n=0, how=""):
        if os.path.exists(self.log):
            os.unlink(self.log)
        env = {"LD_PRELOAD": os.path.join(self.build, "lib", "fault", "hangar-fault-shim.so"),
               "FAULT_PROGRAM": "hangar", "FAULT_LOG": self.log}
        if call:
            env.update(FAULT_CALL=call, FAULT_NTH=str(n), FAULT_HOW=how)
        world = self.scenario.world
        env.update(FAULT_DISK=world.sink)
        world.reset()
        self.scenario.begin()
        ahead = AHEAD[n % len(AHEAD)]
        stopped = (lambda: self.scenario.stopped(ahead)) if how == "STOP" else None
        return world.run(*self.scenario.words(), env=env, stopped=stopped)

    def count(self):
        self.run()
        return read_log(self.log)[1]

    def one(self, call, n, how):
        """Runs one trial; False when there was no n-th call."""
        result = None
        try:
            result = self.run(call, n, how)
            fault, _ = read_log(self.log)
            if fault:
                self.tried += 1
                self.kills += result.status == -signal.SIGKILL
                self.survived += result.status == 0
                self.scenario.world.bring_back(result)
                self.scenario.check(result)
        except Broken as error:
            fault = read_log(self.log)[0] or f"{call} {n} {how}"
            self.tried += result is None
            details = f"\n    status {result.status}: {result.err.strip()}" if result else ""
            self.broken.append(f"{self.name}: {fault}: {error}{details}")
            print(f"BROKEN {self.broken[-1]}", flush=True)
        return bool(fault)

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def plan(counts, seed, stops):
    """All faults of a scenario, a list per kind of call and error."""
    chooser = random.Random(seed)
    if stops:
        for call in STOPS:
            yield [(call, n, "STOP") for n in range(1, counts.get(call, 0) + 6)]
        return
    for call, errors in ERRORS.items():
        calls = counts.get(call, 0)
        if not calls:
            continue
        for how in (errors + ([] if call == "malloc" else KILLS) +
                    (["VANISH"] if call in VANISH else [])):
            step = MALLOC_STEP if call == "malloc" else 1
            # six more than were counted, as the number of calls of threads varies
            yield [(call, n, how) for n in range(chooser.randint(1, step), calls + 6, step)]


def go(trials, seed, seconds, only):
    lists = list(plan(trials.count(), seed, trials.scenario.stops))
    if only:
        wanted = only.split(":")
        lists = [[t for t in one if [str(x) for x in t][:len(wanted)] == wanted] for one in lists]
    possible = sum(len(one) for one in lists)
    if not seconds:
        for one in lists:
            for trial in one:
                if not trials.one(*trial) and not only:
                    break  # no n-th call: all calls of this kind have failed once
        return possible
    # each kind of call and error gets the same number of trials
    chooser, until = random.Random(seed), time.monotonic() + seconds
    for one in lists:
        chooser.shuffle(one)
    while any(lists) and time.monotonic() < until:
        for one in chooser.sample(lists, len(lists)):
            if one and time.monotonic() < until:
                trials.one(*one.pop())
    return possible


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--only")
    parser.add_argument("--summary")
    parser.add_argument("scenario", nargs="+", choices=sorted(SCENARIOS))
    options = parser.parse_args()
    broken = 0
    print(f"seed {options.seed}", flush=True)
    for name in options.scenario:
        trials = Trials(name, os.environ["HANGAR_BUILD"], options.seed)
        try:
            possible = go(trials, options.seed, options.seconds, options.only)
        finally:
            trials.close()
        line = (f"{name}: {trials.tried} faults of {possible}, {trials.kills} of them kills, "
                f"{trials.survived} survived, {len(trials.broken)} broken promises "
                f"(seed {options.seed})")
        print(line, flush=True)
        if options.summary:
            with open(options.summary, "a") as file:
                file.write(f"faults {name}\t{trials.tried}\t{trials.kills}\t{len(trials.broken)}\n")
        if not trials.tried:
            print(f"BROKEN {name}: no fault happened")
            broken += 1
        broken += len(trials.broken)
    return 1 if broken else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
