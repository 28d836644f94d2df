# SPDX-License-Identifier: MIT
"""Tasks in the background: started, asked about, cancelled, from any thread."""

import asyncio
import contextvars
import logging
import threading
import uuid
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

MOST_LINES = 500  # of the log of one task; older ones go
MOST_ENDED = 1000  # tasks that are over and still known; older ones go

current: contextvars.ContextVar["Task | None"] = contextvars.ContextVar("task", default=None)


@dataclass
class Task:
    id: str
    loop: asyncio.AbstractEventLoop
    status: str = "running"  # completed, failed, cancelled
    result: str | None = None
    error: str | None = None
    log: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_LINES))
    asyncio_task: "asyncio.Task[None] | None" = None


class TaskBook:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.tasks: dict[str, Task] = {}

    def start(self, work: Coroutine[Any, Any, str]) -> Task:
        """In the running loop."""
        task = Task(str(uuid.uuid4()), asyncio.get_running_loop())
        with self.lock:
            self.tasks[task.id] = task
            self.forget_old()
        task.asyncio_task = asyncio.create_task(self.run(task, work), name=f"task {task.id}")
        task.asyncio_task.add_done_callback(lambda _: self.settle(task, work))
        return task

    async def run(self, task: Task, work: Coroutine[Any, Any, str]) -> None:
        current.set(task)
        try:
            task.result = await work
            task.status = "completed"
        except Exception as error:  # a task ends with a status, whatever happened in it
            task.error = str(error) or type(error).__name__
            task.status = "failed"

    def settle(self, task: Task, work: Coroutine[Any, Any, str]) -> None:
        """Also of a task that was cancelled before it began."""
        work.close()
        if task.status == "running":
            task.error = "cancelled"
            task.status = "cancelled"

    def find(self, task_id: str) -> Task | None:
        with self.lock:
            return self.tasks.get(task_id)

    def cancel(self, task: Task) -> bool:
        """
        False: it is over.  A task may only be cancelled in its own loop's thread; from elsewhere
        that loop must be told, and woken.
        """
        if task.status != "running" or task.asyncio_task is None:
            return False
        task.loop.call_soon_threadsafe(task.asyncio_task.cancel)
        return True

    def forget_old(self) -> None:
        ended = [task.id for task in self.tasks.values() if task.status != "running"]
        for task_id in ended[: max(0, len(ended) - MOST_ENDED)]:
            del self.tasks[task_id]


class TaskLog(logging.Handler):
    """What is logged in a task goes to that task, too: its context tells which."""

    def emit(self, record: logging.LogRecord) -> None:
        task = current.get()
        if task is not None:
            task.log.append(self.format(record))
