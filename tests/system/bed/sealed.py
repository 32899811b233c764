# SPDX-License-Identifier: Apache-2.0
"""Opens sealed records of a stopped gateway's control.db, by what daemon/store/sealing.h says of
their form and nothing else: the way to learn secrets that no interface tells."""

import ctypes
import ctypes.util
import hashlib
import hmac
import os
import sqlite3

NONCE, TAG = 12, 16
SET_TAG = 0x11  # EVP_CTRL_AEAD_SET_TAG


def _crypto():
    library = ctypes.CDLL(ctypes.util.find_library('crypto') or 'libcrypto.so.3')
    library.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p
    library.EVP_aes_256_gcm.restype = ctypes.c_void_p
    return library


def hkdf(key, info, size=32):
    """HKDF-SHA-256 (RFC 5869) without salt, one block."""
    pseudo_random = hmac.new(bytes(32), key, hashlib.sha256).digest()
    return hmac.new(pseudo_random, info + b'\x01', hashlib.sha256).digest()[:size]


def open_gcm(key, sealed, associated):
    """The text of nonce, cipher text, tag of AES-256-GCM."""
    library, count = _crypto(), ctypes.c_int()
    nonce, text, tag = sealed[:NONCE], sealed[NONCE:-TAG], sealed[-TAG:]
    plain = ctypes.create_string_buffer(len(text) + 16)
    context = ctypes.c_void_p(library.EVP_CIPHER_CTX_new())
    try:
        steps = (
            library.EVP_DecryptInit_ex(context, ctypes.c_void_p(library.EVP_aes_256_gcm()), None, key, nonce),
            library.EVP_DecryptUpdate(context, None, ctypes.byref(count), associated, len(associated)),
            library.EVP_DecryptUpdate(context, plain, ctypes.byref(count), text, len(text)),
            library.EVP_CIPHER_CTX_ctrl(context, SET_TAG, TAG, tag),
            library.EVP_DecryptFinal_ex(context, ctypes.create_string_buffer(16), ctypes.byref(count)),
        )
    finally:
        library.EVP_CIPHER_CTX_free(context)
    assert steps == (1,) * 5, 'a sealed record does not open: %r' % (steps,)
    return plain.raw[:len(text)]


def open_devices(state_directory):
    """ep -> {column: text} of every sealed column of every device. The key is in the key file."""
    with open(os.path.join(state_directory, 'key'), encoding='ascii') as file:
        key = hkdf(bytes.fromhex(file.read().strip()), b'gatehouse record key 1')
    file = sqlite3.connect('file:%s?mode=ro&immutable=1' % os.path.join(state_directory, 'control.db'),
                           uri=True)
    file.row_factory = sqlite3.Row
    try:
        found = {}
        for row in file.execute('SELECT * FROM device'):
            found[row['ep']] = {
                column: open_gcm(key, row[column][2:], b'device|%d|%s|1' % (row['row'], column.encode()))
                for column in row.keys() if column.endswith('_sealed') and row[column] is not None}
        return found
    finally:
        file.close()
