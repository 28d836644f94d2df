/* SPDX-License-Identifier: MIT */
/* Events and sessions: lists with filters. */

const EVENT_COLUMNS = [
  { id: "at", label: "When", fill(cell, e, made) {
    cell.className = "num";
    setText(cell, clock(e.at_ms, made.now()));
    setAttribute(cell, "title", `${span(made.now() - e.at_ms)} ago`);
  }, num: true },
  { id: "sev", label: "Severity", fill(cell, e) {
    const code = severity(e.sev);
    cell.className = `sev-${code}`;
    setText(cell, `${["·", "▲", "■"][code]} ${["info", "warning", "error"][code]}`);
  } },
  foreignColumn("type", "Event", (e) => e.type && e.type.replace(/_/g, " "), { by: undefined }),
  foreignColumn("pool", "Pool", (e) => foreign(e.pool, 40), { by: undefined }),
  foreignColumn("inst", "Broker", (e) => foreign(e.inst, 40), { by: undefined }),
  foreignColumn("code", "Code", (e) => foreign(e.code, 40), { by: undefined }),
  textColumn("n", "Times", (e) => count(e.n), { num: true }),
  { id: "msg", label: "What", wide: true, fill(cell, e) {
    cell.classList.add("foreign", "event-text");
    const sess = foreign(e.sess, 40);
    setText(cell, (sess === NONE ? "" : `${sess}: `) + foreign(e.msg));
  } },
];

class Events {
  constructor() {
    this.now = Date.now();
    this.pool = "";
    this.table = new LiveTable(find("event-table"), EVENT_COLUMNS, {
      key: (e) => e.id, onMake: (made) => { made.now = () => this.now; } });
    find("event-pool").addEventListener("change", (event) => {
      this.pool = event.target.value;
      this.update(this.events, this.now);
    });
    find("event-severity").addEventListener("change", () => this.update(this.events, this.now));
  }

  setPools(names) {
    const pairs = [["", "all"], ...names.map((name) => [name, foreign(name, 40)])];
    if (!pairs.some(([value]) => value === this.pool)) pairs.push([this.pool, `${foreign(this.pool, 40)} (gone)`]);
    setChoices(find("event-pool"), pairs, this.pool);
  }

  update(events, now, whyNone) {
    const at = Number(find("event-severity").value);
    this.events = events;
    this.now = now;
    const shown = events.filter((e) => severity(e.sev) >= at && (this.pool === "" || e.pool === this.pool));
    this.table.update(shown);
    setText(find("events-note"), shown.length < events.length ? `${count(shown.length)} of ${count(events.length)}` : "newest first");
    setHidden(find("event-table").parentNode, shown.length === 0);
    setHidden(find("events-none"), shown.length > 0);
    setText(find("events-none"), events.length > 0 ? "None of the last events is such." : whyNone || "No events.");
  }
}

const SESSION_COLUMNS = [
  foreignColumn("sess", "Session", (s) => s.sess, { head: true }),
  foreignColumn("pool", "Pool", (s) => s.pool),
  foreignColumn("state", "State", (s) => s.state),
  numberColumn("inflight", "In flight", (s) => s.inflight, count),
  numberColumn("age", "Age", (s) => s.age_ms, span),
  numberColumn("idle", "Idle", (s) => s.idle_ms, span),
  numberColumn("calls", "Calls", (s) => s.calls_total, count),
  foreignColumn("proto", "Protocol", (s) => s.proto, { wide: true }),
];

class Sessions {
  constructor(onChoice) {
    this.inst = "";
    this.pool = "";
    this.rows = [];
    this.onChoice = onChoice;
    this.table = new LiveTable(find("session-table"), SESSION_COLUMNS, { key: (s) => `${s.pool}\u0001${s.sess}` });
    find("session-broker").addEventListener("change", (event) => this.choose(event.target.value, this.pool));
    find("session-pool").addEventListener("change", (event) => this.choose(this.inst, event.target.value));
  }

  choose(inst, pool) {
    if (inst !== this.inst) this.rows = [];
    this.inst = inst;
    this.pool = pool;
    this.onChoice();
  }

  setChoices(brokers, pools) {
    const live = brokers.filter((b) => !b.dead).map((b) => b.inst);
    if (this.inst === "" && live.length > 0) {
      this.inst = live[0];
      this.onChoice();
    }
    const pairs = live.map((inst) => [inst, foreign(inst, 40)]);
    if (!live.includes(this.inst)) pairs.push([this.inst, this.inst === "" ? "none" : `${foreign(this.inst, 40)} (gone)`]);
    setChoices(find("session-broker"), pairs, this.inst);
    const names = [["", "all"], ...pools.map((name) => [name, foreign(name, 40)])];
    if (!names.some(([value]) => value === this.pool)) names.push([this.pool, `${foreign(this.pool, 40)} (gone)`]);
    setChoices(find("session-pool"), names, this.pool);
  }

  /* ANSWER as /api/v1/sessions has it; null: it could not be had, for WHY. */
  update(answer, why) {
    if (answer && answer.inst !== this.inst) return;
    this.rows = answer ? answer.sessions : [];
    const shown = this.rows.filter((s) => this.pool === "" || s.pool === this.pool);
    this.table.update(shown);
    setText(find("sessions-note"), this.rows.length > 0 ? `${count(shown.length)} of ${count(this.rows.length)}; written every 10 s` : "");
    setHidden(find("session-table").parentNode, shown.length === 0);
    setHidden(find("sessions-none"), shown.length > 0);
    setText(find("sessions-none"), this.inst === "" ? "No live broker." : why || "No sessions.");
  }
}
