// @ts-check
// The decoder step by step: the word fed, scores, softmax, context, the word produced.
import {
  bar,
  build,
  clamp,
  consume,
  createSlider,
  createStage,
  frame,
  html,
  legend,
  readout,
  stepButtons,
  svg,
  textWidth,
  widestOf,
  widget,
  wordMark,
} from "./common.js";
import { largest, makeShade, number } from "./weights.js";

/** @import { Drawn, Given } from "./common.js" */

/**
 * @typedef {object} Step
 * @property {string} previous the word fed
 * @property {number[]} scores one for each source word
 * @property {number[]} weights
 * @property {number[]} context
 * @property {string} output the word produced
 * @property {number} probability
 */

/**
 * @typedef {object} StepsState
 * @property {string} title
 * @property {string[]} source
 * @property {Step[]} steps
 * @property {number | null} height pixels after which the picture scrolls
 */

const CONTEXT_ROW = 64; // cells of the context strip in one line
const GUTTER = 196; // pixels for the names of the rows

/**
 * Sizes and places of the rows, top to bottom, in pixels.
 * @param {string[]} source S words
 * @param {number} V context values
 */
function stepLayout(source, V) {
  const S = source.length;
  const size = S <= 14 ? 18 : 15;
  const widest = widestOf(source, size);
  const column = S <= 14 ? Math.max(widest + 18, S <= 8 ? 84 : 62) : 38;
  const turned = widest + 10 > column;
  const perRow = Math.min(V, CONTEXT_ROW);
  const cell = Math.min(Math.max((S * column) / perRow, 9), 24);
  const thick = Math.max(cell, 16);
  const words = 52 + (turned ? widest * 0.77 : size); // baseline of the source words
  const scores = words + 14;
  const weights = scores + 150 + 14;
  const context = weights + 118 + 22;
  const made = context + Math.ceil(V / perRow) * thick + 40;
  return {
    ...{ size, column, turned, perRow, cell, thick, words, context, made },
    scores: { top: scores, tall: 150 },
    weights: { top: weights, tall: 118 },
    value: S <= 14 ? 15 : 12,
    wide: Math.max(S * column, perRow * cell, 420) + (turned ? widest * 0.65 : 8),
    tall: made + 20,
  };
}

/**
 * A framed word whose text changes.
 * @param {string} kind
 * @param {number} y pixels
 */
function chip(kind, y) {
  const place = { x: 2, y: y - 22, height: 32, rx: 16 };
  const outline = svg("rect", { class: `am-chip ${kind}`, ...place });
  const text = svg("text", { x: 17, y, "font-size": 19, class: "am-strong" });
  /** @param {string} word */
  const set = (word) => {
    text.textContent = word;
    const width = textWidth(word, 19) + 30;
    build(outline, { width });
    return width;
  };
  return { node: svg("g", {}, outline, text), set };
}

/**
 * @param {StepsState} state
 * @param {(weight: number) => string} shade
 */
function createPicture({ source, steps }, shade) {
  const V = steps[0].context.length;
  const at = stepLayout(source, V);
  const w = at.column;
  const scores = steps.flatMap((step) => step.scores);
  const high = Math.max(...scores, 0.1);
  const low = Math.min(...scores, 0);
  const strongest = Math.max(...steps.flatMap((step) => step.context).map(Math.abs), 1e-9);
  // One scale for all steps; above and below the bars there is room for their numbers.
  const perScore = (at.scores.tall - 44) / (high - low);
  const zero = at.scores.top + 22 + perScore * high;
  const base = at.weights.top + at.weights.tall;
  const perWeight = at.weights.tall - 22;

  const lane = svg("rect", {
    class: "am-lane",
    y: at.words - at.size - 4,
    width: w,
    height: base - at.words + at.size + 4,
    rx: 6,
  });
  const columns = source.map((word, i) => {
    const middle = i * w + w / 2;
    const turn = at.turned ? `translate(${middle + 4} ${at.words}) rotate(-50)` : null;
    const upright = { x: middle - w * 0.3, width: w * 0.6, rx: 2 };
    const value = { x: middle, class: "am-value", "font-size": at.value };
    return {
      mark: wordMark(word, at.size, at.turned ? "start" : "middle", {
        class: "am-word am-key",
        transform: turn || `translate(${middle} ${at.words})`,
      }),
      score: svg("rect", { class: "am-score", ...upright }),
      scoreText: svg("text", value),
      weight: svg("rect", { class: "am-share", ...upright }),
      weightText: svg("text", value),
    };
  });
  const strip = Array.from({ length: V }, (_, v) =>
    svg("rect", {
      class: "am-context",
      x: (v % at.perRow) * at.cell,
      y: at.context + Math.floor(v / at.perRow) * at.thick,
      width: at.cell - 1,
      height: at.thick - 1,
    }),
  );
  const axis = (y) =>
    svg("line", { class: "am-axis", x1: 0, x2: source.length * w, y1: y, y2: y });
  const fed = chip("am-fed", 24);
  const made = chip("am-made", at.made);
  const track = svg("rect", { class: "am-track", y: at.made - 14, width: 160, height: 16, rx: 3 });
  const filled = svg("rect", { class: "am-filled", y: at.made - 14, height: 16, rx: 3 });
  const chance = svg("text", { y: at.made, "font-size": 17 });
  const node = svg(
    "svg",
    { width: at.wide, height: at.tall, "aria-hidden": "true" },
    lane,
    ...columns.flatMap((c) => [c.mark, c.score, c.scoreText, c.weight, c.weightText]),
    ...[axis(zero), axis(base), ...strip, fed.node, made.node, track, filled, chance],
  );

  /** @param {Step} step */
  function draw({ previous, scores, weights, context, output, probability }) {
    const most = weights.indexOf(Math.max(...weights));
    build(lane, { x: most * w });
    columns.forEach((column, i) => {
      const tall = perScore * Math.abs(scores[i]);
      const top = scores[i] > 0 ? zero - tall : zero;
      build(column.score, { y: top, height: Math.max(tall, 1) });
      column.scoreText.textContent = scores[i].toFixed(1).replace("-", "−");
      build(column.scoreText, { y: scores[i] < 0 ? top + tall + 15 : top - 5 });
      const share = perWeight * weights[i];
      const fill = shade(weights[i]);
      build(column.weight, { y: base - share, height: Math.max(share, 1), fill });
      column.weightText.textContent = number(weights[i]);
      build(column.weightText, { y: base - share - 5 });
      column.weightText.classList.toggle("am-strong", i === most);
      column.mark.classList.toggle("am-on", i === most);
    });
    strip.forEach((node, v) => {
      node.style.fill = context[v] < 0 ? "var(--am-query)" : "var(--am-key)";
      node.style.fillOpacity = String(Math.abs(context[v]) / strongest);
    });
    fed.set(previous);
    const x = made.set(output) + 22;
    build(track, { x });
    build(filled, { x, width: 160 * probability });
    build(chance, { x: x + 172 });
    chance.textContent = number(probability);
  }
  return { node, at, draw };
}

/**
 * The names of the rows, which stay in place while the columns scroll.
 * @param {ReturnType<typeof stepLayout>} at
 */
function createGutter(at) {
  const row = (y, letter, second, what) => {
    const small = svg("tspan", { dy: 4, "font-size": 13 });
    const name = svg("tspan", { class: "am-letter" }, letter);
    const head = svg("text", { x: 0, y, "font-size": 19 }, name, small);
    const note = svg("text", { x: 44, y, class: "am-what" }, what);
    return { small, second, node: svg("g", {}, head, note) };
  };
  const middle = ({ top, tall }) => top + tall / 2 + 6;
  const rows = [
    row(24, "y", (t) => t, "word fed"),
    row(at.words, "x", () => "i", "source words"),
    row(middle(at.scores), "e", (t) => `${t + 1},i`, "scores"),
    row(middle(at.weights), "a", (t) => `${t + 1},i`, "softmax of scores"),
    row(at.context + 18, "c", (t) => t + 1, "context, sum of a·h"),
    row(at.made, "y", (t) => t + 1, "word produced"),
  ];
  const parts = rows.map((one) => one.node);
  const node = svg("svg", { width: GUTTER, height: at.tall, "aria-hidden": "true" }, ...parts);
  /** @param {number} t */
  const step = (t) =>
    rows.forEach((one) => {
      one.small.textContent = String(one.second(t));
    });
  return { node, step };
}

/**
 * @param {Given<StepsState>} given
 * @returns {Drawn}
 */
function createDecoderSteps({ state, colours }) {
  const { source, steps } = state;
  const T = steps.length;
  const picture = createPicture(state, makeShade(colours.ramp));
  const gutter = createGutter(picture.at);
  let now = 0;

  const range = { min: 1, max: T, value: 1 };
  const slider = createSlider("Step", "decoder step", range, (step) => go(step - 1));
  const walk = stepButtons(
    [
      ["◀ Back", "previous step"],
      ["Next ▶", "next step"],
    ],
    (by) => go(now + by),
  );
  const text = readout();
  const chain = html("p", { class: "am-chain" });
  const about = `Decoder, ${T} steps, ${source.length} source words. Arrow keys step.`;
  const stage = createStage(
    { kind: "am-stage am-steps", about, keys },
    html("div", { class: "am-gutter" }, gutter.node),
    picture.node,
  );
  if (state.height) stage.style.maxHeight = `${state.height}px`;

  function keys(event) {
    const target = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: T - 1 }[event.key];
    if (target === undefined) return;
    consume(event);
    go(target);
  }

  function go(step) {
    now = clamp(step, 0, T - 1);
    const { previous, weights, output, probability } = steps[now];
    picture.draw(steps[now]);
    gutter.step(now);
    const said = steps.slice(0, now).map((one) => html("span", { lang: "fr" }, one.output));
    chain.replaceChildren(
      html("span", { class: "am-note" }, "Translation so far:"),
      ...said,
      html("b", { lang: "fr" }, output),
    );
    text.textContent =
      `step ${now + 1}: fed '${previous}', looks at ${largest(weights, source, 3)}, ` +
      `produces '${output}' with probability ${number(probability)}`;
    const place = `${now + 1} of ${T}`;
    slider.say(now + 1, place, `step ${place}, ${output}`);
    walk.at(now, T - 1);
  }

  const scale = "Bars keep one scale for all steps. Context: blue is negative, orange positive.";
  go(0);
  const controls = bar(...walk.buttons, slider.root);
  return { root: frame(state.title, controls, text, stage, chain, legend(scale)) };
}

export const render = widget(createDecoderSteps);
