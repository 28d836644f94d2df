# SPDX-License-Identifier: MIT
"""A configuration that cannot be: one clear line with the place and the remedy, and no start."""

import pytest

from harness import Broker

SERVER = '"mcpServers": {"a": {"url": "http://127.0.0.1:9/sse"%s}}'
SECRET = "geheim-9f31"

# what: (file text, line of the fault, words that the message must hold)
FILES = {
    "an unknown key": (
        '{\n "mcpServers": {"a": {"url": "http://127.0.0.1:9/sse",\n  "teplo": {"pool_sise": 8}}}}',
        3,
        ["pool_sise", "pool_size"],
    ),
    "an unknown key at the top": ('{\n' + SERVER % "" + ',\n "teplo": {"max_client": 5}}', 3, ["max_client", "max_clients"]),
    "a bad unit": ('{\n' + SERVER % ', "teplo": {"call_timeout": "5 parsecs"}' + "}", 2, ["call_timeout", "parsecs", "ms"]),
    "a number where a duration must be": (
        "{" + SERVER % ', "teplo": {"call_timeout": 300}' + "}", 1, ["call_timeout"],
    ),
    "a value out of range": ("{" + SERVER % ', "teplo": {"pool_size": 1000}' + "}", 1, ["pool_size", "256"]),
    "a key twice": ('{\n' + SERVER % "" + ',\n "teplo": {"max_clients": 5, "max_clients": 6}}', 3, ["max_clients"]),
    "no JSON": ("{\n\n  nonsense\n}", 3, []),
    "a missing comma": ('{\n' + SERVER % "" + '\n "teplo": {}}', 3, []),
    "an unset variable": ("{" + SERVER % ', "headers": {"Authorization": "Bearer ${TEPLO_TEST_UNSET}"}' + "}", 1, ["TEPLO_TEST_UNSET"]),
    "a missing secret file": ("{" + SERVER % ', "headers": {"X": "${file:/nowhere/secret}"}' + "}", 1, ["/nowhere/secret"]),
    "a URL of another scheme": ('{"mcpServers": {"a": {"url": "ftp://127.0.0.1/"}}}', 1, ["\"a\"", "http://"]),
    "no URL": ('{"mcpServers": {"a": {}}}', 1, ["url"]),
    "a bad server name": ('{"mcpServers": {"A B": {"url": "http://127.0.0.1:9/sse"}}}', 1, ["A B"]),
    "no server": ('{"mcpServers": {}}', None, ["mcpServers"]),
    "a line end in a header": ("{" + SERVER % ', "headers": {"X": "a\\r\\nEvil: b"}' + "}", 1, ["X"]),
    "a bad log level": ('{' + SERVER % "" + ', "teplo": {"log_level": "loud"}}', 1, ["log_level", "loud", "info"]),
}  # fmt: skip


def start_and_fail(start_broker, **keywords):
    broker = start_broker(ready=False, **keywords)
    status = broker.program.wait()
    assert status not in (0, None) and status > 0, broker.program.output()
    assert not broker.complaints(), broker.program.output()
    assert not broker.socket_path().exists()
    return broker.program.output()


@pytest.mark.parametrize("what", FILES)
def test_the_file_is_refused_with_its_place(start_broker, what):
    text, line, words = FILES[what]
    said = start_and_fail(start_broker, config=text)
    lines = [line for line in said.splitlines() if line.strip()]
    assert len(lines) == 1, said
    assert "teplo.json" in said
    if line:
        assert f"teplo.json:{line}" in said, said
    for word in words:
        assert word in said, said


def test_the_unknown_key_is_answered_with_the_nearest_one(start_broker):
    said = start_and_fail(start_broker, config="{" + SERVER % ', "teplo": {"cal_timeout": "5s"}' + "}")
    assert "call_timeout" in said


def test_a_missing_file(start_broker):
    said = start_and_fail(start_broker, arguments=["--config", "/nowhere/teplo.json"])
    assert "/nowhere/teplo.json" in said


def test_no_server_at_all(start_broker):
    said = start_and_fail(start_broker)
    assert "--server" in said and "--config" in said, "it says what to give"


def test_a_secret_is_not_printed_with_the_fault(start_broker):
    text = "{" + SERVER % ', "headers": {"Authorization": "Bearer ${S}\\n", "Bad Name": "${S}"}' + "}"
    said = start_and_fail(start_broker, config=text, env={"S": SECRET})
    assert SECRET not in said


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["--server", "a"], "a"),
        (["--server", "a=http://127.0.0.1:9/", "--header", "b: X: y"], "b"),
        (["--server", "a=http://127.0.0.1:9/", "--header", "a: nonsense"], "--header"),
        (["--nonsense"], "nonsense"),
        (["--server", "a=http://127.0.0.1:9/", "--redis", "http://x"], "redis"),
    ],
)
def test_bad_arguments(start_broker, arguments, word):
    said = start_and_fail(start_broker, arguments=arguments)
    assert word in said


def test_comments_and_variables_are_fine(start_broker, raw):
    text = (
        '{ // a comment\n "mcpServers": { /* another */\n  "raw": {"url": "%s",'
        ' "headers": {"X-Test": "${TEPLO_TEST_VALUE}!"}}}}' % raw.url
    )
    broker = start_broker(config=text, env={"TEPLO_TEST_VALUE": "here"})
    assert broker.client().text("echo") == "echo"
    headers = [request["headers"].get("x-test") for request in raw.report().requests]
    assert set(headers) == {"here!"}


def test_an_mcp_json_of_a_host_works_as_it_is(start_broker, raw):
    text = '{"mcpServers": {"raw": {"type": "sse", "url": "%s"}}}' % raw.url
    assert start_broker(config=text).client().text("echo") == "echo"


def test_servers_can_come_from_the_command_line(start_broker, raw):
    raw.set(host="localhost")
    arguments = ["--server", f"raw={raw.url}", "--header", "raw: Host: localhost"]
    assert start_broker(arguments=arguments).client().text("echo") == "echo"


def test_two_brokers_in_one_directory(start_broker, raw):
    """The second one does not take the first one's sockets away."""
    first = start_broker({"raw": raw.url})
    second = Broker.__new__(Broker)
    second.__dict__.update(first.__dict__, clients=[], program=None)
    second.start(ready=False)
    assert second.program.wait() > 0
    assert str(first.runtime) in second.program.output()
    assert first.client().text("echo") == "echo"


def test_a_socket_left_by_a_killed_broker_is_no_obstacle(start_broker, raw):
    broker = start_broker({"raw": raw.url})
    assert broker.client().text("echo") == "echo"
    broker.kill9()
    assert broker.socket_path().exists()
    broker.start()
    assert broker.client().text("echo") == "echo"
