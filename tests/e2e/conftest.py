# SPDX-License-Identifier: MIT
"""Fixtures.  Everything a test starts is stopped at its end, and a broker is looked over then."""

import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import (  # noqa: E402
    Broker,
    CountingServer,
    DemoServer,
    Dynasty,
    EverythingServer,
    RawServer,
    RedisServer,
    adopting_orphans,
)


# Whoever runs this in the background has Ctrl-C ignored, and so would all that is started here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Cleanup:
    """Makers whose products are done() in reverse order; each failure is reported."""

    def __init__(self):
        self.things = []

    def maker(self, kind):
        def make(*arguments, **keywords):
            thing = kind(*arguments, **keywords)
            self.things.append(thing)
            return thing

        return make

    def finish(self):
        failures = []
        for thing in reversed(self.things):
            try:
                thing.done()
            except Exception as failure:  # noqa: BLE001 - one failure must not hide the next
                failures.append(failure)
        if failures:
            raise failures[0]


@pytest.fixture
def cleanup():
    cleanup = Cleanup()
    yield cleanup
    cleanup.finish()


@pytest.fixture
def start_broker(cleanup):
    """start_broker({"name": url}, options={...}, pool={...}) -> Broker"""
    return cleanup.maker(Broker)


@pytest.fixture
def start_raw(cleanup):
    return cleanup.maker(RawServer)


@pytest.fixture
def start_redis(cleanup):
    return cleanup.maker(RedisServer)


@pytest.fixture
def start_counting(cleanup):
    return cleanup.maker(CountingServer)


@pytest.fixture
def start_demo(cleanup):
    return cleanup.maker(DemoServer)


@pytest.fixture
def start_everything(cleanup):
    return cleanup.maker(EverythingServer)


@pytest.fixture
def raw(start_raw):
    """A scriptable raw HTTP+SSE server."""
    return start_raw()


@pytest.fixture(scope="module")
def shared_counting():
    """One counting server (SDK 1.x) for all tests of a file; they tell apart by keys and reset."""
    server = CountingServer()
    yield server
    server.done()


@pytest.fixture
def counting(shared_counting):
    shared_counting.reset()
    return shared_counting


@pytest.fixture
def broker(start_broker, raw):
    """A broker in front of the raw server; its only pool is "raw"."""
    return start_broker({"raw": raw.url})


@pytest.fixture
def orphans_are_ours():
    with adopting_orphans():
        yield


@pytest.fixture
def dynasty(broker, cleanup, orphans_are_ours):
    """The broker in front of the raw server, and the brokers that replace it."""
    return cleanup.maker(Dynasty)(broker)
