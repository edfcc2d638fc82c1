#!/usr/bin/env python3
"""The index of a large repository: memory and time of building it anew, of starting with it, of looking up, and of collecting.

    index_scale.py --coppice PROGRAM --bench INDEX_BENCH [--chunks 10000000] [--work DIR]

Makes a repository of so many chunks with index_bench (log, index objects and tables are real, pack files are only as long as they
should be), then runs a small backup twice, the first of which builds the local index from the index objects, and measures lookups.
At last it forgets all snapshots but those of the small backups, and prunes: dry, and really. That marks, plans, and deletes every
large pack; none of these can be written anew, because they have no bytes.
Needs about 90 bytes of disk a chunk below DIR, and as much again while the local index is merged. Exit status 1 if private memory
(RssAnon) went above 256 MiB anywhere, or a lookup was wrong. Prints a table row.
"""
import argparse, json, os, re, shutil, subprocess, sys, tempfile, threading, time

LIMIT_KIB = 256 << 10
CHUNKS_IN_PACK = 1024  # of index_bench


def rss_anon(pid):
    try:
        with open(f"/proc/{pid}/status") as status:
            found = re.search(r"RssAnon:\s+(\d+)", status.read())
        return int(found[1]) if found else 0
    except OSError:
        return 0


class Run:
    """A command's wall and CPU seconds, its peak of private memory in KiB, and what it printed."""

    def __init__(self, command, env=None):
        started = time.monotonic()
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.peak = 0
        ended = threading.Event()

        def watch():
            while not ended.wait(0.01):
                self.peak = max(self.peak, rss_anon(process.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        self.output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.wall = time.monotonic() - started
        ended.set()
        watcher.join()
        self.cpu = usage.ru_utime + usage.ru_stime
        if process.returncode != 0 or "WRONG" in self.output or "finding" in self.output:
            sys.exit(f"{' '.join(command)}: exit {process.returncode}\n{self.output[-2000:]}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--coppice", required=True)
    arguments.add_argument("--bench", required=True)
    arguments.add_argument("--chunks", type=int, default=10_000_000)
    arguments.add_argument("--work", default="/var/tmp")
    chosen = arguments.parse_args()
    work = tempfile.mkdtemp(prefix="coppice-index-", dir=chosen.work)
    try:
        measure(chosen, work)
    finally:
        shutil.rmtree(work)


def told(run):
    return f"{run.wall:.1f} ({run.cpu:.1f}; {run.peak / 1024:.0f})"


def collect(chosen, env):
    """Forgets what index_bench made, whose trees do not exist, and collects it."""
    listed = Run([chosen.coppice, "snapshots", "--json", "--host", "bench"], env)
    ids = [snapshot["id"] for snapshot in json.loads(listed.output)]
    Run([chosen.coppice, "forget", "-q", "--allow-empty-group", *ids], env)
    dry = Run([chosen.coppice, "prune", "--dry-run", "--json"], env)
    real = Run([chosen.coppice, "prune", "--json"], env)
    planned, done = (json.loads(run.output.strip().splitlines()[-1]) for run in (dry, real))
    large = chosen.chunks // CHUNKS_IN_PACK
    for summary in (planned, done):
        if summary["packs_removed"] < large or summary["snapshots_collected"] != len(ids):
            sys.exit(f"of {large} packs and {len(ids)} snapshots prune removed: {summary}")
    if planned["bytes_freed"] > done["bytes_freed"]:
        sys.exit(f"the dry run promised more than was freed: {planned} {done}")
    again = json.loads(Run([chosen.coppice, "prune", "--json"], env).output.strip().splitlines()[-1])
    if again["packs_removed"] != 0 or again["packs_left_condemned"] != 0:
        sys.exit(f"a second prune had something to do: {again}")
    return dry, real


def measure(chosen, work):
    repository, source = work + "/repository", work + "/source"
    os.mkdir(source)
    with open(source + "/file", "w") as file:
        file.write("a small file\n")
    # Spilled parts go beside the rest, wherever that is.
    env = dict(os.environ, COPPICE_REPOSITORY=repository, COPPICE_KEY_FILE=repository + ".key", COPPICE_CACHE_DIR=work + "/cache",
               COPPICE_STATE_DIR=work + "/state", TMPDIR=work)
    for name in ("COPPICE_PASSWORD", "COPPICE_PASSWORD_FILE"):
        env.pop(name, None)
    made = Run([chosen.bench, "make", str(chosen.chunks), repository])
    print(made.output.strip(), f"made in {made.wall:.1f} s")
    backup = [chosen.coppice, "backup", "-q", source]
    rebuild = Run(backup, env)
    start = min((Run(backup, env) for _ in range(3)), key=lambda run: run.wall)
    look = Run([chosen.bench, "look", repository, work + "/lookup-cache"], env)
    again = Run([chosen.bench, "look", repository, work + "/lookup-cache"], env)
    print(look.output + again.output)
    times = re.findall(r"there (\d+) ns, not there (\d+) ns", look.output + again.output)
    there, absent = (min(int(pair[i]) for pair in times) for i in (0, 1))
    dry, real = collect(chosen, env)
    peak = max(run.peak for run in (rebuild, start, look, again, dry, real))
    print("| chunks | index built anew, s (CPU) | small backup with the local index, s | lookup: there, not there, ns "
          "| prune, dry, s (CPU; MiB) | prune, s (CPU; MiB) | peak RssAnon, MiB |")
    print("|---|---|---|---|---|---|---|")
    print(f"| {chosen.chunks:,} | {rebuild.wall:.1f} ({rebuild.cpu:.1f}) | {start.wall:.2f} | {there}, {absent} "
          f"| {told(dry)} | {told(real)} | {peak / 1024:.0f} |")
    if peak > LIMIT_KIB:
        sys.exit(f"private memory went up to {peak} KiB")


if __name__ == "__main__":
    main()
