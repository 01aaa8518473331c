#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""The notifiers against real receivers on 127.0.0.1: what arrives there, and what is reported
when a receiver refuses, is slow, is not there, or has a certificate that is not trusted.

Notifiers wait between their attempts most of the time, so several tests run in parallel, each
with receivers of its own.  `notifiers.py Notifiers.test_...` runs one."""

import email
import email.policy
import hashlib
import hmac
import http.server
import json
import logging
import multiprocessing
import os
import shutil
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

CANARY = "canary-4cf1e0"
PROGRAM = os.environ["HANGAR"]


class Web:
    """An HTTP server that records requests and sends the given responses."""

    def __init__(self, certificate=None):
        self.requests, self.answers, self.delay = [], [], 0
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                size = int(self.headers.get("Content-Length", 0))
                web.requests.append((self.path, self.headers, self.rfile.read(size)))
                time.sleep(web.delay)
                status, body = web.answers.pop(0) if web.answers else (200, b"ok")
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # the sender has closed the connection

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Mailbox:
    """An SMTP server that records mails."""

    def __init__(self, certificate=None, password=None):
        self.mails, self.refuse = [], None
        options = {}
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            options.update(tls_context=context, require_starttls=True)
        if password:
            options.update(
                auth_required=True,
                authenticator=lambda server, session, envelope, mechanism, data: AuthResult(
                    success=(data.login, data.password) == (b"ops", password.encode()),
                    handled=False,
                ),
            )
        # The controller needs a port.  Another process may take a free one before it binds.
        for attempt in range(5):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
            self.controller = Controller(
                self, hostname="127.0.0.1", port=self.port, ready_timeout=30, **options
            )
            try:
                self.controller.start()
                break
            except OSError:
                if attempt == 4:
                    raise

    async def handle_DATA(self, server, session, envelope):
        if self.refuse:
            return self.refuse
        self.mails.append(envelope)
        return "250 accepted"

    def stop(self):
        self.controller.stop()


class Notifiers(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hangar-notify.")
        self.addCleanup(shutil.rmtree, self.folder)
        self.started = []
        self.addCleanup(lambda: [s.stop() for s in self.started])

    def start(self, server):
        self.started.append(server)
        return server

    def certificate(self):
        """Makes a self-signed certificate for 127.0.0.1, with its key in the same file."""
        path = os.path.join(self.folder, "server.pem")
        key = os.path.join(self.folder, "key.pem")
        command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1".split()
        command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", path]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        with open(path, "a", encoding="ascii") as out, open(key, encoding="ascii") as file:
            out.write(file.read())
        return path

    def notify(self, plugin, options, status=0, expected=None):
        """Sends a test message, checks the result, and returns the document."""
        path = os.path.join(self.folder, "backup.yaml")
        config = {
            "version": 1,
            "sources": {"db": {"plugin": "redis"}},
            "sinks": {"out": {"plugin": "storage-local", "options": {"path": "./out"}}},
            "notifiers": {"ops": {"plugin": plugin, "options": options}},
            "pipelines": {"nightly": {"sources": ["db"], "sinks": ["out"]}},
        }
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        os.chmod(path, stat.S_IRUSR | stat.S_IWUSR)
        done = subprocess.run(
            [PROGRAM, "-c", path, "--json", "notify", "ops"],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "STATE_DIRECTORY": os.path.join(self.folder, "state")},
        )
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertNotIn(CANARY, done.stdout + done.stderr)
        answer = json.loads(done.stdout)
        text = answer.get("error", "")
        if expected:
            self.assertIn(expected, text)
        return answer

    # ---- webhook ----

    def test_a_webhook_receives_the_signed_event(self):
        web = self.start(Web())
        url = f"http://127.0.0.1:{web.port}/hook/{CANARY}"
        self.notify("notify-webhook", {"url": url, "secret": "s3cret", "authorization": "Bearer t"})
        path, headers, body = web.requests[0]
        self.assertEqual(path, f"/hook/{CANARY}")
        event = json.loads(body)
        self.assertEqual((event["schema"], event["event"]), ("hangar.event/1", "test"))
        stamp = headers["X-Hangar-Timestamp"]
        self.assertLess(abs(time.time() - int(stamp)), 600)
        mac = hmac.new(b"s3cret", stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        self.assertEqual(headers["X-Hangar-Signature"], "sha256=" + mac)
        self.assertEqual(headers["Authorization"], "Bearer t")
        self.assertEqual(headers["X-Hangar-Event"], "test")

    def test_slack_and_discord_receive_their_own_formats(self):
        web = self.start(Web())
        url = f"http://127.0.0.1:{web.port}/"
        self.notify("notify-webhook", {"url": url, "format": "slack"})
        self.notify("notify-webhook", {"url": url, "format": "discord"})
        slack, discord = (json.loads(r[2]) for r in web.requests)
        self.assertEqual(list(slack), ["text"])
        self.assertIn("a test message of hangar", slack["text"])
        self.assertIn("a test message of hangar", discord["content"])
        self.assertEqual(discord["allowed_mentions"], {"parse": []})

    def test_a_temporary_failure_is_tried_again(self):
        web = self.start(Web())
        web.answers = [(503, b""), (429, b"slow down")]
        self.notify("notify-webhook", {"url": f"http://127.0.0.1:{web.port}/"})
        self.assertEqual(len(web.requests), 3)

    def test_a_refusal_is_reported_and_not_repeated(self):
        web = self.start(Web())
        web.answers = [(403, b"no such\nhook"), (400, b"")]
        url = f"http://127.0.0.1:{web.port}/{CANARY}"
        self.notify(
            "notify-webhook", {"url": url}, 8, "cannot send to 127.0.0.1: HTTP status 403: no such hook"
        )
        self.notify("notify-webhook", {"url": url}, 2, "status 400")
        self.assertEqual(len(web.requests), 2)

    def test_a_silent_receiver_delays_no_longer_than_the_timeout(self):
        web = self.start(Web())
        web.delay = 3
        url = f"http://127.0.0.1:{web.port}/{CANARY}"
        self.notify("notify-webhook", {"url": url, "timeout": "300ms"}, 1, "Timeout was reached")

    def test_an_unreachable_receiver_is_reported(self):
        with socket.socket() as closed:  # has the port and does not listen
            closed.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{closed.getsockname()[1]}/{CANARY}"
            self.notify(
                "notify-webhook", {"url": url}, 1, "cannot send to 127.0.0.1: Couldn't connect"
            )

    def test_a_certificate_must_be_trusted(self):
        certificate = self.certificate()
        web = self.start(Web(certificate))
        url = f"https://127.0.0.1:{web.port}/"
        self.notify("notify-webhook", {"url": url}, 2, "hint: set ca_file")
        self.assertEqual(web.requests, [])
        self.notify("notify-webhook", {"url": url, "ca_file": certificate})
        self.assertEqual(len(web.requests), 1)

    def test_a_url_must_be_of_http(self):
        self.notify("notify-webhook", {"url": f"file:///etc/{CANARY}"}, 2, "must begin with https")

    # ---- telegram ----

    def test_telegram_receives_a_message_without_markup(self):
        web = self.start(Web())
        options = {"token": f"12:{CANARY}", "chat": "-100", "api": f"http://127.0.0.1:{web.port}"}
        self.notify("notify-telegram", {**options, "silent": "true", "thread": "7"})
        path, _, body = web.requests[0]
        message = json.loads(body)
        self.assertEqual(path, f"/bot12:{CANARY}/sendMessage")
        self.assertEqual((message["chat_id"], message["message_thread_id"]), ("-100", 7))
        self.assertIs(message["disable_notification"], True)
        self.assertNotIn("parse_mode", message)
        web.answers = [(400, b'{"ok":false,"description":"Bad Request: chat not found"}')]
        self.notify("notify-telegram", options, 2, "chat not found")
        self.notify("notify-telegram", {**options, "token": "a/b"}, 2, "not a bot token")

    # ---- email ----

    def mail_options(self, box, **more):
        return {
            "server": "127.0.0.1",
            "port": str(box.port),
            "from": "hangar@example.org",
            "to": ["a@example.org", "b@example.org"],
            **more,
        }

    def test_a_mail_is_complete_and_goes_to_all_recipients(self):
        certificate = self.certificate()
        box = self.start(Mailbox(certificate, CANARY))
        login = {"username": "ops", "password": CANARY, "ca_file": certificate}
        self.notify("notify-email", self.mail_options(box, **login))
        envelope = box.mails[0]
        self.assertEqual(envelope.mail_from, "hangar@example.org")
        self.assertEqual(envelope.rcpt_tos, ["a@example.org", "b@example.org"])
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.assertTrue(mail["Subject"].startswith("[hangar] a test message"))
        self.assertEqual(mail["To"], "a@example.org, b@example.org")
        self.assertIsNotNone(mail["Date"].datetime)
        self.assertIn("@example.org>", mail["Message-ID"])
        self.assertIn("a test message of hangar", mail.get_body(("plain",)).get_content())
        self.assertEqual(mail.defects, [])

    def test_a_refused_login_at_the_mail_server_is_reported(self):
        certificate = self.certificate()
        box = self.start(Mailbox(certificate, "right"))
        login = {"username": "ops", "password": CANARY, "ca_file": certificate}
        self.notify("notify-email", self.mail_options(box, **login), 8, "cannot send to 127.0.0.1")
        self.notify("notify-email", self.mail_options(box), 2, "certificate")
        self.assertEqual(box.mails, [])

    def test_a_mail_is_sent_without_encryption_only_on_request(self):
        box = self.start(Mailbox())
        self.notify("notify-email", self.mail_options(box), 1, "cannot send to 127.0.0.1")
        self.assertEqual(box.mails, [])
        self.notify("notify-email", self.mail_options(box, security="none"))
        self.assertEqual(len(box.mails), 1)

    def test_a_permanently_refused_mail_is_not_sent_again(self):
        box = self.start(Mailbox())
        box.refuse = "550 not here"
        options = self.mail_options(box, security="none")
        answer = self.notify("notify-email", options, 2, "cannot send to 127.0.0.1")
        self.assertEqual(answer["notifiers"][0]["status"], "usage")

    def test_an_address_cannot_inject_commands(self):
        box = self.start(Mailbox())
        for bad in ("a@b\r\nRCPT TO:<x@y>", "nobody", "<a@b>"):
            options = {**self.mail_options(box, security="none"), "to": [bad]}
            self.notify("notify-email", options, 2, "invalid mail address")

    # ---- ping ----

    def test_pings_report_start_and_end_of_a_backup(self):
        web = self.start(Web())
        path = os.path.join(self.folder, "ping.yaml")
        for fail in ("none", "prepare"):
            config = {
                "version": 1,
                "plugin_path": os.environ["TEST_PLUGIN_DIR"],
                "sources": {"db": {"plugin": "test-source", "options": {"fail_at": fail}}},
                "sinks": {"out": {"plugin": "storage-local", "options": {"path": "./out"}}},
                "notifiers": {
                    "outside": {
                        "plugin": "notify-ping",
                        "events": ["backup.*"],
                        "options": {"url": f"http://127.0.0.1:{web.port}/{CANARY}/"},
                    }
                },
                "pipelines": {"nightly": {"sources": ["db"], "sinks": ["out"]}},
            }
            with open(path, "w", encoding="utf-8") as file:
                json.dump(config, file)
            os.chmod(path, stat.S_IRUSR | stat.S_IWUSR)
            done = subprocess.run(
                [PROGRAM, "-c", path, "backup"],
                capture_output=True,
                text=True,
                timeout=120,
                env={**os.environ, "STATE_DIRECTORY": os.path.join(self.folder, "state")},
            )
            self.assertEqual(done.returncode, 0 if fail == "none" else 1, done.stderr)
            self.assertNotIn(CANARY, done.stdout + done.stderr)
        pings = [r[0].removeprefix(f"/{CANARY}") for r in web.requests]
        self.assertEqual(pings, ["/start", "", "/start", "/fail"])
        self.assertIn("cannot prepare: injected fault", web.requests[3][2].decode())
        self.notify("notify-ping", {"url": f"http://127.0.0.1:{web.port}/{CANARY}"})
        self.assertEqual(web.requests[4][0], f"/{CANARY}")
        self.notify("notify-ping", {"url": "http://127.0.0.1/?a=b"}, 2, "must begin with https")

    # ---- command ----

    def script(self, text):
        path = os.path.join(self.folder, "program")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(path, 0o700)
        return path

    def test_a_program_receives_the_event_as_its_input(self):
        out = os.path.join(self.folder, "event")
        self.notify("notify-command", {"command": [self.script('cat >"$1"\n'), out]})
        with open(out, encoding="utf-8") as file:
            self.assertEqual(json.load(file)["event"], "test")

    def test_a_program_that_does_not_read_or_prints_forever_is_limited(self):
        self.notify("notify-command", {"command": [self.script("yes | head -c 1000000\nexit 0\n")]})
        options = {"command": [self.script("while :; do echo x; done\n")], "timeout": "300ms"}
        self.notify("notify-command", options, 1, "did not exit within 300 ms")

    def test_a_failed_program_is_reported_with_its_output(self):
        script = self.script("echo the pager is off >&2\nexit 3\n")
        self.notify("notify-command", {"command": [script]}, 1, "exit status 3: the pager is off")
        self.notify("notify-command", {"command": ["/none"]}, 2, "cannot run /none")
        self.notify("notify-command", {"command": [self.script("kill -9 $$\n")]}, 1, "signal 9")

    def test_a_program_that_exits_with_75_is_run_again(self):
        count = os.path.join(self.folder, "count")
        script = self.script('echo x >>"$1"\n[ "$(wc -l <"$1")" -ge 2 ] || exit 75\n')
        self.notify("notify-command", {"command": [script, count]})
        with open(count, encoding="utf-8") as file:
            self.assertEqual(file.read(), "x\nx\n")


def run_one(name):
    """Runs one test in a process of its own; returns its failures."""
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromName(name, sys.modules["__main__"]).run(result)
    return name, result.testsRun, [text for _, text in result.errors + result.failures]


def run_all():
    names = [f"Notifiers.{n}" for n in unittest.defaultTestLoader.getTestCaseNames(Notifiers)]
    broken = 0
    with multiprocessing.get_context("fork").Pool(6) as pool:
        for name, ran, problems in pool.imap_unordered(run_one, names, chunksize=1):
            broken += bool(problems) or ran != 1
            print(name, *(problems or ["ok" if ran == 1 else "was not run"]), flush=True)
    print(f"{len(names)} tests, {broken} failed")
    return 1 if broken or not names else 0


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)  # the SMTP server logs refused logins
    if len(sys.argv) > 1:
        unittest.main(verbosity=1)
    sys.exit(run_all())
