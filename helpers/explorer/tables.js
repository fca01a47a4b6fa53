// Small tables of numbers or marks whose cells can be pointed at.

const CELL_WIDE = 42; // pixels that "-0.50" takes

// "-0.50", and never "-0.00"
function signed(value, digits = 2) {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text;
}

// rows, columns: the names; sides: which of them are shown, of "rows" and "columns". `name` goes
// with every place that is reported, so that several tables can share one stage.
function createTable(name, caption, { rows, columns, sides = ["rows", "columns"], width = CELL_WIDE }) {
  const heading = (scope, word, place) =>
    html("th", { scope, "data-table": name, ...place }, html("span", {}, word));
  const rowHeads = rows.map((word, t) => heading("row", word, { "data-t": t }));
  const columnHeads = columns.map((word, s) => heading("col", word, { "data-s": s }));
  const cells = rows.map((_row, t) =>
    columns.map((_column, s) => {
      const cell = html("td", { "data-table": name, "data-t": t, "data-s": s });
      cell.style.minWidth = cell.style.maxWidth = `${width}px`;
      return cell;
    }),
  );
  const shown = (side) => sides.includes(side);
  const corner = shown("rows") ? html("td", { class: "am-empty" }) : null;
  const body = cells.map((line, t) => html("tr", {}, shown("rows") ? rowHeads[t] : null, ...line));
  const title = html("figcaption", {}, caption);
  const root = html(
    "figure",
    { class: "am-panel am-numbered" },
    title,
    html(
      "table",
      { class: "am-table" },
      shown("columns") ? html("thead", {}, html("tr", {}, corner, ...columnHeads)) : null,
      html("tbody", {}, ...body),
    ),
  );
  return {
    root,
    title,
    each: (action) => cells.forEach((line, t) => line.forEach((cell, s) => action(cell, t, s))),
    // Lights up a row's name and a column's, null for none.
    light(row, column) {
      rowHeads.forEach((head, t) => head.classList.toggle("am-on", t === row));
      columnHeads.forEach((head, s) => head.classList.toggle("am-on", s === column));
    },
  };
}

// Where in the tables an event was: { table, t, s }, t or s null on a name; null beside them.
function tablePlace(event) {
  const node = event.target.closest("[data-table]");
  if (!node) return null;
  const { table, t, s } = node.dataset;
  return { table, t: t === undefined ? null : Number(t), s: s === undefined ? null : Number(s) };
}

// A weight in its colour, with its number.
function writeWeight(cell, weight, shade) {
  cell.textContent = number(weight);
  cell.style.background = shade(weight);
  cell.style.color = inkOn(weight);
}

// The width of columns under words: as wide as the widest, within reason.
function columnWidth(words) {
  const widest = Math.max(...words.map((word) => textWidth(word, 15, true)));
  return Math.min(Math.max(Math.ceil(widest) + 8, CELL_WIDE), 96);
}
