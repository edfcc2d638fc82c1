#!/usr/bin/env python3
"""A power cut on real file systems: the disk as it is in the middle of a backup, again and again.

    power_cut_test.py PROGRAM [CUTS [SEED [KIND...]]]      (default 100 cuts on each of ext4, xfs and btrfs)

The target is a loop image that lies on a btrfs of its own. While backups run one after the other, and every fourth time
`forget --prune`, the image is cloned (cp --reflink: what the loop device has written by then, and nothing that is still in
memory). Each clone is mounted, so that the file system recovers as after a power cut, and must hold every snapshot that a
backup had acknowledged before the clone was begun and no forget had been told to drop; then the next backup, and the next
prune, must work on it. The cuts come at times of the dice: how many met a job in the middle is counted and told.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import long_run
from long_run import Broken, expect
import file_systems

IMAGE_MIB = 400


class Disk:
    """A file system in an image, mounted; clones of the image can be had while it is written to."""

    def __init__(self, kind, pool):
        self.kind = kind
        self.image = os.path.join(pool, kind + ".image")
        self.pool = pool
        self.mounted = os.path.join(pool, kind)
        os.mkdir(self.mounted)
        with open(self.image, "wb") as file:
            os.truncate(file.fileno(), IMAGE_MIB << 20)
        file_systems.run(*file_systems.MAKERS[kind], self.image)
        file_systems.run("mount", "-o", "loop", self.image, self.mounted)

    def clone(self, name):
        target = os.path.join(self.pool, name)
        file_systems.run("cp", "--reflink=always", self.image, target)
        return target

    def unmount(self):
        subprocess.run(["umount", self.mounted], check=False)


class Clone:
    """A clone, mounted."""

    def __init__(self, disk, image):
        self.image = image
        self.mounted = image + ".mounted"
        os.mkdir(self.mounted)
        # A second xfs or btrfs with the same id is refused otherwise; btrfs cannot be told, so the first must be away.
        options = "loop,nouuid" if disk.kind == "xfs" else "loop"
        file_systems.run("mount", "-o", options, image, self.mounted)

    def __enter__(self):
        return self.mounted

    def __exit__(self, *_):
        for _ in range(100):
            if subprocess.run(["umount", self.mounted], capture_output=True).returncode == 0:
                break
            time.sleep(0.05)
        os.rmdir(self.mounted)
        os.unlink(self.image)


class Writer:
    """Backs up version after version, and collects, until it is stopped; knows what is promised, and whether it is in the
    middle of something."""

    def __init__(self, machine, scratch, seed):
        self.machine, self.scratch, self.seed = machine, scratch, seed
        self.acknowledged = {}
        self.error = None
        self.is_busy = False
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        try:
            for version in range(1, 1_000_000):
                if self.stopping.is_set():
                    return
                tree = os.path.join(self.scratch, f"version{version}")
                long_run.write_tree(tree, self.seed, changed=version, large=1 << 20)
                self.is_busy = True
                snapshot = self.machine.backup(tree, f"v{version}")
                self.is_busy = False
                self.acknowledged = {**self.acknowledged, snapshot: tree}
                if version % 4 == 0:
                    self.collect()
        except Broken as broken:
            self.error = broken

    def collect(self):
        """Promises less before it begins."""
        self.acknowledged = dict(list(self.acknowledged.items())[-3:])
        self.is_busy = True
        self.machine.expect((0,), "forget", "-q", "--keep-last", "3", "--prune")
        self.is_busy = False

    def stop(self):
        self.stopping.set()
        self.thread.join()
        if self.error:
            raise self.error


def judge_cut(program, clone, home, acknowledged, scratch, tree, all_of_them):
    """The clone's repository, seen by a machine that remembers nothing later than the cut."""
    machine = long_run.Machine(program, os.path.join(clone, "repo"), home, name="after")
    shutil.rmtree(machine.environment["COPPICE_STATE_DIR"], ignore_errors=True)
    shutil.rmtree(machine.environment["COPPICE_CACHE_DIR"], ignore_errors=True)
    machine.expect((0, 14), "verify", "--read-data")
    chosen = dict(list(acknowledged.items())[-(len(acknowledged) if all_of_them else 3):])
    listed = {snapshot["id"] for snapshot in machine.snapshots()}
    for snapshot in acknowledged:
        expect(snapshot in listed, f"snapshot {snapshot[:8]} was acknowledged before the cut and is gone")
    long_run.expect_snapshots(machine, chosen, scratch)
    chosen[machine.backup(tree, "after")] = tree
    machine.expect((0,), "verify", "--read-data")
    long_run.drop_markers(machine)  # of the run that was cut off: a collector would wait for it half a minute
    machine.expect((0,), "prune", "-q", "--max-unused", "0")
    machine.expect((0,), "verify", "--read-data")
    long_run.expect_snapshots(machine, chosen, scratch)


def cut_round(program, kind, pool, scratch, count, seed):
    """One image, up to `count` cuts of it. The clones are judged when the writer has stopped and the image is away."""
    home = tempfile.mkdtemp(dir=scratch)
    disk = Disk(kind, pool)
    dice = random.Random(seed)
    clones = []
    try:
        machine = long_run.Machine(program, os.path.join(disk.mounted, "repo"), home)
        machine.expect((0,), "init", "-q")
        writer = Writer(machine, home, seed)
        try:
            for number in range(count):
                time.sleep(dice.random() * 0.25)
                before, busy = writer.acknowledged, writer.is_busy
                image = disk.clone(f"{kind}-{number}")
                still = writer.acknowledged  # less, if a forget was begun meanwhile
                clones.append((image, {one: before[one] for one in before if one in still}, busy))
        finally:
            writer.stop()
    finally:
        disk.unmount()
    tree = os.path.join(home, "after-tree")
    long_run.write_tree(tree, seed, changed="after", large=1 << 20)
    for number, (image, acknowledged, _) in enumerate(clones):
        try:
            with Clone(disk, image) as mounted:
                judge_cut(program, mounted, home, acknowledged, scratch, tree, number % 10 == 0)
        except Broken as broken:
            raise Broken(f"{kind}, cut {number}: {broken}") from None
    os.unlink(disk.image)
    os.rmdir(disk.mounted)
    shutil.rmtree(home)
    return sum(busy for _, _, busy in clones), len(clones), len(clones[-1][1])


def campaign(program, kind, pool, scratch, cuts, seed):
    began, done, busy, rounds = time.monotonic(), 0, 0, 0
    while done < cuts:
        hit, count, _ = cut_round(program, kind, pool, scratch, min(20, cuts - done), f"{seed}/{kind}/{rounds}")
        done, busy, rounds = done + count, busy + hit, rounds + 1
    print(f"{kind}: {done} cuts, {busy} of them in the middle of a backup or prune, {time.monotonic() - began:.0f} s, "
          f"seed {seed}", flush=True)
    expect(busy * 3 >= done, "most cuts met nothing that ran")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    cuts = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    scratch = tempfile.mkdtemp(prefix="coppice-cut-", dir=os.environ.get("TMPDIR", "/var/tmp"))
    pool = os.path.join(scratch, "pool")
    os.mkdir(pool)
    image = os.path.join(scratch, "pool.image")
    with open(image, "wb") as file:
        os.truncate(file.fileno(), 6 << 30)
    try:
        file_systems.run("mkfs.btrfs", "-q", image)
        file_systems.run("mount", "-o", "loop", image, pool)
        try:
            for kind in sys.argv[4:] or ("ext4", "xfs", "btrfs"):
                campaign(sys.argv[1], kind, pool, scratch, cuts, seed)
        finally:
            file_systems.run("umount", "-l", pool)
    except file_systems.Unavailable as why:
        print(f"SKIPPED: {why}")
    except Broken as broken:
        print(f"BROKEN (kept in {scratch}): {broken}")
        sys.exit(1)
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
