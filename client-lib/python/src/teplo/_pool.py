# SPDX-License-Identifier: MIT
"""The facade: one for the whole process, whatever loops and threads there are."""

import asyncio
import functools
import os
import threading
import weakref
from types import TracebackType
from typing import Any

from . import _ffi, _fork
from ._async_client import Client
from ._errors import Closed
from ._library import quick
from ._requests import Body, Notification, Progress, Reply, Request
from ._results import Answer, CallOutcome, Result, Tools
from ._settings import Settings, check_socket
from ._socket_path import default_socket_path
from ._sync_client import SyncClient, check_blocking

Arguments = Body


class _Idle(threading.local):
    """The blocking clients of this thread that are in no call; they go with the thread."""

    def __init__(self, everyone: "weakref.WeakSet[_IdleClients]", lock: threading.RLock) -> None:
        self.clients = _IdleClients()
        with lock:
            everyone.add(self.clients)


class _IdleClients:
    """A stack: a signal handler, or a progress callback, may call in the middle of a call."""

    def __init__(self) -> None:
        self.stack: list[SyncClient] = []

    def close(self) -> None:
        while self.stack:
            self.stack.pop().close()


class Pool:
    """
    The tools behind one broker, from any event loop and any thread.  teplo.connect() makes it; it
    costs nothing, and connects when it is first used: one connection for each loop, one for
    each thread that makes blocking calls.

    Every function exists twice: ``await pool.call_tool(...)``, and ``pool.call_tool_sync(...)``,
    which blocks its thread.  timeout is in seconds, at most seven days (None: the pool's;
    teplo.NO_DEADLINE: the broker's alone).  What fails is a teplo.Error that says whether
    the tool may have run.  Cancelling the awaiting task cancels the call at the server.

    It needs no closing.  ``async with pool`` and ``with pool`` let go of the connections of this
    loop or thread when the last of them is left; close() ends all of them for good.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        quick.teplo_options_free(settings.make_options())  # what is wrong is told at once
        self._is_closed = False
        self._begin()

    def _begin(self) -> None:
        self._epoch = _fork.epoch
        self._lock = threading.RLock()  # a signal handler may call
        # The loops keep their clients: what the pool kept, of a loop, would keep the loop.
        self._clients: weakref.WeakKeyDictionary[
            asyncio.AbstractEventLoop, weakref.ref[Client]
        ] = weakref.WeakKeyDictionary()
        self._users: weakref.WeakKeyDictionary[
            asyncio.AbstractEventLoop, int
        ] = weakref.WeakKeyDictionary()
        self._idle_of_all: weakref.WeakSet[_IdleClients] = weakref.WeakSet()
        self._idle = _Idle(self._idle_of_all, self._lock)
        self._finalizer = weakref.finalize(self, _retire_all, self._clients)
        self._finalizer.atexit = False

    # Calls.

    async def call_tool(
        self,
        name: str,
        arguments: Arguments | None = None,
        *,
        timeout: float | None = None,
        progress: Progress | None = None,
        pool: str | None = None,
        meta: Body | None = None,
        call: str | None = None,
    ) -> Result:
        """
        Call a tool.  A result with is_error is no exception.

        arguments  a mapping, or JSON text (str or bytes); None: {}
        progress   called with (done, total or None, message or None), in the loop's thread and the
                   caller's context; it is not awaited.  Of notices that come together only the
                   last is told
        pool       the MCP server, where the broker has several
        meta       merged into params._meta
        call       a UUID of yours for this call, to ask for its outcome later
        """
        request = Request(
            tool=name, body=arguments, timeout=timeout, progress=progress, pool=pool, meta=meta,
            call=call,
        )  # fmt: skip
        reply = await self._client().run(request)
        return Result(reply.get(name), call=reply.call)

    def call_tool_sync(
        self,
        name: str,
        arguments: Arguments | None = None,
        *,
        timeout: float | None = None,
        progress: Progress | None = None,
        pool: str | None = None,
        meta: Body | None = None,
        call: str | None = None,
    ) -> Result:
        """call_tool for a thread without a loop.  What progress raises cancels the call."""
        request = Request(
            tool=name, body=arguments, timeout=timeout, progress=progress, pool=pool, meta=meta,
            call=call,
        )  # fmt: skip
        reply = self._run_sync(request)
        return Result(reply.get(name), call=reply.call)

    async def list_tools(self, *, timeout: float | None = None, pool: str | None = None) -> Tools:
        """The tools of a pool, all of them: from the broker's cache."""
        reply = await self._client().run(Request(method="tools/list", timeout=timeout, pool=pool))
        return Tools(reply.get())

    def list_tools_sync(self, *, timeout: float | None = None, pool: str | None = None) -> Tools:
        """list_tools for a thread without a loop."""
        return Tools(self._run_sync(Request(method="tools/list", timeout=timeout, pool=pool)).get())

    async def request(
        self,
        method: str,
        params: Arguments | None = None,
        *,
        timeout: float | None = None,
        progress: Progress | None = None,
        notification: Notification | None = None,
        pool: str | None = None,
        meta: Body | None = None,
        call: str | None = None,
    ) -> Answer:
        """
        Any method of MCP, such as "prompts/get".

        notification  called with each message that belongs to a "subscriptions/listen"
        The others are as for call_tool.
        """
        request = Request(
            method=method, body=params, timeout=timeout, progress=progress,
            notification=notification, pool=pool, meta=meta, call=call,
        )  # fmt: skip
        reply = await self._client().run(request)
        return Answer(reply.get(), call=reply.call)

    def request_sync(
        self,
        method: str,
        params: Arguments | None = None,
        *,
        timeout: float | None = None,
        progress: Progress | None = None,
        notification: Notification | None = None,
        pool: str | None = None,
        meta: Body | None = None,
        call: str | None = None,
    ) -> Answer:
        """request for a thread without a loop."""
        request = Request(
            method=method, body=params, timeout=timeout, progress=progress,
            notification=notification, pool=pool, meta=meta, call=call,
        )  # fmt: skip
        reply = self._run_sync(request)
        return Answer(reply.get(), call=reply.call)

    async def outcome(self, call: str, *, timeout: float | None = None) -> CallOutcome:
        """What became of the call with that UUID: also after its answer was lost."""
        reply = await self._client().run(outcome_request(call, timeout))
        return CallOutcome(reply.get())

    def outcome_sync(self, call: str, *, timeout: float | None = None) -> CallOutcome:
        """outcome for a thread without a loop."""
        return CallOutcome(self._run_sync(outcome_request(call, timeout)).get())

    # The end.

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def close(self) -> None:
        """
        For good, from any thread, any number of times.  Calls under way end with Cancelled,
        their outcome unknown; blocking calls of other threads come to their end.
        """
        self._renew_after_fork()
        self._is_closed = True
        with self._lock:
            clients = list(self._clients.items())
            self._clients.clear()
            idle_of_all = list(self._idle_of_all)
        for loop, reference in clients:
            client = reference()
            if client is not None:
                _in_its_loop(loop, functools.partial(client.close, "pool"))
        for idle in idle_of_all:
            idle.close()

    async def __aenter__(self) -> "Pool":
        self._renew_after_fork()
        loop = asyncio.get_running_loop()
        self._users[loop] = self._users.get(loop, 0) + 1
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        loop = asyncio.get_running_loop()
        users = self._users.get(loop, 1) - 1
        self._users[loop] = users
        reference = self._clients.get(loop)
        client = reference() if reference is not None else None
        if users <= 0 and client is not None:
            self._clients.pop(loop, None)
            client.retire()

    def __enter__(self) -> "Pool":
        self._renew_after_fork()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._idle.clients.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """The same broker, with connections of its own."""
        return type(self), (self.settings,)

    def __repr__(self) -> str:
        where = self.settings.socket or default_place()
        named = f" pool={self.settings.pool}" if self.settings.pool else ""
        return f"<teplo.Pool {os.fspath(where)}{named}{' closed' if self._is_closed else ''}>"

    # The clients.

    def _renew_after_fork(self) -> None:
        if not _fork.is_current(self._epoch):
            self._finalizer.detach()
            self._begin()

    def _check_open(self) -> None:
        self._renew_after_fork()
        if self._is_closed:
            raise Closed("this teplo.Pool was closed: make another one", status=_ffi.TEPLO_E_STATE)

    def _client(self) -> Client:
        """The one of the running loop."""
        self._check_open()
        loop = asyncio.get_running_loop()
        reference = self._clients.get(loop)
        client = reference() if reference is not None else None
        if client is None or client.is_closed:
            client = self._new_client(loop)
        return client

    def _new_client(self, loop: asyncio.AbstractEventLoop) -> Client:
        client = Client(self.settings)
        with self._lock:
            # A loop that was closed in the middle of a call may live on for long.
            dead = [other for other in self._clients if other.is_closed()]
            lost = [self._clients.pop(other, None) for other in dead]
            self._clients[loop] = weakref.ref(client)
        for reference in lost:
            old = reference() if reference is not None else None
            if old is not None:
                old.close()
        return client

    def _run_sync(self, request: Request) -> Reply:
        check_blocking(stacklevel=3)
        self._check_open()
        stack = self._idle.clients.stack
        client = stack.pop() if stack else SyncClient(self.settings)
        try:
            return client.run(request)
        finally:
            if not client.is_closed:
                stack.append(client)
            if self._is_closed:
                self._idle.clients.close()


def default_place() -> str:
    """For people: what libteplo finds when it connects."""
    try:
        return default_socket_path()
    except OSError as error:
        return f"(no socket: {error})"


def outcome_request(call: str, timeout: float | None) -> Request:
    return Request(method="teplo/outcome", body={"call": call}, timeout=timeout)


def _retire_all(
    clients: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[Client]]",
) -> None:
    """The pool is gone: its clients go as soon as nothing is under way."""
    for loop, reference in list(clients.items()):
        client = reference()
        if client is not None:
            _in_its_loop(loop, client.retire)


def _in_its_loop(loop: asyncio.AbstractEventLoop, action: Any) -> None:
    if asyncio._get_running_loop() is loop:
        action()
        return
    try:
        loop.call_soon_threadsafe(action)
    except RuntimeError:  # it is closed
        action()


def connect(
    socket: str | os.PathLike[str] | None = None,
    pool: str | None = None,
    timeout: float = 60.0,
    *,
    client_name: str = "teplo-python",
    reconnect: float | None = None,
    max_in_flight: int | None = None,
    max_message: int | None = None,
) -> Pool:
    """
    The facade to a broker.  Nothing is connected yet: a broker that is missing shows in calls.

    socket         path of the broker's socket.  None: $TEPLO_SOCKET; else teplo.sock in
                   $TEPLO_RUNTIME_DIR, /run/teplo, $XDG_RUNTIME_DIR/teplo or /tmp/teplo-UID
    pool           the MCP server that is meant by calls that name none.  None: the only one
    timeout        of calls that give none: seconds, at most seven days, or teplo.NO_DEADLINE
    client_name    how the broker's tables show this program
    reconnect      seconds for which a call waits for a broker that is not there: 0 to 3600 (5)
    max_in_flight  calls of one loop under way at once: 1 to 65536 (1024); one more is Overload
    max_message    bytes of one answer: 1024 to 1 GiB (64 MiB)

    InvalidRequest (also a ValueError) names what is out of range, and a socket that can be none.
    """
    check_socket(socket)
    return Pool(
        Settings(socket, pool, timeout, client_name, reconnect, max_in_flight, max_message)
    )
