# SPDX-License-Identifier: MIT
"""One teplo_client, of one thread; what the asynchronous and the blocking client share."""

import ctypes
import threading
import weakref

from . import _ffi, _fork
from ._errors import Closed, make_error
from ._library import explain, lib, quick
from ._requests import Request
from ._settings import Settings


class _Native:
    """The teplo_client itself.  It outlives its Handle by as much as its finalizer needs."""

    __slots__ = ("pointer", "owner", "is_inside")

    def __init__(self, pointer: int) -> None:
        self.pointer: int | None = pointer
        self.owner = threading.get_ident()
        self.is_inside = False  # in a function of C that lets other threads run meanwhile
        _fork.register(pointer, self)

    def close(self) -> None:
        """
        Any number of times.  At the end of the program a thread may still wait in it: then it is
        the kernel that closes.
        """
        pointer = self.pointer
        if pointer is not None and not self.is_inside:
            self.pointer = None
            _fork.unregister(pointer)
            quick.teplo_close(pointer)

    def forget(self) -> None:
        """
        In a child process, whose parent goes on using the connection: only the copies of the
        descriptors are closed.  What another thread of the parent was changing just then is
        better left alone.
        """
        pointer, self.pointer = self.pointer, None
        if pointer is not None and not self.is_inside:
            quick.teplo_close(pointer)


class Handle:
    """
    Owned by the thread that made it; another one's call is a RuntimeError.  Its descriptors are
    closed by close(), at the latest when it is collected or the program ends.
    """

    def __init__(self, settings: Settings) -> None:
        pointer = ctypes.c_void_p()
        options = settings.make_options()
        try:
            status = quick.teplo_open(options, ctypes.byref(pointer))
        finally:
            quick.teplo_options_free(options)
        if status != 0 or pointer.value is None:
            raise make_error(status, explain(status), "not_executed")
        self._native = _Native(pointer.value)
        self._ticket = ctypes.c_uint64()
        self._kind = ctypes.c_int()
        self._result = ctypes.c_void_p()
        self._ticket_ref = ctypes.byref(self._ticket)
        self._next_refs = (self._ticket_ref, ctypes.byref(self._kind), ctypes.byref(self._result))
        self.close = weakref.finalize(self, self._native.close)
        """In the owner's thread, or when that has ended; any number of times."""

    @property
    def is_closed(self) -> bool:
        return self._native.pointer is None

    def is_mine(self) -> bool:
        return self._native.owner == threading.get_ident()

    def adopt(self) -> None:
        """The calling thread is the owner from now on."""
        self._native.owner = threading.get_ident()

    def _open_pointer(self) -> int:
        native = self._native
        if native.pointer is None:
            raise Closed("this client was closed", status=_ffi.TEPLO_E_STATE)
        caller = threading.get_ident()
        if caller != native.owner:
            raise RuntimeError(
                f"this teplo client belongs to thread {native.owner} and was used in thread "
                f"{caller}; a teplo.Pool finds each thread's own"
            )
        return native.pointer

    def fileno(self) -> int:
        return quick.teplo_fd(self._open_pointer())

    def start(self, request: Request) -> int:
        """The ticket; exactly one answer with it follows."""
        pointer = self._open_pointer()
        status = request.start(pointer, self._ticket_ref)
        if status != 0:
            message = quick.teplo_errmsg(pointer).decode("utf-8", "replace") or explain(status)
            if status == _ffi.TEPLO_E_AGAIN:
                message += " (max_in_flight of teplo.connect())"
            raise make_error(status, message, "not_executed")
        return self._ticket.value

    def cancel(self, ticket: int) -> None:
        quick.teplo_cancel(self._open_pointer(), ticket, None)

    def dispatch(self) -> int:
        """1: take() has something; negative: the handle is of no more use."""
        return quick.teplo_dispatch(self._open_pointer())

    def wait(self, timeout_ms: int) -> int:
        """dispatch(), once something has happened or the time is over."""
        pointer = self._open_pointer()
        self._native.is_inside = True
        try:
            return lib.teplo_wait(pointer, timeout_ms)
        finally:
            self._native.is_inside = False

    def take(self) -> tuple[int, int, int] | None:
        """(ticket, kind, result): the caller frees the result.  None if there is nothing."""
        if quick.teplo_next(self._open_pointer(), *self._next_refs) != 1:
            return None
        return self._ticket.value, self._kind.value, self._result.value or 0
