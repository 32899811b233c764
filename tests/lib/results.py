#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Turns what the test programs report into rows, and the rows into the closing line.

A row is: stage, name, outcome (passed, failed, skipped), reason; tab separated, one a line.

  results.py meson BUILD LOGBASE STAGE TEST...   rows of a 'meson test' run that was to run TEST...
  results.py junit FILE STAGE                    rows of a pytest run
  results.py tests BUILD [--suite S] [--not S] [--match M] [--any-suite A,B] [--any-name A,B]
                                                 names of meson tests
  results.py built BUILD TEST...                 those of them whose programs are there
  results.py targets BUILD TEST...               what ninja must build for these tests
  results.py generated BUILD                     sources that the build makes
  results.py coverage FILE FLOOR                 gcovr's JSON summary against a floor in percent
  results.py stage FILE STAGE                    '12 passed, 0 failed, 1 skipped' of one stage
  results.py total FILE README [--require-all]   lists failures, prints the closing line

A CMocka program holds many tests: each of them is a row. A program that ends without having said
how its tests went is one failed row; a program without CMocka is one row by its exit code.
"""

import fnmatch
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

CASE = re.compile(r'^\[ *(OK|FAILED|SKIPPED|ERROR) *\] (\S+)\s*$', re.M)
OUTCOME = {'OK': 'passed', 'FAILED': 'failed', 'ERROR': 'failed', 'SKIPPED': 'skipped'}


def row(stage, name, outcome, reason=''):
    print('\t'.join((stage, name, outcome, ' '.join(reason.split())[:300])))


def introspect(build, what):
    answer = subprocess.run(['meson', 'introspect', '--' + what, build], check=True,
                            stdout=subprocess.PIPE, text=True)
    return json.loads(answer.stdout or '[]')


def suites_of(test):
    return {suite.split(':', 1)[-1] for suite in test['suite']}


def meson_tests(build, arguments):
    """Names of the tests that the options choose. They must all hold, but of --any-suite and
    --any-name one is enough."""
    options = dict(zip(arguments[::2], arguments[1::2]))
    wanted_suites = set(filter(None, options.get('--any-suite', '').split(',')))
    wanted_names = set(filter(None, options.get('--any-name', '').split(',')))
    for test in introspect(build, 'tests'):
        suites = suites_of(test)
        if '--suite' in options and options['--suite'] not in suites:
            continue
        if '--not' in options and options['--not'] in suites:
            continue
        if '--match' in options:
            match = options['--match']
            if match not in suites and match not in (test['name'], 'test-' + test['name']):
                continue
        if wanted_suites or wanted_names:
            if not (suites & wanted_suites or test['name'] in wanted_names):
                continue
        print(test['name'])


def targets(build, names):
    depends = {one for test in introspect(build, 'tests') if test['name'] in names
               for one in test['depends']}
    for target in introspect(build, 'targets'):
        if target['id'] in depends:
            for file in target['filename']:
                print(os.path.relpath(file, os.path.abspath(build)))


def built(build, names):
    files = {target['id']: target['filename'] for target in introspect(build, 'targets')}
    for test in introspect(build, 'tests'):
        needed = [file for one in test['depends'] for file in files.get(one, [])]
        if test['name'] in names and all(os.path.exists(file) for file in needed):
            print(test['name'])


def generated(build):
    for target in introspect(build, 'targets'):
        if target['type'] == 'custom' and 'tests' not in target['defined_in'].split(os.sep):
            for file in target['filename']:
                print(os.path.relpath(file, os.path.abspath(build)))


def cases_of(output):
    cases = {}
    for word, case in CASE.findall(output):
        # A failed case is named twice, once more in the summary.
        if cases.get(case) != 'failed':
            cases[case] = OUTCOME[word.strip()]
    return cases


def program_rows(stage, entry):
    # 'project:suite+room / name', or the name alone.
    suites, _, test = entry['name'].rpartition(' / ')
    name = '/'.join(filter(None, (re.split('[:+]', suites)[-1], test)))
    output = (entry.get('stdout') or '') + '\n' + (entry.get('stderr') or '')
    cases = cases_of(output)
    for case, outcome in cases.items():
        row(stage, name + '/' + case, outcome)
    result = entry['result']
    if result in ('OK', 'EXPECTEDFAIL'):
        if not cases:
            row(stage, name, 'passed')
    elif result == 'SKIP':
        if 'skipped' not in cases.values():
            row(stage, name, 'skipped', (output.strip().splitlines() or [''])[-1])
    elif 'failed' not in cases.values():
        row(stage, name, 'failed', result.lower())


def meson(build, logbase, stage, names):
    missing = list(names)
    path = os.path.join(build, 'meson-logs', logbase + '.json')
    if os.path.exists(path):
        with open(path, encoding='utf-8', errors='replace') as file:
            for line in file:
                entry = json.loads(line)
                program_rows(stage, entry)
                name = entry['name'].rpartition(' / ')[2]
                if name in missing:
                    missing.remove(name)
    for name in missing:
        row(stage, name, 'failed', 'did not run')


def junit(path, stage):
    try:
        tree = ElementTree.parse(path)
    except (OSError, ElementTree.ParseError) as error:
        row(stage, stage, 'failed', 'no result file: %s' % error)
        return
    for case in tree.iter('testcase'):
        name = case.get('classname', '').split('.')[-1] + '::' + case.get('name', '')
        outcome, reason = 'passed', ''
        for child in case:
            if child.tag in ('failure', 'error'):
                outcome, reason = 'failed', child.get('message') or child.tag
                break
            if child.tag == 'skipped':
                outcome, reason = 'skipped', child.get('message') or ''
        row(stage, name, outcome, reason)


def coverage(path, floor):
    with open(path, encoding='utf-8') as file:
        whole = json.load(file)
    taken, branches = whole['branch_covered'], whole['branch_total']
    percent = 100.0 * taken / branches if branches else 0.0
    print('%.1f%% of %d branches (at least %s%%)' % (percent, branches, floor))
    return 0 if percent >= float(floor) else 1


def read(path):
    with open(path, encoding='utf-8', errors='replace') as file:
        return [line.rstrip('\n').split('\t') for line in file if line.strip()]


def count(rows):
    outcomes = [one[2] for one in rows]
    return tuple(outcomes.count(word) for word in ('passed', 'failed', 'skipped'))


def allowed_skips(readme):
    """Rows of the table under 'Skips that are allowed': | `pattern` | reason |."""
    with open(readme, encoding='utf-8') as file:
        text = file.read()
    part = re.split(r'^## Skips that are allowed$', text, flags=re.M)[-1]
    part = re.split(r'^## ', part, flags=re.M)[0]
    return [pattern for pattern, reason in re.findall(r'^\| `([^`]+)` \| ([^|]+) \|', part, re.M)
            if reason.strip()]


def total(path, readme, require_all):
    rows = read(path)
    allowed = allowed_skips(readme)
    bad = False
    for stage, name, outcome, reason in rows:
        full = stage + '/' + name
        if outcome == 'failed':
            bad = True
            print('failed:  %s%s' % (full, ': ' + reason if reason else ''))
        elif outcome == 'skipped':
            known = any(fnmatch.fnmatch(full, pattern) for pattern in allowed)
            if require_all and not known:
                bad = True
            print('skipped: %s%s%s' % (full, ': ' + reason if reason else '',
                                       ' (not allowed here)' if require_all and not known else ''))
    passed, failed, skipped = count(rows)
    if not rows:
        print('nothing ran')
        bad = True
    print('%d passed, %d failed, %d skipped' % (passed, failed, skipped))
    return 1 if bad else 0


def main(arguments):
    command, rest = arguments[0], arguments[1:]
    if command == 'meson':
        meson(rest[0], rest[1], rest[2], rest[3:])
    elif command == 'junit':
        junit(rest[0], rest[1])
    elif command == 'tests':
        meson_tests(rest[0], rest[1:])
    elif command == 'targets':
        targets(rest[0], rest[1:])
    elif command == 'built':
        built(rest[0], rest[1:])
    elif command == 'generated':
        generated(rest[0])
    elif command == 'coverage':
        return coverage(rest[0], rest[1])
    elif command == 'stage':
        print('%d passed, %d failed, %d skipped'
              % count([one for one in read(rest[0]) if one[0] == rest[1]]))
    elif command == 'total':
        return total(rest[0], rest[1], '--require-all' in rest)
    else:
        sys.exit('results.py: unknown command ' + command)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
