// @ts-check
// A mask to click, and the softmax weights that it leaves.
import {
  bar,
  button,
  consume,
  createStage,
  frame,
  html,
  legend,
  readout,
  select,
  widget,
} from "./common.js";
import { createCursor, followPointer } from "./cursor.js";
import { columnWidth, createTable, tablePlace, writeWeight } from "./tables.js";
import { largest, makeShade, number, signed, softmaxOf } from "./weights.js";

/** @import { Drawn, Given } from "./common.js" */
/** @import { Spot } from "./cursor.js" */
/** @import { Place } from "./tables.js" */

/** @typedef {number[][]} Mask (T, S), 1 where the query may look at the key, else 0 */

/**
 * @typedef {object} MaskState
 * @property {string} title
 * @property {string[]} rows T queries
 * @property {string[]} columns S keys
 * @property {number[][]} scores (T, S)
 * @property {Mask} mask as it is at first; the model's `chosen.mask` is the learner's
 */

const ALLOWED = "✓";
const FORBIDDEN = "✗";

/**
 * @param {number[]} scores of one row
 * @param {number[]} allowed
 * @returns {number[]} its weights; zeros where nothing is allowed
 */
function maskedSoftmax(scores, allowed) {
  const open = scores.filter((_, s) => allowed[s]);
  if (!open.length) return scores.map(() => 0);
  const weights = softmaxOf(open, 1);
  return allowed.map((may) => (may ? (weights.shift() ?? 0) : 0));
}

/**
 * @param {Mask} mask
 * @returns {number} how many columns at the end no query may look at; 0 if that is so of all
 */
function paddedColumns(mask) {
  const open = mask[0].map((_, s) => mask.some((row) => row[s])).lastIndexOf(true);
  return open < 0 ? 0 : mask[0].length - 1 - open;
}

/**
 * Which mask this is, in words; the same as `describe` in mask_editor.py.
 * @param {Mask} mask
 * @param {string[]} rows
 * @param {string[]} columns
 * @returns {string}
 */
function maskWords(mask, rows, columns) {
  const [T, S] = [rows.length, columns.length];
  const is = (rule) => mask.every((row, t) => row.every((may, s) => Boolean(may) === rule(t, s)));
  const cells = mask.flatMap((row, t) => row.map((may, s) => ({ may, t, s })));
  const told = (list) => `${list.length} cell${list.length === 1 ? "" : "s"}`;
  const names = (list) => list.map((t) => `'${rows[t]}'`).join(", ");
  const ordered = T === S;
  const future = cells.filter(({ may, t, s }) => may && s > t);
  const past = cells.filter(({ may, t, s }) => !may && s <= t);
  const hidden = paddedColumns(mask);
  const last = hidden > 1 ? `the last ${hidden} columns are` : "the last column is";

  const known = () => {
    const open = ordered && future.length;
    if (is(() => true)) {
      return `No mask: every query may look at every key${open ? ", the future included" : ""}.`;
    }
    if (ordered && is((t, s) => s <= t)) {
      return "Causal: each query sees itself and what came before.";
    }
    if (hidden && is((_t, s) => s < S - hidden)) {
      return `Padding: ${last} hidden from every query${open ? "; the future is open" : ""}.`;
    }
    if (!ordered) {
      const allowed = cells.filter(({ may }) => may).length;
      return `A mask without a name: ${allowed} of ${told(cells)} allowed.`;
    }
    if (is((t, s) => s <= t && s < S - hidden)) {
      return `Causal and padding: no future, and ${last} hidden from every query.`;
    }
    if (is((t, s) => s < t)) {
      return "Causal without the diagonal: each query sees what came before, but not itself.";
    }
    if (is((t, s) => s > t)) {
      return "The causal mask inverted: what should be forbidden is allowed.";
    }
    if (is((t, s) => s >= t)) {
      return "The wrong triangle: each query sees itself and what comes after.";
    }
    if (!future.length) return `No leak, but ${told(past)} of the past forbidden as well.`;
    const [{ t, s }] = future;
    const first = `${future.length > 1 ? "the first " : ""}where '${rows[t]}' sees '${columns[s]}'`;
    return `Leaking: ${told(future)} of the future allowed, ${first}.`;
  };
  const empty = rows.map((_, t) => t).filter((t) => !mask[t].some(Boolean));
  if (empty.length === T) {
    return "Nothing is allowed: every row is empty, and its weights are zeros.";
  }
  // Of padding nothing else can be expected.
  const padded = is((_t, s) => s < S - hidden) || is((t, s) => s <= t && s < S - hidden);
  const real = rows.map((_, t) => t).filter((t) => ordered && t < S - (padded ? hidden : 0));
  const blind = real.filter((t) => !mask[t][t] && !empty.includes(t));
  return (
    known() +
    (empty.length ? ` Empty, so all zeros: ${names(empty)}.` : "") +
    (blind.length ? ` Not allowed to look at itself: ${names(blind)}.` : "")
  );
}

/**
 * @param {Given<MaskState>} given
 * @returns {Drawn}
 */
function createMaskEditor({ state, colours, model }) {
  const { rows, columns, scores } = state;
  const [T, S] = [rows.length, columns.length];
  const shade = makeShade(colours.ramp);
  /** @returns {Mask} */
  const kept = () => model.get("chosen").mask || state.mask;
  let mask = kept();
  let hidden = paddedColumns(mask) || 1;

  const cursor = createCursor(T, S, refresh);
  const width = columnWidth(columns);
  const shape = { rows, columns, width };
  const grid = createTable("mask", "The mask: rows are queries, columns keys", shape);
  const after = createTable("weights", "The weights that it leaves", shape);
  const text = readout(3);

  /**
   * Takes the mask whose cells follow a rule; Python hears of it.
   * @param {(t: number, s: number, may: boolean) => boolean} rule
   */
  function set(rule) {
    mask = mask.map((row, t) => row.map((may, s) => Number(rule(t, s, Boolean(may)))));
    model.set("chosen", { mask });
    model.save_changes();
    refresh();
  }

  /**
   * Turns over a cell, or a row or a column as a whole.
   * @param {Spot} spot
   */
  function turn({ t, s }) {
    const inside = (row, column) => (t === null || row === t) && (s === null || column === s);
    const open = mask.every((row, i) => row.every((may, j) => may || !inside(i, j)));
    set((row, column, may) => (inside(row, column) ? !open : may));
  }

  function keys(event) {
    const { t, s } = cursor.spot() || { t: 0, s: 0 };
    /** @type {Record<string, Spot>} */
    const parts = { " ": { t, s }, Enter: { t, s }, r: { t, s: null }, c: { t: null, s } };
    const whole = parts[event.key];
    if (!whole || event.ctrlKey || event.metaKey) {
      cursor.keys(event);
      return;
    }
    turn(whole);
    consume(event);
  }

  const past = (t, s) => s <= t;
  const real = (_t, s) => s < S - hidden;
  const counts = Array.from({ length: Math.max(S - 1, 0) }, (_, i) => `${i + 1}`);
  const padding = select("Padding: last columns", counts, (place) => {
    hidden = place + 1;
    set(real);
  });
  padding.choose(hidden - 1);
  const presets = [
    button("All", {}, () => set(() => true)),
    T === S ? button("Causal", {}, () => set(past)) : null,
    S > 1 ? button("Padding", {}, () => set(real)) : null,
    T === S && S > 1
      ? button("Causal and padding", {}, () => set((t, s) => past(t, s) && real(t, s)))
      : null,
    button("None", {}, () => set(() => false)),
  ];

  function spoken() {
    const place = cursor.spot();
    if (!place) return "Click a cell to allow or forbid it, or a name for its whole row or column.";
    const { t, s } = place;
    if (t === null) {
      const count = mask.filter((row) => row[s ?? 0]).length;
      return `'${columns[s ?? 0]}': ${count} of ${T} queries may look at it.`;
    }
    const weights = maskedSoftmax(scores[t], mask[t]);
    if (s === null) {
      const most = mask[t].some(Boolean) ? largest(weights, columns, 4) : "nothing";
      return `'${rows[t]}' looks at ${most}.`;
    }
    const may = mask[t][s] ? "may" : "may not";
    const score = `score ${signed(scores[t][s])}, weight ${mask[t][s] ? number(weights[s]) : 0}`;
    return `'${rows[t]}' ${may} look at '${columns[s]}': ${score}.`;
  }

  function refresh() {
    const spot = cursor.spot();
    const chosen = (t, s) => spot?.t === t && spot?.s === s;
    grid.each((cell, t, s) => {
      cell.textContent = mask[t][s] ? ALLOWED : FORBIDDEN;
      cell.classList.toggle("am-allowed", Boolean(mask[t][s]));
      cell.classList.toggle("am-forbidden", !mask[t][s]);
      cell.classList.toggle("am-leak", Boolean(mask[t][s]) && T === S && s > t);
      cell.classList.toggle("am-chosen", chosen(t, s));
    });
    const weights = mask.map((row, t) => maskedSoftmax(scores[t], row));
    after.each((cell, t, s) => {
      writeWeight(cell, weights[t][s], shade);
      if (!mask[t][s]) cell.textContent = "0";
      cell.classList.toggle("am-chosen", chosen(t, s));
      cell.classList.toggle("am-none", !mask[t].some(Boolean));
    });
    for (const table of [grid, after]) table.light(spot?.t ?? null, spot?.s ?? null);
    text.textContent = `${maskWords(mask, rows, columns)}\n${spoken()}`;
  }

  const about =
    `A mask of ${T} queries and ${S} keys, and its weights. Arrow keys move, space allows or ` +
    "forbids a cell, r its row, c its column.";
  const stage = createStage({ kind: "am-stage", about, keys }, grid.root, after.root);
  /** @param {Place | null} place */
  const pick = (place) => {
    if (place?.table !== "mask") return;
    cursor.choose({ t: place.t, s: place.s }, false);
    turn(place);
  };
  followPointer(stage, tablePlace, { hover: cursor.on.hover, pick });
  const outside = () => {
    mask = kept();
    refresh();
  };
  model.on("change:chosen", outside);

  const controls = bar(...presets, S > 1 ? padding.root : null);
  const sample = (kind, mark, words) =>
    html("span", {}, html("span", { class: `am-sample ${kind}` }, mark), ` ${words}`);
  const signs = legend(
    sample("am-allowed", ALLOWED, "may be attended"),
    sample("am-forbidden", FORBIDDEN, "may not"),
    T === S ? sample("am-allowed am-leak", ALLOWED, "the future, allowed") : null,
    sample("am-none", "0", "empty row: zeros"),
  );
  refresh();
  const root = frame(state.title, controls, stage, text, signs);
  return { root, destroy: () => model.off("change:chosen", outside) };
}

export const render = widget(createMaskEditor);
