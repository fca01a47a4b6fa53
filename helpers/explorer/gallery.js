// Sentences by construction, with the map of one model or of two side by side under one highlight.

const GAP = 28; // pixels between two maps
const OPTION = 70; // characters of a sentence in the list

// The words of a map's rows that are not the gold ones.
function wrongWords({ rows }, target) {
  return rows.map(([said]) => said).filter((said, t) => said !== target[t]);
}

function createGallery({ state, colours }) {
  const { groups, examples, models, places } = state;
  const shade = makeShade(colours.ramp);
  const now = { group: 0, place: 0, room: SIDE_BY_SIDE, gold: true, marks: true };
  // The sentence that is shown, its maps as rows of weights, its grids and its highlight.
  let [example, maps, grids, cursor] = [null, [], [], null];

  const text = longReadout(models.length + 1);
  const tags = html("p", { class: "am-note am-tags" });
  const stage = control("div", { class: "am-stage am-gallery", tabindex: 0, role: "application" });
  stage.style.columnGap = `${GAP}px`;
  stage.addEventListener("keydown", (event) => cursor.keys(event));

  const listed = () => groups[now.group][1];
  const names = groups.map(([name, list]) => `${name} (${list.length})`);
  const group = select("Construction", names, (chosen) => {
    now.group = chosen;
    sentence.fill(listed().map(option));
    go(0);
  });
  const option = (index, i) => {
    const words = examples[index].source.join(" ");
    return `${i + 1}. ${words.length > OPTION ? `${words.slice(0, OPTION)} …` : words}`;
  };
  const sentence = select("Sentence", listed().map(option), go);
  const back = button("◀", { "aria-label": "previous sentence" }, () => go(now.place - 1));
  const next = button("▶", { "aria-label": "next sentence" }, () => go(now.place + 1));
  const count = html("output", { class: "am-count" });
  const steps = html("span", { class: "am-label" }, back, next, count);
  const gold = toggle("Gold links", (on) => look({ gold: on }));
  const marks = toggle("Marks", (on) => look({ marks: on }));

  const legend = mapLegend(
    shade,
    examples.some((one) => one.gold.length),
    examples.some((one) => one.possible.length),
  );
  const key = ([kind, mark, words]) =>
    html("span", {}, html("b", { class: `am-mark am-mark-${kind}` }, mark), ` ${words}`);
  const markLegend = html(
    "p",
    { class: "am-legend am-mark-keys" },
    html("span", {}, "Largest weight of a row:"),
    ...places.map(key),
    key(["off", ...state.sharp]),
    key(["off", ...state.wrong]),
  );

  function go(place) {
    now.place = Math.min(Math.max(place, 0), listed().length - 1);
    example = examples[listed()[now.place]];
    maps = example.maps.map(({ weights }) => weights.map((row) => row.map((w) => w / 1000)));
    sentence.node.value = now.place;
    count.textContent = `${now.place + 1} of ${listed().length}`;
    back.setAttribute("aria-disabled", String(now.place === 0));
    next.setAttribute("aria-disabled", String(now.place === listed().length - 1));
    tags.textContent = `Constructions: ${example.tags.join(", ") || "none of those that are named"}`;
    const [T, S] = [example.target.length, example.source.length];
    stage.setAttribute(
      "aria-label",
      `Attention maps of ${models.map(([name]) => name).join(" and ")}, ${T} target words by ` +
        `${S} source words. Arrow keys move in all of them, Enter pins, Escape lets go.`,
    );
    cursor = createCursor(T, S, refresh);
    draw();
  }

  // beside: the wrong words to leave room for.
  function grid(map, size, beside = wrongWords(map, example.target)) {
    const rowMarks = map.rows.map(([said, , place, sharp], t) => ({
      mark: places[place][1] + (sharp ? state.sharp[0] : ""),
      kind: places[place][0],
      wrong: said === example.target[t] ? null : said,
    }));
    const { source: columns, target: rows, gold: sure, possible } = example;
    const shown = { rows, columns, gold: sure, possible, marks: rowMarks, beside };
    return createGrid(shown, shade, cursor.on, size);
  }

  // The grids, side by side at the largest size that has room; else one over the other, in line.
  function fitting() {
    const alone = gridSize(example.target.length, example.source.length);
    for (let size = alone; size < GRID_SIZES.length; size++) {
      const made = example.maps.map((map) => grid(map, size));
      const wide = made.reduce((sum, one) => sum + one.wide + GAP, -GAP);
      if (wide <= now.room) return made;
    }
    const beside = example.maps.flatMap((map) => wrongWords(map, example.target));
    return example.maps.map((map) => grid(map, alone, beside));
  }

  function draw() {
    grids = fitting().map((made, m) => {
      made.paint(maps[m]);
      const scroller = html("div", { class: "am-scroll" }, made.root);
      if (state.height) scroller.style.maxHeight = `${state.height}px`;
      const chip = html("span", { class: "am-model" });
      chip.style.background = models[m][1];
      const about = html("span", { class: "am-summary" }, example.maps[m].summary);
      const caption = html("figcaption", {}, chip, html("b", {}, models[m][0]), about);
      return { ...made, scroller, panel: html("figure", { class: "am-panel" }, caption, scroller) };
    });
    stage.replaceChildren(...grids.map(({ panel }) => panel));
    refresh(false);
  }

  function look(change) {
    Object.assign(now, change);
    root.classList.toggle("am-no-gold", !now.gold);
    root.classList.toggle("am-no-marks", !now.marks);
    refresh(false);
  }

  // One model's line of the read-out.
  function line(m, { t, s }) {
    const weights = maps[m];
    const name = `${models[m][0]}: `;
    if (t === null) return `${name}${largest(weights.map((row) => row[s]), example.target, 3)}`;
    const [said, at, place] = example.maps[m].rows[t];
    const words = now.marks ? ` (${places[place][1]} ${places[place][2]})` : "";
    const [most, more] = [at === null ? "nothing" : largest(weights[t], example.source, 3), words];
    const wrong = now.marks && said !== example.target[t] ? `; says '${said}'` : "";
    if (s === null) return `${name}${most}${more}${wrong}`;
    const top = at === null ? "nothing" : `'${example.source[at]}'`;
    return `${name}${number(weights[t][s])}; most on ${top}${more}${wrong}`;
  }

  function words(place) {
    if (!place) return "Point at a word or a cell to read its weights in every map.";
    const { t, s } = place;
    const row = t === null ? "" : `step ${t + 1}: '${example.target[t]}'`;
    const column = s === null ? "" : `'${example.source[s]}'`;
    const both = `${row} gives ${column}${now.gold ? linkKind(example, place) : ""}`;
    const head = s === null ? `${row} looks at` : t === null ? `${column} is looked at by` : both;
    const pin = cursor.pinned() ? PINNED : "";
    return [head + pin, ...models.map((_, m) => line(m, place))].join("\n");
  }

  function refresh(follow) {
    const place = cursor.spot();
    for (const one of grids) {
      one.highlight(place, null, cursor.pinned());
      if (follow && place) one.reveal(place, one.scroller);
    }
    text.textContent = words(place);
  }

  const watch = new ResizeObserver(([entry]) => {
    const room = Math.floor(entry.contentRect.width);
    if (!room || room === now.room) return;
    now.room = room;
    draw();
  });
  const title = state.title ? html("h4", { class: "am-title" }, state.title) : null;
  const choice = html("div", { class: "am-bar" }, group.root, sentence.root, steps);
  const switches = html("div", { class: "am-bar" }, gold, marks, tags);
  const root = html("div", { class: "am-root" }, title, choice, switches, text, stage);
  root.append(legend, markLegend);
  watch.observe(stage);
  go(0);
  return { root, destroy: () => watch.disconnect() };
}
