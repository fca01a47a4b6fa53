// The attention map whole: controls, the grid, the lines and the read-out, with one highlight.

function createMap({ state, colours }) {
  const T = state.rows.length;
  const S = state.columns.length;
  const shade = makeShade(colours.ramp);
  // until: the last row that is not dimmed, null for all.
  const now = { layer: 0, head: 0, until: null };
  const weights = () => state.weights[now.layer][now.head];
  const cursor = createCursor(T, S, refresh);
  const { on } = cursor;

  const grid = createGrid(state, shade, on);
  const lines = createLines(state, on);
  const text = readout();

  const slider = createSlider("Step", "decoder step", { min: 0, max: T, value: 0 }, (step) => {
    now.until = step ? step - 1 : null;
    cursor.choose(step ? { t: step - 1, s: null } : null, false);
  });

  const panels = {
    Map: html(
      "figure",
      { class: "am-panel" },
      html("figcaption", {}, "Rows: target words (queries). Columns: source words (keys)."),
      html("div", { class: "am-scroll" }, grid.root),
    ),
    Lines: html(
      "figure",
      { class: "am-panel" },
      html("figcaption", {}, "Source words above, target words below. Thickness is the weight."),
      html("div", { class: "am-scroll" }, lines.root),
    ),
  };
  const scroller = panels.Map.querySelector(".am-scroll");
  if (state.height) scroller.style.maxHeight = `${state.height}px`;
  const stage = control(
    "div",
    {
      class: "am-stage",
      tabindex: 0,
      role: "application",
      "aria-label":
        `Attention map, ${T} target words by ${S} source words. Arrow keys move, ` +
        "Enter pins, Escape lets go.",
    },
    panels.Map,
    panels.Lines,
  );
  stage.addEventListener("keydown", cursor.keys);

  function show(name) {
    panels.Map.hidden = name === "Lines";
    panels.Lines.hidden = name === "Map";
  }
  const first = grid.wide + lines.wide <= SIDE_BY_SIDE ? "Both" : "Map";
  show(first);

  const { length: layers } = state.weights;
  const { length: heads } = state.weights[0];
  const pickers = [];
  const pick = (label, count, action) => {
    const names = Array.from({ length: count }, (_, i) => `${i + 1}`);
    if (count > 1) pickers.push(select(label, names, action, `of ${count}`).root);
  };
  pick("Layer", layers, (layer) => repaint({ layer }));
  pick("Head", heads, (head) => repaint({ head }));
  const bar = html(
    "div",
    { class: "am-bar" },
    slider.root,
    ...pickers,
    choices("what to show", ["Map", "Lines", "Both"], first, show),
  );

  const legend = mapLegend(shade, state.gold.length, state.possible.length);

  function repaint(change) {
    Object.assign(now, change);
    grid.paint(weights());
    lines.paint(weights());
    refresh(false);
  }

  function words(place) {
    if (!place) {
      return now.until === null ? "Point at a word or a cell to read its weights." : "";
    }
    const { t, s } = place;
    if (s === null) {
      const row = weights()[t];
      const what = row.some((weight) => weight > 0) ? largest(row, state.columns, 4) : "nothing";
      return `step ${t + 1}: '${state.rows[t]}' looks at ${what}`;
    }
    if (t === null) {
      const column = weights().map((row) => row[s]);
      return `'${state.columns[s]}' is looked at by ${largest(column, state.rows, 4)}`;
    }
    const weight = number(weights()[t][s]) + linkKind(state, place);
    return `step ${t + 1}: '${state.rows[t]}' gives '${state.columns[s]}' ${weight}`;
  }

  function refresh(follow) {
    const place = cursor.spot();
    grid.highlight(place, now.until, cursor.pinned());
    lines.highlight(place, now.until);
    text.textContent = words(place) + (cursor.pinned() ? PINNED : "");
    const step = now.until === null ? "all" : `${now.until + 1} of ${T}`;
    slider.count.textContent = step;
    slider.node.value = now.until === null ? 0 : now.until + 1;
    const word = now.until === null ? "all steps" : `step ${step}, ${state.rows[now.until]}`;
    slider.node.setAttribute("aria-valuetext", word);
    if (follow && place) grid.reveal(place, scroller);
  }

  const title = state.title ? html("h4", { class: "am-title" }, state.title) : null;
  const root = html("div", { class: "am-root" }, title, bar, text, stage, legend);
  repaint({});
  return { root };
}
