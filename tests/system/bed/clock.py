# SPDX-License-Identifier: Apache-2.0
"""A gateway whose wall clock is another one than the machine's."""

import os
import subprocess

from . import enter


def another_clock(directory):
    """environment(seconds): what a gateway gets into its environment whose clock is wrong by that much, until
    there is a file 'clock-is-set' in the directory."""
    library = os.path.join(directory, 'clock.so')
    subprocess.run([os.environ.get('CC', 'cc'), '-D_GNU_SOURCE', '-O1', '-shared', '-fPIC', '-o', library,
                    os.path.join(enter.ROOT, 'tests', 'system', 'bed', 'clock.c'), '-ldl'], check=True)
    os.chmod(library, 0o755)

    def environment(seconds):
        # The sanitizer wants to be loaded first; what comes before it here touches no memory.
        return {'LD_PRELOAD': library, 'CLOCK_SKEW': str(seconds),
                'CLOCK_IS_SET': os.path.join(directory, 'clock-is-set'),
                'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':verify_asan_link_order=0'}
    return environment
