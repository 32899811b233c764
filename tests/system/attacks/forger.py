# SPDX-License-Identifier: Apache-2.0
"""forger.py COAP-PORT COAPS-PORT SECONDS PACE: so many sources a second, each of an address of its own,
says something at both ports and is never heard of again. Says how many they were."""

import os
import socket
import sys
import time


def hello():
    """The shortest ClientHello that there is."""
    body = b'\xfe\xfd' + os.urandom(32) + b'\x00\x00\x00\x02\xc0\xa8\x01\x00'
    size = len(body).to_bytes(3, 'big')
    handshake = b'\x01' + size + bytes(5) + size + body
    return b'\x16\xfe\xff' + bytes(8) + len(handshake).to_bytes(2, 'big') + handshake


def enrolment(number):
    """A POST to /enrol under a made-up name, and one to /t."""
    name = b'ep=f%05d' % (number % 100000)
    return [b'\x40\x02' + number.to_bytes(4, 'big')[2:] + part + b'\x49' + name
            for part in (b'\xb5enrol', b'\xb1t')]


def main():
    coap, coaps, seconds, pace = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
    begun, number = time.monotonic(), 0
    while time.monotonic() - begun < seconds:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind(('127.%d.%d.%d' % (64 + (number >> 16), number >> 8 & 255, number & 255), 0))
            one.sendto(hello(), ('127.0.0.1', coaps))
            for datagram in enrolment(number):
                one.sendto(datagram, ('127.0.0.1', coap))
        number += 1
        time.sleep(max(0, number / pace - (time.monotonic() - begun)))
    print('%d forged sources in %.0f s' % (number, time.monotonic() - begun))


main()
