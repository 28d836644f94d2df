# SPDX-License-Identifier: MIT
"""
A program in the shape of an LLM provider that is a client of a graph's MCP server, on the official
SDK: the imports stand in the functions, each function opens its own session, one loop serves and
another runs in a thread.  test_three_lines.py runs it as it is, and with its imports changed.

graph_provider.py URL: prints what it saw as one line of JSON.
"""

import asyncio
import json
import sys
import threading


def model_turns():
    """A model that asks for two calls, then for one that fails, then says what it found."""
    yield [("query_graph", {"query": "MATCH (n:Topic) RETURN n.name LIMIT 5", "graphs": ["Grynya"]}),
           ("list_graphs", {})]  # fmt: skip
    yield [("query_graph", {"query": "DROP everything"})]
    yield [("no_such_tool", {})]
    yield "```json\n" + json.dumps({"summary": "Знайдено", "found_nodes": [{"id": "topic_1"}]}) + "\n```"


async def agent_loop(session):
    """What the model said last, and the texts that the tools gave to it."""
    texts = []
    for turn in model_turns():
        if isinstance(turn, str):
            return turn, texts
        for name, arguments in turn:
            try:
                result = await session.call_tool(name, arguments=arguments)
                texts.append(result.content[0].text if result.content else "{}")
            except Exception as error:  # noqa: BLE001 - as such programs do
                texts.append(json.dumps({"status": "error", "message": str(error)}))


async def describe_tools(url):
    """The tools as text for a prompt."""
    from mcp.client.sse import sse_client
    from mcp.client.session import ClientSession

    async with sse_client(url, headers={"Host": "localhost"}) as streams:
        async with ClientSession(streams[0], streams[1]) as session:
            await session.initialize()
            listed = await session.list_tools()
            return [f"Tool: {tool.name}, Description: {tool.description}" for tool in listed.tools]


async def background_task(url, number, states):
    """Writes a node, as a task of its own that may be cancelled from outside."""
    from mcp.client.sse import sse_client
    from mcp.client.session import ClientSession

    try:
        async with sse_client(url, headers={"Host": "localhost"}) as streams:
            async with ClientSession(streams[0], streams[1]) as session:
                await session.initialize()
                node = {"id": f"progress_{number}", "full_text": f"Крок {number}: «все гаразд»"}
                saved = await session.call_tool(
                    "add_node",
                    arguments={"node_type": "Analysis", "node_data": node, "day_id": "d_2026_01_01"},
                )
                states[number] = saved.content[0].text
                assert saved.content[0].text in f"{saved}" or "\\" in f"{saved}"
    except asyncio.CancelledError:
        states[number] = "cancelled"
        raise


async def research(url, save):
    """The agent's loop on one session; its report goes back into the graph."""
    from mcp.client.sse import sse_client
    from mcp.client.session import ClientSession

    try:
        async with sse_client(url, headers={"Host": "localhost"}) as streams:
            async with ClientSession(streams[0], streams[1]) as session:
                await session.initialize()
                said, texts = await agent_loop(session)
                report = json.loads(said.strip().strip("`").removeprefix("json"))
                if save:
                    node = {"id": "research_1", "summary": report["summary"], "is_empty": False}
                    await session.call_tool(
                        "add_node",
                        arguments={
                            "node_type": "Research", "node_data": node, "day_id": "d_2026_01_01",
                            "time": "10:11:12",
                        },
                    )  # fmt: skip
                    links = [
                        {"source_id": "research_1", "target_id": found["id"], "type": "SOURCED_FROM"}
                        for found in report["found_nodes"]
                    ]
                    linked = await session.call_tool("batch_link_nodes", arguments={"links": links})
                    texts.append(linked.content[0].text)
                return {"status": "success", "summary": report["summary"], "texts": texts}
    except Exception as error:  # noqa: BLE001
        return {"status": "error", "message": str(error)}


def listen_in_a_thread(url, results):
    """A second event loop, as a listener on a queue has it."""

    def run():
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        results.append(loop.run_until_complete(research(url, save=False)))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


async def main(url):
    states = {}
    said = {"tools": await describe_tools(url)}
    tasks = [asyncio.create_task(background_task(url, number, states)) for number in range(4)]
    await asyncio.gather(*tasks)
    said["states"] = states
    said["research"] = await research(url, save=True)
    elsewhere = []
    thread = listen_in_a_thread(url, elsewhere)
    await asyncio.to_thread(thread.join)
    said["elsewhere"] = elsewhere
    late = asyncio.create_task(background_task(url, "late", states))
    await asyncio.sleep(0)
    late.cancel()
    await asyncio.gather(late, return_exceptions=True)
    print(json.dumps(said, ensure_ascii=False))


asyncio.run(main(sys.argv[1]))
