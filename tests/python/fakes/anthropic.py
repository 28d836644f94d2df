# SPDX-License-Identifier: MIT
"""Anthropic's Messages."""

import itertools

from .model_server import ModelServer
from .openai_schema import ROOT_COMBINATORS, Invalid, check_plain
from .rules import Refused, a_boolean, a_string, an_array, an_object, base64_text, one_of, only
from .turns import Answered, Finish, calls_of

NAME = r"[a-zA-Z0-9_-]{1,128}"
KEY = r"[a-zA-Z0-9_.-]{1,64}"
BODY = (
    "system", "tools", "tool_choice", "temperature", "top_p", "top_k", "stop_sequences", "stream",
    "metadata", "thinking", "service_tier", "container", "context_management",
)  # fmt: skip
TOOL = (
    "description", "strict", "cache_control", "defer_loading", "input_examples", "type",
    "allowed_callers", "eager_input_streaming",
)  # fmt: skip
BLOCKS = {
    "text": (("type", "text"), ("cache_control", "citations")),
    "image": (("type", "source"), ("cache_control",)),
    "document": (("type", "source"), ("cache_control", "title", "context", "citations")),
    "tool_use": (("type", "id", "name", "input"), ("cache_control", "caller")),
    "tool_result": (("type", "tool_use_id"), ("content", "is_error", "cache_control")),
    "thinking": (("type", "thinking", "signature"), ()),
}
RESULT_BLOCKS = ("text", "image", "document", "search_result", "tool_reference")
IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
KINDS = {
    401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    429: "rate_limit_error", 500: "api_error", 529: "overloaded_error",
}  # fmt: skip


class AnthropicServer(ModelServer):
    def __init__(self):
        super().__init__()
        self.numbers = itertools.count(1)

    def check(self, path, headers, body):
        if path.split("?")[0] != "/v1/messages":
            raise Refused("", "Not found", 404)
        if not (headers.get("x-api-key") or headers.get("authorization")):
            raise Refused("", "x-api-key header is required", 401)
        if "anthropic-version" not in headers:
            raise Refused("", "anthropic-version: header is required")
        only(body, "", ("model", "max_tokens", "messages"), BODY)
        check_tools(body.get("tools", []))
        check_messages(body["messages"])
        return self.first_text(body), answers_of(body["messages"])

    def first_text(self, body):
        for message in body["messages"]:
            if message["role"] == "user":
                return text_of(message["content"])
        return ""

    def reply(self, turn, recorded):
        number = next(self.numbers)
        content, reason = [], "end_turn"
        if isinstance(turn, Finish):
            reason = turn.reason
        else:
            calls, said = calls_of(turn)
            content = [{"type": "text", "text": said}] if said or not calls else []
            for index, call in enumerate(calls):
                reason = "tool_use"
                content.append(
                    {
                        "type": "tool_use",
                        "id": f"toolu_{number}_{index}",
                        "name": call.name,
                        "input": call.arguments,
                    }
                )
        return {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "model": recorded.body["model"],
            "content": content,
            "stop_reason": reason,
            "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 5},
        }

    def refusal(self, refused):
        status = refused.code if isinstance(refused.code, int) else 400
        message = refused.message
        if refused.unknown:
            message = f"{refused.field}: Extra inputs are not permitted"
        elif refused.field and refused.field not in message:
            message = f"{refused.field}: {message}"
        return status, self.failure(status, message)

    def failure(self, status, message):
        kind = KINDS.get(status, "invalid_request_error")
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def check_tools(tools):
    names = []
    for index, tool in enumerate(an_array(tools, "tools")):
        where = f"tools.{index}.custom"
        only(tool, where, ("name", "input_schema"), TOOL)
        names.append(a_string(tool["name"], f"{where}.name", pattern=NAME))
        if "description" in tool:
            a_string(tool["description"], f"{where}.description")
        if "strict" in tool:
            a_boolean(tool["strict"], f"{where}.strict")
        check_input_schema(tool["input_schema"], f"{where}.input_schema")
    if len(set(names)) != len(names):
        raise Refused("tools", "tools: Tool names must be unique.")


def check_input_schema(schema, where):
    an_object(schema, where)
    if schema.get("type") != "object":
        raise Refused(f"{where}.type", f"{where}.type: Field required")
    for key in ROOT_COMBINATORS:
        if key in ("anyOf", "oneOf", "allOf") and key in schema:
            raise Refused(
                where,
                f"{where}: input_schema does not support oneOf, allOf, or anyOf at the top level",
            )
    for key in schema.get("properties", {}):
        a_string(key, f"{where}.properties key {key!r}", pattern=KEY)
    try:
        check_plain(schema, ())
    except Invalid as invalid:
        raise Refused(where, f"{where}: JSON schema is invalid: {invalid.message}") from None


def check_messages(messages):
    awaited = []
    for index, message in enumerate(an_array(messages, "messages", 1)):
        where = f"messages.{index}"
        only(message, where, ("role", "content"))
        role = one_of(message["role"], f"{where}.role", ("user", "assistant"))
        blocks = blocks_of(message["content"], f"{where}.content")
        for number, block in enumerate(blocks):
            check_block(block, role, f"{where}.content.{number}")
        check_results(blocks, awaited, index)
        awaited = [block["id"] for block in blocks if block["type"] == "tool_use"]
    if awaited:
        raise without_results(awaited, len(messages) - 1)


def blocks_of(content, where):
    if isinstance(content, str):
        return [{"type": "text", "text": a_string(content, where, minimum=1)}]
    return an_array(content, where, 1)


def check_block(block, role, where):
    an_object(block, where)
    kind = one_of(block.get("type"), f"{where}.type", tuple(BLOCKS))
    only(block, where, *BLOCKS[kind])
    if kind in ("tool_use", "thinking") and role != "assistant":
        raise Refused(where, f"{where}: `{kind}` blocks can only be in `assistant` messages")
    if kind == "tool_result" and role != "user":
        raise Refused(where, f"{where}: `tool_result` blocks can only be in `user` messages")
    if kind == "text":
        a_string(block["text"], f"{where}.text", minimum=1)
    if kind == "tool_use":
        a_string(block["id"], f"{where}.id", pattern=r"[a-zA-Z0-9_-]+")
        a_string(block["name"], f"{where}.name", pattern=NAME)
        an_object(block["input"], f"{where}.input")
    if kind == "image":
        check_image(block["source"], f"{where}.source")
    if kind == "tool_result":
        check_result(block, where)


def check_result(block, where):
    if "is_error" in block:
        a_boolean(block["is_error"], f"{where}.is_error")
    content = block.get("content", [])
    if isinstance(content, str):
        return
    for number, inner in enumerate(an_array(content, f"{where}.content")):
        at = f"{where}.content.{number}"
        an_object(inner, at)
        one_of(inner.get("type"), f"{at}.type", RESULT_BLOCKS)
        if inner["type"] in BLOCKS:
            check_block(inner, "user", at)


def check_image(source, where):
    an_object(source, where)
    if one_of(source.get("type"), f"{where}.type", ("base64", "url", "file")) == "base64":
        only(source, where, ("type", "media_type", "data"))
        one_of(source["media_type"], f"{where}.media_type", IMAGES)
        base64_text(source["data"], f"{where}.data")


def check_results(blocks, awaited, index):
    """All results of the calls before come first, each exactly once."""
    results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    for one in results:
        if one not in awaited:
            raise Refused(
                f"messages.{index}.content",
                f"messages.{index}.content: unexpected `tool_use_id` found in `tool_result` "
                f"blocks: {one}. Each `tool_result` block must have a corresponding `tool_use` "
                "block in the previous message.",
            )
    if len(set(results)) != len(results):
        raise Refused(
            f"messages.{index}.content", "each tool_use must have a single result."
        )
    front = [block["type"] for block in blocks[: len(awaited)]]
    if len(results) != len(awaited) or any(kind != "tool_result" for kind in front):
        missing = [one for one in awaited if one not in results] or awaited
        raise without_results(missing, index - 1)


def without_results(ids, index):
    return Refused(
        f"messages.{index}",
        f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately "
        f"after: {', '.join(ids)}. Each `tool_use` block must have a corresponding `tool_result` "
        "block in the next message.",
    )


def text_of(content):
    if isinstance(content, str):
        return content
    return "".join(block.get("text", "") for block in content)


def answers_of(messages):
    if len(messages) < 2 or isinstance(messages[-2]["content"], str):
        return []
    names = {b["id"]: b["name"] for b in messages[-2]["content"] if b["type"] == "tool_use"}
    return [
        answered(names[block["tool_use_id"]], block)
        for block in blocks_of(messages[-1]["content"], "")
        if block["type"] == "tool_result"
    ]


def answered(name, block):
    content = block.get("content", "")
    text = content if isinstance(content, str) else text_of(content)
    return Answered(block["tool_use_id"], name, text, block.get("is_error", False), block)
