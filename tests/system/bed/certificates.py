# SPDX-License-Identifier: Apache-2.0
"""A certification authority that lives as long as a test."""

import os
import subprocess


def _openssl(*argv, directory):
    subprocess.run(['openssl', *argv], cwd=directory, check=True, stdin=subprocess.DEVNULL,
                   capture_output=True)


class Authority:
    """ca_file is what a client is told to trust."""

    def __init__(self, directory, name='bed authority', days=2):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)
        self.ca_file = os.path.join(directory, 'ca.pem')
        _openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                 '-keyout', 'ca.key', '-out', 'ca.pem', '-days', str(days), '-subj', '/CN=' + name,
                 '-addext', 'keyUsage=critical,keyCertSign,cRLSign', directory=directory)

    def issue(self, name, alternatives=(), usage='serverAuth'):
        """(certificate file, key file); 'alternatives' like 'DNS:localhost'."""
        with open(os.path.join(self.directory, name + '.ext'), 'w', encoding='utf-8') as file:
            if alternatives:
                file.write('subjectAltName=%s\n' % ','.join(alternatives))
            # What Python 3.13 wants of a chain, as other clients do.
            file.write('extendedKeyUsage=%s\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n' % usage)
        _openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                 '-keyout', name + '.key', '-out', name + '.csr', '-subj', '/CN=' + name,
                 directory=self.directory)
        _openssl('x509', '-req', '-in', name + '.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key',
                 '-CAcreateserial', '-days', '2', '-extfile', name + '.ext', '-out', name + '.pem',
                 directory=self.directory)
        return (os.path.join(self.directory, name + '.pem'),
                os.path.join(self.directory, name + '.key'))
