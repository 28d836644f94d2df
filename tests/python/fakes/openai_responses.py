# SPDX-License-Identifier: MIT
"""The rules of Responses.  The scripted model reasons: each step has a reasoning item."""

import threading

from .openai_chat import (
    MOST_TOOLS,
    NAME,
    arguments_text,
    check_description,
    check_name,
)
from .openai_schema import check_schema
from .rules import Refused, a_boolean, a_string, an_array, an_object, one_of, only
from .turns import Answered, Finish, calls_of

BODY = (
    "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "store", "include",
    "previous_response_id", "reasoning", "text", "temperature", "top_p", "max_output_tokens",
    "max_tool_calls", "metadata", "user", "truncation", "stream", "background", "service_tier",
    "prompt_cache_key", "safety_identifier", "conversation", "prompt",
)  # fmt: skip
ITEMS = {
    "message": (("role", "content"), ("type", "id", "status", "phase")),
    "reasoning": (("type", "id", "summary"), ("content", "encrypted_content", "status")),
    "function_call": (
        ("type", "call_id", "name", "arguments"),
        ("id", "status", "namespace"),
    ),
    "function_call_output": (("type", "call_id", "output"), ("id", "status")),
}
OUTPUTS = {
    "input_text": (("type", "text"), ()),
    "input_image": (("type",), ("image_url", "file_id", "detail")),
    "input_file": (("type",), ("filename", "file_data", "file_url", "file_id")),
}
CONTENTS = {**OUTPUTS, "output_text": (("type", "text"), ("annotations", "logprobs"))}


class ResponsesRules:
    def __init__(self):
        self.lock = threading.Lock()
        self.stored = {}  # response id -> (its input, its output)

    def check(self, body):
        only(body, "", ("model",), BODY)
        a_string(body["model"], "model", minimum=1)
        names = check_tools(body)
        check_choice(body.get("tool_choice", "auto"), names)
        if "parallel_tool_calls" in body:
            a_boolean(body["parallel_tool_calls"], "parallel_tool_calls")
        own = items_of(body)
        for index, item in enumerate(own):
            check_item(item, f"input[{index}]")
        history = self.before(body) + own
        check_order(history)
        return first_user_text(history), answers_of(history)

    def first_text(self, body):
        try:
            return first_user_text(self.before(body) + items_of(body))
        except Refused:
            return ""

    def before(self, body):
        previous = body.get("previous_response_id")
        if previous is None:
            return []
        with self.lock:
            if previous not in self.stored:
                raise Refused(
                    "previous_response_id",
                    f"Previous response with id '{previous}' not found.",
                    "previous_response_not_found",
                )
            return self.stored[previous]

    def reply(self, turn, body, number, now):
        status, output = "completed", []
        if isinstance(turn, Finish):
            status = "incomplete"
        else:
            output = output_of(turn, number)
        reply = {
            "id": f"resp_{number}",
            "object": "response",
            "created_at": now,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": turn.reason} if status == "incomplete" else None,
            "instructions": body.get("instructions"),
            "metadata": {},
            "model": body["model"],
            "output": output,
            "parallel_tool_calls": True,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": body.get("tools", []),
            "top_p": 1.0,
        }
        if body.get("store") is not False:
            with self.lock:
                previous = self.stored.get(body.get("previous_response_id"), [])
                self.stored[reply["id"]] = previous + items_of(body) + output
        return reply


def output_of(turn, number):
    calls, said = calls_of(turn)
    output = [{"type": "reasoning", "id": f"rs_{number}", "summary": []}]
    if said or not calls:
        text = {"type": "output_text", "text": said, "annotations": [], "logprobs": []}
        output.append(
            {
                "type": "message",
                "id": f"msg_{number}",
                "role": "assistant",
                "status": "completed",
                "content": [text],
            }
        )
    for index, call in enumerate(calls):
        output.append(
            {
                "type": "function_call",
                "id": f"fc_{number}_{index}",
                "call_id": f"call_{number}_{index}",
                "name": call.name,
                "arguments": arguments_text(call),
                "status": "completed",
            }
        )
    return output


def items_of(body):
    given = body.get("input", [])
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    return an_array(given, "input")


def check_tools(body):
    names = []
    for index, tool in enumerate(an_array(body.get("tools", []), "tools", 0, MOST_TOOLS)):
        where = f"tools[{index}]"
        only(
            tool,
            where,
            ("type", "name", "parameters"),
            ("description", "strict", "output_schema", "defer_loading", "allowed_callers"),
        )
        one_of(tool["type"], f"{where}.type", ("function",))
        names.append(check_name(tool["name"], where))
        check_description(tool, where)
        if tool.get("strict") is not None:
            a_boolean(tool["strict"], f"{where}.strict")
        # Left out or null, strict is on: unlike Chat Completions.
        is_strict = tool.get("strict") is not False
        if tool["parameters"] is not None:
            check_schema(tool["parameters"], names[-1], f"{where}.parameters", is_strict)
    return names


def check_choice(choice, names):
    if isinstance(choice, str):
        one_of(choice, "tool_choice", ("none", "auto", "required"))
        return
    an_object(choice, "tool_choice")
    if choice.get("type") == "function":
        only(choice, "tool_choice", ("type", "name"))
        if choice["name"] not in names:
            raise Refused(
                "tool_choice",
                f"Tool choice '{choice['name']}' not found in 'tools' parameter.",
            )


def check_item(item, where):
    an_object(item, where)
    kind = one_of(item.get("type", "message"), f"{where}.type", tuple(ITEMS))
    only(item, where, *ITEMS[kind])
    if kind == "message":
        check_message(item, where)
    if kind == "reasoning":
        check_id(item["id"], "rs", f"{where}.id")
        an_array(item["summary"], f"{where}.summary")
    if kind == "function_call":
        a_string(item["name"], f"{where}.name", pattern=NAME)
        a_string(item["arguments"], f"{where}.arguments")
        a_string(item["call_id"], f"{where}.call_id", 64, minimum=1)
        if "id" in item:
            check_id(item["id"], "fc", f"{where}.id")
    if kind == "function_call_output":
        check_output(item, where)


def check_id(value, prefix, where):
    a_string(value, where, 64)
    if not value.startswith(prefix):
        raise Refused(
            where, f"Invalid '{where}': '{value}'. Expected an ID that begins with '{prefix}'."
        )


def check_message(item, where):
    one_of(item["role"], f"{where}.role", ("user", "assistant", "system", "developer"))
    check_parts(item["content"], f"{where}.content", CONTENTS)
    if "id" in item:
        check_id(item["id"], "msg", f"{where}.id")


def check_output(item, where):
    a_string(item["call_id"], f"{where}.call_id", 64, minimum=1)
    check_parts(item["output"], f"{where}.output", OUTPUTS)


def check_parts(content, where, kinds):
    if isinstance(content, str):
        return
    for index, part in enumerate(an_array(content, where)):
        at = f"{where}[{index}]"
        an_object(part, at)
        kind = one_of(part.get("type"), f"{at}.type", tuple(kinds))
        only(part, at, *kinds[kind])
        if "text" in part:
            a_string(part["text"], f"{at}.text")
        sources = [key for key in part if key in ("image_url", "file_id", "file_data", "file_url")]
        if kind in ("input_image", "input_file") and len(sources) != 1:
            raise Refused(at, f"Invalid '{at}': exactly one source must be given.")


def check_order(history):
    """Each call has its output, each output its call, and reasoning what it led to."""
    calls, outputs = [], []
    for index, item in enumerate(history):
        kind = item.get("type", "message")
        if kind == "function_call":
            calls.append(item["call_id"])
            check_reasoning(history, index)
        elif kind == "function_call_output":
            if item["call_id"] not in calls:
                raise Refused(
                    "input",
                    "No tool call found for function call output with call_id "
                    f"{item['call_id']}.",
                )
            if item["call_id"] in outputs:
                raise Refused("input", f"Duplicate output for call_id {item['call_id']}.")
            outputs.append(item["call_id"])
        elif kind == "reasoning":
            follower = history[index + 1] if index + 1 < len(history) else {}
            if not is_models(follower):
                raise Refused(
                    "input",
                    f"Item '{item['id']}' of type 'reasoning' was provided without its required "
                    "following item.",
                )
    for call_id in calls:
        if call_id not in outputs:
            raise Refused("input", f"No tool output found for function call {call_id}.")


def check_reasoning(history, index):
    """A call of ours (fc_N_I) goes with the reasoning item rs_N of its step."""
    item_id = history[index].get("id", "")
    if item_id.count("_") != 2:
        return
    wanted = f"rs_{item_id.split('_')[1]}"
    if not any(item.get("id") == wanted for item in history[:index]):
        raise Refused(
            "input",
            f"Item '{item_id}' of type 'function_call' was provided without its required "
            f"'reasoning' item: '{wanted}'.",
        )


def is_models(item):
    kind = item.get("type", "message")
    return kind == "function_call" or (kind == "message" and item.get("role") == "assistant")


def first_user_text(history):
    for item in history:
        if item.get("type", "message") == "message" and item["role"] == "user":
            content = item["content"]
            if isinstance(content, str):
                return content
            return "".join(part.get("text", "") for part in content)
    return ""


def answers_of(history):
    """The outputs behind the last call, in the order of the calls they answer."""
    names = {one["call_id"]: one["name"] for one in history if one.get("type") == "function_call"}
    outputs = []
    for item in reversed(history):
        if item.get("type") != "function_call_output":
            break
        outputs.append(item)
    by_id = {item["call_id"]: item for item in outputs}
    return [answered(names[key], by_id[key]) for key in names if key in by_id]


def answered(name, item):
    output = item["output"]
    text = output if isinstance(output, str) else "".join(one.get("text", "") for one in output)
    return Answered(item["call_id"], name, text, text.startswith("Error: "), item)
