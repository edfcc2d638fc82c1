"""What goes wrong on real machines: full targets, signals, several backups at once, odd file systems, little memory."""

import os
import pty
import random
import resource
import select
import shutil
import signal
import subprocess
import unittest

import program

MIB = 1 << 20


def noise(size, seed):
    return random.Random(seed).randbytes(size)


def default_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def stored_bytes(directory):
    return sum(os.path.getsize(os.path.join(folder, name))
               for folder, _, names in os.walk(directory) for name in names)


@unittest.skipUnless(os.geteuid() == 0, "mounting takes root")
class FullTarget(program.RepositoryTest):
    """A target of 24 MiB of its own."""

    def setUp(self):
        super().setUp()
        image = self.write("image", b"")
        os.truncate(image, 24 * MIB)
        os.mkdir(self.path("disk"))
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
        done = subprocess.run(["mount", "-o", "loop", image, self.path("disk")], capture_output=True)
        if done.returncode != 0:
            self.skipTest("no loop mounts here: " + done.stderr.decode())
        self.addCleanup(subprocess.run, ["umount", "-l", self.path("disk")], check=True)
        self.environment["COPPICE_REPOSITORY"] = self.path("disk", "repo")
        self.environment["COPPICE_KEY_FILE"] = self.path("disk.key")
        self.expect(0, "init", "-q")

    def test_a_full_target_is_18_loses_nothing_and_the_next_run_goes_on(self):
        self.write("src/first", noise(3 * MIB, 1))
        self.backup("src")
        ballast = self.write("disk/ballast", noise(8 * MIB, 2))
        self.write("src/second", noise(10 * MIB, 3))
        run = self.expect(18, "backup", "src")
        self.assertIn("No space left", run.errors)
        self.assertEqual(len(self.snapshots()), 1)
        self.expect(0, "verify", "--read-data")
        os.unlink(ballast)
        self.backup("src")
        self.expect(0, "verify", "--read-data")
        self.expect(0, "restore", "latest:" + self.path("src"), "-t", self.path("out"))
        for name in ("first", "second"):
            with open(self.path("src", name), "rb") as was, open(self.path("out", name), "rb") as came:
                self.assertEqual(was.read(), came.read())
        self.assertEqual(os.listdir(self.path("disk", "repo", "tmp")), [])

    def test_without_an_inode_forget_and_prune_work(self):
        self.write("src/a", noise(MIB, 1))
        self.backup("src")
        self.write("src/a", noise(MIB, 2))
        self.backup("src")
        os.mkdir(self.path("disk", "ballast"))
        count = 0
        while os.statvfs(self.path("disk")).f_ffree:
            self.write(f"disk/ballast/{count}", b"")
            count += 1
        self.expect(18, "backup", "src")
        run = self.expect(0, "forget", "--keep-last", "1")
        self.assertIn("kept for this", run.errors)
        summary = self.expect(0, "prune", "--json").summary()
        self.assertGreater(summary["bytes_freed"], MIB)
        self.assertEqual(len(self.snapshots()), 1)
        shutil.rmtree(self.path("disk", "ballast"))
        self.expect(0, "prune")  # now there are inodes for all of the reserve
        run = self.expect(0, "verify", "--read-data")
        self.assertEqual(run.errors, "")
        self.assertEqual(len(os.listdir(self.path("disk", "repo", "reserve"))), 16)

    def test_prune_moves_what_there_is_room_for(self):
        for at in range(4):
            self.write(f"src/kept{at}", noise(MIB, 2 * at))
            self.write("src/gone", noise(2 * MIB, 2 * at + 1))
            self.backup("src")
        self.write("src/gone", b"")
        self.backup("src")
        self.expect(0, "forget", "--keep-last", "1")
        free = os.statvfs(self.path("disk"))
        self.write("disk/ballast", noise(free.f_bavail * free.f_frsize - 5 * MIB // 2, 99))
        first = self.expect(0, "prune", "--max-unused", "0", "--json")
        self.assertIn("run prune again", first.errors)
        self.assertGreater(first.summary()["packs_moved"], 0)
        self.assertGreater(first.summary()["bytes_unused_after"], 0)
        for _ in range(4):  # each makes room for more
            run = self.expect(0, "prune", "--max-unused", "0", "--json")
        self.assertNotIn("for want of room", run.errors)
        self.assertEqual(run.summary()["bytes_unused_after"], 0)
        self.expect(0, "verify", "--read-data")

    def test_an_unmounted_target_is_10_and_nothing_is_written_to_the_mount_point(self):
        self.write("src/a")
        self.backup("src")
        subprocess.run(["umount", self.path("disk")], check=True)
        self.expect(10, "backup", "src")
        self.assertEqual(os.listdir(self.path("disk")), [])
        subprocess.run(["mount", "-o", "loop", self.path("image"), self.path("disk")], check=True)


class StoppedBackup(program.RepositoryTest):
    def test_a_killed_or_stopped_backup_leaves_nothing_in_the_way_of_the_next(self):
        self.write("src/a", noise(MIB, 1))
        self.backup("src")
        for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)):
            with self.subTest(number=number):
                child = self.popen("backup", "--stdin", stdin=subprocess.PIPE, preexec_fn=default_signals)
                child.stdin.write(bytes(MIB))  # more than a pipe holds: somebody reads it
                child.stdin.flush()
                child.send_signal(number)
                child.communicate()
                self.assertEqual(child.returncode, code)
                self.write("src/more", noise(MIB, number))
                self.backup("src")
                self.expect(0, "verify", "--read-data")
                self.assertEqual(os.listdir(self.path("repo", "tmp")), [])


class TwoAtOnce(program.RepositoryTest):
    def test_both_succeed_and_store_little_twice(self):
        content = noise(30 * MIB, 4)
        self.write("src/same", content)
        slow = self.popen("backup", "--json", "--stdin", stdin=subprocess.PIPE)
        slow.stdin.write(content[:10 * MIB])  # it has begun when the other one does all of its work
        slow.stdin.flush()
        self.backup("src")
        out, err = slow.communicate(content[10 * MIB:])
        self.assertEqual(slow.returncode, 0, err)
        self.assertEqual(len(self.snapshots()), 2)
        self.assertLess(stored_bytes(self.path("repo")), 33 * MIB)
        self.expect(0, "verify", "--read-data")
        child = self.popen("dump", "latest", "/stdin")
        self.assertEqual(child.communicate()[0], content)

    def test_many_processes_at_once(self):
        for at in range(6):
            self.write(f"src/{at}/file", noise(MIB, at))
        children = [self.popen("backup", "-q", f"src/{at}") for at in range(6)]
        for child in children:
            _, err = child.communicate()
            self.assertEqual((child.returncode, err), (0, b""))
        self.assertEqual(len(self.snapshots()), 6)
        self.expect(0, "verify", "--read-data")


@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
class OddFileSystem(program.RepositoryTest):
    def without(self, *words, calls=("linkat:error=EPERM", "renameat2:error=EINVAL")):
        """Runs the program on a file system that seems not to know these calls."""
        options = [option for call in calls for option in ("-e", "inject=" + call)]
        environment = dict(self.environment, ASAN_OPTIONS="detect_leaks=0")
        done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", *options, program.BINARY, *words],
                              env=environment, cwd=self.dir, capture_output=True)
        return program.Run(done.returncode, done.stdout, done.stderr)

    def test_a_target_without_link_works_for_one_host_and_says_so(self):
        self.write("src/a", noise(MIB, 1))
        for _ in range(2):
            run = self.without("backup", "src")
            self.assertEqual(run.code, 0, run.errors)
            self.assertEqual(run.errors.count("one host only"), 1, run.errors)
        self.assertEqual(len(self.snapshots()), 2)
        self.expect(0, "verify", "--read-data")

    def test_a_target_that_cannot_sync_is_warned_of_and_one_that_fails_to_is_an_error(self):
        self.write("src/a", noise(MIB, 1))
        run = self.without("backup", "src", calls=["fsync:error=EINVAL"])
        self.assertEqual(run.code, 0, run.errors)
        self.assertIn("sync", run.errors)
        self.write("src/b", noise(MIB, 2))
        run = self.without("backup", "src", calls=["fsync:error=EIO"])
        self.assertEqual(run.code, 1, run.errors)
        self.assertEqual(len(self.snapshots()), 1)
        self.backup("src")
        self.expect(0, "verify", "--read-data")


class LimitedFileSize(program.RepositoryTest):
    def test_a_limit_on_file_sizes_is_an_error_that_names_it_and_not_a_death(self):
        self.write("src/a", b"small")
        self.backup("src")
        self.write("src/b", noise(3 * MIB, 1))
        run = self.expect(1, "backup", "src",
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, MIB)))
        self.assertIn("File too large", run.errors)
        self.assertIn("ulimit -f", run.errors)
        self.assertEqual(len(self.snapshots()), 1)
        self.backup("src")
        self.expect(0, "verify", "--read-data")

    def test_a_producer_has_the_signal_of_its_limit_by_default(self):
        words = ("backup", "--stdin-from-command", "--", "sh", "-c", "kill -XFSZ $$")
        self.assertIn("ended by signal", self.expect(1, *words).errors)


@unittest.skipIf(os.environ.get("COPPICE_IS_SANITIZED") == "1", "sanitizers map terabytes")
class LittleMemory(program.RepositoryTest):
    """As `prlimit --data=384M`: nothing may rely on more."""

    def limited(self, *words):
        limit = 384 * MIB
        return self.expect(0, *words, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)))

    def test_everything_works_within_384_mib_of_data(self):
        self.write("src/large", noise(150 * MIB, 1))
        for at in range(2000):
            self.write(f"src/many/{at % 50}/{at}", (f"line {at}\n" * (at % 300)))
        for _ in range(2):
            self.limited("backup", "src")
        self.limited("verify", "--read-data")
        self.limited("verify", "--keyless")
        self.limited("restore", "latest:" + self.path("src"), "-t", self.path("out"))
        self.assertEqual(subprocess.run(["diff", "-r", "src", "out"], cwd=self.dir).returncode, 0)

    def test_a_directory_4000_levels_down_is_backed_up_and_restored_within_it_too(self):
        # A path for each level would take half a gigabyte.
        self.addCleanup(subprocess.run, ["rm", "-rf", self.path("src"), self.path("out")], check=True)  # rmtree recurses
        os.mkdir(self.path("src"))
        folder = os.open(self.path("src"), os.O_RDONLY)
        for _ in range(4000):
            os.mkdir("n" * 60, dir_fd=folder)
            below = os.open("n" * 60, os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = below
        os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=folder))
        os.close(folder)
        summary = self.limited("backup", "--json", "src").summary()
        self.assertEqual((summary["files_new"], summary["error_count"]), (1, 0))
        self.assertGreater(summary["dirs_new"], 4000)
        self.limited("backup", "src")
        self.limited("verify", "--read-data")
        for _ in range(2):
            self.limited("restore", "latest:" + self.path("src"), "-t", self.path("out"))
        found = subprocess.run(["find", "out", "-name", "file", "-printf", "%d"], cwd=self.dir, capture_output=True)
        self.assertEqual(found.stdout, b"4001")

    def test_unlocking_with_a_passphrase_works_within_it_too(self):
        self.environment.pop("COPPICE_KEY_FILE")
        self.environment.update(COPPICE_PASSWORD="secret", COPPICE_REPOSITORY=self.path("other"))
        self.write("src/a")
        self.limited("init", "-q")
        self.limited("backup", "src")


class Terminal(program.RepositoryTest):
    def test_progress_tells_percent_rate_time_left_and_the_file(self):
        piece = bytes(4 * MIB)
        source = self.write("zeros", b"")
        os.truncate(source, 50 * len(piece))
        with open(source, "rb") as zeros:
            self.backup("--stdin", "--stdin-filename", "stream", stdin=zeros)
        master, slave = pty.openpty()
        child = subprocess.Popen([program.BINARY, "backup", "--stdin", "--stdin-filename", "stream"],
                                 env=dict(self.environment, TERM="xterm"), cwd=self.dir,
                                 stdin=subprocess.PIPE, stdout=slave, stderr=slave)
        os.close(slave)
        shown = b""
        fed = 0
        # The line comes at most ten times a second, and tells the time left after two seconds: that
        # is before the fiftieth piece on any machine, because each waits for a line or 0.2 s.
        while b"left" not in shown and fed < 50:
            child.stdin.write(piece)
            child.stdin.flush()
            fed += 1
            if select.select([master], [], [], 0.2)[0]:
                shown += os.read(master, 4096)
        child.stdin.close()
        try:
            while got := os.read(master, 4096):
                shown += got
        except OSError:  # Linux: the other side is closed
            pass
        self.assertEqual(child.wait(), 0)
        os.close(master)
        for part in ("%", "/s", " left", "/stream"):
            self.assertIn(part, shown.decode())
