# SPDX-License-Identifier: MIT
"""The rules of Chat Completions."""

import json

from .openai_schema import check_schema
from .rules import Refused, a_boolean, a_string, an_array, an_object, one_of, only
from .turns import Answered, Finish, calls_of

NAME = r"[a-zA-Z0-9_-]+"
NAME_LENGTH = 64
MOST_TOOLS = 128
DESCRIPTION_LENGTH = 1024
ROLES = ("system", "developer", "user", "assistant", "tool")
BODY = (
    "tools", "tool_choice", "parallel_tool_calls", "temperature", "top_p", "n", "stop", "seed",
    "max_tokens", "max_completion_tokens", "presence_penalty", "frequency_penalty", "logit_bias",
    "logprobs", "top_logprobs", "user", "store", "metadata", "response_format", "reasoning_effort",
    "service_tier", "stream", "stream_options", "modalities", "audio", "prediction", "verbosity",
    "web_search_options", "prompt_cache_key", "safety_identifier",
)  # fmt: skip
MESSAGE = {
    "system": (("role", "content"), ("name",)),
    "developer": (("role", "content"), ("name",)),
    "user": (("role", "content"), ("name",)),
    "tool": (("role", "content", "tool_call_id"), ()),
    "assistant": (
        ("role",),
        ("content", "name", "refusal", "audio", "tool_calls", "function_call", "annotations"),
    ),
}


class ChatRules:
    def check(self, body):
        only(body, "", ("model", "messages"), BODY)
        a_string(body["model"], "model", minimum=1)
        names = check_tools(body)
        check_choice(body.get("tool_choice", "auto"), names, "tools" in body)
        if "parallel_tool_calls" in body:
            a_boolean(body["parallel_tool_calls"], "parallel_tool_calls")
            if "tools" not in body:
                raise Refused(
                    "parallel_tool_calls", "'parallel_tool_calls' is only allowed with 'tools'."
                )
        check_messages(body["messages"])
        return self.first_text(body), answers_of(body["messages"])

    def first_text(self, body):
        for message in body["messages"]:
            if message["role"] == "user":
                return text_of(message["content"])
        return ""

    def reply(self, turn, body, number, now):
        message = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
        reason = "stop"
        if isinstance(turn, Finish):
            reason = turn.reason
        else:
            calls, said = calls_of(turn)
            message["content"] = said or None
            if calls:
                reason = "tool_calls"
                message["tool_calls"] = [
                    {
                        "id": f"call_{number}_{index}",
                        "type": "function",
                        "function": {"name": call.name, "arguments": arguments_text(call)},
                    }
                    for index, call in enumerate(calls)
                ]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
        return {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "created": now,
            "model": body["model"],
            "choices": [choice],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        }


def arguments_text(call):
    return call.text if call.text is not None else json.dumps(call.arguments, ensure_ascii=False)


def check_tools(body):
    names = []
    minimum = 1 if "tools" in body else 0
    for index, tool in enumerate(an_array(body.get("tools", []), "tools", minimum, MOST_TOOLS)):
        where = f"tools[{index}]"
        only(tool, where, ("type", "function"))
        one_of(tool["type"], f"{where}.type", ("function",))
        function = tool["function"]
        where = f"{where}.function"
        only(function, where, ("name",), ("description", "parameters", "strict"))
        names.append(check_name(function["name"], where))
        check_description(function, where)
        is_strict = function.get("strict") is not None and a_boolean(
            function["strict"], f"{where}.strict"
        )
        if "parameters" in function:
            check_schema(function["parameters"], names[-1], f"{where}.parameters", is_strict)
    return names


def check_name(name, where):
    return a_string(name, f"{where}.name", NAME_LENGTH, NAME, minimum=1)


def check_description(function, where):
    if "description" in function:
        a_string(function["description"], f"{where}.description", DESCRIPTION_LENGTH)


def check_choice(choice, names, has_tools):
    if isinstance(choice, str):
        one_of(choice, "tool_choice", ("none", "auto", "required"))
        if choice == "required" and not has_tools:
            raise Refused("tool_choice", "'tool_choice' is only allowed when 'tools' are specified.")
        return
    an_object(choice, "tool_choice")
    if choice.get("type") == "allowed_tools":
        only(choice, "tool_choice", ("type", "allowed_tools"))
        return
    only(choice, "tool_choice", ("type", "function"))
    only(choice["function"], "tool_choice.function", ("name",))
    if choice["function"]["name"] not in names:
        raise Refused(
            "tool_choice.function.name",
            f"Tool choice '{choice['function']['name']}' not found in 'tools' parameter.",
        )


# Messages.


def check_messages(messages):
    an_array(messages, "messages", 1)
    awaited = []  # ids of calls that are not answered yet
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        an_object(message, where)
        role = one_of(message.get("role"), f"{where}.role", ROLES)
        only(message, where, *MESSAGE[role])
        if role == "tool":
            awaited = take_answer(message, awaited, where)
            continue
        if awaited:
            raise unanswered(awaited, index)
        if role == "assistant":
            awaited = check_assistant(message, where)
        else:
            check_content(message["content"], role, where)
    if awaited:
        raise unanswered(awaited, len(messages))


def take_answer(message, awaited, where):
    if message["tool_call_id"] not in awaited:
        raise Refused(
            f"{where}.role",
            "Invalid parameter: messages with role 'tool' must be a response to a preceding "
            "message with 'tool_calls'.",
        )
    check_content(message["content"], "tool", where)
    return [one for one in awaited if one != message["tool_call_id"]]


def unanswered(awaited, index):
    return Refused(
        f"messages[{index}].role",
        "An assistant message with 'tool_calls' must be followed by tool messages responding to "
        "each 'tool_call_id'. The following tool_call_ids did not have response messages: "
        + ", ".join(awaited),
    )


def check_assistant(message, where):
    calls = message.get("tool_calls")
    if calls is None and message.get("content") is None:
        raise Refused(
            f"{where}.content", f"Invalid value for 'content' of '{where}': expected a string."
        )
    if message.get("content") is not None:
        check_content(message["content"], "assistant", where)
    ids = []
    for index, call in enumerate(
        an_array([] if calls is None else calls, f"{where}.tool_calls", int(calls is not None))
    ):
        at = f"{where}.tool_calls[{index}]"
        only(call, at, ("id", "type", "function"))
        one_of(call["type"], f"{at}.type", ("function",))
        only(call["function"], f"{at}.function", ("name", "arguments"))
        check_name(call["function"]["name"], f"{at}.function")
        a_string(call["function"]["arguments"], f"{at}.function.arguments")
        ids.append(a_string(call["id"], f"{at}.id", 64, minimum=1))
    if len(set(ids)) != len(ids):
        raise Refused(f"{where}.tool_calls", "Duplicate tool call ids.")
    return ids


def check_content(content, role, where):
    where = f"{where}.content"
    if isinstance(content, str):
        return
    for index, part in enumerate(an_array(content, where, 1)):
        at = f"{where}[{index}]"
        an_object(part, at)
        if part.get("type") == "image_url" and role != "user":
            raise Refused(
                at,
                f"Invalid '{at}'. Image URLs are only allowed for messages with role 'user', but "
                f"this message with role '{role}' contains an image URL.",
            )
        if part.get("type") == "image_url":
            only(part, at, ("type", "image_url"))
            only(part["image_url"], f"{at}.image_url", ("url",), ("detail",))
            a_string(part["image_url"]["url"], f"{at}.image_url.url", minimum=1)
        else:
            one_of(part.get("type"), f"{at}.type", ("text",))
            only(part, at, ("type", "text"))
            a_string(part["text"], f"{at}.text")


def text_of(content):
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or [])


def answers_of(messages):
    """What was answered since the last assistant message, in the order of its calls."""
    answers = {}
    for message in reversed(messages):
        if message["role"] == "assistant":
            return [
                answered(call, answers[call["id"]])
                for call in message.get("tool_calls") or []
                if call["id"] in answers
            ]
        if message["role"] == "tool":
            answers[message["tool_call_id"]] = message
    return []


def answered(call, message):
    text = text_of(message["content"])
    is_error = text.startswith("Error: ")
    return Answered(call["id"], call["function"]["name"], text, is_error, message)
