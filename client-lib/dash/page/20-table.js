/* SPDX-License-Identifier: MIT */
/*
 * A table whose rows are updated in place.  Roles are written out, because on a narrow screen rows
 * become cards, and browsers forget that a table without table layout is one.
 *
 * A column: {id, label, title, num, wide, head, by(row), fill(cell, row)}; `by` makes it sortable.
 */
class LiveTable {
  constructor(table, columns, options = {}) {
    this.columns = columns;
    this.options = options;
    this.rows = new Map();
    this.sorted = null; /* {id, descends}; null: as they come */
    table.setAttribute("role", "table");
    this.head = make("thead");
    this.head.setAttribute("role", "rowgroup");
    this.body = make("tbody");
    this.body.setAttribute("role", "rowgroup");
    table.append(this.head, this.body);
    this.makeHead();
  }

  makeHead() {
    const row = make("tr");
    row.setAttribute("role", "row");
    this.heads = this.columns.map((column) => {
      const cell = make("th", column.num ? "num" : "");
      cell.scope = "col";
      cell.setAttribute("role", "columnheader");
      if (column.title) cell.title = column.title;
      if (column.by) {
        const button = make("button", "sort", column.label);
        button.type = "button";
        button.addEventListener("click", () => this.sortBy(column));
        cell.append(button);
      } else {
        cell.textContent = column.label;
      }
      row.append(cell);
      return cell;
    });
    this.head.append(row);
  }

  /* The greatest first, then the least, then as they come. */
  sortBy(column) {
    if (!this.sorted || this.sorted.id !== column.id) {
      this.sorted = { id: column.id, descends: !column.head };
    } else if (this.sorted.descends !== Boolean(column.head)) {
      this.sorted.descends = !this.sorted.descends;
    } else {
      this.sorted = null;
    }
    this.columns.forEach((each, i) => {
      const word = this.sorted && this.sorted.id === each.id ? (this.sorted.descends ? "descending" : "ascending") : null;
      setAttribute(this.heads[i], "aria-sort", word);
    });
    this.update(this.last || []);
    if (this.options.onSort) this.options.onSort(this.sorted && column.label);
  }

  inOrder(rows) {
    if (!this.sorted) return rows;
    const column = this.columns.find((each) => each.id === this.sorted.id);
    const sign = this.sorted.descends ? -1 : 1;
    return rows.map((row, i) => ({ row, i, key: column.by(row) })).sort((a, b) => {
      const aMissing = a.key === undefined || a.key === null;
      const bMissing = b.key === undefined || b.key === null;
      if (aMissing !== bMissing) return aMissing ? 1 : -1;
      if (aMissing || a.key === b.key) return a.i - b.i;
      return a.key < b.key ? -sign : sign;
    }).map((each) => each.row);
  }

  makeRow(key) {
    const node = make("tr", "row");
    node.setAttribute("role", "row");
    const cells = this.columns.map((column) => {
      const cell = make(column.head ? "th" : "td", (column.num ? "num" : "") + (column.wide ? " wide" : ""));
      cell.setAttribute("role", column.head ? "rowheader" : "cell");
      if (column.head) cell.scope = "row";
      else if (column.label) cell.dataset.label = column.label;
      node.append(cell);
      return cell;
    });
    const made = { key, node, cells, extra: null };
    if (this.options.onMake) this.options.onMake(made);
    return made;
  }

  update(rows) {
    this.last = rows;
    const order = [];
    const seen = new Set();
    for (const row of this.inOrder(rows)) {
      const key = this.options.key(row);
      if (seen.has(key)) continue;
      seen.add(key);
      let made = this.rows.get(key);
      if (!made) {
        made = this.makeRow(key);
        this.rows.set(key, made);
      }
      made.row = row;
      this.columns.forEach((column, i) => column.fill(made.cells[i], row, made));
      if (this.options.onRow) this.options.onRow(made, row);
      order.push(made.node);
      if (made.extra) order.push(made.extra);
    }
    for (const key of [...this.rows.keys()]) {
      if (!seen.has(key)) this.rows.delete(key);
    }
    arrange(this.body, order);
  }
}

/* Fillers of the usual kinds of columns. */
function textColumn(id, label, value, more = {}) {
  return { id, label, fill: (cell, row) => setText(cell, value(row)), ...more };
}

function foreignColumn(id, label, value, more = {}) {
  return { id, label, by: (row) => foreign(value(row)), fill: (cell, row) => {
    cell.classList.add("foreign");
    setText(cell, foreign(value(row)));
  }, ...more };
}

function numberColumn(id, label, by, show, more = {}) {
  return { id, label, num: true, by, fill: (cell, row) => {
    setText(cell, show(by(row), row));
    if (more.level) {
      const level = row.dead || row.stale ? 0 : more.level(row);
      setClass(cell, "is-warn", level === 1);
      setClass(cell, "is-bad", level === 2);
    }
  }, ...more };
}
