# SPDX-License-Identifier: Apache-2.0
"""Authorities of devices and what they sign, by the openssl that Debian ships."""

import hashlib
import os
import ssl
import subprocess

CONFIGURATION = '''[req]
distinguished_name = none
prompt = no
[none]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[device]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
'''


def dates_that_are_over():
    """From OpenSSL 3.4 on a certificate is not signed for a negative number of days, but for any dates."""
    options = subprocess.run(['openssl', 'x509', '-help'], check=True, capture_output=True, text=True)
    if '-not_after' in options.stdout + options.stderr:
        return '-not_before', '20250101000000Z', '-not_after', '20250102000000Z'
    return '-days', '-1'


class Certified:
    """A certificate with its key, as files."""

    def __init__(self, directory, stem):
        self.certificate = os.path.join(directory, stem + '.pem')
        self.key = os.path.join(directory, stem + '.key')

    @property
    def fingerprint(self):
        with open(self.certificate, encoding='ascii') as file:
            return hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()

    @property
    def options(self):
        """Of the simulated sensor."""
        return {'certificate': self.certificate, 'key': self.key}


class DeviceAuthority(Certified):
    """Signs devices, and authorities below it."""

    def __init__(self, directory, name='Maker', above=None):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)
        super().__init__(directory, 'authority-' + name)
        self.name = name
        self._configuration = os.path.join(directory, 'openssl.cnf')
        with open(self._configuration, 'w', encoding='ascii') as file:
            file.write(CONFIGURATION)
        self._serial = 0
        if above:
            above.sign(self, '/CN=' + name, 'authority')
        else:
            self.sign(self, '/CN=' + name, 'authority')

    def _openssl(self, *words):
        subprocess.run(['openssl', *words], cwd=self.directory, check=True,
                       stdin=subprocess.DEVNULL, capture_output=True)

    def sign(self, subject_files, subject, section, dates=('-days', '2')):
        request = subject_files.key + '.csr'
        self._openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
                      '-nodes', '-config', self._configuration, '-keyout', subject_files.key,
                      '-out', request, '-subj', subject)
        self._serial += 1
        signer = ['-key', self.key] if subject_files is self else \
            ['-CA', self.certificate, '-CAkey', self.key]
        if subject_files is self:
            signer = ['-signkey', self.key]
        self._openssl('x509', '-req', '-in', request, *signer, '-set_serial', str(self._serial),
                      *dates, '-extfile', self._configuration, '-extensions', section,
                      '-out', subject_files.certificate)

    def issue(self, name, stem=None, dates=('-days', '2'), subject=None):
        """A device's; 'stem' where two have the same name."""
        device = Certified(self.directory, stem or name)
        self.sign(device, subject or '/CN=' + name, 'device', dates)
        return device
