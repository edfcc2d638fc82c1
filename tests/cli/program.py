"""Runs the built program in a scratch directory, with an environment of its own."""

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import unittest

BINARY = os.environ.get("COPPICE", "")


class Run:
    """What one run of the program did."""

    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err
        self.text = out.decode("utf-8")
        self.errors = err.decode("utf-8")

    def json_lines(self):
        return [json.loads(line) for line in self.text.splitlines()]

    def json_errors(self):
        return [json.loads(line) for line in self.errors.splitlines()]

    def summary(self):
        last = self.json_lines()[-1]
        assert last["message_type"] == "summary", last
        return last


class ProgramTest(unittest.TestCase):
    """A scratch directory `self.dir`, the program in it, and nothing from the outside."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="coppice-cli-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": self.path("home"),
            "TZ": "UTC",
            "COPPICE_STATE_DIR": self.path("state"),
            "COPPICE_CACHE_DIR": self.path("cache"),
            "COPPICE_HOST": "here",
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LD_LIBRARY_PATH"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, content=b"content"):
        whole = os.path.join(os.fsencode(self.dir), os.fsencode(name))
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return os.fsdecode(whole)

    def popen(self, *words, **options):
        environment = dict(self.environment, **options.pop("env", {}))
        return subprocess.Popen([BINARY, *words], env=environment, cwd=self.dir,
                                stdout=options.pop("stdout", subprocess.PIPE),
                                stderr=subprocess.PIPE,
                                stdin=options.pop("stdin", subprocess.DEVNULL), **options)

    def run_program(self, *words, input=None, **options):
        if input is not None:
            options["stdin"] = subprocess.PIPE
        child = self.popen(*words, **options)
        out, err = child.communicate(input)
        return Run(child.returncode, out or b"", err)

    def expect(self, code, *words, **options):
        run = self.run_program(*words, **options)
        self.assertEqual(run.code, code, f"{words}\nstdout: {run.out}\nstderr: {run.err}")
        self.assertNotIn("\x1b[K", run.errors, f"{words}: progress off a terminal")
        return run

    def run_on_terminal(self, answers, *words):
        """Runs with a terminal as stdin, answering each question; what the terminal showed."""
        master, slave = pty.openpty()
        child = self.popen(*words, stdin=slave, start_new_session=True)
        os.close(slave)
        seen = b""
        for answer in answers:
            # The question means that echo is off already: an answer sent before would be dropped.
            while not seen.endswith(b": "):
                got = os.read(child.stderr.fileno(), 1)
                self.assertTrue(got, f"no question after {seen!r}")
                seen += got
            os.write(master, answer + b"\n")
            seen += b"\n"
        out, err = child.communicate()
        shown = b""
        while select.select([master], [], [], 0)[0]:
            try:
                got = os.read(master, 4096)
            except OSError:  # Linux: the other side is closed
                break
            if not got:
                break
            shown += got
        os.close(master)
        return Run(child.returncode, out, seen + err), shown


class RepositoryTest(ProgramTest):
    """A repository that a key file opens (a passphrase would cost a second of scrypt a run)."""

    def setUp(self):
        super().setUp()
        self.environment["COPPICE_REPOSITORY"] = self.path("repo")
        self.environment["COPPICE_KEY_FILE"] = self.path("key")
        self.expect(0, "init", "-q")

    def backup(self, *words, **options):
        return self.expect(0, "backup", "--json", *words, **options).summary()["snapshot_id"]

    def snapshots(self, *words):
        return json.loads(self.expect(0, "snapshots", "--json", *words).text)

    def listing(self, *words):
        return self.expect(0, "ls", *words).text.splitlines()


def main():
    global BINARY
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        BINARY = sys.argv.pop(1)
    BINARY = os.path.abspath(BINARY)
    if not os.access(BINARY, os.X_OK):
        sys.exit("usage: cli_test.py PROGRAM [CASES...] (or set COPPICE)")
    here = os.path.dirname(os.path.abspath(__file__))
    loader = unittest.defaultTestLoader
    suite = unittest.TestSuite(loader.discover(here, pattern=f"{name}_cases.py") for name in sys.argv[1:] or ["*"])
    if suite.countTestCases() == 0:
        sys.exit(f"no such cases: {sys.argv[1:]}")
    result = unittest.TextTestRunner(verbosity=1).run(suite)
    sys.exit(0 if result.wasSuccessful() else 1)
