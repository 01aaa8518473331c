#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""A proxy between a client and an S3 server that counts requests and makes faults.

    s3proxy.py FOLDER SERVER_PORT [CERTIFICATE KEY]

listens on a port of 127.0.0.1, which it writes to FOLDER/port; with a certificate it speaks https.
It connects to http on SERVER_PORT and forwards requests unchanged: Host stays as the client signed
it.

FOLDER/orders holds the faults, one per line.  The proxy checks the file before each request; when
it has changed, all counts start at 0.  The first line that fits a request and is not used up
applies to it:

    OPERATION FAULT [ARGUMENT...] [times=N] [skip=N] [key=TEXT]

times: the number of faults (default: no limit); skip: this many fitting requests pass first; key:
only requests whose key contains TEXT.
OPERATION is one of those below, or `any`.  FAULT is one of

    answer STATUS CODE     an <Error> with that code; the server gets no request
    instead STATUS CODE    the same, but the server has executed the request
    answer200 CODE         <Error> in a 200; the server gets no request
    lose                   the server has executed the request; the connection is reset without an
                           answer
    reset-up N             the connection is reset after N bytes of the request's body
    reset-down N           ... of the answer's body
    stall-up N             the connection stalls after N bytes of the request's body
    stall-down N           ... of the answer's body
    cut N                  the connection is closed after N bytes of the answer's body
    shrink N               the answer and its Content-Length are shortened to N bytes
    flip N                 bit 0 of byte N of the answer's body is flipped
    pace SIZE MS           both bodies in pieces of at most SIZE bytes, MS apart
    wait MS                the request is forwarded MS later
    date SECONDS           answers 403 RequestTimeTooSkewed and a Date that far off
    checksums              acts as a store that checks x-amz-checksum-*, returns them in its answer,
                           and requires them again when an upload is completed
    checksums wrong        ... and returns wrong ones
    checksums once         ... of the first body only

The proxy appends a line to FOLDER/requests when the answer of a request begins or its connection
ends:

    OPERATION METHOD STATUS FAULT UP DOWN KEY

STATUS is `-` without an answer, FAULT is `-` without a fault.  Instead of `checksums` FAULT names
what covers the body, as `crc32+md5` or `sha256+signed`.  UP and DOWN are the lengths in the
headers.  KEY is percent-encoded and is the rest of the line.  A stalled connection is reset when
the orders change.  The program ends when it is killed.
"""

import asyncio
import base64
import email.utils
import hashlib
import os
import re
import socket
import ssl
import struct
import sys
import time
import urllib.parse
import zlib

PIECE = 1 << 18
HEAD_MOST = 1 << 17
DOMAIN = ".s3.localhost"

# What a request is, by its method, whether it names an object, and a parameter of its query.
OPERATIONS = {
    ("PUT", True, "partNumber"): "upload-part",
    ("PUT", True, "retention"): "retain",
    ("PUT", True, "tagging"): "tag",
    ("POST", True, "uploads"): "create-upload",
    ("POST", True, "uploadId"): "complete-upload",
    ("DELETE", True, "uploadId"): "abort-upload",
    ("GET", True, "uploadId"): "list-parts",
    ("GET", True, "retention"): "get-retention",
    ("GET", False, "uploads"): "list-uploads",
    ("GET", False, "versioning"): "get-versioning",
    ("GET", False, "object-lock"): "get-lock",
    ("GET", False, "location"): "get-location",
    ("GET", False, "versions"): "list-versions",
    ("POST", False, "delete"): "delete-many",
    ("PUT", True, None): "put",
    ("GET", True, None): "get",
    ("HEAD", True, None): "head",
    ("DELETE", True, None): "delete",
    ("GET", False, None): "list",
    ("HEAD", False, None): "head-bucket",
}


class Order:
    """A line of FOLDER/orders."""

    def __init__(self, line):
        words = line.split()
        options = dict(word.split("=", 1) for word in words if "=" in word)
        words = [word for word in words if "=" not in word]
        self.operation, self.fault = words[:2]
        self.arguments = [int(word) if word.isdigit() else word for word in words[2:]]
        self.left = int(options.pop("times", 1 << 30))
        self.skip = int(options.pop("skip", 0))
        self.key = options.pop("key", "")
        if options or (self.operation != "any" and self.operation not in OPERATIONS.values()
                       and self.operation != "create-only" and self.operation != "copy"):
            raise ValueError(f"cannot read the order: {line}")

    def fits(self, request):
        if self.operation not in ("any", request.operation) or self.key not in request.key:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.left -= 1
        return self.left >= 0


class Request:
    """The head of a request."""

    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = lines[0].split(" ", 2)
        self.headers = headers_of(lines)
        self.length = int(self.headers.get("content-length", 0))
        path, _, search = self.target.partition("?")
        host = self.headers.get("host", "").rpartition(":")[0] or self.headers.get("host", "")
        self.key = path.lstrip("/") if host.endswith(DOMAIN) else path.lstrip("/").partition("/")[2]
        self.operation = self._operation(urllib.parse.parse_qs(search, keep_blank_values=True))

    def _operation(self, query):
        if self.method == "PUT" and "x-amz-copy-source" in self.headers:
            return "copy"
        if self.method == "PUT" and self.key and not query and "if-none-match" in self.headers:
            return "create-only"
        for (method, named, parameter), operation in OPERATIONS.items():
            if method == self.method and named == bool(self.key) and parameter in query:
                return operation
        return OPERATIONS.get((self.method, bool(self.key), None), "other")


def headers_of(lines):
    pairs = (line.partition(":") for line in lines[1:] if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


CHECKSUMS = {
    "x-amz-checksum-crc32": ("CRC32", lambda data: zlib.crc32(data).to_bytes(4, "big")),
    "x-amz-checksum-sha256": ("SHA256", lambda data: hashlib.sha256(data).digest()),
}


class Checksums:
    """For a store that checks them: the algorithm of each upload, and the checksum of each part."""

    def __init__(self):
        self.algorithms, self.parts, self.compared = {}, {}, 0

    def refusal(self, request, body):
        """The code of an error, or None."""
        if request.operation == "create-upload":
            self.algorithms[request.key] = request.headers.get("x-amz-checksum-algorithm")
            self.parts = {place: value for place, value in self.parts.items() if place[0] != request.key}
        if request.operation == "complete-upload":
            return None if self._has_all(request.key, body.decode()) else "InvalidPart"
        for header, (algorithm, digest) in CHECKSUMS.items():
            if header not in request.headers:
                continue
            if base64.b64encode(digest(body)).decode() != request.headers[header]:
                return "BadDigest"
            if request.operation == "upload-part":
                if self.algorithms.get(request.key) != algorithm:
                    return "InvalidRequest"
                number = re.search(r"partNumber=(\d+)", request.target).group(1)
                self.parts[request.key, number] = f"<Checksum{algorithm}>{request.headers[header]}</"
        return None

    def _has_all(self, key, body):
        parts = re.findall(r"<Part>.*?</Part>", body, re.DOTALL)
        texts = {re.search(r"<PartNumber>(\d+)<", part).group(1): part for part in parts}
        return all(text in texts.get(number, "") for (of, number), text in self.parts.items() if of == key)

    def echo(self, request, how):
        """Lines for the answer."""
        lines = [f"{name}: {request.headers[name]}" for name in CHECKSUMS if name in request.headers]
        self.compared += len(lines)
        if how == "wrong":
            return [line[:line.index(":")] + ": AAAAAA==" for line in lines]
        return lines if how != "once" or self.compared <= 1 else []


def cover(request):
    """What protects the body of a request against damage."""
    names = [name.rpartition("-")[2] for name in CHECKSUMS if name in request.headers]
    names += ["md5"] * ("content-md5" in request.headers)
    names += ["signed"] * (request.headers.get("x-amz-content-sha256") != "UNSIGNED-PAYLOAD")
    return "+".join(names) or "nothing"


class Gone(Exception):
    """The connection to the client has ended, or was ended by a fault."""


class Proxy:
    def __init__(self, folder, port):
        self.folder, self.port = folder, port
        self.orders, self.version = [], None
        self.checksums = Checksums()
        self.log = open(os.path.join(folder, "requests"), "a", encoding="ascii", buffering=1)

    def read_orders(self):
        try:
            stat = os.stat(os.path.join(self.folder, "orders"))
        except FileNotFoundError:
            return
        version = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        if version != self.version:
            self.version = version
            with open(os.path.join(self.folder, "orders"), encoding="ascii") as file:
                self.orders = [Order(line) for line in file if line.strip()]
            self.checksums = Checksums()

    def order_for(self, request):
        self.read_orders()
        for order in self.orders:
            if order.fits(request):
                return order
        return None

    async def stall(self):
        """Waits until the orders change, at most 10 minutes."""
        before = self.version
        for _ in range(6000):
            await asyncio.sleep(0.1)
            self.read_orders()
            if self.version != before:
                break
        raise Gone

    async def serve(self, reader, writer):
        connection = Connection(self, reader, writer)
        try:
            while await connection.one_request():
                pass
            writer.close()
        except (Gone, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            reset(writer)


def reset(writer):
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Connection:
    """The connection of one client."""

    def __init__(self, proxy, reader, writer):
        self.proxy, self.reader, self.writer = proxy, reader, writer

    async def one_request(self):
        """False when the connection is to be closed after it."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return False
        self.request = Request(head)
        order = self.proxy.order_for(self.request)
        self.fault = order.fault if order else None
        self.arguments = order.arguments if order else []
        self.body = None
        self.logged = False
        try:
            return await self._answer(head)
        finally:
            self._log("-", 0)

    def _log(self, status, down):
        if not self.logged:
            self.logged = True
            request = self.request
            fault = cover(request) if self.fault == "checksums" else self.fault or "-"
            self.proxy.log.write(f"{request.operation} {request.method} {status} {fault} "
                                 f"{request.length} {down} {request.key}\n")

    async def _answer(self, head):
        if self.fault in ("answer", "answer200", "date"):
            await self._body_up(None)
            return await self._error(*self._words())
        if self.fault == "wait":
            await asyncio.sleep(self.arguments[0] / 1000)
        if self.fault == "checksums":
            self.body = await self.reader.readexactly(self.request.length)
            refusal = self.proxy.checksums.refusal(self.request, self.body)
            if refusal:
                return await self._error(400, refusal, 0)
        server = await asyncio.open_connection("127.0.0.1", self.proxy.port, limit=HEAD_MOST)
        try:
            return await self._pass(head, *server)
        finally:
            server[1].transport.abort()

    def _words(self):
        if self.fault == "answer200":
            return 200, self.arguments[0], 0
        if self.fault == "date":
            return 403, "RequestTimeTooSkewed", int(self.arguments[0])
        return self.arguments[0], self.arguments[1], 0

    async def _error(self, status, code, seconds):
        body = (f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>'
                f"<Message>as ordered</Message><RequestId>0</RequestId></Error>").encode()
        date = email.utils.formatdate(time.time() + seconds, usegmt=True)
        self._log(status, len(body))
        self.writer.write(f"HTTP/1.1 {status} As Ordered\r\nDate: {date}\r\nContent-Type: application/xml\r\n"
                          f"Content-Length: {len(body)}\r\n\r\n".encode())
        if self.request.method != "HEAD":
            self.writer.write(body)
        await self.writer.drain()
        return True

    async def _body_up(self, server):
        if self.body is not None:
            server.write(self.body)
            await server.drain()
            return
        left, stop = self.request.length, self._place("reset-up", "stall-up")
        passed = 0
        while left > 0:
            size = min(left, PIECE, self.arguments[0] if self.fault == "pace" else PIECE)
            if stop is not None:
                await self._at_place(passed, stop)
                size = min(size, stop - passed)
            data = await self.reader.read(size)
            if not data:
                raise Gone
            left -= len(data)
            passed += len(data)
            if server is not None:
                server.write(data)
                await server.drain()
            await self._pause()
        if stop is not None:
            await self._at_place(stop, stop)

    def _place(self, *faults):
        return self.arguments[0] if self.fault in faults else None

    async def _at_place(self, passed, stop):
        if passed < stop:
            return
        if self.fault.startswith("stall"):
            await self.proxy.stall()
        raise Gone

    async def _pause(self):
        if self.fault == "pace":
            await asyncio.sleep(self.arguments[1] / 1000)

    async def _pass(self, head, server_reader, server):
        first, _, rest = head.partition(b"\r\n")
        server.write(first + b"\r\nConnection: close\r\n" + rest)
        up = asyncio.ensure_future(self._body_up(server))
        answer = asyncio.ensure_future(self._answer_head(server_reader))
        try:
            # a server may refuse before it has read all
            await asyncio.wait({up, answer}, return_when=asyncio.FIRST_COMPLETED)
            if up.done():
                up.result()
            status, headers = await answer
            return await self._pass_answer(status, headers, server_reader) and up.done()
        finally:
            up.cancel()
            answer.cancel()
            await asyncio.gather(up, answer, return_exceptions=True)

    async def _answer_head(self, server_reader):
        while True:
            head = await server_reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
            status = int(lines[0].split()[1])
            if status != 100:
                return status, lines
            self.writer.write(head)

    async def _pass_answer(self, status, lines, server_reader):
        if self.fault == "lose":
            await server_reader.read(PIECE)
            raise Gone
        if self.fault == "instead":
            await server_reader.read(PIECE)
            return await self._error(*self._words())
        headers = headers_of(lines)
        length = headers.get("content-length")
        framed = length is not None or "transfer-encoding" in headers
        empty = self.request.method == "HEAD" or status in (204, 304)
        lines = [line for line in lines if not line.lower().startswith("connection:")]
        if self.fault == "checksums" and status == 200:
            lines += self.proxy.checksums.echo(self.request, "".join(self.arguments))
        if self.fault == "shrink" and not empty:
            lines = [line for line in lines if not line.lower().startswith("content-length:")]
            lines.append(f"Content-Length: {self.arguments[0]}")
        self._log(status, length or 0)
        self.writer.write("\r\n".join(lines + ["", ""]).encode("latin-1"))
        if not empty:
            await self._body_down(server_reader)
        await self.writer.drain()
        return (framed or empty) and self.fault != "cut"

    async def _body_down(self, server_reader):
        stop = self._place("reset-down", "stall-down", "cut", "shrink")
        flip = self._place("flip")
        passed = 0
        while stop is None or passed < stop:
            size = self.arguments[0] if self.fault == "pace" else PIECE
            data = await server_reader.read(size if stop is None else min(size, stop - passed))
            if not data:
                break
            if flip is not None and passed <= flip < passed + len(data):
                data = bytearray(data)
                data[flip - passed] ^= 1
            passed += len(data)
            self.writer.write(data)
            await self.writer.drain()
            await self._pause()
        if stop is not None and self.fault in ("reset-down", "stall-down"):
            await self._at_place(stop, stop)


async def main():
    folder, port = sys.argv[1], int(sys.argv[2])
    context = None
    if len(sys.argv) > 3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[3], sys.argv[4])
    proxy = Proxy(folder, port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=context, limit=HEAD_MOST)
    path = os.path.join(folder, "port")
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(f"{server.sockets[0].getsockname()[1]}\n")
    os.rename(path + ".new", path)
    await server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) not in (3, 5):
        sys.exit(__doc__)
    asyncio.run(main())
