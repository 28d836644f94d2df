# SPDX-License-Identifier: MIT
"""fork() in all its forms, and interpreters within interpreters."""

import asyncio
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import traceback

import pytest
import teplo
from conftest import PACKAGE
from harness import PATIENCE, wait_until
from teplo import Result, _requests


def in_child(action):
    """Run ACTION in a forked child; it must end well.  Exceptions are printed there."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            action()
            status = 0
        except BaseException:  # noqa: BLE001 - the child's exit status tells
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def add(pool):
    assert pool.call_tool_sync("add", {"a": 1, "b": 1}).text == "2"


async def add_soon(pool):
    assert (await pool.call_tool("add", {"a": 1, "b": 1})).text == "2"


# Python 3.12 and later warn of any fork beside a thread; the harness has some.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def test_parent_and_child_have_connections_of_their_own(connect, counting_broker):
    pool = connect(counting_broker)
    add(pool)

    def child():
        add(pool)
        asyncio.run(add_soon(pool))

    for _ in range(3):
        in_child(child)
        add(pool)


def test_a_fork_leaves_no_copy_of_a_connection(connect, counting_broker, open_files):
    before = open_files()
    pool = connect(counting_broker)
    add(pool)

    def child():
        assert open_files() == before

    in_child(child)
    add(pool)


def test_a_fork_in_a_loop_with_calls_under_way(run, connect, counting_broker, counting):
    """The child says nothing on the parent's connection, and takes none of its answers."""

    async def main():
        pool = connect(counting_broker)
        task = asyncio.ensure_future(pool.call_tool("hold", {"key": "fork"}))
        await asyncio.to_thread(counting.wait_held, "fork")

        def child():
            asyncio._set_running_loop(None)
            client = pool._clients[loop]()
            assert client.is_closed
            client.close()  # as its finalizer would
            add(pool)

        loop = asyncio.get_running_loop()
        in_child(child)
        counting.release("fork")
        assert (await task).text == "released fork"
        await add_soon(pool)
        assert counting.stats()["cancelled"] == []

    run(main)


def test_a_fork_while_another_thread_waits(connect, counting_broker, counting):
    pool = connect(counting_broker)
    texts = []
    thread = threading.Thread(
        target=lambda: texts.append(pool.call_tool_sync("hold", {"key": "thread"}).text)
    )
    thread.start()
    counting.wait_held("thread")
    in_child(lambda: add(pool))
    counting.release("thread")
    thread.join()
    assert texts == ["released thread"]


def test_what_a_thread_waits_in_is_not_closed_below_it(connect, counting_broker, counting):
    """As the end of the program would, with a daemon thread in the middle of a call."""
    client = teplo.SyncClient(connect(counting_broker).settings)
    texts = []

    def call():
        client._handle.adopt()
        reply = client.run(_requests.Request(tool="hold", body={"key": "below"}))
        texts.append(Result(reply.get()).text)

    thread = threading.Thread(target=call)
    thread.start()
    counting.wait_held("below")
    wait_until(lambda: client._handle._native.is_inside, "it waits")
    client._handle._native.close()
    assert not client.is_closed
    counting.release("below")
    thread.join()
    assert texts == ["released below"]
    client.close()
    assert client.is_closed


def test_clients_of_a_parent_are_refused_in_the_child(connect, counting_broker):
    client = teplo.SyncClient(connect(counting_broker).settings)

    def child():
        with pytest.raises(teplo.Closed):
            client._handle.dispatch()
        client.close()

    in_child(child)
    client.close()


PREFORK = """
import asyncio, os, signal, sys, traceback, teplo
pool = teplo.connect()          # at import time, as a web application does
pool.list_tools_sync()          # and already used by the master

async def serve(number):
    calls = (pool.call_tool("add", {"a": number, "b": n}) for n in range(20))
    return [int(answer.text) for answer in await asyncio.gather(*calls)]

children = []
for number in range(4):
    pid = os.fork()
    if pid == 0:
        try:
            assert asyncio.run(serve(number)) == [number + n for n in range(20)]
            assert pool.call_tool_sync("add", {"a": number, "b": 1}).text == str(number + 1)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        sys.exit(0)             # with the interpreter's whole ending: atexit, finalizers
    children.append(pid)
statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
assert pool.call_tool_sync("add", {"a": 1, "b": 1}).text == "2"
print(statuses)
"""


def program(code, broker, *options):
    done = subprocess.run(
        [sys.executable, "-X", "dev", *options, "-c", code],
        env={
            **os.environ,
            "PYTHONPATH": str(PACKAGE),
            "TEPLO_SOCKET": str(broker.socket_path()),
            "PYTHONASYNCIODEBUG": "1",
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE * 3,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr, done.stderr
    return done.stdout


def test_prefork_as_a_web_server_does(counting_broker):
    assert program(PREFORK, counting_broker, "-W", "error").strip() == "[0, 0, 0, 0]"


def in_worker(path, number, results):
    pool = teplo.connect(path)
    results.put((number, pool.call_tool_sync("add", {"a": number, "b": 1}).text))


@pytest.mark.parametrize("how", ["fork", "spawn", "forkserver"])
def test_multiprocessing(connect, counting_broker, how):
    add(connect(counting_broker))
    start = multiprocessing.get_context(how)
    results = start.Queue()
    path = str(counting_broker.socket_path())
    workers = [start.Process(target=in_worker, args=(path, n, results)) for n in range(2)]
    for worker in workers:
        worker.start()
    try:
        assert sorted(results.get(timeout=PATIENCE * 2) for _ in workers) == [(0, "1"), (1, "2")]
    finally:
        for worker in workers:
            worker.join()
            worker.close()
        results.close()
        results.join_thread()


ENDINGS = {
    "blocking": "pool.call_tool_sync('add', {'a': 1, 'b': 1})",
    "awaited": "asyncio.run(pool.list_tools())",
    "a loop that is left open": "loop = asyncio.new_event_loop()\n"
    "loop.run_until_complete(pool.list_tools())\nloop.close()",
    "a thread that is left waiting": "threading.Thread(daemon=True, target=pool.call_tool_sync,"
    " args=('slow', {'seconds': 600})).start()\ntime.sleep(0.05)",
    "a module's reference": "import builtins; builtins.pool = pool\npool.list_tools_sync()",
}


@pytest.mark.parametrize("name", ENDINGS)
def test_the_interpreter_ends_quietly(counting_broker, name):
    code = f"import asyncio, threading, time, teplo\npool = teplo.connect()\n{ENDINGS[name]}\n"
    assert program(code, counting_broker, "-W", "error") == ""


INTERPRETERS = """
import sys
try:
    import _interpreters as interpreters          # 3.13
    create, run = (lambda: interpreters.create("legacy")), interpreters.exec
except ImportError:
    import _xxsubinterpreters as interpreters     # before
    create, run = (lambda: interpreters.create(isolated=False)), interpreters.run_string
import teplo
code = '''
try:
    import teplo
    print(teplo.connect().call_tool_sync("add", {"a": 1, "b": 1}).text, flush=True)
except ImportError as error:
    print("refused:", error, flush=True)
'''
one = create()
said = run(one, code)
assert said is None, said
interpreters.destroy(one)
print(teplo.connect().call_tool_sync("add", {"a": 1, "b": 2}).text)
"""


def test_a_sub_interpreter_works_or_refuses(counting_broker):
    """No crash, and the main one is as before."""
    lines = program(INTERPRETERS, counting_broker).splitlines()
    assert lines[0] == "2" or lines[0].startswith("refused:")
    assert lines[-1] == "3"


def test_signals_of_the_program_are_left_alone(connect, counting_broker):
    numbers = [number for number in signal.valid_signals() if number not in (9, 19)]
    before = {number: signal.getsignal(number) for number in numbers}
    wakeup = signal.set_wakeup_fd(-1)
    add(connect(counting_broker))
    assert {number: signal.getsignal(number) for number in numbers} == before
    assert signal.set_wakeup_fd(wakeup) == -1


def test_results_cross_processes(connect, counting_broker):
    result = connect(counting_broker).call_tool_sync("echo", {"value": 1})
    with multiprocessing.get_context("spawn").Pool(1) as workers:
        assert json.loads(workers.apply(str, [result]))["value"] == 1
