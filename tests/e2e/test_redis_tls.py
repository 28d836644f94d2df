# SPDX-License-Identifier: MIT
"""
Redis through TLS: what is accepted, what is refused and with which words, and what never waits.
Nothing of it runs below valgrind, where a handshake takes a second.
"""

import os

import pytest

from harness import LONG_PATIENCE, places
from redis_driver import Driver, FakeRedis
from redis_places import Authority, TlsRedis, openssl


@pytest.fixture(scope="module")
def authority():
    authority = Authority()
    yield authority
    authority.done()


@pytest.fixture
def start_driver(cleanup):
    return cleanup.maker(Driver)


@pytest.fixture
def start_tls(cleanup, authority):
    start = cleanup.maker(TlsRedis)
    return lambda *arguments: start(authority, *arguments)


def trusting(authority, **more):
    return {"TEPLO_TEST_TLS_CA": str(authority.ca), **more}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_good(authority, start_tls, start_driver, host):
    redis = start_tls()
    driver = start_driver(redis.tls_url(host), env=trusting(authority), pools=70)
    assert driver.flush()
    driver.reset_gap()
    for _ in range(5):
        assert driver.flush()
    assert len(redis.keys("teplo:*:p:*")) == 70
    driver.check_gap()
    # A Redis that is killed says no goodbye, and that is an end like any other.
    redis.kill()
    line = driver.wait_log("redis_down")
    assert line["code"] == "LOST", str(line)
    since = driver.position()
    redis.start()
    driver.wait_log("redis_up", LONG_PATIENCE, since)
    driver.ask("close", "closed")


def test_what_the_system_trusts(authority, start_tls, start_driver):
    redis = start_tls()
    strict = start_driver(redis.tls_url())
    line = strict.wait_log("redis_down")
    assert line["code"] == "TLS" and "redis.tls_ca" in line["why"], str(line)
    driver = start_driver(redis.tls_url(), env={"SSL_CERT_FILE": str(authority.ca)})
    assert driver.flush()


def test_a_ca_that_is_put_right_later(authority, start_tls, start_driver, cleanup, tmp_path):
    other = cleanup.maker(Authority)("another-ca")
    file = tmp_path / "ca.pem"
    file.write_bytes(other.ca.read_bytes())
    driver = start_driver(start_tls().tls_url(), env={"TEPLO_TEST_TLS_CA": str(file)})
    line = driver.wait_log("redis_down")
    assert line["code"] == "TLS" and "not accepted" in line["why"] and "redis.tls_ca" in line["why"]
    assert not driver.flush()
    file.write_bytes(authority.ca.read_bytes())
    driver.wait_log("redis_up", LONG_PATIENCE)
    assert len(driver.log("redis_down")) == 1


def test_many_certificates_are_read_once(authority, start_driver, cleanup, tmp_path):
    """A thousand of them take a tenth of a second, which no later connect pays again."""
    file = tmp_path / "ca.pem"
    file.write_bytes(authority.ca.read_bytes() * 1000)
    fake = cleanup.maker(FakeRedis)(lambda connection, number: connection.close())
    driver = start_driver(f"rediss://localhost:{fake.port}", env={"TEPLO_TEST_TLS_CA": str(file)})
    driver.wait_log("redis_down")
    driver.reset_gap()
    fake.wait_accepted(fake.accepted + 3)
    driver.check_gap()


def test_expired(authority, start_tls, start_driver):
    redis = start_tls(authority.issue(days=-1))
    driver = start_driver(redis.tls_url(), env=trusting(authority))
    line = driver.wait_log("redis_down")
    assert line["code"] == "TLS" and "expired" in line["why"] and "renew" in line["why"]


def test_a_certificate_renewed_on_the_server(authority, start_tls, start_driver):
    redis = start_tls(authority.issue(days=-1))
    driver = start_driver(redis.tls_url(), env=trusting(authority))
    driver.wait_log("redis_down")
    cert, key = authority.issue()
    redis("CONFIG", "SET", "tls-cert-file", cert, "tls-key-file", key)
    driver.wait_log("redis_up", LONG_PATIENCE)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_another_name(authority, start_tls, start_driver, host):
    redis = start_tls(authority.issue("DNS:redis.example,DNS:*.example.net"))
    driver = start_driver(redis.tls_url(host), env=trusting(authority))
    line = driver.wait_log("redis_down")
    assert line["code"] == "TLS"
    assert f"not for {host}" in line["why"] and "redis.tls_server_name" in line["why"]
    for name in ("redis.example", "a.example.net"):
        named = start_driver(redis.tls_url(host), env=trusting(authority, TEPLO_TEST_TLS_SERVER_NAME=name))
        assert named.flush()


def test_a_certificate_of_ours(authority, start_tls, start_driver, tmp_path):
    redis = start_tls(None, "yes")
    bare = start_driver(redis.tls_url(), env=trusting(authority))
    line = bare.wait_log("redis_down")
    # Redis says what it wants and hangs up; what comes first may be that the connection is gone.
    assert line["code"] == "LOST" or (line["code"], "redis.tls_cert" in line["why"]) == ("TLS", True), str(line)
    cert, key = authority.issue("DNS:teplo")
    pair = {"TEPLO_TEST_TLS_CERT": str(cert), "TEPLO_TEST_TLS_KEY": str(key)}
    driver = start_driver(redis.tls_url(), env=trusting(authority, **pair))
    assert driver.flush()


def spoil(what, authority, directory):
    """The variables that name a file which is no good, and what is said about it."""
    cert, key = authority.issue()
    bad = directory / "bad.pem"
    if what == "no file":
        return {"TEPLO_TEST_TLS_CA": str(bad)}, "redis.tls_ca cannot be read (No such file"
    if what == "a pipe":
        os.mkfifo(bad)
        return {"TEPLO_TEST_TLS_CA": str(bad)}, "redis.tls_ca cannot be read (not a regular file)"
    if what == "nonsense":
        bad.write_text("not a certificate")
        return {"TEPLO_TEST_TLS_CA": str(bad)}, "redis.tls_ca cannot be used"
    pair = {"TEPLO_TEST_TLS_CERT": str(cert), "TEPLO_TEST_TLS_KEY": str(key)}
    if what == "the key of another one":
        return {**pair, "TEPLO_TEST_TLS_KEY": str(authority.issue()[1])}, "redis.tls_key cannot be used"
    openssl("ec", "-in", key, "-aes256", "-passout", "pass:canary-1", "-out", bad)
    return {**pair, "TEPLO_TEST_TLS_KEY": str(bad)}, "redis.tls_key cannot be used"


@pytest.mark.parametrize("what", ["no file", "a pipe", "nonsense", "the key of another one", "a passphrase"])
def test_files_that_are_no_good(authority, start_tls, start_driver, tmp_path, what):
    variables, words = spoil(what, authority, tmp_path)
    driver = start_driver(start_tls().tls_url(), env=trusting(authority, **variables) | variables)
    line = driver.wait_log("redis_down")
    assert line["code"] == "TLS" and words in line["why"], str(line)
    assert driver.state() == "down"


def test_a_port_in_the_open(authority, start_redis, start_driver):
    redis = start_redis()
    driver = start_driver(f"rediss://localhost:{redis.port}", env=trusting(authority))
    driver.reset_gap()
    line = driver.wait_log("redis_down", LONG_PATIENCE)
    assert line["code"] == "TLS" and "TLS port" in line["why"], str(line)
    driver.check_gap()


def test_a_port_of_something_else(authority, start_driver, cleanup):
    def answer(connection, number):
        connection.recv(65536)
        connection.sendall(b"-ERR unknown command\r\n")
        connection.recv(65536)

    fake = cleanup.maker(FakeRedis)(answer)
    driver = start_driver(f"rediss://localhost:{fake.port}", env=trusting(authority))
    line = driver.wait_log("redis_down")
    assert line["code"] == "TLS" and "the answer is not TLS" in line["why"], str(line)


def test_in_the_open_to_a_tls_port(start_tls, start_driver):
    driver = start_driver(f"redis://localhost:{start_tls().tls_port}")
    line = driver.wait_log("redis_down")
    assert "rediss://" in line["why"], str(line)


def test_an_alert_in_the_open(start_driver, cleanup):
    def alert(connection, number):
        connection.recv(65536)
        connection.sendall(b"\x15\x03\x01\0\2\2\x46")
        connection.recv(65536)

    driver = start_driver(cleanup.maker(FakeRedis)(alert).url)
    line = driver.wait_log("redis_down")
    assert line["code"] == "TLS" and "rediss://" in line["why"], str(line)


def test_a_handshake_without_an_answer(authority, start_driver, cleanup):
    fake = cleanup.maker(FakeRedis)(lambda connection, number: None)
    driver = start_driver(f"rediss://localhost:{fake.port}", env=trusting(authority))
    driver.reset_gap()
    fake.wait_accepted(1)
    line = driver.wait_log("redis_down", LONG_PATIENCE)
    assert line["code"] == "TLS" and "within 5 s" in line["why"]
    fake.wait_accepted(2)
    driver.check_gap()
    # In the middle of the next one.
    assert int(driver.ask("close", "closed")["ms"]) < 500 * places.SLOWNESS


def test_closed_in_the_handshake(authority, start_driver, cleanup):
    fake = cleanup.maker(FakeRedis)(lambda connection, number: connection.close())
    driver = start_driver(f"rediss://localhost:{fake.port}", env=trusting(authority))
    line = driver.wait_log("redis_down")
    assert line["code"] == "TLS", str(line)
    fake.wait_accepted(3)
    assert len(driver.log("redis_down")) == 1


def test_a_broker_through_tls(authority, start_tls, start_broker, raw, tmp_path):
    """The options of the file, with a password that comes from another file and is shown nowhere."""
    password = "canary-0 @:/%41"
    redis = start_tls()
    redis("ACL", "SETUSER", "teplo", "on", f">{password}", "+@all", "~*")
    secret = tmp_path / "secret"
    secret.write_text(password + "\n")
    options = {
        "url": redis.tls_url(), "username": "teplo", "password": f"${{file:{secret}}}",
        "tls_ca": str(authority.ca), "tick": "100ms",
    }  # fmt: skip
    broker = start_broker({"raw": raw.url}, options={"redis": options, "log_level": "debug"})
    broker.wait_log("redis_up")
    broker.client().call("echo")
    broker.admin("teplo/flush")
    shown = broker.admin("teplo/config")
    assert shown["teplo"]["redis"]["password"] == "(secret)"
    seen = [str(shown), broker.program.output(), process_file(broker, "cmdline"), process_file(broker, "environ")]
    seen += [str(redis("HGETALL", key)) for key in redis.keys("teplo:*:[ip]:*")]
    assert [text for text in seen if "canary" in text] == []


def process_file(broker, name):
    with open(f"/proc/{broker.program.pid}/{name}", encoding="utf-8") as file:
        return file.read()


def test_a_password_on_the_command_line_is_refused(start_broker):
    broker = start_broker(
        arguments=["--server", "a=http://127.0.0.1:1/", "--redis", "redis://u:canary-1@h"], ready=False
    )
    assert broker.program.wait() == 78
    output = broker.program.output()
    assert "list of processes" in output and "canary" not in output
