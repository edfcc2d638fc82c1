#!/usr/bin/env python3
"""Golden repositories restore on other processors: arm64, and s390x, whose byte order is the other one.

    foreign_test.py BUILD_DIRECTORY [ARCHITECTURE...]      (default arm64 and s390x)

For each: the libraries of Debian's port are unpacked into BUILD_DIRECTORY/ARCHITECTURE/root (nothing of them is installed
here: apt works with lists and a status file of its own), `coppice` is built with Debian's cross compiler, and
tests/golden/golden_test.py runs it under qemu: every golden snapshot must restore to what was backed up, and verify must
find the repositories whole. Then it makes a repository there that this machine must read, and the other way round.
A second run reuses all that is there. Needs: g++-aarch64-linux-gnu, g++-s390x-linux-gnu, qemu-user-static, and apt's sources.
"""

import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time

import long_run
from long_run import Broken, expect

SOURCE = os.path.normpath(os.path.join(long_run.HERE, "..", ".."))
# Debian's name: the triplet, and qemu's (which is also the processor's for CMake).
ARCHITECTURES = {"arm64": ("aarch64-linux-gnu", "aarch64"), "s390x": ("s390x-linux-gnu", "s390x")}
PACKAGES = ["libssl3", "libssl-dev", "libzstd1", "libzstd-dev", "libfmt9", "libfmt-dev", "libisal2", "libisal-dev",
            "libcli11-dev", "nlohmann-json3-dev"]


class Unavailable(Exception):
    """This machine lacks a tool; says which."""


def run(*words, **options):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    expect(done.returncode == 0, f"{' '.join(words)}: exit {done.returncode}\n"
                                 f"{done.stdout[-4000:].decode(errors='replace')}")
    return done.stdout.decode(errors="replace")


class Port:
    """One foreign architecture: its libraries, its program, and how to run it here."""

    def __init__(self, name, directory):
        self.name = name
        self.triplet, self.processor = ARCHITECTURES[name]
        self.directory = os.path.join(directory, name)
        self.root = os.path.join(self.directory, "root")
        self.build = os.path.join(self.directory, "build")
        self.program = os.path.join(self.directory, "coppice")
        self.qemu = f"qemu-{self.processor}-static"
        for tool in (f"{self.triplet}-g++", self.qemu):
            if not shutil.which(tool):
                raise Unavailable(f"{tool} is not installed")
        os.makedirs(self.directory, exist_ok=True)

    def apt(self, *words):
        """apt for the other architecture, with lists, cache and status that this machine's apt does not see."""
        state = os.path.join(self.directory, "apt")
        for folder in ("lists/partial", "cache/archives/partial", "debs"):
            os.makedirs(os.path.join(state, folder), exist_ok=True)
        with open(os.path.join(state, "status"), "a", encoding="ascii"):
            pass
        options = [f"APT::Architecture={self.name}", f"APT::Architectures={{{self.name};}}", f"Dir::State={state}",
                   f"Dir::State::lists={state}/lists", f"Dir::State::status={state}/status",
                   f"Dir::Cache={state}/cache", "APT::Sandbox::User=root"]
        return run("apt-get", "-qq", *(word for option in options for word in ("-o", option)), *words,
                   cwd=os.path.join(state, "debs"))

    def unpack_libraries(self):
        complete = os.path.join(self.root, "complete")
        if os.path.exists(complete):
            return
        # Sources that do not know the architecture make `update` fail; what matters is whether the packages come.
        try:
            self.apt("update")
        except Broken as why:
            print(why)
        self.apt("download", *PACKAGES)
        os.makedirs(self.root, exist_ok=True)
        for package in glob.glob(os.path.join(self.directory, "apt", "debs", "*.deb")):
            run("dpkg-deb", "-x", package, self.root)
        with open(complete, "w", encoding="ascii"):
            pass

    def compile(self):
        usr = os.path.join(self.root, "usr")
        libraries = os.path.join(usr, "lib", self.triplet)
        environment = dict(os.environ, PKG_CONFIG_LIBDIR=f"{libraries}/pkgconfig:{usr}/share/pkgconfig",
                           PKG_CONFIG_SYSROOT_DIR=self.root)
        # Debian keeps OpenSSL's configuration beside the triplet, where the cross compiler would not look.
        flags = f"-O1 -isystem {usr}/include/{self.triplet}"
        settings = {
            "CMAKE_SYSTEM_NAME": "Linux", "CMAKE_SYSTEM_PROCESSOR": self.processor, "CMAKE_BUILD_TYPE": "Release",
            "CMAKE_C_COMPILER": f"{self.triplet}-gcc", "CMAKE_CXX_COMPILER": f"{self.triplet}-g++",
            "CMAKE_C_FLAGS_RELEASE": flags, "CMAKE_CXX_FLAGS_RELEASE": flags,
            "CMAKE_EXE_LINKER_FLAGS": f"-L{libraries} -Wl,-rpath-link,{libraries}",
            "CMAKE_LIBRARY_ARCHITECTURE": self.triplet, "CMAKE_CXX_LIBRARY_ARCHITECTURE": self.triplet,
            "CMAKE_FIND_ROOT_PATH": self.root, "CMAKE_FIND_ROOT_PATH_MODE_PROGRAM": "NEVER",
            "CMAKE_FIND_ROOT_PATH_MODE_LIBRARY": "ONLY", "CMAKE_FIND_ROOT_PATH_MODE_INCLUDE": "ONLY",
            "CMAKE_FIND_ROOT_PATH_MODE_PACKAGE": "ONLY", "COPPICE_TESTS": "OFF"}
        if shutil.which("ccache"):
            settings |= {"CMAKE_C_COMPILER_LAUNCHER": "ccache", "CMAKE_CXX_COMPILER_LAUNCHER": "ccache"}
        run("cmake", "-S", SOURCE, "-B", self.build, "-G", "Ninja", *(f"-D{k}={v}" for k, v in settings.items()),
            env=environment)
        run("cmake", "--build", self.build, "--target", "coppice", env=environment)
        # What runs is a word like any other program, so that golden_test.py needs to know nothing of this.
        with open(self.program, "w", encoding="utf-8") as script:
            script.write(f"#!/bin/sh\nexec {self.qemu} -L /usr/{self.triplet} -E LD_LIBRARY_PATH={libraries} "
                         f"{self.build}/cli/coppice \"$@\"\n")
        os.chmod(self.program, 0o755)


def read_across(writer, reader, scratch):
    """What `writer` backs up, `reader` verifies, restores and adds to; then `writer` reads that."""
    home = tempfile.mkdtemp(dir=scratch)
    trees = {}
    machines = [long_run.Machine(program, os.path.join(home, "repo"), home, name=f"host{at}")
                for at, program in enumerate((writer, reader))]
    machines[0].expect((0,), "init", "-q")
    for version, machine in enumerate((machines[0], machines[1], machines[0])):
        tree = os.path.join(home, f"tree{version}")
        # Large enough for parity and deltas; the shared seed makes the versions alike.
        long_run.write_tree(tree, "foreign", changed=version, large=3 << 20)
        trees[machine.backup(tree, f"v{version}")] = tree
        for one in machines:
            one.expect((0,), "verify", "--read-data")
            long_run.expect_snapshots(one, trees, scratch)


def judge(port, native, scratch):
    golden = os.path.join(SOURCE, "tests", "golden", "golden_test.py")
    began = time.monotonic()
    told = run(sys.executable, golden, port.program)
    print(f"{port.name}: golden repositories: {told.strip().splitlines()[-3]}", flush=True)
    if native:
        read_across(native, port.program, scratch)
        read_across(port.program, native, scratch)
        print(f"{port.name}: repositories made here are read and continued there, and the other way round", flush=True)
    print(f"{port.name}: {time.monotonic() - began:.0f} s under {port.qemu}", flush=True)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    directory = os.path.abspath(sys.argv[1])
    native = os.environ.get("COPPICE_NATIVE", os.path.join(SOURCE, "build", "release", "cli", "coppice"))
    if not os.path.exists(native):
        print(f"no program of this machine at {native} (COPPICE_NATIVE): only the golden repositories are read")
        native = None
    scratch = tempfile.mkdtemp(prefix="coppice-foreign-", dir=os.environ.get("TMPDIR", "/var/tmp"))
    try:
        for name in sys.argv[2:] or ARCHITECTURES:
            port = Port(name, directory)
            port.unpack_libraries()
            port.compile()
            judge(port, native, scratch)
    except Unavailable as why:
        print(f"SKIPPED: {why}")
    except Broken as broken:
        print(f"BROKEN (kept in {scratch}): {broken}")
        sys.exit(1)
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
