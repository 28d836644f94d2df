# SPDX-License-Identifier: MIT
"""The tables in code against the documents that repeat them."""

import re

from sources import REPO, Complaints, files

FAILURE = re.compile(r'^FAILURE\((\w+), (-\d+), (\w+), "(\w+)", "([^"]*)"\)', re.MULTILINE)
OPTION = re.compile(r'^OPTION\((\w+), (\w+), \w+, "([^"]*)"', re.MULTILINE)
KEY = re.compile(r'^KEY\((\w+), "([^"]+)", "(\w+)", (\d+), (\d+)\)', re.MULTILINE)
FIELD = re.compile(r"^(?:POOL|INSTANCE|FLEET|CONFIG)_\w+\((\w+)", re.MULTILINE)
COLUMN = re.compile(r"^COLUMN\((\w+), (\w+), \w+\)", re.MULTILINE)
SAMPLE = re.compile(r"^SAMPLE_\w+\((\w+)", re.MULTILINE)
EVENT = re.compile(r"^EVENT\((\w+)\)", re.MULTILINE)
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
CODE = re.compile(r"-31\d{3}")


def main():
    complaints = Complaints()
    check_failures(complaints)
    check_options(complaints)
    check_redis_keys(complaints)
    check_redis_fields(complaints)
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


def table_rows(text):
    """The cells of each row of its tables, by the first one."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in cells}


def seconds_of(text):
    found = re.fullmatch(r"(\d+) (\w+)", text)
    return int(found[1]) * SECONDS[found[2]] if found and found[2] in SECONDS else None


def section_of(text, heading):
    """What is below a heading, up to the next one."""
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def check_redis_keys(complaints):
    """Each key of keys.def is a row of REDIS.md's table, with its type and its TTL, and each row one."""
    page = REPO / "proto/REDIS.md"
    keys = {
        "`" + pattern.replace("%p", "<pool>").replace("%i", "<iid>") + "`": (kind, int(ttl_s))
        for _, pattern, kind, ttl_s, _ in KEY.findall((REPO / "proto/redis/keys.def").read_text())
    }
    rows = {key: cells for key, cells in table_rows(section_of(page.read_text(), "Keys")).items() if "`" in key}
    for key in sorted(set(keys) ^ set(rows)):
        complaints.add(page, 1, f"the key {key} is only in " + ("keys.def" if key in keys else "REDIS.md"))
    for key in set(keys) & set(rows):
        if (rows[key][0], seconds_of(rows[key][2])) != keys[key]:
            complaints.add(page, 1, f"{key} is {rows[key][0]} for {rows[key][2]}; keys.def has {keys[key]}")


def words_of(text):
    return [word for quoted in re.findall(r"`([^`]+)`", text) for word in quoted.split()]


def check_redis_fields(complaints):
    """Every field is named where its key is told of; columns and samples in their order."""
    page = REPO / "proto/REDIS.md"
    text = page.read_text()
    for heading, file in (
        ("`p:<pool>:<iid>` and `f:<pool>`", "pool_fields.def"),
        ("`cfg:<pool>`", "config_fields.def"),
        ("`i:<iid>`", "instance_fields.def"),
        ("`fleet`", "fleet_fields.def"),
    ):
        words = set(words_of(section_of(text, heading)))
        for name in FIELD.findall((REPO / "proto/redis" / file).read_text()):
            found = re.fullmatch(r"e_(\w+)_total", name)
            if name not in words and not (found and found[1] in words):
                complaints.add(page, 1, f"{file} has {name}, which is not told of under {heading}")
    tables = table_rows(section_of(text, "Tables"))
    for table, row in (("pools", "`tbl:pools`"), ("inst", "`tbl:inst`"), ("sess", "`tbl:sess:<iid>`")):
        columns = [name for where, name in COLUMN.findall((REPO / "proto/redis/table_columns.def").read_text()) if where == table]
        if row not in tables or words_of(tables[row][0]) != columns:
            complaints.add(page, 1, f"{row} has other fields than table_columns.def, or another order")
    samples = SAMPLE.findall((REPO / "proto/redis/sample_fields.def").read_text())
    if words_of(section_of(text, "Samples").split("\n\n")[-1]) != samples:
        complaints.add(page, 1, "samples have other fields than sample_fields.def, or another order")
    types = words_of(" ".join(table_rows(section_of(text, "`ev`"))))
    if sorted(types) != sorted(["type", *EVENT.findall((REPO / "proto/redis/event_types.def").read_text())]):
        complaints.add(page, 1, f"types of events {types} are not those of event_types.def")


main()
