#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""The daemon with many schedules under random faults.

    soak.py [--pipelines N] [--seconds N] [--seed N] [--summary FILE]

Pipelines of test sources, some of which crash, fail or hang, are backed up and verified each
minute of a clock that runs 60 times as fast.  Meanwhile jobs and the daemon are killed, stopped and
suspended, and the daemon reloads valid and invalid configurations.  These promises must hold:
- no pipeline ever has two jobs at once;
- every pipeline that can be backed up has a backup, also after the last restart;
- every backup that was reported as done is whole;
- no process is left, and the state is readable.
Build in $HANGAR_BUILD.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BUILD = os.path.abspath(os.environ.get("HANGAR_BUILD", "build/release"))
HANGAR = os.path.join(BUILD, "bin/hangar")
FAST = os.path.join(BUILD, "lib/daemon/hangar-fast-daemon")
SPEED = 60
NOW = 1768435200  # start of the fast clock: 2026-01-15

# The kinds of sources: options, and whether a backup can succeed.
KINDS = {
    "good": ("objects: 2, size: 1KiB", True),
    "slow": ("objects: 40, size: 256KiB", True),
    "fails": ("objects: 2, size: 1KiB, fail_at: read", False),
    "crashes": ("objects: 2, size: 1KiB, journal: /dev/full", False),
    "hangs": ("objects: 2, size: 1KiB, hold: ./hold", False),
}


class Broken(Exception):
    """A promise that did not hold."""


class World:
    def __init__(self, folder, pipelines, rng):
        self.folder = folder
        self.rng = rng
        self.kinds = [
            list(KINDS)[i] if i < len(KINDS) else rng.choice(["good", "good", "good", "slow", "fails", "crashes"])
            for i in range(pipelines)
        ]
        self.daemon = None
        self.started_at = 0  # the length of the log when it was started
        self.log = open(os.path.join(folder, "log"), "ab", buffering=0)
        plugins = os.path.join(folder, "plugins")
        os.mkdir(plugins, 0o755)
        for place in ("lib/plugins", "lib/test-plugins"):
            for name in os.listdir(os.path.join(BUILD, place)):
                if name.startswith(("hangar-test-", "hangar-storage-local")):
                    shutil.copy(os.path.join(BUILD, place, name), plugins)
        self.environment = dict(
            os.environ,
            HANGAR_PLUGIN_DIR=plugins,
            HANGAR_STATE_DIR=os.path.join(folder, "state"),
            FAST_SINCE=str(int(time.time())),
        )
        open(os.path.join(folder, "hold"), "w").close()
        self.write()

    def write(self, wrong=False):
        """Writes a configuration with new random schedules; only that of backups is the same."""
        lines = ["version: 1", "limits: { jobs: 6, stop_timeout: 3s, stall_timeout: 5s }", "sources:"]
        for i, kind in enumerate(self.kinds):
            lines.append(f"  s{i}: {{ plugin: test-source, options: {{ {KINDS[kind][0]} }} }}")
        lines += ["sinks:", "  local:", "    plugin: storage-local", "    options: { path: ./backups }",
                  "    retention: { keep_last: 3 }", "pipelines:"]
        for i in range(len(self.kinds)):
            lines.append(
                f"  p{i}: {{ sources: [s{i}], sinks: [{'nowhere' if wrong else 'local'}], schedule: '* * * * *', "
                f"verify: '*/{self.rng.randint(2, 9)} * * * *', jitter: {self.rng.randint(0, 40)}s, "
                f"timezone: {self.rng.choice(['UTC', 'Europe/Berlin', 'Australia/Lord_Howe'])} }}")
        temporary = os.path.join(self.folder, "new.yaml")
        with open(temporary, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        os.rename(temporary, os.path.join(self.folder, "backup.yaml"))

    def start(self):
        self.started_at = os.path.getsize(self.log.name)
        self.daemon = subprocess.Popen(
            [FAST, HANGAR, os.path.join(self.folder, "backup.yaml"), str(SPEED), str(NOW)],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=self.environment, cwd=self.folder)

    def jobs(self):
        """The processes of jobs: number and arguments."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().decode().split("\0")
            except OSError:
                continue
            if "run-job" in words and os.path.join(self.folder, "backup.yaml") in words:
                found[int(pid)] = words[words.index("run-job") + 1:-1]
        return found

    def kill(self, pid, number):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass

    def wait(self, seconds, what, condition):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise Broken(f"waited {seconds} s for {what}")
            time.sleep(0.05)

    def restart(self):
        status = self.daemon.wait(timeout=60)
        self.start()
        return status

    # ---- faults ----

    def kill_job(self):
        jobs = self.jobs()
        if jobs:
            self.kill(self.rng.choice(sorted(jobs)), signal.SIGKILL)

    def suspend_job(self):
        jobs = self.jobs()
        if jobs:
            pid = self.rng.choice(sorted(jobs))
            self.kill(pid, signal.SIGSTOP)
            time.sleep(self.rng.random())
            self.kill(pid, signal.SIGCONT)

    def kill_daemon(self):
        self.daemon.kill()
        self.restart()

    def kill_all(self):
        for pid in [self.daemon.pid, *self.jobs()]:
            self.kill(pid, signal.SIGKILL)
        self.restart()

    def stop_daemon(self):
        self.daemon.terminate()
        status = self.restart()
        if status != 0:
            raise Broken(f"SIGTERM ended the daemon with {status}")

    def reload(self):
        # a process that is not yet at its first line ends with a signal, and rightly so
        self.wait(30, "the daemon to start", lambda: self.has_said("daemon.start"))
        self.write()
        self.daemon.send_signal(signal.SIGHUP)

    def has_said(self, event):
        """Whether the last daemon has reported the event, or has ended."""
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            file.seek(self.started_at)
            return f"event={event} " in file.read() or self.daemon.poll() is not None

    def reload_wrong(self):
        # a wrong first configuration would end the daemon, and rightly so
        self.wait(30, "the daemon to be ready", lambda: self.has_said("daemon.ready"))
        self.write(wrong=True)
        self.daemon.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        self.reload()

    def second_daemon(self):
        second = subprocess.run([HANGAR, "-c", "backup.yaml", "daemon"], env=self.environment, cwd=self.folder,
                                stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        if self.daemon.poll() is None and second.returncode not in (2, 6):
            raise Broken(f"a second daemon ended with {second.returncode}: {second.stderr!r}")

    # ---- promises ----

    def check_alive(self):
        if self.daemon.poll() is not None:
            raise Broken(f"the daemon ended by itself, with {self.daemon.returncode}")
        running = {}
        for pid, words in self.jobs().items():
            # a job whose daemon was killed may not have ended yet
            report = words[0].startswith("report-")  # the report of a job that has ended
            if len(words) == 2 and not report and parent_of(pid) == self.daemon.pid:
                running.setdefault(words[1], []).append(words[0])
        for pipeline, jobs in running.items():
            if len(jobs) > 1:
                raise Broken(f"{pipeline} has {len(jobs)} jobs at once: {jobs}")

    def newest(self):
        """The newest backup of each pipeline."""
        result = {}
        root = os.path.join(self.folder, "backups")
        for i, kind in enumerate(self.kinds):
            place = os.path.join(root, f"p{i}")
            ids = [d for d in (os.listdir(place) if os.path.isdir(place) else [])
                   if os.path.exists(os.path.join(place, d, "manifest.json"))]
            if ids and not KINDS[kind][1]:
                raise Broken(f"there is a backup of p{i}, which {kind}")
            result[i] = max(ids, default="")
        return result

    def remove_incomplete(self):
        """What a run left that was killed between its last two files lacks only its manifest.

        hangar reports it as damaged and does not remove it: an operator does.
        """
        listed = subprocess.run([HANGAR, "-c", "backup.yaml", "--json", "list"], env=self.environment, cwd=self.folder,
                                stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)
        backups = json.loads(listed.stdout)["backups"]
        left = [b["id"] for b in backups if b["state"] == "corrupt" and " has no manifest" in b["problem"]]
        for backup in left:
            if self.count(f"event=backup.done .*{backup}"):
                raise Broken(f"{backup} was done and has lost its manifest")
            self.must("remove", backup, "--yes")

    def must(self, *command):
        done = subprocess.run([HANGAR, "-c", "backup.yaml", *command], env=self.environment, cwd=self.folder,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)
        if done.returncode != 0:
            raise Broken(f"{command}: {done.returncode}: {done.stderr.decode()[-2000:]}")

    def finish(self):
        """Without faults the daemon makes a backup of each good pipeline.

        Then it ends, and all backups are whole.
        """
        self.reload()
        before = self.newest()
        good = [i for i, kind in enumerate(self.kinds) if KINDS[kind][1]]
        self.wait(120, "another backup of each pipeline", lambda: self.check_alive() or all(
            self.newest()[i] > before[i] for i in good))
        self.daemon.terminate()
        if self.daemon.wait(timeout=60) != 0:
            raise Broken("SIGTERM did not end the daemon with 0")
        self.wait(30, "all jobs to be gone", lambda: not self.jobs())
        with open(os.path.join(self.folder, "state/daemon.json"), encoding="utf-8") as file:
            json.load(file)
        self.remove_incomplete()
        self.must("verify", "--all", "--level", "full")
        self.must("list")

    def count(self, pattern):
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return len(re.findall(pattern, file.read()))


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return int(file.read().rsplit(")", 1)[1].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def soak(world, seconds):
    weights = {world.kill_job: 6, world.suspend_job: 3, world.reload: 2, world.reload_wrong: 1,
               world.kill_daemon: 2, world.kill_all: 1, world.stop_daemon: 2, world.second_daemon: 1}
    end = time.monotonic() + seconds
    done = 0
    world.start()
    while time.monotonic() < end:
        time.sleep(world.rng.random() * 0.6)
        world.check_alive()
        happening = world.rng.choices(list(weights), weights.values())[0]
        happening()
        done += 1
    world.finish()
    return done


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pipelines", type=int, default=150)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--summary")
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="hangar-soak.")
    world = World(folder, arguments.pipelines, random.Random(arguments.seed))
    broken = 0
    done = 0
    try:
        done = soak(world, arguments.seconds)
    except Broken as why:
        broken = 1
        print(f"soak: BROKEN: {why}", file=sys.stderr)
        with open(world.log.name, encoding="utf-8", errors="replace") as file:
            sys.stderr.writelines(file.readlines()[-40:])
    finally:
        if world.daemon and world.daemon.poll() is None:
            world.daemon.kill()
            world.daemon.wait()
        for pid in world.jobs():
            world.kill(pid, signal.SIGKILL)
    kills = world.count(r"event=job\.crashed .*signal 9")
    print(f"soak: seed {arguments.seed}, {2 * arguments.pipelines} schedules, {done} faults, "
          f"{world.count('event=job.start')} jobs, {world.count('event=job.crashed')} crashes, {kills} kills seen, "
          f"{world.count('event=job.lost')} lost and repeated, {world.count('event=schedule.skipped')} skipped, "
          f"{world.count('event=daemon.ready')} daemons")
    if arguments.summary:
        with open(arguments.summary, "a", encoding="utf-8") as file:
            file.write(f"daemon, schedules under faults\t{done}\t{kills}\t{broken}\n")
    shutil.rmtree(folder, ignore_errors=True)
    sys.exit(broken)


if __name__ == "__main__":
    main()
