# SPDX-License-Identifier: MIT
"""SIGTERM lets calls end; SIGHUP applies a valid file wholly, or nothing."""

import signal

import pytest

from harness import make_config


@pytest.mark.valgrind
def test_sigterm_lets_the_call_in_flight_end(broker, raw):
    client = broker.client()
    call = client.start_call("hold", {"key": "drain"})
    raw.wait_requests(1, "tools/call")
    broker.signal(signal.SIGTERM)
    broker.wait_log("draining")
    error = client.call_error("echo")
    assert (error.code, error.outcome) == (-31004, "not_executed")
    raw.release("drain")
    assert client.wait(call)["content"][0]["text"] == "released drain"
    assert broker.program.wait() == 0
    assert not broker.socket_path().exists()


def test_calls_in_the_queue_are_not_executed(start_broker, raw):
    broker = start_broker({"raw": raw.url}, pool={"pool_size": 1, "max_inflight_per_session": 1})
    client = broker.client()
    held = client.start_call("hold", {"key": "queue"})
    raw.wait_requests(1, "tools/call")
    queued = client.start_call("counter", {"key": "queued"})
    broker.signal(signal.SIGTERM)
    assert client.wait_error(queued).outcome == "not_executed"
    raw.release("queue")
    client.wait(held)
    assert broker.program.wait() == 0
    assert "queued" not in raw.report().counters


def test_a_drain_that_lasts_too_long_ends_with_unknown(start_broker, raw):
    broker = start_broker({"raw": raw.url}, options={"drain_timeout": "300ms"})
    client = broker.client()
    call = client.start_call("silent")
    raw.wait_requests(1, "tools/call")
    broker.signal(signal.SIGTERM)
    error = client.wait_error(call)
    assert (error.outcome, error.teplo["reason"]) == ("unknown", "drain_deadline")
    assert broker.program.wait() == 0


def test_a_second_sigterm_ends_it_at_once(broker, raw):
    client = broker.client()
    call = client.start_call("silent")
    raw.wait_requests(1, "tools/call")
    broker.signal(signal.SIGTERM)
    broker.wait_log("draining")
    broker.signal(signal.SIGTERM)
    assert client.wait_error(call).outcome == "unknown"
    assert broker.program.wait() == 0


def test_an_idle_broker_ends_at_once(broker, raw):
    client = broker.client()
    assert client.text("echo") == "echo"
    broker.stop(5)
    client.wait_end()
    raw.wait_streams(0)


def test_drain_and_resume_by_admin(broker):
    client = broker.client()
    assert client.text("echo") == "echo"
    broker.admin("teplo/drain")
    assert client.call_error("echo").code == -31004
    broker.admin("teplo/resume")
    assert client.text("echo") == "echo"


def test_shutdown_by_admin(broker):
    broker.admin("teplo/shutdown")
    assert broker.program.wait() == 0


def reload(broker, config, event="reloaded"):
    since = broker.log_position()
    broker.write_config(config)
    broker.signal(signal.SIGHUP)
    return broker.wait_log(event, since=since)


def test_a_reload_keeps_the_sessions_of_an_unchanged_server(broker, raw):
    client = broker.client()
    assert client.text("echo") == "echo"
    reload(broker, make_config({"raw": raw.url}, {"max_clients": 7}))
    assert client.text("echo") == "echo"
    assert raw.report().count("initialize") == 1
    assert broker.admin("teplo/config")["teplo"]["max_clients"] == 7


def test_a_new_server_appears_and_an_old_one_goes(broker, raw, start_raw):
    client = broker.client()
    call = client.start_call("hold", {"key": "old"})
    raw.wait_requests(1, "tools/call")
    other = start_raw()
    reload(broker, make_config({"other": other.url}))
    raw.release("old")
    assert client.wait(call)["content"][0]["text"] == "released old", "calls in flight end"
    raw.wait_streams(0)
    assert broker.client(meta_pool="other").text("echo") == "echo"
    assert [row["name"] for row in broker.admin("teplo/pools")["pools"]] == ["other"]


@pytest.mark.valgrind
def test_a_changed_header_is_used_by_new_sessions(start_broker, raw):
    raw.set(bearer="one")
    broker = start_broker({"raw": {"url": raw.url, "headers": {"Authorization": "Bearer one"}}})
    client = broker.client()
    assert client.text("echo") == "echo"
    raw.set(bearer="two")
    reload(broker, make_config({"raw": {"url": raw.url, "headers": {"Authorization": "Bearer two"}}}))
    assert client.text("echo") == "echo"


@pytest.mark.parametrize(
    "config",
    ["{ nonsense", '{"mcpServers": {"raw": {"url": "http://127.0.0.1:9/sse", "teplo": {"x": 1}}}}'],
)
def test_a_bad_file_changes_nothing(broker, raw, config):
    client = broker.client()
    assert client.text("echo") == "echo"
    line = reload(broker, config, "reload_failed")
    assert "teplo.json:1" in str(line)
    assert client.text("echo") == "echo"
    assert raw.report().count("initialize") == 1
    assert broker.ctl("reload").returncode != 0


def test_teploctl_reload_says_what_is_wrong(broker):
    broker.write_config('{"mcpServers": {"raw": {"url": "ftp://x"}}}')
    done = broker.ctl("reload")
    assert done.returncode != 0
    assert "teplo.json:1" in done.stderr and "http://" in done.stderr
