# SPDX-License-Identifier: MIT
"""The official TypeScript SDKs, 1.x and 2.x, as clients over `teploctl connect`."""

import pytest

from harness.sdk import check_common, play_node


def test_a_client_of_sdk_1_does_all_it_would_with_the_server_itself(start_broker, counting):
    broker = start_broker({"counting": counting.url})
    said = play_node("sdk1_client.mjs", broker, counting)
    check_common(said)
    assert said["server"]["name"] == "counting"
    assert said["instructions"] == "Рахує все."
    assert said["ping"] == {}
    assert said["progress"] == [1, 2, 3]
    assert said["aborted"] != "answered"
    assert said["after"]["content"][0]["text"] == "4"
    counting.wait_stats(
        lambda stats: stats["extra"]["cancelled_inside"].get("typescript"), "the call was cancelled"
    )


@pytest.mark.parametrize(
    "mode, version",
    [("legacy", "2025-11-25"), ("auto", "2026-07-28"), ("2026-07-28", "2026-07-28")],
)
def test_a_client_of_sdk_2_in_both_eras(start_broker, counting, mode, version):
    broker = start_broker({"counting": counting.url})
    said = play_node("sdk2_client.mjs", broker, counting, mode)
    check_common(said)
    assert said["version"] == version
    assert said["progress"] == [1, 2, 3]
