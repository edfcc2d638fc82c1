"""What the long campaigns share: the program, scratch repositories, and the questions asked after a fault."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SUPPORT = os.path.join(HERE, "..", "support")
sys.path.insert(0, SUPPORT)
sys.dont_write_bytecode = True

TIMEOUT = 300  # seconds: a run that takes longer hangs


class Broken(Exception):
    """A promise was broken; says which."""


def expect(condition, message):
    if not condition:
        raise Broken(message)


class Machine:
    """A host with a state directory of its own, for one repository."""

    def __init__(self, program, repository, scratch, name="here"):
        self.program = os.path.abspath(program)
        self.repository = repository
        self.scratch = scratch
        self.environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": scratch, "TZ": "UTC", "COPPICE_HOST": name,
            "COPPICE_REPOSITORY": repository, "COPPICE_KEY_FILE": os.path.join(scratch, "key"),
            "COPPICE_STATE_DIR": os.path.join(scratch, "state-" + name),
            "COPPICE_CACHE_DIR": os.path.join(scratch, "cache-" + name),
        }

    def start(self, *words, before=(), environment=None, **options):
        return subprocess.Popen([*before, self.program, *words], env=dict(self.environment, **(environment or {})),
                                stdin=options.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, **options)

    def run(self, *words, before=(), environment=None, **options):
        child = self.start(*words, before=before, environment=environment, **options)
        try:
            out, err = child.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            child.kill()
            raise Broken(f"hangs: {' '.join(words)}") from None
        return child.returncode, out, err.decode(errors="replace")

    def expect(self, codes, *words, **options):
        code, out, err = self.run(*words, **options)
        expect(code in codes, f"{' '.join(words)}: exit {code}, not one of {codes}\n{out.decode()}{err}")
        return out

    def backup(self, path, tag, codes=(0,)):
        out = self.expect(codes, "backup", "--json", "--as", "/src", "--tag", tag, path)
        return json.loads(out.splitlines()[-1])["snapshot_id"]

    def snapshots(self):
        return json.loads(self.expect((0,), "snapshots", "--json"))


def same_trees(one, other):
    return subprocess.run(["diff", "-r", "--no-dereference", one, other], capture_output=True).returncode == 0


def expect_snapshots(machine, trees, scratch):
    """Every snapshot in `trees` (id to directory) is listed and restores to what that directory holds."""
    listed = {snapshot["id"] for snapshot in machine.snapshots()}
    for snapshot, tree in trees.items():
        expect(snapshot in listed, f"snapshot {snapshot[:8]} is gone")
        target = tempfile.mkdtemp(dir=scratch)
        try:
            machine.expect((0, 14), "restore", snapshot + ":/src", "-t", target)
            expect(same_trees(tree, target), f"snapshot {snapshot[:8]} restores to something else")
        finally:
            shutil.rmtree(target)


def write_tree(top, seed, changed=0, large=0):
    """A small tree; `changed` makes another version of it."""
    noise = random.Random(seed)
    for folder in range(3):
        os.makedirs(os.path.join(top, f"d{folder}"), exist_ok=True)
        for at in range(6):
            content = noise.randbytes(noise.randrange(6000))
            if at == folder:
                content += f"version {changed}".encode()
            with open(os.path.join(top, f"d{folder}", f"f{at}"), "wb") as file:
                file.write(content)
    if large:
        with open(os.path.join(top, "large"), "wb") as file:
            file.write(random.Random(f"{seed}/{changed}").randbytes(large))


class Prepared:
    """A repository with two snapshots, copied afresh for each trial, and a third version to back up."""

    def __init__(self, program, scratch, seed):
        self.program, self.scratch = program, scratch
        self.trees = {}
        self.versions = [os.path.join(scratch, f"v{n}") for n in range(4)]
        for n, tree in enumerate(self.versions):
            write_tree(tree, seed, changed=n)
        self.home = os.path.join(scratch, "prepared")
        os.mkdir(self.home)
        machine = Machine(program, os.path.join(self.home, "repo"), self.home)
        machine.expect((0,), "init", "-q")
        for n in (0, 1):
            self.trees[machine.backup(self.versions[n], f"v{n}")] = self.versions[n]

    def fresh(self):
        """A machine with its own copy."""
        home = os.path.join(self.scratch, "trial")
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run(["cp", "-a", self.home, home], check=True)
        machine = Machine(self.program, os.path.join(home, "repo"), home)
        # The copy lies at another path than the one that the state directory knows; the head counts still.
        return machine


def expect_recovery(prepared, machine, trees):
    """After whatever happened: everything promised is there, and the next run needs no help."""
    machine.expect((0, 14), "verify", "--read-data")
    machine.expect((0, 14), "verify", "--keyless")
    expect_snapshots(machine, trees, prepared.scratch)
    trees = dict(trees)
    trees[machine.backup(prepared.versions[3], "after")] = prepared.versions[3]
    machine.expect((0,), "verify", "--read-data")
    expect_snapshots(machine, trees, prepared.scratch)
    left = os.listdir(os.path.join(machine.repository, "tmp"))
    expect(left == [], f"the next run left what the dead one had begun: {left}")
