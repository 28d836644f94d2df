# SPDX-License-Identifier: MIT
"""
proto/METRICS.md against broker/health/metrics.def: the page's table is what the table in code
makes.  `check_metrics.py write` writes it anew.
"""

import re
import sys

import metrics_table
from sources import REPO, Complaints

PAGE = REPO / "proto/METRICS.md"
BEGIN, END = "<!-- the table -->\n", "<!-- its end -->\n"
NAME = re.compile(r"^(teplo|mcp|process)_[a-z0-9_]+$")


def main():
    complaints = Complaints()
    metrics = metrics_table.read()
    check_names(metrics, complaints)
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = before + BEGIN + table(metrics) + END + after
    if sys.argv[1:] == ["write"]:
        PAGE.write_text(wanted)
    elif text != wanted:
        lines = zip(text.splitlines(), wanted.splitlines())
        line = next((number for number, (is_, shall) in enumerate(lines, 1) if is_ != shall), 1)
        complaints.add(PAGE, line, "not as metrics.def; tests/lint/check_metrics.py write")
    complaints.leave()


def check_names(metrics, complaints):
    """Prometheus' rules for names, and ours."""
    names = [metric.name for metric in metrics]
    for name in names:
        if not NAME.match(name) or names.count(name) > 1:
            complaints.add(metrics_table.TABLE, 1, f"{name} is no usable name, or is there twice")
    for metric in metrics:
        end = {"counter": "_total", "info": "_info"}.get(metric.kind, "")
        base = metric.name[: -len(end)] if end else metric.name
        wrong = (
            not metric.name.endswith(end)
            or (metric.kind in ("gauge", "histogram") and metric.name.endswith("_total"))
            or (metric.unit and not base.endswith("_" + metric.unit))
            or not metric.help.endswith(".")
            or any(c in metric.help for c in '"\\|')
            or set(metric.words) - set(metric.labels)
            or not metric.sources
        )
        if wrong:
            complaints.add(metrics_table.TABLE, 1, f"{metric.name}: name, unit, help or labels")


def table(metrics):
    lines = ["| Metric | Type | Labels | Unit | Meaning | From |", "|---|---|---|---|---|---|"]
    for metric in metrics:
        labels = "; ".join(label_text(metric, label) for label in metric.labels) or "–"
        unit = metric.unit or "–"
        origins = ", ".join(dict.fromkeys(metric.sources))
        lines.append(
            f"| `{metric.name}` | {metric.kind} | {labels} | {unit} | {metric.help} | {origins} |"
        )
    return "\n".join(lines) + "\n"


def label_text(metric, label):
    words = metric.words.get(label)
    return f"`{label}`" + (": " + " ".join(f"`{word}`" for word in words) if words else "")


main()
