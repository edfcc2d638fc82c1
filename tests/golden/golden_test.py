#!/usr/bin/python3
"""Golden repositories restore for ever:  golden_test.py COPPICE

Every repository below v1/ is restored, snapshot by snapshot, by coppice and by the independent reader examples/rescue.py, with passphrase
and with key file, and compared with what was backed up; verify must find it whole. The repositories are used where they lie, read only.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import tree

HERE = os.path.dirname(os.path.abspath(__file__))
RESCUE = os.path.join(HERE, "..", "..", "examples", "rescue.py")
COPPICE = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "coppice"


class Plain(unittest.TestCase):
    maxDiff = None
    name = "plain"

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name
        self.directory = os.path.join(HERE, "v1", self.name)
        self.repository = os.path.join(self.directory, "repository")
        with open(os.path.join(self.directory, "expected.json")) as source:
            self.expected = json.load(source)
        self.env = {"PATH": os.environ["PATH"], "COPPICE_STATE_DIR": self.scratch + "/state",
                    "COPPICE_CACHE_DIR": self.scratch + "/cache"}
        self.passphrase = dict(self.env, COPPICE_PASSWORD="golden")

    def run_ok(self, env, *words):
        done = subprocess.run(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, (words, done.stdout, done.stderr))
        return done.stdout.decode()

    def coppice(self, *words, env=None):
        return self.run_ok(env or self.passphrase, COPPICE, "-r", self.repository, *words)

    def compare(self, number, target):
        self.assertEqual(tree.describe(os.fsencode(target)), self.expected["snapshots"][number])

    def snapshot_ids(self):
        return [snapshot["id"] for snapshot in json.loads(self.coppice("snapshots", "--json"))]

    def test_coppice_restores_every_snapshot(self):
        for number, snapshot in enumerate(self.snapshot_ids()):
            target = f"{self.scratch}/coppice-{number}"
            self.coppice("restore", "-q", f"{snapshot}:{self.expected['source']}", "--target", target, "--no-owner")
            self.compare(number, target)

    def test_the_key_file_opens_it_too(self):
        key_file = os.path.join(self.directory, "key-file")
        target = self.scratch + "/by-key"
        self.coppice("--key-file", key_file, "restore", "-q", f"latest:{self.expected['source']}", "-t", target,
                     "--no-owner", env=self.env)
        self.compare(-1, target)

    def test_it_is_whole(self):
        self.coppice("verify", "-q", "--read-data")
        self.run_ok(self.env, COPPICE, "-r", self.repository, "verify", "-q", "--keyless")

    def test_the_independent_reader_restores_every_snapshot(self):
        listed = self.run_ok(self.passphrase, "/usr/bin/python3", RESCUE, self.repository, "list")
        for number, snapshot in enumerate(self.snapshot_ids()):
            self.assertIn(snapshot[:8], listed)
            target = f"{self.scratch}/rescue-{number}"
            self.run_ok(self.passphrase, "/usr/bin/python3", RESCUE, self.repository, "restore", snapshot[:16], target,
                        self.expected["source"])
            found = [root for root, _, files in os.walk(target) if "hello.txt" in files and re.search("source|rescue", root)]
            self.compare(number, min(found, key=len))


class Deltas(Plain):
    """Blocks that are compressed against older versions."""
    name = "deltas"


if __name__ == "__main__":
    unittest.main()
