# SPDX-License-Identifier: MIT
"""One client's questions about calls do not hold up the calls of others."""

import time
import uuid

import pytest

from harness import places

QUESTIONS = 64
ROUNDS = 5
LINE = '{"jsonrpc":"2.0","id":%d,"method":"teplo/outcome","params":{"call":"%s"}}\n'


def flood(asker, first):
    lines = [LINE % (first + number, uuid.uuid4()) for number in range(QUESTIONS)]
    asker.send_raw("".join(lines).encode())


def seconds(other):
    began = time.monotonic()
    other.text("echo")
    return time.monotonic() - began


@pytest.mark.parametrize(("records", "bound"), [(16384, 0.020), (1048576, 0.050)])
def test_a_flood_of_questions_holds_nobody_up(start_broker, raw, records, bound):
    """The bound is for the best of some rounds: a busy machine is not what is measured."""
    broker = start_broker({"raw": raw.url}, options={"ledger_records": records})
    asker, other = broker.client(), broker.client()
    usual = min(seconds(other) for _ in range(ROUNDS))
    # The file of another broker, as each upgrade leaves one; full, so that all of it has to be known.
    fill_ledger(broker.runtime / "ledger.0", broker.runtime / "ledger.1", records)
    took = []
    for number in range(ROUNDS):
        first = 1000 + number * QUESTIONS
        flood(asker, first)
        took.append(seconds(other) - usual)
        for question in range(first, first + QUESTIONS):
            assert asker.wait(question)["outcome"] == "no_record"
    print(f"records={records} usual={usual * 1000:.1f}ms delays={[f'{t * 1000:.1f}ms' for t in took]}")
    assert took[0] < 10 * bound * places.SLOWNESS, "the first one has to read the whole file"
    assert min(took) < bound * places.SLOWNESS


def fill_ledger(source, target, records):
    """A ledger whose every record is whole: copies of one, which is enough for whoever reads them."""
    content = source.read_bytes()
    header, one = content[:64], content[64:128]
    assert any(one)
    target.write_bytes(header + one * records)
