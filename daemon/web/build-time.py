#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the start of the day of this build: certificates made without a clock begin then."""

import os
import time

NOW = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
print(NOW - NOW % 86400)
