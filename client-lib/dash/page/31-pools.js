/* SPDX-License-Identifier: MIT */
/* The pools, worst first; a row opens to its brokers, errors and the rules that apply to it. */

const POOL_COLUMNS = [
  { id: "pool", label: "Pool", head: true, by: (p) => p.pool, fill: fillPoolName },
  { id: "health", label: "Health", by: (p) => (p.stale ? UNKNOWN : healthCode(p)), fill: fillPoolHealth },
  { id: "why", label: "Why", wide: true, fill(cell, p) {
    const node = once(cell, () => {
      const made = make("span", "why foreign");
      cell.append(made);
      return made;
    });
    setText(node, whyOf(p) || NONE);
    setAttribute(node, "title", whyOf(p) || null);
  } },
  numberColumn("waiting", "Waiting", (p) => p.waiting, (n, p) => waitingText(p), {
    title: "calls that wait for a session, and how long the oldest has", level: (p) => (p.maxwait_ms > 1000 ? 2 : p.maxwait_ms > 100 ? 1 : 0) }),
  { id: "sessions", label: "Sessions", title: "active / idle / other, of the cap",
    by: (p) => (p.cap > 0 ? p.s_active / p.cap : undefined), fill: fillSessions },
  numberColumn("rps", "Calls/s", (p) => p.rps, rate),
  numberColumn("err", "Err %", (p) => ofCalls(p, p.err_pct), percent, {
    title: "of the calls of the last 60 s: failures of the upstream", level: (p) => (p.err_pct >= 25 ? 2 : p.err_pct >= 5 ? 1 : 0) }),
  numberColumn("p50", "p50", (p) => p.lat_p50_ms, took),
  numberColumn("p95", "p95", (p) => p.lat_p95_ms, took),
  numberColumn("p99", "p99", (p) => p.lat_p99_ms, took),
  numberColumn("wait", "Wait p95", (p) => p.wait_p95_ms, took, { title: "time that calls waited for a session" }),
  numberColumn("lost", "Lost", (p) => p.sess_lost_total, count, { title: "sessions that ended, and not by us" }),
  numberColumn("cache", "Cache", cacheShare, percent, { title: "list requests answered from memory" }),
  { id: "breaker", label: "Breaker", by: (p) => p.breaker_code, fill(cell, p) {
    const closed = p.breaker === undefined || p.breaker === "closed" || p.breaker === "-" || p.breaker === "";
    setText(cell, p.breaker === "closed" ? "closed" : closed ? NONE : foreign(p.breaker).replace(/_/g, " "));
    setClass(cell, "is-bad", p.breaker_code === 1);
    setClass(cell, "is-warn", p.breaker_code === 2);
  } },
  { id: "error", label: "Last error", by: (p) => p.last_err_at_ms || undefined, fill(cell, p, made) {
    const parts = once(cell, () => {
      const both = [make("span", "foreign"), make("span", "two")];
      cell.append(...both);
      return both;
    });
    const word = foreign(p.last_err_class);
    setText(parts[0], word === NONE ? NONE : REASONS.get(word) || word.replace(/_/g, " "));
    setText(parts[1], p.last_err_at_ms > 0 ? `${span(made.now() - p.last_err_at_ms)} ago` : "");
  } },
];

function cacheShare(p) {
  const all = p.cache_hit_total + p.cache_miss_total;
  return all > 0 ? (100 * p.cache_hit_total) / all : undefined;
}

function fillPoolName(cell, p, made) {
  const button = once(cell, () => {
    const node = make("button", "expander");
    const name = make("span", "foreign clip");
    node.type = "button";
    node.setAttribute("aria-expanded", "false");
    node.append(name);
    node.addEventListener("click", (event) => {
      event.stopPropagation();
      made.toggle();
    });
    cell.append(node);
    made.button = node;
    return { node, name };
  });
  setText(button.name, foreign(p.pool, 64));
  setAttribute(button.node, "title", foreign(p.pool));
}

function fillPoolHealth(cell, p, made) {
  const parts = once(cell, () => {
    const health = make("span");
    const since = make("span", "two");
    cell.append(health, since);
    return { health, since };
  });
  const code = p.stale ? UNKNOWN : healthCode(p);
  setHealth(parts.health, code, p.stale ? "stale" : undefined);
  const was = p.stale ? `was ${HEALTH[healthCode(p)].word}, ` : "";
  setText(parts.since, p.stale ? `${was}${span(made.now() - p.updated_at_ms)} old`
    : p.health_since_at_ms > 0 ? `for ${span(made.now() - p.health_since_at_ms)}` : "");
}

function fillSessions(cell, p) {
  const parts = once(cell, () => {
    const bar = make("span");
    const text = make("span", "bar-text");
    cell.append(bar, text);
    return { bar, text };
  });
  setBar(parts.bar, p);
  const known = isNumber(p.s_total);
  const other = known ? Math.max(0, p.s_total - (p.s_active || 0) - (p.s_idle || 0)) : undefined;
  setText(parts.text, `${count(p.s_active)} / ${count(p.s_idle)} / ${count(other)} of ${count(p.cap)}`);
}

const MEMBER_COLUMNS = [
  foreignColumn("inst", "Broker", (b) => b.inst, { head: true, by: undefined }),
  { id: "health", label: "Health", fill: (cell, b) => setHealth(cell, b.dead ? DEAD : b.stale ? UNKNOWN : healthCode(b), !b.dead && b.stale ? "stale" : undefined) },
  textColumn("waiting", "Waiting", waitingText, { num: true }),
  textColumn("sessions", "Active / open / cap", (b) => `${count(b.s_active)} / ${count(b.s_total)} / ${count(b.cap)}`, { num: true }),
  textColumn("rps", "Calls/s", (b) => rate(b.rps), { num: true }),
  textColumn("err", "Err %", (b) => percent(ofCalls(b, b.err_pct)), { num: true }),
  textColumn("p95", "p95", (b) => took(b.lat_p95_ms), { num: true }),
  textColumn("lost", "Lost", (b) => count(b.sess_lost_total), { num: true }),
  textColumn("breaker", "Breaker", (b) => foreign(b.breaker).replace(/_/g, " ")),
  { id: "why", label: "Why", fill: (cell, b) => { cell.classList.add("foreign"); setText(cell, whyOf(b) || NONE); } },
  { id: "show", label: "Sessions", fill(cell, b, made) {
    const button = once(cell, () => {
      const node = make("button", "", "Show");
      node.type = "button";
      node.addEventListener("click", () => made.choose());
      cell.append(node);
      return node;
    });
    setAttribute(button, "aria-label", `Show the sessions of ${foreign(b.inst)}`);
  } },
];

/* The open part of a row. */
class PoolDetail {
  constructor(columns, id, onSessions) {
    this.node = make("tr", "detail");
    this.node.setAttribute("role", "row");
    this.node.id = id;
    const cell = make("td");
    cell.colSpan = columns;
    cell.setAttribute("role", "cell");
    const grid = make("div", "detail-grid");
    this.advice = make("p", "advice");
    this.facts = make("dl", "facts");
    const inner = make("div", "inner");
    inner.tabIndex = 0;
    inner.setAttribute("role", "group");
    inner.setAttribute("aria-label", "Brokers of this pool");
    const table = make("table");
    table.append(make("caption", "unseen", "This pool, broker by broker"));
    inner.append(table);
    grid.append(this.advice, this.facts, inner);
    cell.append(grid);
    this.node.append(cell);
    this.members = new LiveTable(table, MEMBER_COLUMNS, {
      key: (b) => b.inst,
      onMake: (made) => { made.choose = () => onSessions(made.row.inst); },
      onRow: (made, b) => setClass(made.node, "is-dead", Boolean(b.dead)),
    });
    this.inner = inner;
  }

  update(pool, now) {
    const rules = RULES.filter((rule) => !pool.stale && rule.holds(pool));
    setHidden(this.advice, rules.length === 0);
    setText(this.advice, rules.map((rule) => `${rule.when}: ${rule.then}.`).join(" "));
    const facts = poolFacts(pool, now);
    arrangeFacts(this.facts, facts);
    setHidden(this.inner, !pool.brokers || pool.brokers.length === 0);
    this.members.update(pool.brokers || []);
  }
}

function poolFacts(pool, now) {
  const facts = [
    ["upstream", foreign(pool.upstream)],
    ["spoken", [pool.transport, pool.era, pool.proto].map((word) => foreign(word, 24)).filter((word) => word !== NONE).join(" · ") || NONE],
    ["brokers", `${count(pool.inst_live)} live, ${count(pool.inst_bad)} in trouble, ${count(pool.inst_dead)} dead`],
    ["sessions", ["connecting", "idle", "active", "testing", "draining", "broken"]
      .map((state) => `${count(pool[`s_${state}`])} ${state}`).join(", ")],
    ["calls", `${count(pool.calls_total)}: ${count(pool.ok_total)} ok, ${count(pool.tool_err_total)} tool errors, ` +
      `${count(pool.rpc_err_total)} refused by the server, ${count(pool.cancelled_total)} cancelled`],
    ["failed", `${count(pool.not_executed_total)} not executed, ${count(pool.unknown_total)} unknown, ${count(pool.result_lost_total)} result lost`],
  ];
  const classes = Object.entries(pool)
    .filter(([name, value]) => /^e_[a-z0-9_]{1,24}_total$/.test(name) && value > 0)
    .sort((a, b) => b[1] - a[1]).slice(0, 8)
    .map(([name, value]) => `${name.slice(2, -6).replace(/_/g, " ")} ${count(value)}`);
  if (classes.length > 0) facts.push(["errors by class", classes.join(", ")]);
  facts.push(["last success", pool.last_ok_at_ms > 0 ? `${span(now - pool.last_ok_at_ms)} ago` : NONE]);
  return facts;
}

function arrangeFacts(list, facts) {
  const parts = once(list, () => []);
  facts.forEach(([name, value], i) => {
    if (!parts[i]) {
      parts[i] = { box: make("div"), name: make("dt"), value: make("dd", "foreign") };
      parts[i].box.append(parts[i].name, parts[i].value);
      list.append(parts[i].box);
    }
    setHidden(parts[i].box, false);
    setText(parts[i].name, name);
    setText(parts[i].value, value);
  });
  for (let i = facts.length; i < parts.length; i++) setHidden(parts[i].box, true);
}

class Pools {
  constructor(onSessions) {
    this.now = Date.now();
    this.made = 0;
    this.table = new LiveTable(find("pool-table"), POOL_COLUMNS, {
      key: (p) => p.pool,
      onMake: (made) => this.furnish(made, onSessions),
      onRow: (made, pool) => {
        setClass(made.node, "is-stale", Boolean(pool.stale));
        if (made.detail && made.extra) made.detail.update(pool, this.now);
      },
      onSort: (label) => setText(find("pools-note"), label ? `sorted by ${label}; press it again for worst first`
        : "worst first; open a row for its brokers and sessions"),
    });
  }

  furnish(made, onSessions) {
    const id = `pool-detail-${++this.made}`;
    made.now = () => this.now;
    made.node.classList.add("opens");
    made.toggle = () => {
      if (!made.detail) {
        made.detail = new PoolDetail(POOL_COLUMNS.length, id, (inst) => onSessions(inst, made.row.pool));
      }
      made.extra = made.extra ? null : made.detail.node;
      setAttribute(made.button, "aria-expanded", made.extra !== null);
      setAttribute(made.button, "aria-controls", made.extra ? id : null);
      this.table.update(this.table.last);
    };
    made.node.addEventListener("click", () => {
      if (String(getSelection()) === "") made.toggle();
    });
  }

  update(pools, now, whyNone) {
    this.now = now;
    this.table.update(pools);
    setHidden(find("pool-scroll"), pools.length === 0);
    setHidden(find("pools-none"), pools.length > 0);
    setText(find("pools-none"), whyNone);
  }

  /* Moves the focus among the rows: STEP is 1 or -1. */
  step(step) {
    const buttons = [...document.querySelectorAll("#pool-table .expander")];
    const at = buttons.indexOf(document.activeElement);
    const next = buttons[at < 0 ? 0 : Math.min(buttons.length - 1, Math.max(0, at + step))];
    if (next) next.focus();
  }
}
