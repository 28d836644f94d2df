/* SPDX-License-Identifier: MIT */
/* Values as words.  A missing value is "–": nobody reported it, which is not 0. */

const NONE = "–";
const TEXT_MAXIMUM = 200;
/* Controls, and what turns the direction of text around. */
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/* Text of others, fit to be shown: bounded, and without bytes that act. */
function foreign(value, most = TEXT_MAXIMUM) {
  if (value === undefined || value === null || value === "" || value === "-") return NONE;
  const text = String(value);
  const shown = Array.from(text.slice(0, 2 * most)).slice(0, most).join("");
  return shown.replace(UNSEEN, "\ufffd") + (shown.length < text.length ? "…" : "");
}

function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

function count(value) {
  return isNumber(value) ? Math.round(value).toLocaleString("en") : NONE;
}

function decimal(value, places = 1) {
  if (!isNumber(value)) return NONE;
  return value.toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places });
}

function rate(value) {
  if (!isNumber(value)) return NONE;
  return value >= 1000 ? count(value) : decimal(value, value > 0 && value < 0.95 ? 2 : 1);
}

function percent(value) {
  if (!isNumber(value)) return NONE;
  return value > 0 && value < 0.1 ? "<0.1 %" : `${decimal(value, value >= 99.95 ? 0 : 1)} %`;
}

/* A measured time.  Redis has 0 for "none measured": no call takes no time. */
function took(ms) {
  if (!isNumber(ms) || ms <= 0) return NONE;
  if (ms < 1) return `${decimal(ms, 2)} ms`;
  if (ms < 10) return `${decimal(ms, 1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${decimal(ms / 1000, 1)} s`;
  return span(ms);
}

/* Two times that stand together; the unit is said once where it is the same. */
function tookPair(first, second) {
  const [one, other] = [took(first), took(second)];
  const unit = / (ms|s)$/.exec(other);
  return [unit && one.endsWith(unit[0]) ? one.slice(0, -unit[0].length) : one, other];
}

/* Calls that wait, and how long the oldest has. */
function waitingText(row) {
  if (!(row.waiting > 0)) return count(row.waiting);
  return `${count(row.waiting)} · ${row.maxwait_ms === 0 ? "<1 ms" : took(row.maxwait_ms)}`;
}

/* How long something has been so. */
function span(ms) {
  if (!isNumber(ms) || ms < 0) return NONE;
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return s < 600 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

function bytes(value) {
  if (!isNumber(value) || value <= 0) return NONE;
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${decimal(value, unit > 0 && value < 100 ? 1 : 0)} ${units[unit]}`;
}

function two(number) {
  return String(number).padStart(2, "0");
}

/* The time of day here; with the day, where it was not within the last 20 hours. */
function clock(atMs, nowMs) {
  if (!isNumber(atMs) || atMs <= 0) return NONE;
  const at = new Date(atMs);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  if (Math.abs(nowMs - atMs) < 20 * 3600e3) return time;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}

function plural(number, word) {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}

/* VALUE where calls were made in the window; without any there is nothing to take a share of. */
function ofCalls(row, value) {
  return isNumber(row.rps) && row.rps > 0 ? value : undefined;
}
