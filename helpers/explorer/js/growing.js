// @ts-check
// A sentence that grows: a slider over its lengths, the output with its wrong words marked.
import {
  bar,
  clamp,
  control,
  createSlider,
  frame,
  html,
  legend,
  readout,
  stepButtons,
  widget,
} from "./common.js";

/** @import { Drawn, Given } from "./common.js" */

/** @typedef {[word: string, marked: boolean][]} Words */

/**
 * What is known of one length: its words, new ones marked, the model's, wrong ones marked, the
 * right ones, missed ones marked, and the share of those that were found.
 * @typedef {object} Length
 * @property {Words} source
 * @property {Words} output
 * @property {Words} gold
 * @property {number} share
 * @property {string} verdict
 */

/**
 * One language's line of words; how a marked one looks, and what is said before it.
 * @param {string} name
 * @param {string} code
 * @param {string} kind
 * @param {string} spoken
 */
function growingLine(name, code, kind, spoken) {
  const words = html("dd", { class: "am-line", lang: code });
  /** @param {Words} list */
  const set = (list) => {
    const spans = list.map(([word, marked]) =>
      marked
        ? html("span", { class: kind }, html("span", { class: "am-spoken" }, spoken), word)
        : html("span", {}, word),
    );
    words.replaceChildren(...spans);
  };
  return { set, nodes: [html("dt", {}, name), words] };
}

/**
 * @param {Given<{ title: string, steps: Length[] }>} given
 * @returns {Drawn}
 */
function createGrowing({ state }) {
  const { steps } = state;
  const last = steps.length - 1;
  let now = 0;

  const range = { min: 0, max: last, value: 0 };
  const slider = createSlider("Length", "length of the sentence", range, go);
  const walk = stepButtons(
    [
      ["◀ Shorter", "shorter sentence"],
      ["Longer ▶", "longer sentence"],
    ],
    (by) => go(now + by),
  );
  const bars = steps.map((step, place) => {
    const filled = html("span", { class: "am-found", style: `height:${100 * step.share}%` });
    const words = `${step.source.length} words: ${step.verdict}`;
    const tall = html("span", { class: "am-column" }, filled);
    const node = control("button", { type: "button", class: "am-step", "aria-label": words });
    node.append(tall, html("span", {}, step.source.length));
    node.addEventListener("click", () => go(place));
    return node;
  });
  const text = readout();
  const english = growingLine("English", "en", "am-fresh", "new: ");
  const french = growingLine("The model", "fr", "am-slip", "wrong: ");
  const gold = growingLine("Right", "fr", "am-missed", "missed: ");
  const lines = html("dl", { class: "am-grown" });
  lines.append(...english.nodes, ...french.nodes, ...gold.nodes);

  function go(step) {
    now = clamp(step, 0, last);
    const { source, output, gold: right, verdict } = steps[now];
    english.set(source);
    french.set(output);
    gold.set(right);
    text.textContent = `${source.length} words: ${verdict}`;
    slider.say(now, `${source.length} words`, `${source.length} words, ${verdict}`);
    bars.forEach((node, place) => node.setAttribute("aria-pressed", String(place === now)));
    walk.at(now, last);
  }

  const about =
    "Bars: share of the right French words found, by number of English words. In the lines: " +
    "dotted is new, struck out is wrong, boxed was missed.";
  const strip = html("div", { class: "am-strip", role: "group", "aria-label": "lengths" }, ...bars);
  go(0);
  const controls = bar(...walk.buttons, slider.root);
  return { root: frame(state.title, controls, strip, text, lines, legend(about)) };
}

export const render = widget(createGrowing);
