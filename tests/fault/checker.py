# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# checker: runs hangar in a folder of its own and checks after a fault whether the promises
# held:
#
#   success means proven   a run that ended with 0 has a backup that is listed and verifies
#   atomic commit          each listed backup verifies, and has every object of its manifest,
#                          byte for byte, as this file reads them without hangar
#   nothing is lost        every earlier backup is still listed
#   no obstacle stays      the next run succeeds, and leftovers are removed
#
# It does not depend on how the fault was made.
import filecmp
import hashlib
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
SECONDS = 60  # limit for one run


class Broken(Exception):
    """A promise that did not hold."""


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err


class World:
    """A folder with a configuration, sinks and the state of hangar.  reset() restores the
    sinks and the state from the folder `pristine`."""

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

    def run(self, *words, env=None, stopped=None):
        """Runs hangar; a crash or a hang breaks a promise.  `stopped` is called when the process
        has stopped; afterwards it goes on."""
        full = dict(os.environ, HANGAR_PLUGIN_DIR=self.plugins, HANGAR_STATE_DIR=self.state,
                    TMPDIR=self.temp, LC_ALL="C.UTF-8")
        full.update(env or {})
        process = subprocess.Popen([self.hangar, "-c", os.path.join(self.folder, "backup.yaml"),
                                    *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=full, cwd=self.folder)
        try:
            if stopped and wait_until_stopped(process):
                stopped()
                process.send_signal(signal.SIGCONT)
            out, err = process.communicate(timeout=SECONDS)
        except Broken:
            process.kill()
            process.communicate()
            raise
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise Broken(f"hangar {' '.join(words)} hung for {SECONDS} s\n" +
                         err.decode(errors="replace"))
        err = err.decode(errors="replace")
        # GLib, which reads the time zones, aborts the process when it is out of memory
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
        """Saves the sinks and the state for reset()."""
        for name in ("backups", "state"):
            shutil.rmtree(os.path.join(self.folder, "pristine", name), ignore_errors=True)
            shutil.copytree(os.path.join(self.folder, name),
                            os.path.join(self.folder, "pristine", name))

    def reset(self):
        shutil.rmtree(self.sink + ".gone", ignore_errors=True)
        for name in ("backups", "state"):
            shutil.rmtree(os.path.join(self.folder, name), ignore_errors=True)
            shutil.copytree(os.path.join(self.folder, "pristine", name),
                            os.path.join(self.folder, name))
        for name in os.listdir(self.temp):
            shutil.rmtree(os.path.join(self.temp, name), ignore_errors=True)

    def bring_back(self, result):
        """Mounts the disk again that went away during the run.  In its place nothing was made,
        unless it went away empty before hangar had seen it."""
        gone = self.sink + ".gone"
        if not os.path.exists(gone):
            return
        if os.path.exists(self.sink) and files_below(gone):
            raise Broken(f"the sink was made again, with {files_below(self.sink)}; the run ended "
                         f"with {result.status}")
        if os.path.exists(self.sink):
            shutil.rmtree(gone)
        else:
            os.rename(gone, self.sink)

    # ---- promises at any time ----

    def remove_incomplete(self):
        """A run that is killed between its last two files leaves a folder that lacks nothing but
        its manifest.  hangar reports it as damaged and does not remove it: an operator does."""
        result = self.run("--json", "list")
        for backup in json.loads(result.out or '{ "backups": [] }')["backups"]:
            if backup["state"] == "corrupt" and " has no manifest" in backup["problem"]:
                self.must("remove", backup["id"], "--yes")

    def listed(self):
        self.remove_incomplete()
        document = json.loads(self.must("--json", "list").out)
        wrong = [b for b in document["backups"] if b["state"] not in ("complete", "incomplete")]
        if wrong:
            raise Broken(f"listed as {wrong[0]['state']}: {wrong[0]['id']}")
        return {b["id"] for b in document["backups"] if b["state"] == "complete"}

    def all_whole(self, expected=()):
        """Each listed backup verifies, and the expected ones are listed."""
        listed = self.listed()
        lost = set(expected) - listed
        if lost:
            raise Broken(f"lost: {', '.join(sorted(lost))}")
        if listed:
            self.must("verify", "--all", "--level", "full")
        self.objects_whole(listed)
        return listed

    def objects_whole(self, ids):
        """Each of these backups has the objects that its manifest names."""
        for at, _, names in os.walk(self.sink):
            if os.path.basename(at) not in ids or "manifest.json" not in names:
                continue
            with open(os.path.join(at, "manifest.json")) as file:
                manifest = json.load(file)
            objects = [o for source in manifest["sources"] for o in source["objects"]]
            if not objects:
                raise Broken(f"{at} has no objects")
            for one in objects:
                path = os.path.join(at, one["stored"])
                if not os.path.exists(path):
                    raise Broken(f"{path} is not there")
                with open(path, "rb") as file:
                    data = file.read()
                if (len(data), hashlib.sha256(data).hexdigest()) != (one["stored_size"],
                                                                    one["stored_sha256"]):
                    raise Broken(f"{path} does not match its manifest")
            ids = set(ids) - {os.path.basename(at)}
        if ids:
            raise Broken(f"listed, and not in the sink: {', '.join(sorted(ids))}")

    # ---- after a backup ----

    def after_backup(self, result, before):
        listed = self.all_whole(before)
        printed = set(result.out.split())
        if result.status == 0 and (len(printed) != 1 or not printed <= listed - set(before)):
            raise Broken(f"it ended with 0 and printed {printed}, but {listed} are listed")
        if result.status not in (0, -signal.SIGKILL) and listed != set(before):
            # The backup may have been committed before the failure.  It is whole, as
            # verified above, but its id must not be printed as a success.
            if printed:
                raise Broken(f"it ended with {result.status} and printed {printed}")

    def next_run(self, before):
        """A run without a fault succeeds, and later the leftovers of the other run are removed."""
        result = self.must("backup")
        found = ID.fullmatch(result.out.strip())
        if not found:
            raise Broken(f"the next run printed {result.out!r}")
        listed = self.listed()
        if found[0] not in listed or not set(before) <= listed:
            raise Broken("the backup of the next run, or an earlier one, is not listed")
        self.must("verify", found[0], "--level", "full")
        self.cleaned(listed)

    def cleaned(self, listed, prune=("prune", "--yes")):
        """Once the lease of a dead run has ended, prune removes its leftovers."""
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
                if files:  # an empty folder does no harm
                    raise Broken("left in the sink: " + ", ".join(files))
        left = os.listdir(self.temp)
        if left:
            raise Broken(f"left in the temporary folder: {left}")

    def age(self, days, but):
        """Makes all files older by `days`, except those of the backups in `but`."""
        then = time.time() - days * 86400
        for pipeline in os.listdir(self.sink):
            for name in os.listdir(os.path.join(self.sink, pipeline)):
                if name in but or name == "origin.json":
                    continue
                for at, _, names in os.walk(os.path.join(self.sink, pipeline, name)):
                    for one in names:
                        os.utime(os.path.join(at, one), (then, then))


def wait_until_stopped(process):
    """False: it has ended, and did not stop."""
    until = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < until:
        with open(f"/proc/{process.pid}/stat") as file:
            if file.read().rpartition(")")[2].split()[0] == "T":
                return True
        time.sleep(0.002)
    return False


def files_below(folder):
    return [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]


def same_files(a, b):
    """Two folders hold the same files."""
    names = sorted(os.listdir(a))
    if names != sorted(os.listdir(b)):
        return False
    _, different, odd = filecmp.cmpfiles(a, b, names, shallow=False)
    return not different and not odd
