/* SPDX-License-Identifier: MIT */
/* Figures into places on paper: pure. */

/* A round number not below VALUE, half of which is round too. */
function niceAbove(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  for (const factor of [1, 1.6, 2, 3, 4, 5, 6, 8, 10]) {
    if (factor * power >= value * 0.999999) return factor * power;
  }
  return 10 * power;
}

/* LEAST: the top is not below it. */
function linearScale(most, height, least = 0) {
  const top = niceAbove(Math.max(most, least));
  return { y: (value) => height - (height * value) / top, ticks: [0, top / 2, top], top };
}

/* From a power of ten to another; what is not above 0 has no place. */
function logScale(least, most, height) {
  const low = Math.floor(Math.log10(Math.max(least, 0.1)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(most, 0.2))));
  const ticks = [];
  for (let power = low; power <= high; power++) ticks.push(10 ** power);
  const y = (value) => (value > 0 ? height - (height * (Math.log10(value) - low)) / (high - low) : NaN);
  return { y, ticks: ticks.length > 5 ? ticks.filter((_, i) => (ticks.length - 1 - i) % 2 === 0) : ticks, top: 10 ** high };
}

const TIME_STEPS = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600].map((s) => s * 1000);

/* Round moments of local time, about one in 90 pixels. */
function timeTicks(from, to, width) {
  const wanted = Math.max(2, width / 90);
  const step = TIME_STEPS.find((each) => (to - from) / each <= wanted) || 21600e3;
  const zone = new Date(to).getTimezoneOffset() * 60e3;
  const ticks = [];
  for (let at = Math.ceil((from - zone) / step) * step + zone; at <= to; at += step) ticks.push(at);
  return ticks;
}

/* A path through the points that are there; a gap of data is a gap on paper. */
function linePath(xs, ys) {
  let path = "";
  let pen = false;
  for (let i = 0; i < xs.length; i++) {
    if (!Number.isFinite(ys[i])) {
      pen = false;
      continue;
    }
    path += `${pen ? "L" : "M"}${xs[i].toFixed(1)} ${ys[i].toFixed(1)}`;
    if (!pen && !Number.isFinite(ys[i + 1])) path += "h1.5"; /* a lone point is to be seen */
    pen = true;
  }
  return path;
}

/* What lies between LOW and HIGH, piece by piece. */
function areaPath(xs, low, high) {
  let path = "";
  for (let i = 0; i < xs.length; i++) {
    if (!Number.isFinite(high[i])) continue;
    let end = i;
    while (end + 1 < xs.length && Number.isFinite(high[end + 1])) end++;
    const width = end === i ? 1.5 : 0;
    path += `M${xs[i].toFixed(1)} ${low[i].toFixed(1)}`;
    for (let k = i; k <= end; k++) path += `L${xs[k].toFixed(1)} ${high[k].toFixed(1)}`;
    if (width) path += `h${width}`;
    for (let k = end; k >= i; k--) path += `L${(xs[k] + (k === end ? width : 0)).toFixed(1)} ${low[k].toFixed(1)}`;
    path += "Z";
    i = end;
  }
  return path;
}

function greatest(values) {
  let most = -Infinity;
  for (const value of values) if (value > most) most = value;
  return most === -Infinity ? NaN : most;
}

function least(values) {
  let found = Infinity;
  for (const value of values) if (value > 0 && value < found) found = value;
  return found === Infinity ? NaN : found;
}
