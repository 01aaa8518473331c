#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# seeds: writes the first inputs of each fuzz target into OUT/TARGET/: valid ones, so that the
# fuzzer need not invent the formats, and typical invalid ones.
import gzip
import io
import json
import os
import struct
import sys
import tarfile

out = sys.argv[1]
here = os.path.dirname(os.path.abspath(__file__))


def put(target, name, data):
    os.makedirs(os.path.join(out, target), exist_ok=True)
    with open(os.path.join(out, target, name), "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def config():
    with open(os.path.join(here, "../../backup.yaml"), "rb") as file:
        put("config", "sample", file.read())
    head = "version: 1\nsources: { db: { plugin: x, options: "
    tail = " } }\nsinks: { s: { plugin: y, options: { path: ./b }, retention: { keep_last: 2, " \
           "keep_days: 7, timezone: Europe/Berlin, delete_grace: 1h } } }\n" \
           "pipelines: { p: { sources: [db], sinks: [s], schedule: '0 2 * * *' } }\n" \
           "limits: { memory: 64MiB, workers: 2, stall_timeout: 5m }\nplugin_path: [./a, /b]\n"
    for name, options in {
        "all": "{ host: h, port: 1, tls: true, memory: 1.5KiB, timeout: 30s, mode: fail, path: ., "
               "tables: [a, b], password: \"${P:-x}\" }",
        "variables": "{ host: \"${A:-${B:?no}}$$\", port: \"${PORT}\", path: \"$\" }",
        "octal": "{ port: 010, tls: no, memory: -1, timeout: 1e9d, path: ~ }",
        "secret": "{ password_file: /nowhere, password_command: [cat, x], path: . }",
        "block": "{ host: |\n  a\n , path: >-\n b\n }",
    }.items():
        put("config", name, head + options + tail)
    put("config", "alias", "a: &a [x]\nb: [*a, *a]\n<<: *a\n")
    put("config", "twice", "version: 1\nversion: 1\n")
    put("config", "second", "version: 1\n---\nversion: 1\n")
    put("config", "deep", "[" * 200)
    put("config", "tag", "!!python/object x\n")
    put("config", "bytes", b"\xef\xbb\xbfversion: 1\n\tx: \xff\x00y\n")
    put("config", "signing", "version: 1\nsigning: { key: 0123456789abcdef, old_key_files: [a] }\n")


def manifest():
    digest = "0" * 64
    objects = [{"name": f"data/{i}.sql", "phase": i, "size": 6, "sha256": digest,
                "stored": f"db/data/{i}.sql.gz", "stored_size": 29, "stored_sha256": digest,
                "attrs": {"n": str(i)}, "transforms": [{"level": "3"}]} for i in range(3)]
    whole = {
        "format": 1, "id": "backup_2026-01-15T02-00-00-000Z", "origin": "o", "pipeline": "p",
        "run": "r", "host": "h", "platform": "Linux", "arch": "x86_64", "hangar": "0.1.0",
        "started": "2026-01-15T02:00:00.000Z", "finished": "2026-01-15T02:00:01.000Z",
        "skew_ms": 0, "requires": [], "retention": {"local": {"keep_last": 2}},
        "transforms": [{"name": "gzip", "plugin": "compress-gzip", "version": "1",
                        "suffix": ".gz", "decode": "gunzip -c"}],
        "sources": [{"name": "db", "plugin": "postgres", "version": "1", "target": "t",
                     "options": {"host": "h"}, "time": "2026-01-15T02:00:00.500Z",
                     "point": {"lsn": "0/1"}, "facts": {"server": "15"}, "objects": objects}],
        "files": [{"name": "RESTORE.txt", "size": 1, "sha256": digest},
                  {"name": "SHA256SUMS", "size": 1, "sha256": digest}]}

    def add(name, document):
        text = json.dumps(document, indent=2)
        put("manifest", name, text[:-2] + "!")  # the target adds the last line

    add("whole", whole)
    add("newer", dict(whole, format=999))
    add("large", json.loads(json.dumps(whole).replace('"size": 6', f'"size": {10**18}')))
    add("outside", json.loads(json.dumps(whole).replace("db/data", "db/../../etc")))
    add("foreign", dict(whole, id="../x"))
    put("manifest", "signature", f"hmac-sha256 {digest} key-id 01234567\n")
    put("manifest", "abandoned", '{ "hangar": "abandoned" }\n')
    put("manifest", "deep", "[" * 5000 + "!")


def archives():
    text = b"hello, hangar\n" * 50
    one = gzip.compress(text, mtime=0)
    fields = b"\x1f\x8b\x08\x1e\0\0\0\0\0\xff\x03\0abcname\0comment\0"
    for step in (0, 1, 7, 200):
        put("gzip", f"one-{step}", bytes([step]) + one)
        put("gzip", f"two-{step}", bytes([step]) + one + gzip.compress(b"", mtime=0) + one)
    put("gzip", "fields", b"\0" + fields + one[10:])
    put("gzip", "zeros", b"\0" + one + bytes(64))
    put("gzip", "cut", b"\3" + one[:-5])
    put("gzip", "bomb", b"\0" + gzip.compress(bytes(4 << 20), mtime=0))
    put("gzip", "stored", b"\2" + gzip.compress(text, 0, mtime=0))

    def archive(*members):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w") as tar:
            for name, kind, data in members:
                info = tarfile.TarInfo(name)
                info.type, info.size, info.linkname = kind, len(data), "/etc/passwd"
                tar.addfile(info, io.BytesIO(data))
        return file.getvalue()

    name = "backup_2026-01-15T02-00-00-000Z/"
    good = archive((name, tarfile.DIRTYPE, b""), (name + "manifest.json", tarfile.REGTYPE, b"{}"),
                   (name + "db/data.gz", tarfile.REGTYPE, text))
    put("untar", "good", b"\1" + good)
    put("untar", "packed", b"\0" + gzip.compress(good, mtime=0))
    put("untar", "cut", b"\1" + good[:700])
    put("untar", "behind", b"\1" + good + b"x")
    for kind, what in ((tarfile.SYMTYPE, "symlink"), (tarfile.LNKTYPE, "hardlink"),
                       (tarfile.CHRTYPE, "device"), (tarfile.FIFOTYPE, "fifo")):
        put("untar", what, b"\1" + archive((name + "x", kind, b"")))
    put("untar", "outside", b"\1" + archive(("../../x", tarfile.REGTYPE, b"x")))
    put("untar", "long", b"\1" + archive((name + "x" * 900, tarfile.REGTYPE, b"x")))


def redis():
    def string(text):
        return bytes([len(text)]) + text

    body = b"\xfa" + string(b"redis-ver") + string(b"7.0.15")
    body += b"\xfe\x00\xfb\x03\x01"                              # database 0, sizes
    body += b"\x00" + string(b"k") + string(b"value")            # a string
    body += b"\xfc" + struct.pack("<q", 1893456000000) + b"\x00" + string(b"n") + b"\xc1\x39\x30"
    body += b"\x00" + string(b"z") + b"\xc3\x09\x14\x01aa\xe0\x03\x00\x01aa"  # compressed
    body += b"\x01" + string(b"l") + b"\x02" + string(b"a") + string(b"b")    # list
    body += b"\x04" + string(b"h") + b"\x01" + string(b"f") + string(b"v")    # hash
    body += b"\x05" + string(b"s") + b"\x01" + string(b"m") + struct.pack("<d", 1.5)
    body += b"\x0b" + string(b"i") + string(struct.pack("<IIhh", 2, 2, 1, 2))  # intset
    pack = struct.pack("<IH", 13, 2) + b"\x81a\x02\x01\x01\xff"
    body += b"\x10" + string(b"p") + string(pack)                # hash as listpack
    body += b"\x12" + string(b"q") + b"\x01\x02" + string(pack)  # quicklist of them
    body += b"\xf5" + string(b"#!lua name=x\n")                  # functions
    rdb = b"REDIS0010" + body + b"\xff" + bytes(8)               # no checksum
    for step in (0, 1, 5, 255):
        put("rdb", f"all-{step}", bytes([step]) + rdb)
    put("rdb", "old", b"\0REDIS0003" + b"\xfe\x00\x00" + string(b"k") + string(b"v") + b"\xff")
    put("rdb", "empty", b"\0REDIS0009\xff" + bytes(8))
    put("rdb", "lengths", b"\0REDIS0010\xfe\x00\x01" + string(b"l") + b"\x81" + b"\xff" * 8)
    mark = b"0123456789" * 4
    put("psync", "sized", b"\x07\n\n$%d\r\n" % len(rdb) + rdb)
    put("psync", "marked", b"\x01$EOF:" + mark + b"\r\n" + rdb + mark)
    put("psync", "refused", b"\0-ERR no\r\n")
    put("psync", "huge", b"\0$99999999999999999999\r\n")
    replies(rdb)


def replies(rdb):
    """The bytes of a server for each job of fuzz_resp; their meaning is described there."""
    def bulk(text):
        text = text if isinstance(text, bytes) else text.encode()
        return b"$%d\r\n%s\r\n" % (len(text), text)

    def array(*items):
        return b"*%d\r\n" % len(items) + b"".join(items)

    def put_replies(name, job, *connections):
        for step in (0, 1, 9):
            put("resp", f"{name}-{step}", bytes([job]) + b"%%\n".join(
                bytes([step]) + b"".join(replies) for replies in connections))

    ok, queued = b"+OK\r\n", b"+QUEUED\r\n"
    marker, ours, other = "hangar:restore:unfinished", b"$32\r\n\x07\r\n", bulk("0" * 32)
    fields = "redis_version:7.0.15\r\nrun_id:1\r\nrole:master\r\nloading:0\r\n" \
             "server_time_usec:1800000000000000\r\nused_memory:1\r\nmaxmemory:9\r\n" \
             "maxmemory_policy:allkeys-lru\r\ntotal_system_memory:99\r\nnumber_of_libraries:0\r\n"
    empty, full = bulk(fields), bulk(fields + "db0:keys=2,expires=1,avg_ttl=0\r\n")
    replica = bulk("redis_version:7\r\nrole:slave\r\nmaster_link_status:down\r\nmaster_host:m\r\n")
    put_replies("check", 0, [full, bulk("default"), ok])
    put_replies("check-refused", 0x80, [ok, replica, bulk("u"), bulk("no permission")])
    put_replies("check-error", 0, [b"-NOAUTH Authentication required.\r\n"])
    stream = b"+FULLRESYNC %s 1\r\n\n$%d\r\n" % (b"a" * 40, len(rdb)) + rdb
    delay = array(bulk("repl-diskless-sync-delay"), bulk("0"))
    put_replies("backup", 1, [full, delay, ok, ok, stream])
    put_replies("backup-sync", 1, [full, delay, b"-ERR no\r\n", ok,
                                   b"-ERR unknown command\r\n", b"$%d\r\n" % len(rdb) + rdb])
    put_replies("inspect", 2, [full, delay, ok, ok, stream])
    databases = array(bulk("databases"), bulk("16"))
    most = array(bulk("proto-max-bulk-len"), bulk("536870912"))
    put_replies("restore", 3, [empty, databases, most, bulk("x"), ok, ok, ok, ok, full, full])
    put_replies("restore-busy", 0x0F, [full, databases, most, ok, b"-BUSY x\r\n", b"-BUSY x\r\n",
                                       b"+PONG\r\n", b"-OOM x\r\n", b"-BUSYKEY x\r\n", ok, ok])
    clients = b"id=1 addr=127.0.0.1:1 name= db=3 flags=N\nid=2 addr=a name=b db=9 flags=N\n"
    nil, keys = b"$-1\r\n", fields + "db0:keys=2,expires=1,avg_ttl=0\r\n"
    joined = [ok, bulk(clients)]
    selects = [ok] * 4 + [b"-ERR DB index is out of range\r\n"] + [ok] * 3
    rights = [ok] * 3 + [queued] * 10 + [ok]
    unmarked, marked, left = [ok, nil], [ok, ours], [ok, other]
    flushed = [ok, queued, array(ok)]
    claims = [full, ok, ok, b":1\r\n"] * 2
    functions = [bulk("old"), ok, queued, queued, queued, array(bulk("old"), ok, ok)]
    loaded = bulk(keys + "db7:keys=1,expires=0\r\ndb14:keys=2,expires=1\r\ndb15:keys=2,expires=0\r\n")
    swap = [loaded] + unmarked * 2 + ([ok, ok] + marked) * 2 + [ok] + [queued] * 13 + [array(*[ok] * 13)]
    loader = [full, databases, ok, most] + [ok, ok, loaded] * 2
    control = joined + selects + rights
    load = unmarked + [full] + unmarked + claims + [full]
    put_replies("clean", 0x23, loader, control + load, joined + functions, joined + swap)
    put_replies("clean-lost", 0x23, loader, control + load, joined + functions, joined + swap[:-1],
                marked + [full])
    put_replies("clean-undone", 0x23, loader, control + load, joined + [b"-NOPERM x\r\n"],
                [bulk(clients)] + ([ok] + marked + flushed) * 2)
    put_replies("clean-left", 0x23, loader, control + left + [full] + left + [ok] + left + flushed + claims + [full],
                joined + functions, joined + swap)
    put_replies("clean-compare", 0x63, loader, control + [bulk("default"), ok] + load,
                [full, delay, ok, ok, stream], joined + functions, joined + swap)
    put_replies("clean-plan", 0x33, loader, control + unmarked)
    for name, text in {"array": b"*134217728\r\n", "deep": b"*1\r\n" * 20, "bulk": b"$536870912\r\n",
                       "negative": b"*-2\r\n$-9\r\n", "map": b"%1\r\n+a\r\n+b\r\n",
                       "nil": b"$-1\r\n" * 30, "numbers": b":1\r\n" * 40,
                       "arrays": b"*0\r\n" * 40, "marker": array(bulk(marker)) * 20}.items():
        for job in (0, 1, 0x23):
            put("resp", f"{name}-{job}", bytes([job, 0]) + (full + databases if job > 1 else b"") + text
                + b"%%\n\0" + text)


def rows():
    head = "-- hangar postgres rows, format 1\nSET client_encoding = 'UTF8';\nSET TimeZone = 'UTC';\n"
    table = '-- whole table\nCOPY "s"."t" ("a", "b""c") FROM stdin;\n1\t\\N\n2\tx\\ty\n\\.\n-- rows: ?\n\n'
    for step in ("\0", "\1", "\5", "\x7f"):
        put("rows", f"tables-{ord(step)}", (step + head + table + table.replace("whole", "part of a", 1)
                                            .replace("part of a table", "part of a table")).encode("latin1"))
    put("rows", "sequences", b"\x83" + (head + "SELECT pg_catalog.setval('\"s\".\"q\"', -42, true);\n"
                                        + table).encode())
    newer = head.replace("format 1", "format 2") + "SET array_nulls = on;\n"
    put("rows", "format-2", ("\0" + newer + table).encode())
    put("rows", "newlines", b"\2" + (head + table.replace('"t"', '"t\nu"')).encode())
    put("rows", "injected", b"\0" + (head + 'COPY "s"."t" FROM stdin; DROP TABLE x;\n').encode())
    put("rows", "meta", b"\0" + (head + "\\! id\n").encode())
    put("rows", "count", b"\0" + (head + table.replace("?", "3 digest: 0")).encode())
    put("rows", "line", '{"table": "\\"s\\".\\"t\\"", "columns": "\\"a\\"", "partitioned": false, '
                        '"rows": 2, "digest": "%s"}\n' % ("0" * 32))


def values():
    for number, text in enumerate(
            ["0", "-9223372036854775808", "010", "1.5GiB", "10MB", "99999999999TiB", "25h", "500ms",
             "2w", "106751991168d", "2026-01-15T02:00:00.000Z", "2024-02-29T23:59:59Z",
             "backup_2026-01-15T02-00-00-000Z", "backup_2025-02-29T00-00-00-000Z", "true",
             "db/data/1.sql", "../x", "a//b", "pasword", "it's $x", '{"a": [1, {"b": null}]}',
             '{"a":1,"a":2}', "[" * 100, "1" * 400]):
        put("values", f"{number:02}", text)


def s3_credentials():
    keys = '"AccessKeyId": "a", "SecretAccessKey": "b", "%s": "c", "Expiration": "2026-01-15T02:00:00Z"'
    xml = "<AccessKeyId>a</AccessKeyId><SecretAccessKey>b</SecretAccessKey><SessionToken>c&amp;</SessionToken>"
    for name, text in {
            "config": "[default]\r\naws_access_key_id = a ; x\n[profile 'backup']\ns3 =\n  a = b\n"
                      "credential_process = \"/a b\" c\\ d 'e'\nrole_arn=r\nsso_session = s\n",
            "credentials": "\xef\xbb\xbf# x\n[backup]\n aws_session_token=t\n aws_secret_access_key = s\n"
                           "role_session_name = n\nweb_identity_token_file = /f\nlogin_session = l\n",
            "process": '{"Version": 1, ' + keys % "SessionToken" + "}",
            "endpoint": '{"Code": "Success", ' + keys % "Token" + "}",
            "refused": '{"Code": "Failed"}',
            "sts": f"<R><Result><Credentials>{xml}<Expiration>2026-01-15T02:00:00+01:30</Expiration>"
                   "</Credentials></Result></R>",
            "sts-error": "<E xmlns='x'><Error><Code>C</Code><Message>M</Message></Error></E>",
            "bomb": '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>',
            "time": "2026-01-15T02:00:00.5-0130", "line": "a 'b c' \"d\\\"\" e\\"}.items():
        put("s3_credentials", name, text)


def schedules():
    for number, text in enumerate(
            ["0 2 * * *", "*/15 0-6,22-23 1,15 jan-mar mon-fri/2", "@daily", "@reboot", "30 2 * * 5-7",
             "0 0 29 2 */7", "0 0 31 feb *", "5/10 * * * *", "* * * *", "22:00-06:00",
             "sat,sun 00:00-24:00", "mon 25:00-1:0"]):
        put("cron", f"{number:02}", text)


def s3_xml():
    entry = "<Contents><Key>a&amp;b&#x20;c</Key><Size>1</Size><ETag>&quot;e&quot;</ETag></Contents>"
    for name, text in {
            "list": f"<?xml version='1.0' encoding='UTF-8'?>\n<ListBucketResult xmlns='x'><IsTruncated>true"
                    f"</IsTruncated>{entry * 3}<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>"
                    "<NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
            "error": "<Error><Code>SlowDown</Code><Message><![CDATA[a < b]]></Message></Error>\n",
            "delete": "<DeleteResult><Deleted><Key>k</Key></Deleted><Error><Key>l</Key><Code>C</Code></Error>"
                      "</DeleteResult>",
            "kept-alive": " \n \n<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>",
            "bomb": '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>',
            "deep": "<a>" * 100, "long": "<a>" + "x" * 9000 + "</a>", "names": "<n:a xmlns:n='y'><n:b/></n:a>",
            "nameless": "<a: />", "long-name": "<" + "x" * 600 + "/>", "zeros": "\0\0<a/>",
            "latin": "<?xml version='1.0' encoding='ISO-8859-1'?><a>x</a>"}.items():
        put("s3_xml", name, text)


for make in (config, manifest, archives, redis, rows, values, s3_credentials, schedules, s3_xml):
    make()
