# SPDX-License-Identifier: MIT
"""teplo.compat: which pool an URL means, and how it stands beside the SDK itself."""

import pathlib

import pytest

import teplo
from compat_ways import (  # noqa: F401 - fixtures
    HAS_SDK, URL, McpError, call_at, fake, fresh, large_packages, needs_sdk, nothing,
)  # fmt: skip
from teplo import compat
from teplo.compat import ClientSession, sse_client
from teplo.testing import FakeBroker

if HAS_SDK:
    import mcp


# Pools.


@pytest.fixture
def two_pools():
    with FakeBroker(tools=[nothing], pools=["one", "two"], environ=True) as broker:
        yield broker


def test_the_pool_is_configured_by_url(two_pools, run):
    compat.configure({URL + "/": "two", "HTTP://Other:80/x?token=secret": "one"})
    run(lambda: call_at(URL + "?session=1"))
    run(lambda: call_at("http://other/x"))
    assert [call.pool for call in two_pools.calls] == ["two", "one"]


def test_a_header_or_the_environment_name_the_pool(two_pools, run, monkeypatch):
    run(lambda: call_at(URL, headers={"Teplo-Pool": "two"}))
    monkeypatch.setenv("TEPLO_POOL", "one")
    run(lambda: call_at(URL))
    assert [call.pool for call in two_pools.calls] == ["two", "one"]


def test_several_pools_and_none_named_names_them_and_the_remedy(two_pools, run):
    with pytest.raises(McpError) as caught:
        run(lambda: call_at(URL))
    said = str(caught.value)
    assert '"one", "two"' in said and f"configure({{'{URL}': 'NAME'}})" in said
    assert caught.value.error.code == -32602


def test_the_broker_knows_its_pools_by_url(run):
    urls = {"one": "http://other/x", "two": URL}
    with FakeBroker(tools=[nothing], pools=urls, environ=True) as broker:
        run(lambda: call_at(URL))
        run(lambda: call_at("http://other:80/x"))
        assert [call.pool for call in broker.calls] == ["two", "one"]


def test_a_real_broker_of_two_servers_is_asked_by_their_urls(start_broker, start_counting, run, monkeypatch):
    first, second = start_counting(), start_counting()
    broker = start_broker({"one": first.url, "two": second.url})
    monkeypatch.setenv("TEPLO_SOCKET", str(broker.socket_path()))

    async def main():
        for url, times in ((first.url, 1), (second.url, 2)):
            async with sse_client(url) as streams:
                async with ClientSession(*streams) as session:
                    await session.initialize()
                    for _ in range(times):
                        await session.call_tool("add", {"a": 1, "b": 1})
            with pytest.raises(McpError, match='"one", "two".*configure'):
                await call_at(url + "/elsewhere")

    run(main)
    assert [server.stats()["tools"] for server in (first, second)] == [{"add": 1}, {"add": 2}]


def test_a_url_that_the_broker_does_not_know_is_its_only_pool(fake, run):
    run(lambda: call_at(URL))
    run(lambda: call_at(URL))
    # But two of them do not silently become one.
    with pytest.raises(McpError, match="http://another:1/sse.*configure"):
        run(lambda: call_at("http://another:1/sse"))
    compat.configure({"http://another:1/sse": "fake"})
    run(lambda: call_at("http://another:1/sse"))
    assert len(fake.calls) == 3


def test_the_socket_can_be_configured(run, monkeypatch):
    with FakeBroker(tools=[nothing]) as broker:
        monkeypatch.setenv("TEPLO_SOCKET", "/nowhere")
        compat.configure(socket=pathlib.Path(broker.path))
        run(lambda: call_at(URL))
        assert len(broker.calls) == 1


def test_what_is_no_url_is_refused(run):
    for url in ("grynya", "ftp://a/b", "http:///x"):
        with pytest.raises(teplo.InvalidRequest, match="not the http or https url"):
            run(lambda: call_at(url))


# Beside the SDK.


def test_the_streams_say_whose_they_are(fake, run):
    async def main():
        async with sse_client(URL) as (read, write):
            with pytest.raises(TypeError, match="only teplo.compat.ClientSession"):
                async with read:
                    pass
            with pytest.raises(AttributeError, match="only teplo.compat.ClientSession"):
                await write.send(1)
            assert "teplo.compat stream" in repr(read)

    run(main)


@needs_sdk
def test_other_streams_make_the_sdks_own_session(fake, run):
    from teplo.transport import unix_transport

    async def main():
        async with unix_transport(fake.path) as streams:
            with pytest.warns(RuntimeWarning, match="not through the broker's pools"):
                session = ClientSession(*streams)
            with compat.install():  # which is for streams of others, too
                assert type(ClientSession(*streams)) is type(session)
            assert type(session) is mcp.ClientSession
            async with session:
                await session.initialize()
                assert (await session.call_tool("add", {"a": 1})).content

    run(main)


@needs_sdk
def test_install_replaces_the_sdks_names_and_undo_restores_them(fake, run):
    import mcp.client.session
    import mcp.client.sse

    before = mcp.client.sse.sse_client, mcp.client.session.ClientSession, mcp.ClientSession

    async def main():
        from mcp.client.session import ClientSession as Session
        from mcp.client.sse import sse_client as client

        async with client(URL, headers={"Host": "localhost"}) as streams:
            async with Session(streams[0], streams[1]) as session:
                await session.initialize()
                return (await session.call_tool("list_graphs", {})).content[0].text

    with compat.install():
        assert "Grynya" in run(main)
        assert mcp.ClientSession is ClientSession
    assert (mcp.client.sse.sse_client, mcp.client.session.ClientSession, mcp.ClientSession) == before


@pytest.mark.skipif(HAS_SDK, reason="the package mcp is installed")
def test_install_needs_the_sdk():
    with pytest.raises(ImportError, match="'mcp'"):
        compat.install()
