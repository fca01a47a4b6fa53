// A softmax with a slider: the scores are multiplied by a factor before it.

function softmaxOf(scores, factor) {
  const top = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(factor * (score - top)));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

function createTemperature({ state, colours }) {
  const { scores, words, factors } = state;
  const shade = makeShade(colours.ramp);
  const slider = control("input", {
    type: "range",
    class: "am-slider",
    min: 0,
    max: factors.length - 1,
    step: 1,
    value: factors.indexOf(1),
    "aria-label": "factor",
  });
  slider.addEventListener("input", () => go(Number(slider.value)));
  const count = html("output", { class: "am-count" });
  const label = html("label", { class: "am-label" }, "Factor", slider, count);
  const text = readout();
  const columns = words.map((word, i) => {
    const value = html("span", { class: "am-percent" });
    const bar = html("span", { class: "am-part" });
    const tall = html("span", { class: "am-tall" }, bar);
    const score = html("span", { class: "am-note" }, `e = ${scores[i].toFixed(1)}`);
    const node = html("div", { class: "am-choice" }, value, tall, html("b", {}, word), score);
    return { node, bar, value };
  });

  function go(place) {
    const factor = factors[place];
    const weights = softmaxOf(scores, factor);
    columns.forEach(({ bar, value }, i) => {
      bar.style.height = `${100 * weights[i]}%`;
      bar.style.background = shade(weights[i]);
      value.textContent = number(weights[i]);
    });
    const slope = weights.reduce((sum, p) => sum + p * (1 - p), 0) / weights.length;
    const times = factor.toFixed(2);
    text.textContent = `${largest(weights, words, 3)}; mean p(1 - p): ${slope.toFixed(3)}`;
    count.textContent = `${times} (temperature ${(1 / factor).toFixed(2)})`;
    slider.setAttribute("aria-valuetext", `factor ${times}`);
  }

  const title = state.title ? html("h4", { class: "am-title" }, state.title) : null;
  const bars = html("div", { class: "am-choices-row" }, ...columns.map((column) => column.node));
  const bar = html("div", { class: "am-bar" }, label);
  const root = html("div", { class: "am-root" }, title, bar, text, bars);
  go(factors.indexOf(1));
  return { root };
}
