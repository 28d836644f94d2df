# SPDX-License-Identifier: MIT
"""Property graphs in SQLite for the demo server, and the small query language it understands.

The language is a subset of Cypher, enough to read back what was written:

  MATCH (n) RETURN n                                      all nodes
  MATCH (n:Label) RETURN n LIMIT 10                       nodes of a label
  MATCH (n:Label {id: 'x'}) RETURN n.name, n.topic        one node, some of its properties
  MATCH (a)-[r]->(b) RETURN a, r, b                       all links
  MATCH (a {id: 'x'})-[r:NEXT]->(b) RETURN type(r), b.id  links of a type from a node
  MATCH (n:Label) RETURN count(n)                         how many

No WHERE, CREATE, SET, DELETE, WITH, ORDER BY, functions other than count and type, paths
longer than one link, or links without an arrow: those raise QueryError, which says so.
"""

import json
import re
import sqlite3

SCHEMA = """
CREATE TABLE IF NOT EXISTS graph (name TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS node (
    graph TEXT NOT NULL, id TEXT NOT NULL, label TEXT NOT NULL, props TEXT NOT NULL,
    PRIMARY KEY (graph, id));
CREATE TABLE IF NOT EXISTS link (
    graph TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL, type TEXT NOT NULL,
    props TEXT NOT NULL, PRIMARY KEY (graph, source, target, type));
"""

HELP = (
    "this demo understands only MATCH (n), (n:Label), (n {key: 'value'}) or (a)-[r:TYPE]->(b), "
    "then RETURN of variables, properties, type(r) or count(n), and LIMIT"
)

NODE = r"\(\s*(?P<{0}var>\w+)?\s*(?::\s*(?P<{0}label>\w+))?\s*(?P<{0}props>\{{[^}}]*\}})?\s*\)"
LINK = r"-\s*\[\s*(?P<rvar>\w+)?\s*(?::\s*(?P<rtype>\w+))?\s*\]\s*->"
QUERY = re.compile(
    r"\s*MATCH\s*" + NODE.format("a") + r"(?:\s*" + LINK + r"\s*" + NODE.format("b") + r")?"
    r"\s*RETURN\s+(?P<items>.+?)(?:\s+LIMIT\s+(?P<limit>\d+))?\s*;?\s*",
    re.IGNORECASE | re.DOTALL,
)
PROPERTY = re.compile(r"\s*(\w+)\s*:\s*('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|-?\d+(?:\.\d+)?|true|false)\s*")
ITEM = re.compile(r"(?:(?P<function>count|type)\s*\(\s*(?P<argument>\w+|\*)\s*\)|(?P<var>\w+)(?:\.(?P<key>\w+))?)")


class QueryError(Exception):
    pass


class GraphStore:
    def __init__(self, path, first_graph):
        self.database = sqlite3.connect(path)
        self.database.executescript(SCHEMA)
        self.first_graph = first_graph
        self.add_graph(first_graph)

    def add_graph(self, graph):
        with self.database:
            self.database.execute("INSERT OR IGNORE INTO graph VALUES (?)", (graph,))

    def graphs(self):
        return [row[0] for row in self.database.execute("SELECT name FROM graph ORDER BY name")]

    def put_node(self, label, node_id, props, graph=None):
        """Make the node, or set PROPS on top of the ones it has."""
        graph = graph or self.first_graph
        merged = {**self.node_props(node_id, graph), **props, "id": node_id}
        text = json.dumps(merged, ensure_ascii=False)
        with self.database:
            self.database.execute(
                "INSERT OR REPLACE INTO node VALUES (?, ?, ?, ?)", (graph, node_id, label, text)
            )

    def node_props(self, node_id, graph=None):
        found = self.database.execute(
            "SELECT props FROM node WHERE graph = ? AND id = ?", (graph or self.first_graph, node_id)
        ).fetchone()
        return json.loads(found[0]) if found else {}

    def has_node(self, node_id, graph=None):
        return bool(self.node_props(node_id, graph))

    def put_link(self, source, target, link_type, props, graph=None):
        text = json.dumps(props or {}, ensure_ascii=False)
        row = (graph or self.first_graph, source, target, link_type, text)
        with self.database:
            self.database.execute("INSERT OR REPLACE INTO link VALUES (?, ?, ?, ?, ?)", row)

    def delete_node(self, node_id, graph=None):
        graph = graph or self.first_graph
        with self.database:
            gone = self.database.execute(
                "DELETE FROM node WHERE graph = ? AND id = ?", (graph, node_id)
            ).rowcount
            self.database.execute(
                "DELETE FROM link WHERE graph = ? AND (source = ? OR target = ?)",
                (graph, node_id, node_id),
            )
        return gone

    def delete_links(self, source, link_type, target=None, graph=None):
        """Without TARGET: every link of the type that leaves SOURCE."""
        clause, values = "", [graph or self.first_graph, source, link_type]
        if target is not None:
            clause, values = " AND target = ?", values + [target]
        with self.database:
            return self.database.execute(
                "DELETE FROM link WHERE graph = ? AND source = ? AND type = ?" + clause, values
            ).rowcount

    def copy_graph(self, source, destination):
        if source not in self.graphs():
            raise QueryError(f"there is no graph {source}")
        if destination in self.graphs():
            raise QueryError(f"there is a graph {destination} already")
        self.add_graph(destination)
        with self.database:
            self.database.execute(
                "INSERT INTO node SELECT ?, id, label, props FROM node WHERE graph = ?",
                (destination, source),
            )
            self.database.execute(
                "INSERT INTO link SELECT ?, source, target, type, props FROM link WHERE graph = ?",
                (destination, source),
            )

    def query(self, text, graph=None):
        """The rows of the answer, each a dict from what RETURN named to its value."""
        graph = graph or self.first_graph
        if graph not in self.graphs():
            raise QueryError(f"there is no graph {graph}")
        parts = QUERY.fullmatch(text)
        if not parts:
            raise QueryError(HELP)
        wants_link = parts["rvar"] is not None or "]->" in text.replace(" ", "")
        rows = self.match_links(parts, graph) if wants_link else self.match_nodes(parts, graph)
        return project(rows, parts)

    def match_nodes(self, parts, graph):
        for node in self.find_nodes(parts, "a", graph):
            yield {parts["avar"]: node}

    def match_links(self, parts, graph):
        sources = {node["id"]: node for node in self.find_nodes(parts, "a", graph)}
        targets = {node["id"]: node for node in self.find_nodes(parts, "b", graph)}
        found = self.database.execute(
            "SELECT source, target, type, props FROM link WHERE graph = ? ORDER BY rowid", (graph,)
        )
        for source, target, link_type, props in found:
            if source in sources and target in targets and parts["rtype"] in (None, link_type):
                link = {"type": link_type, "source": source, "target": target, **json.loads(props)}
                yield {parts["avar"]: sources[source], parts["rvar"]: link, parts["bvar"]: targets[target]}

    def find_nodes(self, parts, side, graph):
        wanted = read_properties(parts[side + "props"])
        found = self.database.execute(
            "SELECT label, props FROM node WHERE graph = ? ORDER BY rowid", (graph,)
        )
        for label, props in found:
            node = {"label": label, **json.loads(props)}
            if parts[side + "label"] not in (None, label):
                continue
            if all(node.get(key) == value for key, value in wanted.items()):
                yield node


def read_properties(text):
    wanted = {}
    rest = (text or "{}").strip()[1:-1]
    while rest.strip():
        found = PROPERTY.match(rest)
        if not found:
            raise QueryError(HELP)
        wanted[found[1]] = literal(found[2])
        rest = rest[found.end():]
        if rest and not rest.startswith(","):
            raise QueryError(HELP)
        rest = rest[1:]
    return wanted


def literal(token):
    if token[0] in "'\"":
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    return json.loads(token)


def project(rows, parts):
    items = [item.strip() for item in parts["items"].split(",")]
    shapes = [ITEM.fullmatch(item) for item in items]
    names = {parts["avar"], parts["bvar"], parts["rvar"], "*"} - {None}
    if not all(shapes) or not all((shape["argument"] or shape["var"]) in names for shape in shapes):
        raise QueryError(HELP)
    rows = list(rows)
    if any(shape["function"] == "count" for shape in shapes):
        if len(items) > 1:
            raise QueryError(HELP)
        return [{items[0]: len(rows)}]
    limit = int(parts["limit"]) if parts["limit"] else None
    return [{item: value(row, shape) for item, shape in zip(items, shapes)} for row in rows[:limit]]


def value(row, shape):
    if shape["function"] == "type":
        return row[shape["argument"]].get("type")
    found = row[shape["var"]]
    return found.get(shape["key"]) if shape["key"] else found
