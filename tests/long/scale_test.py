#!/usr/bin/env python3
"""Trees of many entries and files of many bytes: that time grows linearly with them, and memory not at all.

    scale_test.py PROGRAM [--entries 200000] [--work DIR] [--table FILE] [--long]

Trees of 1/200, 1/20, 1/2 and all of the entries (with 2,000,000: 10^4, 10^5, 10^6, 2*10^6), each in a repository of its own: a twentieth
of them directories, a quarter in one directory and with names of 255 bytes, an eighth other names of files far away, and a path 60 levels
deep. Each is backed up, backed up again, verified, listed, restored in part and whole, and what comes
back is compared with the source: names, contents, modes, times, and which names are one file. Then a sparse file of 1 TiB, and a real
one of 10 KiB for each entry (20 GiB), of which a quarter is new and does not compress.

RssAnon of the program is sampled every 10 ms: it must stay below 256 MiB in all that is done. With --long the processor time for each entry
must not grow either, by a factor that no machine's mood explains. Each source is a minute old at its first backup: coppice reads a file
again whose ctime is younger. All are made before one is backed up, so that this minute is spent once. Exit status 1 if anything is not as
it should be; the table is markdown.
"""
import argparse
import functools
import hashlib
import json
import os
import random
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))
sys.dont_write_bytecode = True
import increments  # noqa: E402

MIB = 1 << 20
MAX_RSS_ANON_MIB = 256
MAX_GROWTH = 2.0       # of the processor time for each entry, from a twentieth of the entries to all of them
FULL = 2_000_000       # the promise's number of entries
LEVELS = 60
SPARSE_BYTES = 1 << 40
REAL_BYTES_AN_ENTRY = (20 << 30) // FULL
UNSETTLED_SECONDS = 61


class Failures:
    def __init__(self):
        self.count = 0

    def add(self, message):
        self.count += 1
        print("FAILED:", message, flush=True)


# ----------------------------------------------------------------------------- trees
def write_files(directory, names, serial):
    """Small files, each with contents of its own."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for number, name in enumerate(names, serial):
            file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 + number % 64, dir_fd=descriptor)
            os.write(file, b"file %d\n" % number * (number % 8))
            os.close(file)
    finally:
        os.close(descriptor)


def link_files(source, directory, names):
    """A second name in `directory` for each of the names in `source`."""
    os.makedirs(directory)
    from_fd, to_fd = (os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in (source, directory))
    for name in names:
        os.link(name, "again-" + name, src_dir_fd=from_fd, dst_dir_fd=to_fd)
    os.close(from_fd)
    os.close(to_fd)


def make_deep_path(top):
    """One path of LEVELS directories with long names: longer than the kernel takes at one time."""
    here = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    for level in range(LEVELS):
        name = f"level-{level:02}-".ljust(200, "x")
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
    file = os.open("bottom", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=here)
    os.write(file, b"the bottom\n")
    os.close(file)
    os.close(here)


def make_tree(top, entries):
    """Names: a quarter in one directory, a twentieth directories, an eighth other names of files; the path of one file."""
    os.makedirs(top)
    make_deep_path(top)
    large = os.path.join(top, "large")
    os.mkdir(large)
    serial = entries // 4
    write_files(large, (f"{number:08}-".ljust(255, "n") for number in range(serial)), 0)
    folders = entries // 25    # a quarter of which has a second one, of links
    files = int(entries * 0.56)
    for folder in range(folders):
        directory = os.path.join(top, f"group-{folder // 100}", f"folder-{folder % 100}")
        os.makedirs(directory)
        names = [f"name-{i}.txt" for i in range(files * (folder + 1) // folders - files * folder // folders)]
        write_files(directory, names, serial)
        serial += len(names)
        if folder % 4 == 0:    # far away: a restore has to remember them all that time
            link_files(directory, os.path.join(top, "links", f"of-{folder}"), names)
    return os.path.join(top, "group-0", "folder-1", "name-0.txt")


def make_sparse_file(path):
    with open(path, "wb") as file:
        for place in (0, SPARSE_BYTES // 3, SPARSE_BYTES // 2 + 12345, SPARSE_BYTES - MIB):
            file.seek(place)
            file.write(random.Random(place).randbytes(MIB))
    assert os.path.getsize(path) == SPARSE_BYTES


def make_real_file(path, size):
    """Three of four pieces have been there before, at another place."""
    rng = random.Random(1)
    with open(path, "wb") as file:
        while size > 0:
            place = file.tell()
            if place < 16 * MIB or rng.random() < 0.25:
                piece = rng.randbytes(8 * MIB + rng.randrange(4096))
            else:
                with open(path, "rb") as before:
                    before.seek(rng.randrange(place - 9 * MIB))
                    piece = before.read(8 * MIB + rng.randrange(4096))
            file.write(piece[:size])
            file.flush()
            size -= len(piece)


# ----------------------------------------------------------------------------- comparing
def facts(status):
    return status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, status.st_nlink


def read_at(directory, name):
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=directory)
    try:
        return os.read(file, MIB)
    finally:
        os.close(file)


class Comparison:
    """Of two trees of small files, through directory descriptors: paths may be longer than PATH_MAX."""

    def __init__(self):
        self.entries = 0
        self.differences = []
        self.inodes = {}       # of files with several names: there → here

    def run(self, source, restored):
        self.compare_directory(os.open(source, os.O_RDONLY), os.open(restored, os.O_RDONLY), source)
        return self

    def differ(self, path, why):
        self.differences.append(f"{path[-200:]}: {why}")

    def compare_directory(self, here, there, path):
        """Takes the descriptors; of all directories only those on the way down are open."""
        try:
            names = os.listdir(here)
            if sorted(names) != sorted(os.listdir(there)):
                return self.differ(path, "other names")
            if facts(os.fstat(here)) != facts(os.fstat(there)):
                self.differ(path, "other metadata")
            for name in names:
                if len(self.differences) >= 10:
                    return None
                self.compare_entry(here, there, name, path)
            return None
        finally:
            os.close(here)
            os.close(there)

    def compare_entry(self, here, there, name, path):
        self.entries += 1
        status = os.stat(name, dir_fd=here, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            flags = os.O_RDONLY | os.O_DIRECTORY
            self.compare_directory(os.open(name, flags, dir_fd=here), os.open(name, flags, dir_fd=there), path + "/" + name)
        else:
            self.compare_file(here, there, name, status, path)

    def compare_file(self, here, there, name, status, path):
        restored = os.stat(name, dir_fd=there, follow_symlinks=False)
        if facts(status) != facts(restored):
            self.differ(path + "/" + name, "other metadata")
        if status.st_nlink > 1 and self.inodes.setdefault(restored.st_ino, status.st_ino) != status.st_ino:
            self.differ(path + "/" + name, "linked to another file")
        if status.st_size != restored.st_size or read_at(here, name) != read_at(there, name):
            self.differ(path + "/" + name, "other content")


def data_ranges(path):
    """[(offset, end)] of what is no hole."""
    ranges, place = [], 0
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        while place < size:
            try:
                start = os.lseek(file.fileno(), place, os.SEEK_DATA)
            except OSError:    # a hole to the end
                break
            place = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            ranges.append((start, place))
    return ranges


def digest(path):
    """Of size, places of data and data: a hole is no data."""
    state = hashlib.blake2b()
    with open(path, "rb") as file:
        state.update(str((os.path.getsize(path), data_ranges(path))).encode())
        for place, end in data_ranges(path):
            file.seek(place)
            while place < end:
                piece = file.read(min(4 * MIB, end - place))
                state.update(piece)
                place += len(piece)
    return state.hexdigest()


# ----------------------------------------------------------------------------- the campaign
class Campaign:
    def __init__(self, options):
        self.options = options
        self.program = os.path.abspath(options.program)
        self.dir = tempfile.mkdtemp(prefix="coppice-scale-", dir=options.work)
        self.failures = Failures()
        self.rows = []
        self.peak = 0
        os.environ.update(COPPICE_CACHE_DIR=self.path("cache"), COPPICE_STATE_DIR=self.path("state"), TMPDIR=self.dir)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def run(self, case, *words):
        variables = dict(os.environ, COPPICE_REPOSITORY=self.path("repo-" + case), COPPICE_KEY_FILE=self.path("key-" + case))
        figures, output = increments.measure([self.program, *words], variables, self.path("log"))
        figures["what"] = words[0]
        self.peak = max(self.peak, figures["rss_anon_peak_mib"])
        if figures["rss_anon_peak_mib"] >= MAX_RSS_ANON_MIB:
            self.failures.add(f"{case}: {words[0]}: RssAnon {figures['rss_anon_peak_mib']} MiB")
        return figures, output

    def backup(self, case, source):
        figures, output = self.run(case, "backup", "-q", "--json", source)
        return figures, json.loads(output.splitlines()[-1])

    def expect(self, case, what, found, wanted):
        if found != wanted:
            self.failures.add(f"{case}: {what} is {found}, not {wanted}")

    def measure(self, case, source, one, entries):
        """All that is done with one source; `one`: a file in it."""
        figures = {}
        self.run(case, "init", "-q")
        figures["first backup"], first = self.backup(case, source)
        figures["nothing changed"], second = self.backup(case, source)
        self.expect(case, "what was read again", second["files_new"] + second["files_changed"], 0)
        self.expect(case, "what was found again", second["files_unmodified"], first["files_new"])
        figures["verify"], _ = self.run(case, "verify", "-q")
        figures["verify --read-data"], _ = self.run(case, "verify", "-q", "--read-data")
        figures["ls"], output = self.run(case, "ls", "--recursive", "latest:" + source)
        figures["restore of one"], _ = self.run(case, "restore", "-q", "latest:" + one, "-t", self.path("one-" + case))
        self.expect(case, "the file that was restored", digest(self.path("one-" + case, os.path.basename(one))), digest(one))
        self.clear("one-")
        figures["restore of all"], _ = self.run(case, "restore", "-q", "latest:" + source, "-t", self.path("all-" + case))
        figures["restored again"], _ = self.run(case, "restore", "-q", "--delete", "latest:" + source, "-t", self.path("all-" + case))
        self.rows.append((case, entries, figures))
        self.tell(case, figures)
        return output.count("\n")

    def tell(self, case, figures):
        print(f"{case}: " + ", ".join(f"{what} {each['wall']:.1f} s (CPU {each['cpu']:.1f}) {each['rss_anon_peak_mib']:.0f} MiB"
                                      for what, each in figures.items()), flush=True)

    def tree(self, entries, one):
        case = f"{entries:,}"
        listed = self.measure(case, self.path("tree-" + case), one, entries)
        compared = Comparison().run(self.path("tree-" + case), self.path("all-" + case))
        for difference in compared.differences:
            self.failures.add(f"{case}: {difference}")
        self.expect(case, "the number of lines of ls", listed, compared.entries + 1)

    def file(self, case, path):
        self.measure(case, path, path, 1)
        self.expect(case, "the digest", digest(self.path("all-" + case, os.path.basename(path))), digest(path))
        self.clear("file-" + case, "all-" + case)

    def clear(self, *prefixes):
        for name in os.listdir(self.dir):
            if name.startswith(prefixes):
                subprocess.run(["rm", "-rf", self.path(name)], check=True)

    def make_trees(self):
        """[(what measures one, when it was made)]."""
        made = []
        for part in (200, 20, 2, 1):
            entries = self.options.entries // part
            one = self.timed(f"{entries:,} entries", make_tree, self.path(f"tree-{entries:,}"), entries)
            made.append((functools.partial(self.tree, entries, one), time.time()))
        return made

    def make_files(self):
        made = []
        for case, make, *words in (("1 TiB sparse", make_sparse_file),
                                   ("real file", make_real_file, self.options.entries * REAL_BYTES_AN_ENTRY)):
            path = self.path("file-" + case)
            self.timed(case, make, path, *words)
            made.append((functools.partial(self.file, case, path), time.time()))
        return made

    @staticmethod
    def timed(what, make, *words):
        began = time.monotonic()
        result = make(*words)
        print(f"{what} made in {time.monotonic() - began:.0f} s", flush=True)
        return result

    def sources(self):
        """Made all at first and measured in the same order, so that most are old enough when it is their turn."""
        made = []
        if self.options.only != "trees":
            made += self.make_files()
        if self.options.only != "files":
            made += self.make_trees()
        for measure, moment in made:
            time.sleep(max(0.0, moment + UNSETTLED_SECONDS - time.time()))
            measure()
            self.clear("repo-")    # trees stay: where many inodes were just deleted, new ones come slowly

    def check_growth(self):
        by_entries = {entries: figures for _, entries, figures in self.rows}
        small, large = by_entries[self.options.entries // 20], by_entries[self.options.entries]
        for what, figures in large.items():
            growth = figures["cpu"] / self.options.entries / (small[what]["cpu"] / (self.options.entries // 20))
            if growth > MAX_GROWTH and what != "restore of one":
                self.failures.add(f"{what}: processor time for each entry has grown {growth:.1f} times")

    def table(self):
        kinds = list(self.rows[0][2])
        lines = ["| " + " | ".join(["entries", *kinds]) + " |", "|---" * (len(kinds) + 1) + "|"]
        for case, entries, figures in self.rows:
            cells = [self.cell(figures[kind], entries) for kind in kinds]
            lines.append("| " + " | ".join([case, *cells]) + " |")
        return "\n".join(lines) + "\n"

    @staticmethod
    def cell(figures, entries):
        each = f", {figures['cpu'] / entries * 1e6:.1f} µs" if entries > 1 else ""
        return f"{figures['wall']:.1f} s ({figures['cpu']:.1f}{each}) {figures['rss_anon_peak_mib']:.0f} MiB"

    def finish(self):
        self.clear("")
        os.rmdir(self.dir)
        print(f"wall seconds (processor seconds, for each entry) peak RssAnon; the highest: {self.peak:.0f} MiB\n\n{self.table()}")
        if self.options.table:
            with open(self.options.table, "w", encoding="utf-8") as file:
                file.write(self.table())
        return 1 if self.failures.count else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--entries", type=int, default=FULL // 10)
    parser.add_argument("--work", default="/var/tmp")
    parser.add_argument("--table")
    parser.add_argument("--only", choices=("trees", "files"))
    parser.add_argument("--long", action="store_true", help="time must not grow faster than the entries")
    options = parser.parse_args()
    campaign = Campaign(options)
    try:
        campaign.sources()
        if options.long and options.only != "files":
            campaign.check_growth()
    finally:
        status = campaign.finish()
    return status


if __name__ == "__main__":
    sys.exit(main())
