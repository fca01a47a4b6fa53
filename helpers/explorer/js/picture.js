// @ts-check
// A picture and its caption: pick a word, see where it looks.
import {
  bar,
  build,
  button,
  clamp,
  consume,
  createSlider,
  frame,
  html,
  mapLegend,
  readout,
  svg,
  widget,
} from "./common.js";
import { ARROWS } from "./cursor.js";
import { SHOWN_FROM, number, shortNumber } from "./weights.js";

/** @import { Drawn, Given } from "./common.js" */

/**
 * @typedef {object} PictureState
 * @property {string} title
 * @property {string} picture a "data:" address
 * @property {[tall: number, wide: number]} shape pixels
 * @property {number} side cells in a row of the grid, which is square
 * @property {number} veil how dark a cell of weight 0 is, from 0 to 1
 * @property {string[]} words
 * @property {string[]} said what the model says in place of each
 * @property {number[][]} weights (T, cells)
 * @property {(number | null)[] | null} gold the cell that each word speaks of
 */

const LONGER_SIDE = 420; // pixels of the picture as it is drawn
const OFF_GOLD = "▲";

/**
 * Where a cell of a square grid lies; the same as `place` in picture.py.
 * @param {number} cell
 * @param {number} side
 * @returns {string}
 */
function cellPlace(cell, side) {
  return `row ${Math.floor(cell / side) + 1}, column ${(cell % side) + 1}`;
}

/**
 * @param {number[]} weights
 * @returns {number} the cell of the largest weight; -1 where all are 0
 */
function topCell(weights) {
  const most = Math.max(...weights);
  return most > 0 ? weights.indexOf(most) : -1;
}

/**
 * The picture, over it a veil, a number and an outline that `look` sets for one word.
 * @param {PictureState} state
 */
function veiledPicture({ picture, shape, side, veil }) {
  const scale = LONGER_SIDE / Math.max(...shape);
  const [tall, wide] = shape.map((size) => size * scale);
  const [height, width] = [tall / side, wide / side];
  const cells = Array.from({ length: side * side }, (_, cell) => {
    const [x, y] = [(cell % side) * width, Math.floor(cell / side) * height];
    const size = Math.min(17, width / 2.6, height / 2);
    const shade = svg("rect", { x, y, width, height, "data-cell": cell });
    // In a corner, where it hides little of what the cell holds.
    const corner = { x: x + size * 0.5, y: y + size * 1.25 };
    const text = svg("text", { ...corner, "font-size": size });
    return { x, y, shade, text };
  });
  const box = { width: Math.max(width - 6, 1), height: Math.max(height - 6, 1) };
  const outlines = ["am-casing", "am-gold"].map((kind) => svg("rect", { class: kind, ...box }));
  const gold = svg("g", { class: "am-links" }, ...outlines);
  const steps = Array.from({ length: side - 1 }, (_, i) => i + 1);
  const lines = steps.map((i) => `M${i * width},0V${tall}M0,${i * height}H${wide}`).join("");

  const image = { href: picture, width: wide, height: tall, preserveAspectRatio: "none" };
  const root = svg(
    "svg",
    { class: "am-looks", viewBox: `0 0 ${wide} ${tall}`, width: wide, height: tall, role: "img" },
    svg("image", image),
    svg("g", { class: "am-dark" }, ...cells.map(({ shade }) => shade)),
    svg("path", { class: "am-frame", d: lines }),
    svg("rect", { class: "am-frame", width: wide, height: tall }),
    gold,
    svg("g", { class: "am-numbers" }, ...cells.map(({ text }) => text)),
  );

  /**
   * @param {number[]} weights one for each cell
   * @param {number | null} linked the cell to outline
   * @param {string} label
   */
  function look(weights, linked, label) {
    cells.forEach(({ shade, text }, cell) => {
      const weight = weights[cell];
      shade.setAttribute("fill-opacity", (veil * (1 - weight)).toFixed(3));
      text.textContent = weight >= SHOWN_FROM ? (width < 60 ? shortNumber : number)(weight) : "";
      text.setAttribute("class", weight < 0.5 ? "am-on-dark" : "am-on-clear");
    });
    gold.style.display = linked === null ? "none" : "";
    if (linked !== null) {
      const { x, y } = cells[linked];
      gold.setAttribute("transform", `translate(${x + 3} ${y + 3})`);
    }
    root.setAttribute("aria-label", label);
  }
  return { root, look };
}

/**
 * @param {Given<PictureState>} given
 * @returns {Drawn}
 */
function createPictureLooks({ state }) {
  const { words, said, weights, gold, side, veil } = state;
  const last = words.length - 1;
  const tops = weights.map(topCell);
  const linked = (t) => (gold ? gold[t] : null);
  const off = (t) => linked(t) !== null && linked(t) !== tops[t];
  const wrong = (t) => said[t] !== words[t];
  let chosen = 0;

  const stage = veiledPicture(state);
  const text = readout();
  const range = { min: 0, max: last, value: 0 };
  const slider = createSlider("Word", "word of the caption", range, choose);
  const buttons = words.map((word, t) => {
    const marks = (off(t) ? ` ${OFF_GOLD}` : "") + (wrong(t) ? ` ✗ ${said[t]}` : "");
    const note = marks ? html("span", { class: "am-note" }, marks) : null;
    const spoken = [
      word,
      off(t) ? "looks most at another cell" : "",
      wrong(t) ? `the model says ${said[t]}` : "",
    ];
    const label = spoken.filter(Boolean).join(", ");
    const node = button(word, { "aria-label": label }, () => choose(t));
    build(node, {}, note);
    node.addEventListener("pointerenter", () => show(t));
    return node;
  });

  function reading(t) {
    const [most, held] = [tops[t], linked(t)];
    const on = (cell) => `${number(weights[t][cell])} on ${cellPlace(cell, side)}`;
    const parts = [most < 0 ? `'${words[t]}' looks nowhere` : `'${words[t]}': ${on(most)}`];
    if (gold && held === null) parts.push("; no cell holds it");
    else if (gold && held === most) parts.push(", the cell that holds it");
    else if (gold) parts.push(`; ${on(held)}, the cell that holds it`);
    return parts.join("") + (wrong(t) ? `; the model says '${said[t]}'` : "");
  }

  // Hovering shows a word for as long as it lasts; choosing keeps it.
  function show(t) {
    const words = reading(t);
    stage.look(weights[t], linked(t), `The picture, dark where the word does not look. ${words}`);
    text.textContent = words;
    slider.say(t, `${t + 1} of ${last + 1}`, words);
    buttons.forEach((node, i) => node.setAttribute("aria-pressed", String(i === t)));
  }
  function choose(t) {
    chosen = clamp(t, 0, last);
    buttons.forEach((node, i) => build(node, { tabindex: i === chosen ? 0 : -1 }));
    show(chosen);
  }
  function keys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const ends = { Home: 0, End: last };
    const [down, right] = ARROWS[event.key] || [0, 0];
    const to = ends[event.key] ?? (down + right ? chosen + down + right : null);
    if (to === null) return;
    choose(to);
    buttons[chosen].focus();
    consume(event);
  }

  const strip = html(
    "div",
    { class: "am-caption", role: "group", "aria-label": "words of the caption; arrow keys move" },
    ...buttons,
  );
  strip.addEventListener("keydown", keys);
  strip.addEventListener("pointerleave", () => show(chosen));
  const grey = (weight) => `rgb(${Array(3).fill(Math.round(255 * (1 - veil * (1 - weight))))})`;
  const links = mapLegend(grey, Boolean(gold), false, "the cell that holds the word");
  const notes = [
    words.some((_, t) => off(t)) ? `${OFF_GOLD} looks most at another cell` : "",
    words.some((_, t) => wrong(t)) ? "✗ what the model says in its place" : "",
  ];
  links.append(...notes.filter(Boolean).map((note) => html("span", {}, note)));
  choose(0);
  return { root: frame(state.title, strip, bar(slider.root), text, stage.root, links) };
}

export const render = widget(createPictureLooks);
