# SPDX-License-Identifier: MIT
"""Several requests at once: what is no teplo.Error of one of them ends them all."""

import asyncio
from collections.abc import Sequence

from . import _ffi
from ._errors import Error, make_error
from ._library import explain, quick
from ._pool import Pool
from ._requests import Reply, Request
from ._sync_client import SLICE_MS, SyncClient

Answered = Reply | Error


async def run_together(pool: Pool, requests: Sequence[Request], at_once: int) -> list[Answered]:
    """The replies in the order of REQUESTS.  Cancelling it cancels those that are under way."""
    places = asyncio.Semaphore(at_once)

    async def run_one(request: Request) -> Answered:
        async with places:
            try:
                return await pool._client().run(request)
            except Error as error:
                return error

    if len(requests) == 1:
        return [await run_one(requests[0])]
    return list(await asyncio.gather(*map(run_one, requests)))


def run_together_sync(pool: Pool, requests: Sequence[Request], at_once: int) -> list[Answered]:
    """The same in a thread without a loop: on one connection, without other threads."""
    pool._check_open()
    idle = pool._idle.clients.stack
    client = idle.pop() if idle else SyncClient(pool.settings)
    batch = _Batch(client, requests, at_once)
    try:
        answers = batch.run()
    except BaseException:
        batch.cancel()
        client.close()
        raise
    if not client.is_closed:
        idle.append(client)
    return answers


class _Batch:
    def __init__(self, client: SyncClient, requests: Sequence[Request], at_once: int) -> None:
        self.handle = client._handle
        self.requests = requests
        self.at_once = at_once
        self.started = 0
        self.indexes: dict[int, int] = {}  # of the requests under way, by ticket
        self.answers: list[Answered | None] = [None] * len(requests)

    def run(self) -> list[Answered]:
        while self.start_some():
            status = self.handle.wait(SLICE_MS)
            if status < 0:
                self.fail_all(status)
                break
            while (taken := self.handle.take()) is not None:
                self.settle(*taken)
        return [answer for answer in self.answers if answer is not None]

    def start_some(self) -> bool:
        """False: all are over."""
        while self.started < len(self.requests) and len(self.indexes) < self.at_once:
            index = self.started
            self.started += 1
            try:
                self.indexes[self.handle.start(self.requests[index])] = index
            except Error as error:
                self.answers[index] = error
        return bool(self.indexes)

    def settle(self, ticket: int, kind: int, result: int) -> None:
        try:
            if kind == _ffi.TEPLO_K_ANSWER and ticket in self.indexes:
                self.answers[self.indexes.pop(ticket)] = Reply(result)
        finally:
            quick.teplo_result_free(result)

    def cancel(self) -> None:
        """At the server too; what it says of it is not waited for."""
        for ticket in self.indexes:
            self.handle.cancel(ticket)
        self.handle.dispatch()

    def fail_all(self, status: int) -> None:
        """The handle is of no more use; those that wait here did not run."""
        for index in self.indexes.values():
            self.answers[index] = make_error(status, explain(status), "unknown")
        for index in range(self.started, len(self.requests)):
            self.answers[index] = make_error(status, explain(status), "not_executed")
        self.handle.close()
