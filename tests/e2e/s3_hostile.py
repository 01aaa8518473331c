#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""A hostile store: answers each list of a bucket with XML that does not end.

    s3_hostile.py FOLDER

listens on a port of 127.0.0.1, which it writes to FOLDER/port.  It makes FOLDER/asked when a
request has come.  FOLDER/kind names the attack:

    attribute   a tag whose attribute never ends
    names       names without an end, in one page
    blanks      white space without an end, 4 KiB every 10 ms
    same        whole pages, whose continuation token is always the same
    drip        objects whose bytes come one by one
    error       status 500 with a body that never ends
    html        the page of a proxy
    other       the answer to another request
    full        a whole page that does not say whether it is the last
"""

import http.server
import os
import sys
import time

folder = sys.argv[1]
HEAD = b'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult>'
ENTRY = (
    b"<Contents><Key>p/backup_2026-01-01T00-00-00-000Z/x%08d</Key><Size>1</Size>"
    b"<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
)


def pieces(kind, path):
    if kind == "drip" and "list-type" not in path:
        while True:
            time.sleep(0.1)
            yield b" "
    if kind == "drip":
        yield HEAD + ENTRY.replace(b"x%08d", b"manifest.json")
        yield b"<IsTruncated>false</IsTruncated></ListBucketResult>"
        return
    if kind == "same":
        yield HEAD + ENTRY % 1 + b"<IsTruncated>true</IsTruncated>"
        yield b"<NextContinuationToken>again</NextContinuationToken></ListBucketResult>"
        return
    if kind == "html":
        yield b"<html><body>Please log in</body></html>"
        return
    if kind == "other":
        yield b"<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>"
        return
    if kind == "full":
        yield HEAD + b"".join(ENTRY % i for i in range(1000)) + b"</ListBucketResult>"
        return
    yield {"attribute": HEAD + b'<a b="', "names": HEAD, "error": b"<Error>"}.get(kind, b"")
    count = 0
    while True:
        count += 1
        if kind == "blanks":
            time.sleep(0.01)
        yield ENTRY % count * 500 if kind == "names" else b" " * (4096 if kind == "blanks" else 65536)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(os.path.join(folder, "kind"), encoding="utf-8") as file:
            kind = file.read().strip()
        self.send_response(500 if kind == "error" else 200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Connection", "close")
        if kind == "drip" and "list-type" not in self.path:
            self.send_header("Content-Length", "1000000")
            self.send_header("ETag", '"0123456789abcdef0123456789abcdef"')
        self.end_headers()
        self.close_connection = True
        open(os.path.join(folder, "asked"), "w", encoding="utf-8").close()
        try:
            for piece in pieces(kind, self.path):
                self.wfile.write(piece)
        except OSError:
            pass

    def log_message(self, *unused):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(os.path.join(folder, "port.new"), "w", encoding="utf-8") as file:
    file.write(str(server.server_address[1]))
os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
server.serve_forever()
