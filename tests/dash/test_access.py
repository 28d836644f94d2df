# SPDX-License-Identifier: MIT
"""For everyone: by keyboard, by ear, in the dark, on a small screen."""

import pathlib
import re

import axe_playwright_python
import pytest
from playwright.sync_api import expect

AXE = (pathlib.Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


def violations(page, where="document", **options):
    page.evaluate(AXE)
    options = {"resultTypes": ["violations"], **options}
    found = page.evaluate(f"(options) => axe.run({where}, options)", options)
    return [(each["id"], [node["html"][:200] for node in each["nodes"]][:3]) for each in found["violations"]]


def settled(open_page, dash, **options):
    page = open_page(dash, **options)
    page.locator("#pool-table tbody tr").first.wait_for()
    page.locator("#chart-grid").wait_for()
    page.locator("#session-table tbody tr").first.wait_for()
    return page


# Colours do not depend on the width, and the rest does not on the colours.
CONTRAST = {"runOnly": ["color-contrast"]}
ALL_ELSE = {"rules": {"color-contrast": {"enabled": False}}}


@pytest.mark.parametrize("scheme, width, options", [("light", 1440, {}), ("dark", 1440, CONTRAST), ("light", 390, ALL_ELSE)])
def test_axe(shared, open_page, scheme, width, options):
    page = settled(open_page, shared, color_scheme=scheme, width=width)
    page.locator("#pool-table .expander").nth(1).click()
    page.locator("tr.detail tbody tr").first.wait_for()
    assert violations(page, **options) == []


def test_axe_help(shared, open_page):
    page = settled(open_page, shared)
    page.keyboard.press("?")
    page.locator("#help-dialog").wait_for()
    assert violations(page, "'#help-dialog'") == []


def test_landmarks_and_headings(shared, open_page):
    page = settled(open_page, shared)
    for role in ("banner", "main", "contentinfo"):
        expect(page.get_by_role(role)).to_have_count(1)
    headings = page.get_by_role("heading").all_inner_texts()
    assert headings == ["teplo", "Fleet", "Pools", "History", "Brokers", "Events", "Sessions", "How to read it"]
    for name in headings[1:]:
        expect(page.get_by_role("region", name=name, exact=True).first).to_be_attached()
    expect(page.get_by_role("main")).to_match_aria_snapshot("""
    - region "Fleet":
      - heading "Fleet" [level=2]
      - term: Fleet
      - definition: circuit open
    - region "Pools":
      - heading "Pools" [level=2]
    - region "History":
      - heading "History" [level=2]
    - region "Brokers":
      - heading "Brokers" [level=2]
    - region "Events":
      - heading "Events" [level=2]
    - region "Sessions":
      - heading "Sessions" [level=2]
    - region "How to read it":
      - heading "How to read it" [level=2]
    """)


@pytest.mark.parametrize("width", [1280, 390])
def test_tables_are_tables(shared, open_page, width):
    """Also where rows are laid out as cards."""
    page = settled(open_page, shared, width=width)
    table = page.get_by_role("table", name="Pools, worst first")
    expect(table.get_by_role("columnheader", name="Waiting")).to_have_count(1)
    expect(table.get_by_role("row").filter(has_text="jira").get_by_role("rowheader")).to_have_text("jira")
    assert page.locator("table > thead th:not([scope=col]), table > tbody > tr > th:not([scope=row])").count() == 0
    expect(page.get_by_role("table", name="Latency: the values").get_by_role("rowheader", name="p95")).to_have_count(1)


def test_walk_by_keyboard(shared, open_page):
    """Every control is reached, in the order of the page, is seen to be, and lets go again."""
    page = settled(open_page, shared, width=1280)
    seen = []
    for _ in range(120):
        page.keyboard.press("Tab")
        where = page.evaluate("""() => {
            const node = document.activeElement;
            if (!node || node === document.body) return null;
            const style = getComputedStyle(node.closest('label.field') ? node : node.parentElement.matches('.ranges label') ? node.parentElement : node);
            const box = node.getBoundingClientRect();
            return { what: node.id || node.name || node.textContent.trim().slice(0, 20), y: box.top + scrollY,
                     outline: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2, height: box.height };
        }""")
        if where is None:
            break
        seen.append(where)
    assert where is None, "the focus never leaves the page"
    names = [each["what"] for each in seen]
    for name in ("pause", "theme", "help", "pool-scroll", "search", "jira", "chart-pool", "range", "cursor", "event-pool", "event-severity", "session-broker", "session-pool"):
        assert name in names, name
    assert names[0] == "Skip to the pools"
    assert [name for name in names if name in ("theme", "search", "chart-pool", "event-pool", "session-pool")] == ["theme", "search", "chart-pool", "event-pool", "session-pool"]
    assert not [each for each in seen if not each["outline"]]


def test_skip_link(shared, open_page):
    page = settled(open_page, shared)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#pools")).to_be_focused()


def test_single_keys(shared, open_page):
    page = settled(open_page, shared)
    page.keyboard.press("j")
    expect(page.locator("#pool-table .expander").nth(0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("tr.detail")).to_be_visible()
    page.keyboard.press("k")
    expect(page.locator("#pool-table .expander").nth(0)).to_be_focused()
    page.keyboard.press("[")
    expect(page.get_by_label("15 min")).to_be_checked()
    page.keyboard.press("]")
    expect(page.get_by_label("1 h", exact=True)).to_be_checked()
    page.keyboard.press("p")
    expect(page.locator("#pause")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("p")
    page.locator("#event-pool").focus()
    page.keyboard.press("p")
    expect(page.locator("#pause")).to_have_attribute("aria-pressed", "false")
    page.locator("h1").click()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Help")
    expect(dialog).to_be_visible()
    dialog.get_by_label("single keys are on").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("p")
    expect(page.locator("#pause")).to_have_attribute("aria-pressed", "false")
    page.reload()
    page.locator("#pool-table tbody tr").first.wait_for()
    page.keyboard.press("?")
    expect(dialog).to_be_hidden()


def test_only_changes_of_health_are_said(page, heart):
    announcer = page.locator("#announcer")
    expect(announcer).to_have_attribute("aria-live", "polite")
    assert page.locator("[aria-live], [role=status], [role=alert], [role=log]").count() == 1
    with heart as seed:
        for figures in seed.rows["wiki"].values():
            figures |= {"waiting": 3, "rps": "77"}
    expect(page.locator("#pool-table tr", has_text="wiki")).to_contain_text("231.0")
    expect(announcer).to_be_empty()
    with heart as seed:
        for figures in seed.rows["wiki"].values():
            figures |= {"health": "degraded", "health_code": 1}
    expect(announcer).to_have_text("Pool wiki is degraded")


def luminance(page):
    red, green, blue = map(int, re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))[:3])
    return (red + green + blue) / 3


def test_themes(shared, open_page):
    page = settled(open_page, shared, color_scheme="dark")
    assert luminance(page) < 60
    button = page.locator("#theme")
    button.click()
    expect(button).to_have_text("Theme: light")
    assert luminance(page) > 200
    page.reload()
    expect(button).to_have_text("Theme: light")
    assert luminance(page) > 200
    button.click()
    assert luminance(page) < 60
    button.click()
    expect(button).to_have_text("Theme: system")
    page.emulate_media(color_scheme="light")
    assert luminance(page) > 200


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1440, 2560])
def test_no_page_is_wider_than_its_window(shared, open_page, width):
    page = settled(open_page, shared, width=width)
    page.locator("#pool-table .expander").nth(1).click()
    page.locator("tr.detail tbody tr").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.keyboard.press("?")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_reduced_motion(shared, open_page):
    page = settled(open_page, shared, reduced_motion="reduce")
    assert page.evaluate("getComputedStyle(document.querySelector('.expander'), '::before').transitionDuration") in ("0s", "")
    moving = settled(open_page, shared)
    assert moving.evaluate("getComputedStyle(document.querySelector('.expander'), '::before').transitionDuration") != "0s"


def test_colour_is_never_alone(shared, open_page):
    page = settled(open_page, shared)
    for health in page.locator(".health:visible").all():
        assert health.inner_text().strip() and health.locator("svg path").count() == 1
