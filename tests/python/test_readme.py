# SPDX-License-Identifier: MIT
"""
The Python that the READMEs show runs as it stands, each block in an interpreter of its own, which
has imported what the block says and nothing else.  The model is the test's: `ask_gemini`.
"""

import json
import os
import re
import subprocess
import sys

import pytest

from conftest import REPO

READMES = ("README.md", "client-lib/python/README.md")
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CALL = {"functionCall": {"id": "c1", "name": "list_graphs", "args": {}}}
TURNS = [{"role": "model", "parts": [part]} for part in (CALL, {"text": "One: Grynya."})]
# "pool" is what the block before has made.
RUNNER = f"""\
import ast, asyncio, inspect, json, sys
import teplo
turns = iter({TURNS!r})

async def ask_gemini(request):
    assert request["tools"][0]["functionDeclarations"]
    return {{"candidates": [{{"content": next(turns), "finishReason": "STOP"}}]}}

names = {{"__name__": "__main__", "teplo": teplo, "pool": teplo.connect(), "ask_gemini": ask_gemini}}
code = compile(sys.stdin.read(), "README", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
main = eval(code, names)
if inspect.iscoroutine(main):
    asyncio.run(main)
print(json.dumps(names.get("contents")))
"""


def blocks():
    for name in READMES:
        found = BLOCK.findall((REPO / name).read_text(encoding="utf-8"))
        for index, block in enumerate(found):
            yield pytest.param(block, id=f"{name}:{index}")


@pytest.fixture
def play_block(start_demo, start_broker):
    demo = {"url": start_demo().url, "headers": {"Host": "localhost"}}
    broker = start_broker({"demo": demo})

    def play(block):
        environment = {**os.environ, "TEPLO_SOCKET": str(broker.socket_path())}
        environment["PYTHONPATH"] = os.pathsep.join(word for word in sys.path if word)
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error", "-c", RUNNER],
            input=block, env=environment, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0 and not done.stderr, done.stderr
        *printed, contents = done.stdout.splitlines()
        return printed, json.loads(contents)

    return play


@pytest.mark.parametrize("block", [*blocks()])
def test_a_block_runs_as_it_stands(play_block, block):
    printed, contents = play_block(block)
    assert len(printed) >= block.count("print(")
    if "tools.arun(" in block:
        user, model, answer, last = contents
        assert user["role"] == "user" and [model, last] == TURNS
        assert answer["parts"][0]["functionResponse"]["name"] == "list_graphs"
        assert printed == ["One: Grynya."]


def test_there_is_python_in_each_readme():
    assert {block.id.partition(":")[0] for block in blocks()} == set(READMES)


def test_the_modules_are_there_when_named():
    program = """if True:
        import sys, teplo
        names = {"anthropic", "compat", "gemini", "openai", "testing", "transport"}
        assert names < set(dir(teplo)), dir(teplo)
        assert not {f"teplo.{name}" for name in names} & set(sys.modules)
        for name in names:
            assert getattr(teplo, name).__name__ == f"teplo.{name}"
        try:
            teplo.nothing
        except AttributeError as error:
            assert "nothing" in str(error)
        else:
            raise AssertionError("teplo.nothing")
    """
    packages = os.pathsep.join(word for word in sys.path if word)
    subprocess.run(
        [sys.executable, "-c", program], check=True, env={**os.environ, "PYTHONPATH": packages}
    )
