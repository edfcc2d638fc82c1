"""Sources that change between the moment they are examined and the moment they are read."""

import os
import select
import shutil
import subprocess
import unittest

import program

HERE = os.path.dirname(os.path.abspath(__file__))
SHIM_SOURCE = os.path.join(HERE, "..", "support", "pause_at_open.c")
USER = 12345
SIZES = {"small": 10_000, "large": 2 << 20}


def become_user():
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(USER)
        os.setuid(USER)


@unittest.skipUnless(shutil.which("cc"), "no C compiler")
class Races(program.RepositoryTest):
    def setUp(self):
        super().setUp()
        self.shim = self.path("pause.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-o", self.shim, SHIM_SOURCE, "-ldl"], check=True)
        for name in ("reached", "go"):
            os.mkfifo(self.path(name))
        self.environment.update(PAUSE_REACHED=self.path("reached"), PAUSE_GO=self.path("go"))

    def give_to_user(self):
        """Permissions are nothing to root: all that the run touches becomes the ordinary user's."""
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", f"{USER}:{USER}", self.dir], check=True)

    def backup_meanwhile(self, name, change):
        """Backs up src; before `name` is opened, `change` runs."""
        child = self.popen("backup", "--json", "src", env={"LD_PRELOAD": self.shim, "PAUSE_NAME": name},
                           preexec_fn=become_user)
        # Opened for both, so that a run that never gets there does not keep the test waiting.
        reached = os.open(self.path("reached"), os.O_RDWR)
        while not select.select([reached], [], [], 0.1)[0]:
            self.assertIsNone(child.poll(), f"{name} was never opened")
        change()
        with open(self.path("go"), "wb", buffering=0) as go:
            go.write(b"x")
        os.close(reached)
        out, err = child.communicate()
        return program.Run(child.returncode, out, err)

    def assert_named(self, run, path):
        self.assertEqual(run.code, 3, run.errors)
        self.assertIn(path, [error.get("item") for error in run.json_errors()], run.errors)

    def victim(self):
        return self.path("src", "victim")

    def exchanged(self, make):
        def change():
            os.rename(self.victim(), self.path("src", "victim.away"))
            make(self.victim())
        return change

    def fill(self, path, content=b"another file"):
        with open(path, "wb") as file:
            file.write(content)

    def grow(self):
        with open(self.victim(), "ab") as file:
            file.write(b"more")

    def rewrite(self):
        """The size stays."""
        with open(self.victim(), "r+b") as file:
            file.write(b"different")

    def test_every_kind_of_change_is_3_and_names_the_path(self):
        changes = {
            "renamed": lambda: os.rename(self.victim(), self.path("src", "elsewhere")),
            "deleted": lambda: os.unlink(self.victim()),
            "truncated": lambda: os.truncate(self.victim(), 100),
            "emptied": lambda: os.truncate(self.victim(), 0),
            "grown": self.grow,
            "rewritten": self.rewrite,
            "permission lost": lambda: os.chmod(self.victim(), 0),
            "replaced by a file": self.exchanged(self.fill),
            "replaced by a directory": self.exchanged(os.mkdir),
            "replaced by a FIFO": self.exchanged(os.mkfifo),
            "replaced by a symlink": self.exchanged(lambda path: os.symlink("/etc/passwd", path)),
        }
        for size_name, size in SIZES.items():
            for kind, change in changes.items():
                with self.subTest(kind=kind, size=size_name):
                    shutil.rmtree(self.path("src"), ignore_errors=True)
                    self.fill_source(size)
                    self.give_to_user()
                    self.assert_named(self.backup_meanwhile("victim", change), self.victim())
                    self.assert_restorable()

    def fill_source(self, size):
        self.write("src/before", b"before")
        self.write("src/victim", b"v" * size)
        self.write("src/zz-after", b"after")

    def assert_restorable(self):
        """What was stored of the changed file is one of its states; its neighbours are there."""
        shutil.rmtree(self.path("out"), ignore_errors=True)
        self.expect(0, "restore", "latest:" + self.path("src"), "-t", self.path("out"), "--no-owner",
                    preexec_fn=become_user)
        for name, content in (("before", b"before"), ("zz-after", b"after")):
            with open(self.path("out", name), "rb") as file:
                self.assertEqual(file.read(), content)
        self.assertFalse(os.path.islink(self.path("out", "victim")))

    def test_directories_that_change_are_3_and_named(self):
        directory = self.path("src", "victim")
        changes = {
            "permission lost": lambda: os.chmod(directory, 0),
            "deleted": lambda: shutil.rmtree(directory),
            "replaced by a file": self.exchanged(self.fill),
            "replaced by a symlink": self.exchanged(lambda path: os.symlink("/etc", path)),
        }
        for kind, change in changes.items():
            with self.subTest(kind=kind):
                if os.path.isdir(directory):
                    os.chmod(directory, 0o700)
                shutil.rmtree(self.path("src"), ignore_errors=True)
                for name in ("before", "victim/inside", "zz-after"):
                    self.write("src/" + name)
                self.give_to_user()
                run = self.backup_meanwhile("victim", change)
                self.assert_named(run, directory)
                self.assertNotIn("passwd", "".join(self.listing("latest", preexec_fn=become_user)))

    def test_a_directory_whose_permission_is_lost_half_way_names_what_is_missing(self):
        for name in ("a", "b", "c"):
            self.write("src/folder/" + name)
        self.give_to_user()
        folder = self.path("src", "folder")
        self.addCleanup(os.chmod, folder, 0o700)
        run = self.backup_meanwhile("a", lambda: os.chmod(folder, 0o600))
        self.assert_named(run, os.path.join(folder, "a"))

    def listing(self, *words, **options):
        return self.expect(0, "ls", *words, **options).text.splitlines()
