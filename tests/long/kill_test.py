#!/usr/bin/env python3
"""The real program, killed at every system call that writes, and with every such call failing.

    kill_test.py PROGRAM [POINTS [SEED]]      (default 2500 kills and 3200 faults; a sample if POINTS is smaller)

Kills: strace sends SIGKILL at the K-th call of each kind, for every K. Faults: the K-th call fails with EIO, ENOSPC,
EDQUOT, EROFS or EINTR, once or from then on; or is done by half (short_io.c). After each: what was committed is
there, byte for byte, `verify` finds no loss, the next backup works without help and leaves nothing unfinished. A run
that says it succeeded has a new snapshot, whole. Threads share strace's counters loosely, so a campaign is repeated
with the same points until it has as many as were asked for.
"""

import collections
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

import long_run
from long_run import Broken, expect

WRITERS = ("openat", "pwrite64", "write", "fsync", "fchmod", "mkdirat", "linkat", "renameat", "renameat2", "unlinkat",
           "flock", "ftruncate")
# Not openat: most of its calls are of the loader and of the sources, and a source that fails is exit 3.
FAILING = ("pwrite64", "fsync", "mkdirat", "linkat", "renameat", "unlinkat", "fchmod")
ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EROFS")


def jobs(prepared):
    """What is killed: a name, and the words of the command. To add a job, add a line."""
    return {
        "backup": ("backup", "-q", "--as", "/src", "--tag", "new", prepared.versions[2]),
        "stdin": ("backup", "-q", "--tag", "stream", "--stdin-from-command", "--", "cat",
                  os.path.join(prepared.versions[2], "d0", "f0")),
    }


def strace(*options):
    return ["strace", "-f", "-qq", "-o", "/dev/null", *options]


def count_calls(prepared, words):
    log = os.path.join(prepared.scratch, "calls")
    machine = prepared.fresh()
    machine.expect((0,), *words, before=["strace", "-f", "-qq", "-o", log, "-e", "trace=" + ",".join(WRITERS)])
    with open(log, encoding="utf-8", errors="replace") as lines:
        return collections.Counter(found[1] for line in lines if (found := re.match(r"\d+ +(\w+)\(", line)))


def new_snapshots(prepared, machine):
    return [one for one in machine.snapshots() if one["id"] not in prepared.trees]


def expect_no_false_success(prepared, machine, code, words):
    new = new_snapshots(prepared, machine)
    if code in (0, 3):
        expect(new, "said that it succeeded, and made no snapshot")
    expect(len(new) <= 1, "made several snapshots")
    if new and "/src" in words and code != 3:  # 3: something is not in it, and was named
        return {**prepared.trees, new[0]["id"]: prepared.versions[2]}
    return prepared.trees


def kill_points(prepared, words):
    calls = count_calls(prepared, words)
    return [(call, at) for call, count in calls.items() for at in range(1, count + 1)]


def kill_once(prepared, words, point):
    call, at = point
    machine = prepared.fresh()
    code, _, _ = machine.run(*words, before=strace("-e", f"trace={call}", "-e",
                                                   f"inject={call}:signal=SIGKILL:when={at}"))
    was_hit = code in (-9, 137)
    trees = expect_no_false_success(prepared, machine, code, words)
    long_run.expect_recovery(prepared, machine, trees)
    return was_hit


def fault_points(prepared, words):
    calls = count_calls(prepared, words)
    points = [(call, at, f"error={error}", when) for call in FAILING for at in range(1, calls[call] + 1)
              for error in ERRORS for when in (f"{at}", f"{at}+")]
    points += [(call, at, "error=EINTR", f"{at}") for call in ("pwrite64", "fsync", "flock")
               for at in range(1, calls[call] + 1)]
    return points


def fault_once(prepared, words, point):
    call, _, error, when = point
    machine = prepared.fresh()
    log = os.path.join(prepared.scratch, "faults")
    code, _, err = machine.run(*words, before=["strace", "-f", "-qq", "-o", log, "-e", f"trace={call}", "-e",
                                               f"inject={call}:{error}:when={when}"])
    with open(log, encoding="utf-8", errors="replace") as lines:
        was_hit = any("(INJECTED)" in line for line in lines)
    expect(code in (0, 1, 3, 10, 13, 18), f"ended with {code}: {err}")
    if error == "error=EINTR" and call in ("pwrite64", "fsync"):
        expect(code == 0, f"does not go on after EINTR: {err}")
    trees = expect_no_false_success(prepared, machine, code, words)
    long_run.expect_recovery(prepared, machine, trees)
    return was_hit


def build_shim(scratch):
    library = os.path.join(scratch, "short_io.so")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library,
                    os.path.join(long_run.SUPPORT, "short_io.c"), "-ldl"], check=True)
    return library


def odd_once(prepared, words, point):
    library, way, at, sticky = point
    machine = prepared.fresh()
    log = os.path.join(prepared.scratch, "odd")
    if os.path.exists(log):
        os.unlink(log)
    code, _, err = machine.run(*words, environment={"LD_PRELOAD": library, "ODD_CALL": str(at), "ODD_WAY": way,
                                                    "ODD_STICKY": sticky, "ODD_LOG": log})
    expect(code == 0, f"does not go on after a call that was {way}: {err}")
    long_run.expect_recovery(prepared, machine, expect_no_false_success(prepared, machine, code, words))
    return os.path.exists(log)


def campaign(name, prepared, wanted, seed, points_of, once):
    """Runs at most `wanted` points, all of them if there are fewer; again from the start if they are far too few."""
    chosen = [(words, point) for words in jobs(prepared).values() for point in points_of(words)]
    random.Random(seed).shuffle(chosen)
    began, hits, runs = time.monotonic(), 0, 0
    while runs < wanted:
        for words, point in chosen[:wanted - runs]:
            try:
                hits += bool(once(prepared, words, point))
            except Broken as broken:
                raise Broken(f"{name}: {words[0]} {point[-4:]}: {broken}") from None
            runs += 1
    print(f"{name}: {runs} runs of {len(chosen)} different points, {hits} of them met their fault, "
          f"{time.monotonic() - began:.0f} s, seed {seed}", flush=True)
    expect(hits > runs * 0.8, "most faults were never met")


def main():
    if len(sys.argv) not in (2, 3, 4):
        sys.exit(__doc__)
    points = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    scratch = tempfile.mkdtemp(prefix="coppice-kill-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    try:
        prepared = long_run.Prepared(sys.argv[1], scratch, seed)
        library = build_shim(scratch)
        ways = [(library, way, at, sticky) for way in ("short", "eintr") for at in range(1, 60) for sticky in "01"]
        campaign("kills", prepared, points or 2500, seed, lambda words: kill_points(prepared, words), kill_once)
        campaign("faults", prepared, points or 3000, seed, lambda words: fault_points(prepared, words), fault_once)
        campaign("odd answers", prepared, points or 236, seed, lambda words: ways, odd_once)
    except Broken as broken:
        print(f"BROKEN (kept in {scratch}): {broken}")
        sys.exit(1)
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
