# SPDX-License-Identifier: Apache-2.0
"""Attacks on the page, by their rows in the list of attacks: A27 log-ins that want memory."""

import os
import threading

from bed import until
from bed.people import ADMIN, PASSWORDS, set_up


def test_a27_many_logins_take_the_memory_of_one(make_gateway):
    """A hash takes 32 MiB. Forty people at once from forty addresses: one is made at a time, a few wait,
    the others are told to come again; and then a person logs in."""
    gateway = make_gateway()
    # What the sanitizer keeps of freed memory, to find its use, would look like more hashes.
    gateway.start(env={'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':quarantine_size_mb=1'})
    set_up(gateway)
    before, status = gateway.process.kib('VmRSS'), []

    def log_in(number):
        page = gateway.page(source='127.0.4.%d' % number)
        status.append(page.post('/login', {'name': 'nobody-%d' % number, 'password': 'x' * 20}).status)
    threads = [threading.Thread(target=log_in, args=(number,), daemon=True) for number in range(1, 41)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    most = gateway.process.kib('VmHWM')
    print('A27: it grew by %d KiB at most; answers: %s' %
          (most - before, {one: status.count(one) for one in sorted(set(status))}))
    assert len(status) == 40 and set(status) == {403, 429}
    # One hash and what its connections need; a second one would be another 32 MiB.
    assert 16 * 1024 < most - before < 60 * 1024
    until(lambda: gateway.page().login(ADMIN, PASSWORDS[ADMIN]).status == 200, 70, 'a person gets in', every=1)
