# SPDX-License-Identifier: Apache-2.0
"""What the benches share: a release build, the load generator, a bed with a gateway and a broker, what
processes take, medians and tables. A bench is measured and never judged: no time is a failure."""

import argparse
import concurrent.futures
import http.client
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.realpath(os.path.join(HERE, '..', '..'))
BUILD = os.path.join(ROOT, 'build-release')
INSIDE = 'GATEHOUSE_BENCH_WORK'
sys.path.insert(0, os.path.join(ROOT, 'tests', 'system'))

import bed  # noqa: E402
from bed import until  # noqa: E402

# The rate of a device is raised, everything else is as it comes. What lets the devices in is asked
# for before anything is measured.
RAISED = {'device_rate': 10000, 'device_burst': 100000}
LET_IN = {'new_per_minute': 10000, 'pending_max': 4096}
AT_ONCE = 2000
AS_IT_COMES = {'new_per_minute': 10, 'pending_max': 64}
LINES = 16  # calls of the API at a time: so many share a commit
SECONDS = 1e9
# Before anything of ours runs: what else this machine does.
BUSY = os.getloadavg()[0]


# ---- getting there ----

def say(*words):
    print(*words, file=sys.stderr, flush=True)


def options(words, **extra):
    """The command line that all benches have; 'extra' are numbers of this one: name=(default, help)."""
    parser = argparse.ArgumentParser(description=words)
    parser.add_argument('--quick', action='store_true', help='about a minute')
    parser.add_argument('--json', action='store_true', help='the figures for programs')
    parser.add_argument('--repeat', type=int, help='runs of each kind')
    for name, (default, what) in extra.items():
        parser.add_argument('--' + name.replace('_', '-'), type=type(default), default=default,
                            help='%s (%s)' % (what, default))
    return parser.parse_args()


def build():
    """A release build, and the load generator."""
    if not os.path.exists(os.path.join(BUILD, 'build.ninja')):
        subprocess.run(['meson', 'setup', BUILD, ROOT, '-Db_sanitize=none', '-Dbuildtype=release',
                        '-Dtests=disabled', '--prefix=/usr', '--sysconfdir=/etc'],
                       check=True, stdout=sys.stderr, stdin=subprocess.DEVNULL)
    subprocess.run(['ninja', '-C', BUILD, 'daemon/gatehoused', 'daemon/ctl/gatehousectl'],
                   check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    subprocess.run(['cc', '-std=gnu11', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-Werror', '-o',
                    os.path.join(BUILD, 'bench-load'), os.path.join(HERE, 'load.c'),
                    os.path.join(HERE, 'load-message.c')], check=True, stdin=subprocess.DEVNULL)


def enter(prepare=()):
    """Builds, runs each of 'prepare', then goes on in a namespace of its own. Returns the work
    directory, which is on a disk and not in memory."""
    if INSIDE in os.environ:
        return os.environ[INSIDE]
    build()
    for one in prepare:
        one()
    os.makedirs(os.path.join(BUILD, 'bench'), exist_ok=True)
    work = tempfile.mkdtemp(dir=os.environ.get('GATEHOUSE_BENCH_DISK', os.path.join(BUILD, 'bench')))
    os.chmod(work, 0o755)
    try:
        code = subprocess.run(
            [sys.executable, os.path.join(ROOT, 'tests', 'system', 'bed', 'enter.py'), '--',
             sys.executable, '-B', *sys.argv], check=False,
            env={**os.environ, INSIDE: work, 'GATEHOUSE_BUILD': BUILD}).returncode
    finally:
        shutil.rmtree(work, ignore_errors=True)
    sys.exit(code)


# ---- what there is ----

def machine():
    """One line about the machine."""
    with open('/proc/cpuinfo', encoding='utf-8') as file:
        model = next((line.split(':', 1)[1].strip() for line in file
                      if line.startswith('model name')), platform.machine())
    with open('/proc/meminfo', encoding='ascii') as file:
        memory = int(file.readline().split()[1]) // 1048576
    return '%s, %d cores, %d GiB, Linux %s' % (
        model, len(os.sched_getaffinity(0)), memory + 1, platform.release().split('-')[0])


def disk(directory, count=300):
    """Milliseconds of an appending fdatasync: median and p99."""
    path, took = os.path.join(directory, 'fsync'), []
    fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    for _ in range(count):
        os.write(fd, b'x' * 4096)
        began = time.perf_counter()
        os.fdatasync(fd)
        took.append((time.perf_counter() - began) * 1000)
    os.close(fd)
    os.unlink(path)
    took.sort()
    return {'p50': took[count // 2], 'p99': took[count * 99 // 100]}


def memory(pid):
    """KiB: resident, and of it anonymous, and the most that was ever resident."""
    with open('/proc/%d/status' % pid, encoding='ascii', errors='replace') as file:
        found = dict(line.rstrip('\n').split(':', 1) for line in file)
    return {name: int(found[name].split()[0]) for name in ('VmRSS', 'RssAnon', 'VmHWM')}


def threads(pid):
    """Seconds on a processor by the name of the thread; those that share a name together."""
    found = {}
    for task in os.listdir('/proc/%d/task' % pid):
        folder = '/proc/%d/task/%s/' % (pid, task)
        with open(folder + 'comm', encoding='utf-8') as name, \
                open(folder + 'schedstat', encoding='ascii') as times:
            key = name.read().strip()
            found[key] = found.get(key, 0) + int(times.read().split()[0]) / SECONDS
    return found


def spent(pid):
    return sum(threads(pid).values())


def wakeups(pid):
    """Times that a thread of the process slept and was woken, by the thread's name."""
    found = {}
    for task in os.listdir('/proc/%d/task' % pid):
        with open('/proc/%d/task/%s/status' % (pid, task), encoding='utf-8') as file:
            status = dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)
        key = status['Name']
        found[key] = found.get(key, 0) + int(status['voluntary_ctxt_switches'])
    return found


def written(pid):
    """Bytes that the process sent to a disk."""
    with open('/proc/%d/io' % pid, encoding='ascii') as file:
        return int(dict(line.split(': ') for line in file)['write_bytes'])


# ---- a load ----

def load(port, *words):
    """Runs the generator; its report."""
    done = subprocess.run([os.path.join(BUILD, 'bench-load'), str(port), *map(str, words)],
                          check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return json.loads(done.stdout)


def broker(work, **settings):
    return bed.Broker(os.path.join(work, 'broker'), persistence=False, **settings).start()


class Gateway(bed.Gateway):
    """gatehoused with devices that are let in: sensors 0 to N-1 of the generator, by their names and
    addresses."""

    def __init__(self, directory, broker=None, config=None):
        super().__init__(directory, broker=broker, config={
            'gateway': {'log_level': 'notice'}, 'lan': {**RAISED, **AS_IT_COMES}, **(config or {})})
        self.known = 0

    def api(self, method, path, body=None):
        """A call of the API on the Unix socket, as root's tool makes it."""
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        plain.connect(self.socket_path)
        line = http.client.HTTPConnection('localhost')
        line.sock = plain
        line.request(method, '/api/v1/' + path, json.dumps(body) if body is not None else None,
                     {'Content-Type': 'application/json'} if body is not None else {})
        answer = line.getresponse()
        text = answer.read()
        line.close()
        if answer.status >= 300:
            raise AssertionError('%s %s: %d %s' % (method, path, answer.status, text[:300]))
        return json.loads(text) if text else None

    def each(self, method, paths, body=None):
        """The same call for all of these, several at a time."""
        with concurrent.futures.ThreadPoolExecutor(LINES) as pool:
            return list(pool.map(lambda path: self.api(method, path, body), paths))

    def counter(self, name, **labels):
        """The sum of one of its numbers (docs/metrics.md), of those with these labels."""
        wanted = ['%s="%s"' % pair for pair in labels.items()]
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        plain.connect(self.socket_path)
        line = http.client.HTTPConnection('localhost')
        line.sock = plain
        line.request('GET', '/metrics')
        text = line.getresponse().read().decode()
        line.close()
        return sum(float(one.rsplit(' ', 1)[1]) for one in text.splitlines()
                   if one.split('{')[0].split(' ')[0] == name and all(word in one for word in wanted))

    def devices(self, stage=None):
        found, step = [], 200
        while True:
            some = self.api('GET', 'devices?limit=%d&offset=%d%s' % (
                step, len(found), '&stage=' + stage if stage else ''))['devices']
            found += some
            if len(some) < step:
                return found

    def let_in(self, count):
        """Devices up to 'count' enrol and are approved. It runs as configured afterwards."""
        if count <= self.known:
            return
        say('  %d devices are let in' % (count - self.known))
        settings = dict(self.sections['lan'])
        running = self.process is not None
        if running:
            self.terminate()
        self.configure({'lan': LET_IN})
        self.start()
        self.api('POST', 'window', {'seconds': 900})
        for some in [*range(AT_ONCE, count, AT_ONCE), count]:
            load(self.coap_port, '--path', 'enrol', '--size', 0, '--sensors', some, '--once',
                 '--seconds', 120)
            self.each('POST', ['devices/%s/approve' % one['id']
                               for one in self.devices('waiting-person')], {})
        until(lambda: self.active() >= count, 120, 'all of them are active')
        self.terminate()
        self.configure({'lan': settings})
        if running:
            self.start()
        self.known = count

    def active(self):
        return self.counter('gatehouse_devices', stage='active')

    def queued(self):
        return self.api('GET', 'status')['queue']['readings']

    def await_link(self):
        until(lambda: self.api('GET', 'status')['uplink']['state'] == 'up', 30, 'the uplink is up')

    def await_drained(self, timeout=120):
        until(lambda: self.queued() == 0, timeout, 'the back-log has drained')


# ---- figures ----

def median(values):
    return statistics.median(values)


def spread(values):
    """Half the distance between the least and the most, in percent of the median."""
    middle = median(values)
    return 50 * (max(values) - min(values)) / middle if middle else 0


def number(value):
    """For a table."""
    if value is None:
        return '-'
    if isinstance(value, str):
        return value
    if isinstance(value, int) or value >= 100:
        return format(int(round(value)), ',')
    return '%.1f' % value if value >= 10 else '%.2f' % value


def table(head, rows):
    """Markdown, aligned so that a terminal shows it too."""
    rows = [[number(one) for one in row] for row in rows]
    wide = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    lines = [head, ['-' * one for one in wide], *rows]
    return '\n'.join('| %s |' % ' | '.join(
        word.ljust(wide[at]) if at == 0 else word.rjust(wide[at]) for at, word in enumerate(line))
        for line in lines)


class Target:
    """What is wanted of a figure. 'least': it has to be so much at least, not at most. 'value' None: this
    run does not say (it was too short, or too few took part)."""

    def __init__(self, what, wanted, value, unit='', least=False):
        self.what, self.wanted, self.value, self.unit, self.least = what, wanted, value, unit, least

    @property
    def reached(self):
        if self.value is None:
            return None
        return self.value >= self.wanted if self.least else self.value <= self.wanted

    @property
    def word(self):
        return {True: 'reached', False: 'not reached', None: 'not measured'}[self.reached]

    def row(self):
        return [self.what, '%s %s%s' % ('at least' if self.least else 'at most', number(self.wanted),
                                        ' ' + self.unit if self.unit else ''),
                number(self.value), self.word]


def finish(chosen, name, figures, text, targets=(), work=None):
    """Prints what was found out, for people or for programs. With 'work' the disk beside it."""
    date = time.strftime('%Y-%m-%d', time.gmtime())
    synced = disk(work) if work else None
    if chosen.json:
        print(json.dumps({'bench': name, 'date': date, 'machine': machine(), 'busy': BUSY,
                          'disk': synced, **figures,
                          'targets': [dict(vars(one), reached=one.reached) for one in targets]}, indent=1))
        return
    print('%s, %s, load average before it %.1f%s\n\n%s' % (
        date, machine(), BUSY,
        '; fdatasync here %.2f ms, p99 %.2f ms' % (synced['p50'], synced['p99']) if synced else '', text))
    if targets:
        print('\n' + table(['target', 'wanted', 'measured', ''], [one.row() for one in targets]))
