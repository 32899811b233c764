# SPDX-License-Identifier: Apache-2.0
"""The bed: what the real programs lie in while they are tested or shown.

  enter.py         the namespace, entered before anything else
  commands.py      command lines and configuration of the programs under test: the one place
  wait.py          until(): awaits a condition, never a time
  process.py       one program: started, watched, ended by its own pid
  broker.py        mosquitto, and a recorder that keeps every message
  avahi.py         D-Bus and avahi-daemon, publishing and browsing
  gateway.py       gatehoused, with its tool and its notifications
  sensor.py        the simulated sensor
  foreign.py       libcoap's own programs
  page.py          a person's browser without JavaScript
  people.py        people who log in
  browser.py       Chromium, for the scenarios of browser/
  coap.py          datagrams byte by byte
  vendor.py        the clients of two clouds' vendors
  plain.py         a plain device of its own address
  own.py           devices with an MQTT session of their own
  canaries.py      looks for secrets where they must not be
  certificates.py  a certification authority for tests
  sealed.py        opens what the store has sealed

tests/demo uses the same parts.
"""

from .avahi import Avahi
from .broker import Broker, Recorder
from .gateway import Gateway
from .page import Page
from .process import Process
from .sensor import Sensor
from .wait import until
