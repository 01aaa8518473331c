#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""Checks the subjects of commits: "area: effect", in at most 72 characters, without a full stop.

    subjects.py FOLDER     prints each breach as HASH: TEXT; exit status 1 when there is one

Checked are the commits since the last tag, and since BASE; merges are not.  Nothing is checked
without git or outside of a clone, in a shallow clone, and where the history has no BASE.
"""

import os
import re
import subprocess
import sys

# Older subjects have other forms.
BASE = "67b28777741c2fdc7dcba9e5b89dc3e96f0be905"
LIMIT = 72
SUBJECT = re.compile(r"[a-z0-9.][\w.,/ -]*: (?=\S).*[^.]$")


def run_git(root, *arguments):
    """The output of git in this folder; None: it failed, or there is no git."""
    command = ["git", "-C", root, *arguments]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError:
        return None
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None


def is_whole_clone(root, base):
    top = run_git(root, "rev-parse", "--show-toplevel")
    return (
        top is not None
        and os.path.realpath(top) == os.path.realpath(root)
        and run_git(root, "rev-parse", "--is-shallow-repository") == "false"
        and run_git(root, "merge-base", "--is-ancestor", base, "HEAD") is not None
    )


def problem_of(subject):
    if len(subject) > LIMIT:
        return f"{len(subject)} characters: more than {LIMIT}"
    return None if SUBJECT.match(subject) else 'not of the form "area: effect"'


def breaches(root, base=BASE):
    """(count of commits, [(hash, subject, problem)]) of the commits that are checked."""
    if not is_whole_clone(root, base):
        return 0, []
    tag = run_git(root, "describe", "--tags", "--abbrev=0")
    since = [base] + ([tag] if tag else [])
    log = run_git(root, "log", "--no-merges", "--format=%h %s", "HEAD", "--not", *since, "--")
    lines = [line.split(" ", 1) for line in (log or "").split("\n") if line]
    found = [(commit, subject, problem_of(subject)) for commit, subject in lines]
    return len(lines), [breach for breach in found if breach[2]]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    count, found = breaches(sys.argv[1])
    for commit, subject, problem in found:
        print(f"{commit}: {subject}: {problem}")
    print(f"subjects: {count} commits, {len(found)} breaches")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
