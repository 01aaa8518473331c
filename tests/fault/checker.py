# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# checker: runs hangar in a world of its own and says, after whatever happened to a
# run, whether the promises held:
#
#   success means proven   a backup that ended with 0 is listed and verifies, all of it
#   atomic commit          whatever is listed verifies, all of it
#   nothing is lost        every backup from before is still listed
#   nothing is in the way  the next run succeeds, and what is left is cleaned up
#
# It knows nothing of how the fault was made.
import filecmp
import json
import os
import re
import shutil
import signal
import subprocess
import time

ID = re.compile(r"backup_\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z")
CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL,
           signal.SIGTRAP}
SECONDS = 60  # the most that any one run may take


class Broken(Exception):
    """A promise that did not hold."""


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err


class World:
    """A folder with a configuration, sinks and the state of hangar; `pristine` beside
    it is what reset() goes back to."""

    def __init__(self, folder, build, config):
        self.folder, self.build = folder, build
        self.config = config
        self.hangar = os.path.join(build, "bin", "hangar")
        self.sink = os.path.join(folder, "backups")
        self.state = os.path.join(folder, "state")
        self.plugins = os.path.join(folder, "plugins")
        self.temp = os.path.join(folder, "tmp")
        os.makedirs(self.temp, exist_ok=True)
        os.mkdir(self.plugins, 0o755)
        for where in ("plugins", "fault"):
            where = os.path.join(build, "lib", where)
            for name in os.listdir(where):
                if name.startswith("hangar-") and name.endswith(".so"):
                    shutil.copy(os.path.join(where, name), self.plugins)
                    os.chmod(os.path.join(self.plugins, name), 0o755)
        self.write(config)

    def write(self, config):
        with open(os.path.join(self.folder, "backup.yaml"), "w") as file:
            file.write(config)

    def run(self, *words, env=None):
        """A run of hangar; a crash or a hang is never right."""
        full = dict(os.environ, HANGAR_PLUGIN_DIR=self.plugins, HANGAR_STATE_DIR=self.state,
                    TMPDIR=self.temp, LC_ALL="C.UTF-8", **(env or {}))
        process = subprocess.Popen([self.hangar, "-c", os.path.join(self.folder, "backup.yaml"),
                                    *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=full, cwd=self.folder)
        try:
            out, err = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise Broken(f"hangar {' '.join(words)} hung for {SECONDS} s\n" +
                         err.decode(errors="replace"))
        err = err.decode(errors="replace")
        # GLib, which knows the time zones, ends the process when there is no memory
        glib = "GLib-ERROR" in err and "failed to allocate" in err
        if -process.returncode in CRASHES and not (env and glib):
            raise Broken(f"hangar {' '.join(words)} crashed: signal {-process.returncode}\n{err}")
        return Result(process.returncode, out.decode(errors="replace"), err)

    def must(self, *words):
        result = self.run(*words)
        if result.status != 0:
            raise Broken(f"hangar {' '.join(words)} ended with {result.status}\n"
                         f"{result.out}{result.err}")
        return result

    def keep(self):
        """Remembers the sinks and the state as they are now."""
        for name in ("backups", "state"):
            shutil.rmtree(os.path.join(self.folder, "pristine", name), ignore_errors=True)
            shutil.copytree(os.path.join(self.folder, name),
                            os.path.join(self.folder, "pristine", name))

    def reset(self):
        for name in ("backups", "state"):
            shutil.rmtree(os.path.join(self.folder, name), ignore_errors=True)
            shutil.copytree(os.path.join(self.folder, "pristine", name),
                            os.path.join(self.folder, name))
        for name in os.listdir(self.temp):
            shutil.rmtree(os.path.join(self.temp, name), ignore_errors=True)

    # ---- what holds at any time ----

    def listed(self):
        document = json.loads(self.must("--json", "list").out)
        wrong = [b for b in document["backups"] if b["state"] not in ("complete", "incomplete")]
        if wrong:
            raise Broken(f"listed as {wrong[0]['state']}: {wrong[0]['id']}")
        return {b["id"] for b in document["backups"] if b["state"] == "complete"}

    def all_whole(self, expected=()):
        """All that is listed verifies, and what is expected is listed."""
        listed = self.listed()
        lost = set(expected) - listed
        if lost:
            raise Broken(f"lost: {', '.join(sorted(lost))}")
        if listed:
            self.must("verify", "--all", "--level", "full")
        return listed

    # ---- after a backup ----

    def after_backup(self, result, before):
        listed = self.all_whole(before)
        told = set(result.out.split())
        if result.status == 0 and (len(told) != 1 or not told <= listed - set(before)):
            raise Broken(f"it ended with 0, printed {told}, and listed is {listed}")
        if result.status not in (0, -signal.SIGKILL) and listed != set(before):
            # It may have been committed, and then something failed: that is whole and
            # was looked at; but it must not have been called a success.
            if told:
                raise Broken(f"it ended with {result.status} and printed {told}")

    def next_run(self, before):
        """A run without a fault succeeds; what is left of the other one goes in time."""
        result = self.must("backup")
        found = ID.fullmatch(result.out.strip())
        if not found:
            raise Broken(f"the next run printed {result.out!r}")
        listed = self.listed()
        if found[0] not in listed or not set(before) <= listed:
            raise Broken("the next run is not listed, or lost another")
        self.must("verify", found[0], "--level", "full")
        self.cleaned(listed)

    def cleaned(self, listed, prune=("prune", "--yes")):
        """Once its lease is over, nothing of a dead run is left."""
        for days in (1, 30):
            self.age(days, listed)
            self.must(*prune)
        now = self.listed()
        for pipeline in os.listdir(self.sink):
            for name in os.listdir(os.path.join(self.sink, pipeline)):
                if name == "origin.json" or name in now:
                    continue
                files = [os.path.join(at, n) for at, _, names in
                         os.walk(os.path.join(self.sink, pipeline, name)) for n in names]
                if files: # an empty folder is in nobody's way
                    raise Broken("left in the sink: " + ", ".join(files))
        left = os.listdir(self.temp)
        if left:
            raise Broken(f"left in the temporary folder: {left}")

    def age(self, days, but):
        """As if so many days had passed, for all that is not a listed backup."""
        then = time.time() - days * 86400
        for pipeline in os.listdir(self.sink):
            for name in os.listdir(os.path.join(self.sink, pipeline)):
                if name in but or name == "origin.json":
                    continue
                for at, _, names in os.walk(os.path.join(self.sink, pipeline, name)):
                    for one in names:
                        os.utime(os.path.join(at, one), (then, then))


def same_files(a, b):
    """Two folders hold the same files."""
    names = sorted(os.listdir(a))
    if names != sorted(os.listdir(b)):
        return False
    _, different, odd = filecmp.cmpfiles(a, b, names, shallow=False)
    return not different and not odd
