"""Runs every step of docs/recovery.md, as it stands there, in the situation that it is for."""

import os
import re
import shutil
import subprocess

import contract_cases
import program
import repair_cases

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def steps_of_the_page():
    """Name → list of (command, exit code)."""
    with open(os.path.join(ROOT, "docs", "recovery.md"), encoding="utf-8") as file:
        blocks = re.findall(r"```sh\n# (.*?)\n(.*?)```", file.read(), re.S)
    steps = {}
    for name, body in blocks:
        lines = [re.fullmatch(r"(.*?)(?: # (\d+))?", line) for line in body.splitlines()]
        assert name not in steps, name
        steps[name] = [(line[1], int(line[2] or 0)) for line in lines]
    return steps


class RecoveryPage(program.ProgramTest):
    """The paths of the page lie below the scratch directory."""

    def setUp(self):
        super().setUp()
        self.environment["PATH"] = self.path("bin") + ":" + self.environment["PATH"]
        for directory in ("bin", "mnt/disk", "mnt/copy", "mnt/new", "media/usb", "tmp", "examples"):
            os.makedirs(self.path(directory))
        os.symlink(program.BINARY, self.path("bin", "coppice"))
        self.environment["COPPICE_STATE_DIR"] = self.path("var/lib/coppice")
        self.repo = self.path("mnt/disk/repo")
        self.key = self.path("media/usb/coppice.key")
        self.expect(0, "-r", self.repo, "--key-file", self.key, "init", "-q")
        self.live = self.path("home/ann")
        self.write("home/ann/notes.txt", "notes of ann")
        self.write("home/ann/film", repair_cases.noise(6 << 20, 1))
        self.keyed("backup", self.live)

    def keyed(self, *words, code=0):
        return self.expect(code, "-r", self.repo, "--key-file", self.key, *words)

    def follow(self, name):
        """Runs the step's commands and expects the exit codes that the page tells."""
        for command, code in steps_of_the_page()[name]:
            command = re.sub(r"(?<=[ :])(?:/(?:mnt|media|home|var/lib|tmp)/|examples/)", self.place_of, command)
            done = subprocess.run(["sh", "-c", command], env=self.environment, cwd=self.dir, capture_output=True,
                                  stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, code, f"{command}\n{done.stdout}\n{done.stderr}")

    def place_of(self, path):
        """Once for each path: the scratch directory has /tmp/ in its own name."""
        return os.path.join(ROOT, path[0]) if path[0] == "examples/" else self.dir + path[0]

    def expect_back(self, target):
        for name in ("notes.txt", "film"):
            with open(os.path.join(self.live, name), "rb") as was, open(os.path.join(target, name), "rb") as came:
                self.assertEqual(was.read(), came.read())

    def large_pack(self, repo="mnt/disk/repo"):
        return max((os.path.join(folder, name) for folder, _, names in os.walk(self.path(repo, "packs"))
                    for name in names), key=os.path.getsize)

    def spoil(self, sectors):
        pack = self.large_pack()
        os.chmod(pack, 0o600)
        with open(pack, "r+b") as file:
            for number in sectors:
                file.seek(number * 4096)
                file.write(b"bad sector")

    def make_copy(self):
        shutil.copytree(self.repo, self.path("mnt/copy/repo"))

    def lose_entry(self, back):
        log = os.path.join(self.repo, "log")
        last = max(int(name, 16) for name in os.listdir(log) if "." not in name)
        for suffix in ("", ".copy"):
            os.remove(os.path.join(log, f"{last - back:016x}{suffix}"))

    def test_a_dead_machine(self):
        shutil.rmtree(self.path("var"))
        shutil.rmtree(self.path("cache"), ignore_errors=True)
        self.follow("a dead machine")
        self.expect_back(self.path("mnt/new/ann"))
        self.follow("one file")
        with open(self.path("tmp/notes.txt"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "notes of ann")

    def test_header_and_slots(self):
        self.follow("make the export")
        os.rename(self.path("media/usb/new.header"), self.path("media/usb/repo.header"))
        before = repair_cases.files_of(self.repo)
        for name in ("header", "header.copy"):
            os.remove(os.path.join(self.repo, name))
        shutil.rmtree(os.path.join(self.repo, "slots"))
        self.follow("header and slots from the export")
        self.assertEqual(before, repair_cases.files_of(self.repo))

    def test_damaged_packs_that_heal(self):
        self.spoil(range(100, 130))
        self.follow("damaged packs, healable")

    def test_damaged_packs_beyond_repair(self):
        self.make_copy()
        self.spoil(range(100, 400))
        self.follow("damaged packs, a copy has them")
        self.spoil(range(100, 400))
        os.rename(self.path("home/ann/film"), self.path("film"))
        self.write("home/ann/film", "another film")
        self.follow("damaged packs, no copy")
        self.expect_back(self.path("mnt/new/ann"))

    def test_a_damaged_index(self):
        for number in range(64):  # so many small packs get an index object
            self.write("home/ann/notes.txt", f"notes {number}")
            self.keyed("backup", "-q", self.live)
        objects = [os.path.join(folder, name) for folder, _, names in os.walk(os.path.join(self.repo, "index"))
                   for name in names]
        self.assertTrue(objects)
        for name in objects:
            os.remove(name)
        self.follow("a damaged index")

    def test_missing_packs(self):
        pack = self.large_pack()
        os.remove(pack)
        os.remove(pack + ".par")
        self.follow("missing packs, refilled from the live files")
        self.expect_back(self.path("mnt/new/ann"))

    def test_a_lost_log_entry(self):
        self.write("home/ann/more", "more")
        self.keyed("backup", self.live)
        self.make_copy()
        self.lose_entry(1)
        self.follow("a lost log entry, a copy has it")
        self.lose_entry(1)
        self.follow("a lost log entry, no copy")
        self.expect_back(self.path("mnt/new/ann"))

    def test_a_lost_first_log_entry(self):
        self.keyed("key", "export", "-o", self.path("media/usb/repo.header"))
        before = repair_cases.files_of(self.repo)
        for number in (0, 1):
            for suffix in ("", ".copy"):
                os.remove(os.path.join(self.repo, "log", f"{number:016x}{suffix}"))
            self.follow("a lost first log entry, the export has it")
            self.expect_back(self.path("mnt/new/ann"))
            self.assertEqual(before, repair_cases.files_of(self.repo))
            shutil.rmtree(self.path("mnt/new/ann"))

    def test_a_full_disk(self):
        # What fills it is shown by hardship_cases.py; this is the way out of it.
        self.write("home/ann/more", "more")
        self.follow("a full disk, after room was made")

    def test_a_rolled_back_target(self):
        self.make_copy()
        self.write("home/ann/more", "more")
        self.keyed("backup", self.live)
        shutil.rmtree(self.repo)
        os.rename(self.path("mnt/copy/repo"), self.repo)
        self.follow("a rolled-back target")

    def test_the_disk_is_not_mounted(self):
        os.rename(self.repo, self.path("unmounted"))
        os.mkdir(self.repo)
        self.write("bin/mount", f"#!/bin/sh\nrmdir {self.repo} && mv {self.path('unmounted')} {self.repo}\n")
        os.chmod(self.path("bin/mount"), 0o755)
        self.follow("the disk is not mounted")

    def test_a_newer_version(self):
        for name in ("header", "header.copy"):
            path = os.path.join(self.repo, name)
            os.chmod(path, 0o600)
            with open(path, encoding="utf-8") as file:
                text = file.read()
            text = text[:text.rindex('"checksum"')].replace('"version": 1', '"version": 2')
            with open(path, "w", encoding="utf-8") as file:
                file.write(text + contract_cases.text_checksum(text))
        self.follow("a newer version")

    def test_an_interrupted_restore(self):
        self.write("mnt/new/ann/notes.txt", "half of th")
        self.follow("an interrupted restore")
        self.expect_back(self.path("mnt/new/ann"))

    def test_a_partial_copy(self):
        self.make_copy()
        self.write("home/ann/film2", repair_cases.noise(2 << 20, 2))
        self.keyed("backup", self.live)
        shutil.copytree(os.path.join(self.repo, "log"), self.path("mnt/copy/repo/log"), dirs_exist_ok=True)
        self.follow("a partial copy")

    @program.unittest.skipUnless(os.access("/usr/bin/python3", os.X_OK), "no python3 of the system's")
    def test_without_coppice(self):
        self.follow("without coppice")
        self.expect_back(self.path("mnt/new/rescued") + self.live)

    def test_every_step_of_the_page_is_run_here(self):
        with open(__file__, encoding="utf-8") as file:
            followed = re.findall(r'self\.follow\("(.*?)"\)', file.read())
        self.assertEqual(sorted(followed), sorted(steps_of_the_page()))
