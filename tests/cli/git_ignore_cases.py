"""backup --git-ignore leaves out what `git check-ignore` names, and nothing else."""

import os
import random
import shutil
import subprocess
import unittest

import program

NAMES = [b"a", b"b", b"foo", b"bar", b"foo bar", b"b ", b"#c", b"!d", b"x.o", b"y.c", b".hid", b"build", b"A", b"[x]",
         b"back\\slash", b"tab\t", "ümlaut".encode(), b"\xff", b"star*", b"]", b"a-b", b"Foo", b"fooz"]
GLOBS = [b"*", b"**", b"***", b"?", b"f*", b"*o", b"*.o", b"*.[oc]", b"[a-f]*", b"[!a]*", b"[^a-c]", b"[[:alpha:]]*",
         b"[[:upper:][:digit:]]*", b"[[:bogus:]]", b"[]]", b"[]-a]", b"[!]]*", b"[x", b"[\\[]x]", b"foo**", b"**oo", b"f**o*",
         b"\\#c", b"\\!d", b"b\\ ", b"b\\  ", b"\\f\\o\\o", b"a\\", b"back\\\\slash", b"star\\*", b"*[a-z]*[a-z]*", b"??*",
         b"[a-", b"[z-a]", b"[a\\-b]*", b"*\xff", b"\xff*", b"[[:space:]]*", b"f[o-]o", b"*a*b*", b"#c", b"!d", b"b ", b"[a-]b",
         b"[[:alpha:", b"[[:alpha]x]*", b"[--]", b"a[!/]b", b"[!b]", b"tab\t", b"*\t"]
ENDS = [b"\n", b"\n", b"\n", b"\r\n", b" \n", b"  \r\n", b"\\ \n", b"\t\n", b"\r\r\n", b"\0x\n"]


class Dice(random.Random):
    """Random trees and ignore files; the same for the same seed."""

    def pattern(self):
        parts = [self.choice(GLOBS if self.random() < 0.5 else NAMES) for _ in range(self.choice([1, 1, 1, 2, 2, 3, 4]))]
        line = b"/".join(parts)
        line = self.choice([b"", b"", b"", b"/", b"**/", b"//"]) + line
        line += self.choice([b"", b"", b"", b"/", b"/**", b"/*", b"\\/"])
        return self.choice([b"", b"", b"", b"!", b"!", b"\\", b"#"]) + line + self.choice(ENDS)

    def ignore_file(self):
        lines = [self.pattern() for _ in range(self.randint(1, 7))]
        text = self.choice([b"", b"", b"\xef\xbb\xbf"]) + b"".join(lines)
        return text.rstrip(b"\n") if self.random() < 0.2 else text

    def fill(self, directory, depth):
        for name in self.sample(NAMES, self.randint(2, 6)):
            path = os.path.join(directory, name)
            kind = self.random()
            if kind < 0.5 and depth > 0:
                os.mkdir(path)
                self.fill(path, depth - 1)
            elif kind < 0.6:
                os.symlink(b".", path)
            else:
                open(path, "wb").close()
        if self.random() < 0.4:
            with open(os.path.join(directory, b".gitignore"), "wb") as file:
                file.write(self.ignore_file())


def paths_below(top):
    found = set()
    for folder, directories, files in os.walk(top):
        for name in directories + files:
            found.add(os.path.relpath(os.path.join(folder, name), top))
    return found


def outside_git_directories(paths):
    return {path for path in paths if b".git" not in path.split(b"/")}


@unittest.skipUnless(shutil.which("git"), "git is not installed")
class AsGit(program.RepositoryTest):
    def git(self, directory, *words, **options):
        environment = {"PATH": self.environment["PATH"], "HOME": self.path("home"), "GIT_CONFIG_NOSYSTEM": "1"}
        return subprocess.run(["git", "-C", directory, *words], env=environment, capture_output=True, **options)

    def init(self, directory):
        os.makedirs(directory, exist_ok=True)
        self.assertEqual(self.git(directory, "init", "-q").returncode, 0)

    def kept_by_git(self, top):
        paths = outside_git_directories(paths_below(top))
        done = self.git(top, "check-ignore", "--no-index", "-z", "--stdin", input=b"".join(path + b"\0" for path in paths))
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return paths - set(done.stdout.split(b"\0"))

    def kept_by_coppice(self, source):
        """What is in the snapshot below `source`, and so is no longer in `out`."""
        self.backup("--git-ignore", source)
        shutil.rmtree(self.path("out"), ignore_errors=True)
        self.expect(0, "restore", "-q", "latest:" + source, "-t", self.path("out"))
        return paths_below(os.fsencode(self.path("out")))

    def test_thousands_of_random_cases(self):
        dice = Dice(5)
        os.makedirs(self.path("home"))
        repositories = [f"repository{at}" for at in range(150)]
        self.init(self.path("empty"))
        for name in repositories:
            shutil.copytree(self.path("empty"), self.path("src", name))
            dice.fill(os.fsencode(self.path("src", name)), 3)
            with open(self.path("src", name, ".git", "info", "exclude"), "wb") as file:
                file.write(dice.ignore_file())
        kept = self.kept_by_coppice(self.path("src"))
        cases = ignored = 0
        for name in repositories:
            top = os.fsencode(self.path("src", name))
            wanted = self.kept_by_git(top)
            came = {os.path.relpath(path, os.fsencode(name)) for path in kept if path.startswith(os.fsencode(name) + b"/")}
            self.assertEqual(came - outside_git_directories(came), paths_below(top) - outside_git_directories(paths_below(top)))
            self.assertEqual(outside_git_directories(came), wanted, name)
            cases += len(outside_git_directories(paths_below(top)))
            ignored += len(outside_git_directories(paths_below(top))) - len(wanted)
        self.assertGreater(cases, 5000)
        self.assertGreater(ignored, 1000)

    def test_a_source_inside_a_work_tree_obeys_the_files_above_it_but_is_not_left_out_itself(self):
        os.makedirs(self.path("home"))
        self.init(self.path("work"))
        self.write("work/.gitignore", "*.o\n/named\n/deep/sub/x\n")
        for name in ("named/a.o", "named/a.c", "deep/sub/x/y", "deep/sub/z", "deep/sub/q.o"):
            self.write("work/" + name)
        self.assertEqual(self.kept_by_coppice(self.path("work", "named")), {b"a.c"})
        self.assertEqual(self.kept_by_coppice(self.path("work", "deep", "sub")), {b"z"})
        self.assertEqual(self.kept_by_coppice(self.path("work", "deep", "sub", "x")), {b"y"})
        self.backup("--git-ignore", self.path("work"), self.path("work", "named", "a.o"))
        shutil.rmtree(self.path("out"))
        self.expect(0, "restore", "-q", "latest:" + self.path("work"), "-t", self.path("out"), "-e", ".git")
        self.assertEqual(paths_below(os.fsencode(self.path("out"))),
                         {b".gitignore", b"deep", b"deep/sub", b"deep/sub/z", b"named", b"named/a.o"})

    def test_a_repository_in_another_one_begins_anew_and_git_directories_stay_whole(self):
        os.makedirs(self.path("home"))
        self.init(self.path("outer"))
        self.init(self.path("outer", "inner"))
        self.init(self.path("outer", "gone"))
        self.write("outer/.gitignore", "*\n!inner\n!.gitignore\n")
        self.write("outer/inner/kept")
        self.write("outer/inner/.gitignore", "left-out\n")
        self.write("outer/inner/left-out")
        self.write("outer/file")
        kept = self.kept_by_coppice(self.path("outer"))
        self.assertEqual(outside_git_directories(kept), {b".gitignore", b"inner", b"inner/.gitignore", b"inner/kept"})
        for name in (b".git/HEAD", b".git/info/exclude", b"inner/.git/HEAD", b"inner/.git/config"):
            self.assertIn(name, kept)

    def test_without_a_repository_ignore_files_count_from_the_source_down(self):
        self.write("above/.gitignore", "kept\n")
        self.write("above/src/kept")
        self.write("above/src/.gitignore", "*.o\n")
        self.write("above/src/sub/a.o")
        self.assertEqual(self.kept_by_coppice(self.path("above", "src")), {b"kept", b".gitignore", b"sub"})
        self.backup("above/src")
        self.assertIn(self.path("above/src/sub/a.o"), self.listing("latest"))

    def test_what_stands_in_place_of_an_ignore_file_says_nothing(self):
        self.write("elsewhere", "*\n")
        os.makedirs(self.path("src", "directory", ".gitignore"))
        for name in ("link", "fifo"):
            os.mkdir(self.path("src", name))
            self.write(f"src/{name}/file")
        os.symlink(self.path("elsewhere"), self.path("src", "link", ".gitignore"))
        os.mkfifo(self.path("src", "fifo", ".gitignore"))
        kept = self.kept_by_coppice(self.path("src"))
        self.assertTrue({b"link/file", b"fifo/file", b"directory/.gitignore"} <= kept, kept)

    def test_endless_ignore_files_are_not_read_and_named(self):
        self.write("src/.gitignore", "*.o\n")
        self.write("src/sub/.gitignore", "file\n" + "#" * (1 << 20))
        self.write("src/sub/file")
        self.write("src/sub/a.o")
        run = self.expect(0, "backup", "--git-ignore", "src")
        self.assertIn(self.path("src", "sub"), run.errors)
        self.assertIn(self.path("src", "sub", "file"), self.listing("latest"))
        self.assertNotIn(self.path("src", "sub", "a.o"), self.listing("latest"))
