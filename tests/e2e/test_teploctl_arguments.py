# SPDX-License-Identifier: MIT
"""teploctl call: from key=value to JSON, as the tool's schema says."""

import pytest

from fake_broker import error, hang_up, raw, result, silence, text_result
from teploctl_runner import NOT_EXECUTED, OK, USAGE, fake, place, run  # fixtures too

SCHEMA = {
    "properties": {
        "s": {"type": "string"},
        "i": {"type": "integer"},
        "f": {"type": "number"},
        "b": {"type": "boolean"},
        "a": {"type": "array"},
        "o": {"type": "object"},
        "z": {"type": "null"},
        "si": {"type": ["integer", "string"]},
        "oi": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "os": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "oa": {"oneOf": [{"type": "integer"}, {}]},
        "e": {"enum": ["1", "2"]},
        "ei": {"enum": [1, 2]},
        "c": {"const": "7"},
        "r": {"$ref": "#/$defs/a~1b/Int"},
        "l": {"allOf": [{"title": "x"}, {"$ref": "#/$defs/a~1b/Int"}]},
        "x": True,
        "new": {"type": "colour"},
        "ключ": {"type": "string"},
    },
    "$defs": {"a/b": {"Int": {"type": "integer"}}},
}

GOOD = [
    ("s=5", '{"s":"5"}'),
    ("s=", '{"s":""}'),
    ("s=a=b", '{"s":"a=b"}'),
    ('s={"a":1}', '{"s":"{\\"a\\":1}"}'),
    ("s=null", '{"s":"null"}'),
    ("s:=null", '{"s":null}'),
    ("s:= 5 ", '{"s":5}'),
    ("s:=[1,\n2]", '{"s":[1,2]}'),
    ("s=@@x", '{"s":"@x"}'),
    ("s=a@b", '{"s":"a@b"}'),
    ("s=ж\n\"\t", '{"s":"ж\\n\\"\\t"}'),
    ("i=5", '{"i":5}'),
    ("i=-123456789012345678901234567890", '{"i":-123456789012345678901234567890}'),
    ("i=1.0", '{"i":1.0}'),
    ("f=1e400", '{"f":1e400}'),
    ("b=true", '{"b":true}'),
    ("a=[]", '{"a":[]}'),
    ('o={"k" : 1}', '{"o":{"k" : 1}}'),
    ("z=null", '{"z":null}'),
    ("si=5", '{"si":"5"}'),
    ("oi=5", '{"oi":5}'),
    ("oi=null", '{"oi":null}'),
    ("os=5", '{"os":"5"}'),
    ("oa=x", '{"oa":"x"}'),
    ("e=1", '{"e":"1"}'),
    ("ei=1", '{"ei":1}'),
    ("c=7", '{"c":"7"}'),
    ("r=5", '{"r":5}'),
    ("l=5", '{"l":5}'),
    ("x=5", '{"x":5}'),
    ("x=a b", '{"x":"a b"}'),
    ("new=5", '{"new":5}'),
    ("unknown=true", '{"unknown":true}'),
    ("unknown=tru", '{"unknown":"tru"}'),
    ("unknown=", '{"unknown":""}'),
    ("ключ=5", '{"ключ":"5"}'),
    ('q"=1', '{"q\\"":1}'),
]
BAD = [
    ("i=x", "i: the tool wants integer, and 'x' is not that"),
    ("i=", "i: the tool wants integer, and '' is not that"),
    ("i=true", "the tool wants integer"),
    ('i="5"', "the tool wants integer"),
    ("b=1", "the tool wants boolean"),
    ("a={}", "the tool wants array"),
    ("a=[1", "the tool wants array"),
    ("z=0", "the tool wants null"),
    ("oi=x", "the tool wants integer|null"),
    ("r=x", "the tool wants integer"),
    ("l=x", "the tool wants integer"),
    ("s=\udcff", "s: the text is not UTF-8"),
]
# Found before the broker is asked anything.
BAD_AT_ONCE = [
    (["=x"], "has no key"),
    ([":=x"], "has no key"),
    (["x"], "neither a JSON object nor key=value"),
    (["[1]"], "neither a JSON object nor key=value"),
    (["a=1", "b=2", "a=3"], "'a' is given twice"),
    (["{"], "the text ends inside a value (at byte 2)"),
    (['{"a":01}'], "no JSON"),
    (["{}", "a=1"], "nothing may follow the JSON object"),
    (["-", "a=1"], "nothing may follow the JSON object"),
    (["a=1", "{}"], "neither"),
    (["-"], "the arguments are no JSON: there is no JSON value"),
    (["a=@/does/not/exist"], "a: the file '/does/not/exist' cannot be read: No such file"),
    (["\udcff=1"], "a key must be UTF-8"),
]


def sent(broker):
    line = broker.lines[-1].decode()
    start = line.index('"arguments":') + len('"arguments":')
    return line[start : line.index(',"_meta":')]


@pytest.fixture
def typed(fake):
    tools = {"tools": [{"name": "other", "inputSchema": {"properties": {"s": {"type": "integer"}}}}]}
    more = {"tools": [{"name": "t", "inputSchema": SCHEMA}], "nextCursor": "unread"}
    fake.on("tools/list", result({**tools, "nextCursor": "x"}), result(more))
    return fake.on("tools/call", text_result("x"))


@pytest.mark.parametrize("word, expected", GOOD)
def test_a_value_is_typed(place, typed, word, expected):
    run(place, "call", "t", word).expect(OK)
    assert sent(typed) == expected
    asked = [request["method"] for request in typed.requests]
    assert asked == (["tools/call"] if ":=" in word else ["tools/list", "tools/list", "tools/call"])


@pytest.mark.parametrize("word, complaint", BAD)
def test_a_value_of_the_wrong_type_is_not_sent(place, typed, word, complaint):
    run(place, "call", "t", word).expect(USAGE, complaint)
    assert "tools/call" not in [request["method"] for request in typed.requests]


@pytest.mark.parametrize("words, complaint", BAD_AT_ONCE)
def test_words_that_are_no_arguments(place, typed, words, complaint):
    run(place, "call", "t", *words).expect(USAGE, complaint)
    assert typed.lines == []


def test_several_values_keep_their_order(place, typed):
    run(place, "call", "t", "z=null", "s=1", "i:=[ ]", "a=[2]").expect(OK)
    assert sent(typed) == '{"z":null,"s":"1","i":[ ],"a":[2]}'


@pytest.mark.valgrind
def test_values_from_files(place, typed, tmp_path):
    text = tmp_path / "text"
    text.write_text("рядок\n")
    number = tmp_path / "number"
    number.write_text("\n5\n")
    run(place, "call", "t", f"s=@{text}", f"i=@{number}", f"o:=@{number}").expect(OK)
    assert sent(typed) == '{"s":"рядок\\n","i":5,"o":5}'


def test_a_tool_that_is_not_listed_is_left_to_the_server(place, typed):
    typed.on("tools/list", result({"tools": []}))
    run(place, "call", "t", "s=5", "x=y").expect(OK)
    assert sent(typed) == '{"s":5,"x":"y"}'


def test_a_word_that_begins_with_a_dash(place, typed):
    run(place, "call", "--json", "--", "t", "-k=1").expect(OK)
    assert sent(typed) == '{"-k":1}'


@pytest.mark.parametrize("answer", [silence, hang_up, error(-31010, "x", "unknown"), raw(b"{\n"),
                                    error(-32603, "x")])  # fmt: skip
def test_without_the_list_nothing_is_called(place, typed, answer):
    typed.on("tools/list", answer)
    ended = run(place, "call", "t", "s=5", "--timeout", "50ms" if answer is silence else "1h")
    ended.expect(NOT_EXECUTED, "NOT EXECUTED: the types of the arguments are not known: ")
    assert [request["method"] for request in typed.requests] == ["tools/list"]
