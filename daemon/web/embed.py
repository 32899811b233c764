#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the files of the page as a C table: embed.py OUTPUT FILE..."""

import os
import sys

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def main():
    output, names = sys.argv[1], sys.argv[2:]
    lines = ['#include "web/assets.h"', ""]
    rows = []
    for number, name in enumerate(names):
        with open(name, "rb") as file:
            data = file.read()
        lines.append(f"static const unsigned char asset_{number}[] = {{")
        for start in range(0, len(data), 20):
            lines.append("\t" + "".join(f"{byte}," for byte in data[start : start + 20]))
        lines += ["};", ""]
        base = os.path.basename(name)
        kind = TYPES[os.path.splitext(base)[1]]
        rows.append(f'\t{{"/assets/{base}", "{kind}", asset_{number}, {len(data)}}},')
    lines += ["const struct asset assets[] = {"] + rows + ["\t{0},", "};", ""]
    with open(output, "w", encoding="ascii") as file:
        file.write("\n".join(lines))


main()
