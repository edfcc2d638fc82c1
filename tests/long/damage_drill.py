#!/usr/bin/env python3
"""Bad sectors under a repository: what verify, restore and repair make of them.

    damage_drill.py PROGRAM [MIB [SEED]]

A repository lies on an ext4 image. Two drills, each on the same sound image:

  random   0.3 % of the data sectors (4 KiB) of all of its files are overwritten, wherever they fall;
  burst    in every large pack a run of 1 MiB for each 64 MiB (3 % at most: in smaller packs less) is overwritten.

Sectors are overwritten in the image itself, at the places that FIEMAP tells, while it is not mounted. Who may not mount
(no root, no loop devices) drills on plain files instead, and the report says so. Before `repair`: verify must say 14, and
a restore must be right and say 14. After it: verify says 0, and every file of the repository is as it was, byte by byte.
"""

import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

SECTOR = 4096
RANDOM_SHARE = 0.003
BURST = 1 << 20
PACK = 64 << 20
PARITY_FROM = 1 << 20


def run(*words, **options):
    return subprocess.run(words, check=True, capture_output=True, text=True, **options).stdout


class Image:
    """An ext4 file system in a file, or a directory where mounting is not to be had."""

    def __init__(self, scratch, size):
        self.file = os.path.join(scratch, "image")
        self.place = os.path.join(scratch, "disk")
        os.mkdir(self.place)
        with open(self.file, "wb") as image:
            image.truncate(size)
        self.is_mounted = False
        run("mkfs.ext4", "-q", "-m", "0", "-b", str(SECTOR), self.file)
        self.is_real = True
        try:
            self.mount()
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            self.is_real = False
            print(f"no loop mount here ({error}): the drill overwrites plain files")

    def mount(self):
        if self.is_real:
            run("mount", "-o", "loop", self.file, self.place)
            self.is_mounted = True

    def unmount(self):
        if self.is_mounted:
            run("umount", self.place)
            self.is_mounted = False

    def sectors(self, path):
        """Where each sector of a file lies: (file, offset)."""
        count = (os.path.getsize(path) + SECTOR - 1) // SECTOR
        if not self.is_real:
            return [(path, number * SECTOR) for number in range(count)]
        found = {}
        for line in run("filefrag", "-s", "-v", "-b4096", path).splitlines():
            parts = line.replace(".", " ").replace(":", " ").split()
            if len(parts) < 6 or not all(part.isdigit() for part in parts[:6]):
                continue
            first, last, physical = int(parts[1]), int(parts[2]), int(parts[3])
            for number in range(first, last + 1):
                found[number] = physical + number - first
        return [(self.file, found[number] * SECTOR) for number in range(count) if number in found]


def overwrite(sectors, generator):
    by_file = {}
    for file, offset in sectors:
        by_file.setdefault(file, []).append(offset)
    for file, offsets in by_file.items():
        mode = os.stat(file).st_mode
        os.chmod(file, 0o600)
        size = os.path.getsize(file)
        with open(file, "r+b") as opened:
            for offset in sorted(offsets):
                opened.seek(offset)
                opened.write(generator.randbytes(min(SECTOR, size - offset)))
        os.chmod(file, mode & 0o7777)


def tree_of(top):
    found = {}
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, top)] = hashlib.file_digest(file, "sha256").hexdigest() \
                    if hasattr(hashlib, "file_digest") else hashlib.sha256(file.read()).hexdigest()
    return found


class Drill:
    def __init__(self, program, mib, seed, scratch):
        self.program = os.path.abspath(program)
        self.generator = random.Random(seed)
        self.scratch = scratch
        self.image = Image(scratch, (mib * 5 // 4 + 96) << 20)
        self.repo = os.path.join(self.image.place, "repo")
        self.source = os.path.join(scratch, "source")
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": scratch, "COPPICE_REPOSITORY": self.repo,
            "COPPICE_KEY_FILE": os.path.join(scratch, "key"), "COPPICE_STATE_DIR": os.path.join(scratch, "state"),
            "COPPICE_CACHE_DIR": os.path.join(scratch, "cache")}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LD_LIBRARY_PATH"):
            if name in os.environ:
                self.environment[name] = os.environ[name]
        self.make_repository(mib)

    def coppice(self, code, *words, with_key=True):
        environment = dict(self.environment)
        if not with_key:
            del environment["COPPICE_KEY_FILE"]
        began = time.monotonic()
        done = subprocess.run([self.program, *words], env=environment, capture_output=True, text=True)
        if done.returncode != code:
            sys.exit(f"FAILED: {' '.join(words)} ended with {done.returncode} instead of {code}\n"
                     f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return done, time.monotonic() - began

    def make_repository(self, mib):
        self.coppice(0, "init", "-q")
        os.mkdir(self.source)
        parts = 4
        for part in range(parts):
            for number in range(50):
                with open(os.path.join(self.source, f"small-{part}-{number}"), "wb") as file:
                    file.write(self.generator.randbytes(self.generator.randrange(1, 40000)))
            with open(os.path.join(self.source, f"large-{part}"), "wb") as file:
                for _ in range(mib // parts):
                    file.write(self.generator.randbytes(1 << 20))
            self.coppice(0, "backup", "-q", self.source)
        self.intact = tree_of(self.repo)
        self.wanted = tree_of(self.source)
        self.image.unmount()
        shutil.copyfile(self.image.file, self.image.file + ".sound")
        if not self.image.is_real:
            shutil.copytree(self.repo, self.repo + ".sound")
        self.image.mount()

    def put_back(self):
        self.image.unmount()
        if self.image.is_real:
            shutil.copyfile(self.image.file + ".sound", self.image.file)
        else:
            shutil.rmtree(self.repo)
            shutil.copytree(self.repo + ".sound", self.repo)
        self.image.mount()

    def files(self):
        return sorted(os.path.join(self.repo, name) for name in self.intact if not name.startswith("reserve"))

    def choose_random(self):
        every = [sector for path in self.files() for sector in self.image.sectors(path)]
        return every, self.generator.sample(every, max(1, int(len(every) * RANDOM_SHARE)))

    def choose_bursts(self):
        every, chosen = [], []
        for path in self.files():
            sectors = self.image.sectors(path)
            every += sectors
            size = os.path.getsize(path)
            is_large_pack = "/packs/" in path and not path.endswith((".par", ".copy")) and size >= PARITY_FROM
            if not is_large_pack:
                continue
            length = min(BURST * size // PACK, size * 3 // 100) // SECTOR or 1
            first = self.generator.randrange(len(sectors) - length + 1)
            chosen += sectors[first:first + length]
        return every, chosen

    def hurt(self, choose):
        every, chosen = choose()
        self.image.unmount()
        overwrite(chosen, self.generator)
        self.image.mount()
        return len(every), len(chosen)

    def restore(self, code):
        out = os.path.join(self.scratch, "out")
        shutil.rmtree(out, ignore_errors=True)
        _, seconds = self.coppice(code, "restore", "latest:" + self.source, "-t", out)
        if tree_of(out) != self.wanted:
            sys.exit("FAILED: what was restored is not what was backed up")
        shutil.rmtree(out)
        return seconds

    def drill(self, name, choose):
        self.put_back()
        sound = self.restore(0)
        every, bad = self.hurt(choose)
        before = tree_of(self.repo)
        damaged = sum(before[file] != digest for file, digest in self.intact.items())
        self.coppice(14, "verify", "--keyless", with_key=False)
        self.coppice(14, "verify", "--read-data")
        healing = self.restore(14)
        if tree_of(self.repo) != before:
            sys.exit("FAILED: verify or restore wrote to the repository")
        _, seconds = self.coppice(14, "repair", "packs", with_key=False)
        if tree_of(self.repo) != self.intact:
            sys.exit("FAILED: after repair the repository is not what it was")
        self.coppice(0, "verify", "--keyless", with_key=False)
        self.coppice(0, "verify", "--read-data")
        self.restore(0)
        print(f"{name}: {bad} of {every} sectors overwritten ({100 * bad / every:.2f} %) in {damaged} of "
              f"{len(self.intact)} files; before repair verify 14, restore right (14); repair packs healed all in "
              f"{seconds:.1f} s without a key; after it verify 0, every file as it was. "
              f"Restore: {sound:.1f} s sound, {healing:.1f} s while healing")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    mib = int(sys.argv[2]) if len(sys.argv) > 2 else 768
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    with tempfile.TemporaryDirectory(prefix="coppice-drill-", dir=os.environ.get("DRILL_DIR")) as scratch:
        drill = Drill(sys.argv[1], mib, seed, scratch)
        try:
            where = "an ext4 image" if drill.image.is_real else "plain files"
            print(f"{mib} MiB on {where}, seed {seed}")
            drill.drill("random", drill.choose_random)
            drill.drill("burst", drill.choose_bursts)
        finally:
            drill.image.unmount()


if __name__ == "__main__":
    main()
