// A softmax with a slider: the scores are multiplied by a factor before it.

// A slider over factors; it says each one as a temperature too.
function factorSlider(factors, action) {
  const range = { min: 0, max: factors.length - 1, value: factors.indexOf(1) };
  const made = createSlider("Factor", "factor", range, (place) => action(factors[place], place));
  const say = (factor) => {
    const times = factor.toFixed(2);
    made.node.value = factors.indexOf(factor);
    made.count.textContent = `${times} (temperature ${(1 / factor).toFixed(2)})`;
    made.node.setAttribute("aria-valuetext", `factor ${times}`);
  };
  return { ...made, say };
}

function createTemperature({ state, colours }) {
  const { scores, words, factors } = state;
  const shade = makeShade(colours.ramp);
  const slider = factorSlider(factors, (_factor, place) => go(place));
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
    text.textContent = `${largest(weights, words, 3)}; mean p(1 - p): ${slope.toFixed(3)}`;
    slider.say(factor);
  }

  const title = state.title ? html("h4", { class: "am-title" }, state.title) : null;
  const bars = html("div", { class: "am-choices-row" }, ...columns.map((column) => column.node));
  const bar = html("div", { class: "am-bar" }, slider.root);
  const root = html("div", { class: "am-root" }, title, bar, text, bars);
  go(factors.indexOf(1));
  return { root };
}
