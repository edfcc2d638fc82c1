#!/usr/bin/env python3
"""The real program, killed at every system call that writes, and with every such call failing.

    kill_test.py PROGRAM [POINTS [SEED [JOB...]]]      (default 2500 kills, 3000 faults and 236 odd answers; else POINTS of each)

Kills: strace sends SIGKILL at the K-th call of each kind, for every K. Faults: the K-th call fails with EIO, ENOSPC,
EDQUOT, EROFS or EINTR, once or from then on; or is done by half (short_io.c). After each: what was committed is
there, byte for byte, `verify` finds no loss, what was forgotten and not collected comes back by `undelete`, the same
command again and the next backup work without help, and nothing unfinished is left. A run that says it succeeded did what
it said. Threads share strace's counters loosely, so a campaign is repeated with the same points until it has as many as
were asked for. As many trials run at once as there are processors.

A collector waits half a minute for a session of which only the marker is left. To have so many trials, the marker of a killed
run is taken away as the collector would do then; one trial of some hundred waits for real.
"""

import collections
import concurrent.futures
import dataclasses
import functools
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import long_run
from long_run import Broken, expect

WRITERS = ("openat", "pwrite64", "write", "fsync", "fchmod", "mkdirat", "linkat", "renameat", "renameat2", "unlinkat",
           "flock", "ftruncate")
# Not openat: most of its calls are of the loader and of the sources, and a source that fails is exit 3.
FAILING = ("pwrite64", "fsync", "mkdirat", "linkat", "renameat", "unlinkat", "fchmod")
MOVERS = ("pread64", "pwrite64")  # what short_io.c does by half
ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EROFS")
REAL_WAIT = 400  # one of so many trials waits for a dead session
PRUNE = ("prune", "-q", "--max-unused", "0")


@dataclasses.dataclass
class Job:
    """What is killed: `words`, begun at `start`. `done`: its exit code when nothing interferes."""
    name: str
    start: long_run.Start
    words: tuple
    done: int = 0
    makes: str = None  # a backup: the directory whose snapshot it makes, or "" if that is not compared


def jobs(prepared):
    """To add a job, add a line; what it must keep is the start's business (long_run.py)."""
    starts, live = prepared.starts, prepared.versions[2]
    old = list(starts["forgotten"].forgettable)
    every = (
        Job("backup", starts["plain"], ("backup", "-q", "--as", "/src", "--tag", "new", live), makes=live),
        Job("stdin", starts["plain"], ("backup", "-q", "--tag", "stream", "--stdin-from-command", "--", "cat",
                                       os.path.join(live, "d0", "f0")), makes=""),
        Job("forget", starts["retained"], ("forget", "-q", "--keep-last", "1")),
        Job("undelete", starts["forgotten"], ("undelete", "-q", *old)),
        Job("prune", starts["forgotten"], PRUNE),
        Job("forget --prune", starts["retained"], ("forget", "-q", "--keep-last", "1", "--prune")),
        Job("repair packs", starts["damaged"], ("repair", "packs", "-q"), done=14),
        Job("repair index", starts["unindexed"], ("repair", "index", "-q"), done=14),
    )
    return {job.name: job for job in every}


def strace(*options, log="/dev/null"):
    return ["strace", "-f", "-qq", "-o", log, *options]


class Trial:
    """One run of a job with one fault, in a copy of the start."""

    def __init__(self, prepared, job, number):
        self.prepared, self.job, self.number = prepared, job, number
        self.machine = prepared.fresh(job.start)
        self.log = os.path.join(self.machine.scratch, "log")

    def run(self, before=(), environment=None):
        self.code, _, self.err = self.machine.run(*self.job.words, before=before, environment=environment)
        return self.code

    def judge(self):
        """Everything that must be true now, whatever the fault was."""
        machine, job, start = self.machine, self.job, self.job.start
        trees = {**start.trees, **self.expect_no_false_success()}
        long_run.expect_held(machine, trees, self.prepared.scratch, start.before_codes)
        if start.forgettable:
            trees |= self.expect_forgotten_are_whole()
        self.run_again()
        long_run.expect_recovery(self.prepared, machine, trees)
        shutil.rmtree(machine.scratch)

    def expect_no_false_success(self):
        """A run that says it succeeded did it; returns what must restore in addition."""
        job, machine, succeeded = self.job, self.machine, self.code == self.job.done
        known = job.start.trees.keys() | job.start.forgettable.keys() | job.start.others
        listed = {one["id"] for one in machine.snapshots(job.start.before_codes)}
        new = listed - known
        if job.makes is None:
            expect(not new, "made a snapshot")
        else:
            expect(len(new) == 1 or not (succeeded or self.code == 3 or new), f"made {len(new)} snapshots")
        gone = job.start.forgettable.keys() - listed
        expect(len(gone) in (0, len(job.start.forgettable)), "did half of one entry")
        if succeeded and job.start.forgettable:
            expect(bool(gone) == (job.name != "undelete"), "said that it succeeded, and did nothing")
            if "prune" in job.name:
                expect(not machine.forgotten(), "said that it collected, and left what was forgotten")
        if job.words[0] == "repair" and self.code in (0, job.done):
            # An entry of the log stands without its copy; the next run puts it.
            machine.expect((0,) if job.name == "repair packs" else (0, 14), "verify", "--read-data")
        # 3: something is not in it, and was named.
        return {one: job.makes for one in new} if job.makes and self.code != 3 else {}

    def expect_forgotten_are_whole(self):
        """What is still listed restores; what is off the list and not collected comes back whole. Every other trial
        leaves it where it is, so that the next run of a collector finds it."""
        machine, forgettable = self.machine, self.job.start.forgettable
        listed = {one["id"] for one in machine.snapshots()} & forgettable.keys()
        forgotten = machine.forgotten()
        if self.number % 2 and forgotten:
            machine.expect((0,), "undelete", "-q", *forgotten)
            listed |= set(forgotten)
        whole = {one: forgettable[one] for one in listed}
        long_run.expect_snapshots(machine, whole, self.prepared.scratch)
        return forgettable if self.job.name == "undelete" else {}  # of other jobs they go with the next run

    def run_again(self):
        """What its owner does next: the same again; it is done now, or there is nothing to do."""
        job, machine = self.job, self.machine
        if job.makes is not None:
            return
        if "prune" in job.name and self.number % REAL_WAIT:
            long_run.drop_markers(machine)
        machine.expect((0, job.done), *job.words)
        if "prune" in job.name:
            machine.expect((0,), *PRUNE)
            expect(not machine.forgotten(), "the next prune left what was forgotten")


def count_calls(prepared, job):
    trial = Trial(prepared, job, 1)
    code = trial.run(strace("-e", "trace=" + ",".join(WRITERS + ("pread64",)), log=trial.log))
    expect(code == job.done, f"{job.name} ends with {code} when nothing interferes: {trial.err}")
    # strace counts each thread's calls on their own: what the busiest one makes is what there is to meet.
    by_thread = collections.Counter()
    with open(trial.log, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if found := re.match(r"(\d+) +(\w+)\(", line):
                by_thread[found[2], found[1]] += 1
    trial.judge()
    calls = collections.Counter()
    for (call, _), count in by_thread.items():
        calls[call] = max(calls[call], count)
        # The shim's counter is the process's.
        calls[MOVERS] += count if call in MOVERS else 0
    return calls


def kill_points(calls):
    return [(call, at) for call in WRITERS for at in range(1, calls[call] + 1)]


def kill_once(trial, point):
    call, at = point
    code = trial.run(strace("-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={at}"))
    return code in (-9, 137)


def fault_points(calls):
    points = [(call, at, f"error={error}", when) for call in FAILING for at in range(1, calls[call] + 1)
              for error in ERRORS for when in (f"{at}", f"{at}+")]
    points += [(call, at, "error=EINTR", f"{at}") for call in ("pwrite64", "fsync", "flock")
               for at in range(1, calls[call] + 1)]
    return points


def fault_once(trial, point):
    call, _, error, when = point
    code = trial.run(strace("-e", f"trace={call}", "-e", f"inject={call}:{error}:when={when}", log=trial.log))
    expect(code in (0, 1, 3, 10, 13, 14, 18), f"ended with {code}: {trial.err}")
    if error == "error=EINTR" and call in ("pwrite64", "fsync"):
        expect(code == trial.job.done, f"does not go on after EINTR: {trial.err}")
    with open(trial.log, encoding="utf-8", errors="replace") as lines:
        return any("(INJECTED)" in line for line in lines)


def build_shim(scratch):
    library = os.path.join(scratch, "short_io.so")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library,
                    os.path.join(long_run.SUPPORT, "short_io.c"), "-ldl"], check=True)
    return library


def odd_points(calls):
    return [(way, at, sticky) for way in ("short", "eintr") for at in range(1, calls[MOVERS] + 1) for sticky in "01"]


def odd_once(library, trial, point):
    way, at, sticky = point
    code = trial.run(environment={"LD_PRELOAD": library, "ODD_CALL": str(at), "ODD_WAY": way, "ODD_STICKY": sticky,
                                  "ODD_LOG": trial.log})
    expect(code == trial.job.done, f"does not go on after a call that was {way}: {trial.err}")
    return os.path.exists(trial.log)


class Campaign:
    """Runs at most `wanted` points, all of them if there are fewer; again from the start if they are far too few."""

    def __init__(self, name, prepared, wanted, seed):
        self.name, self.prepared, self.wanted, self.seed = name, prepared, wanted, seed
        self.hits, self.met = collections.Counter(), threading.Lock()

    def try_one(self, number, job, point, once):
        trial = Trial(self.prepared, job, number)
        try:
            was_hit = once(trial, point)
            trial.judge()
        except Broken as broken:
            raise Broken(f"{self.name}: {job.name} {point[-4:]} in {trial.machine.scratch}: {broken}") from None
        with self.met:
            self.hits[job.name] += bool(was_hit)

    def run(self, points, once):
        """`points`: of each job."""
        chosen = [(job, point) for job, some in points for point in some]
        random.Random(self.seed).shuffle(chosen)
        began, count = time.monotonic(), collections.Counter()
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            running = []
            for number in range(self.wanted):
                job, point = chosen[number % len(chosen)]
                count[job.name] += 1
                running.append(pool.submit(self.try_one, number + 1, job, point, once))
            try:
                for one in concurrent.futures.as_completed(running):
                    one.result()
            except Broken:
                pool.shutdown(cancel_futures=True)
                raise
        hits = sum(self.hits.values())
        each = ", ".join(f"{name} {self.hits[name]} of {count[name]}" for name in sorted(count))
        print(f"{self.name}: {self.wanted} runs of {len(chosen)} different points, {hits} of them met their fault "
              f"({each}), {time.monotonic() - began:.0f} s, seed {self.seed}", flush=True)
        expect(hits > self.wanted * 0.6, "too few faults were met")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    points = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    scratch = tempfile.mkdtemp(prefix="coppice-kill-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    try:
        prepared = long_run.Prepared(sys.argv[1], scratch, seed)
        library = build_shim(scratch)
        all_jobs = jobs(prepared)
        calls = [(all_jobs[name], count_calls(prepared, all_jobs[name])) for name in sys.argv[4:] or all_jobs]
        print("; ".join(f"{job.name}: {sum(c[call] for call in WRITERS)} calls" for job, c in calls), flush=True)
        Campaign("kills", prepared, points or 2500, seed).run([(job, kill_points(c)) for job, c in calls], kill_once)
        Campaign("faults", prepared, points or 3000, seed).run([(job, fault_points(c)) for job, c in calls], fault_once)
        Campaign("odd answers", prepared, points or 236, seed).run([(job, odd_points(c)) for job, c in calls],
                                                                            functools.partial(odd_once, library))
    except Broken as broken:
        print(f"BROKEN (kept in {scratch}): {broken}")
        sys.exit(1)
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
