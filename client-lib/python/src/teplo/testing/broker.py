# SPDX-License-Identifier: MIT
"""FakeBroker: the broker's socket in a thread, for tests of programs that use teplo."""

import asyncio
import os
import pathlib
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from .answers import Json
from .connection import Connection
from .steps import Step
from .tools import Call, FakeTool

Function = TypeVar("Function", bound=Callable[..., Any])

LINE_MAXIMUM = 4 * 1024 * 1024  # max_frame's default
ENVIRONMENT = "TEPLO_SOCKET"
PATIENCE = 10.0


class FakeBroker:
    """
        with FakeBroker(tools=[add]) as broker:
            pool = teplo.connect(socket=broker.path)

    TOOLS: Python functions; more by @broker.tool.  POOLS: their names, or name -> URL of the server
    that it stands for, by which clients may ask too; the same tools each unless a tool names its own.  ENVIRON: set $TEPLO_SOCKET meanwhile, so that the program under
    test finds it by itself.  `calls` keeps every tools/call in the order of arrival.

    It speaks proto/WIRE.md in both eras: what differs from teplod is that nothing is behind it,
    so failures happen because plan() said so.  All methods may be used from any thread.
    """

    def __init__(
        self,
        tools: Iterable[Callable[..., Any]] = (),
        *,
        pools: Sequence[str] | Mapping[str, str] = ("fake",),
        instructions: str | None = None,
        version: str = "1",
        environ: bool = False,
    ) -> None:
        if not pools:
            raise ValueError("a broker has at least one pool")
        self.pools = list(pools)
        self.urls = dict(pools) if isinstance(pools, Mapping) else {}
        self.instructions = instructions
        self.version = version
        self.calls: list[Call] = []
        self.path = ""
        self.environ = environ
        self.tools: dict[str, dict[str, FakeTool]] = {pool: {} for pool in self.pools}
        self.connections: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.condition = threading.Condition()
        self.executor = ThreadPoolExecutor(thread_name_prefix="teplo-fake")
        self.loop: asyncio.AbstractEventLoop | None = None
        self.thread: threading.Thread | None = None
        self.directory: pathlib.Path | None = None
        self.environment_before: str | None = None
        for function in tools:
            self.add(function)

    # Tools.

    def tool(
        self,
        function: Function | None = None,
        *,
        name: str | None = None,
        description: str | None = None,
        schema: Json | None = None,
        pool: str | None = None,
        **definition: Any,
    ) -> Any:
        """
        @broker.tool, or @broker.tool(name=...): the function is a tool from now on, in place of one
        of the same name.  DEFINITION: more members of the tool as listed (annotations=...).
        """

        def register(function: Function) -> Function:
            self.add(function, name, description, schema, pool, definition)
            return function

        return register if function is None else register(function)

    def add(
        self,
        function: Callable[..., Any],
        name: str | None = None,
        description: str | None = None,
        schema: Json | None = None,
        pool: str | None = None,
        definition: Json | None = None,
    ) -> None:
        tool = FakeTool(function, name, description, schema, definition or {})
        for owner in [pool] if pool is not None else self.pools:
            self.tools[owner][tool.name] = tool
        self.tell_tools_changed()

    def remove(self, name: str) -> None:
        for tools in self.tools.values():
            tools.pop(name, None)
        self.tell_tools_changed()

    def tools_of(self, pool: str) -> dict[str, FakeTool]:
        return self.tools[pool]

    def plan(self, tool: str, *steps: Step | None, pool: str | None = None) -> None:
        """Each of the next calls of TOOL meets one of STEPS (None: an ordinary run)."""
        owners = [self.tools[pool]] if pool is not None else list(self.tools.values())
        found = {id(tools[tool]): tools[tool] for tools in owners if tool in tools}
        if not found:
            raise KeyError(f"no tool {tool!r}")
        for planned in found.values():
            planned.plan.extend(steps)

    def tell_tools_changed(self) -> None:
        self.in_loop(self.tell_tools_changed_now)

    def tell_tools_changed_now(self) -> None:
        for peer in list(self.connections):
            peer.tell_tools_changed()

    def in_loop(self, function: Callable[..., None], *arguments: Any) -> None:
        if self.loop is not None and self.loop.is_running():
            self.loop.call_soon_threadsafe(function, *arguments)

    # Waiting.

    def wait_calls(self, count: int = 1, tool: str | None = None, seconds: float = PATIENCE) -> list[Call]:
        """Until COUNT calls (of TOOL) have arrived."""
        return self.wait(lambda call: tool in (None, call.tool), count, f"{count} calls", seconds)

    def wait_ended(self, count: int = 1, seconds: float = PATIENCE) -> list[Call]:
        """Until COUNT calls are over, however they ended."""
        return self.wait(lambda call: call.outcome != "pending", count, f"{count} ends", seconds)

    def wait_cancelled(self, count: int = 1, seconds: float = PATIENCE) -> list[Call]:
        return self.wait(lambda call: call.cancelled, count, f"{count} cancellations", seconds)

    def wait(self, wanted: Callable[[Call], bool], count: int, what: str, seconds: float) -> list[Call]:
        def found() -> list[Call] | None:
            calls = [call for call in self.calls if wanted(call)]
            return calls if len(calls) >= count else None

        with self.condition:
            calls = self.condition.wait_for(found, seconds)
        if calls is None:
            raise TimeoutError(f"{what}: not within {seconds} s; the calls: {self.calls}")
        return calls

    def changed(self) -> None:
        with self.condition:
            self.condition.notify_all()

    def release(self, tool: str | None = None) -> None:
        """Calls that have come and that a Hold keeps go on."""
        self.in_loop(self.release_now, tool)

    def release_now(self, tool: str | None) -> None:
        for call in self.calls:
            if tool in (None, call.tool):
                call.gate.set()

    def drop_connections(self) -> None:
        """Every client loses its connection, as when a broker is killed; new ones may connect."""
        self.in_loop(self.close_peers)

    def close_peers(self) -> None:
        for peer in list(self.connections):
            peer.writer.close()

    # Its life.

    def __enter__(self) -> "FakeBroker":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        if self.thread is not None:
            raise RuntimeError("this broker runs already")
        # Short: a Unix socket's path has 107 bytes.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="teplo-fake-", dir="/tmp"))
        self.path = str(self.directory / "teplo.sock")
        ready = threading.Event()
        self.thread = threading.Thread(
            target=lambda: asyncio.run(self.serve(ready)), name="teplo-fake", daemon=True
        )
        self.thread.start()
        if not ready.wait(PATIENCE):
            raise RuntimeError("the fake broker did not start")
        if self.environ:
            self.environment_before = os.environ.get(ENVIRONMENT)
            os.environ[ENVIRONMENT] = self.path

    def stop(self) -> None:
        """Idempotent.  Calls under way are given up."""
        thread, self.thread = self.thread, None
        if thread is None:
            return
        if self.environ and self.environment_before is None:
            os.environ.pop(ENVIRONMENT, None)
        elif self.environ and self.environment_before is not None:
            os.environ[ENVIRONMENT] = self.environment_before
        assert self.directory is not None
        self.in_loop(self.over.set)
        thread.join(PATIENCE)
        self.executor.shutdown(wait=False, cancel_futures=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    async def serve(self, ready: threading.Event) -> None:
        self.loop = asyncio.get_running_loop()
        self.over = asyncio.Event()
        server = await asyncio.start_unix_server(self.on_client, self.path, limit=LINE_MAXIMUM)
        ready.set()
        await self.over.wait()
        server.close()
        for task in list(self.tasks):
            task.cancel()
        self.close_peers()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Connection(self, reader, writer)
        task = asyncio.current_task()
        assert task is not None
        self.keep(task)
        self.connections.add(peer)
        try:
            await peer.serve()
        except asyncio.CancelledError:  # by stop(): CPython 3.12.1, say, complains of such a task
            pass
        finally:
            self.connections.discard(peer)

    def keep(self, task: "asyncio.Task[None]") -> None:
        """A strong reference until it is over: the loop has only a weak one."""
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


def teplo_broker() -> Iterator[FakeBroker]:
    """
    For a conftest.py:  teplo_broker = pytest.fixture(teplo.testing.teplo_broker)
    The program under test finds it by $TEPLO_SOCKET.
    """
    with FakeBroker(environ=True) as broker:
        yield broker
