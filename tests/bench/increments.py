#!/usr/bin/env python3
"""Measures what a second backup of a changed file stores, coppice beside restic and borg (-C zstd,3).

    increments.py --work DIR --results DIR --coppice PROGRAM --linux DIR     # all cases, all tools
    increments.py --work DIR --results DIR --cases log,sqlite --tools coppice --scale 0.25
    increments.py --results DIR --report FILE.md                             # a table of all results found

Cases: `sqlite` (1 GiB, 2 % of the rows updated), `image` (an ext4 image of 2 GiB, files changed in it; asks for root to mount it,
else debugfs does it), `log` (500 MiB, the first 5 % cut off, 1 % appended), `linux` (DIR/linux-A, then DIR/linux-B over it) and
`thirty` (coppice only: a database, 2 % of the rows a day, a snapshot a day). Data comes from a fixed seed, but `image` holds this
machine's files and times. After each state, but not in `thirty`, files are given 61 s: coppice reads one again whose ctime is younger.

Wall is a monotonic clock, CPU is user + sys of wait4(), `added` is what the tool says (restic 0.14: before compression), and `growth`
what the file sizes in the repository sum up to, after less before: the figure that depends on no tool. Snapshots of coppice are
restored and compared by sha256 (of `thirty` three); exit status 1 if one differs. --results gets a JSON file, for `thirty` a table and
a plot too.
"""
import argparse, datetime, glob, hashlib, itertools, json, math, os, pathlib, platform, random, shutil
import sqlite3, statistics, subprocess, sys, threading, time

MIB = 1 << 20
MIN_FREE = 10 << 30            # stop rather than fill the disk
PASSWORD = "correct horse battery staple"
SEED = 20261122


def last_line(output):
    return json.loads(output.splitlines()[-1])


TOOLS = {                      # {source}: what is backed up, {name}: of the snapshot
    "coppice": dict(
        version="{program} version",
        init="{program} init -q",
        backup="{program} backup -q --json {source}",
        restore="{program} restore -q {name}:{source} -t {target}",
        said=lambda output: dict(added=last_line(output)["data_added_packed"], snapshot=last_line(output)["snapshot_id"])),
    "restic": dict(
        version="restic version",
        init="restic init -q",
        backup="restic backup -q --json {source}",
        said=lambda output: dict(added=last_line(output)["data_added"])),
    "borg": dict(
        version="borg --version",
        init="borg init -e repokey-blake2",
        backup="borg create -C zstd,3 --json ::{name} {source}",
        said=lambda output: dict(added=json.loads(output)["archive"]["stats"]["deduplicated_size"])),
}


def environment(home):
    """The tools' variables, and nothing of theirs from outside."""
    outside = {key: value for key, value in os.environ.items() if not key.startswith(("COPPICE_", "RESTIC_", "BORG_"))}
    repository, cache = home + "/repository", home + "/cache"
    return dict(outside, LC_ALL="C.UTF-8", HOME=home,
                COPPICE_REPOSITORY=repository, COPPICE_PASSWORD=PASSWORD, COPPICE_CACHE_DIR=cache, COPPICE_STATE_DIR=home + "/state",
                RESTIC_REPOSITORY=repository, RESTIC_PASSWORD=PASSWORD, RESTIC_CACHE_DIR=cache,
                BORG_REPO=repository, BORG_PASSPHRASE=PASSWORD, BORG_BASE_DIR=cache)


# ----------------------------------------------------------------------------- data
class Words:
    """Made-up words, a few of them frequent and most rare, as in a language."""

    def __init__(self):
        rng = random.Random(SEED)
        syllables = [a + b for a in "bcdfghklmnprstvw" for b in ("a", "e", "i", "o", "u", "an", "er", "in", "on", "es")]
        self.words = ["".join(rng.choices(syllables, k=rng.choice((1, 2, 2, 3, 3, 4)))) for _ in range(6000)]
        self.weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(self.words))))

    def text(self, rng, count):
        return " ".join(rng.choices(self.words, cum_weights=self.weights, k=count))


class Database:
    """A table with an index in a live database, which backups see as copies by SQLite's backup API."""

    BYTES_PER_ROW = 288        # measured, with the index's share

    def __init__(self, path, size):
        self.words = Words()
        self.rows = max(1000, int(size / self.BYTES_PER_ROW))
        self.connection = sqlite3.connect(path)
        self.connection.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-1000000;"
            "CREATE TABLE record(id INTEGER PRIMARY KEY, name TEXT, city TEXT, note TEXT, amount INTEGER, token TEXT, digest TEXT);")
        rng = random.Random(SEED + 1)
        self.connection.executemany("INSERT INTO record VALUES(?,?,?,?,?,?,?)", (
            (i, self.words.text(rng, 3), self.words.text(rng, 1), self.words.text(rng, rng.randrange(8, 29)), rng.randrange(10 ** 6),
             rng.randbytes(16).hex(), rng.randbytes(20).hex()) for i in range(1, self.rows + 1)))
        self.connection.execute("CREATE INDEX by_name ON record(name)")
        self.connection.commit()

    def update(self, round_number, share=0.02):
        """Other notes, amounts and tokens, and in one of ten rows a new name, so that the index changes too."""
        rng = random.Random(SEED + 100 + round_number)
        chosen = sorted(rng.sample(range(1, self.rows + 1), int(self.rows * share)))
        self.connection.executemany("UPDATE record SET note=?, amount=?, token=?, name=coalesce(?, name) WHERE id=?", (
            (self.words.text(rng, rng.randrange(8, 29)), rng.randrange(10 ** 6), rng.randbytes(16).hex(),
             self.words.text(rng, 3) if rng.random() < 0.1 else None, i) for i in chosen))
        self.connection.commit()

    def copy_to(self, path):
        if os.path.exists(path):
            os.unlink(path)
        target = sqlite3.connect(path)
        self.connection.backup(target)
        target.close()


def database_states(source, scratch, options, size=1024, count=2):
    database = Database(scratch + "/live.db", size * MIB * options.scale)
    for state in range(count):
        if state:
            database.update(state)
        database.copy_to(source + "/data.db")
        yield


def log_lines():
    rng, words, moment = random.Random(SEED + 2), Words(), 1790000000.0
    levels = ["INFO"] * 8 + ["DEBUG", "WARN"]
    while True:
        moment += rng.expovariate(40)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1e6):06d}Z"
        host, service = rng.randrange(24), rng.choice(("gateway", "orders", "mailer", "search"))
        yield (f"{stamp} web-{host:02d} {service}[{2000 + host * 7}]: {rng.choice(levels)} request={rng.getrandbits(48):012x} "
               f"user={rng.randrange(90000)} GET /{words.text(rng, 2).replace(' ', '/')}/{rng.randrange(5000)} "
               f"{rng.choice((200, 200, 200, 304, 404))} {rng.randrange(200, 60000)}B {rng.expovariate(9):.3f}s "
               f"{words.text(rng, 6)}\n").encode()


def write_lines(file, lines, amount):
    while amount > 0:
        amount -= file.write(next(lines))


def log_states(source, scratch, options):
    path, size, lines = source + "/service.log", int(500 * MIB * options.scale), log_lines()
    with open(path, "wb") as log:
        write_lines(log, lines, size)
    yield
    with open(path, "rb") as old, open(scratch + "/new.log", "wb") as new:
        old.seek(size // 20)
        old.readline()
        shutil.copyfileobj(old, new, MIB)
        write_lines(new, lines, size // 100)
    os.replace(scratch + "/new.log", path)
    yield


def linux_states(source, scratch, options):
    for state in "AB":
        subprocess.run(["rsync", "-aHAX", "--numeric-ids", "--delete", f"{options.linux}/linux-{state}/", source + "/"], check=True)
        yield


def real_files(folder):
    for directory, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(directory, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path


def copy_real_files(files, tree, budget):
    """Copies up to `budget` bytes of what `files` yields and returns the paths below `tree`."""
    copied = []
    for path in files:
        if (budget := budget - os.path.getsize(path)) < 0:
            return copied
        os.makedirs(tree + os.path.dirname(path), exist_ok=True)
        shutil.copy2(path, tree + path)
        copied.append(path)
    return copied


def edit_tree(root, removed, altered, added):
    rng, words = random.Random(SEED + 4), Words()
    for path in removed:
        os.unlink(root + path)
    for path in altered:
        with open(root + path, "r+b") as file:
            file.seek(os.path.getsize(root + path) // 2)
            file.write(words.text(rng, 200).encode())
    os.makedirs(root + "/added")
    for path, original in added.items():
        shutil.copy2(original, root + path)


def edit_image(image, tree, scratch, removed, altered, added):
    """Edits the files in the image by the kernel, or, where it cannot be mounted, by debugfs."""
    mounted = scratch + "/mounted"
    os.makedirs(mounted)
    if subprocess.run(["mount", "-o", "loop,noatime", image, mounted]).returncode == 0:
        try:
            edit_tree(mounted, removed, altered, added)
        finally:
            subprocess.run(["umount", mounted], check=True)
        return
    edit_tree(tree, removed, altered, added)
    commands = [f'rm "{path}"' for path in removed + altered] + ["mkdir /added"]
    commands += [f'write "{tree + path}" "{path}"' for path in altered + list(added)]
    subprocess.run(["debugfs", "-w", "-f", "-", image], input="\n".join(commands).encode(), check=True, stdout=subprocess.DEVNULL)


def image_states(source, scratch, options):
    image, tree, budget = source + "/disk.img", scratch + "/tree", 1229 * MIB * options.scale
    library = real_files("/usr/lib")
    files = copy_real_files(real_files("/usr/share"), tree, budget * 0.4) + copy_real_files(library, tree, budget * 0.6)
    fixed, variables = "8f0c1d52-5b3e-4c55-9d0a-3a1f0e7c2b11", dict(os.environ, E2FSPROGS_FAKE_TIME="1790000000")
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-U", fixed, "-E",
                    f"hash_seed={fixed},lazy_itable_init=0,lazy_journal_init=0", "-d", tree, image,
                    f"{int(2048 * options.scale)}M"], check=True, stdout=subprocess.DEVNULL, env=variables)
    yield
    rng, share = random.Random(SEED + 3), max(1, len(files) // 100)
    chosen = rng.sample(files, 2 * share)
    small = (path for path in library if os.path.getsize(path) < MIB)
    new = {f"/added/{number}": path for number, path in enumerate(itertools.islice(small, share))}
    edit_image(image, tree, scratch, chosen[:share], chosen[share:], new)
    yield


STATES = dict(sqlite=database_states, image=image_states, log=log_states, linux=linux_states)
CASES = [*STATES, "thirty"]


# ----------------------------------------------------------------------------- measuring
class MemoryWatch(threading.Thread):
    """Looks every 20 ms at how much memory of its own a process holds."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.status, self.ended, self.samples = f"/proc/{pid}/status", threading.Event(), [0]
        self.start()

    def run(self):
        while not self.ended.wait(0.02):
            try:
                with open(self.status) as status:
                    self.samples += [int(line.split()[1]) for line in status if line.startswith("RssAnon:")]
            except (FileNotFoundError, ProcessLookupError):
                return

    def end(self):
        self.ended.set()
        self.join()
        return dict(rss_anon_peak_mib=round(max(self.samples) / 1024, 1),
                    rss_anon_median_mib=round(statistics.median(self.samples) / 1024, 1))


def measure(command, variables, log):
    """Runs a command and returns what it took and what it printed; a command that fails ends the run."""
    os.sync()
    with open(log + ".out", "w+b") as out, open(log, "ab") as errors:
        start = time.monotonic()
        process = subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL, stdout=out, stderr=errors)
        watch = MemoryWatch(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        memory = watch.end()
        out.seek(0)
        output = out.read().decode()
    if process.returncode:
        with open(log, "rb") as errors:
            sys.exit(f"{' '.join(command)}: status {process.returncode}\n{errors.read()[-2000:].decode(errors='replace')}")
    return dict(wall=round(wall, 3), cpu=round(usage.ru_utime + usage.ru_stime, 3), max_rss_mib=round(usage.ru_maxrss / 1024, 1),
                load=round(os.getloadavg()[0], 2), **memory), output


def tree_bytes(folder):
    return sum(os.lstat(os.path.join(directory, name)).st_size for directory, _, names in os.walk(folder) for name in names)


def content(path):
    if os.path.islink(path):
        return "link to " + os.readlink(path)
    if not os.path.isfile(path):
        return f"mode {os.lstat(path).st_mode:o}"
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest(root):
    """{path: what it is and holds}; it leaves the files in the page cache."""
    return {os.path.relpath(path, root): content(path) for directory, folders, names in os.walk(root)
            for path in (os.path.join(directory, name) for name in folders + names)}


class Repository:
    """A fresh repository of one tool, with state and cache of its own."""

    def __init__(self, tool, home, program):
        self.spec, self.home, self.program, self.count = TOOLS[tool], home, program, 0
        os.makedirs(home)
        self.run("init")

    def run(self, verb, **names):
        command = [word.format(program=self.program, **names) for word in self.spec[verb].split()]
        return measure(command, environment(self.home), self.home + "/log")

    def backup(self, source):
        if shutil.disk_usage(self.home).free < MIN_FREE:
            sys.exit(f"less than {MIN_FREE >> 30} GiB free: stopped before the disk fills up")
        self.count += 1
        before = tree_bytes(self.home + "/repository")
        figures, output = self.run("backup", source=source, name=f"snapshot-{self.count}")
        after = tree_bytes(self.home + "/repository")
        return dict(figures, growth=after - before, repository=after, **self.spec["said"](output))

    def restore(self, snapshot, source, expected):
        target = self.home + "/restored"
        os.makedirs(target)
        figures, _ = self.run("restore", name=snapshot, source=source, target=target)
        figures["identical"] = manifest(target) == expected
        shutil.rmtree(target)
        return figures


def tell(case, what, figures):
    sizes = "".join(f", {key} {figures[key] / MIB:.2f} MiB" for key in ("added", "growth") if key in figures)
    print(f"{datetime.datetime.now():%H:%M:%S} {case} {what}: {figures['wall']:.2f} s, CPU {figures['cpu']:.2f} s, RssAnon up to "
          f"{figures['rss_anon_peak_mib']:.0f} MiB{sizes}" + ("" if figures.get("identical", True) else ", DIFFERENT"), flush=True)


def measure_increment(case, folder, options):
    """A and then B by each tool; both restored by coppice."""
    source, scratch = folder + "/source", folder + "/scratch"
    repositories = {tool: Repository(tool, f"{folder}/{tool}", options.program) for tool in options.tools}
    figures, expected = {tool: {} for tool in options.tools}, {}
    for state, _ in zip("AB", STATES[case](source, scratch, options)):
        os.sync()
        time.sleep(options.settle)
        expected[state] = manifest(source)
        for tool, repository in repositories.items():
            figures[tool][state] = repository.backup(source)
            tell(case, f"{tool} {state}", figures[tool][state])
    for state in "AB" if "coppice" in repositories else "":
        restored = repositories["coppice"].restore(figures["coppice"][state]["snapshot"], source, expected[state])
        figures["coppice"][state]["restore"] = restored
        tell(case, f"restore of {state}", restored)
    return dict(case=case, scale=options.scale, source_bytes=tree_bytes(source), tools=figures)


def measure_days(case, folder, options):
    """A snapshot a day, then restores of the first, the middle and the last day, and of a repository with only the last."""
    source, scratch = folder + "/source", folder + "/scratch"
    repository, days, expected = Repository("coppice", folder + "/coppice", options.program), [], []
    for _ in database_states(source, scratch, options, options.thirty_size, options.days):
        os.sync()
        expected.append(manifest(source))
        days.append(repository.backup(source))
        tell(case, f"day {len(days)}", days[-1])
    plain = Repository("coppice", folder + "/plain", options.program)
    plain_day = plain.backup(source)
    chosen = {f"day {day}": (repository, days[day - 1], expected[day - 1]) for day in (1, (len(days) + 1) // 2, len(days))}
    chosen["plain"] = (plain, plain_day, expected[-1])
    restores = {name: [] for name in chosen}
    for name in list(chosen) * 3:
        where, backup, state = chosen[name]
        restores[name].append(where.restore(backup["snapshot"], source, state))
        tell(case, f"restore of {name}", restores[name][-1])
    return dict(case=case, scale=options.scale, source_bytes=tree_bytes(source), days=days, plain=plain_day, restores=restores)


def measure_case(case, options):
    folder = os.path.join(options.work, "increments-" + case)
    subprocess.run(["rm", "-rf", folder], check=True)
    for name in ("source", "scratch"):
        os.makedirs(f"{folder}/{name}")
    try:
        return (measure_days if case == "thirty" else measure_increment)(case, folder, options)
    finally:
        if not options.keep:
            subprocess.run(["rm", "-rf", folder], check=True)


# ----------------------------------------------------------------------------- reporting
def mib(size):
    return f"{size / MIB:.{2 if size < 100 * MIB else 0}f}"


def markdown(head, rows):
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head)] + rows) + "\n"


def restored_cell(figures):
    restores = [figures[state]["restore"] for state in "AB" if "restore" in figures[state]]
    same = "identical" if all(restore["identical"] for restore in restores) else "DIFFERENT"
    return " / ".join(f"{restore['cpu']:.2f}" for restore in restores) + f", {same}" if restores else "-"


def increment_row(run, tool, scale, figures, restic_growth):
    first, second = figures["A"], figures["B"]
    return [run["started"][5:16], run["versions"][tool], f"{scale:g}", mib(first["growth"]), f"{first['cpu']:.2f}", mib(second["added"]),
            mib(second["growth"]), f"{second['growth'] / restic_growth:.3f}" if restic_growth else "-", f"{second['wall']:.2f}",
            f"{second['cpu']:.2f}", f"{second['rss_anon_peak_mib']:.0f} ({second['rss_anon_median_mib']:.0f})",
            restored_cell(figures)]


def increments_markdown(case, runs):
    """A row for each run and tool; a run without restic is set against the newest of restic at its scale."""
    head = ["run", "tool", "scale", "A: growth MiB", "A: CPU s", "B: added MiB", "B: growth MiB", "B: growth / restic", "B: wall s",
            "B: CPU s", "B: RssAnon MiB, peak (median)", "restore A / B: CPU s"]
    found = [(run, result) for run in runs for result in run["results"] if result["case"] == case]
    growth = {result["scale"]: result["tools"]["restic"]["B"]["growth"] for _, result in found if "restic" in result["tools"]}
    rows = []
    for run, result in found:
        own = result["tools"].get("restic")
        restic_growth = own["B"]["growth"] if own else growth.get(result["scale"])
        rows += [increment_row(run, tool, result["scale"], figures, restic_growth) for tool, figures in result["tools"].items()]
    return f"## {case}\n\n" + markdown(head, rows) if rows else ""


def days_summary(run, result):
    later = result["days"][1:]
    total, mean = sum(day["growth"] for day in later), statistics.mean(day["growth"] for day in later)
    rows = []
    for name, restores in result["restores"].items():
        median = {key: statistics.median(restore[key] for restore in restores) for key in ("wall", "cpu")}
        rows.append([name, f"{median['wall']:.2f}", f"{median['cpu']:.2f}", "yes" if all(r["identical"] for r in restores) else "NO"])
    return (f"## thirty ({run['started'][5:16]}, {run['versions']['coppice']})\n\n"
            f"A database of {mib(result['source_bytes'])} MiB, {len(result['days'])} days. The first backup adds "
            f"{mib(result['days'][0]['growth'])} MiB, the others {mib(total)} MiB together, {mib(mean)} MiB on average, with "
            f"{statistics.median(day['cpu'] for day in later):.2f} s CPU (median). Medians of three restores:\n\n"
            + markdown(["restore of", "wall s", "CPU s", "identical"], rows))


def days_markdown(run, result):
    rows = [[str(number), mib(day["added"]), mib(day["growth"]), f"{day['cpu']:.2f}", f"{day['wall']:.2f}",
             f"{day['rss_anon_peak_mib']:.0f}"] for number, day in enumerate(result["days"], 1)]
    return days_summary(run, result) + "\n" + markdown(["day", "added MiB", "growth MiB", "CPU s", "wall s", "peak RssAnon MiB"], rows)


def tick_step(span):
    power = 10 ** math.floor(math.log10(span / 6))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor * 6 >= span)


def days_plot(run, result):
    """An SVG of what each day but the first adds."""
    left, top, width, height, days = 80, 70, 680, 320, len(result["days"])
    series = [("repository growth", "#1b5e9e", "growth"), ("data added, as coppice says", "#c4570f", "added")]
    step = tick_step(max(day[key] for day in result["days"][1:] for _, _, key in series) / MIB or 1)
    highest = 6 * step
    x = lambda day: left + width * (day - 1) / max(1, days - 1)
    y = lambda value: top + height * (1 - value / highest)
    text = lambda x, y, words, more="": f'<text x="{x:.1f}" y="{y:.1f}" {more}>{words}</text>'
    middle = 'text-anchor="middle"'
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 480" font-family="sans-serif" font-size="13" fill="#222">',
           '<rect width="800" height="480" fill="#fff"/>',
           text(left, 28, "What a daily backup of a changing database adds", 'font-size="18" font-weight="bold"'),
           text(left, 50, f"SQLite, {mib(result['source_bytes'])} MiB, 2 % of the rows a day; {run['versions']['coppice']}; "
                f"the first backup (not shown): {mib(result['days'][0]['growth'])} MiB")]
    for value in (step * number for number in range(7)):
        out += [f'<path d="M{left} {y(value):.1f}h{width}" stroke="#ddd"/>',
                text(left - 8, y(value) + 4, f"{value:g}", 'text-anchor="end"')]
    out += [text(x(day), top + height + 20, day, middle) for day in range(1, days + 1) if day == 1 or day % max(1, days // 6) == 0]
    out += [text(left + width / 2, top + height + 42, "day", middle),
            text(24, top + height / 2, "MiB a day", f'{middle} transform="rotate(-90 24 {top + height / 2})"')]
    for place, (name, colour, key) in enumerate(series):
        points = " ".join(f"{x(number):.1f},{y(day[key] / MIB):.1f}" for number, day in enumerate(result["days"], 1) if number > 1)
        out += [f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>',
                f'<path d="M{left + 260 * place} {top + height + 62}h24" stroke="{colour}" stroke-width="3"/>',
                text(left + 30 + 260 * place, top + height + 66, name)]
    return "\n".join(out + ["</svg>"]) + "\n"


def write_report(options):
    runs = sorted((json.load(open(path)) for path in glob.glob(options.results + "/increments-*.json")), key=lambda run: run["started"])
    machine = sorted({f"{run['cpus']} CPUs, {run['cpu']}, Linux {run['kernel']}" for run in runs})
    parts = [f"# What a changed file adds\n\nBy `increments.py --report`; its head tells how figures are taken. {'; '.join(machine)}.\n"]
    parts += [increments_markdown(case, runs) for case in STATES]
    parts += [days_summary(run, result) for run in runs for result in run["results"] if result["case"] == "thirty"]
    pathlib.Path(options.report).write_text("\n".join(filter(None, parts)))


# ----------------------------------------------------------------------------- running
def describe_run(options):
    """When, where and what: one file of the results begins with it."""
    versions = {}
    for tool in {"coppice", *options.tools}:
        command = TOOLS[tool]["version"].format(program=options.program).split()
        versions[tool] = " ".join(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[:2])
    with open(options.program, "rb") as program:
        versions["coppice"] += f" ({hashlib.file_digest(program, 'sha256').hexdigest()[:8]})"
    with open("/proc/cpuinfo") as lines:
        cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return dict(started=datetime.datetime.now().isoformat(timespec="seconds"), versions=versions, cpus=os.cpu_count(), cpu=cpu,
                kernel=platform.release(), results=[])


def run_cases(options):
    run = describe_run(options)
    results, stem = pathlib.Path(options.results), f"{run['started'].replace(':', '')}-{os.getpid()}"
    for case in options.cases:
        run["results"].append(measure_case(case, options))
        (results / f"increments-{stem}.json").write_text(json.dumps(run, indent=1))
        if case == "thirty":
            (results / f"thirty-{stem}.md").write_text(days_markdown(run, run["results"][-1]))
            (results / f"thirty-{stem}.svg").write_text(days_plot(run, run["results"][-1]))
        else:
            print(increments_markdown(case, [run]))
    if '"identical": false' in json.dumps(run):
        sys.exit("a restore differs from what was backed up")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = lambda known: lambda text: [word for word in text.split(",") if word in known or parser.error(f"unknown: {word}")]
    parser.add_argument("--work", help="scratch directory for data, repositories and restores")
    parser.add_argument("--results", required=True)
    parser.add_argument("--cases", type=names(CASES), default=CASES)
    parser.add_argument("--tools", type=names(TOOLS), default=list(TOOLS))
    parser.add_argument("--scale", type=float, default=1, help="of the data that is made here")
    parser.add_argument("--coppice", default="coppice", help="the program; a copy taken at the start is what runs")
    parser.add_argument("--linux", metavar="DIR", help="with linux-A and linux-B")
    parser.add_argument("--settle", type=float, default=61, help="seconds to wait after writing a state")
    parser.add_argument("--thirty-size", type=float, default=256, metavar="MIB")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--keep", action="store_true", help="keep data and repositories")
    parser.add_argument("--report", metavar="FILE.md", help="write a table of all results found and stop")
    options = parser.parse_args()
    if not options.report and not options.work:
        parser.error("--work is missing")
    if not options.report and "linux" in options.cases and not options.linux:
        parser.error("the case linux needs --linux")
    if options.days < 2:
        parser.error("--days: at least 2")
    return options


def main():
    options = parse_options()
    if options.report:
        return write_report(options)
    options.work = os.path.abspath(options.work)
    for folder in (options.work, options.results):
        os.makedirs(folder, exist_ok=True)
    options.program = os.path.join(options.work, "increments-program")
    shutil.copy2(shutil.which(options.coppice) or options.coppice, options.program)
    try:
        run_cases(options)
    finally:
        os.unlink(options.program)


if __name__ == "__main__":
    main()
