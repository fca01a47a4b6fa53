// @ts-check
// A soft dictionary in the plane: a query and keys as arrows to drag, the weights that follow from
// them, and the answer, which lies between the values as the weights say.
import {
  bar,
  build,
  button,
  choices,
  clamp,
  consume,
  createSlider,
  createStage,
  frame,
  html,
  legend,
  panel,
  readout,
  scrolling,
  svg,
  textWidth,
  widget,
} from "./common.js";
import { ARROWS, markAt } from "./cursor.js";
import { inkOn, largest, makeShade, number, signed, softmaxOf } from "./weights.js";

/** @import { Drawn, Given } from "./common.js" */

/** @typedef {[x: number, y: number]} Point */

/**
 * @typedef {object} SoftDictionaryState
 * @property {string} title
 * @property {string[]} words one for each entry, all different
 * @property {Point} query
 * @property {Point[]} keys
 * @property {number[][]} values (entries, d_v)
 * @property {number} reach how far an arrow goes in each direction
 * @property {number[]} temperatures 1 among them, where the slider starts
 */

/** @typedef {{ node: SVGElement, x: number, y: number, wide: number }} Label */

const QUERY = "query"; // the name of its arrow; the arrows of the keys are called by their words
const SIZE = 320; // units of the drawing, both ways
const CENTRE = SIZE / 2;
const UNIT = 62; // of them for the number 1
const CORNERS = 100; // from the centre to the values, in the picture of the answer
const LETTER = 15;
const LINE = 18; // between two lines of text
const GRIP = 17; // around the tip of an arrow, where it can be taken
const STEP = 0.1; // for one press of an arrow key
const FINEST = 0.05; // what a drag is rounded to

/**
 * @param {Point} point
 * @returns {Point} where it is in the drawing, in which y grows downwards
 */
function drawn([x, y]) {
  return [CENTRE + UNIT * x, CENTRE - UNIT * y];
}

/**
 * @param {Point} point
 * @returns {Point} its direction, of length 1; upwards for the centre itself
 */
function direction([x, y]) {
  const length = Math.hypot(x, y);
  return length > 0 ? [x / length, y / length] : [0, 1];
}

/**
 * @param {number[]} numbers
 * @param {number} digits
 * @returns {string} as in "(4.0, 9.7)"
 */
function tuple(numbers, digits) {
  return `(${numbers.map((one) => signed(one, digits)).join(", ")})`;
}

/**
 * @param {number[]} value
 * @returns {string} without digits after the point where all its numbers are whole
 */
function asGiven(value) {
  return tuple(value, value.every((one) => one % 1 === 0) ? 0 : 2);
}

/**
 * Puts labels where they were asked for, inside the drawing, and moves those down that would lie
 * over another.
 * @param {Label[]} labels
 */
function placeLabels(labels) {
  const ordered = [...labels].sort((one, other) => one.y - other.y);
  ordered.forEach((label, i) => {
    label.x = clamp(label.x, label.wide / 2, SIZE - label.wide / 2);
    for (const other of ordered.slice(0, i)) {
      const beside = Math.abs(label.x - other.x) > (label.wide + other.wide) / 2;
      if (!beside && label.y - other.y < LINE) label.y = other.y + LINE;
    }
    build(label.node, { x: label.x, y: label.y });
  });
}

/**
 * @param {string} kind a class
 * @param {string} [text]
 */
function label(kind, text) {
  const look = { class: kind, "text-anchor": "middle", "font-size": LETTER };
  return svg("text", look, text);
}

/**
 * An arrow from the centre, which can be taken at its tip.
 * @param {string} name
 * @param {string} role whose colour it has
 */
function createArrow(name, role) {
  const shaft = svg("path", { class: "am-shaft" });
  const head = svg("path", { class: "am-arrow-head" });
  const grip = svg("circle", { class: "am-grip", r: GRIP });
  const root = svg("g", { class: `am-arrow am-of-${role}`, "data-name": name }, shaft, head, grip);
  const text = label("am-arrow-label");
  /**
   * @param {Point} at
   * @param {number} width of the shaft
   * @param {string} words beside its tip
   * @returns {Label}
   */
  function draw(at, width, words) {
    const [x, y] = drawn(at);
    const [right, up] = direction(at);
    const size = Math.min(9 + width, Math.hypot(x - CENTRE, y - CENTRE));
    const [footX, footY] = [x - size * right, y + size * up];
    const [sideX, sideY] = [0.5 * size * up, 0.5 * size * right];
    build(shaft, { d: `M${CENTRE} ${CENTRE}L${footX} ${footY}`, "stroke-width": width });
    const corners = [[x, y], [footX + sideX, footY + sideY], [footX - sideX, footY - sideY]];
    build(head, { d: `M${corners.map((corner) => corner.join(" ")).join("L")}Z` });
    build(grip, { cx: x, cy: y });
    text.textContent = words;
    const wide = textWidth(words, LETTER);
    return { node: text, x: x + (10 + wide / 2) * right, y: y - 17 * up + 5, wide };
  }
  return { root, text, draw };
}

/**
 * The values as corners, and the answer between them: nearer to a corner of more weight.
 * @param {string[]} words
 * @param {number[][]} values
 */
function answerPicture(words, values) {
  const corners = words.map((_, i) => {
    const angle = (2 * Math.PI * i) / words.length;
    return [CENTRE - CORNERS * Math.cos(angle), CENTRE - CORNERS * Math.sin(angle)];
  });
  const pulls = words.map(() => svg("path", { class: "am-pull" }));
  const dot = svg("circle", { class: "am-answer-dot", r: 9 });
  const names = words.map((word, i) => {
    const [x, y] = corners[i];
    const below = y > CENTRE;
    const given = asGiven(values[i]);
    const wide = Math.max(textWidth(word, LETTER), textWidth(given, LETTER));
    const middle = clamp(x, wide / 2, SIZE - wide / 2);
    const first = { x: middle, y: below ? y + 26 : y - 30 };
    const second = { x: middle, y: below ? y + 26 + LINE : y - 30 + LINE };
    return [build(label("am-corner-name", word), first), build(label("", given), second)];
  });
  const sum = build(label("am-corner-name"), { x: CENTRE, y: LETTER });
  const spots = corners.map(([cx, cy]) => svg("circle", { class: "am-corner", cx, cy, r: 6 }));
  const size = { viewBox: `0 0 ${SIZE} ${SIZE}`, "aria-hidden": "true" };
  const parts = [...pulls, ...spots, ...names.flat(), dot, sum];
  const root = svg("svg", { class: "am-plane", ...size }, ...parts);
  /**
   * @param {number[]} weights
   * @param {string} shown the answer in numbers
   */
  function draw(weights, shown) {
    sum.textContent = `answer ${shown}`;
    const blend = (along) =>
      weights.reduce((sum, weight, i) => sum + weight * corners[i][along], 0);
    const [cx, cy] = [blend(0), blend(1)];
    build(dot, { cx, cy });
    pulls.forEach((path, i) => {
      const width = 1 + 7 * weights[i];
      build(path, { d: `M${cx} ${cy}L${corners[i].join(" ")}`, "stroke-width": width });
    });
  }
  return { root, draw };
}

/**
 * The same in numbers: a row for each entry, and the answer below.
 * @param {string[]} words
 * @param {number[][]} values
 * @param {string[]} ramp
 */
function numbersTable(words, values, ramp) {
  const shade = makeShade(ramp);
  const digits = Math.max(...values.flat().map(Math.abs)) >= 10 ? 1 : 2;
  const heading = (name) => html("th", { scope: "col" }, name);
  const rows = words.map((word, i) => {
    const cells = ["am-scored", "am-weighed"].map((kind) => html("td", { class: kind }));
    const value = html("td", {}, asGiven(values[i]));
    const root = html("tr", {}, html("th", { scope: "row" }, word), ...cells, value);
    return { root, cells };
  });
  const sum = html("td", { class: "am-percent" });
  const empty = [html("td", {}), html("td", {})];
  const last = html("tr", {}, html("th", { scope: "row" }, "answer"), ...empty, sum);
  const names = ["key · query", "weight", "value"].map(heading);
  const head = html("tr", {}, html("td", {}), ...names);
  const lines = [head, ...rows.map((row) => row.root), last];
  const root = html("table", { class: "am-softmax" }, html("tbody", {}, ...lines));
  /**
   * @param {number[]} scores
   * @param {number[]} weights
   * @returns {string} the answer
   */
  function draw(scores, weights) {
    rows.forEach(({ cells: [score, weight] }, i) => {
      score.textContent = signed(scores[i]);
      weight.textContent = number(weights[i]);
      weight.style.background = shade(weights[i]);
      weight.style.color = inkOn(weights[i]);
    });
    const blend = values[0].map((_, d) =>
      weights.reduce((total, weight, i) => total + weight * values[i][d], 0),
    );
    sum.textContent = tuple(blend, digits);
    return sum.textContent;
  }
  return { root, draw };
}

/**
 * @param {Given<SoftDictionaryState>} given
 * @returns {Drawn}
 */
function createSoftDictionary({ state, colours }) {
  const { words, values, reach, temperatures } = state;
  const names = [QUERY, ...words]; // and their arrows, in this order
  /** @returns {Point[]} */
  const given = () =>
    [state.query, ...state.keys].map(([x, y]) => [x, y]);
  let tips = given();
  let chosen = 0;
  let temperature = 1;
  /** @type {number | null} the pointer that drags the chosen arrow */
  let dragging = null;
  const text = readout(3);
  const arrows = names.map((name, i) => createArrow(name, i ? "key" : "query"));
  const answer = answerPicture(words, values);
  const table = numbersTable(words, values, colours.ramp);
  const which = choices("The arrow that is moved by keys", names, QUERY, (name) =>
    choose(names.indexOf(name)),
  );
  const range = { min: 0, max: temperatures.length - 1, value: temperatures.indexOf(1) };
  const slider = createSlider("Temperature", "temperature", range, (place) => {
    temperature = temperatures[place];
    refresh();
  });
  const back = button("Given arrows", {}, () => {
    tips = given();
    refresh();
  });

  const axes = `M0 ${CENTRE}H${SIZE}M${CENTRE} 0V${SIZE}`;
  // The query lies above the keys, so that it can be taken where it covers one.
  const inOrder = [...arrows.slice(1), arrows[0]];
  const plane = svg(
    "svg",
    { class: "am-plane", viewBox: `0 0 ${SIZE} ${SIZE}`, "aria-hidden": "true" },
    svg("path", { class: "am-cross", d: axes }),
    svg("circle", { class: "am-cross", cx: CENTRE, cy: CENTRE, r: UNIT }),
    ...inOrder.map((arrow) => arrow.root),
    ...inOrder.map((arrow) => arrow.text),
  );
  const about =
    `A query and ${words.length} keys as arrows in the plane. The arrow keys move the arrow that ` +
    "is chosen above, and Home puts it back.";
  const stage = createStage({ kind: "am-plane-stage", about, keys }, plane);

  function choose(place) {
    chosen = place;
    refresh();
  }
  /**
   * @param {Point} to
   * @param {number} finest what the numbers are rounded to
   */
  function move(to, finest) {
    const [x, y] = to.map((one) => clamp(Math.round(one / finest) * finest, -reach, reach));
    tips[chosen] = [x, y];
    refresh();
  }
  function keys(event) {
    const [x, y] = tips[chosen];
    if (ARROWS[event.key]) {
      const [down, right] = ARROWS[event.key];
      move([x + STEP * right, y - STEP * down], FINEST);
    } else if (event.key === "Home") {
      tips[chosen] = given()[chosen];
      refresh();
    } else {
      return;
    }
    consume(event);
  }

  plane.addEventListener("pointerdown", (event) => {
    const taken = markAt(event, "[data-name]");
    if (!taken) return;
    choose(names.indexOf(taken.dataset.name || QUERY));
    which.press(names[chosen]);
    dragging = event.pointerId;
    plane.setPointerCapture(event.pointerId);
    stage.focus({ preventScroll: true });
    consume(event);
  });
  plane.addEventListener("pointermove", (event) => {
    if (dragging !== event.pointerId) return;
    const box = plane.getBoundingClientRect();
    const place = (at, edge) => ((at - edge) / box.width) * SIZE - CENTRE;
    const to = [place(event.clientX, box.left), -place(event.clientY, box.top)];
    move([to[0] / UNIT, to[1] / UNIT], FINEST);
  });
  // A finger on a tip drags it; anywhere else it scrolls the page.
  const hold = (event) => {
    if (markAt(event, "[data-name]")) event.preventDefault();
  };
  plane.addEventListener("touchstart", hold, { passive: false });
  for (const end of ["pointerup", "pointercancel"]) {
    plane.addEventListener(end, () => {
      dragging = null;
    });
  }

  function refresh() {
    const [query, ...sources] = tips;
    const scores = sources.map(([x, y]) => x * query[0] + y * query[1]);
    const weights = softmaxOf(scores, 1 / temperature);
    const labels = arrows.map((arrow, i) => {
      arrow.root.classList.toggle("am-chosen", i === chosen);
      const words = i ? `${names[i]} ${number(weights[i - 1])}` : QUERY;
      return arrow.draw(tips[i], i ? 1 + 7 * weights[i - 1] : 3, words);
    });
    placeLabels(labels);
    const blend = table.draw(scores, weights);
    answer.draw(weights, blend);
    const length = Math.hypot(...tips[chosen]);
    text.textContent = [
      `Weights: ${largest(weights, words, words.length)}.`,
      `Answer: ${blend}.`,
      `'${names[chosen]}' ends at ${tuple(tips[chosen], 2)}, and its length is ${number(length)}.`,
    ].join("\n");
    slider.say(temperatures.indexOf(temperature), number(temperature), number(temperature));
  }

  refresh();
  const pictures = html(
    "div",
    { class: "am-stage" },
    panel("Drag the tip of an arrow. A wide key has much weight.", stage),
    panel("The answer lies between the values, near those with much weight.", answer.root),
    panel("The same in numbers", scrolling(table.root)),
  );
  const moved = html("span", { class: "am-label" }, "Arrow keys move", which.root);
  const mark = (role, means) =>
    html("span", {}, html("span", { class: `am-key-dot am-of-${role}` }), means);
  const meaning = legend(
    mark("query", "query"),
    mark("key", "key"),
    mark("value", "value"),
    mark("context", "answer"),
    html("span", {}, "the circle has radius 1"),
  );
  return { root: frame(state.title, bar(slider.root, moved, back), pictures, text, meaning) };
}

export const render = widget(createSoftDictionary);
