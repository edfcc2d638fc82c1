#!/usr/bin/env python3
"""Ten thousand snapshots in one repository: what every command's start costs then.

    many_snapshots.py --coppice PROGRAM --test TEST_RETENTION [--work DIR]

Has test_retention make the repository (its test judges them, too), then runs `snapshots`, a small `backup` and `forget --dry-run` five
times each, and prints a table row: medians in wall seconds, and the peak resident memory of any. Exit status 1 if a command fails or
does not know all of them. Needs about 150 MB below DIR; a RAM disk makes the preparation fast.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

COUNT = 10_000
POLICY = ["--keep-hourly", "24", "--keep-daily", "30", "--keep-weekly", "52", "--keep-monthly", "120", "--keep-yearly", "10"]


def median_seconds(command, runs=5):
    seconds = []
    output = b""
    for _ in range(runs):
        began = time.monotonic()
        done = subprocess.run(command, stdout=subprocess.PIPE)
        seconds.append(time.monotonic() - began)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}: exit {done.returncode}")
        output = done.stdout
    return statistics.median(seconds), output


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--coppice", required=True)
    arguments.add_argument("--test", required=True)
    arguments.add_argument("--work")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="coppice-snapshots-", dir=chosen.work) as work:
        repository = os.path.join(work, "repository")
        subprocess.run([chosen.test, "--no-skip", "-tc=ten thousand*"], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "COPPICE_TEST_REPOSITORY": repository})
        key = os.path.join(work, "key")
        with open(key, "w") as file:
            file.write("coppice key file 1\n" + "07" * 32 + "\n")
        source = os.path.join(work, "source")
        os.mkdir(source)
        with open(os.path.join(source, "file"), "w") as file:
            file.write("small\n")
        coppice = [chosen.coppice, "-r", repository, "--key-file", key, "--cache-dir", os.path.join(work, "cache"),
                   "--state-dir", os.path.join(work, "state")]
        listing, output = median_seconds([*coppice, "snapshots", "--json"])
        known = len(json.loads(output))
        backup, _ = median_seconds([*coppice, "backup", "-q", source])
        forget, _ = median_seconds([*coppice, "forget", "--dry-run", *POLICY])
        print(f"| {known:,} snapshots | `snapshots --json` {listing:.2f} | small `backup` {backup:.2f} | `forget --dry-run` {forget:.2f} |")
        if known != COUNT:
            sys.exit(f"{known} snapshots are known, not {COUNT}")


main()
