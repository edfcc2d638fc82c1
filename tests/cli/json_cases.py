"""What machines read: JSON lines, and names that want to be something else."""

import base64
import json
import os
import re

import program

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}[+-]\d\d:\d\d$"
HOSTILE = b"\x1b[31m\nforged\xff\\"
SHOWN = "\\x1b[31m\\nforged\\xff\\\\"


class Json(program.RepositoryTest):
    def test_backup_tells_all_counts_zeros_too(self):
        self.write("src/a", b"12345")
        summary = self.expect(0, "backup", "--json", "src").summary()
        for key in ("files_changed", "files_unmodified", "dirs_changed", "dirs_unmodified", "error_count"):
            self.assertEqual(summary[key], 0)
        self.assertEqual((summary["files_new"], summary["total_files_processed"]), (1, 1))
        self.assertEqual(summary["total_bytes_processed"], 5)
        for key in ("data_blobs", "tree_blobs", "data_added", "data_added_packed", "dirs_new"):
            self.assertGreater(summary[key], 0)
        self.assertIsInstance(summary["total_duration"], float)
        self.assertEqual(summary["schema_version"], 1)
        self.assertRegex(summary["backup_start"], TIME)
        self.assertRegex(summary["backup_end"], TIME)
        self.assertEqual(summary["snapshot_id"], self.snapshots()[0]["id"])

    def test_snapshots_is_one_document(self):
        self.write("src/a")
        self.backup("src", "--tag", "x", "--time", "2026-11-22 01:26:01.5")
        snapshot = self.snapshots()[0]
        self.assertEqual(snapshot["time"], "2026-11-22T01:26:01.500000000+00:00")
        self.assertEqual(snapshot["hostname"], "here")
        self.assertEqual(snapshot["paths"], [self.path("src")])
        self.assertEqual(snapshot["tags"], ["x"])
        self.assertTrue(snapshot["id"].startswith(snapshot["short_id"]))
        self.assertEqual(len(snapshot["short_id"]), 8)
        self.assertTrue(snapshot["program_version"].startswith("coppice "))
        self.assertEqual(snapshot["summary"]["files_new"], 1)
        self.assertEqual(snapshot["parent"], None)

    def test_ls_tells_nodes(self):
        file = self.write("src/a", b"123")
        os.chmod(file, 0o4751)
        os.utime(file, ns=(0, 1_000_000_001))
        os.symlink("target", self.path("src/link"))
        os.mkfifo(self.path("src/pipe"))
        self.backup("src", "--with-atime")
        lines = self.expect(0, "ls", "--json", "latest").json_lines()
        self.assertEqual(lines[0]["message_type"], "snapshot")
        nodes = {line["path"]: line for line in lines[1:]}
        node = nodes[file]
        self.assertEqual((node["message_type"], node["struct_type"]), ("node", "node"))
        self.assertEqual((node["name"], node["type"], node["size"]), ("a", "file", 3))
        self.assertEqual(node["permissions"], "-rwsr-x--x")
        self.assertEqual(node["mode"], 0o104751)
        self.assertEqual(node["uid"], os.geteuid())
        self.assertEqual(node["mtime"], "1970-01-01T00:00:01.000000001+00:00")
        self.assertRegex(node["atime"], TIME)
        self.assertRegex(node["ctime"], TIME)
        link = nodes[self.path("src/link")]
        self.assertEqual((link["type"], link["linktarget"]), ("symlink", "target"))
        self.assertEqual(nodes[self.path("src/pipe")]["type"], "fifo")
        self.assertEqual(nodes[self.path("src")]["type"], "dir")

    def test_restore_and_verify_end_with_a_summary(self):
        self.write("src/a", b"123")
        self.backup("src")
        summary = self.expect(0, "restore", "--json", "latest", "-t", "out").summary()
        self.assertEqual((summary["total_files"], summary["files_restored"]), (1, 1))
        self.assertEqual((summary["total_bytes"], summary["error_count"]), (3, 0))
        for key in ("files_unchanged", "files_skipped", "files_deleted", "bytes_restored"):
            self.assertIn(key, summary)
        summary = self.expect(0, "verify", "--json", "--read-data").summary()
        self.assertEqual((summary["damaged"], summary["healable"], summary["num_errors"]), (0, 0, 0))
        self.assertEqual(summary["snapshots"], 1)
        self.expect(0, "verify", "--expect-head", summary["head"])
        self.expect(0, "verify", "--keyless", "--expect-head", summary["head"][:8])
        self.expect(13, "verify", "--expect-head", "0123456789abcdef")

    def test_a_dry_restore_tells_items(self):
        self.write("src/a")
        self.backup("src")
        lines = self.expect(0, "restore", "-t", "out", "--dry-run", "--json", "latest").json_lines()
        self.assertIn(("would_restore", self.path("src/a")),
                      [(line.get("action"), line.get("item")) for line in lines])
        self.assertFalse(os.path.exists(self.path("out")))

    def test_errors_are_lines_on_stderr_and_the_last_tells_the_exit_code(self):
        for words, code, word in (
            (["snapshots", "--frob"], 2, "usage"),
            (["snapshots", "-r", "nowhere"], 10, "no_repository"),
            (["ls", "latest"], 1, "failed"),
        ):
            with self.subTest(words=words):
                run = self.expect(code, "--json", *words)
                error, last = run.json_errors()[-2:]
                self.assertEqual((error["message_type"], error["code"]), ("error", word))
                self.assertEqual((last["message_type"], last["code"]), ("exit_error", code))
                self.assertEqual(error["message"], last["message"])

    def test_findings_name_code_and_item(self):
        self.write("src/a")
        run = self.expect(3, "backup", "--json", "src", "gone")
        error, last = run.json_errors()
        self.assertEqual((error["message_type"], error["code"]), ("error", "source_missing"))
        self.assertEqual((error["item"], error["severity"]), (self.path("gone"), "partial"))
        self.assertEqual((last["message_type"], last["code"]), ("exit_error", 3))
        self.assertEqual(run.summary()["error_count"], 1)

    def test_version_and_keys(self):
        version = self.expect(0, "version", "--json").json_lines()[0]
        self.assertEqual(self.expect(0, "version").text, f"coppice {version['version']}\n")
        self.assertEqual(version["format_version"], 1)
        self.assertIn("zstd", version["libraries"])
        slots = json.loads(self.expect(0, "key", "list", "--json").text)
        self.assertEqual([(slot["role"], slot["current"], slot["opened_by"]) for slot in slots],
                         [("owner", True, "key file")])

    def test_init_tells_the_repository(self):
        line = self.expect(0, "init", "--json", "-r", self.path("second")).json_lines()[0]
        self.assertEqual(line["message_type"], "initialized")
        self.assertRegex(line["id"], "^[0-9a-f]{64}$")


class HostileNames(program.RepositoryTest):
    def test_people_see_them_escaped(self):
        self.write(b"src/" + HOSTILE)
        self.backup("src", "--tag", os.fsdecode(HOSTILE))
        self.assertIn(f"{self.path('src')}/{SHOWN}", self.listing("latest"))
        self.assertIn(SHOWN, self.expect(0, "snapshots").text)
        run = self.expect(3, "backup", "src", os.fsdecode(b"gone" + HOSTILE))
        self.assertIn(f"coppice: {self.path('gone')}{SHOWN}: ", run.errors)
        run = self.expect(2, "backup", "src", "--exclude-larger-than", os.fsdecode(HOSTILE))
        self.assertIn(SHOWN, run.errors)
        for words in (["ls", os.fsdecode(HOSTILE)], ["dump", "latest", "/" + os.fsdecode(HOSTILE)],
                      [os.fsdecode(HOSTILE)], ["-r", os.fsdecode(HOSTILE), "snapshots"],
                      ["completion", os.fsdecode(HOSTILE)], ["backup", "--" + os.fsdecode(HOSTILE)]):
            with self.subTest(words=words):
                run = self.run_program(*words)
                self.assertNotIn(b"\x1b", run.err)
                self.assertNotIn(b"\nforged", run.err)
                self.assertGreater(len(run.errors), 0)

    def test_machines_get_the_exact_bytes(self):
        self.write(b"src/" + HOSTILE)
        self.write(b"src/plain\n")
        self.backup("src", os.fsdecode(b"src/" + HOSTILE))
        nodes = self.expect(0, "ls", "--json", "latest", self.path("src")).json_lines()
        node = next(node for node in nodes if "name_b64" in node)
        self.assertEqual(node["name"], SHOWN)
        self.assertEqual(base64.b64decode(node["name_b64"]), HOSTILE)
        self.assertTrue(base64.b64decode(node["path_b64"]).endswith(b"/" + HOSTILE))
        self.assertIn("plain\n", [node.get("name") for node in nodes])
        snapshot = self.snapshots()[0]
        self.assertEqual([base64.b64decode(path) for path in snapshot["paths_b64"]],
                         [os.fsencode(self.path("src")), os.fsencode(self.path("src")) + b"/" + HOSTILE])
        run = self.expect(3, "backup", "--json", "src", os.fsdecode(b"gone" + HOSTILE))
        error = run.json_errors()[0]
        self.assertEqual(base64.b64decode(error["item_b64"]),
                         os.fsencode(self.path("gone")) + HOSTILE)


class Silence(program.RepositoryTest):
    def test_quiet_says_nothing_when_all_is_well(self):
        self.write("src/a")
        for words in (["backup", "src"], ["restore", "latest", "-t", "out"], ["verify"],
                      ["init", "-r", self.path("second")]):
            run = self.expect(0, "-q", *words)
            self.assertEqual((run.out, run.err), (b"", b""))

    def test_there_is_no_progress_and_no_colour_off_a_terminal(self):
        self.write("src/a", os.urandom(1 << 20))
        for words in (["backup", "src"], ["restore", "latest", "-t", "out"], ["verify", "--read-data"]):
            run = self.expect(0, *words)
            self.assertIsNone(re.search(rb"[\r\x1b]", run.out + run.err))
            self.assertEqual(run.err, b"")
