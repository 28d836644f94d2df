/* SPDX-License-Identifier: MIT */
/* The strip at the top: nine figures of the fleet, and a tenth when Redis is in trouble. */

const TILES = [
  { id: "health", label: "Fleet", paint(tile, f, now) {
    const code = healthCode(f);
    setHealth(tile.value, code);
    const since = f.health_since_at_ms > 0 ? `for ${span(now - f.health_since_at_ms)}` : "";
    const why = code === 0 ? "" : reasonWords(f.health_reason);
    setText(tile.under, [since, why].filter(Boolean).join(" · ") || NONE);
  } },
  { id: "brokers", label: "Brokers", paint(tile, f) {
    setValue(tile, count(f.inst_live), " live");
    setText(tile.under, `${count(f.inst_dead)} dead · ${count(f.inst_bad)} in trouble`);
    setAttribute(tile.node, "data-level", f.inst_dead > 0 ? "bad" : f.inst_bad > 0 ? "warn" : null);
  } },
  { id: "calls", label: "Calls", paint(tile, f) {
    setValue(tile, rate(f.rps), " /s");
    setText(tile.under, `${count(f.inflight)} in flight · ${count(f.providers)} clients`);
  } },
  { id: "errors", label: "Upstream errors", paint(tile, f) {
    const share = ofCalls(f, f.err_pct);
    setValue(tile, percent(share));
    setText(tile.under, `of calls · ${count(f.err_total)} failed`);
    setAttribute(tile.node, "data-level", share >= 25 ? "bad" : share >= 5 ? "warn" : null);
  } },
  { id: "tool-errors", label: "Tool errors", paint(tile, f) {
    setValue(tile, percent(ofCalls(f, f.tool_err_pct)));
    setText(tile.under, "of calls; no alarm");
    setAttribute(tile.node, "data-level", "calm");
  } },
  { id: "latency", label: "Latency p95", paint(tile, f) {
    setValue(tile, took(f.lat_p95_ms));
    const [p50, p99] = tookPair(f.lat_p50_ms, f.lat_p99_ms);
    setText(tile.under, `p50 ${p50} · p99 ${p99}`);
  } },
  { id: "waiting", label: "Waiting calls", paint(tile, f) {
    setValue(tile, count(f.waiting));
    setText(tile.under, `oldest ${took(f.maxwait_ms)}`);
    setAttribute(tile.node, "data-level", f.maxwait_ms > 1000 ? "warn" : null);
  } },
  { id: "sessions", label: "Sessions", paint(tile, f) {
    const parts = once(tile.under, (node) => {
      const made = { text: make("span"), bar: make("span") };
      node.append(made.text, made.bar);
      return made;
    });
    setValue(tile, `${count(f.s_active)} / ${count(f.s_total)} / ${count(f.s_cap)}`);
    setText(parts.text, "active / open / cap");
    setBar(parts.bar, f);
  } },
  { id: "breakers", label: "Breakers open", paint(tile, f) {
    setValue(tile, count(f.breakers_open));
    setText(tile.under, `${count(f.pools_bad)} of ${count(f.pools)} pools in trouble`);
    setAttribute(tile.node, "data-level", f.breakers_open > 0 ? "bad" : null);
  } },
];

function setValue(tile, value, unit = "") {
  const parts = once(tile.value, (node) => {
    const made = { value: make("span"), unit: make("small") };
    node.append(made.value, made.unit);
    return made;
  });
  setText(parts.value, value);
  setText(parts.unit, value === NONE ? "" : unit);
}

function makeTile(id, label) {
  const tile = { node: make("div", "tile"), value: make("dd", "value"), under: make("dd", "under") };
  tile.node.id = `tile-${id}`;
  tile.node.append(make("dt", "", label), tile.value, tile.under);
  return tile;
}

class Tiles {
  constructor(list) {
    this.tiles = TILES.map((kind) => {
      const tile = makeTile(kind.id, kind.label);
      tile.paint = kind.paint;
      list.append(tile.node);
      return tile;
    });
    this.redis = makeTile("redis", "Redis");
    this.redis.node.classList.add("redis");
    this.redis.node.hidden = true;
    list.append(this.redis.node);
  }

  update(fleet, now) {
    for (const tile of this.tiles) tile.paint(tile, fleet || {}, now);
  }

  /* TROUBLE: {word, under}, or null while Redis is well. */
  showRedis(trouble) {
    setHidden(this.redis.node, !trouble);
    if (!trouble) return;
    setValue(this.redis, trouble.word);
    setText(this.redis.under, trouble.under);
    setAttribute(this.redis.node, "data-level", "warn");
  }
}
