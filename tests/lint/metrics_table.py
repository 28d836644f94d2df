# SPDX-License-Identifier: MIT
"""broker/health/metrics.def as Python sees it: for the checkers of documents and dashboards."""

import re

from sources import REPO

TABLE = REPO / "broker/health/metrics.def"
CALL = re.compile(r"^([A-Z_]+)\((.*)\)$")
ARGUMENT = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^",]*))\s*(?:,|$)')


class Metric:
    def __init__(self, name, kind, unit, labels, help_text):
        self.name, self.kind, self.unit, self.help = name, kind.lower(), unit, help_text
        self.labels = labels.split()
        self.words = {}  # label -> its words, where the table names them
        self.sources = []

    def samples(self):
        """The names that its samples bear."""
        if self.kind == "histogram":
            return [self.name + end for end in ("_bucket", "_sum", "_count")]
        return [self.name]

    def add(self, source, arguments):
        label, word = labelled(source, arguments)
        if label:
            self.words.setdefault(label, [])
            if word:
                self.words[label].append(word)
        self.sources.append(origin(source, arguments))


def labelled(source, arguments):
    """The label and the word that a sample's line of the table gives it."""
    if source in ("POOL", "BROKER", "OTHER", "POOL_REST", "POOL_IS"):
        return arguments[2], arguments[3]
    if source == "BROKER_IS":
        return arguments[2], arguments[1]
    if source == "FACT":
        return arguments[0], None
    return None, None


def origin(source, arguments):
    """Where a figure comes from, for people."""
    if source in ("POOL", "POOL_IS"):
        return f"pool `{arguments[0]}`"
    if source == "POOL_REST":
        return f"pool `{arguments[0]}` − `{arguments[1]}`"
    if source in ("BROKER", "BROKER_IS", "REDIS"):
        return f"broker `{arguments[0]}`"
    if source == "REDIS_IS":
        return "broker `redis_state`"
    if source == "METER":
        return f"meters of the pool, `{arguments[0].lower()}`"
    if source == "OPERATIONS":
        return f"operations of the pool, `{arguments[0]}`"
    if source == "LAG":
        return "timer of the event loop"
    if source == "FACT":
        return "the process"
    return f"the process, `{arguments[0]}`"


def read(text=None):
    """The metrics in the table's order."""
    metrics = []
    for line in (TABLE.read_text() if text is None else text).splitlines():
        found = CALL.match(line.strip())
        if not found:
            continue
        arguments = [quoted or bare for quoted, bare in ARGUMENT.findall(found[2])]
        arguments = [word.strip() for word in arguments]
        if found[1] == "METRIC":
            metrics.append(Metric(*arguments[:5]))
        else:
            metrics[-1].add(found[1], arguments)
    return metrics
