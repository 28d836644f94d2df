# SPDX-License-Identifier: MIT
"""
Dashboards and alerts against the tables in code: every metric, label and word in PromQL, and every
key, field and column that a Redis panel reads, is one that the brokers write.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

import promql
import redis_panels
from sources import REPO, Complaints

GRAFANA = REPO / "deploy/grafana"
ALERTS = REPO / "deploy/prometheus/teplo-alerts.yml"
UID = re.compile(r"^    uid: (\S+)\n    type: (\S+)", re.MULTILINE)
EXPR = re.compile(r"^\s+expr: (.+)$", re.MULTILINE)
ALERT = re.compile(r"- alert: (\w+)\n(.*?)(?=\n\s+- alert:|\Z)", re.DOTALL)
LABEL = re.compile(r"\$labels\.(\w+)")
VARIABLE = re.compile(r"\$\{?(\w+)")
BUILT_IN = {"__rate_interval", "__interval", "__range"}


def main():
    complaints = Complaints()
    for path in sorted((GRAFANA / "dashboards").glob("*.json")):
        for text in faults_of_dashboard(path.read_text(), datasources()):
            complaints.add(path, 1, text)
    for text in faults_of_alerts(ALERTS.read_text()):
        complaints.add(ALERTS, 1, text)
    check_with_promtool(complaints)
    complaints.leave()


def datasources():
    """uid -> type, as they are provisioned."""
    return dict(UID.findall((GRAFANA / "provisioning/datasources/teplo.yml").read_text()))


def faults_of_dashboard(text, known):
    """What is wrong with a dashboard, a sentence each; KNOWN: datasources()."""
    board = json.loads(text)
    variables = {variable["name"] for variable in board["templating"]["list"]}
    ids = [panel["id"] for panel in board["panels"]]
    if len(set(ids)) < len(ids):
        yield "two panels have the same id"
    for variable in board["templating"]["list"]:
        name = f"variable {variable['name']}"
        for fault in datasource_faults(variable, known):
            yield f"{name}: {fault}"
        for fault in query_faults(variable["datasource"], variable["query"]):
            yield f"{name}: {fault}"
    for annotation in board["annotations"]["list"]:
        for fault in datasource_faults(annotation, known):
            yield f"annotation {annotation['name']}: {fault}"
        for fault in promql.faults(annotation["expr"]):
            yield f"annotation {annotation['name']}: {fault}"
    for panel in board["panels"]:
        for fault in panel_faults(panel, known, variables):
            yield f"panel \"{panel['title']}\": {fault}"


def datasource_faults(thing, known):
    source = thing.get("datasource") or {}
    if known.get(source.get("uid")) != source.get("type"):
        yield f"datasource {source} is not provisioned"


def query_faults(source, query):
    if source.get("type") == "prometheus":
        return promql.variable_faults(query)
    return redis_panels.variable_faults(query)


def panel_faults(panel, known, variables):
    yield from datasource_faults(panel, known)
    refs = [target["refId"] for target in panel["targets"]]
    if len(set(refs)) < len(refs):
        yield "two targets have the same refId"
    for target in panel["targets"]:
        yield from datasource_faults(target, known)
        for name in VARIABLE.findall(target.get("expr", "") + target.get("keyName", "")):
            if name not in variables | BUILT_IN:
                yield f"there is no variable ${name}"
        if panel["datasource"]["type"] == "prometheus":
            yield from promql.faults(target["expr"], target["legendFormat"])
    if panel["datasource"]["type"] != "prometheus":
        yield from redis_panels.faults(panel)


def faults_of_alerts(text):
    names = [name for name, _ in ALERT.findall(text)]
    if len(set(names)) < len(names) or len(names) != len(EXPR.findall(text)):
        yield "each alert has a name of its own, and one expr in one line"
    for name, body in ALERT.findall(text):
        found = EXPR.search(body)
        if not found:
            continue
        faults = list(promql.faults(found[1]))
        yield from (f"{name}: {fault}" for fault in faults)
        if faults:
            continue
        for label in set(LABEL.findall(body)) - promql.labels_of_result(found[1]):
            yield f"{name}: its result has no label {label}"


def check_with_promtool(complaints):
    promtool = shutil.which("promtool")
    if not promtool:
        return
    command = [promtool, "check", "rules", str(ALERTS)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        complaints.add(ALERTS, 1, done.stdout + done.stderr)


if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    main()
