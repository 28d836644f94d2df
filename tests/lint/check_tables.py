# SPDX-License-Identifier: MIT
"""The tables in code against the documents that repeat them."""

import re

from sources import REPO, Complaints, files

FAILURE = re.compile(r'^FAILURE\((\w+), (-\d+), (\w+), "(\w+)", "([^"]*)"\)', re.MULTILINE)
OPTION = re.compile(r'^OPTION\((\w+), (\w+), \w+, "([^"]*)"', re.MULTILINE)
CODE = re.compile(r"-31\d{3}")


def main():
    complaints = Complaints()
    check_failures(complaints)
    check_options(complaints)
    complaints.leave()


def check_failures(complaints):
    """Each failure is a row of WIRE.md's table with code, outcome and reason, and each row one."""
    wire = REPO / "proto/WIRE.md"
    if not wire.exists():
        return
    failures = [
        (code, outcome.lower(), reason)
        for _, code, outcome, reason, _ in FAILURE.findall((REPO / "proto/failures.def").read_text())
    ]
    rows = [
        (number, line.replace("−", "-"))
        for number, line in enumerate(wire.read_text().splitlines(), 1)
        if line.startswith("|")
    ]
    for failure in failures:
        if not any(is_row(line, failure) for _, line in rows):
            complaints.add(wire, 1, f"no table row for {' '.join(failure)} of failures.def")
    for number, line in rows:
        if CODE.search(line) and not any(is_row(line, failure) for failure in failures):
            complaints.add(wire, number, "failures.def has no such failure")


def is_row(line, failure):
    words = set(re.findall(r"-?\w+", line))
    return all(word in words for word in failure)


def check_options(complaints):
    """Every option is in the example file with its default, and the example has no other."""
    examples = [path for path in files(".example", ".jsonc", under=["deploy"]) if "teplo" in path.name]
    options = OPTION.findall((REPO / "broker/control/options.def").read_text())
    for example in examples:
        text = example.read_text()
        for _, name, fallback in options:
            found = re.search(rf'"{name}"\s*:\s*("?)([^",\n]*)\1', text)
            if not found:
                complaints.add(example, 1, f"option {name} is missing")
            elif fallback and found[2] != fallback:
                line = text[: found.start()].count("\n") + 1
                complaints.add(example, line, f"{name} is {found[2]}; its default is {fallback}")


main()
