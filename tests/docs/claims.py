#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""What the documents claim of the program is so, as far as a program can compare the two.

    claims.py FOLDER HANGAR OUTPUT    exit status 1 when a claim is wrong

FOLDER is that of the sources, HANGAR the program.  In the folder OUTPUT are metrics.txt, which
`hangar metrics` wrote, and documents of `hangar --json`: *.json.
"""

import glob
import json
import os
import re
import subprocess
import sys

ROOT, HANGAR, OUTPUT = sys.argv[1:4]
# Files in the state folder, which only hangar reads, and the call that returns no document.
PRIVATE_SCHEMAS = {"hangar.daemon", "hangar.project", "hangar.crash", "hangar.cat"}
# Maps whose keys are names of the configuration, of plugins or of another document.
FREE = {"options", "facts", "report", "manifest", "backup", "pruned", "notify", "policy", "point"}


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def sources(folder):
    for where, _, names in os.walk(os.path.join(ROOT, folder)):
        for name in names:
            if name.endswith(".c"):
                yield read(os.path.join(where, name))


def program_help(*command):
    done = subprocess.run([HANGAR, "help", *command], capture_output=True, text=True, check=True)
    return done.stdout


def sections(text, mark):
    """The text below each heading, by the words of the heading without operands."""
    parts = re.split(rf"^{mark} (.*)$", text, flags=re.M)
    return {re.sub(r"[ ,]*[\[A-Z].*", "", h): t for h, t in zip(parts[1::2], parts[2::2])}


def options_of_help(text):
    own = re.search(r"^options\n(.*?)(?:^\S|\Z)", text, re.M | re.S)
    return set(re.findall(r"^ +(?:-\w, )?--([\w-]+)", own.group(1), re.M)) if own else set()


def commands():
    """The names of all commands, and the text of their help."""
    names = re.findall(r"^  (\w+)(?: |$)", program_help(), re.M)
    for name in names:
        text = program_help(name)
        inner = re.findall(rf"^  {name} (\w+)", text, re.M)
        if inner:
            for one in inner:
                yield f"{name} {one}", program_help(name, one)
        else:
            yield name, text


def manual_and_help():
    """Each command and each of its options is in the manual page, and the other way round."""
    page = read("docs/man/hangar.1.scd")
    page = re.split(r"^# ", page, flags=re.M)
    page = next(part for part in page if part.startswith("COMMANDS"))
    manual, known = sections(page, "##"), {}
    for name, text in commands():
        known[name] = options_of_help(text)
    if len(known) < 25 or sum(map(len, known.values())) < 40:
        yield f"found only {len(known)} commands in the help"
    for name in sorted(known.keys() | manual.keys()):
        if name not in manual:
            yield f"hangar.1 lacks the command {name}"
        elif name not in known:
            yield f"hangar.1 has the command {name}, which does not exist"
        else:
            documented = set(re.findall(r"^(?:\*-\w\*, )?\*--([\w-]+)\*.*\n\t", manual[name], re.M))
            for option in sorted(documented ^ known[name]):
                yield f"hangar.1 and `hangar help {name}` differ in --{option}"


def schemas():
    """json.md describes the documents that the program makes, and no others."""
    made = set()
    for folder in ("core", "cli", "daemon"):
        for text in sources(folder):
            made |= set(re.findall(r'"(hangar\.\w+)/1"', text))
    documented = set(re.findall(r"(hangar\.[a-z]+)/1", read("docs/json.md")))
    if len(made) < 20:
        yield f"found only {len(made)} schemas in the sources"
    for name in sorted((made - PRIVATE_SCHEMAS) ^ documented):
        yield f"json.md and the program differ in {name}/1"


def keys_of(value):
    if isinstance(value, list):
        for one in value:
            yield from keys_of(one)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            if key not in FREE or isinstance(inner, list):
                yield from keys_of(inner)


def fields():
    """json.md has each field of the documents that the program printed."""
    page = re.split(r"^## ", read("docs/json.md"), flags=re.M)
    checked = set()
    for path in glob.glob(os.path.join(OUTPUT, "*.json")):
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        name = document["schema"]
        about = "".join(part for part in page if name in part or part.startswith("hangar.verify/1"))
        checked.add(name)
        for key in sorted(set(keys_of(document))):
            if not re.search(rf"\b{key}\b", about):
                yield f"json.md lacks the field {key} of {name} ({os.path.basename(path)})"
    if len(checked) < 15:
        yield f"saw only {len(checked)} kinds of documents"


def tables(text):
    """The first cells of all tables, split into their `code`."""
    for row in re.findall(r"^\| (`[^|]*) \|", text, re.M):
        yield from re.findall(r"`([\w]+)(?:: N)?`", row)


def configuration():
    """backup.yaml(5) has each key that configuration.md has."""
    text = read("docs/configuration.md").split("\n## Values")[0].split("\n## Keys")[1]
    before, alerts = text.split("With these limits", 1)  # then a table of alerts follows
    text = before + alerts.split("\n### Notifiers", 1)[1]
    keys = [k for k in tables(text) if k not in ("auto", "always", "never")]
    page = read("docs/man/backup.yaml.5.scd")
    if len(keys) < 50:
        yield f"found only {len(keys)} keys in configuration.md"
    for key in keys:
        if not re.search(rf"\*{key}\*", page):
            yield f"backup.yaml.5 lacks the key {key}"


def metrics():
    """daemon.md has each metric, and no other."""
    with open(os.path.join(OUTPUT, "metrics.txt"), encoding="utf-8") as file:
        made = set(re.findall(r"^# TYPE (\w+)", file.read(), re.M))
    page = read("docs/daemon.md")
    documented = set(re.findall(r"`((?:backup|hangar)_\w+)`", page))
    twice = {name for name in made if name.replace("hangar_", "", 1) in documented}
    if len(made) < 20:
        yield f"found only {len(made)} metrics"
    for name in sorted(made - documented - twice):
        yield f"daemon.md lacks the metric {name}"
    for name in sorted(name for name in documented - made if name not in ("backup_", "hangar_")):
        yield f"daemon.md has the metric {name}, which the program does not have"


def events():
    """daemon.md has each event that the daemon logs."""
    page = read("docs/daemon.md")
    made = set()
    for text in sources("daemon"):
        made |= set(re.findall(r'"((?:daemon|schedule|job)\.(?!h"|lock"|json")\w+)"', text))
    if len(made) < 15:
        yield f"found only {len(made)} events of the daemon"
    for name in sorted(made):
        if f"`{name}`" not in page:
            yield f"daemon.md lacks the event {name}"


def alerts():
    """The manual page and the help of `hangar alerts` list the same alerts, each that there is."""
    rules = read("core/jobs/notify/alert_rules.c")
    kinds = re.findall(r'\[HG_ALERT_\w+\] = "(\w+)"', rules)
    page = re.search(r"^\| alert \|.*\n\|---.*\n((?:\|.*\n)+)", read("docs/configuration.md"), re.M)
    if re.findall(r"^\| `(\w+)`", page[1] if page else "", re.M) != kinds:
        yield "the alerts of configuration.md are not those of alert_rules.c"
    listed = []
    for name, text in (("hangar.1", read("docs/man/hangar.1.scd")), ("help", program_help("alerts"))):
        match = re.search(r"Print the active alerts: (.*?)\.", " ".join(text.split()))
        listed.append(match[1].split(", ") if match else [])
        if len(listed[-1]) != len(kinds):
            yield f"{name} lists {len(listed[-1])} alerts, there are {len(kinds)}"
    if listed[0] != listed[1]:
        yield "hangar.1 and `hangar help alerts` list different alerts"


def help_is_imperative():
    """In the manual page and in the help a description begins with "Print", not with "Prints"."""
    page = read("docs/man/hangar.1.scd").split("# COMMANDS")[1].split("# EXIT STATUS")[0]
    texts = [("hangar.1", page)] + [(f"help {name}", text) for name, text in commands()]
    for where, text in texts:
        for word in re.findall(r"(?:\n\n|\n\t)([A-Z][a-z]+[^s]s)\b", text):
            yield f"{where}: {word} is not an imperative"


def is_listed_once():
    """A promise, and an entry of the changelog, stand in their list once."""
    lists = (("docs/reliability.md", r"^\| \*\*(.*?)\*\*"), ("CHANGELOG.md", r"^- (.*)$"))
    for path, pattern in lists:
        found = re.findall(pattern, read(path), re.M)
        if len(found) < 20:
            yield f"found only {len(found)} entries in {path}"
        for one in sorted({one for one in found if found.count(one) > 1}):
            yield f"{path} has twice: {one}"


def folders():
    """The commands that make folders are the same wherever they stand."""
    made = {}
    for path in ("docs/operations.md", "docs/daemon.md"):
        for options, folder in re.findall(r"^install -d (.*?) (/\S+)", read(path), re.M):
            words = frozenset(re.sub(r"-m 0?", "-m ", options).replace("-", " -").split())
            made.setdefault(folder, {}).setdefault(words, []).append(path)
    if len(made) < 3:
        yield f"found only {len(made)} commands that make folders"
    for folder, ways in made.items():
        if len(ways) > 1:
            yield f"{folder} has different owners or modes in {sorted(sum(ways.values(), []))}"


CLAIMS = (
    manual_and_help,
    alerts,
    help_is_imperative,
    schemas,
    fields,
    configuration,
    metrics,
    events,
    is_listed_once,
    folders,
)
wrong = [problem for claim in CLAIMS for problem in claim()]
for problem in wrong:
    print(problem, file=sys.stderr)
print(f"{len(CLAIMS)} claims, {len(wrong)} problems")
sys.exit(1 if wrong else 0)
