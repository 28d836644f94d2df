# SPDX-License-Identifier: MIT
"""The blocking client of one thread, and what is said when it would stop an event loop."""

import asyncio
import os
import warnings
from collections.abc import Callable

from . import _ffi
from ._errors import BlockingCallWarning, make_error
from ._handle import Handle
from ._library import explain, quick
from ._requests import Reply, Request
from ._settings import Settings

SLICE_MS = 100  # between two of them the interpreter runs its signal handlers


class SyncClient:
    """Of the thread that makes it; one call at a time.  A Pool makes one when it is needed."""

    def __init__(self, settings: Settings) -> None:
        self._handle = Handle(settings)

    def run(self, request: Request) -> Reply:
        """
        The reply to REQUEST, whatever it says.  KeyboardInterrupt, and whatever a progress
        callback raises, has the request cancelled at the server too.
        """
        ticket = self._handle.start(request)
        try:
            while True:
                reply = self._take_until(ticket, request)
                if reply is not None:
                    return reply
                self._wait()
        except BaseException:
            self._abandon(ticket)
            raise

    @property
    def is_closed(self) -> bool:
        return self._handle.is_closed

    def close(self) -> None:
        self._handle.close()

    def _wait(self) -> None:
        status = self._handle.wait(SLICE_MS)
        if status < 0:
            self._handle.close()
            raise make_error(status, explain(status), "unknown")

    def _take_until(self, ticket: int, request: Request) -> Reply | None:
        while (taken := self._handle.take()) is not None:
            number, kind, result = taken
            try:
                if number != ticket:  # an earlier one's, that was given up
                    continue
                reply = Reply(result)
            finally:
                quick.teplo_result_free(result)
            if kind == _ffi.TEPLO_K_ANSWER:
                return reply
            request.tell(kind, reply.json or b"{}")
        return None

    def _abandon(self, ticket: int) -> None:
        if not self._handle.is_closed:
            self._handle.cancel(ticket)
            self._handle.dispatch()


def check_blocking(stacklevel: int, running: Callable[[], object] = asyncio._get_running_loop) -> None:
    """
    A blocking call on the thread of a running loop works, for the work is done in another process,
    but the loop stands still meanwhile.  $TEPLO_BLOCKING: "warn" (default; once for each place
    that calls), "raise" or "allow".
    """
    if running() is None:
        return
    wanted = os.environ.get("TEPLO_BLOCKING", "warn")
    if wanted == "allow":
        return
    text = (
        "a blocking teplo call stops the event loop that runs in this thread: await the function "
        "without _sync, or call this one in asyncio.to_thread(); TEPLO_BLOCKING=allow says "
        "that it is meant"
    )
    if wanted == "raise":
        raise RuntimeError(text)
    warnings.warn(text, BlockingCallWarning, stacklevel=stacklevel + 1)
