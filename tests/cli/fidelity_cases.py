"""What comes back is what went in: a tree of everything, on several file systems, as root and as an ordinary user."""

import os
import shutil
import stat
import subprocess
import sys
import unittest

import program

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import file_systems  # noqa: E402
import torture_tree  # noqa: E402
import tree_facts  # noqa: E402

USER = 12345
MIB = 1 << 20


def become_user():
    os.setgroups([])
    os.setgid(USER)
    os.setuid(USER)


def in_child(user, action):
    """Runs `action` in a process of that user; raises what it raised."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            user()
            action()
            code = 0
        except BaseException as error:  # the parent is told
            os.write(writer, repr(error).encode()[:4000])
        os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if status != 0:
        raise AssertionError("in the user's process: " + said.decode(errors="replace"))


class FidelityTest(program.RepositoryTest):
    def setUp(self):
        super().setUp()
        self.environment["PYTHONDONTWRITEBYTECODE"] = "1"
        os.chmod(self.dir, 0o755)
        self.addCleanup(tree_facts.empty, self.dir)  # deeper than shutil.rmtree goes

    def mount(self, kind, mib=512):
        try:
            mounted = file_systems.Mount(kind, self.dir, mib)
        except file_systems.Unavailable as reason:
            self.skipTest(f"no {kind} here: {reason}")
        self.addCleanup(mounted.unmount)
        return mounted.directory

    def assert_no_differences(self, was, now):
        found = tree_facts.differences(was, now)
        self.assertEqual(found, [], "\n".join(map(tree_facts.describe, found)))

    def round_trip(self, place, *words, code=0):
        """Backs up place/tree, removes it, restores it to where it was; facts before, and the restore's run."""
        tree = os.path.join(place, "tree")
        was = tree_facts.record(tree)
        self.backup(tree, *words)
        tree_facts.remove(tree)
        return was, self.expect(code, "restore", "latest:" + tree, "-t", tree)


@unittest.skipUnless(os.geteuid() == 0, "mounting takes root")
class RoundTripAsRoot(FidelityTest):
    def assert_comes_back_whole(self, kind):
        place = self.mount(kind)
        notes = torture_tree.build(os.path.join(place, "tree"))
        self.assertNotIn("ACLs", [note.split(":")[0] for note in notes])
        was, _ = self.round_trip(place)
        self.assertGreater(len(was), 1500)
        self.assert_no_differences(was, tree_facts.record(os.path.join(place, "tree")))
        again = self.expect(0, "restore", "--json", "latest:" + os.path.join(place, "tree"), "-t",
                            os.path.join(place, "tree")).summary()
        self.assertEqual((again["files_restored"], again["bytes_restored"]), (0, 0), again)
        self.assert_no_differences(was, tree_facts.record(os.path.join(place, "tree")))

    def test_ext4(self):
        self.assert_comes_back_whole("ext4")

    def test_xfs(self):
        self.assert_comes_back_whole("xfs")

    def test_btrfs(self):
        self.assert_comes_back_whole("btrfs")

    def test_tmpfs(self):
        self.assert_comes_back_whole("tmpfs")

    def test_restored_over_a_damaged_tree_it_is_whole_again(self):
        tree = os.path.join(self.mount("ext4"), "tree")
        torture_tree.build(tree)
        was = tree_facts.record(tree)
        self.backup(tree)
        tree_facts.clear_protection(tree)
        with open(tree + "/contents/random-9437197", "r+b") as file:
            file.seek(5 * MIB)
            file.write(b"altered")
        os.truncate(tree + "/holes/tebibyte", 5)
        os.chmod(tree + "/modes/4755", 0o700)
        os.chown(tree + "/owners/symlink-2", 5, 5, follow_symlinks=False)
        os.setxattr(tree + "/xattrs/file", "user.more", b"not in the snapshot")
        os.unlink(tree + "/zz-far/same-symlink")
        os.unlink(tree + "/types/null")
        os.rename(tree + "/types/fifo", tree + "/types/regular")
        os.rmdir(tree + "/types/empty-directory")
        os.symlink("/", tree + "/types/empty-directory")
        self.write(tree + "/acls/directory/extra", b"")
        for words in (["--delete"], ["--overwrite", "always"]):
            self.expect(0, "restore", "latest:" + tree, "-t", tree, *words)
            self.assert_no_differences(was, tree_facts.record(tree))

    def restored_elsewhere(self, kind, *words):
        """Restores a tree of everything to a file system that cannot hold it: differences and findings."""
        tree = os.path.join(self.mount("ext4"), "tree")
        torture_tree.build(tree)
        self.backup(tree, *words)
        was = {path: facts for path, facts in tree_facts.record(tree).items()
               if not any(word.strip("*").encode() in path for word in words[1::2])}
        out = os.path.join(self.mount(kind), "out")
        run = self.expect(3, "restore", "--json", "latest:" + tree, "-t", out)
        found = tree_facts.differences(was, tree_facts.record(out))
        return found, run.json_errors()[:-1]  # the last line is the exit's

    def assert_once_per_kind(self, findings):
        kinds = [finding["message"].split(" (")[0] for finding in findings if finding["code"] != "write_failed"]
        self.assertEqual(sorted(kinds), sorted(set(kinds)))
        return kinds

    def test_a_tmpfs_says_once_per_kind_what_it_cannot_hold(self):
        found, findings = self.restored_elsewhere("tmpfs")
        self.assert_once_per_kind(findings)
        self.assertEqual({difference.kind for difference in found}, {"flags"})
        self.assertEqual([finding["message"].split(" (")[0] for finding in findings],
                         ["flags could not be set: Operation not supported"])

    def test_an_sshfs_target_says_once_per_kind_what_it_cannot_hold(self):
        # It takes a TiB of hole for data, and the comparer would read it; a thousand levels take it ten seconds.
        found, findings = self.restored_elsewhere("sshfs", "-e", "tebibyte*", "-e", "levels", "-e", "sparse",
                                                  "-e", "only-hole*", "-e", "deep", "-e", "names")
        kinds = self.assert_once_per_kind(findings)
        for what in ("ACLs", "capabilities", "flags", "attributes user.*", "attributes trusted.*",
                     "parts of a second"):
            self.assertEqual([kind.split(" could")[0] for kind in kinds].count(what), 1, kinds)
        for what in ("FIFOs", "sockets", "devices"):
            self.assertIn(what + " could not be made: Operation not permitted", kinds)
        self.assertEqual({difference.kind for difference in found if difference.kind in ("content", "size", "mode")},
                         set())


    def test_runs_of_zeros_are_holes_where_the_source_tells_of_none(self):
        place = self.mount("sshfs")
        pieces = [(0, b"begin"), (20 * MIB + 17, b"middle" * 50_000), (30 * MIB, b"more" * 1_500_000)]
        with open(os.path.join(place, "sparse"), "wb") as file:
            for at, content in pieces:
                file.seek(at)
                file.write(content)
            file.truncate(64 * MIB)
        self.backup(os.path.join(place, "sparse"))
        self.expect(0, "restore", "latest:" + os.path.join(place, "sparse"), "-t", self.path("out"))
        self.assertLess(os.stat(self.path("out", "sparse")).st_blocks * 512, 7 * MIB)
        with open(os.path.join(place, "sparse"), "rb") as was, open(self.path("out", "sparse"), "rb") as now:
            self.assertTrue(was.read() == now.read())


class OrdinaryUser(FidelityTest):
    """What an ordinary user may restore comes back; what he may not is said once per kind."""

    def setUp(self):
        super().setUp()
        is_root = os.geteuid() == 0
        self.user = become_user if is_root else lambda: None
        self.place = self.mount("ext4") if is_root else self.dir
        self.mine = os.path.join(self.place, "mine")
        os.mkdir(self.mine)
        if is_root:
            self.give_to_user()

    def give_to_user(self):
        theirs = [self.mine, *map(self.path, ("repo", "key", "state", "cache"))]
        subprocess.run(["chown", "-Rh", f"{USER}:{USER}", *filter(os.path.exists, theirs)], check=True)

    def as_user(self, code, *words):
        return self.expect(code, *words, preexec_fn=self.user)

    def test_his_own_tree_comes_back_whole_and_a_note_tells_of_trusted_attributes(self):
        tree = os.path.join(self.mine, "tree")
        in_child(self.user, lambda: torture_tree.build(tree))
        was = tree_facts.record(tree)
        run = self.as_user(0, "backup", tree)
        self.assertEqual(run.errors.count("trusted.*"), 1, run.errors)
        self.assertTrue(self.snapshots()[-1]["lacks_trusted_xattrs"])
        for mask in (0o777, 0o000):
            with self.subTest(umask=oct(mask)):
                out = os.path.join(self.mine, f"out-{mask}")

                def masked():
                    self.user()
                    os.umask(mask)
                self.expect(0, "restore", "latest:" + tree, "-t", out, preexec_fn=masked)
                self.assert_no_differences(was, tree_facts.record(out))

    @unittest.skipUnless(os.geteuid() == 0, "only root makes what a user may not restore")
    def test_what_he_may_not_restore_is_said_once_per_kind_with_a_count(self):
        tree = os.path.join(self.place, "tree")
        torture_tree.build(tree)
        was = tree_facts.record(tree)
        self.backup(tree)
        self.give_to_user()
        out = os.path.join(self.mine, "out")
        run = self.as_user(3, "restore", "--json", "latest:" + tree, "-t", out)
        findings = run.json_errors()
        kinds = [finding["message"].split(":")[0] for finding in findings]
        for kind in ("owner could not be set", "devices could not be made", "attributes trusted.* could not be set",
                     "attributes security.* could not be set", "capabilities could not be set", "setuid could not be set"):
            self.assertEqual(kinds.count(kind), 1, run.errors)
        for finding in findings[:-1]:  # the last line is the exit's
            self.assertRegex(finding["message"], r"[(]\d+ entr")
        self.assert_only_privileges_are_missing(was, tree_facts.record(out))
        tree_facts.remove(out)
        run = self.as_user(0, "restore", "--json", "latest:" + tree, "-t", out, "--no-owner")
        self.assertEqual({finding["severity"] for finding in run.json_errors()}, {"note"})

    def assert_only_privileges_are_missing(self, was, now):
        for difference in tree_facts.differences(was, now):
            kind = difference.kind
            if kind == "missing":
                self.assertTrue(stat.S_ISCHR(was[difference.path].type) or stat.S_ISBLK(was[difference.path].type),
                                tree_facts.describe(difference))
            elif kind == "mode":
                self.assertEqual(int(difference.was, 8) & ~0o6000, int(difference.now, 8),
                                 tree_facts.describe(difference))
            elif kind == "flags":
                self.assertLessEqual(set(difference.was) - set(difference.now), set("ia"),
                                     tree_facts.describe(difference))
            else:
                self.assertRegex(kind, r"^(owner|xattr (trusted|security)[.].*)$", tree_facts.describe(difference))

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "only root gives capabilities")
    def test_the_capability_to_read_alone_suffices_to_read(self):
        source = self.write("src/secret", b"only root")
        os.chmod(source, 0)
        os.chmod(self.path("src"), 0)
        capability = ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups",
                      "--inh-caps", "-all,+dac_read_search", "--ambient-caps", "-all,+dac_read_search"]
        self.as_user(1, "backup", self.path("src"))
        done = subprocess.run([*capability, program.BINARY, "backup", self.path("src")], env=self.environment,
                              cwd=self.dir, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.run_program("dump", "latest", source).out, b"only root")


class Restoring(FidelityTest):
    def test_reading_leaves_the_access_time_alone_and_with_atime_brings_it_back(self):
        source = self.write("src/file", b"read")
        self.write("src/large", bytes(2 * MIB))
        for name in ("file", "large", ""):
            os.utime(self.path("src", name), ns=(10**18 + 1, 15 * 10**17))
        self.backup("src", "--with-atime")
        self.assertEqual(os.stat(source).st_atime_ns, 10**18 + 1)
        self.assertEqual(os.stat(self.path("src")).st_atime_ns, 10**18 + 1)
        self.expect(0, "restore", "latest:" + self.path("src"), "-t", self.path("out"))
        self.assertEqual(os.lstat(self.path("out", "large")).st_atime_ns, 10**18 + 1)

    def test_only_the_ranges_of_a_big_file_that_differ_are_written(self):
        content = torture_tree.random.Random(3).randbytes(40 * MIB)
        source = self.write("src/big", content)
        self.backup("src")
        inode = os.stat(source).st_ino
        with open(source, "r+b") as file:
            file.seek(20 * MIB)
            file.write(b"altered")
        summary = self.expect(0, "restore", "--json", "latest:" + self.path("src"), "-t", self.path("src")).summary()
        self.assertLess(summary["bytes_restored"], 2 * MIB)
        self.assertEqual(os.stat(source).st_ino, inode)
        with open(source, "rb") as file:
            self.assertEqual(file.read(), content)

    @unittest.skipUnless(shutil.which("strace"), "strace is not installed")
    def test_an_interrupted_restore_goes_on_where_it_was(self):
        for at in range(30):
            self.write(f"src/{at:02}", torture_tree.random.Random(at).randbytes(MIB))
        was = tree_facts.record(self.path("src"))
        self.backup("src")
        words = ["restore", "--json", "latest:" + self.path("src"), "-t", self.path("out")]
        subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=utimensat",
                        "-e", "inject=utimensat:signal=KILL:when=12", program.BINARY, *words],
                       env=dict(self.environment, ASAN_OPTIONS="detect_leaks=0"), cwd=self.dir, capture_output=True)
        done = len(os.listdir(self.path("out")))
        self.assertTrue(0 < done <= 30, done)
        summary = self.expect(0, *words).summary()
        self.assertGreater(summary["files_unchanged"], 3, summary)
        self.assert_no_differences(was, tree_facts.record(self.path("out")))

    def test_a_part_of_a_hard_linked_file_is_a_whole_file(self):
        self.write("src/a", b"shared")
        os.link(self.path("src/a"), self.path("src/z"))
        self.backup("src")
        self.expect(0, "restore", "latest:" + self.path("src"), "-t", self.path("out"), "-i", "z")
        self.assertEqual(os.listdir(self.path("out")), ["z"])
        with open(self.path("out", "z"), "rb") as file:
            self.assertEqual(file.read(), b"shared")

    @unittest.skipUnless(os.geteuid() == 0, "mounting takes root")
    def test_too_little_room_is_18_before_the_first_byte(self):
        small = self.mount("ext4", 16)
        self.write("bytes/large", torture_tree.random.Random(1).randbytes(20 * MIB))
        for at in range(10_000):
            self.write(f"inodes/{at % 100}/{at}", b"")
        for name in ("bytes", "inodes"):
            self.backup(name)
            run = self.expect(18, "restore", "latest:" + self.path(name), "-t", os.path.join(small, name))
            self.assertIn("inodes", run.errors)
            self.assertFalse(os.path.exists(os.path.join(small, name)))
