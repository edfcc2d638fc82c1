#!/usr/bin/env python3
"""The same tree through coppice and its peers: what each loses, as the tables of docs/comparison.md.

    compare_peers.py PROGRAM [FILE SYSTEM…]     as root; ext4, xfs and btrfs by default

The tree is tests/support/torture_tree.py's, without its files of 1 TiB, which a peer may read for hours. Each tool gets the
options that keep most, and 300 s.
"""

import collections
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
sys.dont_write_bytecode = True
import file_systems  # noqa: E402
import torture_tree  # noqa: E402
import tree_facts  # noqa: E402

TIMEOUT = 300
# $S: the source directory; $D: the empty directory that becomes its copy; $R: scratch.
TOOLS = {
    "coppice": "$C init -q; $C backup -q $S; $C restore -q latest:$S -t $D",
    "restic": "restic init -q; restic backup -q $S; restic restore -q latest --target $R/restic-out; "
              "mv $R/restic-out$S/* $D/",
    # It ends with an exception in a directory of 1100 levels, and then has no archive at all.
    "borg": "borg init -e none $R/borg; cd $S && borg create --numeric-ids --exclude levels $R/borg::a .; "
            "cd $D && borg extract --numeric-ids --sparse $R/borg::a",
    "tar": "cd $S && tar --format=posix --sparse --xattrs --xattrs-include='*' --acls -cf $R/tar .; "
           "cd $D && tar --numeric-owner --xattrs --xattrs-include='*' --acls -xpf $R/tar",
    "cp -a": "cp -a $S/. $D",
}
GROUPS = [("missing", "entry is not there"), ("type", "type"), ("content", "content"), ("size", "size"),
          ("holes", "holes"), ("names", "hard links"), ("target", "symlink target"), ("device", "device number"),
          ("mode", "mode"), ("owner", "owner"), ("mtime", "time"), ("xattr system.posix_acl", "ACL"),
          ("xattr security.capability", "capability"), ("xattr trusted.", "trusted.*"),
          ("xattr security.", "security.*"), ("xattr user.", "user.*"), ("xattr ", "other attributes"),
          ("flags", "chattr flags"), ("project", "project id"), ("extra", "entry too many")]


def group_of(kind):
    return next(words for prefix, words in GROUPS if kind.startswith(prefix))


def copy(tool, program, source, place, scratch):
    """What differs after the tool has copied `source` to place/out, and whether it ended in time."""
    out = os.path.join(place, "out")
    os.mkdir(out)
    environment = dict(os.environ, C=program, S=source, D=out, R=scratch, RESTIC_REPOSITORY=scratch + "/restic",
                       RESTIC_PASSWORD="x", COPPICE_REPOSITORY=scratch + "/repo", COPPICE_KEY_FILE=scratch + "/key",
                       COPPICE_STATE_DIR=scratch + "/state", COPPICE_CACHE_DIR=scratch + "/cache",
                       XDG_CACHE_HOME=scratch + "/xdg", BORG_BASE_DIR=scratch + "/borg-base",
                       BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK="yes", BORG_RELOCATED_REPO_ACCESS_IS_OK="yes")
    with open(os.path.join(scratch, tool + ".log"), "wb") as log:
        try:
            subprocess.run(["sh", "-c", TOOLS[tool]], env=environment, stdout=log, stderr=log, timeout=TIMEOUT,
                           check=False)
        except subprocess.TimeoutExpired:
            print(f"{tool} was stopped after {TIMEOUT} s")
    now = tree_facts.record(out)
    tree_facts.remove(out)
    return now


def compare_on(kind, program, scratch):
    mounted = file_systems.Mount(kind, scratch, 1024)
    try:
        source = os.path.join(mounted.directory, "tree")
        torture_tree.build(source)
        for name in ("tebibyte", "tebibyte-empty"):
            os.unlink(os.path.join(source, "holes", name))
        was = tree_facts.record(source)
        table = collections.defaultdict(dict)
        for tool in TOOLS:
            if tool.split()[0] != "coppice" and not shutil.which(tool.split()[0]):
                continue
            inner = os.path.join(scratch, kind + "-" + tool.replace(" ", ""))
            os.mkdir(inner)
            now = copy(tool, program, source, mounted.directory, inner)
            # The top itself is made by this script for some of them.
            add_to(table, tool, [found for found in tree_facts.differences(was, now) if found.path])
            tree_facts.remove(inner)
        show(kind, len(was), table)
    finally:
        mounted.unmount()


def add_to(table, tool, found):
    entries = collections.defaultdict(set)
    for difference in found:
        entries[group_of(difference.kind)].add(difference.path)
    for group, paths in entries.items():
        table[group][tool] = len(paths)
    table["entries that differ"][tool] = len({difference.path for difference in found})


def show(kind, count, table):
    print(f"\n{kind}, {count} entries:\n")
    print("| what | " + " | ".join(TOOLS) + " |\n|---|" + "---|" * len(TOOLS))
    for group in [words for _, words in GROUPS] + ["entries that differ"]:
        if table[group] or group == "entries that differ":
            print(f"| {group} | " + " | ".join(str(table[group].get(tool, 0)) for tool in TOOLS) + " |")


def main():
    scratch = tempfile.mkdtemp(prefix="coppice-peers-")
    try:
        for kind in sys.argv[2:] or ["ext4", "xfs", "btrfs"]:
            compare_on(kind, os.path.abspath(sys.argv[1]), scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
