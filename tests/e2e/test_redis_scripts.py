# SPDX-License-Identifier: MIT
"""The scripts that the reporter runs in Redis, each on its own: exact sums, fences, moments at will."""

import ast
import re

import pytest

from harness import RedisServer, places
from redis_driver import PREFIX
from resp import RedisError

SCRIPT = re.compile(r'^SCRIPT\((\w+), (\d+),\n((?:\s+"(?:[^"\\]|\\.)*"\n?)+)\)', re.MULTILINE)
TEXT = (places.REPO / "broker" / "health" / "redis_scripts.def").read_text()
SCRIPTS = {
    name: (int(keys), "".join(ast.literal_eval(line.strip()) for line in text.splitlines()))
    for name, keys, text in SCRIPT.findall(TEXT)
}
DAY_MS = 86400000
BASE, GONE, ROW, HISTOGRAMS = (PREFIX + key for key in ("base:p", "gone:p:i-a", "p:p:i-a", "h:p:i-a"))


@pytest.fixture(scope="module")
def server():
    server = RedisServer()
    yield server
    server.done()


@pytest.fixture
def redis(server):
    server("FLUSHALL")
    return server


def run(redis, name, keys, *arguments):
    count, text = SCRIPTS[name]
    assert len(keys) == count
    return redis("EVAL", text, count, *keys, *arguments)


def test_each_script_is_found():
    assert sorted(SCRIPTS) == ["FOLD", "LEASE", "LOST", "RETIRE", "SAMPLE", "UNFOLD"]


# The lease.


def lease(redis, iid, ms=3000):
    return run(redis, "LEASE", [PREFIX + "leader"], iid, ms)


def test_the_lease_is_taken_kept_and_given_up(redis):
    assert lease(redis, "i-a", 5000) == "i-a"
    assert 4000 < redis("PTTL", PREFIX + "leader") <= 5000
    assert lease(redis, "i-a", 60000) == "i-a"
    assert redis("PTTL", PREFIX + "leader") > 50000
    assert lease(redis, "i-a", 0) == ""
    assert redis("EXISTS", PREFIX + "leader") == 0
    # Giving up what one has not is nothing.
    assert lease(redis, "i-a", 0) == ""
    assert redis("EXISTS", PREFIX + "leader") == 0


def test_who_has_not_the_lease_changes_nothing(redis):
    lease(redis, "i-a", 5000)
    assert lease(redis, "i-b", 60000) == "i-a"
    assert lease(redis, "i-b", 0) == "i-a"
    assert redis("GET", PREFIX + "leader") == "i-a"
    assert redis("PTTL", PREFIX + "leader") <= 5000


def test_a_lease_of_somebody_else(redis):
    redis("HSET", PREFIX + "leader", "a", "b")
    with pytest.raises(RedisError, match="WRONGTYPE"):
        lease(redis, "i-a")


# Silence.


def lost(redis, iid, heard_ms, now_ms=DAY_MS * 2):
    return run(redis, "LOST", [PREFIX + "lost"], iid, heard_ms, now_ms - DAY_MS, DAY_MS)


def test_a_silence_is_told_once(redis):
    assert lost(redis, "i-a", DAY_MS * 2) == 1
    assert lost(redis, "i-a", DAY_MS * 2) == 0
    # It came back, and fell silent again.
    assert lost(redis, "i-a", DAY_MS * 2 + 1) == 1
    assert 0 < redis("PTTL", PREFIX + "lost") <= DAY_MS


def test_old_silences_are_forgotten(redis):
    lost(redis, "i-a", DAY_MS * 2)
    lost(redis, "i-b", DAY_MS * 3, DAY_MS * 3)
    assert redis("ZRANGE", PREFIX + "lost", 0, -1) == ["i-a", "i-b"]
    lost(redis, "i-c", DAY_MS * 4, DAY_MS * 4)
    assert redis("ZRANGE", PREFIX + "lost", 0, -1) == ["i-b", "i-c"]


# Folds.


def fold(redis, whole=("calls_total", "ok_total"), decimal=("wait_ms_sum",)):
    return run(redis, "FOLD", [ROW, HISTOGRAMS, BASE, GONE], DAY_MS * 30, DAY_MS, len(whole), *whole, *decimal)


def test_a_fold_moves_the_totals_and_only_those(redis):
    redis("HSET", ROW, "calls_total", 7, "ok_total", 0, "wait_ms_sum", "2.5", "cap", 9, "upstream", "http://h")
    redis("SET", HISTOGRAMS, "s3;")
    assert fold(redis) == 1
    assert redis.row(BASE) == {"calls_total": "7", "wait_ms_sum": "2.5", "folds": "1"}
    assert redis.row(GONE) == {"calls_total": "7", "wait_ms_sum": "2.5"}
    assert redis("EXISTS", ROW, HISTOGRAMS) == 0
    assert DAY_MS * 29 < redis("PTTL", BASE) and 0 < redis("PTTL", GONE) <= DAY_MS


def test_a_fold_runs_once(redis):
    redis("HSET", ROW, "calls_total", 7)
    assert [fold(redis) for _ in range(3)] == [1, 0, 0]
    assert redis.row(BASE) == {"calls_total": "7", "folds": "1"}


def test_what_a_frozen_broker_writes_again_counts_once(redis):
    redis("HSET", ROW, "calls_total", 7, "wait_ms_sum", "1.25")
    fold(redis)
    # Its row as it was, then with more, then gone for good.
    redis("HSET", ROW, "calls_total", 7, "wait_ms_sum", "1.25")
    fold(redis)
    assert redis("HGET", BASE, "calls_total") == "7"
    redis("HSET", ROW, "calls_total", 12, "wait_ms_sum", "2")
    fold(redis)
    assert redis.row(BASE) == {"calls_total": "12", "wait_ms_sum": "2", "folds": "3"}
    # A row with less than what was folded is none of ours.
    redis("HSET", ROW, "calls_total", 5)
    fold(redis)
    assert redis("HGET", BASE, "calls_total") == "12"


def test_sums_are_exact_where_a_double_is_not(redis):
    big = 2**53
    redis("HSET", BASE, "calls_total", big + 1)
    redis("HSET", ROW, "calls_total", big + 2)
    fold(redis)
    assert redis("HGET", BASE, "calls_total") == str(2 * big + 3)
    redis("HSET", ROW, "calls_total", big + 5)
    fold(redis)
    assert redis("HGET", BASE, "calls_total") == str(2 * big + 6)


@pytest.mark.parametrize("value", ["", "x", "-5", "1e9", "0x10", "inf", "nan", "1.5", " 7", "9" * 19, "9" * 400])
def test_what_is_no_total_is_left_out(redis, value):
    redis("HSET", ROW, "calls_total", value, "ok_total", 3)
    assert fold(redis) == 1
    assert redis.row(BASE) == {"ok_total": "3", "folds": "1"}


def test_a_base_of_somebody_else(redis):
    redis("HSET", BASE, "calls_total", "x")
    redis("HSET", ROW, "calls_total", 7, "ok_total", 3)
    assert fold(redis) == 1
    assert redis.row(BASE) == {"calls_total": "x", "ok_total": "3", "folds": "1"}
    # What was not added is not noted as added.
    assert redis.row(GONE) == {"ok_total": "3"}


def unfold(redis, whole=("calls_total", "ok_total"), decimal=("wait_ms_sum",)):
    return run(redis, "UNFOLD", [ROW, BASE, GONE], len(whole), *whole, *decimal)


def test_what_was_folded_is_given_back_to_who_lives(redis):
    big = 2**53 + 1
    redis("HSET", BASE, "calls_total", 100)
    redis("HSET", ROW, "calls_total", big, "ok_total", 3, "wait_ms_sum", "2.5")
    fold(redis)
    # Not before its row is whole again.
    redis("HSET", ROW, "calls_total", big + 1)
    assert unfold(redis) == 0
    redis("HSET", ROW, "ok_total", 3, "wait_ms_sum", "3")
    assert [unfold(redis), unfold(redis)] == [1, 0]
    assert redis.row(BASE) == {"calls_total": "100", "ok_total": "0", "wait_ms_sum": "0", "folds": "2"}
    assert redis("EXISTS", GONE) == 0
    fold(redis)
    assert redis("HGET", BASE, "calls_total") == str(100 + big + 1)


def test_a_pool_that_its_broker_ends_leaves_no_note(redis):
    redis("HSET", ROW, "calls_total", 7)
    arguments = [DAY_MS * 30, 0, 1, "calls_total"]
    assert run(redis, "FOLD", [ROW, HISTOGRAMS, BASE, GONE], *arguments) == 1
    assert redis("HGET", BASE, "calls_total") == "7" and redis("EXISTS", GONE) == 0


# The end of a broker.


def retire(redis, iid, heard_ms):
    keys = [PREFIX + key for key in ("inst", "lost", f"i:{iid}", f"tbl:sess:{iid}")]
    return run(redis, "RETIRE", keys, iid, heard_ms, DAY_MS)


def test_a_broker_is_retired_unless_it_lives(redis):
    redis("ZADD", PREFIX + "inst", 1000, "i-a", 2000, "i-b")
    redis("HSET", PREFIX + "i:i-a", "pid", 1)
    assert retire(redis, "i-a", 999) == 0
    assert redis("EXISTS", PREFIX + "i:i-a") == 1
    assert retire(redis, "i-a", 1000) == 1
    assert retire(redis, "i-a", 1000) == 0
    assert redis("EXISTS", PREFIX + "i:i-a") == 0
    assert redis("ZRANGE", PREFIX + "inst", 0, -1) == ["i-b"]
    # Should it write once more, others know that some of it is folded.
    assert redis("ZSCORE", PREFIX + "lost", "i-a") == "1000"


# Samples.

SAMPLES, MINUTES, SAMPLED = (PREFIX + key for key in ("ts10s:p", "ts1m:p", "sampled:p"))


def sample(redis, moment_s, calls, waiting=0, rps=0, kept=(360, 1440)):
    fields = ["calls", "d", calls, "waiting", "p", waiting, "rps", "m", rps]
    arguments = [moment_s * 1000, kept[0], 7200000, kept[1], DAY_MS * 2, DAY_MS * 2]
    return run(redis, "SAMPLE", [SAMPLES, MINUTES, SAMPLED], *arguments, *fields)


def stream(redis, key):
    return [(moment, dict(zip(fields[::2], fields[1::2]))) for moment, fields in redis("XRANGE", key, "-", "+")]


def test_samples_have_their_moment_and_the_growth(redis):
    assert [sample(redis, 1200 + 10 * i, calls) for i, calls in enumerate((500, 503, 503, 513))] == [1] * 4
    assert [(moment, row["calls"]) for moment, row in stream(redis, SAMPLES)] == [
        ("1200000-0", "0"), ("1210000-0", "3"), ("1220000-0", "0"), ("1230000-0", "10"),
    ]  # fmt: skip
    assert list(stream(redis, SAMPLES)[0][1]) == ["calls", "waiting", "rps"]
    assert 0 < redis("PTTL", SAMPLES) <= 7200000 and 0 < redis("PTTL", SAMPLED) <= DAY_MS * 2


def test_a_second_reporter_adds_nothing(redis):
    sample(redis, 1200, 0)
    assert sample(redis, 1210, 5) == 1
    # Another one, a little later or with older figures; and one whose clock is behind.
    assert [sample(redis, 1210, 7), sample(redis, 1210, 4), sample(redis, 1200, 9)] == [0, 0, 0]
    sample(redis, 1220, 8)
    assert sum(int(row["calls"]) for _, row in stream(redis, SAMPLES)) == 8


def test_a_missed_sample_misses_no_call(redis):
    sample(redis, 1200, 100)
    sample(redis, 1260, 160)
    assert [row["calls"] for _, row in stream(redis, SAMPLES)] == ["0", "60"]


def test_totals_that_fell_are_no_calls(redis):
    sample(redis, 1200, 100)
    sample(redis, 1210, 20)
    sample(redis, 1220, 25)
    assert [row["calls"] for _, row in stream(redis, SAMPLES)] == ["0", "0", "5"]


def test_a_minute_is_sum_peak_and_mean(redis):
    for i in range(13):
        sample(redis, 1200 + 10 * i, 100 + 7 * i, waiting=i % 5, rps=i)
    assert stream(redis, MINUTES) == [
        ("1200000-0", {"calls": "0", "waiting": "0", "rps": "0"}),
        ("1260000-0", {"calls": "42", "waiting": "4", "rps": "3.5"}),
        ("1320000-0", {"calls": "42", "waiting": "4", "rps": "9.5"}),
    ]
    assert 0 < redis("PTTL", MINUTES) <= DAY_MS * 2


def test_a_minute_after_a_gap_has_what_came_before_it(redis):
    for moment, calls in ((1200, 0), (1210, 3), (1230, 5), (1500, 9), (1510, 10), (1570, 12)):
        sample(redis, moment, calls)
    minutes = stream(redis, MINUTES)
    assert [moment for moment, _ in minutes] == ["1200000-0", "1500000-0", "1560000-0"]
    assert [row["calls"] for _, row in minutes] == ["0", "9", "1"]


def test_series_are_bounded(redis):
    for i in range(700):
        sample(redis, 1200 + 10 * i, i, kept=(100, 100))
    assert 100 <= redis("XLEN", SAMPLES) < 300


def test_entries_of_somebody_else_do_no_harm(redis):
    redis("XADD", SAMPLES, "1190000-0", "calls", "x", "rps", "inf", "waiting", "nan")
    redis("XADD", SAMPLES, "1191000-5", "foo", "bar")
    redis("HSET", SAMPLED, "calls", "nan")
    assert sample(redis, 1200, 7, rps=3) == 1
    assert stream(redis, SAMPLES)[-1][1] == {"calls": "0", "waiting": "0", "rps": "3"}
    assert stream(redis, MINUTES) == [("1200000-0", {"calls": "0", "waiting": "0", "rps": "1"})]


def test_the_first_sample_makes_a_minute_too(redis):
    for moment, calls in ((1230, 7), (1240, 9), (1250, 10), (1260, 11), (1330, 20)):
        sample(redis, moment, calls, rps=calls)
    assert [(moment, row["calls"], row["rps"]) for moment, row in stream(redis, MINUTES)] == [
        ("1200000-0", "0", "7"), ("1260000-0", "4", "9.25"),
    ]  # fmt: skip
