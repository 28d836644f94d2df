# SPDX-License-Identifier: MIT
"""
MCP tools for Anthropic's models, through the broker.

    tools = await teplo.anthropic.tools(pool)
    while True:
        response = await client.messages.create(
            model="...", max_tokens=..., messages=messages, tools=tools.declarations)
        turn = await tools.arun(response)          # makes the calls, all of them at once
        messages += turn
        if not turn.calls:
            break                                  # turn.text is the answer

Without a loop: tools_sync() and tools.run().  Responses may be the SDK's objects, dicts, or JSON
text.  The model's own turn goes back as it came, with its thinking and its signatures.
"""

from collections.abc import Collection
from typing import Any

from . import _ffi
from ._formats import AT_ONCE, Choice, Format, ToolSet, Turn
from ._formats import model_dump, open_toolset, open_toolset_sync, or_flags
from ._pool import Pool

__all__ = ["ToolSet", "Turn", "tools", "tools_sync"]


async def tools(
    pool: Pool,
    *servers: str,
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
        form_of(strict, media, structured),
        Choice(servers, prefix, only, timeout, max_parallel),
    )


def tools_sync(
    pool: Pool,
    *servers: str,
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
        form_of(strict, media, structured),
        Choice(servers, prefix, only, timeout, max_parallel),
    )


def form_of(strict: bool, media: bool, structured: bool) -> Format:
    flags = or_flags(
        (strict, _ffi.TEPLO_T_STRICT),
        (not media, _ffi.TEPLO_T_NO_MEDIA),
        (structured, _ffi.TEPLO_T_STRUCTURED),
    )
    return Format(_ffi.TEPLO_ANTHROPIC, flags, to_json, lambda response: None)


def to_json(value: Any) -> Any:
    return model_dump(value, exclude_unset=True)
