/* SPDX-License-Identifier: MIT */
/* The brokers: alive, stale, or dead and since when; and which one runs another configuration. */

const BROKER_COLUMNS = [
  { id: "inst", label: "Broker", head: true, by: (b) => b.inst, fill(cell, b, made) {
    const parts = once(cell, () => {
      const both = [make("span", "foreign clip"), make("span", "two foreign")];
      cell.append(...both);
      return both;
    });
    setText(parts[0], foreign(b.inst, 64));
    setText(parts[1], foreign(b.host, 80));
    setAttribute(parts[0], "title", foreign(b.inst));
    made.node.dataset.inst = foreign(b.inst, 64);
  } },
  { id: "health", label: "Health", by: (b) => brokerCode(b), fill(cell, b, made) {
    const parts = once(cell, () => {
      const both = [make("span"), make("span", "two foreign")];
      cell.append(...both);
      return both;
    });
    setHealth(parts[0], brokerCode(b), !b.dead && b.stale ? "stale" : undefined);
    setText(parts[1], brokerUnder(b, made.now()));
  } },
  foreignColumn("state", "State", (b) => (b.dead ? undefined : b.state)),
  foreignColumn("version", "Version", (b) => b.version),
  numberColumn("uptime", "Up", (b) => (isNumber(b.uptime_s) ? b.uptime_s * 1000 : undefined), span, { title: "how long it runs" }),
  { id: "config", label: "Config", title: "digest of the configuration", by: (b) => b.cfg_hash, fill(cell, b, made) {
    const parts = once(cell, () => {
      const both = [make("span", "foreign mono"), make("span", "tag warn", "differs")];
      cell.append(both[0], " ", both[1]);
      return both;
    });
    setText(parts[0], foreign(b.cfg_hash, 16));
    setHidden(parts[1], !made.isOdd(b));
  } },
  numberColumn("cpu", "CPU", (b) => b.cpu_pct, percent, { title: "of one core", level: (b) => (b.cpu_pct >= 95 ? 2 : b.cpu_pct >= 80 ? 1 : 0) }),
  numberColumn("rss", "Memory", (b) => b.rss_bytes, bytes),
  numberColumn("fds", "Files", (b) => b.fds, (n, b) => (b.fds_max > 0 ? `${count(n)} of ${count(b.fds_max)}` : count(n)), {
    title: "open descriptors", level: (b) => (b.fds_max > 0 && b.fds > 0.9 * b.fds_max ? 2 : b.fds_max > 0 && b.fds > 0.75 * b.fds_max ? 1 : 0) }),
  numberColumn("lag", "Loop lag", (b) => b.lag_p99_ms, (n, b) => (isNumber(n) || isNumber(b.lag_max_ms) ? `${lag(n)} · ${lag(b.lag_max_ms)}` : NONE), {
    title: "how late the event loop has been: p99 · at worst", level: (b) => (b.lag_p99_ms >= 200 ? 2 : b.lag_p99_ms >= 50 ? 1 : 0) }),
  { id: "redis", label: "Redis", by: (b) => b.redis_state, fill(cell, b) {
    cell.classList.add("foreign");
    const state = foreign(b.redis_state, 16);
    setText(cell, state === NONE ? NONE : `${state} · ${took(b.redis_rtt_ms)}`);
    setClass(cell, "is-warn", state !== NONE && state !== "up");
  } },
  numberColumn("clients", "Clients", (b) => b.providers, count),
  numberColumn("inflight", "In flight", (b) => b.inflight, count),
  numberColumn("waiting", "Waiting", (b) => b.waiting, count, { level: (b) => (b.waiting > 0 ? 1 : 0) }),
  numberColumn("sessions", "Sessions", (b) => b.s_total, count),
  numberColumn("calls", "Calls", (b) => b.calls_total, count, { title: "since it started" }),
  numberColumn("errors", "Failed", (b) => b.err_total, count, { title: "calls that failed since it started" }),
];

/* Unlike a call, a loop may be late by nothing. */
function lag(ms) {
  return ms === 0 ? "0 ms" : took(ms);
}

function brokerCode(b) {
  return b.dead ? DEAD : b.stale ? UNKNOWN : healthCode(b);
}

function brokerUnder(b, now) {
  const heard = isNumber(b.hb_age_ms) ? b.hb_age_ms : undefined;
  if (b.dead) return heard === undefined ? "since nobody knows when" : `since ${clock(now - heard, now)}, ${span(heard)} ago`;
  if (b.stale) return `last heard ${span(heard)} ago`;
  const why = foreign(b.health_reason);
  return healthCode(b) > 0 && why !== NONE ? why : "";
}

/* The hash that most live brokers have; undefined where there is no majority. */
function usualConfig(brokers) {
  const votes = new Map();
  for (const b of brokers) {
    if (!b.dead && foreign(b.cfg_hash) !== NONE) votes.set(b.cfg_hash, (votes.get(b.cfg_hash) || 0) + 1);
  }
  const order = [...votes.entries()].sort((a, b) => b[1] - a[1]);
  if (order.length === 0) return { hashes: 0 };
  return { hashes: order.length, usual: order.length === 1 || order[0][1] > order[1][1] ? order[0][0] : undefined };
}

class Brokers {
  constructor() {
    this.now = Date.now();
    this.config = { hashes: 0 };
    this.table = new LiveTable(find("broker-table"), BROKER_COLUMNS, {
      key: (b) => b.inst,
      onMake: (made) => {
        made.now = () => this.now;
        made.isOdd = (b) => this.config.hashes > 1 && !b.dead && foreign(b.cfg_hash) !== NONE && b.cfg_hash !== this.config.usual;
      },
      onRow: (made, b) => {
        setClass(made.node, "is-dead", Boolean(b.dead));
        setClass(made.node, "is-stale", Boolean(b.stale) && !b.dead);
      },
    });
  }

  update(brokers, now, whyNone) {
    this.now = now;
    this.config = usualConfig(brokers);
    this.table.update(brokers);
    const dead = brokers.filter((b) => b.dead).length;
    const words = [plural(brokers.length - dead, "live broker")];
    if (dead > 0) words.push(`${count(dead)} dead`);
    if (this.config.hashes > 1) words.push(`${this.config.hashes} configurations at once`);
    setText(find("brokers-note"), brokers.length > 0 ? words.join(" · ") : "");
    setHidden(find("broker-table").parentNode, brokers.length === 0);
    setHidden(find("brokers-none"), brokers.length > 0);
    setText(find("brokers-none"), whyNone);
  }
}
