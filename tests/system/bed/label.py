# SPDX-License-Identifier: Apache-2.0
"""A GH1 label as a maker of devices has it, by the text of the device contract alone: the code, its
check characters, the derived keys, the proof."""

import hashlib
import hmac
import os

ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
SALT = b'gatehouse/1'


class Label:
    """The label of the device 'ep'."""

    def __init__(self, ep, secret=None):
        self.ep = ep
        self.secret = os.urandom(16) if secret is None else secret

    def _code(self):
        check = hashlib.sha256(b'GH1|' + self.ep.encode() + b'|' + self.secret).digest()
        bits = int.from_bytes(self.secret, 'big') << 12 | int.from_bytes(check[:2], 'big') >> 6
        return ''.join(ALPHABET[bits >> 135 - 5 * at & 31] for at in range(28))

    @property
    def code(self):
        return 'GH1-' + self._code()

    @property
    def qr(self):
        return 'GH1:%s:%s' % (self.ep, self._code())

    def url(self, base):
        """The form that is printed on site."""
        return base + '#' + self.qr

    def key(self, purpose):
        root = hmac.new(SALT, self.secret, hashlib.sha256).digest()
        info = SALT + b'|' + purpose.encode() + b'|' + self.ep.encode()
        return hmac.new(root, info + b'\x01', hashlib.sha256).digest()[:16]

    @property
    def psk(self):
        return self.key('dtls-psk')

    def proof(self, challenge, nonce):
        text = b'gatehouse/1|claim|' + challenge + bytes([len(nonce)]) + nonce + self.ep.encode()
        return hmac.new(self.key('claim'), text, hashlib.sha256).digest()[:16]


def unlike(ep, name):
    """The label of the device 'ep' whose code alone is none of the device 'name': its ten check bits
    would fit that, too, once in a thousand times."""
    while True:
        one = Label(ep)
        if Label(name, one.secret).code != one.code:
            return one


def changed(code):
    """The same code with one character that is another."""
    return code[:-1] + ('0' if code[-1] != '0' else '1')
