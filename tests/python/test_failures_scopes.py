# SPDX-License-Identifier: MIT
"""
The third failure: "Attempted to exit cancel scope in a different task than it was entered in", and
what is left behind, hangs, or stays dead.  First with the official SDK, then with teplo.
"""

import asyncio
import contextlib
import threading
import time

import pytest

from sdk_ways import SDK, messy, needs_sdk, run_with_handler, sdk_session

SCOPE = "Attempted to exit cancel scope in a different task than it was entered in"


def all_texts(error):
    """Of an exception, its group and its causes."""
    texts = [str(error)]
    for inner in getattr(error, "exceptions", ()):
        texts += all_texts(inner)
    for cause in (error.__cause__, error.__context__):
        if cause is not None:
            texts += all_texts(cause)
    return texts


# The SDK.


@needs_sdk
@messy
def test_sdk_opened_in_one_task_and_closed_in_another(counting):
    async def main():
        stack = contextlib.AsyncExitStack()
        opener = asyncio.create_task(stack.enter_async_context(sdk_session(counting.url)))
        await opener
        with pytest.raises(BaseException) as failed:
            await stack.aclose()
        return failed.value

    (error, _) = run_with_handler(main)
    assert any(SCOPE in text for text in all_texts(error)), error


@needs_sdk
@messy
def test_sdk_a_generator_that_is_abandoned(counting):
    async def sessions():
        async with sdk_session(counting.url) as session:
            yield session

    async def main():
        async for session in sessions():
            await session.send_ping()
            break

    _, told = run_with_handler(main)
    errors = [context["exception"] for context in told if context.get("exception")]
    assert any(SCOPE in text for error in errors for text in all_texts(error)), told


@needs_sdk
@messy
def test_sdk_cancelling_a_call(counting):
    """Version 1 tells the server nothing, which works on; version 2 sends notifications/cancelled."""

    async def main():
        async with sdk_session(counting.url) as session:
            await session.list_tools()
            call = asyncio.create_task(session.call_tool("hold", {"key": "sdk"}))
            await asyncio.to_thread(counting.wait_held, "sdk")
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await session.send_ping()  # the server has heard all that was to be heard
            return counting.stats()

    stats = asyncio.run(main())
    if SDK == 1:
        assert not stats["cancelled"]
        assert stats["extra"]["held"] == {"sdk": 1}, "it still runs"
    else:
        assert len(stats["cancelled"]) == 1


@needs_sdk
@messy
def test_sdk_a_call_after_the_end_of_the_session(counting):
    async def main():
        async with sdk_session(counting.url) as session:
            await session.list_tools()
        with pytest.raises(Exception) as failed:
            await asyncio.wait_for(session.call_tool("add", {"a": 1, "b": 2}), 2)
        return failed.value

    error = asyncio.run(main())
    print(SDK, repr(error))
    if SDK == 1:
        assert type(error).__name__ == "ClosedResourceError"
        assert str(error) == "", "it does not say what is wrong"


@needs_sdk
@messy
def test_sdk_a_post_that_is_refused_is_waited_for_in_vain(raw):
    """As after a restart of the server: the session is unknown, POSTs are answered with 404."""

    async def main():
        async with sdk_session(raw.url) as session:
            await session.list_tools()
            raw.forget()
            try:
                await asyncio.wait_for(session.call_tool("echo", {}), 1.5)
            except Exception as error:
                return error

    error = asyncio.run(main())
    print(SDK, repr(error))


@needs_sdk
@messy
def test_sdk_a_server_that_dies_is_never_reached_again(start_counting):
    server = start_counting()

    async def main():
        async with sdk_session(server.url) as session:
            await session.list_tools()
            call = asyncio.create_task(session.call_tool("hold", {"key": "k"}))
            await asyncio.to_thread(server.wait_held, "k")
            server.kill()
            errors = [await failure(call)]
            server.start(server.port)
            errors.append(await failure(session.call_tool("add", {"a": 1, "b": 2})))
            return errors

    errors = asyncio.run(main())
    print(SDK, errors)


async def failure(awaitable):
    with pytest.raises(Exception) as failed:
        await asyncio.wait_for(awaitable, 2)
    return failed.value


def test_cancelling_a_task_from_another_thread():
    """What a `def` tool does that runs in a worker thread: the loop is not woken, or it is refused."""

    def cancel_in_thread(task, refused):
        try:
            task.cancel()
        except RuntimeError as error:
            refused.append(str(error))

    async def main(refused):
        task = asyncio.create_task(asyncio.sleep(1.0))
        await asyncio.sleep(0)
        threading.Thread(target=cancel_in_thread, args=(task, refused)).start()
        start = time.monotonic()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return time.monotonic() - start

    refused = []
    asyncio.run(main(refused), debug=True)
    assert refused and "Non-thread-safe operation" in refused[0]
