#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""The proxy before S3 servers does each of its faults, and nothing else.

To be run by tests/lib/with_s3.
"""

import http.client
import os
import subprocess
import sys
import time
import unittest

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "lib"))
from s3 import S3, Refused, element  # noqa: E402

BODY = bytes(range(256)) * 4096  # 1 MiB
BROKEN = (ConnectionError, http.client.HTTPException)


class FaultsOfTheProxy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = os.environ["S3_WORK"]
        cls.process = subprocess.Popen([sys.executable, os.path.join(here, "s3proxy.py"), cls.folder,
                                        os.environ["S3_PORT"]])
        cls.addClassCleanup(cls.end_proxy)
        for _ in range(400):
            if os.path.exists(os.path.join(cls.folder, "port")):
                break
            time.sleep(0.05)
        with open(os.path.join(cls.folder, "port"), encoding="ascii") as file:
            cls.endpoint = f"http://127.0.0.1:{file.read().strip()}"
        cls.behind = S3()
        cls.behind.make_bucket("bucket")

    @classmethod
    def end_proxy(cls):
        cls.process.kill()
        cls.process.wait()

    def setUp(self):
        self.client = S3(self.endpoint)
        self.order()
        open(os.path.join(self.folder, "requests"), "w", encoding="ascii").close()

    def order(self, *lines):
        path = os.path.join(self.folder, "orders")
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write("".join(line + "\n" for line in lines))
        os.rename(path + ".new", path)

    def requests(self):
        with open(os.path.join(self.folder, "requests"), encoding="ascii") as file:
            return [line.rstrip("\n") for line in file]

    def stored(self, key):
        try:
            return self.behind.get("bucket", key)
        except Refused:
            return None

    def again(self):
        """A new connection works once the order is used up."""
        self.client = S3(self.endpoint)
        return self.client.get("bucket", "again")

    def test_without_orders_all_passes_and_is_counted(self):
        self.client.put("bucket", "one two+ü", BODY)
        self.assertEqual(self.client.get("bucket", "one two+ü"), BODY)
        self.client.request("HEAD", "bucket", "one two+ü")
        self.assertEqual([key for key, _ in self.client.list("bucket", "one")], ["one two+ü"])
        self.client.put("bucket", "new", b"", {"if-none-match": "*"})
        upload = self.client.start_upload("bucket", "big", BODY)
        self.client.request("DELETE", "bucket", "big", {"uploadId": upload})
        self.client.remove("bucket", "one two+ü")
        key = "one%20two%2B%C3%BC"
        self.assertEqual(self.requests(), [
            f"put PUT 200 - 1048576 0 {key}", f"get GET 200 - 0 1048576 {key}",
            f"head HEAD 200 - 0 1048576 {key}", self.requests()[3], "create-only PUT 200 - 0 0 new",
            self.requests()[5], "upload-part PUT 200 - 1048576 0 big", "abort-upload DELETE 204 - 0 0 big",
            f"delete DELETE 204 - 0 0 {key}"])
        self.assertTrue(self.requests()[3].startswith("list GET 200 - 0 "))
        self.assertTrue(self.requests()[5].startswith("create-upload POST 200 - 0 "))

    def test_answers_of_its_own_reach_no_server(self):
        self.order("put answer 503 SlowDown times=2 skip=1 key=x")
        self.client.put("bucket", "x1", b"1")
        for _ in range(2):
            with self.assertRaises(Refused) as caught:
                self.client.put("bucket", "x2", b"2")
            self.assertEqual(caught.exception.status, 503)
            self.assertIn("SlowDown", str(caught.exception))
        self.client.put("bucket", "y", b"y")
        self.assertIsNone(self.stored("x2"))
        self.client.put("bucket", "x2", b"2")
        self.assertEqual(self.stored("x2"), b"2")
        self.order("put answer200 InternalError")
        self.assertEqual(element(self.client.xml("PUT", "bucket", "x3"), "Code"), ["InternalError"])
        self.assertIsNone(self.stored("x3"))

    def test_a_clock_can_be_wrong(self):
        self.order("any date 7200 times=1")
        with self.assertRaises(Refused) as caught:
            self.client.put("bucket", "x", b"")
        self.assertIn("RequestTimeTooSkewed", str(caught.exception))

    def test_answers_can_be_lost_or_replaced(self):
        self.behind.put("bucket", "again", b"a")
        self.order("put lose times=1", "put instead 500 InternalError times=1")
        with self.assertRaises(BROKEN):
            self.client.put("bucket", "lost", b"1")
        self.assertEqual(self.stored("lost"), b"1")
        self.client = S3(self.endpoint)
        with self.assertRaises(Refused):
            self.client.put("bucket", "replaced", b"2")
        self.assertEqual(self.stored("replaced"), b"2")
        self.assertEqual(self.again(), b"a")

    def test_connections_break_in_the_middle_of_bodies(self):
        self.behind.put("bucket", "again", BODY)
        for place in (0, 1, 500000):
            self.order(f"put reset-up {place} times=1", f"get reset-down {place} times=1")
            with self.assertRaises(BROKEN):
                self.client.put("bucket", f"broken{place}", BODY)
            self.assertIsNone(self.stored(f"broken{place}"))
            self.client = S3(self.endpoint)
            with self.assertRaises(BROKEN):
                self.client.get("bucket", "again")
            self.assertEqual(self.again(), BODY)

    def test_answers_can_be_short_and_wrong(self):
        self.behind.put("bucket", "again", BODY)
        self.order("get cut 1000 times=1", "get shrink 1000 times=1", "get flip 300000 times=1")
        with self.assertRaises(http.client.IncompleteRead) as caught:
            self.client.get("bucket", "again")
        self.assertEqual(caught.exception.partial, BODY[:1000])
        self.client = S3(self.endpoint)
        self.assertEqual(self.client.get("bucket", "again"), BODY[:1000])
        self.client = S3(self.endpoint)
        wrong = self.client.get("bucket", "again")
        self.assertEqual([i for i in range(len(BODY)) if wrong[i] != BODY[i]], [300000])
        self.assertEqual(self.again(), BODY)

    def test_connections_stall_until_the_orders_change(self):
        self.behind.put("bucket", "again", BODY)
        for order in ("put stall-up 1000", "get stall-down 1000"):
            self.order(order)
            self.client = S3(self.endpoint)
            self.client.connection.timeout = 0.5
            with self.assertRaises(TimeoutError):
                self.client.put("bucket", "stalled", BODY) if "put" in order else self.client.get("bucket", "again")
            self.order()
            self.assertIsNone(self.stored("stalled"))
            self.assertEqual(self.again(), BODY)

    def test_it_acts_as_a_store_that_compares_checksums(self):
        right, wrong = {"x-amz-checksum-crc32": "y/U6HA=="}, {"x-amz-checksum-crc32": "AAAAAA=="}
        self.order("any checksums")
        self.client.put("bucket", "x", b"123456789", {"x-amz-checksum-crc32": "y/Q5Jg=="})
        self.assertEqual(self.stored("x"), b"123456789")
        for header in (right, wrong):
            with self.assertRaises(Refused) as caught:
                self.client.put("bucket", "refused", b"123456789", header)
            self.assertIn("BadDigest", str(caught.exception))
        self.assertIsNone(self.stored("refused"))
        self.assertEqual([line.split()[3] for line in self.requests()], ["crc32+signed"] * 3)

    def test_bytes_can_be_slow(self):
        self.order("any pace 1 0")
        self.client.put("bucket", "slow", BODY[:300])
        self.assertEqual(self.client.get("bucket", "slow"), BODY[:300])
        self.order("any wait 300")
        start = time.monotonic()
        self.assertEqual(self.client.get("bucket", "slow"), BODY[:300])
        self.assertGreaterEqual(time.monotonic() - start, 0.3)


if __name__ == "__main__":
    unittest.main(warnings="ignore")
