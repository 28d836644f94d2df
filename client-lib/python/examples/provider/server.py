# SPDX-License-Identifier: MIT
"""
An LLM provider as an MCP server: its tools run agents, and the agents call the tools of a graph
server through teplod.

    server.py                     on stdin and stdout
    server.py --http 8001         over HTTP

See README.md for the environment.
"""

import argparse
import json
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import teplo
from fastmcp import FastMCP
from fastmcp.exceptions import ToolError

from agents import Agents
from listener import Listener
from models import ModelError, Models
from research import research
from settings import from_environment
from tasks import TaskBook, TaskLog

DEFAULT_MODEL = "gemini-2.5-flash"

# One of each for the process, made before any loop runs; none of them belongs to a loop.
settings = from_environment()
pool = teplo.connect(client_name="llm-provider")
models = Models(settings)
agents = Agents(pool, models)
tasks = TaskBook()

log = logging.getLogger("provider")
log.setLevel(logging.INFO)
log.addHandler(TaskLog())


@asynccontextmanager
async def lifespan(_: FastMCP) -> AsyncIterator[dict[str, Any]]:
    listener = None
    if settings.redis_url:
        listener = Listener(settings.redis_url, research_for_listener)
        listener.start()
    try:
        yield {}
    finally:
        if listener:
            listener.stop()


async def research_for_listener(query: str) -> dict[str, Any]:
    return await research(agents, query, None, DEFAULT_MODEL, "graph-research", False)


mcp: FastMCP = FastMCP("llm-provider-mcp", lifespan=lifespan)


@mcp.tool()
async def run_agent_task(
    prompt: str, system_prompt: str | None = None, model: str = DEFAULT_MODEL
) -> str:
    """Runs an agent with all tools of the graph server, and waits for what it says."""
    try:
        return (await agents.run(model, prompt, system_prompt)).text
    except (ModelError, teplo.Error) as error:
        raise ToolError(str(error)) from error


@mcp.tool()
async def research_graph(
    user_query: str,
    graphs: list[str] | None = None,
    model: str = DEFAULT_MODEL,
    skill_name: str = "graph-research",
    save_to_graph: bool = True,
) -> str:
    """
    Researches the graphs, saves what was found as a Research node with links to its sources,
    and answers with the node's id and a summary, as JSON.
    """
    try:
        found = await research(agents, user_query, graphs, model, skill_name, save_to_graph)
    except (ModelError, teplo.Error, RuntimeError) as error:
        found = {"status": "error", "message": str(error)}
        if isinstance(error, teplo.Error):
            found["outcome"] = error.outcome
    return as_json(found)


@mcp.tool()
async def start_async_agent_task(
    prompt: str, system_prompt: str | None = None, model: str = DEFAULT_MODEL
) -> str:
    """Starts an agent in the background.  check_task_status tells what became of it."""

    async def work() -> str:
        log.info("the agent begins with %s", model)
        done = await agents.run(model, prompt, system_prompt)
        log.info("the agent is done after %d calls", len(done.calls))
        return done.text

    task = tasks.start(work())
    return as_json({"status": "success", "task_id": task.id})


@mcp.tool()
def check_task_status(task_id: str) -> str:
    """The status of a task, its log, and its result or error."""
    task = tasks.find(task_id)
    if task is None:
        return as_json({"status": "error", "message": f"there is no task {task_id}"})
    told = {"task_id": task.id, "status": task.status, "logs": "\n".join(list(task.log))}
    if task.result is not None:
        told["result"] = task.result
    if task.error is not None:
        told["error"] = task.error
    return as_json(told)


@mcp.tool()
def cancel_agent_task(task_id: str) -> str:
    """Cancels a task; the tool that it waits for is cancelled at its server."""
    # FastMCP runs `def` tools in worker threads: see TaskBook.cancel.
    task = tasks.find(task_id)
    if task is None:
        return as_json({"status": "error", "message": f"there is no task {task_id}"})
    if not tasks.cancel(task):
        return as_json({"status": "error", "message": f"task {task_id} is {task.status}"})
    return as_json({"status": "success", "task_id": task_id})


def as_json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def main() -> None:
    parser = argparse.ArgumentParser(description="an LLM provider whose agents use a graph")
    parser.add_argument("--http", type=int, metavar="PORT", help="HTTP instead of stdin and stdout")
    parser.add_argument("--host", default="127.0.0.1")
    arguments = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    if settings.without_keys():
        log.warning(settings.without_keys())
    if arguments.http is None:
        mcp.run(show_banner=False)
    else:
        mcp.run(transport="http", host=arguments.host, port=arguments.http, show_banner=False)


if __name__ == "__main__":
    main()
