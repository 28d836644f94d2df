# SPDX-License-Identifier: MIT
"""
Tools in the providers' formats, read by those who wrote the formats: a validator of JSON Schema, and
the types of the providers' own SDKs.  The schemas are tests/vectors' and schema_samples'.
"""

import ctypes
import json
import os
import pathlib
import subprocess

import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
LIBRARY = os.environ.get("TEPLO_LIBRARY", str(REPO / "build/dev/client-lib/lib/libteplo.so.1"))
SAMPLES = pathlib.Path(os.environ.get("TEPLO_SAMPLES", REPO / "build/dev/tests/support/schema_samples"))
COUNT = int(os.environ.get("TEPLO_RANDOM_SCHEMAS", "60"))
CHAT, RESPONSES, GEMINI, GEMINI_OPENAPI, ANTHROPIC = range(1, 6)
STRICT = 1
JSON_WAYS = [(CHAT, 0), (CHAT, STRICT), (RESPONSES, STRICT), (GEMINI, 0), (ANTHROPIC, 0), (ANTHROPIC, STRICT)]

if not pathlib.Path(LIBRARY).exists():
    pytest.skip(f"{LIBRARY} is not built", allow_module_level=True)
jsonschema = pytest.importorskip("jsonschema")

lib = ctypes.CDLL(LIBRARY)
lib.teplo_toolset_add.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t]
lib.teplo_toolset_free.argtypes = [ctypes.c_void_p]
lib.teplo_toolset_free.restype = None
for name in ("tools", "diagnostics"):
    function = getattr(lib, f"teplo_toolset_{name}")
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    function.restype = ctypes.c_char_p


def convert(schemas, provider, flags=0):
    """The value of "tools" and the diagnostics; the tools are called t0, t1, ..."""
    toolset = ctypes.c_void_p()
    assert lib.teplo_toolset_new(provider, ctypes.c_uint32(flags), ctypes.byref(toolset)) == 0
    tools = [{"name": f"t{i}", "description": "d", "inputSchema": schema} for i, schema in enumerate(schemas)]
    listing = json.dumps(tools).encode()
    assert lib.teplo_toolset_add(toolset, None, listing, len(listing)) == 0
    made = json.loads(lib.teplo_toolset_tools(toolset, None))
    diagnostics = json.loads(lib.teplo_toolset_diagnostics(toolset, None))
    lib.teplo_toolset_free(toolset)
    return made, diagnostics


def schema_of(tool):
    tool = tool.get("functionDeclarations", [tool])[0]
    tool = tool.get("function", tool)
    return tool.get("parameters") or tool.get("parametersJsonSchema") or tool.get("input_schema")


def vectors():
    for file in sorted((REPO / "tests/vectors").glob("*-schemas.jsonl")):
        for line in file.read_text().splitlines():
            vector = json.loads(line)
            yield vector["name"], vector["inputSchema"]


def samples():
    if not SAMPLES.exists():
        pytest.skip(f"{SAMPLES} is not built")
    out = subprocess.run([SAMPLES, str(COUNT)], check=True, capture_output=True, text=True, timeout=60).stdout
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize(("provider", "flags"), JSON_WAYS)
def test_what_comes_out_is_json_schema(provider, flags):
    schemas = [schema for _, schema in vectors()] + [sample["schema"] for sample in samples()]
    count = 0
    for schema in schemas:
        tools, _ = convert([schema], provider, flags)
        if tools:
            jsonschema.Draft202012Validator.check_schema(schema_of(tools[0]))
            count += 1
    assert count > len(schemas) * 0.9


def without_refused(sample):
    """Samples are valid by themselves, but for tuples that nobody has looked at."""
    return jsonschema.Draft202012Validator(sample["schema"]).is_valid(sample["arguments"])


@pytest.mark.parametrize(("provider", "flags"), [(CHAT, 0), (RESPONSES, 0), (GEMINI, 0), (ANTHROPIC, 0)])
def test_no_schema_forbids_what_the_servers_allows(provider, flags):
    """What the model may send includes what the server takes; renamed keys are decoding's matter."""
    checked = 0
    for sample in samples():
        assert without_refused(sample), sample
        tools, diagnostics = convert([sample["schema"]], provider, flags)
        if any(one["kind"] == "renamed" for one in diagnostics):
            continue
        jsonschema.Draft202012Validator(schema_of(tools[0])).validate(sample["arguments"])
        checked += 1
    assert checked > COUNT / 10


@pytest.mark.parametrize("provider", [GEMINI, GEMINI_OPENAPI])
def test_googles_types_take_every_tool(provider):
    types = pytest.importorskip("google.genai.types")
    for schema in [schema for _, schema in vectors()] + [sample["schema"] for sample in samples()]:
        tools, _ = convert([schema], provider)
        for tool in tools:
            # Unknown fields are errors to it.
            made = types.Tool.model_validate(tool)
            assert made.function_declarations[0].name == "t0"


@pytest.mark.parametrize("flags", [0, STRICT])
def test_openais_and_anthropics_types_take_every_tool(flags):
    pytest.importorskip("openai")
    pytest.importorskip("anthropic")
    from anthropic.types import ToolParam
    from openai.types.chat import ChatCompletionFunctionToolParam
    from openai.types.responses import FunctionTool
    from pydantic import TypeAdapter

    readers = {
        CHAT: TypeAdapter(ChatCompletionFunctionToolParam),
        RESPONSES: TypeAdapter(FunctionTool),
        ANTHROPIC: TypeAdapter(ToolParam),
    }
    for provider, reader in readers.items():
        for schema in (schema for _, schema in vectors()):
            for tool in convert([schema], provider, flags)[0]:
                reader.validate_python(tool)
