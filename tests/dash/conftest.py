# SPDX-License-Identifier: MIT
"""Fixtures.  Everything a test starts is stopped at its end; a page that complains fails its test."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from stand import CHROMIUM, Dash, FleetSeed, Heart, RedisServer, Watch, places  # noqa: E402


class Cleanup:
    def __init__(self):
        self.things = []

    def maker(self, kind):
        def make(*arguments, **keywords):
            thing = kind(*arguments, **keywords)
            self.things.append(thing)
            return thing

        return make

    def finish(self):
        failures = []
        for thing in reversed(self.things):
            try:
                thing.done()
            except Exception as failure:  # noqa: BLE001 - one failure must not hide the next
                failures.append(failure)
        if failures:
            raise failures[0]


@pytest.fixture
def cleanup():
    cleanup = Cleanup()
    yield cleanup
    cleanup.finish()


@pytest.fixture
def start_redis(cleanup):
    return cleanup.maker(RedisServer)


@pytest.fixture
def start_dash(cleanup):
    """start_dash(redis, "--title", "x") -> Dash"""
    return cleanup.maker(Dash)


@pytest.fixture
def start_heart(cleanup):
    """start_heart(seed) -> Heart"""
    return cleanup.maker(Heart)


@pytest.fixture(scope="module")
def shared():
    """A Dash and a living fleet for all tests of a file that change neither."""
    cleanup = Cleanup()
    redis = cleanup.maker(RedisServer)()
    cleanup.maker(Heart)(sampled(FleetSeed(redis)))
    dash = cleanup.maker(Dash)(redis)
    dash.wait_pools()
    yield dash
    cleanup.finish()


def sampled(seed):
    """An hour of samples of the fleet, ten minutes of a pool."""
    seed.write_samples("_fleet", 360)
    seed.write_samples("jira", 60)
    return seed


@pytest.fixture
def redis(start_redis):
    return start_redis()


@pytest.fixture
def heart(redis, start_heart):
    """Three brokers and four pools, of which two are ill."""
    return start_heart(sampled(FleetSeed(redis)))


@pytest.fixture
def dash(redis, heart, start_dash):
    dash = start_dash(redis)
    dash.wait_pools()
    return dash


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Its own sandbox needs rights that root in a container does not have.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser):
    """open_page(dash, width=, height=, color_scheme=) -> page, whose `watch` looks it over."""
    contexts, watches = [], []

    def open_page(dash, width=1280, height=900, path="", **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(8000 * places.SLOWNESS)
        contexts.append(context)
        page = context.new_page()
        page.watch = Watch(page, dash.url)
        watches.append(page.watch)
        page.goto(dash.url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    for watch in watches:
        watch.check()


@pytest.fixture
def page(dash, open_page):
    """The page of the fleet of `heart`, once it shows it."""
    page = open_page(dash)
    page.locator("#pool-table tbody tr").first.wait_for()
    return page
