/* SPDX-License-Identifier: MIT */
/* The page: what was fetched goes to the parts, and what is pressed has its effect. */

const THEMES = ["system", "light", "dark"];
const FAVICON = ["#1b7438", "#d08a00", "#c3271f", "#8b1a16", "#1f5bb8", "#7b8594"];

/* What is remembered; a browser may refuse to. */
function remembered(name, fallback) {
  try {
    return localStorage.getItem(`teplo-dash-${name}`) || fallback;
  } catch (refused) {
    return fallback;
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(`teplo-dash-${name}`, value);
  } catch (refused) {
    /* then it is not remembered */
  }
}

class Page {
  constructor() {
    this.title = document.title;
    this.view = null;
    this.arrivedAt = 0; /* performance.now() of the last answer */
    this.ageMs = 0; /* of the answer when it came */
    this.failures = 0;
    this.isPaused = false;
    this.said = new Map();
    this.tiles = new Tiles(find("tiles"));
    this.pools = new Pools((inst, pool) => {
      this.sessions.choose(inst, pool);
      find("sessions").scrollIntoView({ block: "start" });
      find("session-broker").focus({ preventScroll: true });
    });
    this.brokers = new Brokers();
    this.events = new Events();
    this.charts = new Charts(() => this.choiceChanged());
    this.sessions = new Sessions(() => this.sessionFeed && this.sessionFeed.again());
    this.rules = new Rules(find("rule-list"));
    this.feed = new Feed(() => "api/v1/fleet", nextFleetMs, (view, age) => this.take(view, age), () => this.lose());
    this.seriesFeed = new Feed(() => `api/v1/series?pool=${encodeURIComponent(this.charts.pool)}&range=${this.charts.range}`,
      () => EVERY_MS.series, (series) => this.takeSeries(series), (failure) => this.takeSeries(undefined, failure.message));
    this.sessionFeed = new Feed(() => (this.sessions.inst ? `api/v1/sessions?inst=${encodeURIComponent(this.sessions.inst)}` : ""),
      () => EVERY_MS.sessions, (answer) => answer && this.sessions.update(answer), (failure) => this.sessions.update(null, failure.message));
    this.wire();
    this.readHash();
    this.sessions.update(null);
    this.paint();
    this.run();
  }

  wire() {
    this.theme = remembered("theme", "system");
    this.setTheme(THEMES.includes(this.theme) ? this.theme : "system");
    find("theme").addEventListener("click", () => this.nextTheme());
    find("pause").addEventListener("click", () => this.setPaused(!this.isPaused));
    find("help").addEventListener("click", () => find("help-dialog").showModal());
    this.keys = new Keys(this);
    document.addEventListener("visibilitychange", () => this.run());
    addEventListener("hashchange", () => this.readHash());
    setInterval(() => document.hidden || this.paintAge(), 500);
  }

  /* ---- fetching */

  run() {
    const on = !document.hidden && !this.isPaused;
    for (const feed of [this.feed, this.seriesFeed, this.sessionFeed]) {
      if (on) feed.start();
      else feed.stop();
    }
    this.paintAge();
  }

  /* VIEW null: as it was. */
  take(view, age) {
    this.failures = 0;
    this.arrivedAt = performance.now();
    this.ageMs = age;
    if (view) {
      if (view.v !== 1) {
        this.lose();
        return;
      }
      this.view = view;
    }
    this.paint();
  }

  lose() {
    this.failures++;
    this.paintAge();
  }

  /* undefined: it could not be had; null: as it was. */
  takeSeries(series, why) {
    if (series && series.pool !== this.charts.pool) return;
    if (series !== null) this.series = series;
    this.charts.update(this.series, this.now(), why);
  }

  choiceChanged() {
    const hash = `#pool=${encodeURIComponent(this.charts.pool)}&range=${this.charts.range}`;
    if (location.hash !== hash) history.replaceState(null, "", hash);
    this.seriesFeed.again();
  }

  readHash() {
    const words = new URLSearchParams(location.hash.slice(1));
    this.charts.choose(words.get("pool") || this.charts.pool, words.get("range") || this.charts.range);
  }

  /* ---- time */

  /* How old the figures are. */
  age() {
    if (!this.view) return 0;
    const redis = this.view.redis || {};
    return (redis.age_ms || 0) + this.ageMs + (performance.now() - this.arrivedAt);
  }

  /* The moment on the clock of Redis that the figures are of. */
  now() {
    if (!this.view || !isNumber(this.view.at_ms)) return Date.now();
    return this.view.at_ms;
  }

  /* ---- painting */

  paint() {
    const view = this.view || {};
    const now = this.now();
    const pools = view.pools || [];
    const brokers = view.brokers || [];
    const names = pools.map((p) => p.pool);
    const none = this.whyNone();
    setText(find("namespace"), foreign(view.namespace, 40));
    this.tiles.update(view.fleet, now);
    this.pools.update(pools, now, none);
    this.brokers.update(brokers, now, none);
    this.charts.setPools(names);
    this.charts.setEvents(view.events || []);
    this.events.setPools(names);
    this.events.update(view.events || [], now, none);
    this.sessions.setChoices(brokers, names);
    this.rules.update(pools);
    this.paintAge();
    this.paintIcon();
    if (this.view) this.announce();
  }

  whyNone() {
    if (!this.view) return "Nothing has been heard from teplo-dash yet.";
    const words = REDIS_WORDS[(this.view.redis || {}).state];
    return words ? words.none : "Redis holds nothing of this kind.";
  }

  /* What the head says, and whether the page is believed. */
  paintAge() {
    const lost = this.failures >= LOST_AFTER;
    const age = this.age();
    const trouble = this.redisTrouble(age);
    const state = lost ? "lost" : this.isPaused ? "paused" : !this.view ? "late" : trouble ? "late" : "live";
    setAttribute(find("freshness"), "data-state", state);
    setText(find("freshness-text"), lost ? "connection to teplo-dash lost" : this.isPaused ? `paused · ${span(age)} old`
      : !this.view ? "connecting" : trouble ? `figures are ${span(age)} old` : `live · ${clock(this.now(), this.now())}`);
    this.tiles.showRedis(trouble);
    const banner = find("banner");
    const words = lost ? `Connection to teplo-dash lost; trying again. ${this.view ? `What is below is ${span(age)} old.` : ""}`
      : trouble ? trouble.banner : "";
    setHidden(banner, words === "");
    setText(banner, words);
    setAttribute(banner, "data-level", lost || (trouble && trouble.isBad) ? "bad" : null);
    this.say("connection", lost ? "Connection to teplo-dash lost" : this.view ? "Connected to teplo-dash" : null);
  }

  redisTrouble(age) {
    if (!this.view) return null;
    const redis = this.view.redis || {};
    const words = REDIS_WORDS[redis.state] || REDIS_WORDS.down;
    const tick = this.view.tick_ms > 0 ? this.view.tick_ms : 1000;
    if (redis.state === "up" && age < Math.max(3 * tick, 3000)) return null;
    const why = foreign(redis.why);
    const hasFigures = (this.view.pools || []).length > 0 || this.view.fleet;
    const old = hasFigures ? ` What is below is ${span(age)} old.` : "";
    if (redis.state === "up") return { word: `stale ${span(age)}`, under: "it does not answer", banner: `Redis has not answered for ${span(age)}.${old}` };
    return { word: hasFigures && redis.state !== "empty" ? `stale ${span(age)}` : words.word, under: why === NONE ? words.under : why,
      banner: `${words.banner}${why === NONE || redis.state === "empty" ? "" : `: ${why}`}.${redis.state === "empty" ? "" : old}`, isBad: redis.state !== "empty" };
  }

  paintIcon() {
    const code = this.view && this.view.fleet && !this.view.fleet.stale ? healthCode(this.view.fleet) : UNKNOWN;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 14 14"><path fill="${FAVICON[code]}" d="${HEALTH[code].shape}"/></svg>`;
    const address = `data:image/svg+xml,${encodeURIComponent(svg)}`;
    setAttribute(find("icon"), "href", address);
    const title = code === 0 || !this.view ? this.title : `${HEALTH[code].word} · ${this.title}`;
    if (document.title !== title) document.title = title;
  }

  /* ---- said aloud: changes of health, and nothing else */

  announce() {
    const view = this.view;
    const redis = (view.redis || {}).state;
    this.say("redis", redis === "up" ? "Redis is up" : (REDIS_WORDS[redis] || REDIS_WORDS.down).banner);
    if (view.fleet) this.say("fleet", `Fleet is ${HEALTH[healthCode(view.fleet)].word}`);
    for (const p of view.pools || []) {
      this.say(`pool ${p.pool}`, `Pool ${foreign(p.pool, 40)} is ${p.stale ? "stale" : HEALTH[healthCode(p)].word}`);
    }
    for (const b of view.brokers || []) {
      this.say(`broker ${b.inst}`, `Broker ${foreign(b.inst, 40)} is ${b.dead ? "dead" : b.stale ? "stale" : "alive"}`);
    }
  }

  /* The first word about a thing is not news. */
  say(about, words) {
    if (words === null || this.said.get(about) === words) return;
    const isNews = this.said.has(about);
    this.said.set(about, words);
    if (this.said.size > 2000) this.said.clear();
    if (!isNews) return;
    this.news = [...(this.news || []), words].slice(-6);
    clearTimeout(this.newsTimer);
    this.newsTimer = setTimeout(() => {
      find("announcer").textContent = this.news.join(". ");
      this.news = [];
    }, 200);
  }

  /* ---- what is pressed */

  setPaused(isPaused) {
    this.isPaused = isPaused;
    setAttribute(find("pause"), "aria-pressed", isPaused);
    this.run();
  }

  nextTheme() {
    this.setTheme(THEMES[(THEMES.indexOf(this.theme) + 1) % THEMES.length]);
    remember("theme", this.theme);
  }

  setTheme(theme) {
    this.theme = theme;
    setAttribute(document.documentElement, "data-theme", theme === "system" ? null : theme);
    setText(find("theme"), `Theme: ${theme}`);
  }
}

const REDIS_WORDS = {
  up: { none: "Redis holds nothing of this kind." },
  empty: { word: "empty", under: "no broker has written", banner: "Redis is up, and no broker has written anything into this namespace", none: "Nothing yet: no broker has written into this namespace." },
  denied: { word: "denied", under: "rights are missing", banner: "Redis refuses us", none: "Unknown: Redis refuses us." },
  down: { word: "down", under: "it does not answer", banner: "Redis cannot be reached", none: "Unknown: Redis cannot be reached." },
};

class Rules {
  constructor(list) {
    this.lines = RULES.map((rule) => {
      const item = make("li");
      const now = make("span", "now");
      item.append(make("b", "", rule.when), " → ", make("span", "then", rule.then), now);
      list.append(item);
      return now;
    });
  }

  update(pools) {
    RULES.forEach((rule, i) => {
      const names = pools.filter((p) => !p.stale && rule.holds(p)).map((p) => foreign(p.pool, 32));
      const more = names.length > 6 ? ` and ${names.length - 6} more` : "";
      setHidden(this.lines[i], names.length === 0);
      setText(this.lines[i], names.length > 0 ? `now: ${names.slice(0, 6).join(", ")}${more}` : "");
    });
  }
}
