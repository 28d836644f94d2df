# SPDX-License-Identifier: MIT
"""teploctl health in front of a broker that says whatever the test wants."""

import json

import pytest

from fake_broker import error, hang_up, result
from teploctl_runner import USAGE, admin, place, run, run_on_terminal

HEALTHY, WARNING, CRITICAL, NOT_KNOWN = range(4)
POOL = {
    "name": "grynya", "health": "unhealthy", "health_code": 2, "reasons": ["auth", "err_pct"],
    "sentence": "the server refuses our credentials (HTTP 401 or 403)", "since_ms": 1790000000000,
    "age_ms": 61000, "breaker": "open", "last_error": "HTTP\t401\x1b[2J",
}  # fmt: skip
WELL = {**POOL, "name": "b", "health": "healthy", "reasons": [], "sentence": "all is well",
        "last_error": "-", "breaker": "closed"}  # fmt: skip


def answer(health, pools=(POOL, WELL), ready=False, reasons=("draining", "pools")):
    return {"health": health, "health_code": 2, "reason": "grynya", "live": True, "ready": ready,
            "ready_reasons": list(reasons), "pools": list(pools)}  # fmt: skip


@pytest.mark.parametrize(
    "health, status",
    [("healthy", HEALTHY), ("degraded", WARNING), ("draining", WARNING), ("unknown", WARNING),
     ("unhealthy", CRITICAL), ("circuit_open", CRITICAL), ("splendid", NOT_KNOWN), (5, NOT_KNOWN)],
)  # fmt: skip
def test_the_exit_status_is_what_monitoring_reads(place, admin, health, status):
    admin.on("teplo/health", result(answer(health)))
    assert run(place, "health").expect(status).out.startswith(f"broker\t{health}\tgrynya\tfalse\t")
    assert run(place, "health", "--json").expect(status)
    assert run_on_terminal(place, "health").status == status


@pytest.mark.valgrind
def test_lines_for_scripts_and_for_people(place, admin):
    admin.on("teplo/health", result(answer("unhealthy")))
    assert run(place, "health").expect(CRITICAL).out.splitlines() == [
        "broker\tunhealthy\tgrynya\tfalse\tdraining,pools",
        f"pool\tgrynya\tunhealthy\tauth,err_pct\t61000\topen\t{POOL['sentence']}\tHTTP 401\ufffd[2J",
        "pool\tb\thealthy\t-\t61000\tclosed\tall is well\t-",
    ]
    assert run_on_terminal(place, "health").out.splitlines() == [
        "teplod: unhealthy, not ready (draining, pools)",
        f"grynya: unhealthy for 1m 1s: {POOL['sentence']}; last: HTTP 401\ufffd[2J",
        "b: healthy for 1m 1s: all is well",
    ]
    whole = answer("healthy", [WELL], True, [])
    admin.on("teplo/health", result(whole))
    assert run_on_terminal(place, "health").out.startswith("teplod: healthy\nb: healthy for ")
    assert json.loads(run(place, "health", "--json").expect(HEALTHY).out) == whole


@pytest.mark.parametrize("shape", [b"{}", b"[]", b"null", b"5", b'{"pools":{},"ready_reasons":7,"ready":false}',
                                   b'{"health":{},"pools":[5,null,{"reasons":{"a":1},"age_ms":1e9}]}'])  # fmt: skip
def test_any_shape_of_answer_is_taken(place, admin, shape):
    admin.on("teplo/health", result(shape))
    run(place, "health").expect(NOT_KNOWN)
    assert run_on_terminal(place, "health").status == NOT_KNOWN


def test_no_answer_is_not_known(place, admin):
    admin.on("teplo/health", hang_up)
    run(place, "health").expect(NOT_KNOWN, "the broker hung up")
    admin.on("teplo/health", error(-32601, "no such command here"))
    run(place, "health").expect(NOT_KNOWN, "no such command here")
    run(place + "/nowhere", "health", "--timeout", "1s").expect(NOT_KNOWN, "teploctl: ")


def test_its_usage(place):
    assert run(place, "health", "now").status == USAGE
    assert "3 there is no answer" in run(place, "help", "health").out
