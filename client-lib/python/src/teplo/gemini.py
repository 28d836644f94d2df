# SPDX-License-Identifier: MIT
"""
MCP tools for Google's Gemini models, through the broker.

    tools = await teplo.gemini.tools(pool)
    while True:
        response = await client.aio.models.generate_content(
            model="...", contents=contents, config={"tools": tools.declarations})
        turn = await tools.arun(response)          # makes the calls, all of them at once
        contents += turn
        if not turn.calls:
            break                                  # turn.text is the answer

Without a loop: tools_sync() and tools.run().  Responses may be google-genai's objects, the JSON of
the REST interface as dicts, or its text.  The model's own turn goes back as it came, with
its thought signatures.
"""

from collections.abc import Collection
from typing import Any, Literal

from . import _ffi
from ._formats import AT_ONCE, Choice, Format, ToolSet, Turn
from ._formats import chosen, model_dump, open_toolset, open_toolset_sync, or_flags
from ._pool import Pool

PROVIDERS = {"json": _ffi.TEPLO_GEMINI, "openapi": _ffi.TEPLO_GEMINI_OPENAPI}

__all__ = ["ToolSet", "Turn", "tools", "tools_sync"]


async def tools(
    pool: Pool,
    *servers: str,
    schema: Literal["json", "openapi"] = "json",
    mode_any: bool = False,
    prefix: bool | None = None,
    only: Collection[str] | None = None,
    media: bool = True,
    separate_media: bool = False,
    structured: bool = False,
    timeout: float | None = None,
    max_parallel: int = AT_ONCE,
) -> ToolSet:
    """
    servers         the broker's pools whose tools the model gets; none: the pool's own
    schema          "json": parametersJsonSchema; "openapi": parameters, for older models, the Live
                    API and shims
    mode_any        with schema="openapi": function calling mode ANY will be used
    prefix          the server's name before each tool's; None: if there are several servers
    only            the names of the tools that the model gets, as the server says them
    media           images go to the model as images; False: as notes in text
    separate_media  for models before Gemini 3: images in a content of their own
    structured      prefer structuredContent to the text beside it
    timeout         seconds for each call; None: the pool's
    max_parallel    how many calls of one turn are under way at once
    """
    return await open_toolset(
        pool,
        form_of(schema, mode_any, media, separate_media, structured),
        Choice(servers, prefix, only, timeout, max_parallel),
    )


def tools_sync(
    pool: Pool,
    *servers: str,
    schema: Literal["json", "openapi"] = "json",
    mode_any: bool = False,
    prefix: bool | None = None,
    only: Collection[str] | None = None,
    media: bool = True,
    separate_media: bool = False,
    structured: bool = False,
    timeout: float | None = None,
    max_parallel: int = AT_ONCE,
) -> ToolSet:
    """tools for a thread without a loop."""
    return open_toolset_sync(
        pool,
        form_of(schema, mode_any, media, separate_media, structured),
        Choice(servers, prefix, only, timeout, max_parallel),
    )


def form_of(
    schema: str, mode_any: bool, media: bool, separate_media: bool, structured: bool
) -> Format:
    flags = or_flags(
        (mode_any, _ffi.TEPLO_T_MODE_ANY),
        (not media, _ffi.TEPLO_T_NO_MEDIA),
        (separate_media, _ffi.TEPLO_T_SEPARATE_MEDIA),
        (structured, _ffi.TEPLO_T_STRUCTURED),
    )
    return Format(chosen(PROVIDERS, schema, "schema"), flags, to_json, own_turn)


def to_json(value: Any) -> Any:
    return model_dump(value, by_alias=True, exclude_none=True)


def own_turn(response: Any) -> list[Any] | None:
    """
    The Content object of google-genai itself: its signatures are bytes, and what has been through
    JSON and back need not be the same ones.
    """
    if not hasattr(response, "model_dump"):
        return None
    candidates = getattr(response, "candidates", None)
    return [candidates[0].content] if candidates else [response]
