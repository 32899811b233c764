# SPDX-License-Identifier: Apache-2.0
"""The simulated sensor as a program of its own."""

import os

from . import commands
from .process import Process


class Sensor(Process):
    """gatehouse-sensor with the options given; keywords become options: interval=1 is
    '--interval 1', an underscore a hyphen, True an option without a value."""

    def __init__(self, directory, name, *options, **named):
        words = list(options)
        for key, value in named.items():
            if value is None or value is False:
                continue
            words.append('--' + key.replace('_', '-'))
            if value is not True:
                words.append(str(value))
        os.makedirs(directory, exist_ok=True)
        super().__init__(commands.gatehouse_sensor(*words),
                         os.path.join(directory, 'sensor-%s.log' % name), cwd=directory)
        self.name = 'sensor ' + name
