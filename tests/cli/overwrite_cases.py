"""Restores over what is there already: the dry run's list, what is overwritten, removed, continued and read back."""

import glob
import json
import os
import random
import re
import shutil
import stat
import subprocess
import unittest

import program

IS_ROOT = os.geteuid() == 0
MIB = 1 << 20


def look_at(path):
    """Everything that a restore could change of one entry, but access and change time."""
    facts = os.lstat(path)
    told = [stat.S_IFMT(facts.st_mode), stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid, facts.st_mtime_ns]
    if stat.S_ISLNK(facts.st_mode):
        told.append(os.readlink(path))
    else:
        told += [(name, os.getxattr(path, name, follow_symlinks=False)) for name in sorted(os.listxattr(path, follow_symlinks=False))]
    if not stat.S_ISDIR(facts.st_mode):
        told.append(facts.st_ino)
    if stat.S_ISREG(facts.st_mode):
        with open(path, "rb") as file:
            told.append(file.read())
    return told


def picture(top):
    paths = [top] + [os.path.join(folder, name) for folder, directories, files in os.walk(top) for name in directories + files]
    return {os.path.relpath(path, top): look_at(path) for path in paths}


class LiveTree(program.RepositoryTest):
    """`src` is in the repository, `out` is a copy of it that has changed in every way since."""

    def setUp(self):
        super().setUp()
        for name in ("same", "content", "mode", "time", "xattr", "missing", "linked", "unlinked", "relinked", "was-directory",
                     "was-empty", "was-link", "full/in", "full/gone", "untouched/a", "other-mode/x", "new/deep/f",
                     "was-file/x"):
            self.write("src/" + name, "recorded " + name)
        for name in ("linked", "unlinked", "relinked"):
            os.link(self.path("src", name), self.path("src", name + "-too"))
        for name in ("symlink", "other-target", "symlink-was-file"):
            os.symlink("recorded", self.path("src", name))
        os.mkfifo(self.path("src/fifo"))
        self.backup("src")
        subprocess.run(["cp", "-a", self.path("src"), self.path("live")], check=True)
        self.change()

    def change(self):
        live = lambda name: self.path("live", name)
        self.write("live/content", "another")
        os.chmod(live("mode"), 0o600 ^ stat.S_IMODE(os.stat(live("mode")).st_mode) ^ 0o777)
        os.utime(live("time"), (1, 1))
        try:
            os.setxattr(live("xattr"), "user.extra", b"x")
        except OSError:
            pass  # a file system without: then nothing has changed
        for name in ("missing", "unlinked-too", "relinked-too", "was-link", "symlink-was-file", "full/gone", "other-target"):
            os.unlink(live(name))
        shutil.copy2(live("relinked"), live("relinked-too"))
        for name in ("was-directory", "was-empty"):
            os.unlink(live(name))
            os.mkdir(live(name))
        self.write("live/was-directory/y")
        self.write("live/was-directory/deep/z")
        for name in ("new", "was-file"):
            shutil.rmtree(live(name))
        self.write("live/was-file")
        os.symlink("elsewhere", live("was-link"))
        self.write("live/symlink-was-file")
        os.symlink("other", live("other-target"))
        os.chmod(live("other-mode"), 0o700)
        self.write("live/extra")
        self.write("live/extra-directory/a/b")
        os.symlink("x", live("full/extra-link"))

    def fresh_copy(self):
        shutil.rmtree(self.path("out"), ignore_errors=True)
        subprocess.run(["cp", "-a", self.path("live"), self.path("out")], check=True)

    def restore(self, *words):
        return self.run_program("restore", "--json", "latest:" + self.path("src"), "-t", "out", *words)

    def announced(self, run):
        """Action → paths below the target."""
        told = {"would_restore": set(), "would_update": set(), "would_delete": set()}
        for line in run.json_lines():
            if line["message_type"] == "verbose_status":
                path = os.path.relpath(line["item"], self.path("src"))
                self.assertNotIn(path, told[line["action"]], "told twice")
                told[line["action"]].add(path)
        return told

    @staticmethod
    def is_touched_only(before, after):
        """A directory gets a new time when something is made in it."""
        return before[0] == stat.S_IFDIR and before[:4] + before[5:] == after[:4] + after[5:]

    def happened(self, before, after, is_left_alone):
        changed = {path for path in before.keys() & after.keys() if before[path] != after[path] and not
                   (is_left_alone(path) and self.is_touched_only(before[path], after[path]))}
        return after.keys() - before.keys(), changed, before.keys() - after.keys()

    def foretold_and_done(self, *words):
        """What the dry run announced and what then happened: made, changed, removed."""
        self.fresh_copy()
        before = picture(self.path("out"))
        dry = self.restore("--dry-run", *words)
        self.assertEqual(picture(self.path("out")), before, "a dry run changes nothing")
        told = self.announced(dry)
        real = self.restore(*words)
        self.assertEqual(dry.code, real.code, real.errors)
        findings = [[(line["code"], line["item"]) for line in run.json_errors() if line["message_type"] == "error"]
                    for run in (dry, real)]
        self.assertEqual(findings[0], findings[1])
        for key in ("files_restored", "files_unchanged", "files_skipped", "files_deleted", "dirs_restored", "total_files"):
            self.assertEqual(dry.summary()[key], real.summary()[key], key)
        replaced = told["would_delete"] & told["would_restore"]  # a directory that makes room for a file
        foretold = (told["would_restore"] - replaced, told["would_update"] | replaced, told["would_delete"] - replaced)
        def is_left_alone(directory):  # not restored itself, only on the way to something that is
            return "never" in words or ("-i" in words and directory != ".")
        return foretold, self.happened(before, picture(self.path("out")), is_left_alone)

    def test_a_dry_run_lists_exactly_what_happens(self):
        for words in ([], ["--delete"], ["--overwrite", "never"], ["--overwrite", "never", "--delete"],
                      ["-e", "/**/full"], ["--delete", "-e", "extra*"], ["-i", "/**/full/*", "-i", "con*"]):
            with self.subTest(words=words):
                foretold, done = self.foretold_and_done(*words)
                self.assertEqual(foretold[0], done[0], "made")
                self.assertEqual(foretold[1], done[1], "changed")
                self.assertEqual(foretold[2], done[2], "removed")

    def test_overwrite_always_rewrites_all_and_its_dry_run_says_so(self):
        foretold, done = self.foretold_and_done("--overwrite", "always", "--delete")
        self.assertEqual((foretold[0], foretold[2]), (done[0], done[2]))
        self.assertLessEqual(done[1], foretold[1])
        self.assertIn("same", foretold[1])

    def test_a_second_dry_run_has_nothing_to_tell(self):
        self.fresh_copy()
        self.assertEqual(self.restore("--delete").code, 0)
        told = self.announced(self.restore("--delete", "--dry-run"))
        self.assertEqual(told, {"would_restore": set(), "would_update": set(), "would_delete": set()})

    def test_with_delete_the_tree_is_the_recorded_one(self):
        self.fresh_copy()
        self.assertEqual(self.restore("--delete").code, 0)
        kinds_modes_owners_times = [{path: facts[:5] for path, facts in picture(self.path(tree)).items()} for tree in ("src", "out")]
        self.assertEqual(*kinds_modes_owners_times)
        self.assertEqual(subprocess.run(["diff", "-r", "--no-dereference", "-x", "fifo", "src", "out"], cwd=self.dir).returncode, 0)
        for name in ("linked", "unlinked", "relinked"):
            self.assertEqual(os.stat(self.path("out", name)).st_ino, os.stat(self.path("out", name + "-too")).st_ino)

    def test_delete_below_the_root_asks_for_a_part(self):
        run = self.expect(2, "restore", "latest", "-t", "/", "--delete", "--dry-run")
        self.assertIn("--include", run.errors)
        self.expect(0, "restore", "latest", "-t", "/", "--delete", "--dry-run", "-i", self.path("src/same"))

    def test_delete_acts_only_where_something_was_backed_up(self):
        self.backup(self.path("src", "full"), self.path("src", "untouched"))
        whole = self.path("whole") + self.path("src")
        self.write(whole + "/full/extra")
        self.write(whole + "/beside/extra")
        self.write(self.path("whole", "extra"))
        self.expect(0, "restore", "latest", "-t", "whole", "--delete")
        self.assertEqual(sorted(os.listdir(whole + "/full")), ["gone", "in"])
        self.assertTrue(os.path.exists(whole + "/beside/extra"))
        self.assertTrue(os.path.exists(self.path("whole", "extra")))


@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
class UnderStrace(program.RepositoryTest):
    def strace(self, *words):
        environment = dict(self.environment, ASAN_OPTIONS="detect_leaks=0")
        return subprocess.run(["strace", "-ff", "-qq", "-o", self.path("trace"), *words], env=environment, cwd=self.dir,
                              capture_output=True)

    def restore(self, *words):
        return [program.BINARY, "restore", "--json", "latest:" + self.path("src"), "-t", self.path("out"), *words]

    def written_bytes(self):
        total = 0
        for name in glob.glob(self.path("trace.*")):  # one a thread, so that no call stands on two lines
            with open(name, encoding="utf-8", errors="replace") as trace:
                sizes = re.findall(r"^pwrite64\([0-9]+<[^>]*/out/[^>]*>.* = (\d+)$", trace.read(), re.M)
            total += sum(map(int, sizes))
        return total

    def test_only_the_ranges_of_a_large_file_that_differ_are_written(self):
        content = bytearray(random.Random(1).randbytes(24 * MIB))
        self.write("src/large", content)
        self.backup("src")
        self.expect(0, "restore", "-q", "latest:" + self.path("src"), "-t", "out")
        before = os.stat(self.path("out/large"))
        with open(self.path("out/large"), "r+b") as file:
            for at in (5 * MIB, 20 * MIB):
                file.seek(at)
                file.write(b"changed")
        done = self.strace("-y", "-e", "trace=pwrite64", *self.restore())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(self.written_bytes(), 14)
        self.assertLess(self.written_bytes(), 3 * MIB)
        after = os.stat(self.path("out/large"))
        self.assertEqual((after.st_ino, after.st_mtime_ns), (before.st_ino, before.st_mtime_ns))
        with open(self.path("out/large"), "rb") as file:
            self.assertEqual(file.read(), content)

    def test_a_restore_that_is_killed_again_and_again_comes_to_its_end(self):
        random_bytes = random.Random(2).randbytes
        for at in range(12):
            self.write(f"src/{at}", random_bytes(MIB))
        self.backup("src")
        self.expect(0, *self.restore("--dry-run")[1:])  # keeps the index in the cache, which takes writes, too
        killed = 0
        for when in (1, 2, 3, 2):  # of each thread's writes
            done = self.strace("-e", f"inject=pwrite64:signal=SIGKILL:when={when}", *self.restore())
            killed += done.returncode != 0
            for name in os.listdir(self.path("out")) if os.path.exists(self.path("out")) else []:
                with open(self.path("out", name), "rb") as now, open(self.path("src", name), "rb") as then:
                    is_whole = now.read() == then.read()
                same_time = os.stat(self.path("out", name)).st_mtime_ns == os.stat(self.path("src", name)).st_mtime_ns
                self.assertTrue(is_whole or not same_time, "an unfinished file never looks finished")
        self.assertGreater(killed, 1)
        summary = json.loads(self.expect(0, *self.restore("--verify")[1:]).text.splitlines()[-1])
        self.assertLess(summary["bytes_restored"], 12 * MIB)
        self.assertEqual(subprocess.run(["diff", "-r", "src", "out"], cwd=self.dir).returncode, 0)
        self.assertEqual(sorted(os.listdir(self.path("out"))), sorted(os.listdir(self.path("src"))))

    def test_verify_finds_a_write_that_never_reached_the_disk(self):
        self.write("src/lost", bytes(range(1, 101)) * 50)
        self.write("src/kept", "kept")
        self.backup("src")
        lie = ["-e", "inject=pwrite64:retval=5000", "-P", self.path("out", "lost")]
        done = self.strace(*lie, *self.restore())
        self.assertEqual(done.returncode, 0, "nobody looked")
        with open(self.path("out/lost"), "rb") as file:
            self.assertNotEqual(file.read(), bytes(range(1, 101)) * 50, "the fault was hit")
        shutil.rmtree(self.path("out"))
        done = self.strace(*lie, *self.restore("--verify"))
        self.assertEqual(done.returncode, 13, done.stderr)
        found = [json.loads(line) for line in done.stderr.splitlines()]
        self.assertEqual([line["item"] for line in found if line.get("code") == "verify_failed"], [self.path("src/lost")])


@unittest.skipUnless(IS_ROOT, "only root gives files away")
class Owners(program.RepositoryTest):
    def with_passwd(self, text, *words):
        """Runs the program on a machine with other users."""
        self.write("passwd", text)
        script = 'mount --bind "$0" /etc/passwd && exec "$@"'
        done = subprocess.run(["unshare", "-m", "sh", "-c", script, self.path("passwd"), program.BINARY, *words],
                              env=self.environment, cwd=self.dir, capture_output=True)
        if b"unshare" in done.stderr or b"mount:" in done.stderr:
            self.skipTest("no mount namespaces here: " + done.stderr.decode())
        return program.Run(done.returncode, done.stdout, done.stderr)

    def owner(self, name):
        return os.stat(self.path("out", name)).st_uid

    def test_owners_go_by_number_by_name_or_not_at_all(self):
        for name, uid in (("known", 1234), ("unknown", 1235)):
            self.write("src/" + name)
            os.chown(self.path("src", name), uid, uid)
        users = "root:x:0:0::/:/bin/sh\nann:x:{}:1234::/:/bin/sh\n"
        self.assertEqual(self.with_passwd(users.format(1234), "backup", "src").code, 0)
        root = "latest:" + self.path("src")
        self.assertEqual(self.with_passwd(users.format(4321), "restore", root, "-t", "out", "--owner-by-name").code, 0)
        self.assertEqual((self.owner("known"), self.owner("unknown")), (4321, 1235))
        self.assertEqual(self.with_passwd(users.format(4321), "restore", root, "-t", "out").code, 0)
        self.assertEqual((self.owner("known"), self.owner("unknown")), (1234, 1235))
        self.write("map", "user 1234 77\n")
        self.expect(0, "restore", root, "-t", "out", "--owner-map", "map")
        self.assertEqual((self.owner("known"), self.owner("unknown")), (77, 1235))
        self.expect(0, "restore", root, "-t", "out", "--no-owner")
        self.assertEqual((self.owner("known"), self.owner("unknown")), (77, 1235))
        shutil.rmtree(self.path("out"))
        self.expect(0, "restore", root, "-t", "out", "--no-owner")
        self.assertEqual((self.owner("known"), self.owner("unknown")), (0, 0))
