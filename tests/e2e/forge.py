# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
#
# forge.py: makes bad archives, which import must refuse, from a good one.
#
#     forge.py list                    the kinds, one per line
#     forge.py KIND GOOD BAD           writes BAD
#     forge.py forged GOOD BAD         all hashes right, one object replaced: only a
#                                      signature detects it
import copy
import gzip
import hashlib
import io
import json
import sys
import tarfile

EVIL = b"evil\n"


def read(path):
    with tarfile.open(path, "r:gz") as tar:
        return [(m, tar.extractfile(m).read()) for m in tar.getmembers()]


def pack(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return out.getvalue()


def member(name, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def last_object(members):
    return len(members) - 1


def replaced(members, **fields):
    """The last object as something else than a file."""
    info = copy.copy(members[-1][0])
    info.size = 0
    for key, value in fields.items():
        setattr(info, key, value)
    return members[:-1] + [(info, b"")]


def resized(members, change):
    info, data = members[-1]
    info = copy.copy(info)
    data = change(data)
    info.size = len(data)
    return members[:-1] + [(info, data)]


def root(members):
    return members[0][0].name.split("/")[0]


def sparse(members):
    """The last object as GNU tar stores a file with a hole at its end."""
    info, data = members[-1]
    info = copy.copy(info)
    held = len(data) // 2
    table = b"2\n0\n%d\n%d\n0\n" % (held, len(data))
    body = table + bytes(-len(table) % 512) + data[:held]
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0",
                        "GNU.sparse.name": info.name, "GNU.sparse.realsize": str(len(data))}
    info.name = root(members) + "/GNUSparseFile.1/x"
    info.size = len(body)
    return members[:-1] + [(info, body)]


def pax_path(members):
    info, data = members[-1]
    info = copy.copy(info)
    info.pax_headers = {"path": "../../evil"}
    return members[:-1] + [(info, data)]


def patched_size(members, text):
    """The size field of the last header is wrong; its checksum is right."""
    tar = bytearray(pack(members))
    at = tar.rindex(members[-1][0].name.encode())
    header = bytearray(tar[at:at + 512])
    header[124:136] = text
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    tar[at:at + 512] = header
    return bytes(tar)


def big_manifest(members):
    info = copy.copy(members[0][0])
    info.size = 200 << 20
    return [(info, bytes(info.size))] + members[1:]


def forged(members):
    """Another content for the last object, and every hash that can be had without a key."""
    names = {info.name.split("/", 1)[1]: i for i, (info, _) in enumerate(members)}
    manifest = json.loads(members[names["manifest.json"]][1])
    victim = members[-1][0].name.split("/", 1)[1]
    # the bytes of another object, which can be decoded
    source = next(s for s in manifest["sources"] for o in s["objects"] if o["stored"] == victim)
    target = next(o for o in source["objects"] if o["stored"] == victim)
    content = b"SELECT 'evil';\n"
    data = gzip.compress(content, mtime=0)
    old_hash = target["stored_sha256"]
    target.update(size=len(content), sha256=hashlib.sha256(content).hexdigest(),
                  stored_size=len(data), stored_sha256=hashlib.sha256(data).hexdigest())
    sums = members[names["SHA256SUMS"]][1].replace(
        old_hash.encode(), target["stored_sha256"].encode())
    for file in manifest["files"]:
        if file["name"] == "SHA256SUMS":
            file["sha256"] = hashlib.sha256(sums).hexdigest()
    del manifest["manifest_sha256"]
    head = json.dumps(manifest, indent=2, ensure_ascii=False).encode()[:-2]
    text = head + b',\n  "manifest_sha256": "%s"\n}\n' % hashlib.sha256(head).hexdigest().encode()
    result = []
    for name, i in names.items():
        info, body = copy.copy(members[i][0]), members[i][1]
        body = {"manifest.json": text, "SHA256SUMS": sums, victim: data}.get(name, body)
        info.size = len(body)
        result.append((info, body))
    return result


def of_members(change):
    return lambda members: gzip.compress(pack(change(members)), 1)


def of_tar(change):
    return lambda members: gzip.compress(change(pack(members)), 1)


def of_gzip(change):
    return lambda members: change(gzip.compress(pack(members), 1))


def name_of(members, tail):
    return root(members) + "/" + tail


def some_object(m):
    return m[-1][0].name


KINDS = {
    "symlink": of_members(lambda m: replaced(m, type=tarfile.SYMTYPE, linkname="/etc/passwd")),
    "extra_symlink": of_members(
        lambda m: m[:1] + [member(name_of(m, "app_db"), type=tarfile.SYMTYPE, linkname="/tmp")]
        + m[1:]),
    "hardlink": of_members(
        lambda m: replaced(m, type=tarfile.LNKTYPE, linkname=name_of(m, "RESTORE.txt"))),
    "hardlink_out": of_members(
        lambda m: replaced(m, type=tarfile.LNKTYPE, linkname="/etc/passwd")),
    "device": of_members(lambda m: replaced(m, type=tarfile.CHRTYPE, devmajor=1, devminor=5)),
    "block_device": of_members(lambda m: replaced(m, type=tarfile.BLKTYPE, devmajor=8)),
    "fifo": of_members(lambda m: replaced(m, type=tarfile.FIFOTYPE)),
    "object_as_folder": of_members(lambda m: replaced(m, type=tarfile.DIRTYPE)),
    "dotdot": of_members(lambda m: m + [member(name_of(m, "../evil"), EVIL)]),
    "dotdot_first": of_members(lambda m: [member("../evil", EVIL)] + m),
    "absolute": of_members(lambda m: m + [member("/tmp/hangar-evil", EVIL)]),
    "absolute_object": of_members(
        lambda m: m[:-1] + [member("/" + some_object(m), m[-1][1])]),
    "other_folder": of_members(lambda m: m + [member("other/file", EVIL)]),
    "no_folder": of_members(lambda m: m + [member("file", EVIL)]),
    "dot_inside": of_members(
        lambda m: m[:-1] + [member(root(m) + "/./" + some_object(m).split("/", 1)[1], m[-1][1])]),
    "two_slashes": of_members(
        lambda m: m[:-1] + [member(root(m) + "//" + some_object(m).split("/", 1)[1], m[-1][1])]),
    "pax_path": of_members(pax_path),
    "duplicate": of_members(lambda m: m + m[-1:]),
    "duplicate_manifest": of_members(lambda m: m + m[:1]),
    "extra": of_members(lambda m: m + [member(name_of(m, "app_db/extra"), EVIL)]),
    "extra_run": of_members(lambda m: m + [member(name_of(m, "run.json"), EVIL)]),
    "extra_origin": of_members(lambda m: m + [member("origin.json", EVIL)]),
    "extra_folder": of_members(
        lambda m: m + [member(name_of(m, "empty"), type=tarfile.DIRTYPE)]),
    "many_folders": of_members(
        lambda m: m[:1] + [member(root(m), type=tarfile.DIRTYPE)] * 5000 + m[1:]),
    "unicode_name": of_members(lambda m: m + [member(name_of(m, "caf\u00e9"), EVIL)]),
    "control_name": of_members(lambda m: m + [member(name_of(m, "a\033[2Jb\n"), EVIL)]),
    "long_name": of_members(lambda m: m + [member(name_of(m, "x" * 3000), EVIL)]),
    "bad_signature": of_members(
        lambda m: m + [member(name_of(m, "manifest.json.sig"), b"hmac-sha256 none\n")]),
    "big_signature": of_members(
        lambda m: m + [member(name_of(m, "manifest.json.sig"), bytes(100000))]),
    "empty_signature": of_members(lambda m: m + [member(name_of(m, "manifest.json.sig"))]),
    "missing_object": of_members(lambda m: m[:-1]),
    "missing_restore": of_members(
        lambda m: [x for x in m if not x[0].name.endswith("/RESTORE.txt")]),
    "missing_sums": of_members(
        lambda m: [x for x in m if not x[0].name.endswith("/SHA256SUMS")]),
    "no_manifest": of_members(lambda m: m[1:]),
    "manifest_last": of_members(lambda m: m[1:] + m[:1]),
    "only_manifest": of_members(lambda m: m[:1]),
    "longer": of_members(lambda m: resized(m, lambda d: d + b"\0")),
    "shorter": of_members(lambda m: resized(m, lambda d: d[:-1])),
    "emptied": of_members(lambda m: resized(m, lambda d: b"")),
    "changed": of_members(lambda m: resized(m, lambda d: bytes([d[0] ^ 1]) + d[1:])),
    "swapped": of_members(
        lambda m: m[:-2] + [member(m[-2][0].name, m[-1][1]), member(m[-1][0].name, m[-2][1])]),
    "sparse": of_members(sparse),
    "size_huge": lambda m: gzip.compress(patched_size(m, b"\x80" + b"\0" * 3 + b"\x7f" * 8), 1),
    "size_negative": lambda m: gzip.compress(patched_size(m, b"\xff" * 12), 1),
    "size_octal_max": lambda m: gzip.compress(patched_size(m, b"77777777777\0"), 1),
    "bomb_manifest": of_members(big_manifest),
    "bomb_object": of_members(lambda m: resized(m, lambda d: bytes(64 << 20))),
    "bomb_behind": of_tar(lambda t: t + bytes(64 << 20)),
    "data_behind_tar": of_tar(lambda t: t + EVIL),
    "data_far_behind_tar": of_tar(lambda t: t + bytes(200000) + EVIL),
    "second_tar": of_tar(lambda t: t + t),
    "data_behind_gzip": of_gzip(lambda g: g + EVIL),
    "zeros_behind_gzip": of_gzip(lambda g: g + bytes(512)),
    "second_gzip": of_gzip(lambda g: g + gzip.compress(EVIL)),
    "gzip_twice": of_gzip(lambda g: gzip.compress(g, 1)),
    "no_gzip": pack,
    "cut_header": of_gzip(lambda g: g[:5]),
    "cut_trailer": of_gzip(lambda g: g[:-4]),
    "cut_end_mark": of_gzip(lambda g: g[:-12]),
    "wrong_folder": of_members(
        lambda m: [(member(i.name.replace(root(m), "backup_2020-01-01T00-00-00-000Z"), d))
                   for i, d in m]),
    "no_id": of_members(
        lambda m: [(member(i.name.replace(root(m), "shop"), d)) for i, d in m]),
    "empty_file": lambda m: b"",
    "empty_gzip": lambda m: gzip.compress(b""),
    "empty_tar": lambda m: gzip.compress(pack([])),
    "text": lambda m: b"this is no archive\n" * 100,
    "gzip_of_text": lambda m: gzip.compress(b"this is no archive\n" * 100),
    "zip": lambda m: b"PK\x03\x04" + bytes(200),
}


def main():
    if sys.argv[1] == "list":
        print("\n".join(KINDS))
        return
    kind, good, bad = sys.argv[1:]
    members = read(good)
    make = of_members(forged) if kind == "forged" else KINDS[kind]
    with open(bad, "wb") as file:
        file.write(make(members))


main()
