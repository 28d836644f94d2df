# SPDX-License-Identifier: MIT
"""Refuse an include that goes up: floors.txt says which folder may include which."""

import re

from sources import REPO, Complaints, files, name_of

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def read_floors():
    floors = {}
    for line in (REPO / "tests/lint/floors.txt").read_text().splitlines():
        words = line.partition("#")[0].split()
        if words:
            floors[words[0]] = set(words[1:]) - {"-"} | {words[0]}
    return floors


def floor_of(name, floors):
    """The longest folder of floors.txt that NAME lies in, or None."""
    folders = [floor for floor in floors if name.startswith(floor + "/")]
    return max(folders, key=len, default=None)


def main():
    floors = read_floors()
    complaints = Complaints()
    for path in files(".c", ".h", ".def"):
        floor = floor_of(name_of(path), floors)
        if floor is None:
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = INCLUDE.match(line)
            if not found or "NOLINT" in line:
                continue
            target = floor_of(found[1], floors)
            if target is None and "/" in found[1] and not (REPO / found[1]).exists():
                continue  # a library's header
            if target is None and not (REPO / found[1]).exists():
                complaints.add(path, number, f'write the path from the root: "{found[1]}"')
            elif target and target not in floors[floor]:
                complaints.add(path, number, f"{floor} may not include {target} (floors.txt)")
    complaints.leave()


main()
