#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""Simulates STS, the endpoint of a container and the metadata service of an instance.

    endpoint.py FOLDER

It listens on a free port of 127.0.0.1, which it writes to FOLDER/port, and writes a line for each
request to FOLDER/requests.  FOLDER/say, JSON, is read for each request and contains the faults to
make:

    lifetime    of keys, in seconds (default 3600)
    only        the fault is for paths that begin so
    status, body  the answer
    times       the fault ends after so many requests
    kind        stall: no answer; drip: a byte now and then; huge: 1 MiB; short: less than
                announced; redirect: to another URL; gate: waits until FOLDER/open exists

The keys are invented, unless FOLDER/keys has an id and a secret.
"""

import http.server
import json
import os
import sys
import threading
import time
import urllib.parse

ROLES = "/latest/meta-data/iam/security-credentials/"
IMDS_TOKEN = "CANARY-IMDS-TOKEN=="
folder = sys.argv[1]
lock = threading.Lock()
issued = 0
misbehaved = 0


def path_of(name):
    return os.path.join(folder, name)


def read(name, default=""):
    try:
        with open(path_of(name), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return default


def new_keys(lifetime):
    global issued
    with lock:
        issued += 1
        number = issued
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + lifetime))
    real = read("keys").split()
    if real:
        return real[0], real[1], "", expires
    return f"AKIDTEST{number}", f"CANARY-SECRET-{number}", f"CANARY-TOKEN-{number}", expires


class Endpoint(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):
        pass

    def answer(self, status, body, announced=None):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data) if announced is None else announced))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = True

    def misbehave(self, say):
        """True when that was the answer."""
        global misbehaved
        if not self.path.startswith(say.get("only", "")):
            return False
        with lock:
            misbehaved += 1
            if misbehaved > say.get("times", 1 << 30):
                return False
        kind = say.get("kind")
        if kind == "gate":
            while not os.path.exists(path_of("open")):
                time.sleep(0.01)
        elif kind == "stall":
            time.sleep(60)
            return True
        elif kind == "drip":
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            while True:
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.05)
        elif kind == "huge":
            self.answer(200, "x" * (1 << 20))
            return True
        elif kind == "short":
            self.answer(200, "{", 1000)
            return True
        elif kind == "redirect":
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return True
        elif "status" in say or "body" in say:
            self.answer(say.get("status", 200), say.get("body", ""))
            return True
        return False

    def serve(self):
        size = int(self.headers.get("Content-Length") or 0)
        form = dict(urllib.parse.parse_qsl(self.rfile.read(size).decode()))
        say = json.loads(read("say", "{}"))
        with lock, open(path_of("requests"), "a", encoding="utf-8") as file:
            file.write(f"{self.command} {self.path} {form.get('RoleArn', '-')} "
                       f"{form.get('RoleSessionName', '-')}\n")
        if self.misbehave(say):
            return
        lifetime = say.get("lifetime", 3600)
        if self.path == "/sts":
            self.serve_sts(form, lifetime)
        elif self.path == "/container":
            wanted = read("auth").strip()
            if (self.headers.get("Authorization") or "") != wanted:
                self.answer(401, '{"message": "CANARY refused"}')
            else:
                self.serve_json(lifetime)
        elif self.path == "/latest/api/token":
            ttl = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
            good = self.command == "PUT" and ttl
            self.answer(200 if good else 400, IMDS_TOKEN if good else "")
        elif self.headers.get("X-aws-ec2-metadata-token") != IMDS_TOKEN:
            self.answer(401, "")
        elif self.path == ROLES:
            self.answer(200, "backup-role\n")
        elif self.path == ROLES + "backup-role":
            self.serve_json(lifetime)
        else:
            self.answer(404, "")

    def serve_json(self, lifetime):
        key, secret, token, expires = new_keys(lifetime)
        self.answer(200, json.dumps({"Code": "Success", "LastUpdated": expires, "Type": "AWS-HMAC",
                                     "AccessKeyId": key, "SecretAccessKey": secret, "Token": token,
                                     "Expiration": expires}))

    def serve_sts(self, form, lifetime):
        if form.get("Action") != "AssumeRoleWithWebIdentity" or form.get("Version") != "2011-06-15":
            self.answer(400, "<ErrorResponse><Error><Code>InvalidAction</Code></Error></ErrorResponse>")
        elif form.get("WebIdentityToken") != read("token").strip():
            self.answer(400, "<ErrorResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><Error>"
                        "<Type>Sender</Type><Code>InvalidIdentityToken</Code><Message>no: "
                        + form.get("WebIdentityToken", "") + "</Message></Error></ErrorResponse>")
        else:
            key, secret, token, expires = new_keys(lifetime)
            self.answer(200, "<AssumeRoleWithWebIdentityResponse xmlns='https://sts.amazonaws.com/'>"
                        "<AssumeRoleWithWebIdentityResult><SubjectFromWebIdentityToken>me"
                        "</SubjectFromWebIdentityToken><AssumedRoleUser><Arn>a</Arn></AssumedRoleUser>"
                        f"<Credentials><SessionToken>{token}</SessionToken><SecretAccessKey>{secret}"
                        f"</SecretAccessKey><Expiration>{expires}</Expiration><AccessKeyId>{key}"
                        "</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult>"
                        "</AssumeRoleWithWebIdentityResponse>")

    do_GET = do_PUT = do_POST = serve


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Clients disconnect during an answer: the tests do that on purpose."""


def main():
    server = Server(("127.0.0.1", 0), Endpoint)
    with open(path_of("port.new"), "w", encoding="utf-8") as file:
        file.write(str(server.server_port))
    os.rename(path_of("port.new"), path_of("port"))
    server.serve_forever()


main()
