# SPDX-License-Identifier: MIT
"""
MCP tools for OpenAI's models, through the broker; for whatever speaks Chat Completions, too.

    tools = await teplo.openai.tools(pool)
    while True:
        response = await client.chat.completions.create(
            model="...", messages=messages, tools=tools.declarations)
        turn = await tools.arun(response)          # makes the calls, all of them at once
        messages += turn
        if not turn.calls:
            break                                  # turn.text is the answer

With api="responses" the same holds for client.responses.create(input=items, ...).  Without a loop:
tools_sync() and tools.run().  Responses may be the SDK's objects, dicts, or JSON text.
"""

from collections.abc import Collection
from typing import Any, Literal

from . import _ffi
from ._formats import AT_ONCE, Choice, Format, ToolSet, Turn
from ._formats import chosen, model_dump, open_toolset, open_toolset_sync, or_flags
from ._pool import Pool

PROVIDERS = {"chat": _ffi.TEPLO_OPENAI_CHAT, "responses": _ffi.TEPLO_OPENAI_RESPONSES}
# What the SDK's parse() adds to what the server said: sent back, it is refused.
PARSED = ("parsed", "parsed_arguments")

__all__ = ["ToolSet", "Turn", "tools", "tools_sync"]


async def tools(
    pool: Pool,
    *servers: str,
    api: Literal["chat", "responses"] = "chat",
    strict: bool = False,
    prefix: bool | None = None,
    only: Collection[str] | None = None,
    media: bool = True,
    structured: bool = False,
    timeout: float | None = None,
    max_parallel: int = AT_ONCE,
) -> ToolSet:
    """
    servers       the broker's pools whose tools the model gets; none: the pool's own
    strict        strict mode for the tools that lose nothing by it
    prefix        the server's name before each tool's; None: if there are several servers
    only          the names of the tools that the model gets, as the server says them
    media         images go to the model as images; False: as notes in text
    structured    prefer structuredContent to the text beside it
    timeout       seconds for each call; None: the pool's
    max_parallel  how many calls of one turn are under way at once
    """
    return await open_toolset(
        pool,
        form_of(api, strict, media, structured),
        Choice(servers, prefix, only, timeout, max_parallel),
    )


def tools_sync(
    pool: Pool,
    *servers: str,
    api: Literal["chat", "responses"] = "chat",
    strict: bool = False,
    prefix: bool | None = None,
    only: Collection[str] | None = None,
    media: bool = True,
    structured: bool = False,
    timeout: float | None = None,
    max_parallel: int = AT_ONCE,
) -> ToolSet:
    """tools for a thread without a loop."""
    return open_toolset_sync(
        pool,
        form_of(api, strict, media, structured),
        Choice(servers, prefix, only, timeout, max_parallel),
    )


def form_of(api: str, strict: bool, media: bool, structured: bool) -> Format:
    flags = or_flags(
        (strict, _ffi.TEPLO_T_STRICT),
        (not media, _ffi.TEPLO_T_NO_MEDIA),
        (structured, _ffi.TEPLO_T_STRUCTURED),
    )
    provider = chosen(PROVIDERS, api, "api")
    member, other = ("output", "responses") if api == "chat" else ("choices", "chat")

    def other_api(response: dict[str, Any]) -> str:
        return f'it has "{member}": is it of api="{other}"?' if member in response else ""

    return Format(provider, flags, to_json, lambda response: None, other_api)


def to_json(value: Any) -> Any:
    """What the server sent, and nothing that the SDK made of it."""
    return without_parsed(model_dump(value, exclude_unset=True))


def without_parsed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_parsed(value[name]) for name in value if name not in PARSED}
    if isinstance(value, list):
        return [without_parsed(item) for item in value]
    return value
