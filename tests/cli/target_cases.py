"""Targets that change under a running backup, and those that allow less than a disk does."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import time
import unittest

import program

MIB = 1 << 20


def noise(size, seed):
    return random.Random(seed).randbytes(size)


def wait_for_unfinished(repository):
    """Until a pack is being written. (Waits for what must come, not for a time.)"""
    for _ in range(6000):
        if os.listdir(os.path.join(repository, "tmp")):
            return
        time.sleep(0.01)
    raise AssertionError("no pack was begun")


@unittest.skipUnless(os.geteuid() == 0, "mounting takes root")
class MountedTarget(program.RepositoryTest):
    """A repository on a disk of its own, and a backup that is in the middle of its first pack."""

    def setUp(self):
        super().setUp()
        self.disk, self.image = self.path("disk"), self.write("image", b"")
        os.truncate(self.image, 64 * MIB)
        os.mkdir(self.disk)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", self.image], check=True)
        done = subprocess.run(["mount", "-o", "loop", self.image, self.disk], capture_output=True)
        if done.returncode != 0:
            self.skipTest("no loop mounts here: " + done.stderr.decode())
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], capture_output=True)
        self.repository = self.path("disk", "repo")
        self.environment["COPPICE_REPOSITORY"] = self.repository
        self.environment["COPPICE_KEY_FILE"] = self.path("disk.key")
        self.expect(0, "init", "-q")
        self.write("src/a", noise(MIB, 1))
        self.backup("src")

    def mount_again(self):
        for _ in range(600):  # the loop device is let go of when the last process has closed its files
            if subprocess.run(["umount", self.disk], capture_output=True).returncode != 0:
                break
            time.sleep(0.01)
        subprocess.run(["mount", "-o", "loop", self.image, self.disk], check=True)

    def begin(self):
        child = self.popen("backup", "--stdin", stdin=subprocess.PIPE)
        child.stdin.write(noise(8 * MIB, 2))
        child.stdin.flush()
        wait_for_unfinished(self.repository)
        return child

    def expect_whole(self, snapshots):
        self.assertEqual(len(self.snapshots()), snapshots)
        self.expect(0, "verify", "--read-data")
        self.backup("src")
        self.expect(0, "verify", "--read-data")
        self.assertEqual(os.listdir(os.path.join(self.repository, "tmp")), [])

    def test_a_target_that_becomes_read_only_fails_the_run_and_loses_nothing(self):
        child = self.begin()
        # What ext4 does by itself when its disk fails; a plain remount would wait for the writer.
        subprocess.run(["mount", "-o", "remount,abort", self.disk], capture_output=True)
        _, err = child.communicate(noise(8 * MIB, 3))
        self.assertEqual(child.returncode, 1, err)
        self.assertIn(self.disk, err.decode())
        self.mount_again()
        self.expect_whole(1)

    def test_a_target_that_vanishes_is_not_written_to_below_its_mount_point(self):
        child = self.begin()
        subprocess.run(["umount", "-l", self.disk], check=True)
        _, err = child.communicate(noise(8 * MIB, 3))
        self.assertEqual(os.listdir(self.disk), [])
        # The kernel keeps the disk for whoever had it open: the run may end well, and then it has stored it all.
        self.assertIn(child.returncode, (0, 1), err)
        self.expect(10, "backup", "src")
        self.assertEqual(os.listdir(self.disk), [])
        self.mount_again()
        self.expect_whole(2 if child.returncode == 0 else 1)

    def test_a_killed_backup_leaves_an_unfinished_pack_and_the_next_run_removes_it(self):
        child = self.begin()
        child.send_signal(signal.SIGKILL)
        child.communicate()
        self.assertNotEqual(os.listdir(os.path.join(self.repository, "tmp")), [])
        self.expect_whole(1)

    def facts(self):
        found = {}
        for folder, _, names in os.walk(self.repository):
            for name in names:
                whole = os.path.join(folder, name)
                with open(whole, "rb") as file:
                    found[whole] = hashlib.sha256(file.read()).hexdigest()
        return found

    def test_an_append_only_target_takes_backups(self):
        folders = [folder for folder, _, _ in os.walk(self.repository)]
        if subprocess.run(["chattr", "+a", *folders], capture_output=True).returncode != 0:
            self.skipTest("no append-only directories here")
        self.addCleanup(subprocess.run, ["chattr", "-a", *folders], capture_output=True)
        before = self.facts()
        self.write("src/more", noise(3 * MIB, 4))
        run = self.expect(0, "backup", "src")
        self.assertEqual(run.errors, "")
        after = self.facts()
        self.assertEqual({name: after.get(name) for name in before}, before)
        self.assertGreater(len(after), len(before))
        self.backup("src")
        self.expect(0, "verify", "--read-data")
        subprocess.run(["chattr", "-a", *folders], check=True)
        self.expect_whole(3)


@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
class PoorTarget(program.RepositoryTest):
    def with_faults(self, *words, calls, below=None):
        options = [option for call in calls for option in ("-e", "inject=" + call)]
        if below:
            options += ["-P", below]
        environment = dict(self.environment, ASAN_OPTIONS="detect_leaks=0")
        done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", *options, program.BINARY, *words],
                              env=environment, cwd=self.dir, capture_output=True)
        return program.Run(done.returncode, done.stdout, done.stderr)

    def test_a_target_that_refuses_modes_or_renaming_works(self):
        for number, (calls, warnings) in enumerate(((["fchmod:error=EPERM"], 1), (["fchmod:error=EOPNOTSUPP"], 1),
                                                    (["renameat:error=EPERM"], 0), (["renameat:error=EEXIST"], 0))):
            with self.subTest(calls=calls):
                self.write("src/a", noise(MIB, number))
                below = self.path("repo", "tmp") if "rename" in calls[0] else None  # not in the state directory
                run = self.with_faults("backup", "src", calls=calls, below=below)
                self.assertEqual(run.code, 0, run.errors)
                self.assertEqual(run.errors.count("modes"), warnings, run.errors)
                self.assertEqual(os.listdir(self.path("repo", "tmp")), [])
                self.expect(0, "verify", "--read-data")

    def test_no_error_of_fsync_is_called_success(self):
        self.write("src/a")
        self.backup("src")
        for error, code in (("EIO", 1), ("ENOSPC", 18), ("EDQUOT", 18), ("EROFS", 1)):
            with self.subTest(error=error):
                self.write("src/b", noise(MIB, code))
                run = self.with_faults("backup", "src", calls=[f"fsync:error={error}"])
                self.assertEqual(run.code, code, run.errors)
                self.assertEqual(len(self.snapshots()), 1)
        self.backup("src")
        self.expect(0, "verify", "--read-data")


    def test_a_log_entry_whose_directory_was_not_synced_is_not_called_saved(self):
        self.write("src/a")
        for _ in range(3):
            self.backup("src")
        for error in ("EIO", "ENOSPC", "EROFS"):
            for words in (("backup", "src"), ("forget", "--keep-last", "2"), ("prune", "--max-unused", "0")):
                with self.subTest(error=error, words=words):
                    run = self.with_faults(*words, calls=[f"fsync:error={error}"], below=self.path("repo", "log"))
                    self.assertEqual(run.code, 1, run.errors)
                    self.assertIn("may not outlive a power cut", run.errors)
                    self.backup("src")
                    self.expect(0, "verify", "--read-data")


class SixteenWriters(program.RepositoryTest):
    maxDiff = None

    def test_nothing_that_was_acknowledged_is_missing(self):
        shared = noise(MIB, 1)
        acknowledged = set()
        for round_number in range(2):
            children = []
            for at in range(16):
                self.write(f"src/{at}/own", noise(100_000, at + 100 * round_number))
                self.write(f"src/{at}/shared", shared)
                children.append(self.popen("backup", "--json", f"src/{at}", env={"COPPICE_HOST": f"host{at}"}))
            # All of them end before anything is asserted, or their files would be in the way of tidying up.
            for child, (out, err) in [(child, child.communicate()) for child in children]:
                self.assertEqual((child.returncode, err), (0, b""))
                acknowledged.add(program.Run(0, out, err).summary()["snapshot_id"])
        self.assertEqual({one["id"] for one in self.snapshots()}, acknowledged)
        self.assertEqual(len(acknowledged), 32)
        self.expect(0, "verify", "--read-data")
