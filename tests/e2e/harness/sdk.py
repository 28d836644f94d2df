# SPDX-License-Identifier: MIT
"""Clients of the official SDKs: they run as programs of their own and print what they saw."""

from . import places
from .upstream import run_script

TOOLS = {"echo", "add", "counter", "fail", "big", "slow", "hold", "slow_progress"}


def environment(broker, counting):
    return {
        "TEPLOCTL": places.TEPLOCTL,
        "TEPLO_RUNTIME_DIR": str(broker.runtime),
        "TEPLO_NODE_MODULES": str(places.NODE_MODULES),
        "WAIT_HELD": f"http://127.0.0.1:{counting.port}/__wait_held",
    }


def play_python(venv, mode, broker, counting):
    script = places.CLIENTS / "python_sdk.py"
    return run_script([places.python(venv), script, mode], env=environment(broker, counting))


def play_node(script, broker, counting, *arguments):
    command = [places.node(), places.NODE_SCRIPTS / script, *arguments]
    return run_script(command, env=environment(broker, counting))


def check_common(said):
    """What every client must have seen of the counting server."""
    assert set(said["tools"]) == TOOLS
    assert said["sums"] == [2 * number for number in range(100)]
    assert "Привіт 🌞" in said["echo"]["content"][0]["text"]
    assert said["fail"]["isError"] is True
    assert "навмисна помилка" in said["fail"]["content"][0]["text"]
    assert said["prompt"]["messages"][0]["content"]["text"] == "Вітаю, Юрко!"
