"""`benchmark`: figures of this machine, and what they lead one to expect."""

import os
import signal
import subprocess
import unittest

import program

SPEEDS = ["chunking", "hashing", "sealing", "parity", "opening", "decompression"]


class Benchmark(program.ProgramTest):
    def setUp(self):
        super().setUp()
        for at in range(30):
            self.write(f"tree/{at % 3}/{at}", b"content")
        os.mkdir(self.path("disk"))

    def measure(self, *words, code=0):
        return self.expect(code, "benchmark", "--quick", "--tree", "tree", "--disk", "disk", *words)

    def test_json_tells_all_figures(self):
        summary = self.measure("--json").summary()
        self.assertEqual(summary["schema_version"], 1)
        self.assertGreaterEqual(summary["processors"], 1)
        self.assertLessEqual(summary["workers"], 8)
        self.assertIn(summary["cipher"], ("aes-256-gcm", "chacha20-poly1305"))
        self.assertEqual([each["name"] for each in summary["processor"]], SPEEDS)
        for each in summary["processor"] + summary["compression"]:
            self.assertGreater(each["bytes_per_second_core"], 0)
            self.assertGreater(each["bytes_per_second"], 0)
        levels = [each["level"] for each in summary["compression"]]
        self.assertEqual(levels, sorted(levels))
        ratios = [each["ratio"] for each in summary["compression"]]
        self.assertEqual(ratios, sorted(ratios, reverse=True))
        self.assertLess(ratios[0], 0.6)
        self.assertIn(summary["advised_compression"]["level"], levels)
        self.assertGreater(len(summary["advised_compression"]["reason"]), 20)
        self.assertEqual((summary["tree"]["path"], summary["tree"]["entries"]), (self.path("tree"), 33))
        for what in ("walked_entries", "read_files", "recorded_entries"):
            self.assertGreater(summary["tree"][what + "_per_second_core"], 0)
            self.assertGreater(summary["tree"][what + "_per_second"], 0)
        self.assertEqual(summary["disk"]["path"], self.path("disk"))
        for key in ("bytes_written", "write_bytes_per_second", "read_bytes_per_second", "sync_seconds"):
            self.assertGreater(summary["disk"][key], 0)
        self.assertEqual(list(summary["expected"]), ["first_backup_text", "first_backup_incompressible",
                                                     "unchanged_files", "restore_text"])
        for each in summary["expected"].values():
            self.assertGreater(each["seconds"], 0)
            self.assertIn(each["limited_by"], ("processor", "disk"))
        self.assertEqual(summary["error_count"], 0)
        self.assertGreater(summary["total_duration"], 0)

    def test_people_get_a_table_and_sentences(self):
        text = self.measure().text
        self.assertRegex(text, r"(?m)^GB/s +one core +all cores$")
        self.assertRegex(text, r"(?m)^compressing text, level 3 +[\d.]+ +[\d.]+  to [\d.]+ %$")
        self.assertRegex(text, r"(?m)^names and stat +[\d.]+ +[\d.]+$")
        self.assertRegex(text, r"(?m)^disk of .*/disk: writing \d+ MB/s \(with fsync\), reading \d+ MB/s")
        self.assertRegex(text, r"(?m)^- first backup of 100 GB of source text: [\d.]+ (s|min|h); the (disk|processor) sets the pace\.$")
        self.assertRegex(text, r"(?m)^Compression level \d+ suits: .*\.$")

    def test_it_leaves_nothing_behind_and_changes_nothing(self):
        listing = ["find", self.dir, "-printf", "%p %s %T@\n"]
        before = subprocess.run(listing, capture_output=True, check=True).stdout
        self.measure()
        self.assertEqual(subprocess.run(listing, capture_output=True, check=True).stdout, before)

    def test_what_cannot_be_measured_is_named_and_the_rest_is_told(self):
        run = self.expect(3, "benchmark", "--quick", "--json", "--tree", "nowhere", "--disk", "tree/0/0")
        summary = run.summary()
        self.assertEqual((summary["disk"], summary["tree"], summary["error_count"]), (None, None, 2))
        self.assertGreater(summary["expected"]["first_backup_text"]["seconds"], 0)
        self.assertEqual([(error["code"], error["item"]) for error in run.json_errors()
                          if error["message_type"] == "error" and error["severity"] == "partial"],
                         [("disk_not_measured", self.path("tree/0/0")), ("tree_not_measured", self.path("nowhere"))])

    def test_a_tree_without_files_is_named(self):
        run = self.expect(3, "benchmark", "--quick", "--tree", "disk", "--disk", "disk")
        self.assertIn("no file is in it", run.errors)

    def test_the_disk_is_the_repositorys_if_one_is_named(self):
        summary = self.expect(0, "benchmark", "--quick", "--json", "--tree", "tree", "-r", "disk").summary()
        self.assertEqual(summary["disk"]["path"], self.path("disk"))

    def test_a_signal_stops_it(self):
        child = self.popen("benchmark", "--tree", "tree", "--disk", "disk", "-v",
                           preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))
        # Its workers stand when it measures: a signal before that would meet nobody who handles it.
        while child.poll() is None and len(os.listdir(f"/proc/{child.pid}/task")) < 2:
            pass
        child.send_signal(signal.SIGTERM)
        child.communicate()
        self.assertEqual(child.returncode, 143)
        self.assertEqual(os.listdir(self.path("disk")), [])

    @unittest.skipUnless(os.geteuid() == 0, "mounting takes root")
    def test_a_full_disk_and_a_read_only_one_are_named(self):
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=10m", "none", self.path("disk")], capture_output=True)
        if done.returncode != 0:
            self.skipTest("no mounts here: " + done.stderr.decode())
        self.addCleanup(subprocess.run, ["umount", "-l", self.path("disk")], check=True)
        self.assertIn("only 10.0 MiB are free", self.measure(code=3).errors)
        subprocess.run(["mount", "-o", "remount,ro", self.path("disk")], check=True)
        self.assertIn("Read-only file system", self.measure(code=3).errors)
