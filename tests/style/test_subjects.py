#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The hangar authors
"""Tests subjects.py with small histories."""

import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import subjects  # noqa: E402

NOBODY = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "n",
    "GIT_AUTHOR_EMAIL": "n@example.org",
    "GIT_COMMITTER_NAME": "n",
    "GIT_COMMITTER_EMAIL": "n@example.org",
}
GOOD = "storage-local: a full disk leaves no partial backup"


def git(root, *arguments):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    done = subprocess.run(["git", "-C", root, *arguments], env={**environment, **NOBODY},
                          stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return done.stdout.decode().strip()


def commit(root, *all_subjects):
    """The hash of the last one."""
    for subject in all_subjects:
        git(root, "commit", "--quiet", "--allow-empty", "-m", subject)
    return git(root, "rev-parse", "HEAD")


class Subjects(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = os.path.join(folder.name, "clone")
        os.mkdir(self.root)
        git(self.root, "init", "--quiet")
        self.base = commit(self.root, "Old subjects are as they were")

    def found(self, root=None):
        return [breach[1] for breach in subjects.breaches(root or self.root, self.base)[1]]

    def test_a_subject_names_its_area_and_is_short(self):
        for good in (GOOD, "tests, docs: two areas", "hangar.h: a file", "core/base: x", "a: " + "x" * 69):
            self.assertIsNone(subjects.problem_of(good), good)
        for bad in ("No area", "Upper: case", "area:effect", "area: ", "area: stops.", "a: " + "x" * 70):
            self.assertIsNotNone(subjects.problem_of(bad), bad)

    def test_commits_since_the_base_and_the_last_tag_are_checked(self):
        self.assertEqual(subjects.breaches(self.root, self.base), (0, []))
        commit(self.root, "Bad one", GOOD)
        self.assertEqual(self.found(), ["Bad one"])
        git(self.root, "tag", "v1")
        self.assertEqual(self.found(), [])
        commit(self.root, "Bad two")
        self.assertEqual(self.found(), ["Bad two"])

    def test_what_is_not_a_whole_clone_is_not_checked(self):
        commit(self.root, GOOD, "Bad one")
        inside = os.path.join(self.root, "copy")
        os.mkdir(inside)
        self.assertEqual(self.found(inside), [])
        shallow = self.root + "-shallow"
        git(self.root, "clone", "--quiet", "--depth=1", "file://" + self.root, shallow)
        self.assertEqual(self.found(shallow), [])
        git(self.root, "checkout", "--quiet", "--orphan", "other")
        commit(self.root, "Bad one")
        self.assertEqual(self.found(), [])
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(self.found(folder), [])


if __name__ == "__main__":
    unittest.main()
