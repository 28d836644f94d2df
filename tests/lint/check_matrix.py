# SPDX-License-Identifier: MIT
"""The fault matrix (tests/fault/MATRIX.md) against the tests: each row has one that exists.

`--strict`: rows whose tests are still awaited are complaints too.
"""

import collections
import re
import sys

from sources import REPO, Complaints, files

MATRIX = REPO / "tests/fault/MATRIX.md"
IDS = {
    f"{section}{number}"
    for section, last in {"A": 29, "B": 15, "C": 20, "D": 17}.items()
    for number in range(1, last + 1)
}
ROW = re.compile(r"^\| ([A-Z]\d+) \| ([^|]*) \| ([^|]*) \|$")
DEFINED = re.compile(r"^(?:async def|def|static \w+|int) (\w+)\(", re.MULTILINE)
BY_NAME = re.compile(r"^test_([a-d])0?(\d+)_")
EXCUSE = "not in this version: "
AWAITED = "awaited: "
NAMED = "by name"  # by tests that have the id in their names, and no other


def main():
    complaints = Complaints()
    names = names_of_tests()
    awaited = check(MATRIX.read_text(), names, complaints)
    if awaited:
        print(f"awaited: {' '.join(sorted(awaited, key=lambda row: (row[0], int(row[1:]))))}")
        if "--strict" in sys.argv:
            complaints.add(MATRIX, 1, f"{len(awaited)} rows without a test")
    complaints.leave()


def names_of_tests():
    """File -> the functions that it defines."""
    return {
        path.relative_to(REPO).as_posix(): set(DEFINED.findall(path.read_text()))
        for path in files(".py", ".c", under=["tests"])
    }


def rows_by_name(names):
    """The ids that tests have in their names."""
    found = (BY_NAME.match(name) for defined in names.values() for name in defined)
    return collections.Counter(match[1].upper() + match[2] for match in found if match)


def check(text, names, complaints):
    """The ids that are still awaited."""
    by_name = rows_by_name(names)
    seen, awaited = set(), set()
    for number, line in enumerate(text.splitlines(), 1):
        row = ROW.match(line)
        if row is None:
            continue
        if row[1] in seen or row[1] not in IDS:
            complaints.add(MATRIX, number, f"{row[1]} is there twice, or is no row")
        seen.add(row[1])
        if not is_covered(row[3].strip(), names, number, complaints) and not by_name[row[1]]:
            awaited.add(row[1])
    for missing in sorted(IDS - seen):
        complaints.add(MATRIX, 1, f"no row {missing}")
    for stray in sorted(set(by_name) - IDS):
        complaints.add(MATRIX, 1, f"a test is named for {stray}, which is no row")
    return awaited


def is_covered(cell, names, number, complaints):
    """By tests that the cell names, or by an excuse; what it names and is not there is told."""
    covered = False
    for item in filter(None, (part.strip() for part in cell.split("; "))):
        if item.startswith(EXCUSE) and len(item) > len(EXCUSE):
            return True
        if item == NAMED or item.startswith(AWAITED):
            continue
        covered = True
        file, _, name = item.partition("::")
        if not exists(names.get(file, ()), name):
            complaints.add(MATRIX, number, f"there is no {item}")
    return covered


def exists(defined, name):
    if name.endswith("*"):
        return any(one.startswith(name[:-1]) for one in defined)
    return name in defined


if __name__ == "__main__":
    main()
