#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the files of the page as a C table: embed.py OUTPUT FILE...

Files of one kind become one asset, in the order that they are named in."""

import os
import sys

ASSETS = {
    ".css": ("style.css", "text/css; charset=utf-8"),
    ".js": ("page.js", "text/javascript; charset=utf-8"),
    ".svg": ("icon.svg", "image/svg+xml"),
}


def main():
    output, names = sys.argv[1], sys.argv[2:]
    together = {}
    for name in names:
        with open(name, "rb") as file:
            asset = ASSETS[os.path.splitext(name)[1]]
            together[asset] = together.get(asset, b"") + file.read()
    lines = ['#include "web/assets.h"', ""]
    rows = []
    for number, ((name, kind), data) in enumerate(together.items()):
        lines.append(f"static const unsigned char asset_{number}[] = {{")
        for start in range(0, len(data), 20):
            lines.append("\t" + "".join(f"{byte}," for byte in data[start : start + 20]))
        lines += ["};", ""]
        rows.append(f'\t{{"/assets/{name}", "{kind}", asset_{number}, {len(data)}}},')
    lines += ["const struct asset assets[] = {"] + rows + ["\t{0},", "};", ""]
    with open(output, "w", encoding="ascii") as file:
        file.write("\n".join(lines))


main()
