# SPDX-License-Identifier: MIT
"""Research in the graph: an agent searches, and what it found becomes a node of its own."""

import datetime
import json
import uuid
from pathlib import Path
from typing import Any

import teplo

from agents import Agents, Done
from models import Json

MOST_SOURCES = 20
SKILLS = Path(__file__).parent / "skills"
INSTRUCTIONS = (
    "You research a graph. Call query_graph at least once. Answer with JSON: "
    '{"summary": "...", "found_nodes": [{"id": "..."}], "is_empty": false}'
)


async def research(
    agents: Agents, query: str, graphs: list[str] | None, model: str, skill: str, is_saved: bool
) -> Json:
    wanted = graphs or [agents.settings.graph]
    prompt = f"Search the graphs {wanted} for what is relevant to this:\n«{query}»"
    done = await agents.run(model, prompt, instructions(skill))
    report = read_report(done.text)
    queries = [call["arguments"] for call in done.calls if is_query(call)]
    searched = sorted({graph for one in queries for graph in one.get("graphs") or ()}) or wanted
    now = datetime.datetime.now(datetime.timezone.utc)
    node_id = f"research_{now:%Y%m%d_%H%M%S}_{uuid.uuid4().hex[:8]}"
    if is_saved:
        node = {
            "id": node_id,
            "name": f"Research: {query[:60]}",
            "query": query,
            "summary": report["summary"],
            "full_report": done.text[:4000],
            "cypher_queries": json.dumps([one.get("query") for one in queries]),
            "graphs_searched": json.dumps(searched),
            "source_node_ids": json.dumps(report["sources"]),
            "is_empty": report["is_empty"],
            "time": now.isoformat(),
        }
        await save(agents.pool, node, report["sources"], now)
    return {
        "status": "success",
        "research_node_id": node_id if is_saved else None,
        "summary": report["summary"],
        "graphs_searched": searched,
        "queries_executed_count": len(queries),
        "source_nodes_found": len(report["sources"]),
        "is_empty": report["is_empty"],
    }


async def save(
    pool: teplo.Pool, node: Json, sources: list[str], now: datetime.datetime
) -> None:
    """Writes: made once, and never again unless it is certain that they were not executed."""
    await write(
        pool,
        "add_node",
        {
            "node_type": "Research",
            "node_data": node,
            "day_id": f"d_{now:%Y_%m_%d}",
            "time": f"{now:%H:%M:%S}",
        },
    )
    if sources:
        links = [
            {"source_id": node["id"], "target_id": source, "type": "SOURCED_FROM"}
            for source in sources[:MOST_SOURCES]
        ]
        await write(pool, "batch_link_nodes", {"links": links})


async def write(pool: teplo.Pool, tool: str, arguments: Json) -> None:
    """The graph server says in its text whether it did it."""
    said = await pool.call_tool(tool, arguments)
    if said.is_error or json.loads(said.text).get("status") != "success":
        raise RuntimeError(f"{tool}: {said.text}")


def instructions(skill: str) -> str:
    """The skill's own, without its front matter, if it is there."""
    path = SKILLS / skill / "SKILL.md"
    if not skill.replace("-", "").replace("_", "").isalnum() or not path.is_file():
        return INSTRUCTIONS
    text = path.read_text(encoding="utf-8")
    parts = text.split("---", 2)
    return parts[2].strip() if text.startswith("---") and len(parts) == 3 else text


def is_query(call: Json) -> bool:
    return call.get("tool") == "query_graph" and isinstance(call.get("arguments"), dict)


def read_report(text: str) -> Json:
    """The model was asked for JSON; it may be in a fence, or be prose after all."""
    bare = text.strip()
    if bare.startswith("```"):
        bare = bare.split("\n", 1)[-1].rsplit("```", 1)[0]
    report: Any = None
    try:
        report = json.loads(bare)
    except ValueError:
        pass
    if not isinstance(report, dict):
        return {"summary": bare[:500], "sources": [], "is_empty": not bare}
    found = report.get("found_nodes")
    nodes = found if isinstance(found, list) else []
    sources = [str(node["id"]) for node in nodes if isinstance(node, dict) and node.get("id")]
    return {
        "summary": str(report.get("summary", bare[:300])),
        "sources": sources,
        "is_empty": bool(report.get("is_empty", not sources)),
    }
