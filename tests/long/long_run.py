"""What the long campaigns share: the program, scratch repositories, and the questions asked after a fault."""

import json
import os
import random
import re
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

    def snapshots(self, codes=(0, 14)):
        return json.loads(self.expect(codes, "snapshots", "--json"))

    def forgotten(self):
        """What `undelete` could bring back."""
        lines = [json.loads(line) for line in self.expect((0, 14), "undelete", "--json").splitlines()]
        return [line["id"] for line in lines if line["message_type"] == "snapshot"]


def same_trees(one, other):
    return subprocess.run(["diff", "-r", "--no-dereference", one, other], capture_output=True).returncode == 0


def expect_snapshots(machine, trees, scratch, codes=(0, 14)):
    """Every snapshot in `trees` (id to directory) is listed and restores to what that directory holds."""
    listed = {snapshot["id"] for snapshot in machine.snapshots(codes)}
    for snapshot, tree in trees.items():
        expect(snapshot in listed, f"snapshot {snapshot[:8]} is gone")
        target = tempfile.mkdtemp(dir=scratch)
        try:
            machine.expect(codes, "restore", snapshot + ":/src", "-t", target)
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


class Start:
    """A repository with its machine's state and cache, prepared once and copied afresh for each trial.

    `trees`: what must restore whatever happens (snapshot to directory). `forgettable`: snapshots that the job may take
    off the list, or that are off it already. `before_codes`: what verify and restore may say before anything was healed.
    """

    def __init__(self, home, machine):
        self.home, self.machine = home, machine
        self.trees, self.forgettable = {}, {}
        self.others = set()  # snapshots that nobody looks at
        self.before_codes = (0, 14)


class Prepared:
    """The starts, and the versions of the tree that is backed up."""

    VERSIONS = 4

    def __init__(self, program, scratch, seed):
        self.program, self.scratch, self.dice = program, scratch, random.Random(seed)
        self.versions = [os.path.join(scratch, f"v{n}") for n in range(self.VERSIONS)]
        for n, tree in enumerate(self.versions):
            write_tree(tree, seed, changed=n)
        self.next_version = self.versions[3]
        self.trials = 0
        self.starts = {name: getattr(self, "make_" + name)(self.begin(name))
                       for name in ("plain", "retained", "forgotten", "damaged", "unindexed")}

    def begin(self, name):
        home = os.path.join(self.scratch, "start-" + name)
        os.mkdir(home)
        start = Start(home, Machine(self.program, os.path.join(home, "repo"), home))
        start.machine.expect((0,), "init", "-q")
        return start

    def back_up(self, start, number):
        return start.machine.backup(self.versions[number], f"v{number}"), self.versions[number]

    def make_plain(self, start):
        """Two snapshots."""
        start.trees = dict(self.back_up(start, n) for n in (0, 1))
        return start

    def make_retained(self, start):
        """Three, of which `--keep-last 1` forgets two."""
        start.forgettable = dict(self.back_up(start, n) for n in (0, 1))
        start.trees = dict([self.back_up(start, 2)])
        return start

    def make_forgotten(self, start):
        """The same, forgotten: `prune` finds packs that are dead, and one that is partly dead."""
        self.make_retained(start)
        start.machine.expect((0,), "forget", "-q", "--keep-last", "1")
        return start

    def make_damaged(self, start):
        """Two snapshots, and damage of each kind that a second copy heals."""
        self.make_plain(start)
        packs = files_below(start.machine.repository, "packs")
        logs = files_below(start.machine.repository, "log")
        overwrite_middle(packs[0])
        overwrite_middle(packs[1] + ".copy")
        os.unlink(packs[-1] + ".copy")
        overwrite_middle(logs[-1])
        os.unlink(logs[0] + ".copy")
        overwrite_middle(os.path.join(start.machine.repository, "header"))
        start.machine.expect((14,), "verify", "--read-data")
        return start

    def make_unindexed(self, start):
        """So many backups that their tables were merged, and the index object damaged in both of its files."""
        kept = {}
        while not files_below(start.machine.repository, "index"):
            expect(len(kept) < 200, "no index object was made")
            kept[start.machine.backup(self.versions[len(kept) % 2], "many")] = self.versions[len(kept) % 2]
        start.trees = dict(list(kept.items())[-2:])
        start.others = set(kept)
        for path in files_below(start.machine.repository, "index"):
            overwrite_middle(path)
            overwrite_middle(path + ".copy")
        shutil.rmtree(start.machine.environment["COPPICE_CACHE_DIR"], ignore_errors=True)
        start.before_codes = (0, 13, 14)
        return start

    def fresh(self, start):
        """A machine with its own copy. It lies at another path than the one that its state directory knows."""
        self.trials += 1
        home = os.path.join(self.scratch, f"trial{self.trials}")
        subprocess.run(["cp", "-a", start.home, home], check=True)
        return Machine(self.program, os.path.join(home, "repo"), home)


def files_below(repository, folder):
    """The objects there, without their side files, in order of names."""
    found = [os.path.join(top, name) for top, _, names in os.walk(os.path.join(repository, folder)) for name in names]
    return sorted(path for path in found if not path.endswith((".copy", ".par")))


def overwrite_middle(path):
    os.chmod(path, 0o600)
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 2)
        file.write(b"damaged!")


def drop_markers(machine):
    """What a collector does of its own when half a minute has shown that the session is dead."""
    sessions = os.path.join(machine.repository, "sessions")
    for name in os.listdir(sessions) if os.path.isdir(sessions) else ():
        if re.fullmatch(r"[0-9a-f]{64}\.[0-9a-f]{8}", name):
            os.unlink(os.path.join(sessions, name))


def expect_held(machine, trees, scratch, codes=(0, 14)):
    """After whatever happened and before anything was repaired: everything promised is there."""
    machine.expect(codes, "verify", "--read-data")
    machine.expect(codes, "verify", "--keyless")
    expect_snapshots(machine, trees, scratch, codes)


def expect_recovery(prepared, machine, trees):
    """The next run needs no help, and leaves nothing of the dead one."""
    trees = dict(trees)
    trees[machine.backup(prepared.next_version, "after")] = prepared.next_version
    machine.expect((0,), "verify", "--read-data")
    machine.expect((0,), "verify", "--keyless")
    expect_snapshots(machine, trees, prepared.scratch)
    left = os.listdir(os.path.join(machine.repository, "tmp"))
    expect(left == [], f"the next run left what the dead one had begun: {left}")
