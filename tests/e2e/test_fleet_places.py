# SPDX-License-Identifier: MIT
"""A fleet is found where its Redis is: through TLS, behind sentinels, in a cluster."""

import json

import pytest

from harness import RedisServer, wait_until
from harness.fleet_seed import FleetSeed
from redis_places import Authority, Cluster, Sentinel, TlsRedis
from teploctl_runner import NO_BROKER, OK, run


@pytest.fixture(scope="module")
def authority():
    authority = Authority()
    yield authority
    authority.done()


@pytest.fixture(scope="module")
def tls_redis(authority):
    redis = TlsRedis(authority)
    FleetSeed(redis).write()
    yield redis
    redis.done()


def look(url, **env):
    return run(None, "top", "--json", "--timeout", "2s", env={"TEPLO_REDIS_URL": url, **env})


def pools_of(ended):
    return [pool["pool"] for pool in json.loads(ended.expect(OK).out)["pools"]]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_tls(authority, tls_redis, host):
    url = tls_redis.tls_url(host)
    assert "search" in pools_of(look(url, TEPLO_REDIS_CA=str(authority.ca)))
    assert "search" in pools_of(look(url, SSL_CERT_FILE=str(authority.ca)))


def test_much_through_tls(authority, tls_redis):
    """More than one record each way."""
    seed = FleetSeed(tls_redis, namespace="big", pools={f"pool-{n}": "healthy" for n in range(150)})
    seed.write()
    ended = run(
        None, "top", "--json", "--namespace", "big", "--redis", tls_redis.tls_url(),
        env={"TEPLO_REDIS_CA": str(authority.ca)},
    )  # fmt: skip
    view = json.loads(ended.expect(OK).out)
    assert len(view["pools"]) == 150 and all(len(pool["brokers"]) == 3 for pool in view["pools"])


def test_who_is_not_known_is_not_told_the_password(authority, tls_redis):
    url = tls_redis.tls_url().replace("://", "://user:hidden@")
    look(url).expect(NO_BROKER, "TEPLO_REDIS_CA")
    look(url, TEPLO_REDIS_CA="/dev/null").expect(NO_BROKER, "TEPLO_REDIS_CA")
    assert "hidden" not in look(url).err
    # Right CA, wrong name.
    stranger = TlsRedis(authority, authority.issue("DNS:other.example"))
    try:
        look(stranger.tls_url(), TEPLO_REDIS_CA=str(authority.ca)).expect(NO_BROKER, "not for localhost")
    finally:
        stranger.done()


def test_a_port_without_tls_and_one_with(authority, tls_redis):
    ca = str(authority.ca)
    words = ["top", "--json", "--timeout", "300ms", "--redis", f"rediss://localhost:{tls_redis.port}"]
    run(None, *words, env={"TEPLO_REDIS_CA": ca}).expect(NO_BROKER, "is that a TLS port?")
    look(f"redis://localhost:{tls_redis.tls_port}").expect(NO_BROKER, "closed the connection")


def test_a_server_that_wants_a_certificate(authority, cleanup):
    redis = cleanup.maker(TlsRedis)(authority, None, "yes")
    FleetSeed(redis).write()
    cert, key = authority.issue()
    ca = str(authority.ca)
    look(redis.tls_url(), TEPLO_REDIS_CA=ca).expect(NO_BROKER, "TEPLO_REDIS_CERT")
    ended = look(redis.tls_url(), TEPLO_REDIS_CA=ca, TEPLO_REDIS_CERT=str(cert), TEPLO_REDIS_KEY=str(key))
    assert "search" in pools_of(ended)


def test_sentinels_are_asked(cleanup, start_redis):
    redis = start_redis()
    sentinel = cleanup.maker(Sentinel)(redis)
    FleetSeed(redis).write()
    gone = RedisServer()
    gone.done()
    url = f"sentinel://127.0.0.1:{gone.port},127.0.0.1:{sentinel.port}/m"
    assert "search" in pools_of(look(url))
    look(url.replace("/m", "/other")).expect(NO_BROKER, "sentinel")


def test_a_cluster_is_followed(cleanup):
    cluster = cleanup.maker(Cluster)("teplo:{main}:v1:meta")
    FleetSeed(cluster.owner).write()
    for node in cluster.nodes:
        assert "search" in pools_of(look(f"redis://127.0.0.1:{node.port}"))
    ended = run(None, "redis", "purge", "--ns", "main", "--yes", "--force", "--redis", cluster.others[0].url)
    assert "removed 31 keys" in ended.expect(OK).out
    wait_until(lambda: cluster.owner("DBSIZE") == 0, "all is removed")
