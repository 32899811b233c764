# SPDX-License-Identifier: Apache-2.0
"""Canaries: secrets that are looked for in every place where they must not be.

A list of canaries holds (name, bytes): each secret in every form in which it might get out. The store
itself is looked through as well: what it holds is sealed. What has a secret because that is what it is
for is in KEYS."""

import base64
import os
import stat

# The files that hold a key because that is what they are for; one secret each.
KEYS = {'key': 'key file', 'page.key': 'page key'}


def forms(name, secret):
    """name and the bytes to look for: as it is, without hyphens, in small letters, hex, base64."""
    if isinstance(secret, str):
        bare = secret.replace('-', '')
        found = {secret, secret.lower(), bare, bare.lower()} if len(bare) < 12 else {secret}
        found = {one.encode() for one in found}
    else:
        found = {secret, secret.hex().encode(), secret.hex().upper().encode()}
    whole = secret.encode() if isinstance(secret, str) else secret
    found |= {base64.b64encode(whole).rstrip(b'='), base64.urlsafe_b64encode(whole).rstrip(b'=')}
    return [(name, one) for one in sorted(found)]


def found(canaries, data, allowed=()):
    """(name, form) of those that stand in the bytes."""
    return [(name, form) for name, form in canaries if name not in allowed and form in data]


def search(canaries, where, data, allowed=()):
    some = found(canaries, data, allowed)
    assert not some, '%s (%r) is in %s' % (some[0][0], some[0][1][:4], where)


def files_of(directory):
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            try:
                regular = stat.S_ISREG(os.lstat(path).st_mode)
            except FileNotFoundError:
                continue  # it went while we looked
            if regular:
                yield path


def keys_of(state_directory):
    """The canaries of the two keys that stand in files of the state directory."""
    canaries = []
    for name, what in KEYS.items():
        with open(os.path.join(state_directory, name), encoding='ascii') as file:
            text = file.read()
        canaries += forms(what, bytes.fromhex(text) if name == 'key' else text.splitlines()[1])
    return canaries
