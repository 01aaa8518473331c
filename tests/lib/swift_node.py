#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""OpenStack Swift with its S3 interface, on one node, for tests.

    swift_node.py FOLDER

FOLDER has etc/, data/, run/ and tls/ (cert.pem, key.pem).  Each of Swift's servers (account,
container, object, and two proxies, for http and https) is a child of this process, on a free port
of 127.0.0.1.  When one of these processes ends, all end.  The ports of the two proxies are written
to run/ports once both answer.  /etc/swift is not read, and no memcached is needed.
"""

import ctypes
import os
import signal
import socket
import ssl
import sys
import time
import types
import urllib.request

import swift.common.utils as utils
from swift.common import wsgi
from swift.common.ring import RingBuilder

BACKENDS = ("account", "container", "object")
PROXIES = ("proxy", "proxy-tls")

COMMON = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {folder}/etc
devices = {folder}/data
mount_check = false
fallocate_reserve = 0
disable_fallocate = true
log_level = WARNING
log_address = {folder}/run/no-syslog
max_clients = 1024
"""

BACKEND = """\
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
recon_cache_path = {folder}/run
"""

PROXY = """\
[pipeline:main]
pipeline = catch_errors cache listing_formats bulk s3api tempauth copy slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
node_timeout = 60
conn_timeout = 5
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = call:hangar_swift_cache:factory
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
s3_acl = false
dns_compliant_bucket_names = true
storage_domain = s3.localhost
multi_delete_concurrency = 8
min_segment_size = 5242880
max_upload_part_num = 10000
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing-secret-key .admin
user_other_owner = other-secret-key .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
max_manifest_segments = 10000
max_manifest_size = 33554432
concurrency = 4
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
"""

SWIFT = """\
[swift-hash]
swift_hash_path_suffix = hangar
swift_hash_path_prefix = hangar
[storage-policy:0]
name = one
default = yes
"""


class Memory:
    """As much of the client of memcached as a proxy uses, in its own memory."""

    def __init__(self):
        self.values = {}

    def get(self, key, **_):
        value, end = self.values.get(key, (None, 0))
        return None if end and end < time.time() else value

    def set(self, key, value, time=0, **_):
        if len(self.values) > 20000:
            self.values.clear()
        self.values[key] = (value, _now() + time if time else 0)
        return True

    def incr(self, key, delta=1, time=0):
        value = max(int(self.get(key) or 0) + delta, 0)
        self.set(key, value, time=time)
        return value

    def decr(self, key, delta=1, time=0):
        return self.incr(key, -delta, time)

    def delete(self, key, **_):
        self.values.pop(key, None)


_now = time.time


def cache_factory(_conf, **_local):
    memory = Memory()

    def make(app):
        def call(env, start_response):
            env["swift.cache"] = memory
            return app(env, start_response)

        return call

    return make


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def configure(folder, sockets):
    etc = os.path.join(folder, "etc")
    write(os.path.join(etc, "swift.conf"), SWIFT)
    for name, sock in sockets.items():
        kind = "proxy" if name in PROXIES else name
        text = COMMON + (PROXY if kind == "proxy" else BACKEND)
        write(os.path.join(etc, name + ".conf"),
              text.format(port=sock.getsockname()[1], folder=folder, kind=kind))
    os.mkdir(os.path.join(folder, "data", "d1"))
    for name in BACKENDS:
        port = sockets[name].getsockname()[1]
        builder = RingBuilder(4, 1, 1)
        builder.add_dev({"region": 1, "zone": 1, "device": "d1", "weight": 1.0, "meta": "",
                         "ip": "127.0.0.1", "port": port,
                         "replication_ip": "127.0.0.1", "replication_port": port})
        builder.rebalance()
        builder.get_ring().save(os.path.join(etc, name + ".ring.gz"))


def die_with_parent():
    if ctypes.CDLL(None).prctl(1, signal.SIGKILL) != 0:
        raise OSError("cannot ask to die with the parent")


def serve(folder, name, sock):
    """Runs this server in a child process and does not return."""
    import eventlet
    import eventlet.green.ssl

    die_with_parent()
    path = os.path.join(folder, "etc", name + ".conf")
    kind = "proxy" if name in PROXIES else name
    conf, logger, log_name = wsgi._initrp(path, kind + "-server", verbose=True)
    sock = eventlet.green.socket.socket(fileno=sock.detach())
    if name == "proxy-tls":
        sock = eventlet.wrap_ssl(sock, certfile=os.path.join(folder, "tls", "cert.pem"),
                                 keyfile=os.path.join(folder, "tls", "key.pem"), server_side=True)
    global_conf = {"log_name": log_name}
    if kind == "object":
        from swift.obj import server
        server.global_conf_callback(conf, global_conf)
    wsgi.run_server(conf, logger, sock, global_conf=global_conf)


def answers(scheme, port):
    context = ssl._create_unverified_context()
    try:
        urllib.request.urlopen(f"{scheme}://127.0.0.1:{port}/", timeout=10, context=context)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def main():
    folder = os.path.abspath(sys.argv[1])
    probe = os.path.join(folder, "data")
    os.setxattr(probe, "user.swift.test", b"x" * 3000)
    utils.SWIFT_CONF_FILE = os.path.join(folder, "etc", "swift.conf")
    module = types.ModuleType("hangar_swift_cache")
    module.factory = cache_factory
    sys.modules["hangar_swift_cache"] = module

    sockets = {}
    for name in BACKENDS + PROXIES:
        sockets[name] = socket.create_server(("127.0.0.1", 0), backlog=1024)
        sockets[name].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    configure(folder, sockets)
    # loaded once, before the children share them
    for kind in BACKENDS:
        __import__({"object": "swift.obj"}.get(kind, "swift." + kind) + ".server")
    import swift.common.middleware.s3api.s3api
    import swift.common.middleware.slo
    import swift.common.middleware.tempauth
    import swift.proxy.server  # noqa: F401

    # it scans all objects: once is enough
    utils.eventlet_monkey_patch()
    for name, sock in sockets.items():
        child = os.fork()
        if child == 0:
            serve(folder, name, sock)
            os._exit(1)
    ports = [sockets[name].getsockname()[1] for name in PROXIES]
    for sock in sockets.values():
        sock.close()
    while not (answers("http", ports[0]) and answers("https", ports[1])):
        if os.waitpid(-1, os.WNOHANG)[0]:
            sys.exit("a server ended")
        time.sleep(0.05)
    write(os.path.join(folder, "run", "ports.new"), f"{ports[0]} {ports[1]}\n")
    os.rename(os.path.join(folder, "run", "ports.new"), os.path.join(folder, "run", "ports"))
    os.wait()
    sys.exit("a server ended")


if __name__ == "__main__":
    main()
