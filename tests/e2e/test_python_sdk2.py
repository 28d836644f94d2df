# SPDX-License-Identifier: MIT
"""The official Python SDK 2.x as a client, in both eras, over `teploctl connect`."""

import pytest

from harness.sdk import check_common, play_python

VERSIONS = {"legacy": "2025-11-25", "auto": "2026-07-28", "2026-07-28": "2026-07-28"}


@pytest.mark.parametrize("mode", VERSIONS)
def test_a_client_of_sdk_2_does_all_it_would_with_the_server_itself(start_broker, counting, mode):
    broker = start_broker({"counting": counting.url})
    said = play_python("mcp2", mode, broker, counting)
    check_common(said)
    assert said["version"] == VERSIONS[mode]
    assert [step[0] for step in said["progress"]] == [1.0, 2.0, 3.0]
    assert said["cancelled"] is True
    assert said["after"] == 4
    counting.wait_stats(lambda stats: stats["cancelled"], "the server hears of the cancelled call")
    counting.wait_stats(
        lambda stats: stats["extra"]["cancelled_inside"].get("python"), "the call was cancelled"
    )


def test_clients_of_both_eras_share_one_session(start_broker, counting):
    broker = start_broker({"counting": counting.url}, pool={"pool_size": 1})
    for mode in VERSIONS:
        check_common(play_python("mcp2", mode, broker, counting))
    stats = counting.stats()
    assert stats["rpc"]["initialize"] == 1
    assert stats["streams_total"] == 1
