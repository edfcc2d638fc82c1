"""Damage done to a repository from the outside, and what restore, verify, repair and backup say to it."""

import os
import pathlib
import random
import shutil

import contract_cases
import program

SECTOR = 4096


def noise(size, seed):
    return random.Random(seed).randbytes(size)


def files_of(top):
    """Path below top → content."""
    found = {}
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, top)] = file.read()
    return found


class Damage(program.RepositoryTest):
    """A repository with one large pack, which has parity, and a small one, which has a second copy."""

    def setUp(self):
        super().setUp()
        self.write("src/large", noise(6 << 20, 1))
        self.write("src/small", "small content")
        self.first = self.backup("src")
        self.write("src/later", "later content")
        self.second = self.backup("src")

    def packs(self, repo="repo"):
        """Paths, largest first."""
        found = [os.path.join(folder, name) for folder, _, names in os.walk(self.path(repo, "packs"))
                 for name in names if not name.endswith((".par", ".copy"))]
        return sorted(found, key=os.path.getsize, reverse=True)

    def overwrite(self, path, offset, content):
        os.chmod(path, 0o600)
        with open(path, "r+b") as file:
            file.seek(offset)
            file.write(content)

    def spoil_sectors(self, path, sectors):
        for number in sectors:
            self.overwrite(path, number * SECTOR, b"bad sector")

    def expect_restored(self, code, snapshot="latest", names=("large", "small", "later")):
        out = self.path("out")
        shutil.rmtree(out, ignore_errors=True)
        run = self.expect(code, "restore", snapshot + ":" + self.path("src"), "-t", out)
        was, came = files_of(self.path("src")), files_of(out)
        for name in names:
            self.assertEqual(was[name], came[name], name)
        for name, content in came.items():
            if not name.endswith(".incomplete"):
                self.assertEqual(content, was[name], name)
        return run


class Healing(Damage):
    def test_restore_and_dump_heal_while_reading_and_change_nothing(self):
        pack = self.packs()[0]
        self.spoil_sectors(pack, range(100, 140))
        before = files_of(self.path("repo"))
        run = self.expect_restored(14)
        self.assertIn("healed while reading", run.errors)
        with open(self.path("dumped"), "wb") as file:
            self.expect(14, "dump", "latest", self.path("src", "large"), stdout=file)
        with open(self.path("dumped"), "rb") as file:
            self.assertEqual(file.read(), noise(6 << 20, 1))
        self.assertEqual(before, files_of(self.path("repo")))

    def test_repair_packs_needs_no_key_asks_for_none_and_says_nothing_in_the_log(self):
        before = files_of(self.path("repo"))
        pack = self.packs()[0]
        self.spoil_sectors(pack, range(100, 140))
        small = self.packs()[-1]
        os.remove(small)
        self.overwrite(self.path("repo", "header"), 3, b"x")
        os.remove(self.path("repo", "log", "0" * 15 + "3"))
        key = self.environment.pop("COPPICE_KEY_FILE")
        damaged = files_of(self.path("repo"))
        run = self.expect(14, "repair", "packs", "--dry-run")
        self.assertEqual(damaged, files_of(self.path("repo")))
        self.assertIn("plan: packs/", run.text)
        self.assertIn("dry run, nothing was changed: 4 of 4 healed", run.text)
        run = self.expect(14, "repair", "packs", "--json")
        self.assertEqual((run.summary()["planned"], run.summary()["healed"], run.summary()["lost"]), (4, 4, 0))
        self.assertEqual(before, files_of(self.path("repo")))
        self.assertEqual(self.expect(0, "repair", "packs").text, "nothing to repair\n")
        self.environment["COPPICE_KEY_FILE"] = key
        self.expect(0, "verify", "--read-data")

    def test_what_is_beyond_repair_is_marked_and_the_next_backup_stores_it_anew(self):
        pack = self.packs()[0]
        self.spoil_sectors(pack, range(100, 500))
        self.expect(13, "verify", "--read-data")
        run = self.expect(13, "repair", "packs")
        self.assertIn("are marked in the log as lost", run.errors)
        self.expect(13, "restore", "latest:" + self.path("src"), "-t", self.path("x"))
        added = self.expect(0, "backup", "--json", "src").summary()["data_added"]
        self.assertGreater(added, 1 << 20)
        self.assertLess(added, 6 << 20)  # chunks of blocks that can be read are not stored again
        for snapshot in (self.first, self.second, "latest"):
            names = ("large", "small") + (("later",) if snapshot != self.first else ())
            run = self.run_program("restore", snapshot + ":" + self.path("src"), "-t", self.path("y"))
            self.assertIn(run.code, (0, 14), run.errors)
            for name in names:
                with open(self.path("src", name), "rb") as was, open(self.path("y", name), "rb") as came:
                    self.assertEqual(was.read(), came.read())
            shutil.rmtree(self.path("y"))
        self.expect(0, "repair", "snapshots")

    def test_a_missing_pack_is_refilled_by_the_next_backup(self):
        pack = self.packs()[0]
        os.remove(pack)
        os.remove(pack + ".par")
        self.expect(13, "verify")
        self.backup("src")
        self.expect_restored(0)
        self.expect(13, "repair", "snapshots", "--dry-run")  # trees of the first that are others now

    def test_missing_packs_come_from_a_copy_and_from_nowhere_else(self):
        before = files_of(self.path("repo"))
        shutil.copytree(self.path("repo"), self.path("copy"))
        self.expect(0, "init", "-q", "-r", self.path("stranger"))
        for pack in self.packs():
            for name in (pack, pack + ".par", pack + ".copy"):
                if os.path.exists(name):
                    os.remove(name)
        del self.environment["COPPICE_KEY_FILE"]
        self.expect(13, "repair", "packs", "--from", "stranger")
        self.expect(10, "repair", "packs", "--from", "nowhere")
        self.expect(14, "repair", "packs", "--from", "copy", "-n")
        self.assertEqual(self.packs(), [])
        self.expect(14, "repair", "packs", "--from", "copy")
        self.assertEqual(before, files_of(self.path("repo")))

    def alter_headers(self, old, new):
        for name in ("header", "header.copy"):
            path = self.path("repo", name)
            os.chmod(path, 0o600)
            with open(path) as file:
                text = file.read()
            self.assertIn(old, text)
            text = text[:text.rindex('"checksum"')].replace(old, new)
            with open(path, "w") as file:
                file.write(text + contract_cases.text_checksum(text))

    def expect_17_and_nothing_written(self):
        before = files_of(self.path("repo"))
        for words in [("repair", kind) for kind in ("packs", "index", "snapshots", "log")] + [
                ("backup", "src"), ("forget", "--allow-empty-group", self.second), ("undelete", self.first), ("prune", "--max-unused", "0")]:
            self.expect(17, *words)
        self.assertEqual(before, files_of(self.path("repo")))

    def test_a_newer_version_is_17_and_nothing_is_written(self):
        self.expect(0, "forget", self.first)
        self.spoil_sectors(self.packs()[0], [10])
        self.alter_headers('"version": 1', '"version": 2')
        self.expect_17_and_nothing_written()

    def test_a_feature_that_forbids_writing_is_17_and_everything_can_be_read(self):
        self.expect(0, "forget", self.first)
        self.alter_headers('"read_only_compatible": []', '"read_only_compatible": ["holograms"]')
        self.expect_17_and_nothing_written()
        self.expect(0, "verify", "--read-data")
        self.expect_restored(0, "latest")


class DirectoriesInPlaceOfFiles(Damage):
    """As a file system check may leave them."""

    def one_of_each_kind(self):
        repo = self.path("repo")
        names = sorted(os.path.relpath(path, repo) for path in map(str, pathlib.Path(repo).rglob("*")) if os.path.isfile(path))
        first = {name.split("/")[0] + name[-5:]: name for name in names if not name.startswith("reserve")}
        return sorted(first.values())

    def test_each_is_one_damaged_file_and_the_rest_is_judged_and_healed(self):
        large, *_, spoilt = self.packs()
        with open(spoilt, "rb") as file:
            whole = file.read()
        for name in self.one_of_each_kind():
            with self.subTest(name=name):
                path = self.path("repo", name)
                if path.startswith(spoilt) or path == large:  # nothing else has what is in it
                    continue
                os.rename(path, self.path("aside"))
                os.mkdir(path)
                self.overwrite(spoilt, 100, b"damaged")
                run = self.expect(14, "verify", "--read-data")
                self.assertIn(os.path.relpath(spoilt, self.path("repo")) + ":", run.errors)
                self.assertIn(name, run.errors)
                self.expect(14, "verify", "--keyless")
                self.expect_restored(14, "latest")
                run = self.expect(13, "repair", "packs")
                self.assertIn(name.split("/")[-1] + ": a directory is in its place; move it away", run.errors)
                with open(spoilt, "rb") as file:
                    self.assertEqual(file.read(), whole)
                os.rmdir(path)
                self.expect(14, "repair", "packs")
                self.expect(0, "verify", "--read-data")


class FromTheFamily(Damage):
    """Another repository of the family has other packs and the same chunks."""

    def setUp(self):
        super().setUp()
        self.expect(0, "init", "-q", "-r", self.path("sister"), "--like", self.path("repo"),
                    "--like-key-file", self.path("key"))
        self.expect(0, "backup", "-q", "-r", self.path("sister"), "src")

    def lose_all_packs(self):
        for pack in self.packs():
            for name in (pack, pack + ".par", pack + ".copy"):
                if os.path.exists(name):
                    os.remove(name)

    def test_damage_within_a_pack_is_filled_up_and_all_that_was_there_is_whole(self):
        self.spoil_sectors(self.packs()[0], range(100, 500))
        run = self.expect(14, "repair", "packs", "--from", "sister", "--json")
        self.assertEqual(run.summary()["lost"], 0)
        self.assertLess(run.summary()["bytes_written"], 6 << 20)
        self.expect_restored(0, self.first, ("large", "small"))
        self.expect_restored(0)
        self.expect(0, "repair", "snapshots")

    def test_without_a_key_or_of_another_family_only_whole_packs_are_taken(self):
        self.lose_all_packs()
        self.expect(0, "init", "-q", "-r", self.path("stranger"))
        self.expect(13, "repair", "packs", "--from", "stranger")
        del self.environment["COPPICE_KEY_FILE"]
        self.expect(13, "repair", "packs", "--from", "sister")
        self.assertEqual(self.packs(), [])


class OneFileLost(program.RepositoryTest):
    def test_repaired_snapshots_lack_what_is_lost_and_latest_stays(self):
        self.write("src/d/lost", noise(2 << 20, 3))
        first = self.backup("src")
        pack = max((os.path.join(folder, name) for folder, _, names in os.walk(self.path("repo/packs"))
                    for name in names), key=os.path.getsize)
        self.write("src/kept", "kept")
        self.write("src/d/too", "kept too")
        second = self.backup("src")
        os.remove(self.path("src/d/lost"))
        third = self.backup("src")
        os.chmod(pack, 0o600)
        with open(pack, "r+b") as file:  # in the middle: not the first trees, which lie behind
            file.seek(300000)
            file.write(noise(400000, 4))
        self.expect(13, "repair", "packs")
        run = self.expect(13, "repair", "snapshots", "--json")
        made = {each["old_id"]: each["new_id"] for each in run.summary()["snapshots"]}
        self.assertEqual(set(made), {first, second})
        named = {error["item"] for error in run.json_errors() if error["message_type"] == "error"}
        lost = self.path("src/d/lost")
        self.assertEqual(named, {f"{first[:8]}:{lost}", f"{second[:8]}:{lost}"})
        self.expect(0, "restore", made[second] + ":" + self.path("src"), "-t", self.path("out"))
        self.assertEqual(set(files_of(self.path("out"))), {"kept", "d/too"})
        self.assertEqual(len(self.snapshots()), 5)
        self.assertEqual(self.listing("latest"), self.listing(third))
        self.assertIn("was made without it", self.expect(0, "repair", "snapshots").errors)
        self.assertEqual(len(self.snapshots()), 5)


class Copies(Damage):
    def test_a_snapshot_copied_before_its_packs_is_13_and_all_others_restore(self):
        shutil.copytree(self.path("repo"), self.path("early"))
        self.write("src/newest", noise(3 << 20, 5))
        self.backup("src")
        # A copier that took the packs first and the log last.
        shutil.copytree(self.path("repo", "log"), self.path("early", "log"), dirs_exist_ok=True)
        self.environment["COPPICE_STATE_DIR"] = self.path("state2")
        self.environment["COPPICE_REPOSITORY"] = self.path("early")
        self.expect(13, "verify")
        self.expect(13, "verify", "--keyless")
        self.expect(13, "restore", "latest", "-t", self.path("x"))
        out = self.path("out")
        for snapshot, names in ((self.first, ("large", "small")), (self.second, ("large", "small", "later"))):
            run = self.run_program("restore", snapshot + ":" + self.path("src"), "-t", out)
            self.assertIn(run.code, (0, 13), run.errors)
            for name in names:
                with open(self.path("src", name), "rb") as was, open(os.path.join(out, name), "rb") as came:
                    self.assertEqual(was.read(), came.read())
            shutil.rmtree(out)
        self.expect(14, "repair", "packs", "--from", self.path("repo"))
        self.expect(0, "verify", "--read-data")
        self.expect_restored(0)

    def test_a_copy_with_other_times_modes_and_strangers_files_is_whole(self):
        for folder, folders, names in os.walk(self.path("repo")):
            for name in names + folders:
                path = os.path.join(folder, name)
                os.utime(path, (1, 1))
                os.chmod(path, 0o777)
        for name in ("Thumbs.db", ".DS_Store", "packs/.nfs0001", "log/notes.txt", "packs/00/README", "slots/x",
                     "sessions/ what", "index/lost+found/f", "tmp/old"):
            self.write("repo/" + name, "a stranger")
        self.expect(0, "verify", "--read-data")
        self.expect(0, "verify", "--keyless")
        self.expect(0, "repair", "packs")
        self.expect_restored(0)
        self.write("src/more", "more")
        self.backup("src")
        self.assertTrue(os.path.exists(self.path("repo/Thumbs.db")))

    def test_two_copies_that_went_apart_are_noticed(self):
        shutil.copytree(self.path("repo"), self.path("twin"))
        self.write("src/here", "only here")
        self.backup("src")
        elsewhere = {"COPPICE_STATE_DIR": self.path("state2"), "COPPICE_HOST": "elsewhere",
                     "COPPICE_REPOSITORY": self.path("twin")}
        self.write("src/there", "only there")
        self.expect(0, "backup", "src", env=elsewhere)
        for words in (["verify"], ["verify", "--keyless"], ["backup", "src"], ["snapshots"]):
            with self.subTest(words=words):
                run = self.expect(13, *words, "-r", self.path("twin"))
                self.assertIn("rolled back or exchanged", run.errors)
        self.expect(0, "verify")


class Log(Damage):
    def entry(self, number):
        return self.path("repo", "log", f"{number:016x}")

    def last(self):
        return max(int(name, 16) for name in os.listdir(self.path("repo", "log")) if "." not in name)

    def lose(self, number):
        for suffix in ("", ".copy"):
            os.remove(self.entry(number) + suffix)

    def test_a_log_cut_at_its_end_is_13_against_the_state_directory_and_the_expected_head(self):
        head = self.expect(0, "verify", "--json").summary()["head"]
        self.lose(self.last())
        self.expect(13, "verify")
        self.expect(13, "verify", "--keyless")
        fresh = {"COPPICE_STATE_DIR": self.path("fresh")}
        self.expect(0, "verify", "--keyless", env=fresh)
        self.expect(13, "verify", "--keyless", "--expect-head", head, env=fresh)
        self.expect(13, "verify", "--expect-head", head[:8], env=fresh)

    def test_a_lost_entry_is_13_until_it_comes_back_or_is_declared_void(self):
        shutil.copytree(self.path("repo"), self.path("copy"))
        self.lose(self.last() - 1)
        self.expect(13, "verify")
        self.expect(13, "verify", "--keyless")
        self.expect(13, "repair", "packs")
        self.expect(14, "repair", "packs", "--from", "copy")
        self.expect(0, "verify")
        self.lose(self.last() - 1)
        self.expect(14, "repair", "log", "--dry-run")
        self.expect(13, "verify")
        self.expect(14, "repair", "log")
        self.expect(0, "repair", "log")
        self.expect(0, "verify", "--keyless")
        self.assertEqual(len(self.snapshots()), 1)
        self.backup("src")
        self.expect_restored(0)
        self.expect(0, "verify")
        self.expect(0, "verify", "--keyless")

    def test_what_only_a_lost_log_entry_named_is_still_read(self):
        content = os.urandom(3 << 20)
        self.write("src/a", content)
        self.backup("src")
        self.write("src/b", b"x")
        self.backup("src")
        entry = sorted(name for name in os.listdir(self.path("repo", "log")) if "." not in name)[-2]
        for name in (entry, entry + ".copy"):
            os.unlink(self.path("repo", "log", name))
        for code, out in ((13, "before"), (0, "after")):
            self.expect(code, "restore", "latest:" + self.path("src"), "-t", out)
            with open(self.path(out, "a"), "rb") as file:
                self.assertEqual(file.read(), content)
            self.assertIn("/a", self.expect(code, "ls", "latest").text)
            if out == "before":
                self.expect(14, "repair", "log")
        self.expect(13, "prune")  # no table that the log names tells of what is needed
        self.backup("src")        # adopts the packs
        self.expect(0, "prune", "--max-unused", "0")
        self.expect(0, "verify", "--read-data")

    def test_a_log_that_lost_its_beginning_is_13_until_a_copy_gives_it_back(self):
        before = files_of(self.path("repo"))
        shutil.copytree(self.path("repo"), self.path("copy"))
        for lost in ((0,), (1,), (0, 1)):
            with self.subTest(lost=lost):
                for number in lost:
                    self.lose(number)
                self.expect(13, "verify", "--keyless")
                self.expect(13, "repair", "packs")
                self.expect(14, "repair", "packs", "--from", "copy", "--dry-run")
                self.expect(14, "repair", "packs", "--from", "copy")
                self.assertEqual(before, files_of(self.path("repo")))

    def test_the_export_gives_root_signed_entries_back(self):
        before = files_of(self.path("repo"))
        self.expect(0, "key", "export", "-o", self.path("hdr"))
        for lost in ((0,), (1,), (0, 1)):
            with self.subTest(lost=lost):
                for number in lost:
                    self.lose(number)
                self.expect(14, "--header", self.path("hdr"), "repair", "packs", "--dry-run")
                self.expect(14, "--header", self.path("hdr"), "repair", "packs")
                self.assertEqual(before, files_of(self.path("repo")))
        self.lose(2)  # a snapshot's: in no export
        self.expect(13, "--header", self.path("hdr"), "repair", "packs")

    def test_commands_that_read_use_the_export_in_place_of_lost_entries_and_write_nothing(self):
        self.expect(0, "key", "export", "-o", self.path("hdr"))
        told = {0: "the log's first entries cannot be read", 1: "log entries are missing or damaged"}
        for number in (0, 1):
            with self.subTest(number=number):
                shutil.copytree(self.path("repo"), self.path("whole"))
                self.lose(number)
                lacking = files_of(self.path("repo"))
                run = self.expect(13, "restore", "latest", "-t", self.path("none"))
                self.assertNotIn("no snapshots yet", run.errors)
                self.assertIn(told[number], run.errors)
                self.expect(13, "ls", self.first)
                shutil.rmtree(self.path("out"), ignore_errors=True)
                run = self.expect(14, "--header", self.path("hdr"), "restore", "latest:" + self.path("src"), "-t",
                                  self.path("out"))
                self.assertIn("--header", run.errors)
                self.assertEqual(files_of(self.path("src")), files_of(self.path("out")))
                self.expect(14, "--header", self.path("hdr"), "snapshots")
                self.expect(13, "--header", self.path("hdr"), "verify")
                self.assertEqual(lacking, files_of(self.path("repo")))
                shutil.rmtree(self.path("repo"))
                os.rename(self.path("whole"), self.path("repo"))

    def test_altered_and_unsigned_entries_are_13(self):
        number = self.last()
        with open(self.entry(number), "rb") as file:
            content = file.read()
        for at in (8, 100, len(content) // 2, len(content) - 100, len(content) - 1):
            with self.subTest(at=at):
                altered = bytearray(content)
                altered[at] ^= 1
                for suffix in ("", ".copy"):
                    self.overwrite(self.entry(number) + suffix, 0, bytes(altered))
                self.assertIn(self.expect_any("verify"), (13, 17))
                self.assertIn(self.expect_any("verify", "--keyless"), (13, 17))
        for suffix in ("", ".copy"):
            self.overwrite(self.entry(number) + suffix, 0, content)
        self.expect(0, "verify")

    def expect_any(self, *words):
        return self.run_program(*words).code
