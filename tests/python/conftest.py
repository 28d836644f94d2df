# SPDX-License-Identifier: MIT
"""
Tests of the Python package, against a real broker.  The harness of tests/e2e is importable, and its
fixtures (start_broker, raw, counting, ...) are here too.

Environment: TEPLO_LIBRARY and TEPLOD (default: build/dev), and what tests/README.md says.
"""

import asyncio
import gc
import importlib.util
import logging
import os
import pathlib
import sys

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = REPO / "client-lib" / "python" / "src"

os.environ.setdefault("TEPLO_LIBRARY", str(REPO / "build/dev/client-lib/lib/libteplo.so.1"))
os.environ.setdefault("TEPLO_BLOCKING", "raise")
sys.path.insert(0, str(REPO / "tests" / "e2e"))
if importlib.util.find_spec("teplo") is None:
    sys.path.insert(0, str(PACKAGE))

import teplo  # noqa: E402
from harness.scripted import ScriptedServer  # noqa: E402


def load_fixtures_of_e2e():
    """By its path: two conftests cannot both be the module "conftest"."""
    path = REPO / "tests" / "e2e" / "conftest.py"
    spec = importlib.util.spec_from_file_location("e2e_fixtures", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


e2e = load_fixtures_of_e2e()
cleanup, start_broker, start_redis = e2e.cleanup, e2e.start_broker, e2e.start_redis
start_raw, raw, broker = e2e.start_raw, e2e.raw, e2e.broker
start_counting, shared_counting, counting = e2e.start_counting, e2e.shared_counting, e2e.counting
start_demo = e2e.start_demo


@pytest.fixture(scope="module")
def shared_scripted():
    server = ScriptedServer()
    yield server
    server.done()


@pytest.fixture
def scripted(shared_scripted):
    """The fast server in C; its answers are "u=N ...", N being the argument "u"."""
    shared_scripted.set(delay_ms=0)
    return shared_scripted


@pytest.fixture
def scripted_broker(start_broker, scripted):
    return start_broker({"scripted": scripted.url}, pool={"pool_size": 16})


@pytest.fixture
def counting_broker(start_broker, counting):
    return start_broker({"counting": counting.url}, pool={"pool_size": 4})


@pytest.fixture
def connect():
    """connect(broker, ...) -> teplo.Pool, closed at the end."""
    pools = []

    def connect(broker, **options):
        pools.append(teplo.connect(broker.socket_path(), **options))
        return pools[-1]

    yield connect
    for pool in pools:
        pool.close()


def loop_factories():
    yield pytest.param(asyncio.new_event_loop, id="asyncio")
    try:
        import uvloop
    except ImportError:
        reason = pytest.mark.skip(reason="uvloop is not installed")
        yield pytest.param(None, id="uvloop", marks=reason)
    else:
        yield pytest.param(uvloop.new_event_loop, id="uvloop")


@pytest.fixture(params=loop_factories())
def new_loop(request):
    return request.param


@pytest.fixture
def run(new_loop):
    """run(main): asyncio.run on each kind of loop; no task may be left behind."""

    def run(main):
        loop = new_loop()
        try:
            result = loop.run_until_complete(main())
            assert not asyncio.all_tasks(loop)
            return result
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    return run


class Complaints(logging.Handler):
    def __init__(self):
        super().__init__(logging.ERROR)
        self.texts = []

    def emit(self, record):
        self.texts.append(self.format(record))


@pytest.fixture(autouse=True)
def complaints():
    """What asyncio logs as an error, such as "exception was never retrieved", fails the test."""
    handler = Complaints()
    logger = logging.getLogger("asyncio")
    logger.addHandler(handler)
    yield handler
    gc.collect()
    logger.removeHandler(handler)
    assert not handler.texts


@pytest.fixture
def open_files():
    """open_files() -> how many descriptors this process has."""

    def count():
        return len(os.listdir("/proc/self/fd"))

    return count
