"""What a backup takes and what it leaves out, on real trees. COPPICE_COMPARE_RESTIC=1 asks restic the same."""

import json
import os
import shutil
import signal
import subprocess
import unittest

import program

IS_ROOT = os.geteuid() == 0
MIB = 1 << 20

TREE = ["a.c", "a.o", "B.O", "x/a.c", "x/a.o", "x/y/a.o", "x/y/z", "x/node_modules/m/n", "node_modules/o", "x/[1]", "x/1",
        "x/q?", "x/qq", "x/.hidden", "x/y/x/y/deep", "sp ace", "x/star*name", "ü/é"]

# What restic 0.14 leaves out, with all that lies below it; SRC stands for the source's path.
PATTERNS = [
    (["*.o"], ["a.o", "x/a.o", "x/y/a.o"]),
    (["a.?"], ["a.c", "a.o", "x/a.c", "x/a.o", "x/y/a.o"]),
    (["SRC/a.o"], ["a.o"]),
    (["/a.o"], []),
    (["x/a.o"], ["x/a.o"]),
    (["y/a.o"], ["x/y/a.o"]),
    (["SRC/*/a.o"], ["x/a.o"]),
    (["SRC/**/a.o"], ["a.o", "x/a.o", "x/y/a.o"]),
    (["SRC/**/*.o"], ["a.o", "x/a.o", "x/y/a.o"]),
    (["x/**/deep"], ["x/y/x/y/deep"]),
    (["x/y"], ["x/y"]),
    (["y/x"], ["x/y/x"]),
    (["node_modules"], ["node_modules", "x/node_modules"]),
    (["node_modules/"], ["node_modules", "x/node_modules"]),
    (["node_modules/*"], ["node_modules/o", "x/node_modules/m"]),
    (["node_modules/**"], ["node_modules", "x/node_modules"]),
    (["[1]"], ["x/1"]),
    (["\\[1\\]"], ["x/[1]"]),
    (["q\\?"], ["x/q?"]),
    (["q?"], ["x/q?", "x/qq"]),
    (["star\\*name"], ["x/star*name"]),
    ([".*"], ["x/.hidden"]),
    (["[^.]*.o"], ["a.o", "x/a.o", "x/y/a.o"]),
    (["[a-b].[co]"], ["a.c", "a.o", "x/a.c", "x/a.o", "x/y/a.o"]),
    (["sp ace"], ["sp ace"]),
    (["?"], ["x", "ü", "node_modules/o"]),
    (["ü/?"], ["ü/é"]),
    (["x/./a.o"], ["x/a.o"]),
    (["x//a.o"], ["x/a.o"]),
    (["x/y/../a.o"], ["x/a.o"]),
    (["*.o", "!a.o"], []),
    (["!a.o"], []),
    (["*.o", "!x/a.o"], ["a.o", "x/y/a.o"]),
    (["x", "!x/a.c"], ["x"]),
]


def below(directories):
    """All paths that lie at or below one of them."""
    return {path for path in everything() for top in directories if path == top or path.startswith(top + "/")}


def everything():
    paths = set()
    for file in TREE:
        parts = file.split("/")
        paths |= {"/".join(parts[:count]) for count in range(1, len(parts) + 1)}
    return paths


class Taking(program.RepositoryTest):
    def taken(self, *words, source="src", **options):
        """Paths in the snapshot below `source`."""
        self.backup(*words, **options)
        return self.below(source)

    def below(self, source):
        top = self.path(source) + "/"
        nodes = [json.loads(line) for line in self.expect(0, "ls", "--json", "latest").text.splitlines()]
        return {node["path"][len(top):] for node in nodes[1:] if node["path"].startswith(top)}


class Patterns(Taking):
    def setUp(self):
        super().setUp()
        for file in TREE:
            self.write("src/" + file)

    def test_exclude_means_what_it_means_to_restic(self):
        for patterns, gone in PATTERNS:
            words = [pattern.replace("SRC", self.path("src")) for pattern in patterns]
            options = [part for word in words for part in ("-e", word)]
            with self.subTest(patterns=patterns):
                self.assertEqual(self.taken("src", *options), everything() - below(gone))

    def test_unlike_in_restic_a_pattern_that_matches_the_source_leaves_nothing_out_for_that(self):
        self.assertEqual(self.taken("src", "-e", "*", "-e", "!*.c"), {"a.c"})
        self.assertEqual(self.taken("src", "-e", "src"), everything())

    @unittest.skipUnless(os.environ.get("COPPICE_COMPARE_RESTIC") and shutil.which("restic"), "only when asked for")
    def test_restic_agrees(self):
        environment = dict(os.environ, RESTIC_PASSWORD="x", RESTIC_REPOSITORY=self.path("restic"), HOME=self.path("home"))

        def restic(*words):
            return subprocess.run(["restic", "-q", *words], env=environment, capture_output=True, check=True).stdout.decode()
        restic("init")
        for patterns, gone in PATTERNS:
            words = [pattern.replace("SRC", self.path("src")) for pattern in patterns]
            restic("backup", self.path("src"), *[part for word in words for part in ("-e", word)])
            top = self.path("src") + "/"
            found = {line[len(top):] for line in restic("ls", "latest").splitlines() if line.startswith(top)}
            with self.subTest(patterns=patterns):
                self.assertEqual(found, everything() - below(gone))

    def test_a_named_path_is_never_left_out_and_what_leads_to_it_holds_nothing_else(self):
        words = ["src", "src/x/y/z", "src/a.o", "-e", "x", "-e", "a.o", "-e", "y"]
        self.assertEqual(self.taken(*words), everything() - below(["x", "a.o"]) | {"x", "x/y", "x/y/z", "a.o"})
        self.write("src/x/.nobackup")
        words = ["src", "src/x/y/x", "--exclude-if-present", ".nobackup"]
        self.assertEqual(self.taken(*words),
                         everything() - below(["x"]) | {"x", "x/.nobackup", "x/y", "x/y/x", "x/y/x/y", "x/y/x/y/deep"})
        self.assertEqual(self.taken("src/x/y", "-e", "y", "-e", "x", source="src/x/y"), {"a.o", "z"})

    def test_a_list_of_sources_has_wildcards_comments_and_blank_lines(self):
        self.write("list", "\ufeff# comment\r\n\n   \n  src/*.o  \r\n\tsrc/x/[.q]*\n# src/B.O\nsrc/x/\\[1\\]\n")
        self.backup("--files-from", "list")
        self.assertEqual(self.snapshots()[-1]["paths"],
                         sorted(self.path("src", name) for name in ("a.o", "x/[1]", "x/q?", "x/qq", "x/.hidden")))
        self.backup("--files-from", "-", input=b"src/x/*")
        self.assertIn(self.path("src/x/.hidden"), self.snapshots()[-1]["paths"])
        self.assertNotIn(self.path("src"), self.snapshots()[-1]["paths"])

    def test_a_raw_list_is_taken_as_it_is(self):
        for name in (b"# no comment", b" spaces ", b"new\nline", b"\xff", b"st*r", b"str"):
            self.write(os.fsdecode(b"src/" + name))
        self.backup("--files-from-raw", "-", input=b"src/# no comment\0src/ spaces \0\0src/new\nline\0src/\xff\0src/st*r")
        self.assertEqual(len(self.snapshots()[-1]["paths"]), 5)
        self.expect(3, "backup", "src/a.o", "--files-from-raw", "-", input=b"src/*.c\0")


class Flags(Taking):
    def test_the_nodump_flag_counts_only_when_asked(self):
        self.write("src/a")
        self.write("src/b")
        if subprocess.run(["chattr", "+d", self.path("src/a")], capture_output=True).returncode != 0:
            self.skipTest("no file flags on this file system")
        self.assertEqual(self.taken("src"), {"a", "b"})
        self.assertEqual(self.taken("src", "--exclude-nodump"), {"b"})
        self.assertEqual(self.taken("src", "src/a", "--exclude-nodump"), {"a", "b"})

    def test_a_cache_tag_needs_the_exact_signature(self):
        signature = "Signature: 8a477f597d28d172789f06886806bc55"
        for name, content in (("cache", signature), ("long", signature + "\n# by me"), ("other", signature[:-1] + "6"),
                              ("short", signature[:-1]), ("blank", " " + signature), ("empty", "")):
            self.write(f"src/{name}/CACHEDIR.TAG", content)
            self.write(f"src/{name}/file")
        os.mkdir(self.path("src/link"))
        os.symlink("../cache/CACHEDIR.TAG", self.path("src/link/CACHEDIR.TAG"))
        self.write("src/link/file")
        taken = self.taken("src", "--exclude-caches")
        self.assertEqual({path for path in taken if path.endswith("/file")},
                         {"other/file", "short/file", "blank/file", "empty/file", "link/file"})
        self.assertIn("cache/CACHEDIR.TAG", taken)

    def test_the_size_limit_is_for_files_above_it(self):
        self.write("src/at", bytes(1024))
        self.write("src/above", bytes(1025))
        self.assertEqual(self.taken("src", "--exclude-larger-than", "1K"), {"at"})
        self.assertEqual(self.taken("src", "src/above", "--exclude-larger-than", "1K"), {"at", "above"})
        self.expect(2, "backup", "src", "--exclude-larger-than", "much")


class OddTrees(Taking):
    def test_fifos_sockets_and_loops_of_symlinks_are_stored_and_nothing_is_opened(self):
        os.mkdir(self.path("src"))
        os.mkfifo(self.path("src/fifo"))
        os.symlink("loop2", self.path("src/loop1"))
        os.symlink("loop1", self.path("src/loop2"))
        os.symlink(".", self.path("src/here"))
        os.symlink("/", self.path("src/root"))
        self.assertEqual(self.taken("src"), {"fifo", "loop1", "loop2", "here", "root"})
        self.backup(self.path("src/fifo"), self.path("src/loop1"), "--read-special")
        nodes = [json.loads(line) for line in self.expect(0, "ls", "--json", "latest").text.splitlines()][1:]
        self.assertEqual({node["type"] for node in nodes} - {"dir"}, {"fifo", "symlink"})

    def test_file_systems_of_the_kernel_are_left_out_with_a_note_even_if_named(self):
        if not os.path.ismount("/proc"):
            self.skipTest("/proc is not mounted")
        self.write("src/a")
        run = self.expect(0, "backup", "src", "/proc")
        self.assertRegex(run.errors, "/proc: is a pseudo file system")
        self.assertFalse([line for line in self.listing("latest") if line.startswith("/proc/")])

    def test_a_file_of_the_kernel_that_is_named_is_read_to_its_end(self):
        if not os.path.exists("/proc/version"):
            self.skipTest("/proc is not mounted")
        for _ in range(2):
            self.backup("/proc/version")
            with open("/proc/version", "rb") as file:
                self.assertEqual(self.expect(0, "dump", "latest", "/proc/version").out, file.read())
        self.expect(0, "verify", "--read-data")

    def test_a_killed_producer_of_a_stream_makes_no_snapshot(self):
        for script in ("echo x; kill -9 $$", "echo x; exit 1", "exec 1>&-; kill -TERM $$", "head -c 3000000 /dev/zero; exit 3"):
            run = self.expect(1, "backup", "--stdin-from-command", "--", "sh", "-c", script)
            self.assertTrue(run.errors)
        child = self.popen("backup", "--stdin", stdin=subprocess.PIPE,
                           preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))
        child.stdin.write(bytes(MIB))
        child.stdin.flush()
        child.send_signal(signal.SIGTERM)
        child.communicate()
        self.assertEqual(child.returncode, 143)
        self.assertEqual(self.snapshots(), [])
        self.backup("--stdin", input=b"")
        self.assertEqual(self.expect(0, "dump", "latest", "/stdin").out, b"")


@unittest.skipUnless(IS_ROOT, "mounting takes root")
class Mounts(Taking):
    def mount(self, *words):
        done = subprocess.run(["mount", *words], capture_output=True)
        if done.returncode != 0:
            self.skipTest("cannot mount here: " + done.stderr.decode())
        self.addCleanup(subprocess.run, ["umount", "-l", words[-1]], check=True)

    def setUp(self):
        super().setUp()
        self.write("elsewhere/inside")
        self.write("elsewhere/deep/er/file")
        for name in ("src/bind", "src/tmpfs", "src/plain"):
            os.makedirs(self.path(name))
        self.write("src/plain/file")
        self.write("src/covered", "below")
        self.mount("--bind", self.path("elsewhere"), self.path("src/bind"))
        self.mount("--bind", self.path("elsewhere/inside"), self.path("src/covered"))
        self.mount("-t", "tmpfs", "none", self.path("src/tmpfs"))
        self.write("src/tmpfs/file")

    def test_without_the_option_mounts_are_walked(self):
        self.assertEqual(self.taken("src"), {"bind", "bind/inside", "bind/deep", "bind/deep/er", "bind/deep/er/file",
                                             "covered", "tmpfs", "tmpfs/file", "plain", "plain/file"})

    def test_one_file_system_leaves_mount_points_empty_bind_mounts_too(self):
        self.assertEqual(self.taken("-x", "src"), {"bind", "tmpfs", "plain", "plain/file"})
        self.assertEqual(self.taken("-x", "src/bind", source="src/bind"), {"inside", "deep", "deep/er", "deep/er/file"})

    def test_a_mount_that_is_named_is_taken_and_on_the_way_to_one_nothing_else(self):
        self.assertEqual(self.taken("-x", "src", "src/tmpfs", "src/bind/deep/er", "src/covered"),
                         {"bind", "bind/deep", "bind/deep/er", "bind/deep/er/file", "covered", "tmpfs", "tmpfs/file", "plain",
                          "plain/file"})


@unittest.skipUnless(IS_ROOT, "loop devices take root")
class Devices(Taking):
    CONTENT = bytes(range(128)) * 8192 + bytes(MIB) + b"end of the device" * 100

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("dev"))
        self.image = self.write("image", self.CONTENT + bytes(-len(self.CONTENT) % 512))
        done = subprocess.run(["losetup", "--find", "--show", self.image], capture_output=True)
        if done.returncode != 0:
            self.skipTest("no loop devices here: " + done.stderr.decode())
        self.loop = done.stdout.decode().strip()
        self.addCleanup(subprocess.run, ["losetup", "-d", self.loop], check=True)
        self.device = self.path("dev", "disk")
        os.mknod(self.device, 0o660 | 0o060000, os.stat(self.loop).st_rdev)
        os.chmod(self.device, 0o660)
        os.symlink("disk", self.path("dev", "by-name"))

    def content(self):
        with open(self.image, "rb") as file:
            return file.read()

    def node(self, path):
        nodes = [json.loads(line) for line in self.expect(0, "ls", "--json", "latest").text.splitlines()][1:]
        return next(node for node in nodes if node["path"] == path)

    def test_a_device_is_read_by_content_only_if_it_is_named_and_asked_for(self):
        self.backup(self.device)
        self.assertEqual(self.node(self.device)["type"], "dev")
        self.backup("--read-special", self.path("dev"))
        self.assertEqual(self.node(self.device)["type"], "dev")
        self.assertEqual(self.node(self.path("dev/by-name"))["type"], "symlink")
        for words in ([self.device], [self.path("dev"), self.device]):
            self.backup("--read-special", *words)
            self.assertEqual(self.node(self.device)["type"], "file")
            self.assertEqual(self.node(self.device)["size"], len(self.content()))
            self.assertEqual(self.expect(0, "dump", "latest", self.device).out, self.content())
        self.expect(0, "restore", "-q", "--verify", "latest:" + self.device, "-t", "out")
        with open(self.path("out/disk"), "rb") as file:
            self.assertEqual(file.read(), self.content())
        self.assertEqual(os.stat(self.path("out/disk")).st_mode, 0o100660)

    def test_a_symlink_to_a_device_that_is_named_has_its_content(self):
        run = self.expect(0, "backup", "--read-special", self.path("dev/by-name"))
        self.assertNotIn("symlink", run.errors)
        self.assertEqual(self.expect(0, "dump", "latest", self.path("dev/by-name")).out, self.content())
        run = self.expect(0, "backup", self.path("dev/by-name"))
        self.assertIn("symlink", run.errors)

    def test_a_device_is_read_again_each_time_and_stores_what_changed(self):
        self.backup("--read-special", self.device)
        with open(self.device, "r+b", buffering=0) as device:
            device.seek(512)
            device.write(b"changed" + bytes(505))
            os.fsync(device.fileno())
        summary = self.expect(0, "backup", "--json", "--read-special", self.device).summary()
        self.assertEqual((summary["files_new"], summary["files_changed"]), (0, 1))
        self.assertEqual(summary["total_bytes_processed"], len(self.content()))
        self.assertLess(summary["data_added"], MIB)
        self.assertEqual(self.expect(0, "dump", "latest", self.device).out, self.content())

    def test_what_was_dumped_onto_a_device_is_on_it(self):
        self.backup("--read-special", self.device)
        before = self.content()
        with open(self.device, "r+b", buffering=0) as device:
            device.write(b"overwritten" + bytes(501))
        with open(self.device, "r+b") as device:
            self.expect(0, "dump", "latest", self.device, stdout=device)
            os.fsync(device.fileno())
        self.assertEqual(self.content(), before)

    def test_a_read_error_names_the_device_and_stores_no_part_of_it(self):
        os.truncate(self.image, 512 * 1024)  # what lies behind can no longer be read
        self.write("src/a")
        run = self.expect(3, "backup", "--read-special", self.device, "src")
        self.assertIn(self.device, run.errors)
        self.assertNotIn(self.device, self.listing("latest"))
        self.expect(1, "backup", "--read-special", self.device)

    def test_a_character_device_is_read_until_it_ends(self):
        os.mknod(self.path("dev/null"), 0o600 | 0o020000, os.makedev(1, 3))
        self.backup("--read-special", self.path("dev/null"))
        self.assertEqual(self.node(self.path("dev/null"))["size"], 0)
        self.assertEqual(self.node(self.path("dev/null"))["type"], "file")
