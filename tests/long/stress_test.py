#!/usr/bin/env python3
"""Fifty backups of a tree that never stands still, and fifty restores into a target that somebody rearranges.

    stress_test.py PROGRAM [ROUNDS]

Every file of the source tells its own checksum, so whatever comes back is one of the versions that were written, or was
named by the backup. Beside the target lies a directory that must stay as it is whatever the target's links lead to.
"""

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
import tree_facts  # noqa: E402

TIMEOUT = 120  # seconds: a run that takes longer hangs
CHECKSUM = 64  # hex digits at a file's start


def sealed(content):
    return hashlib.sha256(content).hexdigest().encode() + content


def is_sealed(content):
    return hashlib.sha256(content[CHECKSUM:]).hexdigest().encode() == content[:CHECKSUM]


class Restless:
    """Does one thing after the other to a tree, in a thread of its own, until it is told to stop."""

    def __init__(self, top, seed):
        self.top = top
        self.random = random.Random(seed)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.changes = 0

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()

    def work(self):
        while not self.stopping.is_set():
            try:
                self.random.choice(self.actions())(self.some_path())
                self.changes += 1
            except OSError:
                pass  # the entry is of another type by now
            # The backup must come to its turn on a machine with one processor.
            time.sleep(0.0005)

    def some_path(self):
        return os.path.join(self.top, f"d{self.random.randrange(8)}", f"f{self.random.randrange(40)}")


class ChangingSource(Restless):
    def actions(self):
        return [self.write, self.write, self.write, self.rename, self.truncate, self.grow, self.delete,
                self.make_directory, self.lose_permission, self.make_link, self.make_fifo, self.move_directory]

    def write(self, path):
        size = self.random.choice((100, 5000, 60_000, 700_000, 3_000_000))
        # Without O_NONBLOCK a FIFO that stands there would keep this thread for ever.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK, 0o644)
        with open(descriptor, "wb") as file:
            file.write(sealed(self.random.randbytes(size)))

    def rename(self, path):
        os.rename(path, self.some_path())

    def truncate(self, path):
        os.truncate(path, self.random.randrange(1000))

    def grow(self, path):
        if os.path.isfile(path) and not os.path.islink(path):
            with open(path, "ab") as file:
                file.write(b"grown " * self.random.randrange(1, 20_000))

    def delete(self, path):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)

    def make_directory(self, path):
        if os.path.lexists(path):
            self.delete(path)
        os.mkdir(path)
        with open(os.path.join(path, "inside"), "wb") as file:
            file.write(sealed(b"inside"))

    def lose_permission(self, path):
        os.chmod(path, 0)

    def make_link(self, path):
        os.link(self.some_path(), path)

    def make_fifo(self, path):
        if os.path.lexists(path):
            self.delete(path)
        os.mkfifo(path)

    def move_directory(self, path):
        folder = os.path.dirname(path)
        os.rename(folder, folder + ".away")
        os.rename(folder + ".away", folder)


class SwappedTarget(Restless):
    """Takes directories of the target away and puts links to the outside in their places."""

    def __init__(self, top, seed, outside):
        super().__init__(top, seed)
        self.outside = outside

    def actions(self):
        return [self.swap]

    def swap(self, _):
        folder = os.path.join(self.top, f"d{self.random.randrange(8)}")
        away = os.path.join(self.top, f".away-{self.changes}")
        os.rename(folder, away)
        os.symlink(self.outside, folder)
        time.sleep(self.random.random() * 0.005)
        os.unlink(folder)
        os.rename(away, folder)


class Campaign:
    def __init__(self, program, rounds):
        self.program = os.path.abspath(program)
        self.rounds = rounds
        self.dir = tempfile.mkdtemp(prefix="coppice-stress-")
        self.source = os.path.join(self.dir, "source")
        self.environment = dict(os.environ, COPPICE_REPOSITORY=self.dir + "/repo", COPPICE_KEY_FILE=self.dir + "/key",
                                COPPICE_STATE_DIR=self.dir + "/state", COPPICE_CACHE_DIR=self.dir + "/cache")
        self.failures = []

    def run(self, *words):
        done = subprocess.run([self.program, *words], env=self.environment, cwd=self.dir, capture_output=True,
                              timeout=TIMEOUT)
        if done.returncode not in (0, 3):
            self.failures.append(f"{words}: exit {done.returncode}: {done.stderr[-500:]!r}")
        return done

    def fill(self):
        for folder in range(8):
            os.makedirs(os.path.join(self.source, f"d{folder}"))
            for name in range(40):
                with open(os.path.join(self.source, f"d{folder}", f"f{name}"), "wb") as file:
                    file.write(sealed(os.urandom(20_000)))

    def named(self, done):
        lines = [json.loads(line) for line in done.stderr.decode().splitlines()]
        return {line.get("item") for line in lines}

    def check_restored(self, named, torn):
        """What is not sealed was cut or grown in the source itself (`torn`), or was named."""
        out = os.path.join(self.dir, "out")
        self.run("restore", "latest:" + self.source, "-t", out)
        checked = 0
        for folder, _, names in os.walk(out):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.islink(path) or not os.path.isfile(path):
                    continue
                live = os.path.join(self.source, os.path.relpath(path, out))
                with open(path, "rb") as file:
                    content = file.read()
                checked += 1
                if not is_sealed(content) and live not in named and not torn(content):
                    self.failures.append(f"{live}: {len(content)} bytes are no version that was written")
        shutil.rmtree(out)
        return checked

    @staticmethod
    def is_version(content):
        """A sealed file cut short or grown by the source's own actions is a version that was written, too."""
        stripped = content
        while stripped.endswith(b"grown "):
            stripped = stripped[:-len(b"grown ")]
        return is_sealed(stripped) or len(stripped) < 1000

    def backups(self):
        changes = checked = with_findings = 0
        for at in range(self.rounds):
            with ChangingSource(self.source, at) as restless:
                done = self.run("backup", "--json", self.source)
            changes += restless.changes
            with_findings += done.returncode == 3
            checked += self.check_restored(self.named(done), self.is_version)
        verified = self.run("verify", "--read-data")
        if verified.returncode != 0:
            self.failures.append("verify: " + verified.stderr.decode())
        print(f"{self.rounds} backups during {changes} changes: {with_findings} with findings (exit 3), "
              f"{checked} files came back as a version that was written or were named")

    def restores(self):
        outside = os.path.join(self.dir, "outside")
        os.mkdir(outside)
        for at in range(40):
            with open(os.path.join(outside, f"f{at}"), "wb") as file:
                file.write(b"not yours")
        before = tree_facts.record(outside)
        swaps = 0
        target = os.path.join(self.dir, "target")
        self.run("restore", "latest:" + self.source, "-t", target)
        for at in range(self.rounds):
            with SwappedTarget(target, at, outside) as restless:
                words = [["--overwrite", "always"], ["--delete"], ["--overwrite", "always", "--delete", "--verify"]]
                self.run("restore", "latest:" + self.source, "-t", target, *words[at % 3])
            swaps += restless.changes
        found = tree_facts.differences(before, tree_facts.record(outside))
        self.failures += [tree_facts.describe(difference) for difference in found]
        print(f"{self.rounds} restores during {swaps} swaps of directories for links: "
              f"{len(found)} differences outside the target")

    def finish(self):
        tree_facts.remove(self.dir)
        for failure in self.failures:
            print("FAILED:", failure)
        return 1 if self.failures else 0


def main():
    campaign = Campaign(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 50)
    campaign.run("init", "-q")
    campaign.fill()
    began = time.monotonic()
    campaign.backups()
    campaign.restores()
    print(f"{time.monotonic() - began:.0f} s")
    return campaign.finish()


if __name__ == "__main__":
    sys.exit(main())
