#!/usr/bin/env python3
"""Builds a tree of everything that a Linux file system can hold and a backup can lose.

    torture_tree.py DIR     builds it in DIR, which must not exist, and prints what this file system cannot hold

As root all of it; as another user what he may make. What the file system refuses, or keeps only changed, is left out or
kept as it is, and noted. Plain system calls only; the comparer is tree_facts.py.
"""

import errno
import fcntl
import os
import random
import socket
import stat
import struct
import sys

import tree_facts

MIB = 1 << 20
TIB = 1 << 40
FS_IOC_FSSETXATTR = 0x401C5820
FLAG_BITS = {letter: bit for bit, letter in tree_facts.FLAG_LETTERS.items()}
REFUSALS = (errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.ENOSPC, errno.ENOTTY,
            errno.ENAMETOOLONG, errno.E2BIG, errno.ERANGE, errno.EFBIG, errno.EILSEQ, errno.EIO)
# tag, permissions, id; tags: 1 owner, 2 user, 4 group of the file, 8 group, 16 mask, 32 others
ACCESS_ACL = [(1, 7, 0xFFFFFFFF), (2, 6, 1234), (4, 5, 0xFFFFFFFF), (8, 4, 4321), (16, 7, 0xFFFFFFFF),
              (32, 0, 0xFFFFFFFF)]
DEFAULT_ACL = [(1, 7, 0xFFFFFFFF), (2, 7, 1234), (4, 1, 0xFFFFFFFF), (16, 3, 0xFFFFFFFF), (32, 1, 0xFFFFFFFF)]
# cap_net_raw, cap_net_bind_service, effective
CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 13 | 1 << 10, 0, 0, 0)
DAY = 86400 * 10**9
TIMES = {  # by name, nanoseconds
    "epoch": 0, "one": 1, "last-nanosecond": 999_999_999, "before-1970": -123_456_789, "year-1950": -20 * 365 * DAY + 7,
    "year-1905": -65 * 365 * DAY + 123, "after-2038": 2**31 * 10**9 + 5, "after-2106": 2**32 * 10**9 + 987_654_321,
    "year-2400": 430 * 365 * DAY + 1, "year-1850": -120 * 365 * DAY + 1, "year-3000": 1030 * 365 * DAY + 3,
}


def encoded_acl(entries):
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


class Folder:
    """A directory of the tree, by descriptor: its path may be longer than the kernel takes."""

    def __init__(self, builder, descriptor):
        self.builder = builder
        self.descriptor = descriptor

    def entry(self, name):
        return b"/proc/self/fd/%d/%s" % (self.descriptor, os.fsencode(name))

    def file(self, name, content=b"", mode=0o644):
        with open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode, dir_fd=self.descriptor), "wb") as file:
            file.write(content)

    def pieces(self, name, size, pieces):
        """A sparse file: contents at places, the rest holes."""
        with open(os.open(name, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=self.descriptor), "wb") as file:
            for at, content in pieces:
                file.seek(at)
                file.write(content)
            file.flush()
            os.ftruncate(file.fileno(), size)

    def folder(self, name, mode=0o755):
        os.mkdir(name, dir_fd=self.descriptor)
        descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=self.descriptor)
        self.builder.descriptors.append(descriptor)
        os.chmod(descriptor, mode)
        return Folder(self.builder, descriptor)

    def symlink(self, name, target):
        os.symlink(target, name, dir_fd=self.descriptor)

    def link(self, name, other, other_name):
        os.link(name, other_name, src_dir_fd=self.descriptor, dst_dir_fd=other.descriptor, follow_symlinks=False)

    def node(self, name, kind, device=0):
        os.mknod(name, kind | 0o640, device, dir_fd=self.descriptor)

    def chmod(self, name, mode):
        os.chmod(name, mode, dir_fd=self.descriptor)

    def chown(self, name, user, group):
        os.chown(name, user, group, dir_fd=self.descriptor, follow_symlinks=False)

    def xattr(self, name, key, value):
        os.setxattr(self.entry(name), key, value, follow_symlinks=False)

    def time(self, name, nanoseconds):
        os.utime(name, ns=(nanoseconds, nanoseconds), dir_fd=self.descriptor, follow_symlinks=False)
        kept = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False).st_mtime_ns
        if kept != nanoseconds:
            raise OSError(errno.ERANGE, f"kept as {kept}")

    def ioctl(self, name, request, change, size):
        descriptor = os.open(name, os.O_RDONLY, dir_fd=self.descriptor)
        try:
            buffer = bytearray(size)
            fcntl.ioctl(descriptor, tree_facts.FS_IOC_GETFLAGS if size == 8 else tree_facts.FS_IOC_FSGETXATTR, buffer)
            change(buffer)
            fcntl.ioctl(descriptor, request, bytes(buffer))
        finally:
            os.close(descriptor)

    def flag(self, name, letter):
        def add(buffer):
            struct.pack_into("<Q", buffer, 0, struct.unpack_from("<I", buffer)[0] | FLAG_BITS[letter])
        self.ioctl(name, tree_facts.FS_IOC_SETFLAGS, add, 8)

    def project(self, name, number):
        self.ioctl(name, FS_IOC_FSSETXATTR, lambda buffer: struct.pack_into("<I", buffer, 12, number), 28)


class Builder:
    def __init__(self, top):
        tree_facts.allow_many_descriptors()
        self.notes = []
        self.descriptors = []
        self.is_root = os.geteuid() == 0
        self.random = random.Random(5)
        os.mkdir(top)
        self.top = Folder(self, os.open(top, os.O_RDONLY | os.O_DIRECTORY))
        self.descriptors.append(self.top.descriptor)
        self.flagged = []

    def attempt(self, what, action, *words):
        """True if the file system, and this user's rights, let it be."""
        try:
            action(*words)
            return True
        except OSError as error:
            if error.errno not in REFUSALS:
                raise
            self.notes.append(f"{what}: {error.strerror}")
            return False

    def build(self):
        old_mask = os.umask(0)
        for part in (self.types, self.names, self.deep, self.links, self.modes, self.times, self.xattrs, self.acls,
                     self.contents, self.holes, self.flags):
            part()
        if self.is_root:
            self.owners()
        # The directories' own times are of their last entry, and flags let no more entries in.
        for folder, name, letter in self.flagged:
            self.attempt("flag " + letter, folder.flag, name, letter)
        os.umask(old_mask)
        for descriptor in self.descriptors:
            os.close(descriptor)
        return self.notes

    def types(self):
        folder = self.top.folder("types")
        folder.file("regular", b"content\n")
        folder.file("empty")
        folder.folder("empty-directory")
        folder.symlink("symlink", "regular")
        folder.symlink("dangling", "../nowhere/at/all")
        folder.symlink("loop", "loop")
        folder.symlink("to-directory", "empty-directory")
        self.attempt("FIFO", folder.node, "fifo", stat.S_IFIFO)
        self.attempt("socket", folder.node, "socket", stat.S_IFSOCK)
        listener = socket.socket(socket.AF_UNIX)
        self.attempt("bound socket", listener.bind, folder.entry("bound-socket").decode())
        listener.close()
        self.devices(folder)

    def devices(self, folder):
        if not self.is_root:
            return
        for name, kind, major, minor in (("null", stat.S_IFCHR, 1, 3), ("large", stat.S_IFCHR, 4095, 1048575),
                                         ("whiteout", stat.S_IFCHR, 0, 0), ("disk", stat.S_IFBLK, 7, 200)):
            self.attempt("device", folder.node, name, kind, os.makedev(major, minor))

    def names(self):
        folder = self.top.folder("names")
        for byte in range(1, 256):
            if byte not in b"/.":
                self.attempt(f"name of byte {byte}", folder.file, bytes([byte]), b"%d" % byte)
        for name in (b"new\nline", b"\xff\xfe not utf-8 \x80", "ü composed".encode(), "u\u0308 decomposed".encode(),
                     b"-rf", b" leading and trailing ", b"...", b"\\backslash\\", b"*?[a]{b}", b"x" * 255,
                     b"\xc3" * 255, b".hidden", b"con", b"UPPER", b"upper"):
            self.attempt("name " + repr(name[:20]), folder.file, name, name)
        for length in (1023, 1024, 4095):
            self.attempt(f"symlink target of {length} bytes", folder.symlink, f"to-{length}", b"t" * length)
        self.attempt("symlink target that is not UTF-8", folder.symlink, "to-bytes", bytes(range(1, 256)) * 4)

    def deep(self):
        """Longer than PATH_MAX in bytes, and a thousand levels in depth."""
        folder = self.top.folder("deep")
        for level in range(40):
            try:
                folder = folder.folder(b"%03d" % level + b"n" * 252)
            except OSError as error:
                self.notes.append(f"path longer than PATH_MAX: {error.strerror}")
                break
        self.furnish(folder)
        folder = self.top.folder("levels")
        for _ in range(1100):
            folder = folder.folder("d")
        self.furnish(folder)

    def furnish(self, folder):
        folder.file("file", b"far down")
        folder.symlink("symlink", "file")
        self.attempt("FIFO", folder.node, "fifo", stat.S_IFIFO)
        folder.link("file", folder, "other-name")
        self.attempt("user attribute", folder.xattr, "file", "user.deep", b"value")
        folder.pieces("sparse", 3 * MIB, [(MIB, b"x" * 4096)])
        self.attempt("time", folder.time, "file", TIMES["before-1970"])

    def links(self):
        folder = self.top.folder("links")
        near, far = folder.folder("a-near"), self.top.folder("zz-far")
        folder.file("many", b"names")
        for name in ("second", "third"):
            folder.link("many", near, name)
            folder.link("many", far, name)
        folder.symlink("symlink", "many")
        self.attempt("hard link of a symlink", folder.link, "symlink", far, "same-symlink")
        for name, kind in (("fifo", stat.S_IFIFO), ("socket", stat.S_IFSOCK)):
            if self.attempt(name, folder.node, name, kind):
                folder.link(name, near, name)
        if self.is_root and self.attempt("device", folder.node, "device", stat.S_IFCHR, os.makedev(1, 5)):
            folder.link("device", far, "device")
        folder.pieces("sparse", 10 * MIB, [(5 * MIB, b"y" * 100)])
        folder.link("sparse", far, "sparse")
        folder.file("immutable", b"with two names")
        folder.link("immutable", far, "immutable")
        if self.is_root:
            self.flagged.append((folder, "immutable", "i"))

    def modes(self):
        folder = self.top.folder("modes")
        for mode in (0o000, 0o777, 0o400, 0o200, 0o111, 0o4755, 0o2755, 0o6711, 0o1644, 0o7777, 0o4000, 0o2644):
            if not self.is_root and not mode & stat.S_IRUSR:
                continue  # its own owner could not back it up
            folder.file(f"{mode:04o}", b"mode")
            folder.chmod(f"{mode:04o}", mode)
        for mode in (0o700, 0o1777, 0o2775, 0o7555, 0o555, 0o4711):
            inner = folder.folder(f"directory-{mode:04o}")
            inner.file("inside", b"in a directory")
            folder.chmod(f"directory-{mode:04o}", mode)
        if self.is_root:
            folder.folder("directory-0000", 0)
        if self.attempt("FIFO", folder.node, "fifo", stat.S_IFIFO):
            folder.chmod("fifo", 0o6000)

    def owners(self):
        folder = self.top.folder("owners")
        for at, (user, group) in enumerate([(1, 2), (65534, 65534), (3_000_000_000, 4_000_000_000), (0, 7)]):
            folder.file(f"file-{at}", b"owned")
            folder.folder(f"directory-{at}")
            folder.symlink(f"symlink-{at}", "file-0")
            folder.file(f"setuid-{at}", b"#!")
            for name in (f"file-{at}", f"directory-{at}", f"symlink-{at}", f"setuid-{at}"):
                self.attempt("owner", folder.chown, name, user, group)
            folder.chmod(f"setuid-{at}", 0o6755)
            self.attempt("capability", folder.xattr, f"file-{at}", "security.capability", CAPABILITY)

    def times(self):
        folder = self.top.folder("times")
        for name, nanoseconds in TIMES.items():
            folder.file("file-" + name, b"time")
            folder.symlink("symlink-" + name, "file")
            folder.folder("directory-" + name).file("inside", b"")
            for kind in ("file-", "symlink-", "directory-"):
                self.attempt("time " + name, folder.time, kind + name, nanoseconds)
        if self.attempt("FIFO", folder.node, "fifo", stat.S_IFIFO):
            self.attempt("time of a FIFO", folder.time, "fifo", TIMES["after-2106"])

    def xattrs(self):
        folder = self.top.folder("xattrs")
        folder.file("file", b"attributes")
        folder.folder("directory")
        folder.symlink("symlink", "file")
        self.attempt("FIFO", folder.node, "fifo", stat.S_IFIFO)
        spaces = ["user.", "trusted.", "security."] if self.is_root else ["user."]
        for space in spaces:
            for name in ("file", "directory"):
                self.attempt(f"{space}* of a {name}", folder.xattr, name, space + "plain", b"value")
                self.attempt(f"{space}* that is empty", folder.xattr, name, space + "empty", b"")
                self.attempt(f"{space}* of bytes", folder.xattr, name, space + "bytes-\xfc\u20ac", bytes(range(256)))
        if self.is_root:
            for name in ("symlink", "fifo"):
                self.attempt(f"trusted.* of a {name}", folder.xattr, name, "trusted.kind", name.encode())
            for name in ("file", "directory", "symlink"):
                self.attempt("security.selinux", folder.xattr, name, "security.selinux",
                             b"system_u:object_r:etc_t:s0\0")
            self.attempt("capability", folder.xattr, "file", "security.capability", CAPABILITY)
        folder.file("many", b"")
        for at in range(60):
            if not self.attempt("sixty attributes", folder.xattr, "many", f"user.number-{at}", b"v" * at):
                break
        folder.file("long-name", b"")
        self.attempt("attribute name of 255 bytes", folder.xattr, "long-name", "user." + "n" * 250, b"v")
        self.large_xattr(folder)

    def large_xattr(self, folder):
        for size in (65536, 16000, 3500, 1000):
            folder.file(f"large-{size}", b"")
            if self.attempt(f"attribute of {size} bytes", folder.xattr, f"large-{size}", "user.large",
                            self.random.randbytes(size)):
                return

    def acls(self):
        folder = self.top.folder("acls")
        folder.file("file", b"acl")
        inner = folder.folder("directory")
        if not self.attempt("ACLs", folder.xattr, "file", "system.posix_acl_access", encoded_acl(ACCESS_ACL)):
            return
        folder.xattr("directory", "system.posix_acl_access", encoded_acl(ACCESS_ACL))
        folder.xattr("directory", "system.posix_acl_default", encoded_acl(DEFAULT_ACL))
        inner.file("inherits", b"its ACL comes from the directory")
        inner.file("plain", b"and this one has none")
        os.removexattr(inner.entry("plain"), "system.posix_acl_access")
        inner.folder("inherits-too")
        self.attempt("FIFO", inner.node, "fifo", stat.S_IFIFO)

    def contents(self):
        folder = self.top.folder("contents")
        for size in (1, 4095, 4096, 4097, 65536, 524288, 524289, MIB, 9 * MIB + 13):
            folder.file(f"random-{size}", self.random.randbytes(size))
        for size in (1, 4096, 65536, 100_000, 3 * MIB):
            folder.file(f"zeros-{size}", bytes(size))
        folder.file("half-zeros", self.random.randbytes(70_000) + bytes(200_000) + b"end")

    def holes(self):
        folder = self.top.folder("holes")
        block = b"data" * 1024
        folder.pieces("small", 20480, [(8192, block)])
        folder.pieces("leading", MIB, [(MIB - 4096, block)])
        folder.pieces("trailing", MIB, [(0, block)])
        folder.pieces("trailing-odd", MIB + 77, [(0, block), (300_000, b"x")])
        folder.pieces("every-second-block", 2 * MIB, [(at, block) for at in range(0, 2 * MIB, 8192)])
        folder.pieces("every-second-64k", 4 * MIB, [(at, block * 16) for at in range(65536, 4 * MIB, 131072)])
        folder.pieces("only-hole-small", 5000, [])
        folder.pieces("only-hole", 100 * MIB, [])
        folder.pieces("zeros-and-holes", 4 * MIB, [(0, bytes(8192)), (MIB, bytes(65536)), (3 * MIB, block)])
        self.attempt("sparse file of 1 TiB", folder.pieces, "tebibyte-empty", TIB, [])
        self.attempt("sparse file of 1 TiB", folder.pieces, "tebibyte", TIB,
                     [(4096, block), (TIB // 2, block), (TIB - 10, b"last bytes")])
        self.attempt("preallocated file", self.preallocated, folder)

    def preallocated(self, folder):
        folder.file("preallocated", b"begin")
        descriptor = os.open("preallocated", os.O_RDWR, dir_fd=folder.descriptor)
        try:
            os.posix_fallocate(descriptor, 0, MIB)
        finally:
            os.close(descriptor)

    def flags(self):
        folder = self.top.folder("flags")
        for letter in "sucSdAmjDTtCxPF" + ("ia" if self.is_root else ""):
            for kind in ("file", "directory"):
                name = f"{kind}-{letter}{'-large' if letter.isupper() else ''}"
                if kind == "directory":
                    inner = folder.folder(name)
                else:
                    folder.file(name)
                if letter in "ia":
                    self.flagged.append((folder, name, letter))
                    continue
                self.attempt(f"flag {letter} of a {kind}", folder.flag, name, letter)
            if letter != "F":
                inner.file("inside", self.random.randbytes(50) * 3000)
        self.project_ids(folder)

    def project_ids(self, folder):
        for name in ("project-file", "project-directory"):
            (folder.file if name.endswith("file") else folder.folder)(name)
            if self.is_root:
                self.attempt("project id", folder.project, name, 4711)


def build(top):
    """Builds the tree and returns the notes on what it cannot hold, each once."""
    return list(dict.fromkeys(Builder(top).build()))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for note in build(sys.argv[1]):
        print("not here:", note)
