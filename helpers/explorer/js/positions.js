// @ts-check
// An encoding of positions: all numbers as a heat map, one dimension as a curve, and the dot
// product of one position with all others. The positions run from left to right in all three.
import {
  HOW,
  build,
  clamp,
  colourScale,
  createStage,
  frame,
  html,
  legend,
  panel,
  readout,
  svg,
  widget,
} from "./common.js";
import { PINNED, createCursor, followPointer } from "./cursor.js";
import { makeShade, signed } from "./weights.js";

/** @import { Drawn, Given } from "./common.js" */
/** @import { Spot } from "./cursor.js" */

/**
 * @typedef {object} PositionsState
 * @property {string} title
 * @property {number} unit what the numbers are counted in
 * @property {number[][]} numbers (length, width), whole numbers from -1000 to 1000
 */

const POSITIONS_WIDE = 640; // pixels for all positions, in all three pictures
const HEAT_TALL = 260;
const CURVE_TALL = 112;
const POSITIONS_LEFT = 62;

/**
 * @param {number[]} values
 * @returns {[low: number, high: number]} the ends of an axis that holds them, and 0
 */
function axisEnds(values) {
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  return [low, high > low ? high : low + 1];
}

/**
 * Three digits of the largest number, two after the point at least.
 * @param {number} most
 * @returns {number} digits after the point
 */
function digitsOf(most) {
  return clamp(1 - Math.floor(Math.log10(most)), 2, 6);
}

/**
 * @param {Given<PositionsState>} given
 * @returns {Drawn}
 */
function createPositions({ state, colours }) {
  const { numbers, unit } = state;
  const [L, W] = [numbers.length, numbers[0].length];
  const value = (p, d) => numbers[p][d] * unit;
  const dots = numbers.map((one) =>
    numbers.map((other) => one.reduce((sum, x, d) => sum + x * other[d], 0) * unit * unit),
  );
  const most = unit * 1000;
  const show = (x) => signed(x, digitsOf(most));
  const dotEnds = axisEnds(dots.map((row) => [Math.min(...row), Math.max(...row)]).flat());
  const showDot = (x) => signed(x, digitsOf(Math.max(dotEnds[1], -dotEnds[0])));
  const step = Math.max(Math.floor(POSITIONS_WIDE / L), 5); // pixels a position
  const cell = Math.max(Math.min(Math.floor(HEAT_TALL / W), 22), 4); // and a dimension
  const wide = L * step;
  const x = (p) => POSITIONS_LEFT + (p + 0.5) * step;
  const text = readout(3);

  // With nothing chosen: the middle of the positions, in a dimension that still moves.
  const first = { s: Math.floor(L / 2), t: Math.min(4, W - 1) };
  const cursor = createCursor(W, L, refresh);

  function axis(tall, ticks, name) {
    const marks = ticks.map(([at, label]) =>
      svg("text", { x: POSITIONS_LEFT - 7, y: at + 4, "text-anchor": "end" }, label),
    );
    const middle = `translate(13 ${tall / 2}) rotate(-90)`;
    return [...marks, svg("text", { transform: middle, "text-anchor": "middle" }, name)];
  }
  function picture(tall, below, ...children) {
    const size = { width: POSITIONS_LEFT + wide + 12, height: tall + below, "aria-hidden": "true" };
    return svg("svg", { class: "am-positions", ...size }, ...children);
  }
  // Every tenth position or so, under a picture.
  const every = [1, 2, 4, 5, 8, 10, 16, 20].find((count) => count * step >= 34) || 32;
  const ruler = (y) =>
    Array.from({ length: Math.ceil(L / every) }, (_, i) =>
      svg("text", { x: x(i * every), y, "text-anchor": "middle" }, `${i * every}`),
    );

  // The heat map: painted once on a canvas, under the frames of what is chosen.
  const heatTall = W * cell;
  const canvas = html("canvas", { width: L, height: W, "aria-hidden": "true" });
  const corner = { left: `${POSITIONS_LEFT}px`, width: `${wide}px`, height: `${heatTall}px` };
  Object.assign(canvas.style, corner);
  const shade = makeShade(colours.signed);
  const brush = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  numbers.forEach((row, p) =>
    row.forEach((count, d) => {
      brush.fillStyle = shade((count / 1000 + 1) / 2);
      brush.fillRect(p, d, 1, 1);
    }),
  );
  const outline = (attributes) => svg("rect", { class: "am-frame", ...attributes });
  const column = outline({ y: 0, width: step, height: heatTall });
  const line = outline({ x: POSITIONS_LEFT, width: wide, height: cell });
  const spot = svg("rect", { class: "am-cursor", width: step, height: cell });
  const some = [1, 2, 4, 8, 16].find((count) => count * cell >= 15) || 16;
  const ticks = Array.from({ length: Math.ceil(W / some) }, (_, i) => [
    (i * some + 0.5) * cell,
    `${i * some}`,
  ]);
  const over = picture(heatTall, 4, ...axis(heatTall, ticks, "dimension"), column, line, spot);
  const heat = html("div", { class: "am-heat" }, canvas, over);

  /** A curve over the positions, with a dot on the chosen one. */
  function curve(name, role, spoken, labelled) {
    const path = svg("path", { class: "am-curve" });
    path.style.stroke = `var(--am-${role})`;
    const zero = svg("line", { class: "am-axis", x1: POSITIONS_LEFT, x2: POSITIONS_LEFT + wide });
    const stem = svg("line", { class: "am-stem", y1: 0, y2: CURVE_TALL });
    const dot = svg("circle", { class: "am-dot", r: 5 });
    dot.style.fill = `var(--am-${role})`;
    const names = svg("g", {});
    const below = labelled ? 38 : 8;
    const drawing = picture(CURVE_TALL, below, zero, stem, path, dot, names);
    if (labelled) {
      const middle = { x: POSITIONS_LEFT + wide / 2, y: CURVE_TALL + 34, "text-anchor": "middle" };
      drawing.append(...ruler(CURVE_TALL + 17), svg("text", middle, "position"));
    }
    const title = html("span", {});
    const draw = (words, values, [low, high], chosen) => {
      const y = (v) => CURVE_TALL - 8 - ((v - low) / (high - low)) * (CURVE_TALL - 16);
      const points = values.map((v, p) => `${x(p).toFixed(1)} ${y(v).toFixed(1)}`);
      build(path, { d: `M ${points.join(" L ")}` });
      build(zero, { y1: y(0), y2: y(0) });
      build(stem, { x1: x(chosen), x2: x(chosen) });
      build(dot, { cx: x(chosen), cy: y(values[chosen]) });
      const ticks = [low, high].filter((v) => Math.abs(y(v) - y(0)) > 14);
      const marks = ticks.map((v) => [y(v), spoken(v)]);
      names.replaceChildren(...axis(CURVE_TALL, [[y(0), "0"], ...marks], name));
      title.textContent = words;
    };
    return { root: panel(title, drawing), drawing, draw };
  }
  const along = curve("value", "key", show, false);
  const products = curve("dot", "score", showDot, true);
  const ends = axisEnds(numbers.flat().map((count) => count * unit));

  function refresh() {
    const spotted = cursor.spot();
    const [p, d] = [spotted?.s ?? first.s, spotted?.t ?? first.t];
    const values = numbers.map((_, other) => value(other, d));
    build(column, { x: POSITIONS_LEFT + p * step });
    build(line, { y: d * cell });
    build(spot, { x: POSITIONS_LEFT + p * step, y: d * cell });
    along.draw(`Dimension ${d} along the positions`, values, ends, p);
    products.draw(`Dot product of position ${p} with every position`, dots[p], dotEnds, p);
    const turns = values.filter((v, i) => i && v * values[i - 1] < 0).length;
    const others = dots[p].map((dot, other) => [dot, other]).filter(([, other]) => other !== p);
    const near = others.filter(([, other]) => Math.abs(other - p) === 1);
    const beside = near.map(([dot, other]) => `${other}: ${showDot(dot)}`).join(", ");
    const least = others.reduce((low, one) => (one[0] < low[0] ? one : low));
    const best = others.reduce((high, one) => (one[0] > high[0] ? one : high));
    const seldom = ["never changes sign", "changes sign once"];
    const sign = seldom[turns] || `changes sign ${turns} times`;
    text.textContent = [
      `Position ${p}, dimension ${d}: ${show(value(p, d))}. Along ${L} positions, dimension ${d} ` +
        `${sign}.${cursor.pinned() ? PINNED : ""}`,
      `Position ${p} · itself: ${showDot(dots[p][p])}. Beside it, ${beside}. Largest with ` +
        `${best[1]}: ${showDot(best[0])}, smallest with ${least[1]}: ${showDot(least[0])}.`,
    ].join("\n");
  }

  const inside = (place, count) => clamp(Math.floor(place), 0, count - 1);
  const drawings = [over, along.drawing, products.drawing];
  /**
   * Over the curves only the position follows the pointer.
   * @param {PointerEvent} event
   * @returns {Spot | null}
   */
  function place(event) {
    const box = stage.getBoundingClientRect();
    const target = /** @type {Node} */ (event.target);
    const drawing = drawings.find((one) => one.contains(target));
    if (!drawing) return null;
    const at = drawing.getBoundingClientRect();
    if (event.clientX < at.left + POSITIONS_LEFT || event.clientX > box.right) return null;
    const s = inside((event.clientX - at.left - POSITIONS_LEFT) / step, L);
    const t = drawing === over ? inside((event.clientY - at.top) / cell, W) : null;
    return { s, t: t ?? (cursor.spot() || first).t };
  }
  const about =
    `An encoding of ${L} positions in ${W} dimensions. Left and right arrow move to another ` +
    "position, up and down to another dimension, Enter pins, Escape lets go.";
  const stage = createStage(
    { kind: "am-scroll", about, keys: cursor.keys },
    panel("The encoding", heat),
    along.root,
    products.root,
  );
  followPointer(stage, place, cursor.on);

  const key = html("span", {}, `${show(-most)} `, colourScale(colours.signed), ` ${show(most)}`);
  cursor.choose(first, false);
  return { root: frame(state.title, text, stage, legend(key, html("span", {}, HOW))) };
}

export const render = widget(createPositions);
