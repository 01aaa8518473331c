#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""A PostgreSQL that sends what no server sends: a proxy that inserts messages.

    liar.py FOLDER SERVER KIND

listens on FOLDER/.s.PGSQL.5432 and passes all bytes to and from the server at the socket SERVER.
Before the first row of a query that has pg_is_in_recovery in it, it sends, by KIND:

    rows         rows of that query, without an end
    parameters   settings, each of another name, without an end
    error        an error of 2 GB
    notice       a notice of 2 GB
    notify       1.5 GiB of notifications, and then the answer of the server
"""

import os
import socket
import struct
import sys
import threading

folder, server, kind = sys.argv[1:]


def message(letter, body):
    return letter + struct.pack("!I", len(body) + 4) + body


def lies():
    """The messages to insert."""
    if kind == "rows":
        row = message(b"D", struct.pack("!Hi", 1, 60000) + b"x" * 60000)
        while True:
            yield row
    if kind == "parameters":
        number = 0
        while True:
            number += 1
            yield message(b"S", b"p%d\0" % number + b"v" * 25000 + b"\0")
    if kind in ("error", "notice"):
        yield {"error": b"E", "notice": b"N"}[kind] + struct.pack("!I", 2000000000) + b"SERROR\0C42000\0M"
        for _ in range(2000000000 // 65536):
            yield b"m" * 65536
    if kind == "notify":
        event = message(b"A", b"\0\0\0\1" + b"c" * 12000 + b"\0" + b"p" * 12000 + b"\0")
        for _ in range(3 << 29 >> 14):
            yield event


def receive(link, size):
    data = b""
    while len(data) < size:
        piece = link.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


class Session(threading.Thread):
    def __init__(self, client):
        super().__init__(daemon=True)
        self.client = client
        self.server = socket.socket(socket.AF_UNIX)
        self.server.connect(server)
        self.asked = self.lied = False

    def pass_questions(self):
        try:
            while data := self.client.recv(65536):
                self.asked = self.asked or b"pg_is_in_recovery" in data
                self.server.sendall(data)
        except OSError:
            pass
        self.end()

    def pass_answers(self):
        while True:
            letter = receive(self.server, 1)
            size = receive(self.server, 4)
            body = receive(self.server, struct.unpack("!I", size)[0] - 4)
            if letter == b"D" and self.asked and not self.lied:
                self.lied = True
                for lie in lies():
                    self.client.sendall(lie)
            self.client.sendall(letter + size + body)

    def end(self):
        for link in (self.client, self.server):
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def run(self):
        threading.Thread(target=self.pass_questions, daemon=True).start()
        try:
            self.pass_answers()
        except (OSError, EOFError):
            pass
        self.end()


listener = socket.socket(socket.AF_UNIX)
listener.bind(os.path.join(folder, ".s.PGSQL.5432"))
listener.listen(20)
while True:
    Session(listener.accept()[0]).start()
