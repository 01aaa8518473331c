#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""A real Prometheus scrapes a real daemon: all series exist from the start and after a restart,
promtool accepts them, and every query of the dashboard works.  The text file of
`hangar metrics -o` has the same content."""

import json
import os
import re
import signal
import socket
import subprocess
import time
import unittest

from world import SOURCE, World, get, value, wait_for

FAMILIES = """backup_total backup_failures_total backup_duration_seconds backup_size_bytes
backup_last_success_timestamp_seconds backup_last_attempt_timestamp_seconds backup_running
backup_next_run_timestamp_seconds backup_verify_last_success_timestamp_seconds
backup_drill_last_success_timestamp_seconds backup_pruned_total backup_sink_free_bytes
backup_sink_up backup_kept backup_damaged backup_verification_outcome backup_max_age_seconds
backup_notify_failures_total
hangar_status_timestamp_seconds hangar_build_info""".split()



class Metrics(World):
    def setUp(self):
        super().setUp()
        self.write_config(
            """sources: { db: { plugin: test-source } }
sinks: { local: { plugin: storage-local, options: { path: ./backups } } }
notifiers: { ops: { plugin: test-notifier, options: { file: ./notified, refuse: true } } }
pipelines: { nightly: { sources: [db], sinks: [local], schedule: "0 2 * * *" } }
"""
        )

    def test_all_series_exist_from_the_start_and_after_a_restart(self):
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
        # a first start raises no alert, and by default a notifier gets no event of a success
        self.assertEqual(value(text, 'backup_notify_failures_total{notifier="ops"}'), 0)
        checked = subprocess.run(
            ["promtool", "check", "metrics"], input=text, text=True, capture_output=True, timeout=60
        )
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))

    def test_other_requests_are_refused(self):
        self.daemon()
        self.assertEqual(get(self.port, "/")[0], 404)
        self.assertEqual(get(self.port, "/metrics/../etc/passwd")[0], 404)
        self.assertEqual(get(self.port, "/metrics", "POST")[0], 405)
        with socket.create_connection(("127.0.0.1", self.port), 10) as raw:
            raw.sendall(b"GET /" + b"x" * 100000 + b" HTTP/1.1\r\n\r\n")
            self.assertNotIn(b" 200 ", raw.recv(4096))
        self.assertEqual(get(self.port, "/healthz"), (200, "ok\n"))

    def ask_raw(self, headers, version="1.1"):
        with socket.create_connection(("127.0.0.1", self.port), 10) as raw:
            raw.sendall(f"GET /metrics HTTP/{version}\r\n{headers}\r\n".encode())
            return int(raw.recv(4096).split()[1])

    def ask(self, host):
        return self.ask_raw(f"Host: {host}\r\n")

    def test_only_requests_to_this_machine_are_answered(self):
        """A web page can let its own name resolve to this address; its Host is that name."""
        with open(self.config, "r+", encoding="utf-8") as file:
            text = file.read().replace("http: { listen:", "http: { host: db1.example.org, listen:")
            file.seek(0)
            file.write(text)
        self.daemon()
        self.metrics()
        for host in ("127.0.0.1", "192.0.2.7:9848", "localhost", f"LocalHost:{self.port}",
                     "[::1]:9848", "DB1.example.org:9848"):
            self.assertEqual(self.ask(host), 200, host)
        for host in ("evil.example", "localhost.evil.example:9848", "db1.example.org.evil", "[evil]",
                     "localhost:x", "1.2.3", ":9848", "localhost:99999", "localhost:0000000080",
                     "localhost, localhost", "localhost evil", "localhost/", "[127.0.0.1]", "[::1",
                     "a@localhost", "localhost." * 40, "[::1]x"):
            self.assertEqual(self.ask(host), 421, host)
        for other in ("evil.example", "localhost"):  # a proxy may have checked the other line
            self.assertEqual(self.ask_raw(f"Host: localhost\r\nHost: {other}\r\n"), 400)
            self.assertEqual(self.ask_raw(f"host: {other}\r\nHOST: localhost\r\n"), 400)
        for headers in ("", "X-Host: localhost\r\n", "Host:localhost\r\nX: y\r\nHost:\r\n"):
            self.assertEqual(self.ask_raw(headers), 400, headers)
        self.assertEqual(self.ask_raw("Host:\r\n"), 421)
        self.assertEqual(self.ask_raw("Host: \r\n"), 421)
        self.assertEqual(self.ask_raw("", version="1.0"), 200)  # has no Host
        self.assertEqual(self.ask_raw("Host: evil.example\r\n", version="1.0"), 421)
        self.assertEqual(self.ask_raw("Host: localhost\r\nHost: localhost\r\n", "1.0"), 400)

    def test_clients_that_only_wait_keep_nobody_out(self):
        self.daemon()
        self.metrics()
        waiting = []
        for _ in range(100):
            raw = socket.create_connection(("127.0.0.1", self.port), 10)
            self.addCleanup(raw.close)
            raw.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
            waiting.append(raw)
            if len(waiting) % 10 == 0:
                self.assertEqual(get(self.port, "/metrics")[0], 200)
        # a byte now and then does not renew the time
        last, closed = waiting[-1], False
        last.settimeout(0.3)
        for _ in range(100):
            try:
                last.sendall(b"x")
                closed = last.recv(1) == b""
            except TimeoutError:
                continue
            except OSError:
                closed = True
            if closed:
                break
        self.assertTrue(closed)

    def test_the_text_file_has_the_same_content_and_is_replaced_atomically(self):
        path = os.path.join(self.folder, "hangar.prom")
        self.hangar("backup")
        self.hangar("metrics", "-o", path)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(value(text, 'backup_total{pipeline="nightly",status="done"}'), 1)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o644)
        self.assertEqual([n for n in os.listdir(self.folder) if "prom" in n], ["hangar.prom"])
        twice = sum(name.startswith("backup_") for name in FAMILIES)  # also as hangar_backup_*
        self.assertEqual(self.hangar("metrics").count("# TYPE"), len(FAMILIES) + twice)
        self.hangar("metrics", "-o", os.path.join(self.folder, "none", "x.prom"), status=1)

    def test_every_query_of_the_dashboard_works(self):
        daemon = self.daemon()
        port = self.prometheus()
        self.hangar("backup")
        self.read_sinks(daemon)
        wait_for(lambda: self.query(port, "backup_last_success_timestamp_seconds > 0"))
        with open(os.path.join(SOURCE, "packaging/grafana/hangar.json"), encoding="utf-8") as file:
            dashboard = json.load(file)
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                expression = target["expr"].replace("$instance", ".*").replace("$pipeline", ".*")
                found = self.query(port, expression)
                # there was no drill, and a rate needs two different scrapes
                if "drill" not in expression and "increase" not in expression:
                    self.assertTrue(found, f"{panel['title']}: {expression}")
        for variable in dashboard["templating"]["list"][1:]:
            name = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"])
            self.assertTrue(self.query(port, name.group(1))[0]["metric"][name.group(2)])


if __name__ == "__main__":
    unittest.main(verbosity=1)
