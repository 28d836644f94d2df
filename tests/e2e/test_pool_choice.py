# SPDX-License-Identifier: MIT
"""Which pool a message means: by name, by the URL of its server, by the socket, or the only one."""

import pytest

from harness import Client, RpcError

INVALID_PARAMS = -32602


@pytest.fixture
def raws(start_raw):
    return {"first": start_raw(), "second": start_raw()}


@pytest.fixture
def broker_of_two(start_broker, raws):
    return start_broker({name: server.url for name, server in raws.items()})


def ask(path, pool, era):
    with Client(path, era=era, pool=pool) as client:
        return client.request("tools/call", {"name": "echo", "arguments": {"text": "hello"}})


def refused(path, pool, era):
    with pytest.raises(RpcError) as caught:
        ask(path, pool, era)
    assert caught.value.code == INVALID_PARAMS
    return caught.value


@pytest.mark.parametrize("era", ["modern", "legacy"])
@pytest.mark.parametrize("name", ["first", "second"])
def test_a_pool_by_the_url_of_its_server(broker_of_two, raws, era, name):
    ask(broker_of_two.socket_path(), raws[name].url, era)
    counts = {other: server.report().count("tools/call") for other, server in raws.items()}
    assert counts == {other: int(other == name) for other in raws}


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_a_url_of_no_pool(broker_of_two, raws, era):
    error = refused(broker_of_two.socket_path(), raws["first"].url + "/other", era)
    assert "no pool has a server at the URL" in error.message
    assert error.teplo["reason"] == "no_pool"
    assert error.teplo["pools"] == ["first", "second"]
    assert error.outcome == "not_executed"


def test_what_is_no_url(broker_of_two):
    assert "is none" in refused(broker_of_two.socket_path(), "http://", "modern").message
    assert "is none" in refused(broker_of_two.socket_path(), "http://" + "a" * 3000, "modern").message


def test_two_pools_at_one_url(start_broker, raw):
    broker = start_broker({"one": raw.url, "two": raw.url})
    error = refused(broker.socket_path(), raw.url, "modern")
    assert "several pools" in error.message
    assert error.teplo["pools"] == ["one", "two"]


def test_no_wish_where_there_are_two(broker_of_two):
    error = refused(broker_of_two.socket_path(), None, "modern")
    assert error.teplo["pools"] == ["first", "second"]


def test_more_pools_than_can_be_named(start_broker, raw):
    """Then none is, rather than an empty list."""
    names = [f"a-pool-with-a-long-name-{number:03}" for number in range(60)]
    error = refused(start_broker({name: raw.url for name in names}).socket_path(), None, "modern")
    assert "too many to name" in error.message
    assert error.teplo == {"v": 1, "outcome": "not_executed", "reason": "no_pool"}


def test_a_socket_keeps_its_pool(broker_of_two, raws):
    path = broker_of_two.socket_path("first")
    ask(path, raws["first"].url, "modern")
    assert "bound to another pool" in refused(path, raws["second"].url, "modern").message
    assert "bound to another pool" in refused(path, "second", "modern").message


def test_a_url_of_a_pool_that_one_may_not_use(start_broker, raws):
    """It is as if there were none: not even that there is a server there is told."""
    denied = {"url": raws["second"].url, "teplo": {"allow": {"users": ["nobody"]}}}
    broker = start_broker({"first": raws["first"].url, "second": denied})
    error = refused(broker.socket_path(), raws["second"].url, "modern")
    assert "no pool has a server at the URL" in error.message
    assert error.teplo["pools"] == ["first"]
