"""forget and undelete: what stays, why, and what is refused."""

import json
import os

import program


class Forget(program.RepositoryTest):
    def setUp(self):
        super().setUp()
        self.write("src/a", b"12345")

    def dated(self, *times, host="here"):
        return [self.backup("src", "--time", time, "--host", host) for time in times]

    def visible(self):
        return [snapshot["id"] for snapshot in self.snapshots()]

    def groups(self, *words):
        lines = self.expect(0, "forget", "--json", *words).json_lines()
        self.assertEqual(lines[-1]["message_type"], "summary")
        for line in lines[:-1]:
            self.assertEqual(line["message_type"], "forget_group")
        return lines[:-1], lines[-1]

    def test_a_policy_tells_why_each_snapshot_stays(self):
        a, b, c, d = self.dated("2026-11-19 10:00", "2026-11-20 09:00", "2026-11-20 10:00", "2026-11-21 10:00")
        groups, summary = self.groups("--keep-daily", "2", "-n")
        self.assertEqual([s["id"] for s in groups[0]["keep"]], [c, d])
        self.assertEqual([s["id"] for s in groups[0]["remove"]], [a, b])
        self.assertEqual([(r["snapshot"]["id"], r["matches"]) for r in groups[0]["reasons"]],
                         [(c, ["daily snapshot"]), (d, ["daily snapshot"])])
        self.assertEqual((groups[0]["host"], groups[0]["paths"]), ("here", [self.path("src")]))
        self.assertEqual((summary["dry_run"], summary["snapshots_kept"], summary["snapshots_forgotten"]),
                         (True, 2, 2))
        self.assertEqual(self.visible(), [a, b, c, d])
        text = self.expect(0, "forget", "--keep-daily", "2").text
        self.assertIn(f"  keep    {d[:8]}  2026-11-21 10:00:00  daily snapshot", text)
        self.assertIn(f"  forget  {a[:8]}", text)
        self.assertEqual(self.visible(), [c, d])

    def test_back_dated_snapshots_push_nothing_out(self):
        good = [self.backup("src") for _ in range(2)]
        old = self.dated("2020-01-01", "2021-01-01", "2022-01-01")
        self.expect(0, "forget", "--keep-last", "2")
        self.assertEqual(self.visible(), good)
        self.expect(0, "undelete", *old)
        self.expect(0, "forget", "--keep-yearly", "2")
        self.assertEqual(self.visible(), [good[1], old[2]])

    def test_keep_within_keeps_the_newest_whatever_the_duration(self):
        a, b = self.backup("src"), self.backup("src")
        groups, _ = self.groups("--keep-within", "0d")
        self.assertEqual([s["id"] for s in groups[0]["keep"]], [b])
        self.assertEqual(self.visible(), [b])
        self.expect(0, "undelete", a)
        self.assertEqual(len(self.groups("--keep-within-daily", "0d", "-n")[0][0]["keep"]), 1)

    def test_keep_within_counts_months_by_the_calendar(self):
        self.dated("2026-07-30 23:00", "2026-07-31 12:00", "2026-08-31 09:00")
        groups, _ = self.groups("--keep-within", "1m", "-n")
        self.assertEqual([s["time"][:10] for s in groups[0]["keep"]], ["2026-07-31", "2026-08-31"])

    def test_what_is_refused(self):
        a, b = self.backup("src"), self.backup("src", "--host", "other")
        for words in ((), ("--keep-last", "0"), ("--keep-last", "-1"), ("--keep-last", "x"), ("--keep-dayly", "1"),
                      ("--keep-within", "1q"), ("--keep-tag", "x,"), ("--keep-tag", ",x"), ("--keep-last", "1", "--tag", "x,,y"),
                      ("--keep-last", "1", "--host", ""), ("--group-by", "moon"), ("--group-by", ""), (a, "--keep-last", "1")):
            self.expect(2, "forget", *words)
        self.expect(1, "forget", "12345678")
        for words in (("--keep-tag", "nothing"), (a,), (a[:8], b[:8])):
            run = self.expect(19, "forget", *words)
            self.assertIn("--allow-empty-group", run.errors)
        self.assertEqual(self.visible(), [a, b])
        self.expect(0, "forget", a, "--allow-empty-group")
        self.assertEqual(self.visible(), [b])

    def test_hosts_tags_and_paths_choose_and_part(self):
        a, b = self.backup("src", "--tag", "x"), self.backup("src")
        c, d = self.backup("src", "--host", "other"), self.backup("src", "--host", "other")
        self.expect(0, "forget", "--keep-last", "1", "--host", "other")
        self.assertEqual(self.visible(), [a, b, d])
        self.expect(0, "undelete", c)
        self.expect(0, "forget", "--keep-last", "1", "--group-by", "host,tags")
        self.assertEqual(self.visible(), [a, b, d])
        self.expect(0, "forget", "--keep-tag", "x", "--host", "here")
        self.assertEqual(self.visible(), [a, d])

    def test_undelete_brings_back_and_lists(self):
        a, b = self.backup("src"), self.backup("src")
        self.expect(0, "forget", "-q", "--keep-last", "1")
        run = self.expect(1, "restore", a, "-t", "out")
        self.assertIn("undelete", run.errors)
        self.assertIn(a[:8], self.expect(0, "undelete").text)
        lines = self.expect(0, "undelete", "--json").json_lines()
        self.assertEqual((lines[0]["message_type"], lines[0]["id"]), ("snapshot", a))
        self.expect(0, "undelete", "-n", a)
        self.assertEqual(self.visible(), [b])
        self.assertEqual(self.expect(0, "undelete", "--json", a[:8]).summary()["snapshots_brought_back"], 1)
        self.assertEqual(self.visible(), [a, b])
        self.assertIn("not forgotten", self.expect(0, "undelete", a).errors)
        self.expect(0, "forget", "-q", a)
        summary = self.expect(0, "undelete", "--json", a, a[:8]).summary()
        self.assertEqual((summary["snapshots_brought_back"], summary["snapshots_forgotten"]), (1, 0))
        self.expect(0, "restore", a, "-t", "out")

    def test_dry_runs_work_on_read_only_media(self):
        self.backup("src"), self.backup("src")
        for directory, _, _ in os.walk(self.path("repo")):
            os.chmod(directory, 0o500)
        self.expect(0, "forget", "-n", "--keep-last", "1")
        for directory, _, _ in os.walk(self.path("repo")):
            os.chmod(directory, 0o700)
        self.assertEqual(len(json.loads(self.expect(0, "snapshots", "--json").text)), 2)
