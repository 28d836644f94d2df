# SPDX-License-Identifier: MIT
"""The official Python SDK 1.x as a client, over `teploctl connect`."""

from harness import places
from harness.sdk import check_common, play_python


def test_a_client_of_sdk_1_does_all_it_would_with_the_server_itself(start_broker, counting):
    broker = start_broker({"counting": counting.url})
    said = play_python("mcp1", "legacy", broker, counting)
    check_common(said)
    assert said["version"] == "2025-11-25"
    assert said["server"] == "counting"
    assert said["resource"]["contents"][0]["text"] == "{}"
    assert [step[0] for step in said["progress"]] == [1.0, 2.0, 3.0]


def test_two_clients_of_sdk_1_share_the_pool(start_broker, counting):
    broker = start_broker({"counting": counting.url}, pool={"pool_size": 1})
    for _ in range(2):
        check_common(play_python("mcp1", "legacy", broker, counting))
    stats = counting.stats()
    assert stats["rpc"]["initialize"] == 1
    assert stats["rpc"].get("tools/list", 0) == 1
    assert stats["streams_total"] == 1


def test_the_bridge_works_in_a_child_with_a_bare_environment(start_broker, counting):
    """The SDK starts the command with HOME, PATH and little else."""
    broker = start_broker({"counting": counting.url})
    done = broker.ctl("call", "add", "a=2", "b=3")
    assert (done.returncode, done.stdout.strip()) == (0, "5"), (done, places.TEPLOCTL)
