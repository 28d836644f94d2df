# SPDX-License-Identifier: MIT
"""The demo MCP server: a graph memory over HTTP+SSE, on the official Python SDK (mcp 1.x).

It offers the tool names and argument schemas of the graph server teplo was first written
for, with SQLite in place of the graph database, so that the quickstart and the tests can
play the real calls.  See graph_store.py for the queries that query_graph understands.

  demo_server.py --port 8000 --db graph.db
  demo_server.py --strict-host grynya:8000     only requests for that Host; others get 421

Tools are `async def` on purpose: this SDK runs a plain `def` tool on the event loop, where
one slow call would hold up all sessions.
"""

import argparse
import asyncio
import json
import sys

from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.prompts.base import UserMessage
from mcp.server.transport_security import TransportSecuritySettings

import serving
from graph_store import GraphStore, QueryError
from wire_stats import WireStats

PERSONA = (
    "Ти — Гриня, пам'ять у вигляді графа. Перш ніж відповісти, знайди у графі те, що вже "
    "відомо; нове запиши вузлом і зв'яжи з попередньою подією."
)


def success(**fields):
    return json.dumps({"status": "success", **fields}, ensure_ascii=False)


def failure(message):
    return json.dumps({"status": "error", "message": str(message)}, ensure_ascii=False)


def build(arguments):
    store = GraphStore(arguments.db, arguments.graph)
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=bool(arguments.strict_host),
        allowed_hosts=arguments.strict_host,
    )
    server = FastMCP(
        "teplo-demo-graph",
        instructions="Графова пам'ять: читай через query_graph, записуй через add_node і link_nodes.",
        transport_security=security,
        log_level="WARNING",
    )
    add_reading_tools(server, store)
    add_session_tools(server, store, arguments.context_delay)
    add_writing_tools(server, store)
    add_batch_tools(server, store)
    add_persona(server)
    return server


def add_reading_tools(server, store):
    @server.tool()
    async def query_graph(query: str, graphs: list = None) -> str:
        """Читає граф запитом Cypher. Без graphs — основний граф; з ними — кожен названий."""
        try:
            if not graphs or len(graphs) == 1:
                graph = graphs[0] if graphs else store.first_graph
                return success(graph=graph, results=store.query(query, graph))
            combined = {graph: store.query(query, graph) for graph in graphs}
            return success(multi_graph=True, results=combined)
        except QueryError as error:
            return failure(error)

    @server.tool()
    async def list_graphs() -> str:
        """Називає всі графи, що є у сховищі."""
        return success(graphs=store.graphs())

    @server.tool()
    async def copy_graph(source_graph: str, destination_graph: str) -> str:
        """Копіює граф цілком під новою назвою."""
        try:
            store.copy_graph(source_graph, destination_graph)
        except QueryError as error:
            return failure(error)
        return success(message=f"граф {source_graph} скопійовано як {destination_graph}")


def add_session_tools(server, store, context_delay):
    def put_session(session_id, props, date, year):
        store.put_node("Year", str(year), {"value": year})
        store.put_node("Day", date, {"date": date})
        store.put_node("Session", session_id, props)
        store.put_link(str(year), date, "HAS_DAY", None)
        store.put_link(date, session_id, "HAS_SESSION", None)

    @server.tool()
    async def create_session(
        session_id: str, name: str, topic: str, trigger: str, date: str, year: int
    ) -> str:
        """Створює сесію разом із вузлами її року та дня."""
        props = {"name": name, "topic": topic, "trigger": trigger, "date": date}
        put_session(session_id, props, date, year)
        return success(results=[f"сесію {session_id} створено"])

    @server.tool()
    async def init_session_with_context(
        query: str, date: str, year: int, session_id: str = None
    ) -> str:
        """Створює сесію і чекає, доки для неї зберуть контекст."""
        session_id = session_id or f"session_{date}"
        put_session(session_id, {"name": session_id, "topic": query, "date": date}, date, year)
        await asyncio.sleep(context_delay)  # the original waits up to 45 s for another agent
        context = store.query("MATCH (n:Session) RETURN n.id, n.topic LIMIT 5")
        return success(session_id=session_id, context=context)

    @server.tool()
    async def update_last_event(session_id: str, event_id: str) -> str:
        """Переставляє зв'язок LAST_EVENT сесії на вказану подію."""
        for node_id in (session_id, event_id):
            if not store.has_node(node_id):
                return failure(f"немає вузла {node_id}")
        store.delete_links(session_id, "LAST_EVENT")
        store.put_link(session_id, event_id, "LAST_EVENT", None)
        return success(results=[f"LAST_EVENT: {session_id} → {event_id}"])


def add_writing_tools(server, store):
    @server.tool()
    async def add_node(
        node_type: str,
        node_data: dict,
        day_id: str = None,
        time: str = None,
        relations: list = [],
    ) -> str:
        """Додає вузол (node_data має містити id) і, якщо є, його зв'язки
        [{"type": ..., "target_id": ..., "props": {...}}]."""
        error = put_node(store, node_type, node_data, day_id, time)
        if error:
            return failure(error)
        for relation in relations:
            link = {"source_id": node_data["id"], **relation}
            error = put_link(store, link)
            if error:
                return failure(error)
        return success(node_id=str(node_data["id"]), node_type=node_type)

    @server.tool()
    async def link_nodes(source_id: str, target_id: str, rel_type: str, props: dict = None) -> str:
        """Поєднує два вузли зв'язком."""
        error = put_link(
            store,
            {"source_id": source_id, "target_id": target_id, "type": rel_type, "props": props},
        )
        return failure(error) if error else success(link=[source_id, rel_type, target_id])

    @server.tool()
    async def delete_node(node_id: str) -> str:
        """Видаляє вузол разом з усіма його зв'язками."""
        if not store.delete_node(node_id):
            return failure(f"немає вузла {node_id}")
        return success(deleted=node_id)

    @server.tool()
    async def delete_link(source_id: str, target_id: str, rel_type: str) -> str:
        """Видаляє один зв'язок між двома вузлами."""
        if not store.delete_links(source_id, rel_type, target_id):
            return failure(f"немає зв'язку {rel_type} від {source_id} до {target_id}")
        return success(deleted=[source_id, rel_type, target_id])


def add_batch_tools(server, store):
    @server.tool()
    async def batch_add_nodes(
        node_type: str, nodes: list, day_id: str = None, time: str = None
    ) -> str:
        """Додає кілька вузлів одного типу."""
        errors = [put_node(store, node_type, node, day_id, time) for node in nodes]
        return batch_outcome(errors)

    @server.tool()
    async def batch_link_nodes(links: list) -> str:
        """Створює кілька зв'язків [{"source_id": ..., "target_id": ..., "type": ...}]."""
        return batch_outcome([put_link(store, link) for link in links])


def put_node(store, node_type, node_data, day_id, time):
    """None, or why it cannot be."""
    if not isinstance(node_data, dict) or not node_data.get("id"):
        return "у вузла немає id"
    node_id = str(node_data["id"])
    store.put_node(node_type, node_id, node_data)
    if day_id and time:
        store.put_node("Day", day_id, {"date": day_id})
        store.put_link(day_id, node_id, "HAS_EVENT", {"time": time})
    return None


def put_link(store, link):
    """None, or why it cannot be."""
    missing = [key for key in ("source_id", "target_id", "type") if not link.get(key)]
    if missing:
        return "у зв'язку немає " + ", ".join(missing)
    for key in ("source_id", "target_id"):
        if not store.has_node(link[key]):
            return f"немає вузла {link[key]}"
    store.put_link(link["source_id"], link["target_id"], link["type"], link.get("props"))
    return None


def batch_outcome(errors):
    done = errors.count(None)
    if done < len(errors):
        return json.dumps(
            {"status": "error", "done": done, "errors": [error for error in errors if error]},
            ensure_ascii=False,
        )
    return success(done=done)


def add_persona(server):
    @server.resource("system://gemini_prompt")
    async def gemini_prompt() -> str:
        """Системний промпт."""
        return PERSONA

    @server.prompt("Grynya_Persona")
    async def grynya_persona() -> list[UserMessage]:
        """Хто така Гриня і як вона працює з графом."""
        return [UserMessage(PERSONA)]


def main():
    parser = argparse.ArgumentParser(description="demo MCP server: a graph memory on SQLite")
    serving.add_arguments(parser)
    parser.add_argument("--db", default=":memory:", help="SQLite file; without it, memory only")
    parser.add_argument("--graph", default="Grynya", help="name of the main graph")
    parser.add_argument(
        "--strict-host", action="append", default=[], help="the only Host values accepted"
    )
    parser.add_argument(
        "--context-delay", type=float, default=0.5, help="seconds init_session_with_context waits"
    )
    arguments = parser.parse_args()
    serving.serve_asgi(WireStats(build(arguments).sse_app()), arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
