# SPDX-License-Identifier: MIT
"""Gemini's generateContent, as strict as the real one, with a model that follows a script.

It plays a Gemini 3: the first call of each step carries a thought signature, and the calls of the
current turn must come back with it, in the very same part.
"""

import base64
import itertools
import json
import re

from .gemini_schema import check_json_schema, check_parameters
from .model_server import ModelServer
from .rules import Refused, a_string, an_array, an_object, base64_text, one_of, only
from .turns import Answered, Finish, calls_of

PATH = re.compile(r"/v1(?:beta|alpha)?/models/([A-Za-z0-9._-]+):generateContent(?:\?.*)?")
NAME = r"[a-zA-Z_][a-zA-Z0-9_.:-]*"
NAME_LENGTH = 64  # of the older endpoints; the newest take 128
MOST_TOOLS = 512
MODES = ("AUTO", "ANY", "NONE", "VALIDATED")
ANSWER_MIMES = ("image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain")
BODY = (
    "model", "tools", "toolConfig", "safetySettings", "systemInstruction", "generationConfig",
    "cachedContent", "labels", "serviceTier", "store",
)  # fmt: skip
TOOL = (
    "functionDeclarations", "googleSearch", "googleSearchRetrieval", "codeExecution", "urlContext",
    "computerUse", "fileSearch", "googleMaps",
)  # fmt: skip
DECLARATION = (
    "description", "parameters", "parametersJsonSchema", "response", "responseJsonSchema",
    "behavior",
)  # fmt: skip
PART_KINDS = (
    "text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode",
    "codeExecutionResult",
)  # fmt: skip
PART = PART_KINDS + ("thought", "thoughtSignature", "videoMetadata", "partMetadata", "mediaResolution")
# What is no message of theirs, but the user's own JSON.
FREE_FORM = (
    "args", "parametersJsonSchema", "responseJsonSchema", "default", "example", "enum", "response",
)  # fmt: skip
DUMMY_SIGNATURE = "skip_thought_signature_validator"
STATUS_WORDS = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE",
}  # fmt: skip


class GeminiServer(ModelServer):
    """WITH_IDS: functionCall parts carry an id, which the answers must echo."""

    def __init__(self, with_ids=True):
        super().__init__()
        self.with_ids = with_ids
        self.numbers = itertools.count(1)
        self.issued = {}  # signature -> the functionCall it was given with

    def check(self, path, headers, body):
        if not PATH.fullmatch(path):
            raise Refused("", f"{path} is not found.", 404)
        if not (headers.get("x-goog-api-key") or headers.get("authorization", "")[:7] == "Bearer "):
            raise Refused("", "Method doesn't allow unregistered callers.", 403)
        body = in_camel_case(body)
        only(body, "", ("contents",), BODY)
        names = check_tools(body.get("tools", []))
        check_tool_config(body.get("toolConfig", {}), names)
        if "systemInstruction" in body:
            check_instruction(body["systemInstruction"])
        check_contents(body["contents"])
        self.check_signatures(body["contents"])
        return self.first_text(body), answers_of(body["contents"])

    def first_text(self, body):
        for content in in_camel_case(body)["contents"]:
            if content.get("role", "user") == "user":
                return "".join(part.get("text", "") for part in content["parts"])
        return ""

    # Thought signatures.

    def check_signatures(self, contents):
        """Of the current turn only: what comes after the last content in which the user speaks."""
        spoken = [index for index, content in enumerate(contents) if is_users_word(content)]
        for index in range(spoken[-1] + 1 if spoken else 0, len(contents)):
            if contents[index].get("role") == "model":
                self.check_step(contents[index]["parts"], index)

    def check_step(self, parts, index):
        is_first = True
        for position, part in enumerate(parts):
            if "functionCall" not in part:
                continue
            where = f"contents[{index}].parts[{position}]"
            signature = part.get("thoughtSignature")
            if is_first and not signature:
                raise Refused(
                    f"{where}.thoughtSignature",
                    "Function call is missing a thought_signature in functionCall parts. "
                    "This is required for tools to work correctly. Additional data, function call "
                    f"`default_api:{part['functionCall']['name']}` , position {index}.",
                )
            if signature and plain_base64(signature) != DUMMY_SIGNATURE:
                self.check_signature(part, plain_base64(signature), where)
            is_first = False

    def check_signature(self, part, signature, where):
        if signature not in self.issued:
            raise Refused(f"{where}.thoughtSignature", "Thought signature is not valid.")
        if self.issued[signature] != part["functionCall"]:
            raise Refused(
                f"{where}.thoughtSignature",
                "Thought signature is not valid: it was given with another function call.",
            )

    # Replies.

    def reply(self, turn, recorded):
        number = next(self.numbers)
        if isinstance(turn, Finish):
            candidate = {"finishReason": turn.reason, "index": 0}
        else:
            content = {"role": "model", "parts": self.parts_of(turn, number)}
            candidate = {"content": content, "finishReason": "STOP", "index": 0}
        usage = {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}
        return {
            "candidates": [candidate],
            "usageMetadata": usage,
            "modelVersion": PATH.fullmatch(recorded.path)[1],
            "responseId": f"response-{number}",
        }

    def parts_of(self, turn, number):
        calls, said = calls_of(turn)
        parts = [{"text": said}] if said or not calls else []
        for index, call in enumerate(calls):
            made = {"name": call.name, "args": call.arguments}
            if self.with_ids:
                made["id"] = f"fc-{number}-{index}"
            parts.append({"functionCall": made})
            if index == 0:
                # Both alphabets of base64 differ in it: what is echoed must not be re-encoded.
                signature = base64.b64encode(b"\xfb\xff\xfe" + f"step {number}".encode()).decode()
                self.issued[signature] = made
                parts[-1]["thoughtSignature"] = signature
        return parts

    def refusal(self, refused):
        status = refused.code if isinstance(refused.code, int) else 400
        message = refused.message
        if refused.unknown:
            where = refused.field[: -len(refused.unknown)].rstrip(".") or "(root)"
            message = (
                f'Invalid JSON payload received. Unknown name "{refused.unknown}" at '
                f"'{where}': Cannot find field."
            )
        body = self.failure(status, message)
        body["error"]["details"] = [
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{"field": refused.field, "description": message}],
            }
        ]
        return status, body

    def failure(self, status, message):
        word = STATUS_WORDS.get(status, "UNKNOWN")
        return {"error": {"code": status, "message": message, "status": word}}


def in_camel_case(message):
    """Protobuf's JSON takes field names in both spellings (python-genai mixes them)."""
    if isinstance(message, list):
        return [in_camel_case(one) for one in message]
    if not isinstance(message, dict):
        return message
    camelled = {}
    for key, value in message.items():
        name = re.sub(r"_([a-z])", lambda found: found[1].upper(), key)
        if name == "properties" and isinstance(value, dict):
            value = {own: in_camel_case(schema) for own, schema in value.items()}
        elif name not in FREE_FORM:
            value = in_camel_case(value)
        camelled[name] = value
    return camelled


def check_tools(tools):
    names = []
    for index, tool in enumerate(an_array(tools, "tools")):
        where = f"tools[{index}]"
        only(tool, where, (), TOOL)
        declarations = f"{where}.functionDeclarations"
        for number, declared in enumerate(
            an_array(tool.get("functionDeclarations", []), declarations)
        ):
            names.append(check_declaration(declared, f"{declarations}[{number}]"))
    for name in names:
        if names.count(name) > 1:
            raise Refused("tools", f"Duplicate function declaration found: {name}")
    if len(names) > MOST_TOOLS:
        raise Refused("tools", f"At most {MOST_TOOLS} function declarations are supported.")
    return names


def check_declaration(declared, where):
    only(declared, where, ("name",), DECLARATION)
    name = a_string(declared["name"], f"{where}.name", NAME_LENGTH, NAME)
    if "description" in declared:
        a_string(declared["description"], f"{where}.description")
    if "parameters" in declared and "parametersJsonSchema" in declared:
        raise Refused(
            f"{where}.parametersJsonSchema",
            "parameters and parameters_json_schema are mutually exclusive.",
        )
    if "parameters" in declared:
        check_parameters(declared["parameters"], f"{where}.parameters")
    if "parametersJsonSchema" in declared:
        check_json_schema(declared["parametersJsonSchema"], f"{where}.parametersJsonSchema")
    return name


def check_tool_config(config, names):
    only(config, "toolConfig", (), ("functionCallingConfig", "retrievalConfig"))
    if "functionCallingConfig" not in config:
        return
    where = "toolConfig.functionCallingConfig"
    calling = config["functionCallingConfig"]
    only(calling, where, (), ("mode", "allowedFunctionNames"))
    mode = one_of(calling.get("mode", "AUTO"), f"{where}.mode", MODES)
    if not names:
        raise Refused(where, "Function calling config is set without function_declarations.")
    allowed = an_array(calling.get("allowedFunctionNames", []), f"{where}.allowedFunctionNames")
    if allowed and mode not in ("ANY", "VALIDATED"):
        raise Refused(
            f"{where}.allowedFunctionNames",
            "allowed_function_names should only be set when mode is ANY or VALIDATED.",
        )
    for index, name in enumerate(allowed):
        if name not in names:
            raise Refused(
                f"{where}.allowedFunctionNames[{index}]", f"{name!r} is not a declared function."
            )


def check_instruction(instruction):
    only(instruction, "systemInstruction", ("parts",), ("role",))
    for index, part in enumerate(an_array(instruction["parts"], "systemInstruction.parts", 1)):
        only(part, f"systemInstruction.parts[{index}]", ("text",))


# Contents.


def check_contents(contents):
    an_array(contents, "contents", 1)
    calls = None  # of the model's content just before
    for index, content in enumerate(contents):
        where = f"contents[{index}]"
        only(content, where, ("parts",), ("role",))
        role = one_of(content.get("role", "user"), f"{where}.role", ("user", "model", "function"))
        for position, part in enumerate(an_array(content["parts"], f"{where}.parts", 1)):
            check_part(part, f"{where}.parts[{position}]", role)
        answered = [part["functionResponse"] for part in content["parts"] if is_response(part)]
        if calls is not None or answered:
            check_answers(content, calls, answered, where)
        asked = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
        calls = asked or None
    if contents[-1].get("role") == "model":
        raise Refused(
            f"contents[{len(contents) - 1}].role",
            "Please ensure that multiturn requests end with a user role or a function response.",
        )


def check_part(part, where, role):
    only(part, where, (), PART)
    kinds = [kind for kind in PART_KINDS if kind in part]
    if len(kinds) != 1:
        raise Refused(where, f"{where}.data: required oneof field 'data' must have one value.")
    if "text" in part:
        a_string(part["text"], f"{where}.text")
    if "thoughtSignature" in part:
        a_string(part["thoughtSignature"], f"{where}.thoughtSignature", minimum=1)
    if "functionCall" in part:
        if role != "model":
            raise Refused(f"{where}.functionCall", "Only the model makes function calls.")
        call = only(part["functionCall"], f"{where}.functionCall", ("name",), ("args", "id"))
        an_object(call.get("args", {}), f"{where}.functionCall.args")
    if "functionResponse" in part:
        check_response(part["functionResponse"], f"{where}.functionResponse", role)
    if "inlineData" in part:
        check_data(part["inlineData"], f"{where}.inlineData")


def check_response(response, where, role):
    if role == "model":
        raise Refused(where, "Function responses belong to the user, not to the model.")
    only(
        response,
        where,
        ("name", "response"),
        ("id", "parts", "willContinue", "scheduling"),
    )
    a_string(response["name"], f"{where}.name", minimum=1)
    if isinstance(response["response"], list):
        raise Refused(
            f"{where}.response",
            f'Invalid JSON payload received. Unknown name "response" at \'{where}\': '
            "Proto field is not repeating, cannot start list.",
        )
    an_object(response["response"], f"{where}.response")
    for index, part in enumerate(an_array(response.get("parts", []), f"{where}.parts")):
        at = f"{where}.parts[{index}]"
        only(part, at, ("inlineData",))
        check_data(part["inlineData"], f"{at}.inlineData")
        one_of(part["inlineData"]["mimeType"], f"{at}.inlineData.mimeType", ANSWER_MIMES)


def check_data(data, where):
    only(data, where, ("mimeType", "data"), ("displayName",))
    a_string(data["mimeType"], f"{where}.mimeType", minimum=1)
    base64_text(plain_base64(data["data"]), f"{where}.data")


def check_answers(content, calls, answered, where):
    """The content right after calls answers each of them, and holds nothing else."""
    if calls is None:
        raise Refused(
            where,
            "Please ensure that function response turn comes immediately after a function call "
            "turn.",
        )
    if len(answered) != len(calls) or len(content["parts"]) != len(calls):
        raise Refused(
            where,
            "Please ensure that the number of function response parts is equal to the number of "
            "function call parts of the function call turn.",
        )
    by_id = {call["id"]: call for call in calls if "id" in call}
    if by_id:
        for number, response in enumerate(answered):
            call = by_id.pop(response.get("id"), None)
            if call is None or call["name"] != response["name"]:
                at = f"{where}.parts[{number}].functionResponse.id"
                raise Refused(at, f"{at}: no function call of the turn before has it.")
    elif [call["name"] for call in calls] != [response["name"] for response in answered]:
        raise Refused(where, "Function responses do not name the functions that were called.")


def answers_of(contents):
    """What the last content answers, in its order."""
    answers = []
    for part in contents[-1]["parts"]:
        if is_response(part):
            said = part["functionResponse"]
            value = said["response"]
            chosen = value.get("error", value.get("output", value))
            text = chosen if isinstance(chosen, str) else json.dumps(chosen, ensure_ascii=False)
            is_error = "error" in value
            answers.append(Answered(said.get("id"), said["name"], text, is_error, said))
    return answers


def is_response(part):
    return "functionResponse" in part


def is_users_word(content):
    is_user = content.get("role", "user") == "user"
    return is_user and not any(map(is_response, content["parts"]))


def plain_base64(signature):
    """Protobuf's JSON takes both alphabets of base64."""
    return signature.replace("-", "+").replace("_", "/") if signature != DUMMY_SIGNATURE else signature
