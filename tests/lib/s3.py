#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""A small S3 client, with which tests change a store directly.

    s3.py make-bucket BUCKET [--lock]     with object lock
    s3.py versioning BUCKET               on from now on
    s3.py list BUCKET [PREFIX]            "SIZE KEY" a line, keys percent-encoded
    s3.py versions BUCKET [PREFIX]        "version|marker ID KEY" a line
    s3.py uploads BUCKET                  unfinished multipart uploads: "ID KEY" a line
    s3.py get BUCKET KEY FILE
    s3.py put BUCKET KEY FILE
    s3.py head BUCKET KEY                 the headers, lower case, "NAME: VALUE" a line
    s3.py tags BUCKET KEY                 "NAME=VALUE" a line
    s3.py remove BUCKET KEY
    s3.py empty BUCKET [PREFIX]           removes all objects and uploads
    s3.py flip BUCKET KEY OFFSET          changes one bit of an object
    s3.py start-upload BUCKET KEY FILE    leaves a multipart upload with one part; prints its ID

It is independent of hangar and shares no code with its signer.  The variables of s3.sh name the
server; KEY and PREFIX are as stored.  Exit status 4 when there is no such object, 1 for other
refusals.
"""

import base64
import datetime
import hashlib
import hmac
import http.client
import os
import sys
import urllib.parse
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body[:500].decode(errors='replace')}")
        self.status = status


def quote(text, safe="~"):
    return urllib.parse.quote(text, safe=safe)


def element(root, name):
    """The texts of all elements of this name, whatever their namespace."""
    return [node.text or "" for node in root.iter() if node.tag.rpartition("}")[2] == name]


class S3:
    """One connection, path style, plain http."""

    def __init__(self, endpoint=None, access=None, secret=None, region=None):
        env = os.environ
        self.host = urllib.parse.urlsplit(endpoint or env["S3_ENDPOINT"]).netloc
        self.access = access or env["S3_ACCESS_KEY"]
        self.secret = secret or env["S3_SECRET_KEY"]
        self.region = region or env["S3_REGION"]
        self.connection = http.client.HTTPConnection(self.host, timeout=120)

    def request(self, method, bucket, key="", query=None, headers=None, body=b""):
        """Status, headers (lower case) and body; Refused from 300 on."""
        path = "/" + quote(bucket) + ("/" + quote(key, "/~") if key else "")
        search = "&".join(f"{quote(k)}={quote(v)}" for k, v in sorted((query or {}).items()))
        now = datetime.datetime.now(datetime.timezone.utc)
        day, stamp = now.strftime("%Y%m%d"), now.strftime("%Y%m%dT%H%M%SZ")
        sent = {k.lower(): v for k, v in (headers or {}).items()}
        digest = hashlib.sha256(body).hexdigest()
        sent.update({"host": self.host, "x-amz-date": stamp, "x-amz-content-sha256": digest})
        names = ";".join(sorted(sent))
        canonical = "\n".join([method, path, search] + [f"{k}:{sent[k]}" for k in sorted(sent)]
                              + ["", names, digest])
        scope = f"{day}/{self.region}/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key_now = ("AWS4" + self.secret).encode()
        for word in scope.split("/"):
            key_now = hmac.digest(key_now, word.encode(), "sha256")
        signature = hmac.digest(key_now, text.encode(), "sha256").hex()
        sent["authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.access}/{scope}, "
                                 f"SignedHeaders={names}, Signature={signature}")
        self.connection.request(method, path + ("?" + search if search else ""), body, sent)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise Refused(answer.status, content)
        return {k.lower(): v for k, v in answer.getheaders()}, content

    def xml(self, *args, **kwargs):
        return ET.fromstring(self.request(*args, **kwargs)[1])

    def make_bucket(self, bucket, lock=False):
        self.request("PUT", bucket, headers={"x-amz-bucket-object-lock-enabled": "true"} if lock else {})

    def put(self, bucket, key, body, headers=None):
        self.request("PUT", bucket, key, headers=headers, body=body)

    def get(self, bucket, key):
        return self.request("GET", bucket, key)[1]

    def remove(self, bucket, key, version=None):
        self.request("DELETE", bucket, key, {"versionId": version} if version else {})

    def list(self, bucket, prefix=""):
        """(key, size) of everything below a prefix."""
        token = None
        while True:
            query = {"list-type": "2", "prefix": prefix, "encoding-type": "url"}
            if token:
                query["continuation-token"] = token
            root = self.xml("GET", bucket, query=query)
            keys, sizes = element(root, "Key"), element(root, "Size")
            for key, size in zip(keys, sizes):
                yield urllib.parse.unquote_plus(key), int(size)
            tokens = element(root, "NextContinuationToken")
            if not tokens:
                return
            token = tokens[0]

    def versions(self, bucket, prefix=""):
        """(kind, version, key), of at most 1000."""
        root = self.xml("GET", bucket, query={"versions": "", "prefix": prefix})
        for node in root.iter():
            name = node.tag.rpartition("}")[2]
            if name in ("Version", "DeleteMarker"):
                kind = "version" if name == "Version" else "marker"
                yield kind, element(node, "VersionId")[0], element(node, "Key")[0]

    def uploads(self, bucket):
        """(upload id, key) of at most 1000."""
        root = self.xml("GET", bucket, query={"uploads": ""})
        return list(zip(element(root, "UploadId"), element(root, "Key")))

    def start_upload(self, bucket, key, part):
        root = self.xml("POST", bucket, key, {"uploads": ""})
        upload = element(root, "UploadId")[0]
        self.request("PUT", bucket, key, {"partNumber": "1", "uploadId": upload}, body=part)
        return upload

    def empty(self, bucket, prefix=""):
        for upload, key in self.uploads(bucket):
            self.request("DELETE", bucket, key, {"uploadId": upload})
        for key in [key for key, _ in self.list(bucket, prefix)]:
            self.remove(bucket, key)


def many(count, work, threads=8):
    """work(client, i) for each i below count, on several connections."""
    def some(first):
        client = S3()
        for i in range(first, count, threads):
            work(client, i)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(some, range(threads)))


def versioning(client, bucket):
    body = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    client.request("PUT", bucket, query={"versioning": ""}, headers={"content-md5": md5}, body=body)


def flip(client, bucket, key, offset):
    body = bytearray(client.get(bucket, key))
    body[offset] ^= 1
    client.put(bucket, key, bytes(body))


def read(path):
    with open(path, "rb") as file:
        return file.read()


def run(command, args):
    client = S3()
    if command == "make-bucket":
        client.make_bucket(args[0], args[1:] == ["--lock"])
    elif command == "versioning":
        versioning(client, *args)
    elif command == "list":
        for key, size in client.list(*args):
            print(size, quote(key, "/~"))
    elif command == "versions":
        for line in client.versions(*args):
            print(*line)
    elif command == "uploads":
        for line in client.uploads(*args):
            print(*line)
    elif command == "get":
        body = client.get(*args[:2])
        with open(args[2], "wb") as file:
            file.write(body)
    elif command == "put":
        client.put(args[0], args[1], read(args[2]))
    elif command == "head":
        for name, value in client.request("HEAD", *args)[0].items():
            print(f"{name}: {value}")
    elif command == "tags":
        root = client.xml("GET", *args, {"tagging": ""})
        for name, value in zip(element(root, "Key"), element(root, "Value")):
            print(f"{name}={value}")
    elif command == "remove":
        client.remove(*args)
    elif command == "empty":
        client.empty(*args)
    elif command == "flip":
        flip(client, args[0], args[1], int(args[2]))
    elif command == "start-upload":
        print(client.start_upload(args[0], args[1], read(args[2])))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        run(sys.argv[1], sys.argv[2:])
    except Refused as refused:
        print(f"s3.py: {refused}", file=sys.stderr)
        sys.exit(4 if refused.status == 404 else 1)
