# SPDX-License-Identifier: MIT
"""A hundred thousand calls through a fast server in C: all answered, nothing kept."""

import pathlib
import re
import socket

import pytest

from harness import places
from harness.program import Program

ENVELOPE = (
    '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
    '"io.modelcontextprotocol/clientCapabilities":{}}'
)
REQUEST = (
    '{"jsonrpc":"2.0","id":%d,"method":"tools/call",'
    '"params":{"name":"echo","arguments":{"n":%d},' + ENVELOPE + "}}\n"
)
ID = re.compile(rb'"id":(\d+)')


@pytest.fixture
def fast_url():
    program = Program([pathlib.Path(places.TEPLOD).parents[1] / "tests" / "support" / "fake_server"])
    try:
        yield program.lines.wait(lambda line: line.startswith("http"), "its URL")
    finally:
        program.kill()


def pump(path, count, window):
    """COUNT calls, WINDOW at a time; each must be answered once, with a result."""
    answered = bytearray(count)
    sent = received = 0
    rest = b""
    with socket.socket(socket.AF_UNIX) as broker:
        broker.settimeout(60 * places.SLOWNESS)
        broker.connect(str(path))
        while received < count:
            batch = range(sent, min(count, received + window))
            broker.sendall("".join(REQUEST % (n, n) for n in batch).encode())
            sent = max(sent, batch.stop)
            *lines, rest = (rest + broker.recv(1 << 20)).split(b"\n")
            for line in lines:
                number = int(ID.search(line)[1])
                assert b'"result":' in line and not answered[number], line
                answered[number] = 1
                received += 1


@pytest.mark.soak
def test_a_hundred_thousand_calls_leave_nothing_behind(start_broker, fast_url):
    broker = start_broker({"fast": fast_url}, options={"log_level": "warn"})
    pump(broker.socket_path(), 20000, 100)
    memory, files = broker.rss_bytes(), broker.open_files()
    for window in (1, 16, 64, 100):
        pump(broker.socket_path(), 20000, window)
    broker.wait_pool(lambda row: row["inflight"] == 0, "all calls have ended")
    (row,) = broker.admin("teplo/pools")["pools"]
    assert row["calls_total"] == row["ok_total"] == 100000
    assert row["sess_opened_total"] <= row["cap"]
    # One POST a call, and two a session to open it (and a ping now and then).
    extra = row["up_posts_total"] - 100000
    assert extra <= 2 * row["sess_opened_total"] + row["probes_ok_total"]
    if not broker.is_sanitized():
        assert broker.rss_bytes() - memory < 2 << 20
    assert broker.open_files() <= files + 8
