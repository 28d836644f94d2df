/* SPDX-License-Identifier: MIT */
/* Nodes.  Text gets in by textContent alone, and only where it differs: focus and selection stay. */

const SVG = "http://www.w3.org/2000/svg";

function find(id) {
  return document.getElementById(id);
}

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function draw(tag, attributes = {}) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function setClass(node, name, isOn) {
  if (node.classList.contains(name) !== isOn) node.classList.toggle(name, isOn);
}

function setAttribute(node, name, value) {
  if (value === undefined || value === null) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, value);
  }
}

function setHidden(node, isHidden) {
  if (node.hidden !== isHidden) node.hidden = isHidden;
}

/* What BUILD made for NODE the first time. */
const built = new WeakMap();
function once(node, build) {
  let parts = built.get(node);
  if (!parts) {
    parts = build(node);
    built.set(node, parts);
  }
  return parts;
}

/* Children of NODE in the order of WANTED, others removed; what had the focus keeps it. */
function arrange(node, wanted) {
  const focused = document.activeElement;
  let at = node.firstChild;
  for (const child of wanted) {
    if (child === at) {
      at = at.nextSibling;
    } else {
      node.insertBefore(child, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
  if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
}

/* A <select> with [value, text] pairs; the choice stays while it exists. */
function setChoices(select, pairs, chosen) {
  const key = pairs.map((pair) => pair.join("\u0001")).join("\u0002");
  const parts = once(select, () => ({ key: null }));
  if (parts.key !== key) {
    parts.key = key;
    select.replaceChildren(...pairs.map(([value, text]) => {
      const option = make("option", "", text);
      option.value = value;
      return option;
    }));
  }
  if (select.value !== chosen) select.value = chosen;
}

/* Shape and word of a health code. */
function setHealth(node, code, word) {
  const parts = once(node, () => {
    const shape = draw("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" });
    const path = draw("path");
    const text = make("span");
    const box = make("span", "health");
    shape.append(path);
    box.append(shape, text);
    node.append(box);
    return { box, path, text };
  });
  setAttribute(parts.box, "data-code", code);
  setAttribute(parts.path, "d", HEALTH[code].shape);
  setText(parts.text, word || HEALTH[code].word);
  return parts;
}

/* Sessions below their cap. */
function setBar(node, row) {
  const parts = once(node, () => {
    const bar = make("span", "bar");
    bar.setAttribute("aria-hidden", "true");
    const pieces = ["active", "idle", "other", "broken"].map((name) => make("i", name));
    bar.append(...pieces);
    node.append(bar);
    return { pieces };
  });
  const known = [row.s_active, row.s_idle, 0, row.s_broken].map((n) => (isNumber(n) ? n : 0));
  known[2] = Math.max(0, (row.s_total || 0) - known[0] - known[1] - known[3]);
  const whole = Math.max(row.cap || row.s_cap || 0, known[0] + known[1] + known[2] + known[3], 1);
  parts.pieces.forEach((piece, i) => {
    const width = `${((100 * known[i]) / whole).toFixed(2)}%`;
    if (piece.style.width !== width) piece.style.width = width;
  });
}
