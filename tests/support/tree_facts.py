#!/usr/bin/env python3
"""Records all that a file tree is, and tells two trees apart: independent of coppice, plain system calls only.

    tree_facts.py record DIR FACTS      writes what DIR holds
    tree_facts.py compare FACTS DIR     prints every difference; exit 1 if there is one
    tree_facts.py remove DIR            removes DIR, whatever flags and depths it has

Left out are only ctime, inode numbers, birth times and the order of directories. Paths may be longer than PATH_MAX:
everything is reached through descriptors of directories.
"""

import collections
import errno
import fcntl
import hashlib
import os
import pickle
import resource
import stat
import struct
import subprocess
import sys

FS_IOC_GETFLAGS = 0x80086601
FS_IOC_SETFLAGS = 0x40086602
FS_IOC_FSGETXATTR = 0x801C581F
# What a user can choose; the others tell of the file system's own layout (extents, index, inline data …).
FLAG_LETTERS = {
    0x00000001: "s", 0x00000002: "u", 0x00000004: "c", 0x00000008: "S", 0x00000010: "i", 0x00000020: "a",
    0x00000040: "d", 0x00000080: "A", 0x00000400: "m", 0x00004000: "j", 0x00008000: "t", 0x00010000: "D",
    0x00020000: "T", 0x00800000: "C", 0x02000000: "x", 0x20000000: "P", 0x40000000: "F",
}
PROTECTING_FLAGS = 0x30
# XFS shows ACLs to root a second time, in a layout of its own.
ALIASES = ("trusted.SGI_ACL_FILE", "trusted.SGI_ACL_DEFAULT")
BLOCK = 4096

Difference = collections.namedtuple("Difference", "path kind was now")


def allow_many_descriptors():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def walk(top, visit):
    """Calls visit(parent descriptor, name, path, lstat) for `top` and all below it, parents first."""
    start = os.open(os.path.dirname(os.path.abspath(os.fsencode(top))), os.O_PATH | os.O_DIRECTORY)
    frames = [(start, [os.path.basename(os.path.abspath(os.fsencode(top)))], b"")]
    while frames:
        parent, names, prefix = frames[-1]
        if not names:
            os.close(parent)
            frames.pop()
            continue
        name = names.pop()
        path = (prefix + b"/" + name) if len(frames) > 1 else b""
        facts = os.stat(name, dir_fd=parent, follow_symlinks=False)
        visit(parent, name, path, facts)
        if stat.S_ISDIR(facts.st_mode):
            child = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
            frames.append((child, sorted(map(os.fsencode, os.listdir(child)), reverse=True), path))


def forget_cached(descriptor):
    """What lies in the cache counts as data on ext4 and xfs, even if it is preallocated and was only read ahead."""
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def data_extents(descriptor, size):
    forget_cached(descriptor)
    extents = []
    at = 0
    while at < size:
        try:
            start = os.lseek(descriptor, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            break
        at = min(os.lseek(descriptor, start, os.SEEK_HOLE), size)
        extents.append((start, at))
    return extents


def content_digest(descriptor, extents):
    """Of all blocks that are not zero, with their places: the same whether zeros are a hole or written."""
    digest = hashlib.sha256()
    zeros = bytes(BLOCK)
    for start, end in extents:
        at = start - start % BLOCK
        while at < end:
            piece = os.pread(descriptor, min(256 * BLOCK, end - at), at)
            if not piece:
                break
            for offset in range(0, len(piece), BLOCK):
                block = piece[offset:offset + BLOCK]
                if block != zeros[:len(block)]:
                    digest.update(struct.pack("<Q", at + offset))
                    digest.update(block)
            at += len(piece)
    return digest.hexdigest()


def flags_of(descriptor):
    buffer = bytearray(8)
    try:
        fcntl.ioctl(descriptor, FS_IOC_GETFLAGS, buffer)
    except OSError:
        return ""
    value = struct.unpack_from("<I", buffer)[0]
    return "".join(letter for bit, letter in FLAG_LETTERS.items() if value & bit)


def project_of(descriptor):
    buffer = bytearray(28)
    try:
        fcntl.ioctl(descriptor, FS_IOC_FSGETXATTR, buffer)
    except OSError:
        return 0
    return struct.unpack_from("<IIIII", buffer)[3]


def xattrs_of(parent, name):
    entry = b"/proc/self/fd/%d/%s" % (parent, name)
    try:
        names = os.listxattr(entry, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.ENOSYS):
            return {}
        raise
    return {key: os.getxattr(entry, key, follow_symlinks=False) for key in names if key not in ALIASES}


class Facts:
    """What one entry is."""

    def __init__(self, parent, name, facts, with_atime):
        self.type = stat.S_IFMT(facts.st_mode)
        self.is_link = stat.S_ISLNK(facts.st_mode)
        self.values = {"mode": oct(stat.S_IMODE(facts.st_mode)), "owner": (facts.st_uid, facts.st_gid),
                       "mtime": facts.st_mtime_ns}
        if with_atime:
            self.values["atime"] = facts.st_atime_ns
        if stat.S_ISCHR(facts.st_mode) or stat.S_ISBLK(facts.st_mode):
            self.values["device"] = (os.major(facts.st_rdev), os.minor(facts.st_rdev))
        if self.is_link:
            self.values["target"] = self.target_of(parent, name)
        for key, value in xattrs_of(parent, name).items():
            self.values["xattr " + key] = value
        if stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode):
            self.read_opened(parent, name, facts)

    @staticmethod
    def target_of(parent, name):
        try:
            return os.readlink(name, dir_fd=parent)
        except PermissionError as error:  # sshfs does not tell of links that lead out of it
            return error.strerror

    def read_opened(self, parent, name, facts):
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
        try:
            self.values["flags"] = flags_of(descriptor)
            self.values["project"] = project_of(descriptor)
            if stat.S_ISREG(facts.st_mode):
                extents = data_extents(descriptor, facts.st_size)
                self.values["size"] = facts.st_size
                self.values["holes"] = extents
                self.values["content"] = content_digest(descriptor, extents)
                forget_cached(descriptor)
        finally:
            os.close(descriptor)


def record(top, with_atime=False):
    """All entries by their path below `top`, which itself is b""."""
    allow_many_descriptors()
    # What is not on disk yet has no holes to tell of on some file systems.
    subprocess.run(["sync", "-f", top], check=True)
    entries = {}
    names = collections.defaultdict(list)

    def visit(parent, name, path, facts):
        entries[path] = Facts(parent, name, facts, with_atime)
        if not stat.S_ISDIR(facts.st_mode) and facts.st_nlink > 1:
            names[(facts.st_dev, facts.st_ino)].append(path)

    walk(top, visit)
    for group in names.values():
        for path in group:
            entries[path].values["names"] = sorted(group)
    return entries


def differences(was, now):
    found = []
    for path in sorted(set(was) | set(now)):
        before, after = was.get(path), now.get(path)
        if before is None or after is None:
            found.append(Difference(path, "missing" if after is None else "extra",
                                    before and stat.filemode(before.type), after and stat.filemode(after.type)))
        elif before.type != after.type:
            found.append(Difference(path, "type", stat.filemode(before.type), stat.filemode(after.type)))
        else:
            for key in sorted(set(before.values) | set(after.values)):
                if before.values.get(key) != after.values.get(key):
                    found.append(Difference(path, key, before.values.get(key), after.values.get(key)))
    return found


def shortened(value):
    text = repr(value)
    return text if len(text) <= 100 else text[:60] + "…" + text[-39:]


def describe(difference):
    return " ".join([shortened(difference.path), difference.kind + ":", shortened(difference.was), "->",
                     shortened(difference.now)])


def clear_protection(top):
    """Takes immutable and append-only flags away, parents first."""

    def visit(parent, name, _, facts):
        if not stat.S_ISREG(facts.st_mode) and not stat.S_ISDIR(facts.st_mode):
            return
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
        try:
            buffer = bytearray(8)
            fcntl.ioctl(descriptor, FS_IOC_GETFLAGS, buffer)
            value = struct.unpack_from("<I", buffer)[0]
            if value & PROTECTING_FLAGS:
                fcntl.ioctl(descriptor, FS_IOC_SETFLAGS, struct.pack("<Q", value & ~PROTECTING_FLAGS))
        except OSError:
            pass  # no flags here
        finally:
            os.close(descriptor)

    walk(top, visit)


def make_directory_writable(parent, name, _, facts):
    if stat.S_ISDIR(facts.st_mode) and facts.st_mode & 0o700 != 0o700:
        os.chmod(name, 0o700, dir_fd=parent)


def remove(top):
    allow_many_descriptors()
    if os.path.lexists(top):
        clear_protection(top)
        if os.geteuid() != 0:
            walk(top, make_directory_writable)
        subprocess.run(["rm", "-rf", "--", top], check=True)


def empty(top):
    """Removes all that is in `top`, but for what is mounted there."""
    for name in os.listdir(top):
        if not os.path.ismount(os.path.join(top, name)):
            remove(os.path.join(top, name))


def main(words):
    if len(words) == 3 and words[0] == "record":
        with open(words[2], "wb") as file:
            pickle.dump(record(words[1]), file)
        return 0
    if len(words) == 3 and words[0] == "compare":
        with open(words[1], "rb") as file:
            was = pickle.load(file)
        found = differences(was, record(words[2]))
        for difference in found:
            print(describe(difference))
        print(f"{len(was)} entries, {len(found)} differences in {len({d.path for d in found})} entries")
        return 1 if found else 0
    if len(words) == 2 and words[0] == "remove":
        remove(words[1])
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
