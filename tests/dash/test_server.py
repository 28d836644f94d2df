# SPDX-License-Identifier: MIT
"""teplo-dash as a server: what it answers, what it refuses, and that nothing wears it out."""

import json
import random
import socket
import string
import subprocess
import time

import pytest

from stand import TEPLO_DASH, places, wait_until

ANSWERS = ["/", "/api/v1/fleet", "/api/v1/series?pool=jira&range=15m", "/api/v1/sessions?inst=i-web1-00000001", "/healthz"]


def raw(dash, data, seconds=3):
    """All that comes back for DATA; b"" for nothing."""
    with socket.create_connection(("127.0.0.1", dash.port), seconds) as connection:
        connection.sendall(data)
        received = b""
        try:
            while part := connection.recv(65536):
                received += part
        except (TimeoutError, ConnectionResetError):
            pass
        return received


@pytest.mark.parametrize("path", ANSWERS)
def test_answers(shared, path):
    status, headers, body = shared.get(path)
    assert status == 200
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in headers
    assert headers.get_all("Content-Length") == [str(len(body))]
    status, head, nothing = shared.get(path, method="HEAD")
    assert (status, nothing) == (200, b"")
    assert head["Content-Type"] == headers["Content-Type"]
    if path == "/":
        assert head["Content-Length"] == headers["Content-Length"]


def test_policy_allows_nothing_inline(shared):
    policy = shared.get("/")[1]["Content-Security-Policy"]
    assert "unsafe" not in policy and "*" not in policy and "http" not in policy
    assert "script-src 'sha256-" in policy and "style-src 'sha256-" in policy
    assert "connect-src 'self'" in policy and "require-trusted-types-for 'script'" in policy


def test_fleet(shared):
    view = shared.fleet()
    assert view["v"] == 1 and view["redis"]["state"] == "up"
    assert [pool["pool"] for pool in view["pools"]] == ["search", "jira", "github", "wiki"]
    assert len(view["brokers"]) == 3 and view["events"][0]["type"] == "start"


def test_series_and_sessions(shared):
    series = shared.json("/api/v1/series?pool=jira&range=15m")
    assert series["pool"] == "jira" and series["step_ms"] == 10000
    assert series["fields"][:2] == ["at_ms", "calls"] and len(series["rows"]) in (60, 59)
    assert len(shared.json("/api/v1/series?range=1h")["rows"]) > 300
    assert shared.json("/api/v1/series?pool=jira&range=24h")["rows"] == []
    sessions = shared.json("/api/v1/sessions?inst=i-web1-00000001")
    assert sessions["inst"] == "i-web1-00000001" and len(sessions["sessions"]) == 8


def test_not_modified(dash, heart):
    with heart as seed:
        heart.hush = True
        del seed
    # Only the moment changes from one reading to the next; some two requests are within one.
    def unchanged():
        etag = dash.get("/api/v1/fleet")[1]["ETag"]
        status, headers, body = dash.get("/api/v1/fleet", headers={"If-None-Match": etag})
        assert status in (200, 304)
        assert (status == 304) == (headers["ETag"] == etag) and (status != 304 or body == b"")
        assert int(headers["Teplo-Age-Ms"]) >= 0
        return status == 304

    wait_until(unchanged, "an answer that has not changed")
    assert dash.get("/api/v1/fleet", headers={"If-None-Match": '"other"'})[0] == 200


@pytest.mark.parametrize("path", ["/x", "/api", "/api/v1/", "/index.html", "/api/v1/fleet/", "/..", "/%2e%2e/etc/passwd", "/api/v1/fleet%00"])
def test_404(shared, path):
    status, headers, body = shared.get(path)
    assert status == 404 and "error" in json.loads(body)
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_405(shared, method):
    status, headers, _ = shared.get("/api/v1/fleet", method=method)
    assert status == 405 and headers["Allow"] == "GET, HEAD"


def test_other_methods_are_unknown(shared):
    assert shared.get("/", method="BREW")[0] == 501
    assert raw(shared, b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", seconds=0.3).split()[1] in (b"405", b"501")


@pytest.mark.parametrize(
    "query",
    ["pool=jira&pool=wiki", "pool=", "pool=../x", "pool=%6aira", "pool=JIRA", "range=2h", "range=", "pool=jira&x=1", "pool", "&", "=", "inst=i-web1-00000001",
     "pool=" + "a" * 33, "pool=jira&range=1h;drop"],
)  # fmt: skip
def test_400(shared, query):
    status, _, body = shared.get(f"/api/v1/series?{query}")
    assert status == 400 and "error" in json.loads(body)
    assert shared.get(f"/api/v1/fleet?{query}")[0] == 400
    assert shared.get(f"/api/v1/sessions?{query}")[0] == (200 if query.startswith("inst=") else 400)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "localhost.", "127.0.0.1", "127.9.9.9:1", "[::1]:9465"])
def test_host_is_ours(shared, host):
    assert shared.get("/api/v1/fleet", host=host)[0] == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::2]", "localhost:x", "evil@localhost", "", "0x7f000001", "2130706433"],
)
def test_host_is_not_ours(shared, host):
    reply = raw(shared, f"GET /api/v1/fleet HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert reply.split()[1] == b"403" and b'"pools"' not in reply


def test_host_is_missing(shared):
    assert raw(shared, b"GET /api/v1/fleet HTTP/1.0\r\n\r\n").split()[1] == b"403"
    reply = raw(shared, b"GET http://evil.example/api/v1/fleet HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert reply.split()[1] == b"403"


def test_host_named(redis, start_dash):
    dash = start_dash(redis, "--host", "dash.example", "--host", "other.example")
    assert dash.get("/", host="dash.example")[0] == 200
    assert dash.get("/", host="Other.example:8443")[0] == 200
    assert dash.get("/", host="evil.example")[0] == 403


RUBBISH = [
    b"\x00\xff" * 200 + b"\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET " + b"a" * 20000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n\r\nabc",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    b"\r\n\r\n\r\n",
    b"GET\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
]


def test_rubbish(shared):
    for data in RUBBISH:
        reply = raw(shared, data, seconds=0.3)
        assert reply == b"" or reply.split()[1][:1] in b"45", (data[:40], reply[:100])
    assert shared.get("/healthz")[0] == 200


def test_fuzzed_requests(shared):
    chance = random.Random(7)
    letters = string.printable.replace("\n", "").replace("\r", "").replace(" ", "") + "\x00é%"
    words = ["pool=", "range=", "inst=", "jira", "1h", "&", "%00", "%", "/", "?", "#", "_fleet", "api/v1/series", "\\", ":", "@", "[", "]"]
    for _ in range(300):
        parts = [chance.choice(words) if chance.random() < 0.7 else chance.choice(letters) for _ in range(chance.randrange(1, 30))]
        path = chance.choice(["/api/v1/series?", "/api/v1/sessions?", "/", "/api/v1/fleet?"]) + "".join(parts)
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode("utf-8", "replace")
        reply = raw(shared, request)
        assert reply[:9] == b"HTTP/1.1 " and reply.split()[1] in (b"200", b"400", b"403", b"404", b"503"), (path, reply[:200])
    assert shared.get("/healthz")[0] == 200


def test_nothing_grows(dash):
    paths = [*ANSWERS, "/nowhere"]

    def requests(count):
        for number in range(count // 20):
            with socket.create_connection(("127.0.0.1", dash.port), 10) as connection:
                stream = connection.makefile("rb")
                for each in range(20):
                    path = paths[(number + each) % 6].encode()
                    connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    read_reply(stream)

    requests(400)
    before = dash.rss_bytes(), dash.open_files()
    requests(2000)
    wait_until(lambda: dash.open_files() <= before[1] + 2, "connections are closed")
    # A sanitizer keeps what was freed for a while.
    assert dash.rss_bytes() - before[0] < (64 if dash.is_sanitized() else 2) << 20


def read_reply(stream):
    status = stream.readline()
    assert status.startswith(b"HTTP/1.1 "), status
    length = 0
    while (line := stream.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    assert len(stream.read(length)) == length


def test_clients_that_leave(dash, redis):
    """Who asked for samples and went away is not missed."""
    redis.freeze()
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", dash.port), 5) as connection:
            connection.sendall(b"GET /api/v1/series?pool=wiki&range=6h HTTP/1.1\r\nHost: localhost\r\n\r\n")
    redis.thaw()
    assert wait_until(lambda: dash.get("/api/v1/series?pool=wiki&range=6h")[0] == 200, "samples are there again")


def test_frozen_redis_holds_up_nobody(dash, redis):
    redis.freeze()
    started = time.monotonic()
    for _ in range(50):
        assert dash.get("/api/v1/fleet")[0] == 200
    assert time.monotonic() - started < 1 * places.SLOWNESS
    status, _, body = dash.get("/api/v1/series?pool=github&range=1h")
    assert status == 503 and json.loads(body)["error"]
    redis.thaw()
    dash.wait_fleet(lambda view: view["redis"]["state"] == "up" and view["redis"]["age_ms"] < 1000, "Redis is read again")


# ---- its start and end


def run(*arguments, env=None):
    return subprocess.run([TEPLO_DASH, *arguments], capture_output=True, text=True, timeout=20, env=env)


@pytest.mark.parametrize(
    "arguments",
    [["--listen", "9465"], ["--listen", "host.example:1"], ["--listen", "127.0.0.1:65536"], ["--listen", "127.0.0.1"], ["--redis", "http://x"],
     ["--namespace", "A B"], ["--nonsense"], ["word"], ["--title", "x" * 101], ["--title", "\udcff"], ["--redis-password-file", "/nowhere"], ["--listen"]],
)  # fmt: skip
def test_wrong_usage(arguments):
    ended = run(*arguments)
    assert ended.returncode == 2 and ended.stderr.startswith("teplo-dash: ")


def test_help_and_version():
    assert run("--version").stdout.startswith("teplo-dash ")
    assert "--redis-password-file" in run("--help").stdout


def test_place_is_taken(dash):
    ended = run("--listen", f"127.0.0.1:{dash.port}")
    assert ended.returncode == 1 and "in use" in ended.stderr


def test_password_from_file(start_redis, start_dash, tmp_path):
    redis = start_redis()
    redis("CONFIG", "SET", "requirepass", "p%40ss/word:1")
    (tmp_path / "password").write_text("p%40ss/word:1\nnot this\n")
    dash = start_dash(redis.url, "--redis-password-file", str(tmp_path / "password"))
    dash.wait_fleet(lambda view: view["redis"]["state"] == "empty", "Redis lets us in")
    denied = start_dash(redis.url)
    view = denied.wait_fleet(lambda view: view["redis"]["state"] == "denied", "Redis lets us not in")
    assert "word:1" not in json.dumps(view)


def test_secret_is_never_said(start_dash):
    dash = start_dash("redis://u:hunter2@127.0.0.1:1/0")
    view = dash.wait_fleet(lambda view: view["redis"]["state"] == "down", "Redis is down")
    assert "hunter2" not in json.dumps(view) + dash.program.output()
    assert "hunter2" not in run("--redis", "redis://u:hunter2@h:port").stderr


@pytest.mark.parametrize("url", ["rediss://u:hunter2@127.0.0.1:{port}", "sentinel://u:hunter2@127.0.0.1:{port}/master"])
def test_no_password_goes_where_it_should_not(start_dash, url):
    """What cannot be reached as it was asked for is not tried another way."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dash = start_dash(url.format(port=listener.getsockname()[1]))
        view = dash.wait_fleet(lambda view: view["redis"]["why"], "why it is down")
        assert view["redis"]["state"] == "down" and "hunter2" not in json.dumps(view)
        listener.settimeout(0)
        try:
            connection = listener.accept()[0]
            connection.settimeout(2)
            assert b"hunter2" not in connection.recv(4096)
        except BlockingIOError:
            pass


def test_read_only_rights_are_enough(redis, heart, start_dash):
    commands = "+ping +select +client|setname +hgetall +hmget +hget +hlen +zrange +zscore +zcard +xrange +xrevrange +xlen +xread +type +ttl +pttl +exists +time +scan"
    redis("ACL", "SETUSER", "reader", "on", ">secret", "%R~teplo:{main}:v1:*", *commands.split())
    dash = start_dash(redis.url.replace("redis://", "redis://reader:secret@"))
    view = dash.wait_pools(4)
    assert view["redis"]["state"] == "up" and view["redis"]["why"] == ""
    assert dash.json("/api/v1/series?pool=jira&range=15m")["rows"]
    assert dash.json("/api/v1/sessions?inst=i-web1-00000001")["sessions"]


def test_title_is_text(redis, start_dash):
    dash = start_dash(redis, "--title", '</title><script>alert(1)</script> & "x"')
    body = dash.get("/")[2]
    assert b"<title>&lt;/title&gt;&lt;script&gt;" in body and body.count(b"<script>") == 1


def test_other_addresses_are_warned_of(redis, start_dash):
    dash = start_dash(redis, listen="0.0.0.0:0")
    dash.program.lines.wait(lambda line: "warning" in line and "no login" in line, "the warning")
    assert dash.get("/", host="192.0.2.7:80")[0] == 200
    assert dash.get("/", host="evil.example")[0] == 403
