// The attention map whole: controls, the grid, the lines and the read-out, with one highlight.

const SIDE_BY_SIDE = 1080; // pixels that a notebook offers both pictures in one line

function createMap({ state, colours }) {
  const T = state.rows.length;
  const S = state.columns.length;
  const shade = makeShade(colours.ramp);
  // chosen: the spot that stays; hover passes over it unless it is pinned. A spot is {t, s}, with
  // null for a whole row or column. until: the last row that is not dimmed, null for all.
  const now = { layer: 0, head: 0, hover: null, chosen: null, pinned: false, until: null };
  const spot = () => (now.pinned ? now.chosen : now.hover || now.chosen);
  const weights = () => state.weights[now.layer][now.head];
  const same = (a, b) => Boolean(a && b) && a.t === b.t && a.s === b.s;

  const on = {
    hover(place) {
      if (same(place, now.hover) || (!place && !now.hover)) return;
      now.hover = place;
      if (!now.pinned) refresh();
    },
    pick(place) {
      if (!place) return;
      const again = now.pinned && same(place, now.chosen);
      choose(again ? null : place, !again);
    },
  };
  const grid = createGrid(state, shade, on);
  const lines = createLines(state, on);
  const text = readout();

  const slider = control("input", {
    type: "range",
    class: "am-slider",
    min: 0,
    max: T,
    step: 1,
    value: 0,
    "aria-label": "decoder step",
  });
  const stepText = html("output", { class: "am-count" });
  slider.addEventListener("input", () => {
    const step = Number(slider.value);
    now.until = step ? step - 1 : null;
    choose(step ? { t: step - 1, s: null } : null, false);
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
  stage.addEventListener("keydown", keys);

  function show(name) {
    panels.Map.hidden = name === "Lines";
    panels.Lines.hidden = name === "Map";
  }
  const first = grid.wide + lines.wide <= SIDE_BY_SIDE ? "Both" : "Map";
  show(first);

  const { length: layers } = state.weights;
  const { length: heads } = state.weights[0];
  const pickers = [];
  if (layers > 1) pickers.push(select("Layer", layers, (layer) => repaint({ layer })));
  if (heads > 1) pickers.push(select("Head", heads, (head) => repaint({ head })));
  const bar = html(
    "div",
    { class: "am-bar" },
    html("label", { class: "am-label" }, "Step", slider, stepText),
    ...pickers,
    choices("what to show", ["Map", "Lines", "Both"], first, show),
  );

  const scale = html("span", { class: "am-scale", "aria-hidden": "true" });
  const stops = [0, 0.25, 0.5, 0.75, 1].map(shade).join(", ");
  scale.style.background = `linear-gradient(to right, ${stops})`;
  const legend = html("p", { class: "am-legend" }, html("span", {}, "weight 0 ", scale, " 1"));
  if (state.gold.length) {
    legend.append(html("span", {}, html("span", { class: "am-key-gold" }), "gold link"));
  }
  if (state.possible.length) {
    const mark = html("span", { class: "am-key-gold am-key-possible" });
    legend.append(html("span", {}, mark, "possible link"));
  }
  legend.append(html("span", {}, "hover, click or arrow keys"));

  function choose(place, pinned) {
    now.chosen = place;
    now.pinned = pinned;
    refresh();
  }

  function repaint(change) {
    Object.assign(now, change);
    grid.paint(weights());
    lines.paint(weights());
    refresh();
  }

  function keys(event) {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const at = { t: now.chosen?.t ?? 0, s: now.chosen?.s ?? 0 };
    const begin = !now.chosen;
    if (moves[event.key]) {
      const [down, right] = begin ? [0, 0] : moves[event.key];
      at.t = Math.min(Math.max(at.t + down, 0), T - 1);
      at.s = Math.min(Math.max(at.s + right, 0), S - 1);
      choose(at, now.pinned);
    } else if (event.key === "Home") {
      choose({ t: event.ctrlKey ? 0 : at.t, s: 0 }, now.pinned);
    } else if (event.key === "End") {
      choose({ t: event.ctrlKey ? T - 1 : at.t, s: S - 1 }, now.pinned);
    } else if (event.key === "Enter" || event.key === " ") {
      choose(at, !now.pinned);
    } else if (event.key === "Escape") {
      choose(now.pinned ? now.chosen : null, false);
    } else {
      return;
    }
    now.hover = null;
    event.preventDefault();
    event.stopPropagation();
    refresh();
    if (now.chosen) grid.reveal(now.chosen, scroller);
  }

  const linked = (links, { t, s }) => links.some((link) => link[0] === s && link[1] === t);
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
    const kind = linked(state.gold, place)
      ? ", a gold link"
      : linked(state.possible, place)
        ? ", a possible link"
        : "";
    const weight = number(weights()[t][s]);
    return `step ${t + 1}: '${state.rows[t]}' gives '${state.columns[s]}' ${weight}${kind}`;
  }

  function refresh() {
    const place = spot();
    grid.highlight(place, now.until, now.pinned);
    lines.highlight(place, now.until);
    text.textContent = words(place) + (now.pinned ? "  (pinned; Escape lets go)" : "");
    const step = now.until === null ? "all" : `${now.until + 1} of ${T}`;
    stepText.textContent = step;
    slider.value = now.until === null ? 0 : now.until + 1;
    const word = now.until === null ? "all steps" : `step ${step}, ${state.rows[now.until]}`;
    slider.setAttribute("aria-valuetext", word);
  }

  const title = state.title ? html("h4", { class: "am-title" }, state.title) : null;
  const root = html("div", { class: "am-root" }, title, bar, text, stage, legend);
  repaint({});
  return { root };
}
