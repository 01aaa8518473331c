# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""Common parts of the tests of metrics: a folder with a configuration, hangar, its daemon, and a
Prometheus that scrapes the daemon five times per second."""

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


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, seconds=60):
    """Waits for a value that is not false, and returns it."""
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


class World(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hangar-metrics.")
        self.addCleanup(shutil.rmtree, self.folder)
        self.port = free_port()
        self.config = os.path.join(self.folder, "backup.yaml")
        self.environment = {**os.environ, "STATE_DIRECTORY": os.path.join(self.folder, "state")}
        self.environment.pop("HANGAR_STATE_DIR", None)

    def write_config(self, text):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(
                f"""version: 1
plugin_path: [{os.environ["TEST_PLUGIN_DIR"]}]
http: {{ listen: "127.0.0.1:{self.port}" }}
{text}"""
            )
        os.chmod(self.config, 0o600)

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

    def prometheus(self):
        port = free_port()
        path = os.path.join(self.folder, "prometheus.yml")
        rules = os.path.join(self.folder, "rules.yml")
        with open(os.path.join(SOURCE, "packaging/prometheus/hangar.rules.yml")) as file:
            text = file.read()
        with open(rules, "w", encoding="utf-8") as file:  # the real rules with each `for:` set to 0 s
            file.write(re.sub(r"for: \d+\w", "for: 0s", text))
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                f"""global: {{ scrape_interval: 200ms, evaluation_interval: 200ms }}
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

    def read_sinks(self, daemon):
        """Makes the daemon read the sinks, by a reload of its configuration, and waits for it."""
        begin = time.time()
        daemon.send_signal(signal.SIGHUP)
        wait_for(lambda: value(self.metrics(), "hangar_status_timestamp_seconds") > begin)
