#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the pictures of README in deploy/screenshots, of three real brokers under load.

    build/venvs/dash/bin/python tests/dash/screenshots.py [--minutes 13] [--out deploy/screenshots]

Healthy first, then a server that has become slow and one that is gone, then a broker that was
killed.  Wants Debian's pngquant; the letters are those that this machine has, and fonts-inter looks
best.
"""

import argparse
import os
import pathlib
import random
import subprocess
import time

from playwright.sync_api import expect, sync_playwright

from real_fleet import RealFleet
from stand import CHROMIUM, Dash, RedisServer, wait_until

REPO = pathlib.Path(__file__).resolve().parents[2]
POOLS = {"github": {"pool_size": 12}, "jira": {"pool_size": 6, "max_inflight_per_session": 1}, "search": {"pool_size": 8}, "wiki": {"pool_size": 8}}
DELAYS_MS = {"github": 35, "jira": 90, "search": 60, "wiki": 20}
RATES = {"github": 40, "jira": 12, "search": 18, "wiki": 3}
MIX = "echo:90:5ms,list_issues:8:140ms,get_file:2:420ms"
CLIENTS = ["--clients", "4", "--in-flight", "16"]
SIZES = {"": (1440, 1180), "-390": (390, 844)}
MAXIMUM_BYTES = 150_000


class Studio:
    def __init__(self, browser, dash, out):
        self.browser, self.dash, self.out = browser, dash, out

    def take(self, name, sizes=("",), schemes=("light", "dark"), **more):
        for size in sizes:
            for scheme in schemes:
                self.take_one(f"{name}-{scheme}{size}.png", SIZES[size], scheme, **more)

    def take_one(self, name, size, scheme, pool=None, section=None, shows="#broker-table tr"):
        viewport = {"width": size[0], "height": size[1]}
        context = self.browser.new_context(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
        page = context.new_page()
        page.goto(f"{self.dash.url}#pool=_fleet&range=15m")
        page.locator("#chart-grid path.area, #chart-grid path.line").first.wait_for(state="attached")
        expect(page.locator("#freshness")).to_contain_text("live")
        page.locator(shows).first.wait_for()
        if pool:
            page.locator(".expander", has_text=pool).click()
            page.locator("tr.detail tbody tr").first.wait_for()
        if section:
            page.locator(section).evaluate("node => node.scrollIntoView({ block: 'start' })")
        self.out.mkdir(parents=True, exist_ok=True)
        page.mouse.move(0, 0)
        page.screenshot(path=self.out / name)
        context.close()
        subprocess.run(["pngquant", "--force", "--ext", ".png", "--speed", "1", "--quality", "85-100", self.out / name], check=True)
        length = (self.out / name).stat().st_size
        print(f"{name}: {length} bytes", flush=True)
        assert length < MAXIMUM_BYTES, f"{name} is too large"


def busy(fleet, seconds, chance, brokers=3):
    """Calls beside the even ones come and go for so long."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        pool = chance.choice(list(POOLS))
        length = chance.randint(10, 40)
        fleet.load(chance.randrange(brokers), pool, *CLIENTS, "--rate", str(chance.randint(2, 25)), "--mix", MIX, duration=f"{length}s")
        time.sleep(min(left, chance.uniform(2, 8)))


def make_ill(fleet, dash):
    fleet.servers["jira"].set(delay_ms=700)
    fleet.servers["wiki"].set(fault="error", fault_every=9)
    fleet.servers["search"].kill()
    wait_until(lambda: {p["pool"] for p in dash.fleet()["pools"] if p["health_code"] in (1, 2, 3)} >= {"jira", "search"}, "two pools are ill", 120)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--minutes", type=float, default=13)
    arguments.add_argument("--out", type=pathlib.Path, default=REPO / "deploy/screenshots")
    arguments = arguments.parse_args()
    chance = random.Random(3)
    redis = RedisServer()
    fleet = RealFleet(redis, 3, POOLS)
    dash = Dash(redis)
    try:
        for pool, delay in DELAYS_MS.items():
            fleet.servers[pool].set(delay_ms=delay)
            for broker in range(3):
                fleet.load(broker, pool, *CLIENTS, "--rate", str(RATES[pool]), "--mix", MIX)
        with sync_playwright() as playwright:
            options = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
            studio = Studio(browser, dash, arguments.out)
            busy(fleet, 60 * arguments.minutes, chance)
            studio.take("healthy")
            make_ill(fleet, dash)
            busy(fleet, 45, chance)
            studio.take("degraded", pool="jira")
            studio.take("degraded", sizes=("-390",))
            fleet.brokers[2].program.kill()
            dash.wait_fleet(lambda view: view["fleet"] and view["fleet"]["inst_dead"] == 1, "a broker is dead")
            busy(fleet, 8, chance, brokers=2)
            studio.take("dead-broker", section="#charts", shows="#broker-table tr.is-dead")
            browser.close()
    finally:
        dash.kill()
        fleet.done()
        redis.done()


main()
