#!/usr/bin/env python3
"""Tests of the built program: cli_test.py PROGRAM. The cases stand in *_cases.py."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import program  # noqa: E402

if __name__ == "__main__":
    program.main()
