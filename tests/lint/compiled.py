# SPDX-License-Identifier: Apache-2.0
"""What the checks that follow the compile database share: which files, how to run in parallel."""

import concurrent.futures
import json
import os
import subprocess
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), '..', '..'))
OURS = ('daemon/', 'drivers/', 'tests/sensor/')
JOBS = 2


def database(build):
    """(path in the tree, entry) of every file that ships, each once."""
    with open(os.path.join(build, 'compile_commands.json'), encoding='utf-8') as file:
        entries = json.load(file)
    found = {}
    for entry in entries:
        path = os.path.relpath(
            os.path.realpath(os.path.join(entry['directory'], entry['file'])), ROOT)
        if path.startswith(OURS) and path.endswith('.c'):
            found.setdefault(path, entry)
    return sorted(found.items())


def run_all(jobs):
    """Runs (name, argv, directory) tuples; returns (name, exit code, output) in the same order."""
    def one(job):
        name, argv, directory = job
        done = subprocess.run(argv, cwd=directory, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors='replace', check=False)
        return name, done.returncode, done.stdout
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        return list(pool.map(one, jobs))


def suppressions(path):
    """Rows 'file: warning: reason'; a row without a reason ends the check."""
    rows = []
    with open(path, encoding='utf-8') as file:
        for number, line in enumerate(file, 1):
            line = line.strip()
            if not line or line.startswith('#'):
                continue
            parts = [part.strip() for part in line.split(':', 2)]
            if len(parts) != 3 or not parts[2]:
                sys.exit('%s:%d: wants "file: warning: reason"' % (path, number))
            rows.append((parts[0], parts[1]))
    return rows


def build_directory(arguments, default):
    build = arguments[0] if arguments else os.path.join(ROOT, default)
    if not os.path.exists(os.path.join(build, 'compile_commands.json')):
        sys.exit('%s is not set up: run tests/run --only lint' % build)
    return build
