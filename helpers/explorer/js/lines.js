// @ts-check
// The same weights as lines: source words above, target words below, a line as thick as its weight.
import { build, clamp, html, svg, textWidth, wordMark } from "./common.js";
import { followPointer, lightWords, markAt, spotOf } from "./cursor.js";

/** @import { Link, Reports, Spot } from "./cursor.js" */

const LEAST_LINE = 0.02; // thinner lines would only be dust
const SMALLEST = 0.75; // of the natural size, in which words can still be read

/**
 * @param {string[]} words
 * @param {number} size pixels
 * @param {number} wide pixels for all
 * @returns {number[]} the middle of each word
 */
function wordCentres(words, size, wide) {
  const widths = words.map((word) => textWidth(word, size));
  const total = widths.reduce((sum, width) => sum + width, 0);
  const gap = words.length > 1 ? Math.min((wide - total) / (words.length - 1), 70) : 0;
  let x = (wide - total - gap * (words.length - 1)) / 2;
  return widths.map((width) => {
    const centre = x + width / 2;
    x += width + gap;
    return centre;
  });
}

/**
 * @param {{ rows: string[], columns: string[], gold: Link[], possible: Link[] }} state
 * @param {Reports} on
 */
export function createLines(state, on) {
  const size = Math.max(state.rows.length, state.columns.length) <= 14 ? 17 : 15;
  const need = (words) =>
    words.reduce((sum, word) => sum + textWidth(word, size), 0) + (words.length - 1) * 22;
  const wide = Math.ceil(Math.max(need(state.rows), need(state.columns), 260)) + 40;
  const tall = 250;
  const [upper, lower] = [size + 8, tall - 16];
  const sourceX = wordCentres(state.columns, size, wide - 40).map((x) => x + 20);
  const targetX = wordCentres(state.rows, size, wide - 40).map((x) => x + 20);
  const [start, end] = [upper + 12, lower - size - 4];

  const curve = (s, t) => {
    const middle = (start + end) / 2;
    const [from, to] = [`${sourceX[s]} ${start}`, `${targetX[t]} ${end}`];
    return `M ${from} C ${sourceX[s]} ${middle} ${targetX[t]} ${middle} ${to}`;
  };
  const link = (kind) => ([s, t]) => ({ path: svg("path", { class: kind, d: curve(s, t) }), t, s });
  const links = [
    ...state.gold.map(link("am-gold")),
    ...state.possible.map(link("am-gold am-possible")),
  ];
  const sourceWords = state.columns.map((word, s) =>
    wordMark(word, size, "middle", {
      "data-s": s,
      class: "am-word am-key",
      transform: `translate(${sourceX[s]} ${upper})`,
    }),
  );
  const targetWords = state.rows.map((word, t) =>
    wordMark(word, size, "middle", {
      "data-t": t,
      class: "am-word am-query",
      transform: `translate(${targetX[t]} ${lower})`,
    }),
  );
  const bands = svg("g", { class: "am-bands" });
  const picture = svg(
    "svg",
    { class: "am-lines", viewBox: `0 0 ${wide} ${tall}`, "aria-hidden": "true" },
    bands,
    svg("g", { class: "am-links" }, ...links.map(({ path }) => path)),
    ...sourceWords,
    ...targetWords,
  );
  const root = html("div", {}, picture);

  followPointer(root, (event) => spotOf(markAt(event)), on);

  /** @type {{ path: SVGPathElement, t: number, s: number }[]} */
  let paths = [];
  return {
    root,
    least: wide * SMALLEST,
    /** @param {number} room pixels */
    fit(room) {
      const width = clamp(room, wide * SMALLEST, wide);
      build(picture, { width, height: (width / wide) * tall });
    },
    /** @param {number[][]} weights (T, S) */
    paint(weights) {
      paths = [];
      weights.forEach((row, t) =>
        row.forEach((weight, s) => {
          if (weight < LEAST_LINE) return;
          const path = svg("path", { d: curve(s, t), "data-t": t, "data-s": s });
          path.style.strokeWidth = `${Math.max(11 * weight, 0.8)}px`;
          paths.push({ path, t, s });
        }),
      );
      bands.replaceChildren(...paths.map(({ path }) => path));
    },
    /**
     * @param {Spot | null} spot
     * @param {number | null} until the last row that is not dimmed, null for all
     */
    highlight(spot, until) {
      const row = spot ? spot.t : null;
      const column = spot ? spot.s : null;
      lightWords(targetWords, sourceWords, spot, until);
      for (const { path, t, s } of [...paths, ...links]) {
        const later = until !== null && t > until && t !== row;
        const chosen = (row === null || t === row) && (column === null || s === column) && !later;
        path.classList.toggle("am-on", Boolean(spot) && chosen);
        path.classList.toggle("am-off", later || (Boolean(spot) && !chosen));
      }
    },
  };
}
