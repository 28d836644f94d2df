/* SPDX-License-Identifier: MIT */
/* The six charts: which pool and range they show, and the one moment that all of them point at. */

const RANGES = [["15m", "15 min", 900e3], ["1h", "1 h", 3600e3], ["6h", "6 h", 21600e3], ["24h", "24 h", 86400e3]];
const WHOLE_FLEET = "_fleet";
const MARKED = new Set(["start", "stop", "drain", "reload", "health", "breaker", "redis_state", "inst_lost", "mark", "config_error", "clock_jump"]);

/* Rows of samples as columns on an even grid of time; a sample that is missing is NaN.  The first
   field of a row is its moment. */
function gridOf(series, length, now) {
  const step = isNumber(series.step_ms) && series.step_ms > 0 ? series.step_ms : 10000;
  const to = Math.floor(now / step) * step;
  const size = Math.round(length / step) + 1;
  const from = to - (size - 1) * step;
  const times = Array.from({ length: size }, (_, i) => from + i * step);
  const columns = new Map(series.fields.map((field) => [field, new Array(size).fill(NaN)]));
  let last = -1;
  for (const row of series.rows) {
    const at = Math.round((row[0] - from) / step);
    if (at < 0 || at >= size) continue;
    last = Math.max(last, at);
    series.fields.forEach((field, i) => {
      if (isNumber(row[i])) columns.get(field)[at] = row[i];
    });
  }
  return { from, to: Math.max(to, now), step, times, columns, last };
}

class Charts {
  constructor(onChoice) {
    this.pool = WHOLE_FLEET;
    this.range = "1h";
    this.cursor = null;
    this.events = [];
    this.now = Date.now();
    this.panels = PANELS.map((kind) => new Panel(kind, find("chart-grid"), (share) => this.pointShare(share)));
    this.onChoice = onChoice;
    this.makeRanges();
    find("chart-pool").addEventListener("change", (event) => this.choose(event.target.value, this.range));
    find("cursor").addEventListener("input", (event) => {
      const slider = event.target;
      this.pointAt(Number(slider.value) >= Number(slider.max) ? null : Number(slider.value));
    });
  }

  makeRanges() {
    this.inputs = RANGES.map(([value, text]) => {
      const label = make("label");
      const input = make("input");
      input.type = "radio";
      input.name = "range";
      input.value = value;
      input.addEventListener("change", () => this.choose(this.pool, value));
      label.append(input, text);
      find("ranges").append(label);
      return input;
    });
  }

  choose(pool, range) {
    this.pool = pool;
    this.range = RANGES.some(([value]) => value === range) ? range : this.range;
    this.cursor = null;
    for (const input of this.inputs) input.checked = input.value === this.range;
    this.onChoice();
  }

  stepRange(step) {
    const at = RANGES.findIndex(([value]) => value === this.range);
    const next = RANGES[Math.min(RANGES.length - 1, Math.max(0, at + step))];
    this.choose(this.pool, next[0]);
  }

  setPools(names) {
    const pairs = [[WHOLE_FLEET, "the whole fleet"], ...names.map((name) => [name, foreign(name, 40)])];
    if (!pairs.some(([value]) => value === this.pool)) pairs.push([this.pool, `${foreign(this.pool, 40)} (gone)`]);
    setChoices(find("chart-pool"), pairs, this.pool);
  }

  setEvents(events) {
    const isNew = (events[0] || {}).id !== (this.events[0] || {}).id || events.length !== this.events.length;
    this.events = events;
    if (isNew && this.data) this.showAll();
  }

  showAll() {
    const marks = this.data ? this.marks() : [];
    for (const panel of this.panels) panel.show(this.data, marks, this.cursor);
  }

  marks() {
    const about = this.events.filter((event) => MARKED.has(event.type) &&
      (this.pool === WHOLE_FLEET || event.pool === this.pool || foreign(event.pool) === NONE));
    return about.map((event) => ({ at: event.at_ms, sev: severity(event.sev),
      text: `${clock(event.at_ms, this.now)} ${foreign(event.type)} ${foreign(event.pool)} ${foreign(event.msg)}` }));
  }

  /* SERIES as /api/v1/series has it; null: it could not be had, for WHY. */
  update(series, now, why) {
    this.now = now;
    const length = RANGES.find(([value]) => value === this.range)[2];
    const hasRows = series && series.rows.length > 0;
    this.data = hasRows ? gridOf(series, length, now) : null;
    setHidden(find("charts-none"), Boolean(hasRows));
    setHidden(find("chart-grid"), !hasRows);
    setText(find("charts-none"), why || "No samples yet: the first comes ten seconds after the first broker.");
    const slider = find("cursor");
    slider.disabled = !hasRows;
    if (hasRows) {
      slider.max = this.data.times.length - 1;
      if (this.cursor === null) slider.value = slider.max;
    }
    this.showAll();
    this.pointAt(this.cursor);
  }

  pointShare(share) {
    if (!this.data) return;
    const { from, to, step, times } = this.data;
    const index = Math.round((share * (to - from)) / step);
    this.pointAt(share === null || share < -0.02 || share > 1.02 ? null : Math.min(times.length - 1, Math.max(0, index)));
  }

  pointAt(index) {
    this.cursor = index;
    const text = index === null || !this.data ? "now" : clock(this.data.times[index], this.now);
    setText(find("cursor-text"), text);
    setAttribute(find("cursor"), "aria-valuetext", text);
    if (index !== null) find("cursor").value = index;
    else find("cursor").value = find("cursor").max;
    for (const panel of this.panels) panel.point(index);
  }
}
