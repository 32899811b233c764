# SPDX-License-Identifier: Apache-2.0
"""People who log in at the page. Their passwords stand here so that a test can look for them where
they must not be."""

ADMIN = 'anna'
PASSWORDS = {
    'anna': 'three quiet herons before dawn',
    'tom': 'seven rusty ladders in october',
    'vera': 'nobody paints the lighthouse twice',
}


def set_up(gateway):
    """The first administrator, by setup code and form: her browser, logged in."""
    page = gateway.page()
    answer = page.setup(gateway.ctl('setup')['code'], ADMIN, PASSWORDS[ADMIN])
    assert answer.status == 200 and page.cookies, answer.text
    return page


def add_person(gateway, name, role, password=None):
    gateway.ctl('users', 'add', name, '--role', role, '--password-file', '-',
                stdin=(password or PASSWORDS[name]) + '\n')


def log_in(gateway, name, password=None):
    """A browser in which somebody is logged in."""
    page = gateway.page()
    answer = page.login(name, password or PASSWORDS[name])
    assert answer.status == 200 and page.cookies, answer.text
    return page
