# SPDX-License-Identifier: MIT
"""The client of one event loop: a descriptor that is read, and a future for each call."""

import asyncio
import contextvars
import weakref

from . import _ffi
from ._handle import Handle
from ._library import explain, quick
from ._requests import Failure, Reply, Request
from ._settings import Settings

AT_ONCE = 64  # completions in one turn of the loop; the rest waits for the next


class _Pending:
    __slots__ = ("future", "request", "context")

    def __init__(self, future: "asyncio.Future[Reply]", request: Request) -> None:
        self.future = future
        self.request = request
        has_callback = request.progress or request.notification
        self.context = contextvars.copy_context() if has_callback else None


class Client:
    """
    Of the running loop (asyncio's selector loops, uvloop).  A Pool makes one when it is needed.

    It makes no tasks: there is nothing that must end in the task where it began.  The loop keeps
    it, and with the loop it goes.
    """

    def __init__(self, settings: Settings) -> None:
        self._loop = asyncio.get_running_loop()
        self._handle = Handle(settings)
        self._pending: dict[int, _Pending] = {}
        self._is_draining = False
        self._is_retired = False
        try:
            fd = self._handle.fileno()
            self._loop.add_reader(fd, self._on_ready)
        except NotImplementedError:
            self._handle.close()
            raise RuntimeError(
                f"{type(self._loop).__name__} has no add_reader, which teplo needs: use asyncio's "
                "selector loop or uvloop, or the _sync functions in asyncio.to_thread"
            ) from None
        self._finalizer = weakref.finalize(
            self, _end, self._handle, fd, weakref.ref(self._loop)
        )

    async def run(self, request: Request) -> Reply:
        """
        The reply to REQUEST, whatever it says.  A task that is cancelled meanwhile has the
        request cancelled at the server too, without waiting for it.
        """
        self._adopt()
        ticket = self._handle.start(request)
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._pending[ticket] = _Pending(future, request)
        try:
            return await future
        except BaseException:
            self._abandon(ticket)
            raise

    @property
    def is_closed(self) -> bool:
        return self._handle.is_closed

    @property
    def in_flight(self) -> int:
        """Requests that are not answered yet."""
        return len(self._pending)

    def close(self, what: str = "client") -> None:
        """
        At once, and any number of times.  Requests under way are cancelled at the server too, and
        end with Cancelled, their outcome unknown.  WHAT: whose end it is, for the message.
        """
        if not self._handle.is_closed and (self._handle.is_mine() or self._loop.is_closed()):
            self._handle.adopt()
            for ticket in self._pending:
                self._handle.cancel(ticket)
        self._finalizer()
        self._fail_all(
            _ffi.TEPLO_E_CANCELLED, f"the {what} was closed before the answer came", "cancelled"
        )

    def retire(self) -> None:
        """close(), as soon as nothing is under way."""
        self._is_retired = True
        self._close_if_done()

    # Inside the loop.

    def _adopt(self) -> None:
        """A loop may be run in one thread, and later in another."""
        running = asyncio.get_running_loop()
        if running is not self._loop:
            raise RuntimeError(
                f"this teplo client belongs to {self._loop!r} and was used in {running!r}; a "
                "teplo.Pool finds each loop's own"
            )
        self._handle.adopt()

    def _on_ready(self) -> None:
        if self._handle.is_closed:
            return
        self._handle.adopt()
        status = self._handle.dispatch()
        if status < 0:
            self._finalizer()
            self._fail_all(status, explain(status), "")
        elif status > 0 and not self._is_draining:
            self._drain()

    def _drain(self) -> None:
        self._is_draining = False
        for _ in range(AT_ONCE):
            if self._handle.is_closed:
                return
            taken = self._handle.take()
            if taken is None:
                return
            self._deliver(*taken)
        self._drain_soon()

    def _drain_soon(self) -> None:
        if not self._is_draining and not self._loop.is_closed():
            self._is_draining = True
            self._loop.call_soon(self._drain)

    def _deliver(self, ticket: int, kind: int, result: int) -> None:
        try:
            pending = self._pending.get(ticket)
            if pending is None:
                return
            if kind == _ffi.TEPLO_K_ANSWER:
                del self._pending[ticket]
                if not pending.future.done():
                    pending.future.set_result(Reply(result))
                self._close_if_done()
            else:
                self._tell(pending, kind, Reply(result).json or b"{}")
        finally:
            quick.teplo_result_free(result)

    def _tell(self, pending: _Pending, kind: int, body: bytes) -> None:
        try:
            if pending.context is not None:
                pending.context.run(pending.request.tell, kind, body)
        except Exception as error:
            self._loop.call_exception_handler(
                {"message": "a callback of a teplo call failed", "exception": error}
            )

    def _abandon(self, ticket: int) -> None:
        if self._pending.pop(ticket, None) is None:
            return  # its answer is here: there is nothing left to cancel
        if self._handle.is_closed or self._loop.is_closed():
            return
        if self._handle.is_mine():
            self._cancel(ticket)
        else:  # a coroutine that is collected is closed in whatever thread that happens
            self._loop.call_soon_threadsafe(self._cancel, ticket)

    def _cancel(self, ticket: int) -> None:
        if not self._handle.is_closed:
            self._handle.cancel(ticket)
            self._drain_soon()

    def _fail_all(self, status: int, message: str, reason: str) -> None:
        pending, self._pending = self._pending, {}
        for one in pending.values():
            if not one.future.done() and not self._loop.is_closed():
                one.future.set_result(
                    Failure(status, message, "unknown", reason, one.request.call)
                )

    def _close_if_done(self) -> None:
        if self._is_retired and not self._pending:
            self.close()


def _end(handle: Handle, fd: int, loop: "weakref.ref[asyncio.AbstractEventLoop]") -> None:
    """Also when the client is collected.  The descriptor's number may be a stranger's right after."""
    running = loop()
    if running is not None and not running.is_closed() and not handle.is_closed:
        running.remove_reader(fd)
    handle.close()
