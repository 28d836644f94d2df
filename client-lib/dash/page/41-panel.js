/* SPDX-License-Identifier: MIT */
/* One chart: its picture, and its table of values, which is its text for whoever cannot see it. */

const PLOT = { height: 148, top: 8, bottom: 18, left: 46, right: 46 };

/* A series: {field, name, colour, kind, per, axis}; kind: stack, area, line, dash; per: "s" for a count of the step. */
const PANELS = [
  { id: "calls", title: "Calls", note: "per second, by outcome", show: rate, series: [
    { field: "ok", name: "ok", colour: "c-accent", kind: "stack", per: "s" },
    { field: "toolerr", name: "tool error", colour: "c-grey-2", kind: "stack", per: "s" },
    { field: "rpcerr", name: "refused", colour: "c-grey-1", kind: "stack", per: "s" },
    { field: "cancelled", name: "cancelled", colour: "c-grey-3", kind: "stack", per: "s" },
    { field: "err", name: "failed", colour: "c-bad", kind: "stack", per: "s" }] },
  { id: "latency", title: "Latency", note: "of calls, log scale", show: took, log: true, series: [
    { field: "lat_p99_ms", name: "p99", colour: "c-accent-3", kind: "line" },
    { field: "lat_p95_ms", name: "p95", colour: "c-accent-2", kind: "line" },
    { field: "lat_p50_ms", name: "p50", colour: "c-accent", kind: "line" }] },
  { id: "waiting", title: "Waiting", note: "calls, and the oldest's wait (right)", show: count, showRight: took, series: [
    { field: "waiting", name: "waiting", colour: "c-accent", kind: "area" },
    { field: "maxwait_ms", name: "oldest", colour: "c-warn", kind: "line", axis: "right" }] },
  { id: "sessions", title: "Sessions", note: "by state, below the cap", show: (v) => decimal(v, v % 1 ? 1 : 0), series: [
    { field: "s_active", name: "active", colour: "c-accent", kind: "stack" },
    { field: "s_idle", name: "idle", colour: "c-accent-3", kind: "stack" },
    { field: "s_connecting", name: "connecting", colour: "c-grey-2", kind: "stack" },
    { field: "s_testing", name: "testing", colour: "c-grey-1", kind: "stack" },
    { field: "s_draining", name: "draining", colour: "c-drain", kind: "stack" },
    { field: "s_broken", name: "broken", colour: "c-bad", kind: "stack" },
    { field: "cap", name: "cap", colour: "c-ink", kind: "dash" }] },
  { id: "errors", title: "Errors", note: "per second", show: rate, series: [
    { field: "err", name: "failed", colour: "c-bad", kind: "area", per: "s" },
    { field: "rpcerr", name: "refused", colour: "c-ink", kind: "line", per: "s" },
    { field: "toolerr", name: "tool error", colour: "c-grey-1", kind: "line", per: "s" }] },
  { id: "waits", title: "Wait for a session", note: "p95, with the p95 of opening one", show: took, series: [
    { field: "wait_p95_ms", name: "wait", colour: "c-accent", kind: "line" },
    { field: "create_p95_ms", name: "opening", colour: "c-grey-1", kind: "dash" }] },
];

/* Redis has 0 where no time was measured. */
const IS_TIME = /^(lat|wait|create)_p/;

class Panel {
  constructor(kind, grid, onPoint) {
    this.kind = kind;
    this.node = make("figure", "panel");
    this.node.id = `panel-${kind.id}`;
    const caption = make("figcaption", "", `${kind.title} `);
    caption.append(make("span", "", kind.note));
    this.plot = draw("svg", { class: "plot", role: "img", "aria-label": kind.title });
    this.picture = draw("g", { "aria-hidden": "true" });
    this.cross = draw("line", { class: "cross", y1: PLOT.top, y2: PLOT.height - PLOT.bottom, visibility: "hidden" });
    this.plot.append(this.picture, this.cross);
    this.node.append(caption, this.plot, this.makeTable());
    grid.append(this.node);
    this.plot.addEventListener("pointermove", (event) => {
      const box = this.plot.getBoundingClientRect();
      if (this.area) onPoint((event.clientX - box.left - this.area.left) / Math.max(1, this.area.right - this.area.left));
    });
    this.plot.addEventListener("pointerleave", () => onPoint(null));
    this.width = 0;
    new ResizeObserver(() => this.redraw()).observe(this.plot);
  }

  makeTable() {
    const table = make("table");
    const head = make("tr");
    const names = ["series", "now", "peak"];
    const cells = names.map((name, i) => {
      const cell = make("th", i > 0 ? "num" : "", name);
      cell.scope = "col";
      if (i === 0) {
        cell.textContent = "";
        cell.append(make("span", "unseen", "series"));
      }
      return cell;
    });
    this.moment = cells[1];
    head.append(...cells);
    const thead = make("thead");
    thead.append(head);
    const body = make("tbody");
    this.values = this.kind.series.map((series) => {
      const row = make("tr");
      const name = make("th");
      name.scope = "row";
      const shape = series.kind === "dash" ? "is-dash" : series.kind === "line" ? "is-line" : "";
      name.append(make("span", `swatch ${shape} ${series.colour}`), series.name);
      const pair = [make("td", "num", NONE), make("td", "num quiet", NONE)];
      row.append(name, ...pair);
      body.append(row);
      return pair;
    });
    table.append(make("caption", "unseen", `${this.kind.title}: the values`), thead, body);
    return table;
  }

  /* DATA: {from, to, step, xs, columns: Map(field -> numbers)}, or null; MARKS: [{at, sev, text}]. */
  show(data, marks, cursor) {
    this.data = data;
    this.marks = marks;
    this.series = data && this.kind.series.map((series) => {
      const column = data.columns.get(series.field) || new Array(data.times.length).fill(NaN);
      if (series.per === "s") return column.map((value) => (value * 1000) / data.step);
      return IS_TIME.test(series.field) ? column.map((value) => (value > 0 ? value : NaN)) : column;
    });
    this.redraw();
    this.point(cursor);
  }

  redraw() {
    const width = this.plot.clientWidth;
    this.picture.replaceChildren();
    if (width === 0) return;
    this.width = width;
    const hasRight = this.kind.series.some((series) => series.axis === "right");
    this.area = { left: PLOT.left, right: width - (hasRight ? PLOT.right : 8), top: PLOT.top, bottom: PLOT.height - PLOT.bottom };
    if (!this.data || !this.series.some((values) => values.some(Number.isFinite))) {
      this.drawNothing();
      return;
    }
    this.setScales();
    this.drawGrid();
    this.drawSeries();
    this.drawMarks();
  }

  drawNothing() {
    const text = draw("text", { x: this.width / 2, y: PLOT.height / 2, "text-anchor": "middle", class: "empty-text" });
    text.textContent = "no samples in this range";
    this.picture.append(text);
  }

  setScales() {
    const height = this.area.bottom - this.area.top;
    const of = (kinds, axis) => this.kind.series.map((series, i) => ({ series, values: this.series[i] }))
      .filter(({ series }) => kinds.includes(series.kind) && (series.axis || "left") === axis);
    this.sums = this.data.times.map(() => 0);
    for (const { values } of of(["stack"], "left")) {
      values.forEach((value, i) => { this.sums[i] += Number.isFinite(value) ? value : 0; });
    }
    const plain = of(["area", "line", "dash"], "left").flatMap(({ values }) => values);
    const most = greatest([...this.sums, ...plain.filter(Number.isFinite)]);
    const right = of(["area", "line", "dash"], "right").flatMap(({ values }) => values).filter(Number.isFinite);
    this.left = this.kind.log ? logScale(least(plain), most, height) : linearScale(most, height, this.kind.show === count ? 2 : 0);
    this.right = right.length > 0 ? linearScale(greatest(right), height) : null;
    const width = this.area.right - this.area.left;
    this.x = (at) => this.area.left + (width * (at - this.data.from)) / (this.data.to - this.data.from);
    this.xs = this.data.times.map(this.x);
  }

  drawGrid() {
    const label = (x, y, anchor, words) => {
      const text = draw("text", { x, y, "text-anchor": anchor, class: "axis-text" });
      text.textContent = words;
      this.picture.append(text);
    };
    for (const tick of this.left.ticks) {
      const y = Math.round(this.area.top + this.left.y(tick)) + 0.5;
      this.picture.append(draw("line", { x1: this.area.left, x2: this.area.right, y1: y, y2: y, class: "grid-line" }));
      label(this.area.left - 6, y + 3.5, "end", tick === 0 ? "0" : axisText(this.kind.show, tick));
    }
    for (const tick of this.right ? this.right.ticks : []) {
      label(this.area.right + 6, this.area.top + this.right.y(tick) + 4, "start", tick === 0 ? "0" : axisText(this.kind.showRight, tick));
    }
    for (const at of timeTicks(this.data.from, this.data.to, this.area.right - this.area.left)) {
      const when = new Date(at);
      label(this.x(at), PLOT.height - 4, "middle", `${two(when.getHours())}:${two(when.getMinutes())}`);
    }
  }

  drawSeries() {
    const base = this.data.times.map(() => 0);
    const place = (scale, values) => values.map((value) => this.area.top + scale.y(value));
    this.kind.series.forEach((series, i) => {
      const values = this.series[i];
      const scale = series.axis === "right" ? this.right : this.left;
      if (!scale) return;
      if (series.kind === "stack") {
        const upper = values.map((value, k) => base[k] + value);
        if (values.some((value) => value > 0)) {
          this.picture.append(draw("path", { d: areaPath(this.xs, place(scale, base), place(scale, upper)), class: `area ${series.colour}` }));
        }
        values.forEach((value, k) => { base[k] += Number.isFinite(value) ? value : 0; });
        return;
      }
      const ys = place(scale, values);
      if (series.kind === "area") {
        this.picture.append(draw("path", { d: areaPath(this.xs, place(scale, base.map(() => 0)), ys), class: `area soft ${series.colour}` }));
      }
      this.picture.append(draw("path", { d: linePath(this.xs, ys), class: `line ${series.kind === "dash" ? "is-dash" : ""} ${series.colour}` }));
    });
  }

  drawMarks() {
    for (const mark of this.marks) {
      if (mark.at < this.data.from || mark.at > this.data.to) continue;
      const x = Math.round(this.x(mark.at)) + 0.5;
      const group = draw("g", { class: `sev-${mark.sev}` });
      const title = draw("title");
      title.textContent = mark.text;
      group.append(title, draw("line", { x1: x, x2: x, y1: this.area.top, y2: this.area.bottom, class: "event-mark" }),
        draw("path", { d: `M${x - 4} ${this.area.top - 7}h8l-4 7z`, class: "event-tip" }));
      this.picture.append(group);
    }
  }

  /* The values at INDEX of the data; null: the latest.  */
  point(index) {
    const last = this.data ? this.data.last : -1;
    const at = index === null ? last : index;
    const words = this.kind.series.map((series, i) => {
      const show = series.axis === "right" ? this.kind.showRight : this.kind.show;
      const values = this.series ? this.series[i] : [];
      const value = at >= 0 ? values[at] : NaN;
      setText(this.values[i][0], show(value));
      setText(this.values[i][1], show(greatest(values.filter(Number.isFinite))));
      return `${series.name} ${show(value)}`;
    });
    setText(this.moment, index === null ? "now" : "then");
    setAttribute(this.plot, "aria-label", `${this.kind.title}: ${words.join(", ")}`);
    setAttribute(this.cross, "visibility", index === null || !this.x ? "hidden" : "visible");
    if (index !== null && this.x && this.xs[index] !== undefined) {
      const x = Math.round(this.xs[index]) + 0.5;
      setAttribute(this.cross, "x1", x);
      setAttribute(this.cross, "x2", x);
    }
  }
}

function axisText(show, tick) {
  return show(tick).replace(/\.0+(?= |$)/, "").replace(/(\.\d)0(?= |$)/, "$1");
}
