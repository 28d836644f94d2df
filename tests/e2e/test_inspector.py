# SPDX-License-Identifier: MIT
"""The MCP Inspector's command line, with `teploctl connect` as its server."""

import json

import pytest

from harness import places
from harness.upstream import run_script


@pytest.fixture
def inspect(start_broker, counting, tmp_path):
    broker = start_broker({"counting": counting.url})

    def run(*words):
        command = places.node_program("mcp-inspector") + ["--cli"]
        command += ["-e", f"TEPLO_RUNTIME_DIR={broker.runtime}", places.TEPLOCTL, "connect"]
        # It keeps a catalogue in the home directory: not in the user's.
        return run_script_all(command + list(words), {"HOME": str(tmp_path)})

    return run


def run_script_all(command, env):
    return run_script(["/bin/sh", "-c", '"$@" | tr -d "\\n"', "sh", *command], env=env)


def test_inspector_lists_the_tools(inspect):
    said = inspect("--method", "tools/list")
    assert {"echo", "add", "hold"} <= {tool["name"] for tool in said["tools"]}


def test_inspector_calls_a_tool(inspect):
    said = inspect("--method", "tools/call", "--tool-name", "echo", "--tool-arg", "value=тепло")
    assert json.loads(said["content"][0]["text"])["value"] == "тепло"


def test_inspector_reads_a_resource_and_gets_a_prompt(inspect):
    said = inspect("--method", "resources/read", "--uri", "counting://counters")
    assert said["contents"][0]["uri"] == "counting://counters"
    said = inspect("--method", "prompts/get", "--prompt-name", "greeting", "--prompt-args", "name=Ю")
    assert said["messages"][0]["content"]["text"] == "Вітаю, Ю!"
