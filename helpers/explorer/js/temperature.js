// @ts-check
// A softmax in its three steps, exp, sum and divide, with scores to drag and a factor before it.
import { bar, button, control, frame, html, readout, scrolling, widget } from "./common.js";
import { factorSlider } from "./factor.js";
import { largest, makeShade, number, signed, softmaxOf } from "./weights.js";

/** @import { Drawn, Given } from "./common.js" */

/**
 * @typedef {object} TemperatureState
 * @property {string} title
 * @property {string[]} words
 * @property {number[]} scores one for each word
 * @property {number[]} factors
 */

const BEYOND = 2; // how far scores can be dragged beyond those that are given
const LARGE = 1e5; // from here on a number is written as a power of ten, and so below 0.01

/**
 * @param {number} value above 0
 * @returns {string}
 */
function threeDigits(value) {
  return value >= LARGE || value < 0.01 ? value.toExponential(1) : value.toPrecision(3);
}

/**
 * @param {Given<TemperatureState>} given
 * @returns {Drawn}
 */
function createTemperature({ state, colours }) {
  const { words, factors } = state;
  const scores = [...state.scores];
  let factor = 1;
  const shade = makeShade(colours.ramp);
  const slider = factorSlider(factors, (chosen) => {
    factor = chosen;
    go();
  });
  const range = {
    min: Math.floor(Math.min(...scores)) - BEYOND,
    max: Math.ceil(Math.max(...scores)) + BEYOND,
    step: 0.1,
  };
  const text = readout();
  const sum = html("b", {});
  const columns = words.map((word, i) => {
    const part = html("span", { class: "am-part" });
    const tall = html("span", { class: "am-tall" }, part);
    const drag = control("input", {
      type: "range",
      class: "am-slider am-drag",
      "aria-label": `score of ${word}`,
      ...range,
      value: scores[i],
    });
    drag.addEventListener("input", () => {
      scores[i] = Number(drag.value);
      go();
    });
    const lines = ["am-given", "am-power", "am-percent"].map((kind) => html("td", { class: kind }));
    const head = html("th", { scope: "col" }, tall, html("b", {}, word), drag);
    return { head, part, drag, lines };
  });

  function go() {
    const weights = softmaxOf(scores, factor);
    const powers = scores.map((score) => Math.exp(factor * score));
    columns.forEach(({ part, drag, lines }, i) => {
      part.style.height = `${100 * weights[i]}%`;
      part.style.background = shade(weights[i]);
      drag.value = String(scores[i]);
      const shown = [signed(scores[i], 1), threeDigits(powers[i]), number(weights[i])];
      lines.forEach((cell, place) => {
        cell.textContent = shown[place];
      });
    });
    sum.textContent = threeDigits(powers.reduce((total, power) => total + power, 0));
    const slope = weights.reduce((total, p) => total + p * (1 - p), 0) / weights.length;
    text.textContent = `${largest(weights, words, 3)}; mean p(1 - p): ${slope.toFixed(3)}`;
    slider.say(factor);
  }

  const back = button("Given scores", {}, () => {
    scores.splice(0, scores.length, ...state.scores);
    go();
  });
  const names = [["score e"], ["exp(factor · e)"], ["divided by the sum ", sum]];
  const rows = names.map((name, place) =>
    html(
      "tr",
      {},
      html("th", { scope: "row" }, ...name),
      ...columns.map(({ lines }) => lines[place]),
    ),
  );
  const head = html("tr", {}, html("td", {}), ...columns.map((column) => column.head));
  const table = html("table", { class: "am-softmax" }, html("tbody", {}, head, ...rows));
  const picture = scrolling(table);
  go();
  return { root: frame(state.title, bar(slider.root, back), picture, text) };
}

export const render = widget(createTemperature);
