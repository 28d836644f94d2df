# SPDX-License-Identifier: MIT
"""What the page shows, in a real browser, of a fleet that lives in a real Redis."""

import re

from playwright.sync_api import expect

DASH = "–"


def row(page, pool):
    return page.locator("#pool-table > tbody > tr.row", has=page.locator(".expander", has_text=re.compile(f"^{pool}$")))


def cell(page, pool, label):
    return row(page, pool).locator(f'td[data-label="{label}"]')


def broker(page, inst):
    return page.locator(f'#broker-table tr[data-inst="{inst}"]')


def tile(page, name):
    return page.locator(f"#tile-{name}")


def test_tiles(page):
    expect(tile(page, "health")).to_contain_text("circuit open")
    expect(tile(page, "health")).to_contain_text("for 2 min")
    expect(tile(page, "brokers").locator(".value")).to_have_text("3 live")
    expect(tile(page, "calls").locator(".value")).to_have_text("481.2 /s")
    expect(tile(page, "errors").locator(".value")).to_have_text("3.1 %")
    expect(tile(page, "latency")).to_contain_text("p50 38 · p99 880 ms")
    expect(tile(page, "waiting")).to_contain_text("oldest 1.2 s")
    expect(tile(page, "sessions").locator(".value")).to_have_text("36 / 84 / 120")
    expect(tile(page, "breakers").locator(".value")).to_have_text("1")
    expect(tile(page, "redis")).to_be_hidden()
    expect(page.locator("#banner")).to_be_hidden()
    expect(page.locator("#freshness")).to_contain_text("live")
    expect(page).to_have_title("circuit open · teplo")


def test_pools_worst_first(page):
    expect(page.locator("#pool-table .expander")).to_have_text(["search", "jira", "github", "wiki"])
    expect(cell(page, "jira", "Health")).to_contain_text("degraded")
    expect(cell(page, "jira", "Why")).to_contain_text("calls fail, sessions broken: 6.1 % errors")
    expect(cell(page, "jira", "Waiting")).to_have_text("21 · 1.2 s")
    expect(cell(page, "jira", "Sessions")).to_have_text("9 / 9 / 6 of 30")
    expect(cell(page, "jira", "p99")).to_have_text("880 ms")
    expect(cell(page, "jira", "Lost")).to_have_text("36")
    expect(cell(page, "jira", "Cache")).to_have_text("31.0 %")
    expect(cell(page, "jira", "Last error")).to_contain_text("time-outs")
    expect(cell(page, "search", "Breaker")).to_have_text("open")
    expect(cell(page, "github", "Waiting")).to_have_text("0")


def test_values_change_live(page, heart):
    """An open row stays open, and what has the focus keeps it, while the rows move and change."""
    button = row(page, "wiki").locator(".expander")
    button.focus()
    page.keyboard.press("Enter")
    detail = page.locator("tr.detail")
    expect(detail.locator("tbody tr")).to_have_count(3)
    expect(cell(page, "wiki", "Calls/s")).to_have_text("120.3")
    with heart as seed:
        for figures in seed.rows["wiki"].values():
            figures |= {"rps": "99.9", "waiting": 11, "maxwait_ms": "4500", "health": "unhealthy", "health_code": 2, "health_reason": "sessions"}
    expect(cell(page, "wiki", "Calls/s")).to_have_text("299.7")
    expect(cell(page, "wiki", "Waiting")).to_have_text("33 · 4.5 s")
    expect(cell(page, "wiki", "Health")).to_contain_text("unhealthy")
    expect(page.locator("#pool-table .expander")).to_have_text(["search", "wiki", "jira", "github"])
    expect(detail.locator("tbody tr").first).to_contain_text("11 · 4.5 s")
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "true")
    with heart as seed:
        del seed.rows["github"], seed.pools["github"]
        seed.redis("ZREM", seed.key("pools"), "github")
        for inst in seed.brokers:
            seed.redis("DEL", seed.key(f"p:github:{inst}"))
        seed.redis("DEL", seed.key("f:github"))
    expect(page.locator("#pool-table .expander")).to_have_text(["search", "wiki", "jira"])
    expect(button).to_be_focused()


def test_open_row(page):
    row(page, "jira").locator(".expander").click()
    detail = page.locator("tr.detail")
    expect(detail).to_contain_text("http://jira.example:8080/mcp")
    expect(detail).to_contain_text(re.compile(r"errors by class\s*timeout 36, connect 24"))
    expect(detail).to_contain_text("broken > 0")
    members = detail.locator("tbody tr")
    expect(members).to_have_count(3)
    expect(members.nth(0)).to_contain_text("2 / 7 / 10")
    members.filter(has_text="i-web2").get_by_role("button").click()
    expect(page.locator("#session-broker")).to_have_value("i-web2-00000002")
    expect(page.locator("#session-pool")).to_have_value("jira")
    expect(page.locator("#session-table tbody tr")).to_have_count(2)
    row(page, "jira").locator("td").first.click()
    expect(detail).to_have_count(0)


def test_missing_is_not_zero(page, heart, redis):
    """A broker of an older version has fewer fields; where nobody reports a number there is none."""
    def strip():
        for name in ("waiting", "rps", "lat_p95_ms", "s_active", "sess_lost_total"):
            redis("HDEL", heart.seed.key("f:github"), name)
        redis("HDEL", heart.seed.key("fleet"), "waiting", "rps", "breakers_open")
        redis("HDEL", heart.seed.key("i:i-web1-00000001"), "cpu_pct", "rss_bytes", "fds", "fds_max", "uptime_s")

    with heart:
        heart.after = strip
    for label in ("Waiting", "Calls/s", "p95", "Err %", "Lost"):
        expect(cell(page, "github", label)).to_have_text(DASH)
    expect(cell(page, "github", "Sessions")).to_contain_text(DASH)
    for name in ("waiting", "calls", "breakers", "errors"):
        expect(tile(page, name).locator(".value")).to_have_text(DASH)
    for label in ("CPU", "Memory", "Files", "Up"):
        expect(broker(page, "i-web1-00000001").locator(f'td[data-label="{label}"]')).to_have_text(DASH)
    expect(broker(page, "i-web2-00000002").locator('td[data-label="CPU"]')).to_have_text("3.5 %")


def test_no_calls_no_share(page, heart):
    """A pool that nobody called has no latency and no share of errors."""
    with heart as seed:
        for figures in seed.rows["github"].values():
            figures |= {"rps": 0, "lat_p50_ms": 0, "lat_p95_ms": 0, "lat_p99_ms": 0, "err_pct": 0}
    expect(cell(page, "github", "Calls/s")).to_have_text("0.0")
    for label in ("Err %", "p50", "p95", "p99"):
        expect(cell(page, "github", label)).to_have_text(DASH)


def test_brokers(page, heart):
    first = broker(page, "i-web1-00000001")
    for text in ("web1", "serving", "0.1.0", "1 d 0 h", "c0ffee01", "3.5 %", "11.8 MB", "64 of 1,024", "0.40 ms · 2.1 ms", "up · 0.41 ms"):
        expect(first).to_contain_text(text)
    expect(page.locator("#broker-table .tag:visible")).to_have_count(0)
    with heart as seed:
        seed.instances["i-web2-00000002"]["cfg_hash"] = "0ddba115"
        seed.instances["i-web1-00000001"] |= {"redis_state": "slow", "state": "draining"}
    expect(broker(page, "i-web2-00000002").locator(".tag")).to_have_text("differs")
    expect(page.locator("#broker-table .tag:visible")).to_have_count(1)
    expect(page.locator("#brokers-note")).to_contain_text("2 configurations at once")
    expect(first).to_contain_text("slow")
    expect(first).to_contain_text("draining")


def test_sorting(page):
    head = page.get_by_role("columnheader", name="Lost", exact=True).first
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(page.locator("#pool-table .expander").last).to_have_text("wiki")
    name = page.get_by_role("columnheader", name="Pool", exact=True).first
    name.get_by_role("button").click()
    expect(head).not_to_have_attribute("aria-sort", re.compile("."))
    expect(name).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("#pool-table .expander")).to_have_text(["github", "jira", "search", "wiki"])
    name.get_by_role("button").click()
    expect(name).to_have_attribute("aria-sort", "descending")
    name.get_by_role("button").click()
    expect(page.locator("#pool-table .expander").first).to_have_text("search")


def test_events(page, heart):
    with heart as seed:
        seed.event("health", "warn", pool="jira", code="err_pct", msg="healthy to degraded")
        seed.event("breaker", "error", pool="search", code="connect", n=3, msg="open")
    rows = page.locator("#event-table tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("error")
    expect(rows.nth(0)).to_contain_text("search")
    page.select_option("#event-severity", "2")
    expect(rows).to_have_count(1)
    page.select_option("#event-severity", "0")
    page.select_option("#event-pool", "jira")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("healthy to degraded")
    page.select_option("#event-pool", "wiki")
    expect(page.locator("#events-none")).to_contain_text("None")


def test_charts(page):
    panels = page.locator("#chart-grid figure")
    expect(panels).to_have_count(6)
    for number in range(6):
        panel = panels.nth(number)
        assert panel.locator("svg.plot path").count() > 0
        expect(panel.locator("svg.plot")).to_have_attribute("aria-label", re.compile(r"^[A-Z][a-z ]+: .*\d"))
    values = page.locator("#panel-sessions tbody tr")
    expect(values).to_have_text([re.compile(name) for name in ("active", "idle", "connecting", "testing", "draining", "broken", "cap")])
    expect(page.locator("#panel-calls .event-tip, #panel-calls .event-mark").first).to_be_attached()


def test_charts_choice(page):
    with page.expect_request(re.compile(r"series\?pool=_fleet&range=24h$")):
        page.get_by_label("24 h").check()
    expect(page.locator("#charts-none")).to_be_visible()
    with page.expect_request(re.compile(r"series\?pool=jira&range=24h$")):
        page.select_option("#chart-pool", "jira")
    with page.expect_request(re.compile(r"series\?pool=jira&range=15m$")):
        page.get_by_label("15 min").check()
    expect(page.locator("#chart-grid")).to_be_visible()
    assert page.url.endswith("#pool=jira&range=15m")
    page.reload()
    expect(page.locator("#chart-pool")).to_have_value("jira")
    expect(page.get_by_label("15 min")).to_be_checked()


def test_charts_at_a_moment(page):
    """The slider, and the pointer, say what it was then, in all charts at once."""
    page.locator("#chart-grid").wait_for()
    slider = page.locator("#cursor")
    now = page.locator("#panel-waiting tbody tr td").first.inner_text()
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(page.locator("#cursor-text")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
    expect(page.locator("#panel-waiting thead")).to_contain_text("then")
    then = page.locator("#panel-waiting tbody tr td").first
    assert then.inner_text() != now
    page.keyboard.press("End")
    expect(page.locator("#cursor-text")).to_have_text("now")
    page.locator("#panel-latency svg.plot").hover(position={"x": 200, "y": 60})
    expect(page.locator("#panel-waiting thead")).to_contain_text("then")
    page.locator("h1").hover()
    expect(page.locator("#panel-waiting thead")).to_contain_text("now")


def test_rules(page):
    rules = page.locator("#rule-list li")
    expect(rules.filter(has_text="broken > 0")).to_contain_text("now: search, jira")
    expect(rules.filter(has_text="circuit open")).to_contain_text("now: search")
    expect(rules.filter(has_text="waiting > 0 and active = cap")).not_to_contain_text("now")


def test_paused_page_asks_nothing(page, heart):
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#freshness")).to_contain_text("paused")
    with heart as seed:
        seed.rows["wiki"]["i-web1-00000001"]["waiting"] = 5
    asked = len(page.watch.requests)
    page.wait_for_function("() => document.getElementById('freshness-text').textContent.match(/paused · [2-9] s/)")
    assert len(page.watch.requests) == asked
    expect(cell(page, "wiki", "Waiting")).to_have_text("0")
    page.get_by_role("button", name="Pause").click()
    expect(cell(page, "wiki", "Waiting")).to_contain_text("5")


def test_hidden_page_asks_nothing(page):
    page.locator("#chart-grid").wait_for()
    page.evaluate("""() => {
        Object.defineProperty(document, 'hidden', { configurable: true, value: true });
        document.dispatchEvent(new Event('visibilitychange'));
    }""")
    asked = len(page.watch.requests)
    page.wait_for_timeout(1500)  # in which a visible page asks once, at least
    assert len(page.watch.requests) == asked
    page.evaluate("() => { delete document.hidden; document.dispatchEvent(new Event('visibilitychange')); }")
    with page.expect_request(re.compile("api/v1/fleet")):
        pass


def test_policy_holds(page):
    """What the header promises, the browser keeps: no inline code, no markup out of text, no other origin."""
    page.watch.allowed = "Content Security Policy|Trusted(HTML|Script)|violates|Refused"
    refused = page.evaluate("""async () => {
        const found = [];
        try { document.body.innerHTML = '<b>x</b>'; } catch (e) { found.push('markup'); }
        const script = document.createElement('script');
        try { script.textContent = 'window.ran = 1'; document.body.append(script); } catch (e) { /* refused too */ }
        if (window.ran === undefined) found.push('script');
        try { await fetch('http://localhost:1/'); } catch (e) { found.push('fetch'); }
        return found;
    }""")
    page.watch.foreign.clear()
    assert refused == ["markup", "script", "fetch"]
