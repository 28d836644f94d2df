/* SPDX-License-Identifier: MIT */
/* What is fetched, and when.  One request of a kind at a time; a hidden page asks for nothing. */

const EVERY_MS = { fleet: 1000, series: 5000, sessions: 5000 };
const READ_EVERY_MS = 400; /* as teplo-dash reads Redis */
const LARGE_BYTES = 200000;

/* An answer of AGE is followed by the next reading soon; large ones are not asked for that often. */
function nextFleetMs(age, size) {
  return size > LARGE_BYTES ? EVERY_MS.fleet : Math.min(EVERY_MS.fleet, Math.max(100, READ_EVERY_MS + 60 - age));
}
const PATIENCE_MS = 5000;
const LOST_AFTER = 2; /* failures in a row */

class Feed {
  /* ADDRESS() is "" while there is nothing to ask; NEXT(age, size) is when to ask again. */
  constructor(address, next, onAnswer, onFailure) {
    Object.assign(this, { address, next, onAnswer, onFailure });
    this.etag = null;
    this.timer = null;
    this.asking = null;
    this.isOn = false;
  }

  start() {
    if (this.isOn) return;
    this.isOn = true;
    this.ask();
  }

  stop() {
    this.isOn = false;
    clearTimeout(this.timer);
    if (this.asking) this.asking.abort();
  }

  /* Something else is wanted: what is under way is dropped. */
  again() {
    this.etag = null;
    if (!this.isOn) return;
    clearTimeout(this.timer);
    if (this.asking) this.asking.abort();
    this.ask();
  }

  async ask() {
    const address = this.address();
    const asking = new AbortController();
    this.asking = asking;
    const timeout = setTimeout(() => asking.abort(), PATIENCE_MS);
    this.pauseMs = EVERY_MS.fleet;
    try {
      if (address !== "") await this.fetch(address, asking.signal);
    } catch (failure) {
      if (this.asking === asking && this.isOn) this.onFailure(failure);
    } finally {
      clearTimeout(timeout);
      if (this.asking === asking) {
        this.asking = null;
        if (this.isOn) this.timer = setTimeout(() => this.ask(), this.pauseMs);
      }
    }
  }

  async fetch(address, signal) {
    const headers = this.etag ? { "If-None-Match": this.etag } : {};
    const reply = await fetch(address, { headers, signal, cache: "no-store", credentials: "omit", redirect: "error" });
    const age = Number(reply.headers.get("Teplo-Age-Ms")) || 0;
    this.pauseMs = this.next(age, Number(reply.headers.get("Content-Length")) || 0);
    if (reply.status === 304) {
      this.onAnswer(null, age);
      return;
    }
    const type = reply.headers.get("Content-Type") || "";
    if (!type.startsWith("application/json")) throw new Error(`status ${reply.status}`);
    const answer = await reply.json();
    if (!reply.ok) throw new Error(answer.error || `status ${reply.status}`);
    this.etag = reply.headers.get("ETag");
    this.onAnswer(answer, age);
  }
}
