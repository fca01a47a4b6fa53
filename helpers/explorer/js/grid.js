// @ts-check
// The map: a cell per pair of words, queries as rows, keys as columns.
// It draws and reports; what is highlighted is decided by the view that it is part of.
import { build, html, svg, widestOf, wordMark } from "./common.js";
import { followPointer, lightWords, markAt, spotOf } from "./cursor.js";
import { SHOWN_FROM, inkOn, number, shortNumber } from "./weights.js";

/** @import { Link, Reports, Spot } from "./cursor.js" */

/**
 * What a grid shows. The marks, if given, stand behind the words of the rows.
 * @typedef {object} GridState
 * @property {string[]} rows
 * @property {string[]} columns
 * @property {Link[]} gold
 * @property {Link[]} possible
 * @property {RowMark[]} [marks] one for each row
 * @property {string[]} [beside] the words to leave room for, so that maps with different wrong
 *   words stay in line
 */

/**
 * The text of a row's mark, the kind by which it is coloured, and the wrong word that was said
 * there, null for none.
 * @typedef {{ mark: string, kind: string, wrong: string | null }} RowMark
 */

/** @typedef {ReturnType<typeof createGrid>} Grid */

export const GRID_SIZES = [
  { width: 54, height: 40, word: 17, number: 15, short: false },
  { width: 44, height: 34, word: 16, number: 13, short: false },
  { width: 32, height: 27, word: 15, number: 12, short: true },
  { width: 24, height: 24, word: 14, number: 11, short: true }, // to set two side by side
];

/**
 * @param {number} rows
 * @param {number} columns
 * @returns {number} the place in GRID_SIZES of the size for a map alone
 */
export function gridSize(rows, columns) {
  const most = Math.max(rows, columns);
  return most <= 9 ? 0 : most <= 14 ? 1 : 2;
}

/**
 * @param {GridState} state
 * @param {(weight: number) => string} shade
 * @param {Reports} on
 * @param {number} sized a place in GRID_SIZES
 */
export function createGrid(
  state,
  shade,
  on,
  sized = gridSize(state.rows.length, state.columns.length),
) {
  const T = state.rows.length;
  const S = state.columns.length;
  const size = GRID_SIZES[sized];
  const { width: w, height: h } = size;
  const widest = (words) => widestOf(words, size.word);
  const marks = state.marks || [];
  const beside = (state.beside || []).map((word) => `✗ ${word}`);
  const markWide = marks.length ? Math.ceil(size.word * 1.75) : 0;
  const wordWide = Math.ceil(widest(state.rows));
  const left = wordWide + 26 + markWide + (beside.length ? Math.ceil(widest(beside)) + 14 : 0);
  const turned = widest(state.columns) > w - 14;
  const slant = (50 * Math.PI) / 180;
  const top = turned ? Math.ceil(widest(state.columns) * Math.sin(slant)) + 26 : size.word + 20;
  const overhang = turned ? Math.ceil(widest(state.columns) * Math.cos(slant)) : 6;
  const wide = S * w + overhang;
  const tall = T * h + 4;

  const baseline = (t) => t * h + h / 2 + size.word * 0.3;
  const rowWords = state.rows.map((word, t) =>
    wordMark(word, size.word, "end", {
      "data-t": t,
      class: "am-word am-query",
      transform: `translate(${left - 12 - markWide} ${baseline(t)})`,
    }),
  );
  const rowMarks = marks.map(({ mark, kind, wrong }, t) => {
    const y = baseline(t);
    const at = (x, anchor, pixels) => ({ x, y, "text-anchor": anchor, "font-size": pixels });
    const middle = at(left - 6 - markWide / 2, "middle", size.word * 1.2);
    const end = at(left - 26 - markWide - wordWide, "end", size.word);
    const said = wrong === null ? null : svg("text", { class: "am-said", ...end }, `✗ ${wrong}`);
    return svg("g", {}, svg("text", { class: `am-mark am-mark-${kind}`, ...middle }, mark), said);
  });
  const columnWords = state.columns.map((word, s) => {
    const x = s * w + w / 2;
    const y = top - 10;
    const place = turned ? `translate(${x + 4} ${y}) rotate(-50)` : `translate(${x} ${y})`;
    return wordMark(word, size.word, turned ? "start" : "middle", {
      "data-s": s,
      class: "am-word am-key",
      transform: place,
    });
  });

  const cells = state.rows.map((_row, t) =>
    state.columns.map((_column, s) =>
      svg("rect", { x: s * w + 1, y: t * h + 1, width: w - 2, height: h - 2, rx: 3 }),
    ),
  );
  const cellLayer = svg("g", {}, ...cells.flat());
  const numbers = svg("g", { class: "am-numbers", "font-size": size.number });
  const links = svg("g", { class: "am-links" });
  const box = { width: w - 5, height: h - 5, rx: 3 };
  // White below the colour, because the colour alone is not seen on every shade.
  const outline = (kind, [s, t]) =>
    ["am-casing", "am-gold"].map((part) =>
      svg("rect", { class: `${part} ${kind}`.trim(), x: s * w + 2.5, y: t * h + 2.5, ...box }),
    );
  links.append(...state.gold.flatMap((link) => outline("", link)));
  links.append(...state.possible.flatMap((link) => outline("am-possible", link)));
  // Veils of the paper's colour dim whatever is not highlighted: a few elements, not every cell.
  const veils = [0, 1, 2, 3].map(() => svg("rect", { class: "am-veil" }));
  const future = svg("rect", { class: "am-veil am-future" });
  const frames = [0, 1].map(() => svg("rect", { class: "am-frame", rx: 4 }));
  const cursor = svg("rect", { class: "am-cursor", rx: 4 });
  const cursorText = svg("text", { "font-size": size.number });
  const body = svg(
    "svg",
    { class: "am-cells", width: wide, height: tall, "aria-hidden": "true" },
    ...[cellLayer, links, numbers, ...veils, future, ...frames, cursor],
    svg("g", { class: "am-numbers" }, cursorText),
  );
  const head = svg("svg", { width: wide, height: top, "aria-hidden": "true" }, ...columnWords);
  const sideSize = { width: left, height: tall, "aria-hidden": "true" };
  const side = svg("svg", sideSize, ...rowWords, ...rowMarks);
  const corner = html("div", { class: "am-corner" });
  const root = html(
    "div",
    { class: "am-grid" },
    corner,
    html("div", { class: "am-head" }, head),
    html("div", { class: "am-side" }, side),
    html("div", {}, body),
  );

  /**
   * @param {PointerEvent} event
   * @returns {Spot | null}
   */
  function place(event) {
    const mark = markAt(event);
    if (mark && root.contains(mark)) return spotOf(mark);
    if (!body.contains(/** @type {Node} */ (event.target))) return null;
    const box = body.getBoundingClientRect();
    const s = Math.floor((event.clientX - box.left) / w);
    const t = Math.floor((event.clientY - box.top) / h);
    return t >= 0 && t < T && s >= 0 && s < S ? { t, s } : null;
  }
  followPointer(root, place, on);

  function put(rect, x, y, width, height) {
    build(rect, { x, y, width, height });
  }

  // What to dim: the corners of a cross, or what lies on both sides of a row or a column.
  function around(row, column) {
    const [x, y, long, high] = [column * w, row * h, S * w, T * h];
    const [right, below] = [x + w, y + h];
    if (row === null && column === null) return [];
    if (column === null) return [[0, 0, long, y], [0, below, long, high - below]];
    if (row === null) return [[0, 0, x, high], [right, 0, long - right, high]];
    return [
      [0, 0, x, y],
      [right, 0, long - right, y],
      [0, below, x, high - below],
      [right, below, long - right, high - below],
    ];
  }

  function writeAt(text, t, s) {
    const [weight, fill] = [drawn[t][s], inkOn(tones[t][s])];
    const at = { x: s * w + w / 2, y: t * h + h / 2 + size.number * 0.36, fill };
    text.textContent = size.short ? shortNumber(weight) : number(weight);
    return build(text, at);
  }

  /** @type {number[][]} */
  let drawn = [];
  let tones = drawn; // where on the scale of colours each weight is
  return {
    root,
    wide: left + wide,
    /**
     * @param {number[][]} weights (T, S)
     * @param {(row: number[]) => number[]} tone
     */
    paint(weights, tone = (row) => row) {
      drawn = weights;
      tones = weights.map(tone);
      numbers.replaceChildren();
      for (let t = 0; t < T; t++) {
        for (let s = 0; s < S; s++) {
          cells[t][s].setAttribute("fill", shade(tones[t][s]));
          if (weights[t][s] >= SHOWN_FROM) numbers.append(writeAt(svg("text", {}), t, s));
        }
      }
    },
    /**
     * @param {Spot | null} spot
     * @param {number | null} until the last row that is not dimmed, null for all
     * @param {boolean} pinned
     */
    highlight(spot, until, pinned) {
      const row = spot ? spot.t : null;
      const column = spot ? spot.s : null;
      lightWords(rowWords, columnWords, spot, until);
      const areas = around(row, column);
      veils.forEach((veil, i) => put(veil, ...(areas[i] || [0, 0, 0, 0])));
      const first = until === null ? T : until + 1;
      const inside = row !== null && row >= first;
      put(future, 0, first * h, inside ? 0 : S * w, (T - first) * h);
      const [x, y] = [(column ?? 0) * w, (row ?? 0) * h];
      put(frames[0], 0.5, y + 0.5, row === null ? 0 : S * w - 1, h - 1);
      put(frames[1], x + 0.5, 0.5, column === null ? 0 : w - 1, T * h - 1);
      put(cursor, x, y, row === null || column === null ? 0 : w, h);
      cursor.classList.toggle("am-pinned", pinned);
      cursorText.textContent = "";
      if (row !== null && column !== null) writeAt(cursorText, row, column);
    },
    /**
     * @param {Spot} spot that is highlighted
     * @returns {DOMRect} where on the screen it is
     */
    box: ({ t, s }) =>
      (s === null ? frames[0] : t === null ? frames[1] : cursor).getBoundingClientRect(),
    /**
     * Scrolls so that a cell can be seen beside the words that stay in place.
     * @param {Spot} spot
     * @param {HTMLElement} scroller
     */
    reveal({ t, s }, scroller) {
      const [x, y] = [(s || 0) * w, (t || 0) * h];
      const seenWide = scroller.clientWidth - left - 4;
      const seenTall = scroller.clientHeight - top - 4;
      if (x < scroller.scrollLeft) scroller.scrollLeft = x;
      if (x + w > scroller.scrollLeft + seenWide) scroller.scrollLeft = x + w - seenWide;
      if (y < scroller.scrollTop) scroller.scrollTop = y;
      if (y + h > scroller.scrollTop + seenTall) scroller.scrollTop = y + h - seenTall;
    },
  };
}
