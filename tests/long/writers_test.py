#!/usr/bin/env python3
"""Sixteen machines write into one repository at once: nothing that was acknowledged is ever missing.

    writers_test.py PROGRAM [ROUNDS [KIND...]]      (default 160 rounds on a local disk, 20 each on sshfs and CephFS)

KIND: local, sshfs (two mounts of one directory, half of the machines on each), cephfs (two mounts of ceph-fuse; starts a
cluster of its own with ceph-up.sh). In each round every machine backs up a tree of its own and one that all share, at the
same time; some are killed on the way. Two more machines collect all the while: one runs `forget --keep-last` and `prune`,
the other `prune`, again and again, also while the rounds are judged. Then every snapshot that was acknowledged, in this
round or an earlier one, and that no forget has named, must be listed, `verify` must find nothing, and some of the round must
restore.

A reader that meets packs which are moved at that moment may call them missing (docs/guarantees.md): so `verify` and
`restore` have three tries; how many were needed is told. What was lost would be missing every time.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import long_run
from long_run import Broken, expect
import file_systems

MACHINES = 16
KILLED = 3  # of each round
KEPT = 4  # of each machine's snapshots


class Local:
    def __init__(self, scratch):
        self.directories = [os.path.join(scratch, "target")]
        os.mkdir(self.directories[0])

    def close(self):
        pass


class Sshfs:
    """Two mounts of one directory, each by an sftp-server of its own: as two hosts see it."""

    def __init__(self, scratch):
        served, connect = os.path.join(scratch, "served"), os.path.join(scratch, "connect")
        if not os.path.exists(file_systems.SFTP_SERVER) or not shutil.which("sshfs"):
            raise file_systems.Unavailable("sshfs or openssh-sftp-server is not installed")
        os.mkdir(served)
        with open(connect, "w", encoding="ascii") as script:
            script.write(f"#!/bin/sh\nexec {file_systems.SFTP_SERVER}\n")
        os.chmod(connect, 0o755)
        self.directories = []
        for name in ("one", "other"):
            directory = os.path.join(scratch, name)
            os.mkdir(directory)
            file_systems.run("sshfs", "-o", f"ssh_command={connect},cache=no,direct_io", "local:" + served, directory)
            self.directories.append(directory)

    def close(self):
        for directory in self.directories:
            subprocess.run(["fusermount3", "-u", "-z", directory], check=False)


class CephFs:
    def __init__(self, scratch):
        if not shutil.which("ceph-fuse"):
            raise file_systems.Unavailable("ceph-fuse is not installed")
        self.cluster = os.path.join(scratch, "ceph")
        self.directories = []
        self.other = os.path.join(scratch, "other")
        os.mkdir(self.other)
        try:
            self.start()
        except file_systems.Unavailable:
            self.close()
            raise

    def start(self):
        # No S3 gateway: only the file system is wanted here.
        file_systems.run("bash", os.path.join(long_run.HERE, "ceph-up.sh"), self.cluster,
                         env=dict(os.environ, RGW="0"))
        # A client of its own, as on another host: files of its own beside the first one's.
        file_systems.run("ceph-fuse", "-c", os.path.join(self.cluster, "ceph.conf"), "--client_mountpoint=/",
                         f"--pid_file={self.cluster}/run/other.pid", f"--admin_socket={self.cluster}/run/other.asok",
                         self.other)
        self.directories = [os.path.join(self.cluster, "mnt"), self.other]

    def close(self):
        subprocess.run(["fusermount3", "-u", "-z", self.other], capture_output=True, check=False)
        subprocess.run(["bash", os.path.join(long_run.HERE, "ceph-down.sh"), self.cluster], check=False)


KINDS = {"local": Local, "sshfs": Sshfs, "cephfs": CephFs}


class Collector:
    """A machine that does nothing but forget and prune, until it is stopped."""

    def __init__(self, machine, forgets):
        self.machine, self.forgets = machine, forgets
        self.lock = threading.Lock()  # held while a forget runs that has not told yet what it dropped
        self.dropped = set()
        self.prunes = self.packs = self.freed = 0
        self.error = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        try:
            while not self.stopping.is_set():
                if self.forgets:
                    self.forget()
                out = self.machine.expect((0,), "prune", "--json", "--max-unused", "0")
                told = json.loads(out.splitlines()[-1])
                self.prunes += 1
                self.packs += told["packs_removed"]
                self.freed += told["bytes_freed"]
        except Broken as broken:
            self.error = broken

    def forget(self):
        """Only what it tells is dropped, and of each machine the newest stay."""
        with self.lock:
            out = self.machine.expect((0,), "forget", "--json", "--keep-last", str(KEPT))
            groups = [line for line in map(json.loads, out.splitlines()) if line["message_type"] == "forget_group"]
            for group in groups:
                expect(not group["remove"] or len(group["keep"]) == KEPT, "kept less than it was told to")
                self.dropped |= {snapshot["id"] for snapshot in group["remove"]}

    def stop(self):
        self.stopping.set()
        self.thread.join()
        if self.error:
            raise self.error


class Fleet:
    def __init__(self, program, target, scratch, seed):
        self.scratch, self.dice, self.seed = scratch, random.Random(seed), seed
        self.machines = []
        for number in range(MACHINES + 2):
            repository = os.path.join(target.directories[number % len(target.directories)], "repo")
            self.machines.append(long_run.Machine(program, repository, scratch, name=f"host{number}"))
        self.machines[0].expect((0,), "init", "-q")
        self.acknowledged = set()
        self.killed = self.tries = 0
        self.collectors = [Collector(machine, forgets=at == 0)
                           for at, machine in enumerate(self.machines[MACHINES:])]

    def write_trees(self, number):
        shared = os.path.join(self.scratch, "shared")
        shutil.rmtree(shared, ignore_errors=True)
        long_run.write_tree(shared, self.seed, changed=f"round {number}")
        trees = []
        for at in range(MACHINES):
            tree = os.path.join(self.scratch, f"tree{at}")
            shutil.rmtree(tree, ignore_errors=True)
            long_run.write_tree(tree, f"{self.seed}/{at}", changed=f"round {number}")
            shutil.copytree(shared, os.path.join(tree, "shared"))
            trees.append(tree)
        return trees

    def run_round(self, number):
        trees = self.write_trees(number)
        children = [machine.start("backup", "--json", "--as", "/src", tree)
                    for machine, tree in zip(self.machines, trees)]
        for victim in self.dice.sample(range(MACHINES), KILLED):
            time.sleep(self.dice.random() * 0.05)
            children[victim].send_signal(signal.SIGKILL)
        fresh = {}
        for child, tree in zip(children, trees):
            out, err = child.communicate(timeout=long_run.TIMEOUT)
            if child.returncode == -signal.SIGKILL:
                self.killed += 1
                continue
            expect(child.returncode == 0, f"a backup ended with {child.returncode}: {err.decode()}")
            fresh[json.loads(out.splitlines()[-1])["snapshot_id"]] = tree
        self.acknowledged |= fresh.keys()
        self.expect_all(fresh)

    def patiently(self, question):
        """Asks up to three times."""
        for attempt in range(3):
            try:
                return question()
            except Broken:
                if attempt == 2:
                    raise
                self.tries += 1

    def expect_all(self, fresh):
        for collector in self.collectors:
            if collector.error:
                raise collector.error
        judge = self.dice.choice(self.machines[:MACHINES])
        self.expect_listed(judge)
        self.patiently(lambda: judge.expect((0, 14), "verify", "--read-data"))
        some = dict(self.dice.sample(sorted(fresh.items()), min(4, len(fresh))))
        self.patiently(lambda: long_run.expect_snapshots(judge, some, self.scratch))

    def expect_listed(self, judge):
        forgetting = self.collectors[0]
        with forgetting.lock:
            listed = {snapshot["id"] for snapshot in judge.snapshots()}
            lost = self.acknowledged - listed - forgetting.dropped
        expect(not lost, f"acknowledged, not forgotten, and gone: {sorted(lost)}")

    def stop(self):
        for collector in self.collectors:
            collector.stopping.set()
        for collector in self.collectors:
            collector.stop()

    def close(self):
        """When nobody writes any more: one machine sees all of it whole, and at once."""
        self.stop()
        judge = self.machines[0]
        judge.expect((0,), "prune", "-q", "--max-unused", "0")
        self.expect_listed(judge)
        judge.expect((0,), "verify", "--read-data")
        judge.expect((0,), "verify", "--keyless")


def campaign(program, kind, rounds, seed):
    scratch = tempfile.mkdtemp(prefix=f"coppice-{kind}-", dir=os.environ.get("TMPDIR", "/var/tmp"))
    began = time.monotonic()
    try:
        target = KINDS[kind](scratch)
    except file_systems.Unavailable as why:
        print(f"SKIPPED {kind}: {why}")
        shutil.rmtree(scratch, ignore_errors=True)
        return
    try:
        fleet = Fleet(program, target, scratch, f"{seed}/{kind}")
        try:
            for number in range(rounds):
                fleet.run_round(number)
        except Broken:
            with contextlib.suppress(Broken):
                fleet.stop()
            raise
        fleet.close()
        both = fleet.collectors
        print(f"{kind}: {rounds} rounds of {MACHINES} writers, {len(fleet.acknowledged)} backups acknowledged, "
              f"{fleet.killed} killed; meanwhile {len(both[0].dropped)} snapshots forgotten, "
              f"{both[0].prunes + both[1].prunes} prunes, {both[0].packs + both[1].packs} packs removed; readers began "
              f"anew {fleet.tries} times; {time.monotonic() - began:.0f} s, seed {seed}", flush=True)
    finally:
        target.close()
    shutil.rmtree(scratch)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    try:
        for kind in sys.argv[3:] or KINDS:
            campaign(sys.argv[1], kind, rounds or (160 if kind == "local" else 20), seed=1)
    except Broken as broken:
        print(f"BROKEN: {broken}")
        sys.exit(1)


if __name__ == "__main__":
    main()
