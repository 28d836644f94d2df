# SPDX-License-Identifier: MIT
"""teplo.compat with the SDK that is installed: mcp 1.x, mcp 2.x, or none."""

import asyncio
import copy
import datetime
import gc
import os
import pickle
import subprocess
import sys
import threading

import pytest

import teplo
from compat_ways import (  # noqa: F401 - fixtures
    HAS_SDK, IS_V2, URL, McpError, call_at, fake, fresh, heard_one, in_session, large_packages, needs_sdk,
    spelled,
)  # fmt: skip
from teplo.compat import ClientSession, sse_client, streamable_http_client, streamablehttp_client
from teplo.compat._sdk import installed
from teplo.compat._views import ErrorView, McpError as ViewsError, View
from teplo.testing import Answer, Delay, Drop, Fail, Hold, RpcFail

CALL = "0197f1c4-0000-7000-8000-000000000001"


# What programs do with a session.


def test_tools_are_listed_and_called(in_session, fake):
    async def use(session):
        tools = (await session.list_tools()).tools
        assert [(tool.name, tool.description) for tool in tools][0] == ("list_graphs", "Lists the graphs.")
        assert spelled(tools[1], "inputSchema", "input_schema")["required"] == ["a"]
        result = await session.call_tool("list_graphs", arguments={})
        assert result.content[0].text == '{"graphs": ["Grynya"]}'
        assert not spelled(result, "isError", "is_error")
        assert "Grynya" in f"{result}"
        added = await session.call_tool("add", {"a": 2})
        assert spelled(added, "structuredContent", "structured_content") == {"sum": 3}
        empty = await session.call_tool("nothing")
        assert (empty.content[0].text if empty.content else "{}") == "{}"
        failed = await session.call_tool("broken", {})
        assert spelled(failed, "isError", "is_error") and "no" in failed.content[0].text

    in_session(use)
    assert [call.arguments for call in fake.calls] == [{}, {"a": 2}, {}, {}]


def test_initialize_gives_the_servers_identity(in_session):
    async def use(session):
        result = await session.initialize()
        assert spelled(result, "serverInfo", "server_info").name == "fake"
        assert spelled(result, "protocolVersion", "protocol_version") == "2025-11-25"
        assert result.instructions == session.instructions == "вітаю"
        for capabilities in (session.get_server_capabilities(), session.server_capabilities):
            assert spelled(capabilities.tools, "listChanged", "list_changed") is True
            assert capabilities.prompts is None
        assert session.server_info.name == "fake"
        assert session.protocol_version == "2025-11-25"

    in_session(use)


@pytest.mark.skipif(HAS_SDK and not IS_V2, reason="discover() came with SDK 2")
def test_discover_gives_what_the_server_can_do(in_session):
    async def use(session):
        result = await session.discover()
        assert spelled(result, "supportedVersions", "supported_versions") == ["2026-07-28"]
        assert result.instructions == "вітаю"

    in_session(use)


@needs_sdk
def test_results_are_the_sdks_own(in_session):
    types = installed().types

    async def use(session):
        assert type(await session.initialize()) is types.InitializeResult
        assert type(await session.list_tools()) is types.ListToolsResult
        result = await session.call_tool("list_graphs")
        assert type(result) is types.CallToolResult
        assert type(result.content[0]) is types.TextContent
        assert type(await session.send_ping()) is types.EmptyResult
        # Nothing of the modern wire: the session says that it is of 2025-11-25.
        assert not (set(result.model_dump(exclude_unset=True, by_alias=True)) & {"resultType"})
        listed = (await session.list_tools()).model_dump(exclude_unset=True, by_alias=True)
        assert not (set(listed) & {"resultType", "ttlMs", "cacheScope"})

    in_session(use)


def test_every_block_of_a_result_comes_through(in_session, fake):
    blocks = [
        {"type": "text", "text": "т"},
        {"type": "image", "data": "AA==", "mimeType": "image/png"},
        {"type": "audio", "data": "AA==", "mimeType": "audio/wav"},
        {"type": "resource_link", "name": "n", "uri": "graph://a"},
        {"type": "resource", "resource": {"uri": "graph://b", "text": "t", "mimeType": "text/plain"}},
    ]
    fake.plan("nothing", Answer({"content": blocks, "_meta": {"k": 1}}))

    async def use(session):
        result = await session.call_tool("nothing")
        assert [block.type for block in result.content] == [block["type"] for block in blocks]
        assert spelled(result.content[1], "mimeType", "mime_type") == "image/png"
        assert result.content[4].resource.text == "t"
        assert result.meta == {"k": 1}

    in_session(use)


def test_http_transports_yield_as_the_sdk_does(fake, run):
    async def main():
        async with streamablehttp_client("http://a:1/mcp", {"x": "y"}, timeout=5) as (read, write, get_id):
            async with ClientSession(read, write) as session:
                await session.initialize()
                assert get_id() is None
                await session.call_tool("list_graphs")
        async with streamable_http_client("http://a:1/mcp") as streams:
            assert len(streams) == (2 if IS_V2 else 3)
            async with ClientSession(*streams[:2]) as session:
                await session.call_tool("list_graphs")

    run(main)
    assert len(fake.calls) == 2


def test_cursor_and_params(in_session):
    async def use(session):
        with pytest.raises(ValueError, match="both cursor and params"):
            await session.list_tools("x", params={"cursor": "y"})
        for given in ({"cursor": "x"}, {"params": {"cursor": "x"}}):
            with pytest.raises(McpError, match="cursor") as caught:
                await session.list_tools(**given)
            assert caught.value.error.code == -32602
        if HAS_SDK:
            params = installed().types.PaginatedRequestParams()
            assert (await session.list_tools(params=params)).tools

    in_session(use)


def test_progress_is_heard_in_order_and_before_the_result(in_session):
    wanted = [(0, 3, "крок 0"), (1, 3, "крок 1"), (2, 3, "крок 2")]
    heard = []

    def hear(*told):
        heard.append(told)
        heard_one.release()

    async def hear_slowly(*told):
        await asyncio.sleep(0)
        hear(*told)

    async def use(session):
        await session.call_tool("steps", {}, progress_callback=hear_slowly)
        assert heard == wanted
        await session.call_tool("steps", {}, progress_callback=hear)
        assert heard == 2 * wanted

    in_session(use)


def test_what_was_told_before_the_result_is_heard_before_it(in_session):
    heard = []

    async def hear_slowly(*told):
        await asyncio.sleep(0.02)
        heard.append(told)

    async def use(session):
        await session.call_tool("last_word", {}, progress_callback=hear_slowly)
        assert heard == [(3, 3, "край")]

    in_session(use)


def test_a_progress_callback_that_fails_does_not_end_the_call(in_session, complaints):
    def fail(*_):
        heard_one.release()
        raise ValueError("callback")

    async def use(session):
        assert (await session.call_tool("steps", {}, progress_callback=fail)).content

    in_session(use)
    assert len(complaints.texts) == 3 and "a progress callback failed" in complaints.texts[0]
    complaints.texts.clear()


def test_meta_goes_along_and_names_the_call(in_session, fake):
    async def use(session):
        await session.call_tool("nothing", meta={"mine": 1, "dev.teplo/call": CALL})

    in_session(use)
    assert (fake.calls[0].meta, fake.calls[0].call) == ({"mine": 1}, CALL)


@needs_sdk
def test_any_request_of_the_sdk_can_be_sent(in_session):
    types = installed().types

    async def use(session):
        params = types.CallToolRequestParams(name="list_graphs", arguments={})
        request = types.CallToolRequest(params=params) if IS_V2 else types.ClientRequest(
            types.CallToolRequest(method="tools/call", params=params)
        )  # fmt: skip
        result = await session.send_request(request, types.CallToolResult)
        assert "Grynya" in result.content[0].text

    in_session(use)


# Failures.


def test_failures_of_the_broker_keep_code_message_and_outcome(in_session, fake):
    fake.plan("add", Fail(reason="conn_lost"), Fail("result_lost"), RpcFail(-5, "own", {"k": 1}))

    async def failed(session):
        with pytest.raises(McpError) as caught:
            await session.call_tool("add", {"a": 1})
        return caught.value

    async def use(session):
        lost = await failed(session)
        assert lost.error.code == -31010 and "OUTCOME UNKNOWN" in str(lost)
        assert lost.error.data["teplo"]["reason"] == "conn_lost"
        assert (lost.outcome, lost.reason, lost.safe_to_retry) == ("unknown", "conn_lost", False)
        assert lost.call == fake.calls[0].call
        assert isinstance(lost.__cause__, teplo.Error)
        gone = await failed(session)
        assert (gone.error.code, gone.outcome) == (-31011, "result_lost")
        own = await failed(session)
        assert (own.error.code, own.error.message, own.error.data) == (-5, "own", {"k": 1})
        assert own.outcome == "executed"

    in_session(use)


@pytest.mark.parametrize("code, data", [(0, None), (-32000, None), (-5, {"k": 1}), (0, "text")])
def test_an_error_of_the_server_keeps_its_code_and_its_data(in_session, fake, code, data):
    fake.plan("add", RpcFail(code, "own", data))

    async def use(session):
        with pytest.raises(McpError) as caught:
            await session.call_tool("add", {"a": 1})
        own = caught.value
        assert (own.error.code, own.error.message, own.error.data) == (code, "own", data)
        assert own.outcome == "executed" and own.call

    in_session(use)


def test_the_sdk_is_imported_with_compat():
    """Later it would stop the loop for half a second."""
    script = "import sys, teplo.compat; sys.exit('mcp' not in sys.modules)"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(word for word in sys.path if word)}
    assert subprocess.run([sys.executable, "-c", script], env=env).returncode == (0 if HAS_SDK else 1)


def test_views_can_be_copied_and_shown():
    view = View({"isError": True, "content": [{"text": "a"}]})
    for same in (copy.copy(view), copy.deepcopy(view), pickle.loads(pickle.dumps(view))):
        assert same == view and same.is_error and same.content[0].text == "a"
    with pytest.raises(AttributeError):
        View.__new__(View).raw
    error = ViewsError(ErrorView(-5, "own", {"k": 1}))
    error.outcome = "executed"
    assert repr(error.error) == "ErrorView(code=-5, message='own', data={'k': 1})"
    for same in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert (same.code, same.data, str(same), same.outcome) == (-5, {"k": 1}, "own", "executed")


def test_what_did_not_run_is_said_to_be_safe(in_session, fake):
    fake.plan("add", *[Fail(reason="denied")] * 10)

    async def use(session):
        with pytest.raises(McpError) as caught:
            await session.call_tool("add", {"a": 1})
        assert (caught.value.error.code, caught.value.safe_to_retry) == (-31005, True)

    in_session(use)


@pytest.mark.parametrize("limit", [0.05, datetime.timedelta(seconds=0.05)])
def test_a_timeout_has_the_sdks_code(in_session, fake, limit):
    fake.plan("add", Delay(60), Delay(60))

    async def use(session):
        for _ in range(2):
            with pytest.raises(McpError) as caught:
                await session.call_tool("add", {"a": 1}, read_timeout_seconds=limit)
            assert caught.value.error.code == (-32001 if IS_V2 else 408)
            assert caught.value.outcome == "unknown"
            assert caught.value.error.data["teplo"]["outcome"] == "unknown"

    in_session(use)


def test_the_sessions_timeout_holds_for_its_calls(in_session, fake):
    fake.plan("add", Delay(60))

    async def use(session):
        with pytest.raises(McpError):
            await session.call_tool("add", {"a": 1})
        await session.call_tool("add", {"a": 1}, read_timeout_seconds=30)

    in_session(use, read_timeout_seconds=0.2)
    assert [call.deadline_ms > 1000 for call in fake.calls] == [False, True]


def test_without_a_timeout_there_is_no_deadline(in_session, fake):
    async def use(session):
        await session.call_tool("nothing")

    in_session(use)
    assert fake.calls[0].deadline_ms is None


def test_a_lost_connection_is_an_unknown_outcome_and_the_next_call_works(in_session, fake):
    fake.plan("add", Drop())

    async def use(session):
        with pytest.raises(McpError) as caught:
            await session.call_tool("add", {"a": 1})
        assert (caught.value.error.code, caught.value.outcome) == (-32000, "unknown")
        assert (await session.call_tool("add", {"a": 1})).content

    in_session(use)


def test_a_missing_broker_is_an_error_with_a_remedy(run, tmp_path, monkeypatch):
    monkeypatch.setenv("TEPLO_SOCKET", str(tmp_path / "none.sock"))

    async def main():
        async with sse_client(URL) as streams:
            async with ClientSession(*streams, read_timeout_seconds=0.2) as session:
                with pytest.raises(McpError, match="none.sock") as caught:
                    await session.initialize()
                assert caught.value.outcome == "not_executed"

    run(main)


def test_a_session_that_was_left_says_so(fake, run):
    async def main():
        async with sse_client(URL) as streams:
            async with ClientSession(*streams) as session:
                await session.initialize()
        with pytest.raises(McpError, match="was left"):
            await session.call_tool("nothing")

    run(main)
    assert not fake.calls


# What shared sessions cannot do is refused by name.


@pytest.mark.parametrize(
    "parameter",
    [
        "sampling_callback", "elicitation_callback", "list_roots_callback", "message_handler",
        "logging_callback", "sampling_capabilities", "experimental_task_handlers", "extensions",
        "log_level",
    ],
)  # fmt: skip
def test_callbacks_are_refused_by_name(fake, run, parameter):
    async def main():
        async with sse_client(URL) as streams:
            with pytest.raises(teplo.Unsupported, match=f"{parameter}=.*leave it out|subscriptions/listen"):
                ClientSession(*streams, **{parameter: object()})
            ClientSession(*streams, **{parameter: None})
            with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
                ClientSession(*streams, colour=None)

    run(main)


def test_methods_of_ones_own_session_are_refused(in_session):
    async def use(session):
        for refused in (
            session.set_logging_level("info"),
            session.subscribe_resource("graph://a"),
            session.unsubscribe_resource("graph://a"),
            session.send_roots_list_changed(),
            session.send_progress_notification("t", 1.0),
            session.send_notification({"method": "notifications/cancelled"}),
        ):
            with pytest.raises(teplo.Unsupported, match="is not possible through teplo: "):
                await refused
        await session.send_notification({"method": "notifications/initialized"})
        with pytest.raises(teplo.Unsupported, match="request_state"):
            await session.call_tool("nothing", request_state="x")
        await session.call_tool("nothing", allow_input_required=False)

    in_session(use)


def test_a_server_that_asks_for_input_is_an_error(in_session, fake):
    fake.plan("nothing", Answer({"resultType": "input_required", "inputRequests": {}}))

    async def use(session):
        with pytest.raises(McpError, match="asks for input"):
            await session.call_tool("nothing")

    in_session(use)


# Tasks and loops.


def test_entered_in_one_task_used_in_a_second_left_in_a_third(fake, run):
    async def main():
        transport = sse_client(URL)
        kept = []

        async def enter():
            streams = await transport.__aenter__()
            kept.append(await ClientSession(*streams).__aenter__())
            await kept[0].initialize()

        async def leave():
            await kept[0].__aexit__(None, None, None)
            await transport.__aexit__(None, None, None)

        await asyncio.create_task(enter())
        await asyncio.create_task(kept[0].call_tool("nothing"))
        await asyncio.create_task(leave())

    run(main)


def test_a_session_abandoned_in_a_generator_leaves_nothing(fake, run):
    async def sessions():
        async with sse_client(URL) as streams:
            async with ClientSession(*streams) as session:
                await session.initialize()
                yield session

    async def main():
        async for session in sessions():
            await session.call_tool("nothing")
            break
        gc.collect()
        await asyncio.sleep(0)  # asyncio itself closes the generator, in a task of its own
        await asyncio.sleep(0)

    run(main)


def test_one_session_in_two_loops_and_threads(fake, run):
    results = []

    async def main():
        async with sse_client(URL) as streams:
            async with ClientSession(*streams) as session:
                await session.initialize()

                def elsewhere(number):
                    result = asyncio.run(session.call_tool("add", {"a": number}))
                    results.append((number, result.content[0].text))

                threads = [threading.Thread(target=elsewhere, args=(n,)) for n in range(4)]
                for thread in threads:
                    thread.start()
                mine = await asyncio.gather(*(session.call_tool("add", {"a": n}) for n in range(50)))
                for thread in threads:
                    await asyncio.to_thread(thread.join)
                assert [m.content[0].text for m in mine] == [f'{{"sum": {n + 1}}}' for n in range(50)]

    run(main)
    assert sorted(results) == [(n, f'{{"sum": {n + 1}}}') for n in range(4)]


def test_a_cancelled_call_is_cancelled_at_the_server_and_the_session_stays(in_session, fake):
    fake.plan("add", Hold())

    async def use(session):
        call = asyncio.ensure_future(session.call_tool("add", {"a": 1}))
        await asyncio.to_thread(fake.wait_calls)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.to_thread(fake.wait_cancelled)
        assert (await session.call_tool("add", {"a": 1})).content

    in_session(use)


def test_thousands_of_sessions_leave_nothing(fake, run, open_files):
    async def main():
        await call_at(URL)
        files = open_files()
        for _ in range(1000):
            async with sse_client(URL) as streams:
                async with ClientSession(*streams) as session:
                    await session.initialize()
        assert open_files() <= files
        assert len(asyncio.all_tasks()) == 1

    run(main)
