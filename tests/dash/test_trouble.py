# SPDX-License-Identifier: MIT
"""Redis, brokers and teplo-dash itself in trouble: said in words, and over when it is over."""

import re

from playwright.sync_api import expect

from stand import FleetSeed


def ready(open_page, dash, **options):
    page = open_page(dash, **options)
    expect(page.locator("#freshness")).to_contain_text("live")
    page.locator("#pool-table tbody tr").first.wait_for()
    return page


def expect_well(page):
    expect(page.locator("#banner")).to_be_hidden()
    expect(page.locator("#tile-redis")).to_be_hidden()
    expect(page.locator("#freshness")).to_contain_text("live")


def test_redis_stops_and_comes_back(dash, redis, heart, open_page):
    page = ready(open_page, dash)
    redis.kill()
    expect(page.locator("#banner")).to_contain_text("Redis cannot be reached")
    expect(page.locator("#banner")).to_contain_text(re.compile(r"What is below is \d+ s old"))
    expect(page.locator("#tile-redis")).to_contain_text("stale")
    expect(page.locator("#freshness")).to_contain_text("old")
    # What was known is still there, and says so.
    expect(page.locator("#pool-table tbody tr.row")).to_have_count(4)
    expect(page.locator("#announcer")).to_contain_text("Redis cannot be reached")
    redis.start()
    expect_well(page)
    expect(page.locator("#announcer")).to_contain_text("Redis is up")
    expect(page.locator("#pool-table tbody tr.row")).to_have_count(4)


def test_redis_freezes(dash, redis, heart, open_page):
    page = ready(open_page, dash)
    redis.freeze()
    expect(page.locator("#tile-redis")).to_contain_text(re.compile(r"stale \d+ s"))
    expect(page.locator("#banner")).to_contain_text("old")
    redis.thaw()
    expect_well(page)


def test_redis_is_empty(redis, start_dash, open_page):
    dash = start_dash(redis)
    page = open_page(dash)
    expect(page.locator("#banner")).to_contain_text("no broker has written anything")
    expect(page.locator("#pools-none")).to_contain_text("Nothing yet")
    expect(page.locator("#brokers-none")).to_contain_text("Nothing yet")
    expect(page.locator("#tile-brokers .value")).to_have_text("–")
    expect(page.locator("#tile-health")).to_contain_text("unknown")
    expect(page.locator("#charts-none")).to_contain_text("No samples yet")
    FleetSeed(redis).write()
    expect(page.locator("#pool-table tbody tr.row")).to_have_count(4)
    expect(page.locator("#pools-none")).to_be_hidden()


def test_redis_denies(redis, heart, start_dash, open_page):
    redis("ACL", "SETUSER", "reader", "on", ">secret", "~*", "+@all", "-hmget", "-hgetall", "-zrange")
    dash = start_dash(redis.url.replace("redis://", "redis://reader:secret@"))
    page = open_page(dash)
    expect(page.locator("#banner")).to_contain_text("Redis refuses us")
    expect(page.locator("#banner")).to_contain_text("permission")
    redis("ACL", "SETUSER", "reader", "+@all")
    expect_well(page)
    expect(page.locator("#pool-table tbody tr.row")).to_have_count(4)


def test_wrong_password(redis, heart, start_dash, open_page):
    redis("ACL", "SETUSER", "reader", "on", ">secret", "~*", "+@all")
    dash = start_dash(redis.url.replace("redis://", "redis://reader:wrong@"))
    page = open_page(dash)
    expect(page.locator("#banner")).to_contain_text("Redis refuses us")
    expect(page.locator("#pools-none")).to_contain_text("Redis refuses us")
    expect(page.locator("body")).not_to_contain_text("wrong@")


def test_broker_dies(dash, heart, open_page):
    page = ready(open_page, dash)
    third = page.locator('#broker-table tr[data-inst="i-web3-00000003"]')
    expect(third).not_to_contain_text("DEAD")
    with heart as seed:
        seed.silent_ms["i-web3-00000003"] = 5000
    expect(third).to_contain_text("DEAD")
    expect(third).to_contain_text(re.compile(r"since \d\d:\d\d:\d\d, \d+ s ago"))
    expect(page.locator("#tile-brokers")).to_contain_text("2 live")
    expect(page.locator("#tile-brokers")).to_contain_text("1 dead")
    expect(page.locator("#brokers-note")).to_contain_text("1 dead")
    expect(page.locator("#announcer")).to_contain_text("Broker i-web3-00000003 is dead")
    expect(page.locator("#session-broker option", has_text="web3")).to_have_count(0)


def test_brokers_all_die(dash, heart, open_page):
    """Nobody writes any more: what is shown grows old, and says so."""
    page = ready(open_page, dash)
    with heart:
        heart.hush = True
    expect(page.locator("#broker-table tr.is-dead")).to_have_count(3)
    expect(page.locator("#brokers-note")).to_contain_text("0 live brokers · 3 dead")
    expect(page.locator('#pool-table td[data-label="Health"]').first).to_contain_text("stale")


def test_dash_dies_and_comes_back(dash, heart, open_page):
    page = ready(open_page, dash)
    page.watch.allowed = "ERR_CONNECTION|ERR_EMPTY|ERR_INCOMPLETE"
    dash.kill()
    expect(page.locator("#freshness")).to_contain_text("connection to teplo-dash lost")
    expect(page.locator("#banner")).to_contain_text("Connection to teplo-dash lost")
    expect(page.locator("#pool-table tbody tr.row")).to_have_count(4)
    dash.start()
    expect_well(page)
    expect(page.locator("#announcer")).to_contain_text("Connected to teplo-dash")
