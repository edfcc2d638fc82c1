#!/usr/bin/python3
"""Makes a golden repository of the current format:  make.py COPPICE plain|deltas DIRECTORY

To be run once per format version, when the format is frozen; before that, after each change of the format. The passphrase is "golden",
the key file stands beside the repository; both are public. DIRECTORY gets `repository/`, `key-file` and `expected.json`.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import tree


STATES = {"plain": [tree.make_first, tree.make_second],
          "deltas": [lambda root, at=at: tree.make_versions(root, at) for at in range(3)]}


def main(coppice, kind, directory):
    scratch = tempfile.mkdtemp()
    source = os.path.join(scratch, "source")
    repository = os.path.join(directory, "repository")
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    env = {"PATH": os.environ["PATH"], "COPPICE_REPOSITORY": repository, "COPPICE_PASSWORD": "golden",
           "COPPICE_HOST": "golden", "COPPICE_STATE_DIR": scratch + "/state", "COPPICE_CACHE_DIR": scratch + "/cache"}

    def run(*words):
        subprocess.run([coppice, *words], env=env, check=True)

    run("init", "--chunk-size", "64K", "--key-file", os.path.join(directory, "key-file"))
    expected = {"source": source, "snapshots": []}
    os.mkdir(source)
    for change in STATES[kind]:
        change(os.fsencode(source))
        run("backup", "-q", source)
        expected["snapshots"].append(tree.describe(os.fsencode(source)))
    with open(os.path.join(directory, "expected.json"), "w") as out:
        json.dump(expected, out, indent=1, sort_keys=True)
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]), sys.argv[2], os.path.abspath(sys.argv[3]))
