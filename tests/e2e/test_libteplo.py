# SPDX-License-Identifier: MIT
"""A program with libteplo in it while its broker is replaced, killed, stopped, or not there yet."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

from harness import Dynasty, places, wait_until
from harness.program import Program
from harness.scripted import EXEC, ScriptedServer

DRIVER = pathlib.Path(places.TEPLOD).parents[1] / "tests" / "support" / "lib_driver"
pytestmark = pytest.mark.usefixtures("orphans_are_ours")
OK = 0
EXECUTED, NOT_EXECUTED, UNKNOWN = "0", "1", "2"
DEPTH = 32


class Driver(Program):
    """The program; what it heard of each call is in `heard`."""

    def __init__(self, broker, *pools, path=None, patience_ms=5000):
        command = [places.installed(DRIVER), path or broker.socket_path(), DEPTH, *pools]
        env = {"LIB_DRIVER_RECONNECT_MS": str(patience_ms)}
        super().__init__(command, env=env, stdin=subprocess.PIPE, parse=str.split)

    @property
    def heard(self):
        return self.lines.items

    def hear(self, count, what=OK):
        """Until COUNT more calls have ended so."""
        before = self.how_many(what)
        wait_until(lambda: self.how_many(what) >= before + count, f"{count} calls end with {what}", 30)

    def how_many(self, what):
        return sum(int(line[1]) == what for line in list(self.heard))

    def finish(self):
        """Every call ended, once."""
        self.child.stdin.close()
        assert self.wait(30) == 0, self.output()
        numbers = sorted(int(line[0]) for line in self.heard)
        assert numbers == list(range(1, len(numbers) + 1))
        return self.heard

    def done(self):
        if self.running():
            self.kill()


@pytest.fixture
def scripted(cleanup):
    return cleanup.maker(ScriptedServer)()


@pytest.fixture
def start_driver(cleanup):
    return cleanup.maker(Driver)


def check_honest(heard, scripted):
    """What was said against what the server did."""
    executed = scripted.ledger()[EXEC]
    for line in heard:
        number, status, outcome = int(line[0]), int(line[1]), line[2]
        assert executed[number] <= 1, line
        if status == OK:
            assert (outcome, executed[number]) == (EXECUTED, 1), line
        elif outcome == NOT_EXECUTED:
            assert executed[number] == 0, line
        else:
            assert outcome == UNKNOWN, line


def failures(heard):
    return [line for line in heard if int(line[1]) != OK]


def test_upgrades_go_unnoticed(start_broker, scripted, start_driver, cleanup):
    broker = start_broker({"s": scripted.url})
    dynasty = cleanup.maker(Dynasty)(broker)
    driver = start_driver(broker)
    for _ in range(3):
        driver.hear(100)
        dynasty.upgrade()
    driver.hear(100)
    heard = driver.finish()
    assert failures(heard) == []
    check_honest(heard, scripted)


def test_a_killed_broker_costs_what_it_had(start_broker, scripted, start_driver):
    broker = start_broker({"s": scripted.url})
    driver = start_driver(broker)
    for _ in range(3):
        driver.hear(100)
        broker.program.kill()
        broker.start()
    driver.hear(100)
    heard = driver.finish()
    check_honest(heard, scripted)
    failed = failures(heard)
    assert 0 < len(failed) <= 3 * DEPTH
    assert {tuple(line[2:]) for line in failed} == {(UNKNOWN, "connection_closed")}


def test_a_stopped_broker_loses_nothing(start_broker, scripted, start_driver):
    broker = start_broker({"s": scripted.url})
    driver = start_driver(broker)
    driver.hear(100)
    broker.program.signal(signal.SIGTERM)
    assert broker.program.wait() == 0
    broker.start()
    driver.hear(100)
    heard = driver.finish()
    assert failures(heard) == []
    check_honest(heard, scripted)


def test_the_program_may_come_first(scripted, start_driver, start_broker):
    directory = tempfile.mkdtemp(prefix="tp-", dir="/tmp")
    try:
        link = pathlib.Path(directory) / "teplo.sock"
        driver = start_driver(None, path=link)
        broker = start_broker({"s": scripted.url})
        os.symlink(broker.socket_path(), link)
        driver.hear(100)
        heard = driver.finish()
    finally:
        shutil.rmtree(directory)
    assert failures(heard) == []
    check_honest(heard, scripted)


def test_several_pools_on_one_connection(start_broker, start_driver, cleanup):
    servers = [cleanup.maker(ScriptedServer)() for _ in range(2)]
    broker = start_broker({"a": servers[0].url, "b": servers[1].url})
    driver = start_driver(broker, "a", "b")
    driver.hear(200)
    assert len(broker.admin("teplo/clients")["clients"]) == 1
    heard = driver.finish()
    assert failures(heard) == []
    counts = [sum(server.ledger()[EXEC].values()) for server in servers]
    assert sum(counts) == len(heard) and abs(counts[0] - counts[1]) <= 1


def test_no_broker_in_time(start_driver, tmp_path):
    driver = start_driver(None, path=tmp_path / "teplo.sock", patience_ms=200)
    driver.hear(DEPTH, what=-20)
    assert all(line[2:] == [NOT_EXECUTED, "no_broker"] for line in driver.finish())


def test_a_pool_that_there_is_not(start_broker, scripted, start_driver):
    broker = start_broker({"s": scripted.url, "t": scripted.url})
    driver = start_driver(broker)
    driver.hear(DEPTH, what=-43)
    assert {tuple(line[1:]) for line in driver.finish()} == {("-43", NOT_EXECUTED, "no_pool")}
