# SPDX-License-Identifier: MIT
"""Faults of TLS and of the name service, by the rows of the fault matrix (A22, A23, A29)."""

import pathlib
import signal
import ssl
import time

import pytest

from harness import make_config, places, sanitizer_options, wait_until
from harness.tls import Authority, TlsFront, context_of

PRELOAD = pathlib.Path(places.TEPLOD).parents[1] / "tests" / "support" / "faulty_host.so"
QUICK = {"connect_timeout": "1s", "init_timeout": "1500ms", "queue_timeout": "2s"}


def preloaded(**names):
    """The environment of a broker on a faulty host."""
    sanitizer = sanitizer_options()["ASAN_OPTIONS"] + ":verify_asan_link_order=0"
    return {
        "LD_PRELOAD": str(PRELOAD),
        "ASAN_OPTIONS": sanitizer,
        **{f"TEPLO_TEST_{name}": str(value) for name, value in names.items()},
    }


@pytest.fixture(scope="module")
def authority():
    authority = Authority()
    yield authority
    authority.done()


@pytest.fixture
def start_front(cleanup):
    return cleanup.maker(TlsFront)


def start_behind(start_broker, authority, front, pool=None, token="canary"):
    server = {"url": front.url, "headers": {"Authorization": f"Bearer {token}"}}
    env = preloaded(CA=authority.certificate)
    return start_broker({"tls": server}, pool={**QUICK, **(pool or {})}, env=env)


def test_a22_a_good_certificate(start_broker, start_front, raw, authority):
    front = start_front(raw.port, context_of(authority.issue("good")))
    client = start_behind(start_broker, authority, front).client()
    for number in range(1, 101):
        assert client.text("counter", {"key": "n"}) == str(number)
    assert len(client.call("echo", {"value": "x" * 1000000})["structuredContent"]["value"]) == 1000000
    assert raw.report().count("initialize") == 1


def test_a07_rested_connections_below_tls(start_broker, start_front, raw, authority):
    """The close of an idle connection meets the next call, below TLS as without it."""
    raw.set(idle_close_ms=10)
    front = start_front(raw.port, context_of(authority.issue("rested")))
    client = start_behind(start_broker, authority, front).client()
    for number in range(1, 201):
        time.sleep(0.009 + number % 5 * 0.0005)  # this is the fault
        assert client.text("counter", {"key": "n"}) == str(number)


def bad_contexts(authority):
    old = context_of(authority.issue("old"))
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    expired = authority.issue("expired", start="20200101000000Z", end="20200102000000Z")
    early = authority.issue("early", start="20900101000000Z")
    return {
        "expired": context_of(expired),
        "not yet valid": context_of(early),
        "wrong host": context_of(authority.issue("other", san="DNS:other.example,IP:127.0.0.2")),
        "self-signed": context_of(authority.self_sign("selfish")),
        "TLS 1.1": old,
        "reset in the handshake": None,
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a22_bad_servers_hear_nothing_and_a_good_one_after_them_does(
    start_broker, start_front, raw, authority
):
    """The certificate is looked at anew each time: nobody need restart the broker."""
    for name, context in bad_contexts(authority).items():
        front = start_front(raw.port, context)
        broker = start_behind(start_broker, authority, front, {"backoff_max": "100ms"})
        client = broker.client()
        error = client.call_error("counter", {"key": "n"}, seconds=10)
        assert error.outcome == "not_executed", name
        assert front.connections >= 1, name
        assert front.heard == b"", f"{name}: not a byte of ours was readable"
        front.context = context_of(authority.issue("rotated"))

        def works():
            return "result" in client.wait_line(client.start_call("echo", {})).message

        wait_until(works, f"it works after {name}", 10)
        assert b"canary" in front.heard
    assert "n" not in raw.report().counters


def test_a22_an_authority_that_is_not_ours(start_broker, start_front, raw, authority, cleanup):
    stranger = cleanup.maker(Authority)()
    front = start_front(raw.port, context_of(stranger.issue("stranger")))
    error = start_behind(start_broker, authority, front).client().call_error("echo")
    assert error.outcome == "not_executed"
    assert "certificate" in error.message
    assert front.heard == b""


def test_a22_a_new_token_after_a_reload(start_broker, start_front, raw, authority):
    front = start_front(raw.port, context_of(authority.issue("reload")))
    broker = start_behind(start_broker, authority, front, token="first")
    client = broker.client()
    assert client.text("echo") == "echo"
    assert b"Bearer first" in front.heard
    server = {"url": front.url, "headers": {"Authorization": "Bearer second"}}
    broker.write_config(make_config({"tls": server}, pool=QUICK))
    broker.signal(signal.SIGHUP)
    broker.wait_log("reloaded")
    front.heard = b""
    assert broker.client().text("echo") == "echo"
    assert b"Bearer second" in front.heard and b"Bearer first" not in front.heard


def test_a29_a_server_that_would_rather_speak_http2(start_broker, start_front, raw, authority):
    context = context_of(authority.issue("h2"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    front = start_front(raw.port, context)
    assert start_behind(start_broker, authority, front).client().text("echo") == "echo"
    assert front.protocols == {"http/1.1"}


def test_a23_a_name_service_that_hangs_holds_nobody_up(start_broker, raw):
    servers = {"hung": "http://server.hang.test:8000/sse", "good": raw.url}
    broker = start_broker(servers, pool={**QUICK, "connect_timeout": "300ms"}, env=preloaded(HANG_S=4))
    hung, good = broker.client(meta_pool="hung"), broker.client(meta_pool="good")
    assert good.text("echo") == "echo"
    waiting = hung.start_call("echo", {})
    slowest = 0
    begun = time.monotonic()
    while time.monotonic() - begun < 4.5:  # the fault lasts for so long
        before = time.monotonic()
        assert good.text("echo") == "echo"
        slowest = max(slowest, time.monotonic() - before)
    assert slowest < 0.5 * places.SLOWNESS
    assert hung.wait_error(waiting, 10).outcome == "not_executed"
    row = broker.pool("hung")
    assert row["last_error"] not in ("", "-", None)
