# SPDX-License-Identifier: MIT
"""The tools of a fake broker, and the record of a call."""

import asyncio
import dataclasses
import inspect
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Any

from .answers import Json, tool_error, tool_result
from .schema import Progress, input_schema, progress_parameters
from .steps import Step

Report = Callable[[float, float | None, str | None], None]


@dataclasses.dataclass
class Call:
    """
    One tools/call as it arrived.  OUTCOME: "pending" while it runs, then what became of it, in the
    words of proto/WIRE.md; None for a call that was never recorded.
    """

    tool: str
    arguments: Json
    pool: str
    call: str
    meta: Json = dataclasses.field(default_factory=dict)
    deadline_ms: int | None = None
    outcome: str = "pending"
    reason: str | None = None
    cancelled: bool = False
    began: float = dataclasses.field(default_factory=time.monotonic, repr=False)
    # What it meets, taken from the plan when it came; and what FakeBroker.release() sets.
    step: Step | None = dataclasses.field(default=None, repr=False)
    gate: asyncio.Event = dataclasses.field(default_factory=asyncio.Event, repr=False)

    @property
    def elapsed_ms(self) -> int:
        return int((time.monotonic() - self.began) * 1000)


class FakeTool:
    def __init__(
        self,
        function: Callable[..., Any],
        name: str | None,
        description: str | None,
        schema: Json | None,
        definition: Json,
    ) -> None:
        self.function = function
        self.name = name or function.__name__
        self.progress = progress_parameters(function)
        self.signature = inspect.signature(function)
        self.plan: deque[Step | None] = deque()
        self.definition: Json = {"name": self.name}
        about = description or inspect.getdoc(function)
        if about:
            self.definition["description"] = about
        self.definition["inputSchema"] = input_schema(function) if schema is None else schema
        self.definition |= definition

    def next_step(self) -> Step | None:
        return self.plan.popleft() if self.plan else None

    async def run(self, arguments: Json, report: Report, executor: Executor) -> Json:
        """A tools/call result; what the function raises becomes its error, as servers do it."""
        reports = {name: Progress(report) for name in self.progress}
        try:
            self.signature.bind(**{**arguments, **reports})
            return tool_result(await self.returned({**arguments, **reports}, executor))
        except Exception as error:  # noqa: BLE001 - whatever a user's tool raises
            return tool_error(f"Error executing tool {self.name}: {error}")

    async def returned(self, keywords: Json, executor: Executor) -> Any:
        if inspect.iscoroutinefunction(self.function):
            return await self.function(**keywords)
        loop = asyncio.get_running_loop()
        value = await loop.run_in_executor(executor, lambda: self.function(**keywords))
        return await value if isinstance(value, Awaitable) else value
