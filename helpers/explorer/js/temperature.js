// @ts-check
// A softmax with a slider: the scores are multiplied by a factor before it.
import { bar, frame, html, readout, widget } from "./common.js";
import { factorSlider } from "./factor.js";
import { largest, makeShade, number, softmaxOf } from "./weights.js";

/** @import { Drawn, Given } from "./common.js" */

/**
 * @typedef {object} TemperatureState
 * @property {string} title
 * @property {string[]} words
 * @property {number[]} scores one for each word
 * @property {number[]} factors
 */

/**
 * @param {Given<TemperatureState>} given
 * @returns {Drawn}
 */
function createTemperature({ state, colours }) {
  const { scores, words, factors } = state;
  const shade = makeShade(colours.ramp);
  const slider = factorSlider(factors, go);
  const text = readout();
  const columns = words.map((word, i) => {
    const value = html("span", { class: "am-percent" });
    const part = html("span", { class: "am-part" });
    const tall = html("span", { class: "am-tall" }, part);
    const score = html("span", { class: "am-note" }, `e = ${scores[i].toFixed(1)}`);
    const node = html("div", { class: "am-choice" }, value, tall, html("b", {}, word), score);
    return { node, part, value };
  });

  function go(factor) {
    const weights = softmaxOf(scores, factor);
    columns.forEach(({ part, value }, i) => {
      part.style.height = `${100 * weights[i]}%`;
      part.style.background = shade(weights[i]);
      value.textContent = number(weights[i]);
    });
    const slope = weights.reduce((sum, p) => sum + p * (1 - p), 0) / weights.length;
    text.textContent = `${largest(weights, words, 3)}; mean p(1 - p): ${slope.toFixed(3)}`;
    slider.say(factor);
  }

  const bars = html("div", { class: "am-choices-row" }, ...columns.map((column) => column.node));
  go(1);
  return { root: frame(state.title, bar(slider.root), text, bars) };
}

export const render = widget(createTemperature);
