# SPDX-License-Identifier: MIT
"""
The example provider from end to end: MCP clients, three provider processes, model servers that
refuse what the real ones would, a real broker, and the demo graph server.
"""

import asyncio
import json

import pytest

pytest.importorskip("fastmcp")

from fakes import Call, Calls, Failure, Finish, GeminiServer, Held, OpenAIServer, Say  # noqa: E402
from harness import (  # noqa: E402
    PATIENCE,
    Broker,
    DemoServer,
    Dynasty,
    RedisServer,
    adopting_orphans,
    places,
    wait_until,
)
from provider_ways import (  # noqa: E402
    EXAMPLE,
    LIBRARY,
    Caller,
    Provider,
    Subscriber,
    provider_environment,
)

GEMINI, GPT = "gemini-3-pro", "gpt-5"
POOL_SIZE = 4
# Seconds, at best.  The loop shares its interpreter with threads that talk to models, and the machine
# with all that it talks to: any one round may be slower.
LOOP_GAP = 0.020
SLOW = 60  # seconds that init_session_with_context takes: longer than any test
ASK = {"query": "початок", "date": "2026-01-01", "year": 2026}
COUNT = "MATCH (n:Session) RETURN n.id, n.topic LIMIT 50"
SESSION = {"session_id": "s", "name": "n", "topic": "t", "trigger": "t", "date": "2026-01-01"}
SLOW_CALL = Call("init_session_with_context", ASK)
# FastMCP's client and server of the tests themselves say more than the tests are about.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def models():
    """(Gemini, OpenAI)"""
    with GeminiServer() as gemini, OpenAIServer() as openai:
        yield gemini, openai


@pytest.fixture(scope="module")
def demo():
    server = DemoServer(["--context-delay", SLOW])
    yield server
    server.done()


class House:
    """The broker, three providers, and what they stand on."""

    def __init__(self, broker, providers, models, demo, redis):
        self.broker = broker
        self.providers = providers
        self.gemini, self.openai = models
        self.demo = demo
        self.redis = redis

    def no_refusals(self):
        refused = [one.reply for server in (self.gemini, self.openai) for one in server.refusals()]
        assert not refused


@pytest.fixture(scope="module")
def house(models, demo):
    things = []
    try:
        redis = RedisServer()
        things.append(redis)
        broker = Broker({"grynya": demo.url}, pool={"pool_size": POOL_SIZE})
        things.append(broker)
        kinds = [{}, {"OPENAI_API": "responses"}, {"REDIS_URL": redis.url}]
        providers = [Provider(broker, *models, **kind) for kind in kinds]
        things += providers
        for provider in providers:
            provider.wait_ready()
        yield House(broker, providers, models, demo, redis)
    finally:
        for thing in reversed(things):
            thing.done()


def agent_turns(name):
    """Reads, writes two nodes at once, links them, and says what it was told."""
    return (
        Calls(
            Call("query_graph", {"query": COUNT, "graphs": None}),
            Call("list_graphs"),
            say="Подивлюся.",
        ),
        Calls(
            Call("add_node", {"node_type": "Session", "node_data": {"id": f"{name}_a", "topic": "ї"}}),
            Call("add_node", {"node_type": "Session", "node_data": {"id": f"{name}_b"}}),
        ),
        Call(
            "batch_link_nodes",
            {"links": [{"source_id": f"{name}_a", "target_id": f"{name}_b", "type": "NEXT"}]},
        ),
        lambda answers: Say(f"{name}: {answers[0].text}"),
    )


def research_turns(name, found):
    report = {"summary": f"підсумок {name}", "found_nodes": [{"id": one} for one in found]}
    return (
        Call("query_graph", {"query": COUNT, "graphs": ["Grynya"]}),
        lambda answers: Say(f"```json\n{json.dumps(report, ensure_ascii=False)}\n```"),
    )


def in_graph(broker, query):
    """What the graph itself says, by another client of the broker."""
    with broker.client() as client:
        result = client.request(
            "tools/call", {"name": "query_graph", "arguments": {"query": query}}
        )
        return json.loads(result["content"][0]["text"])["results"]


# Good runs.


def test_three_providers_share_the_pool(house):
    """Each runs agents of both kinds and researches, all at the same time."""
    house.demo.reset()
    for number in range(3):
        house.gemini.converse(f"agent g{number}.", *agent_turns(f"g{number}"))
        house.openai.converse(f"agent o{number}.", *agent_turns(f"o{number}"))
        house.gemini.converse(f"research r{number}.", *research_turns(f"r{number}", [f"g{number}_a"]))

    async def use(provider, number):
        async with provider.client() as call:
            await call("start_heartbeat")
            said = await asyncio.gather(
                call("run_agent_task", prompt=f"agent g{number}.", model=GEMINI),
                call("run_agent_task", prompt=f"agent o{number}.", model=GPT, system_prompt="s"),
            )
            found = await call("research_graph", user_query=f"research r{number}.", model=GEMINI)
            return said, found, float(await call("longest_gap"))

    async def main():
        return await asyncio.gather(*(use(one, n) for n, one in enumerate(house.providers)))

    nodes = []
    for number, (said, found, gap) in enumerate(asyncio.run(main())):
        for kind, text in zip("go", said, strict=True):
            assert text.startswith(f"{kind}{number}: ") and '"done": 1' in text.replace('\\"', '"'), text
        assert found["status"] == "success", found
        assert found["summary"] == f"підсумок r{number}"
        assert (found["queries_executed_count"], found["source_nodes_found"]) == (1, 1)
        nodes.append(found["research_node_id"])
        print(f"provider {number}: longest gap {gap * 1000:.1f} ms")
    house.no_refusals()
    check_echoes(house.gemini, "agent g0.")
    check_shared(house.demo.stats())
    saved = str(in_graph(house.broker, "MATCH (n:Research) RETURN n.id, n.query LIMIT 50"))
    assert all(node in saved for node in nodes)


def check_echoes(gemini, name):
    """The model's turns went back as they came, signatures and all."""
    requests = gemini.of(name)
    said = [one.reply["candidates"][0]["content"] for one in requests]
    assert sum("thoughtSignature" in part for one in said for part in one["parts"]) == 3
    for number, request in enumerate(requests):
        echoed = [one for one in request.body["contents"] if one["role"] == "model"]
        assert echoed == said[:number]


def check_shared(stats):
    """The graph server's own count: few sessions for all, and each call made once."""
    assert 1 <= stats["streams_peak"] <= POOL_SIZE
    assert stats["rpc"]["initialize"] <= POOL_SIZE
    assert stats["rpc"].get("tools/list", 0) <= stats["rpc"]["initialize"]
    assert stats["tools"] == {
        "query_graph": 9, "list_graphs": 6, "add_node": 15, "batch_link_nodes": 9,
    }  # fmt: skip


def test_the_loop_of_the_provider_is_never_away(house):
    """Eight agents at once, each with four steps; what is measured is the loop that runs them."""
    provider = house.providers[0]

    async def round_of(number):
        names = [f"beat {number}.{one}." for one in range(8)]
        held = []
        for name in names:
            first, *rest = agent_turns(name)
            held.append(Held(first))
            house.gemini.converse(name, held[-1], *rest)
        async with provider.client() as call:
            started = [await call("start_async_agent_task", prompt=one, model=GEMINI) for one in names]
            for one in held:
                assert await asyncio.to_thread(one.arrived.wait, PATIENCE)
            await call("start_heartbeat")
            for one in held:
                one.release()
            await asyncio.to_thread(wait_until, lambda: are_over(house, names), "all agents are done")
            gap = float(await call("longest_gap"))
            for one in started:
                await ended(call, one["task_id"])
            return gap

    gaps = []
    for number in range(5):
        gaps.append(asyncio.run(round_of(number)))
        if gaps[-1] < LOOP_GAP:
            break
    print("longest gaps, ms:", [round(gap * 1000, 1) for gap in gaps])
    assert min(gaps) < LOOP_GAP
    house.no_refusals()


def are_over(house, names):
    return all(len(house.gemini.of(name)) == len(agent_turns(name)) for name in names)


async def ended(call, task_id, wanted="completed"):
    deadline = asyncio.get_running_loop().time() + PATIENCE * 2
    while True:
        told = await call("check_task_status", task_id=task_id)
        if told["status"] != "running":
            assert told["status"] == wanted, told
            return told
        assert asyncio.get_running_loop().time() < deadline, told
        await asyncio.sleep(0.02)


def test_a_task_of_its_own(house):
    house.gemini.converse("async one.", *agent_turns("async"))

    async def main():
        async with house.providers[1].client() as call:
            started = await call("start_async_agent_task", prompt="async one.", model=GEMINI)
            told = await ended(call, started["task_id"])
            assert told["result"].startswith("async: ")
            assert "step 1: query_graph" in told["logs"]
            again = await call("cancel_agent_task", task_id=started["task_id"])
            assert again["status"] == "error" and "completed" in again["message"]
            assert (await call("check_task_status", task_id="x"))["status"] == "error"

    asyncio.run(main())
    house.no_refusals()


def test_a_task_cancelled_in_the_middle_of_a_call(house):
    """The server hears of it within 200 ms; its session stays."""
    provider = house.providers[0]

    async def main(name):
        house.demo.reset()
        house.openai.converse(name, SLOW_CALL)
        async with provider.client() as call:
            started = await call("start_async_agent_task", prompt=name, model=GPT)
            await asyncio.to_thread(wait_tool, house.demo, "init_session_with_context")
            clock = asyncio.get_running_loop().time
            start = clock()
            assert (await call("cancel_agent_task", task_id=started["task_id"]))["status"] == "success"
            await asyncio.to_thread(
                house.demo.wait_stats, lambda stats: stats["cancelled"], "notifications/cancelled"
            )
            seconds = clock() - start
            await ended(call, started["task_id"], "cancelled")
            return seconds

    seconds = min(asyncio.run(main(f"cancelled {number}.")) for number in range(3))
    assert seconds < 0.2
    in_graph(house.broker, COUNT)
    assert house.demo.stats()["rpc"].get("initialize", 0) == 0, "no session was opened again"
    house.no_refusals()


def wait_tool(demo, name, count=1):
    demo.wait_stats(lambda stats: stats["tools"].get(name, 0) >= count, f"{name} runs")


def test_research_from_both_loops_at_once(house):
    """The listener's loop, fed by Redis, and the main one, with one pool."""
    provider = house.providers[2]
    waiting = [Held(Call("query_graph", {"query": COUNT})) for _ in range(2)]
    house.gemini.converse("from redis.", waiting[0], *research_turns("redis", []))
    house.gemini.converse("from mcp.", waiting[1], *research_turns("mcp", []))
    results = Subscriber(house.redis, "klim:results:s1")
    asked = {"session_id": "s1", "task_type": "research_context", "query": "from redis."}
    while house.redis("PUBLISH", "klim:tasks", json.dumps(asked)) == 0:
        assert provider.program.running()

    async def main():
        async with provider.client() as call:
            mine = asyncio.create_task(call("research_graph", user_query="from mcp.", model=GEMINI))
            for held in waiting:
                assert await asyncio.to_thread(held.arrived.wait, PATIENCE)
            for held in waiting:
                held.release()
            return await mine

    assert asyncio.run(main())["summary"] == "підсумок mcp"
    assert results.message() == {
        "session_id": "s1", "status": "success", "context": "підсумок redis"
    }  # fmt: skip
    results.close()
    house.no_refusals()


def test_over_stdin_and_stdout(house):
    """As an MCP host starts it: nothing but the protocol is on its stdout."""
    from fastmcp import Client
    from fastmcp.client.transports import StdioTransport

    house.gemini.converse("over stdio.", *agent_turns("stdio"))
    transport = StdioTransport(
        places.python("fastmcp"),
        [str(EXAMPLE / "server.py")],
        env={**provider_environment(house.broker, house.gemini, house.openai), **LIBRARY},
    )

    async def main():
        async with Client(transport) as client:
            names = {tool.name for tool in await client.list_tools()}
            call = Caller(client)
            return names, await call("run_agent_task", prompt="over stdio.", model=GEMINI)

    names, said = asyncio.run(main())
    assert names == {
        "run_agent_task", "research_graph", "start_async_agent_task", "check_task_status",
        "cancel_agent_task",
    }  # fmt: skip
    assert said.startswith("stdio: ")
    house.no_refusals()


def test_redis_comes_back(house):
    """Meanwhile the provider serves; afterwards its listener listens again."""
    provider = house.providers[2]
    house.redis.kill()
    house.gemini.converse("no redis.", *agent_turns("noredis"))
    house.gemini.converse("redis again.", *research_turns("again", []))

    async def main():
        async with provider.client() as call:
            return await call("run_agent_task", prompt="no redis.", model=GEMINI)

    assert asyncio.run(main()).startswith("noredis: ")
    house.redis.start()
    results = Subscriber(house.redis, "klim:results:s2")
    asked = {"session_id": "s2", "task_type": "research_context", "query": "redis again."}
    wait_until(lambda: house.redis("PUBLISH", "klim:tasks", json.dumps(asked)), "it listens again")
    assert results.message()["context"] == "підсумок again"
    results.close()


# What models do wrong.


@pytest.mark.parametrize("model", [GEMINI, GPT])
def test_a_model_that_calls_badly_is_told_so(house, model):
    server = house.gemini if model == GEMINI else house.openai
    seen = []

    def look(answers):
        seen.extend(answers)
        return Say("зрозуміло")

    calls = [
        Call("default_api:list_graphs" if model == GEMINI else "List-Graphs"),
        Call("no_such_tool"),
        Call("create_session", {"session_id": "x", "year": "не число"}),
        Call("query_graph", {"query": COUNT, "graphs": None}),
        Call("create_session", {**SESSION, "year": 2026.0}),
    ]
    if model == GPT:
        calls.append(Call("query_graph", text='{"query": '))
    server.converse(f"badly {model}", Calls(*calls), look)

    async def main():
        async with house.providers[0].client() as call:
            return await call("run_agent_task", prompt=f"badly {model}", model=model)

    assert asyncio.run(main()) == "зрозуміло"
    assert len(seen) == len(calls), "each call has its answer"
    assert "Grynya" in seen[0].text and "success" in seen[3].text
    assert seen[1].is_error and "no_such_tool" in seen[1].text
    assert seen[2].is_error and "year" in seen[2].text
    assert "success" in seen[4].text, seen[4].text
    assert model == GEMINI or seen[5].is_error
    house.no_refusals()


def test_errors_of_the_model_servers_are_seen(house):
    """429 and 500 are tried again; 400 and what does not end are told to the caller."""
    overloaded = Failure(429, "slow down", retry_after=0)
    house.gemini.converse("tried again.", overloaded, Failure(500), *agent_turns("again"))
    house.gemini.converse("malformed.", Finish("MALFORMED_FUNCTION_CALL"), Say("тепер так"))
    house.gemini.converse("never well.", *[Finish("MALFORMED_FUNCTION_CALL")] * 3)
    house.openai.converse("refused.", Failure(400, "your request smells"))
    house.openai.converse("overloaded.", *[overloaded] * 3)

    async def main():
        from fastmcp.exceptions import ToolError

        async with house.providers[0].client() as call:
            ask = lambda prompt, model: call("run_agent_task", prompt=prompt, model=model)  # noqa: E731
            assert (await ask("tried again.", GEMINI)).startswith("again: ")
            assert await ask("malformed.", GEMINI) == "тепер так"
            for prompt, model, words in (
                ("never well.", GEMINI, "MALFORMED_FUNCTION_CALL"),
                ("refused.", GPT, "400: your request smells"),
                ("overloaded.", GPT, "429: slow down"),
                ("x", "llama", "no model of Gemini or OpenAI"),
            ):
                with pytest.raises(ToolError, match=words):
                    await ask(prompt, model)
            found = await call("research_graph", user_query="refused.", model=GPT)
            assert found["status"] == "error"

    asyncio.run(main())


# The broker's own troubles; each with a broker of its own.


@pytest.fixture
def own_house(start_broker, cleanup, models, demo):
    broker = start_broker({"grynya": demo.url}, pool={"pool_size": POOL_SIZE})
    provider = cleanup.maker(Provider)(broker, *models).wait_ready()
    demo.reset()
    return House(broker, [provider], models, demo, None)


def test_the_broker_is_killed_in_the_middle_of_a_call(own_house):
    """The model reads that its call may have run, and goes on; nothing is made twice."""
    seen = []

    def look(answers):
        seen.extend(answers)
        return Call("query_graph", {"query": COUNT})

    own_house.gemini.converse("killed.", SLOW_CALL, look, lambda answers: Say(answers[0].text))

    async def main():
        async with own_house.providers[0].client() as call:
            task = asyncio.create_task(call("run_agent_task", prompt="killed.", model=GEMINI))
            await asyncio.to_thread(wait_tool, own_house.demo, "init_session_with_context")
            own_house.broker.kill9()
            own_house.broker.start()
            return await task

    assert asyncio.run(main())["status"] == "success"
    assert len(seen) == 1 and seen[0].is_error, seen
    assert "OUTCOME UNKNOWN" in seen[0].text and "may have run" in seen[0].text, seen[0].text
    assert own_house.demo.stats()["tools"]["init_session_with_context"] == 1
    own_house.no_refusals()


@pytest.fixture
def dynasty(own_house):
    """Its successors are ours to reap."""
    with adopting_orphans():
        dynasty = Dynasty(own_house.broker)
        yield dynasty
        for provider in own_house.providers:
            provider.done()
        dynasty.done()


def test_an_upgrade_of_the_broker_is_not_noticed(own_house, dynasty):
    """Agents go on while the broker hands over to another process."""
    names = [f"upgraded {number}." for number in range(4)]
    held = []
    for name in names:
        turns = list(agent_turns(name))
        turns[1] = Held(turns[1])
        held.append(turns[1])
        own_house.openai.converse(name, *turns)

    async def main():
        async with own_house.providers[0].client() as call:
            tasks = [
                asyncio.create_task(call("run_agent_task", prompt=name, model=GPT)) for name in names
            ]
            for one in held:
                assert await asyncio.to_thread(one.arrived.wait, PATIENCE)
            await asyncio.to_thread(dynasty.upgrade)
            for one in held:
                one.release()
            return await asyncio.gather(*tasks)

    for name, said in zip(names, asyncio.run(main()), strict=True):
        assert said.startswith(name) and "success" in said
    assert own_house.demo.stats()["tools"]["add_node"] == 2 * len(names)
    own_house.no_refusals()
