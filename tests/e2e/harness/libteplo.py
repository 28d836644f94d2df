# SPDX-License-Identifier: MIT
"""libteplo by ctypes, as little of it as the tests of the library itself need."""

import ctypes
import json
import os
import pathlib
import select

from . import places
from .waiting import LONG_PATIENCE, Deadline

PATH = pathlib.Path(
    os.environ.get(
        "TEPLO_LIBRARY",
        pathlib.Path(places.TEPLOD).parents[1] / "client-lib" / "lib" / "libteplo.so.1",
    )
)
SOCKET, POOL, TIMEOUT_MS, RECONNECT_MS = 1, 2, 4, 5
OK, TOOBIG, CLOSED, TIMEOUT, CANCELLED = 0, -7, -21, -40, -41
OVERLOAD, NO_POOL, UPSTREAM, DENIED, DRAINING, UNSUPPORTED = -42, -43, -45, -46, -47, -48
RESULT_LOST, RPC = -49, -60
EXECUTED, NOT_EXECUTED, UNKNOWN, LOST = 0, 1, 2, 3


def load():
    library = ctypes.CDLL(str(PATH))
    for name in ("text", "message", "reason", "call", "json"):
        getattr(library, f"teplo_result_{name}").restype = ctypes.c_char_p
    library.teplo_errmsg.restype = ctypes.c_char_p
    library.teplo_options_new.restype = ctypes.c_void_p
    return library


class Answer:
    def __init__(self, library, result):
        self.status = library.teplo_result_status(result)
        self.outcome = library.teplo_result_outcome(result)
        self.reason = library.teplo_result_reason(result).decode()
        self.call = library.teplo_result_call(result).decode()
        self.text = library.teplo_result_text(result, None).decode()
        self.message = library.teplo_result_message(result, None).decode()
        text = library.teplo_result_json(result, None)
        self.json = None if text is None else json.loads(text)
        library.teplo_result_free(result)

    @property
    def end(self):
        return self.status, self.outcome, self.reason

    def __repr__(self):
        return f"{self.end} {self.message or self.text}"


class LibClient:
    """A handle.  OPTIONS are numbers by their key."""

    def __init__(self, path, pool=None, options=None):
        self.library = load()
        given = ctypes.c_void_p(self.library.teplo_options_new())
        self.set_text(given, SOCKET, path)
        if pool is not None:
            self.set_text(given, POOL, pool)
        for key, value in (options or {}).items():
            assert self.library.teplo_options_set_number(given, key, ctypes.c_int64(value)) == OK
        self.handle = ctypes.c_void_p()
        assert self.library.teplo_open(given, ctypes.byref(self.handle)) == OK
        self.library.teplo_options_free(given)
        self.answers = {}
        self.events = []

    def set_text(self, options, key, value):
        assert self.library.teplo_options_set_text(options, key, str(value).encode()) == OK

    def start(self, tool, arguments=None, method=None):
        text = json.dumps(arguments or {}).encode()
        ticket = ctypes.c_uint64()
        begin = self.library.teplo_request_start if method else self.library.teplo_call_tool_start
        status = begin(
            self.handle,
            (method or tool).encode(),
            text,
            ctypes.c_size_t(len(text)),
            None,
            ctypes.byref(ticket),
        )
        assert status == OK, self.library.teplo_errmsg(self.handle)
        return ticket.value

    def cancel(self, ticket):
        return self.library.teplo_cancel(self.handle, ctypes.c_uint64(ticket), b"not needed")

    def take(self):
        assert self.library.teplo_dispatch(self.handle) >= 0
        ticket, kind, result = ctypes.c_uint64(), ctypes.c_int(), ctypes.c_void_p()
        outputs = [ctypes.byref(output) for output in (ticket, kind, result)]
        while self.library.teplo_next(self.handle, *outputs) == 1:
            if kind.value == 1:
                assert ticket.value not in self.answers
                self.answers[ticket.value] = Answer(self.library, result)
            else:
                self.events.append((ticket.value, Answer(self.library, result)))

    def wait(self, ticket, seconds=None):
        deadline = Deadline(LONG_PATIENCE if seconds is None else seconds)
        while ticket not in self.answers:
            assert not deadline.over(), f"ticket {ticket} is not answered in {deadline.seconds} s"
            select.select([self.library.teplo_fd(self.handle)], [], [], deadline.left())
            self.take()
        return self.answers.pop(ticket)

    def call(self, tool, arguments=None, method=None):
        return self.wait(self.start(tool, arguments, method))

    def close(self):
        self.library.teplo_close(self.handle)
        self.handle = ctypes.c_void_p()

    done = close
