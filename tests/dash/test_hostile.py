# SPDX-License-Identifier: MIT
"""Texts in Redis that want to be more than text: in each field, whoever wrote it."""

import pytest
from playwright.sync_api import expect

from stand import FleetSeed

TEXTS = {
    "img": "<img src=x onerror=window.ran=1>",
    "script": "</script><script>window.ran=1</script>",
    "template": "${window.ran=1}{{constructor.constructor('window.ran=1')()}}",
    "url": "javascript:window.ran=1",
    "rtl": "\u202egnihtyreve\u2066\u2067 ok \u0000\u001b[31m\u0085",
    "long": "x" * 10000,
    "words": "many words " * 1000,
    "zalgo": "a" + "\u0301" * 3000,
    "proto": "__proto__",
    "quotes": "\"'`\\\n\r\t<>&",
}


def poison(redis, seed, pool, inst, text):
    """TEXT into every field of text there is, and into names."""
    for name in ("upstream", "transport", "era", "proto", "breaker", "health", "health_reason", "last_err_class"):
        redis("HSET", seed.key(f"f:{pool}"), name, text)
        redis("HSET", seed.key(f"p:{pool}:{inst}"), name, text)
    for name in ("host", "version", "state", "sock", "redis_state", "cfg_hash", "health", "health_reason"):
        redis("HSET", seed.key(f"i:{inst}"), name, text)
    for name in ("health", "health_reason", "reporter"):
        redis("HSET", seed.key("fleet"), name, text)
    redis("HSET", seed.key(f"cfg:{pool}"), text, text)
    redis("ZADD", seed.key("pools"), seed.now_ms, text)
    redis("ZADD", seed.key("inst"), seed.now_ms, text)
    redis("HSET", seed.key(f"f:{text}"), "health", text)
    redis("HSET", seed.key(f"i:{text}"), "health", text)
    redis("XADD", seed.key(f"tbl:sess:{inst}"), "*", *words("pool", "sess", "state", "proto", "inflight", text=text))


def words(*names, text):
    return [word for name in names for word in (name, text)]


LOOK = """() => ({
    ran: window.ran === undefined,
    alien: document.querySelectorAll('img, iframe, object, embed, video, a:not(.skip), script ~ *, [onerror]').length,
    scripts: document.scripts.length,
    overflow: document.documentElement.scrollWidth - innerWidth,
    longest: Math.max(...[...document.querySelectorAll('td:not([colspan]), th, dd, option, .note')].map((n) => n.textContent.length)),
    controls: /[\\u0000-\\u0008\\u001b\\u202a-\\u202e\\u2066-\\u2069]/.test(document.body.innerText),
    tallest: Math.max(...[...document.querySelectorAll('tr.row')].map((n) => n.offsetHeight)),
})"""


@pytest.mark.parametrize("first", range(0, len(TEXTS), 3))
def test_text_stays_text(first, redis, start_heart, start_dash, open_page):
    """Three texts at once, each in a pool and a broker of its own."""
    seed = FleetSeed(redis)
    texts = list(TEXTS.values())[first : first + 3]
    heart = start_heart(seed)
    for text in texts:
        redis("XADD", seed.key("ev"), "*", *words("type", "sev", "inst", "pool", "sess", "code", "n", "msg", text=text))
        redis("XADD", seed.key("ev"), "*", "type", "mark", "sev", "error", "pool", "jira", "msg", text)
    with heart:
        heart.after = lambda: [poison(redis, seed, *each) for each in zip(seed.pools, seed.brokers, texts)]
    dash = start_dash(redis)
    dash.wait_pools(4)
    page = open_page(dash)
    for pool in ("github", "jira", "search"):
        page.locator("#pool-table .expander", has_text=pool).click()
    page.select_option("#session-broker", seed.brokers[0])
    page.locator("#session-table tbody tr").first.wait_for()
    expect(page.locator("tr.detail tbody tr")).to_have_count(9)
    expect(page.locator("#event-table tbody tr").first).to_be_visible()
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        found = page.evaluate(LOOK)
        assert found["ran"] and found["alien"] == 0 and found["scripts"] == 1
        assert found["overflow"] <= 0
        assert found["longest"] < 1000
        assert not found["controls"]
        assert found["tallest"] < 700
