// A sentence that grows: a slider over its lengths, the output with its wrong words marked.

// One language's line. Each word comes with whether it is marked; `kind` and `spoken` say how.
function growingLine(name, code, kind, spoken) {
  const words = html("dd", { class: "am-line", lang: code });
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

function createGrowing({ state }) {
  const { steps } = state;
  const last = steps.length - 1;
  let now = 0;

  const range = { min: 0, max: last, value: 0 };
  const slider = createSlider("Length", "length of the sentence", range, (place) => go(place));
  const back = button("◀ Shorter", { "aria-label": "shorter sentence" }, () => go(now - 1));
  const next = button("Longer ▶", { "aria-label": "longer sentence" }, () => go(now + 1));
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
    now = Math.min(Math.max(step, 0), last);
    const { source, output, gold: right, verdict } = steps[now];
    english.set(source);
    french.set(output);
    gold.set(right);
    text.textContent = `${source.length} words: ${verdict}`;
    slider.count.textContent = `${source.length} words`;
    slider.node.value = now;
    slider.node.setAttribute("aria-valuetext", `${source.length} words, ${verdict}`);
    bars.forEach((bar, place) => bar.setAttribute("aria-pressed", String(place === now)));
    back.setAttribute("aria-disabled", String(now === 0));
    next.setAttribute("aria-disabled", String(now === last));
  }

  const title = state.title ? html("h4", { class: "am-title" }, state.title) : null;
  const about =
    "Bars: share of the right French words found, by number of English words. In the lines: " +
    "dotted is new, struck out is wrong, boxed was missed.";
  const strip = html("div", { class: "am-strip", role: "group", "aria-label": "lengths" }, ...bars);
  const bar = html("div", { class: "am-bar" }, back, next, slider.root);
  const legend = html("p", { class: "am-legend" }, about);
  const root = html("div", { class: "am-root" }, title, bar, strip, text, lines, legend);
  go(0);
  return { root };
}
