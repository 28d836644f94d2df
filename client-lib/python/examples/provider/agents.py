# SPDX-License-Identifier: MIT
"""
The agent loops: a model, the tools of the graph server, and steps until it has no more to call.
teplo does what differs between the providers; what is left is the request's own shape.
"""

import logging
from dataclasses import dataclass, field
from typing import Any

import teplo
import teplo.gemini
import teplo.openai

from models import Json, ModelError, Models

log = logging.getLogger("provider")
PROBLEMS = 2  # turns of one loop that come to nothing, and are asked for again


@dataclass
class Done:
    """What an agent said at its end, and all that it called."""

    text: str
    calls: list[Json] = field(default_factory=list)


class Agents:
    """Used from any loop: it keeps nothing that belongs to one."""

    def __init__(self, pool: teplo.Pool, models: Models) -> None:
        self.pool = pool
        self.models = models
        self.settings = models.settings

    async def run(self, model: str, prompt: str, system: str | None = None) -> Done:
        name = model.lower()
        if "gemini" in name:
            return await self.gemini(model, prompt, system)
        if name.startswith(("gpt", "o1", "o3", "o4")):
            if self.settings.openai_api == "responses":
                return await self.responses(model, prompt, system)
            return await self.chat(model, prompt, system)
        raise ModelError(None, f"{model!r} is no model of Gemini or OpenAI")

    async def gemini(self, model: str, prompt: str, system: str | None) -> Done:
        tools = await teplo.gemini.tools(self.pool, timeout=self.settings.tool_timeout)
        contents: list[Any] = [{"role": "user", "parts": [{"text": prompt}]}]
        body: Json = {"contents": contents, "tools": tools.declarations}
        if system:
            body["systemInstruction"] = {"parts": [{"text": system}]}
        return await self.steps(tools, contents, lambda: self.models.gemini(model, body))

    async def chat(self, model: str, prompt: str, system: str | None) -> Done:
        tools = await teplo.openai.tools(self.pool, timeout=self.settings.tool_timeout)
        messages: list[Any] = [{"role": "system", "content": system}] if system else []
        messages.append({"role": "user", "content": prompt})
        body = {"model": model, "messages": messages, "tools": tools.declarations}
        return await self.steps(
            tools, messages, lambda: self.models.openai("chat/completions", body)
        )

    async def responses(self, model: str, prompt: str, system: str | None) -> Done:
        tools = await teplo.openai.tools(
            self.pool, api="responses", timeout=self.settings.tool_timeout
        )
        items: list[Any] = [{"role": "user", "content": prompt}]
        body = {"model": model, "input": items, "tools": tools.declarations, "store": False}
        if system:
            body["instructions"] = system
        return await self.steps(tools, items, lambda: self.models.openai("responses", body))

    async def steps(self, tools: teplo.gemini.ToolSet, conversation: list[Any], ask: Any) -> Done:
        """CONVERSATION is what the request of ASK holds: it grows by each turn and its answers."""
        calls: list[Json] = []
        problems = 0
        for step in range(1, self.settings.most_steps + 1):
            turn = await tools.arun(await ask())
            conversation += turn
            calls += turn.calls
            for call in turn.calls:
                log.info("step %d: %s", step, call["name"])
            if turn.calls:
                continue
            if not turn.problem:
                return Done(turn.text, calls)
            problems += 1
            log.warning("step %d came to nothing: %s", step, turn.problem)
            if problems > PROBLEMS:
                raise ModelError(None, f"the model gave no answer: {turn.problem}")
        raise ModelError(None, f"the model was not done after {self.settings.most_steps} steps")
