# SPDX-License-Identifier: MIT
"""The schema of what is in Redis, from proto/redis/*.def, and Redis held against it."""

import re
import time

from harness import places

FOLDER = places.REPO / "proto" / "redis"
NUMBER = re.compile(r"-?\d+(\.\d{1,3})?")
NAMES = {"%p": r"(?P<pool>[a-z][a-z0-9_-]{0,31}|_fleet)", "%i": r"(?P<instance>i-[a-z0-9-]+-[0-9a-f]{8})"}


def rows(file, macro):
    """The arguments of each row, e.g. COLUMN(sess, pool, TEXT), as texts."""
    text = (FOLDER / file).read_text()
    return [
        [word.strip().strip('"') for word in found.split(",")]
        for found in re.findall(rf"^{macro}\(([^)]*)\)", text, re.MULTILINE)
    ]


def fields(kind):
    """{name: TEXT, COUNT, DECIMAL or MOMENT} of pool_fields.def and its like."""
    macro = kind.upper()
    text = (FOLDER / f"{kind}_fields.def").read_text()
    found = re.findall(rf"^{macro}_(TEXT|COUNT|DECIMAL|MOMENT)\((\w+)", text, re.MULTILINE)
    return {name: form for form, name in found}


def columns(table):
    return {name: form for where, name, form in rows("table_columns.def", "COLUMN") if where == table}


def samples():
    text = (FOLDER / "sample_fields.def").read_text()
    return re.findall(r"^SAMPLE_\w+\((\w+)", text, re.MULTILINE)


def event_types():
    return [name for (name,) in rows("event_types.def", "EVENT")]


class Key:
    def __init__(self, name, pattern, kind, ttl_s, cadence_s):
        self.name = name
        self.pattern = pattern
        self.kind = kind
        self.ttl_s = int(ttl_s)
        self.cadence_s = int(cadence_s)
        self.regex = re.compile(re.sub("%[pi]", lambda found: NAMES[found[0]], pattern))


def keys():
    return [Key(*row) for row in rows("keys.def", "KEY")]


def key_named(name):
    (key,) = [key for key in keys() if key.name == name]
    return key


def key_of(text, prefix):
    """The row of keys.def that TEXT, a whole key, is of; None: it is of none."""
    assert text.startswith(prefix), text
    found = [key for key in keys() if key.regex.fullmatch(text[len(prefix) :])]
    assert len(found) <= 1, (text, [key.name for key in found])
    return found[0] if found else None


def is_go_number(text):
    """Whether Go's ParseFloat, which Grafana's plugin runs on each value, takes it."""
    plain = text.lower().lstrip("+-")
    if plain in ("inf", "infinity", "nan"):
        return True
    digits = r"(\d(_?\d)*)"
    decimal = rf"({digits}\.?{digits}?|\.{digits})(e[+-]?{digits})?"
    hexadecimal = r"0x_?([0-9a-f](_?[0-9a-f])*\.?([0-9a-f](_?[0-9a-f])*)?|\.[0-9a-f](_?[0-9a-f])*)p[+-]?\d+"
    return re.fullmatch(rf"({decimal}|{hexadecimal})", plain) is not None


def check_values(row, forms, where=""):
    """A row, or an entry: the fields there are, in their order, numbers numbers and texts texts."""
    assert list(row) == list(forms), (where, list(row), list(forms))
    for name, form in forms.items():
        if form == "TEXT":
            assert 0 < len(row[name]) <= 64 and not is_go_number(row[name]), (where, name, row[name])
        else:
            assert NUMBER.fullmatch(row[name]), f"{where} {name}={row[name]}"


def plant_samples(redis, prefix, pools):
    """A sample of the minute before for each of POOLS and for the fleet: a minute of them is soon written."""
    minute_ms = int(redis("TIME")[0]) // 60 * 60000
    entry = [word for name in samples() for word in (name, "0")]
    for pool in ("_fleet", *pools):
        key = f"{prefix}ts10s:{pool}"
        redis("XADD", key, f"{minute_ms - 10000}-0", *entry)
        redis("EXPIRE", key, 7200)


# Unless a minute ends before the first sample; then it takes the whole next one.
MINUTE_PATIENCE_S = 80


def check_lifetimes(redis, prefix, slack_s=65):
    """
    Every key below PREFIX is one of keys.def, is of its type and ends in time.  A TTL is set anew
    at least every minute, or with the writing: SLACK_S after, it may still be so much short.
    """
    seen = {}
    for text in redis.keys(prefix + "*"):
        key = key_of(text, prefix)
        assert key is not None, f"{text} is no key of keys.def"
        ttl_ms = redis("PTTL", text)
        if ttl_ms == -2:
            continue  # it has just ended
        assert redis("TYPE", text) == key.kind, text
        if ttl_ms == -1:
            # Its PEXPIRE is on the way.
            deadline = time.monotonic() + 5
            while (ttl_ms := redis("PTTL", text)) == -1 and time.monotonic() < deadline:
                time.sleep(0.01)
        low = 0 if key.cadence_s >= 3600 else 1000 * (key.ttl_s - max(slack_s, 3 * key.cadence_s))
        assert max(low, 1) <= ttl_ms <= 1000 * key.ttl_s, f"{text} ends in {ttl_ms} ms, not {key.ttl_s} s"
        seen.setdefault(key.name, []).append(text)
    return seen
