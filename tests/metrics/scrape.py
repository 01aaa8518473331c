#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""A real daemon, scraped by a real Prometheus: the series are there from the start and after
a restart, promtool finds nothing to say about them, every query of the dashboard works, and
alerts of the rules fire.  The text file of `hangar metrics -o` says the same."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

PROGRAM, SOURCE = os.environ["HANGAR"], os.environ["SOURCE_DIR"]
FAMILIES = """backup_total backup_failures_total backup_duration_seconds backup_size_bytes
backup_last_success_timestamp_seconds backup_last_attempt_timestamp_seconds backup_running
backup_next_run_timestamp_seconds backup_verify_last_success_timestamp_seconds
backup_drill_last_success_timestamp_seconds backup_pruned_total backup_sink_free_bytes
backup_sink_up backup_kept backup_max_age_seconds backup_notify_failures_total
hangar_status_timestamp_seconds hangar_build_info""".split()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, seconds=60):
    """The first value that is not false."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            found = what()
            if found:
                return found
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError("waited too long")


def get(port, path, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path)
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    return reply.status, text


def value(text, series):
    found = re.search("^" + re.escape(series) + r" (\S+)$", text, re.M)
    return float(found.group(1)) if found else None


class Metrics(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hangar-metrics.")
        self.addCleanup(shutil.rmtree, self.folder)
        self.port = free_port()
        self.config = os.path.join(self.folder, "backup.yaml")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(
                f"""version: 1
plugin_path: [{os.environ["TEST_PLUGIN_DIR"]}]
http: {{ listen: "127.0.0.1:{self.port}" }}
sources: {{ db: {{ plugin: test-source }} }}
sinks: {{ local: {{ plugin: storage-local, options: {{ path: ./backups }} }} }}
notifiers: {{ ops: {{ plugin: test-notifier, options: {{ file: ./told, refuse: true }} }} }}
pipelines: {{ nightly: {{ sources: [db], sinks: [local], schedule: "0 2 * * *" }} }}
"""
            )
        os.chmod(self.config, 0o600)
        self.environment = {**os.environ, "STATE_DIRECTORY": os.path.join(self.folder, "state")}
        self.environment.pop("HANGAR_STATE_DIR", None)

    def hangar(self, *words, status=0):
        done = subprocess.run(
            [PROGRAM, "-c", self.config, *words],
            capture_output=True,
            text=True,
            timeout=100,
            env=self.environment,
        )
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout

    def start(self, *command, **options):
        process = subprocess.Popen(command, env=self.environment, **options)

        def stop():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)

        self.addCleanup(stop)
        return process

    def daemon(self):
        log = open(os.path.join(self.folder, "daemon.log"), "a", encoding="utf-8")
        self.addCleanup(log.close)
        process = self.start(PROGRAM, "-c", self.config, "daemon", stderr=log)
        wait_for(lambda: get(self.port, "/healthz")[0] == 200)
        return process

    def metrics(self):
        def ask():
            status, text = get(self.port, "/metrics")
            return text if status == 200 else None

        return wait_for(ask)

    def test_all_series_are_there_from_the_start_and_after_a_restart(self):
        process = self.daemon()
        text = self.metrics()
        for family in FAMILIES:
            self.assertIn(f"# TYPE {family} ", text)
        nightly = '{pipeline="nightly"'
        self.assertEqual(value(text, f'backup_total{nightly},status="done"}}'), 0)
        self.assertEqual(
            value(text, f'backup_last_success_timestamp_seconds{nightly},sink="local"}}'), 0
        )
        self.hangar("backup")
        self.hangar("backup")
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        self.daemon()
        text = self.metrics()
        self.assertEqual(value(text, f'backup_total{nightly},status="done"}}'), 2)
        self.assertEqual(value(text, f'backup_kept{nightly},sink="local"}}'), 2)
        newest = value(text, f'backup_last_success_timestamp_seconds{nightly},sink="local"}}')
        self.assertLess(abs(newest - time.time()), 600)
        # the first look told that there was no backup, to somebody who refused
        self.assertGreaterEqual(value(text, 'backup_notify_failures_total{notifier="ops"}'), 1)
        checked = subprocess.run(
            ["promtool", "check", "metrics"], input=text, text=True, capture_output=True, timeout=60
        )
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))

    def test_what_is_no_question_is_refused(self):
        self.daemon()
        self.assertEqual(get(self.port, "/")[0], 404)
        self.assertEqual(get(self.port, "/metrics/../etc/passwd")[0], 404)
        self.assertEqual(get(self.port, "/metrics", "POST")[0], 405)
        with socket.create_connection(("127.0.0.1", self.port), 10) as raw:
            raw.sendall(b"GET /" + b"x" * 100000 + b" HTTP/1.1\r\n\r\n")
            self.assertNotIn(b" 200 ", raw.recv(4096))
        self.assertEqual(get(self.port, "/healthz"), (200, "ok\n"))

    def test_the_text_file_says_the_same_and_is_replaced_whole(self):
        path = os.path.join(self.folder, "hangar.prom")
        self.hangar("backup")
        self.hangar("metrics", "-o", path)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(value(text, 'backup_total{pipeline="nightly",status="done"}'), 1)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o644)
        self.assertEqual([n for n in os.listdir(self.folder) if n.endswith(".tmp")], [])
        self.assertEqual(self.hangar("metrics").count("# TYPE"), len(FAMILIES))
        self.hangar("metrics", "-o", os.path.join(self.folder, "none", "x.prom"), status=1)

    # ---- Prometheus ----

    def prometheus(self):
        port = free_port()
        path = os.path.join(self.folder, "prometheus.yml")
        rules = os.path.join(self.folder, "rules.yml")
        with open(os.path.join(SOURCE, "packaging/prometheus/hangar.rules.yml")) as file:
            text = file.read()
        with open(rules, "w", encoding="utf-8") as file:  # as they are, but without patience
            file.write(re.sub(r"for: \d+\w", "for: 0s", text))
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                f"""global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: [{rules}]
scrape_configs:
  - job_name: hangar
    static_configs: [ {{ targets: ["127.0.0.1:{self.port}"] }} ]
"""
            )
        log = open(os.path.join(self.folder, "prometheus.log"), "w", encoding="utf-8")
        self.addCleanup(log.close)
        self.start(
            "prometheus",
            f"--config.file={path}",
            f"--storage.tsdb.path={self.folder}/tsdb",
            f"--web.listen-address=127.0.0.1:{port}",
            stderr=log,
            stdout=log,
        )
        wait_for(lambda: get(port, "/-/ready")[0] == 200)
        return port

    def query(self, port, expression):
        url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode(
            {"query": expression}
        )
        with urllib.request.urlopen(url, timeout=30) as reply:
            answer = json.load(reply)
        self.assertEqual(answer["status"], "success", expression)
        return answer["data"]["result"]

    def firing(self, port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/alerts", timeout=30) as reply:
            alerts = json.load(reply)["data"]["alerts"]
        return {a["labels"]["alertname"] for a in alerts if a["state"] == "firing"}

    def test_prometheus_scrapes_it_draws_the_dashboard_and_fires(self):
        self.daemon()
        port = self.prometheus()
        wait_for(lambda: self.query(port, "hangar_build_info"))
        # there has never been a backup nor a drill, and nobody could be told of it
        wait_for(lambda: {"BackupNeverRan", "VerifyStale"} <= self.firing(port))
        self.hangar("backup")
        self.daemon_looks()
        wait_for(lambda: "BackupNeverRan" not in self.firing(port))
        with open(os.path.join(SOURCE, "packaging/grafana/hangar.json")) as file:
            dashboard = json.load(file)
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                expression = target["expr"].replace("$instance", ".*").replace("$pipeline", ".*")
                found = self.query(port, expression)
                # nothing was drilled, and a rate wants two scrapes that differ
                if "drill" not in expression and "increase" not in expression:
                    self.assertTrue(found, f"{panel['title']}: {expression}")
        for variable in dashboard["templating"]["list"][1:]:
            name = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"])
            self.assertTrue(self.query(port, name.group(1))[0]["metric"][name.group(2)])
        # a sink that is gone, a run that fails
        shutil.rmtree(os.path.join(self.folder, "backups"))
        with open(os.path.join(self.folder, "backups"), "w", encoding="utf-8"):
            pass
        self.hangar("backup", status=1)
        self.daemon_looks()
        wait_for(lambda: {"BackupFailed", "SinkDown"} <= self.firing(port))

    def daemon_looks(self):
        """Has the daemon look at the sinks now: it does when its configuration is read."""
        subprocess.run(["pkill", "-HUP", "-f", f"{self.config} daemon"], check=True, timeout=30)


if __name__ == "__main__":
    unittest.main(verbosity=1)
