# SPDX-License-Identifier: MIT
"""
A strict reader of /metrics: Prometheus' text format 0.0.4 and OpenMetrics 1.0.0.  What a scraper
may forgive is an error here.
"""

import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)')
VALUE = re.compile(r"-?[0-9]+(\.[0-9]+)?")
ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
TYPES = {"counter", "gauge", "histogram", "info"}
TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Family:
    def __init__(self, name, help_text):
        self.name, self.help, self.kind, self.unit = name, help_text, None, None
        self.samples = []  # (name of the sample, labels, value), in their order


class Exposition:
    """TEXT, read; AssertionError where it breaks a rule of its format."""

    def __init__(self, text, is_openmetrics=False):
        self.is_openmetrics = is_openmetrics
        self.families = {}
        self.values = {}
        assert text.endswith("\n") and "\r" not in text
        lines = text[:-1].split("\n")
        if is_openmetrics:
            assert lines.pop() == "# EOF"
        assert "# EOF" not in lines
        family = None
        for line in lines:
            family = self.take_line(line, family)
        for family in self.families.values():
            self.check_family(family)

    # Lines.

    def take_line(self, line, family):
        assert line, "an empty line"
        if line.startswith("# HELP "):
            name, _, text = line[7:].partition(" ")
            assert NAME.fullmatch(name) and text and name not in self.families, line
            family = self.families[name] = Family(name, text)
        elif line.startswith("# TYPE "):
            name, _, family.kind = line[7:].partition(" ")
            assert name == family.name and family.kind in TYPES and not family.samples, line
        elif line.startswith("# UNIT "):
            name, _, family.unit = line[7:].partition(" ")
            assert self.is_openmetrics and name == family.name and not family.samples, line
            assert name.endswith("_" + family.unit), line
        else:
            assert line[0] != "#", line
            self.take_sample(line, family)
        return family

    def take_sample(self, line, family):
        name = NAME.match(line)[0]
        rest = line[len(name) :]
        labels = {}
        if rest.startswith("{"):
            end = rest.rindex("} ")
            labels = read_labels(rest[1:end])
            rest = rest[end + 1 :]
        assert rest[0] == " " and VALUE.fullmatch(rest[1:]), line
        assert family.kind, line
        key = (name, tuple(sorted(labels.items())))
        assert key not in self.values, f"twice: {line}"
        self.values[key] = float(rest[1:])
        family.samples.append((name, labels, float(rest[1:])))

    # Families.

    def check_family(self, family):
        assert family.samples, f"{family.name} has a head and no sample"
        base, kind = family.name, family.kind
        if kind == "histogram":
            names = {base + "_bucket", base + "_sum", base + "_count"}
            check_histograms(family)
        elif kind == "counter":
            names = {base + "_total"} if self.is_openmetrics else {base}
            assert next(iter(names)).endswith("_total"), base
        elif kind == "info":
            assert self.is_openmetrics
            names = {base + "_info"}
        else:
            names = {base}
            assert not base.endswith("_total"), base
        assert {name for name, _, _ in family.samples} == names, family.name
        if kind in ("counter", "histogram"):
            assert all(value >= 0 for _, _, value in family.samples), family.name

    # Questions.

    def select(self, name, **labels):
        """[(labels, value)] of the samples of that name that have these labels."""
        found = []
        for (sample, pairs), value in self.values.items():
            if sample == name and labels.items() <= dict(pairs).items():
                found.append((dict(pairs), value))
        return found

    def value(self, name, **labels):
        """Of the only such sample."""
        found = self.select(name, **labels)
        assert len(found) == 1, (name, labels, found)
        return found[0][1]

    def sum(self, name, **labels):
        return sum(value for _, value in self.select(name, **labels))

    def monotone(self):
        """The samples that must never fall, by their names and labels."""
        return {
            (name, tuple(sorted(labels.items()))): value
            for family in self.families.values()
            if family.kind in ("counter", "histogram")
            for name, labels, value in family.samples
        }


def read_labels(text):
    labels = {}
    at = 0
    while at < len(text):
        found = LABEL.match(text, at)
        assert found, text[at:]
        assert found[1] not in labels, text
        value = re.sub(r'\\[\\"n]', lambda escape: ESCAPES[escape[0]], found[2])
        assert value, f"an empty label: {text}"
        labels[found[1]] = value
        at = found.end()
        assert (found[3] == ",") == (at < len(text)), text
    return labels


def check_histograms(family):
    """Each stands together: its buckets upwards, +Inf last, then sum and count, which agree."""
    at = 0
    samples = family.samples
    while at < len(samples):
        labels = {key: value for key, value in samples[at][1].items() if key != "le"}
        bounds, counts = [], []
        while samples[at][0] == family.name + "_bucket":
            assert {**labels, "le": samples[at][1]["le"]} == samples[at][1], samples[at]
            bounds.append(float(samples[at][1]["le"]))
            counts.append(samples[at][2])
            at += 1
        assert bounds == sorted(set(bounds)) and bounds[-1] == float("inf"), bounds
        assert counts == sorted(counts), counts
        assert samples[at][:2] == (family.name + "_sum", labels), samples[at]
        assert samples[at + 1][:2] == (family.name + "_count", labels), samples[at + 1]
        assert samples[at + 1][2] == counts[-1], samples[at + 1]
        at += 2
