"""The source trees of the golden repositories and the comparison with what was restored (standard library only)."""
import hashlib
import os
import random
import stat

TIME = 1_700_000_000 * 10**9


def put(path, data, mode=0o644, mtime_ns=TIME + 123_456_789):
    with open(path, "wb") as out:
        out.write(data)
    os.chmod(path, mode)
    os.utime(path, ns=(mtime_ns, mtime_ns))


def make_first(root):
    """Some of everything that an ordinary user may make."""
    os.makedirs(root + b"/sub/deeper")
    os.mkdir(root + b"/empty", 0o750)
    put(root + b"/hello.txt", b"hello, forester\n")
    put(root + b"/zero", b"", 0o600)
    put(root + b"/sub/new\nline \xff\xfe", b"a name that is not UTF-8")
    put(root + b"/sub/text", b"the quick brown fox jumps over the lazy dog\n" * 20_000, 0o755)
    put(root + b"/sub/deeper/noise", random.Random(1).randbytes(300_000), 0o640, -1_000_000_001)
    put(root + b"/sub/deeper/far-future", b"x", 0o644, 4_400_000_000 * 10**9)
    os.link(root + b"/hello.txt", root + b"/sub/hard-link")
    os.symlink(b"../no\xffwhere", root + b"/sub/link")
    os.mkfifo(root + b"/fifo", 0o620)
    with open(root + b"/sparse", "wb") as out:
        out.truncate(50_000_000)
        out.seek(20_000_000)
        out.write(b"island")
    os.utime(root + b"/sparse", ns=(TIME, TIME))
    for directory in (b"/sub/deeper", b"/sub", b"/empty", b""):
        os.utime(root + directory, ns=(TIME + 7, TIME + 7))


def make_second(root):
    """The state at the second snapshot."""
    put(root + b"/hello.txt", b"hello again\n")
    put(root + b"/big-noise", random.Random(2).randbytes(1_300_000))
    os.unlink(root + b"/zero")
    os.utime(root, ns=(TIME + 9, TIME + 9))


def words(size, seed):
    """Text that compresses about threefold."""
    chooser = random.Random(seed)
    vocabulary = [bytes(chooser.choices(b"aeioulnrstdm", k=chooser.randint(2, 9))) for _ in range(2000)]
    text = b" ".join(chooser.choices(vocabulary, k=size // 5))
    return text[:size]


def make_versions(root, version):
    """Files of which each version differs a little from the one before: in place, in front, at the end, by name."""
    chooser = random.Random(100)
    pages = bytearray(words(700_000, 3))
    for _ in range(60 * version):
        at = chooser.randrange(len(pages) - 8)
        pages[at:at + 8] = b"%08d" % version
    put(root + b"/hello.txt", b"version %d\n" % version)
    put(root + b"/database", bytes(pages))
    log = words(400_000, 4)
    put(root + b"/log", log[20_000 * version:] + b"line %d\n" % version * 100)
    put(root + b"/dump-2024-01-%02d" % (version + 1), words(200_000, 5) + b"%d" % version)
    if version == 0:
        os.mkdir(root + b"/many")
        for number in range(150):
            put(root + b"/many/file %03d" % number, b"%d\n" % number)
    put(root + b"/many/file 077", b"changed %d\n" % version)
    for directory in (b"/many", b""):
        os.utime(root + directory, ns=(TIME + version, TIME + version))


def describe(root):
    """{relative path: facts} of everything below root, and of root itself as ''."""
    entries, links = {}, {}
    for directory, names, files in os.walk(root):
        for path in [os.path.join(directory, name) for name in names + files] + [directory]:
            info = os.lstat(path)
            name = os.path.relpath(path, root).decode("latin-1")
            facts = {"type": stat.S_IFMT(info.st_mode), "mtime": info.st_mtime_ns}
            if stat.S_ISLNK(info.st_mode):
                facts["target"] = os.readlink(path).decode("latin-1")
            else:
                facts["mode"] = stat.S_IMODE(info.st_mode)
            if stat.S_ISREG(info.st_mode):
                with open(path, "rb") as source:
                    facts["sha256"] = hashlib.sha256(source.read()).hexdigest()
                facts["sparse"] = info.st_blocks * 512 < info.st_size // 2
                if info.st_nlink > 1:
                    links.setdefault(info.st_ino, []).append(name)
            entries[name] = facts
    for names in links.values():
        for name in names:
            entries[name]["links"] = sorted(names)
    return entries
