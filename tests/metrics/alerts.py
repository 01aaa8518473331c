#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""Each alert of packaging/prometheus fires in a real Prometheus that scrapes a real daemon or a
real text file: for the pipeline in that state, for no other pipeline, and until the state ends.

hangar itself makes the states: a backup that fails, is a day old (by faketime), hangs, has a tenth
of the usual size, is on a disk that is nearly full or in a sink that is missing; a drill that is
five weeks old; no backup and no drill; a notifier that fails; a daemon that was killed; a text file
that is an hour old.  The rules have their real thresholds, but each `for:` is 0 s.  promtool tests
the values of `for:`.
"""

import glob
import os
import shutil
import signal
import subprocess
import sys
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from world import PROGRAM, World, wait_for

# Not its wrapper: one that is killed makes a later one with the same process id fail.
LIBFAKETIME = (
    glob.glob("/usr/lib/*/faketime/libfaketime.so.1") + glob.glob("/usr/lib*/faketime/libfaketime.so.1")
)[0]

DAY = 86400
# The expected alert of each pipeline.  Only `good` and `drilled` ever had a drill.
EXPECTED = {
    ("BackupNeverRan", "never"),
    ("BackupFailed", "failing"),
    ("BackupStale", "stale"),
    ("BackupTooLong", "long"),
    ("BackupSizeDrop", "drop"),
    ("SinkDiskLow", "full"),
    ("SinkDown", "gone"),
    ("VerifyStale", "drilled"),
    ("BackupNotifyFailed", None),
} | {("VerifyStale", p) for p in ("never", "failing", "stale", "long", "drop", "full", "gone")}


class Alerts(World):
    def setUp(self):
        super().setUp()
        self.full = os.path.join(self.folder, "full")
        os.mkdir(self.full)
        # visible only to this process and its children
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "none", self.full], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.full], check=True)
        self.socket = os.path.join(self.folder, "redis.sock")
        self.start(
            *("redis-server", "--port", "0", "--unixsocket", self.socket, "--save", ""),
            *("--dir", self.folder, "--daemonize", "no"),
            stdout=subprocess.DEVNULL,
        )
        wait_for(lambda: self.redis("SET", "a", "1") == "OK")
        self.write_config(
            f"""sources:
  cache: {{ plugin: redis, options: {{ socket: {self.socket} }} }}
  db: {{ plugin: test-source, options: {{ size: "${{SIZE:-10KiB}}", fail_at: "${{FAIL:-}}" }} }}
  held: {{ plugin: test-source, options: {{ hold: ./hold }} }}
sinks:
  local: {{ plugin: storage-local, options: {{ path: ./backups }} }}
  full: {{ plugin: storage-local, options: {{ path: ./full/backups, min_free: 0 }} }}
  gone: {{ plugin: storage-local, options: {{ path: ./gone }} }}
notifiers:
  ops: {{ plugin: test-notifier, options: {{ file: ./notified, refuse: true }}, events: [backup.failed] }}
pipelines:
  good: {{ sources: [cache], sinks: [local] }}
  drilled: {{ sources: [cache], sinks: [local] }}
  never: {{ sources: [db], sinks: [local] }}
  failing: {{ sources: [db], sinks: [local] }}
  stale: {{ sources: [db], sinks: [local] }}
  long: {{ sources: [held], sinks: [local] }}
  drop: {{ sources: [db], sinks: [local] }}
  full: {{ sources: [db], sinks: [full] }}
  gone: {{ sources: [db], sinks: [gone] }}
"""
        )

    def redis(self, *words):
        done = subprocess.run(
            ["redis-cli", "-s", self.socket, *words], capture_output=True, text=True, timeout=30
        )
        return done.stdout.strip()

    def ago(self, seconds, *words):
        """Runs hangar with a clock that is set back by so many seconds."""
        done = subprocess.run(
            [PROGRAM, "-c", self.config, *words],
            capture_output=True,
            text=True,
            timeout=100,
            env={**self.environment, "LD_PRELOAD": LIBFAKETIME, "FAKETIME": f"-{seconds}s"},
        )
        self.assertEqual(done.returncode, 0, done.stderr)

    def with_variable(self, name, text, *words, status=0):
        self.environment[name] = text
        self.hangar(*words, status=status)
        del self.environment[name]

    def alerts(self, port, expression):
        return {
            (a["metric"]["alertname"], a["metric"].get("pipeline"))
            for a in self.query(port, expression)
        }

    def fires(self, port):
        """The alerts that fire now: (alert, pipeline)."""
        return self.alerts(port, 'ALERTS{alertstate="firing"}')

    def fired(self, port):
        """All alerts that have fired since the start.  HangarDown is left out, because it fires
        before the first scrape."""
        history = 'ALERTS{alertstate="firing",alertname!="HangarDown"}[1h]'
        return self.alerts(port, f"count_over_time({history})")

    def expect(self, port, which, wanted):
        try:
            wait_for(lambda: which(port) == wanted)
        except AssertionError:
            self.fail(f"wrong or missing: {sorted(map(str, which(port) ^ wanted))}")

    def seen(self, port, expression):
        wait_for(lambda: self.query(port, expression))

    def run_of_long(self):
        """Starts a run that waits while the file `hold` exists."""
        hold = os.path.join(self.folder, "hold")
        with open(hold, "w", encoding="utf-8"):
            pass
        process = self.start(PROGRAM, "-c", self.config, "-q", "backup", "long", stdout=subprocess.DEVNULL)
        marks = os.path.join(self.folder, "backups/long")
        wait_for(lambda: any(
            os.path.exists(os.path.join(marks, d, "run.json"))
            and not os.path.exists(os.path.join(marks, d, "manifest.json"))
            for d in os.listdir(marks)
        ))
        return process, hold

    def test_each_alert_fires_for_its_state_and_no_other(self):
        self.ago(36 * DAY, "backup", "drilled")
        self.ago(36 * DAY, "verify", "latest", "--pipeline", "drilled", "--level", "drill")
        self.ago(26 * 3600, "backup", "stale")
        self.ago(3600, "backup", "long")
        self.hangar("backup", "drilled", "good", "failing", "full", "gone")
        self.hangar("verify", "latest", "--pipeline", "good", "--level", "drill")
        self.with_variable("SIZE", "100KiB", "backup", "drop")
        daemon = self.daemon()
        port = self.prometheus()
        # until here these are in a good state; the median needs earlier values
        self.seen(port, 'backup_failures_total{pipeline="failing",reason="failed"} == 0')
        self.seen(port, "backup_notify_failures_total == 0")
        self.seen(port, 'count_over_time(backup_size_bytes{pipeline="drop",kind="newest"}[1h]) > 20')
        self.assertLessEqual(
            self.fires(port),
            {e for e in EXPECTED if e[0] in ("BackupNeverRan", "BackupStale", "VerifyStale")},
        )

        self.with_variable("FAIL", "read", "backup", "failing", status=1)
        self.with_variable("SIZE", "10KiB", "backup", "drop")
        run, hold = self.run_of_long()
        with open(os.path.join(self.full, "ballast"), "wb") as file:
            file.write(bytes(950 * 1024))
        os.rename(os.path.join(self.folder, "gone"), os.path.join(self.folder, "put-away"))
        with open(os.path.join(self.folder, "gone"), "w", encoding="utf-8"):
            pass
        self.read_sinks(daemon)
        self.expect(port, self.fired, EXPECTED)

        # all states end, except failures, which fire for an hour
        os.unlink(hold)
        self.assertEqual(run.wait(60), 0)
        os.unlink(os.path.join(self.full, "ballast"))
        os.unlink(os.path.join(self.folder, "gone"))
        os.rename(os.path.join(self.folder, "put-away"), os.path.join(self.folder, "gone"))
        self.with_variable("SIZE", "100KiB", "backup", "drop")
        self.hangar("backup", "never", "stale")
        self.hangar("verify", "latest", "--pipeline", "drilled", "--level", "drill")
        self.read_sinks(daemon)
        left = {e for e in EXPECTED if e[0] == "VerifyStale" and e[1] != "drilled"}
        self.expect(port, self.fires, left | {("BackupFailed", "failing"), ("BackupNotifyFailed", None)})

        # the daemon is killed; a text file replaces it, becomes old, and is written again
        daemon.send_signal(signal.SIGKILL)
        daemon.wait(30)
        wait_for(lambda: ("HangarDown", None) in self.fires(port))
        text = os.path.join(self.folder, "hangar.prom")
        self.hangar("metrics", "-o", text)
        self.serve(text)
        wait_for(lambda: ("HangarDown", None) not in self.fires(port))
        self.ago(3600, "metrics", "-o", text)
        wait_for(lambda: ("HangarDown", None) in self.fires(port))
        self.hangar("metrics", "-o", text)
        wait_for(lambda: ("HangarDown", None) not in self.fires(port))

    def serve(self, path):
        """Serves a text file, as node_exporter does, at the address of the daemon."""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                with open(path, "rb") as file:
                    text = file.read()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)


if __name__ == "__main__":
    if os.environ.get("OWN_MOUNTS") != "yes":  # the small disk is mounted in a private name space
        os.environ["OWN_MOUNTS"] = "yes"
        spaces = "-m" if os.geteuid() == 0 else "-rm"
        os.execvp("unshare", ["unshare", spaces, sys.executable, *sys.argv])
    unittest.main(verbosity=1)
