#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""What belongs to the process: streams that fail, signals, terminals, the locale.

    test_process.py PROGRAM FIXTURES     PROGRAM is the command line on the fake library
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import pexpect

PROGRAM, FIXTURES = sys.argv[1:3]


def environment(**more):
    """A small one, so that what the tester has set does not matter."""
    kept = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS") or k == "PATH"}
    return {**kept, "LC_ALL": "C", "TERM": "xterm", **more}


def run(words, **options):
    options.setdefault("stdout", subprocess.PIPE)
    more = options.pop("env", {})
    return subprocess.run(
        [PROGRAM, *words], stderr=subprocess.PIPE, text=True, timeout=30, env=environment(**more), **options
    )


def fixture(name):
    with open(os.path.join(FIXTURES, name + ".json")) as file:
        return file.read()


def waits_for_a_signal(pid):
    """Waits until the process has its handlers and sits in its job."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with open(f"/proc/{pid}/status") as file:
            fields = dict(line.split(":\t", 1) for line in file if ":\t" in line)
        if int(fields["SigCgt"], 16) >> (signal.SIGTERM - 1) & 1 and fields["State"].startswith("S"):
            return
        time.sleep(0.02)
    raise AssertionError("the program does not wait")


def wait_for_delivery(pid, number):
    """Waits until a signal is no longer pending: two that are pending have no order."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with open(f"/proc/{pid}/status") as file:
            fields = dict(line.split(":\t", 1) for line in file if ":\t" in line)
        pending = int(fields["SigPnd"], 16) | int(fields["ShdPnd"], 16)
        if not pending >> (number - 1) & 1:
            return
        time.sleep(0.02)
    raise AssertionError("the signal is still pending")


class Streams(unittest.TestCase):
    def test_a_full_disk_is_a_failure_that_is_told(self):
        with open("/dev/full", "w") as full:
            result = run(["help"], stdout=full)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(
            result.stderr, "hangar: cannot write to standard output: No space left on device\n"
        )

    def test_a_reader_that_has_gone_gets_no_message(self):
        reader, writer = os.pipe()
        os.close(reader)
        result = run(["help"], stdout=writer)
        os.close(writer)
        self.assertEqual((result.returncode, result.stderr), (1, ""))

    def test_a_closed_standard_output_is_a_failure_when_something_was_to_be_printed(self):
        result = subprocess.run(
            ["sh", "-c", '"$0" version >&-', PROGRAM], stderr=subprocess.PIPE, text=True, env=environment()
        )
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot write to standard output", result.stderr)

    def test_a_file_never_takes_the_place_of_a_closed_stream(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "new.yaml")
            script = '"$0" init "$1" >&- 2>&- <&-'
            result = subprocess.run(["sh", "-c", script, PROGRAM, path], env=environment())
            self.assertEqual(result.returncode, 0)
            with open(path) as file:
                self.assertEqual(file.read(), "version: 1\n")


class Signals(unittest.TestCase):
    def stop(self, waits, *numbers):
        process = subprocess.Popen(
            [PROGRAM, "check"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(FAKE_WAITS=str(waits), FAKE_STATUS="130"),
        )
        try:
            waits_for_a_signal(process.pid)
            process.send_signal(numbers[0])
            wait_for_delivery(process.pid, numbers[0])
            # sent until the process ends: its handler may not have run yet
            deadline = time.monotonic() + 20
            while numbers[1:] and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
                process.send_signal(numbers[1])
            _, err = process.communicate(timeout=20)
        finally:
            process.kill()
            process.wait()
        return process.returncode, err

    def test_a_signal_cancels_the_job(self):
        self.assertEqual(self.stop(1, signal.SIGINT), (130, "hangar: interrupted\n"))
        self.assertEqual(self.stop(1, signal.SIGTERM), (143, "hangar: interrupted\n"))

    def test_a_second_signal_ends_a_job_that_does_not_end(self):
        self.assertEqual(self.stop(2, signal.SIGINT, signal.SIGINT), (130, ""))
        self.assertEqual(self.stop(2, signal.SIGINT, signal.SIGTERM), (143, ""))

    def test_a_signal_that_was_ignored_stays_ignored(self):
        script = 'trap "" INT; kill -INT $$; exec "$0" version'
        result = subprocess.run(
            ["sh", "-c", script, PROGRAM], stdout=subprocess.PIPE, text=True, env=environment()
        )
        self.assertEqual((result.returncode, result.stdout), (0, "hangar 0.1.0\n"))


class Terminal(unittest.TestCase):
    def spawn(self, words, **more):
        return pexpect.spawn(
            PROGRAM, words, env=environment(**more), encoding="utf-8", timeout=20, dimensions=(24, 80)
        )

    def end(self, child):
        text = child.read()
        child.close()
        return text, child.exitstatus

    def test_a_person_is_asked_before_a_restore(self):
        child = self.spawn(["restore", "latest"], FAKE_JSON=fixture("plan"))
        child.expect_exact("and Redis localhost:6379? [y/N] ")
        child.sendline("n")
        text, status = self.end(child)
        self.assertIn("not restored: nothing was changed", text)
        self.assertEqual(status, 1)

    def test_a_person_can_interrupt_the_question(self):
        child = self.spawn(["restore", "latest"], FAKE_JSON=fixture("plan"))
        child.expect_exact("? [y/N] ")
        child.sendintr()
        text, status = self.end(child)
        self.assertIn("interrupted; nothing was changed", text)
        self.assertEqual(status, 130)

    def test_a_person_can_agree(self):
        child = self.spawn(["restore", "latest"], FAKE_JSON=fixture("plan"))
        child.expect_exact("? [y/N] ")
        child.sendline("y")
        text, status = self.end(child)
        self.assertIn("restored", text)
        self.assertEqual(status, 0)

    def test_colours_follow_the_terminal_and_no_color(self):
        document = fixture("check/check")
        for more, colours in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
            text, _ = self.end(self.spawn(["check"], FAKE_JSON=document, **more))
            self.assertEqual("\033[" in text, colours, more)

    def test_symbols_follow_the_locale(self):
        for locale, symbol in (("C", "ok "), ("C.UTF-8", "✓ ")):
            result = run(["check"], env={"LC_ALL": locale, "FAKE_JSON": fixture("check/check")})
            self.assertIn("  " + symbol, result.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
