# SPDX-License-Identifier: MIT
"""The page in front of real brokers, a real Redis and calls under way."""

import re
import time

import pytest
from playwright.sync_api import expect

from real_fleet import RealFleet
from stand import places, wait_until


@pytest.fixture
def start_fleet(cleanup):
    return cleanup.maker(RealFleet)


def test_calls_are_seen_and_a_killed_broker_is_dead(redis, start_fleet, start_dash, open_page):
    fleet = start_fleet(redis, 3)
    for broker in range(3):
        fleet.load(broker, "graph", "--rate", "40")
    dash = start_dash(redis)
    view = dash.wait_fleet(
        lambda view: len([b for b in view["brokers"] if b["live"]]) == 3 and view["fleet"] and (view["fleet"]["calls_total"] or 0) > 100,
        "three brokers, and their calls",
    )
    assert {pool["pool"] for pool in view["pools"]} == {"graph", "search"}
    page = open_page(dash)
    graph = page.locator("#pool-table tr.row", has_text="graph")
    expect(page.locator("#tile-brokers .value")).to_have_text("3 live")
    expect(graph.locator('td[data-label="Calls/s"]')).to_have_text(re.compile(r"^[1-9][\d.]+$"))
    # A broker's own quantiles are there at once, those of all together with the next histograms.
    graph.locator(".expander").click()
    expect(page.locator('tr.detail tbody td[data-label="p95"]').first).to_have_text(re.compile("ms$"))
    before = page.locator("#broker-table tbody tr td[data-label=Calls]").first.inner_text()
    expect(page.locator("#broker-table tbody tr td[data-label=Calls]").first).not_to_have_text(before)

    name = fleet.instance(2, dash)
    third = page.locator(f'#broker-table tr[data-inst="{name}"]')
    expect(third).to_contain_text("serving")
    fleet.brokers[2].program.kill()
    killed = time.monotonic()
    expect(third).to_contain_text("DEAD", timeout=10000 * places.SLOWNESS)
    took = time.monotonic() - killed
    # Three seconds, and half a one for a machine that has other things to do.
    assert took < 3.5 * places.SLOWNESS, f"dead for {took:.1f} s before the page said so"
    expect(page.locator("#tile-brokers")).to_contain_text("2 live")
    expect(page.locator("#tile-brokers")).to_contain_text("1 dead")
    # Its calls are gone with it; those of the others go on.
    expect(graph.locator('td[data-label="Calls/s"]')).to_have_text(re.compile(r"^[1-9]"))
    print(f"shown dead after {took:.2f} s")


def test_an_upstream_that_dies_is_seen(redis, start_fleet, start_dash, open_page):
    fleet = start_fleet(redis, 1, {"graph": {}})
    fleet.load(0, "graph", "--rate", "50")
    dash = start_dash(redis)
    dash.wait_fleet(lambda view: view["pools"] and (view["pools"][0]["ok_total"] or 0) > 20, "calls")
    page = open_page(dash)
    health = page.locator('#pool-table td[data-label="Health"]')
    fleet.servers["graph"].kill()
    expect(health).to_contain_text(re.compile("unhealthy|circuit open"), timeout=30000 * places.SLOWNESS)
    expect(page.locator('#pool-table td[data-label="Last error"]')).to_contain_text(re.compile("[a-z]"))
    expect(page.locator("#event-table")).to_contain_text("graph")
    wait_until(lambda: "graph" in page.locator("#announcer").inner_text(), "the change is said")
