# SPDX-License-Identifier: MIT
"""
As much of PromQL as dashboards and alerts need: which metrics, labels and words an expression
names, and whether the brokers write them.  What it does not know is a fault.
"""

import re

import metrics_table

FUNCTIONS = set(
    "sum max min avg count rate increase histogram_quantile vector time or and unless bool".split()
)
AGGREGATING = {"sum", "max", "min", "avg", "count"}
GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
SCRAPED = {"instance", "job"}  # Prometheus adds them
TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*")|(?P<range>\[[^\]]*\])|(?P<number>\d+(?:\.\d+)?)'
    r"|(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)|(?P<sign>=~|!~|!=|==|>=|<=|[-+*/%^<>={}(),])|(?P<blank>\s+)"
)
LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")
VALUES = re.compile(r"label_values\(\s*(.+),\s*(\w+)\s*\)")

METRICS = {name: metric for metric in metrics_table.read() for name in metric.samples()}


class Fault(Exception):
    """It is no PromQL that is known here."""


def tokens_of(text):
    tokens, at = [], 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if not found:
            raise Fault(f"what is {text[at:at + 20]!r}?")
        if found.lastgroup != "blank":
            tokens.append((found.lastgroup, found[0]))
        at = found.end()
    return tokens


class Expression:
    """metrics: names of samples.  matchers: (metric, label, operator, words).  groups: (by, labels)."""

    def __init__(self, text):
        self.metrics, self.matchers, self.groups = [], [], []
        self.is_one = False  # something is added up without a `by`
        self.tokens = tokens_of(text)
        self.at = 0
        depth = 0
        while self.at < len(self.tokens):
            kind, word = self.next()
            depth += (word == "(") - (word == ")")
            if depth < 0:
                raise Fault("one ) too many")
            if kind == "name":
                self.take_name(word)
            elif word in ("{", "}"):
                raise Fault(f"{word} without a metric")
        if depth:
            raise Fault("a ) is missing")

    def next(self):
        if self.at == len(self.tokens):
            raise Fault("it ends too soon")
        self.at += 1
        return self.tokens[self.at - 1]

    def is_at(self, word):
        return self.at < len(self.tokens) and self.tokens[self.at][1] == word

    def take_name(self, word):
        if word in GROUPING and self.is_at("("):
            self.at += 1
            self.groups.append((word, self.names_until(")")))
        elif word in FUNCTIONS:
            self.is_one |= word in AGGREGATING and not (self.is_at("by") or self.is_at("without"))
        else:
            self.metrics.append(word)
            if self.is_at("{"):
                self.at += 1
                self.take_matchers(word)

    def names_until(self, end):
        names = []
        while True:
            kind, word = self.next()
            if word == end:
                return names
            if kind == "name":
                names.append(word)
            elif word != ",":
                raise Fault(f"{word} among labels")

    def take_matchers(self, metric):
        while not self.is_at("}"):
            label, operator, (kind, value) = self.next()[1], self.next()[1], self.next()
            if operator not in ("=", "=~", "!=", "!~") or kind != "string":
                raise Fault(f"the matcher of {label}")
            self.matchers.append((metric, label, operator, value[1:-1]))
            if self.is_at(","):
                self.at += 1
        self.at += 1


def labels_of(metric):
    """Of a sample of that name."""
    if metric == "up":
        return SCRAPED
    labels = set(METRICS[metric].labels) | SCRAPED
    return labels | {"le"} if metric.endswith("_bucket") else labels


def faults(text, legend=""):
    try:
        expression = Expression(text)
        unknown = [name for name in expression.metrics if name not in METRICS and name != "up"]
        if unknown or not (expression.metrics or "vector" in text):
            yield f"no such metric: {' '.join(unknown) or text}"
            return
        yield from label_faults(expression, legend)
        yield from kind_faults(text)
    except Fault as fault:
        yield f"{text}: {fault}"


def label_faults(expression, legend):
    for metric, label, operator, value in expression.matchers:
        if label not in labels_of(metric):
            yield f"{metric} has no label {label}"
        elif metric != "up" and "$" not in value:
            known = METRICS[metric].words.get(label)
            for word in value.split("|") if operator in ("=~", "!~") else [value]:
                if known and word not in known:
                    yield f"{metric}: {label} is never {word}"
    every = set().union(*(labels_of(metric) for metric in expression.metrics))
    for _, names in expression.groups:
        for name in set(names) - every:
            yield f"no metric of it has the label {name}"
    for name in set(LEGEND.findall(legend)) - labels_of_result_of(expression):
        yield f"the legend names {name}, which the result has not"


def kind_faults(text):
    """rate() of what may fall is nonsense, and so is what only grows without it."""
    for metric in re.findall(r"(?:rate|increase)\((\w+)", text):
        if METRICS[metric].kind not in ("counter", "histogram"):
            yield f"{metric} is a {METRICS[metric].kind}: no rate of it"
    for metric in re.findall(r"(?<!rate\()(?<!increase\()\b(\w+_(?:total|bucket))\b", text):
        if metric in METRICS:
            yield f"{metric} only grows: take its rate"


def labels_of_result_of(expression):
    """What an aggregation leaves; all of them where there is none."""
    by = [set(names) for word, names in expression.groups if word == "by"]
    if expression.is_one:
        return set()
    if by:
        return set.intersection(*by) - {"le"}
    return set().union(*(labels_of(metric) for metric in expression.metrics))


def labels_of_result(text):
    return labels_of_result_of(Expression(text))


def variable_faults(query):
    found = VALUES.fullmatch(query)
    if not found:
        yield f"{query} is no label_values(metric, label)"
        return
    yield from faults(found[1])
    if not any(found[2] in labels_of(metric) for metric in Expression(found[1]).metrics):
        yield f"{found[1]} has no label {found[2]}"
