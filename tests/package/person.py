#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""person.py ID: a technician with a browser at an installed gateway, who makes the first
administrator with the setup code (a line of standard input) and approves device ID on the page.
Beside this file lies bed/, the bed of the system tests."""

import sys

from bed.page import Page
from bed.people import ADMIN, PASSWORDS


def main():
    page = Page('127.0.0.1', 8443)
    answer = page.setup(sys.stdin.readline().strip(), ADMIN, PASSWORDS[ADMIN])
    assert answer.status == 200 and page.cookies, answer.text
    form = page.get('/waiting').form('/devices/%s/approve' % sys.argv[1])
    answer = page.submit(form, name='Trial', place='roof')
    assert answer.status == 200 and 'The device is approved.' in answer.text, answer.text
    print(page.get('/devices/' + sys.argv[1]).text)


if __name__ == '__main__':
    main()
