# SPDX-License-Identifier: MIT
"""
A second event loop, in a thread of its own: research that is asked for over Redis.

    PUBLISH klim:tasks {"session_id": "...", "task_type": "research_context", "query": "..."}

is answered on klim:results:SESSION.  The same teplo.Pool serves this loop and the main one.
"""

import asyncio
import json
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import redis.asyncio

log = logging.getLogger("provider")
TASKS = "klim:tasks"
RESULTS = "klim:results:"
PAUSE = 2.0  # seconds after Redis was lost

Research = Callable[[str], Awaitable[dict[str, Any]]]


class Listener:
    def __init__(self, url: str, research: Research) -> None:
        self.url = url
        self.research = research
        self.loop = asyncio.new_event_loop()
        self.running = threading.Event()
        self.under_way: set[asyncio.Task[None]] = set()
        self.thread = threading.Thread(target=self.run, name="listener", daemon=True)

    def start(self) -> None:
        self.thread.start()
        self.running.wait()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.main.cancel)
        self.thread.join()

    def run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.main = self.loop.create_task(self.listen_for_ever())
        self.loop.call_soon(self.running.set)
        try:
            self.loop.run_until_complete(self.main)
        except asyncio.CancelledError:
            pass
        finally:
            self.loop.close()

    async def listen_for_ever(self) -> None:
        try:
            while True:
                try:
                    await self.listen()
                except (redis.exceptions.RedisError, OSError) as error:
                    log.warning("Redis is lost, again in %.0f s: %s", PAUSE, error)
                    await asyncio.sleep(PAUSE)
        finally:
            for task in self.under_way:
                task.cancel()
            await asyncio.gather(*self.under_way, return_exceptions=True)

    async def listen(self) -> None:
        async with redis.asyncio.from_url(self.url) as connection, connection.pubsub() as channel:
            await channel.subscribe(TASKS)
            async for message in channel.listen():
                if message["type"] == "message":
                    task = asyncio.create_task(self.answer(message["data"]))
                    self.under_way.add(task)
                    task.add_done_callback(self.under_way.discard)

    async def answer(self, data: bytes) -> None:
        try:
            asked = json.loads(data)
            session, query = str(asked["session_id"]), str(asked["query"])
        except (ValueError, KeyError, TypeError) as error:
            log.warning("no task: %r", error)
            return
        if asked.get("task_type") != "research_context":
            return
        told = {"session_id": session, "status": "success"}
        try:
            told["context"] = (await self.research(query))["summary"]
        except Exception as error:  # whoever asked is told, whatever it was
            told.update(status="error", error_msg=str(error) or type(error).__name__)
        try:
            # A connection of its own: the one that brought the task may be gone by now.
            async with redis.asyncio.from_url(self.url) as connection:
                await connection.publish(RESULTS + session, json.dumps(told, ensure_ascii=False))
        except (redis.exceptions.RedisError, OSError) as error:
            log.warning("the research for %s could not be told: %s", session, error)
