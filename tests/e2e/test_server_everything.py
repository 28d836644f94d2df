# SPDX-License-Identifier: MIT
"""The reference server of the TypeScript world, over HTTP+SSE, as the server behind the pool."""

import pytest

from harness import Broker, EverythingServer


@pytest.fixture(scope="module")
def everything():
    server = EverythingServer()
    yield server
    server.done()


@pytest.fixture(scope="module")
def broker(everything):
    broker = Broker({"everything": everything.url})
    yield broker
    broker.done()


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_its_tools_can_be_listed_and_called(broker, era):
    with broker.client(era) as client:
        names = {tool["name"] for tool in client.request("tools/list")["tools"]}
        assert {"echo", "get-sum"} <= names
        assert client.text("echo", {"message": "тепло"}) == "Echo: тепло"
        assert "5" in client.text("get-sum", {"a": 2, "b": 3})


def test_no_tool_that_asks_the_client_back_is_offered(broker):
    """The broker declares no capabilities on a shared session, so the server hides those."""
    with broker.client() as client:
        names = {tool["name"] for tool in client.request("tools/list")["tools"]}
    assert not {name for name in names if name.startswith("trigger-") and name.endswith("-request")}


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_progress_reaches_the_caller(broker, era):
    with broker.client(era) as client:
        result = client.call(
            "trigger-long-running-operation", {"duration": 1, "steps": 4},
            meta={"progressToken": "мій"},
        )  # fmt: skip
        assert result["content"][0]["type"] == "text"
        steps = client.notifications("notifications/progress")
        assert [step["params"]["progress"] for step in steps] == [1, 2, 3, 4]
        assert {step["params"]["progressToken"] for step in steps} == {"мій"}


def test_images_and_resources_pass(broker):
    with broker.client() as client:
        kinds = {block["type"] for block in client.call("get-tiny-image")["content"]}
        assert kinds == {"text", "image"}
        resources = client.request("resources/list")["resources"]
        uri = resources[0]["uri"]
        assert client.request("resources/read", {"uri": uri})["contents"][0]["uri"] == uri


def test_a_new_session_is_opened_when_the_server_restarts(cleanup):
    everything = cleanup.maker(EverythingServer)()
    broker = cleanup.maker(Broker)({"everything": everything.url})
    with broker.client() as client:
        assert client.text("echo", {"message": "1"}) == "Echo: 1"
        everything.kill()
        broker.wait_sessions("everything", 0)
        everything.start()
        assert client.text("echo", {"message": "2"}) == "Echo: 2"
