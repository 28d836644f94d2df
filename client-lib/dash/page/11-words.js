/* SPDX-License-Identifier: MIT */
/* The project's own words, explained: health codes, reasons, error classes, rules of reading. */

const DEAD = 6; /* ours: above the codes of health, which end at 5 */
const UNKNOWN = 5;

const HEALTH = [
  { word: "healthy", shape: "M6 1a5 5 0 1 0 0 10a5 5 0 1 0 0-10z" },
  { word: "degraded", shape: "M6 .5L11.8 11H.2z" },
  { word: "unhealthy", shape: "M1 1h10v10H1z" },
  { word: "circuit open", shape: "M1.9 .5L6 4.6L10.1 .5L11.5 1.9L7.4 6L11.5 10.1L10.1 11.5L6 7.4L1.9 11.5L.5 10.1L4.6 6L.5 1.9z" },
  { word: "draining", shape: "M6 .3L11.7 6L6 11.7L.3 6z" },
  { word: "unknown", shape: "M6 1a5 5 0 1 0 0 10a5 5 0 1 0 0-10zm0 2.2a2.8 2.8 0 1 1 0 5.6a2.8 2.8 0 1 1 0-5.6z" },
  { word: "DEAD", shape: "M1 4.6h10v2.8H1z" },
];

const HEALTH_MEANS = [
  "all is well", "works, with trouble", "most calls fail, or none can be made", "the breaker is open: calls are refused at once",
  "is being emptied on purpose", "no call yet, or nothing heard for long", "a broker that is gone without a word",
];

/* Tokens of health_reason; one that is not here is shown as it is. */
const REASONS = new Map(Object.entries({
  err_pct: "calls fail", errors: "calls fail", latency: "slow", p95: "slow", slow: "slow", wait: "calls wait long",
  waiting: "calls wait long", maxwait: "calls wait long", warm: "too few sessions warm", cold: "too few sessions warm",
  broken: "sessions broken", sessions: "no usable session", no_session: "no usable session", starved: "no usable session",
  probes: "pings fail", probe: "pings fail", auth: "access refused (401 or 403)", ratelimit: "server limits the rate",
  leases: "sessions denied", lease: "sessions denied", breaker: "breaker open", half_open: "breaker half open", flapping: "changes often",
  drain: "draining", draining: "draining", silent: "nothing heard", stale: "nothing heard lately", dead: "a broker is dead",
  no_calls: "no call yet", idle: "no call yet", inst_lost: "a broker is lost", lost: "sessions lost", session_storm: "many sessions lost",
  dns: "name not found", connect: "cannot connect", tls: "TLS fails", timeout: "time-outs", reset: "connections reset",
  http4xx: "HTTP 4xx", http5xx: "HTTP 5xx", proto: "protocol errors", session: "sessions refused",
  queue_full: "queue full", queue_timeout: "waited too long", oversize: "answer too large", ambiguous: "outcome unknown",
}));

const SEVERITIES = ["info", "warn", "error"];

function severity(word) {
  const found = SEVERITIES.indexOf(word);
  return found < 0 ? 0 : found;
}

function healthCode(row) {
  const code = row ? row.health_code : undefined;
  return isNumber(code) && code >= 0 && code <= UNKNOWN ? code : UNKNOWN;
}

/* "err_pct,broken" becomes "calls fail, sessions broken". */
function reasonWords(reason) {
  if (foreign(reason) === NONE) return "";
  return String(reason).slice(0, TEXT_MAXIMUM).split(",").map((token) => {
    const key = token.trim();
    return REASONS.get(key) || foreign(key.replace(/_/g, " "));
  }).join(", ");
}

/* The reason with the figures that make it plain. */
function whyOf(pool) {
  const code = healthCode(pool);
  const words = reasonWords(pool.health_reason);
  const figures = [];
  if (isNumber(pool.err_pct) && pool.err_pct >= 1) figures.push(`${percent(pool.err_pct)} errors`);
  if (pool.s_broken > 0) figures.push(`${plural(pool.s_broken, "session")} broken`);
  if (pool.waiting > 0) figures.push(`${count(pool.waiting)} waiting`);
  if (code === 0 && words === "") return "";
  if (code === 0) return words;
  const head = words === "" ? (code === UNKNOWN ? "no result yet" : "no reason given") : words;
  return figures.length > 0 && code !== UNKNOWN ? `${head}: ${figures.join(", ")}` : head;
}

const RULES = [
  { when: "waiting > 0 and active = cap", then: "the pool is too small: raise pool_size, or add brokers",
    holds: (p) => p.waiting > 0 && p.cap > 0 && p.s_active >= p.cap },
  { when: "waiting > 0, active < cap, connecting > 0", then: "opening sessions is slow: raise min_pool_size, look at create p95",
    holds: (p) => p.waiting > 0 && p.s_active < p.cap && p.s_connecting > 0 },
  { when: "p95 above 1 s, waiting = 0", then: "the upstream server is slow; more sessions would not help",
    holds: (p) => p.lat_p95_ms > 1000 && p.waiting === 0 && p.rps > 0 },
  { when: "broken > 0", then: "sessions cannot be opened again: see the last error and the events",
    holds: (p) => p.s_broken > 0 },
  { when: "circuit open", then: "calls are refused at once until a probe succeeds; sessions are kept",
    holds: (p) => healthCode(p) === 3 || p.breaker_code === 1 },
  { when: "ambiguous > 0", then: "the upstream drops connections after it accepted work: such calls are not repeated",
    holds: (p) => p.e_ambiguous_total > 0 },
  { when: "tool errors high, upstream errors low", then: "the tools say no: look at the callers, not at the pool",
    holds: (p) => p.tool_err_pct >= 10 && p.err_pct < 1 && p.rps > 0 },
  { when: "lost sessions grow", then: "the upstream restarts or forgets sessions; calls are not lost by it",
    holds: () => false },
];
