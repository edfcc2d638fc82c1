"""prune, and forget --prune, from the outside: what goes, what stays, what is told."""

import os
import signal
import time

import program


def tree_size(top):
    return sum(os.lstat(os.path.join(directory, name)).st_size
               for directory, _, names in os.walk(top) for name in names)


class Prune(program.RepositoryTest):
    def setUp(self):
        super().setUp()
        self.write("src/kept", os.urandom(3_000_000))
        self.write("src/gone", os.urandom(7_000_000))
        self.first = self.backup("src")
        os.remove(self.path("src/gone"))
        self.second = self.backup("src")

    def restores(self, snapshot, target):
        self.expect(0, "restore", snapshot, "-t", target)
        with open(self.path("src/kept"), "rb") as a, open(self.path(target, self.dir[1:], "src/kept"), "rb") as b:
            self.assertEqual(a.read(), b.read())

    def test_forget_and_prune_free_the_space_and_tell_it(self):
        before = tree_size(self.path("repo"))
        summary = self.expect(0, "forget", "--json", "--keep-last", "1", "--prune").summary()
        self.assertEqual(summary["snapshots_forgotten"], 1)
        pruned = summary["prune"]
        self.assertEqual((pruned["snapshots"], pruned["snapshots_collected"]), (1, 1))
        self.assertEqual((pruned["packs_left_condemned"], pruned["sessions_waited_for"]), (0, 0))
        self.assertGreater(pruned["bytes_freed"], 4_000_000)
        after = tree_size(self.path("repo"))
        self.assertLess(after, before - 4_000_000)
        self.restores("latest", "out")
        self.expect(0, "verify", "--read-data")
        self.expect(0, "verify", "--keyless", "--read-data")
        self.expect(1, "undelete", self.first)
        text = self.expect(0, "prune").text
        self.assertIn("0 bytes (0 B) freed", text)
        self.assertIn("1 snapshot needs ", text)
        self.expect(0, "backup", "src")

    def test_a_dry_run_changes_nothing_and_works_on_read_only_media(self):
        self.expect(0, "forget", "--keep-last", "1")
        before = sorted(os.walk(self.path("repo")))
        for directory, _, _ in before:
            os.chmod(directory, 0o500)
        told = self.expect(0, "prune", "-n", "--json").summary()
        for directory, _, _ in before:
            os.chmod(directory, 0o700)
        self.assertEqual(sorted(os.walk(self.path("repo"))), before)
        self.assertTrue(told["dry_run"])
        done = self.expect(0, "prune", "--json").summary()
        for key in ("packs", "packs_dead", "packs_moved", "packs_removed", "bytes_used", "bytes_unused",
                    "snapshots_collected"):
            self.assertEqual(told[key], done[key], key)

    def test_forget_prune_dry_run_counts_what_would_be_forgotten(self):
        summary = self.expect(0, "forget", "-n", "--json", "--keep-last", "1", "--prune").summary()
        self.assertEqual(summary["prune"]["snapshots"], 1)
        self.assertGreater(summary["prune"]["bytes_freed"], 4_000_000)
        self.assertEqual(len(self.snapshots()), 2)

    def test_limits(self):
        self.expect(0, "forget", "--keep-last", "1")
        for words in (("--max-unused", "unlimited"), ("--max-unused", "99%"), ("--max-unused", "1G"),
                      ("--max-repack", "1K")):
            summary = self.expect(0, "prune", "-n", "--json", *words).summary()
            self.assertEqual(summary["packs_moved"], 0, words)
        for words in (("--max-unused", "0"), ("--max-unused", "1%"), ("--max-unused", "100K"), ("--max-repack", "1G")):
            summary = self.expect(0, "prune", "-n", "--json", *words).summary()
            self.assertEqual(summary["packs_moved"], 1, words)
        for words in (("--max-unused", "x"), ("--max-unused", "101%"), ("--max-repack", "5%"), ("src",)):
            self.expect(2, "prune", *words)

    def test_a_running_backup_is_not_deleted_under_and_does_not_wait(self):
        reader, writer = os.pipe()
        child = self.popen("backup", "--stdin", "--stdin-filename", "stream", stdin=reader)
        os.close(reader)
        os.write(writer, b"x" * 1000)
        while not any("." in name and ".copy" not in name for name in os.listdir(self.sessions())):
            time.sleep(0.05)
        self.expect(0, "forget", "--keep-last", "1")
        summary = self.expect(0, "prune", "--json").summary()
        self.assertEqual(summary["sessions_waited_for"], 1)
        self.assertGreater(summary["packs_left_condemned"], 0)
        self.assertGreater(summary["bytes_unused_after"], 7_000_000)
        os.close(writer)
        out, err = child.communicate()
        self.assertEqual(child.returncode, 0, (out, err))
        summary = self.expect(0, "prune", "--json").summary()
        self.assertEqual(summary["packs_left_condemned"], 0)
        self.assertGreater(summary["packs_removed"], 0)
        self.expect(0, "verify", "--read-data")

    def sessions(self):
        directory = self.path("repo/sessions")
        os.makedirs(directory, exist_ok=True)
        return directory

    def test_what_a_killed_backup_left_is_cleaned_up(self):
        self.write("src/new", os.urandom(3_000_000))
        reader, writer = os.pipe()
        child = self.popen("backup", "--stdin", "--stdin-filename", "stream", stdin=reader)
        os.close(reader)
        os.write(writer, b"x" * 1000)
        while not any("." in name and ".copy" not in name for name in os.listdir(self.sessions())):
            time.sleep(0.05)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        os.close(writer)
        self.expect(0, "backup", "src")
        self.assertEqual(os.listdir(self.path("repo/tmp")), [])

    def test_a_broken_log_stops_it(self):
        self.expect(0, "forget", "--keep-last", "1")
        log = sorted(os.listdir(self.path("repo/log")))
        for name in (log[4], log[5]):
            os.remove(self.path("repo/log", name))
        before = sorted(os.walk(self.path("repo/packs")))
        run = self.expect(13, "prune")
        self.assertIn("nothing is deleted", run.errors)
        self.assertEqual(sorted(os.walk(self.path("repo/packs"))), before)
