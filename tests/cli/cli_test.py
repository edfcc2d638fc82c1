#!/usr/bin/env python3
"""Tests of the built program: cli_test.py PROGRAM [CASES...], where `access` stands for the cases in access_cases.py; default: all."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import program  # noqa: E402

if __name__ == "__main__":
    program.main()
