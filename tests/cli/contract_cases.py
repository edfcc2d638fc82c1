"""Exit codes, the naming of snapshots, streams, signals."""

import ctypes
import json
import os
import re
import signal
import stat
import subprocess

import program


class ExitCodes(program.RepositoryTest):
    def test_usage_errors_are_2_and_touch_nothing(self):
        source = self.write("src/a")
        before = os.stat(self.path("repo", "log")).st_mtime_ns
        for words in (
            [], ["frobnicate"], ["--frob"], ["backup"], ["backup", source, "--frob"],
            ["backup", source, "--compression", "20"], ["backup", source, "--compression", "03x"],
            ["backup", source, "--exclude-larger-than", "10Q"], ["backup", source, "-e", "[a"],
            ["backup", source, "-e", ""], ["backup", source, "--time", "2026-02-30"],
            ["backup", source, "--limit-rate", "99999999999999999999"],
            ["backup", source, "--parent", "x", "-f"], ["backup", "--stdin", source],
            ["backup", "--stdin-from-command"], ["backup", "--as", "/x", source, self.dir],
            ["snapshots", "--latest", "0"], ["snapshots", "--wait", "soon"],
            ["restore", "latest"], ["restore", "latest", "-t", "x", "--overwrite", "perhaps"],
            ["restore", "latest", "-t", "/", "--delete"], ["restore", ":/x", "-t", "x"],
            ["restore", "latest:x", "-t", "x"], ["restore", "nonsense", "-t", "x"],
            ["dump", "latest"], ["dump", "latest", "relative"], ["ls"], ["key"],
            ["verify", "--read-data-subset", "0%"], ["verify", "--read-data-subset", "3/2"],
            ["verify", "--expect-head", "xyz"], ["completion"], ["--repo", "", "snapshots"],
            ["-r", "a", "-r", "b", "snapshots"],
            ["backup", source, "--tag", "t" * 1025], ["backup", source, "--host", "h" * 256],
            ["backup", source, "--tag", ",".join("t" * 1025)], ["backup", source, "-n", "--host", "h" * 256],
            ["backup", source, "--tag", ""], ["backup", source, "--tag", "a,"], ["snapshots", "--tag", ",a"],
            ["backup", source, "--as", "/a/" + "n" * 256],
            ["backup", "--stdin", "--stdin-filename", "n" * 256],
        ):
            with self.subTest(words=words):
                run = self.expect(2, *words)
                self.assertTrue(run.errors.startswith("coppice: "), run.errors)
                self.assertEqual(run.out, b"")
        self.assertEqual(before, os.stat(self.path("repo", "log")).st_mtime_ns)
        self.assertFalse(os.path.exists(self.path("x")))

    def test_names_that_no_snapshot_can_hold_are_2_before_anything_is_stored(self):
        source = self.write("src/a")
        stored = sorted(os.walk(self.path("repo")))
        run = self.expect(2, "backup", source, env={"COPPICE_HOST": "h" * 256})
        self.assertIn("host name of more than 255 bytes", run.errors)
        self.assertIn("tag of more than 1024 bytes", self.expect(2, "backup", source, "--tag", "t" * 1025).errors)
        paths = self.write("paths", "".join(f"/{at:050}\n" for at in range(21000)))
        self.assertIn("more than 1 MiB", self.expect(2, "backup", "--files-from", paths).errors)
        self.assertEqual(sorted(os.walk(self.path("repo"))), stored)
        self.backup(source, "--tag", "t" * 1024, "--host", "h" * 255, "--as", "/a/" + "n" * 255)

    def test_expect_head_tells_how_many_digits_it_takes(self):
        for digits in ("1234567", "1" * 65):
            self.assertIn("8 to 64 digits", self.expect(2, "verify", "--expect-head", digits).errors)

    def test_the_readme_names_the_program_once_and_repair_writes_the_same(self):
        with open(self.path("repo", "readme.txt"), "rb") as file:
            text = file.read()
        program_name = self.expect(0, "version").text.strip()
        self.assertIn(f"  this text is from:   {program_name}\n", text.decode())
        os.remove(self.path("repo", "readme.txt"))
        self.expect(14, "repair", "packs")
        with open(self.path("repo", "readme.txt"), "rb") as file:
            self.assertEqual(file.read(), text)

    def test_no_repository_is_10(self):
        self.expect(10, "snapshots", "-r", self.path("nowhere"))
        os.mkdir(self.path("empty"))
        self.expect(10, "snapshots", "-r", self.path("empty"))
        self.expect(10, "backup", self.dir, "-r", self.path("empty"))
        self.assertEqual(os.listdir(self.path("empty")), [])

    def test_an_unmounted_or_exchanged_target_is_10_and_says_what_to_delete(self):
        os.rename(self.path("repo"), self.path("away"))
        os.mkdir(self.path("repo"))
        run = self.expect(10, "backup", self.dir)
        os.rmdir(self.path("repo"))
        self.expect(0, "init", "-r", self.path("other"), "-q")
        os.rename(self.path("other"), self.path("repo"))
        run = self.expect(10, "snapshots")
        file = re.search(r"delete (\S+)", run.errors)[1]
        os.remove(file)
        self.expect(0, "snapshots")

    def test_a_missing_source_is_3_and_none_left_is_1(self):
        source = self.write("src/a")
        run = self.expect(3, "backup", source, self.path("gone"))
        self.assertIn(f"coppice: {self.path('gone')}: ", run.errors)
        run = self.expect(1, "backup", self.path("gone"))
        self.assertEqual(len(self.snapshots()), 1)
        self.assertTrue(self.snapshots()[0]["is_incomplete"])

    def test_init_never_overwrites(self):
        self.expect(1, "init")
        self.write("full/file")
        self.expect(1, "init", "-r", self.path("full"))
        self.assertEqual(os.listdir(self.path("full")), ["file"])

    def test_an_unknown_snapshot_is_1(self):
        self.expect(1, "ls", "latest")
        self.expect(1, "ls", "0123abcd")

    def test_damage_is_13_and_healable_damage_14(self):
        self.write("src/a", os.urandom(3000000))
        self.backup("src")
        self.expect(0, "verify", "--read-data")
        pack = max((os.path.join(place, name) for place, _, names in os.walk(self.path("repo/packs"))
                    for name in names if not name.endswith((".par", ".copy"))), key=os.path.getsize)
        os.chmod(pack, 0o600)
        with open(pack, "r+b") as file:
            file.seek(5000)
            file.write(b"rot")
        run = self.expect(14, "verify", "--read-data", "--json")
        self.assertGreater(run.summary()["healable"], 0)
        self.assertEqual(run.json_errors()[-1]["code"], 14)
        self.expect(14, "verify", "--keyless")
        os.remove(pack)
        os.remove(pack + ".par")
        run = self.expect(13, "verify", "--json")
        self.assertEqual(run.json_errors()[-1]["message_type"], "exit_error")
        self.assertEqual(run.json_errors()[-1]["code"], 13)
        self.expect(13, "restore", "latest", "-t", self.path("out"))

    def test_a_damaged_first_copy_is_14_from_any_command(self):
        source = self.write("src/a")
        self.backup("src")
        slot = "slots/" + min(os.listdir(self.path("repo", "slots")))
        words = (("snapshots",), ("ls", "latest"), ("stats",), ("key", "list"), ("backup", "-n", source), ("prune", "-n"),
                 ("forget", "--keep-last", "1", "-n"), ("dump", "latest", source), ("backup", source))
        for name in ("header", slot, "log/" + "0" * 16):
            with open(self.path("repo", name), "rb") as file:
                whole = file.read()
            self.write(os.path.join("repo", name), b"X" + whole[1:])
            for command in words:
                with self.subTest(name=name, command=command):
                    self.assertIn(name + ": ", self.expect(14, *command).errors)
            self.write(os.path.join("repo", name), whole)
        self.expect(0, "snapshots")

    def test_a_newer_version_is_17(self):
        for name in ("header", "header.copy"):
            path = self.path("repo", name)
            os.chmod(path, 0o600)
            with open(path) as file:
                text = file.read()
            start = text.rindex('"checksum"')
            text = text[:start].replace('"version": 1', '"version": 2')
            with open(path, "w") as file:
                file.write(text + text_checksum(text))
        self.expect(17, "snapshots")

    def test_a_closed_pipe_is_quiet(self):
        for number in range(3000):
            self.write(f"src/a-rather-long-name-of-a-file-that-fills-the-pipe-{number}", b"")
        self.backup("src")
        child = self.popen("ls", "latest")
        child.stdout.read(1)
        child.stdout.close()
        self.assertEqual(child.stderr.read(), b"")
        self.assertEqual(child.wait(), 141)
        child.stderr.close()

    def test_output_that_cannot_be_written_is_1(self):
        with open("/dev/full", "wb") as full:
            run = self.run_program("snapshots", stdout=full)
        self.assertEqual(run.code, 1)


def text_checksum(text):
    """The checksum member of a header; b3sum if there is one, else the test is skipped."""
    try:
        done = subprocess.run(["b3sum", "--no-names"], input=text.encode(), capture_output=True,
                              check=True)
    except FileNotFoundError:
        raise program.unittest.SkipTest("no b3sum here")
    return f'"checksum": "{done.stdout.decode().split()[0]}"\n}}\n'


class Snapshots(program.RepositoryTest):
    def test_names_of_snapshots(self):
        source = self.write("src/a")
        first = self.backup(source)
        second = self.backup(source)
        third = self.backup(source, "--time", "2030-01-01")
        self.assertEqual(self.resolved("latest"), second)
        self.assertEqual(self.resolved("latest~1"), first)
        self.assertEqual(self.resolved(third[:8]), third)
        self.expect(1, "ls", "latest~2")
        self.expect(2, "ls", "no-id")

    def resolved(self, word, *more):
        lines = self.expect(0, "ls", "--json", word, *more).json_lines()
        return lines[0]["id"]

    def test_latest_is_of_this_host_or_must_be_named(self):
        source = self.write("src/a")
        mine = self.backup(source)
        theirs = self.backup(source, "--host", "there")
        self.assertEqual(self.resolved("latest"), mine)
        self.assertEqual(self.resolved("latest", "--host", "there"), theirs)
        self.backup(source, "--host", "elsewhere")
        run = self.expect(2, "ls", "latest", env={"COPPICE_HOST": "nobody"})
        self.assertIn("elsewhere", run.errors)
        self.assertIn("there", run.errors)

    def test_latest_with_a_path_is_the_newest_that_contains_it(self):
        self.write("src/a", "old")
        self.backup("src")
        os.remove(self.path("src/a"))
        self.write("src/b")
        self.backup("src")
        self.expect(0, "restore", f"latest:{self.path('src/a')}", "-t", self.path("out"))
        with open(self.path("out/a")) as file:
            self.assertEqual(file.read(), "old")
        self.assertEqual(self.expect(0, "dump", f"latest:{self.path('src/a')}").text, "old")
        self.expect(1, "ls", "latest:/nowhere")

    def test_filters_and_tags(self):
        source = self.write("src/a")
        self.backup(source, "--tag", "x,y")
        self.backup(source, "--tag", "x", "--tag", "z")
        self.backup(self.path("src"))
        self.assertEqual(len(self.snapshots("--tag", "x")), 2)
        self.assertEqual(len(self.snapshots("--tag", "x,y")), 1)
        self.assertEqual(len(self.snapshots("--tag", "y", "--tag", "z")), 2)
        self.assertEqual(len(self.snapshots("--tag", "")), 1)
        self.assertEqual(len(self.snapshots("--path", "src")), 1)
        self.assertEqual(len(self.snapshots("--latest", "1")), 2)
        self.assertEqual(len(self.snapshots("--host", "nobody")), 0)

    def test_the_parent_is_the_newest_of_host_and_paths(self):
        self.write("src/a")
        first = self.backup("src")
        self.backup("src/a")
        other = self.backup("src", "--host", "there")
        self.backup("src")
        self.backup("src", "--force")
        self.backup("src", "--parent", other[:8])
        parents = [snapshot["parent"] for snapshot in self.snapshots()]
        self.assertEqual(parents, [None, None, None, first, None, other])

    def test_a_sharply_smaller_snapshot_is_warned_of(self):
        for number in range(5):
            self.write(f"src/{number}")
        self.backup("src")
        for number in range(4):
            os.remove(self.path(f"src/{number}"))
        run = self.expect(0, "backup", "src")
        self.assertIn("much smaller", run.errors)

    def test_as_renames_the_root(self):
        self.write("volume/etc/a")
        self.backup("volume", "--as", "/")
        self.assertEqual(self.listing("latest"), ["/etc", "/etc/a"])
        self.assertEqual(self.snapshots()[0]["paths"], ["/"])


class Selection(program.RepositoryTest):
    def names(self):
        return {os.path.relpath(path, self.path("src")) for path in
                self.listing("--recursive", "latest", self.path("src"))} - {"."}

    def setUp(self):
        super().setUp()
        self.write("src/a.tmp")
        self.write("src/B.TMP")
        self.write("src/keep")
        self.write("src/big", bytes(5000))
        self.write("src/cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55")
        self.write("src/cache/x")
        self.write("src/no/.nobackup", "please do not")
        self.write("src/no/x")

    def test_excludes(self):
        everything = {"a.tmp", "B.TMP", "keep", "big", "cache", "cache/CACHEDIR.TAG", "cache/x", "no",
                      "no/.nobackup", "no/x"}
        patterns = self.write("patterns", "# comment\n\n*.tmp\n$WHAT\n")
        for words, gone in (
            ([], set()),
            (["-e", "*.tmp"], {"a.tmp"}),
            (["--iexclude", "*.tmp"], {"a.tmp", "B.TMP"}),
            (["-e", "*.tmp", "-e", "!a.tmp"], set()),
            (["--exclude-file", patterns], {"a.tmp", "keep"}),
            (["--exclude-caches"], {"cache/x"}),
            (["--exclude-if-present", ".nobackup"], {"no/x"}),
            (["--exclude-if-present", ".nobackup:please"], {"no/x"}),
            (["--exclude-if-present", ".nobackup:pleased"], set()),
            (["--exclude-larger-than", "4K"], {"big"}),
        ):
            with self.subTest(words=words):
                self.backup("src", *words, env={"WHAT": "keep"})
                self.assertEqual(self.names(), everything - gone)
        self.expect(2, "backup", "src", "--exclude-file", patterns)

    def test_sources_from_lists(self):
        self.write("list", "# comment\nsrc/k*\nsrc/big\n")
        self.backup("--files-from", "list")
        self.assertEqual(self.snapshots()[-1]["paths"], [self.path("src/big"), self.path("src/keep")])
        self.backup("--files-from-raw", "-", input=b"src/keep\0src/no\0")
        self.assertEqual(self.snapshots()[-1]["paths"], [self.path("src/keep"), self.path("src/no")])
        self.expect(3, "backup", "src/keep", "--files-from", "-", input=b"src/absent*\n")

    def test_names_that_look_like_something_else(self):
        for name in ("[a,b]", "snapshots", "--json"):
            self.write(name)
            self.backup("--", name)
            self.assertEqual(self.snapshots()[-1]["paths"], [self.path(name)])
        self.backup("snapshots", "[a,b]")
        self.assertEqual(self.snapshots()[-1]["paths"], [self.path("[a,b]"), self.path("snapshots")])

    def test_a_dry_run_changes_nothing(self):
        summary = self.expect(0, "backup", "-n", "--json", "src").summary()
        self.assertEqual(summary["snapshot_id"], None)
        self.assertEqual(summary["files_new"], 8)
        self.assertEqual(self.snapshots(), [])

    def test_restore_takes_patterns(self):
        self.backup("src")
        root = f"latest:{self.path('src')}"
        self.expect(0, "restore", root, "-t", "out", "-i", "*.tmp", "-i", "no", "-e", "x")
        found = {os.path.relpath(os.path.join(place, name), self.path("out"))
                 for place, _, names in os.walk(self.path("out")) for name in names}
        self.assertEqual(found, {"a.tmp", "no/.nobackup"})
        self.expect(0, "restore", "latest", "-t", "whole", "-i", self.path("src/keep"))
        self.assertTrue(os.path.exists(self.path("whole") + self.path("src/keep")))
        run = self.expect(0, "restore", root, "-t", "none", "-i", "nothing-like-this")
        self.assertIn("matches --include", run.errors)

    def test_restore_overwrites_as_told_and_deletes_only_when_told(self):
        self.backup("src")
        root = f"latest:{self.path('src')}"
        self.write("out/keep", "changed")
        self.write("out/extra")
        self.expect(0, "restore", root, "-t", "out", "--overwrite", "never")
        with open(self.path("out/keep")) as file:
            self.assertEqual(file.read(), "changed")
        run = self.expect(0, "restore", root, "-t", "out", "--delete", "--dry-run")
        self.assertIn("would delete", run.text)
        self.assertTrue(os.path.exists(self.path("out/extra")))
        self.expect(0, "restore", root, "-t", "out", "--delete", "--verify")
        self.assertFalse(os.path.exists(self.path("out/extra")))
        self.assertEqual(subprocess.run(["diff", "-r", self.path("src"), self.path("out")]).returncode, 0)

    def test_owner_maps(self):
        if os.geteuid() != 0:
            self.skipTest("only root gives files away")
        os.chown(self.path("src/keep"), 1234, 4321)
        self.backup("src")
        self.write("map", "# moved\nuser 1234 2001\ngroup 4321 2002\n")
        self.expect(0, "restore", f"latest:{self.path('src')}", "-t", "out", "--owner-map", "map")
        self.assertEqual(os.stat(self.path("out/keep")).st_uid, 2001)
        self.assertEqual(os.stat(self.path("out/keep")).st_gid, 2002)
        self.write("map", "user 1 2 3\n")
        self.expect(2, "restore", "latest", "-t", "out", "--owner-map", "map")


class Streams(program.RepositoryTest):
    def test_stdin_and_commands(self):
        self.backup("--stdin", "--stdin-filename", "db.sql", input=b"data")
        self.assertEqual(self.expect(0, "dump", "latest", "/db.sql").out, b"data")
        self.backup("--stdin-from-command", "--", "sh", "-c", 'printf %s "$1"', "--", "[x,-y]")
        self.assertEqual(self.expect(0, "dump", "latest", "/stdin").out, b"[x,-y]")

    def test_a_failing_producer_makes_no_snapshot(self):
        run = self.expect(1, "backup", "--stdin-from-command", "--", "sh", "-c", "echo x; exit 7")
        self.assertIn("exit code 7", run.errors)
        self.expect(1, "backup", "--stdin-from-command", "--", "/no/such/program")
        self.expect(1, "backup", "--stdin-from-command", "--", "sh", "-c", "echo x; kill -9 $$")
        self.assertEqual(self.snapshots(), [])

    def test_signals_stop_cleanly(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
            for words in (["--stdin"], ["--stdin-from-command", "--", "sh", "-c", "echo started >&2; exec cat"]):
                with self.subTest(number=number, words=words):
                    child = self.popen("backup", "--json", *words, stdin=subprocess.PIPE,
                                       preexec_fn=default_signals)
                    if len(words) > 1:
                        child.stderr.readline()
                    # More than a pipe holds: when it is written, somebody is reading it.
                    child.stdin.write(bytes(1 << 20))
                    child.stdin.flush()
                    child.send_signal(number)
                    child.wait(timeout=60)  # though the input has not ended
                    _, err = child.communicate()
                    self.assertEqual(child.returncode, code, err)
                    last = json.loads(err.decode().splitlines()[-1])
                    self.assertEqual((last["message_type"], last["code"]), ("exit_error", code))
        self.assertEqual(self.snapshots(), [])
        self.expect(0, "verify")


    def test_a_signal_stops_a_waiting_read_whichever_thread_takes_it(self):
        kill_thread = ctypes.CDLL(None, use_errno=True).tgkill
        child = self.popen("backup", "--json", "--stdin", stdin=subprocess.PIPE, preexec_fn=default_signals)
        child.stdin.write(bytes(1 << 20))
        child.stdin.flush()
        threads = [int(name) for name in os.listdir(f"/proc/{child.pid}/task")]
        other = max(thread for thread in threads if thread != child.pid)
        self.assertEqual(kill_thread(child.pid, other, signal.SIGTERM), 0)
        child.wait(timeout=60)
        _, err = child.communicate()
        self.assertEqual(child.returncode, 143, err)
        self.assertEqual(self.snapshots(), [])


def default_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
