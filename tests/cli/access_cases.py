"""Where passphrases, keys, state and cache come from, and what beats what."""

import os
import stat

import program


class Passphrases(program.ProgramTest):
    """Few runs with scrypt: most sources are told apart by what they say when they are wrong."""

    def setUp(self):
        super().setUp()
        self.environment["COPPICE_REPOSITORY"] = self.path("repo")
        self.password = self.write("password", "secret\n")
        self.wrong = self.write("wrong", "something else\n")

    def test_a_passphrase_from_any_source_opens(self):
        self.expect(0, "init", "-q", "-p", self.password)
        directory = os.path.dirname(self.write("credentials/coppice.password", "secret"))
        for words, environment in (
            (["-p", self.password], {"COPPICE_PASSWORD": "wrong"}),
            (["--password-command", "echo secret"], {}),
            ([], {"COPPICE_PASSWORD": "secret"}),
            ([], {"COPPICE_PASSWORD_FILE": self.password}),
            ([], {"COPPICE_PASSWORD_COMMAND": "printf secret"}),
            ([], {"CREDENTIALS_DIRECTORY": directory}),
        ):
            with self.subTest(words=words, environment=environment):
                self.expect(0, "snapshots", *words, env=environment)

    def test_a_wrong_or_missing_passphrase_is_12(self):
        self.expect(0, "init", "-q", "-p", self.password)
        directory = os.path.dirname(self.write("credentials/password", "wrong"))
        for words, environment in (
            (["-p", self.wrong], {"COPPICE_PASSWORD": "secret"}),
            (["-p", self.path("absent")], {}),
            (["-p", self.write("empty", "\n")], {}),
            (["--password-command", "echo secret; exit 3"], {}),
            ([], {"CREDENTIALS_DIRECTORY": directory}),
            (["--key-file", self.password], {}),
            (["--key-file", self.path("absent")], {}),
            ([], {}),
        ):
            with self.subTest(words=words, environment=environment):
                self.expect(12, "snapshots", *words, env=environment)
        self.assertFalse(os.path.exists(self.path("absent")))

    def test_only_one_newline_is_stripped(self):
        self.expect(0, "init", "-q", env={"COPPICE_PASSWORD": "secret\n"})
        self.expect(12, "snapshots", "-p", self.password)
        self.expect(0, "snapshots", "-p", self.write("two", "secret\n\n"))

    def test_several_sources_at_one_level_are_2(self):
        self.expect(0, "init", "-q", "--key-file", "key")
        self.expect(2, "snapshots", "-p", self.password, "--password-command", "echo secret")
        self.expect(2, "snapshots", "-p", self.password, "--key-file", "key")
        self.expect(2, "snapshots", env={"COPPICE_PASSWORD": "x", "COPPICE_PASSWORD_FILE": "y"})
        self.expect(2, "snapshots", env={"COPPICE_PASSWORD": "x", "COPPICE_KEY_FILE": "key"})
        self.expect(0, "snapshots", "--key-file", "key", env={"COPPICE_PASSWORD": "x"})
        self.expect(2, "init", "-r", "new", "-p", self.password, "--password-command", "echo x")
        self.assertFalse(os.path.exists(self.path("new")))

    def test_a_terminal_is_asked_without_echo_and_twice_by_init(self):
        run, shown = self.run_on_terminal([b"secret", b"other"], "init")
        self.assertEqual(run.code, 2, run.errors)
        self.assertFalse(os.path.exists(self.path("repo")))
        run, shown = self.run_on_terminal([b"secret", b"secret"], "init")
        self.assertEqual(run.code, 0, run.errors)
        self.assertNotIn(b"secret", shown + run.out + run.err)
        run, shown = self.run_on_terminal([b"secret"], "snapshots")
        self.assertEqual(run.code, 0, run.errors)
        self.assertNotIn(b"secret", shown + run.out + run.err)

    def test_init_with_key_file_and_passphrase_makes_both_slots(self):
        self.expect(0, "init", "-q", "--key-file", "key", "-p", self.password)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("key")).st_mode), 0o600)
        self.expect(0, "snapshots", "--key-file", "key")
        self.expect(0, "snapshots", "-p", self.password)
        self.expect(0, "init", "-q", "--key-file", "key", "-r", "second")  # an existing one is used
        self.expect(0, "snapshots", "--key-file", "key", "-r", "second")


class Precedence(program.RepositoryTest):
    def test_the_command_line_beats_the_environment(self):
        self.expect(0, "init", "-q", "-r", "other")
        self.write("src/a")
        self.backup("src")
        self.assertEqual(len(self.snapshots()), 1)
        self.assertEqual(len(self.snapshots("-r", "other")), 0)
        self.backup("src", "--host", "named")
        self.assertEqual([s["hostname"] for s in self.snapshots()], ["here", "named"])

    def test_empty_and_unknown_variables(self):
        run = self.expect(2, "snapshots", env={"COPPICE_STATE_DIR": ""})
        self.assertIn("COPPICE_STATE_DIR", run.errors)
        run = self.expect(0, "snapshots", env={"COPPICE_PASWORD": "x"})
        self.assertIn("COPPICE_PASWORD", run.errors)

    def test_no_repository_named_is_2(self):
        del self.environment["COPPICE_REPOSITORY"]
        self.expect(2, "snapshots")


class StateAndCache(program.RepositoryTest):
    def test_state_and_cache_lie_where_told(self):
        self.write("src/a")
        self.backup("src", "--cache-dir", "my-cache", "--state-dir", "my-state")
        self.expect(0, "ls", "latest", "--cache-dir", "my-cache")
        repository = os.listdir(self.path("my-cache"))
        self.assertEqual(len(repository), 1)
        self.assertEqual(os.listdir(self.path("my-cache", repository[0])), ["index"])
        self.assertEqual(sorted(os.listdir(self.path("my-state"))), ["heads", "targets"])
        self.assertEqual(stat.S_IMODE(os.stat(self.path("my-cache")).st_mode), 0o700)

    def test_no_cache_makes_none(self):
        self.write("src/a")
        self.expect(0, "backup", "src", "--no-cache", "--cache-dir", "my-cache")
        self.expect(0, "ls", "latest", "--no-cache", "--cache-dir", "my-cache")
        self.assertFalse(os.path.exists(self.path("my-cache")))

    def test_reading_works_without_state_and_cache_and_writing_says_what_is_wrong(self):
        self.write("src/a", "content")
        self.backup("src")
        self.write("file")
        nowhere = ["--state-dir", "file/state", "--cache-dir", "file/cache"]
        for words in (["snapshots"], ["ls", "latest"], ["restore", "latest", "-t", "out"], ["verify"],
                      ["dump", "latest", self.path("src/a")], ["verify", "--keyless"]):
            run = self.expect(0, *words, *nowhere)
            self.assertEqual(run.err, b"")
        run = self.expect(0, "snapshots", "-v", *nowhere)
        self.assertIn("state directory", run.errors)
        run = self.expect(1, "backup", "src", *nowhere)
        self.assertIn("--state-dir", run.errors)

    def test_a_rollback_is_noticed(self):
        self.write("src/a")
        self.backup("src")
        for name in sorted(os.listdir(self.path("repo/log"))):
            if name.startswith("0000000000000002"):
                os.remove(self.path("repo/log", name))
        self.expect(13, "snapshots")

    def test_an_exported_header_opens_when_the_repository_has_lost_its_own(self):
        self.write("src/a")
        self.backup("src")
        self.expect(0, "key", "export", "-o", "exported")
        self.assertEqual(stat.S_IMODE(os.stat(self.path("exported")).st_mode), 0o600)
        self.assertEqual(self.expect(0, "key", "export").out, open(self.path("exported"), "rb").read())
        self.expect(1, "key", "export", "-o", "exported")  # never over another file
        for name in ("header", "header.copy"):
            os.remove(self.path("repo", name))
        for name in os.listdir(self.path("repo/slots")):
            os.remove(self.path("repo/slots", name))
        self.expect(10, "snapshots")
        self.assertEqual(len(self.snapshots("--header", "exported")), 1)
        self.expect(0, "restore", "latest", "-t", "out", "--header", "exported")


class Init(program.RepositoryTest):
    def test_options(self):
        self.expect(0, "init", "-q", "-r", "a", "--chunk-size", "256K", "--compression", "9",
                    "--parity", "0", "--cipher", "chacha20-poly1305")
        for words in (["--chunk-size", "100K"], ["--parity", "51"], ["--cipher", "rot13"],
                      ["--compression", "0"], ["--shared-group", "no-such-group"],
                      ["--like-key-file", "key"], ["--like", "repo", "--chunk-size", "1M"]):
            with self.subTest(words=words):
                self.expect(2, "init", "-r", "b", *words)
        self.assertFalse(os.path.exists(self.path("b")))
        self.write("src/a", os.urandom(1 << 20))
        self.backup("src", "-r", "a")
        self.expect(0, "verify", "--read-data", "-r", "a")
        names = [name for _, _, names in os.walk(self.path("a/packs")) for name in names]
        self.assertEqual([name for name in names if name.endswith(".par")], [])

    def test_like_makes_equal_ids(self):
        self.write("src/a", os.urandom(1 << 20))
        self.backup("src", "--as", "/data")
        self.expect(0, "init", "-q", "-r", "sister", "--like", "repo")
        self.expect(0, "init", "-q", "-r", "stranger")
        self.backup("src", "--as", "/data", "-r", "sister")
        self.backup("src", "--as", "/data", "-r", "stranger")
        trees = [self.snapshots("-r", name)[0]["tree"] for name in ("repo", "sister", "stranger")]
        self.assertEqual(trees[0], trees[1])
        self.assertNotEqual(trees[0], trees[2])

    def test_a_shared_group_may_write(self):
        self.expect(0, "init", "-q", "-r", "shared", "--shared-group", str(os.getegid()))
        self.assertEqual(stat.S_IMODE(os.stat(self.path("shared")).st_mode), 0o2770)
