#!/usr/bin/env python3
"""A real Debian root file system with a kernel: backed up, restored, every entry the same, dpkg content with it.

    debian_test.py PROGRAM [SUITE]     as root; downloads some 150 MB with debootstrap
"""

import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
import tree_facts  # noqa: E402


def run(*words, **options):
    began = time.monotonic()
    done = subprocess.run(words, check=True, **options)
    print(f"{os.path.basename(words[0])} {words[1]}: {time.monotonic() - began:.1f} s", flush=True)
    return done


def dpkg_complaints(root):
    return subprocess.run(["chroot", root, "dpkg", "--verify"], capture_output=True, check=False).stdout.decode()


def main():
    program = os.path.abspath(sys.argv[1])
    suite = sys.argv[2] if len(sys.argv) > 2 else "bookworm"
    scratch = tempfile.mkdtemp(prefix="coppice-debian-")
    root, out = os.path.join(scratch, "root"), os.path.join(scratch, "out")
    environment = dict(os.environ, COPPICE_REPOSITORY=scratch + "/repo", COPPICE_KEY_FILE=scratch + "/key",
                       COPPICE_STATE_DIR=scratch + "/state", COPPICE_CACHE_DIR=scratch + "/cache")
    try:
        run("debootstrap", "--variant=minbase", "--include=linux-image-amd64", suite, root,
            stdout=subprocess.DEVNULL)
        was, complaints = tree_facts.record(root), dpkg_complaints(root)
        run(program, "init", "-q", env=environment)
        run(program, "backup", "-q", root, env=environment)
        run(program, "restore", "-q", "--verify", "latest:" + root, "-t", out, env=environment)
        found = tree_facts.differences(was, tree_facts.record(out))
        for difference in found:
            print("FAILED:", tree_facts.describe(difference))
        now = dpkg_complaints(out)
        print(f"{len(was)} entries, {len(found)} differences; dpkg --verify says of the original {complaints!r}, "
              f"of what was restored {now!r}")
        return 1 if found or now != complaints or now else 0
    finally:
        tree_facts.remove(scratch)


if __name__ == "__main__":
    sys.exit(main())
