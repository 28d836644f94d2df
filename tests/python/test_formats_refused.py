# SPDX-License-Identifier: MIT
"""teplo.openai, .gemini and .anthropic: what is refused, and in which words."""

import asyncio

import pytest

import teplo
import teplo.gemini
import teplo.openai
from teplo.testing import FakeBroker


def list_graphs() -> str:
    return "Grynya"


def picture() -> str:
    return "drawn"


@pytest.fixture
def fake():
    with FakeBroker(tools=[list_graphs, picture]) as broker:
        yield broker


@pytest.fixture
def pool(fake):
    with teplo.connect(fake.path) as pool:
        yield pool


@pytest.mark.parametrize("response", [{"error": {"message": "quota"}}, {}, b"{", "no", {"choices": 5}])
def test_what_is_no_response_is_refused(pool, response):
    with pytest.raises(teplo.InvalidRequest):
        teplo.openai.tools_sync(pool).run(response)


@pytest.mark.parametrize(
    "api, response, other",
    [
        ("chat", {"object": "response", "output": []}, "responses"),
        ("responses", {"object": "chat.completion", "choices": [{"message": {}}]}, "chat"),
    ],
)
def test_a_response_of_the_other_api_is_called_so(pool, api, response, other):
    with pytest.raises(teplo.InvalidRequest, match=f'is it of api="{other}"'):
        teplo.openai.tools_sync(pool, api=api).run(response)


def test_an_object_that_no_sdk_made_is_refused(pool):
    with pytest.raises(teplo.InvalidRequest, match="builtins.object"):
        teplo.openai.tools_sync(pool).run(object())


@pytest.mark.parametrize(
    "options, words",
    [
        ({"max_parallel": 0}, "max_parallel"),
        ({"max_parallel": "2"}, "max_parallel"),
        ({"timeout": "5"}, "timeout='5'"),
        ({"timeout": -1}, "timeout=-1"),
        ({"only": "list_graphs"}, "only='list_graphs': a list of names"),
        ({"only": 5}, "only=5: a list"),
        ({"only": ["list_graphs", "list_graph"]}, "no server has list_graph; there are: list_graphs, picture"),
        ({"api": "x"}, "api='x': one of 'chat', 'responses'"),
        ({"api": []}, "api=[]: one of"),
    ],
)
def test_wrong_options_are_told_before_anything_is_run(pool, options, words):
    with pytest.raises(teplo.InvalidRequest) as caught:
        teplo.openai.tools_sync(pool, **options)
    assert words in str(caught.value)


def test_what_is_no_pool_or_server_is_refused(pool):
    with pytest.raises(teplo.InvalidRequest, match="not of a str"):
        teplo.openai.tools_sync("demo")
    with pytest.raises(teplo.InvalidRequest, match="not of a str"):
        asyncio.run(teplo.gemini.tools("demo"))
    with pytest.raises(teplo.InvalidRequest, match="a server's name: a str, not a int"):
        teplo.openai.tools_sync(pool, 5)
    with pytest.raises(teplo.InvalidRequest, match="schema='x': one of 'json', 'openapi'"):
        teplo.gemini.tools_sync(pool, schema="x")


def test_a_tool_that_a_server_takes_away_does_not_end_the_others(fake, pool):
    tools = teplo.openai.tools_sync(pool, only=["list_graphs", "picture"])
    fake.remove("picture")
    tools.refresh()
    assert [one["function"]["name"] for one in tools.declarations] == ["list_graphs"]
