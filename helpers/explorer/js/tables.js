// @ts-check
// Small tables of numbers or marks whose cells can be pointed at.
import { html, panel, widestOf } from "./common.js";
import { lightWords, markAt, spotOf } from "./cursor.js";
import { inkOn, number } from "./weights.js";

/** @import { Spot } from "./cursor.js" */

/** @typedef {Spot & { table: string }} Place where in several tables something is */

/**
 * @typedef {object} Shape
 * @property {string[]} rows names
 * @property {string[]} columns
 * @property {string[]} [sides] which of them are shown, of "rows" and "columns"
 * @property {number} [width] pixels of a column
 */

const CELL_WIDE = 42; // pixels that "-0.50" takes

/**
 * @param {string} name goes with every place that is reported, so that tables can share one stage
 * @param {Node | string} caption
 * @param {Shape} shape
 */
export function createTable(name, caption, shape) {
  const { rows, columns, sides = ["rows", "columns"], width = CELL_WIDE } = shape;
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
  const root = panel(
    caption,
    html(
      "table",
      { class: "am-table" },
      shown("columns") ? html("thead", {}, html("tr", {}, corner, ...columnHeads)) : null,
      html("tbody", {}, ...body),
    ),
  );
  root.classList.add("am-numbered");
  return {
    root,
    /** @param {(cell: HTMLElement, t: number, s: number) => void} action */
    each: (action) => cells.forEach((line, t) => line.forEach((cell, s) => action(cell, t, s))),
    /**
     * Lights up a row's name and a column's, null for none.
     * @param {number | null} row
     * @param {number | null} column
     */
    light: (row, column) => lightWords(rowHeads, columnHeads, { t: row, s: column }),
  };
}

/**
 * @param {Event} event
 * @returns {Place | null} where in the tables an event was, t or s null on a name
 */
export function tablePlace(event) {
  const mark = markAt(event, "[data-table]");
  const spot = spotOf(mark);
  return mark && spot ? { ...spot, table: mark.dataset.table ?? "" } : null;
}

/**
 * Shows a weight in its colour, with its number.
 * @param {HTMLElement} cell
 * @param {number} weight
 * @param {(weight: number) => string} shade
 */
export function writeWeight(cell, weight, shade) {
  cell.textContent = number(weight);
  cell.style.background = shade(weight);
  cell.style.color = inkOn(weight);
}

/**
 * The width of columns under words: as wide as the widest, within reason.
 * @param {string[]} words
 * @returns {number} pixels
 */
export function columnWidth(words) {
  return Math.min(Math.max(Math.ceil(widestOf(words, 15)) + 8, CELL_WIDE), 96);
}
