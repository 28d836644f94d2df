# SPDX-License-Identifier: MIT
"""
Panels of Grafana's Redis data source against proto/redis/*.def: keys, fields and columns exist,
texts are not used as numbers, and the data source's own traps are kept out of.
"""

import re

from sources import REPO

SCHEMA = REPO / "proto/redis"
PREFIX = "teplo:{main}:v1:"
KEY = re.compile(r'^KEY\((\w+), "([^"]+)", "(\w+)"', re.MULTILINE)
FIELD = re.compile(r"^[A-Z]+_(TEXT|COUNT|DECIMAL|MOMENT)\((\w+)", re.MULTILINE)
SAMPLE = re.compile(r"^SAMPLE_\w+\((\w+)", re.MULTILINE)
COLUMN = re.compile(r"^COLUMN\((\w+), (\w+), (\w+)\)", re.MULTILINE)
HERALD = re.compile(r'(?:add_field|redis_command_add)\(&command, "([a-z]+)"')
NUMERIC = {"unit", "decimals", "min", "max", "thresholds"}
COMMANDS = {"hmget": "hash", "xrange": "stream", "xrevrange": "stream"}
OWN = {"$time", "$streamId"}  # columns that the data source adds to a stream


def read(name):
    return (SCHEMA / name).read_text()


def fields(name):
    """Field -> whether it is a number."""
    return {field: kind != "TEXT" for kind, field in FIELD.findall(read(name))}


def columns(table):
    return {name: kind == "NUMBER" for of, name, kind in COLUMN.findall(read("table_columns.def")) if of == table}


def event_fields():
    herald = (REPO / "broker/health/redis_herald.c").read_text()
    return {name: name == "n" for name in HERALD.findall(herald)}


CONTENTS = {
    "FLEET": fields("fleet_fields.def"),
    "FLEET_POOL": fields("pool_fields.def"),
    "POOL": fields("pool_fields.def"),
    "INSTANCE": fields("instance_fields.def"),
    "TABLE_POOLS": columns("pools"),
    "TABLE_INST": columns("inst"),
    "TABLE_SESS": columns("sess"),
    "SAMPLES": {name: True for name in SAMPLE.findall(read("sample_fields.def"))},
    "MINUTES": {name: True for name in SAMPLE.findall(read("sample_fields.def"))},
    "EV": event_fields(),
}
STANDS_FOR = {"%p": r"(\$pool|_fleet|[a-z][a-z0-9_-]*)", "%i": r"(\$inst|i-[a-z0-9-]+)"}


def key_of(key_name):
    """(NAME, type) in keys.def of a key as a panel names it, or None."""
    if not key_name.startswith(PREFIX):
        return None
    for name, pattern, kind in KEY.findall(read("keys.def")):
        expression = re.escape(pattern)
        for sign, stands_for in STANDS_FOR.items():
            expression = expression.replace(re.escape(sign), stands_for)
        if re.fullmatch(expression, key_name[len(PREFIX) :]):
            return name, kind
    return None


def variable_faults(query):
    found = re.fullmatch(r"ZRANGE (\S+) 0 -1", query)
    key = found and key_of(found[1])
    if not key or key[1] != "zset":
        yield f"{query} is no ZRANGE of a sorted set of the schema"


def faults(panel):
    known = {}  # what the panel's frames have: column -> whether it is a number
    for target in panel["targets"]:
        problem, content = read_target(target)
        if problem:
            yield problem
        known.update(content)
    if known:
        yield from use_faults(panel, known)


def read_target(target):
    """(what is wrong or None, its columns)"""
    if target.get("type") != "command" or target.get("query") != "":
        return "a target is a command, with an empty query (else that wins)", {}
    key = key_of(target["keyName"])
    if not key or COMMANDS.get(target.get("command")) != key[1] or key[0] not in CONTENTS:
        return f"{target.get('command')} {target['keyName']} is not in the schema", {}
    content = CONTENTS[key[0]]
    if target["command"] == "hmget":
        names = target["field"].split(" ")
        unknown = [name for name in names if name not in content]
        if unknown:
            return f"hmget of no such fields, or not separated by one blank: {unknown}", {}
        return None, {name: content[name] for name in names}
    return range_fault(target), {**content, "$time": True, "$streamId": False}


def range_fault(target):
    edges = [target.get("start", ""), target.get("end", "")]
    if any("$" in edge for edge in edges):
        return "start and end take no variables"
    if target["command"] == "xrange" and "count" in target:
        return "xrange with a count gives the oldest entries"
    if edges not in (["", ""], ["-", "+"] if target["command"] == "xrange" else ["+", "-"]):
        return f"{target['command']} from {edges[0]} to {edges[1]}"
    return None


def use_faults(panel, known):
    """What becomes of the columns: transforms, names given, overrides, what is drawn."""
    shown, renamed = dict(known), {}
    for transform in panel.get("transformations", []):
        options = transform["options"]
        if transform["id"] == "filterFieldsByName":
            names = options["include"]["names"]
            yield from (f"filter: no column {name}" for name in names if name not in known)
            shown = {name: known[name] for name in names if name in known}
        elif transform["id"] == "organize":
            for name in [*options["excludeByName"], *options["renameByName"]]:
                if name not in known:
                    yield f"organize: no column {name}"
            renamed = options["renameByName"]
            shown = {name: number for name, number in shown.items() if not options["excludeByName"].get(name)}
        else:
            yield f"transform {transform['id']} is not known here"
    yield from override_faults(panel, {renamed.get(name, name): number for name, number in shown.items()})
    texts = [name for name, number in shown.items() if not number]
    if panel["type"] == "timeseries" and texts:
        yield f"a chart of texts: {' '.join(texts)}"
    if panel["type"] == "stat" and texts:
        yield f"a stat takes the last number; these are texts: {' '.join(texts)}"


def override_faults(panel, shown):
    if panel["type"] == "table" and NUMERIC & set(panel["fieldConfig"]["defaults"]):
        yield "a table's defaults would make numbers of its texts; use overrides"
    for override in panel["fieldConfig"]["overrides"]:
        name = override["matcher"]["options"]
        properties = {one["id"] for one in override["properties"]}
        if name not in shown:
            yield f"override: no column {name} is shown"
        elif not shown[name] and properties & NUMERIC:
            yield f"{name} is a text, and used as a number"
