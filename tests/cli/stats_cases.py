"""What `stats` tells, compared with what the test itself counts."""

import json
import os
import random
import subprocess

import program

MIB = 1 << 20


def noise(size, seed):
    return random.Random(seed).randbytes(size)


def words(size, seed):
    """Text that compresses about as text does."""
    chosen = random.Random(seed)
    vocabulary = [b"%x" % chosen.getrandbits(40) for _ in range(2000)]
    text = b" ".join(chosen.choices(vocabulary, k=size // 8))
    return text[:size]


class Stats(program.RepositoryTest):
    def stats(self, *words, code=0):
        run = self.expect(code, "stats", "--json", *words)
        self.assertEqual(len(run.text.splitlines()), 1)
        document = json.loads(run.text)
        self.assertEqual(document["schema_version"], 1)
        return document

    def counted(self, name):
        """Bytes (each inode once) and entries of a backup of this directory, by os.walk."""
        sizes = {}
        entries = len(self.path(name).strip("/").split("/"))  # the directories that lead to it, and itself
        for folder, folders, files in os.walk(self.path(name)):
            entries += len(folders) + len(files)
            for file in files:
                facts = os.lstat(os.path.join(folder, file))
                if not os.path.islink(os.path.join(folder, file)):
                    sizes[facts.st_dev, facts.st_ino] = facts.st_size
        return sum(sizes.values()), entries

    def write_tree(self):
        self.write("src/a", noise(3 * MIB, 1))
        self.write("src/deep/er/b", words(2 * MIB, 2))
        self.write("src/deep/empty", b"")
        os.link(self.path("src/a"), self.path("src/deep/also-a"))
        os.symlink("a", self.path("src/link"))
        with open(self.write("src/sparse", b"x"), "r+b") as file:
            file.truncate(10 * MIB)


class RestoreSize(Stats):
    def test_it_is_what_a_walk_counts(self):
        self.write_tree()
        self.backup("src")
        self.assertEqual(self.stats(), {"schema_version": 1, "mode": "restore-size", "snapshots_count": 1,
                                        "total_size": self.counted("src")[0],
                                        "total_file_count": self.counted("src")[1]})

    def test_every_snapshot_counts_in_full(self):
        self.write_tree()
        first = self.backup("src")
        size, entries = self.counted("src")
        self.write("src/deep/er/more", noise(1000, 3))
        os.link(self.path("src/deep/er/more"), self.path("src/more"))
        self.backup("src", "--host", "there", "--tag", "x")
        more_size, more_entries = self.counted("src")
        self.assertEqual(more_size, size + 1000)

        def totals(*words):
            document = self.stats(*words)
            return document["snapshots_count"], document["total_size"], document["total_file_count"]

        both = (2, size + more_size, entries + more_entries)
        self.assertEqual(totals(), both)
        self.assertEqual(totals("latest", first, first[:8]), (1, size, entries))  # the latest of this host
        self.assertEqual(totals("latest", first, "--host", "there"), both)
        self.assertEqual(totals("--tag", "x"), (1, more_size, more_entries))
        self.assertEqual(totals("--host", "there", "--path", "src", "--no-cache"), (1, more_size, more_entries))
        self.assertEqual(totals("--host", "nowhere"), (0, 0, 0))

    def test_people_get_lines(self):
        self.write("src/a", bytes(2048))
        self.backup("src")
        entries = self.counted("src")[1]
        self.assertEqual(self.expect(0, "stats").text.splitlines(),
                         ["Snapshots:              1", f"Entries:                {entries}",
                          "Restore size:           2.0 KiB"])


class RawData(Stats):
    def raw(self, *words, code=0):
        return self.stats("--mode", "raw-data", *words, code=code)

    def stored(self):
        """Sizes of packs and of side files, by os.walk."""
        packs, sides = [], 0
        for folder, _, names in os.walk(self.path("repo")):
            for name in names:
                size = os.path.getsize(os.path.join(folder, name))
                if name.endswith((".par", ".copy")):
                    sides += size
                elif "/packs/" in folder:
                    packs.append(size)
        return packs, sides

    def test_what_is_stored_adds_up(self):
        self.write_tree()
        self.backup("src")
        self.write("src/deep/er/copy-of-a", noise(3 * MIB, 1))
        self.backup("src")
        raw = self.raw()
        packs, sides = self.stored()
        self.assertEqual((raw["packs_count"], raw["packs_size"], raw["side_files_size"]),
                         (len(packs), sum(packs), sides))
        snapshots = [snapshot["summary"] for snapshot in self.snapshots()]
        self.assertEqual(raw["total_blob_count"],
                         sum(summary["data_blobs"] + summary["tree_blobs"] for summary in snapshots))
        self.assertEqual(raw["total_uncompressed_size"], sum(summary["data_added"] for summary in snapshots))
        # Summaries tell of whole packs: with tables and padding.
        self.assertEqual(raw["packs_size"], sum(summary["data_added_packed"] for summary in snapshots))
        self.assertGreater(raw["total_size"], 3 * MIB)
        self.assertLess(raw["total_size"], raw["packs_size"])
        self.assertAlmostEqual(raw["compression_ratio"], raw["total_uncompressed_size"] / raw["total_size"])
        self.assertAlmostEqual(raw["compression_space_saving"],
                               100 * (1 - raw["total_size"] / raw["total_uncompressed_size"]))
        self.assertEqual(self.raw("--no-cache"), raw)

    def test_what_was_saved(self):
        self.write("src/noise", noise(2 * MIB, 1))
        self.write("src/text", words(2 * MIB, 2))
        self.backup("src")
        raw = self.raw()
        self.assertEqual((raw["saved_by_deduplication"], raw["saved_by_deltas"], raw["delta_blocks"]), (0, 0, 0))
        self.assertGreater(raw["plain_blocks"], 0)
        self.assertGreater(raw["saved_by_compression"], MIB // 2)
        self.assertLess(raw["saved_by_compression"], 2 * MIB)
        self.write("other/noise", noise(2 * MIB, 1))
        self.backup("other")
        self.assertEqual(self.raw()["saved_by_deduplication"], 2 * MIB)
        self.assertEqual(self.raw("latest")["saved_by_deduplication"], 0)

    def test_a_share_of_blocks(self):
        self.write("src/a", noise(MIB, 1))
        self.write("src/b", noise(MIB, 2))
        self.backup("src")
        os.unlink(self.path("src/b"))
        self.backup("src")
        half = self.raw("latest")
        self.assertLess(abs(half["total_uncompressed_size"] - MIB), 10000)
        self.assertLess(abs(half["total_size"] - MIB), 10000)
        self.assertEqual(half["packs_size"], self.raw()["packs_size"])

    def test_a_changed_file_is_stored_as_deltas(self):
        content = bytearray(words(4 * MIB, 2))
        self.write("src/text", content)
        self.backup("src")
        for at in range(0, len(content), 40000):
            content[at:at + 5] = b"other"
        self.write("src/text", content)
        self.backup("src")
        raw = self.raw()
        self.assertGreater(raw["delta_blocks"], 0)
        self.assertGreater(raw["saved_by_deltas"], MIB // 2)
        self.assertLess(raw["saved_by_deltas"], 4 * MIB)
        self.assertGreater(self.raw("latest")["saved_by_deltas"], MIB // 2)
        text = self.expect(0, "stats", "--mode", "raw-data").text
        self.assertRegex(text, r"(?m)^Saved by deltas: +[\d.]+ [KM]iB \(estimate\)$")
        self.assertRegex(text, rf"(?m)^  Blocks: +{raw['plain_blocks']} plain, {raw['delta_blocks']} delta$")


class Growth(Stats):
    def test_snapshots_come_in_order_of_receipt(self):
        self.write("src/a", noise(MIB, 1))
        self.backup("src")
        self.write("src/b", noise(1000, 2))
        self.backup("src", "--time", "2001-02-03 04:05:06", "--host", "there")
        self.backup("src")
        document = self.stats("--mode", "growth")
        self.assertEqual((document["mode"], document["snapshots_count"]), ("growth", 3))
        so_far = 0
        for step, snapshot in zip(document["snapshots"], self.snapshots(), strict=True):
            for key in ("id", "short_id", "time", "hostname"):
                self.assertEqual(step[key], snapshot[key])
            for key in ("data_added", "data_added_packed", "total_bytes_processed"):
                self.assertEqual(step[key], snapshot["summary"][key])
            so_far += step["data_added_packed"]
            self.assertEqual(step["packed_so_far"], so_far)
        self.assertEqual([step["hostname"] for step in document["snapshots"]], ["here", "there", "here"])
        self.assertGreater(document["snapshots"][0]["data_added"], MIB)
        of_there = self.stats("--mode", "growth", "--host", "there")["snapshots"]
        self.assertEqual([step["packed_so_far"] for step in of_there],
                         [document["snapshots"][1]["data_added_packed"]])
        lines = self.expect(0, "stats", "--mode", "growth").text.splitlines()
        self.assertEqual(lines[0].split(), ["ID", "Time", "Host", "Processed", "Added", "Stored", "So", "far"])
        self.assertEqual(len({len(line) for line in lines[:-1]}), 1)
        self.assertEqual(lines[-1], "3 snapshots")


class Hardship(Stats):
    MODES = ("restore-size", "raw-data", "growth")

    def test_an_empty_repository(self):
        for mode in self.MODES:
            with self.subTest(mode=mode):
                self.assertEqual(self.stats("--mode", mode)["snapshots_count"], 0)
                self.expect(0, "stats", "--mode", mode)

    def test_wrong_words_are_2_and_unknown_snapshots_1(self):
        self.expect(2, "stats", "--mode", "size")
        self.expect(2, "stats", "--mode", "")
        self.expect(2, "stats", "no-id")
        self.expect(1, "stats", "latest")
        self.expect(1, "stats", "0123abcd")
        self.expect(10, "stats", "-r", "nowhere")

    def test_trees_that_cannot_be_read_are_13_and_the_rest_is_counted(self):
        self.write("src/a", noise(1000, 1))
        self.backup("src")
        size, entries = self.counted("src")
        old = set(self.packs())
        self.write("src/deep/b", noise(1000, 2))
        self.backup("src")
        for pack in set(self.packs()) - old:
            os.unlink(pack)
            os.unlink(pack + ".copy")
        for words in ([], ["--no-cache"]):
            document = self.stats(*words, code=13)
            self.assertEqual((document["total_size"], document["total_file_count"]), (size, entries))
            self.assertEqual(document["snapshots_count"], 2)
        run = self.expect(13, "stats", "--json")
        damaged = [error for error in run.json_errors() if error.get("code") == "tree_damaged"]
        latest = self.snapshots()[-1]["short_id"]
        self.assertEqual([error["item"] for error in damaged], [latest + ":/"])
        self.stats("--mode", "raw-data", "--no-cache", code=13)
        self.stats("--mode", "growth")

    def packs(self):
        return [os.path.join(folder, name) for folder, _, names in os.walk(self.path("repo/packs"))
                for name in names if not name.endswith((".par", ".copy"))]

    def test_it_changes_nothing(self):
        self.write("src/a")
        self.backup("src")
        listing = ["find", self.path("repo"), "-printf", "%p %s %T@\n"]
        before = subprocess.run(listing, capture_output=True, check=True).stdout
        for mode in self.MODES:
            self.expect(0, "stats", "--mode", mode, "--no-cache")
        self.assertEqual(subprocess.run(listing, capture_output=True, check=True).stdout, before)
