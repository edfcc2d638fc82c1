#!/usr/bin/env python3
"""Every decoder under libFuzzer, with ASan and UBSan, for some time each.

    fuzz_test.py BUILD_DIRECTORY [SECONDS [TARGET...]]      (default 60 seconds each)

Configures and builds the fuzzer there (clang), then runs one target after the other on a copy of tests/fuzz/corpus.
What it finds lies in BUILD_DIRECTORY/finds: put it into the corpus beside its fix. Memory: an input may ask for 256 MiB
at once, and 1 GiB in all, before that counts as a find.
"""

import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.normpath(os.path.join(HERE, "..", ".."))
CORPUS = os.path.join(SOURCE, "tests", "fuzz", "corpus")


def build(directory):
    subprocess.run(["cmake", "-S", SOURCE, "-B", directory, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
                    "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -g1", "-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O1 -g1",
                    "-DCMAKE_CXX_COMPILER=clang++", "-DCMAKE_C_COMPILER=clang", "-DCOPPICE_FUZZ=ON", "-DCMAKE_UNITY_BUILD=ON",
                    "-DCOPPICE_SANITIZE=address,undefined,fuzzer-no-link"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", directory, "--target", "fuzz"], check=True, stdout=subprocess.DEVNULL)


def fuzz(directory, target, seconds):
    """Runs one target; its executions, and what it found."""
    work = os.path.join(directory, "corpus", target)
    finds = os.path.join(directory, "finds", target)
    os.makedirs(work, exist_ok=True)
    os.makedirs(finds, exist_ok=True)
    before = set(os.listdir(finds))
    done = subprocess.run([os.path.join(directory, "tests", "fuzz", "fuzz"), work, os.path.join(CORPUS, target),
                           f"-max_total_time={seconds}", "-max_len=65536", "-timeout=10", "-rss_limit_mb=1024",
                           "-malloc_limit_mb=256", "-print_final_stats=1", f"-artifact_prefix={finds}/"],
                          env=dict(os.environ, COPPICE_FUZZ_TARGET=target), capture_output=True)
    log = done.stderr.decode(errors="replace")
    executions = re.search(r"number_of_executed_units: (\d+)", log)
    coverage = re.findall(r"cov: (\d+)", log)
    new = sorted(set(os.listdir(finds)) - before)
    if done.returncode != 0 and not new:
        new = [log[-2000:]]
    print(f"{target}: {executions[1] if executions else '?'} runs in {seconds} s, {coverage[-1] if coverage else '?'} "
          f"edges, {len(new)} finds {' '.join(new)}", flush=True)
    return new


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if not shutil.which("clang++"):
        print("SKIPPED: clang++ is not installed")
        return
    directory = os.path.abspath(sys.argv[1])
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    build(directory)
    began = time.monotonic()
    finds = [find for target in sys.argv[3:] or sorted(os.listdir(CORPUS)) for find in fuzz(directory, target, seconds)]
    print(f"{time.monotonic() - began:.0f} s, {len(finds)} finds")
    sys.exit(1 if finds else 0)


if __name__ == "__main__":
    main()
